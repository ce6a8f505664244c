"""Dense output: the steps that a run has accepted, and the network at any time in them.

Neurons feel each other only through the pulls, and in an accepted step those are known. So what is between
two kept states is not interpolated but followed again, exactly, and a state that is not kept is not lost.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from alignlib.network import Network
from alignlib.solver import events
from alignlib.solver.collocation import NODES
from alignlib.solver.swarm import Swarm
from alignlib.solver.tolerances import MEMORY


@dataclass(frozen=True, eq=False)
class Accepted:
    """A step: the pulls in it (None at the start), its log, and time, outputs and state at its end.

    `swarm` is None where it is not kept.
    """

    t: float
    f: np.ndarray
    swarm: Swarm | None
    pulls: np.ndarray | None
    log: np.ndarray


class Replay:
    """The steps accepted so far, from the start of `net`.

    Each is appended whole, and all that a trajectory says is read from `steps`: so an interrupt, wherever
    it comes, leaves the run as it was before the step or after it.
    """

    def __init__(self, net, swarm, outputs):
        self.net, self.walls, self.weight_decay = net, swarm.walls, swarm.weight_decay
        self.start_sides = swarm.side
        self.steps = [Accepted(0.0, outputs, swarm, None, events.new_log(0)[:0])]
        self.every, self.held, self.shared = 1, 0, {}  # which states are kept, bytes, arrays of the last

    def __getstate__(self):
        """Without what is known by addresses in this process, and serves only to go on."""
        return {name: value for name, value in vars(self).items() if name != "shared"}

    @cached_property
    def unseen(self):
        """What no sample sees of the weights of the start, (h, d)."""
        return self.walls.outside(self.net.w)

    @property
    def now(self):
        """The last step; its state is always kept."""
        return self.steps[-1]

    @property
    def swarm(self):
        """The state at the end of the last step."""
        return self.now.swarm

    def begin(self, swarm):
        """The state at the start is this one: the same, its cells made anew."""
        self.steps[0] = replace(self.steps[0], swarm=swarm)

    def append(self, step):
        """One more step."""
        self.steps.append(step)
        self.thin()

    def thin(self):
        """Forget the state before the last if it is not wanted; every other one when memory fills up.

        What has no state is replayed from the one before, so it does not matter which steps have theirs.
        """
        number = len(self.steps) - 2
        if number % self.every:
            self.steps[number] = replace(self.steps[number], swarm=None)
            return
        swarm = replace(self.steps[number].swarm)  # without what it has cached
        self.steps[number] = replace(self.steps[number], swarm=swarm)
        arrays = swarm.arrays()
        self.held += sum(size for key, size in arrays.items() if key not in self.shared)
        self.shared = arrays
        while self.held > MEMORY and self.every < number:
            self.halve()

    def halve(self):
        """Forget every other state but the last, and count again what is held."""
        self.every *= 2
        arrays = {}
        for number, step in enumerate(self.steps[:-1]):
            if number % self.every:
                self.steps[number] = replace(step, swarm=None)
            else:
                arrays |= step.swarm.arrays()
        self.held = sum(arrays.values())

    def swarm_at(self, time):
        """The state at any time: from the last one kept, through the pulls of the steps, known by now."""
        last = bisect_right(self.steps, time, key=_time) - 1
        first = next(number for number in range(last, -1, -1) if self.steps[number].swarm is not None)
        swarm = replace(self.steps[first].swarm)  # what `move` caches goes with it
        for number in range(first, last + (time > self.steps[last].t)):
            start, step = self.steps[number].t, self.steps[number + 1]
            length = step.t - start
            share = (time - start) / length if time < step.t else 1.0
            nodes = np.append(NODES[share > NODES], share)  # the same intervals as in the step
            _, swarm, _ = swarm.move(step.pulls, length, nodes, start)
        return swarm

    def outputs_at(self, time):
        """The outputs `f(x_k)` at any time, (n,)."""
        step = self.steps[bisect_left(self.steps, time, key=_time)]
        return step.f if step.t == time else self.swarm_at(time).outputs()

    def network_at(self, time):
        """The network at any time: what `Trajectory.at` calls.

        A swarm has w = 0 for a neuron that rests, and has forgotten what no sample sees of it, also when
        the neuron is let go: that is still that of the start.
        """
        net = self.swarm_at(time).network()
        leaky = self.walls.negative_slope != 0.0  # else a neuron that rests is never let go
        if not leaky and net.w.any(axis=1).all():
            return net
        kept = self.unseen * np.exp(-self.weight_decay * time)
        there = self.walls.outside(net.w) if leaky and kept.any() else net.w
        lost = 2 * np.linalg.norm(there, axis=1) < np.linalg.norm(
            kept, axis=1
        )  # rounding may be left of it
        if not lost.any():
            return net
        w = net.w.copy()
        w[lost] += (kept - there)[lost]
        return Network(w, net.v, net.negative_slope)

    def patterns_at(self, time):
        """Where every neuron is then: what `Trajectory.patterns` calls."""
        return self.walls.patterns(self.swarm_at(time).sides())

    def log(self):
        """All that happened at the walls, of dtype `events.LOG`."""
        return np.concatenate([step.log for step in self.steps])

    def aligned_since(self, data):
        """The time from which on each neuron stays at its goal, (h,)."""
        signs = np.sign(self.swarm.network().v)
        return events.aligned_since(self.log(), self.walls, self.start_sides, self.net.v, signs, data)


def _time(step):
    return step.t
