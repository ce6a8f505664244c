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
from alignlib.cells import EndlessEvents, Swarm
from alignlib.trajectory import Trajectory
from alignlib.walls import Walls

ROOT6 = np.sqrt(6.0)
NODES = np.array([(4 - ROOT6) / 10, (4 + ROOT6) / 10, 1.0])
TO_POLYNOMIAL = np.linalg.inv(np.vander(NODES, 3, increasing=True))
# a_ij = ∫_0^{c_i} l_j: the matrix of Radau IIA (Hairer and Wanner, 1996, section IV.5).
RADAU = np.vander(NODES, 3, increasing=True) * NODES[:, None] / [1, 2, 3] @ TO_POLYNOMIAL
EIGENVALUES, EIGENVECTORS = np.linalg.eig(RADAU)
REAL = np.flatnonzero(np.abs(EIGENVALUES.imag) < 1e-12)[0]
# The largest |∫_0^s (σ-c_1)(σ-c_2)(σ-1) dσ / (-c_1 c_2)| over the step: what the pulls at its start
# add to the rapidity if the parabola misses them.
MISS = 0.0678
SLACK = 0.02  # the equations are solved to this share of `rtol`
SWEEPS = 12  # at most so many sweeps a step
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
    t_save : times to keep besides the start; without it, every accepted step. `at` reaches to the last
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
        problem = run.follow(t_end, progress)
    except KeyboardInterrupt:
        return run.trajectory(kept, f"interrupted by the user at t={run.t[-1]:g}")
    if problem:
        raise FlowError(problem, run.trajectory(kept, problem))
    return run.trajectory(kept, f"reached t_end={t_end:g}")


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
        self.logs, self.nodes_f = [], None

    def follow(self, t_end, progress):
        """Step until `t_end`; what went wrong, or None."""
        length = self.first_length(t_end)
        with _bar(t_end, progress) as bar:
            while self.t[-1] < t_end:
                left = t_end - self.t[-1]
                length = (
                    left
                    if length > 0.999 * left
                    else min(length, 0.5 * left if length > 0.5 * left else length)
                )
                if length < 1e-13 * max(self.t[-1], 1e-6 / self.reach):
                    return f"stopped at t={self.t[-1]:g}: the step cannot be made small enough"
                if len(self.pulls) >= STEPS:
                    return f"stopped at t={self.t[-1]:g}: more than {STEPS} steps"
                step = Step(self, length)
                with np.errstate(over="ignore", invalid="ignore"):  # a step too long may overflow
                    solved = step.solve()
                if solved and step.error <= self.rtol:
                    self.accept(step, t_end)
                    bar.update(step.length)
                length = step.next_length()
        return None

    def first_length(self, t_end):
        """A step over which no neuron gains more than a tenth of rapidity at the first pulls."""
        g = self.loss.pull(self.f[0], self.data.y)
        return min(t_end, 0.1 / max(self.reach * np.linalg.norm(g), 1e-300))

    def accept(self, step, t_end):
        time = self.t[-1] + step.length
        self.t.append(t_end if abs(time - t_end) <= 1e-14 * t_end else time)
        self.f.append(step.f[-1])
        self.nodes_f = (step.length, step.f)
        self.pulls.append(step.polynomial)
        self.swarm = step.swarm.gathered(step.polynomial, step.length)
        self.logs.append(step.log)
        self.remember()

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

    def network_at(self, time):
        """The network at any time: what `Trajectory.at` calls."""
        return self.swarm_at(time).network()

    def trajectory(self, kept, status):
        if kept is None:
            t, f = np.array(self.t), np.array(self.f)
        else:
            t = kept[kept <= self.t[-1]]
            f = np.array([self.swarm_at(time).outputs() for time in t])
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
        self.error, self.newton = np.inf, None
        self.swarm = self.log = self.polynomial = None

    def guess(self):
        """Outputs at the nodes: the last step's, extrapolated where that is a small change."""
        run, f = self.run, self.run.f[-1]
        constant = np.broadcast_to(f, (3, len(f))).copy()
        if run.nodes_f is None:
            return constant
        length, nodes_f = run.nodes_f
        at = np.concatenate([[-1.0], NODES - 1]) * length
        coefficients = np.linalg.solve(np.vander(at / length, increasing=True), [run.f[-2], *nodes_f])
        guess = np.vander(NODES * self.length / length, 4, increasing=True) @ coefficients
        size = np.abs(guess - f).max()
        return guess if size < 0.5 else constant

    def solve(self):
        """Sweep until the pulls at the nodes are those of the outputs; whether that was reached."""
        run, loss, y = self.run, self.run.loss, self.run.data.y
        before = np.inf
        for sweep in range(SWEEPS):
            pulls = loss.pull(self.f, y)
            if (
                not np.isfinite(pulls).all()
                or self.length * run.reach * np.linalg.norm(pulls, axis=1).max() > 300
            ):
                return False
            self.polynomial = TO_POLYNOMIAL @ pulls
            try:
                f, self.swarm, self.log = run.swarm.move(self.polynomial, self.length, NODES, run.t[-1])
            except EndlessEvents:
                return False
            if not np.isfinite(f).all():
                return False
            defect = loss.pull(f, y) - pulls
            miss = self.length * run.reach * np.linalg.norm(defect, axis=1).max()
            if miss <= SLACK * run.rtol:
                self.f = f
                self.error = self.estimate()
                return np.isfinite(self.error)
            if not np.isfinite(miss) or miss > 2 * before or (sweep > 6 and miss > 0.5 * before):
                return False
            before = miss
            self.f = self.improved(f)
        return False

    def improved(self, f):
        """The outputs to try next: those of the sweep, or a Newton step where the fit is stiff."""
        if self.newton is None:
            self.newton = Newton(self.run, self.length)
        return f if not self.newton.stiff else self.f + self.newton.correction(f - self.f)

    def estimate(self):
        """The rapidity by which the parabola misses the pulls at the start of the step."""
        run = self.run
        miss = run.loss.pull(run.f[-1], run.data.y) - self.polynomial[0]
        if self.newton is not None and self.newton.stiff:
            miss = self.newton.filtered(miss)
        return MISS * self.length * run.reach * np.linalg.norm(miss)

    def next_length(self):
        """Error and length are related by the fourth power; failed sweeps ask for much less."""
        if self.swarm is None or not np.isfinite(self.error):
            return 0.25 * self.length
        factor = 0.9 * (self.run.rtol / max(self.error, 1e-300)) ** 0.25
        return self.length * min(max(factor, 0.1), 4.0)


class Newton:
    """Newton's method for the outputs at the nodes, with the tangent kernel at the start of the step."""

    def __init__(self, run, length):
        f, y, loss = run.f[-1], run.data.y, run.loss
        step = 1e-6 * np.maximum(1.0, np.abs(f))
        slope = (loss.pull(f + step, y) - loss.pull(f - step, y)) / (2 * step)
        kernel = run.swarm.kernel(run.data)
        self.jacobian = length * kernel * slope
        self.stiff = np.abs(self.jacobian).sum(axis=1).max() > 0.3
        if self.stiff:
            one = np.eye(len(f))
            self.factors = [lu_factor(one - value * self.jacobian) for value in self.eigenvalues()]

    @staticmethod
    def eigenvalues():
        return [EIGENVALUES[i].real if i == REAL else EIGENVALUES[i] for i in range(3)]

    def correction(self, residual):
        """The solution δ of `(I - A ⊗ J) δ = residual`, by the eigenvectors of A."""
        turned = np.linalg.solve(EIGENVECTORS, residual.astype(complex))
        solved = np.array([lu_solve(factor, row) for factor, row in zip(self.factors, turned)])
        return (EIGENVECTORS @ solved).real

    def filtered(self, miss):
        """`miss` without the part that the fit has long relaxed (Hairer and Wanner, (8.20))."""
        return lu_solve(self.factors[REAL], miss.astype(complex), trans=1).real


def _bar(t_end, progress):
    from tqdm.auto import tqdm

    return tqdm(total=t_end, disable=not progress, desc="gradient flow", unit="t")
