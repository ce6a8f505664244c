"""In and out of PyTorch, exactly, and what cannot be taken is refused."""

import copy
import pickle
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import alignlib as al

X = np.random.default_rng(0).standard_normal((50, 3))


def sequential(bias=True, dtype=torch.float32, activation=None):
    torch.manual_seed(0)
    parts = nn.Linear(3, 7, bias=bias), activation or nn.ReLU(), nn.Linear(7, 1, bias=False)
    return nn.Sequential(*parts).to(dtype)


class Own(nn.Module):
    """As many write it: the activation is in `forward`, and perhaps a factor."""

    def __init__(self, activation=F.relu, factor=1.0):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(3, 7), nn.Linear(7, 1, bias=False)
        self.activation, self.factor = activation, factor

    def forward(self, x):
        return self.factor * self.fc2(self.activation(self.fc1(x)))[:, 0]


@pytest.mark.parametrize(
    "module",
    [sequential(activation=nn.LeakyReLU(0.1)), sequential(), sequential(bias=False), Own(), Own(nn.ReLU())],
)
def test_the_network_computes_what_the_module_does(module):
    net = al.Network.from_torch(module)
    x = X if net.dim == 3 else np.column_stack([X, np.ones(50)])
    with torch.no_grad():
        theirs = module.double()(torch.tensor(X)).reshape(-1).numpy()
    assert net(x) == pytest.approx(theirs, abs=1e-14)  # sums of 4 and 7 terms of order one


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e20])
@pytest.mark.parametrize("slope", [0.0, 0.3, -1.0, 1.0])
def test_the_round_trip_is_exact(bias, scale, slope):
    net = al.Network.unbalanced(6, 4, scale, 0, slope)
    before = torch.random.get_rng_state()
    module = net.to_torch(bias=bias)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert module[0].weight.dtype == torch.float64
    assert (module[0].bias is not None) == bias
    again = al.Network.from_torch(module)
    assert np.array_equal(again.w, net.w)
    assert np.array_equal(again.v, net.v)
    assert again.negative_slope == slope


@pytest.mark.parametrize("slope", [0.2, 1.0, -1.0])
def test_a_slope_goes_there_and_back(slope):
    net = al.Network.unbalanced(7, 3, 1.0, rng=0, negative_slope=slope)
    back = al.Network.from_torch(net.to_torch(bias=True))
    assert back.negative_slope == slope
    assert np.array_equal(back.w, net.w)
    x = np.random.default_rng(1).standard_normal((5, 3))
    x[:, -1] = 1.0
    found = net.to_torch(bias=True)(torch.tensor(x[:, :-1])).detach().numpy()[:, 0]
    # Sums of 7 products of sums of 3, each with a rounding or two.
    assert np.abs(found - net(x)).max() < 40 * np.finfo(float).eps * np.abs(net.v).sum() * np.abs(x).max()


def test_neither_shares_memory_with_the_other():
    module = sequential(dtype=torch.float64)
    net = al.Network.from_torch(module)
    back = net.to_torch(bias=True)
    kept = net.w.copy(), net.v.copy()
    with torch.no_grad():
        for weights in [*module.parameters(), *back.parameters()]:
            weights += 1
    assert np.array_equal(net.w, kept[0])
    assert np.array_equal(net.v, kept[1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_every_precision_is_taken_as_it_is(dtype):
    module = sequential(dtype=dtype)
    assert np.array_equal(
        al.Network.from_torch(module).w[:, :3], module[0].weight.detach().double().numpy()
    )


def deep():
    return nn.Sequential(
        nn.Linear(3, 7), nn.ReLU(), nn.Linear(7, 7), nn.ReLU(), nn.Linear(7, 1, bias=False)
    )


REFUSED = {
    "no module": (lambda: 3, "`module` must be a torch.nn.Module, got int"),
    "an output bias": (
        lambda: nn.Sequential(nn.Linear(3, 7), nn.ReLU(), nn.Linear(7, 1)),
        "got a bias of the output: a Network has none; build the last layer with bias=False",
    ),
    "several outputs": (
        lambda: nn.Sequential(nn.Linear(3, 7), nn.ReLU(), nn.Linear(7, 2, bias=False)),
        "got 2 outputs: a Network has one",
    ),
    "depth": (deep, "got 3 Linear layers: a Network has one hidden layer"),
    "one layer": (lambda: nn.Linear(3, 1, bias=False), "got 1 Linear layers"),
    "tanh": (lambda: sequential(activation=nn.Tanh()), r"got the layer Tanh\(\): a Network has no such"),
    "steep": (
        lambda: sequential(activation=nn.LeakyReLU(2.0)),
        "`negative_slope` must be a number from -1 to 1",
    ),
    "linear": (lambda: sequential(activation=nn.Identity()), "got the output .* where its weights give"),
    "dropout": (lambda: sequential(activation=nn.Sequential(nn.ReLU(), nn.Dropout())), "the layer Dropout"),
    "hidden tanh": (lambda: Own(torch.tanh), "another activation, another layer or a factor"),
    "hidden leaky": (lambda: Own(F.leaky_relu), "another activation, another layer or a factor"),
    "hidden elu": (lambda: Own(F.elu), "another activation, another layer or a factor"),
    "hidden softplus": (lambda: Own(F.softplus), "another activation, another layer or a factor"),
    "a factor": (lambda: Own(factor=1 / 7), "another activation, another layer or a factor"),
    "other inputs": (
        lambda: Own(lambda z: z.reshape(3, -1, 7)[0]),
        r"`module` must take inputs of shape \(n, 3\)",
    ),
    "images": (
        lambda: nn.Sequential(nn.Conv2d(1, 1, 3), nn.ReLU(), nn.Linear(7, 1, bias=False)),
        "the layer Conv2d",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_cannot_be_taken_is_refused_in_words(case, dtype):
    torch.manual_seed(1)
    make, message = REFUSED[case]
    module = make()
    module = module.to(dtype) if isinstance(module, nn.Module) else module
    with pytest.raises(ValueError, match=message):
        al.Network.from_torch(module)


def test_a_module_is_given_back_untouched():
    module = sequential()
    module.train()
    al.Network.from_torch(module)
    assert module.training
    assert all(weights.grad is None and weights.requires_grad for weights in module.parameters())


LOSSES = {
    "squared": (nn.MSELoss(), al.loss.get("squared")),
    "sum of squares": (nn.MSELoss(reduction="sum"), al.loss.get("squared", "sum")),
    "soft margin": (nn.SoftMarginLoss(reduction="sum"), al.loss.get("logistic")),
    "function": (lambda f, y: torch.exp(-y * f), al.loss.get("exponential")),
}


@pytest.mark.parametrize("case", LOSSES)
@pytest.mark.parametrize("shape", [(8,), (5, 8)])
def test_a_loss_of_torch_is_ours(case, shape):
    function, ours = LOSSES[case]
    loss = al.Loss.from_torch(function)
    assert loss.reduction == ours.reduction
    f = 3 * np.random.default_rng(0).standard_normal(shape)
    y = al.data.toy_2d().y
    # Two ways to the same formula: a few roundings apart.
    assert loss.value(f, y) == pytest.approx(ours.value(f, y), rel=1e-14)
    assert loss.pull(f, y) == pytest.approx(ours.pull(f, y), rel=1e-13)
    assert getattr(function, "reduction", "mean") in ("mean", "sum")  # the user's is what it was


def test_labels_zero_and_one_train_with_the_loss_that_wants_them():
    ours = al.data.toy_2d()
    theirs = al.Dataset(ours.x, (ours.y + 1) / 2)
    net = al.Network.balanced(10, 2, 1e-3, rng=0)
    loss = al.Loss.from_torch(nn.BCEWithLogitsLoss(reduction="sum"))
    assert repr(loss) == "Loss(BCEWithLogitsLoss, sum)"
    a = al.gradient_flow(net, theirs, loss, t_end=8)
    b = al.gradient_flow(net, ours, "logistic", t_end=8)
    assert b.loss[-1] < 0.9 * b.loss[0]
    assert np.abs(a.outputs[-1] - b.outputs[-1]).max() < 1e-9  # the same steps: rounding, grown e^{|D| t}


def test_a_loss_of_torch_can_be_sent_and_works_without_gradients():
    loss = pickle.loads(pickle.dumps(al.Loss.from_torch(nn.HuberLoss())))
    for off in (torch.no_grad, torch.inference_mode):
        with off():
            assert loss.pull(np.array([3.0, 0.5]), np.zeros(2)).tolist() == [-0.5, -0.25]


def test_what_is_switched_on_around_a_module_does_not_matter():
    net = al.Network.balanced(4, 3, 1.0, rng=0)
    with torch.inference_mode():
        module = net.to_torch()
    module(torch.ones(2, 3, dtype=torch.float64)).sum().backward()  # it can be trained
    data, single = al.data.separated(6, 3, 0.1, rng=0), net.to_torch().float()
    weights = al.Network.from_torch(single).w

    def descent():
        return al.gradient_descent(net, data, "squared", step=0.1, n_steps=3, dtype="float32").final.w

    plain = descent()
    for dtype in (torch.bfloat16, torch.float16):
        with torch.autocast("cpu", dtype=dtype):
            assert (al.Network.from_torch(single).w == weights).all()
            assert (descent() == plain).all()
        low = copy.deepcopy(single).to(dtype)
        assert (al.Network.from_torch(low).w == low[0].weight.detach().double().numpy()).all()


def test_the_default_device_and_type_of_torch_do_not_matter():
    net, data = al.Network.balanced(4, 3, 1e-3, rng=0), al.data.separated(6, 3, 0.1, rng=0)
    loss = al.Loss.from_torch(nn.MSELoss())
    module, pull = net.to_torch(bias=True), loss.pull(net(data.x), data.y)
    path = al.gradient_descent(net, data, loss, step=0.1, n_steps=3)
    torch.set_default_device("meta")  # tensors without numbers
    torch.set_default_dtype(torch.float16)
    try:
        for made, there in zip(net.to_torch(bias=True).parameters(), module.parameters()):
            assert made.device.type == "cpu"
            assert (made == there).all()
        assert (al.Network.from_torch(module).w == net.w).all()
        assert (loss.pull(net(data.x), data.y) == pull).all()
        again = al.gradient_descent(net, data, loss, step=0.1, n_steps=3)
        assert (again.final.w == path.final.w).all()
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(torch.float32)


def test_torch_waits_until_it_is_asked_for():
    import subprocess

    code = (
        "import sys, alignlib as al; net = al.Network([[1.0]], [1.0]); print('torch' in sys.modules);"
        "net.to_torch(); print('torch' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "True"]
