"use strict";
// Algorithm 1 and the five protocols as rows of one table (federation/protocols.py). A round is a generator: what it
// yields is what the page shows while it goes on; what it returns is the next state and the record.

const PART = 160; // SGD steps between two looks at the clock

/** What crosses the channel: its size, its mean over devices, and how a device takes it in. */
const WEIGHTS = {
  name: "weights",
  bits: weightBits,
  average: (fed, delivered) => meanOf(fed.weights, delivered),
  write: (fed, model, delivered) => ({ ...fed, weights: fed.weights.map((own, d) => (delivered[d] ? model : own)) }),
};
const OUTPUTS = {
  name: "outputs",
  bits: outputBits,
  average: (fed, delivered) => meanOfKnown(fed.outputs, delivered),
  write: (fed, teacher, delivered) => ({
    ...fed,
    teachers: fed.teachers.map((own, d) => (delivered[d] ? teacher : own)),
  }),
};

// Read downwards, each row changes one idea of the row above.
const TABLE = [
  { name: "FL", uplink: WEIGHTS, downlink: WEIGHTS, collect: nothing, prepare: keep, reply: asIs },
  { name: "FD", uplink: OUTPUTS, downlink: OUTPUTS, collect: nothing, prepare: keep, reply: asIs },
  { name: "FLD", uplink: OUTPUTS, downlink: WEIGHTS, collect: raw, prepare: keep, reply: distilled },
  { name: "MixFLD", uplink: OUTPUTS, downlink: WEIGHTS, collect: mixed, prepare: keep, reply: distilled },
  { name: "Mix2FLD", uplink: OUTPUTS, downlink: WEIGHTS, collect: mixed, prepare: inverselyMixed, reply: distilled },
];

// Where a phone is, in settings.phones: at the letter's distance, farther away, or switched off.
const NEAR = "n",
  FAR = "f",
  OFF = "o",
  FAR_TIMES = 1.3;

/** One experiment: settings, data, network, draws; and what follows from them before the first round. */
function makeTask(s, data, network, draws) {
  const held = draws.split(),
    there = Array.from(s.phones, (where) => where !== OFF);
  const counts = held.map((samples) =>
    range(10).map((label) => total(samples.map((k) => Number(data.labels[k] === label)))),
  );
  return { s, data, network, draws, held, counts, there, ...linksOf(s), reference: draws.reference() };
}

/** The links of all devices in both directions; one that is switched off leaves its share of the band to the others. */
function linksOf(s) {
  const nThere = total(Array.from(s.phones, (where) => Number(where !== OFF)));
  const placed = Array.from(s.phones, (where) => (where === FAR ? { ...s, distance_m: FAR_TIMES * s.distance_m } : s));
  return { up: placed.map((own) => uplinkOf(own, nThere)), down: placed.map((own) => downlinkOf(own)) };
}

/** Devices and server start from the same weights. */
function firstState({ s, draws }) {
  const start = draws.startWeights(),
    each = (value) => Array(s.n_devices).fill(value);
  const unknown = new Float64Array(100).fill(NaN);
  return { weights: each(start), outputs: each(unknown), teachers: each(unknown), server: start, arrived: each(false) };
}

/** Global round p = 1, 2, ... of Algorithm 1, whichever the protocol. */
function* playRound(p, protocol, fed, task) {
  const { s } = task,
    record = { p };
  fed = yield* trainDevices(p, fed, task, record); // lines 3-5
  const up = (record.up = send(task.up, uploadBits(protocol, fed, s), task, p, "up")); // line 6
  fed = { ...fed, arrived: fed.arrived.map((there, d) => there || up.delivered[d]) };
  const material = serverMaterial(protocol, fed, task); // line 8
  record.samples = material && [0, material.wanted];
  yield { type: "upload", up, arrived: fed.arrived };
  if (up.delivered.some(Boolean)) {
    const mean = protocol.uplink.average(fed, up.delivered); // line 9
    yield { type: "server", mean, samples: material && shown(material) };
    const [reply, next] = yield* protocol.reply(mean, material, fed, task, p); // line 10
    fed = next;
    if (reply) {
      const bits = Array(s.n_devices).fill(protocol.downlink.bits(s));
      const down = (record.down = send(task.down, bits, task, p, "down")); // line 11
      fed = protocol.downlink.write(fed, reply, down.delivered); // line 13
      record.samples = material && [material.n, material.wanted];
      if (protocol.downlink === WEIGHTS) record.server = test(reply, task);
      yield { type: "download", down, server: record.server ?? null };
    }
  }
  record.serverS = material && record.down ? s.n_distill_iterations * s.server_s_per_iteration : 0;
  record.downloaded = testAll(fed.weights, task);
  return [fed, record];
}

/** One payload to or from every device that is there; the others send nothing and get nothing. */
function send(links, bits, task, p, direction) {
  const sent = transmit(
    links,
    bits.map((own, d) => (task.there[d] ? own : 0)),
    task.draws.fading(p, direction, task.s.max_slots),
  );
  return { ...sent, delivered: sent.delivered.map((arrived, d) => arrived && task.there[d]) };
}

/** K iterations of eq. (1), or of (3) with a teacher, on every device, and their average outputs, eq. (2). */
function* trainDevices(p, fed, task, record) {
  const { s, data, network } = task,
    weights = fed.weights.slice(),
    outputs = fed.outputs.slice();
  record.trained = [];
  for (let d = 0; d < s.n_devices; d++) {
    if (!task.there[d]) {
      record.trained.push(test(weights[d], task));
      if (d === task.reference) record.curve = Array(1 + s.n_evaluations).fill(record.trained[d].accuracy);
      continue;
    }
    const held = task.held[d],
      images = imagesOf(data, held),
      labels = held.map((k) => data.labels[k]);
    const targets = distillationTarget(labels.map(oneHot), fed.teachers[d], s.beta),
      order = task.draws.order(p, d, held.length);
    const [F, tests] = [[], []],
      marks = d === task.reference ? partEnds(order.length, s.n_evaluations) : [order.length];
    if (d === task.reference) tests.push(test(weights[d], task));
    for (let start = 0; start < order.length;) {
      const end = Math.min(
        start + PART,
        marks.find((mark) => mark > start),
      );
      const step = network.descend(weights[d], images, targets, order.subarray(start, end), s.learning_rate);
      weights[d] = step.weights;
      F.push(step.outputs);
      yield { type: "training", device: d, done: (start = end) / order.length };
      if (!marks.includes(end)) continue;
      tests.push(test(weights[d], task));
      if (d === task.reference)
        yield {
          type: "tested",
          accuracy: tests.at(-1).accuracy,
          seconds: ((tests.length - 1) / marks.length) * deviceSeconds(s),
        };
    }
    outputs[d] = averageOutputs(
      F,
      Array.from(order, (k) => labels[k]),
    );
    record.trained.push(tests.at(-1));
    if (d === task.reference) record.curve = tests.map((one) => one.accuracy);
    yield { type: "trained", device: d, test: tests.at(-1) };
  }
  record.deviceS = deviceSeconds(s);
  return { ...fed, weights, outputs };
}

/** What the local update of a device takes; they work side by side. */
function deviceSeconds(s) {
  return s.n_local_iterations * s.device_s_per_iteration;
}

/** Where n steps end when they are cut into parts as equal as can be, longer ones first. */
function partEnds(n, parts) {
  return range(parts)
    .map((k) => (k + 1) * Math.floor(n / parts) + Math.min(k + 1, n % parts))
    .filter((end) => end > 0);
}

/** t = y + beta y G, whose cross-entropy is phi + beta psi of eqs. (3) and (5); an unknown row of G adds nothing. */
function distillationTarget(labels, teacher, beta) {
  const targets = new Float32Array(labels.length * 10);
  labels.forEach((y, k) => {
    for (let m = 0; m < 10; m++) {
      let taught = 0;
      for (let n = 0; n < 10; n++)
        if (y[n] !== 0 && !Number.isNaN(teacher[n * 10 + m])) taught += y[n] * teacher[n * 10 + m];
      targets[k * 10 + m] = y[m] + beta * taught;
    }
  });
  return targets;
}

function oneHot(label) {
  return range(10).map((m) => (m === label ? 1 : 0));
}

/** Row n is the mean of the outputs of all iterations with label n, eq. (2); unknown where there was none. */
function averageOutputs(parts, labels) {
  const sum = new Float64Array(100),
    n = Array(10).fill(0);
  let k = 0;
  for (const F of parts) {
    for (let at = 0; at < F.length; at += 10, k++) {
      n[labels[k]]++;
      for (let m = 0; m < 10; m++) sum[labels[k] * 10 + m] += F[at + m];
    }
  }
  return sum.map((value, at) => value / n[Math.floor(at / 10)]); // 0 / 0 is NaN: unknown
}

/** G_mod, the mean of the delivered weights; all devices hold equally many samples. */
function meanOf(weights, delivered) {
  const there = weights.filter((_, d) => delivered[d]),
    mean = new Float64Array(weights[0].length);
  for (const own of there) own.forEach((value, k) => (mean[k] += value));
  return Float32Array.from(mean, (value) => value / there.length);
}

/** G_out, the mean of the delivered average outputs, of each label over the devices that drew it. */
function meanOfKnown(outputs, delivered) {
  return Float64Array.from(range(100), (k) => {
    const known = outputs.filter((own, d) => delivered[d] && !Number.isNaN(own[k])).map((own) => own[k]);
    return total(known) / known.length;
  });
}

/** B^up of each device: the payload, and its seed samples until they have arrived. */
function uploadBits(protocol, fed, s) {
  return fed.arrived.map(
    (there) => protocol.uplink.bits(s) + (there || protocol.collect === nothing ? 0 : sampleBits(s)),
  );
}

// --- what the server replies -----------------------------------------------------------------------------------------

/** FL and FD: the average goes back as it is. */
function* asIs(mean, material, fed) {
  return [mean, fed];
}

/** FLD, MixFLD, Mix2FLD: K_S iterations of eq. (5) on seed samples turn G_out into G_mod; without any, no reply. */
function* distilled(mean, material, fed, task, p) {
  if (!material.n) return [null, fed];
  const { s, network } = task,
    samples = range(material.n).map(material.render);
  const images = new Float32Array(material.n * PIXELS),
    order = task.draws.serverOrder(p, material.n);
  samples.forEach(({ image }, k) => images.set(image, k * PIXELS));
  const targets = distillationTarget(
    samples.map(({ label }) => label),
    mean,
    s.beta,
  );
  let server = fed.server;
  for (let start = 0; start < order.length; start += 2 * PART) {
    server = network.descend(server, images, targets, order.subarray(start, start + 2 * PART), s.learning_rate).weights;
    yield { type: "distilling", done: Math.min(1, (start + 2 * PART) / order.length) };
  }
  return [server, { ...fed, server }];
}

// --- data and tests --------------------------------------------------------------------------------------------------

function imagesOf(data, which) {
  const images = new Float32Array(which.length * PIXELS);
  which.forEach((k, at) => images.set(pixels(data.images.subarray(k * PIXELS, (k + 1) * PIXELS)), at * PIXELS));
  return images;
}

function test(weights, { network, data }) {
  return network.evaluate(weights, data.testImages, data.testLabels);
}

/** Tests of all devices; models that several have in common are tested once. */
function testAll(models, task) {
  const tests = new Map();
  for (const model of models) if (!tests.has(model)) tests.set(model, test(model, task));
  return models.map((model) => tests.get(model));
}

/** The clock after a round: compute, and the airtime of the slowest upload and download. */
function secondsOf({ up, down, deviceS, serverS }, s) {
  const slots = Math.max(...up.slots) + (down ? Math.max(...down.slots) : 0);
  return { airtime: slots * s.slot_s, compute: deviceS + serverS };
}
