"use strict";
// What the server has and does: pictures of weights, a table of outputs, or samples with their labels.

function drawServer(view, s) {
  const { uplink, reply } = TABLE.find(({ name }) => name === view.protocol),
    { server } = view;
  byId("server-does").textContent = serverDoes(view, uplink, reply);
  const shown = byId("server-shows"),
    key = `${view.protocol}/${view.playing}/${Boolean(server.mean)}/${view.phase === "upload"}`;
  if (shown.dataset.key !== key || shown.mean !== server.mean) {
    Object.assign(shown, { mean: server.mean });
    shown.dataset.key = key;
    shown.replaceChildren(...serverShows(server, uplink, view.phase));
  }
  byId("server-bar").style.setProperty(
    "--done",
    reply === distilled && view.phase !== "training" ? (server.done ?? 0) : 0,
  );
  byId("server-bar").hidden = reply !== distilled;
  byId("server-says").innerHTML = serverSays(view, reply);
}

function serverDoes(view, uplink, reply) {
  if (reply === asIs) return `averages ${uplink.name}`;
  if (view.phase === "server") return `distils outputs into a model, ${Math.round(100 * (view.server.done ?? 0))} %`;
  return "distils outputs into a model";
}

/** What the server holds: pictures of weights, a table of outputs, or samples with their labels. */
function serverShows({ mean, samples }, uplink, phase) {
  const empty =
    phase === "upload" ? "waits until the slowest phone is through, or its slots are over" : "has nothing yet";
  if (!mean) return [make("p", { class: "empty" }, empty)];
  if (samples?.length) return samples.map(({ image, label }) => sampleTile(image, label));
  if (samples) return [make("p", { class: "empty" }, "no two uploads with mirrored labels: nothing to learn from")];
  return uplink === WEIGHTS ? weightTiles(mean) : [outputTable(mean)];
}

function sampleTile(image, label) {
  const words = labelInWords(label);
  return make(
    "figure",
    { class: "tile" },
    pictureOf(image, `a sample labelled ${words}`),
    make("figcaption", {}, words),
  );
}

/** "3", or "9·1" for a soft label: the larger share first. */
function labelInWords(label) {
  const shares = range(10)
    .filter((m) => label[m] > 0.001)
    .sort((a, b) => label[b] - label[a]);
  return shares.length > 1 ? `${shares[0]}(${shares[1]})` : `${shares[0]}`;
}

/** For each label, the weights of the last layer, summed over its six feature maps: orange below zero. */
function weightTiles(weights) {
  const start = PACKAGE.layers.slice(0, 4).reduce((sum, [size]) => sum + size, 0),
    cells = 14 * 14;
  const maps = range(10).map((label) =>
    Float32Array.from(range(cells), (cell) =>
      total(range(6).map((f) => weights[start + (label * 6 + f) * cells + cell])),
    ),
  );
  const most = Math.max(...maps.flatMap((map) => Array.from(map, Math.abs)));
  return maps.map((map, label) =>
    make(
      "figure",
      { class: "tile" },
      paint(
        make("canvas", { class: "picture", role: "img", "aria-label": `weights that vote for ${label}` }),
        map.map((value) => value / most),
        14,
      ),
      make("figcaption", {}, `${label}`),
    ),
  );
}

/** G_out: row n is the mean output for digit n. */
function outputTable(mean) {
  const canvas = make("canvas", {
    class: "picture table",
    role: "img",
    "aria-label": "ten by ten table: row n is what phones answer to digit n",
  });
  paint(
    canvas,
    mean.map((value) => (Number.isNaN(value) ? 0 : value)),
    10,
  );
  const diagonal = total(range(10).map((n) => mean[n * 11])) / 10;
  const words = make("p", {
    class: "table-words",
    html: `Row <i>n</i> is the mean answer to digit <i>n</i>. The diagonal is right: ${percent(diagonal, 0)}.`,
  });
  return make("div", { class: "table-box" }, canvas, words);
}

function serverSays(view, reply) {
  const { server, record, up } = view,
    arrived = view.arrived?.filter((there, d) => there && (!up?.delivered[d] || view.clockUp >= up.slots[d])).length;
  if (reply === asIs) {
    if (!server.mean) return view.p ? "no upload has ever arrived" : "waits for uploads";
    return server.test
      ? `its model reads <b>${percent(server.test.accuracy)}</b> of ${N_TEST.toLocaleString("en")} digits`
      : "it has no model: only this table goes back";
  }
  const learned = record?.samples
    ? ` · from ${record.samples[0].toLocaleString("en")} of ${record.samples[1].toLocaleString("en")} samples`
    : "";
  return server.test
    ? `its model reads <b>${percent(server.test.accuracy)}</b>${learned}`
    : arrived
      ? `seed samples of ${arrived} phones are here`
      : "waits for outputs and seed samples";
}
