"""A finished run: what figures, claims and sweeps read of it."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from mix2fld_np.federation.protocols import Protocol, notices
from mix2fld_np.federation.simulation import MOMENTS, Progress
from mix2fld_np.federation.task import Task

WHOLE, NUMBER, MAYBE_WHOLE, MAYBE_NUMBER = (int,), (int, float), (int, type(None)), (float, type(None))
COLUMNS: dict[str, tuple[tuple[type, ...], float]] = {  # of rounds.csv: type and least value that a round gives
    "round": (WHOLE, 1),
    "uplink_bits": (WHOLE, 0),
    "downlink_bits": (WHOLE, 0),
    "uplink_slots": (WHOLE, 0),
    "downlink_slots": (WHOLE, 0),
    "uplink_delivered": (WHOLE, 0),
    "downlink_delivered": (WHOLE, 0),
    "airtime_s": (NUMBER, 0),
    "compute_s": (NUMBER, 0),
    "elapsed_s": (NUMBER, 0),
    "server_samples": (MAYBE_WHOLE, 0),
    "server_samples_wanted": (MAYBE_WHOLE, 0),
    "server_accuracy": (MAYBE_NUMBER, 0),
    "server_loss": (MAYBE_NUMBER, 0),
    "reference_accuracy": ((float,), 0),
    "reference_loss": ((float,), 0),
    "downloaded_accuracy": ((float,), 0),
    "downloaded_loss": ((float,), 0),
    "relative_change": (MAYBE_NUMBER, 0),
    "converged": ((bool,), 0),
    "uplink_energy_j": (MAYBE_NUMBER, 0),
    "downlink_energy_j": (MAYBE_NUMBER, 0),
}
MOST = 1e300  # so that sums do not overflow


@dataclass(frozen=True)
class RunResult:
    """All that is kept of a finished run; plain values, which a JSON file gives back as they were."""

    rounds: list[dict]  # the rows of rounds.csv
    curve: list[list[float]]  # [elapsed seconds, test accuracy of the reference device]
    devices: dict[str, list[dict]]  # by moment, for each device: right answers per label ("correct") and mean "loss"
    server: dict | None  # the same for the last global model; None where there was none
    n_test: list[int]  # test images of each label
    reference: int  # the device of the learning curve
    notices: list[str]  # what a reader ought to know about this run
    models: dict[str, str] | None = None  # weights of "devices" and, where there is one, "server"; where asked for

    def weights(self, whose: str) -> np.ndarray | None:
        """The last global model ("server") as a flat vector (N_mod,), or all "devices" (D, N_mod), in Network's order.

        As the run ended, after the last download; None where there is none, or where models were not asked for.
        """
        packed = (self.models or {}).get(whose)
        flat = None if packed is None else np.frombuffer(base64.b64decode(packed), "<f4").astype(np.float32)
        return flat if flat is None or whose == "server" else flat.reshape(len(self.devices["trained"]), -1)

    def accuracies(self, moment: str) -> list[float]:
        """Test accuracy of every device (D,) in the last round: "trained" by it, or "downloaded" at its end."""
        return [sum(test["correct"]) / sum(self.n_test) for test in self.devices[moment]]

    def mean_accuracy(self, moment: str) -> float:
        """Mean over all devices."""
        return fmean(self.accuracies(moment))

    def total(self, column: str, n_rounds: int | None = None) -> Any:
        """Sum of a column over the first rounds, by default all; None for one that came later than a stored run."""
        values = [row[column] for row in self.rounds[:n_rounds]]
        return None if None in values else sum(values)

    trained = property(lambda run: run.mean_accuracy("trained"))
    downloaded = property(lambda run: run.mean_accuracy("downloaded"))
    accuracy = property(lambda run: run.rounds[-1]["reference_accuracy"])  # final, after the last local update
    elapsed_s = property(lambda run: run.rounds[-1]["elapsed_s"])  # convergence time of all rounds
    airtime_s = property(lambda run: run.total("airtime_s"))
    compute_s = property(lambda run: run.total("compute_s"))
    uplink_bits = property(lambda run: run.total("uplink_bits"))  # asked of the uplink by all devices
    uplink_energy_j = property(lambda run: run.total("uplink_energy_j"))  # radiated by all devices
    accuracy_per_joule = property(lambda run: run.trained / run.uplink_energy_j if run.uplink_energy_j else None)
    uplink_delivered = property(lambda run: run.total("uplink_delivered"))  # uploads that arrived
    server_samples_wanted = property(lambda run: run.rounds[-1]["server_samples_wanted"])  # None: it never distils

    @property
    def best_accuracy(self) -> float:
        """The highest accuracy of the reference device at any evaluation."""
        return max(accuracy for _, accuracy in self.curve)

    @property
    def server_accuracy(self) -> float | None:
        """Test accuracy of the last global model that the server sent; None where it never sent one."""
        accuracies = [row["server_accuracy"] for row in reversed(self.rounds)]
        return next((accuracy for accuracy in accuracies if accuracy is not None), None)

    @property
    def criterion_s(self) -> float | None:
        """Seconds at the end of the round that met the stop criterion first, or None."""
        return next((row["elapsed_s"] for row in self.rounds if row["converged"]), None)

    @property
    def server_samples(self) -> int | None:
        """Samples that the server learned from when it did last, 0 where it never did; None where it never distils."""
        counts = [row["server_samples"] for row in self.rounds]
        return next((n for n in reversed(counts) if n), counts[-1])


def result_of(protocol: Protocol, end: Progress, task: Task, models: str = "none") -> RunResult:
    """What is kept of a run that stands at its end."""
    assert end.devices is not None, "the last round tests every device"
    curve, notes = [list(point) for point in end.curve], notices(protocol, task)
    kept = None if models == "none" else models_of(protocol, end, task, models)
    return RunResult(list(end.rounds), curve, end.devices, end.server, label_counts(task), task.reference, notes, kept)


def models_of(protocol: Protocol, end: Progress, task: Task, which: str) -> dict[str, str]:
    """The weights at the end of a run as text, the global model's as they were sent."""
    fed, arrays = end.fed, {"devices": end.fed.weights} if which == "all" else {}
    if end.server is not None:  # an average of weights as it is, or else the server's own model
        model = fed.server if fed.mean is None or fed.mean.shape != fed.server.shape else fed.mean
        arrays["server"] = protocol.downlink.rounded(model, task)
    return {whose: base64.b64encode(array.astype("<f4").tobytes()).decode() for whose, array in arrays.items()}


def label_counts(task: Task) -> list[int]:
    """Test images of each label."""
    return np.bincount(task.data.test_labels, minlength=task.data.n_labels).tolist()


def check_result(content: dict, identity: dict) -> None:
    """Any exception where plain content is not what such a run leaves."""
    result, settings = RunResult(**content), identity["settings"]
    D = settings["n_devices"]
    check_history(result, result.n_test)
    if not all(is_value(n, WHOLE, 0) for n in result.n_test) or not sum(result.n_test):
        raise ValueError("no test images")
    if set(result.devices) != set(MOMENTS) or any(len(tests) != D for tests in result.devices.values()):
        raise ValueError("tests that are not those of every device at both moments")
    if not is_value(result.reference, WHOLE, 0) or result.reference >= D:
        raise ValueError(f"reference device {result.reference} of {D}")
    n_rounds, may_stop = len(result.rounds), settings["stop_when_converged"]
    if n_rounds != settings["n_rounds"] and not (may_stop and result.rounds[-1]["converged"]):
        raise ValueError(f"{n_rounds} rounds of {settings['n_rounds']}")
    if result.models is not None and not set(result.models) <= {"devices", "server"}:
        raise ValueError("models of somebody else")
    for whose in result.models or {}:
        weights = result.weights(whose)
        if weights is None or not np.isfinite(weights).all():
            raise ValueError("weights that are not finite")
    if not all(isinstance(notice, str) for notice in result.notices):
        raise ValueError("a notice that is no sentence")


def completed_rows(rows: Sequence[dict]) -> list[dict]:
    """Stored rows of rounds, with None in columns that came later than they."""
    return [row | {name: row.get(name) for name in ("uplink_energy_j", "downlink_energy_j")} for row in rows]


def check_history(run: RunResult | Progress, n_test: Sequence[int]) -> None:
    """Any exception unless rows, curve and tests are such as rounds leave: one row for each round."""
    for number, row in enumerate(run.rounds, 1):
        wrong = [name for name, (kinds, least) in COLUMNS.items() if not is_value(row[name], kinds, least)]
        if wrong or set(row) != set(COLUMNS) or row["round"] != number:
            raise ValueError(f"round {number} with a wrong {', '.join(wrong) or 'number or column'}")
    distils = {row[name] is not None for row in run.rounds for name in ("server_samples", "server_samples_wanted")}
    if len(distils) > 1:
        raise ValueError("a server that distils now and then")
    if not run.rounds or not run.curve or not all(len(point) == 2 and are_numbers(point) for point in run.curve):
        raise ValueError("a curve that is none")
    of_devices = [] if run.devices is None else [test for tests in run.devices.values() for test in tests]
    for test in of_devices if run.server is None else [run.server, *of_devices]:
        right = zip(test["correct"], n_test, strict=True)
        if set(test) != {"correct", "loss"} or not all(is_value(n, WHOLE, 0) and n <= most for n, most in right):
            raise ValueError("a test with other than right answers for each label")
        if not are_numbers([test["loss"]]):
            raise ValueError("a loss that is no number")


def are_numbers(values: Sequence) -> bool:
    """Whether all of these are numbers in floating point, zero or more."""
    return all(is_value(value, (float,), 0) for value in values)


def is_value(value: Any, kinds: tuple[type, ...], least: float) -> bool:
    """Whether this is of one of these types and, where it is a number, neither too small nor too large."""
    return type(value) in kinds and (value is None or least <= value <= MOST)
