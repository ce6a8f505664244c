"""Bad input gets an error that names the argument, says what is needed, and what came."""

import tempfile
from pathlib import Path

import matplotlib as mpl
import matplotlib.figure
import numpy as np
import pytest
import torch

mpl.use("agg")

import alignlib as al

DATA = al.data.toy_2d()
NET = al.Network.balanced(3, 2, 0.1, rng=0)
LEAKY = al.Network.balanced(3, 2, 0.1, rng=0, negative_slope=0.1)
REGRESSION = al.data.three_points()
PATH = al.early_flow(NET, DATA, "exponential")
HEIGHTS = al.equicorrelated.Heights.of


def descend(**changed):
    arguments = {"net": NET, "data": DATA, "loss": "squared", "step": 0.1, "n_steps": 2} | changed
    return al.gradient_descent(**arguments)


def flow(**changed):
    arguments = {"net": NET, "data": DATA, "loss": "exponential", "t_end": 1.0} | changed
    return al.gradient_flow(**arguments)


def own(value, pull, data=DATA):
    """The flow of a user's own loss."""
    return flow(data=data, loss=al.Loss("own", value, pull))


def square(f, y):
    return (f - y) ** 2


def axes(projection=None):
    return mpl.figure.Figure().add_subplot(projection=projection)


def explorer(**changed):
    arguments = {"draw": None, "controls": {"k": ("k", [1, 2])}, "describe": None} | changed
    return al.widgets.Explorer("an-explorer", **arguments)


def not_idx():
    with tempfile.TemporaryDirectory() as folder:
        for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"):
            (Path(folder) / name).write_text("<html>not found</html>")
        al.data.mnist_files(folder)


CASES = {
    "x not finite": (lambda: al.Dataset([[1, np.nan]], [1]), r"`x` must be finite, got nan at index \(0, 1\)"),
    "x infinite": (lambda: al.Dataset([[np.inf, 1]], [1]), r"`x` must be finite, got inf"),
    "x flat": (lambda: al.Dataset([1, 2], [1, 1]), r"`x` must be a non-empty array with 2 axes, got shape \(2,\)"),
    "x empty": (lambda: al.Dataset(np.ones((0, 2)), []), r"`x` must be a non-empty .*got shape \(0, 2\)"),
    "x complex": (lambda: al.Dataset([[1j]], [1]), r"`x` must be an array of real numbers, got list"),
    "x digits in words": (lambda: al.Dataset([["1"]], [1]), r"`x` must be an array of real numbers, got list"),
    "x words": (lambda: al.Dataset([["a"]], [1]), r"`x` must be an array of real numbers, got list"),
    "y too short": (lambda: al.Dataset([[1, 2], [3, 4]], [1]), r"`y` must have shape \(2\), got \(1,\)"),
    "y of torch's shape": (lambda: al.Dataset([[1, 2], [3, 4]], [[1], [1]]), r"`y` must be .*with 1 axes, got shape \(2, 1\): pass `y\.reshape\(-1\)`"),
    "y of two columns": (lambda: al.Dataset([[1, 2], [3, 4]], np.ones((2, 2))), r"`y` must be .*with 1 axes, got shape \(2, 2\)$"),
    "labels 0 and 1": (lambda: flow(data=al.Dataset(DATA.x, DATA.y > 0)), r"`data\.y` must hold the labels \+1 and -1 only, got 0: pass `2 \* y - 1`"),
    "labels 0, 1 and 2": (lambda: flow(data=al.Dataset(DATA.x, np.arange(8) % 3)), r"`data\.y` must hold the labels \+1 and -1 only, got 0$"),
    "a parameter": (lambda: al.Network(torch.nn.Linear(2, 3).weight, [1, 1, 1]), r"`w` must be .*got Parameter: pass `\.detach\(\).*or a whole module to `Network\.from_torch`"),
    "no module": (lambda: al.Network.from_torch([1.0]), r"`module` must be a torch\.nn\.Module, got list"),
    "no room for a bias": (lambda: al.Network([[1.0]], [1.0]).to_torch(bias=True), r"`net` must have an input besides that for the bias"),
    "loss of a word": (lambda: al.Loss.from_torch("mse"), r"`function` must be a function of tensors or a loss module, got 'mse'"),
    "loss that is a sum": (lambda: al.Loss.from_torch(torch.nn.functional.mse_loss), r"`function` must give one value for every output \(reduction='none'\), got shape \(\)"),
    "loss of one argument": (lambda: al.Loss.from_torch(torch.relu), r"`function` must take tensors of outputs and labels .*got TypeError"),
    "loss of torch with a kink": (lambda: descend(loss=al.Loss.from_torch(torch.nn.L1Loss())), r"`loss` must have a continuous pull"),
    "labels": (lambda: REGRESSION.mu, r"`y` must hold the labels \+1 and -1 only, got 1\.1: `al.extremal_vectors`, .* take any labels$"),
    "cones of a path and data": (lambda: al.geometry.cones(PATH, REGRESSION), r"a trajectory and a time, got EarlyFlow and Dataset"),
    "patterns of a network and a time": (lambda: al.geometry.patterns(NET, 1.0), r"`data` must be a Dataset, got float"),
    "labels of cones": (lambda: al.geometry.cones(NET, REGRESSION), r"`data\.y` must hold the labels .*: `al.geometry.patterns`, .* take any labels$"),
    "labels of a check": (lambda: al.theory.check_alignment(al.gradient_flow(NET, REGRESSION, "squared", 0.1)), r"`y` must hold the labels .* take any labels$"),
    "labels of a check 0 and 1": (lambda: al.theory.check_assumption_1(al.Dataset(DATA.x, DATA.y > 0)), r"`y` must hold the labels .*, got 0: pass `2 \* y - 1`$"),
    "steps that end": (lambda: descend(step=[0.1, 0.0]), r"`step` must be positive, got 0 for step 1"),
    "steps too few": (lambda: descend(step=[0.1]), r"`step` must have shape \(2\), got \(1,\)"),
    "steps of a bad function": (lambda: descend(step=lambda k: None), r"`step` must be an array of real numbers, got list"),
    "output scale": (lambda: NET.scaled(-1.0), r"`factor` must be a positive finite number, got -1\.0"),
    "slope too large": (lambda: al.Network([[1, 0]], [1], 1.5), r"`negative_slope` must be a number from -1 to 1, got 1\.5"),
    "slope in words": (lambda: al.Network([[1, 0]], [1], "0"), r"`negative_slope` must be a number from -1 to 1, got '0'"),
    "slope of extremal vectors": (lambda: al.extremal_vectors(DATA, "logistic", negative_slope=np.nan), r"`negative_slope` must be a number .* got nan"),
    "certificate with a slope": (lambda: al.theory.certify_convergence(LEAKY, DATA, "logistic"), r"`net` must have negative_slope 0, for this certificate is about ReLU networks, got 0\.1"),
    "certificate of least squares with a slope": (lambda: al.theory.certify_nonconvergence(LEAKY, REGRESSION), r"`net` must have negative_slope 0, .* got 0\.1"),
    "alignment with a slope": (lambda: al.theory.check_alignment(flow(net=LEAKY)), r"`path` must have negative_slope 0, .* got 0\.1"),
    "direction with a slope": (lambda: al.theory.check_directional_alignment(flow(net=LEAKY)), r"`path` must have negative_slope 0"),
    "alignment time with a slope": (lambda: al.theory.check_alignment_time(al.early_flow(LEAKY, DATA, "logistic")), r"`path` must have negative_slope 0"),
    "rank with a slope": (lambda: al.theory.bound_stable_rank(flow(net=LEAKY), 0, 1), r"`path` must have negative_slope 0"),
    "third singular value with a slope": (lambda: al.theory.bound_third_singular_value(flow(net=LEAKY), 0), r"`path` must have negative_slope 0"),
    "loss bound with a slope": (lambda: al.theory.bound_loss(flow(net=LEAKY), 0, 1), r"`net` must have negative_slope 0"),
    "heights with a slope": (lambda: HEIGHTS(LEAKY, DATA), r"`net` must have negative_slope 0, for the closed form"),
    "pulls too few": (lambda: al.early_flow(NET, DATA, "logistic", pulls=[1.0]), rf"`pulls` must have shape \({DATA.n}\), got \(1,\)"),
    "pulls not finite": (lambda: al.early_flow(NET, DATA, "logistic", pulls=np.full(DATA.n, np.inf)), r"`pulls` must be finite, got inf"),
    "pulls of extremal vectors": (lambda: al.extremal_vectors(DATA, "logistic", pulls=np.eye(3)), r"`pulls` must be a non-empty array with 1 axes, got shape \(3, 3\)"),
    "weight decay negative": (lambda: flow(weight_decay=-0.1), r"`weight_decay` must be a number from 0 to 1e\+150, got -0\.1"),
    "weight decay of the early flow": (lambda: al.early_flow(NET, DATA, "logistic", weight_decay="1"), r"`weight_decay` must be a number from 0 .*, got '1'"),
    "alignment with decay": (lambda: al.theory.check_alignment(flow(weight_decay=0.1)), r"`path` must have weight_decay 0, for this theorem is about the flow without it, got 0\.1"),
    "loss bound with decay": (lambda: al.theory.bound_loss(flow(weight_decay=0.1), 0, 1), r"`path` must have weight_decay 0, for this bound"),
    "loss with decay": (lambda: al.theory.check_loss_bound(flow(weight_decay=0.1), 0), r"`path` must have weight_decay 0, for this bound"),
    "rank with decay": (lambda: al.theory.check_low_rank(flow(weight_decay=0.1), 0), r"`path` must have weight_decay 0"),
    "third singular value with decay": (lambda: al.theory.check_third_singular_value(flow(weight_decay=0.1), 0), r"`path` must have weight_decay 0"),
    "zero sample": (lambda: al.Dataset([[0, 0], [1, 0]], [1, 1]).mu, r"`x` must have no zero vectors .*row 0"),
    "zero neuron": (
        lambda: al.geometry.cosine(np.zeros((1, 2)), [[1.0, 0]]),
        r"`a` must have no zero vectors",
    ),
    "n of one": (lambda: al.data.separated(1, 3, 0.1, rng=0), r"`n` must be at least 2, got 1"),
    "dim of one": (lambda: al.data.separated(5, 1, 0.1, rng=0), r"`dim` must be at least 2, got 1"),
    "n not whole": (lambda: al.data.separated(5.5, 2, 0.1, rng=0), r"`n` must be an integer, got 5\.5"),
    "mu zero": (lambda: al.data.separated(5, 3, 0.0, rng=0), r"`mu` must be a number between 0 and 1, got 0\.0"),
    "mu negative": (lambda: al.data.separated(5, 3, -0.1, rng=0), r"`mu` must be a number between 0 and 1, got -0\.1"),
    "mu one": (lambda: al.data.separated(5, 3, 1.0, rng=0), r"`mu` must be a number between 0 and 1, got 1\.0"),
    "mu nan": (lambda: al.data.separated(5, 3, np.nan, rng=0), r"`mu` must be a number between 0 and 1, got nan"),
    "no such digit": (lambda: al.data.digits_pair(0, 10), r"`b` must be one of 0, 1, .*, 9, got 10"),
    "same digit": (lambda: al.data.digits_pair(4, 4), r"`a` and `b` must be two different classes, got 4 twice"),
    "eta one": (lambda: al.data.assumption_3(1.0, rng=0), r"`eta` must be a number between 0 and 1, got 1\.0"),
    "not three points": (lambda: al.theory.check_assumption_3(DATA), r"`data` must be three points in the plane, got n=8, dim=2"),
    "v too long": (lambda: al.Network([[1, 2]], [1, 2]), r"`v` must have shape \(1\), got \(2,\)"),
    "w not finite": (lambda: al.Network([[np.nan]], [1]), r"`w` must be finite"),
    "width zero": (lambda: al.Network.balanced(0, 2, 0.1, rng=0), r"`width` must be at least 1, got 0"),
    "scale zero": (lambda: al.Network.dominated(2, 2, 0, rng=0), r"`scale` must be a positive finite number, got 0"),
    "scale word": (lambda: al.Network.unbalanced(2, 2, "big", rng=0), r"`scale` must be a positive finite number, got 'big'"),
    "x of another dim": (lambda: NET([[1, 2, 3]]), r"`x` must have shape \(any, 2\), got \(1, 3\)"),
    "loss name": (lambda: al.loss.get("hinge"), r"`loss` must be a Loss or one of exponential, .*got 'hinge'"),
    "loss type": (lambda: al.loss.get(3), r"`loss` must be a Loss or one of .*got 3"),
    "reduction": (lambda: al.loss.get("squared", "max"), r"`reduction` must be one of sum, mean, got 'max'"),
    "step": (lambda: descend(step=-1), r"`step` must be a positive finite number, got -1"),
    "n_steps": (lambda: descend(n_steps=0), r"`n_steps` must be at least 1, got 0"),
    "dtype": (lambda: descend(dtype="int8"), r"`dtype` must be one of float64, float32, got 'int8'"),
    "negative quadratic": (lambda: al.loss.quadratic(-1), r"`factor` must be a positive finite number, got -1"),
    "no record": (lambda: al.recorded(DATA, "squared", [], []), r"`t` must be a non-empty array"),
    "record of too few": (lambda: al.recorded(DATA, "squared", [0, 1], [NET]), r"`t` must have shape \(1\), got \(2,\)"),
    "record back in time": (lambda: al.recorded(DATA, "squared", [0, 1, 1], 3 * [NET]), r"`t` must grow, got 1 after"),
    "record of arrays": (lambda: al.recorded(DATA, "squared", [0], [NET.w]), r"`networks` must be a list of Network, got ndarray"),
    "record of other data": (lambda: al.recorded(al.data.separated(3, 5, 0.1, rng=0), "squared", [0], [NET]), r"`net` must have dim 5"),
    "record of two widths": (lambda: al.recorded(DATA, "squared", [0, 1], [NET, al.Network([[1, 1]], [1])]), r"`networks` must have one width, got \[1, 3\]"),
    "record of wrong labels": (lambda: al.recorded(REGRESSION, "logistic", [0], [NET]), r"`data\.y` must hold the labels"),
    "a word between records": (lambda: al.recorded(DATA, "squared", [0, 1], [NET, NET]).at("one"), r"`t` must be a number, got str"),
    "a number in words": (lambda: PATH.at("1"), r"`t` must be a number, got str"),
    "many times between records": (lambda: al.recorded(DATA, "squared", [0, 1], [NET, NET]).at([0, 1]), r"`t` must be one time, got many"),
    "bytes for a number": (lambda: flow(t_end=bytearray(b"1")), r"`t_end` must be a positive finite number, got bytearray"),
    "a word in an array": (lambda: flow(t_end=np.array("1")), r"`t_end` must be a positive finite number, got array\('1'"),
    "a word in an array of objects": (lambda: PATH.at(np.array("1", object)), r"`t` must be a number, got ndarray"),
    "a complex number": (lambda: flow(t_end=np.complex128(1 + 2j)), r"`t_end` must be a positive finite number"),
    "a tensor without numbers": (lambda: flow(t_end=torch.ones((), device="meta")), r"`t_end` must be a positive finite number"),
    "too long to be shown": (lambda: flow(t_end=10**5000), r"`t_end` must be a positive finite number, got a value of type int that"),
    "too long a width": (lambda: al.Network.balanced(-(10**5000), 2, 1.0, 0), r"`width` must be at least 1, got a value of type int"),
    "too long a seed": (lambda: al.Network.balanced(2, 2, 1.0, -(10**5000)), r"`rng` must be a non-negative integer seed"),
    "ragged times": (lambda: PATH.at([1, [2, 3]]), r"`t` must be one time, got many"),
    "a module without numbers": (lambda: al.Network.from_torch(torch.nn.Sequential(torch.nn.Linear(2, 3, device="meta"), torch.nn.ReLU(), torch.nn.Linear(3, 1, bias=False, device="meta"))), r"`module` must be .*got one on the device meta"),
    "a loss without a derivative": (lambda: al.Loss.from_torch(lambda f, y: ((f - y) ** 2).detach()), r"`function` must have a derivative by the outputs"),
    "a loss of complex numbers": (lambda: own(lambda f, y: square(f, y) + 0j, lambda f, y: 2 * (y - f)), r"`loss` must give a value for every output as a real number, got ndarray of complex128"),
    "a loss of yes and no": (lambda: own(lambda f, y: f > y, lambda f, y: 2 * (y - f)), r"`loss` must give a value .*got ndarray of bool"),
    "a loss of objects": (lambda: own(square, lambda f, y: (2 * (y - f)).astype(object)), r"`loss` must give a pull .*got ndarray of object"),
    "a loss that hides": (lambda: own(lambda f, y: np.ma.array(square(f, y), mask=f > f.min()), lambda f, y: 2 * (y - f)), r"`loss\.sample_value\(f, y\)` must have no masked entries"),
    "an end of the early flow too late": (lambda: al.early_flow(NET, DATA, "exponential", 1e5), r"`t_end` must be smaller, got 100000"),
    "a time of the early flow too late": (lambda: al.early_flow(NET, DATA, "exponential", t_save=[1e3]), r"`t_save` must be smaller, got 1000"),
    "a run whose end is not kept": (lambda: al.theory.check_alignment(flow(t_end=3, t_save=[0.1])), r"`path` must keep the end of its run, got an event at t="),
    "a diagnosis of it": (lambda: al.diagnose(flow(t_end=3, t_save=[0.1])), r"`path` must keep the end of its run"),
    "a resolution that is none": (lambda: al.Claim("a", "b", "c", 1, 2, resolution=None), r"`resolution` must be a number that is at least 0"),
    "a line drawn in the plane": (lambda: al.plots.samples(al.Dataset([[1.0]], [1.0])), r"`data` must have dim 2 or more to be drawn, got 1"),
    "its neurons": (lambda: al.plots.arrows(al.Network([[1.0]], [1.0])), r"`net` must have dim 2 or more to be drawn, got 1"),
    "a null in a path": (lambda: al.diagnosis.load("a\0b"), r"`file` must be a path, got 'a\\x00b' with a null character"),
    "a device for a run": (lambda: al.diagnosis.load("/dev/zero"), r"`file` must be a file of `al\.diagnosis\.save`, got /dev/zero, no regular file"),
    "a level in words": (lambda: al.recorded(DATA, "squared", [0, 1], [NET, NET]).when("low"), r"`loss` must be a number, got str"),
    "no level": (lambda: flow().when(None), r"`loss` must be a number, got NoneType"),
    "beyond all floats": (lambda: flow(t_end=10**400), r"`t_end` must be a positive finite number, got 1000"),
    "between records": (lambda: al.recorded(DATA, "squared", [0, 1], [NET, NET]).at(0.4), r"`t` must be one of the recorded times, such as 0, got 0\.4"),
    "no times": (lambda: PATH.outputs_at([]), r"`times` must be a non-empty array"),
    "one time for many": (lambda: PATH.weights(1.0), r"`times` must be a non-empty array with 1 axes"),
    "outputs too late": (lambda: flow().outputs_at([0, 2]), r"`t` must lie between 0 and 1, got 2"),
    "kernel on other data": (lambda: al.measure.tangent_kernel(NET, al.data.separated(3, 5, 0.1, rng=0)), r"`net` must have dim 5.*got 2"),
    "groups of no angle": (lambda: al.measure.direction_groups(NET, 0), r"`degrees` must be a number between 0 and 180, got 0"),
    "batch of none": (lambda: descend(batch_size=0), r"`batch_size` must be at least 1, got 0"),
    "batch of too many": (lambda: descend(batch_size=9), r"`batch_size` must be at most n = 8, got 9"),
    "batch of a share": (lambda: descend(batch_size=0.5), r"`batch_size` must be an integer, got 0\.5"),
    "momentum of one": (lambda: descend(momentum=1), r"`momentum` must be a number that is at least 0 and below 1, got 1"),
    "negative decay": (lambda: descend(weight_decay=-0.1), r"`weight_decay` must be a number that is at least 0 and finite, got -0\.1"),
    "decay of a word": (lambda: descend(weight_decay="1"), r"`weight_decay` must be a number .*got '1'"),
    "seed of batches": (lambda: descend(batch_size=2, rng=-1), r"`rng` must be"),
    "stop at no loss": (lambda: descend(stop_loss=0), r"`stop_loss` must be a positive finite number, got 0"),
    "dims differ": (lambda: descend(data=al.data.separated(3, 5, 0.1, rng=0)), r"`net` must have dim 5.*got 2"),
    "t_save late": (lambda: descend(t_save=[0.3]), r"`t_save` must lie between 0 and the end of the last step = 0\.2"),
    "infinite loss": (
        lambda: descend(net=al.Network(np.full((3, 2), 1e200), np.full(3, 1e200)), loss="squared"),
        r"`net` must give a finite loss at the start",
    ),
    "float32 overflow": (
        lambda: descend(net=al.Network(np.full((3, 2), 1e30), np.full(3, 1e10)), dtype="float32"),
        r"`net` must give a finite loss at the start",
    ),
    "labels for the loss": (lambda: al.gradient_descent(NET, REGRESSION, "logistic", 0.1, 2), r"`data\.y` must hold the labels"),
    "live kind": (lambda: al.live.start("lazy", 3, 0.1, 0), r"`kind` must be one of balanced, dominated, unbalanced, got 'lazy'"),
    "live width": (lambda: al.live.start("balanced", 0, 0.1, 0), r"`width` must be at least 1, got 0"),
    "live seed": (lambda: al.live.start("balanced", 3, 0.1, -1), r"`seed` must be at least 0, got -1"),
    "live count": (lambda: al.live.uniforms(0, 1.5), r"`count` must be .*got 1.5"),
    "live picture": (lambda: al.widgets.Live("four-points", print, "words"), r"`name` must be one of three-points, circle, threshold, got 'four-points'"),
    "rng": (lambda: al.Network.balanced(2, 2, 1.0, rng="a"), r"`rng` must be .*got 'a'"),
    "device": (lambda: descend(device="abacus"), r"`device` must be a PyTorch device of this machine, got 'abacus'"),
    "max_events": (lambda: descend(max_events=-1), r"`max_events` must be at least 0, got -1"),
    "spread": (lambda: al.data.toy_2d(4, 270), r"`spread` must be a number between 0 and 180, got 270"),
    "one sample": (lambda: al.geometry.violating_share(al.Dataset([[1.0]], [1])), r"`data` must have at least two samples"),
    "one class": (lambda: al.geometry.centres(al.Dataset([[1.0]], [1])), r"`data` must have samples of both labels, got \+1 only"),
    "cones in 3-D": (lambda: al.plots.cones(al.data.separated(4, 3, 0.1, rng=0)), r"`data` must have dim 2 to be drawn, got 3"),
    "no IDX file": (not_idx, r"`folder` must hold train-images-idx3-ubyte as an IDX file"),
    "zero data": (lambda: al.early_flow(NET, al.Dataset(np.zeros((2, 2)), [1, 1]), "squared"), r"`data` must have a sample that is not zero"),
    "tiny neurons": (lambda: al.early_flow(al.Network([[1e-160, 0]], [1e-160]), DATA, "squared"), r"`net` must have no neuron smaller than 1e-140, got 1e-160"),
    "labels for the flow": (lambda: al.gradient_flow(NET, REGRESSION, "logistic", 1.0), r"`data\.y` must hold the labels"),
    "zero matrix": (lambda: al.measure.stable_rank(al.Network([[0, 0]], [0])), r"`net` must have a non-zero"),
    "degrees": (lambda: al.measure.distinct_directions(NET, 0), r"`degrees` must be a number between 0 and 180, got 0"),
    "claim relation": (lambda: al.Claim("k", "s", "o", 1, 2, relation="<"), r"`relation` must be one of <=, >=, got '<'"),
    "separation": (lambda: al.theory.bound_alignment_time(0.0), r"`mu` must be a number between 0 and 1, got 0\.0"),
    "margin of one class": (lambda: al.geometry.max_margin(al.Dataset([[1, 0]], [1])), r"`data` must have samples of both labels, got \+1 only"),
    "change of pulls": (lambda: al.theory.bound_alignment_time(0.1, 1.0, 1.0), r"`change` must be a number that is at least 0 and below 1, got 1\.0"),
    "change of pulls with an angle": (lambda: al.theory.bound_turning_time(0.1, 1.0, change=0.1), r"`change` must be 0 with an `angle` under pi/2, got 0\.1"),
    "scale for labels": (lambda: al.theory.sufficient_scale(REGRESSION), r"`data\.y` must hold the labels"),
    "scale for a loss": (lambda: al.theory.sufficient_scale(DATA, "squared"), r"`loss` must be one of exponential, logistic"),
    "scale without patience": (lambda: al.theory.sufficient_scale(DATA, late=1.0), r"`late` must be above 1, got 1\.0"),
    "scale without Assumption 1": (lambda: al.theory.sufficient_scale(al.Dataset([[1, 0], [-1, 0.1]], [1, 1])), r"`data` must satisfy Assumption 1, got μ = -0\.99"),
    "separation for descent": (lambda: al.theory.bound_descent_time(0.0, 0.1), r"`mu` must be a number between 0 and 1, got 0\.0"),
    "no step to align in": (lambda: al.theory.bound_descent_time(0.1, 0), r"`step` must be a positive finite number, got 0"),
    "no pull to align by": (lambda: al.theory.bound_descent_time(0.1, 0.1, -1), r"`pull` must be a positive finite number, got -1"),
    "negative rates": (lambda: al.theory.bound_imbalance([0.1, -0.2]), r"`rates` must be at least 0, got -0\.2"),
    "rates of one number": (lambda: al.theory.bound_imbalance(0.1), r"`rates` must be"),
    "effective step of nothing": (lambda: al.theory.effective_step(0, 0.5), r"`step` must be a positive finite number, got 0"),
    "effective step at momentum 1": (lambda: al.theory.effective_step(0.1, 1), r"`momentum` must be a number that is at least 0 and below 1, got 1"),
    "angle": (lambda: al.theory.bound_turning_time(0.1, -1), r"`angle` must lie between 0 and pi, in radians, got -1"),
    "one equicorrelated sample": (lambda: HEIGHTS(al.Network([[1.0]], [1.0]), al.Dataset([[1.0]], [1])), r"`data` must have at least two samples, got n = 1"),
    "dims differ for heights": (lambda: HEIGHTS(NET, al.data.equicorrelated(4, 0.1)), r"`net` must have dim 4, that of `data`, got 2"),
    "zero neuron for heights": (
        lambda: HEIGHTS(al.Network(np.zeros((2, 4)), [0, 0]), al.data.equicorrelated(4, 0.1)),
        r"`net` must have no zero neurons, got 2 with w = 0",
    ),
    "certificate of patterns with a slope": (lambda: al.theory.certify_stuck(LEAKY, REGRESSION), r"`net` must have negative_slope 0, .* got 0\.1"),
    "certificate of patterns with another loss": (lambda: al.theory.certify_stuck(NET, DATA, "logistic"), r"`loss` must be squared, or made by `al\.loss\.quadratic`, got"),
    "certificate of patterns with decay": (lambda: al.theory.certify_stuck(flow(weight_decay=0.1), 1.0), r"`net` must have weight_decay 0, for this certificate is about the flow without it, got 0\.1"),
    "certificate of patterns late": (lambda: al.theory.certify_stuck(flow(), 1e9), r"`t` must lie between 0 and"),
    "zero data to certify": (lambda: al.theory.certify_nonconvergence(NET, al.Dataset(np.zeros((2, 2)), [1, 2])), r"`data` must have a sample that is not zero, got none"),
    "loss with a kink": (lambda: own(lambda f, y: abs(f - y), lambda f, y: np.sign(y - f)), r"`loss` must have a continuous pull .*got a jump of [12] at the output -?1 for the label"),
    "pull of the wrong sign": (lambda: own(square, lambda f, y: 2 * (f - y)), r"`loss` must have a pull that is minus the slope of its value, got a pull of"),
    "pull without its factor": (lambda: own(square, lambda f, y: y - f), r"`loss` must have a pull that is minus the slope of its value"),
    "pull a number": (lambda: own(square, lambda f, y: 1.0), r"`loss` must give a pull for every output, got shape \(\) for"),
    "value a sum": (lambda: own(lambda f, y: ((f - y) ** 2).sum(), lambda f, y: 2 * (y - f)), r"`loss` must give a value for every output"),
    "early flow of a kink": (lambda: al.early_flow(NET, DATA, al.Loss("own", lambda f, y: abs(f - y), lambda f, y: np.sign(y - f))), r"`loss` must have a continuous pull"),
    "extremal vectors of a wrong sign": (lambda: al.extremal_vectors(DATA, al.Loss("own", square, lambda f, y: 2 * (f - y))), r"`loss` must have a pull that is minus"),
    "infinite loss of the flow": (lambda: flow(net=al.Network(np.full((3, 2), 1e200), np.full(3, 1e200))), r"`net` must give a finite loss at the start, got (inf|nan)"),
    "pulls too large": (lambda: flow(net=al.Network([[20.0, 0.0]], [-20.0]), data=al.Dataset([[1.0, 0.0]], [1.0])), r"`net` must give pulls of less than 1e\+150.*got 5\.22e\+173"),
    "t_save of the flow late": (lambda: flow(t_save=[0.5, 1.1]), r"`t_save` must lie between 0 and `t_end` = 1, got 0\.5 to 1\.1"),
    "t_save of the flow negative": (lambda: flow(t_save=[-0.1]), r"`t_save` must lie between 0 and `t_end` = 1, got -0\.1 to -0\.1"),
    "t_save empty": (lambda: flow(t_save=[]), r"`t_save` must be a non-empty array with 1 axes"),
    "t_save nan": (lambda: flow(t_save=[np.nan]), r"`t_save` must be finite"),
    "t_save of the early flow": (lambda: al.early_flow(NET, DATA, "logistic", 1.0, t_save=[2.0]), r"`t_save` must lie between 0 and `t_end` = 1"),
    "t_save alone negative": (lambda: al.early_flow(NET, DATA, "logistic", t_save=[-1.0, 2.0]), r"`t_save` must lie between 0 and `t_end`"),
    "t_save alone in words": (lambda: al.early_flow(NET, DATA, "logistic", t_save="soon"), r"`t_save` must be an array of real numbers, got str"),
    "t_save alone too late": (lambda: al.early_flow(NET, DATA, "logistic", t_save=[1e6]), r"`t_save` must be smaller, got 1e\+06: the weights overflow"),
    "rtol too small": (lambda: flow(rtol=1e-13), r"`rtol` must lie between 1e-12 and 0\.1, got 1e-13"),
    "doubt of a network": (lambda: al.doubt(NET), r"`path` must be a Trajectory, got Network"),
    "doubt of descent": (lambda: al.doubt(descend()), r"`path` must come from `gradient_flow`, got one without `rtol`"),
    "doubt of the early flow": (lambda: al.doubt(al.early_flow(NET, DATA, "logistic")), r"`path` must come from `gradient_flow`"),
    "doubt of the exact": (lambda: al.doubt(flow(rtol=1e-11)), r"`path` must have an `rtol` of at least 1e-10, got 1e-11"),
    "doubt of a start": (lambda: al.doubt(flow(t_save=[0.0])), r"`path` must have times besides the start"),
    "pattern too short": (lambda: al.theory.threshold(DATA, [True]), r"`active` must have shape \(8\), got \(1,\)"),
    "pulls of the map": (lambda: al.theory.trap(DATA, 1, [1.0]), r"`pulls` must have shape \(8\), got \(1,\)"),
    "sign of the map": (lambda: al.theory.settle(DATA, 2), r"`sign` must be one of 1, -1, got 2"),
    "too many patterns": (lambda: al.theory.fixed_points(al.data.toy_2d(15)), r"`data` must have at most 14 samples, for all patterns are tried, got 15"),
    "level of a jump": (lambda: al.theory.next_jumps(NET, DATA, "logistic", 0.0), r"`level` must be .*got 0"),
    "jump with a slope": (lambda: al.theory.next_jumps(LEAKY, DATA, "logistic"), r"`net` must have negative_slope 0, for this forecast is about ReLU networks, got 0\.1"),
    "level of the dormant": (lambda: al.theory.dormant(NET, -1), r"`level` must be .*got -1"),
    "labels of class sums": (lambda: al.theory.check_class_sums(REGRESSION), r"`data\.y` must hold the labels \+1 and -1 only, got 1\.1"),
    "class sums of one class": (lambda: al.theory.check_class_sums(al.Dataset([[1.0]], [1])), r"`data` must have samples of both labels, got \+1 only"),
    "no run to diagnose": (lambda: al.diagnose(NET), r"`path` must be a Trajectory, got Network"),
    "diagnosis of one time": (lambda: al.diagnose(al.recorded(DATA, "logistic", [0], [NET])), r"`path` must have times besides the start"),
    "diagnosis with decay": (lambda: al.diagnose(flow(weight_decay=0.1)), r"`path` must have weight_decay 0, for a diagnosis"),
    "outlook of other data": (lambda: al.diagnosis.outlook(NET, al.data.equicorrelated(3, 0.1), "logistic"), r"`net` must have dim 3"),
    "outlook without draws": (lambda: al.diagnosis.outlook(NET, DATA, "logistic", draws=0), r"`draws` must be at least 1, got 0"),
    "census of nothing": (lambda: al.diagnosis.neurons(NET, 1.0, "logistic"), r"`data` must be a Dataset, got float"),
    "plateaus as long as the run": (lambda: al.diagnosis.plateaus(flow(), least=1), r"`least` must be a number between 0 and 1, got 1"),
    "ways out of a regression": (lambda: al.diagnosis.ways_out(NET, REGRESSION, "logistic"), r"`data\.y` must hold the labels"),
    "a neuron of no size": (lambda: al.diagnosis.ways_out(NET, DATA, "logistic")[0].neuron(0), r"`size` must be a positive finite number, got 0"),
    "file that is a folder": (lambda: al.diagnosis.save(flow(), ""), r"`file` must be the name of a file to write, got the folder '\.'"),
    "file of another loss": (lambda: al.diagnosis.save(flow(loss=al.Loss("own", square, lambda f, y: 2 * (y - f))), "run.npz"), r"`path` must have a loss of this library, got Loss\(own, sum\)"),
    "no file": (lambda: al.diagnosis.load("no such file.npz"), r"`file` must be a file of `al\.diagnosis\.save`, got no such file\.npz"),
    "neurons turning on plain axes": (lambda: al.plots.turning(flow(), axes()), r"`ax` must be polar axes, got the projection 'rectilinear'"),
    "a loss on polar axes": (lambda: al.plots.loss(flow(), axes("polar")), r"`ax` must be axes of a plane, got the projection 'polar'"),
    "samples in space": (lambda: al.plots.samples(DATA, axes("3d")), r"`ax` must be axes of a plane, got the projection '3d'"),
    "turning beyond the end": (lambda: al.plots.turning(flow(), until=5), r"`until` must be a time of the path: `t` must lie between 0 and 1, got 5\.0"),
    "loss without pulls at zero": (lambda: al.early_flow(NET, DATA, al.Loss("own", lambda f, y: np.full_like(f, np.nan), lambda f, y: np.full_like(f, np.nan))), r"`loss` must give a finite value at some"),
    "loss without a pull at zero": (lambda: al.early_flow(NET, DATA, al.Loss("own", square, lambda f, y: np.where(f == 0, np.nan, 2 * (y - f)))), r"`loss\.pull\(0, y\)` must be finite, got nan at index \(0\)"),
    "a start that is no pair": (lambda: explorer(controls={"k": ("k", [(0, 1), (2, 3)])}, start={"k": (0, 3)}), r"`start\['k'\]` must be one of \(0, 1\), \(2, 3\), got \(0, 3\)"),
    "a picture of three sides": (lambda: explorer(size=(5, 5, 5)), r"`size` must have shape \(2\), got \(3,\)"),
    "a picture of one side": (lambda: explorer(size=5), r"`size` must be a non-empty array with 1 axes, got shape \(\)"),
    "a picture of words": (lambda: explorer(size=(5, "a")), r"`size` must be an array of real numbers, got tuple"),
    "a picture without end": (lambda: explorer(size=(5, np.inf)), r"`size` must be finite, got inf at index \(1\)"),
    "a picture as large as a wall": (lambda: explorer(size=(1e6, 5)), r"`size` must be a number between 0 and 50, got 1000000\.0"),
    "pulls of any size": (lambda: al.early_flow(NET, al.Dataset(1e200 * DATA.x, DATA.y), "logistic"), r"`pulls` must be below 1e\+150, times the size of `data`, got \d\.?\d*e\+200"),
    "decay for too long": (lambda: flow(t_end=1e300, weight_decay=0.01), r"`t_end` must be at most 1e\+06 / `weight_decay` = 1e\+08: so long are 100000 steps, got 1e\+300"),
    "claim kind": (lambda: al.Claim("k", "s", "o", 1, 2, kind="sure"), r"`kind` must be one of bound, .*got 'sure'"),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_refused_in_words(case):
    call, message = CASES[case]
    with pytest.raises(ValueError, match=message):
        call()
