"""Gradient flow of the whole network.

Neurons feel each other only through the n pulls. So a step takes the pulls as unknowns, not the weights:
one step is in module `collocation`, what is kept of it in `replay`, and here are its starts and lengths.
"""

import numpy as np
from numpy.typing import ArrayLike

from alignlib import inputs
from alignlib import loss as losses
from alignlib.data import Dataset
from alignlib.network import Network
from alignlib.progress import progress_bar
from alignlib.solver import events
from alignlib.solver.collocation import Step
from alignlib.solver.groups import gathered, gathered_at_start
from alignlib.solver.replay import Accepted, Replay
from alignlib.solver.swarm import Swarm
from alignlib.solver.tolerances import (
    CRUMB,
    FIRST,
    LARGEST,
    OFTEN,
    PLAIN,
    RELAXED,
    SHORTEST,
    SLOPE,
    STEPS,
    SURE,
    TRIES,
    UNSOLVED,
)
from alignlib.solver.walls import Walls
from alignlib.trajectory import Trajectory


class FlowError(RuntimeError):
    """The flow cannot be followed further; `trajectory` holds what was computed."""

    def __init__(self, message, trajectory):
        super().__init__(message)
        self.trajectory = trajectory

    def __reduce__(self):
        """Pickled with its trajectory: processes send their errors to each other."""
        return type(self), (str(self), self.trajectory)


def gradient_flow(
    net: Network,
    data: Dataset,
    loss: str | losses.Loss,
    t_end: float,
    rtol: float = 1e-6,
    t_save: ArrayLike | None = None,
    progress: bool = False,
    *,
    weight_decay: float = 0.0,
) -> Trajectory:
    """Follow the gradient flow of `loss` from `net` to time `t_end`.

    `ẇ_j = v_j D_j`, `v̇_j = ⟨w_j, D_j⟩`, `D_j = Σ_k g_k σ'(⟨w_j, x_k⟩) x_k`, in the sense of Filippov where
    neurons slide; with a `negative_slope` α of `net`, σ' is α where it is 0 here. `‖w_j‖² - v_j²` is kept
    to rounding, whatever `rtol`. Where the Filippov solution is not unique `σ'(0) = 0` decides: a neuron
    that comes to where all hyperplanes meet (a time-like one can) rests there, at w = 0 but for what no
    sample sees. With α ≠ 0 the rule for walls, applied to all of them, says whether it goes on, or they
    hold it there for a while.

    Every event is found, in order, but for dips behind a hyperplane that are less deep than the tolerance
    (`alignlib.solver.search` says why), and a neuron that slides may be released late where that changes
    its rapidity by less than a tenth of `rtol` (`alignlib.solver.sliding`). `al.doubt` tells what hangs on
    `rtol`.

    Parameters
    ----------
    loss : "exponential", "logistic" or "squared" (`al.loss.get` has their mean), or a `Loss`
    rtol : float
        Each step may add this much to the error of the rapidity `∫‖D_j‖ dt` of any neuron, which
        is the relative error of the neuron; so it does not depend on the scale of the start.
    t_save : times to keep besides the start, at which steps end; without it, every accepted step is kept.
        What `at` gives between steps is ten times less accurate or so.
    progress : show a bar
    weight_decay : float, λ of `ẇ_j = v_j D_j - λ w_j`, `v̇_j = ⟨w_j, D_j⟩ - λ v_j`
        The flow of the loss plus `½ λ ‖θ‖²`. It is `e^{-λt}` times neurons that move by boosts, so
        `‖w_j‖² - v_j²` decays as `e^{-2λt}`. Neurons that have shrunk to 1e-140 are zero from then on.

    Raises
    ------
    ValueError
        If an argument does not fit, or the loss or a pull is not finite at the start.
    FlowError
        If a step cannot be made small enough, or there are too many; `trajectory` is the run until then.
        An interrupt raises nothing: the trajectory ends there, and its `status` says so.

    Examples
    --------
    >>> net = al.Network.balanced(width=10, dim=2, scale=1e-3, rng=0)
    >>> path = al.gradient_flow(net, al.data.toy_2d(), "exponential", t_end=3)
    >>> path
    Trajectory(toy 2-D, t from 0 to 3, loss 8 to 0.626, 37 events; reached t_end=3)
    """
    loss = losses.fitting(loss, data)
    inputs.same_dim(net, data)
    t_end, rtol = inputs.positive("t_end", t_end), inputs.positive("rtol", rtol)
    if not 1e-12 <= rtol <= 0.1:
        raise ValueError(f"`rtol` must lie between 1e-12 and 0.1, got {rtol:g}")
    weight_decay = inputs.between("weight_decay", weight_decay, 0, LARGEST)
    if t_end * weight_decay > STEPS * RELAXED:
        most = f"{STEPS * RELAXED:g} / `weight_decay` = {STEPS * RELAXED / weight_decay:g}"
        raise ValueError(f"`t_end` must be at most {most}: so long are {STEPS} steps, got {t_end:g}")
    kept = None if t_save is None else inputs.times("t_save", t_save, t_end, "`t_end`")
    run, problem = _Run(net, data, loss, rtol, weight_decay), None
    try:
        problem = run.follow(t_end if kept is None else np.append(kept, t_end), progress)
        return _ended(run.trajectory(kept, problem or f"reached t_end={t_end:g}{run.remark()}"), problem)
    except KeyboardInterrupt:  # also one that comes while the trajectory is put together
        status = problem or f"interrupted by the user at t={run.now.t:g}"
        return _ended(run.trajectory(kept, status), problem)


def _ended(path, problem):
    if problem:
        raise FlowError(problem, path)
    return path


class _Run:
    """The steps accepted so far, `past`, and hints for the next, which an interrupt may leave amiss."""

    def __init__(self, net, data, loss, rtol, weight_decay):
        self.data, self.loss, self.rtol, self.weight_decay = data, loss, rtol, weight_decay
        self.longest = RELAXED / weight_decay if weight_decay else np.inf
        walls = Walls.of(data.x, net.negative_slope)
        # ‖Σ_k δg_k x_k‖ over any subset of samples is at most `reach` ‖δg‖.
        self.reach = np.linalg.norm(data.x, 2)
        with np.errstate(over="ignore", invalid="ignore"):  # found, and reported, below
            swarm = Swarm.of(net, walls, rtol, weight_decay)
            self.past = Replay(net, swarm, swarm.outputs())
        losses.check_start(loss, self.now.f, data.y)
        self.speed = self.first_speed()
        # Attempts since the last step, those without a solution since `mark`.
        self.tries, self.unsolved, self.mark, self.least = 0, 0, 0.0, 0.0
        self.known, self.newton = None, None
        self.last = 0.0, np.inf  # length and error of the last step

    @property
    def now(self):
        """The last step."""
        return self.past.now

    @property
    def swarm(self):
        """The state at the end of the last step."""
        return self.past.swarm

    @property
    def careful(self):
        """Whether steps may be so long, near a stationary point, that what else is little decides.

        Then Newton's method must know what walls hold, and noise must not be extrapolated.
        """
        return self.weight_decay > 0.0 or self.unsolved > PLAIN

    def follow(self, stops, progress):
        """Step from stop to stop; what went wrong, or None."""
        stops = np.unique(np.append(0.0, stops))
        wish = self.first_length(stops[-1])
        self.least = SHORTEST * wish
        g = self.loss.pull(self.now.f, self.data.y)
        self.past.begin(gathered_at_start(self.swarm, g, wish))
        with progress_bar(progress, "gradient flow", stops[-1], unit="t") as bar:
            for stop in stops[1:]:
                while self.now.t < stop:
                    problem = self.hopeless(wish)
                    if problem:
                        return f"stopped at t={self.now.t:g}: {problem}"
                    step = Step(self, _shared(stop - self.now.t, min(wish, self.longest)))
                    solved = step.solve()
                    if not solved or step.error > self.rtol:
                        self.tries, self.unsolved = self.tries + 1, self.unsolved + (not solved)
                        wish = step.next_length()
                        self.shorten(step.length, solved)
                        continue
                    # A step cut short by a stop says nothing against the length it was to have.
                    wish = max(step.next_length(), wish if step.length < wish else 0.0)
                    self.shorten(step.length, True)
                    self.accept(step, stop)
                    bar.update(step.length)
        return None

    def shorten(self, length, solved):
        """No step much longer for a while than one in vain: with decay, or where that is so often."""
        if self.weight_decay:
            most, least = RELAXED / self.weight_decay, SURE / self.weight_decay
        else:
            most, least = np.inf, 0.0 if self.unsolved > OFTEN else np.inf
        self.longest = min(1.05 * self.longest, most) if solved else max(0.5 * length, least)

    def hopeless(self, wish):
        """Why no further step is tried, or None."""
        if self.now.t > 10 * self.mark:
            self.mark, self.unsolved = self.now.t, 0
        if self.tries > TRIES or wish < max(self.least, SHORTEST * self.now.t):
            return "the step cannot be made small enough"
        if self.unsolved > UNSOLVED:
            return f"no pulls found in {UNSOLVED} steps since t={self.mark:g}, by rounding or a sharp loss"
        if len(self.past.steps) > STEPS:
            return f"more than {STEPS} steps"
        return None

    def first_speed(self):
        """A bound of `‖D_j‖` at the start."""
        g = self.loss.pull(self.now.f, self.data.y)
        with np.errstate(over="ignore"):
            speed = self.reach * np.linalg.norm(g)
        if not speed < LARGEST:
            raise ValueError(
                f"`net` must give pulls of less than {LARGEST:g}, over the size of the data, at the start, "
                f"got {np.abs(g).max():.3g}"
            )
        return speed

    def first_length(self, t_end):
        """A step over which no neuron gains more than a tenth of rapidity at the first pulls."""
        return min(t_end, FIRST / max(self.speed, 1e-300))

    def accept(self, step, stop):
        before = self.now
        # The sum would be rounded.
        t = stop if step.length == stop - before.t else before.t + step.length
        swarm = gathered(step.swarm, step.polynomial, step.length)
        self.known = -step.length, step.length, np.vstack([before.f, step.f])
        self.last, self.tries = (step.length, step.error), 0
        # The log is a view of one that had room for more.
        self.past.append(Accepted(t, step.f[-1], swarm, step.polynomial, step.log.copy()))

    def slope(self):
        """The derivative of the pulls by the outputs, (n,), at the end of the last step."""
        f, y = self.now.f, self.data.y
        step = SLOPE * np.maximum(1.0, np.abs(f))
        return (self.loss.pull(f + step, y) - self.loss.pull(f - step, y)) / (2 * step)

    def remark(self):
        """What a reader of the result must know."""
        log = self.past.log()
        return events.remark(len(np.unique(log["neuron"][log["wall"] == events.REST])), self.past.walls)

    def trajectory(self, kept, status):
        """What was accepted, at the times `kept` or at the ends of all steps."""
        past = self.past
        if kept is None:
            t, f = (np.array([getattr(step, name) for step in past.steps]) for name in "tf")
        else:
            t = kept[kept <= past.now.t]
            f = np.array([past.outputs_at(time) for time in t])
        return Trajectory(
            self.data,
            self.loss,
            t,
            f,
            events.expand(past.log(), past.walls),
            float(past.aligned_since(self.data).max()),
            status,
            past.network_at,
            past.patterns_at,
            rtol=self.rtol,
            weight_decay=self.weight_decay,
        )


def _shared(left, wish):
    """The length of a step: no more than is left, and no crumb left over."""
    if wish > (1 - CRUMB) * left:
        return left
    return min(wish, 0.5 * left) or left if wish > 0.5 * left else wish  # half of the least number is 0


inputs.guard(globals())
