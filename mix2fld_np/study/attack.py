"""`attack`: what a curious server learns from uploads and inverse samples over lambda, beside their sample privacy."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mix2fld_np.datasets.formats import pixels
from mix2fld_np.errors import InputError
from mix2fld_np.federation import seed_samples
from mix2fld_np.federation.protocols import check_playable, protocol_named
from mix2fld_np.federation.task import Task
from mix2fld_np.mixing import attack, inverse, mixup
from mix2fld_np.randomness import stream
from mix2fld_np.study import tables

LAMBDAS = tuple(ratio for _, ratio in tables.COLUMNS)  # below one half: the second sample of a blend is its main one
PRIVACY = {"uploads": tables.as_uploaded, "inverse samples": tables.to_raw}  # of what a server holds
N_PUBLIC = 1_000  # blends of test images, which no device holds: guesses are learned from them


class Scene(NamedTuple):
    """What the devices of a task send, and the pictures that its server knows."""

    task: Task
    sent: seed_samples.SeedSamples
    pairs: np.ndarray  # (P, 2) of uploads, each recombined into two inverse samples
    known: np.ndarray  # (N,) training samples, all sources among them
    public: np.ndarray  # (2, 2, N_PUBLIC, ...): first and second pictures, of blends and of their mirror images


def scene_of(task: Task, n_known: int) -> Scene:
    """All that is drawn; InputError where nothing can be mixed up, or not as many pictures can be known."""
    check_playable(protocol_named("Mix2FLD"), task)
    sent, n, labels = seed_samples.mixed(task), len(task.data.train_labels), task.data.test_labels
    sources, rng = np.unique([sent.first, sent.second]), stream(task.seed, "public pictures")
    if not len(sources) <= n_known <= n:
        raise InputError(f"--candidates {n_known} cannot be searched: they hold the {len(sources)} raw samples behind "
                         f"the uploads and others of the {n} training samples; give a number between these two.")
    others = stream(task.seed, "known pictures").permutation(np.setdiff1d(np.arange(n), sources))
    blends = np.stack(mixup.draw_pairs(labels, N_PUBLIC, rng))
    mirrors = np.stack(mixup.draw_scheduled_pairs(labels, labels[blends[::-1]].T, rng))
    known, public = np.concatenate([sources, others[: n_known - len(sources)]]), np.stack([blends, mirrors], axis=1)
    return Scene(task, sent, seed_samples.chosen_pairs(sent, task), known, task.data.test_pixels[public])


def held(scene: Scene) -> Iterator[tuple]:
    """Uploads and, if any, inverse samples: kind, uploads (M, 1 or 2), main ones first; by lambda, images, public."""
    everyone, bits, (x_i, x_j) = np.arange(len(scene.sent.first)), scene.task.settings.bits_per_pixel, scene.public
    blends = [seed_samples.blend(replace(scene.sent, ratio=lam), everyone, scene.task) for lam in LAMBDAS]
    public = [mixup.quantize(mixup.mixup(x_i, x_j, lam), bits) for lam in LAMBDAS]
    yield "uploads", everyone[:, None], [own.images for own in blends], [both[0] for both in public]
    if len(scene.pairs):
        made = [inverse.inversely_mix(own, scene.pairs, lam).images for own, lam in zip(blends, LAMBDAS, strict=True)]
        alike = [inverse.inverse_mixup(both, [lam, 1 - lam])[1] for both, lam in zip(public, LAMBDAS, strict=True)]
        yield "inverse samples", np.stack([scene.pairs[:, ::-1], scene.pairs], axis=1).reshape(-1, 2), made, alike


def rows_of(scene: Scene) -> Iterator[dict]:
    """One row for each kind and lambda; its `digits` are a raw picture, what is held of it, and the table's guess."""
    data, sources = scene.task.data, np.stack([scene.sent.first, scene.sent.second], axis=1)
    known, known_labels = pixels(data.train_images[scene.known]), data.train_labels[scene.known]
    sent = tables.Uploads(data.train_images, data.train_labels, scene.sent.first, scene.sent.second, scene.pairs)
    blends, *inverse_samples = held(scene)
    shares, (_, _, images, _) = [(lam, 1 - lam) for lam in LAMBDAS], blends
    pairs = attack.nearest_pairs(images, shares, data.train_labels[sources], known, known_labels)
    found = (scene.known[pairs] == sources).all(axis=2)  # (L, M) whether both sources of an upload are found
    drawn = scene.pairs.flat[0] if scene.pairs.size else 0  # the upload that the picture shows
    for kind, uploads, images, public in (blends, *inverse_samples):
        main = sources[uploads[:, 0], 1]
        raw, one = pixels(data.train_images[main]), np.flatnonzero(uploads[:, 0] == drawn)[0]
        for k, lam in enumerate(LAMBDAS):
            guesses = dict(zip(attack.GUESSES, attack.guesses(images[k], public[k], scene.public[1, 0]), strict=True))
            yield {
                "pairing": scene.task.settings.pairing,
                "held": kind,
                "lambda": lam,
                "n": len(main),
                "most_uploads": int(np.bincount(sources.ravel()).max()),
                "privacy": PRIVACY[kind](sent, lam),
                "nearest_found": float(np.mean(scene.known[attack.nearest(images[k], known)] == main)),
                "sources_found": float(found[k][uploads].all(axis=1).mean()),
                **{f"{name}_db": attack.decibels(guess, raw) for name, guess in guesses.items()},
                "digits": (raw[one], images[k][one], guesses["table"][one]),
            }
