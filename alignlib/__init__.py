"""alignlib: early alignment in two-layer ReLU networks.

A reader's path is a data set, a network, a solver that returns a trajectory, and checks and pictures
of that trajectory. Each call takes the object before it and changes nothing.

Notation, the same in the book, in the code and on the axes
----------------------------------------------------------
n, d, h      samples, inputs, neurons
x (n, d)     samples; x_k is a row
y (n,)       labels
w (h, d)     input weights; w_j is a row
v (h,)       output weights
g (n,)       pulls, minus the derivative of the loss by the outputs
D (h, d)     D_j, the sum of g_k x_k over the samples on which neuron j is active
ε            initialisation scale
μ            separation of the data (MMV, Assumption 1)

Rooms, by what they are for
---------------------------
data, network, loss, trajectory           what everything is about; images and pytorch bring it in
flow, early, descent, equicorrelated      follow a network through time; record keeps a descent
extremal, geometry, measure               questions to a network or a run; doubts: what hangs on `rtol`,
  doubts, diagnosis                         diagnosis: what a run came to, and why
theory                                    statements as checks, bounds and proofs; a check is a claim
table, sweeps, plots, widgets, live       the workshop; inputs refuses bad input, progress shows bars
solver                                    private, with a map of its own: the inside of the flows

Rooms, in the order in which they may import each other
-------------------------------------------------------
inputs, progress -> pytorch, images -> data, network, loss -> live, geometry -> trajectory -> solver
-> early, equicorrelated, flow, record -> descent, doubts, extremal, measure, claim -> table, theory
-> diagnosis -> sweeps -> plots -> widgets

PyTorch is loaded with `descent` and by what is called `..._torch`, Numba with the solvers, pandas with
`sweeps`, Matplotlib with `plots`, on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from alignlib import data, geometry, live, loss, measure, network, theory
from alignlib.claim import Claim
from alignlib.data import Dataset
from alignlib.loss import Loss
from alignlib.network import Network
from alignlib.table import Table
from alignlib.trajectory import Trajectory, recorded

if TYPE_CHECKING:  # they are loaded when first asked for: see `LAZY`
    from alignlib import descent, diagnosis, equicorrelated, plots, widgets
    from alignlib.descent import gradient_descent
    from alignlib.diagnosis import diagnose
    from alignlib.doubts import doubt
    from alignlib.early import early_flow
    from alignlib.extremal import extremal_vectors
    from alignlib.flow import FlowError, gradient_flow
    from alignlib.sweeps import sweep

__version__ = "0.1.0"

__all__ = [
    "Claim",
    "Dataset",
    "FlowError",
    "Loss",
    "Network",
    "Table",
    "Trajectory",
    "data",
    "descent",
    "diagnose",
    "diagnosis",
    "doubt",
    "early_flow",
    "equicorrelated",
    "extremal_vectors",
    "geometry",
    "gradient_descent",
    "gradient_flow",
    "live",
    "loss",
    "measure",
    "network",
    "plots",
    "recorded",
    "sweep",
    "theory",
    "widgets",
]


# Rooms and functions whose packages are slow to import: loaded when first asked for.
LAZY_ROOMS = ("descent", "diagnosis", "equicorrelated", "plots", "widgets")
LAZY = {
    "FlowError": "flow",
    "diagnose": "diagnosis",
    "doubt": "doubts",
    "early_flow": "early",
    "extremal_vectors": "extremal",
    "gradient_descent": "descent",
    "gradient_flow": "flow",
    "sweep": "sweeps",
}


def __getattr__(name):
    if name in LAZY_ROOMS:
        return import_module(f"alignlib.{name}")
    if name in LAZY:
        return getattr(import_module(f"alignlib.{LAZY[name]}"), name)
    raise AttributeError(f"module 'alignlib' has no attribute {name!r}")
