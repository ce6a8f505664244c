"""The two linear halves of a network after alignment, as chapter 4 measures them.

Once every neuron is at its goal each class has a linear network of its own. A `Half` is one of them: it
reads off a network what the theorems of the chapter speak of. Exponential loss, summed over the samples.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.integrate import solve_ivp
from scipy.special import logsumexp, softmax
from sklearn.svm import SVC

import alignlib as al

RISEN = 1e-3  # ln(1/L) below it is a difference of nearly equal numbers


@dataclass(frozen=True, eq=False)
class Half:
    """One class: its samples (m, d), the neurons that serve it (h,), its label."""

    x: np.ndarray
    rows: np.ndarray
    label: float

    def part(self, net):
        """The neurons that serve the class, as a network."""
        return net.some(self.rows)

    def beta(self, net):
        """`label · Σ v_j w_j` (d,): the samples of the class have the margins `⟨β, x_k⟩ = y_k f(x_k)`."""
        part = self.part(net)
        return self.label * (part.v @ part.w)

    def log_inverse_loss(self, net):
        """`ln(1/L)` of the class."""
        return log_inverse_loss(self.x, self.beta(net))

    def speed(self, net):
        """`d(1/L)/dt = (‖v‖²‖D‖² + ‖W D‖²)/L²`: from the state, so that no two losses are subtracted."""
        part = self.part(net)
        pull = softmax(-self.x @ self.beta(net)) @ self.x
        return (part.v**2).sum() * (pull @ pull) + ((part.w @ pull) ** 2).sum()

    def lag(self, net):
        """`C = γ‖v‖² - ln(1/L)`: it never rises, and is never negative from a balanced start."""
        return self.margin * (self.part(net).v ** 2).sum() - self.log_inverse_loss(net)

    def speed_over_bound(self, net):
        """`d(1/L)/dt` over `2 γ ln(1/L)`, which it is never below; nan while `L ≥ 1`."""
        low = self.log_inverse_loss(net)
        return self.speed(net) / (2 * self.margin * low) if low > RISEN else np.nan

    def sharper(self, net):
        """`d(1/L)/dt` over `2 γ Σ p_k y_k f(x_k)`, p_k the shares of the loss: the bound before ln(1/L)."""
        margins = self.x @ self.beta(net)
        return self.speed(net) / (2 * self.margin * (softmax(-margins) @ margins))

    def angle(self, net):
        """Degrees between β and the direction of the largest margin."""
        return angle(self.beta(net), self.direction)

    def depth_and_angle(self, betas):
        """`ln(1/L)` and the degrees to the largest margin, for each β."""
        return [log_inverse_loss(self.x, b) for b in betas], [angle(b, self.direction) for b in betas]

    @cached_property
    def direction(self):
        return max_margin(self.x)

    @cached_property
    def margin(self):
        """γ: the largest `min_k ⟨u, x_k⟩` over unit vectors u."""
        return (self.x @ self.direction).min()


def halves(path, t2):
    """The positive and the negative half of a run in which every neuron is at its goal at `t2`."""
    plus, minus, _ = al.geometry.subnetworks(path, t2)
    x, y = path.data.x, path.data.y
    return [Half(x[y == label], rows, label) for rows, label in ((plus, 1.0), (minus, -1.0))]


def max_margin(x):
    """The unit vector with the largest smallest product with the rows of x, by scikit-learn's linear SVM.

    The samples and their mirror images are the two classes, so that the plane goes through the origin.
    """
    both, side = np.vstack([x, -x]), np.repeat([1, -1], len(x))
    normal = SVC(kernel="linear", C=1e9, tol=1e-9).fit(both, side).coef_[0]
    return normal / np.linalg.norm(normal)


def log_inverse_loss(x, beta):
    """`ln(1/Σ e^{-⟨β, x_k⟩})`, also where the loss underflows."""
    return -logsumexp(-x @ beta)


def angle(a, b):
    """Degrees between two vectors; precise also where they are nearly parallel."""
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    return np.degrees(2 * np.arctan2(np.linalg.norm(a - b), np.linalg.norm(a + b)))


def follow(x, beta, sizes):
    """β (m, d) of a linear half of rank one, from `beta` on, where its norm is each of `sizes`.

    Rank one means `W = v β̂ᵀ`, and then `dβ/dt = ‖β‖ (1 + β̂β̂ᵀ) D`. With the norm itself as the clock the
    right side is bounded, so it may grow to ten thousand, where t is beyond all floats.
    """

    def slope(_, beta):
        pull, unit = softmax(-x @ beta) @ x, beta / np.linalg.norm(beta)
        return (pull / (unit @ pull) + unit) / 2

    span = np.linalg.norm(beta), max(sizes)
    return solve_ivp(slope, span, beta, "LSODA", t_eval=sizes, rtol=1e-10, atol=1e-10).y.T
