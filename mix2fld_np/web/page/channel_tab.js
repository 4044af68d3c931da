"use strict";
// "The channel": the law of the latency, the cliff at T_max, a thousand uploads, one upload slot by slot.

const DISTANCES = steps(200, 2000, 50),
  THRESHOLDS = [0.25, 0.5, 1, 2, 3, 4, 6, 8, 12, 16];
let simulated = null; // latencies of the uploads just sent, and what they were sent over
let linkBoxes = {};

function makeChannel() {
  byId("link-choice").append(
    choice(
      "power",
      [
        ["23", "asymmetric"],
        ["40", "symmetric"],
      ],
      (power) => change({ uplink_power_dbm: Number(power) }),
    ),
  );
  byId("payload-choice").append(
    choice(
      "payload",
      [
        ["FL", "FL: weights", "FL"],
        ["FD", "FD: outputs", "FD"],
        ["seeds", "outputs and seed samples", MIX],
      ],
      (payload) => change({ payload }),
    ),
  );
  const about = {
    uplink_power_dbm: { ...SLIDERS.uplink_power_dbm, shown: (value) => `${value} dBm` },
    reach: {
      symbol: "r",
      name: "distance",
      values: DISTANCES,
      marks: [1000],
      shown: (value) => `${value.toLocaleString("en")} m`,
    },
    threshold: { symbol: "θ", name: "threshold", values: THRESHOLDS, marks: [3], shown: String },
    max_slots: { ...SLIDERS.max_slots, shown: String },
    n_seed_samples: { ...SLIDERS.n_seed_samples, name: "seed samples", shown: String },
  };
  for (const [key, one] of Object.entries(about)) {
    linkBoxes[key] = slider(`link-${key}`, one, (value) => change(within(key, value)));
    byId("link-sliders").append(linkBoxes[key]);
  }
  byId("send-many").addEventListener("click", () => {
    simulated = { key: channelKey(), ...simulate(1000) };
    drawChannel();
  });
  const svg = byId("law");
  let dragged = false;
  const drag = (event) => change({ max_slots: byId("law").slotAt(event.clientX - svg.getBoundingClientRect().left) });
  svg.addEventListener("pointerdown", (event) => {
    dragged = true;
    svg.setPointerCapture(event.pointerId);
    drag(event);
  });
  svg.addEventListener("pointermove", (event) => dragged && drag(event));
  for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => (dragged = false));
}

/** The link of this part: that of the runs at its own distance and threshold. */
function channelLink() {
  return uplinkOf({ ...settings, distance_m: settings.reach });
}

function payloadBits(name, nSeeds = settings.n_seed_samples) {
  if (name === "FL") return weightBits(settings);
  return outputBits(settings) + (name === "seeds" ? sampleBits({ ...settings, n_seed_samples: nSeeds }) : 0);
}

function channelKey() {
  return [
    settings.uplink_power_dbm,
    settings.reach,
    settings.threshold,
    settings.payload,
    payloadBits(settings.payload),
  ].join();
}

let nSimulated = 0;

/** Latencies of n uploads, slot by slot, and the slots of the first; none is followed beyond `most` slots. */
function simulate(n) {
  const link = channelLink(),
    needed = slotsNeeded(link, payloadBits(settings.payload)),
    gain = meanSnr(link);
  const chance = stream(settings.seed, "simulated uploads", nSimulated++),
    most = Math.min(6000, span().to * 2);
  const latencies = new Map();
  for (let k = 0; k < n; k++) {
    let t = 0,
      count = 0;
    for (; t < most && count < needed; t++) if (gain * chance.exponential() >= link.theta) count++;
    latencies.set(t, (latencies.get(t) ?? 0) + 1);
  }
  return { latencies, n };
}

/** The slots that the picture goes through. */
function span() {
  const link = channelLink(),
    n = slotsNeeded(link, payloadBits(settings.payload)),
    p = successProbability(link);
  const mean = Math.min(n / p, 8000),
    spread = Math.min(Math.sqrt(n * (1 - p)) / p, 2000),
    T = settings.max_slots;
  const from = Math.max(0, Math.floor(Math.max(n - 1, mean - 4.5 * spread) - 4)),
    to = Math.ceil(mean + 5 * spread + 4);
  const near = T > from - 2 * (to - from) && T < to + 2 * (to - from);
  return near ? { from: Math.max(0, Math.min(from, T - 4)), to: Math.max(to, T + 4) } : { from, to };
}

function showChannelControls() {
  showChoice("power", String(settings.uplink_power_dbm));
  showChoice("payload", settings.payload);
  for (const [key, box] of Object.entries(linkBoxes)) box.show(settings[key]);
}

function drawChannel() {
  const link = channelLink(),
    bits = payloadBits(settings.payload),
    n = slotsNeeded(link, bits),
    T = settings.max_slots;
  const { from, to } = span(),
    wide = Math.max(1, Math.ceil((to - from) / 130)),
    { law } = latencyLaw(link, bits, to + wide);
  const lost = outageProbability(link, bits),
    bins = range(Math.ceil((to - from) / wide) + 1).map((k) => from + k * wide);
  const inBin = (values) => bins.map((start) => total(range(wide).map((k) => values(start + k))));
  const height = inBin((t) => law[t] ?? 0),
    most = Math.max(...height, 0.01) * 1.45;
  const x = {
    from,
    to: to + wide,
    ticks: ticksBetween(from, to, 8),
    shown: String,
    words: `slots until the last bit arrives (${n.toLocaleString("en")} good ${n === 1 ? "one" : "ones"} needed)`,
  };
  const y = {
    from: 0,
    to: most,
    ticks: ticksBetween(0, most, 5),
    shown: (share) => percent(share, most < 0.05 ? 1 : 0),
  };
  const place = axes(byId("law"), x, y, {
    words: `chance of each latency; ${percent(lost)} of uploads take more than ${T} slots and are lost`,
  });
  drawColumns(place, bins, wide, height, T);
  if (simulated?.key === channelKey())
    drawDots(
      place,
      bins,
      wide,
      inBin((t) => simulated.latencies.get(t) ?? 0),
    );
  drawLimit(place, T, lost, from, to + wide);
  byId("law").slotAt = (px) =>
    Math.round(Math.min(200, Math.max(5, from + ((px - place.room.left) / place.inner.width) * (to + wide - from))));
  drawPayloads(link);
  drawOneUpload(link, n);
  byId("success").innerHTML =
    `exp(−<i>θ W N</i><sub>0</sub> <i>r<sup>α</sup></i> / <i>P</i>) = <b>${chanceOf(successProbability(link))}</b>`;
  byId("theta-words").textContent = `${settings.threshold}`;
  say(nowInChannel(link, bits, n, lost));
}

function chanceOf(p) {
  return p < 1e-3 ? p.toExponential(1) : p.toFixed(3);
}

function drawColumns({ svg, across, up }, bins, wide, height, T) {
  bins.forEach((t, k) => {
    const late = Math.min(1, Math.max(0, (t + wide - 1 - T) / wide)),
      left = across(t) + 0.5,
      width = Math.max(0.6, across(t + wide) - across(t) - 1);
    if (up(height[k]) > up(0) - 0.2) return;
    svg.append(
      draw("rect", {
        class: late > 0 ? "column late" : "column",
        x: left,
        y: up(height[k]),
        width,
        height: up(0) - up(height[k]),
      }),
    );
  });
}

function drawDots({ svg, across, up }, bins, wide, counts) {
  const last = bins.at(-1) + wide,
    beyond = total([...simulated.latencies].filter(([t]) => t >= last).map(([, n]) => n));
  bins.forEach(
    (t, k) =>
      counts[k] &&
      svg.append(
        draw("circle", { class: "dot", cx: across(t + wide / 2), cy: Math.max(6, up(counts[k] / simulated.n)), r: 3 }),
      ),
  );
  if (beyond)
    svg.append(
      draw("text", { class: "tick", x: across(last) - 4, y: up(0) - 6, "text-anchor": "end" }, `${beyond} take longer`),
    );
}

/** T_max as a line that can be dragged, and what is lost beyond it. */
function drawLimit({ svg, across, up, width, room, height }, T, lost, from, to) {
  const x = across(Math.min(to, Math.max(from, T + 1))),
    right = x > width - 190,
    off = T + 1 > to ? " →" : T + 1 < from ? " ←" : "";
  svg.append(
    draw("line", { class: "limit", x1: x, x2: x, y1: room.top + 8, y2: height - room.bottom }),
    draw("circle", { class: "limit-grip", cx: x, cy: room.top + 8, r: 9 }),
    draw("path", { class: "limit-arrows", d: `M${x - 5} ${room.top + 8}h10m-7 -3l-3 3l3 3m4 -6l3 3l-3 3` }),
  );
  const side = right ? [-14, "end"] : [14, "start"];
  svg.append(
    draw(
      "text",
      { class: "limit-name", x: x + side[0], y: room.top + 12, "text-anchor": side[1] },
      "T",
      draw("tspan", { dy: 3, "font-size": 10 }, "max"),
      draw("tspan", { dy: -3 }, ` = ${T}${off}, drag it`),
    ),
    draw(
      "text",
      { class: "lost-number", x: x + side[0], y: room.top + 36, "text-anchor": side[1] },
      `${lostInWords(lost)}`,
    ),
  );
}

function lostInWords(lost) {
  return lost >= 1 ? "all lost" : lost < 1e-12 ? "never lost" : `${chanceInWords(lost)} lost`;
}

/** What each protocol sends, in slots, and how often it is lost. */
function drawPayloads(link) {
  const seeds = [...new Set([settings.n_seed_samples, 10, 50])].sort((a, b) => b - a);
  const rows = [
    ["FL", "weights", payloadBits("FL")],
    ["FD", "outputs", payloadBits("FD")],
    ...seeds.map((n) => [MIX, `first: outputs, <i>N<sub>S</sub></i> = ${n}`, payloadBits("seeds", n)]),
    [MIX, "later: outputs", payloadBits("FD")],
  ];
  const slots = rows.map(([, , bits]) => slotsNeeded(link, bits)),
    most = Math.max(...slots, settings.max_slots);
  byId("payloads").replaceChildren(
    ...rows.map(([name, words, bits], k) => {
      const lost = outageProbability(link, bits);
      return make(
        "div",
        { class: "payload-row", style: `--own: var(--${name}); --share: ${slots[k] / most}` },
        make("b", { style: `color: var(--${name}-text)` }, name),
        make("span", { html: words }),
        make(
          "span",
          { class: "payload-bar" },
          make("i"),
          make("em", {}, `${slots[k].toLocaleString("en")} ${slots[k] === 1 ? "slot" : "slots"}`),
        ),
        make("span", { class: lost > 0.5 ? "bad" : "" }, lostInWords(lost)),
      );
    }),
  );
}

/** The slots of one upload, a square a millisecond. */
function drawOneUpload(link, needed) {
  const chance = stream(settings.seed, "one upload", nSimulated),
    T = settings.max_slots,
    gain = meanSnr(link),
    squares = [];
  let count = 0;
  for (let t = 0; t < T; t++) {
    const good = count < needed && gain * chance.exponential() >= link.theta;
    squares.push(make("i", { class: count >= needed ? "spare" : good ? "good" : "faded" }));
    if (good) count++;
  }
  const box = byId("one-upload"),
    arrived = count >= needed;
  box.replaceChildren(...squares);
  box.setAttribute("aria-label", `${count} of ${T} slots were good, ${needed} are needed`);
  byId("one-upload-words").textContent = arrived
    ? `Arrived: ${needed.toLocaleString("en")} good ${needed === 1 ? "slot" : "slots"}, and it was not yet slot ${T}.`
    : `Lost: ${count} good slots of ${T}, ${needed.toLocaleString("en")} are needed.`;
}

function nowInChannel(link, bits, n, lost) {
  const T = settings.max_slots,
    what = { FL: nameOf("FL"), FD: nameOf("FD"), seeds: "A first upload with seed samples" }[settings.payload];
  const need = `${what} needs ${n.toLocaleString("en")} good ${n === 1 ? "slot" : "slots"} and is given ${T}.`;
  if (n > T) return `${need} No upload can ever arrive, whatever the fading.`;
  const more = 1 - outageProbability({ ...link, maxSlots: T + 10 }, bits),
    now = 1 - lost;
  if (now > 0.9995)
    return `${need} Next to none is lost; on average it takes ${meanLatencySlots(link, bits).toFixed(1)} slots.`;
  const makes =
    now < 0.5 ? `One upload in ${Math.round(1 / now).toLocaleString("en")} makes` : `${percent(now, 0)} make`;
  return `${need} ${makes} it; <b>ten slots more</b> would let ${percent(more, more < 0.01 ? 2 : 0)} through.`;
}
