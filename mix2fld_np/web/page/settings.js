"use strict";
// What can be set, how it is shown, and how a link keeps it.

const PROTOCOLS = TABLE.map(({ name }) => name);
const MIX = PROTOCOLS.at(-1);
const N_TRAIN = 6500,
  N_TEST = 1000; // digits that are drawn here; the package takes 60,000 and 10,000

// Sliders: the letter's symbol, a plain name, the values they go through, and those that the letter prints.
const SLIDERS = {
  max_slots: { symbol: "T<sub>max</sub>", name: "slots allowed", values: steps(5, 200, 1), marks: [100] },
  uplink_power_dbm: { symbol: "P", name: "phone power", values: steps(14, 44, 1), marks: [23, 40], unit: " dBm" },
  mixing_ratio: { symbol: "λ", name: "mixing ratio", values: steps(0.01, 0.49, 0.01), marks: [0.1], digits: 2 },
  n_seed_samples: { symbol: "N<sub>S</sub>", name: "uploaded per phone", values: steps(5, 100, 5), marks: [10, 50] },
  n_inverse_samples: { symbol: "N<sub>I</sub>", name: "made of them", values: steps(5, 200, 5), marks: [10, 50, 100] },
  beta: {
    symbol: "β",
    name: "weight of the teacher",
    values: [0, 0.001, 0.01, 0.03, 0.1, 0.3, 1, 3, 10],
    marks: [0.01],
  },
  n_local_iterations: {
    symbol: "K",
    name: "steps per round",
    values: [40, 80, 160, 320, 640, 1280, 2560, 3200, 6400],
    marks: [6400],
  },
};

const DEFAULTS = {
  ...PACKAGE.settings,
  tab: "round",
  protocol: MIX,
  rival: "FL",
  seed: 0,
  n_local_iterations: 640,
  phones: "n".repeat(PACKAGE.settings.n_devices),
  payload: "FL",
  reach: 1000,
  ratio: 0.3,
  signed: 1,
  pair: 1,
};
const SHORT = {
  // names in a link
  tab: "tab",
  protocol: "protocol",
  rival: "race",
  seed: "seed",
  split: "split",
  max_slots: "T_max",
  uplink_power_dbm: "P",
  mixing_ratio: "lambda",
  n_seed_samples: "N_S",
  n_inverse_samples: "N_I",
  beta: "beta",
  n_local_iterations: "K",
  phones: "phones",
  payload: "payload",
  reach: "r",
  threshold: "theta",
  ratio: "mix",
  signed: "signed",
  pair: "pair",
};
const CHOICES = {
  tab: ["round", "channel", "mixup", "digit"],
  protocol: PROTOCOLS,
  rival: ["none", ...PROTOCOLS],
  split: Object.keys(SPLITS),
};

let settings = { ...DEFAULTS };

/** Equal steps from a to b. */
function steps(from, to, by) {
  return range(Math.round((to - from) / by) + 1).map((k) => Number((from + k * by).toFixed(6)));
}

/** Settings as a link keeps them: what differs from where the page starts. */
function linkOfSettings(s) {
  const words = Object.entries(SHORT)
    .filter(([key]) => s[key] !== DEFAULTS[key])
    .map(([key, word]) => `${word}=${s[key]}`);
  return `#${words.join("&")}`;
}

/** The settings in a link; what it cannot know is left as it is. */
function settingsOfLink(hash) {
  const found = { ...DEFAULTS };
  for (const [word, value] of new URLSearchParams(hash.replace(/^#/, ""))) {
    const key = Object.keys(SHORT).find((name) => SHORT[name] === word);
    if (key && allowed(key, value)) found[key] = typeof DEFAULTS[key] === "number" ? Number(value) : value;
  }
  found.n_inverse_samples = Math.max(found.n_inverse_samples, found.n_seed_samples);
  if (found.rival === found.protocol) found.rival = "none";
  return found;
}

function allowed(key, value) {
  if (CHOICES[key]) return CHOICES[key].includes(value);
  if (key === "phones") return /^[nfo]{10}$/.test(value) && value !== OFF.repeat(10);
  if (key === "payload") return /^[\w,]{1,24}$/.test(value);
  const number = Number(value),
    limits = LIMITS[key];
  if (SLIDERS[key]) return SLIDERS[key].values.includes(number);
  return (
    Number.isFinite(number) &&
    (!limits || (number >= limits[0] && number <= limits[1])) &&
    (key !== "seed" || Number.isInteger(number))
  );
}

const LIMITS = {
  seed: [0, 1e9],
  reach: [100, 3000],
  threshold: [0.1, 100],
  ratio: [0, 0.5],
  signed: [0, 1],
  pair: [0, 1e6],
};

/** A number as people write it. */
function shownValue(key, value) {
  const { digits, unit = "" } = SLIDERS[key];
  return (digits ? value.toFixed(digits) : value.toLocaleString("en")) + unit;
}

/** A number and its noun, which has an s unless there is one of it. */
function counted(n, noun) {
  return `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
}

function percent(share, digits = 1) {
  return `${(100 * share).toFixed(digits)} %`;
}

/** A chance in words that do not lie: neither 0 nor 100 % where it is not. */
function chanceInWords(share) {
  if (share <= 0) return "never";
  if (share >= 1) return "always";
  if (share < 1e-6) return "less than 0.0001 %";
  if (share < 0.01) return `${Number((100 * share).toPrecision(1))} %`;
  if (share > 0.999) return percent(share, share > 0.99999 ? 5 : 3);
  return percent(share);
}
