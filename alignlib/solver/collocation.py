"""One step of the flow: the pulls at three points of it, found so that they are those of the outputs.

At the three Radau points of the step the pulls are to equal the pulls of the outputs there, while every
neuron moves exactly, events included, under the parabola through them (modules `interval` to `swarm`). This
is Radau IIA collocation, of order five, stable however stiff the fit becomes, whose unknowns are 3n numbers
whatever the width. They are found by sweeps over the neurons, each mended by a Newton step.
"""

import numpy as np
from scipy.linalg.lapack import dgetrf, dgetrs, zgetrf, zgetrs

from alignlib.solver.swarm import StepTooLong
from alignlib.solver.tolerances import (
    ALIKE,
    FAR,
    FLOOR,
    GROW,
    LATE,
    SAFETY,
    SETTLED,
    SHRINK,
    SLOW,
    SLOW_WITH_DECAY,
    SOLVED,
    STALE,
    SWEEPS,
    UNKNOWN,
)

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
# A step too long may overflow, and one that is nearly nothing has no order: both are found, without a word.
quiet = np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore")


class Step:
    """One attempt at a step of the given length from the end of `run`."""

    @quiet
    def __init__(self, run, length):
        self.run, self.length, self.decay = run, length, length * run.weight_decay
        self.f = self.guess()
        self.error, self.slope, self.fresh = np.inf, None, False
        self.swarm = self.log = self.polynomial = None
        self.gains = SLOW_WITH_DECAY if self.decay else SLOW

    def guess(self):
        """Outputs at the nodes: those last computed, extrapolated where that is a small change."""
        run, f = self.run, self.run.now.f
        constant = np.broadcast_to(f, (3, len(f))).copy()
        if run.known is None:
            return constant
        offset, length, known = run.known
        if run.careful and self.settled(known, length):
            return constant
        at = offset / length + np.append(0.0, NODES)
        coefficients = np.linalg.solve(np.vander(at, increasing=True), known)
        guess = np.vander(NODES * self.length / length, 4, increasing=True) @ coefficients
        if np.abs(guess - f).max() < FAR:
            return guess
        # Outputs of another size than one may change by more, if the pulls do not follow.
        now, then = run.loss.pull(f, run.data.y), run.loss.pull(guess, run.data.y)
        return guess if np.abs(then - now).max() < FAR * np.abs(now).max() else constant

    def settled(self, known, length):
        """Whether the pulls have moved by no more than the last equations were solved to, or could be.

        That is noise, which near a stationary point, over long steps, must not be extrapolated: it would
        throw neurons over walls beside them.
        """
        run = self.run
        moved = run.loss.pull(known, run.data.y) - run.loss.pull(run.now.f, run.data.y)
        noise = max(SETTLED * run.rtol, self.rounding(length))
        return length * run.reach * np.linalg.norm(moved, axis=1).max() <= noise

    def rounding(self, length):
        """The miss that rounding makes in a step of this length: a stiff fit blows up that of the pulls."""
        run = self.run
        if run.newton is None:
            return 0.0
        pulls = np.abs(run.loss.pull(run.now.f, run.data.y)).max()
        moved = np.finfo(float).eps * length * run.newton.scale * pulls  # outputs, by the noise of pulls
        return length * run.reach * moved * np.linalg.norm(run.slope())

    @quiet
    def solve(self):
        """Sweep until the pulls at the nodes are those of the outputs; whether that was reached."""
        run, before = self.run, np.inf
        for sweep in range(SWEEPS):
            pulls = run.loss.pull(self.f, run.data.y)
            if not np.isfinite(pulls).all():
                return False
            self.polynomial = TO_POLYNOMIAL @ pulls
            try:
                f, self.swarm, self.log = run.swarm.move(self.polynomial, self.length, NODES, run.now.t)
            except StepTooLong:
                return False
            defect = run.loss.pull(f, run.data.y) - pulls
            miss = self.length * run.reach * np.linalg.norm(defect, axis=1).max()
            stuck = miss > (2.0 if sweep <= LATE else self.gains) * before
            if miss <= SOLVED * run.rtol or (stuck and self.rounded(f, miss)):
                self.f, self.error = f, self.estimate()
                run.known = 0.0, self.length, np.vstack([run.now.f, f])
                return np.isfinite(self.error)
            if stuck or not np.isfinite(miss):
                return False
            try:
                self.f = self.improved(f, miss / before)
            except np.linalg.LinAlgError:
                return False
            before = miss
        return False

    def rounded(self, f, miss):
        """Whether this miss is rounding, and Newton's method would add nothing to the pulls for it."""
        if miss > self.rounding(self.length):
            return False
        change = self.slope * self.run.newton.correction(f - self.f)
        return self.run.reach * np.linalg.norm(change, axis=1).max() <= SOLVED * self.run.rtol

    def improved(self, f, rate):
        """The outputs to try next, by a Newton step; its matrix is kept while it serves."""
        run = self.run
        if self.slope is None:
            self.slope = self.length * run.slope()
            self.fresh = run.newton is None or not run.newton.serves(self.slope, self.decay)
            stale = self.fresh
        else:
            stale, self.fresh = rate > STALE and not self.fresh, self.fresh or rate > STALE
        if stale:
            grows = run.swarm.growth(run.data) if self.decay else None
            kernel = run.swarm.kernel(run.data, held=run.careful)
            run.newton = Newton(kernel, self.slope, grows, self.decay)
        return self.f + run.newton.correction(f - self.f)

    def estimate(self):
        """The rapidity by which the parabola misses the pulls at the start of the step."""
        run = self.run
        miss = run.loss.pull(run.now.f, run.data.y) - self.polynomial[0]
        if run.newton is not None:
            miss = run.newton.filtered(miss)
        return MISS * self.length * run.reach * np.linalg.norm(miss)

    @quiet
    def next_length(self):
        """Error and length are related by the fourth power; failed sweeps ask for much less.

        Where the last step is known too, its change of error foretells the next (Gustafsson, 1994).
        """
        if not np.isfinite(self.error):
            return UNKNOWN * self.length
        share = max(self.error / self.run.rtol, FLOOR)
        factor = SAFETY * share**-0.25
        length, error = self.run.last
        if share <= 1.0 and np.isfinite(error):
            trend = self.length / length * (max(error / self.run.rtol, FLOOR) / share) ** 0.25
            factor = min(factor, factor * trend)
        most = 1.0 if self.run.tries else GROW  # not longer at once after an attempt in vain
        return self.length * min(max(factor, SHRINK), most)


class Newton:
    """Newton's method for the outputs at the nodes, with the tangent kernel at the start of a step.

    Weight decay, `decay` in a step, lets a neuron forget what has turned it, but not what has let it grow,
    for at rest growth and decay are in balance. So only `grows`, the part of the kernel that moves balanced
    neurons along themselves, is summed up over the step. What the rest does to the outputs obeys
    `ḟ = K g - decay f`, for which an eigenvalue a of Radau's matrix becomes `a / (1 + a decay)`.
    """

    def __init__(self, kernel, slope, grows=None, decay=0.0):
        self.slope, self.decay, self.scale = slope, decay, np.abs(kernel).sum(axis=1).max()

        def matrix(a):
            seen = grows + (kernel - grows) / (1.0 + a * decay) if decay else kernel
            return np.eye(len(slope)) - a * (seen * slope)

        self.real = _factors(dgetrf, matrix(EIGENVALUES[REAL].real))
        self.complex = _factors(zgetrf, matrix(EIGENVALUES[COMPLEX]))

    def serves(self, slope, decay):
        """Whether these, times the length of the step, would give about the same matrix."""
        change, size = np.abs(slope - self.slope).max(), np.abs(self.slope).max()
        forgets = abs(decay - self.decay) <= ALIKE * (1.0 + self.decay)
        return forgets and self.scale * change <= ALIKE * (1.0 + self.scale * size)

    def correction(self, residual):
        """The solution δ of `(I - A ⊗ J) δ = residual`, by the eigenvectors of A."""
        turned = INVERSE @ residual
        real, _ = dgetrs(*self.real, turned[REAL].real)  # the wrapper of SciPy costs ten times as much
        pair, _ = zgetrs(*self.complex, turned[COMPLEX])
        return (
            np.outer(EIGENVECTORS[:, REAL].real, real) + 2 * np.outer(EIGENVECTORS[:, COMPLEX], pair).real
        )

    def filtered(self, miss):
        """`miss` without the part that the fit has long relaxed (Hairer and Wanner, (8.20))."""
        return dgetrs(*self.real, miss, trans=1)[0]


def _factors(getrf, matrix):
    """LU factors and pivots; LinAlgError if the matrix is singular (SciPy's `lu_factor` only warns)."""
    lu, pivots, singular = getrf(matrix)
    if singular:
        raise np.linalg.LinAlgError
    return lu, pivots
