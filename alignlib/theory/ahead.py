"""What lies ahead of a network under the squared loss if all patterns stay, and whether they do.

The arithmetic of `stuck`, in the order of the proof: state and patterns, least squares, rapidities, rooms,
and the neurons on hyperplanes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from alignlib import inputs
from alignlib import loss as losses
from alignlib.network import Network

LIGHT = 1e-12  # relative ‖w‖² - v² up to which a neuron counts as light-like, as computed
ON = 1e-10  # relative height up to which a neuron may be on a hyperplane, as computed
TOUCHING = 8 * np.finfo(float).eps  # relative height up to which it is on it, by any account
NOTHING = 1e-14  # share of the loss of the zero network up to which a limit counts as a fit


@dataclass(frozen=True)
class State:
    """A network on the samples that act: heights, relative to the sizes, and their signs, 0 where small."""

    w: np.ndarray
    v: np.ndarray
    norm: np.ndarray
    height: np.ndarray
    signs: np.ndarray
    doubtful: np.ndarray  # neurons of which some heights are taken for zero, though they may be above it
    x: np.ndarray
    y: np.ndarray
    f: np.ndarray
    weight: float  # L = weight Σ (f_k - y_k)²
    acts: np.ndarray
    value: Callable  # of the outputs on these samples, the loss on all

    def leaves(self, limit):
        """Whether this is a loss above zero, and not rounding."""
        return bool(limit > NOTHING * max(self.value(0 * self.y), 1e-300))

    def everywhere(self, values, elsewhere):
        """These values of the samples that act, and `elsewhere` on the zero ones."""
        return _everywhere(self.acts, values, elsewhere)


def _everywhere(acts, values, elsewhere=0.0):
    result = np.full((*values.shape[:-1], len(acts)), elsewhere)
    result[..., acts] = values
    return result


def state_of(net, data, loss):
    """The `State` of a network on data, or of a path at a time, with the patterns that it carries."""
    signs = None
    if not isinstance(net, Network) and hasattr(net, "patterns"):
        path, time = net, data
        inputs.undecayed("net", path, "this certificate")
        net, data, signs = path.at(time), path.data, path.patterns(time)
        loss = path.loss_function if loss is None else loss
    inputs.of_kind("data", data, ["Dataset"])
    loss = losses.get("squared" if loss is None else loss)
    factor = losses.quadratic_factor(loss)
    if factor is None:
        raise ValueError(f"`loss` must be squared, or made by `al.loss.quadratic`, got {loss!r}")
    inputs.same_dim(net, data)
    inputs.relu("net", net, "this certificate")
    acts = data.x.any(axis=1)
    if not acts.any():
        raise ValueError("`data` must have a sample that is not zero, got none")
    x, norm = data.x[acts], np.linalg.norm(net.w, axis=1)
    size = np.outer(norm, np.linalg.norm(x, axis=1))
    z = net.preactivations(x)
    height = np.divide(z, size, out=np.zeros_like(z), where=size > 0)
    above = height > TOUCHING if signs is None else signs[:, acts] > 0
    height[np.abs(height) < ON] = 0.0
    if signs is not None:
        height[signs[:, acts] == 0] = 0.0
    return State(
        w=net.w,
        v=net.v,
        norm=norm,
        height=height,
        signs=np.sign(height).astype(np.int8),
        doubtful=(above & (height == 0)).any(axis=1),
        x=x,
        y=data.y[acts],
        f=net(x),
        weight=factor / data.n if loss.reduction == "mean" else factor,
        acts=acts,
        value=lambda f: loss.value(_everywhere(acts, f), data.y),
    )


def groups(signs):
    """The patterns of the living neurons, (P, n), and which one every neuron has, -1 for the dead.

    One on a single hyperplane, on a side of which there is a living pattern, is counted to this.
    """
    alive, strict = (signs > 0).any(axis=1), (signs != 0).all(axis=1)
    there = {tuple(row) for row in signs[alive & strict].tolist()}
    own = signs.copy()
    for j in np.flatnonzero(alive & ((signs == 0).sum(axis=1) == 1)):
        for side in (1, -1):
            row = np.where(signs[j] == 0, side, signs[j])
            if tuple(row.tolist()) in there:
                own[j] = row
    patterns, group = np.unique(own[alive], axis=0, return_inverse=True)
    result = np.full(len(signs), -1)
    result[alive] = group.ravel()
    return patterns, result


@dataclass(frozen=True)
class Ahead:
    """What follows if the patterns stay, and whether they do."""

    masses: np.ndarray
    beta: np.ndarray
    outputs: np.ndarray
    limit: float
    excess: float
    eigenvalues: tuple
    rate: float
    q: float
    rapidities: np.ndarray
    margin: float
    stays: bool
    rests: bool
    can_rest: bool
    by_convention: int


def look_ahead(state, patterns, group):
    """Numbers and conditions of the certificate, for these patterns and who has which."""
    living = np.flatnonzero(group >= 0)
    at_home = living[(state.signs[living] == patterns[group[living]]).all(axis=1)]
    guests = np.setdiff1d(living, at_home)
    a2, b2 = (
        np.bincount(group[at_home], size[at_home] ** 2, len(patterns)) for size in (state.v, state.norm)
    )
    beta = np.zeros((len(patterns), state.x.shape[1]))
    np.add.at(beta, group[living], state.v[living, None] * state.w[living])
    features = np.reshape(
        [_seen(state.x, pattern) for pattern in patterns], (len(patterns), *state.x.shape)
    )
    outputs, eigenvalues, rate = _least_squares(state, features, a2)
    gap = np.einsum("pkd,pd->k", features, beta) - outputs
    excess = state.weight * float(gap @ gap)
    q, rapidities = _rapidities(np.sqrt(a2), np.sqrt(b2), excess, rate)
    to_come = _ToCome(
        rapidity=np.append(rapidities, 0.0)[group],
        pull=2 * state.weight * (state.y - outputs),
        change=2 * np.sqrt(state.weight * excess),
        d=np.sqrt(2 * eigenvalues[1] * excess),
    )
    sliding = at_home[(state.signs[at_home] == 0).any(axis=1)]
    loose = _loose(state, group < 0, to_come)
    return Ahead(
        masses=np.stack([a2, b2], axis=1),
        beta=beta,
        outputs=outputs,
        limit=state.value(outputs),
        excess=excess,
        eigenvalues=eigenvalues,
        rate=rate,
        q=q,
        rapidities=rapidities,
        margin=_margin(state, living, to_come),
        stays=all(_held(state, j, to_come) for j in guests)
        and all(_slides(state, j, to_come) for j in sliding),
        rests=not state.doubtful[loose].any(),
        can_rest=all(_has_dead_side(state.x[on]) for on in np.unique(state.signs[loose] == 0, axis=0)),
        by_convention=len(loose),
    )


@dataclass(frozen=True)
class _ToCome:
    """What the future can still bring."""

    rapidity: np.ndarray  # of every neuron
    pull: np.ndarray  # g*, of every sample, in the limit
    change: float  # |g_k - g*_k| is at most this
    d: float  # ‖D_p‖ is at most this


def _seen(x, pattern):
    """What a neuron of this pattern sees of the samples, (n, d): the active ones, off its hyperplanes."""
    active, on = x * (pattern > 0)[:, None], x[pattern == 0]
    return active - active @ np.linalg.pinv(on) @ on if len(on) else active


def _least_squares(state, features, a2):
    """The best outputs, the extreme eigenvalues of the Hessian, the smallest of that with the masses."""
    if not len(features):
        return 0 * state.y, (np.inf, 0.0), np.inf
    stacked = np.concatenate(list(features), axis=1)
    u, s, _ = np.linalg.svd(stacked, full_matrices=False)
    # From singular values, so that a small eigenvalue is seen; what is not is rounding.
    rounding = np.finfo(float).eps * max(stacked.shape)
    rank = int((s > rounding * s[0]).sum())
    weighted = np.linalg.svd(
        np.concatenate(list(features * np.sqrt(a2)[:, None, None]), axis=1), compute_uv=False
    )
    least = max(weighted[rank - 1] - rounding * weighted[0], 0.0)
    extreme = (2 * state.weight * float(s[rank - 1]) ** 2, 2 * state.weight * float(s[0]) ** 2)
    return u[:, :rank] @ (u[:, :rank].T @ state.y), extreme, 2 * state.weight * float(least) ** 2


def _rapidities(a, b, excess, rate):
    """q and the `G_p`; infinite if a pattern has no mass, or too little for what is left of the loss."""
    if not len(a):
        return 0.0, a
    if not (a.all() and rate > 0):
        return np.inf, np.full(len(a), np.inf)
    shrinking = (b / a**2).max()
    q = float(3 * shrinking * np.sqrt(2 * excess / rate))
    return q, -np.expm1(np.log1p(-q) / 3) / (shrinking * a) if q < 1 else np.full(len(a), np.inf)


def _margin(state, living, to_come):
    """The smallest distance to a hyperplane, less what a boost of this rapidity could take of it."""
    rapidity, v, norm = to_come.rapidity[living], np.abs(state.v[living]), state.norm[living]
    if not len(living):
        return np.inf
    if not np.isfinite(rapidity).all():
        return -np.inf
    height = np.abs(state.height[living])
    least = np.where(height > 0, height, np.inf).min(axis=1)
    light = np.abs(v - norm) <= LIGHT * norm
    needed = v / norm * np.sinh(rapidity) + np.cosh(rapidity) - 1
    room = np.where(light, np.arcsin(np.minimum(least, 1)) - rapidity, least - needed)
    return float(room.min())


def _held(state, j, to_come):
    """Whether neuron j can never leave its hyperplanes to the wrong side.

    Wrong is away from the pattern that it is counted to; for a dead one, active. In all cases `v g*_k < 0`,
    with a margin for what may still change, holds it.
    """
    on = state.signs[j] == 0
    pull, size = to_come.pull[on], np.linalg.norm(state.x[on], axis=1)
    strong = (to_come.d < size * (np.abs(pull) - to_come.change)).all()
    return bool((state.v[j] * pull < 0).all() and strong and _keeps_sign(state, j, to_come))


def _loose(state, dead, to_come):
    """Dead neurons, not zero, on hyperplanes of which some sample might draw them to its active side."""
    on = (state.signs == 0).any(axis=1) & ((state.norm > 0) | (state.v != 0))
    return [j for j in np.flatnonzero(dead & on) if not _held(state, j, to_come)]


def _has_dead_side(x):
    """Whether some direction is inactive on all these samples: whether no positive combination is zero."""
    from scipy.optimize import nnls

    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    sums = np.vstack([unit.T, np.ones(len(unit))])  # the combinations with weights of sum 1
    _, distance = nnls(sums, np.append(np.zeros(x.shape[1]), 1.0))
    return distance > ON


def _slides(state, j, to_come):
    """Whether neuron j slides on its hyperplanes for ever: shares of their samples strictly from 0 to 1."""
    on, active = state.signs[j] == 0, state.signs[j] > 0
    x, pull = state.x[on], to_come.pull[on]
    if np.linalg.matrix_rank(x) < len(x):
        return False
    carried = np.linalg.pinv(x).T @ state.x[active].T  # the part of the active samples in their span
    needed = -carried @ to_come.pull[active]
    slack = to_come.change * np.linalg.norm(carried, 2)
    inside = (np.sign(pull) * needed > slack) & (np.abs(needed) + slack < np.abs(pull) - to_come.change)
    return bool((state.v[j] * pull < 0).all() and inside.all() and _keeps_sign(state, j, to_come))


def _keeps_sign(state, j, to_come):
    """Whether v_j does: it cannot come to zero within the rapidity that is left."""
    v, norm = abs(state.v[j]), state.norm[j]
    return v >= norm * (1 - LIGHT) or v > norm * np.tanh(to_come.rapidity[j])
