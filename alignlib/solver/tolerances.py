"""What counts as zero, how exact is exact enough, and when to give up: every such number of the solver.

ε is the rounding of a number, 2.2e-16. Shares of a size are some rounding of that size; shares of `rtol`
add up to what the user allows; limits end what would not end. *By trial* says of a number that another one
would serve as well: it moves the cost, and digits beyond `rtol`. Left where they are used are facts (nodes,
weights and error constants of a formula), and the sizes of chunks, blocks and cells, which are costs alone.
"""

import numpy as np

# Rounding: what is smaller than this share counts as zero
# ---------------------------------------------------------


def rounding(dim):
    """The share of `‖a‖‖b‖` below which `⟨a, b⟩`, or the change of `‖a‖²`, is rounding.

    Two units in the last place of every entry of a and b make eight ε (half of them in `⟨a, b⟩`), and
    the sum over `dim` products some √dim more. So a number that is zero in exact arithmetic counts as
    zero, however it was computed and stored.
    """
    return (8 + 2 * np.sqrt(dim)) * np.finfo(float).eps


PARALLEL = 1e-14  # samples whose unit vectors are closer than this, 45 ε, share one wall
NEAR = 1e-13  # of the pulls: a coefficient is at its bound, a velocity zero; 450 ε, for they are long sums
# ‖w_⊥‖² below this share of the largest ‖w‖² (a length of 140 ε) is rounding, more so where D is a small
# difference of large pulls: such a neuron counts as exactly along D, or as opposed to it for ever.
OPPOSED = 1e-27
CENTRE = 1e-12  # heights that fall to this share of theirs all at once are all zero: ten times NEAR
FADED = 1e-9  # ⟨w, D⟩ that falls to this share says that CENTRE may be true: a pass over the walls decides
RIDGE = 1e-15  # added to a tight Gram matrix, per wall, makes coefficients unique and moves them by 5 ε
LIGHT = 1e-12  # v with |v| ≥ (1 - LIGHT) ‖w‖ does not change its sign: balanced but for rounding
INVARIANT = 4e-15  # ‖w‖² - v² below this share of ‖w‖² is zero: `rounding` of 25 inputs
NOISE = 1e-14  # a height below this share of ‖w‖ and its change, on the wrong side, is rounding: 45 ε
ROOT = 1e-14  # the time of an event is known to this share of the step: 45 ε of its end
CLOSE = 1e-7  # within this rapidity v may turn and turn back unseen: |v| stays below that share of ‖w‖
CANCELS = 0.01  # v + b or v - b below this share of v is had from ‖w_⊥‖, for more than two digits cancel
ORIGIN = 1e-8  # b of a neuron opposed to D that falls to this share, √ε, is 0: there all walls meet

# Sizes: squares and quotients must be numbers
# ---------------------------------------------
SMALLEST = 1e-140  # below, squares of weights underflow
LARGEST = 1e150  # above, squares of pulls and of the weight decay overflow
TINY = 1e-280  # a height that is divided by is at least this
FASTEST = 300.0  # a neuron may gain so much rapidity in a step; `cosh` overflows at 710

# Shares of `rtol`, the rapidity that a step may err by
# ------------------------------------------------------
SOLVED = 0.02  # the equations of a step are solved to this share, little beside the error of the parabola
SETTLED = 0.2  # pulls that moved by no more, ten times SOLVED, have not moved
FLOOR = 1e-4  # a smaller share of error is rounding, which must not steer; growth is capped long before
# A neuron held on its walls stays while letting go would change its rapidity by less than this share, were
# it so since t = 0: over a step only, many short steps would add up (dense `t_save`).
HELD = 0.1
STEADY = 1e3  # times rtol²: where H² ‖D'‖² is below, two boosts err by less than a tenth of rtol, unasked

# Lengths of steps
# -----------------
FIRST = 0.1  # rapidity of the fastest neuron in the first step: little beside the 1 in which one turns
SAFETY, SHRINK, GROW = 0.9, 0.1, 4.0  # of the next length: by trial
UNKNOWN = 0.25  # the next length over this, after an attempt that found no pulls: by trial
RELAXED = 10.0  # weight decay times length at most, the rapidity gained in balance with it: by trial
SURE = 0.1  # weight decay times length to which attempts in vain may shorten those to come: by trial
CRUMB = 1e-3  # a step that would leave this share of the way to its stop goes there

# Newton's method in a step
# --------------------------
STALE = 0.1  # a matrix that leaves more than this share of the defect is made anew: by trial
ALIKE = 0.3  # or one that the slopes of a new step would change by this share: by trial
FAR = 0.5  # a guess that changes outputs by this, and pulls by this share, is no guess: by trial
PLAIN = 2  # attempts without a solution, while t grows tenfold, after which a run is careful: by trial
OFTEN = 100  # and after which attempts in vain shorten those to come: by trial
SLOPE = 1e-6  # the change of outputs over which pulls are differenced: errs by 1e-10, far less than ALIKE

# When to give up
# ----------------
SWEEPS = 12  # of one step
LATE = 6  # sweeps in which the defect may even grow twofold
SLOW = 0.5  # a later one that leaves more of it than this share is the last
SLOW_WITH_DECAY = 0.6  # Newton's matrix leaves up to 0.56 then, whatever the length (tests/test_decay.py)
STEPS = 100_000  # of a run
TRIES = 100  # attempts at one step; each asks for at most SAFETY of the length of the one before
UNSOLVED = 1000  # attempts without a solution while t grows tenfold: rounding, or too sharp a loss, steers
SHORTEST = 1e-13  # a step of this share of t is the rounding of t
HALVED = 1e-6  # an interval is halved to this share of a step at most: the error falls as the fifth power
MEETINGS = 100  # of a neuron in a step, for each wall and ten more: it meets them without time going on
EVENTS = 1000  # of a neuron in the early phase, for each wall and ten more: likewise
AHEAD = 1e-9  # where the rule sees no reason to change, it looks so far ahead, then four times as far

# What a run may take
# --------------------
MEMORY = 2**28  # bytes of the states that `replay` keeps
LATEST = 250.0  # exponent of growth up to the default end of an early flow: its square is finite
