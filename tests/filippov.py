"""An independent solution of the flow, slow and simple: DOP853, restarted at every event.

Written in samples, not walls, for data without parallel samples: each neuron carries for every sample
one of ON, OFF and ON_IT (it slides on the hyperplane), and feels it with the slope 1, α or what the
hyperplane asks for between them. On a hyperplane SciPy's bounded least squares
finds Filippov's `D`, the shortest of the convex hull. Shares no code with the solver it tests.
"""

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import lsq_linear

OFF, ON, ON_IT = 0, 1, 2


def kind(came, went):
    """What an event is called in `Trajectory.events`."""
    return "slide" if went == ON_IT else "release" if came == ON_IT else ("deactivate", "activate")[went]


def follow(net, data, loss, t_end, constant=False, rtol=1e-12, log=None):
    """The weights at `t_end`, the number of events and of slides; `constant`: pulls of the start.

    Events are appended to the list `log` as (time, neuron, sample, kind), as in `Trajectory.events`.
    """
    h, d, n, x, slope = net.width, net.dim, data.n, data.x, net.negative_slope
    scale = max(np.abs(net.w).max(), np.abs(net.v).max())
    mode = np.where(net.w @ x.T > 0, ON, OFF)
    g0 = loss.pull(np.zeros(n), data.y)

    def split(state):
        return state[: h * d].reshape(h, d), state[h * d :]

    def felt(mode):
        """The slope of σ: 1, α, and 0 for the hyperplanes that a neuron slides on."""
        return np.where(mode == ON, 1.0, np.where(mode == OFF, slope, 0.0))

    def pulls(w, v):
        return g0 if constant else loss.pull(v @ (felt(mode) * (w @ x.T)), data.y)

    def shares(j, g):
        """The D without the tight samples, which they are, and their shares in (α, 1) while sliding."""
        tight = np.flatnonzero(mode[j] == ON_IT)
        base = (g * felt(mode[j])) @ x
        columns = (g[tight, None] * x[tight]).T
        share = np.linalg.lstsq(columns, -base, rcond=None)[0] if tight.size else np.zeros(0)
        return base, tight, columns, share

    def field(t, state):
        w, v = split(state)
        g = pulls(w, v)
        dw, dv = np.empty_like(w), np.empty_like(v)
        for j in range(h):
            base, tight, columns, share = shares(j, g)
            pull = base + (columns @ share if tight.size else 0)
            dw[j], dv[j] = v[j] * pull, w[j] @ pull
        return np.concatenate([dw.ravel(), dv])

    def events():
        found = []
        for j in np.flatnonzero(
            (felt(mode) != 0).any(axis=1) | (mode == ON_IT).any(axis=1)
        ):  # not the dead
            for k in range(n):
                if mode[j, k] == ON_IT:
                    for sign in (slope, 1):

                        def leaves(t, state, j=j, k=k, sign=sign):
                            _, tight, _, share = shares(j, pulls(*split(state)))
                            return share[list(tight).index(k)] - sign

                        found.append((leaves, 1 if sign == 1 else -1, j, k))
                else:

                    def height(t, state, j=j, k=k):
                        return split(state)[0][j] @ x[k] / scale

                    found.append((height, -1 if mode[j, k] == ON else 1, j, k))
            if (mode[j] == ON_IT).any():
                found.append((lambda t, state, j=j: split(state)[1][j] / scale, 0, j, -1))
        for function, direction, _, _ in found:
            function.terminal, function.direction = True, direction
        return found

    def settle(j, touched, w, v):
        """Which way at the hyperplanes touched: all attracting ones at once, by least squares."""
        g = pulls(w, v)
        sign = np.sign(v[j])
        for k in touched:
            if sign * g[k] >= 0 or slope == 1:
                if mode[j, k] != ON_IT:
                    mode[j, k] = ON if mode[j, k] == OFF else OFF
                else:  # where both sides push away σ'(0) = 0 decides
                    base = (g * felt(mode[j])) @ x
                    mode[j, k] = ON if slope and sign * base @ x[k] > 0 else OFF
        tight = [k for k in touched if sign * g[k] < 0 and slope < 1]
        if tight:
            mode[j, tight] = ON_IT
            base = (g * felt(mode[j])) @ x
            columns = (g[tight, None] * x[tight]).T
            share = lsq_linear(columns, -base, (slope, 1), method="bvls", tol=1e-15).x
            mode[j, tight] = np.where(share < slope + 2e-8, OFF, np.where(share > 1 - 2e-8, ON, ON_IT))

    state, t, count, slides = np.concatenate([net.w.ravel(), net.v]), 0.0, 0, 0
    while t < t_end:
        found = events()
        run = solve_ivp(
            field,
            (t, t_end),
            state,
            "DOP853",
            rtol=rtol,
            atol=1e-15 * scale,
            events=[function for function, *_ in found],
        )
        assert run.status >= 0, run.message
        state, t = run.y[:, -1], run.t[-1]
        if run.status == 1:
            count += 1
            assert count < 10_000
            # Neurons in the same place leave together; only one of them stops the integrator.
            due = [
                times.size or (k >= 0 and mode[j, k] == ON_IT and abs(function(t, state)) < 1e-8)
                for times, (function, _, j, k) in zip(run.t_events, found)
            ]
            for happens, (_, _, j, k) in zip(due, found):
                if happens:
                    w, v = split(state)
                    touched = np.flatnonzero(mode[j] == ON_IT)
                    if k < 0:
                        v[j] = np.copysign(1e-300, field(t, state)[h * d + j])
                    elif mode[j, k] != ON_IT:
                        touched = np.append(touched, k)
                    before = (mode == ON_IT).sum()
                    came = mode[j].copy()
                    settle(j, touched, w, v)
                    if log is not None:
                        log += [
                            (t, j, k, kind(came[k], mode[j, k])) for k in np.flatnonzero(came != mode[j])
                        ]
                    slides += (mode == ON_IT).sum() > before
    return (*split(state), count, slides)
