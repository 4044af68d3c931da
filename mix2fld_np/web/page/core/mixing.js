"use strict";
// Mixup on a device, eq. (6), and inverse-Mixup at the server, eqs. (7) to (10); who is paired with whom (mixing/).

/** lambda a + (1 - lambda) b, eq. (6), in single precision as the package has it. */
function mixup(a, b, ratio) {
  return blendOf(a, b, f32(ratio), f32(1 - ratio));
}

function blendOf(a, b, lam, rest) {
  const blend = new Float32Array(a.length);
  for (let k = 0; k < a.length; k++) blend[k] = f32(lam * a[k]) + f32(rest * b[k]);
  return blend;
}

/** Samples in [0, 1] rounded to the values that b bits can tell apart. */
function quantize(samples, bits) {
  return bits > 24 ? samples : samples.map((value) => rint(value * (2 ** bits - 1)) / (2 ** bits - 1));
}

/** lambda-hat for target label n = 1 or 2, eqs. (9) and (10). */
function inverseRatio(ratio, n) {
  return (n === 1 ? ratio : ratio - 1) / (2 * ratio - 1);
}

/** How much inverse-Mixup magnifies noise, 1 / |1 - 2 lambda|. */
function conditionNumber(ratio) {
  return 1 / Math.abs(1 - 2 * ratio);
}

/** The sample with hard label n = 1 or 2 made of two mixed-up ones with mirrored labels, eq. (7), not clipped. */
function inverseMixup(mixed, mirror, ratio, n) {
  return blendOf(mixed, mirror, f32(inverseRatio(ratio, n)), f32(1 - inverseRatio(ratio, n)));
}

/** All pairs (m, m') with labels (a, b) and (b, a), a < b, of two devices; at most `most` partners for each m. */
function symmetricPairs(first, second, device, most) {
  const M = range(first.length),
    name = M.map((m) => pairName(first[m], second[m]));
  const mirrors = new Map(),
    met = new Map(),
    pairs = [];
  for (const m of M) if (first[m] > second[m]) mirrors.set(name[m], [...(mirrors.get(name[m]) ?? []), m]);
  for (const m of M) {
    if (first[m] >= second[m]) continue;
    const own = mirrors.get(name[m]) ?? [],
      turn = met.get(name[m]) ?? 0;
    met.set(name[m], turn + 1);
    for (let k = 0; k < Math.min(own.length, most); k++) pairs.push([m, own[(turn + k) % own.length]]);
  }
  return pairs.filter(([m, mirror]) => device[m] !== device[mirror]);
}

function pairName(a, b) {
  return Math.min(a, b) * 10 + Math.max(a, b);
}

/** ceil(wanted / 2) of `pairs`, which are in random order, as evenly over label pairs, then labels, as they allow. */
function choosePairs(pairs, first, second, wanted) {
  const n = Math.ceil(wanted / 2),
    seen = new Map();
  if (n >= pairs.length) return pairs;
  const rank = pairs.map(([m]) => {
    const name = pairName(first[m], second[m]),
      k = seen.get(name) ?? 0;
    seen.set(name, k + 1);
    return k;
  });
  const level = [...rank].sort((a, b) => a - b)[n]; // every label pair gives so many, and some give one more
  const chosen = pairs.filter((_, k) => rank[k] < level),
    last = pairs.filter((_, k) => rank[k] === level);
  const used = Array(10).fill(0),
    labelsOf = ([m]) => [first[m], second[m]];
  for (const pair of chosen) for (const label of labelsOf(pair)) used[label]++;
  return [...chosen, ...leastUsed(used, last, labelsOf, n - chosen.length)];
}

/** n of some pairs, one at a time, always the one whose labels were used least; in their own order. */
function leastUsed(used, pairs, labelsOf, n) {
  const taken = new Set(),
    use = (k) => total(labelsOf(pairs[k]).map((label) => used[label]));
  while (taken.size < n) {
    let best = -1;
    for (let k = 0; k < pairs.length; k++) if (!taken.has(k) && (best < 0 || use(k) < use(best))) best = k;
    taken.add(best);
    for (const label of labelsOf(pairs[best])) used[label]++;
  }
  return pairs.filter((_, k) => taken.has(k));
}
