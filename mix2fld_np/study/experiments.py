"""The experiments: which runs they need and the rows that come out; figures draw rows, tables print them."""

from collections.abc import Iterable
from dataclasses import replace
from statistics import fmean, stdev

from mix2fld_np.federation import seeds
from mix2fld_np.federation.protocols import TABLE, Protocol, seed_bits
from mix2fld_np.federation.settings import CHANNELS, Settings
from mix2fld_np.nn.network import Network
from mix2fld_np.study.jobs import Job, Source
from mix2fld_np.wireless import channel


def compare_jobs(protocols: list[str], settings: Settings, source: Source, seeds: list[int]) -> list[Job]:
    """One run for each protocol and seed, all on the same task."""
    return [Job(f"{protocol}-seed{seed}", protocol, settings, source, seed) for seed in seeds for protocol in protocols]


def round_rows(jobs: list[Job], results: list[dict]) -> list[dict]:
    """One row for each protocol, seed and round."""
    runs = zip(jobs, results, strict=True)
    return [{"protocol": job.protocol, "seed": job.seed, **row} for job, result in runs for row in result["rounds"]]


def curve_rows(jobs: list[Job], results: list[dict]) -> list[dict]:
    """One row for each look at the reference device."""
    return [
        {"protocol": job.protocol, "seed": job.seed, "elapsed_s": seconds, "accuracy": accuracy}
        for job, result in zip(jobs, results, strict=True)
        for seconds, accuracy in result["curve"]
    ]


def summaries(jobs: list[Job], results: list[dict]) -> dict[str, dict]:
    """What a reader wants to know of each protocol, over its seeds; relative bits are null where FL did not run."""
    by_protocol: dict[str, list[dict]] = {}
    for job, result in zip(jobs, results, strict=True):
        by_protocol.setdefault(job.protocol, []).append(result)
    found = {name: summary(runs, jobs[0].settings.n_devices) for name, runs in by_protocol.items()}
    for name in found:
        found[name]["uplink_bits_relative_to_fl"] = (
            found[name]["total_uplink_bits"] / found["FL"]["total_uplink_bits"] if "FL" in found else None
        )
    return found


def summary(runs: list[dict], n_devices: int) -> dict:
    """One protocol over its seeds. Final accuracy: the reference device after the last round's local update."""
    final = [run["rounds"][-1]["reference_accuracy"] for run in runs]
    server = [run["rounds"][-1]["server_accuracy"] for run in runs]
    reached = [time_to_criterion(run) for run in runs]
    attempts = sum(n_devices for run in runs for _ in run["rounds"])
    return {
        "final_accuracy_mean": fmean(final),
        "final_accuracy_spread": spread_over_seeds(final),
        "final_accuracies": final,
        "best_accuracy": max(accuracy for run in runs for _, accuracy in run["curve"]),
        "server_accuracy": mean_or_none(server),
        "total_uplink_bits": fmean(sum(row["uplink_bits"] for row in run["rounds"]) for run in runs),
        "outage_rate": 1 - sum(row["uplink_delivered"] for run in runs for row in run["rounds"]) / attempts,
        "time_to_criterion_s": mean_or_none(reached),
        "elapsed_s": fmean(run["rounds"][-1]["elapsed_s"] for run in runs),
        "airtime_s": fmean(sum(row["airtime_s"] for row in run["rounds"]) for run in runs),
    }


def time_to_criterion(run: dict) -> float | None:
    """Elapsed seconds at the end of the round that met the stop criterion first, or None."""
    return next((row["elapsed_s"] for row in run["rounds"] if row["converged"]), None)


def spread_over_seeds(values: Iterable[float]) -> float:
    """Standard deviation over the seeds, as an estimate from few of them; zero for one seed, which tells of no spread."""
    known = list(values)
    return stdev(known) if len(known) > 1 else 0.0


def mean_or_none(values: list[float | None]) -> float | None:
    """The mean, or None if a value is missing."""
    known = [value for value in values if value is not None]
    return fmean(known) if len(known) == len(values) and known else None


def with_channel(settings: Settings, channel: str) -> Settings:
    """The settings under the letter's asymmetric or symmetric channel."""
    return replace(settings, uplink_power_dbm=CHANNELS[channel])


# --- the channel in closed form --------------------------------------------------------------------------------------------------------


def channel_rows(settings: Settings, seed_samples: list[int]) -> list[dict]:
    """One row for each protocol, direction and N_S: bits, slots needed, mean latency, outage; first round, later rounds apart."""
    rows = []
    for protocol in TABLE:
        if protocol.collect is not seeds.nothing:
            rows += [channel_row(protocol, settings, "up, first round", n_seed) for n_seed in seed_samples]
            rows.append(channel_row(protocol, settings, "up, later", 0))
        else:
            rows.append(channel_row(protocol, settings, "up", 0))
        rows.append(channel_row(protocol, settings, "down", 0))
    return rows


def channel_row(protocol: Protocol, settings: Settings, direction: str, n_seed: int) -> dict:
    """The closed forms for one payload."""
    network = Network(filters=settings.filters)
    link, load = (settings.downlink, protocol.downlink) if direction == "down" else (settings.uplink, protocol.uplink)
    bits = load.bits(settings, network)
    if n_seed:
        n_inverse = max(n_seed, settings.n_inverse_samples)
        bits += seed_bits(protocol, replace(settings, n_seed_samples=n_seed, n_inverse_samples=n_inverse), network)
    return {
        "protocol": protocol.name,
        "direction": direction,
        "N_S": n_seed,
        "bits": bits,
        "slots": channel.slots_needed(link, bits),
        "mean_latency_slots": channel.mean_latency_slots(link, bits),
        "outage": channel.outage_probability(link, bits),
        "any_outage": channel.slowest_outage_probability(link, bits, settings.n_devices),
        "mean_airtime_slots": channel.mean_airtime_slots(link, bits, settings.n_devices),
    }
