"""Why does this run not learn? What was likely before it, what it did, what holds it, and what to change.

`al.diagnose(path)` puts everything together; its parts can be asked alone. Each room is one question:

start      `outlook`: what the early flow foretells of a start
census     `neurons`: where every neuron is, and how far from its next wall; `missing` sides
stalls     `plateaus`: where the loss stood still, and at which reference
exits      `ways_out`: which directions grow under the pulls that are left, and who is on the way
repair     what the advice hands over: steps, starts, data, neurons
rules      from facts to findings (claims) and advice (what to pass instead)
report     `diagnose` and the `Diagnosis`: as text, as a page; its picture is `al.plots.diagnosis`
files      `save` and `load`: a run as a file of plain arrays
"""

from alignlib.diagnosis.census import Neurons, missing, neurons
from alignlib.diagnosis.exits import WayOut, ways_out
from alignlib.diagnosis.files import load, save
from alignlib.diagnosis.report import Diagnosis, diagnose
from alignlib.diagnosis.rules import Advice
from alignlib.diagnosis.stalls import Plateau, plateaus
from alignlib.diagnosis.start import Outlook, outlook

__all__ = [
    "Advice",
    "Diagnosis",
    "Neurons",
    "Outlook",
    "Plateau",
    "WayOut",
    "diagnose",
    "load",
    "missing",
    "neurons",
    "outlook",
    "plateaus",
    "save",
    "ways_out",
]
