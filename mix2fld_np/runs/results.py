"""A finished run: what figures, claims and sweeps read of it."""

from dataclasses import dataclass

from mix2fld_np.federation.protocols import Protocol, notices
from mix2fld_np.federation.simulation import Progress
from mix2fld_np.federation.task import Task


@dataclass(frozen=True)
class RunResult:
    """All that is kept of a finished run; plain values, which a JSON file gives back as they were."""

    rounds: list[dict]  # the rows of rounds.csv
    curve: list[list[float]]  # [elapsed seconds, test accuracy of the reference device]
    device_accuracies: list[float] | None  # of every device after the last local update, where asked for
    notices: list[str]  # what a reader ought to know about this run

    @property
    def accuracy(self) -> float:
        """Final accuracy: the reference device after its last local update."""
        return self.rounds[-1]["reference_accuracy"]

    @property
    def best_accuracy(self) -> float:
        """The highest accuracy of the reference device at any evaluation."""
        return max(accuracy for _, accuracy in self.curve)

    @property
    def server_accuracy(self) -> float | None:
        """Test accuracy of the last global model that the server sent; None where it never sent one."""
        return next((row["server_accuracy"] for row in reversed(self.rounds) if row["server_accuracy"] is not None), None)

    @property
    def criterion_s(self) -> float | None:
        """Seconds at the end of the round that met the stop criterion first, or None."""
        return next((row["elapsed_s"] for row in self.rounds if row["converged"]), None)

    @property
    def elapsed_s(self) -> float:
        """Convergence time of all rounds: airtime and compute."""
        return self.rounds[-1]["elapsed_s"]

    @property
    def airtime_s(self) -> float:
        """Seconds of all rounds on the air."""
        return self.total("airtime_s")

    @property
    def compute_s(self) -> float:
        """Seconds of all rounds spent computing."""
        return self.total("compute_s")

    @property
    def uplink_bits(self) -> int:
        """Bits that all devices asked of the uplink."""
        return int(self.total("uplink_bits"))

    @property
    def uplink_delivered(self) -> int:
        """Uploads that arrived."""
        return int(self.total("uplink_delivered"))

    @property
    def model_accuracy(self) -> float:
        """Accuracy as downloaded: of the last global model, or of the reference device itself where none was ever sent."""
        return self.accuracy if self.server_accuracy is None else self.server_accuracy

    @property
    def server_samples(self) -> int | None:
        """Samples that the server learned from when it did last, 0 where it never did; None where it never distils."""
        counts = [row["server_samples"] for row in self.rounds]
        return next((n for n in reversed(counts) if n), counts[-1])

    @property
    def server_samples_wanted(self) -> int | None:
        """Samples that the server was to learn from; None where it never distils."""
        return self.rounds[-1]["server_samples_wanted"]

    def total(self, column: str, n_rounds: int | None = None) -> float:
        """Sum of a column over the first rounds, by default all."""
        return sum(row[column] for row in self.rounds[:n_rounds])


def result_of(protocol: Protocol, end: Progress, task: Task) -> RunResult:
    """What is kept of a run that stands at its end."""
    return RunResult(
        rounds=list(end.rounds),
        curve=[list(point) for point in end.curve],
        device_accuracies=None if end.device_accuracies is None else list(end.device_accuracies),
        notices=notices(protocol, task),
    )
