"""Gradient flow of the whole network.

Neurons feel each other only through the n pulls. So a step takes the pulls as unknowns, not the
weights: at the three Radau points of the step they are to equal the pulls of the outputs there, while
every neuron moves exactly, events included, under the parabola through them (module `swarm`). This is
Radau IIA collocation, of order five, stable however stiff the fit becomes, whose unknowns are 3n numbers
whatever the width.
"""

import numpy as np
from scipy.linalg import lu_factor, lu_solve

from alignlib import inputs, record
from alignlib import loss as losses
from alignlib.cells import StepTooLong, Swarm
from alignlib.swarm import REST
from alignlib.trajectory import Trajectory
from alignlib.walls import Walls

ROOT6 = np.sqrt(6.0)
NODES = np.array([(4 - ROOT6) / 10, (4 + ROOT6) / 10, 1.0])
TO_POLYNOMIAL = np.linalg.inv(np.vander(NODES, 3, increasing=True))
# a_ij = ∫_0^{c_i} l_j: the matrix of Radau IIA (Hairer and Wanner, 1996, section IV.5).
RADAU = np.vander(NODES, 3, increasing=True) * NODES[:, None] / [1, 2, 3] @ TO_POLYNOMIAL
EIGENVALUES, EIGENVECTORS = np.linalg.eig(RADAU)
INVERSE = np.linalg.inv(EIGENVECTORS)
REAL, COMPLEX = np.argmin(np.abs(EIGENVALUES.imag)), np.argmax(EIGENVALUES.imag)  # third: conjugate
# The largest |∫_0^s (σ-c_1)(σ-c_2)(σ-1) dσ / (-c_1 c_2)| over the step: what the pulls at its start
# add to the rapidity if the parabola misses them.
MISS = 0.0678
SLACK = 0.02  # the equations are solved to this share of `rtol`
SWEEPS = 12  # at most so many sweeps a step
STALE = 0.1  # a Newton matrix that leaves more than this share of the defect is made anew
ALIKE = 0.3  # or one whose slopes have changed by this share
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
    t_save : times to keep besides the start, at which steps end; without it, every accepted step is kept
    progress : show a bar

    Raises
    ------
    ValueError
        If an argument does not fit.
    FlowError
        If a step cannot be made small enough; it carries the trajectory until then.
    """
    loss = losses.fitting(loss, data)
    if net.dim != data.dim:
        raise ValueError(f"`net` must have dim {data.dim}, that of `data`, got {net.dim}")
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
        self.swarm = Swarm.of(net, self.walls)
        self.start_sides, self.start_signs = self.swarm.side, np.sign(net.v)
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
                while stop - self.t[-1] > 1e-12 * stop:
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
        time = self.t[-1] + step.length
        self.t.append(stop if abs(time - stop) <= 1e-12 * stop else time)
        self.known = -step.length, step.length, np.vstack([self.f[-1], step.f])
        self.last = step.length, step.error
        self.f.append(step.f[-1])
        self.pulls.append(step.polynomial)
        self.swarm = step.swarm.gathered(step.polynomial, step.length)
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

    def remark(self):
        """What a reader of the result must know."""
        resting = {neuron for log in self.logs for neuron in log["neuron"][log["wall"] == REST]}
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
        since = record.aligned_since(log, self.walls, self.start_sides, self.start_signs, self.data)
        return Trajectory(
            self.data,
            self.loss,
            t,
            f,
            record.expand(log, self.walls),
            float(since.max()),
            status,
            self.network_at,
        )


class Step:
    """One attempt at a step of the given length from the end of `run`."""

    def __init__(self, run, length):
        self.run, self.length = run, length
        self.f = self.guess()
        self.error, self.slope, self.fresh = np.inf, None, False
        self.swarm = self.log = self.polynomial = None

    def guess(self):
        """Outputs at the nodes: those last computed, extrapolated where that is a small change."""
        run, f = self.run, self.run.f[-1]
        constant = np.broadcast_to(f, (3, len(f))).copy()
        if run.known is None:
            return constant
        offset, length, known = run.known
        at = offset / length + np.append(0.0, NODES)
        coefficients = np.linalg.solve(np.vander(at, increasing=True), known)
        guess = np.vander(NODES * self.length / length, 4, increasing=True) @ coefficients
        return guess if np.abs(guess - f).max() < 0.5 else constant

    def solve(self):
        """Sweep until the pulls at the nodes are those of the outputs; whether that was reached."""
        run, before = self.run, np.inf
        for sweep in range(SWEEPS):
            pulls = run.loss.pull(self.f, run.data.y)
            if not np.isfinite(pulls).all():
                return False
            self.polynomial = TO_POLYNOMIAL @ pulls
            try:
                f, self.swarm, self.log = run.swarm.move(self.polynomial, self.length, NODES, run.t[-1])
            except StepTooLong:
                return False
            defect = run.loss.pull(f, run.data.y) - pulls
            miss = self.length * run.reach * np.linalg.norm(defect, axis=1).max()
            if miss <= SLACK * run.rtol:
                self.f, self.error = f, self.estimate()
                run.known = 0.0, self.length, np.vstack([run.f[-1], f])
                return np.isfinite(self.error)
            if not np.isfinite(miss) or miss > 2 * before or (sweep > 6 and miss > 0.5 * before):
                return False
            self.f = self.improved(f, miss / before)
            before = miss
        return False

    def improved(self, f, rate):
        """The outputs to try next, by a Newton step; its matrix is kept from step to step while it serves."""
        run = self.run
        if self.slope is None:
            self.slope = self.length * run.slope()
            self.fresh = run.newton is None or not run.newton.serves(self.slope)
            stale = self.fresh
        else:
            stale, self.fresh = rate > STALE and not self.fresh, self.fresh or rate > STALE
        if stale:
            run.newton = Newton(run.swarm.kernel(run.data), self.slope)
        return self.f + run.newton.correction(f - self.f)

    def estimate(self):
        """The rapidity by which the parabola misses the pulls at the start of the step."""
        run = self.run
        miss = run.loss.pull(run.f[-1], run.data.y) - self.polynomial[0]
        if run.newton is not None:
            miss = run.newton.filtered(miss)
        return MISS * self.length * run.reach * np.linalg.norm(miss)

    def next_length(self):
        """Error and length are related by the fourth power; failed sweeps ask for much less.

        Where the last step is known too, its change of error foretells the next (Gustafsson, 1994).
        """
        if not np.isfinite(self.error):
            return 0.25 * self.length
        share = max(self.error / self.run.rtol, 1e-16)
        factor = 0.9 * share**-0.25
        length, error = self.run.last
        if share <= 1.0 and np.isfinite(error):
            trend = self.length / length * (max(error / self.run.rtol, 1e-16) / share) ** 0.25
            factor = min(factor, factor * trend)
        return self.length * min(max(factor, 0.1), 4.0)


class Newton:
    """Newton's method for the outputs at the nodes, with the tangent kernel at the start of a step."""

    def __init__(self, kernel, slope):
        self.slope, jacobian, one = slope, kernel * slope, np.eye(len(slope))
        self.real = lu_factor(one - EIGENVALUES[REAL].real * jacobian)
        self.complex = lu_factor(one - EIGENVALUES[COMPLEX] * jacobian)

    def serves(self, slope):
        """Whether these slopes, times the length of the step, are about its own."""
        return np.abs(slope - self.slope).max() <= ALIKE * np.abs(self.slope).max()

    def correction(self, residual):
        """The solution δ of `(I - A ⊗ J) δ = residual`, by the eigenvectors of A."""
        turned = INVERSE @ residual
        real = lu_solve(self.real, turned[REAL].real)
        pair = lu_solve(self.complex, turned[COMPLEX])
        return np.outer(EIGENVECTORS[:, REAL].real, real) + 2 * np.outer(EIGENVECTORS[:, COMPLEX], pair).real

    def filtered(self, miss):
        """`miss` without the part that the fit has long relaxed (Hairer and Wanner, (8.20))."""
        return lu_solve(self.real, miss, trans=1)


def _shared(left, wish):
    """The length of a step: no more than is left, and no crumb left over."""
    if wish > 0.999 * left:
        return left
    return min(wish, 0.5 * left) if wish > 0.5 * left else wish


def _bar(t_end, progress):
    from tqdm.auto import tqdm

    return tqdm(total=t_end, disable=not progress, desc="gradient flow", unit="t")
