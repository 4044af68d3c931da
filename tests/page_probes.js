"use strict";
// What the tests ask of the open playground: arrays, rounds fed with draws, text that is cut off or overlaps.

/** Single precision from a text in base 64. */
globalThis.floats = (text) => new Float32Array(bytesOf(text).buffer);

/** An array as a text in base 64. */
globalThis.textOf = (array) => {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  let text = "";
  for (let k = 0; k < bytes.length; k += 8192) text += String.fromCharCode(...bytes.subarray(k, k + 8192));
  return btoa(text);
};

/** The kernels, from arrays in base 64 to arrays in base 64. */
globalThis.descendOf = (weights, images, targets, order, rate) => {
  const step = network.descend(floats(weights), floats(images), floats(targets), order, rate);
  return [textOf(step.weights), textOf(step.outputs)];
};
globalThis.inferOf = (weights, images) => textOf(network.infer(floats(weights), floats(images)));
globalThis.gradientOf = (...arrays) => textOf(network.gradient(...arrays.map(floats)));

/** The weights of inverse-Mixup, both blends of two pictures, and both pictures that are made of them. */
globalThis.mixedOf = (a, b, ratio) => {
  const [first, second] = [floats(a), floats(b)];
  const blends = [mixup(first, second, ratio), mixup(second, first, ratio)].map((blend) => quantize(blend, 8));
  const ratios = [inverseRatio(ratio, 1), inverseRatio(ratio, 2), conditionNumber(ratio)];
  return [ratios, blends.map(textOf), [1, 2].map((n) => textOf(inverseMixup(...blends, ratio, n)))];
};

/** An upload of so many bits by each device. */
globalThis.uploadOf = (fields, bits, fading) => {
  const each = (value) => Array(fields.n_devices).fill(value);
  return transmit(each(uplinkOf(fields)), each(bits), fading);
};

/** The bits of a device's first upload. */
globalThis.firstBitsOf = (protocol, nSeeds) => {
  const row = TABLE.find(({ name }) => name === protocol);
  return uploadBits(row, { arrived: [false] }, { ...PACKAGE.settings, n_seed_samples: nSeeds })[0];
};

/** Digits from draws that were logged. */
globalThis.digitsOf = (n, log) => {
  const next = () => log.shift();
  const chance = { permutation: next, uniforms: next, normal: () => Float32Array.from(next()) };
  const { images, labels } = drawDigits(n, chance);
  return [textOf(images), textOf(labels)];
};

/** All that is closed about a link and a payload, from its success probability to its whole law. */
globalThis.lawOf = (isUplink, fields, bits, nDevices) => {
  const link = isUplink ? uplinkOf(fields) : downlinkOf(fields);
  const { law, missing } = latencyLaw(link, bits, link.maxSlots);
  return [
    successProbability(link),
    bitsPerSlot(link),
    slotsNeeded(link, bits),
    outageProbability(link, bits),
    Math.min(meanLatencySlots(link, bits), 1e300),
    slowestOutageProbability(link, bits, nDevices),
    meanAirtimeSlots(link, bits, nDevices),
    ...law,
    ...missing,
  ];
};

/** The draws of a run that somebody else has made. */
function drawsFrom(drawn) {
  return {
    startWeights: () => Float32Array.from(drawn.start),
    split: () => drawn.split,
    reference: () => drawn.reference,
    order: (p, d) => Int32Array.from(drawn.orders[`${p}/${d}`]),
    serverOrder: (p) => Int32Array.from(drawn.visits[p]),
    fading: (p, direction) => drawn.fading[`${p}/${direction}`],
    rawSamples: (d) => drawn.raw[d].map(([k]) => k),
    pairsToMix: (d) => drawn.mixed[d],
    shuffledPairs: (pairs) => drawn.pairs[pairs.length].map((k) => pairs[k]),
  };
}

/** A state between two rounds, from arrays in base 64. */
function stateOf(before, nDevices) {
  const models = floats(before.weights),
    size = PACKAGE.n_weights;
  const tables = (text) => {
    const all = new Float64Array(bytesOf(text).buffer);
    return range(nDevices).map((d) => all.subarray(100 * d, 100 * d + 100));
  };
  return {
    weights: range(nDevices).map((d) => models.slice(size * d, size * (d + 1))),
    outputs: tables(before.outputs),
    teachers: tables(before.teachers),
    server: floats(before.server),
    arrived: before.arrived,
  };
}

/** Plays a round from each of some states, with the draws and data handed in. */
globalThis.playRounds = (drawn, fields, protocol, images, labels, testImages, testLabels, states) => {
  const tests = { testImages: pixels(bytesOf(testImages)), testLabels: bytesOf(testLabels) };
  const data = { images: bytesOf(images), labels: bytesOf(labels), ...tests };
  const task = makeTask({ ...fields, phones: "n".repeat(fields.n_devices) }, data, network, drawsFrom(drawn));
  const row = TABLE.find(({ name }) => name === protocol),
    start = firstState(task);
  const played = states.map((before, k) => {
    const playing = playRound(k + 1, row, stateOf(before, fields.n_devices), task);
    let step = playing.next();
    while (!step.done) step = playing.next();
    const [fed, record] = step.value;
    return {
      weights: fed.weights.map((own) => textOf(Float32Array.from(own))),
      server: textOf(fed.server),
      outputs: fed.outputs.map(textOf),
      delivered: record.up.delivered,
      down: record.down?.delivered ?? null,
      samples: record.samples,
      curve: record.curve,
      seconds: secondsOf(record, task.s),
    };
  });
  return { start: textOf(start.server), played };
};

/** Words that do not fit into their box. */
globalThis.cutOff = () =>
  [
    ...document.querySelectorAll(
      "button, h1, h2, label, output, .phone-name, .phone-says, figcaption, th, td, #server-says",
    ),
  ]
    .filter((box) => box.offsetParent && box.scrollWidth > box.clientWidth + 1)
    .filter((box) => getComputedStyle(box).display !== "inline")
    .map((box) => `${box.className || box.id || box.tagName}: ${box.textContent}`);

/** Words in drawings that overlap or leave the drawing. */
globalThis.overlaps = () =>
  [...document.querySelectorAll("svg[role=img]")].flatMap((svg) => {
    const frame = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll("text")].map((text) => [text.textContent, text.getBoundingClientRect()]);
    const out = ([, box]) => box.left < frame.left - 1 || box.right > frame.right + 1;
    const wide = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1;
    const high = (a, b) => Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
    const clash = ([words, box], k) =>
      texts
        .slice(k + 1)
        .flatMap(([other, its]) => (wide(box, its) && high(box, its) ? [`${words} over ${other}`] : []));
    return frame.width ? [...texts.filter(out).map(([words]) => `${words} is cut off`), ...texts.flatMap(clash)] : [];
  });

/** Controls without a name or out of the keyboard's reach, and pictures without words. */
globalThis.unnamed = () => {
  const named = (control) => control.textContent || control.ariaLabel || control.labels?.[0]?.textContent;
  const reached = (control) => control.tabIndex >= 0 || control.role === "tab";
  const controls = [...document.querySelectorAll("button, input")].filter((one) => !named(one) || !reached(one));
  const pictures = [...document.querySelectorAll("svg[role=img], canvas[role=img]")];
  return [...controls, ...pictures.filter((one) => one.getClientRects().length && !one.ariaLabel)].map(
    (one) => one.outerHTML,
  );
};
