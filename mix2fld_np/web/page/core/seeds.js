"use strict";
// Seed samples (federation/seed_samples.py): what a device sends once, and what the server makes of it.

/** FL and FD send no seed samples. */
function nothing() {
  return null;
}

/** FLD: N_S different samples as they are. */
function raw(task) {
  return recipes(task, (d, held) => task.draws.rawSamples(d, held).map((k) => [k, k]), 1);
}

/** MixFLD, Mix2FLD: N_S blends of two samples with different labels, eq. (6). */
function mixed(task) {
  return recipes(task, (d, held) => task.draws.pairsToMix(d, held), task.s.mixing_ratio);
}

function recipes(task, choose, ratio) {
  return {
    samples: task.held.flatMap((held, device) => choose(device, held).map(([i, j]) => ({ i, j, device }))),
    ratio,
  };
}

/** A seed sample as it leaves the device: pixels rounded to their bits, and its label, soft where it is a blend. */
function blend({ i, j }, ratio, { s, data }) {
  const [a, b] = [imagesOf(data, [i]), imagesOf(data, [j])];
  const label = oneHot(data.labels[i]).map((y, m) => ratio * y + (1 - ratio) * (data.labels[j] === m ? 1 : 0));
  return { image: quantize(mixup(a, b, ratio), s.bits_per_pixel), label };
}

// --- what the server makes of it -------------------------------------------------------------------------------------

/** What the server can distil on, given whose seed samples have arrived; null where none are ever sent. */
function serverMaterial(protocol, fed, task) {
  const sent = protocol.collect(task);
  if (!sent) return null;
  return protocol.prepare({ ...sent, samples: sent.samples.filter(({ device }) => fed.arrived[device]) }, task);
}

/** FLD, MixFLD: the samples as they came. */
function keep(sent, task) {
  const { s } = task;
  return {
    n: sent.samples.length,
    wanted: s.n_devices * s.n_seed_samples,
    render: (k) => blend(sent.samples[k], sent.ratio, task),
  };
}

/** Mix2FLD: pairs with mirrored labels are recombined into samples with hard labels, eq. (7). */
function inverselyMixed(sent, task) {
  const { s, data } = task,
    wanted = s.n_devices * s.n_inverse_samples,
    of = (key) => sent.samples.map((sample) => data.labels[sample[key]]);
  const [first, second, device] = [of("i"), of("j"), sent.samples.map((sample) => sample.device)];
  const most = Math.max(16, 4 * Math.ceil(s.n_inverse_samples / s.n_seed_samples));
  const pairs = choosePairs(
    task.draws.shuffledPairs(symmetricPairs(first, second, device, most)),
    first,
    second,
    wanted,
  );

  function render(k) {
    const [m, mirror] = pairs[k >> 1],
      n = 1 + (k % 2);
    const [a, b] = [m, mirror].map((which) => blend(sent.samples[which], sent.ratio, task).image);
    return { image: inverseMixup(a, b, sent.ratio, n), label: oneHot(n === 1 ? first[m] : second[m]) };
  }

  return { n: Math.min(2 * pairs.length, wanted), wanted, render };
}

/** A sample of each label, for the eye, as far as they are soon found. */
function shown(material) {
  const found = new Map();
  for (let k = 0; k < Math.min(300, material.n) && found.size < 10; k++) {
    const sample = material.render(k),
      label = argmax(sample.label);
    if (!found.has(label)) found.set(label, sample);
  }
  return range(10)
    .filter((label) => found.has(label))
    .map((label) => found.get(label));
}
