"use strict";
// "Mixup and back": two phones blend, the server un-mixes; what comes back whole, and what a curious server can guess.

const RATIOS = steps(0, 0.5, 0.01),
  N_CANDIDATES = 1000;
let ratioBox = null,
  gallery = null,
  ownDigit = null,
  mixupPad = null;

function makeMixup() {
  ratioBox = slider(
    "mix-ratio",
    { symbol: "λ", name: "mixing ratio", values: RATIOS, marks: [0.1], shown: (value) => value.toFixed(2) },
    (ratio) => change({ ratio }),
  );
  byId("ratio-box").append(ratioBox);
  byId("signed-box").append(
    choice(
      "signed",
      [
        ["1", "signed"],
        ["0", "clipped"],
      ],
      (value) => change({ signed: Number(value) }),
    ),
  );
  byId("take-others").addEventListener("click", () => {
    ownDigit = null;
    mixupPad.clear();
    change({ pair: settings.pair + 1 });
  });
  mixupPad = makePad(byId("mixup-pad"), (image) => {
    ownDigit = image;
    drawMixup();
  });
  byId("mixup-clear").addEventListener("click", () => mixupPad.clear());
}

/** The digits to choose from, drawn when this part is first opened. */
function digitsToShow() {
  gallery ??= drawDigits(N_CANDIDATES, stream(2020, "digits to show"));
  return gallery;
}

function imageOf(k) {
  return pixels(digitsToShow().images.subarray(k * PIXELS, (k + 1) * PIXELS));
}

/** Two phones' digits: (a, b) on the one and (b, a) on the other, all four different pictures. */
function chosenDigits() {
  const chance = stream(settings.seed, "two phones", settings.pair),
    { labels } = digitsToShow();
  const [a, b] = chance.permutation(range(10)),
    of = (label) => range(N_CANDIDATES).filter((k) => labels[k] === label);
  const [a1, a2] = chance.permutation(of(a)),
    [b1, b2] = chance.permutation(of(b));
  const digit = (k, label) => ({ k, label: String(label), image: imageOf(k) });
  const first = ownDigit ? { k: -1, label: "yours", image: ownDigit } : digit(a1, a);
  return [
    [first, digit(b1, b)],
    [digit(b2, b), digit(a2, a)],
  ];
}

function showMixupControls() {
  ratioBox.show(settings.ratio);
  showChoice("signed", String(settings.signed));
}

function drawMixup() {
  const lam = settings.ratio,
    both = chosenDigits(),
    inked = settings.signed ? signed : clipped,
    gone = lam === 0.5;
  const mixed = both.map(([i, j]) => quantize(mixup(i.image, j.image, lam), settings.bits_per_pixel));
  const [a, b] = both[0].map(({ label }) => label);
  both.forEach((pair, d) => drawMixingPhone(byId(`mixing-phone-${d}`), pair, lam, d));
  mixed.forEach((image, d) =>
    byId(`sent-${d}`).replaceChildren(
      pictureOf(image, `blend of ${both[d][0].label} and ${both[d][1].label}`),
      labelBar(
        [
          [both[d][0].label, lam],
          [both[d][1].label, 1 - lam],
        ],
        a,
      ),
      make(
        "p",
        { class: "small" },
        `${lam.toFixed(2)} of ${both[d][0].label}, ${(1 - lam).toFixed(2)} of ${both[d][1].label}`,
      ),
    ),
  );
  const back = gone ? null : [1, 2].map((n) => inverseMixup(mixed[0], mixed[1], lam, n));
  [a, b].forEach((label, k) =>
    byId(`back-${k}`).replaceChildren(
      ...(gone
        ? [make("p", { class: "gone" }, "no inverse: both phones sent the same blend of labels")]
        : [
            pictureOf(back[k], `un-mixed sample with the hard label ${label}`, inked),
            labelBar([[label, 1]], a),
            make("p", {
              class: "small",
              html: inWords(inverseRatio(lam, k + 1)),
            }),
          ]),
    ),
  );
  byId("mixup-stage").classList.toggle("gone", gone);
  drawCrossing(lam);
  drawNoise(lam);
  drawGuess(both, mixed, back);
  say(nowInMixup(lam, both, mixed, back));
}

/** The weights of an inverse blend. */
function inWords(upper) {
  return `${signedNumber(upper)} × upper<br>${signedNumber(1 - upper)} × lower`;
}

/** Each sample at the server is made of both blends: lines as wide as their weights, broken if negative. */
function drawCrossing(lam) {
  const svg = byId("crossing"),
    box = svg.getBoundingClientRect(),
    side = (id, edge) => {
      const { left, right, top, width } = (byId(id).querySelector("canvas") ?? byId(id)).getBoundingClientRect();
      return [(edge === "right" ? right : left) - box.left, top - box.top + width / 2];
    };
  svg.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
  svg.replaceChildren(
    ...(lam === 0.5
      ? []
      : [0, 1].flatMap((k) =>
          [0, 1].map((d) => {
            const weight = d === 0 ? inverseRatio(lam, k + 1) : 1 - inverseRatio(lam, k + 1),
              [x, y] = side(`sent-${d}`, "right"),
              [to, end] = side(`back-${k}`, "left");
            const shift = 14 * (d - 0.5),
              middle = (x + to) / 2;
            return draw("path", {
              class: weight < 0 ? "crossing below-zero" : "crossing",
              "stroke-width": Math.min(7, 1.2 + 2 * Math.abs(weight)),
              d: `M${x + 4} ${y}C${middle} ${y} ${middle} ${end + shift} ${to - 5} ${end + shift}`,
            });
          }),
        )),
  );
}

function signedNumber(value) {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(value > 99 ? 0 : 2)}`;
}

function drawMixingPhone(box, [i, j], lam, d) {
  const side = ({ image, label, k }, share) =>
    make(
      "figure",
      {},
      pictureOf(image, `a raw ${label}`),
      make("figcaption", { html: `${k < 0 ? "your digit" : `a ${label}`}<br><b>× ${share.toFixed(2)}</b>` }),
    );
  box.replaceChildren(
    make("h3", { html: d ? "phone <i>d′</i>" : "phone <i>d</i>" }),
    make("div", { class: "two" }, side(i, lam), make("span", { class: "plus" }, "+"), side(j, 1 - lam)),
    make("p", { class: "small" }, "raw pictures never leave the phone"),
  );
}

/** A bar whose parts are the shares of a label; a has one colour, b the other. */
function labelBar(shares, a) {
  return make(
    "div",
    { class: "label-bar" },
    ...shares
      .filter(([, share]) => share > 0)
      .map(([label, share]) =>
        make(
          "i",
          { class: label === a ? "label-a" : "label-b", style: `--share: ${share}` },
          share > 0.12 ? label : "",
        ),
      ),
  );
}

function drawNoise(lam) {
  const shares = steps(0, 0.495, 0.005);
  const place = axes(
    byId("noise"),
    { from: 0, to: 0.5, ticks: [0, 0.1, 0.2, 0.3, 0.4, 0.5], shown: String, words: "mixing ratio λ" },
    { place: (value) => Math.log10(value) / 2, ticks: [1, 10, 100], shown: (value) => `× ${value}` },
    { words: `noise grows ${conditionNumber(lam).toFixed(1)} times at lambda ${lam}`, room: { ...ROOM, left: 50 } },
  );
  curve(
    place,
    shares.map((share) => [share, Math.min(100, conditionNumber(share))]),
    { class: "noise-curve" },
  );
  if (lam === 0.5) return;
  const gain = Math.min(100, conditionNumber(lam)),
    right = lam > 0.35;
  place.svg.append(
    draw("circle", { class: "noise-dot", cx: place.across(lam), cy: place.up(gain), r: 6 }),
    draw(
      "text",
      {
        class: "noise-name",
        x: place.across(lam) + (right ? -12 : 0),
        y: place.up(gain) + (right ? 4 : -12),
        "text-anchor": right ? "end" : "middle",
      },
      `× ${conditionNumber(lam).toFixed(1)}`,
    ),
  );
}

/** What a server that is curious finds: the picture nearest to what it holds, among all candidates. */
function drawGuess(both, mixed, back) {
  const raw = both[0][1],
    held = [["sent blend", mixed[0]], ...(back ? [["un-mixed", back[1]]] : [])];
  byId("guesses").replaceChildren(
    ...held.map(([words, image]) => {
      const nearest = nearestCandidate(image),
        found = both.flat().some(({ k }) => k === nearest),
        away = distance(image, raw.image);
      const search = `nearest of ${N_CANDIDATES.toLocaleString("en")}: <b>${found ? "one that went in" : "another"}</b>`;
      return make(
        "div",
        { class: "guess" },
        make("figure", {}, pictureOf(raw.image, `raw ${raw.label}`), make("figcaption", {}, "raw")),
        make("figure", {}, pictureOf(image, words, settings.signed ? signed : clipped), make("figcaption", {}, words)),
        make("p", { html: `apart by<br><b>${away.toFixed(0)}</b> (log ${Math.log(away).toFixed(2)})<br>${search}` }),
      );
    }),
  );
}

/** Euclidean distance on pixels from 0 to 255, as in the letter's Tables II and III. */
function distance(a, b) {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += (a[k] - b[k]) ** 2;
  return 255 * Math.sqrt(sum);
}

function nearestCandidate(image) {
  const { images } = digitsToShow();
  let best = 0,
    least = Infinity;
  for (let k = 0; k < N_CANDIDATES; k++) {
    let sum = 0;
    for (let q = 0, at = k * PIXELS; q < PIXELS && sum < least; q++) sum += (image[q] - images[at + q] / 255) ** 2;
    if (sum < least) [best, least] = [k, sum];
  }
  return best;
}

function nowInMixup(lam, both, mixed, back) {
  const [i, j] = both[0];
  if (lam === 0.5)
    return "At <i>λ</i> = 1/2 both phones send the same blend of labels: nothing tells them apart, the inverse is gone.";
  if (lam === 0)
    return "At <i>λ</i> = 0 nothing is mixed: each phone sends a raw picture, and the server simply has it.";
  const gain = conditionNumber(lam),
    lowest = Math.min(...back.map((image) => Math.min(...image)));
  const hidden = both.flat().some(({ k }) => k === nearestCandidate(mixed[0]))
    ? "the nearest raw picture is still one that went in"
    : "the nearest raw picture is another one";
  const labels = `Labels come back whole: ${lam.toFixed(2)} and ${(1 - lam).toFixed(2)} become 0 and 1.`;
  const pictures = `Pictures do not: they reach ${signedNumber(lowest)} (orange, a ghost of the other digit)`;
  const blended = `${i.label === "yours" ? "your digit" : `a ${i.label}`} and a ${j.label}`;
  return `${labels} ${pictures}, noise grows <b>${gain.toFixed(1)} times</b>, and for the blend of ${blended} ${hidden}.`;
}
