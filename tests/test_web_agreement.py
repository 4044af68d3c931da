"""The page's JavaScript and WebAssembly against the package: kernels, channel, mixing, digits, rounds."""

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
    yield browser
    browser.close()


def packed(array):
    """An array in base 64."""
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def unpacked(text, dtype=np.float32):
    """The array in a text of base 64."""
    return np.frombuffer(base64.b64decode(text), dtype)


def fields_of(settings):
    """Settings as the page has them."""
    return {name: getattr(settings, name) for name in COMPARISON.__dataclass_fields__}


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
    after, outputs = page.ask("descendOf", *map(packed, (weights, images, targets)), order.tolist(), 0.01)
    native = local_update(network, weights, images, targets, order, 0.01)
    assert_allclose(unpacked(after), native.weights, atol=1e-6, rtol=0)
    assert_allclose(unpacked(outputs).reshape(-1, 10), native.outputs, atol=1e-6, rtol=0)
    assert np.abs(native.weights - weights).max() > 0.01


@pytest.mark.parametrize("n", [1, 32, 60])
def test_inference_in_the_browser_gives_the_native_outputs(page, learning, n):
    network, weights, images, *_ = learning
    outputs = unpacked(page.ask("inferOf", packed(weights), packed(images[:n]))).reshape(-1, 10)
    assert_allclose(outputs, network.outputs(weights, images[:n]), atol=1e-6, rtol=0)


def test_the_gradient_in_the_browser_is_the_native_one(page, learning):
    network, weights, images, targets, _ = learning
    gradient = unpacked(page.ask("gradientOf", *map(packed, (weights, images, targets))))
    assert_allclose(gradient, network.gradient(weights, images, targets), atol=1e-6, rtol=0)


# ------------------------------------------------------------------------------------------------------------- channel
def links():
    """Settings around the letter's, and payloads of any size."""
    rng = stream(4, "web")
    for _ in range(60):
        about = {"uplink_power_dbm": rng.uniform(14, 44), "distance_m": rng.uniform(300, 1_800)}
        limits = {"threshold": rng.uniform(0.2, 16), "max_slots": int(rng.integers(1, 300))}
        yield replace(COMPARISON, n_devices=int(rng.integers(1, 30)), **about, **limits), int(rng.integers(0, 600_000))
    yield COMPARISON, 401_408


def law_of(link, bits, n_devices):
    """What the page is asked for, as the package has it."""
    t, mean = np.arange(link.max_slots + 1), min(channel.mean_latency_slots(link, bits), 1e300)
    one = channel.success_probability(link), channel.bits_per_slot(link), channel.slots_needed(link, bits)
    of_all = (f(link, bits, n_devices) for f in (channel.slowest_outage_probability, channel.mean_airtime_slots))
    law = channel.latency_pmf(link, bits, t), 1 - channel.latency_cdf(link, bits, t)
    return [*one, channel.outage_probability(link, bits), mean, *of_all, *law[0], *law[1]]


def test_the_law_of_the_latency_in_the_page_is_the_packages(page):
    for s, bits in links():
        for is_uplink, link in ((True, s.uplink), (False, s.downlink)):
            found = page.ask("lawOf", is_uplink, fields_of(s), bits, s.n_devices)
            assert_allclose(found, law_of(link, bits, s.n_devices), rtol=1e-9, atol=1e-9, err_msg=f"{link} {bits}")


def test_a_transmission_in_the_page_is_the_packages_under_the_same_fading(page):
    for s, bits in list(links())[:20]:
        fading = stream(5, "web", bits).standard_exponential((s.max_slots, s.n_devices))
        found = page.ask("uploadOf", fields_of(s), bits, fading.ravel().tolist())
        sent = channel.transmit(s.uplink, bits, s.n_devices, stream(5, "web", bits))
        assert_array_equal(found["delivered"], sent.delivered)
        assert_array_equal(found["slots"], sent.slots)


# -------------------------------------------------------------------------------------------------------------- mixing
@pytest.mark.parametrize("ratio", [0.01, 0.1, 0.3, 0.49, 0.8])
def test_mixing_ratios_and_blends_in_the_page_are_the_packages(page, ratio):
    a, b = stream(6, "web").integers(256, size=(2, 784)).astype(np.float32) / np.float32(255)
    ratios, blends, back = page.ask("mixedOf", packed(a), packed(b), ratio)
    mine = [inverse.inverse_ratio(ratio, n) for n in (1, 2)] + [inverse.condition_number([ratio, 1 - ratio])]
    assert_allclose(ratios, mine, rtol=1e-9)
    sent = np.stack([mixup.quantize(mixup.mixup(*pair, ratio), 8) for pair in ((a, b), (b, a))])
    assert_array_equal([unpacked(blend) for blend in blends], sent)
    assert_allclose([unpacked(one) for one in back], inverse.inverse_mixup(sent, [ratio, 1 - ratio]), atol=2e-5)


@pytest.mark.parametrize("wanted", [3, 40, 10_000])
def test_pairs_in_the_page_are_the_packages(page, wanted):
    rng = stream(7, "web", wanted)
    first, shift, device = rng.integers(10, size=300), rng.integers(1, 10, size=300), np.sort(rng.integers(5, size=300))
    second = (first + shift) % 10
    pairs, labels = pairing.symmetric_pairs(first, second, device, 16), (first.tolist(), second.tolist())
    assert page.ask("symmetricPairs", *labels, device.tolist(), 16) == pairs.tolist()
    mine = pairing.choose_pairs(pairs, first, second, wanted, stream(8, "web"))
    assert page.ask("choosePairs", stream(8, "web").permutation(pairs).tolist(), *labels, wanted) == mine.tolist()


@pytest.mark.parametrize("n_seeds", [5, 50, 100])
def test_payloads_in_the_page_are_the_packages(page, n_seeds):
    s = replace(COMPARISON, n_devices=2, n_samples=100, n_seed_samples=n_seeds, n_inverse_samples=100)
    task = Task(s, load("digits", n_train=300, n_test=10))
    for row in TABLE:
        assert page.ask("firstBitsOf", row.name, n_seeds) == upload_bits(row, first_state(task), task)[0]


@pytest.mark.parametrize("kind", ["iid", "non-iid", "dirichlet"])
def test_splits_in_the_page_deal_what_they_promise(page, kind):
    settings = fields_of(replace(COMPARISON, n_samples=100)) | {"split": kind}
    held = page.evaluate(f"new Draws(3, {json.dumps(settings)}, range(2000).map((k) => k % 10)).split()")
    counts = np.array([np.bincount(np.array(own) % 10, minlength=10) for own in held])
    assert counts.shape == (10, 10) and (counts.sum(axis=1) == 100).all()
    wanted = {"iid": [10] * 10, "non-iid": [2, 2] + [12] * 8}.get(kind)
    assert wanted is None or all(sorted(own) == wanted for own in counts.tolist())
    assert kind != "dirichlet" or counts.max() > 25


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
    found = page.ask("digitsOf", 120, recorder.log)
    assert_array_equal(unpacked(found[1], np.uint8), labels)
    assert_array_equal(unpacked(found[0], np.uint8).reshape(images.shape), images)


# -------------------------------------------------------------------------------------------------------------- rounds
ROUNDS = 3


def task_of(row):
    """Three devices whose uploads are lost now and then, whatever the protocol."""
    sizes = {"n_devices": 3, "n_samples": 60, "n_local_iterations": 220, "n_distill_iterations": 220}
    seeds = {"n_seed_samples": 40, "n_inverse_samples": 50, "mixing_ratio": 0.2}
    s = replace(COMPARISON, max_slots={"FL": 46, "FD": 1}.get(row.name, 30), beta=0.3, **sizes, **seeds)
    return Task(s, load("digits", n_train=400, n_test=40), seed=5)


def draws(task, material_sizes):
    """All that is random in a run of the package, as the page asks for it."""
    s, seed, D = task.settings, task.seed, task.n_devices
    fading, orders, rounds = {}, {}, range(1, ROUNDS + 1)
    for p in rounds:
        for name, way in (("up", UP), ("down", DOWN)):
            gains = stream(seed, "channel", p, way).standard_exponential((s.max_slots, D))
            fading[f"{p}/{name}"] = gains.ravel().tolist()
        for d in range(D):
            steps = stream(seed, "batches", p, d).integers(s.n_samples, size=s.n_local_iterations)
            orders[f"{p}/{d}"] = steps.tolist()
    servers = ((p, stream(seed, "server batches", p).integers(n, size=s.n_distill_iterations))
               for p, n in material_sizes.items() if n)  # fmt: skip
    sent = {"raw": seed_samples.raw(task), "mixed": seed_samples.mixed(task)}
    both = {name: np.stack([one.first, one.second], axis=1) for name, one in sent.items()}
    own = {name: [both[name][one.device == d].tolist() for d in range(D)] for name, one in sent.items()}
    start, visits = task.initial_weights("start").astype(float).tolist(), {p: steps.tolist() for p, steps in servers}
    fixed = {"start": start, "split": task.split.indices.tolist(), "reference": task.reference}
    return fixed | own | {"fading": fading, "orders": orders, "visits": visits, "pairs": orders_of_pairs(task)}


def orders_of_pairs(task):
    """In which order the server looks at its pairs of seed samples, by their number: whoever has delivered."""
    sent, D, orders = seed_samples.mixed(task), task.n_devices, {}
    for mask in range(1, 2**D):
        some = sent.of(np.array([bool(mask >> d & 1) for d in range(D)]))
        labels = task.data.train_labels[some.first], task.data.train_labels[some.second]
        n = len(pairing.symmetric_pairs(*labels, some.device, 16))
        orders[n] = stream(task.seed, seed_samples.PAIRS).permutation(n).tolist()
    return orders


def played_by_package(row, task):
    """Three rounds: the state before each as the page reads it, the state after, and the record."""
    fed, rounds = first_state(task), []
    for p in range(1, ROUNDS + 1):
        arrays = {name: packed(getattr(fed, name)) for name in ("weights", "outputs", "teachers", "server")}
        before = arrays | {"arrived": fed.seed_samples_arrived.tolist()}
        fed, record = play_round(p, row, fed, task)
        rounds.append((before, fed, record))
    return rounds


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_rounds_in_the_page_are_the_packages_when_fed_the_same_draws(page, row):
    task, data = task_of(row), task_of(row).data
    befores, feds, records = zip(*played_by_package(row, task), strict=True)
    sizes = {record.p: record.server_samples[0] for record in records if record.server_samples}
    arrays = map(packed, (data.train_images, data.train_labels, data.test_images, data.test_labels))
    answer = page.ask("playRounds", draws(task, sizes), fields_of(task.settings), row.name, *arrays, befores)
    assert_array_equal(unpacked(answer["start"]), task.initial_weights("start"))
    arrived = np.array([record.up.delivered for record in records])
    assert arrived.any() and not arrived.all(), "some uploads are lost, and some are not"
    for played, fed, record in zip(answer["played"], feds, records, strict=True):
        compare(played, fed, record, task.settings.slot_s)


def compare(played, fed, record, slot_s):
    """A round in the page against the package's: weights, outputs, uploads, samples, tests, and the clock."""
    weights, outputs = map(unpacked, played["weights"]), (unpacked(own, np.float64) for own in played["outputs"])
    assert_allclose(list(weights), fed.weights, atol=1e-5, rtol=0)
    assert_allclose(unpacked(played["server"]), fed.server, atol=1e-5, rtol=0)
    assert_allclose(np.reshape(list(outputs), fed.outputs.shape), fed.outputs, atol=1e-5, rtol=0)
    assert_array_equal(played["delivered"], record.up.delivered)
    assert played["down"] == (record.down and record.down.delivered.tolist())
    assert played["samples"] == (record.server_samples and list(record.server_samples))
    assert_allclose(played["curve"], record.training.test_accuracies, atol=0.026)  # one of forty digits, at an edge
    airtime = record.up.airtime_slots + (record.down.airtime_slots if record.down else 0)
    compute = record.training.device_s + record.server_s
    assert_allclose(list(played["seconds"].values()), [airtime * slot_s, compute], atol=1e-9)
