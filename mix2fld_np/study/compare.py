"""`compare`: the protocols side by side on one task; which runs that needs, and the rows that come out."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TypeVar

from mix2fld_np.federation.settings import CHANNELS, Settings
from mix2fld_np.runs.jobs import Job, Source
from mix2fld_np.runs.results import RunResult
from mix2fld_np.study.averages import Average, average

Name = TypeVar("Name", bound=Hashable)


def compare_jobs(protocols: list[str], settings: Settings, source: Source, seeds: Sequence[int]) -> list[Job]:
    """One run for each protocol and seed, all on the same task."""
    return [Job(f"{protocol}-seed{seed}", protocol, settings, source, seed) for seed in seeds for protocol in protocols]


def round_rows(places: Sequence[dict], results: Sequence[RunResult]) -> list[dict]:
    """One row for each run and round, beginning with the place of the run."""
    return [place | row for place, result in zip(places, results, strict=True) for row in result.rounds]


def curve_rows(places: Sequence[dict], results: Sequence[RunResult]) -> list[dict]:
    """One row for each test of a reference device, beginning with the place of the run."""
    return [
        place | {"elapsed_s": seconds, "accuracy": accuracy}
        for place, result in zip(places, results, strict=True)
        for seconds, accuracy in result.curve
    ]


def label_rows(places: Sequence[dict], results: Sequence[RunResult]) -> list[dict]:
    """One row for each run, moment, device and label: test accuracy; label None stands for all labels together."""
    return [
        place | {"moment": moment, "device": device, "label": label, "accuracy": right / n if n else None}
        for place, result in zip(places, results, strict=True)
        for moment, tests in result.devices.items()
        for device, test in enumerate(tests)
        for label, right, n in [
            *((label, right, n) for label, (right, n) in enumerate(zip(test["correct"], result.n_test, strict=True))),
            (None, sum(test["correct"]), sum(result.n_test)),
        ]
    ]


def with_channel(settings: Settings, channel: str) -> Settings:
    """The settings under the letter's asymmetric or symmetric channel."""
    return replace(settings, uplink_power_dbm=CHANNELS[channel])


@dataclass(frozen=True)
class Summary:
    """What a reader wants to know of one protocol under one choice of settings, over its seeds."""

    protocol: str
    settings: Settings
    runs: tuple[RunResult, ...]  # one for each seed

    @property
    def n_rounds(self) -> int:
        """Rounds that were played under every seed."""
        return min(len(run.rounds) for run in self.runs)

    def over(self, quantity: str) -> Average:
        """The average over seeds of a property of `RunResult`."""
        return average(getattr(run, quantity) for run in self.runs)

    @property
    def outage_rate(self) -> float:
        """Share of the uploads that were lost."""
        attempts = sum(self.settings.n_taking_part * len(run.rounds) for run in self.runs)
        return 1 - sum(run.uplink_delivered for run in self.runs) / attempts

    @property
    def n_downloads(self) -> int:
        """Downloads that arrived, of all devices, rounds and seeds."""
        return int(sum(run.total("downlink_delivered") for run in self.runs))

    @property
    def server_samples_wanted(self) -> int | None:
        """How many samples the server was to learn from; None where it never distils."""
        return self.runs[0].server_samples_wanted

    def as_json(self) -> dict:
        """As summary.json holds it."""
        return {
            "n_seeds": len(self.runs),
            "n_rounds": self.n_rounds,
            **self.over("downloaded").columns("devices_downloaded"),
            **self.over("trained").columns("devices_trained"),
            **self.over("accuracy").columns("final_accuracy"),
            "final_accuracies": [run.accuracy for run in self.runs],
            **self.over("best_accuracy").columns("best_accuracy"),
            **self.over("server_accuracy").columns("server_accuracy"),
            "total_uplink_bits": self.over("uplink_bits").mean,
            "uplink_energy_j": self.over("uplink_energy_j").mean,
            "accuracy_per_joule": self.over("accuracy_per_joule").mean,
            "outage_rate": self.outage_rate,
            "downloads": self.n_downloads,
            "server_samples": self.over("server_samples").mean,
            "server_samples_wanted": self.server_samples_wanted,
            **self.over("criterion_s").columns("time_to_criterion_s"),
            "elapsed_s": self.over("elapsed_s").mean,
            "airtime_s": self.over("airtime_s").mean,
        }


def summaries(names: Sequence[Name], jobs: Sequence[Job], results: Sequence[RunResult]) -> dict[Name, Summary]:
    """One summary for each name, in the order of the jobs; jobs of one name differ in their seeds only."""
    found: dict[Name, Summary] = {}
    for name, job, result in zip(names, jobs, results, strict=True):
        before = found[name].runs if name in found else ()
        found[name] = Summary(job.protocol, job.settings, (*before, result))
    return found


def bits_relative_to(theirs: Summary, ours: Summary) -> float:
    """Our uplink bits as a share of theirs, over the rounds that both played under every seed."""
    n_rounds = min(ours.n_rounds, theirs.n_rounds)
    our_bits, their_bits = (fmean(run.total("uplink_bits", n_rounds) for run in one.runs) for one in (ours, theirs))
    return our_bits / their_bits
