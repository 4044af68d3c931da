"use strict";
// The slotted link under Rayleigh block fading (wireless/ in the package): eq. (4), the law of the latency, payloads.

/** Watt of dBm. */
function dbmToWatt(dbm) {
  return 10 ** ((dbm - 30) / 10);
}

/** A device's share of the band, W^up = W N_ch / |D|, and the multicast over all of it, W^dn = W  (Section II-C). */
function uplinkOf(s, nThere = s.n_devices) {
  return linkOf(s, s.uplink_power_dbm, (s.bandwidth_hz * s.n_uplink_channels) / Math.max(1, nThere));
}

function downlinkOf(s) {
  return linkOf(s, s.downlink_power_dbm, s.bandwidth_hz);
}

function linkOf(s, powerDbm, bandwidthHz) {
  return {
    powerDbm,
    bandwidthHz,
    distance: s.distance_m,
    alpha: s.path_loss_exponent,
    noiseDbmHz: s.noise_dbm_per_hz,
    theta: s.threshold,
    slotS: s.slot_s,
    maxSlots: s.max_slots,
  };
}

/** P r^-alpha / (W N_0), the signal-to-noise ratio at a power gain of one. */
function meanSnr({ powerDbm, bandwidthHz, distance, alpha, noiseDbmHz }) {
  return (dbmToWatt(powerDbm) * distance ** -alpha) / (bandwidthHz * dbmToWatt(noiseDbmHz));
}

/** Pr[SNR >= theta] = exp(-theta W N_0 r^alpha / P). */
function successProbability(link) {
  return Math.exp(-link.theta / meanSnr(link));
}

/** tau W log2(1 + theta), the bits that a successful slot carries, as in eq. (4). */
function bitsPerSlot({ slotS, bandwidthHz, theta }) {
  return slotS * bandwidthHz * (theta > 1e-3 ? Math.log2(1 + theta) : Math.log1p(theta) / Math.LN2);
}

/** n = ceil(B / (tau W log2(1 + theta))); a last slot that is exactly full does not spill over by rounding. */
function slotsNeeded(link, bits) {
  const slots = bits / bitsPerSlot(link),
    whole = rint(slots);
  return Math.abs(slots - whole) <= 1e-14 * slots ? whole : Math.ceil(slots);
}

/** Pr[T = t] and Pr[T > t] for t = 0 ... end: negative binomial, from its largest chance outwards. */
function latencyLaw(link, bits, end) {
  const n = slotsNeeded(link, bits),
    law = new Float64Array(end + 1),
    missing = new Float64Array(end + 1).fill(1);
  const p = successProbability(link),
    q = -Math.expm1(-link.theta / meanSnr(link));
  if (n === 0) {
    law[0] = 1;
    return { law, missing: missing.fill(0) };
  }
  if (n > end || p === 0) return { law, missing };
  const top = Math.trunc(Math.min(end, 1 + (n - 1) / p)),
    ratio = (t) => (q * t) / (t - n + 1);
  law[top] = (n / top) * binomial(n, top, p, q).exactly;
  for (let t = top; t < end; t++) law[t + 1] = law[t] * ratio(t);
  for (let t = top - 1; t >= n; t--) law[t] = law[t + 1] / ratio(t);
  missing[end] = binomial(n, end, p, q).below;
  for (let t = end - 1; t >= n; t--) missing[t] = Math.min(missing[t + 1] + law[t + 1], 1);
  return { law, missing };
}

/** Pr[Binomial(t, p) = n] and Pr[Binomial(t, p) < n], in units of the former, which is known from the sum of all. */
function binomial(n, t, p, q) {
  let above = 1,
    below = 0;
  for (let k = n, term = 1; k < t; k++) above += term *= ((t - k) * p) / ((k + 1) * q);
  for (let k = n, term = 1; k > 0; k--) below += term *= (k * q) / ((t - k + 1) * p);
  return { exactly: 1 / (above + below), below: 1 / (1 + above / below) };
}

/** Pr[T > T_max]. */
function outageProbability(link, bits) {
  return latencyLaw(link, bits, link.maxSlots).missing[link.maxSlots];
}

/** E[T] = n / p, were there no T_max. */
function meanLatencySlots(link, bits) {
  const n = slotsNeeded(link, bits),
    p = successProbability(link);
  return p > 0 ? n / p : n ? Infinity : 0;
}

/** The chance that at least one of D devices is in outage, 1 - F(T_max)^D. */
function slowestOutageProbability(link, bits, nDevices) {
  return -Math.expm1(nDevices * Math.log1p(-outageProbability(link, bits)));
}

/** E[min(T of the slowest, T_max)]: everybody waits for the slowest device, T_max slots at the longest. */
function meanAirtimeSlots(link, bits, nDevices) {
  const { missing } = latencyLaw(link, bits, link.maxSlots);
  return total(Array.from(missing.subarray(0, -1), (late) => -Math.expm1(nDevices * Math.log1p(-late))));
}

/** One upload of each device, or one multicast, under the power gains fading[t * D + d]: slot by slot, eq. (4). */
function transmit(links, bits, fading) {
  const D = links.length,
    sent = { delivered: [], slots: [], bits: Array.from(bits), good: [] };
  links.forEach((link, d) => {
    const needed = slotsNeeded(link, bits[d]),
      good = new Uint8Array(link.maxSlots),
      gain = meanSnr(link);
    let t = 0,
      count = 0;
    for (; t < link.maxSlots && count < needed; t++) count += good[t] = gain * fading[t * D + d] >= link.theta ? 1 : 0;
    sent.delivered.push(count >= needed);
    sent.slots.push(t);
    sent.good.push(good.subarray(0, t));
  });
  return sent;
}

/** b_mod N_mod, b_out N_L^2 and b_s N_S. */
function weightBits(s) {
  return PACKAGE.n_weights * s.bits_per_weight;
}

function outputBits(s) {
  return s.bits_per_output * 10 ** 2;
}

function sampleBits(s) {
  return s.n_seed_samples * s.bits_per_pixel * PIXELS;
}
