"use strict";
// The page as a whole: parts, settings, links, and the loop that draws.

const RUN_KEYS = ["protocol", "rival", "seed", "split", "phones", ...Object.keys(SLIDERS)];
const RESTART_MS = 150;
let stale = true,
  staleSince = 0,
  question = 0;

/** Takes in a change of settings: controls, link and pictures follow, and runs begin anew where it concerns them. */
function change(patch) {
  const before = settings;
  settings = { ...settings, ...patch };
  if (RUN_KEYS.some((key) => before[key] !== settings[key])) [stale, staleSince] = [true, performance.now()];
  history.replaceState(null, "", linkOfSettings(settings));
  showAll(before.tab !== settings.tab);
}

/** Shows controls and the part that is open. */
function showAll(otherPart = true) {
  showRoundControls();
  showChannelControls();
  showMixupControls();
  byId("seed").textContent = `seed ${settings.seed} ↻`;
  for (const tab of CHOICES.tab) {
    const on = tab === settings.tab;
    byId(`tab-${tab}`).setAttribute("aria-selected", on);
    byId(`tab-${tab}`).tabIndex = on ? 0 : -1;
    byId(`part-${tab}`).hidden = !on;
  }
  if (otherPart && settings.tab !== "round" && playing) setPlaying(false);
  drawPart();
}

function drawPart() {
  if (settings.tab === "channel") drawChannel();
  if (settings.tab === "mixup") drawMixup();
  if (settings.tab === "digit") drawDigit();
  dirty = true;
}

function makeTabs() {
  const names = CHOICES.tab;
  names.forEach((tab, k) => {
    byId(`tab-${tab}`).addEventListener("click", () => change({ tab }));
    byId(`tab-${tab}`).addEventListener("keydown", ({ key }) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (!step) return;
      const next = names[(k + step + names.length) % names.length];
      change({ tab: next });
      byId(`tab-${next}`).focus();
    });
  });
}

function makeButtons() {
  byId("play").addEventListener("click", () => {
    if (settings.tab !== "round") change({ tab: "round" });
    setPlaying(!playing);
  });
  byId("step").addEventListener("click", () => {
    if (settings.tab !== "round") change({ tab: "round" });
    stepOnce();
  });
  byId("seed").addEventListener("click", () => change({ seed: settings.seed + 1 }));
  byId("reset").addEventListener("click", () => change({ ...DEFAULTS, tab: settings.tab }));
  byId("copy").addEventListener("click", copyLink);
  byId("question-next").addEventListener("click", () => showQuestion(question + 1));
  byId("question-set").addEventListener("click", () =>
    change({ ...DEFAULTS, seed: settings.seed, ...QUESTIONS[question][1] }),
  );
}

async function copyLink() {
  const button = byId("copy"),
    link = location.href.split("#")[0] + linkOfSettings(settings);
  try {
    await navigator.clipboard.writeText(link);
    button.textContent = "copied";
  } catch {
    prompt("This link keeps all settings:", link);
  }
  setTimeout(() => (button.textContent = "copy link"), 1500);
}

function showQuestion(k) {
  question = k % QUESTIONS.length;
  byId("question").textContent = QUESTIONS[question][0].replace("T_max", "T\u2098\u2090\u2093");
}

let shownTheme = "";

/** The theme that is on. */
function theme() {
  return dark.matches ? "dark" : "light";
}

const dark = matchMedia("(prefers-color-scheme: dark)");

/** A colour of the style sheet, for canvases. */
function colour(name) {
  if (shownTheme !== theme()) [shownTheme, colour.known] = [theme(), new Map()];
  if (!colour.known.has(name))
    colour.known.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
  return colour.known.get(name);
}

/** Begins the runs anew, under the settings that have changed. */
function restart() {
  stale = false;
  beginRuns();
}

function frame(now) {
  if (stale && settings.tab === "round" && now - staleSince > RESTART_MS) restart();
  roundFrame(now);
  digitFrame(now);
  requestAnimationFrame(frame);
}

function begin() {
  settings = settingsOfLink(location.hash);
  makeTabs();
  makeRound();
  makeChannel();
  makeMixup();
  makeDigit();
  makeButtons();
  showQuestion(0);
  for (const box of document.querySelectorAll("details.controls"))
    box.open = box.closest("#part-round") === null || matchMedia("(min-width: 1000px)").matches;
  addEventListener("resize", drawPart);
  addEventListener("hashchange", () => {
    settings = settingsOfLink(location.hash);
    [stale, staleSince] = [true, performance.now()];
    showAll();
  });
  dark.addEventListener("change", drawPart);
  showAll(false);
  setPlaying(!still.matches && settings.tab === "round");
  staleSince = -RESTART_MS;
  requestAnimationFrame(frame);
}

begin();
