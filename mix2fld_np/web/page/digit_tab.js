"use strict";
// "Your digit": what the models that were trained in this page make of a drawing.

const SHOWN_MODELS = ["FL", "FD", MIX],
  TRAINED_ROUNDS = 3;
const models = {}; // by protocol: the reference phone's model as it stands, and after how many rounds
let network = null,
  drawing = null,
  digitPad = null,
  trainer = null,
  toTrain = [];

function makeDigit() {
  Network.load(bytesOf(KERNELS))
    .then((loaded) => (network = loaded))
    .then(() => settings.tab === "digit" && drawDigit());
  digitPad = makePad(byId("digit-pad"), (image) => {
    drawing = image;
    drawDigit();
  });
  byId("digit-clear").addEventListener("click", () => digitPad.clear());
  byId("digit-take").addEventListener("click", () => {
    const chance = stream(performance.now(), "a digit");
    digitPad.show(imageOf(chance.below(N_CANDIDATES)));
  });
  byId("train-missing").addEventListener("click", () => {
    trainer ??= new Player();
    setPlaying(false);
    toTrain = SHOWN_MODELS.filter((name) => !(models[name]?.p >= TRAINED_ROUNDS));
    trainNext();
  });
}

function trainNext() {
  if (!toTrain.length) return drawDigit();
  trainer.begin(toTrain[0], settings);
  drawDigit();
}

/** Called with every picture of the screen: keeps the newest models, and plays rounds of those trained here. */
function digitFrame(now) {
  let changed = false;
  for (const { view } of runs()) changed = keepModel(view) || changed;
  if (trainer?.view && toTrain.length) {
    changed = trainer.advance(now, false) || changed;
    keepModel(trainer.view);
    if (trainer.idle && trainer.view.p < TRAINED_ROUNDS) trainer.ask();
    else if (trainer.idle) {
      toTrain.shift();
      trainNext();
    }
  }
  if (changed && settings.tab === "digit") drawDigit();
}

function keepModel(view) {
  if (!view?.model || models[view.protocol]?.weights === view.model) return false;
  const { counts, test } = view.devices[view.reference];
  models[view.protocol] = {
    weights: view.model,
    p: view.p,
    phone: view.reference + 1,
    counts,
    accuracy: test.accuracy,
  };
  return true;
}

function drawDigit() {
  paint(byId("digit-seen"), drawing ?? new Float32Array(PIXELS));
  const names = PROTOCOLS.filter((name) => models[name] || SHOWN_MODELS.includes(name));
  byId("answers").replaceChildren(...names.map(answerRow));
  const missing = SHOWN_MODELS.filter((name) => !(models[name]?.p >= TRAINED_ROUNDS)),
    button = byId("train-missing");
  button.hidden = !missing.length;
  button.disabled = toTrain.length > 0;
  button.textContent = toTrain.length
    ? `training ${toTrain[0]}, round ${Math.min(TRAINED_ROUNDS, (trainer?.view?.p ?? 0) + 1)} of ${TRAINED_ROUNDS} ...`
    : `train ${inAList(missing)} here, ${TRAINED_ROUNDS} rounds`;
  say(nowInDigit());
}

/** What one model answers: ten columns, the largest marked. */
function answerRow(name) {
  const model = models[name],
    row = make("div", { class: "answer", style: `--own: var(--${name})` });
  const head = make("div", { class: "answer-head" }, make("b", { style: `color: var(--${name}-text)` }, name));
  if (!model || !network) {
    row.append(head, make("p", { class: "small" }, "not trained in this page yet"));
    return row;
  }
  head.append(
    make(
      "span",
      { class: "small" },
      `phone ${model.phone} after ${counted(model.p, "round")}: reads ${percent(model.accuracy, 0)}`,
    ),
  );
  const F = drawing ? network.infer(model.weights, drawing) : new Float32Array(10),
    best = drawing ? argmax(F) : -1;
  const columns = range(10).map((label) =>
    make(
      "div",
      { class: `column-box${label === best ? " best" : ""}` },
      make("em", {}, label === best ? percent(F[label], 0) : ""),
      make("i", { style: `--share: ${F[label].toFixed(3)}` }),
      make("span", { class: model.counts[label] <= 5 ? "rare" : "" }, `${label}`),
    ),
  );
  row.append(
    head,
    make(
      "div",
      {
        class: "columns",
        role: "img",
        "aria-label": drawing ? `${name} answers ${best} with ${percent(F[best], 0)}` : "no digit yet",
      },
      ...columns,
    ),
  );
  return row;
}

function nowInDigit() {
  const known = SHOWN_MODELS.filter((name) => models[name]),
    some = models[known[0]];
  if (!known.length) return "No model has been trained in this page yet: play some rounds, or press the button.";
  const rare = range(10).filter((label) => some.counts[label] <= 5);
  const hard = `: a ${rare.join(" or a ")} is hard, phone ${some.phone} has hardly any of its own`;
  if (!drawing) return `Draw a digit${rare.length ? hard : ""}.`;
  const answers = known.map((name) => `${nameOf(name)} sees a ${argmax(network.infer(models[name].weights, drawing))}`);
  return `${answers.join(", ")}.`;
}
