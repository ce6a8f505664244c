/* Pictures that a reader drags: `mount` brings a <figure class="live"> of a page to life.

Each picture keeps one small state, which is also its part of the page's address; every change of it is drawn
at once, and what takes longer (a run, a map) is computed a few milliseconds in every frame.
*/
import { certify, early, extremal, fixedPoints, flowing, leaning, leastSquares, lossOf, separation, start, threshold, trap } from "./flow.js";

// What all pictures share --------------------------------------------------------------------------------

const SVG = "http://www.w3.org/2000/svg";

/** A new element at the end of `parent`. */
function add(parent, name, attributes = {}, text = "") {
  const vector = name === "svg" || parent.namespaceURI === SVG;
  const made = vector ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  parent.append(made);
  return made;
}

const shown = (value, digits = 2) => value.toFixed(digits).replace("-", "−");
const brief = value => value === 0 ? "0" : Math.abs(value) < 1e-3 ? value.toExponential(0).replace("e-", "e−") : `${+value.toPrecision(3)}`;
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const python = value => String(+value.toPrecision(6));
const pythonRows = rows => `[${rows.map(row => `[${row.map(python).join(", ")}]`).join(", ")}]`;

/** A picture in its figure: the stage, the controls, what is said, the code, and the address. */
class Live {
  constructor(box, first) {
    this.box = box;
    box.picture = this;
    this.linked = !("embedded" in box.dataset); // whether the page's address is ours
    this.name = box.id.replace("live-", "");
    this.first = first;
    this.state = structuredClone(first);
    this.stage = add(box, "div", { class: "live-stage" });
    box.querySelector("figcaption")?.before(this.stage);
    this.panes = add(this.stage, "div", { class: "live-panes" });
    this.verdict = add(this.stage, "p", { class: "live-verdict" });
    this.controls = add(this.stage, "div", { class: "live-controls" });
    this.code = add(this.stage, "pre", { class: "live-code", hidden: "", tabindex: 0 });
    this.says = add(this.stage, "p", { class: "live-says", role: "status" });
    this.handles = [];
    box.dataset.alive = "";
  }

  /** Begin, once a subclass has put its things on the stage. */
  begin() {
    this.button("Reset", () => this.change(structuredClone(this.first)));
    const code = this.button("As Python", () => {
      this.code.hidden = !this.code.hidden;
      code.setAttribute("aria-expanded", String(!this.code.hidden));
    });
    code.setAttribute("aria-expanded", "false");
    if (this.linked) {
      addEventListener("hashchange", () => this.recall() && this.fresh());
      if (this.recall()) this.box.scrollIntoView();
    }
    this.fresh();
    const seen = new IntersectionObserver(entries => {
      this.visible = entries.at(-1).isIntersecting;
      this.wake();
    });
    seen.observe(this.box);
  }

  /** Put this into the state; the address follows once it rests. */
  change(part) {
    this.moved = true;
    Object.assign(this.state, part);
    this.fresh();
    this.box.dispatchEvent(new CustomEvent("live", { detail: this.state }));
    clearTimeout(this.rests);
    if (!this.linked) return;
    this.rests = setTimeout(() => {
      const same = JSON.stringify(this.state) === JSON.stringify(this.first);
      const address = same ? location.pathname + location.search : `#${this.name}=${this.written()}`;
      history.replaceState(history.state, "", address);
    }, 300);
  }

  written() {
    return Object.values(this.state).map(value => [value].flat(2).map(one => +one === one ? +one.toPrecision(6) : one).join(",")).join(";");
  }

  /** The state from the address; whether it is there. */
  recall() {
    const [name, text = ""] = decodeURIComponent(location.hash.slice(1)).split("=");
    if (name !== this.name) return false;
    const parts = text.split(";"), found = {};
    Object.entries(this.first).forEach(([key, value], i) => {
      const words = (parts[i] ?? "").split(","), like = [value].flat(2);
      if (like.length !== words.length && !Array.isArray(value)) return;
      const read = words.map((word, k) => typeof (like[k] ?? like[0]) === "number" ? +word : word);
      if (read.some(one => Number.isNaN(one))) return;
      found[key] = !Array.isArray(value) ? read[0] : !Array.isArray(value[0]) ? read
        : Array.from({ length: read.length / value[0].length }, (_, k) => read.slice(k * value[0].length, (k + 1) * value[0].length));
    });
    this.state = { ...structuredClone(this.first), ...found };
    return true;
  }

  /** All that depends on the state, drawn anew. */
  fresh() {
    this.draw();
    this.code.textContent = this.asPython();
    this.wake();
  }

  /** Work in every frame until there is none. */
  wake() {
    if (this.frame || !this.visible) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = null;
      if (this.work(performance.now() + 9)) this.wake();
    });
  }

  work() { return false; }

  /** Whether the picture shows what the state says. */
  get ready() { return true; }

  /** What the colours mean. */
  legend(rows, before) {
    const made = add(this.panes, "p", { class: "live-legend" }, before);
    for (const [kind, words] of rows) add(made, "span", { "data-kind": kind }, words);
  }

  /** The sentence under the picture, read aloud once it rests: only what a reader's hand has brought about. */
  say(text, kind = "") {
    if (this.verdict.textContent !== text) this.verdict.textContent = text;
    this.verdict.dataset.kind = kind;
    clearTimeout(this.silence);
    if (this.moved && this.says.textContent !== text) this.silence = setTimeout(() => { this.says.textContent = text; }, 700);
  }

  button(label, act) {
    const made = add(this.controls, "button", { type: "button" }, label);
    made.addEventListener("click", act);
    return made;
  }

  select(key, label, options) {
    const id = `${this.box.id}-${key}`, row = add(this.controls, "div");
    add(row, "label", { for: id }, label);
    const made = add(row, "select", { id, autocomplete: "off" });
    for (const [value, words] of options) add(made, "option", { value }, words);
    made.addEventListener("change", () => this.change({ [key]: typeof this.first[key] === "number" ? +made.value : made.value }));
    this.handles.push(() => { made.value = this.state[key]; });
  }

  slider(key, label, count, words) {
    const id = `${this.box.id}-${key}`, row = add(this.controls, "div", { class: "live-slider" });
    add(row, "label", { for: id }, label);
    const made = add(row, "input", { id, type: "range", min: 0, max: count - 1, autocomplete: "off" });
    const value = add(row, "span");
    made.addEventListener("input", () => this.change({ [key]: +made.value }));
    this.handles.push(() => {
      made.value = this.state[key];
      value.textContent = words(this.state[key]);
      made.setAttribute("aria-valuetext", words(this.state[key]));
    });
  }

  /** A thing at a place in a pane that mouse, finger and arrow keys move: `place` is its state, `put` changes it. */
  draggable(pane, shape, { label, place, put, step }) {
    const knob = add(pane.svg, "g", { class: "live-knob", tabindex: 0, role: "button", "aria-roledescription": "movable point" });
    add(knob, "circle", { r: 22, class: "live-grip" });
    shape(knob);
    const there = event => {
      const box = pane.svg.getBoundingClientRect(), scale = pane.width / box.width;
      return pane.back((event.clientX - box.left) * scale, (event.clientY - box.top) * scale);
    };
    let grip = null;
    knob.addEventListener("pointerdown", event => {
      if (event.button) return;
      const [x, y] = there(event), [a, b] = place();
      grip = [a - x, b - y];
      knob.setPointerCapture(event.pointerId);
      knob.focus({ preventScroll: true });
      event.preventDefault();
    });
    knob.addEventListener("pointermove", event => {
      if (!grip) return;
      const [x, y] = there(event);
      put(x + grip[0], y + grip[1]);
    });
    knob.addEventListener("lostpointercapture", () => { grip = null; });
    knob.addEventListener("keydown", event => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (!way) return;
      event.preventDefault();
      const [a, b] = place(), far = step * (event.shiftKey ? 5 : 1);
      put(a + far * way[0], b + far * way[1], way);
    });
    this.handles.push(() => {
      const [x, y] = pane.at(...place());
      knob.setAttribute("transform", `translate(${x.toFixed(2)} ${y.toFixed(2)})`);
      knob.setAttribute("aria-label", label());
    });
    return knob;
  }

  /** A pane: an SVG of this size for these ranges of numbers. */
  pane(name, label, [width, height], [left, right], [low, high], margin = [8, 8, 8, 8]) {
    const svg = add(this.panes, "svg", { viewBox: `0 0 ${width} ${height}`, class: `live-pane live-${name}`, role: "group", "aria-label": label });
    const [top, end, bottom, begin] = margin, w = width - begin - end, h = height - top - bottom;
    return {
      svg, width, height, left: begin, right: width - end, top, bottom: height - bottom,
      at: (x, y) => [begin + (x - left) / (right - left) * w, top + (high - y) / (high - low) * h],
      back: (x, y) => [left + (x - begin) / w * (right - left), high - (y - top) / h * (high - low)],
    };
  }
}

/** A line through these points of a pane. */
const path = (pane, points) => points.map((one, i) => `${i ? "L" : "M"}${pane.at(...one).map(c => c.toFixed(1)).join(" ")}`).join("");

// The three points ---------------------------------------------------------------------------------------

const X = [-2.4, 2.4], Y = [-1.2, 2.0], END = 200;
const TIMES = [0, ...Array.from({ length: 60 }, (_, i) => 0.1 * (END / 0.1) ** (i / 59))];
const NAMES = ["left", "middle", "right"], CELLS = [48, 36];
const FITS = 1e-3, REST = 1e-6; // shares of the first loss: it counts as fitted; what is left moves no line by a pixel
const KINDS = ["open", "stuck", "fits"];

/** What is certain of a network, that it fits or is stuck for ever; whether all that lives sees all points; whether it rests. */
function certain(problem, f, net, patterns) {
  const first = lossOf(problem, [0, 0, 0]), loss = lossOf(problem, f), proof = certify(problem, net, patterns);
  const straight = proof.patterns.flat().every(on => on > 0);
  const kind = loss < FITS * first ? "fits" : proof.holds ? "stuck" : "open";
  return { kind, straight, proof, rests: (proof.holds ? proof.excess : loss) < REST * first };
}

class ThreePoints extends Live {
  constructor(box) {
    super(box, {
      points: [[-0.75, 1.1], [-0.5, 0.1], [0.125, 0.8]], scale: -4, width: 40, kind: "balanced", seed: 1, time: TIMES.length - 1,
    });
    const plane = this.plane = this.pane("plane", "Three points to drag, and the curve that was learned", [470, 360], X, Y, [6, 8, 34, 34]);
    this.map = add(plane.svg, "image", { x: plane.left, y: plane.top, width: plane.right - plane.left, height: plane.bottom - plane.top, preserveAspectRatio: "none", class: "live-map", "aria-hidden": "true" });
    this.axes(plane, [-2, -1, 0, 1, 2], [-1, 0, 1, 2], "input", "output");
    this.line = add(plane.svg, "path", { class: "live-fit" });
    this.curve = add(plane.svg, "path", { class: "live-curve" });
    NAMES.forEach((name, k) => this.draggable(plane, knob => add(knob, "circle", { r: k === 1 ? 8 : 6.5, class: k === 1 ? "live-point live-middle" : "live-point" }), {
      label: () => `${name} point: input ${shown(this.state.points[k][0])}, output ${shown(this.state.points[k][1])}`,
      place: () => this.state.points[k],
      put: (x, y) => this.move(k, x, y),
      step: 0.05,
    }));
    this.hint = add(plane.svg, "text", { class: "live-title live-hint" }, "drag me");
    const disc = this.disc = this.pane("disc", "Directions of the neurons", [200, 200], [-1.15, 1.15], [-1.15, 1.15]);
    add(disc.svg, "circle", { cx: 100, cy: 100, r: 80, class: "live-rim" });
    const shades = [0, 1].map(() => add(disc.svg, "path", { class: "live-sees" }));
    this.needles = add(disc.svg, "g");
    this.sees = ["all three", "none"].map((words, i) => [shades[i], add(disc.svg, "text", { class: "live-tick live-named" }, words)]);
    add(disc.svg, "text", { x: 100, y: 12, class: "live-title" }, "points that neurons see");
    const falls = this.falls = this.pane("falls", "The loss over time", [200, 150], [Math.log10(0.1), Math.log10(END)], [-0.02, 1.05], [20, 8, 30, 30]);
    this.frameOf(falls);
    this.history = add(falls.svg, "path", { class: "live-curve" });
    this.now = add(falls.svg, "circle", { r: 4, class: "live-point" });
    this.legend([["stuck", "stuck for ever"], ["fits", "fits"], ["open", "neither, so far"]], "With the middle point here:");
    this.slider("time", "time", TIMES.length, i => brief(TIMES[i]));
    this.select("scale", "size of the start", [-6, -4, -2, -1].map(e => [e, `${10 ** e}`]));
    this.select("width", "neurons", [10, 40, 100, 300].map(h => [h, h]));
    this.select("kind", "start", ["balanced", "dominated", "unbalanced"].map(kind => [kind, kind]));
    this.button("Another draw", () => this.change({ seed: this.state.seed + 1 }));
    this.begin();
  }

  move(k, x, y) {
    const points = structuredClone(this.state.points), round = one => Math.round(1000 * one) / 1000;
    points[k] = [round(clamp(x, ...X)), round(clamp(y, ...Y))];
    this.hint.remove();
    this.change({ points });
  }

  axes(pane, across, up, xLabel, yLabel) {
    for (const x of across) add(pane.svg, "text", { x: pane.at(x, 0)[0], y: pane.bottom + 15, class: "live-tick" }, shown(x, 0));
    for (const y of up) add(pane.svg, "text", { x: pane.left - 6, y: pane.at(0, y)[1] + 4, class: "live-tick live-end" }, shown(y, 0));
    add(pane.svg, "path", { d: `${path(pane, [[X[0], 0], [X[1], 0]])}${path(pane, [[0, Y[0]], [0, Y[1]]])}`, class: "live-axis" });
    add(pane.svg, "text", { x: (pane.left + pane.right) / 2, y: pane.height - 3, class: "live-title" }, xLabel);
    add(pane.svg, "text", { x: pane.left + 6, y: pane.top + 15, class: "live-title live-start" }, yLabel);
  }

  frameOf(pane) {
    add(pane.svg, "path", { d: `M${pane.left} ${pane.top}V${pane.bottom}H${pane.right}`, class: "live-axis" });
    for (const t of [0.1, 1, 10, 100]) add(pane.svg, "text", { x: pane.at(Math.log10(t), 0)[0], y: pane.bottom + 14, class: "live-tick" }, `${t}`);
    for (const y of [0, 1]) add(pane.svg, "text", { x: pane.left - 6, y: pane.at(0, y)[1] + 4, class: "live-tick live-end" }, `${y}`);
    add(pane.svg, "text", { x: 100, y: 12, class: "live-title" }, "loss / first loss");
    add(pane.svg, "text", { x: 100, y: pane.height - 2, class: "live-title" }, "time");
  }

  problem(middle = this.state.points[1]) {
    const points = [this.state.points[0], middle, this.state.points[2]];
    return { x: points.map(([x]) => [x, 1]), y: points.map(([, y]) => y), loss: "squared", slope: 0 };
  }

  draw() {
    for (const put of this.handles) put();
    const { kind, width, scale, seed, points } = this.state;
    const start_ = [kind, width, scale, seed].join(), key = start_ + points.flat(), ground = start_ + [points[0], points[2]].flat();
    const [x, y] = this.plane.at(...points[1]);
    this.hint.setAttribute("x", x);
    this.hint.setAttribute("y", y + 26);
    if (this.startKey !== start_) this.net = start(kind, width, 10 ** scale, seed);
    if (this.key !== key) {
      const { x, y } = this.problem(), [a, b] = leastSquares(x, y);
      this.line.setAttribute("d", path(this.plane, X.map(one => [one, a * one + b])));
      this.drawSeen(x.map(([one]) => Math.atan2(1, one)));
    }
    if (this.ground !== ground) this.cells = this.order(), this.values = null;
    [this.startKey, this.key, this.ground] = [start_, key, ground];
    if (this.found) this.show();
  }

  /** Shade the directions from which a neuron sees all points, or none; the points are in these directions. */
  drawSeen(angles) {
    const low = Math.max(...angles) - Math.PI / 2, high = Math.min(...angles) + Math.PI / 2;
    this.sees.forEach(([shade, words], i) => {
      const middle = (low + high) / 2 + i * Math.PI, [x, y] = this.disc.at(0.6 * Math.cos(middle), 0.6 * Math.sin(middle));
      shade.setAttribute("d", sector(this.disc, low + i * Math.PI, high + i * Math.PI, 0, 1));
      words.setAttribute("x", x);
      words.setAttribute("y", y + 4);
    });
  }

  /** The map's cells, coarse ones first. */
  order() {
    const cells = [];
    for (let size = 8; size >= 1; size /= 2) {
      for (let j = 0; j < CELLS[1]; j += size) for (let i = 0; i < CELLS[0]; i += size) {
        if (size === 8 || i % (2 * size) || j % (2 * size)) cells.push([i, j, size]);
      }
    }
    return cells;
  }

  get ready() { return this.shownKey === this.key; }

  /** Follow the network from its start, until nothing moves any more: for the state as it is now. */
  train() {
    const at = this.at = this.problem();
    let steps = 0;
    const stop = swarm => ++steps > 10000 || steps % 20 === 0 && certain(at, swarm.f, swarm.net(), swarm.patterns()).rests;
    this.run = flowing(at, this.net, { times: TIMES, rtol: 1e-5, stop });
    this.runKey = this.key;
  }

  work(until) {
    // A run that was begun is finished, so that a slow machine shows something while the point moves.
    if (!this.run && !this.ready) this.train();
    while (this.run && performance.now() < until) {
      const { done, value } = this.run.next();
      if (!done) continue;
      this.found = value;
      this.run = null;
      this.shownKey = this.runKey;
      this.judge();
      this.show();
    }
    let painted = false;
    while (this.ready && this.cells?.length && performance.now() < until) {
      this.cell ??= this.guess(this.cells[0]);
      const { done, value } = this.cell.next();
      if (!done) continue;
      this.cell = null;
      const [i, j, size] = this.cells.shift();
      this.values ??= new Int8Array(CELLS[0] * CELLS[1]);
      for (let b = j; b < Math.min(j + size, CELLS[1]); b++) this.values.fill(value, b * CELLS[0] + i, b * CELLS[0] + Math.min(i + size, CELLS[0]));
      painted = true;
    }
    if (painted) this.paint();
    return !this.ready || this.cells?.length > 0;
  }

  /** What becomes certain within the time, with the middle point in this cell: a number in KINDS. */
  *guess([i, j, size]) {
    const ground = this.ground, half = size / 2;
    const middle = [X[0] + (i + half) / CELLS[0] * (X[1] - X[0]), Y[1] - (j + half) / CELLS[1] * (Y[1] - Y[0])];
    const problem = this.problem(middle);
    let answer = 0, steps = 0;
    const stop = swarm => {
      if (++steps % 20) return steps > 500;
      answer = KINDS.indexOf(certain(problem, swarm.f, swarm.net(), swarm.patterns()).kind);
      return answer > 0;
    };
    const run = flowing(problem, this.net, { times: [0, END], rtol: 1e-4, stop });
    while (!run.next().done) {
      if (this.ground !== ground) return 0;
      yield;
    }
    return answer;
  }

  paint() {
    const canvas = document.createElement("canvas"), style = getComputedStyle(this.box);
    [canvas.width, canvas.height] = CELLS;
    const ink = canvas.getContext("2d");
    const colours = KINDS.map((kind, i) => i && style.getPropertyValue(`--live-${kind}`));
    this.values.forEach((value, at) => {
      if (!colours[value]) return;
      ink.fillStyle = colours[value];
      ink.fillRect(at % CELLS[0], Math.floor(at / CELLS[0]), 1, 1);
    });
    this.map.setAttribute("href", canvas.toDataURL());
  }

  judge() {
    const { t, nets, loss, outputs, patterns, steps, end } = this.found;
    const { kind, straight, proof } = certain(this.at, outputs.at(-1), nets.at(-1), patterns.at(-1));
    const why = !proof.living ? "all neurons are dead"
      : straight ? "all living neurons see all three points, so over these the curve ends as the straight line of least squares"
        : "the curve bends, but no neuron will ever see other points than now, and no curve of this kind meets all three";
    if (kind === "fits") this.say(`It fits: ${straight ? "the three points are as good as on one line" : "neurons see different points, the curve bends"}, and the loss has fallen to ${brief(loss.at(-1))}.`, kind);
    else if (kind === "open") this.say(`Not decided: at time ${brief(end)} the loss is ${brief(loss.at(-1))}, and no proof that it stays there holds.`, kind);
    else this.say(`Stuck for ever, and that is proved: ${why}. The loss ends at ${brief(proof.limit)}.`, kind);
    Object.assign(this.box.dataset, { loss: loss.at(-1), steps });
    if (kind !== "open") for (const later of TIMES.slice(t.length)) { // it rests from here on
      t.push(later);
      for (const kept of [nets, loss, patterns]) kept.push(kept.at(-1));
    }
  }

  show() {
    const { nets, loss, patterns, t } = this.found, i = Math.min(this.state.time, t.length - 1);
    const { w, v } = nets[i], xs = Array.from({ length: 121 }, (_, k) => X[0] + k * (X[1] - X[0]) / 120);
    const value = x => w.reduce((sum, [a, b], j) => sum + v[j] * Math.max(a * x + b, 0), 0);
    this.curve.setAttribute("d", path(this.plane, xs.map(x => [x, clamp(value(x), -9, 9)])));
    drawNeedles(this.needles, this.disc, w, v, patterns[i]);
    const at = k => [Math.log10(Math.max(t[k], 0.1)), loss[k] / loss[0]];
    this.history.setAttribute("d", path(this.falls, t.map((_, k) => at(k))));
    const [x, y] = this.falls.at(...at(i));
    this.now.setAttribute("cx", x);
    this.now.setAttribute("cy", y);
  }

  asPython() {
    const { points, width, scale, kind, seed } = this.state;
    return `import alignlib as al

data = al.Dataset(
    ${pythonRows(points.map(([x]) => [x, 1]))},
    [${points.map(([, y]) => python(y)).join(", ")}],
)
net = al.live.start("${kind}", width=${width}, scale=1e${scale}, seed=${seed})
path = al.gradient_flow(net, data, "squared", t_end=${END})
print(path)
print(al.theory.certify_stuck(path, ${END}).holds)`;
  }
}

/** Directions of neurons: blue circles for v > 0, orange triangles for v < 0, grey for the dead. */
function drawNeedles(group, disc, w, v, patterns) {
  const lines = { up: "", down: "", dead: "" }, [x0, y0] = disc.at(0, 0);
  const marks = { up: "", down: "", dead: "" };
  w.forEach(([a, b], j) => {
    const norm = Math.hypot(a, b) || 1, [x, y] = disc.at(a / norm, b / norm).map(c => +c.toFixed(1));
    const kind = patterns[j].some(on => on > 0) ? (v[j] > 0 ? "up" : "down") : "dead";
    if (kind !== "dead") lines[kind] += `M${x0} ${y0}L${x} ${y}`;
    marks[kind] += v[j] > 0 ? `M${x - 3} ${y}a3 3 0 1 0 6 0a3 3 0 1 0 -6 0` : `M${x} ${y - 3.5}L${x + 3.5} ${y + 2.8}H${x - 3.5}Z`;
  });
  if (!group.childNodes.length) for (const kind of ["dead", "down", "up"]) {
    add(group, "path", { class: `live-needle live-${kind}` });
    add(group, "path", { class: `live-mark live-${kind}` });
  }
  ["dead", "down", "up"].forEach((kind, k) => {
    group.childNodes[2 * k].setAttribute("d", lines[kind]);
    group.childNodes[2 * k + 1].setAttribute("d", marks[kind]);
  });
}

// The circle ---------------------------------------------------------------------------------------------

const MOST = 12, RIM = 1, FAN = 72, SLOW = 0.1;
const percent = share => `${Math.round(100 * share)}\u202f%`;
const degrees = angle => ((Math.round(angle * 180 / Math.PI) % 360) + 360) % 360;
const TONES = ["a", "b", "c", "d"];

/** Samples in the plane with labels, to drag, to turn and to add; and the plane cut by their hyperplanes. */
class Samples extends Live {
  /** The state: points [x, y, label]. */
  samples(pane) {
    this.knobs = Array.from({ length: MOST }, (_, k) => {
      const turn = () => {
        const points = structuredClone(this.state.points);
        points[k][2] *= -1;
        this.change({ points });
      };
      const knob = this.draggable(pane, knob => add(knob, "path", { class: "live-sample" }), {
        label: () => k < this.state.points.length ? this.named(k) : "",
        place: () => this.state.points[k] ?? [0, 0],
        put: (x, y) => {
          const points = structuredClone(this.state.points), r = Math.hypot(x, y) || 1;
          const size = clamp(r, 0.25, 1.15) / r, round = one => Math.round(1000 * one) / 1000;
          points[k] = [round(x * size), round(y * size), points[k][2]];
          this.touched = k;
          this.change({ points });
        },
        step: 0.04,
      });
      knob.addEventListener("dblclick", turn);
      knob.addEventListener("keydown", event => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        turn();
      });
      return knob;
    });
    this.handles.push(() => this.knobs.forEach((knob, k) => {
      const point = this.state.points[k];
      knob.style.display = point ? "" : "none";
      if (!point) return;
      knob.lastChild.setAttribute("d", point[2] > 0 ? "M-7 0a7 7 0 1 0 14 0a7 7 0 1 0 -14 0" : "M-6 -6H6V6H-6Z");
      knob.lastChild.classList.toggle("live-negative", point[2] < 0);
      knob.lastChild.classList.toggle("live-hollow", this.hollow(k));
    }));
  }

  /** The plane with all that is drawn under the samples. */
  circle(size) {
    const pane = this.pane_ = this.pane("circle", "The plane of the input weights, with samples to drag", size, [-1.24, 1.24], [-1.24, 1.24]);
    this.groups = {};
    for (const cone of ["plus", "minus", "dead", "rays"]) this.groups[cone] = add(pane.svg, "path", { class: `live-cone live-${cone}` });
    const [x0, y0] = pane.at(0, 0);
    add(pane.svg, "circle", { cx: x0, cy: y0, r: pane.at(RIM, 0)[0] - x0, class: "live-rim" });
    this.basins = add(pane.svg, "g");
    this.fan = add(pane.svg, "path", { class: "live-fan" });
    this.goals = add(pane.svg, "g");
    for (const [cone, words] of [["plus", "S₊"], ["minus", "S₋"], ["dead", "dead"]]) this.groups[`${cone}Name`] = add(pane.svg, "text", { class: "live-tick live-named" }, words);
    return pane;
  }

  drawEnds() {
    const pane = this.pane_;
    this.basins.replaceChildren();
    this.goals.replaceChildren();
    let tone = 0;
    for (const one of this.ends) {
      const name = one.dead ? "dead" : TONES[tone++ % TONES.length];
      add(this.basins, "path", { d: sector(pane, ...one.basin, 1.04, 1.08), class: `live-basin live-tone-${name}` });
      if (one.dead) continue;
      const tip = [Math.cos(one.angle), Math.sin(one.angle)], [x, y] = pane.at(1.02 * tip[0], 1.02 * tip[1]);
      add(this.goals, "path", { d: path(pane, [[0, 0], tip]), class: `live-goal live-tone-${name}` });
      const turn = 90 - one.angle * 180 / Math.PI;
      add(this.goals, "path", { d: "M0 -1L7 13H-7Z", transform: `translate(${x} ${y}) rotate(${turn})`, class: `live-tip live-tone-${name}` });
    }
  }

  hollow(k) { return this.state.points[k][2] < 0; }

  named(k) {
    const [x, y, label] = this.state.points[k];
    return `sample ${k + 1}, label ${label > 0 ? "+1" : "−1"}, at ${shown(x)}, ${shown(y)}; Enter turns the label`;
  }

  more() {
    this.button("Add a sample", () => {
      const { points } = this.state, n = points.length, angle = 2.4 * n; // the golden angle
      if (n < MOST) this.change({ points: [...points, [+Math.cos(angle).toFixed(3), +Math.sin(angle).toFixed(3), n % 2 ? -1 : 1]] });
    });
    this.button("Remove one", () => this.state.points.length > 2 && this.change({ points: this.state.points.slice(0, -1) }));
  }

  problem() {
    const { points } = this.state;
    return { x: points.map(([x, y]) => [x, y]), y: points.map(([, , label]) => label), loss: "exponential", slope: 0 };
  }

  dataInPython() {
    const { x, y } = this.problem();
    return `import numpy as np

import alignlib as al

data = al.Dataset(
    ${pythonRows(x)},
    [${y.join(", ")}],
)`;
  }
}

/** A sector of the disc, from angle to angle, between two radii. */
function sector(pane, low, high, inner, outer) {
  const at = (r, angle) => pane.at(r * Math.cos(angle), r * Math.sin(angle)).map(c => c.toFixed(2)).join(" ");
  const size = r => pane.at(r, 0)[0] - pane.at(0, 0)[0], big = high - low > Math.PI ? 1 : 0;
  if (high - low > 2 * Math.PI - 1e-9) high = low + 2 * Math.PI - 1e-4;
  const back = inner ? `L${at(inner, high)}A${size(inner)} ${size(inner)} 0 ${big} 1 ${at(inner, low)}` : `L${at(0, 0)}`;
  return `M${at(outer, low)}A${size(outer)} ${size(outer)} 0 ${big} 0 ${at(outer, high)}${back}Z`;
}

/** Shade the cones S+, S- and S_dead of these samples, with the hyperplanes between. */
function drawCones(groups, pane, { x, y }) {
  const angles = x.flatMap(([a, b]) => [1, -1].map(way => ((Math.atan2(b, a) + way * Math.PI / 2) + 4 * Math.PI) % (2 * Math.PI))).sort((a, b) => a - b);
  const shapes = { plus: "", minus: "", dead: "" };
  const names = { plus: {}, minus: {}, dead: {} };
  let rays = "";
  angles.forEach((low, i) => {
    const high = i + 1 < angles.length ? angles[i + 1] : angles[0] + 2 * Math.PI, middle = (low + high) / 2;
    const active = x.map(([a, b]) => a * Math.cos(middle) + b * Math.sin(middle) > 0);
    const cone = !active.some(Boolean) ? "dead" : active.every((on, k) => on === y[k] > 0) ? "plus"
      : active.every((on, k) => on === y[k] < 0) ? "minus" : null;
    if (cone && high - low > 1e-9) shapes[cone] += sector(pane, low, high, 0, RIM);
    if (cone && high - low > 0.35) [names[cone].x, names[cone].y] = pane.at(0.72 * Math.cos(middle), 0.72 * Math.sin(middle));
    rays += path(pane, [[0, 0], [RIM * Math.cos(low), RIM * Math.sin(low)]]);
  });
  for (const cone of ["plus", "minus", "dead"]) {
    groups[cone].setAttribute("d", shapes[cone]);
    groups[`${cone}Name`].setAttribute("x", names[cone].x ?? -99);
    groups[`${cone}Name`].setAttribute("y", names[cone].y ?? -99);
  }
  groups.rays.setAttribute("d", rays);
}

class Circle extends Samples {
  constructor(box) {
    super(box, { points: [[-0.574, 0.819, 1], [0, -1, -1], [0.574, 0.819, 1]], angle: 300, sign: 1, time: 60 });
    const pane = this.circle([470, 470]);
    this.way = add(pane.svg, "path", { class: "live-way" });
    this.corners = add(pane.svg, "path", { class: "live-corners" });
    this.samples(pane);
    this.draggable(pane, knob => add(knob, "path", { class: "live-follow", d: "M0 -9L9 0L0 9L-9 0Z" }), {
      label: () => `followed neuron: starts at ${this.state.angle} degrees`,
      place: () => [0.5 * Math.cos(this.state.angle * Math.PI / 180), 0.5 * Math.sin(this.state.angle * Math.PI / 180)],
      put: (x, y, way) => this.change({ angle: way ? (this.state.angle + 3 * (way[0] ? -way[0] : way[1]) + 360) % 360 : degrees(Math.atan2(y, x)) }),
      step: 0.05,
    });
    const side = this.side = this.pane("side", "Where the neurons point, over time", [200, 330], [0, 6], [0, 360], [24, 6, 34, 34]);
    add(side.svg, "path", { d: `M${side.left} ${side.top}V${side.bottom}H${side.right}`, class: "live-axis" });
    for (const t of [0, 2, 4, 6]) add(side.svg, "text", { x: side.at(t, 0)[0], y: side.bottom + 14, class: "live-tick" }, `${t}`);
    for (const a of [0, 90, 180, 270, 360]) add(side.svg, "text", { x: side.left - 5, y: side.at(0, a)[1] + 4, class: "live-tick live-end" }, `${a}°`);
    add(side.svg, "text", { x: 110, y: 12, class: "live-title" }, "direction");
    add(side.svg, "text", { x: 110, y: side.height - 3, class: "live-title" }, "time");
    this.traces = add(side.svg, "path", { class: "live-traces" });
    this.trace = add(side.svg, "path", { class: "live-way" });
    this.moment = add(side.svg, "path", { class: "live-axis" });
    this.slider("time", "time", 61, i => shown(i * SLOW, 1));
    this.select("sign", "output weight", [[1, "v > 0"], [-1, "v < 0"]]);
    this.more();
    this.begin();
  }

  draw() {
    for (const put of this.handles) put();
    const problem = this.problem(), { sign, angle, time, points } = this.state, pane = this.pane_;
    drawCones(this.groups, pane, problem);
    const key = [points.flat(), sign].join();
    if (this.key !== key) {
      this.key = key;
      this.ends = extremal(problem, sign);
      this.run = early(problem, fanOf(sign));
      this.drawEnds();
    }
    const { w } = this.run.at(time * SLOW);
    this.fan.setAttribute("d", w.map(([a, b]) => { const r = Math.hypot(a, b) || 1; return path(pane, [[0.92 * a / r, 0.92 * b / r], [a / r, b / r]]); }).join(""));
    this.drawTraces();
    this.follow(problem, angle * Math.PI / 180, sign);
    this.tell(problem);
  }

  drawTraces() {
    const lines = Array.from({ length: FAN }, () => []);
    if (this.traced !== this.key) {
      for (let i = 0; i <= 60; i += 1.5) this.run.at(i * SLOW).w.forEach(([a, b], j) => lines[j].push([i * SLOW, (Math.atan2(b, a) * 180 / Math.PI + 360) % 360]));
      this.traces.setAttribute("d", lines.filter((_, j) => j % 2 === 0).map(line => this.unbroken(line)).join(""));
      this.traced = this.key;
    }
    const t = this.state.time * SLOW;
    this.moment.setAttribute("d", path(this.side, [[t, 0], [t, 360]]));
  }

  /** A line of angles that may go round. */
  unbroken(line) {
    const parts = [[]];
    line.forEach((one, i) => {
      if (i && Math.abs(one[1] - line[i - 1][1]) > 180) parts.push([]);
      parts.at(-1).push(one);
    });
    return parts.map(part => path(this.side, part)).join("");
  }

  /** One neuron: its polygon from half the radius on, its corners, its direction over time. */
  follow(problem, angle, sign) {
    const size = 0.5, own = this.followed = early(problem, { w: [[size * Math.cos(angle), size * Math.sin(angle)]], v: [sign * size] });
    const legs = own.neurons[0].legs, places = legs.map(leg => [leg.w0, leg.w1]), last = legs.at(-1);
    for (let t = last.t, i = 0; i < 400 && last.delta; i++, t += 0.02) {
      const [[a, b]] = own.at(t).w;
      places.push([a, b]);
      if (Math.hypot(a, b) > RIM || t > last.t + 8) break;
    }
    const inside = places.map(([a, b]) => { const r = Math.max(Math.hypot(a, b) / RIM, 1); return [a / r, b / r]; });
    this.way.setAttribute("d", path(this.pane_, inside));
    const corners = legs.slice(1).filter(leg => Math.hypot(leg.w0, leg.w1) <= RIM).map(leg => this.pane_.at(leg.w0, leg.w1));
    this.corners.setAttribute("d", corners.map(([x, y]) => `M${x - 4} ${y}L${x} ${y - 4}L${x + 4} ${y}L${x} ${y + 4}Z`).join(""));
    const line = Array.from({ length: 121 }, (_, i) => { const [[a, b]] = own.at(i / 20).w; return [i / 20, (Math.atan2(b, a) * 180 / Math.PI + 360) % 360]; });
    this.trace.setAttribute("d", this.unbroken(line));
  }

  tell(problem) {
    const living = this.ends.filter(one => !one.dead), dies = this.ends.filter(one => one.dead).reduce((sum, one) => sum + one.share, 0);
    const mu = separation(problem);
    const goals = living.map(one => `${degrees(one.angle)}° (${percent(one.share)}${one.pattern.some(on => on === 0) ? ", sliding" : ""})`).join(", ");
    const pattern = this.followed.finalPatterns[0], died = !pattern.some(on => on > 0) && !pattern.some(on => on === 0);
    const [a, b] = this.followed.directions[0], crossed = this.followed.events.length;
    const end = died ? "dies" : pattern.some(on => on === 0) ? `slides at ${degrees(Math.atan2(b, a))}°` : `ends at ${degrees(Math.atan2(b, a))}°`;
    this.box.dataset.ends = JSON.stringify(living.map(one => [one.angle, one.rate, one.share]));
    this.say(`Assumption 1 ${mu > 0 ? "holds" : "fails"} (μ = ${shown(mu)}). Neurons with v ${this.state.sign > 0 ? ">" : "<"} 0 turn to ${living.length === 1 ? "one direction" : `${living.length} directions`}${living.length ? `: ${goals}` : ""}${dies > 0 ? `; ${percent(dies)} of them die` : ""}. The one followed ${end}, after ${crossed} ${crossed === 1 ? "event" : "events"}.`, mu > 0 ? "fits" : "stuck");
  }

  asPython() {
    const { angle, sign } = this.state;
    return `${this.dataInPython()}
for vector in al.extremal_vectors(data, "exponential"):
    if vector.sign == ${sign}:
        print(vector)

angle = np.radians(${angle})
net = al.Network([[np.cos(angle), np.sin(angle)]], [${sign}])
early = al.early_flow(net, data, "exponential")
print(early.events["t"], early.directions)`;
  }
}

// How far from Assumption 1 ------------------------------------------------------------------------------

const fanOf = sign => {
  const fan = Array.from({ length: FAN }, (_, j) => (j + 0.37) / FAN * 2 * Math.PI);
  return { w: fan.map(a => [Math.cos(a), Math.sin(a)]), v: fan.map(() => sign) };
};

class Threshold extends Samples {
  constructor(box) {
    super(box, { points: [[0.574, 0.819, 1], [-0.574, 0.819, 1], [0, -1, -1]], sign: 1, time: 60 });
    const pane = this.circle([420, 420]);
    this.samples(pane);
    this.numbers = Array.from({ length: MOST }, () => add(pane.svg, "text", { class: "live-tick" }));
    this.place = add(pane.svg, "text", { class: "live-title live-start", x: 4, y: 412 });
    this.side = this.pane("side", "Patterns: those of the threshold map, and those with which neurons end", [230, 330], [0, 230], [330, 0], [0, 0, 0, 0]);
    this.rows = add(this.side.svg, "g");
    this.slider("time", "time", 61, i => shown(i * SLOW, 1));
    this.select("sign", "output weight", [[1, "v > 0"], [-1, "v < 0"]]);
    this.more();
    this.begin();
  }

  /** A sample that is loose is hollow; the others are held. */
  hollow(k) { return !this.held[k]; }

  named(k) {
    return `sample ${k + 1}, ${this.held[k] ? "held" : "loose"}, label ${this.state.points[k][2] > 0 ? "+1" : "−1"}, at ${this.angle(k)} degrees; Enter turns the label`;
  }

  angle(k) { return degrees(Math.atan2(this.state.points[k][1], this.state.points[k][0])); }

  draw() {
    const problem = this.problem(), { sign, time, points } = this.state, pane = this.pane_;
    this.held = trap(problem, sign);
    for (const put of this.handles) put();
    drawCones(this.groups, pane, problem);
    this.numbers.forEach((number, k) => {
      const [x, y] = points[k] ? pane.at(points[k][0] * 0.84, points[k][1] * 0.84) : [0, 0];
      number.textContent = points[k] ? `${k + 1}` : "";
      number.setAttribute("x", x);
      number.setAttribute("y", y + 4);
    });
    this.place.textContent = this.touched < points.length ? `sample ${this.touched + 1} at ${this.angle(this.touched)}°` : "drag a sample";
    const key = [points.flat(), sign].join();
    if (this.key !== key) {
      this.key = key;
      this.run = early(problem, fanOf(sign));
      this.ends = extremal(problem, sign);
      this.fixed = fixedPoints(problem, sign);
      [this.seen, this.back] = threshold(problem, sign);
      this.drawEnds();
      this.table();
    }
    const { w } = this.run.at(time * SLOW);
    this.fan.setAttribute("d", w.map(([a, b]) => { const r = Math.hypot(a, b) || 1; return path(pane, [[0.92 * a / r, 0.92 * b / r], [a / r, b / r]]); }).join(""));
    this.tell(problem);
  }

  /** The threshold map from the class on, and the patterns with which neurons end, with their shares. */
  table() {
    const { points } = this.state, n = points.length, size = Math.min(20, 104 / n), left = 60, most = 5;
    this.rows.replaceChildren();
    const title = (y, words) => add(this.rows, "text", { x: 0, y, class: "live-title live-start" }, words);
    const row = (y, name, pattern, note, tone) => {
      add(this.rows, "text", { x: left - 8, y: y + 13, class: "live-tick live-end" }, name);
      if (tone) add(this.rows, "path", { d: `M0 ${y + 3}h9v9h-9Z`, class: `live-basin live-tone-${tone}` });
      pattern.forEach((on, k) => {
        const x = left + k * size, colour = points[k][2] > 0 ? " live-up" : " live-down";
        add(this.rows, "rect", { x, y, width: size - 2, height: 16, class: `live-cell${on === 1 ? colour : ""}` });
        if (on === 0) add(this.rows, "path", { d: `M${x} ${y + 16}l${size - 2} -16`, class: "live-axis" });
      });
      add(this.rows, "text", { x: left + n * size + 4, y: y + 13, class: "live-tick live-start" }, note);
      return y + 20;
    };
    title(14, "the threshold map");
    for (let k = 0; k < n; k += size > 12 ? 1 : 2) add(this.rows, "text", { x: left + (k + 0.45) * size, y: 30, class: "live-tick" }, `${k + 1}`);
    const signs = pattern => pattern.map(on => on ? 1 : -1), cycle = this.seen.length - this.back;
    let y = 36;
    this.seen.slice(0, most).forEach((pattern, i) => {
      y = row(y, i ? `round ${i}` : "class", signs(pattern), i < this.back ? "" : cycle === 1 ? "fixed" : `cycle of ${cycle}`);
    });
    title(y += 24, "where neurons end");
    y += 8;
    let tone = 0;
    for (const one of this.ends.slice(0, 7)) y = row(y, percent(one.share), one.pattern, this.kind(one), one.dead ? "dead" : TONES[tone++ % TONES.length]);
    this.side.svg.setAttribute("viewBox", `0 0 230 ${Math.max(y, 200)}`);
  }

  kind({ dead, pattern }) { return dead ? "dead" : pattern.includes(0) ? "sliding" : "fixed"; }

  tell(problem) {
    const { x, y } = problem, { sign, points } = this.state, mu = separation(problem), n = x.length, pairs = n * (n - 1) / 2;
    let wrong = 0;
    x.forEach(([a, b], k) => x.forEach(([c, d], l) => { wrong += l < k && y[k] * y[l] * (a * c + b * d) <= 0; }));
    const leans = leaning(problem).filter(Boolean).length, both = y.includes(1) && y.includes(-1), cycle = this.seen.length - this.back;
    const word = pattern => pattern.map(on => +on).join(""), these = this.fixed.map(word);
    const living = this.ends.filter(one => !one.dead), share = ends => ends.reduce((sum, one) => sum + one.share, 0);
    const home = share(living.filter(one => one.pattern.every((on, k) => on === (points[k][2] * sign > 0 ? 1 : -1))));
    const held = points.flatMap((_, k) => this.held[k] ? [k + 1] : []);
    Object.assign(this.box.dataset, { mu, violating: wrong / pairs, leaning: leans / n, rounds: this.back, cycle, held, fixed: these, ends: JSON.stringify(living.map(one => [one.angle, one.rate, one.share])) });
    const sums = !both ? "" : leans ? `${leans} of ${n} samples ${leans === 1 ? "leans" : "lean"} away from a class sum. ` : "The class sums hold. ";
    const points_ = !these.length ? "The threshold map has no fixed point" : these.length === 1 ? `The only fixed point is ${these}` : `Fixed points: ${these.join(", ")}`;
    this.say(`Assumption 1 ${mu > 0 ? "holds" : `fails in ${wrong} of ${pairs} pairs`} (μ = ${shown(mu)}). ${sums}Held for v ${sign > 0 ? ">" : "<"} 0: ${held.length === n ? "every sample" : held.length ? held.join(", ") : "none"}. ${points_}; of the living neurons ${percent(home / (share(living) || 1))} end active on their class alone.`, mu > 0 ? "fits" : leans ? "stuck" : "open");
  }

  asPython() {
    const { points, sign } = this.state, both = new Set(points.map(([, , label]) => label)).size > 1;
    return `${this.dataInPython()}
print(data.mu, al.geometry.violating_share(data))
${both ? "print(al.theory.check_class_sums(data).measured)\n" : ""}print(al.theory.trap(data, ${sign}))
print(al.theory.settle(data, ${sign}))
print(al.theory.fixed_points(data, ${sign}))
for vector in al.extremal_vectors(data, "exponential"):
    if vector.sign == ${sign}:
        print(vector)`;
  }
}

// All of them --------------------------------------------------------------------------------------------

const PICTURES = { "three-points": ThreePoints, circle: Circle, threshold: Threshold };

/** Bring one figure to life. */
export function mount(box) {
  return new PICTURES[box.id.replace("live-", "")](box);
}

/** The same as a widget of JupyterLab: the trait `state` goes both ways. */
export function render({ model, el }) {
  const box = document.createElement("figure");
  box.className = "live";
  box.id = `live-${model.get("name")}`;
  box.dataset.embedded = "";
  el.append(box);
  const picture = mount(box), same = () => JSON.stringify(model.get("state")) === JSON.stringify(picture.state);
  const send = () => {
    if (same()) return;
    model.set("state", structuredClone(picture.state));
    model.save_changes();
  };
  const take = () => {
    if (!same()) picture.change({ ...structuredClone(picture.first), ...structuredClone(model.get("state")) });
  };
  take();
  send();
  box.addEventListener("live", send);
  model.on("change:state", take);
  return () => model.off("change:state", take);
}
