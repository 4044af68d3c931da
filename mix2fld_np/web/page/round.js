"use strict";
// "Round by round": two runs at most, the curves, what was sent, and what each digit is worth.

const MOST_ROUNDS = 30,
  BEAT_MS = 500;
const players = []; // the run that is watched, and its rival
let playing = false,
  wanted = 0,
  beatSince = 0,
  ghosts = [],
  dirty = true;

function makeRound() {
  byId("protocol-box").append(
    choice(
      "protocol",
      PROTOCOLS.map((name) => [name, name, name]),
      (name) => {
        change({ protocol: name, ...(settings.rival === name ? { rival: settings.protocol } : {}) });
      },
    ),
  );
  byId("rival-box").append(
    choice("rival", [["none", "nobody"], ...PROTOCOLS.map((name) => [name, name, name])], (name) => {
      change({ rival: name === settings.protocol ? "none" : name });
    }),
  );
  byId("channel-box").append(
    choice(
      "channel",
      [
        ["23", "asymmetric"],
        ["40", "symmetric"],
      ],
      (power) => change({ uplink_power_dbm: Number(power) }),
    ),
  );
  byId("split-box").append(
    choice(
      "split",
      [
        ["iid", "IID"],
        ["non-iid", "non-IID"],
        ["dirichlet", "Dirichlet"],
      ],
      (split) => change({ split }),
    ),
  );
  for (const [key, about] of Object.entries(SLIDERS)) {
    const box = slider(key, { ...about, shown: (value) => shownValue(key, value) }, (value) =>
      change(within(key, value)),
    );
    byId(`sliders-${groupOf(key)}`).append(box);
    SLIDERS[key].box = box;
  }
  makeStage();
}

function groupOf(key) {
  if (key === "max_slots" || key === "uplink_power_dbm") return "radio";
  return key === "beta" || key === "n_local_iterations" ? "learning" : "seeds";
}

/** A change of one slider, and of the one that it pushes along: N_I is never below N_S. */
function within(key, value) {
  if (key === "n_seed_samples") return { [key]: value, n_inverse_samples: Math.max(value, settings.n_inverse_samples) };
  if (key === "n_inverse_samples") return { [key]: value, n_seed_samples: Math.min(value, settings.n_seed_samples) };
  return { [key]: value };
}

/** Sets the controls of this part as the settings are. */
function showRoundControls() {
  showChoice("protocol", settings.protocol);
  showChoice("rival", settings.rival);
  showChoice("channel", String(settings.uplink_power_dbm));
  showChoice("split", settings.split);
  for (const name of PROTOCOLS) byId(`rival-${name}`).disabled = name === settings.protocol;
  for (const key of Object.keys(SLIDERS)) SLIDERS[key].box.show(settings[key]);
}

/** Begins both runs anew under the settings; the curves so far stay as ghosts. */
function beginRuns() {
  const old = players
    .filter(({ view }) => view?.curve.length > 2)
    .map(({ view }) => ({ protocol: view.protocol, curve: view.curve }));
  if (old.length) ghosts = old;
  const names = [settings.protocol, ...(settings.rival === "none" ? [] : [settings.rival])];
  while (players.length < names.length) players.push(new Player());
  names.forEach((name, k) => players[k].begin(name, settings));
  for (const rest of players.slice(names.length))
    Object.assign(rest, { view: null, run: rest.run + 1, queue: [], moving: null });
  wanted = playing ? MOST_ROUNDS : 0;
  beatSince = 0;
  dirty = true;
}

/** The runs that are on, the watched one first. */
function runs() {
  return players.filter(({ view }) => view);
}

/** Called with every picture of the screen: shows what has come, and asks for the next round after a beat. */
function roundFrame(now) {
  const on = runs();
  on.forEach(
    (player, k) =>
      (dirty = player.advance(now, k === 0 && !still.matches && settings.tab === "round" && !document.hidden) || dirty),
  );
  if (on.length && on.every(({ idle }) => idle) && on[0].view.p < wanted) {
    beatSince ||= now;
    if (now - beatSince >= (on[0].view.p && !still.matches ? BEAT_MS : 0)) {
      for (const player of on) player.ask();
      beatSince = 0;
    }
  }
  if (playing && on.length && on[0].view.p >= MOST_ROUNDS) setPlaying(false);
  if (dirty && settings.tab === "round" && on.length) drawRound(on);
  dirty = false;
}

function setPlaying(on) {
  playing = on;
  const view = runs()[0]?.view;
  if (on && view && view.p >= MOST_ROUNDS) beginRuns();
  wanted = on ? MOST_ROUNDS : (runs()[0]?.asked ?? 0);
  const button = byId("play");
  button.textContent = on ? "❚❚ pause" : "▶ play";
  button.setAttribute("aria-label", on ? "pause" : "play");
  button.classList.toggle("on", on);
}

/** One round more, and no further. */
function stepOnce() {
  setPlaying(false);
  if (stale) restart();
  const asked = runs()[0]?.asked ?? 0;
  wanted = Math.min(MOST_ROUNDS, asked + 1);
}

function drawRound(on) {
  const [{ view, s, problem }] = on;
  if (problem) byId("stage-title").textContent = `this browser cannot play: ${problem}`;
  drawStage(view, s);
  drawCurves(on.map((player) => player.view));
  drawBits(on.map((player) => player.view));
  drawByDigit(on.map((player) => player.view));
  say(nowInRound(on), view.phase === "over" || view.phase === "ready");
}

// --- the curves ------------------------------------------------------------------------------------------------------

const DASHES = { FL: "7 4", FD: "2 4", FLD: "8 3 2 3", MixFLD: "8 3 2 3 2 3", Mix2FLD: "none" };

/** Accuracy of the reference phone against convergence time; triangles mark downloads, ghosts what was before. */
function drawCurves(views) {
  const all = [...views, ...ghosts].flatMap(({ curve: points }) => points);
  const last = Math.max(0.5, ...all.map(([t]) => t)),
    high = Math.max(0.4, ...all.map(([, share]) => share));
  const low = Math.min(high - 0.1, ...all.filter(([t]) => t > 0).map(([, share]) => share));
  const from = Math.max(0, Math.floor(low * 20 - 0.4) / 20),
    to = Math.min(1, Math.ceil(high * 20 + 0.2) / 20);
  const x = {
    from: 0,
    to: last,
    ticks: ticksBetween(0, last, 4),
    shown: (t) => `${Number(t.toFixed(2))} s`,
    words: "convergence time: airtime and computing",
  };
  const y = { from, to, ticks: ticksBetween(from, to, 6), shown: (share) => percent(share, 0) };
  const place = axes(byId("curves"), x, y, { words: curvesInWords(views), room: { ...ROOM, right: 72 } });
  for (const { protocol, curve: points } of ghosts)
    curve(place, inside(points, from), {
      class: "ghost",
      stroke: `var(--${protocol})`,
      "stroke-dasharray": DASHES[protocol],
    });
  for (const { protocol, curve: points } of views)
    curve(place, inside(points, from), {
      class: "curve",
      stroke: `var(--${protocol})`,
      "stroke-dasharray": DASHES[protocol],
    });
  for (const { protocol, marks } of views) {
    for (const [t, share] of marks)
      place.svg.append(
        draw("path", { d: `M${place.across(t)} ${place.up(share)}l-5 -8h10z`, fill: `var(--${protocol})` }),
      );
  }
  const shownViews = views.filter(({ curve: points }) => points.length > 1),
    ends = shownViews.map(({ curve: points }) => place.up(Math.max(from, points.at(-1)[1])) + 4),
    right = place.across(Math.max(0, ...shownViews.map(({ curve: points }) => points.at(-1)[0]))) + 8;
  const at = apart(ends, 16, place.height - place.room.bottom);
  shownViews.forEach(({ protocol }, k) =>
    place.svg.append(
      draw("text", { class: "curve-name", x: right, y: at[k], fill: `var(--${protocol}-text)` }, protocol),
    ),
  );
}

/** Points of a curve, none below the picture. */
function inside(points, from) {
  return points.map(([t, share]) => [t, Math.max(from, share)]);
}

function curvesInWords(views) {
  const parts = views.map(
    ({ protocol, curve: points, elapsed }) =>
      `${protocol} ${percent(points.at(-1)?.[1] ?? 0, 0)} after ${elapsed.toFixed(1)} seconds`,
  );
  return `test accuracy of the reference phone: ${parts.join(", ")}`;
}

function drawBits(views) {
  const most = Math.max(1, ...views.map(({ bits }) => bits));
  byId("bits").replaceChildren(
    ...views.map(({ protocol, bits }) =>
      make(
        "div",
        { class: "bit-row", style: `--own: var(--${protocol}); --share: ${bits / most}` },
        make("b", {}, protocol),
        make("i"),
        make("span", {}, bits.toLocaleString("en")),
      ),
    ),
  );
}

/** Accuracy on each digit, of the reference phone as it stands; its rare labels are outlined. */
function drawByDigit(views) {
  const [{ devices, reference }] = views,
    own = devices[reference];
  if (!own) return;
  byId("curves-title").textContent = `What phone ${reference + 1} ★ reads`;
  const rare = own.counts.map((n) => n <= (0.1 * total(own.counts)) / 10),
    names = range(10).filter((label) => rare[label]);
  byId("by-digit-title").textContent = `By digit, %${names.length ? ` (rare: ${inAList(names)})` : ""}`;
  const head = make(
    "tr",
    {},
    make("td"),
    ...range(10).map((label) => make("th", { scope: "col", class: rare[label] ? "rare" : "" }, `${label}`)),
  );
  const rows = views
    .filter((view) => view.devices.length)
    .map((view) => {
      const { correct, nImages } = view.devices[reference].test;
      return make(
        "tr",
        {},
        make("th", { scope: "row", style: `color: var(--${view.protocol}-text)` }, view.protocol),
        ...correct.map((n, label) => {
          const share = n / nImages[label];
          return make(
            "td",
            {
              class: `${rare[label] ? "rare" : ""} ${share > 0.55 ? "strong" : ""}`,
              style: `--share: ${share.toFixed(2)}`,
            },
            `${Math.round(100 * share)}`,
          );
        }),
      );
    });
  byId("by-digit").replaceChildren(...rows, head);
}

function inAList(words) {
  return words.length > 1 ? `${words.slice(0, -1).join(", ")} and ${words.at(-1)}` : String(words[0]);
}
