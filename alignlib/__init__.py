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

Rooms, in the order in which they may import each other
-------------------------------------------------------
inputs -> data, network, loss -> geometry -> trajectory -> walls, boost, record -> early, swarm
-> cells -> flow, descent -> extremal, certify -> measure, theory -> plots

Numba is loaded with the flows, PyTorch with `descent` and Matplotlib with `plots`, on first use.
"""

from importlib import import_module

from alignlib import data, geometry, loss, measure, network, theory
from alignlib.data import Dataset
from alignlib.loss import Loss
from alignlib.network import Network
from alignlib.theory import Claim
from alignlib.trajectory import Trajectory

__version__ = "0.1.0"

__all__ = [
    "Claim",
    "Dataset",
    "Loss",
    "Network",
    "Trajectory",
    "certify_convergence",
    "certify_nonconvergence",
    "data",
    "descent",
    "early_flow",
    "extremal_vectors",
    "geometry",
    "gradient_descent",
    "gradient_flow",
    "loss",
    "measure",
    "network",
    "plots",
    "theory",
]


# Numba is loaded with the first of these.
LAZY = {
    "early_flow": "early",
    "gradient_flow": "flow",
    "extremal_vectors": "extremal",
    "certify_convergence": "certify",
    "certify_nonconvergence": "certify",
}


def __getattr__(name):
    if name in ("plots", "descent"):
        return import_module(f"alignlib.{name}")
    if name in LAZY:
        return getattr(import_module(f"alignlib.{LAZY[name]}"), name)
    if name == "gradient_descent":
        return import_module("alignlib.descent").gradient_descent
    raise AttributeError(f"module 'alignlib' has no attribute {name!r}")
