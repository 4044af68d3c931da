"""Results of runs that nobody played, as plain as the claims and averages that are made of them."""

from mix2fld_np.runs.results import RunResult


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
        **changes,
    }


def made_up_rows(columns):
    """Rows of rounds.csv with the columns [value in round 1, value in round 2, ...] that are given."""
    n_rounds = max(map(len, columns.values()))
    return [made_up_row(k + 1, **{name: values[k] for name, values in columns.items()}) for k in range(n_rounds)]


def made_up_run(
    accuracy=0.9, elapsed_s=10.0, criterion_s=None, airtime_s=1.0, compute_s=None, bits=(100,) * 10, model_accuracy=None
):
    """A run that climbs in a straight line from nothing; all of its airtime and compute stands in its first round."""
    compute_s = elapsed_s - 1 if compute_s is None else compute_s
    later, n = [0.0] * (len(bits) - 1), len(bits)
    rows = made_up_rows({
        "uplink_bits": bits,
        "airtime_s": [airtime_s, *later],
        "compute_s": [compute_s, *later],
        "elapsed_s": [elapsed_s if criterion_s is None else criterion_s, *(elapsed_s for _ in later)],
        "converged": [criterion_s is not None] * n,
        "reference_accuracy": [accuracy] * n,
        "server_accuracy": [model_accuracy] * n,
    })  # fmt: skip
    curve = [*([elapsed_s * k / 10, accuracy * k / 10] for k in range(10)), [elapsed_s, accuracy]]
    return made_up_result(rows, curve)


def made_up_result(rows, curve, trained=(0.9,) * 10, downloaded=None):
    """A result whose devices, tested on 100 images of each of two labels, have these accuracies at both moments."""
    moments = {"trained": trained, "downloaded": trained if downloaded is None else downloaded}
    tests = {moment: [made_up_test(value) for value in values] for moment, values in moments.items()}
    return RunResult(rows, curve, tests, None, [1_000, 1_000], 0, [])


def made_up_test(accuracy):
    """A test with this accuracy, to a hundredth of a per cent."""
    right = round(2_000 * accuracy)
    return {"correct": [right // 2, right - right // 2], "loss": 0.5}
