/* Gradient flow of two-layer networks in the plane, in the page: f(x) = Σ_j v_j σ(⟨w_j, x⟩).

The small sister of `alignlib` (its notation, its conventions, its rules at the walls), for inputs of two
numbers. No library, no network, no page: Node runs it as it is. Every function takes what it needs and
returns new things; `problem` is {x: [[..], ..], y, loss, slope}, `net` is {w: [[..], ..], v}.

  uniforms, start     random starts, the same numbers as `alignlib.live.start`
  setting             a problem with its walls (module alignlib.solver.walls)
  early               constant pulls: closed form from wall to wall (polygon, boost)
  flow                the full flow: order 5, patterns are state, events are located
  certify             whether training is stuck for ever (theory.certify_stuck)
  extremal            where neurons turn to on the circle
  separation, leaning, threshold, fixedPoints, trap      how far from Assumption 1 (theory.thresholds)
*/

// Losses -------------------------------------------------------------------------------------------------

const softplus = a => a > 0 ? a + Math.log1p(Math.exp(-a)) : Math.log1p(Math.exp(a));
export const LOSSES = {
  exponential: { mean: false, value: (f, y) => Math.exp(-y * f), pull: (f, y) => y * Math.exp(-y * f) },
  logistic: { mean: false, value: (f, y) => softplus(-y * f), pull: (f, y) => y * Math.exp(-softplus(y * f)) },
  squared: { mean: true, value: (f, y) => (f - y) ** 2, pull: (f, y) => 2 * (y - f) },
};

export function lossOf(problem, f) {
  const { value, mean } = LOSSES[problem.loss];
  let total = 0;
  for (let k = 0; k < f.length; k++) total += value(f[k], problem.y[k]);
  return mean ? total / f.length : total;
}

// Random starts ------------------------------------------------------------------------------------------

/** Numbers between 0 and 1 from mulberry32, a counter and a hash of 32 bits. */
export function uniforms(seed, count) {
  return Float64Array.from({ length: count }, (_, i) => {
    const a = (seed + Math.imul(i + 1, 0x6d2b79f5)) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 4294967296;
  });
}

/** A start of kind "balanced", "dominated" or "unbalanced"; four uniforms a neuron, so a wider one extends it. */
export function start(kind, width, scale, seed) {
  const u = uniforms(seed, 4 * width), size = scale / Math.sqrt(width), w = [], v = [];
  for (let j = 0; j < width; j++) {
    const [a, b, c, d] = u.subarray(4 * j, 4 * j + 4);
    const r = size * Math.sqrt(-2 * Math.log(a)), third = size * Math.sqrt(-2 * Math.log(c)) * Math.cos(2 * Math.PI * d);
    w.push([r * Math.cos(2 * Math.PI * b), r * Math.sin(2 * Math.PI * b)]);
    const norm = Math.hypot(...w[j]), sign = d < 0.5 ? 1 : -1;
    v.push(kind === "unbalanced" ? third : sign * (kind === "balanced" ? norm : Math.hypot(norm, third)));
  }
  return { w, v };
}

// Walls --------------------------------------------------------------------------------------------------

const PARALLEL = 1e-12; // unit vectors closer than this share one wall

/** The problem with its walls: sample k is `size_k u_{wall_k}`, u a unit normal; zero samples have no wall. */
export function setting(problem) {
  const u = [], wall = [], size = [];
  for (const [a, b] of problem.x) {
    const length = Math.hypot(a, b), one = [a / length, b / length];
    if (!length) { wall.push(-1); size.push(0); continue; }
    const same = i => Math.abs(u[i][0] * one[1] - u[i][1] * one[0]) <= PARALLEL;
    let i = u.findIndex((_, i) => same(i));
    if (i < 0) i = u.push(one) - 1;
    wall.push(i);
    size.push(u[i][0] * one[0] + u[i][1] * one[1] > 0 ? length : -length);
  }
  const n = wall.length, m = u.length, { loss, y, slope = 0 } = problem;
  return { ...problem, slope, u, wall, size, n, m, rule: LOSSES[loss], y };
}

/** The pulls of the walls, on the + side (`above`) and on the other: sums of g_k size_k over those active there. */
function pullWalls(s, g, below, above) {
  below.fill(0);
  above.fill(0);
  for (let k = 0; k < s.n; k++) {
    if (s.wall[k] < 0) continue;
    const pull = g[k] * s.size[k], [on, off] = s.size[k] > 0 ? [above, below] : [below, above];
    on[s.wall[k]] += pull;
    off[s.wall[k]] += s.slope * pull;
  }
}

/** Pulls of the samples at the outputs f. */
function pullsAt(s, f, g) {
  for (let k = 0; k < s.n; k++) g[k] = s.rule.pull(f[k], s.y[k]) / (s.rule.mean ? s.n : 1);
  return g;
}

const NEAR = 1e-13; // of the pulls: a velocity below this share is zero

/** Where a neuron goes that meets a wall (Filippov): +1, -1, or 0, it slides. `q` is ⟨D without the wall, u⟩,
 *  `sign` that of v, `came` the side it comes from, 0 if it was on the wall. */
function meet(q, below, above, sign, came) {
  const low = Math.min(below, above), high = Math.max(below, above), small = NEAR * (Math.abs(q) + high - low);
  if (sign * (above - below) < 0) { // it attracts
    const a = Math.min(Math.max(-q, low), high), up = Math.abs(a - above), down = Math.abs(a - below);
    return Math.min(up, down) > small ? 0 : up <= down ? 1 : -1;
  }
  let side = came, a = came > 0 ? above : came < 0 ? below : 0;
  for (let tries = 0; tries < 10; tries++) {
    const away = sign * (q + a);
    if (side !== 0 && away * side >= -small) break;
    side = away > small ? 1 : -1;
    a = side > 0 ? above : below;
  }
  return side;
}

/** The `a` that makes Σ a_i u_i orthogonal to the free walls, with the others as they are (Gauss, a tiny ridge). */
function freeOptimum(gram, a, free) {
  const n = a.length, rows = gram.map((line, i) => line.map((one, k) => !free[i] ? +(i === k)
    : (free[k] ? one : 0) + (i === k ? 1e-15 * n : 0)));
  const x = gram.map((line, i) => free[i] ? line.reduce((sum, one, k) => sum - (free[k] ? 0 : one * a[k]), 0) : a[i]);
  for (let i = 0; i < n; i++) {
    let p = i;
    for (let k = i + 1; k < n; k++) if (Math.abs(rows[k][i]) > Math.abs(rows[p][i])) p = k;
    [rows[i], rows[p], x[i], x[p]] = [rows[p], rows[i], x[p], x[i]];
    for (let k = i + 1; k < n; k++) {
      const c = rows[k][i] / rows[i][i];
      for (let l = i; l < n; l++) rows[k][l] -= c * rows[i][l];
      x[k] -= c * x[i];
    }
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i] -= rows[i][k] * x[k];
    x[i] /= rows[i][i];
  }
  return x;
}

/** Into `a` the least ‖Σ a_i u_i‖ over the walls that attract, low ≤ a ≤ high: an active-set method. */
function leastNorm(gram, low, high, a, attract, small) {
  const free = attract.slice(), n = a.length;
  for (let tries = 0; tries < 50 + 20 * n; tries++) {
    const target = freeOptimum(gram, a, free);
    let walk = 1, hit = -1;
    for (let i = 0; i < n; i++) if (free[i] && !(low[i] <= target[i] && target[i] <= high[i])) {
      const part = ((target[i] > high[i] ? high[i] : low[i]) - a[i]) / (target[i] - a[i]);
      if (part <= walk) [walk, hit] = [part, i];
    }
    for (let i = 0; i < n; i++) a[i] += walk * (target[i] - a[i]);
    if (hit >= 0) {
      a[hit] = target[hit] > high[hit] ? high[hit] : low[hit];
      free[hit] = false;
      continue;
    }
    let worst = small, at = -1;
    for (let i = 0; i < n; i++) if (attract[i] && !free[i]) {
      const rise = gram[i].reduce((sum, one, k) => sum + one * a[k], 0), wish = a[i] === high[i] ? rise : -rise;
      if (wish > worst) [worst, at] = [wish, i];
    }
    if (at < 0) return;
    free[at] = true;
  }
}

/** Where a neuron goes that comes to w = 0, on all walls at once; with ReLU it rests, for σ'(0) = 0. */
function meetAll(s, below, above, sign, came) {
  // On the wall where opposite samples share it, it is 0 for both.
  if (s.slope === 0) return Int8Array.from(below, pull => pull !== 0 ? 0 : -1);
  const gram = s.u.map(a => s.u.map(b => a[0] * b[0] + a[1] * b[1])), went = came.slice();
  const low = below.map((one, i) => Math.min(one, above[i])), high = below.map((one, i) => Math.max(one, above[i]));
  const attract = Array.from(below, (one, i) => sign * (above[i] - one) < 0);
  const a = Float64Array.from(came, (side, i) => side ? (side > 0 ? above[i] : below[i])
    : attract[i] ? 0.5 * (low[i] + high[i]) : 0);
  const small = NEAR * Math.max(...low.map((one, i) => high[i] - one));
  for (let tries = 0; tries < 10 + 4 * s.m; tries++) {
    leastNorm(gram, low, high, a, attract, small);
    const turn = went.findIndex((side, i) => {
      const away = sign * gram[i].reduce((sum, one, k) => sum + one * a[k], 0);
      return !attract[i] && (side === 0 || away * side < -small);
    });
    if (turn < 0) break;
    went[turn] = sign * gram[turn].reduce((sum, one, k) => sum + one * a[k], 0) > small ? 1 : -1;
    a[turn] = went[turn] > 0 ? above[turn] : below[turn];
  }
  attract.forEach((one, i) => {
    if (!one) return;
    const up = Math.abs(a[i] - above[i]), down = Math.abs(a[i] - below[i]);
    went[i] = Math.min(up, down) > small ? 0 : up <= down ? 1 : -1;
  });
  return went;
}

/** D of a neuron on these sides; one that slides feels no more than the part along its wall. */
function pulled(s, sides, below, above, d) {
  let d0 = 0, d1 = 0, total = 0, slides = -1, many = false;
  for (let i = 0; i < s.m; i++) {
    if (sides[i] === 0) { many = slides >= 0; slides = i; continue; }
    const a = sides[i] > 0 ? above[i] : below[i];
    d0 += a * s.u[i][0];
    d1 += a * s.u[i][1];
    total += Math.abs(a);
  }
  if (slides >= 0) {
    const e0 = -s.u[slides][1], e1 = s.u[slides][0], along = d0 * e0 + d1 * e1;
    d0 = along * e0;
    d1 = along * e1;
  }
  const rounding = many || Math.hypot(d0, d1) <= NEAR * total; // on two walls it is at w = 0
  d[0] = rounding ? 0 : d0;
  d[1] = rounding ? 0 : d1;
}

function sidesOf(s, w0, w1) {
  const sides = new Int8Array(s.m), size = Math.hypot(w0, w1);
  for (let i = 0; i < s.m; i++) {
    const z = w0 * s.u[i][0] + w1 * s.u[i][1];
    sides[i] = Math.abs(z) <= 2.5e-15 * size ? 0 : Math.sign(z);
  }
  return sides;
}

// The early phase: one neuron under constant pulls -------------------------------------------------------

const INVARIANT = 4e-15, ORIGIN = 1e-8, CENTRE = 1e-12;

const minkowski = (w0, w1, v) => {
  const norm = Math.hypot(w0, w1), value = (norm - v) * (norm + v);
  return Math.abs(value) <= INVARIANT * norm * norm ? 0 : value;
};

/** v + b and v - b, b = ⟨w, D⟩/δ; the small one of the two from `v² - b² = ‖w_⊥‖² - (‖w‖² - v²)`. */
function lightCone(w0, w1, v, d0, d1, delta, mink, straight) {
  const b = (w0 * d0 + w1 * d1) / delta, across = straight ? 0 : (w0 * d1 - w1 * d0) / delta;
  const norm2 = w0 * w0 + w1 * w1, transverse = (across * across < 1e-27 * norm2 ? 0 : across * across) - mink;
  let plus = v + b, minus = v - b;
  if (v * b < 0) plus = transverse / minus;
  else if (v * b > 0) minus = transverse / plus;
  return [plus, minus];
}

/** v and P = ∫ v dt after a time t. */
function moved(v, plus, minus, delta, t) {
  if (delta === 0) return [v, v * t];
  const more = Math.expm1(delta * t), growth = 1 + more;
  const later = 0.5 * (plus * growth + minus / growth), share = more < 1e16 ? more / (2 + more) : 1;
  return [later, (v + later) * share / delta];
}

/** When |P| first reaches `path`, before v changes sign: a quadratic in e^{δt}. */
function timeOfPath(path, v, plus, minus, delta) {
  if (path <= 0) return 0;
  let b = 0.5 * (plus - minus);
  const speed = Math.abs(v);
  if (v < 0 || (v === 0 && b < 0)) [plus, minus, b] = [-plus, -minus, -b];
  const transverse = plus * minus, then = b + delta * path;
  if (transverse === 0 && b < 0 && then > ORIGIN * b) return Infinity;
  if (transverse < 0 && b < 0 && then > -Math.sqrt(-transverse)) return Infinity;
  const square = b >= 0 ? v * v + delta * path * (b + then) : transverse + then * then;
  const vThen = Math.sqrt(Math.max(square, 0));
  if (vThen + speed === 0) return Infinity;
  const half = delta * path / (speed + vThen);
  if (half < 0.5) return 2 * Math.atanh(half) / delta;
  if (then >= 0) return plus > 0 ? Math.log((vThen + then) / plus) / delta : Infinity;
  return vThen - then > 0 ? Math.log(minus / (vThen - then)) / delta : Infinity;
}

/** When v changes sign; never for |b| ≤ |v|. */
function timeOfTurn(v, plus, minus, delta) {
  if (v === 0 || plus * minus >= 0 || plus > 0 === v > 0) return Infinity;
  return 0.5 * Math.log(-minus / plus) / delta;
}

/** Its legs, each with D, and what happened between them: [t, wall or -1 where v turns, came, went]. */
function followOne(s, w, vStart, below, above) {
  const d = [0, 0], legs = [], events = [], mink = minkowski(w[0], w[1], vStart);
  let [w0, w1] = w, v = vStart, t = 0, sides = sidesOf(s, w0, w1), slides = -1;
  const gather = () => { // where all walls meet
    const rest = meetAll(s, below, above, sign, sides);
    sides.forEach((side, i) => side !== rest[i] && events.push([t, i, side, rest[i]]));
    sides = rest;
    slides = rest.indexOf(0);
    w0 = w1 = 0;
    if (s.slope === 0) legs.push({ t, w0, w1, v, d0: 0, d1: 0, delta: 0, plus: v, minus: v, sides });
    return s.slope === 0;
  };
  let sign = Math.sign(v);
  const without = k => { // ⟨D, u_k⟩ without wall k
    let q = 0;
    for (let i = 0; i < s.m; i++) if (i !== k && sides[i] !== 0) {
      q += (sides[i] > 0 ? above[i] : below[i]) * (s.u[i][0] * s.u[k][0] + s.u[i][1] * s.u[k][1]);
    }
    return q;
  };
  const settle = k => {
    const went = meet(without(k), below[k], above[k], sign, sides[k]);
    if (went !== sides[k]) events.push([t, k, sides[k], went]);
    sides[k] = went;
    slides = went === 0 ? k : slides === k ? -1 : slides;
  };
  for (let i = 0; i < s.m; i++) if (sides[i] === 0 && (w0 || w1)) settle(i);
  if (w0 === 0 && w1 === 0 && gather()) return { legs, events, sign };
  for (let round = 0; round < 1000; round++) {
    pulled(s, sides, below, above, d);
    const delta = Math.hypot(d[0], d[1]), straight = slides >= 0;
    if (sign === 0) sign = Math.sign(w0 * d[0] + w1 * d[1]);
    const [plus, minus] = delta ? lightCone(w0, w1, v, d[0], d[1], delta, mink, straight) : [v, v];
    legs.push({ t, w0, w1, v, d0: d[0], d1: d[1], delta, plus, minus, sides: sides.slice() });
    if (delta === 0) break;
    let path = Infinity, k = -1;
    for (let i = 0; i < s.m; i++) {
      const c = d[0] * s.u[i][0] + d[1] * s.u[i][1], toward = -sign * sides[i] * c;
      if (i === slides || toward <= NEAR * delta) continue;
      const far = Math.max(sides[i] * (w0 * s.u[i][0] + w1 * s.u[i][1]), 0) / toward;
      if (far < path) [path, k] = [far, i];
    }
    const reach = k < 0 ? Infinity : timeOfPath(path, v, plus, minus, delta);
    const turn = timeOfTurn(v, plus, minus, delta), step = Math.min(reach, turn);
    if (step === Infinity) break;
    const before = Math.hypot(w0, w1);
    let p;
    t += step;
    [v, p] = moved(v, plus, minus, delta, step);
    if (reach <= turn) p = sign * path;
    w0 += d[0] * p;
    w1 += d[1] * p;
    if (turn < reach) {
      events.push([t, -1, sign, -sign]);
      v = 0;
      sign = -sign;
      if (slides >= 0) settle(slides);
    } else if (Math.hypot(w0, w1) <= CENTRE * before) {
      if (gather()) break;
    } else {
      const off = w0 * s.u[k][0] + w1 * s.u[k][1]; // the rounding of zero
      w0 -= off * s.u[k][0];
      w1 -= off * s.u[k][1];
      settle(k);
    }
  }
  return { legs, events, sign };
}

/** The early flow: every neuron under the pulls of the zero network, or the given ones, exactly and for ever. */
export function early(problem, net, pulls) {
  const s = problem.u ? problem : setting(problem), f0 = new Float64Array(s.n);
  const g = pulls ?? pullsAt(s, f0, new Float64Array(s.n));
  const below = new Float64Array(s.m), above = new Float64Array(s.m);
  pullWalls(s, g, below, above);
  const neurons = net.w.map((w, j) => followOne(s, w, net.v[j], below, above));
  const legAt = (neuron, t) => {
    let i = neuron.legs.length - 1;
    while (i > 0 && neuron.legs[i].t > t) i--;
    return neuron.legs[i];
  };
  const events = neurons.flatMap((one, j) => one.events.map(([t, wall, came, went]) => ({ t, j, wall, came, went })));
  const last = neurons.map(one => one.legs.at(-1));
  return {
    setting: s, neurons, pulls: g, events: events.sort((a, b) => a.t - b.t),
    at(t) {
      const w = [], v = [];
      for (const neuron of neurons) {
        const leg = legAt(neuron, t), [later, p] = moved(leg.v, leg.plus, leg.minus, leg.delta, t - leg.t);
        w.push([leg.w0 + leg.d0 * p, leg.w1 + leg.d1 * p]);
        v.push(later);
      }
      return { w, v };
    },
    sidesAt: t => neurons.map(neuron => legAt(neuron, t).sides),
    patternsAt: t => neurons.map(neuron => patternOf(s, legAt(neuron, t).sides)),
    finalPatterns: last.map(leg => patternOf(s, leg.sides)),
    directions: last.map(leg => {
      const grows = leg.delta && leg.plus, sign = Math.sign(leg.plus);
      const [a, b] = grows ? [sign * leg.d0, sign * leg.d1] : [leg.w0, leg.w1];
      return [a / Math.hypot(a, b), b / Math.hypot(a, b)];
    }),
    alignmentTimes: alignedSince(s, events, net.w.map(w => sidesOf(s, ...w)), net.v),
  };
}

/** +1, 0 or -1 for every sample; -1 for a zero sample. */
function patternOf(s, sides) {
  return s.wall.map((i, k) => i < 0 ? -1 : sides[i] * Math.sign(s.size[k]) + 0);
}

/** From when on each neuron stays at its goal (S+ or dead for v > 0, S- or dead for v < 0); NaN without classes. */
function alignedSince(s, events, sides, v) {
  if (!s.y.every(y => Math.abs(y) === 1)) return v.map(() => NaN);
  const signs = Array.from(v, Math.sign), now = sides.map(side => side.slice());
  const atGoal = j => {
    const active = patternOf(s, now[j]).map(a => a > 0);
    const dead = s.slope === 0 && !active.some(Boolean);
    return dead || signs[j] !== 0 && active.every((on, k) => on === s.y[k] * signs[j] > 0);
  };
  const since = now.map((_, j) => atGoal(j) ? 0 : Infinity);
  for (const { t, j, wall, went } of events) {
    if (wall < 0) signs[j] = went;
    else now[j][wall] = went;
    if (!atGoal(j)) since[j] = Infinity;
    else if (since[j] === Infinity) since[j] = t;
  }
  return since;
}

// The full flow ------------------------------------------------------------------------------------------

// Dormand and Prince's pair of orders 5 and 4; the last row is the step, FSAL.
const TABLEAU = [
  [],
  [1 / 5],
  [3 / 40, 9 / 40],
  [44 / 45, -56 / 15, 32 / 9],
  [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
  [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
  [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
];
const ERROR = [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40];

/** Where a + … first goes below zero on (0, 1]: the cubic with these values and slopes at the ends; 2 if nowhere. */
function firstBelow(z0, z1, d0, d1) {
  if (z1 >= 0 && (d0 >= 0 || d1 <= 0)) return 2;
  const at = x => {
    const r = 1 - x;
    return r * r * ((1 + 2 * x) * z0 + x * d0) + x * x * ((3 - 2 * x) * z1 - r * d1);
  };
  let low = 0;
  for (let i = 1; i <= 8; i++) {
    let high = i / 8;
    if (at(high) >= 0) { low = high; continue; }
    for (let turn = 0; turn < 50; turn++) {
      const middle = 0.5 * (low + high);
      if (at(middle) >= 0) low = middle;
      else high = middle;
    }
    return high;
  }
  return z1 < 0 ? 1 : 2;
}

/** All neurons, moved by Runge-Kutta steps; the patterns are state, and change only at events. */
class Swarm {
  constructor(s, net, sides, t, rtol) {
    const h = net.v.length, numbers = () => new Float64Array(3 * h);
    Object.assign(this, { s, h, t, rtol, events: [], classes: [], keys: new Map() });
    [this.now, this.then, this.trial] = Array.from({ length: 3 }, numbers);
    this.k = TABLEAU.map(numbers);
    net.v.forEach((v, j) => this.now.set([...net.w[j], v], 3 * j));
    this.then.set(this.now);
    this.trial.set(this.now);
    this.mink = net.v.map((v, j) => minkowski(...net.w[j], v));
    this.group = new Int32Array(h);
    [this.f, this.g] = [new Float64Array(s.n), new Float64Array(s.n)];
    [this.below, this.above, this.low, this.high] = Array.from({ length: 4 }, () => new Float64Array(s.m));
    for (let j = 0; j < h; j++) this.join(j, sides[j]);
    this.choose();
    this.slope(this.now, this.k[0]);
    for (let j = 0; j < h; j++) { // who starts on a wall
      const own = this.of(j);
      if (own.slides >= 0 && (net.w[j][0] || net.w[j][1])) this.settle(j, own.slides, this.now);
    }
    this.choose();
    this.slope(this.now, this.k[0]);
  }

  /** The neurons that move, and room for what their classes add up: the others cost nothing. */
  choose() {
    this.moving = Int32Array.from(this.group.keys()).filter(j => this.of(j).acts);
    this.sums = new Float64Array(2 * this.classes.length);
    this.pulls = new Float64Array(2 * this.classes.length);
    this.sliding = this.moving.filter(j => this.of(j).slides >= 0);
    this.staying = this.s.slope ? Array.from(this.group.keys()).filter(j => this.of(j).stays) : [];
    for (const one of this.k) one.fill(0);
  }

  /** Put neuron j on these sides: into the class of all that have them. */
  join(j, sides) {
    const key = sides.join();
    if (!this.keys.has(key)) {
      this.keys.set(key, this.classes.length);
      const sees = this.s.slope !== 0 || patternOf(this.s, sides).some(on => on > 0);
      const slides = sides.indexOf(0), stays = slides !== sides.lastIndexOf(0); // on two walls, at w = 0
      this.classes.push({ sides: Int8Array.from(sides), slides, acts: sees && !stays, stays, d: [0, 0], b0: 0, b1: 0 });
    }
    this.group[j] = this.keys.get(key);
  }

  of(j) { return this.classes[this.group[j]]; }

  /** Outputs, pulls, the D of every class, and the velocity of every neuron, at the state `a`. */
  slope(a, k) {
    const { s, group, classes, f, low, high, moving, sums, pulls } = this;
    sums.fill(0);
    for (let at = 0; at < moving.length; at++) {
      const j = moving[at], i = 3 * j, c = 2 * group[j];
      sums[c] += a[i + 2] * a[i];
      sums[c + 1] += a[i + 2] * a[i + 1];
    }
    low.fill(0);
    high.fill(0);
    for (let c = 0; c < classes.length; c++) {
      const own = classes[c];
      if (!own.acts) continue;
      for (let i = 0; i < s.m; i++) {
        const z = sums[2 * c] * s.u[i][0] + sums[2 * c + 1] * s.u[i][1];
        if (own.sides[i] > 0) high[i] += z;
        else if (own.sides[i] < 0) low[i] += z;
      }
    }
    for (let q = 0; q < s.n; q++) {
      const i = s.wall[q];
      if (i < 0) f[q] = 0;
      else f[q] = s.size[q] * (s.size[q] > 0 ? high[i] + s.slope * low[i] : low[i] + s.slope * high[i]);
    }
    pullWalls(s, pullsAt(s, f, this.g), this.below, this.above);
    for (let c = 0; c < classes.length; c++) {
      if (!classes[c].acts) continue;
      pulled(s, classes[c].sides, this.below, this.above, classes[c].d);
      pulls[2 * c] = classes[c].d[0];
      pulls[2 * c + 1] = classes[c].d[1];
    }
    for (let at = 0; at < moving.length; at++) {
      const j = moving[at], i = 3 * j, d0 = pulls[2 * group[j]], d1 = pulls[2 * group[j] + 1];
      k[i] = a[i + 2] * d0;
      k[i + 1] = a[i + 2] * d1;
      k[i + 2] = a[i] * d0 + a[i + 1] * d1;
    }
  }

  /** One step of this length into `then`, with the velocity there in the last `k`; the error of a neuron over rtol. */
  step(length) {
    const { now, k, then, trial, moving } = this;
    for (let stage = 1; stage < 7; stage++) {
      const target = stage === 6 ? then : trial;
      for (let q = 0; q < stage; q++) {
        const c = length * TABLEAU[stage][q], from = q ? target : now, kq = k[q];
        for (let at = 0; at < moving.length; at++) {
          const i = 3 * moving[at];
          target[i] = from[i] + c * kq[i];
          target[i + 1] = from[i + 1] + c * kq[i + 1];
          target[i + 2] = from[i + 2] + c * kq[i + 2];
        }
      }
      this.slope(target, k[stage]);
    }
    let worst = 0;
    for (let at = 0; at < moving.length; at++) {
      const i = 3 * moving[at];
      let wrong = 0, size = 0;
      for (let l = i; l < i + 3; l++) {
        let e = 0;
        for (let q = 0; q < 7; q++) e += ERROR[q] * k[q][l];
        wrong += e * e;
        size += then[l] * then[l];
      }
      if (wrong > 0) worst = Math.max(worst, wrong / size);
      else if (!(wrong === 0)) return NaN;
    }
    return length * Math.sqrt(worst) / this.rtol;
  }

  /** What must stay positive for neuron j, of kind a wall, "centre" or "turn", at the state or velocity `a`. */
  height(j, kind, a) {
    const i = 3 * j, own = this.of(j), now = this.now;
    if (kind === "turn") return Math.sign(now[i + 2]) * a[i + 2];
    const [u0, u1] = this.s.u[kind === "centre" ? own.slides : kind];
    if (kind === "centre") return Math.sign(now[i + 1] * u0 - now[i] * u1) * (a[i + 1] * u0 - a[i] * u1);
    return own.sides[kind] * (a[i] * u0 + a[i + 1] * u1);
  }

  /** How firmly neuron j is held on its wall: negative once it is let go. Uses the pulls of the last `slope`. */
  held(j) {
    const { s } = this, own = this.of(j), k = own.slides, sign = Math.sign(this.now[3 * j + 2]);
    // It stays while it would leave more slowly than pulls are known: where they have faded, the errors of the
    // steps must not steer. This changes its rapidity by less than rtol per unit of time.
    const q = this.without(own, k), idle = this.rtol;
    const small = NEAR * (Math.abs(q) + Math.abs(this.above[k] - this.below[k])) + idle;
    return Math.min(-sign * (q + this.above[k]), sign * (q + this.below[k])) + small;
  }

  /** Whether neuron j, at w = 0 with a slope, is let go by the pulls of the last `slope`. */
  leaves(j) {
    const own = this.of(j), sign = Math.sign(this.now[3 * j + 2]);
    if (this.s.slope === 0 || !own.stays) return false;
    return meetAll(this.s, this.below, this.above, sign, own.sides).filter(side => side === 0).length < 2;
  }

  /** ⟨D, u_k⟩ without wall k. */
  without(own, k) {
    let q = 0;
    for (let i = 0; i < this.s.m; i++) if (i !== k && own.sides[i] !== 0) {
      const a = own.sides[i] > 0 ? this.above[i] : this.below[i], u = this.s.u;
      q += a * (u[i][0] * u[k][0] + u[i][1] * u[k][1]);
    }
    return q;
  }

  /** The first event of the step made, as {x, j, kind, value} with x its share of the step; null if none. */
  first(length) {
    const { s, now, then, k: { 0: before, 6: after }, moving } = this;
    let found = null;
    const take = (x, j, kind, value) => { if (x <= 1 && (!found || x < found.x)) found = { x, j, kind, value }; };
    const look = (j, kind) => {
      const noise = 1e-14 * Math.hypot(now[3 * j], now[3 * j + 1]);
      const zero = one => kind !== "turn" && Math.abs(one) < noise ? 0 : one;
      const z1 = zero(this.height(j, kind, then)), d1 = this.height(j, kind, after);
      if (z1 >= 0 && d1 <= 0) return;
      const z0 = Math.max(zero(this.height(j, kind, now)), 0), d0 = this.height(j, kind, before);
      if (z1 < 0 || d0 < 0) take(firstBelow(z0, z1, length * d0, length * d1), j, kind, z1);
    };
    for (let at = 0; at < moving.length; at++) {
      const j = moving[at], i = 3 * j, own = this.of(j);
      if (own.slides >= 0) look(j, "centre");
      else for (let q = 0; q < s.m; q++) {
        const c = own.sides[q], u = s.u[q]; // what `look` would pass over, quickly
        if (c * (then[i] * u[0] + then[i + 1] * u[1]) < 0 || c * (after[i] * u[0] + after[i + 1] * u[1]) > 0) look(j, q);
      }
      if (this.mink[j] > 0 && now[i + 2] !== 0) look(j, "turn");
    }
    for (const j of this.staying) if (this.leaves(j)) take(0.5, j, "leaves", -1);
    for (const j of this.sliding) {
      const value = this.held(j), start = Math.max(this.heldAtStart[j], 0);
      if (value < 0) take(start / (start - value), j, "held", value);
    }
    return found;
  }

  /** What of {j, kind} must stay positive, at the end of the step made. */
  value({ j, kind }) {
    if (kind === "held") return this.held(j);
    if (kind === "leaves") return this.leaves(j) ? -1 : 1;
    return this.height(j, kind, this.then);
  }

  /** Step by `wish` or to the first event before; the length of the next step to try. */
  advance(wish, most) {
    let length = Math.min(wish, most);
    this.heldAtStart ??= new Float64Array(this.h);
    for (const j of this.sliding) this.heldAtStart[j] = this.held(j);
    let error = this.step(length);
    while (!(error <= 1)) {
      length *= error < Infinity ? Math.max(0.9 * error ** -0.2, 0.1) : 0.1;
      if (length < 1e-13 * Math.max(this.t, 1e-9)) throw new Error("the step cannot be made small enough");
      error = this.step(length);
    }
    const next = length * Math.min(0.9 * Math.max(error, 1e-4) ** -0.2, 4);
    let event = this.first(length);
    for (let tries = 0; event && tries < 20; tries++) { // to where it happens, and no other before it
      const hit = this.locate(event, length);
      const other = this.first(hit);
      length = hit;
      const earlier = other && !(other.j === event.j && other.kind === event.kind) && other.x < 1 - 1e-9;
      if (!earlier) break;
      event = other;
    }
    this.t += length;
    [this.now, this.then] = [this.then, this.now];
    if (event) {
      this.happen(event);
      this.then.set(this.now); // those that rest from now on are the same in both
      this.choose();
      this.slope(this.now, this.k[0]);
    } else {
      [this.k[0], this.k[6]] = [this.k[6], this.k[0]];
    }
    return event || length < wish ? Math.max(next, wish) : next;
  }

  /** The length at which the event is, by the secant rule with a bracket; the step is made. */
  locate(event, length) {
    let low = 0, high = length, guess = event.x * length, best = guess;
    const size = event.kind === "held" ? 1 : Math.hypot(...this.now.subarray(3 * event.j, 3 * event.j + 3));
    let [before, old] = [length, event.value];
    for (let tries = 0; tries < (event.kind === "leaves" ? 60 : 12); tries++) {
      this.step(guess);
      best = guess;
      const value = this.value(event);
      if (Math.abs(value) <= 1e-13 * size || high - low <= 1e-15 * length) break;
      if (value > 0) low = guess;
      else high = guess;
      const secant = guess - value * (guess - before) / (value - old);
      [before, old] = [guess, value];
      guess = secant > low && secant < high ? secant : 0.5 * (low + high);
    }
    return best;
  }

  /** The event rule. */
  happen({ j, kind }) {
    const own = this.of(j), i = 3 * j;
    if (kind === "centre" || kind === "leaves") {
      this.gather(j);
    } else if (kind === "turn") {
      const came = Math.sign(this.k[0][i + 2]) || 1, sign = Math.sign(this.k[6][i + 2]) || came;
      this.events.push({ t: this.t, j, wall: -1, came: -sign, went: sign });
      this.now[i + 2] = sign * 1e-300; // zero, with the sign that it is about to have
      if (own.slides >= 0) this.settle(j, own.slides, this.now);
    } else {
      const wall = kind === "held" ? own.slides : kind, [u0, u1] = this.s.u[wall];
      const off = this.now[i] * u0 + this.now[i + 1] * u1; // the rounding of zero
      this.now[i] -= off * u0;
      this.now[i + 1] -= off * u1;
      this.settle(j, wall, this.now, kind === "held");
    }
  }

  /** Apply the rule at this wall; `leaves`: it was held there so far. */
  settle(j, k, a, leaves) {
    const own = this.of(j), sign = Math.sign(a[3 * j + 2]), sides = own.sides.slice();
    const q = this.without(own, k);
    let went = meet(q, this.below[k], this.above[k], sign, own.sides[k]);
    if (leaves && went === 0) went = -sign * (q + this.above[k]) < sign * (q + this.below[k]) ? 1 : -1;
    if (went !== own.sides[k]) this.events.push({ t: this.t, j, wall: k, came: own.sides[k], went });
    sides[k] = went;
    this.join(j, sides);
  }

  /** Where all walls meet. */
  gather(j) {
    const before = this.of(j).sides, sign = Math.sign(this.now[3 * j + 2]);
    this.now[3 * j] = this.now[3 * j + 1] = 0;
    const went = meetAll(this.s, this.below, this.above, sign, before);
    this.join(j, went);
    went.forEach((side, wall) => {
      if (side !== before[wall]) this.events.push({ t: this.t, j, wall, came: before[wall], went: side });
    });
  }

  patterns() { return Array.from(this.group, c => patternOf(this.s, this.classes[c].sides)); }

  net() {
    const w = [], v = [];
    for (let i = 0; i < 3 * this.h; i += 3) {
      w.push([this.now[i], this.now[i + 1]]);
      v.push(this.now[i + 2]);
    }
    return { w, v };
  }
}

/** The time up to which a start is so small that its pulls are those of the zero network, to this share. */
function quietUntil(s, phase, net, share) {
  const far = Math.max(...s.size.map(Math.abs)), large = Math.max(...s.y.map(Math.abs)) || 1;
  const loud = t => {
    const { w, v } = phase.at(t);
    return v.reduce((sum, one, j) => sum + Math.abs(one) * Math.hypot(...w[j]), 0) * far > share * large;
  };
  if (loud(0)) return 0;
  const fastest = Math.max(...phase.neurons.flatMap(one => one.legs.map(leg => leg.delta)), 1e-300);
  let low = 0, high = 0.5 / fastest;
  while (!loud(high)) {
    if (high > 500 / fastest) return high;
    [low, high] = [high, high + 0.5 / fastest];
  }
  for (let i = 0; i < 20; i++) {
    const middle = 0.5 * (low + high);
    if (loud(middle)) high = middle;
    else low = middle;
  }
  return low;
}

/** The gradient flow, as a generator that yields after every step, so that a page can share its time.
 *
 *  options: {times (growing, from 0), rtol, stop(swarm) -> whether to end}. It returns {t, nets, outputs, loss,
 *  patterns} at the times reached, and {events, alignmentTimes, steps, end}. While the network is so small that
 *  its pulls are constant to a tenth of rtol, it is moved in closed form. */
export function* flowing(problem, net, { times, rtol = 1e-6, stop = null }) {
  const s = problem.u ? problem : setting(problem), phase = early(s, net);
  const kept = { t: [], nets: [], outputs: [], loss: [], patterns: [] };
  const keep = (t, now, sides) => {
    const f = outputs(s, now, sides);
    kept.t.push(t);
    kept.nets.push(now);
    kept.outputs.push(f);
    kept.loss.push(lossOf(s, f));
    kept.patterns.push(sides.map(side => patternOf(s, side)));
  };
  const last = times.at(-1), quiet = Math.min(quietUntil(s, phase, net, 0.1 * rtol), last);
  let at = 0;
  for (; at < times.length && times[at] <= quiet; at++) keep(times[at], phase.at(times[at]), phase.sidesAt(times[at]));
  const swarm = new Swarm(s, phase.at(quiet), phase.sidesAt(quiet), quiet, rtol);
  let speed = 0, steps = 0;
  for (const own of swarm.classes) speed = Math.max(speed, Math.hypot(...own.d));
  let wish = 0.1 / Math.max(speed, 1e-300), ended = false;
  for (; at < times.length && !ended; at++) {
    while (swarm.t < times[at] && !ended) {
      const left = times[at] - swarm.t;
      wish = swarm.advance(wish, left);
      if (times[at] - swarm.t < 1e-14 * times[at]) swarm.t = times[at];
      ended = stop !== null && stop(swarm) || ++steps > 100000;
      yield swarm;
    }
    keep(swarm.t, swarm.net(), Array.from(swarm.group, c => swarm.classes[c].sides));
  }
  const events = [...phase.events.filter(event => event.t <= quiet), ...swarm.events];
  const since = alignedSince(s, events, net.w.map(w => sidesOf(s, ...w)), net.v);
  return { setting: s, ...kept, events, alignmentTimes: since, steps, end: swarm.t };
}

/** All of `flowing` at once. */
export function flow(problem, net, options) {
  const run = flowing(problem, net, options);
  for (;;) {
    const { done, value } = run.next();
    if (done) return value;
  }
}

/** f(x_k), for a network whose neurons are on these sides; without them, on those of its weights. */
export function outputs(s, net, sides = net.w.map(w => sidesOf(s, ...w))) {
  const f = new Array(s.n).fill(0);
  net.w.forEach(([a, b], j) => {
    for (let k = 0; k < s.n; k++) {
      if (s.wall[k] < 0) continue;
      const on = sides[j][s.wall[k]] * s.size[k], z = a * s.x[k][0] + b * s.x[k][1];
      if (on) f[k] += net.v[j] * z * (on > 0 ? 1 : s.slope);
    }
  });
  return f;
}

// The certificate ----------------------------------------------------------------------------------------

/** Least squares of y on x in the plane, of least norm. */
export function leastSquares(x, y) {
  let a = 0, b = 0, c = 0, p = 0, q = 0;
  x.forEach(([s, t], k) => { a += s * s; b += s * t; c += t * t; p += s * y[k]; q += t * y[k]; });
  const half = 0.5 * (a + c), gap = Math.hypot(0.5 * (a - c), b), large = half + gap;
  const small = (a * c - b * b) / large, angle = 0.5 * Math.atan2(2 * b, a - c);
  const e = [Math.cos(angle), Math.sin(angle)], along = (e[0] * p + e[1] * q) / large;
  const across = small > 1e-14 * large ? (-e[1] * p + e[0] * q) / small : 0;
  return [along * e[0] - across * e[1], along * e[1] + across * e[0]];
}

const dot = (a, b) => a.reduce((sum, one, i) => sum + one * b[i], 0);

/** Singular values of a matrix given by its rows, falling, and the left singular vectors: rows are turned in
 *  pairs until all are orthogonal (one-sided Jacobi), so that small values are as exact as large ones, but for
 *  those that are the rounding of zero: nothing is orthogonal to them. */
function singular(matrix) {
  const rows = matrix.map((row, i) => ({ row: row.slice(), left: matrix.map((_, k) => +(i === k)) }));
  const turn = (one, other, c, s) => one.forEach((a, i) => {
    [one[i], other[i]] = [c * a - s * other[i], s * a + c * other[i]];
  });
  const nothing = (Number.EPSILON * Math.max(...matrix.map(row => Math.hypot(...row)))) ** 2;
  for (let round = 0, turned = true; turned && round < 30; round++) {
    turned = false;
    for (let i = 0; i < rows.length; i++) for (let k = 0; k < i; k++) {
      const a = rows[k], b = rows[i], p = dot(a.row, a.row), q = dot(b.row, b.row), r = dot(a.row, b.row);
      if (Math.min(p, q) <= nothing || Math.abs(r) <= Number.EPSILON * Math.sqrt(p * q)) continue;
      const ratio = (q - p) / (2 * r), tangent = (ratio < 0 ? -1 : 1) / (Math.abs(ratio) + Math.hypot(1, ratio));
      const c = 1 / Math.hypot(1, tangent);
      turn(a.row, b.row, c, c * tangent);
      turn(a.left, b.left, c, c * tangent);
      turned = true;
    }
  }
  const found = rows.map(({ row, left }) => ({ value: Math.hypot(...row), left }));
  return found.sort((a, b) => b.value - a.value);
}

const LIGHT = 1e-12, ON = 1e-10, TOUCHING = 8 * Number.EPSILON;

/** Heights relative to the sizes on these samples, their signs, and whether one was taken for zero that may be above. */
function heightsOf(x, w, given) {
  const norm = Math.hypot(...w);
  let doubtful = false;
  const height = x.map((one, k) => {
    const z = norm ? dot(w, one) / (norm * Math.hypot(...one)) : 0, zero = Math.abs(z) < ON || given?.[k] === 0;
    doubtful ||= zero && (given ? given[k] > 0 : z > TOUCHING);
    return zero ? 0 : z;
  });
  return { norm, height, signs: height.map(Math.sign), doubtful };
}

/** The patterns of the living neurons, and the `group` of each neuron, -1 for the dead. One on a single
 *  hyperplane, on a side of which there is a living pattern, is counted to this. */
function groupsOf(neurons) {
  const patterns = [], at = new Map(), alive = neurons.filter(one => one.signs.some(on => on > 0));
  const there = new Set(alive.filter(one => one.signs.every(Boolean)).map(one => one.signs.join()));
  for (const one of neurons) one.group = -1;
  for (const one of alive) {
    const sides = [-1, 1].map(side => one.signs.map(on => on || side));
    const own = one.signs.filter(on => on === 0).length === 1 && sides.find(side => there.has(side.join())) || one.signs;
    if (!at.has(own.join())) at.set(own.join(), patterns.push(own) - 1);
    one.group = at.get(own.join());
    one.home = own === one.signs || own.join() === one.signs.join();
  }
  return patterns;
}

/** Best outputs of these patterns, the largest eigenvalue of the Hessian, the smallest of that with the masses. */
function bestOf(x, y, weight, patterns, a2) {
  if (!patterns.length) return { outputs: y.map(() => 0), large: 0, rate: Infinity };
  const seen = patterns.map(pattern => {
    const on = x.find((_, k) => pattern[k] === 0), along = on ? [-on[1], on[0]].map(one => one / Math.hypot(...on)) : null;
    return x.map((one, k) => pattern[k] <= 0 ? [0, 0] : on ? along.map(part => part * dot(one, along)) : one);
  });
  const stacked = scale => singular(x.map((_, k) => seen.flatMap((rows, p) => rows[k].map(one => scale[p] * one))));
  const plain = stacked(patterns.map(() => 1)), rounding = Number.EPSILON * Math.max(x.length, 2 * patterns.length);
  const kept = plain.filter(one => one.value > rounding * plain[0].value), outputs = y.map(() => 0);
  for (const { left } of kept) left.forEach((part, k) => { outputs[k] += dot(left, y) * part; });
  const weighted = stacked(a2.map(Math.sqrt));
  const least = Math.max(weighted[kept.length - 1].value - rounding * weighted[0].value, 0);
  return { outputs, large: 2 * weight * plain[0].value ** 2, rate: 2 * weight * least ** 2 };
}

/** Whether the flow of the squared loss from here provably ends at least squares of its patterns, above zero:
 *  theory.certify_stuck. With `patterns` (as carried) those, else the signs of the heights. ReLU only. */
export function certify(problem, net, carried = null) {
  const acts = problem.x.map(one => one[0] !== 0 || one[1] !== 0), weight = 1 / problem.x.length;
  const x = problem.x.filter((_, k) => acts[k]), y = problem.y.filter((_, k) => acts[k]);
  const neurons = net.w.map((w, j) => ({ w, v: net.v[j], ...heightsOf(x, w, carried?.[j].filter((_, k) => acts[k])) }));
  const patterns = groupsOf(neurons), living = neurons.filter(one => one.group >= 0);
  const a2 = patterns.map(() => 0), b2 = patterns.map(() => 0), beta = patterns.map(() => [0, 0]);
  for (const { w, v, norm, group, home } of living) {
    beta[group] = beta[group].map((one, i) => one + v * w[i]);
    if (home) [a2[group], b2[group]] = [a2[group] + v * v, b2[group] + norm * norm];
  }
  const { outputs: best, large, rate } = bestOf(x, y, weight, patterns, a2);
  const f = x.map((one, k) => patterns.reduce((sum, pattern, p) => sum + (pattern[k] > 0 ? dot(beta[p], one) : 0), 0));
  const excess = weight * f.reduce((sum, one, k) => sum + (one - best[k]) ** 2, 0);
  const shrinking = Math.max(...a2.map((one, p) => Math.sqrt(b2[p]) / one));
  const q = !patterns.length ? 0 : rate > 0 && a2.every(Boolean) ? 3 * shrinking * Math.sqrt(2 * excess / rate) : Infinity;
  const rapidities = a2.map(one => q < 1 ? -Math.expm1(Math.log1p(-q) / 3) / (shrinking * Math.sqrt(one)) : Infinity);
  const coming = { x, rapidities, pull: y.map((one, k) => 2 * weight * (one - best[k])), change: 2 * Math.sqrt(weight * excess), d: Math.sqrt(2 * large * excess) };
  const margin = Math.min(...living.map(one => roomOf(one, rapidities[one.group])));
  const loose = neurons.filter(one => one.group < 0 && one.signs.includes(0) && (one.norm || one.v) && !held(one, coming));
  const all = outputs => lossOf(problem, acts.map((acting, k) => acting ? outputs[acts.slice(0, k).filter(Boolean).length] : 0));
  const limit = all(best), hypotheses = {
    "q < 1": q < 1,
    "every living neuron has room for G": margin > 0,
    "every pinned neuron is held, or let go only to a pattern that is there":
      living.every(one => !one.home ? held(one, coming) : !one.signs.includes(0) || slidesOn(one, coming)),
    "every neuron dead but for rounding is held on its hyperplane": !loose.some(one => one.doubtful),
    "every dead neuron that is not held has a side where it is dead":
      loose.every(one => deadSide(x.filter((_, k) => one.signs[k] === 0))),
    "least squares of the patterns leaves a loss": limit > 1e-14 * Math.max(all(y.map(() => 0)), 1e-300),
  };
  const pinned = living.filter(one => one.signs.includes(0)).length, holds = Object.values(hypotheses).every(Boolean);
  return { holds, hypotheses, limit, excess, q, rate, rapidities, margin, patterns, outputs: best, living: living.length, dead: neurons.length - living.length, pinned, byConvention: loose.length };
}

/** Whether a direction of the plane is inactive on all these samples: whether an open half-plane holds them. */
function deadSide(x) {
  const angles = x.map(([a, b]) => Math.atan2(b, a)).sort((a, b) => a - b);
  const gaps = angles.map((angle, i) => (angles[i + 1] ?? angles[0] + 2 * Math.PI) - angle);
  return Math.max(...gaps) > Math.PI + 1e-10;
}

/** The distance to the nearest hyperplane that it is not on, less what a boost of this rapidity could take of it. */
function roomOf({ v, norm, height }, rapidity) {
  if (rapidity === Infinity) return -Infinity;
  const least = Math.min(...height.map(z => z === 0 ? Infinity : Math.abs(z))), light = Math.abs(Math.abs(v) - norm) <= LIGHT * norm;
  return light ? Math.asin(Math.min(least, 1)) - rapidity
    : least - Math.abs(v) / norm * Math.sinh(rapidity) - Math.cosh(rapidity) + 1;
}

/** v cannot come to zero within the rapidity that is left. */
const keepsSign = ({ v, norm, group }, { rapidities }) =>
  Math.abs(v) >= norm * (1 - LIGHT) || Math.abs(v) > norm * Math.tanh(rapidities[group] ?? 0);

/** It never leaves its hyperplanes to the wrong side: `v g*_k < 0`, with a margin for what may still change. */
const held = (one, coming) => keepsSign(one, coming) && one.signs.every((on, k) => on !== 0
  || one.v * coming.pull[k] < 0 && coming.d < Math.hypot(...coming.x[k]) * (Math.abs(coming.pull[k]) - coming.change));

/** It slides on its one hyperplane for ever: the share of that sample stays strictly between 0 and 1. */
function slidesOn(one, coming) {
  const { x, pull, change } = coming, on = one.signs.indexOf(0), u = x[on];
  if (one.signs.lastIndexOf(0) !== on) return false; // on several samples' at once: not decided
  const active = x.map((_, k) => k).filter(k => one.signs[k] > 0), carried = active.map(k => dot(x[k], u) / dot(u, u));
  const needed = -carried.reduce((sum, part, i) => sum + part * pull[active[i]], 0), slack = change * Math.hypot(...carried);
  return one.v * pull[on] < 0 && Math.sign(pull[on]) * needed > slack
    && Math.abs(needed) + slack < Math.abs(pull[on]) - change && keepsSign(one, coming);
}

// The circle ---------------------------------------------------------------------------------------------

const EDGE = 1e-12, TURN = 2 * Math.PI;
const positive = angle => ((angle % TURN) + TURN) % TURN;

/** The directions to which small balanced neurons with this sign of v turn: theory's extremal vectors that attract.
 *  Each as {angle, sides, pattern, rate, basin: [low, high], share, dead}, exactly, by falling rate. */
export function extremal(problem, sign, pulls) {
  const s = problem.u ? problem : setting(problem), d = [0, 0];
  const below = new Float64Array(s.m), above = new Float64Array(s.m);
  pullWalls(s, pulls ?? pullsAt(s, new Float64Array(s.n), new Float64Array(s.n)), below, above);
  const sidesAt = angle => Int8Array.from(s.u, u => Math.sign(u[0] * Math.cos(angle) + u[1] * Math.sin(angle)));
  const rays = s.u.flatMap(u => [1, -1].map(way => positive(Math.atan2(u[1], u[0]) + way * TURN / 4))).sort((a, b) => a - b);
  const cuts = [...rays];
  rays.forEach((low, i) => {
    const high = i + 1 < rays.length ? rays[i + 1] : rays[0] + TURN;
    pulled(s, sidesAt(0.5 * (low + high)), below, above, d);
    if (d[0] || d[1]) for (const turn of [0, TURN / 2]) {
      const inside = low + positive(Math.atan2(d[1], d[0]) + turn - low);
      if (low + EDGE < inside && inside < high - EDGE) cuts.push(positive(inside));
    }
  });
  cuts.sort((a, b) => a - b);
  const count = cuts.length, ends = cuts.map((_, i) => i + 1 < count ? cuts[i + 1] : cuts[0] + TURN);
  const drift = cuts.map((low, i) => {
    const angle = 0.5 * (low + ends[i]);
    pulled(s, sidesAt(angle), below, above, d);
    return Math.sign(sign * (d[1] * Math.cos(angle) - d[0] * Math.sin(angle)));
  });
  const wrap = i => (i + count) % count;
  const basin = (left, right) => {
    if (drift[wrap(left)] !== 0 || left === right) while (drift[wrap(left - 1)] > 0 && right - left < count) left--;
    while (drift[wrap(right + 1)] < 0 && right - left < count - 1) right++;
    const low = cuts[wrap(left)] - (left < 0 ? TURN : 0), stop = right + 1;
    return [low, cuts[wrap(stop)] + (stop >= count ? TURN : 0)];
  };
  const found = [];
  const note = (angle, sides, [low, high]) => {
    pulled(s, sides, below, above, d);
    const dead = !(d[0] || d[1]), rate = dead ? 0 : sign * (d[0] * Math.cos(angle) + d[1] * Math.sin(angle));
    found.push({ angle, sides, pattern: patternOf(s, sides), rate, basin: [low, high], share: (high - low) / TURN, dead });
  };
  for (let i = 0; i < count; i++) {
    const middle = 0.5 * (cuts[i] + ends[i]);
    if (drift[i] === 0) note(middle, sidesAt(middle), basin(i, i));
    else if (drift[wrap(i - 1)] > 0 && drift[i] < 0) {
      const sides = sidesAt(cuts[i]);
      s.u.forEach((u, k) => { if (Math.abs(Math.cos(cuts[i] - Math.atan2(u[1], u[0]))) < EDGE) sides[k] = 0; });
      note(cuts[i], sides, basin(i - 1, i));
    }
  }
  return found.sort((a, b) => b.rate - a.rate);
}

/** MMV's μ: the smallest cosine between signed samples; Assumption 1 is μ > 0. */
export function separation({ x, y }) {
  let least = 1;
  x.forEach(([a, b], k) => x.forEach(([c, d], l) => {
    least = Math.min(least, y[k] * y[l] * (a * c + b * d) / (Math.hypot(a, b) * Math.hypot(c, d)));
  }));
  return least;
}

const couplings = ({ x, y, loss }, sign) => x.map(a => x.map((b, l) => sign * LOSSES[loss].pull(0, y[l]) * dot(a, b)));
/** Whether the sum of these is positive, and not by rounding alone. */
const rises = terms => terms.reduce((sum, one) => sum + one, 0) > EDGE * terms.reduce((sum, one) => sum + Math.abs(one), 0);
const mapped = (coupling, active) => coupling.map(row => rises(row.map((one, l) => active[l] ? one : 0)));

/** The patterns A, T(A), T(T(A)), … from the class of this sign on, until one comes again: [patterns, where it was].
 *  T(A) = {k : sign Σ_{l ∈ A} g_l ⟨x_l, x_k⟩ > 0}, with the pulls of the zero network: theory.settle. */
export function threshold(problem, sign) {
  const coupling = couplings(problem, sign), seen = [problem.y.map(one => one * sign > 0)];
  for (;;) {
    const next = mapped(coupling, seen.at(-1)), at = seen.findIndex(one => one.join() === next.join());
    if (at >= 0) return [seen, at];
    seen.push(next);
  }
}

/** All A with T(A) = A, not empty: theory.fixed_points. A direction sees it, so those of all cones and rays are tried. */
export function fixedPoints(problem, sign) {
  const coupling = couplings(problem, sign), { x } = problem, found = new Map();
  const rays = x.flatMap(([a, b]) => [1, -1].map(way => positive(Math.atan2(b, a) + way * TURN / 4))).sort((a, b) => a - b);
  rays.forEach((low, i) => [low, 0.5 * (low + (rays[i + 1] ?? rays[0] + TURN))].forEach(angle => {
    const u = [Math.cos(angle), Math.sin(angle)], seen = x.map(one => dot(one, u) > EDGE * Math.hypot(...one));
    if (seen.some(Boolean) && mapped(coupling, seen).join() === seen.join()) found.set(seen.join(), seen);
  }));
  return [...found.values()];
}

/** The samples on which a neuron of this sign, once right, is right for ever in the early phase: theory.trap. */
export function trap(problem, sign) {
  const pulls = problem.y.map(one => LOSSES[problem.loss].pull(0, one)), own = pulls.map(one => sign * one > 0);
  const toward = couplings(problem, sign).map((row, k) => row.map(one => sign * Math.sign(pulls[k]) * one));
  let held = pulls.map(() => true);
  for (;;) {
    const next = held.map((one, k) => one && rises(toward[k].map((part, l) => !held[l] ? Math.min(part, 0) : own[l] ? part : 0)));
    if (next.join() === held.join()) return held;
    held = next;
  }
}

/** Which samples lean away from a class sum: theory.check_class_sums. */
export const leaning = ({ x, y }) => x.map((a, k) => [1, -1].some(sign =>
  !rises(x.map((b, l) => y[l] === sign ? y[k] * sign * dot(a, b) : 0))));
