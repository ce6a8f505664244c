"""The inside of the flows: not a public interface, but a house to be read. Here is its map.

A neuron feels the others only through the n pulls. So both flows come down to one question: where does a
neuron go under pulls that are given? Data in: weights `w (h, d)`, `v (h,)` and the pulls of the samples.
Data out: weights, sides, outputs, and a log of what happened at the walls.

One step of the full flow, of length H
--------------------------------------
    collocation   pulls at three points of the step are guessed: a parabola in time
      swarm         every neuron is moved under it: those in cells together, the others each on its own
        advance       one neuron from event to event, some thousand neurons at a time, on all threads
          search        the first event of an interval: a wall is met, or v changes its sign
            interval      the neuron at the end of an interval: two boosts
          sliding       the rule at the wall: cross, slide, or be released, and until when it slides
            filippov      the rule itself, for any number of walls at once
    collocation   the outputs say what the pulls should have been; a Newton step corrects the guess, until
                  they agree; the error says how long the next step may be (`alignlib.flow` refuses
                  this one if it is above `rtol`)
    groups        neurons far from the walls are gathered into cells
    replay        the accepted step is kept: from kept states the network at any time is followed again

The early phase is one such step of any length, for there the pulls do not change: `constant` hands the
neurons to `polygon`, which goes from wall to wall in closed form (`boost`), by the same rule (`filippov`),
and notes in `course` what it knows of the way.

Where is …?
-----------
the geometry, and what a sample does to a wall    walls
the slope of σ on its negative side               walls: it changes the two pulls of a wall, and the outputs
a loss                                            `alignlib.loss`: here only its pulls are known
the closed form under one D                       boost
the rule for two walls at once                    filippov
an interval is halved                             interval (its error), search (v may turn)
the pulls of a step are found                     collocation (Newton's method), swarm (the tangent kernel)
the length of the next step is chosen             collocation (`next_length`), `alignlib.flow` (stops)
a step is refused, a run given up                 `alignlib.flow`
an event may be missed                            search (what is guaranteed), sliding (a release)
a sliding neuron is released                      sliding (when), filippov (where to), swarm (a cell);
                                                    in the early phase polygon
a neuron comes to w = 0 and rests                 advance, and polygon in the early phase (`_rest`)
weight decay                                      swarm: after each step all weights shrink, to 0 in the end
who moves as one                                  groups (the rule), cells (the algebra), swarm (its end)
what is written down at an event, and read of it  events
what `path.at` calls, and what memory it takes    replay
what counts as zero, and every other such number  tolerances
what Numba needs, and plain loops                 compiled
where the compiled code is kept                   cache
how neurons are divided, and who moves them       swarm and constant cut chunks; threads runs them

Rooms, in the order in which they may import each other
-------------------------------------------------------
tolerances, cache, threads -> compiled -> walls -> boost, events -> filippov, course, interval
-> polygon, search, sliding -> constant, advance -> cells -> swarm -> groups -> collocation -> replay
"""
