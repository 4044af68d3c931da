"""Results of runs that nobody played, as plain as the claims and averages that are made of them."""

import math
from dataclasses import replace

import numpy as np

from mix2fld_np.claims import findings
from mix2fld_np.claims.measures import Results
from mix2fld_np.claims.stored_figures import StoredFigure
from mix2fld_np.federation.settings import SPLITS
from mix2fld_np.runs.results import RunResult
from mix2fld_np.study import figures as letter

N_IMAGES = 10**12  # test images of a label, so that accuracies are what they were made of


def made_up_row(number=1, **changes):
    """A row of rounds.csv."""
    return {
        "round": number,
        "uplink_bits": 1_000,
        "downlink_bits": 1_000,
        "uplink_slots": 1,
        "downlink_slots": 1,
        "uplink_delivered": 10,
        "downlink_delivered": 10,
        "airtime_s": 0.0,
        "compute_s": 0.0,
        "elapsed_s": 1.0,
        "server_samples": None,
        "server_samples_wanted": None,
        "server_accuracy": None,
        "server_loss": None,
        "reference_accuracy": 0.9,
        "reference_loss": 0.3,
        "downloaded_accuracy": 0.9,
        "downloaded_loss": 0.3,
        "relative_change": None,
        "converged": False,
        "uplink_energy_j": 0.02,
        "downlink_energy_j": 0.1,
        **changes,
    }


def made_up_rows(columns):
    """Rows of rounds.csv with the columns [value in round 1, value in round 2, ...] that are given."""
    n_rounds = max(map(len, columns.values()))
    return [made_up_row(k + 1, **{name: values[k] for name, values in columns.items()}) for k in range(n_rounds)]


def made_up_run(
    accuracy=0.9, elapsed_s=10.0, criterion_s=None, airtime_s=1.0, compute_s=None, bits=(100,) * 10, downloaded=None,
    n_devices=10, reference=0,
):  # fmt: skip
    """A run that climbs in a straight line from nothing; all of its airtime and compute stands in its first round.

    Final accuracies, after the last local update and as downloaded, are one number for all devices or one for each.
    """
    trained = np.broadcast_to(accuracy, n_devices)
    received = trained if downloaded is None else np.broadcast_to(downloaded, n_devices)
    compute_s = elapsed_s - 1 if compute_s is None else compute_s
    later, n, final = [0.0] * (len(bits) - 1), len(bits), float(trained[reference])
    rows = made_up_rows({
        "uplink_bits": bits,
        "airtime_s": [airtime_s, *later],
        "compute_s": [compute_s, *later],
        "elapsed_s": [elapsed_s if criterion_s is None else criterion_s, *(elapsed_s for _ in later)],
        "converged": [criterion_s is not None] * n,
        "reference_accuracy": [final] * n,
        "downloaded_accuracy": [float(received[reference])] * n,
    })  # fmt: skip
    curve = [*([elapsed_s * k / 10, final * k / 10] for k in range(10)), [elapsed_s, final]]
    return made_up_result(rows, curve, trained, received, reference)


def made_up_result(rows, curve, trained=(0.9,) * 10, downloaded=None, reference=0):
    """A result whose devices have these accuracies at both moments."""
    moments = {"trained": trained, "downloaded": trained if downloaded is None else downloaded}
    tests = {moment: [made_up_test(value) for value in values] for moment, values in moments.items()}
    return RunResult(rows, curve, tests, None, [N_IMAGES] * 10, reference, [])


def made_up_test(accuracy):
    """A test with this accuracy, the same for every label."""
    return {"correct": [round(accuracy * N_IMAGES)] * 10, "loss": 0.5}


def made_up_results(run=lambda panel, label, seed: made_up_run(), n_seeds=2, ends=None, **changes) -> Results:
    """Results in which every run is `run(panel, label, seed)`, and accuracy grows with the devices.

    `ends` are mean and standard deviation over devices by (split, number of devices).
    """
    settings, seeds = replace(letter.FIGURES, **changes), tuple(range(n_seeds))
    runs = {(panel.name, curve.label, seed): run(panel.name, curve.label, seed)
            for panel in letter.PANELS for curve in letter.CURVES for seed in seeds}  # fmt: skip
    threes = {}
    for split in SPLITS:
        for n in letter.N_DEVICES:
            mean, spread = (ends or {}).get((split, n), (0.8 + 0.001 * n, 0.1 / math.sqrt(n)))
            around = np.resize([1, -1], n) * spread * math.sqrt((n - 1) / n)  # of this sample standard deviation
            threes |= {(split, n, seed): made_up_run(mean + around, n_devices=n) for seed in seeds}
    return Results(StoredFigure(settings, "mnist", seeds, runs), StoredFigure(settings, "mnist", seeds, threes))


def of_claim(words, results):
    """The rows of the one claim whose sentence holds the words, of results or of their findings."""
    rows = findings.findings(results) if isinstance(results, Results) else results
    found = [row for row in rows if words in row["sentence"]]
    assert found and len({row["claim"] for row in found}) == 1
    return found
