"use strict";
// A run as the page follows it: a worker plays it, its events change a view, and the view is what is drawn.

const SLOT_MS = 13,
  LONGEST_MS = 1500,
  SHORTEST_MS = 450;

/** What is to be seen of a run before anything has happened. */
function freshView(protocol) {
  return {
    protocol,
    p: 0,
    phase: "loading",
    devices: [],
    reference: 0,
    up: null,
    down: null,
    clock: 0,
    server: {},
    curve: [],
    marks: [],
    elapsed: 0,
    bits: 0,
    sent: 0,
    delivered: 0,
    model: null,
    record: null,
    get clockUp() {
      // slots of the upload that have been shown
      return this.phase === "upload" ? this.clock : Infinity;
    },
  };
}

// How each event changes a view.
const CHANGES = {
  start(view, { counts, reference, there, test }, s) {
    const devices = counts.map((own, d) => ({ counts: own, there: there[d], far: s.phones[d] === FAR, done: 0, test }));
    Object.assign(view, { phase: "ready", reference, devices, curve: [[0, test.accuracy]] });
  },
  training(view, { p, device, done }) {
    if (view.phase !== "training") {
      Object.assign(view, { phase: "training", playing: p, up: null, down: null, clock: 0 });
      for (const own of view.devices) own.done = 0;
    }
    view.devices[device].done = done;
  },
  tested(view, { accuracy, seconds }) {
    view.curve.push([view.elapsed + seconds, accuracy]);
  },
  trained(view, { device, test }) {
    Object.assign(view.devices[device], { done: 1, test });
  },
  upload(view, { up, arrived }) {
    const there = view.devices.filter((own) => own.there).length,
      delivered = up.delivered.filter(Boolean).length;
    Object.assign(view, { phase: "upload", up, arrived, clock: Math.max(...up.slots) });
    view.sent += there;
    view.delivered += delivered;
    view.bits += up.bits[view.reference];
  },
  server(view, { mean, samples }) {
    Object.assign(view, { phase: "server", server: { ...view.server, mean, samples, done: 0 } });
  },
  distilling(view, { done }) {
    view.server.done = done;
  },
  download(view, { down, server }) {
    Object.assign(view, { phase: "download", down, clock: Math.max(...down.slots) });
    view.server.test = server ?? view.server.test;
  },
  round(view, { p, record, seconds, model }) {
    view.elapsed += seconds.airtime + seconds.compute;
    view.curve.push([view.elapsed, record.downloaded[view.reference].accuracy]);
    if (record.down?.delivered[view.reference] && record.server) view.marks.push(view.curve.at(-1));
    record.downloaded.forEach((test, d) => (view.devices[d].test = test));
    Object.assign(view, { phase: "over", p, record, model, samples: record.samples });
  },
};

/** A worker, the run that it plays, and the events that are still to be shown. */
class Player {
  constructor() {
    this.worker = new Worker(workerUrl());
    this.worker.onmessage = ({ data }) => this.receive(data);
    this.worker.onerror = (problem) => this.fail(problem.message);
    this.worker.postMessage({ type: "load", kernels: bytesOf(KERNELS), nTrain: N_TRAIN, nTest: N_TEST });
    Object.assign(this, { run: 0, queue: [], view: null, moving: null, asked: 0, problem: null });
  }

  /** Begins a run anew; what the old one still says is not listened to. */
  begin(protocol, s) {
    this.s = { ...s };
    Object.assign(this, { run: this.run + 1, queue: [], view: freshView(protocol), moving: null, asked: 0 });
    const own = Object.keys(PACKAGE.settings).map((key) => [
      key,
      RUN_KEYS.includes(key) ? s[key] : PACKAGE.settings[key],
    ]);
    const message = { type: "start", run: this.run, protocol, seed: s.seed };
    this.worker.postMessage({ ...message, settings: { ...Object.fromEntries(own), phones: s.phones } });
  }

  /** Asks for one more round. */
  ask() {
    this.asked++;
    this.worker.postMessage({ type: "round", run: this.run });
  }

  receive(event) {
    if (event.run === this.run) this.queue.push(event);
  }

  fail(words) {
    this.problem = words;
  }

  /** Whether all that was asked for has been shown. */
  get idle() {
    return (
      this.view !== null &&
      this.view.phase !== "loading" &&
      !this.queue.length &&
      !this.moving &&
      this.view.p === this.asked
    );
  }

  /** Shows what has come; with `moving`, uploads and downloads take their time. Whether anything has changed. */
  advance(now, moving) {
    let changed = false;
    while (this.moving || this.queue.length) {
      changed = true;
      if (this.moving) {
        const { began, ms, slots } = this.moving,
          share = moving ? Math.min(1, (now - began) / ms) : 1;
        this.view.clock = share * slots;
        if (share < 1) break;
        this.moving = null;
        continue;
      }
      const event = this.queue.shift();
      CHANGES[event.type](this.view, event, this.s);
      if (event.type === "upload" || event.type === "download") {
        const slots = this.view.clock,
          ms = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, slots * SLOT_MS));
        this.moving = { began: now, ms, slots };
      }
    }
    return changed;
  }
}

/** The address of the worker's program, which stands in this page. */
function workerUrl() {
  workerUrl.made ??= URL.createObjectURL(
    new Blob([byId("core").textContent, byId("worker").textContent], { type: "text/javascript" }),
  );
  return workerUrl.made;
}
