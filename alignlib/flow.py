"""Gradient flow of the whole network.

Neurons feel each other only through the n pulls. So a step takes the pulls as unknowns, not the weights:
one step is in module `collocation`, and here are its starts, its lengths, and what is kept of it.
"""

import numpy as np

from alignlib import inputs, record
from alignlib import loss as losses
from alignlib.collocation import NODES, Step
from alignlib.groups import gathered
from alignlib.swarm import Swarm
from alignlib.trajectory import Trajectory
from alignlib.walls import Walls

STEPS = 100_000
MEMORY = 2**28  # bytes of snapshots for `Trajectory.at`


class FlowError(RuntimeError):
    """The flow cannot be followed further; `trajectory` holds what was computed."""

    def __init__(self, message, trajectory):
        super().__init__(message)
        self.trajectory = trajectory


def gradient_flow(net, data, loss, t_end, rtol=1e-6, t_save=None, progress=False):
    """Follow the gradient flow of `loss` from `net` to time `t_end`.

    `ẇ_j = v_j D_j`, `v̇_j = ⟨w_j, D_j⟩`, `D_j = Σ_k g_k σ'(⟨w_j, x_k⟩) x_k`, in the sense of Filippov
    where neurons slide. `‖w_j‖² - v_j²` is kept to rounding, whatever `rtol`. Where the Filippov
    solution is not unique `σ'(0) = 0` decides: a neuron that reaches w = 0 (a time-like one can) rests.

    Parameters
    ----------
    rtol : float
        Each step may add this much to the error of the rapidity `∫‖D_j‖ dt` of any neuron, which
        is the relative error of the neuron; so it does not depend on the scale of the start.
    t_save : times to keep besides the start, at which steps end; without it, every accepted step is kept.
        What `at` gives between steps is ten times less accurate or so.
    progress : show a bar

    Raises
    ------
    ValueError
        If an argument does not fit.
    FlowError
        If a step cannot be made small enough; it carries the trajectory until then.

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
    kept = None if t_save is None else record.times_to_keep(t_save, t_end)
    run = _Run(net, data, loss, rtol)
    try:
        problem = run.follow(t_end if kept is None else np.append(kept, t_end), progress)
    except KeyboardInterrupt:
        return run.trajectory(kept, f"interrupted by the user at t={run.t[-1]:g}")
    if problem:
        raise FlowError(problem, run.trajectory(kept, problem))
    return run.trajectory(kept, f"reached t_end={t_end:g}{run.remark()}")


class _Run:
    """The steps accepted so far, and the state at the end of the last."""

    def __init__(self, net, data, loss, rtol):
        self.data, self.loss, self.rtol = data, loss, rtol
        self.walls = Walls.of(data.x)
        # ‖Σ_k δg_k x_k‖ over any subset of samples is at most `reach` ‖δg‖.
        self.reach = np.linalg.norm(data.x, 2)
        self.swarm = Swarm.of(net, self.walls, rtol)
        self.net, self.start_sides = net, self.swarm.side
        self.t, self.f = [0.0], [self.swarm.outputs()]
        self.pulls, self.snapshots, self.every = [], {0: self.swarm}, 1
        self.logs, self.known, self.newton = [], None, None
        self.last = 0.0, np.inf  # length and error of the last step

    def follow(self, stops, progress):
        """Step from stop to stop; what went wrong, or None."""
        stops = np.unique(np.append(0.0, stops))
        wish = self.first_length(stops[-1])
        least = 1e-13 * wish
        with _bar(stops[-1], progress) as bar:
            for stop in stops[1:]:
                while self.t[-1] < stop:
                    if wish < max(least, 1e-13 * self.t[-1]):
                        return f"stopped at t={self.t[-1]:g}: the step cannot be made small enough"
                    if len(self.pulls) >= STEPS:
                        return f"stopped at t={self.t[-1]:g}: more than {STEPS} steps"
                    step = Step(self, _shared(stop - self.t[-1], wish))
                    with np.errstate(over="ignore", invalid="ignore"):  # a step too long may overflow
                        solved = step.solve()
                    if not solved or step.error > self.rtol:
                        wish = step.next_length()
                        continue
                    # A step cut short by a stop says nothing against the length it was to have.
                    wish = max(step.next_length(), wish if step.length < wish else 0.0)
                    self.accept(step, stop)
                    bar.update(step.length)
        return None

    def first_length(self, t_end):
        """A step over which no neuron gains more than a tenth of rapidity at the first pulls."""
        g = self.loss.pull(self.f[0], self.data.y)
        return min(t_end, 0.1 / max(self.reach * np.linalg.norm(g), 1e-300))

    def accept(self, step, stop):
        last = step.length == stop - self.t[-1]
        self.t.append(stop if last else self.t[-1] + step.length)  # a sum would be rounded
        self.known = -step.length, step.length, np.vstack([self.f[-1], step.f])
        self.last = step.length, step.error
        self.f.append(step.f[-1])
        self.pulls.append(step.polynomial)
        self.swarm = gathered(step.swarm, step.polynomial, step.length)
        self.logs.append(step.log)
        self.remember()

    def slope(self):
        """The derivative of the pulls by the outputs, (n,), at the end of the last step."""
        f, y = self.f[-1], self.data.y
        step = 1e-6 * np.maximum(1.0, np.abs(f))
        return (self.loss.pull(f + step, y) - self.loss.pull(f - step, y)) / (2 * step)

    def remember(self):
        """Keep the state for `at`; when memory fills up, every other one."""
        number = len(self.pulls)
        if number % self.every == 0:
            self.snapshots[number] = self.swarm
        size = self.swarm.nbytes
        if len(self.snapshots) > 2 + MEMORY / size:
            self.every *= 2
            self.snapshots = {k: s for k, s in self.snapshots.items() if k % self.every == 0}

    def swarm_at(self, time):
        """The state at any time: from the last snapshot through the pulls of the steps, known by now."""
        last = int(np.searchsorted(self.t, time, side="right")) - 1
        first = last // self.every * self.every
        swarm = self.snapshots[first]
        for number in range(first, last + (time > self.t[last])):
            start, stop = self.t[number], min(self.t[number + 1], time)
            length = self.t[number + 1] - start
            share = (stop - start) / length if stop < self.t[number + 1] else 1.0
            nodes = np.append(NODES[share > NODES], share)  # the same intervals as in the step
            _, swarm, _ = swarm.move(self.pulls[number], length, nodes, start)
        return swarm

    def outputs_at(self, time):
        number = int(np.searchsorted(self.t, time))
        return self.f[number] if self.t[number] == time else self.swarm_at(time).outputs()

    def network_at(self, time):
        """The network at any time: what `Trajectory.at` calls."""
        return self.swarm_at(time).network()

    def patterns_at(self, time):
        """Where every neuron is then: what `Trajectory.patterns` calls."""
        return self.walls.patterns(self.swarm_at(time).sides())

    def remark(self):
        """What a reader of the result must know."""
        resting = {neuron for log in self.logs for neuron in log["neuron"][log["wall"] == record.REST]}
        if not resting:
            return ""
        neurons = "1 neuron" if len(resting) == 1 else f"{len(resting)} neurons"
        return f"; {neurons} came to rest at w = 0, where the flow is not unique"

    def trajectory(self, kept, status):
        if kept is None:
            t, f = np.array(self.t), np.array(self.f)
        else:
            t = kept[kept <= self.t[-1]]
            f = np.array([self.outputs_at(time) for time in t])
        log = np.concatenate([record.new_log(0)[:0], *self.logs])
        signs = np.sign(self.swarm.network().v)
        since = record.aligned_since(log, self.walls, self.start_sides, self.net.v, signs, self.data)
        return Trajectory(
            self.data,
            self.loss,
            t,
            f,
            record.expand(log, self.walls),
            float(since.max()),
            status,
            self.network_at,
            self.patterns_at,
        )


def _shared(left, wish):
    """The length of a step: no more than is left, and no crumb left over."""
    if wish > 0.999 * left:
        return left
    return min(wish, 0.5 * left) if wish > 0.5 * left else wish


def _bar(t_end, progress):
    from tqdm.auto import tqdm

    return tqdm(total=t_end, disable=not progress, desc="gradient flow", unit="t")
