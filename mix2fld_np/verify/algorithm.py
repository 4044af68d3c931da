"""Algorithm 1's bookkeeping: the library's rounds against the same rounds played by hand in `rounds_by_hand`."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from operator import attrgetter

import numpy as np

from mix2fld_np.federation import seed_samples
from mix2fld_np.federation.protocols import PROTOCOLS, play_round
from mix2fld_np.federation.simulation import simulate
from mix2fld_np.federation.task import first_state
from mix2fld_np.verify.by_hand import FIVE
from mix2fld_np.verify.check import EXACT, ROUNDING, ROUNDS, Check, Tolerance, with_gaps
from mix2fld_np.verify.rounds_by_hand import (
    SETTINGS,
    D,
    Round,
    distances,
    inverse_samples,
    rendered,
    rounds_by_hand,
    small_task,
)


def same_rounds(play_round: Callable, *values: str, protocols: tuple[str, ...] = FIVE, **changes) -> Iterator[tuple]:
    """Values such as "fed.weights" or "up.slots" of a `Round`, after every round of some protocols."""
    for name in protocols:
        task = small_task(name, **changes)
        fed = first_state(task)
        for p, hand in enumerate(rounds_by_hand(name, **changes), start=1):
            fed, record = play_round(p, PROTOCOLS[name], fed, task)
            got = Round(fed, record.up, record.down, record.relative_change)
            for value in map(attrgetter, values):
                yield from with_gaps(value(got), value(hand))


def line_2_stop(simulate: Callable) -> Iterator[tuple]:
    """How many rounds are played with epsilon just above and just below the change of the second."""
    for name in FIVE:
        changes = [hand.relative_change or math.inf for hand in rounds_by_hand(name)]  # none in the first round
        for epsilon in (1.02 * changes[1], 0.98 * changes[1]):
            met = [p for p, change in enumerate(changes, start=1) if change < epsilon]
            task = small_task(name, epsilon=epsilon, stop_when_converged=True)
            yield len(list(simulate(PROTOCOLS[name], task))), met[0] if met else SETTINGS.n_rounds


def line_4_mixup(mixed: Callable) -> Iterator[tuple]:
    """N_S recipes of each device, none with another device's sample, none with two samples of one label."""
    task = small_task("Mix2FLD")
    made, label = mixed(task), task.data.train_labels
    yield np.bincount(made.device), [SETTINGS.n_seed_samples] * D
    for d, i, j in zip(made.device, made.first, made.second, strict=True):
        yield [i in task.split.indices[d], j in task.split.indices[d], label[i] != label[j]], [True] * 3


def line_8_seeds(inversely_mixed: Callable) -> Iterator[tuple]:
    """Every blend of two devices with symmetric labels, and no other, becomes two samples; never more than |D| N_I."""
    task = small_task("Mix2FLD")
    for there in ([True] * D, [True, False, True, True], [True, True, True, False]):
        recipes = seed_samples.mixed(task).of(np.array(there))
        got, expected = rendered(inversely_mixed(recipes, task)), inverse_samples(recipes)
        apart = distances(got, expected)
        yield len(got), len(expected)
        yield apart.min(axis=0), np.zeros(len(expected))
        yield apart.min(axis=1), np.zeros(len(got))
    alone = seed_samples.mixed(task).of(np.array([True, False, False, False]))
    yield inversely_mixed(alone, task).n_samples, 0
    few = replace(task, settings=replace(task.settings, n_seed_samples=9, n_inverse_samples=9))
    yield inversely_mixed(seed_samples.mixed(few), few).n_samples, D * 9


def convergence_time(simulate: Callable) -> Iterator[tuple]:
    """tau (T_up + T_dn) of the slowest in each round, and K and K_S iterations of compute."""
    for name in FIVE:
        *_, end = simulate(PROTOCOLS[name], small_task(name))
        both_ways = [(hand.up, hand.down) for hand in rounds_by_hand(name)]
        airtime = [1e-3 * sum(max(way.slots) for way in ways if way) for ways in both_ways]
        compute_s = 6 * 250e-6 + (0 if name in ("FL", "FD") else 8 * 25e-6)
        yield [row["airtime_s"] for row in end.rounds], airtime
        yield end.elapsed_s, sum(airtime) + 3 * compute_s


BY_HAND = "the same rounds by hand"


def of_rounds(name: str, *values: str, tolerance: Tolerance = ROUNDS, **which) -> Check:
    """A row about some values of every round."""
    return Check(name, BY_HAND, play_round, lambda play_round: same_rounds(play_round, *values, **which), tolerance)


STAYS = "fed.weights", "fed.teachers", "fed.server", "fed.mean", "up.slots", "down", "relative_change"
ARRIVAL = "up.delivered", "up.slots", "fed.seed_samples_arrived"
BROADCAST = "down.payload_bits", "down.delivered", "down.slots"

ROWS = (
    of_rounds("Algorithm 1, line 2: relative change", "relative_change"),
    Check("Algorithm 1, line 2: last round", BY_HAND, simulate, line_2_stop, EXACT),
    Check("Algorithm 1, line 4: mixed-up samples", "recipes | counted", seed_samples.mixed, line_4_mixup, EXACT),
    of_rounds("Algorithm 1, line 5: local update", "fed.outputs"),
    of_rounds("Algorithm 1, line 6: seeds in round 1", "up.payload_bits", tolerance=EXACT),
    of_rounds("Algorithm 1, line 6: who gets through", *ARRIVAL, tolerance=EXACT),
    Check("Algorithm 1, line 8: inverse samples", BY_HAND, seed_samples.inversely_mixed, line_8_seeds, ROUNDS),
    of_rounds("Algorithm 1, line 9: G_out, plain", "fed.mean", protocols=FIVE[1:]),
    of_rounds("Algorithm 1 under FL: G_mod, weighted", "fed.mean", protocols=FIVE[:1]),
    of_rounds("Algorithm 1, line 10: server's model", "fed.server"),
    of_rounds("Algorithm 1, line 11: broadcast", *BROADCAST, tolerance=EXACT),
    of_rounds("Algorithm 1, line 13: who is written", "fed.weights", "fed.teachers"),
    of_rounds("Algorithm 1: nobody gets through", *STAYS, max_slots=1, n_rounds=1),
    Check("Section IV: convergence time", BY_HAND, simulate, convergence_time, ROUNDING),
)
