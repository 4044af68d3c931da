"use strict";
// Plays one protocol, a round when it is asked for one, and says what happens. It rests between parts, to be stopped.

const REST_MS = 25;
let current = null; // the run that is wanted: a newer one ends it
let network = null,
  data = null,
  loaded = null;

const resting = new MessageChannel();

function rest() {
  return new Promise((resolve) => {
    resting.port1.onmessage = resolve;
    resting.port2.postMessage(null);
  });
}

onmessage = async ({ data: message }) => {
  if (message.type === "load") loaded = load(message);
  await loaded;
  if (message.type === "start") start(message);
  if (message.type === "round" && current?.run === message.run) await round(current);
};

async function load({ kernels, nTrain, nTest }) {
  network = await Network.load(kernels);
  const train = drawDigits(nTrain, stream(2020, "digits for training"));
  const tests = drawDigits(nTest, stream(2020, "digits for testing"));
  data = { ...train, testImages: pixels(tests.images), testLabels: tests.labels };
  postMessage({ type: "ready" });
}

function start({ run, protocol, settings, seed }) {
  const task = makeTask(settings, data, network, new Draws(seed, settings, data.labels));
  current = { run, task, protocol: TABLE.find(({ name }) => name === protocol), fed: firstState(task), p: 0 };
  const { counts, reference, there } = task,
    begin = test(current.fed.server, task);
  postMessage({ type: "start", run, counts, reference, there, test: begin });
}

async function round(state) {
  const playing = playRound(state.p + 1, state.protocol, state.fed, state.task);
  let looked = performance.now();
  for (;;) {
    const { done, value } = playing.next();
    if (done) return finish(state, ...value);
    postMessage({ run: state.run, p: state.p + 1, ...value });
    if (performance.now() - looked > REST_MS) {
      await rest();
      if (current !== state) return;
      looked = performance.now();
    }
  }
}

function finish(state, fed, record) {
  Object.assign(state, { fed, p: state.p + 1 });
  const model = fed.weights[state.task.reference];
  postMessage({ type: "round", run: state.run, p: state.p, record, seconds: secondsOf(record, state.task.s), model });
}
