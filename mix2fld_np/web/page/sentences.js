"use strict";
// What is to be seen now, in one sentence, made from the numbers at hand.

let spoken = "";

/** Shows the sentence; where it will stay for a while, a screen reader hears it. */
function say(html, stays = true) {
  if (html !== spoken) byId("now").innerHTML = spoken = html;
  const words = byId("now").textContent;
  if (stays && byId("heard").textContent !== words) byId("heard").textContent = words;
}

function nameOf(protocol) {
  return `<b style="color: var(--${protocol}-bright)">${protocol}</b>`;
}

function nowInRound(on) {
  const [{ view, s }] = on,
    row = TABLE.find(({ name }) => name === view.protocol);
  if (view.phase === "loading")
    return `${counted(N_TRAIN + N_TEST, "digit")} are being drawn by a wavering pen, here in your browser.`;
  if (view.phase === "ready")
    return "Ten phones hold 500 digits each; two labels (orange) are rare on each of them. Press play.".replace(
      "two labels (orange) are rare on each of them",
      raresInWords(s),
    );
  if (view.phase === "training") return nowTraining(view, s);
  if (view.phase === "upload") return nowUploading(view, s, row);
  if (view.phase === "server") return nowAtServer(view, s);
  if (view.phase === "download") return nowDownloading(view);
  return afterRound(on);
}

function raresInWords(s) {
  return {
    iid: "every label is equally frequent on all of them",
    "non-iid": "two labels (orange) are rare on each of them",
    dirichlet: "how many of each label was drawn from a Dirichlet distribution",
  }[s.split];
}

function nowTraining(view, s) {
  const K = s.n_local_iterations.toLocaleString("en");
  if (view.playing === 1) return `Every phone takes ${K} steps on its own digits; ${raresInWords(s)}.`;
  const taught = view.protocol === "FD" && view.delivered ? `, pulled towards the table by <i>β</i> = ${s.beta}` : "";
  const from = view.down?.delivered[view.reference] || view.model ? "from where it stands" : "on its own";
  return `Every phone trains ${from} for ${K} steps${taught}: its own digits now pull it their way.`;
}

function nowUploading(view, s, row) {
  const { up, reference } = view,
    d = up.bits.indexOf(Math.max(...up.bits)),
    link = uplinkOf(s),
    needed = slotsNeeded(link, up.bits[d]);
  const there = view.devices.filter((device) => device.there).length,
    through = up.delivered.filter(Boolean).length;
  const need = `${nameOf(view.protocol)} needs ${counted(needed, "good slot")} of at most ${s.max_slots}`;
  if (needed > s.max_slots) return `${need}: no upload can ever arrive.`;
  if (view.clock < Math.max(...up.slots) - 0.5)
    return `${need}; each slot is good with probability ${successProbability(link).toFixed(3)}.`;
  if (through === 0)
    return `${need}, and nobody made it: the chance was ${chanceInWords(1 - outageProbability(link, up.bits[d]))} for each.`;
  const slow = Math.max(...up.slots.filter((_, k) => up.delivered[k]));
  const several = there - through > 1 ? "theirs and keep what they know" : "its own and keeps what it knows";
  const lost = there > through ? `; ${there - through} lost ${several}` : "";
  return `${nameOf(view.protocol)} got ${through} of ${there} uploads through, the slowest in slot ${slow}${lost}.`;
}

function nowAtServer(view, s) {
  const { server, protocol } = view;
  if (protocol === "FL")
    return "The server averages the weights that arrived. Dark pixels vote for a digit, orange ones against it.";
  if (protocol === "FD")
    return "The server averages tables of 100 outputs, however large the model. No weights and no pictures leave a phone.";
  if (!server.samples?.length)
    return `No two blends at ${nameOf(protocol)}'s server have mirrored labels: try a larger <var>N<sub>S</sub></var>.`;
  if (protocol === "FLD")
    return "The server learns from raw pictures: they work best, and anybody at the server can look at them.";
  if (protocol === "MixFLD")
    return `The server learns from blends at <i>λ</i> = ${s.mixing_ratio}, with blended labels: both are hidden.`;
  return "The server un-mixes blends of different phones: labels come back whole, pictures keep (orange) ghosts.";
}

function nowDownloading(view) {
  const { down, server, reference } = view,
    got = down.delivered.filter(Boolean).length,
    there = view.devices.filter((device) => device.there).length;
  const slots = Math.max(...down.slots);
  if (!server.test)
    return `The table goes back to ${got} of ${there} phones in ${counted(slots, "slot")}: it is their teacher now.`;
  const before = view.devices[reference].test.accuracy;
  const change = `it reads ${percent(server.test.accuracy)}, phone ${reference + 1} read ${percent(before)} before`;
  return `The whole band carries the model down in ${slots} slots: ${change}.`;
}

function afterRound(on) {
  const [{ view }] = on,
    rounds = counted(view.p, "round"),
    phone = `phone ${view.reference + 1}`,
    reads = view.curve.at(-1)[1];
  if (on.length === 1)
    return `After ${rounds} ${phone} reads ${percent(reads)}; ${view.delivered} of ${view.sent} uploads arrived.`;
  const other = on[1].view,
    theirs = other.curve.at(-1)[1],
    gap = 100 * (reads - theirs);
  const ahead =
    Math.abs(gap) < 0.5
      ? "reads as much as"
      : gap > 0
        ? `reads ${gap.toFixed(0)} points more than`
        : `reads ${(-gap).toFixed(0)} points less than`;
  const why = [view, other]
    .filter((one) => one.delivered === 0)
    .map((one) => `; ${nameOf(one.protocol)} has not delivered once`)
    .join("");
  const both = `${nameOf(view.protocol)} ${ahead} with ${nameOf(other.protocol)}`;
  return `After ${rounds} ${phone} with ${both}, for ${ratioOfBits(view.bits, other.bits)}${why}.`;
}

function ratioOfBits(own, others) {
  if (own === others) return "as many bits";
  return own < others
    ? `${Number((others / own).toPrecision(2))} times fewer bits`
    : `${Number((own / others).toPrecision(2))} times more bits`;
}

// Questions for those who look on; a click sets the page so that they can be answered.
const QUESTIONS = [
  [
    "FL needs 101 good slots. What happens at the printed T_max of 100, at 105, at 120? Guess, then look.",
    { protocol: "FL", rival: MIX, max_slots: 100 },
  ],
  [
    "With 40 dBm on both ways FL's uploads arrive. Who is ahead now, and at what price in bits?",
    { protocol: MIX, rival: "FL", uplink_power_dbm: 40 },
  ],
  [
    "MixFLD and Mix2FLD send the very same pictures. What does un-mixing at the server change?",
    { protocol: MIX, rival: "MixFLD" },
  ],
  [
    "At λ = 0.49 the labels still come back exactly. What do the server's pictures look like, and what does it learn?",
    { protocol: MIX, rival: "FLD", mixing_ratio: 0.49 },
  ],
  [
    "FD's phones hear of one another through 100 numbers. Can they learn the labels that they hardly have?",
    { protocol: "FD", rival: MIX },
  ],
  [
    "Click on a phone to move it away. Which payload suffers first, and why?",
    { protocol: MIX, rival: "FL", phones: "nffnnffnnn", max_slots: 120 },
  ],
  [
    "With few steps a round (K = 80) phones forget less of what they download. How does that change the curve?",
    { protocol: MIX, rival: "FLD", n_local_iterations: 80 },
  ],
];
