"""Algorithm 1's bookkeeping: the library's rounds against the same rounds played by hand in `rounds_by_hand`.

Each function takes the quantity of the library that it checks and yields pairs (the library's value, the value by hand).
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from mix2fld_np.federation import protocols, seed_samples, simulation
from mix2fld_np.federation.protocols import PROTOCOLS, RoundRecord
from mix2fld_np.federation.task import Federation, first_state
from mix2fld_np.verify.by_hand import FIVE
from mix2fld_np.verify.check import EXACT, ROUNDING, ROUNDS, Check
from mix2fld_np.verify.rounds_by_hand import (
    N_L,
    SETTINGS,
    D,
    Round,
    beginning,
    distances,
    inverse_samples,
    rendered,
    rounds_by_hand,
    small_task,
    train,
)


def line_2_change(play_round: Callable) -> Iterator[tuple]:
    """|G^p - G^(p-1)| / |G^(p-1)|, the largest over labels where G is G_out; nothing to compare in the first round."""
    for _, record, _, hand in rounds(play_round):
        yield record.relative_change is None, hand.change is None
        if hand.change is not None:
            yield record.relative_change, hand.change


def line_2_stop(simulate: Callable) -> Iterator[tuple]:
    """How many rounds are played with epsilon just above and just below the change of the second."""
    for name in FIVE:
        changes = [hand.change or math.inf for hand in rounds_by_hand(name)]  # none in the first round
        for epsilon in (1.02 * changes[1], 0.98 * changes[1]):
            met = [p for p, change in enumerate(changes, start=1) if change < epsilon]
            task = small_task(name, epsilon=epsilon, stop_when_converged=True)
            yield sum(1 for _ in simulate(PROTOCOLS[name], task)), met[0] if met else SETTINGS.n_rounds


def line_4_mixup(mixed: Callable) -> Iterator[tuple]:
    """N_S recipes of each device, none with another device's sample, none with two samples of one label."""
    task = small_task("Mix2FLD")
    made, label = mixed(task), task.data.train_labels
    foreign = [i not in task.split.indices[d] for chosen in (made.first, made.second) for i, d in zip(chosen, made.device, strict=True)]
    yield [np.sum(made.device == d) for d in range(D)], [SETTINGS.n_seed_samples] * D
    yield sum(foreign), 0
    yield sum(label[i] == label[j] for i, j in zip(made.first, made.second, strict=True)), 0


def line_5_outputs(play_round: Callable) -> Iterator[tuple]:
    """Local average output vectors of every device in every round, after K iterations of eq. (1), or of (3) under FD."""
    for fed, _, _, hand in rounds(play_round):
        yield from with_gaps(fed.outputs, hand.outputs)


def line_6_bits(play_round: Callable) -> Iterator[tuple]:
    """B_up of every device: with its seed samples in round 1, and again only as long as they did not arrive."""
    for _, record, _, hand in rounds(play_round):
        yield record.up.payload_bits, hand.up.bits


def line_6_arrival(play_round: Callable) -> Iterator[tuple]:
    """Which uploads get through, after how many slots, and whose seed samples the server has."""
    for fed, record, _, hand in rounds(play_round):
        yield record.up.delivered, hand.up.delivered
        yield record.up.slots, hand.up.slots
        yield fed.seed_samples_arrived, hand.arrived


def line_8_seeds(inversely_mixed: Callable) -> Iterator[tuple]:
    """Every blend of two devices with symmetric labels, and no other, becomes two samples with hard labels; never more than |D| N_I."""
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


def line_9_mean(play_round: Callable) -> Iterator[tuple]:
    """G_out: the plain mean over devices that delivered, a label's over those that drew it."""
    for fed, _, name, hand in rounds(play_round):
        if name != "FL":
            yield from with_gaps(fed.mean, hand.mean)


def weighted_mean(play_round: Callable) -> Iterator[tuple]:
    """G_mod of FL: the mean over devices that delivered, weighted by |S_d|."""
    for fed, _, name, hand in rounds(play_round):
        if name == "FL":
            yield fed.mean, hand.mean


def line_10_server(play_round: Callable) -> Iterator[tuple]:
    """The server's weights after K_S iterations of eq. (5), from its own last ones; under FL and FD it has none to train."""
    for fed, _, _, hand in rounds(play_round):
        yield fed.server, hand.server


def line_11_broadcast(play_round: Callable) -> Iterator[tuple]:
    """B_dn, whom the multicast reaches, and after how many slots."""
    for _, record, _, hand in rounds(play_round):
        yield record.down is not None, True
        if record.down is not None:
            yield record.down.payload_bits, hand.down.bits
            yield record.down.delivered, hand.down.delivered
            yield record.down.slots, hand.down.slots


def line_13_write(play_round: Callable) -> Iterator[tuple]:
    """Whoever got the download takes it on, weights or teacher; everybody else keeps what training left."""
    for fed, _, _, hand in rounds(play_round):
        yield fed.weights, hand.weights
        nothing = np.full((N_L, N_L), np.nan)
        yield from with_gaps(fed.teachers, np.array([nothing if teacher is None else teacher for teacher in hand.teachers]))


def nobody_delivers(play_round: Callable) -> Iterator[tuple]:
    """In a round in which no upload gets through, training goes on and all else stays; every device waits T_max slots."""
    for name in FIVE:
        task = small_task(name, max_slots=1)
        fed, record = play_round(1, PROTOCOLS[name], first_state(task), task)
        yield [fed.mean is None, record.down is None, record.relative_change is None, not fed.seed_samples_arrived.any()], [True] * 4
        yield fed.weights, [train(d, 1, beginning(task), task)[0] for d in range(D)]
        yield fed.server, beginning(task).server
        yield record.up.slots, [1] * D


def convergence_time(simulate: Callable) -> Iterator[tuple]:
    """tau (T_up + T_dn) of the slowest in each round, and K and K_S iterations of compute."""
    for name in FIVE:
        *_, end = simulate(PROTOCOLS[name], small_task(name))
        airtime = [1e-3 * (max(hand.up.slots) + max(hand.down.slots)) for hand in rounds_by_hand(name)]
        compute_s = 6 * 250e-6 + (0 if name in ("FL", "FD") else 8 * 25e-6)
        yield [row["airtime_s"] for row in end.rounds], airtime
        yield end.elapsed_s, sum(airtime) + 3 * compute_s


def rounds(play_round: Callable) -> Iterator[tuple[Federation, RoundRecord, str, Round]]:
    """State and record of the library's rounds, with protocol and the same round by hand."""
    for name in FIVE:
        task = small_task(name)
        fed = first_state(task)
        for p, hand in enumerate(rounds_by_hand(name), start=1):
            fed, record = play_round(p, PROTOCOLS[name], fed, task)
            yield fed, record, name, hand


def with_gaps(got: np.ndarray | None, expected: np.ndarray | None) -> Iterator[tuple]:
    """Two arrays with NaN in the same places, and in no others."""
    got, expected = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    yield np.isnan(got), np.isnan(expected)
    yield got[~np.isnan(expected)], expected[~np.isnan(expected)]


# --- the rows --------------------------------------------------------------------------------------------------------

BY_HAND = "the same rounds by hand"
play_round, simulate = protocols.play_round, simulation.simulate

ROWS = (
    Check("Algorithm 1, line 2: relative change", BY_HAND, play_round, line_2_change, ROUNDS),
    Check("Algorithm 1, line 2: last round", BY_HAND, simulate, line_2_stop, EXACT),
    Check("Algorithm 1, line 4: mixed-up samples", "recipes | counted", seed_samples.mixed, line_4_mixup, EXACT),
    Check("Algorithm 1, line 5: local update", BY_HAND, play_round, line_5_outputs, ROUNDS),
    Check("Algorithm 1, line 6: seeds in round 1", BY_HAND, play_round, line_6_bits, EXACT),
    Check("Algorithm 1, line 6: who gets through", BY_HAND, play_round, line_6_arrival, EXACT),
    Check("Algorithm 1, line 8: inverse samples", BY_HAND, seed_samples.inversely_mixed, line_8_seeds, ROUNDS),
    Check("Algorithm 1, line 9: G_out, plain", BY_HAND, play_round, line_9_mean, ROUNDS),
    Check("Algorithm 1 under FL: G_mod, weighted", BY_HAND, play_round, weighted_mean, ROUNDS),
    Check("Algorithm 1, line 10: server's model", BY_HAND, play_round, line_10_server, ROUNDS),
    Check("Algorithm 1, line 11: broadcast", BY_HAND, play_round, line_11_broadcast, EXACT),
    Check("Algorithm 1, line 13: who is written", BY_HAND, play_round, line_13_write, ROUNDS),
    Check("Algorithm 1: nobody gets through", BY_HAND, play_round, nobody_delivers, ROUNDS),
    Check("Section IV: convergence time", BY_HAND, simulate, convergence_time, ROUNDING),
)
