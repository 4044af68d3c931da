"use strict";
// Chance has an address, as in the package: every draw is named by seed, purpose, round and device. So two protocols
// that race meet the same split, start, batches and fading, and a slider that is moved changes nothing else.

/** Random numbers (sfc32, by Chris Doty-Humphrey) that belong to one address. */
class Stream {
  constructor(address) {
    let h = 2166136261; // FNV-1a, then four words stirred out of it
    for (let k = 0; k < address.length; k++) h = Math.imul(h ^ address.charCodeAt(k), 16777619);
    const word = () => {
      h = Math.imul(h ^ (h >>> 16), 2246822507);
      h = Math.imul(h ^ (h >>> 13), 3266489909);
      return (h = ((h ^ (h >>> 16)) + 1640531527) | 0);
    };
    [this.a, this.b, this.c, this.d] = [word(), word(), word(), 1];
    for (let k = 0; k < 16; k++) this.bits();
  }

  /** 32 random bits, as a whole number. */
  bits() {
    const t = (this.a + this.b + this.d) | 0;
    this.d = (this.d + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + t) | 0;
    return t >>> 0;
  }

  /** Uniform in [0, 1). */
  uniform() {
    return this.bits() / 4294967296;
  }

  /** A whole number from 0 to n - 1. */
  below(n) {
    return Math.floor(this.uniform() * n);
  }

  /** Exponential with mean one, the power gain of a Rayleigh fading channel. */
  exponential() {
    return -Math.log(1 - this.uniform());
  }

  /** n standard normal numbers, by Box and Muller. */
  normal(n) {
    const z = new Float32Array(n + (n % 2));
    for (let k = 0; k < n; k += 2) {
      const r = Math.sqrt(2 * this.exponential()),
        angle = 2 * Math.PI * this.uniform();
      z[k] = r * Math.cos(angle);
      z[k + 1] = r * Math.sin(angle);
    }
    return z.subarray(0, n);
  }

  /** n uniform numbers. */
  uniforms(n) {
    return Float64Array.from({ length: n }, () => this.uniform());
  }

  /** The entries of an array in random order. */
  permutation(values) {
    const mixed = values.slice();
    for (let k = mixed.length - 1; k > 0; k--) {
      const other = this.below(k + 1),
        kept = mixed[k];
      mixed[k] = mixed[other];
      mixed[other] = kept;
    }
    return mixed;
  }
}

/** The random numbers of `purpose` (and round, device, direction ...) under a seed. */
function stream(seed, purpose, ...index) {
  return new Stream([seed, purpose, ...index].join("/"));
}

/** 0, 1, ..., n - 1. */
function range(n) {
  return Array.from({ length: n }, (_, k) => k);
}

/** The nearest whole number, and of two the even one, as NumPy rounds. */
function rint(x) {
  const near = Math.floor(x + 0.5);
  return near - x === 0.5 && near % 2 !== 0 ? near - 1 : near;
}
