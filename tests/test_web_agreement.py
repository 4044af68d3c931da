"""The page's JavaScript and WebAssembly against the package: kernels, channel, mixing, digits, and rounds fed the same draws."""

import base64
import json
from dataclasses import replace

import numpy as np
import pytest
from browser import Browser, found
from numpy.testing import assert_allclose, assert_array_equal

from mix2fld_np.datasets import digits
from mix2fld_np.datasets.registry import load
from mix2fld_np.federation import seed_samples
from mix2fld_np.federation.protocols import TABLE, play_round, upload_bits
from mix2fld_np.federation.settings import COMPARISON
from mix2fld_np.federation.task import Task, first_state
from mix2fld_np.mixing import inverse, mixup, pairing
from mix2fld_np.nn.network import Network
from mix2fld_np.nn.training import local_update
from mix2fld_np.randomness import DOWN, UP, stream
from mix2fld_np.web.playground import playground
from mix2fld_np.wireless import channel

pytestmark = pytest.mark.skipif(found() is None, reason="no Chromium was found; MIX2FLD_BROWSER may name one")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The playground as it is built from its sources, open and paused in a browser."""
    file = tmp_path_factory.mktemp("page") / "playground.html"
    file.write_text(playground(), encoding="utf-8")
    browser = Browser(still=True)
    browser.open(file.as_uri())
    browser.wait_for("network !== null")
    browser.evaluate(HELPERS)
    yield browser
    browser.close()


HELPERS = """
globalThis.floats = (text) => new Float32Array(bytesOf(text).buffer);
globalThis.textOf = (array) => {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  let text = "";
  for (let k = 0; k < bytes.length; k += 8192) text += String.fromCharCode(...bytes.subarray(k, k + 8192));
  return btoa(text);
};
"""


def encoded(array):
    """An array in base 64."""
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def packed(array):
    """An array in base 64, as an expression of JavaScript."""
    return json.dumps(encoded(array))


def unpacked(text, dtype=np.float32):
    """The array in a text of base 64."""
    return np.frombuffer(base64.b64decode(text), dtype)


# ------------------------------------------------------------------------------------------------------------- kernels
@pytest.fixture(scope="module")
def learning():
    """A network, and weights, images, targets and an order at random."""
    rng, network = stream(3, "web"), Network()
    images = rng.random((60, 1, 28, 28), np.float32)
    targets = rng.dirichlet(np.ones(10), 60).astype(np.float32) * 1.01
    return network, network.initial_weights(rng), images, targets, rng.integers(60, size=200)


def test_two_hundred_steps_in_the_browser_leave_the_native_weights_and_outputs(page, learning):
    network, weights, images, targets, order = learning
    call = f"network.descend(floats({packed(weights)}), floats({packed(images)}), floats({packed(targets)}), {order.tolist()}, 0.01)"
    found = page.evaluate(f"(() => {{ const it = {call}; return [textOf(it.weights), textOf(it.outputs)]; }})()")
    native = local_update(network, weights, images, targets, order, 0.01)
    assert_allclose(unpacked(found[0]), native.weights, atol=1e-6, rtol=0)
    assert_allclose(unpacked(found[1]).reshape(-1, 10), native.outputs, atol=1e-6, rtol=0)
    assert np.abs(native.weights - weights).max() > 0.01


@pytest.mark.parametrize("n", [1, 32, 60])
def test_inference_in_the_browser_gives_the_native_outputs(page, learning, n):
    network, weights, images, *_ = learning
    found = page.evaluate(f"textOf(network.infer(floats({packed(weights)}), floats({packed(images[:n])})))")
    assert_allclose(unpacked(found).reshape(-1, 10), network.outputs(weights, images[:n]), atol=1e-6, rtol=0)


def test_the_gradient_in_the_browser_is_the_native_one(page, learning):
    network, weights, images, targets, _ = learning
    call = f"network.gradient(floats({packed(weights)}), floats({packed(images)}), floats({packed(targets)}))"
    assert_allclose(unpacked(page.evaluate(f"textOf({call})")), network.gradient(weights, images, targets), atol=1e-6, rtol=0)


# ------------------------------------------------------------------------------------------------------------- channel
def links():
    """Settings around the letter's, and payloads of any size."""
    rng = stream(4, "web")
    for _ in range(60):
        s = replace(COMPARISON, uplink_power_dbm=rng.uniform(14, 44), distance_m=rng.uniform(300, 1_800), threshold=rng.uniform(0.2, 16),
                    max_slots=int(rng.integers(1, 300)), n_devices=int(rng.integers(1, 30)))  # fmt: skip
        yield s, int(rng.integers(0, 600_000))
    yield COMPARISON, 401_408


def test_the_law_of_the_latency_in_the_page_is_the_packages(page):
    for s, bits in links():
        fields = {name: getattr(s, name) for name in COMPARISON.__dataclass_fields__}
        for name, link, n in (("uplinkOf", s.uplink, s.n_devices), ("downlinkOf", s.downlink, 3)):
            found = page.evaluate(f"""(() => {{
                const link = {name}({json.dumps(fields)}), {{ law, missing }} = latencyLaw(link, {bits}, link.maxSlots);
                return [successProbability(link), bitsPerSlot(link), slotsNeeded(link, {bits}), outageProbability(link, {bits}),
                    Number.isFinite(meanLatencySlots(link, {bits})) ? meanLatencySlots(link, {bits}) : 1e300,
                    slowestOutageProbability(link, {bits}, {n}), meanAirtimeSlots(link, {bits}, {n}), ...law, ...missing];
            }})()""")
            t = np.arange(link.max_slots + 1)
            mine = [channel.success_probability(link), channel.bits_per_slot(link), channel.slots_needed(link, bits),
                    channel.outage_probability(link, bits), min(channel.mean_latency_slots(link, bits), 1e300),
                    channel.slowest_outage_probability(link, bits, n), channel.mean_airtime_slots(link, bits, n),
                    *channel.latency_pmf(link, bits, t), *(1 - channel.latency_cdf(link, bits, t))]  # fmt: skip
            assert_allclose(found, mine, rtol=1e-9, atol=1e-9, err_msg=f"{link} {bits}")


def test_a_transmission_in_the_page_is_the_packages_under_the_same_fading(page):
    for s, bits in list(links())[:20]:
        fading = stream(5, "web", bits).standard_exponential((s.max_slots, s.n_devices))
        fields = {name: getattr(s, name) for name in COMPARISON.__dataclass_fields__}
        call = f"transmit(Array({s.n_devices}).fill(uplinkOf({json.dumps(fields)})), Array({s.n_devices}).fill({bits}), {fading.ravel().tolist()})"
        found = page.evaluate(call)
        sent = channel.transmit(s.uplink, bits, s.n_devices, stream(5, "web", bits))
        assert_array_equal(found["delivered"], sent.delivered)
        assert_array_equal(found["slots"], sent.slots)


# -------------------------------------------------------------------------------------------------------------- mixing
@pytest.mark.parametrize("ratio", [0.01, 0.1, 0.3, 0.49, 0.8])
def test_mixing_ratios_and_blends_in_the_page_are_the_packages(page, ratio):
    found = page.evaluate(f"[inverseRatio({ratio}, 1), inverseRatio({ratio}, 2), conditionNumber({ratio})]")
    mine = [inverse.inverse_ratio(ratio, 1), inverse.inverse_ratio(ratio, 2), inverse.condition_number([ratio, 1 - ratio])]
    assert_allclose(found, mine, rtol=1e-9)
    a, b = stream(6, "web").integers(256, size=(2, 784)).astype(np.float32) / np.float32(255)
    blend = page.evaluate(f"textOf(quantize(mixup(floats({packed(a)}), floats({packed(b)}), {ratio}), 8))")
    mirror = page.evaluate(f"textOf(quantize(mixup(floats({packed(b)}), floats({packed(a)}), {ratio}), 8))")
    mine = [mixup.quantize(mixup.mixup(*pair, ratio), 8) for pair in ((a, b), (b, a))]
    assert_array_equal(unpacked(blend), mine[0])
    back = [page.evaluate(f"textOf(inverseMixup(floats({json.dumps(blend)}), floats({json.dumps(mirror)}), {ratio}, {n}))") for n in (1, 2)]
    assert_allclose([unpacked(one) for one in back], inverse.inverse_mixup(np.stack(mine), [ratio, 1 - ratio]), atol=2e-5)


@pytest.mark.parametrize("wanted", [3, 40, 10_000])
def test_pairs_in_the_page_are_the_packages(page, wanted):
    rng = stream(7, "web", wanted)
    first, shift, device = rng.integers(10, size=300), rng.integers(1, 10, size=300), np.sort(rng.integers(5, size=300))
    second = (first + shift) % 10
    pairs = pairing.symmetric_pairs(first, second, device, 16)
    lists = f"{first.tolist()}, {second.tolist()}"
    assert page.evaluate(f"symmetricPairs({lists}, {device.tolist()}, 16)") == pairs.tolist()
    shuffled = stream(8, "web").permutation(pairs)
    mine = pairing.choose_pairs(pairs, first, second, wanted, stream(8, "web"))
    assert page.evaluate(f"choosePairs({shuffled.tolist()}, {lists}, {wanted})") == mine.tolist()


def test_payloads_in_the_page_are_the_packages(page):
    for n_seeds in (5, 50, 100):
        s = replace(COMPARISON, n_seed_samples=n_seeds, n_inverse_samples=100)
        task = Task(replace(s, n_devices=2, n_samples=100), load("digits", n_train=300, n_test=10))
        for row in TABLE:
            wanted = upload_bits(row, first_state(task), task)[0]
            call = f"uploadBits(TABLE.find(({{ name }}) => name === '{row.name}'), {{ arrived: [false] }}, {{ ...PACKAGE.settings, n_seed_samples: {n_seeds} }})[0]"
            assert page.evaluate(call) == wanted


# -------------------------------------------------------------------------------------------------------------- digits
class Recorder:
    """A generator that remembers what it drew, in the form that the page's pen asks for."""

    def __init__(self, rng):
        self.rng, self.log = rng, []

    def permutation(self, values):
        self.log.append(self.rng.permutation(values).tolist())
        return np.array(self.log[-1])

    def random(self, shape, dtype=np.float64):
        self.log.append(self.rng.random(shape, dtype).ravel().astype(float).tolist())
        return np.array(self.log[-1], dtype).reshape(shape)

    def integers(self, low, high, shape, dtype):
        found = self.rng.integers(low, high, shape, dtype)
        self.log.append(digits._quantiles()[found].ravel().astype(float).tolist())
        return found

    def uniform(self, low, high, shape):
        return low + (high - low) * self.random(shape)


def test_the_page_draws_the_packages_digits_to_the_byte_from_the_same_draws(page):
    recorder = Recorder(stream(9, "web"))
    images, labels = digits.digits(120, recorder)
    found = page.evaluate(f"""(() => {{
        const log = {json.dumps(recorder.log)}, next = () => log.shift();
        const {{ images, labels }} = drawDigits(120, {{ permutation: next, uniforms: next, normal: () => Float32Array.from(next()) }});
        return [textOf(images), textOf(labels)];
    }})()""")
    assert_array_equal(unpacked(found[1], np.uint8), labels)
    assert_array_equal(unpacked(found[0], np.uint8).reshape(images.shape), images)


# -------------------------------------------------------------------------------------------------------------- rounds
ROUNDS = 3


def task_of(row):
    """Three devices whose uploads are lost now and then, whatever the protocol."""
    max_slots = {"FL": 46, "FD": 1}.get(row.name, 30)
    s = replace(COMPARISON, n_devices=3, n_samples=60, n_local_iterations=220, n_distill_iterations=220, n_seed_samples=40,
                n_inverse_samples=50, max_slots=max_slots, beta=0.3, mixing_ratio=0.2)  # fmt: skip
    return Task(s, load("digits", n_train=400, n_test=40), seed=5)


def draws(task, material_sizes):
    """All that is random in a run of the package, as the page asks for it."""
    s, seed, D = task.settings, task.seed, task.n_devices
    rounds, sent = range(1, ROUNDS + 1), seed_samples.mixed(task)
    fading = {f"{p}/{name}": stream(seed, "channel", p, way).standard_exponential((s.max_slots, D)).ravel().tolist()
              for p in rounds for name, way in (("up", UP), ("down", DOWN))}  # fmt: skip
    orders = {f"{p}/{d}": stream(seed, "batches", p, d).integers(s.n_samples, size=s.n_local_iterations).tolist()
              for p in rounds for d in range(D)}  # fmt: skip
    visits = {p: stream(seed, "server batches", p).integers(n, size=s.n_distill_iterations).tolist() for p, n in material_sizes.items() if n}
    pairs = {}
    for mask in range(1, 2**D):
        some = sent.of(np.array([bool(mask >> d & 1) for d in range(D)]))
        of = task.data.train_labels[some.first], task.data.train_labels[some.second]
        n = len(pairing.symmetric_pairs(*of, some.device, 16))
        pairs[n] = stream(seed, seed_samples.PAIRS).permutation(n).tolist()
    raw, mixed = ([np.stack([one.first, one.second], axis=1)[one.device == d].tolist() for d in range(D)]
                  for one in (seed_samples.raw(task), sent))  # fmt: skip
    return {"start": task.initial_weights("start").astype(float).tolist(), "split": task.split.indices.tolist(), "reference": task.reference,
            "fading": fading, "orders": orders, "visits": visits, "pairs": pairs, "raw": raw, "mixed": mixed}  # fmt: skip


PLAY = """
((drawn, settings, protocol, images, labels, testImages, testLabels, rounds) => {
  const draws = {
    startWeights: () => Float32Array.from(drawn.start), split: () => drawn.split, reference: () => drawn.reference,
    order: (p, d) => Int32Array.from(drawn.orders[`${p}/${d}`]), serverOrder: (p) => Int32Array.from(drawn.visits[p]),
    fading: (p, direction) => drawn.fading[`${p}/${direction}`], rawSamples: (d) => drawn.raw[d].map(([k]) => k),
    pairsToMix: (d) => drawn.mixed[d], shuffledPairs: (pairs) => drawn.pairs[pairs.length].map((k) => pairs[k]),
  };
  const data = { images: bytesOf(images), labels: bytesOf(labels), testImages: pixels(bytesOf(testImages)), testLabels: bytesOf(testLabels) };
  const task = makeTask({ ...settings, phones: "n".repeat(settings.n_devices) }, data, network, draws), row = TABLE.find(({ name }) => name === protocol);
  const many = (text) => range(settings.n_devices).map((d) => new Float64Array(bytesOf(text).buffer).subarray(100 * d, 100 * d + 100)), played = [];
  for (const [k, before] of rounds.entries()) {
    const p = k + 1, models = floats(before.weights), size = PACKAGE.n_weights;
    let fed = {
      weights: range(settings.n_devices).map((d) => models.slice(size * d, size * (d + 1))), outputs: many(before.outputs),
      teachers: many(before.teachers), server: floats(before.server), arrived: before.arrived,
    };
    const playing = playRound(p, row, fed, task);
    let step = playing.next();
    while (!step.done) step = playing.next();
    const [next, record] = step.value;
    fed = next;
    played.push({
      weights: fed.weights.map((own) => textOf(Float32Array.from(own))), server: textOf(fed.server), outputs: fed.outputs.map((own) => textOf(own)),
      delivered: record.up.delivered, down: record.down?.delivered ?? null, samples: record.samples, downloaded: record.downloaded.map(({ accuracy }) => accuracy),
      curve: record.curve, serverAccuracy: record.server?.accuracy ?? null, seconds: secondsOf(record, task.s),
    });
  }
  return played;
})
"""


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_rounds_in_the_page_are_the_packages_when_fed_the_same_draws(page, row):
    task, states, before = task_of(row), [], []
    fed = first_state(task)
    for p in range(1, ROUNDS + 1):
        before.append({name: encoded(getattr(fed, name)) for name in ("weights", "outputs", "teachers", "server")}
                      | {"arrived": fed.seed_samples_arrived.tolist()})  # fmt: skip
        fed, record = play_round(p, row, fed, task)
        states.append((fed, record))
    sizes = {p: record.server_samples[0] for p, (_, record) in enumerate(states, 1) if record.server_samples}
    data, s = task.data, task.settings
    fields = {name: getattr(s, name) for name in COMPARISON.__dataclass_fields__}
    arrays = [packed(array) for array in (data.train_images, data.train_labels, data.test_images, data.test_labels)]
    arguments = [json.dumps(draws(task, sizes)), json.dumps(fields), json.dumps(row.name), *arrays, json.dumps(before)]
    played = page.evaluate(f"({PLAY})({', '.join(arguments)})")
    arrived = np.array([record.up.delivered for _, record in states])
    assert arrived.any() and not arrived.all(), "some uploads are lost, and some are not"
    for found, (fed, record) in zip(played, states, strict=True):
        assert_array_equal(found["delivered"], record.up.delivered)
        assert (found["down"] is None) == (record.down is None)
        assert_allclose([unpacked(own) for own in found["weights"]], fed.weights, atol=1e-5, rtol=0)
        assert_allclose(unpacked(found["server"]), fed.server, atol=1e-5, rtol=0)
        outputs = [unpacked(own, np.float64).reshape(10, 10) for own in found["outputs"]]
        assert_allclose(outputs, fed.outputs, atol=1e-5, rtol=0)
        assert found["samples"] == (record.server_samples and list(record.server_samples))
        assert_allclose(found["curve"], record.training.test_accuracies, atol=0.026)  # one of forty digits, at an edge
        airtime = (record.up.airtime_slots + (record.down.airtime_slots if record.down else 0)) * s.slot_s
        assert_allclose(list(found["seconds"].values()), [airtime, record.training.device_s + record.server_s], atol=1e-9)
