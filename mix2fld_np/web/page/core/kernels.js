"use strict";
// The package's own kernels (nn/kernels.py), compiled by Numba and LLVM to WebAssembly; here arrays go in and out.

const N_LABELS = 10,
  LINE = 64;

class Network {
  /** The network, from the bytes of the WebAssembly module. */
  static async load(bytes) {
    const module = await WebAssembly.compile(bytes);
    const [section] = WebAssembly.Module.customSections(module, "mix2fld_np");
    const about = JSON.parse(new TextDecoder().decode(section));
    const { exports } = await WebAssembly.instantiate(module, { env: { expf: (x) => Math.exp(x) } });
    return new Network(exports, about);
  }

  constructor(exports, about) {
    this.exports = exports;
    this.work = align(exports.__heap_base.value); // zeros at first, as the frames of padded planes must be
    this.blockWork = align(this.work + about.work_bytes);
    this.free = align(this.blockWork + about.block_work_bytes);
  }

  /** SGD with batches of one along `order`, eqs. (1) and (3): the new weights, and the output of every step. */
  descend(weights, images, targets, order, rate) {
    const [w, x, t, i, F] = this.put(
      weights,
      images,
      targets,
      BigInt64Array.from(order, BigInt),
      order.length * N_LABELS,
    );
    this.exports.descend(
      ...this.scratch,
      w.at,
      x.at,
      t.at,
      i.at,
      F.at,
      this.work,
      images.length / PIXELS,
      order.length,
      rate,
    );
    return { weights: this.take(w), outputs: this.take(F) };
  }

  /** Softmax outputs of images, one row of ten each. */
  infer(weights, images) {
    const n = images.length / PIXELS,
      [w, x, F] = this.put(weights, images, n * N_LABELS);
    this.exports.infer(...this.scratch, w.at, x.at, F.at, this.blockWork, n);
    return this.take(F);
  }

  /** The gradient of the mean loss with the given targets. */
  gradient(weights, images, targets) {
    const n = images.length / PIXELS;
    const [w, x, t, F, g] = this.put(weights, images, targets, n * N_LABELS, new Float32Array(weights.length));
    this.exports.add_gradient(...this.scratch, w.at, x.at, t.at, F.at, g.at, this.work, n, 1 / n);
    return this.take(g);
  }

  /** Right answers for each label, and images of each. */
  evaluate(weights, images, labels) {
    const outputs = this.infer(weights, images),
      correct = Array(N_LABELS).fill(0),
      nImages = Array(N_LABELS).fill(0);
    labels.forEach((label, k) => {
      nImages[label]++;
      if (argmax(outputs.subarray(k * N_LABELS, (k + 1) * N_LABELS)) === label) correct[label]++;
    });
    return { correct, nImages, accuracy: total(correct) / labels.length };
  }

  /** Lays arrays one after the other into the module's memory; a number asks for room for so many floats. */
  put(...arrays) {
    let at = this.free + LINE;
    this.scratch = [this.free, this.free + 8]; // where Numba's functions leave a result and an exception: nothing
    const placed = arrays.map((array) => {
      const here = { at, length: array.length ?? array };
      at = align(at + (array.byteLength ?? 4 * array));
      return here;
    });
    const { memory } = this.exports,
      short = at - memory.buffer.byteLength;
    if (short > 0) memory.grow(Math.ceil(short / 65536));
    arrays.forEach(
      (array, k) => array.length !== undefined && new array.constructor(memory.buffer, placed[k].at).set(array),
    );
    return placed;
  }

  take({ at, length }) {
    return new Float32Array(this.exports.memory.buffer, at, length).slice();
  }
}

function align(at) {
  return Math.ceil(at / LINE) * LINE;
}

function argmax(values) {
  let best = 0;
  for (let k = 1; k < values.length; k++) if (values[k] > values[best]) best = k;
  return best;
}

/** Bytes as the network takes them: from 0 (paper) to 1 (ink). */
function pixels(bytes) {
  const inked = new Float32Array(bytes.length);
  for (let k = 0; k < bytes.length; k++) inked[k] = bytes[k] / 255;
  return inked;
}

/** Bytes of a text in base 64. */
function bytesOf(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
