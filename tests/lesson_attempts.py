"""What readers may answer: for each exercise, answers and a piece of what the check must say to each.

Right, half right and wrong ones; "right" and "as good" only where the check accepts it.
"""

import math
from dataclasses import replace

import numpy as np

from mix2fld_np import OUTPUTS, PROTOCOLS, WEIGHTS, distilled
from mix2fld_np.federation import seed_samples
from mix2fld_np.study.intervals import t_quantile


def chance(P, W, N_0, r, alpha, theta):
    return math.exp(-theta * W * N_0 * r**alpha / P)


def outage(n, p, T_max):
    return sum(math.comb(T_max, k) * p**k * (1 - p) ** (T_max - k) for k in range(min(n, T_max + 1)))


def printed_outage(n, p, T_max):
    print(outage(n, p, T_max))


def divided_outage(n, p, T_max):
    return outage(n, p, T_max) / (n - n)


def unwritten(*arguments):
    raise NotImplementedError


def wrapped(function, change):
    """A function that does something else with what another one gives back."""
    return lambda *arguments: change(function(*arguments))


def target(y, G, beta):
    return y + beta * y @ G


def descended(z, t, eta):
    F = np.exp(z) / np.exp(z).sum()
    return z - eta * (t.sum() * F - t)


def mixup(first, second, lam):
    return lam * first + (1 - lam) * second


def distances(images, first, second, lam):
    couples = [(images[i], images[j]) for i, j in zip(first, second, strict=True)]
    return [np.linalg.norm(mixup(*both, lam) - source) for both in couples for source in both]


def to_any(images, first, second, lam):
    """The log distance of the nearest image to a blend, whoever that is."""
    blends = [mixup(images[i], images[j], lam) for i, j in zip(first, second, strict=True)]
    return np.log(min(np.linalg.norm(blend - image) for blend in blends for image in images))


def privacy(images, first, second, lam):
    return np.log(min(distances(images, first, second, lam)))


def printed_mixup(first, second, lam):
    print(mixup(first, second, lam))


def hide(images, labels):
    """The smallest ratio at which a third sample is nearer to the blend than its own two."""
    flat = images.reshape(len(images), -1)
    products, best = flat @ flat.T, (0.5, 0, 0)
    for j in range(len(flat)):
        inner = products - products[:, [j]] - products[j] + products[j, j]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(inner > 0, np.diag(inner) / (2 * inner), np.inf)
        ratio[labels == labels[j]] = ratio[:, j] = np.inf
        np.fill_diagonal(ratio, np.inf)
        i, _ = np.unravel_index(ratio.argmin(), ratio.shape)
        best = min(best, (ratio.min() + 1e-6, int(i), j))
    return best[1], best[2], best[0]


def ratios_of_two(lam):
    return np.array([[-lam, 1 - lam], [1 - lam, -lam]]) / (1 - 2 * lam)


def anti_circulant(shares):
    return np.array([np.roll(shares, -r) for r in range(len(shares))])


def inverse_ratios(shares):
    return np.linalg.inv(anti_circulant(shares))


def tikhonov(lam):
    soft = anti_circulant([lam, 1 - lam])
    weights = np.linalg.solve(soft.T @ soft + 0.01 * np.eye(2), soft.T)
    return weights, weights @ soft


def two_labels(labels):
    """Rows of two samples with different labels."""
    return 0, int(np.flatnonzero(labels != labels[0])[0])


def softmax(z):
    powers = np.exp(z - np.max(z))
    return powers / powers.sum()


def gradient(F, target):
    return np.sum(target) * F - target


def warm_gradient(z, label, T):
    return (softmax(z / T) - label) / T


def softer(F, T=1.8):
    powers = F ** (1 / T)
    return powers / powers.sum(axis=1, keepdims=True)


def convolution(planes, filters, bias):
    return np.array([b + sum(map(one_plane, planes, taps)) for taps, b in zip(filters, bias, strict=True)])


def one_plane(plane, taps):
    padded, (H, W) = np.pad(plane, 1), plane.shape
    return sum(taps[i, j] * padded[i : i + H, j : j + W] for i, j in np.ndindex(3, 3))


def filter_gradient(planes, g):
    padded, found = np.pad(planes, ((0, 0), (1, 1), (1, 1))), np.zeros((len(g), len(planes), 3, 3))
    for f, r, s in np.ndindex(g.shape):
        found[f] += g[f, r, s] * padded[:, r : r + 3, s : s + 3]
    return found


def four_sums(x, w):
    def product(r, s):
        return sum(w[i][j] * x[r + i][s + j] for i, j in np.ndindex(3, 3))

    return [[product(r, s) for s in range(2)] for r in range(2)]


def both_ways(rule, a):
    return list(zip(*[rule(column) for column in zip(*map(rule, a), strict=True)], strict=True))


def winograd(x, w):
    X = both_ways(lambda x: [x[0] - x[2], x[1] + x[2], x[2] - x[1], x[1] - x[3]], x)
    W = both_ways(lambda w: [w[0], (w[0] + w[1] + w[2]) / 2, (w[0] - w[1] + w[2]) / 2, w[2]], w)
    products = [[a * b for a, b in zip(p, q, strict=True)] for p, q in zip(X, W, strict=True)]
    return both_ways(lambda m: [m[0] + m[1] + m[2], m[1] - m[2] - m[3]], products)


def average_outputs(outputs, labels, n_labels):
    rows = np.full((n_labels, n_labels), np.nan)
    for n in set(labels.tolist()):
        rows[n] = outputs[labels == n].mean(axis=0)
    return rows


def mean_of(uploads, delivered):
    sums, known = np.nansum(uploads[delivered], axis=0), (~np.isnan(uploads[delivered])).sum(axis=0)
    return np.where(known > 0, sums / np.maximum(known, 1), np.nan)


def all_drawn(outputs, labels, n_labels):
    return np.array([outputs[labels == n].sum(axis=0) / np.sum(labels == n) for n in range(n_labels)]) * 1.0


def weighted_by_draws(outputs, labels, n_labels):
    return average_outputs(outputs, labels, n_labels) * np.bincount(labels, minlength=n_labels)[:, None]


def lent(largest):
    """Targets that give the missing label a share, as large as its row of G_out finds a label similar to it."""

    def material(images, labels, G, missing):
        alike = np.where(np.arange(10) == missing, 0, G[missing])
        share = largest * (alike / alike.max())[labels]
        targets = (1 - share[:, None]) * np.eye(10)[labels]
        targets[:, missing] = share
        return images, targets

    return material


def weighted_mean(weights, n_samples, delivered):
    return n_samples[delivered] @ weights[delivered] / n_samples[delivered].sum()


def unweighted(weights, n_samples, delivered):
    return weights[delivered].mean(axis=0)


def lost_as_zeros(weights, n_samples, delivered):
    return (n_samples * delivered) @ weights / n_samples.sum()


def change(w, train, K, eta):
    return np.mean([train(d, K, eta) for d in range(10)], axis=0) - w


def adam(w, p, train):
    new = change(w, train, 20, 0.0003)
    first, second = adam.memory if p > 1 else (0.0, 0.0)
    first, second = 0.5 * first + 0.5 * new, 0.8 * second + 0.2 * new**2
    adam.memory = first, second
    size = np.sqrt(second / (1 - 0.8**p)) + 1e-4 * np.abs(new).max()
    return w + 0.01 * 0.7 ** (p - 1) * first / (1 - 0.5**p) / size


def told(bits, average):
    """FL with uploads of so many bits a weight, averaged so."""

    def mean(fed, task, delivered):
        return WEIGHTS.average(replace(fed, weights=average(fed.weights)), task, delivered)

    uplink = replace(WEIGHTS, bits=lambda settings, network: bits * network.n_weights, average=mean)
    return replace(PROTOCOLS["FL"], name="FL16", uplink=uplink)


def uplinked(**changed):
    """A row as it is wanted, but for its uplink."""
    row = told(16, half)
    return replace(row, uplink=replace(row.uplink, **changed))


def half(weights):
    return weights.astype(np.float16).astype(np.float32)


def six_bits(weights):
    """Weights on 63 levels, evenly between the ends of most."""
    return (np.clip(np.rint(weights / 0.01), -31, 31) * 0.01).astype(np.float32)


def changed(task, **changes):
    return replace(task, settings=replace(task.settings, **changes))


def hardly_mixed(task):
    return seed_samples.mixed(changed(task, mixing_ratio=0.01))


def diligent():
    """Mix2FLD with more inverse samples, four times the iterations and a stronger teacher."""

    def prepare(sent, task):
        return seed_samples.inversely_mixed(sent, changed(task, n_inverse_samples=200))

    def reply(mean, material, fed, task, p):
        return distilled(mean, material, fed, changed(task, n_distill_iterations=3_200, beta=10.0), p)

    return replace(PROTOCOLS["Mix2FLD"], prepare=prepare, reply=reply)


def paired(ours, theirs, level):
    return around(np.subtract(ours, theirs), t_quantile(level, len(ours) - 1), np.std(ours - theirs, ddof=1))


def around(differences, t, s):
    mean, half = differences.mean(), t * s / np.sqrt(len(differences))
    return [mean, mean - half, mean + half]


def up_to(ours, theirs):
    return 100 * (ours / theirs[:, None] - 1).max(axis=(0, 1))


def printed_numbers(FL, Mix2FLD, rng):
    p = 1 - 0.994**100
    level = 0.4 * rng.normal(size=(10_000, 2))
    level = level + np.sqrt((1 - 0.4**2) / (p * (1 - p))) * ((rng.random((10_000, 1)) < p) - p)
    ours = Mix2FLD[..., 0] + Mix2FLD[..., 1] * rng.normal(size=(10_000, 1, 1))
    return 100 * (ours / (FL[:, 0] + FL[:, 1] * level)[..., None] - 1).max(axis=(1, 2))


def eight_alone(FL, Mix2FLD, rng):
    gains = Mix2FLD[..., 0] / FL[:, None, 0] - 1
    spread = np.hypot(Mix2FLD[..., 1], FL[:, None, 1]) / FL[:, None, 0]
    return 100 * (gains + spread * rng.normal(size=(10_000, 2, 4))).max(axis=(1, 2))


def upload_bits(sends, n_seeds, p):
    return (401_408 if sends == "weights" else 3_200) + (p == 1) * 6_272 * n_seeds


def attack(upload, mean_a, mean_b, lam):
    return mean_b + shared_attack([upload - lam * mean_a - (1 - lam) * mean_b], lam)


def shared_attack(residuals, lam):
    n = len(residuals)
    return (1 - lam) / (lam**2 + n * (1 - lam) ** 2) * np.sum(residuals, axis=0)


def draw(labels, n, rng):
    couples = rng.permutation(len(labels) // 2 * 2).reshape(-1, 2)
    couples = couples[labels[couples[:, 0]] != labels[couples[:, 1]]][:n]
    return couples[:, 0], couples[:, 1]


def drawn_with_repeats(labels, n, rng):
    couples = rng.integers(len(labels), size=(4 * n, 2))
    couples = couples[labels[couples[:, 0]] != labels[couples[:, 1]]][:n]
    return couples[:, 0], couples[:, 1]


def fixed_draw(labels, n, rng):
    return draw(labels, n, np.random.default_rng(0))


def half_drawn(labels, n, rng):
    few = np.arange(0, len(labels), 2)
    return [few[part] for part in draw(labels[few], n, rng)]


def means_of(own, own_labels):
    return np.stack([own[own_labels == n].mean(axis=0) for n in range(10)])


def linear_guess(uploads, a, b, lam, own, own_labels):
    means = means_of(own, own_labels)
    return np.array([attack(u, means[n], means[m], lam) for u, n, m in zip(uploads, a, b, strict=True)])


def posterior_mean(uploads, a, b, lam, own, own_labels):
    """As if samples were Gaussian around means of own pairs that blend alike; then between the bounds of an upload."""
    deviations = own - means_of(own, own_labels)[own_labels]
    basis = np.linalg.eigh(deviations.T @ deviations)[1][:, -150:]
    C, found = [np.cov(basis.T @ deviations[own_labels == n].T) for n in range(10)], []
    for u, n, m in zip(uploads, a, b, strict=True):
        x, y = own[own_labels == n], own[own_labels == m]
        rest = u - (1 - lam) * y
        far = (rest**2).sum(axis=1)[:, None] - 2 * lam * rest @ x.T + lam**2 * (x**2).sum(axis=1)
        share = np.exp((far.min() - far) / 2)
        mean_a, mean_b = (share.sum(axis=0) @ x) / share.sum(), (share.sum(axis=1) @ y) / share.sum()
        both = lam**2 * C[n] + (1 - lam) ** 2 * C[m] + 0.003 * np.eye(150)
        seen = np.linalg.solve(both, basis.T @ (u - lam * mean_a - (1 - lam) * mean_b))
        found.append(mean_b + basis @ ((1 - lam) * C[m] @ seen))
    return np.clip(found, np.maximum(0, (uploads - lam) / (1 - lam)), np.minimum(1, uploads / (1 - lam)))


ATTEMPTS = {
    "00.1": [
        (upload_bits, "right"),
        (unwritten, "not written yet"),
        (lambda sends, n_seeds, p: upload_bits(sends, n_seeds, 1), "99 times what it should"),
        (lambda sends, n_seeds, p: upload_bits(sends, 0, p), "0.0101 times"),
        (lambda sends, n_seeds, p: upload_bits(sends, n_seeds, p) // 8, "0.125 times"),
        (lambda sends, n_seeds, p: 320 if sends == "outputs" else 401_408, "0.1 times"),
        (lambda sends, n_seeds, p: print(upload_bits(sends, n_seeds, p)), "return it instead"),
        (lambda sends, n_seeds: 3_200, "TypeError"),
        (wrapped(upload_bits, str), "text"),
    ],
    "00.2": [
        ("DE", "right"), ("ED", "right"), ("d, e", "right"), (["D", "E"], "right"), (" e d ", "right"),
        ("CD", "1 too many, 1 missing"), ("D", "0 too many, 1 missing"), ("AB", "2 too many, 2 missing"),
        ("CDE", "1 too many, 0 missing"), (4, "letters are wanted"), ("d and e", "right"),
        ("MixFLD, Mix2FLD", "from A to E"), (["MixFLD", "Mix2FLD"], "from A to E"),
    ],
    "00.3": [
        (63.4, "right"), (63.353, "right"), ("63.4", "right"), (42.4, "ten rounds"), (125.44, "count as well"),
        (6.09, "once, not in every round"), (21.3, "50 seed samples"), (0.01578, "other way round"),
        (5, "too small"), (200, "too large"), (-63.4, "sign is not"), (63, "first two digits"),
    ],
    "00.4": [
        (("slot_s", 1.003521e-3), "as good"), (("bandwidth_hz", 10_035_200), "as good"),
        (("max_slots", 101), "less is better"), (("bits_per_weight", 31), "score 3.12"),
        (("uplink_power_dbm", 80), "101 of 100 slots"), (("max_slots", 90), "101 of 90 slots"),
        (("beta", 2), "none of the numbers"), (("bits_per_weight", 31.5), "cannot be used"),
        (("threshold", "four"), "cannot be used"), (("max_slots", -5), "out of range"),
        ("max_slots", "a name and its new value"), (101, "a name and its new value"),
        ({"max_slots": 101}, "a name and its new value"), ((101, "max_slots"), "a name and its new value"),
        (("slot_s", 1.00352), "score 100,000"), (upload_bits, "a value is wanted"),
    ],
    "01.1": [
        (softmax, "right"),
        (unwritten, "not written yet"),
        (lambda z: np.exp(z) / np.exp(z).sum(), "no finite number"),
        (lambda z: np.exp(-softmax(z)), "array in which"),
        (lambda z: softmax(-z), "array in which"),
        (lambda z: np.exp(z - z.mean()) / np.exp(z - z.mean()).sum(), "no finite number"),
        (lambda z: np.exp(z - np.max(z)), "1.418 times"),
        (lambda z: softmax(z)[::-1], "wrong places"),
        (lambda z: print(softmax(z)), "return it instead"),
        (lambda z: softmax(z).sum(), "one number; shape (3,) is wanted"),
    ],
    "01.2": [
        (gradient, "right"),
        (unwritten, "not written yet"),
        (lambda F, target: F - target, "in which 0 of 3"),
        (lambda F, target: target - F, "wrong sign"),
        (lambda F, target: 2 * gradient(F, target), "2 times what it should"),
        (lambda F, target: -np.sum(target * np.log(F)), "one number"),
        (lambda F, target: F[3] - target, "IndexError"),
    ],
    "01.3": [
        (99, "right"), (99.0, "right"), ("99", "right"), (1 / 99, "other way round"), (458.2, "losses"),
        (98, "too small"), (-99, "sign is not"), (990, "units"),
    ],
    "01.4": [
        (warm_gradient, "right"),
        (unwritten, "not written yet"),
        (lambda z, label, T: softmax(z / T) - label, "4 times what it should"),
        (lambda z, label, T: (softmax(z) - label) / T, "in which 0 of 3"),
        (lambda z, label, T: T * (softmax(z / T) - label), "16 times what it should"),
        (lambda z, label, T: -warm_gradient(z, label, T), "wrong sign"),
        (lambda z, label, T: None, "nothing (None)"),
    ],
    "01.5": [
        (softer, "as good"),
        (unwritten, "not written yet"),
        (lambda F: F, "less is better"),
        (lambda F: softer(F, 3), "less is better"),
        (lambda F: 0 * F + 0.1, "score 2.3"),
        (lambda F: F**0.5, "sums to one"),
        (lambda F: F[0], "shape (10,) came back"),
        (lambda F: 1 / 0, "ZeroDivisionError"),
        (lambda F: print(softer(F)), "return it instead"),
        (lambda F: None, "gives back nothing"),
        (1.8, "a function is wanted"),
    ],
    "02.1": [
        (convolution, "right"),
        (unwritten, "not written yet"),
        (lambda x, w, b: convolution(x, w[:, :, ::-1, ::-1], b), "array in which"),
        (lambda x, w, b: convolution(x, w, 0 * b), "all 1 too small"),
        (lambda x, w, b: convolution(x, w, b)[:, 1:-1, 1:-1], "shape (1, 1, 1); shape (1, 3, 3) is wanted"),
        (lambda x, w, b: convolution(x, w, b)[9], "IndexError"),
        (lambda x, w, b: print("done"), "return it instead"),
    ],
    "02.2": [
        (filter_gradient, "right"),
        (unwritten, "not written yet"),
        (lambda x, g: filter_gradient(x, g)[:, :, ::-1, ::-1], "wrong places"),
        (lambda x, g: filter_gradient(x, g) / g[0].size, "0.1111 times"),
        (lambda x, g: -filter_gradient(x, g), "wrong sign"),
        (lambda x, g: filter_gradient(x, g)[0, 0], "shape (3, 3); shape (1, 1, 3, 3) is wanted"),
        (lambda x, g: g @ x, "shape (1, 3, 3)"),
    ],
    "02.3": [
        (508_032, "right"), (508_000, "right"), ("508032", "right"), (127_008, "what it takes now"),
        (648, "number of taps"), (42_336, "all twelve planes"), (56_448, "nine taps"), (508_032.5, "whole"),
        (1, "too small"), (600_000, "too large"),
    ],
    "02.4": [
        (16_360, "right"), (16_400, "right"), (12_544, "for MNIST"), (12_760, "larger, too"),
        (16_144, "three colour planes"), (16_360.5, "whole"), (16_332, "biases"),
        (62_440, "halves both sides"), (10, "too small"), (-16_360, "sign is not"),
    ],
    "02.5": [
        (lambda w: w.swapaxes(0, 1)[:, :, ::-1, ::-1], "right"),
        (unwritten, "not written yet"),
        (lambda w: w.swapaxes(0, 1), "wrong places"),
        (lambda w: -w.swapaxes(0, 1), "in which 0 of 54"),
        (lambda w: w[:, :, ::-1, ::-1], "shape (3, 2, 3, 3); shape (2, 3, 3, 3) is wanted"),
        (lambda w: w.T, "shape (3, 3, 2, 3)"),
        (lambda w: np.rot90(w.swapaxes(0, 1), 1, (2, 3)), "wrong places"),
    ],
    "02.6": [
        (winograd, "as good"),
        (unwritten, "not written yet"),
        (four_sums, "score 36"),
        (lambda x, w: [[2.0, 3.0], [4.0, 5.0]], "not the four sums"),
        (lambda x, w: [[one.value for one in row] for row in four_sums(x, w)], "score 36"),
        (lambda x, w: x[0] * w[0], "TypeError"),
        (lambda x, w: [[x[0][0] / w[0][0]]], "not allowed"),
        (lambda x, w: sum(four_sums(x, w), []), "two rows of two sums"),
        (lambda x, w: None, "gives back nothing"),
    ],
    "04.1": [
        (average_outputs, "right"),
        (all_drawn, "right"),
        (unwritten, "not written yet"),
        (wrapped(average_outputs, np.nan_to_num), "in which 12 of 16 numbers are right"),
        (weighted_by_draws, "array in which"),
        (wrapped(average_outputs, lambda rows: rows[~np.isnan(rows[:, 0])]), "shape (3, 4); shape (4, 4) is wanted"),
        (wrapped(average_outputs, lambda rows: -rows), "array in which"),
        (wrapped(average_outputs, np.transpose), "no finite number"),
        (wrapped(average_outputs, print), "return it instead"),
        (lambda outputs, labels: outputs, "TypeError"),
        (lambda outputs, labels, n_labels: outputs[labels == 99][0], "IndexError"),
    ],
    "04.2": [
        (mean_of, "right"),
        (unwritten, "not written yet"),
        (lambda uploads, delivered: uploads[delivered].mean(axis=0), "no finite number"),
        (lambda uploads, delivered: np.nan_to_num(uploads[delivered]).mean(axis=0), "array in which"),
        (lambda uploads, delivered: mean_of(uploads, delivered | True), "array in which"),
        (wrapped(mean_of, np.nan_to_num), "array in which"),
        (lambda uploads, delivered: uploads[delivered], "shape (4, 3, 3)"),
        (lambda uploads, delivered: None, "nothing (None)"),
    ],
    "04.3": [
        (0.008, "right"), ("0.008", "right"), (8e-3, "right"), (0.0125, "longer still"), (0.01, "1.25 times"),
        (0.0075, "factor 1 + beta"), (0.04, "length one"), (0.9, "too large"), (-0.008, "sign is not"),
        ([0.008], "one number is wanted"),
    ],
    "04.4": [
        (0.9, "right"), (0.90, "right"), ("0.9", "right"), (1.35, "the target"), (1.3, "printed sign"),
        (0.65, "printed"), (0.85, "beta = 1"), (0.7, "teacher alone"), (1.0, "label alone"), (0.2, "too small"),
        (-0.9, "sign is not"),
    ],
    "04.5": [
        (113, "right"), ("113", "right"), (113.0, "right"), (112, "the same"), (12_545, "whole vector"),
        (112.5, "whole"), (100, "too small"), (200, "too large"), (-113, "sign is not"), ("many", "text"),
    ],
    "04.6": [
        (lent(0.35), "as good"),
        (unwritten, "not written yet"),
        (lent(0.0), "more is better"),
        (lent(0.5), "more is better"),
        (lambda images, labels, G, missing: (images, labels), "(M, 10) fit"),
        (lambda images, labels, G, missing: images, "two arrays"),
        (lambda images, labels, G, missing: (images, np.full((len(images), 10), np.nan)), "finite number"),
        (lambda images, labels, G, missing: (images, np.eye(10)[labels] * 50), "sum to 2 at most"),
        (lambda images, labels, G, missing: images[labels / 0], "IndexError"),
        (lambda images, labels, G, missing: print(labels), "return it instead"),
        (0.42, "a function is wanted"),
    ],
    "03.1": [
        (weighted_mean, "right"),
        (unwritten, "not written yet"),
        (unweighted, "all 0.5 too small"),
        (lost_as_zeros, "0.6667 times what it should"),
        (lambda w, n, arrived: n @ w / n.sum(), "array in which"),
        (lambda w, n, arrived: -weighted_mean(w, n, arrived), "wrong sign"),
        (lambda w, n, arrived: n[arrived] @ w[arrived], "1000 times"),
        (lambda w, n, arrived: weighted_mean(w, n, arrived).mean(), "one number; shape (2,) is wanted"),
        (lambda w, n, arrived: print(weighted_mean(w, n, arrived)), "return it instead"),
    ],
    "03.2": [
        (1 / 4, "right"), ("0.25", "right"), (0.5, "equal numbers"), (0.571, "for K = 1"), (0.8, "without shares"),
        (0.75, "which device"), (-1 / 4, "sign is not"), (3, "too large"), (0.1, "too small"),
    ],
    "03.3": [
        (6464, "right"), (6_460, "right"), ("6464.0", "right"), (1.01, "ten uploads"), (6_422.5, "used up"),
        (64_640, "side by side"), (6_400, "not quite enough"), (6_464_000, "milliseconds"), (0.101, "one upload"),
        (7, "too small"),
    ],
    "03.4": [
        (adam, "as good"),
        (unwritten, "not written yet"),
        (lambda w, p, train: w + change(w, train, 20, 0.01), "more is better"),
        (lambda w, p, train: w + change(w, train, 1, 0.01), "more is better"),
        (lambda w, p, train: train(0, 500, 0.01), "K = 500"),
        (lambda w, p, train: (train(0, 1, 0.01) + train(0, 1, 0.01)) / 2, "once each a round"),
        (lambda w, p, train: w[:10], "not (10,)"),
        (lambda w, p, train: w / 0 * np.nan, "finite number"),
        (lambda w, p, train: w + train.memory, "AttributeError"),
        (lambda w, p, train: None, "gives back nothing"),
        (0.5, "a function is wanted"),
    ],
    "05.1": [
        (chance, "right"),
        (unwritten, "not written yet"),
        (wrapped(chance, lambda p: 1 - p), "times what it should"),
        (wrapped(chance, lambda p: -p), "wrong sign"),
        (lambda P, W, N_0, r, alpha, theta: math.exp(-(10 ** (theta / 10)) * W * N_0 * r**alpha / P), "times"),
        (wrapped(chance, lambda p: [p]), "shape (1,)"),
        (wrapped(chance, str), "text"),
        (0.887, "a function is wanted"),
    ],
    "05.2": [
        (outage, "right"),
        (unwritten, "not written yet"),
        (printed_outage, "return it instead"),
        (divided_outage, "ZeroDivisionError"),
        (lambda n, p, T_max: None, "nothing (None)"),
        (wrapped(outage, lambda q: 1 - q), "times what it should"),
        (lambda n, p, T_max: outage(n + 1, p, T_max), "times what it should"),
        (lambda n, p, T_max: p**n, "times what it should"),
        (lambda n, p, T_max: float("nan"), "no finite number"),
    ],
    "05.3": [
        (83, "right"), ("83", "right"), (83.0, "right"), (17, "ten devices"), (82, "left over"), (82.4, "whole"),
        (396, "50 seed samples"), (8300, "units"), ("many", "text"), ([83], "one number is wanted"), (90, "too large"),
        (-83, "the sign is not"), (math.nan, "finite"),
    ],
    "05.4": [
        ("ABDF", "right"), ("FDBA", "right"), ("a, b, d, f", "right"), (" f b a d ", "right"), (list("ABDF"), "right"),
        ("A", "0 too many, 3 missing"), ("ABCDF", "1 too many, 0 missing"), ("C, E", "2 too many, 4 missing"),
        (4, "letters are wanted"), ("A, B, D and F", "right"), ("A-B-D-F", "right"),
        (["T_max", "theta"], "from A to F"),
    ],
    "05.5": [
        (127, "right"), (124, "one device"), (126, "a little less"), (104, "40 dBm"), (114, "the mean"),
        (130, "too large"), (outage, "one number is wanted"),
    ],
    "05.6": [
        ((21.35, 7.25), "as good"), ((30, 3.2), "less is better"), ((23, 3), "101 of 100 slots"), ((10, 7), "arrive"),
        ((23, -1), "above zero"), (23, "two numbers"), ("23 dBm", "two numbers"),
    ],
    "06.1": [
        (target, "right"),
        (unwritten, "not written yet"),
        (lambda y, G, beta: y - beta * y @ G, "array in which"),
        (lambda y, G, beta: beta * y @ G, "array in which"),
        (lambda y, G, beta: target(y, G, beta) / (1 + beta), "0.6667 times"),
        (lambda y, G, beta: y + beta * G, "array in which"),
        (lambda y, G, beta: target(y, G, beta)[0], "shape (3,); shape (3, 3) is wanted"),
        (lambda y, G, beta: print(target(y, G, beta)), "return it instead"),
        (lambda y, G, beta: y @ G[:2], "ValueError"),
    ],
    "06.2": [
        (descended, "right"),
        (unwritten, "not written yet"),
        (lambda z, t, eta: z - eta * (np.exp(z) / np.exp(z).sum() - t), "in which 0 of 3"),
        (lambda z, t, eta: 2 * z - descended(z, t, eta), "array in which"),
        (lambda z, t, eta: descended(z, t, eta) - z, "array in which"),
        (lambda z, t, eta: -descended(z, t, eta), "wrong sign"),
        (lambda z, t, eta: descended(z, t, eta).sum(), "one number; shape (3,) is wanted"),
        (lambda z, t, eta: None, "nothing (None)"),
    ],
    "06.3": [
        (11.6, "right"), (11.61, "right"), ("11.6", "right"), (11.615, "right"), (42.4, "ten seed samples"),
        (1.267, "travel once"), (125.44, "seed samples cost"), (1 / 11.615, "other way round"), (12.8, "outputs cost"),
        (20, "too large"), (2.4, "too small"), (-11.6, "sign is not"),
    ],
    "06.4": [
        (1_178, "right"), (1178.0, "right"), ("1178", "right"), (1_180, "right"), (113, "grows with N_L"),
        (112, "grows with N_L"), (1_177, "774"), (1177.7, "whole"), (10, "too small"), (1_400_000, "too large"),
    ],
    "06.5": [
        ([0.18, 1.27, 0.05], "right"), (np.array([0.18, 1.27, 0.05]), "right"), ([0.15, 1.3, 0.05], "1 of 3"),
        ([0.16, 0.74, 0.1], "0 of 3"), ([0.08, 0.37, 0.05], "1 of 3"), ([0.12, 0.84667, 0.03333], "too small"),
        (1.27, "one number"), ("0.18", "one number"), ([0.18, 1.27], "shape (2,)"), ([18, 127, 5], "per cent"),
        ([-0.18, -1.27, -0.05], "sign is not"),
    ],
    "06.6": [
        ((0.8, 3), "as good"), ((1, 0), "more is better"), ((4, 10), "more is better"), ((0, 1), "temperature has to"),
        (3, "two numbers"), ("warm", "two numbers"), ((1, -1), "beta between"), (("a", "b"), "ValueError"),
    ],
    "07.1": [
        (mixup, "right"),
        (unwritten, "not written yet"),
        (printed_mixup, "return it instead"),
        (lambda first, second, lam: mixup(second, first, lam), "array in which"),
        (lambda first, second, lam: lam * first + lam * second, "array in which"),
        (wrapped(mixup, lambda blend: blend.sum()), "one number; shape (2,) is wanted"),
        (lambda first, second: first, "TypeError"),
        ("blend", "a function is wanted"),
    ],
    "07.2": [
        (privacy, "right"),
        (unwritten, "not written yet"),
        (lambda *given: np.log10(min(distances(*given))), "0.4343 times"),
        (lambda *given: min(distances(*given)), "times what it should"),
        (lambda *given: -privacy(*given), "wrong sign"),
        (to_any, "(<array (3, 5, 5)>, [0], [1], 0.4) gives back"),
        (lambda *given: np.log(distances(*given)), "shape (6,)"),
        (lambda *given: np.log(np.mean(distances(*given))), "times"),
        (lambda images, first, second, lam: np.log(lam * min(distances(images, first, second, 0))), "no finite number"),
        (lambda images, first, second, lam: images[99], "IndexError"),
    ],
    "07.3": [
        (5.8, "right"), (5.80, "right"), (5.8003, "right"), ("5.80", "right"), (5.282, "base 10"),
        (12.21, "multiplied"), (5.78, "too small"), (6.5, "too large"), (-5.8, "sign is not"),
    ],
    "07.4": [
        (-1.08, "right"), (-1.076, "right"), (1.076, "sign is not"), (4.465 / 255, "shrink"),
        (4.465, "units of the pixels"), (2.06, "natural"), (10.006, "smaller, not larger"), (-0.9, "too small"),
    ],
    "07.5": [
        (5.56, "right"), (5.564, "right"), (6.411, "nearer now"), (6.055, "last column"), (3.1, "too small"),
        ([5.56], "one number is wanted"), (9, "too large"),
    ],
    "07.6": [
        (hide, "as good"),
        (unwritten, "not written yet"),
        (lambda images, labels: (*two_labels(labels), 0.1), "found"),
        (lambda images, labels: (0, 0, 0.1), "different labels"),
        (lambda images, labels: (*two_labels(labels), 0.7), "between 0 and 0.5"),
        (lambda images, labels: (*hide(images, labels)[:2], 0.45), "less is better"),
        (lambda images, labels: two_labels(labels), "three numbers"),
        (lambda images, labels: images / labels[9_999], "IndexError"),
        (lambda images, labels: None, "gives back nothing"),
        (0.3, "a function is wanted"),
    ],
    "08.1": [
        (ratios_of_two, "right"),
        (unwritten, "not written yet"),
        (lambda lam: -ratios_of_two(lam), "wrong sign"),
        (lambda lam: ratios_of_two(lam)[::-1], "wrong places"),
        (lambda lam: ratios_of_two(lam) * (1 - 2 * lam), "0.8 times what it should"),
        (lambda lam: ratios_of_two(lam)[0], "shape (2,); shape (2, 2) is wanted"),
        (lambda lam: [[lam, 1 - lam], [1 - lam, lam]], "in which 0 of 4"),
        (lambda lam: print(ratios_of_two(lam)), "return it instead"),
    ],
    "08.2": [
        (inverse_ratios, "right"),
        (unwritten, "not written yet"),
        (anti_circulant, "array in which"),
        (lambda shares: np.linalg.inv([np.roll(shares, r) for r in range(len(shares))]), "wrong places"),
        (lambda shares: 1 / anti_circulant(shares), "array in which"),
        (lambda shares: np.linalg.inv(anti_circulant(shares)[:2]), "LinAlgError"),
        (lambda shares: ratios_of_two(shares[0]), "shape (2, 2); shape (3, 3) is wanted"),
    ],
    "08.3": [
        (0.375, "right"), ("0.375", "right"), (0.625, "other side"), (0.25, "by 2"), (0.3989, "independent noise"),
        (0.41, "too large"), (0.1, "too small"), (-0.375, "sign is not"),
    ],
    "08.4": [
        ("BCE", "right"), ("CBE", "right"), ("B, C, E", "right"), (" b c e ", "right"), ({"B", "C", "E"}, "right"),
        ("C", "0 too many, 2 missing"), ("BC", "0 too many, 1 missing"), ("ABCE", "1 too many, 0 missing"),
        ("BCDE", "1 too many, 0 missing"), (3, "letters are wanted"), ("B, C & E", "right"),
        ((0.4, 0.1, 0.4, 0.1), "from A to E"), ("B, C and E cannot be inverted", "from A to E"),
    ],
    "08.5": [
        (tikhonov, "as good"),
        (unwritten, "not written yet"),
        (lambda lam: (ratios_of_two(lam), np.eye(2)), "more is better"),
        (lambda lam: (np.eye(2), anti_circulant([lam, 1 - lam])), "more is better"),
        (lambda lam: ratios_of_two(lam), "both have to be (2, 2)"),
        (lambda lam: (ratios_of_two(0.5), np.eye(2)), "finite number"),
        (lambda lam: 3, "two arrays"),
        (lambda lam: lam / 0, "ZeroDivisionError"),
    ],
    "09.1": [
        (lambda: told(16, half), "right"),
        (unwritten, "not written yet"),
        (lambda: PROTOCOLS["FL"], "401,408 bits"),
        (lambda: told(2, half), "25,088 bits"),
        (lambda: told(16, lambda weights: weights), "what 32 bits tell"),
        (lambda: told(16, six_bits), "not the mean"),
        (lambda: replace(told(16, half), name="mine"), 'its name is "mine"'),
        (lambda: replace(told(16, half), downlink=OUTPUTS), "another cell"),
        (lambda: None, "nothing (None), not a row"),
        (lambda: replace(PROTOCOLS["FL"], bits=16), "TypeError"),
        (lambda: uplinked(bits=16), "its bits(settings, network) is a value of type int; a function is wanted"),
        (lambda: uplinked(bits=lambda network: 16 * network.n_weights), "its bits(settings, network) stops with"),
        (lambda: uplinked(average=lambda fed: fed.weights), "its average(fed, task, delivered) stops with TypeError"),
        (lambda: uplinked(average=lambda fed, task, delivered: None), "gives back nothing"),
        ("FL16", "a function is wanted"),
    ],
    "09.2": [
        (471_040, "right"), (471_000, "right"), ("471040", "right"), (32_000, "got rid of"),
        (448_640, "outputs of this round"), (659_200, "already has"), (461_440, "upload again"), (9_600, "try again"),
        (220_160, "other way round"), (2_227_200, "50 seed samples"), (3_768_320, "8 times"), (471_040.5, "whole"),
        (7, "too small"),
    ],
    "09.3": [
        ("AB", "right"), ("BA", "right"), ("a, b", "right"), ({"A", "B"}, "right"), ("A", "0 too many, 1 missing"),
        ("ABD", "1 too many, 0 missing"), ("ABF", "1 too many, 0 missing"), ("", "0 too many, 2 missing"),
        (2, "letters are wanted"), ("weights, outputs", "from A to F"), ("none", "from A to F"),
    ],
    "09.4": [
        (2.76, "right"), (2.755, "right"), ("2.755", "right"), (27.55, "last for ten"), (0.755, "ten seed samples"),
        (2.5, "outputs cost"), (25.26, "round 1 alone"), (0.363, "other way round"), (3, "too large"), (2, "too small"),
        (-2.755, "sign is not"),
    ],
    "09.5": [
        (diligent, "as good"),
        (unwritten, "not written yet"),
        (lambda: PROTOCOLS["MixFLD"], "more is better"),
        (lambda: told(6, six_bits), "more is better"),
        (lambda: PROTOCOLS["FLD"], "raw samples stay at home"),
        (lambda: replace(PROTOCOLS["MixFLD"], collect=lambda task: seed_samples.raw(task)),
         "raw samples stay at home"),
        (lambda: replace(PROTOCOLS["MixFLD"], collect=hardly_mixed), "less than a tenth"),
        (lambda: PROTOCOLS["FL"], "it uploads"),
        (lambda: told(6, lambda weights: weights), "round them"),
        (lambda: "Mix2FLD", "a Protocol is wanted"),
        (lambda: replace(PROTOCOLS["FD"], reply=None), "TypeError"),
        (lambda: PROTOCOLS["mine"], "KeyError"),
        (lambda: None, "gives back nothing"),
        (90, "a function is wanted"),
    ],
    "10.1": [
        (paired, "right"),
        (unwritten, "not written yet"),
        (lambda ours, theirs, level: around(ours - theirs, 1.96, np.std(ours - theirs, ddof=1)), "in which 1 of 3"),
        (lambda ours, theirs, level: around(ours - theirs, t_quantile(level, len(ours) - 1), np.std(ours - theirs)),
         "in which 1 of 3"),
        (lambda ours, theirs, level: around(ours - theirs, t_quantile(level, len(ours) - 1), np.std(ours)),
         "in which 1 of 3"),
        (lambda ours, theirs, level: paired(theirs, ours, level), "all 4 too small"),
        (wrapped(paired, lambda found: found[1:]), "shape (2,); shape (3,) is wanted"),
        (wrapped(paired, print), "return it instead"),
        (lambda ours, theirs: 0, "TypeError"),
        (2.78, "a function is wanted"),
    ],
    "10.2": [
        (up_to, "right"),
        (unwritten, "not written yet"),
        (wrapped(up_to, lambda gains: gains / 100), "0.01 times what it should"),
        (lambda ours, theirs: 100 * (ours - theirs[:, None]).max(axis=(0, 1)), "array in which"),
        (lambda ours, theirs: 100 * (ours / theirs[:, None] - 1).mean(axis=(0, 1)), "array in which"),
        (lambda ours, theirs: 100 * (ours / theirs[:, None] - 1).max(axis=0), "shape (4, 3, 5)"),
        (lambda ours, theirs: 100 * (ours / theirs[:, None] - 1).max(), "one number; shape (3, 5) is wanted"),
        (lambda ours, theirs: ours / theirs, "ValueError"),
        (lambda ours, theirs: None, "nothing (None)"),
    ],
    "10.3": [
        (-0.776, "right"), (-0.7764, "right"), ("-0.776", "right"), (0.776, "sign is not"),
        (4.776, "upper end"), (0.04, "many seeds"), (1.0, "one standard error"), (-0.571, "degrees of freedom"),
        (-4.21, "one difference"), (-0.483, "S - 1"), (2.776, "half of the interval"), ([-0.776], "one number"),
    ],
    "10.4": [
        (4.42, "right"), (4.424, "right"), ("4.42", "right"), (3, "the mean would show"), (1.42, "what chance adds"),
        (4.03, "largest of four"), (3.57, "largest of two"), (11, "do not add up"), (5.85, "too large"),
        (-4.42, "sign is not"),
    ],
    "10.5": [
        (44.4e-6, "right"), (4.435e-5, "right"), ("4.44e-5", "right"), (44.4, "microseconds"), (5.77e-5, "computes"),
        (1.44e-5, "c / 10"), (4.435e-4, "ten rounds"), (250e-6, "assumes"), (-44.4e-6, "sign is not"),
        (1e-6, "too small"),
    ],
    "10.6": [
        (printed_numbers, "as good"),
        (unwritten, "not written yet"),
        (eight_alone, "less is better"),
        (lambda FL, Mix2FLD, rng: rng.normal(16.7, 1, 10_000), "does not ask the table"),
        (lambda FL, Mix2FLD, rng: 16.7, "shape ()"),
        (lambda FL, Mix2FLD, rng: 1 / 0, "ZeroDivisionError"),
        (wrapped(printed_numbers, lambda found: np.log(-abs(found))), "finite"),
        (lambda FL, Mix2FLD: FL, "TypeError"),
        (16.7, "a function is wanted"),
    ],
    "11.1": [
        (attack, "right"),
        (unwritten, "not written yet"),
        (lambda upload, mean_a, mean_b, lam: mean_b, "in which"),
        (lambda upload, mean_a, mean_b, lam: (upload - lam * mean_a) / (1 - lam), "in which"),
        (lambda upload, mean_a, mean_b, lam: attack(upload, mean_a, mean_b, lam) - mean_b, "in which"),
        (lambda upload, mean_a, mean_b, lam: attack(upload, mean_b, mean_a, lam), "in which"),
        (lambda upload, mean_a, mean_b, lam: np.linalg.norm(upload), "one number; shape (2,) is wanted"),
        (lambda upload, mean_a, mean_b, lam: print(attack(upload, mean_a, mean_b, lam)), "return it instead"),
        (lambda upload, mean_a, mean_b, lam: upload[9], "IndexError"),
    ],
    "11.2": [
        (shared_attack, "right"),
        (unwritten, "not written yet"),
        (lambda residuals, lam: shared_attack(residuals, lam) / len(residuals), "0.5 times what it should"),
        (lambda residuals, lam: np.mean(residuals, axis=0), "times what it should"),
        (lambda residuals, lam: -shared_attack(residuals, lam), "wrong sign"),
        (lambda residuals, lam: shared_attack(residuals, lam)[None], "shape (1, 5); shape (5,) is wanted"),
        (lambda residuals, lam: shared_attack(residuals.T, lam), "shape (1,); shape (5,) is wanted"),
        (lambda residuals, lam: None, "nothing (None)"),
    ],
    "11.3": [
        (0.143, "right"), (0.1428, "right"), ("0.143", "right"), (0.2425, "single upload"), (0.0808, "root of n"),
        (0.14003, "one of the two terms"), (0.14, "first two digits"), (0.918, "main one"),
        (0.0204, "variance"), (0.5, "too large"),
        (-0.143, "sign is not"),
    ],
    "11.4": [
        (250, "right"), ("250", "right"), (250.0, "right"), (500, "takes two"), (50, "could afford more"),
        (124_750, "share samples"), (249.5, "whole"), (100, "too small"), (300, "too large"), (-250, "sign is not"),
    ],
    "11.5": [
        (draw, "as good"),
        (unwritten, "not written yet"),
        (drawn_with_repeats, "less is better"),
        (fixed_draw, "draw with rng"),
        (lambda labels, n, rng: draw(labels, n, np.random.default_rng()), "nothing else"),
        (half_drawn, "never came up"),
        (lambda labels, n, rng: np.split(rng.permutation(len(labels))[: 2 * n], 2), "one label twice"),
        (lambda labels, n, rng: ([0], [1]), "n = 50"),
        (lambda labels, n, rng: np.full((2, n), 600), "from 0 to 499"),
        (lambda labels, n, rng: labels / 0 > 1, "n = 50"),
        (lambda labels, n, rng: rng.shuffled(labels), "AttributeError"),
        (lambda labels, n, rng: rng.shuffle(labels), "gives back nothing"),
        (5, "a function is wanted"),
    ],
    "11.6": [
        (posterior_mean, "as good"),
        (unwritten, "not written yet"),
        (linear_guess, "score 0.58"),
        (lambda *given: np.clip(linear_guess(*given), 0, 1), "score 0.555"),
        (lambda uploads, a, b, lam, own, own_labels: uploads, "less is better"),
        (lambda uploads, a, b, lam, own, own_labels: means_of(own, own_labels)[b], "score 1 ("),
        (lambda uploads, a, b, lam, own, own_labels: uploads[0], "(100, 784) is wanted"),
        (lambda uploads, a, b, lam, own, own_labels: uploads * np.nan, "finite number"),
        (lambda uploads, a, b, lam, own, own_labels: own[own_labels == 99][0], "IndexError"),
        (0.3, "a function is wanted"),
    ],
}  # fmt: skip
