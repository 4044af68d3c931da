"use strict";
// The package's digits, drawn by a pen that wavers (datasets/digits.py): the same blueprints and, with the same draws,
// the same bytes. All is single precision, as there; PEN holds the constants of that file.

const f32 = Math.fround;
const SIDE = 28,
  PIXELS = SIDE * SIDE;

/** Single precision times single precision. */
function times(factor, values) {
  return values.map((value) => f32(factor) * value);
}

/** A number rounded to multiples of 2^-bits. */
function onGrid(x, bits) {
  return rint(x * (1 << bits)) / (1 << bits);
}

/** n digits: images (n x 784 bytes; paper is 0) and labels, from draws that `chance` makes. */
function drawDigits(n, chance) {
  const labels = chance.permutation(range(n).map((k) => k % 10));
  const images = new Uint8Array(n * PIXELS);
  for (let first = 0; first < n; first += PEN.CHUNK) {
    const part = labels.slice(first, first + PEN.CHUNK);
    const writing = trace(part, chance);
    bend(writing, chance);
    place(writing, chance);
    soak(withDash(writing, chance), chance, images.subarray(first * PIXELS));
  }
  return { images, labels: Uint8Array.from(labels) };
}

const blueprints = new Map();

/** One way of writing a digit: the points that the pen passes, how far it misses each, their weights in each blot. */
function blueprint(label, writing) {
  const key = `${label}/${writing}`;
  if (!blueprints.has(key)) blueprints.set(key, makeBlueprint(PEN.WRITINGS[label][writing]));
  return blueprints.get(key);
}

function makeBlueprint(text) {
  const names = [...new Set(text.replaceAll("/", " ").trim().split(/\s+/))].sort();
  const points = names.map((name) => [name[0] / 9 - 0.5, name[1] / 9 - 0.5]);
  const strokes = text.split("/").map((stroke) =>
    stroke
      .trim()
      .split(/\s+/)
      .map((name) => names.indexOf(name)),
  );
  const ends = strokes.flatMap((stroke) => [stroke[0], stroke.at(-1)]);
  const waver = names.map((_, p) => PEN.WAVER * (ends.filter((end) => end === p).length === 1 ? PEN.LOOSENESS : 1));
  const lengths = strokes.map((stroke) =>
    total(gaps(stroke.map((p) => points[p])).map((gap) => onGrid(gap, PEN.FINE))),
  );
  const ways = [0, ...lengths.map((_, k) => total(lengths.slice(0, k + 1)))];
  const stops = ways.map((way) => rint((way / total(lengths)) * PEN.N_BLOTS));
  const line = strokes.flatMap((stroke, k) => lineThrough(stroke, stops[k + 1] - stops[k], points));
  return { points, waver, line, stroke: strokes.flatMap((_, k) => Array(stops[k + 1] - stops[k]).fill(k)) };
}

function total(values) {
  return values.reduce((sum, value) => sum + value, 0);
}

function gaps(way) {
  return way.slice(1).map(([x, y], k) => Math.sqrt((x - way[k][0]) ** 2 + (y - way[k][1]) ** 2));
}

/** n + 1 numbers from 0 to `end`, equally far apart. */
function linspace(end, n) {
  return range(n).map((k) => (n === 1 ? 0 : k === n - 1 ? end : k * (end / (n - 1))));
}

/** Weights of the points in each of some blots, equally far apart, on a smooth line through a stroke. */
function lineThrough(stroke, nBlots, points) {
  const knots = [stroke[0], ...stroke, stroke.at(-1)],
    t = linspace(stroke.length - 1, 16 * stroke.length);
  const weighted = (weights) => [0, 1].map((axis) => total(weights.map((w, p) => w * points[p][axis])));
  const steps = gaps(t.map((u) => weighted(catmullRom(u, knots, points.length))));
  const way = [0];
  for (const step of steps) way.push(way.at(-1) + step);
  const times = linspace(way.at(-1), nBlots).map((at) => interpolate(at, way, t));
  return times.map((u) => catmullRom(u, knots, points.length).map((weight) => onGrid(weight, PEN.FINE)));
}

function interpolate(at, xs, ys) {
  const k = Math.min(
    Math.max(
      xs.findIndex((x) => x > at),
      1,
    ),
    xs.length - 1,
  );
  if (at >= xs.at(-1)) return ys.at(-1);
  return ys[k - 1] + ((ys[k] - ys[k - 1]) / (xs[k] - xs[k - 1])) * (at - xs[k - 1]);
}

/** Weights of the points in a Catmull-Rom spline, which passes through its knots one unit of t apart. */
function catmullRom(t, knots, nPoints) {
  const first = Math.min(Math.trunc(t), knots.length - 4),
    u = t - first,
    weights = Array(nPoints).fill(0);
  const cubics = [-u + 2 * u ** 2 - u ** 3, 2 - 5 * u ** 2 + 3 * u ** 3, u + 4 * u ** 2 - 3 * u ** 3, u ** 3 - u ** 2];
  cubics.forEach((cubic, k) => (weights[knots[first + k]] += cubic / 2));
  return weights;
}

/** Blots along the digits as a wavering hand leads the pen. */
function trace(labels, chance) {
  const n = labels.length,
    B = PEN.N_BLOTS;
  const u = chance.uniforms(n);
  const chosen = labels.map((label, k) => Math.trunc(u[k] ** PEN.FAVOURITE * PEN.WRITINGS[label].length));
  const x = new Float32Array(n * B),
    y = new Float32Array(n * B),
    stroke = new Uint8Array(n * B);
  for (let label = 0; label < 10; label++) {
    for (let w = 0; w < PEN.WRITINGS[label].length; w++) {
      const digits = range(n).filter((k) => labels[k] === label && chosen[k] === w);
      if (!digits.length) continue;
      const plan = blueprint(label, w),
        P = plan.points.length,
        z = chance.normal(digits.length * P * 2);
      digits.forEach((digit, d) => {
        for (const [axis, blots] of [x, y].entries()) {
          const missed = plan.points.map((point, p) =>
            onGrid(point[axis] + plan.waver[p] * z[(d * P + p) * 2 + axis], PEN.FINE),
          );
          for (let b = 0; b < B; b++) {
            let at = 0;
            for (let p = 0; p < P; p++) at += plan.line[b][p] * missed[p];
            blots[digit * B + b] = at;
          }
        }
        stroke.set(plan.stroke, digit * B);
      });
    }
  }
  return { n, x, y, stroke, ink: null, blots: B };
}

/** The same blots where heads grow against feet and straight lines bow. */
function bend(writing, chance) {
  const { n, x, y } = writing,
    z = times(PEN.BEND, chance.normal(5 * n)),
    tenth = f32(0.1);
  for (let digit = 0; digit < n; digit++) {
    const [a, b, c, d, e] = [0, 1, 2, 3, 4].map((row) => z[row * n + digit]);
    for (let k = digit * PEN.N_BLOTS; k < (digit + 1) * PEN.N_BLOTS; k++) {
      const u = x[k],
        v = y[k],
        u2 = f32(f32(u * u) - tenth),
        v2 = f32(f32(v * v) - tenth);
      x[k] = f32(f32(f32(u * f32(1 + f32(a * v))) + f32(b * v2)) + f32(c * u2));
      y[k] = f32(f32(v + f32(d * v2)) + f32(e * u2));
    }
  }
}

/** The same blots scaled, slanted and turned, in pixels, somewhere near the middle of the picture. */
function place(writing, chance) {
  const { n, x, y } = writing;
  const size = times(PEN.GROW, chance.normal(n)),
    aspect = times(PEN.ASPECT, chance.normal(n));
  const slant = times(PEN.SLANT, chance.normal(n)).map((value) => value + f32(PEN.USUAL_SLANT));
  const turn = times(PEN.TURN, chance.normal(n)),
    shift = times(PEN.SHIFT, chance.normal(2 * n));
  const fine = (value) => f32(onGrid(value, PEN.FINE));
  for (let digit = 0; digit < n; digit++) {
    const wide = f32(PEN.HEIGHT * fine(Math.exp(f32(size[digit] + aspect[digit]))));
    const high = f32(PEN.HEIGHT * fine(Math.exp(f32(size[digit] - aspect[digit]))));
    const cosine = fine(Math.cos(turn[digit])),
      sine = fine(Math.sin(turn[digit]));
    const from = digit * PEN.N_BLOTS,
      to = from + PEN.N_BLOTS;
    for (let k = from; k < to; k++) {
      const v = f32(high * y[k]),
        u = f32(f32(wide * x[k]) - f32(slant[digit] * v));
      x[k] = onGrid(f32(f32(cosine * u) - f32(sine * v)), PEN.POSITION);
      y[k] = onGrid(f32(f32(sine * u) + f32(cosine * v)), PEN.POSITION);
    }
    for (const [axis, values] of [x, y].entries()) {
      const mean = f32(total(values.subarray(from, to)) / PEN.N_BLOTS),
        middle = f32((SIDE - 1) / 2 + shift[axis * n + digit]);
      for (let k = from; k < to; k++) values[k] = f32(f32(values[k] - mean) + middle);
    }
  }
}

/** The same blots with their ink, and those of a short dash, which has ink on a few pictures only. */
function withDash(writing, chance) {
  const { n, stroke } = writing,
    B = PEN.N_BLOTS,
    S = PEN.N_STRAY,
    all = B + S;
  const x = new Float32Array(n * all),
    y = new Float32Array(n * all),
    ink = new Float32Array(n * all);
  const start = chance.uniforms(2 * n).map((u) => f32(2 + (SIDE - 4) * u));
  const way = times(1.5, chance.normal(2 * n)),
    stray = chance.uniforms(n);
  for (let digit = 0; digit < n; digit++) {
    const from = digit * B,
      to = digit * all;
    x.set(writing.x.subarray(from, from + B), to);
    y.set(writing.y.subarray(from, from + B), to);
    for (let b = 1; b < B; b++) {
      if (stroke[from + b] !== stroke[from + b - 1]) continue; // the pen was lifted
      const du = f32(x[to + b] - x[to + b - 1]),
        dv = f32(y[to + b] - y[to + b - 1]);
      const half = f32(Math.sqrt(f32(f32(du * du) + f32(dv * dv)))) / 2;
      ink[to + b] += half;
      ink[to + b - 1] += half;
    }
    for (let s = 0; s < S; s++) {
      const along = f32(s / (S - 1));
      x[to + B + s] = f32(start[digit] + f32(way[digit] * along));
      y[to + B + s] = f32(start[n + digit] + f32(way[n + digit] * along));
      ink[to + B + s] = f32(stray[digit]) < f32(PEN.STRAY) ? 0.8 : 0;
    }
  }
  return { n, x, y, ink, blots: all };
}

const BELL = []; // exp(-z^2 / 2), until nothing is left of it

function bell(away) {
  if (!BELL.length) {
    for (let k = 0; k < 5 * 256; k++) BELL.push(onGrid(Math.exp(-(((k + 0.5) / 256) ** 2) / 2), PEN.FINE));
  }
  return BELL[Math.min(Math.trunc(Math.abs(away)), BELL.length - 1)];
}

/** Pictures of the blots, whose ink adds up until the paper is full. */
function soak({ n, x, y, ink, blots }, chance, images) {
  const spread = chance.normal(n),
    grain = chance.normal(n * PIXELS),
    pale = chance.normal(n);
  const paper = new Float64Array(PIXELS),
    column = new Float64Array(SIDE);
  const scale = Math.sqrt(2 * Math.PI),
    faintest = f32(PEN.FAINTEST);
  for (let digit = 0; digit < n; digit++) {
    const radius = f32(f32(PEN.PEN) * f32(onGrid(Math.exp(f32(f32(PEN.PEN_SPREAD) * spread[digit])), PEN.FINE)));
    const zoom = f32(256 / radius),
      dark = f32(f32(scale) * radius),
      reach = Math.ceil(5 * radius) + 1;
    paper.fill(0);
    for (let b = digit * blots; b < (digit + 1) * blots; b++) {
      if (ink[b] === 0) continue;
      const share = f32(ink[b] / dark),
        left = Math.max(0, Math.ceil(x[b] - reach)),
        right = Math.min(SIDE, x[b] + reach);
      for (let c = left; c < right; c++) column[c] = onGrid(bell(f32(f32(c - x[b]) * zoom)), PEN.ACROSS);
      for (let r = Math.max(0, Math.ceil(y[b] - reach)); r < Math.min(SIDE, y[b] + reach); r++) {
        const row = onGrid(f32(bell(f32(f32(r - y[b]) * zoom)) * share), PEN.DOWN);
        if (row) for (let c = left; c < right; c++) paper[r * SIDE + c] += row * column[c];
      }
    }
    const blackest = f32(255 * Math.min(Math.max(f32(1 - f32(f32(PEN.PALE) * Math.abs(pale[digit]))), 0), 1));
    for (let q = 0; q < PIXELS; q++) {
      const uneven = f32(1 + f32(f32(PEN.GRAIN) * grain[digit * PIXELS + q]));
      const soaked = f32(f32(f32(PEN.SOAK) * f32(paper[q])) * uneven);
      images[digit * PIXELS + q] = rint(f32(Math.min(Math.max(f32(soaked - faintest), 0), 1) * blackest));
    }
  }
}
