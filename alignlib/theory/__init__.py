"""Statements of the papers as checks: every `check_…` returns a `Claim`, every `bound_…` a number.

The early phase is in `alignment` and `times`, the fit after it in `fitting`; what follows for ever from one
network is in `certificates` if its loss goes to zero, in `stuck` if it cannot, by `ahead`. Where neurons
align without Assumption 1 is in `thresholds`, what a finite step changes in `steps`, what wakes next at a
plateau in `jumps`.
-> thresholds, steps, jumps, certificates, ahead -> stuck, times -> fitting, alignment
"""

from alignlib.claim import Claim
from alignlib.theory.alignment import (
    check_alignment,
    check_alignment_time,
    check_assumption_1,
    check_assumption_3,
    check_balancedness,
    check_directional_alignment,
    check_nonconvergence,
)
from alignlib.theory.certificates import certify_convergence
from alignlib.theory.fitting import (
    bound_loss,
    bound_stable_rank,
    bound_third_singular_value,
    check_loss_bound,
    check_low_rank,
    check_third_singular_value,
)
from alignlib.theory.jumps import Jump, dormant, next_jumps
from alignlib.theory.steps import bound_descent_time, bound_imbalance, effective_step
from alignlib.theory.stuck import certify_nonconvergence, certify_stuck
from alignlib.theory.thresholds import Settled, check_class_sums, fixed_points, settle, threshold, trap
from alignlib.theory.times import bound_alignment_time, bound_turning_time, sufficient_scale

__all__ = [
    "Claim",
    "Jump",
    "Settled",
    "bound_alignment_time",
    "bound_descent_time",
    "bound_imbalance",
    "bound_loss",
    "bound_stable_rank",
    "bound_third_singular_value",
    "bound_turning_time",
    "certify_convergence",
    "certify_nonconvergence",
    "certify_stuck",
    "check_alignment",
    "check_alignment_time",
    "check_assumption_1",
    "check_assumption_3",
    "check_balancedness",
    "check_class_sums",
    "check_directional_alignment",
    "check_loss_bound",
    "check_low_rank",
    "check_nonconvergence",
    "check_third_singular_value",
    "dormant",
    "effective_step",
    "fixed_points",
    "next_jumps",
    "settle",
    "sufficient_scale",
    "threshold",
    "trap",
]
