"use strict";
// Ten phones around a base station: what each holds and knows, its slots, the pipes, and what the server has.

const phones = []; // the parts of each phone's card

/** The cards of the phones, made once. */
function makeStage() {
  for (let d = 0; d < PACKAGE.settings.n_devices; d++) {
    const ring = draw("svg", { class: "ring", viewBox: "0 0 44 44", "aria-hidden": "true" });
    const arc = draw("circle", { class: "ring-arc", cx: 22, cy: 22, r: 18, pathLength: 100 });
    const number = draw("text", { x: 22, y: 26.5, "text-anchor": "middle" });
    ring.append(draw("circle", { class: "ring-track", cx: 22, cy: 22, r: 18 }), arc, number);
    const bars = draw("svg", {
      class: "bars",
      viewBox: "0 0 50 24",
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    });
    const slots = make("canvas", { class: "slots", "aria-hidden": "true" });
    const name = make("span", { class: "phone-name" }),
      says = make("span", { class: "phone-says" });
    const card = make(
      "button",
      {
        class: "phone",
        type: "button",
        title: "moves it away, then switches it off, then brings it back",
        onclick: () => movePhone(d),
      },
      name,
      ring,
      bars,
      slots,
      says,
    );
    phones.push({ card, arc, number, bars, slots, name, says });
    byId(d < 5 ? "phones-above" : "phones-below").append(card);
  }
}

/** A click takes a phone farther away, then switches it off, then brings it back. */
function movePhone(d) {
  const where = Array.from(settings.phones),
    next = { n: FAR, f: OFF, o: NEAR };
  where[d] = next[where[d]];
  if (where.every((one) => one === OFF)) where[d] = NEAR;
  change({ phones: where.join("") });
}

/** Draws a view of a run. */
function drawStage(view, s) {
  byId("stage-title").innerHTML = stageTitle(view, s);
  byId("stage").style.setProperty("--own", `var(--${view.protocol})`);
  view.devices.forEach((device, d) => drawPhone(phones[d], device, d, view, s));
  drawPipes(view);
  drawServer(view, s);
}

function stageTitle(view, s) {
  const { uplink, downlink } = TABLE.find(({ name }) => name === view.protocol),
    p = view.playing ?? 1;
  if (view.phase === "loading") return "drawing digits and loading the kernels";
  if (view.phase === "ready") return "before round 1: every phone has the same random weights";
  if (view.phase === "training")
    return `round ${p} · ${s.n_local_iterations.toLocaleString("en")} steps of training on each phone`;
  if (view.phase === "upload") {
    const first = Math.max(...view.up.bits) > uplink.bits(s) ? " and seed samples" : "";
    return `round ${p} · upload of ${uplink.name}${first} · ${counted(Math.max(...view.up.bits), "bit")} each`;
  }
  if (view.phase === "server") return `round ${p} · at the server`;
  if (view.phase === "download")
    return `round ${p} · download of ${downlink.name} · ${view.down.bits[0].toLocaleString("en")} bits for all`;
  return `after round ${p}`;
}

function drawPhone(parts, device, d, view, s) {
  const { card, arc, number, bars, slots, name, says } = parts,
    mine = d === view.reference;
  const lost = view.up && device.there && !view.up.delivered[d] && view.clockUp >= view.up.slots[d];
  card.className = `phone${mine ? " reference" : ""}${lost ? " lost" : ""}${device.there ? "" : " off"}`;
  const more = `${mine ? " ★" : ""}${device.far ? " far" : ""}`,
    called = `phone ${d + 1}${more}`;
  name.replaceChildren(
    make("span", { class: "long" }, called),
    make("span", { class: "short" }, more ? `${d + 1}${more}` : called),
  );
  const accuracy = device.test.accuracy;
  arc.setAttribute("stroke-dasharray", `${100 * accuracy} 100`);
  number.textContent = Math.round(100 * accuracy);
  if (bars.dataset.counts !== String(device.counts)) drawBars(bars, device.counts);
  const [long, short] = phoneSays(device, d, view, lost);
  says.replaceChildren(make("span", { class: "long" }, long), make("span", { class: "short" }, short));
  card.setAttribute(
    "aria-label",
    `${called}: reads ${Math.round(100 * accuracy)} of 100 test digits, ${long}. Press to move it away.`,
  );
  drawSlots(slots, device, d, view, s);
}

/** How many samples of each label a phone holds; rare ones are orange. */
function drawBars(svg, counts) {
  const most = Math.max(...counts),
    rare = (n) => n <= (0.1 * total(counts)) / 10;
  svg.replaceChildren(
    ...counts.map((n, label) => {
      const height = Math.max(2.5, (22 * n) / most);
      return draw("rect", { class: rare(n) ? "rare" : "", x: label * 5 + 0.5, y: 24 - height, width: 4, height });
    }),
  );
  svg.dataset.counts = String(counts);
}

/** What a phone says, in a few words and in one. */
function phoneSays(device, d, view, lost) {
  const { phase, up, down, clock } = view,
    done = `${Math.round(100 * device.done)} %`;
  if (!device.there) return ["switched off", "off"];
  if (phase === "training")
    return device.done === 1 ? ["trained", "trained"] : device.done ? [`trains, ${done}`, done] : ["waits", "waits"];
  if (!up) return ["waits", "waits"];
  if (phase === "download" && clock >= down.slots[d])
    return down.delivered[d] ? ["✓ received", "✓"] : ["✗ missed it", "✗ missed"];
  if (phase === "upload" && clock < up.slots[d]) return [`slot ${Math.ceil(clock)}`, `${Math.ceil(clock)}`];
  const n = up.slots[d];
  return lost ? [`✗ lost at ${n}`, "✗ lost"] : [`✓ in ${n} ${n === 1 ? "slot" : "slots"}`, `✓ ${n}`];
}

const SLOT_ROWS = 4;

/** One small square for each slot allowed: got through, faded, or still to come. */
function drawSlots(canvas, device, d, view, s) {
  const T = s.max_slots,
    columns = Math.max(26, Math.ceil(T / SLOT_ROWS)),
    ratio = devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * ratio),
    height = Math.round(canvas.clientHeight * ratio);
  const now = view.up ? Math.min(view.clockUp, view.up.slots[d]) : 0;
  const key = [width, height, T, Math.floor(now), view.up?.delivered[d], view.playing, device.there, theme()].join();
  if (canvas.dataset.key === key || !width) return;
  canvas.dataset.key = key;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d"),
    across = width / columns,
    down = height / SLOT_ROWS,
    gap = Math.min(ratio, across / 4);
  const lost = view.up && !view.up.delivered[d] && now >= view.up.slots[d];
  context.clearRect(0, 0, width, height);
  for (let t = 0; t < T && device.there; t++) {
    const state = t >= now ? "coming" : view.up.good[d][t] ? (lost ? "wasted" : "good") : "faded";
    context.fillStyle = colour(`slot-${state}`);
    context.fillRect((t % columns) * across, Math.floor(t / columns) * down, across - gap, down - gap);
  }
}

/** Lines between phones and server, as wide as the bits they carry; a lost upload breaks off. */
function drawPipes(view) {
  const svg = byId("pipes"),
    box = svg.getBoundingClientRect(),
    server = byId("server").getBoundingClientRect();
  if (!box.width) return;
  svg.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
  const bundle = [];
  view.devices.forEach((device, d) => {
    const card = phones[d].card.getBoundingClientRect(),
      above = d < 5;
    const x = card.left + card.width / 2 - box.left,
      y = (above ? card.bottom : card.top) - box.top;
    const to = server.left - box.left + server.width * (0.14 + 0.18 * (d % 5)),
      end = (above ? server.top : server.bottom) - box.top;
    const middle = (y + end) / 2,
      path = `M${x} ${y}C${x} ${middle} ${to} ${middle} ${to} ${end}`;
    bundle.push(draw("path", { class: "pipe", d: path, pathLength: 100 }));
    if (device.there) bundle.push(...flow(view, d, path));
  });
  svg.replaceChildren(...bundle);
}

/** What flows through the pipe of a device now. */
function flow(view, d, path) {
  const wide = (bits) => Math.max(1.8, (9 * bits) / 4e5).toFixed(1);
  if (view.phase === "upload" || view.phase === "server") {
    const share = Math.min(1, view.clockUp / Math.max(1, view.up.slots[d])),
      lost = !view.up.delivered[d];
    const kind = lost ? (share >= 1 ? "broken" : "carried") : "carried",
      length = lost ? 55 * share : 100 * share;
    return [
      draw("path", {
        class: `pipe ${kind}`,
        d: path,
        pathLength: 100,
        style: `stroke-width: ${wide(view.up.bits[d])}`,
        "stroke-dasharray": `${length} 200`,
      }),
    ];
  }
  if (view.phase !== "download") return [];
  const share = Math.min(1, view.clock / Math.max(1, view.down.slots[d])),
    length = view.down.delivered[d] ? 100 * share : 55 * share;
  return [
    draw("path", {
      class: `pipe ${view.down.delivered[d] || share < 1 ? "carried" : "broken"}`,
      d: path,
      pathLength: 100,
      style: `stroke-width: ${wide(view.down.bits[d])}`,
      "stroke-dasharray": `0 ${100 - length} ${length} 200`,
    }),
  ];
}
