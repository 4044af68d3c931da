"""Answers and hints of lesson 09."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from checks import lesson_data
from marking import Letters, Number, Verdict, kind
from scores import Open, Refused
from written import NOT_WRITTEN, Written, call, line_of, name_of, nothing

from mix2fld_np.errors import InputError
from mix2fld_np.federation.payloads import WEIGHTS
from mix2fld_np.federation.protocols import PROTOCOLS, Protocol, check_playable
from mix2fld_np.federation.settings import COMPARISON, PRINTED
from mix2fld_np.federation.simulation import MOMENTS, simulate
from mix2fld_np.federation.task import Task, first_state
from mix2fld_np.nn.network import Network
from mix2fld_np.randomness import stream

ROUNDS, SEEDS = 4, (1, 2)
QUICK = replace(COMPARISON, n_rounds=ROUNDS, n_local_iterations=400, n_distill_iterations=800, pairing="scheduled",
                n_evaluations=1)  # fmt: skip


def told_in_16_bits(fed, task, delivered):
    """The mean of weights as half precision tells them."""
    told = fed.weights.astype(np.float16).astype(np.float32)
    return WEIGHTS.average(replace(fed, weights=told), task, delivered)


def row_of_16_bits():
    """FL with uploads of half precision."""
    uplink = replace(WEIGHTS, bits=lambda settings, network: 16 * network.n_weights, average=told_in_16_bits)
    return replace(PROTOCOLS["FL"], name="FL16", uplink=uplink)


@dataclass(frozen=True)
class Row(Written):
    """The exercise wants a function without arguments that returns a row of the table, which is judged cell by cell."""

    def judge(self, function):
        """Right, or what is wrong with the row."""
        if not callable(function):
            return Verdict(False, f"that is {kind(function)}; a function is wanted.", hint=False)
        name, outcome = name_of(function), call(function, ())
        if isinstance(outcome.error, NotImplementedError):
            return Verdict(False, NOT_WRITTEN.format(name), hint=False)
        if outcome.error is not None:
            line = line_of(function, outcome.error)
            return Verdict(False, f"{name}() stops with {type(outcome.error).__name__}: {outcome.error}{line}", False)
        if not isinstance(outcome.value, Protocol):
            return Verdict(False, f"{name}() gives back {kind(outcome.value)}, not a row of the table.", hint=False)
        try:
            wrong = what_is_wrong(outcome.value, self.library())
        except Refused as refusal:
            return Verdict(False, str(refusal), hint=False)
        return Verdict(wrong is None, wrong or "right: bits and averages are those of the library's own row.")


def given_by(name, function, *arguments):
    """What a function of a reader's payload gives back; Refused where it is none, stops or gives back nothing."""
    if not callable(function):
        raise Refused(f"its {name} is {kind(function)}; a function is wanted.")
    outcome = call(lambda: function(*arguments), ())
    if outcome.error is not None:
        said = f"{type(outcome.error).__name__}: {outcome.error}"
        raise Refused(f"its {name} stops with {said}{line_of(function, outcome.error)}")
    if outcome.value is None:
        raise Refused(f"its {name} {nothing(outcome.printed)}")
    return outcome.value


def what_is_wrong(row, wanted):
    """The first cell of a row that does not do what the wanted one does, in words; or None."""
    bits = given_by("bits(settings, network)", row.uplink.bits, PRINTED, Network())
    if bits != wanted.uplink.bits(PRINTED, Network()):
        return f"its uplink is charged with {bits:,} bits; 16 for each of 12,544 weights are wanted."
    if any(getattr(row, cell) != getattr(wanted, cell) for cell in ("downlink", "collect", "prepare", "reply")):
        return "another cell than the uplink differs from FL's."
    rng, task = stream(9, "weights to try"), Task(replace(PRINTED, n_devices=4), lesson_data("digits"), seed=9)
    fed = replace(first_state(task), weights=rng.normal(0, 0.1, (4, task.network.n_weights)).astype(np.float32))
    for delivered in (np.ones(4, bool), np.array([True, False, True, False])):
        mean = given_by("average(fed, task, delivered)", row.uplink.average, fed, task, delivered)
        right = wanted.uplink.average(fed, task, delivered)
        if np.shape(mean) != right.shape:
            return f"its average has shape {np.shape(mean)}; {right.shape} is wanted."
        if np.array_equal(mean, WEIGHTS.average(fed, task, delivered)):
            return "it is charged with 16 bits, but the server averages what 32 bits tell."
        if not np.allclose(mean, right, rtol=0, atol=1e-6):
            return "its average is not the mean of the delivered weights in half precision."
    return None if row.name == "FL16" else f'its name is "{row.name}", not "FL16".'


@cache
def tasks():
    """The federations on which open rows are compared."""
    data = lesson_data("digits")
    return [Task(QUICK, data, seed) for seed in SEEDS]


def accuracy_of_row(row):
    """Mean accuracy in % over devices, both moments and two federations; and the uplink bits of all."""
    ends = [list(simulate(row, task))[-1] for task in tasks()]
    right = [sum(test["correct"]) for end in ends for moment in MOMENTS for test in end.devices[moment]]
    return 100 * np.mean(right) / len(tasks()[0].data.test_labels), sum(
        one["uplink_bits"] for end in ends for one in end.rounds
    )


@cache
def bits_of_mixfld():
    """What MixFLD uploads in the same federations."""
    return accuracy_of_row(PROTOCOLS["MixFLD"])[1]


def reads_all_of_32_bits(row, task):
    """Whether the server averages weights as they are although fewer bits are paid for."""
    fed = first_state(task)
    drawn = stream(9, "weights to tell").normal(0, 0.1, fed.weights.shape).astype(np.float32)
    mean = row.uplink.average(replace(fed, weights=drawn), task, np.arange(task.n_devices) == 0)
    paid = row.uplink.bits(task.settings, task.network)
    return np.shape(mean) == fed.server.shape and paid < 32 * mean.size and np.allclose(mean, drawn[0], 0, 1e-7)


def points_above_mixfld(my_protocol):
    """Accuracy of a row of one's own that uploads no more bits than MixFLD."""
    row = my_protocol()
    if not isinstance(row, Protocol):
        raise Refused(f"that is {kind(row)}; a Protocol is wanted: start from replace(PROTOCOLS[...], ...).")
    try:
        check_playable(row, tasks()[0])
        sent = row.collect(tasks()[0])
        if sent is not None and (min(sent.ratio, 1 - sent.ratio) < 0.1 or np.any(sent.first == sent.second)):
            raise Refused("raw samples stay at home, and so do blends with less than a tenth of another sample.")
        accuracy, bits = accuracy_of_row(row)
    except InputError as refusal:
        raise Refused(str(refusal)) from None
    if bits > bits_of_mixfld():
        raise Refused(f"it uploads {bits:,} bits; MixFLD needs {bits_of_mixfld():,} for the same rounds.")
    if reads_all_of_32_bits(row, tasks()[0]):
        raise Refused("its server averages weights as 32 bits tell them, and they are not paid for: round them.")
    return accuracy


EXERCISES = {
    "09.1": Row(
        row_of_16_bits,
        [()],
        hints=(
            "two cells of the *payload* change, not of the row: bits, and average.",
            "inside average, replace(fed, weights=...) makes a federation of rounded weights; WEIGHTS.average does the "
            "rest.",
        ),
    ),
    "09.2": Number(
        10 * 3_200 + 7 * 62_720,
        hints=(
            "what does every device upload in every round, and what does a device upload until it has arrived once?",
            "ten times 32 * 10^2 bits, and 10 * 6,272 bits more from each that still owes its seed samples.",
        ),
        mistakes=[
            (32_000, "those that failed have not yet got rid of their seed samples."),
            (3 * 3_200 + 7 * 62_720, "whoever sends seed samples sends the outputs of this round as well."),
            (659_200, "the server already has the seed samples of three devices."),
            (7 * 65_920, "the three that delivered upload again, too: their new average outputs."),
            (9_600, "the seven that failed try again."),
            (7 * 3_200 + 3 * 65_920, "the other way round: who owes seed samples, those that delivered or the others?"),
            (32_000 + 7 * 313_600, "that is for 50 seed samples; here it is 10."),
        ],
    ),
    "09.3": Letters(
        "AB",
        last="F",
        hints=(
            "which lines of Algorithm 1 happen before the upload?",
            "devices train before they know that their upload will fail; nobody's average is not made.",
        ),
    ),
    "09.4": Number(
        345_600 / 125_440,
        hints=(
            "how many bits does a device of Mix2FLD upload in ten rounds? Seed samples travel once.",
            "divide 10 * 3,200 + 313,600 by ten times 12,544.",
        ),
        mistakes=[
            (27.55, "that spends in one round what has to last for ten."),
            (0.7551, "that is for ten seed samples."),
            (2.5, "the outputs cost bits too."),
            (25.26, "that is round 1 alone."),
            (125_440 / 345_600, "the other way round: bits over weights."),
        ],
    ),
    "09.5": Open(
        points_above_mixfld,
        best=89.3,
        unit="the mean accuracy at both moments, in %",
        margin=0.01,
        hints=(
            "FL of six bits a weight costs less than MixFLD here, and Mix2FLD as much. And what does computing cost?",
            "bits are counted, iterations are not: write a reply that calls distilled with a task of other settings.",
        ),
    ),
}
