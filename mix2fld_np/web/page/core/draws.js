"use strict";
// All that is random in a run, by what it is for. Tests hand in an object of the same form with the package's draws.

class Draws {
  constructor(seed, s, labels) {
    Object.assign(this, { seed, s, labels });
  }

  /** Initial weights, uniform in +-1/sqrt(fan_in) for weights and biases of each layer. */
  startWeights() {
    const chance = stream(this.seed, "start");
    return Float32Array.from(
      PACKAGE.layers.flatMap(([size, fanIn]) => range(size).map(() => (2 * chance.uniform() - 1) / Math.sqrt(fanIn))),
    );
  }

  /** Which training samples each device holds. */
  split() {
    const s = this.s,
      chance = stream(this.seed, "split");
    const pools = range(10).map((label) =>
      chance.permutation(range(this.labels.length).filter((k) => this.labels[k] === label)),
    );
    const wanted = range(s.n_devices).map(() => SPLITS[s.split](s.n_samples, chance));
    const next = Array(10).fill(0),
      take = (label) => pools[label][next[label]++ % pools[label].length];
    return wanted.map((counts) => chance.permutation(counts.flatMap((n, label) => range(n).map(() => take(label)))));
  }

  /** The device whose accuracy is the learning curve. */
  reference() {
    return stream(this.seed, "reference device").below(this.s.n_devices);
  }

  /** The sample of each of K iterations of device d in round p. */
  order(p, d, nSamples) {
    return this.numbers(stream(this.seed, "batches", p, d), nSamples, this.s.n_local_iterations);
  }

  /** The sample of each of the server's K_S iterations in round p. */
  serverOrder(p, nSamples) {
    return this.numbers(stream(this.seed, "server batches", p), nSamples, this.s.n_distill_iterations);
  }

  numbers(chance, below, n) {
    return Int32Array.from({ length: n }, () => chance.below(below));
  }

  /** Power gains of the slots of a round in one direction: one slot of all devices after the other. */
  fading(p, direction, maxSlots) {
    const chance = stream(this.seed, "channel", p, direction);
    return Float64Array.from({ length: maxSlots * this.s.n_devices }, () => chance.exponential());
  }

  /** N_S of the samples that a device holds, all different. */
  rawSamples(d, held) {
    return stream(this.seed, "seed samples", d).permutation(held).slice(0, this.s.n_seed_samples);
  }

  /** N_S pairs of samples with different labels, uniform over all such ordered pairs; none if there is one label. */
  pairsToMix(d, held) {
    if (held.every((k) => this.labels[k] === this.labels[held[0]])) return [];
    const chance = stream(this.seed, "seed samples", d);
    return range(this.s.n_seed_samples).map(() => {
      for (;;) {
        const pair = [held[chance.below(held.length)], held[chance.below(held.length)]];
        if (this.labels[pair[0]] !== this.labels[pair[1]]) return pair;
      }
    });
  }

  /** The symmetric pairs of seed samples in random order. */
  shuffledPairs(pairs) {
    return stream(this.seed, "pairs of seed samples").permutation(pairs);
  }
}

// How many samples of each label a device holds.
const SPLITS = {
  iid: (n) => Array(10).fill(n / 10),
  "non-iid": (n, chance) => {
    // two labels have two samples each, as in Section IV
    const rare = chance.permutation(range(10)).slice(0, 2);
    return range(10).map((label) => (rare.includes(label) ? 2 : (n - 4) / 8));
  },
  dirichlet: (n, chance) => {
    // not the letter's: shares drawn from Dirichlet(0.5), as much of the field does since
    const share = range(10).map(() => chance.normal(1)[0] ** 2 / 2); // Gamma(1/2)
    const ends = range(10).map((label) => rint((n * total(share.slice(0, label + 1))) / total(share)));
    return ends.map((end, label) => end - (label ? ends[label - 1] : 0));
  },
};
