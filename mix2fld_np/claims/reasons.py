"""What a measured number depends on, said with the numbers of the runs: one sentence each."""

from collections.abc import Callable, Sequence
from statistics import fmean

import numpy as np

from mix2fld_np.claims.measures import Results, of_results
from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.mixing import pairing
from mix2fld_np.randomness import stream
from mix2fld_np.runs.results import RunResult
from mix2fld_np.study.figures import CURVES, SEED_SAMPLES
from mix2fld_np.wireless.channel import slots_needed

Reason = Callable[[Results], str]


def runs_of(results: Results, protocol: str, panels: Sequence[str]) -> list[RunResult]:
    """All runs of a protocol in some panels."""
    labels = {curve.label for curve in CURVES if curve.protocol == protocol}
    return [run for (panel, label, _), run in results.two.runs.items() if panel in panels and label in labels]


def fl_upload_slots(results: Results) -> float:
    """Slots that an upload of FL needs at least."""
    settings = results.two.settings
    bits = runs_of(results, "FL", ["b"])[0].rounds[0]["uplink_bits"] // settings.n_devices
    return float(slots_needed(settings.uplink, bits))


def upload_slots(results: Results) -> str:
    """Whether the printed T_max rules FL out."""
    needed, printed = fl_upload_slots(results), PRINTED.max_slots
    can = "can never arrive" if needed > printed else "can arrive"
    here = f"here T_max = {results.two.settings.max_slots}"
    return f"An upload of FL takes {needed:g} slots: it {can} within the printed T_max = {printed}; {here}."


@of_results
def lost_uploads(results: Results, panels: Sequence[str]) -> str:
    """How many uploads of FL arrived, and how accurate it is where none did, which is Local, and where some did."""
    runs = runs_of(results, "FL", panels)
    n_sent = sum(len(run.rounds) for run in runs) * results.two.settings.n_devices
    said = [f"{100 * sum(run.uplink_delivered for run in runs) / n_sent:.1f} % of FL's uploads arrived."]
    for panel in panels:
        own = runs_of(results, "FL", [panel])
        alone, others = ([run for run in own if bool(run.uplink_delivered) == got] for got in (False, True))
        if alone:
            said.append(f"Panel {panel}: where none did, FL is Local, every device alone, {both_moments(alone)}")
            said[-1] += f"; where some did, {both_moments(others)}." if others else "."
    return " ".join(said)


@of_results
def criterion(results: Results, panels: Sequence[str], *protocols: str) -> str:
    """In how many runs the stop criterion was met."""
    met = {name: [run.criterion_s is not None for run in runs_of(results, name, panels)] for name in protocols}
    counts = ", ".join(f"{name} in {sum(runs)} of {len(runs)} runs" for name, runs in met.items())
    return f"Criterion met by {counts}; a run that never met it counts with its full time, which is a bound."


@of_results
def time_of_a_round(results: Results, panels: Sequence[str], *protocols: str) -> str:
    """Airtime and compute of a round, and what compute assumes."""
    parts, s = [], results.two.settings
    for name in protocols:
        runs = runs_of(results, name, panels)
        both = (fmean(getattr(run, of) / len(run.rounds) for run in runs) for of in ("airtime_s", "compute_s"))
        parts.append(f"{name} {' s + '.join(f'{seconds:.3f}' for seconds in both)} s")
    device, server = (f"{1e6 * seconds:g} us" for seconds in (s.device_s_per_iteration, s.server_s_per_iteration))
    compute = "measured here" if s.stopwatch else f"an assumption: {device} a step of a device, {server} of the server"
    return f"Airtime and compute of a round: {', '.join(parts)}. Compute is {compute}."


def rounds_played(results: Results) -> str:
    """Over how many rounds bits were counted."""
    fewest, *_, most = sorted([len(run.rounds) for run in results.two.runs.values()])
    over = f"{fewest} to {most}" if fewest < most else f"{fewest}"
    return (
        f"An average over {over} rounds, of which the first sends seed samples. With N_S = 10, 42.4x is true for "
        f"{PRINTED.n_rounds} rounds alone; with N_S as large as the number of rounds, for any."
    )


def uploads_used(results: Results) -> str:
    """How many uploads inverse-Mixup uses for each (N_S, N_I), where the settings alone say it."""
    D, seeds = results.two.settings.n_devices, results.two.seeds
    if results.two.settings.pairing != "scheduled":
        return "Label pairs are random: many uploads have no partner, and a larger N_I uses more of those that have."
    n_labels, used = len(next(iter(results.two.runs.values())).n_test), []
    for n_seed, n_inverse in SEED_SAMPLES:
        mean = fmean(n_used(D, n_seed, n_inverse, n_labels, seed) for seed in seeds)
        used.append(f"{(n_seed, n_inverse)} {mean:.0f} of {D * n_seed}")
    return f"Uploads behind the inverse samples, means over seeds: (N_S, N_I) = {', '.join(used)}."


def n_used(n_devices: int, n_seed: int, n_inverse: int, n_labels: int, seed: int) -> int:
    """How many scheduled uploads are behind the inverse samples that the server makes under one seed."""
    wanted = pairing.schedule(n_devices, n_seed, n_inverse, n_labels, stream(seed, "schedule"))
    first, second = wanted.reshape(-1, 2).T
    pairs = pairing.symmetric_pairs(first, second, np.arange(n_devices).repeat(n_seed), 16)
    rng = stream(seed, "pairs of seed samples")
    return len(np.unique(pairing.choose_pairs(pairs, first, second, n_devices * n_inverse, rng)))


@of_results
def mean_accuracies(results: Results, panels: Sequence[str], labels: Sequence[str]) -> str:
    """Final accuracies of some curves at both moments, means over devices, panels and seeds."""
    seeds, runs = results.two.seeds, results.two.runs
    of_label = {label: [runs[panel, label, seed] for panel in panels for seed in seeds] for label in labels}
    means = (f"{label} {both_moments(own)}" for label, own in of_label.items())
    return f"Means as downloaded | as trained: {', '.join(means)}."


def both_moments(runs: Sequence[RunResult]) -> str:
    """The mean final accuracy over runs and devices, as downloaded | as trained."""
    means = (fmean(run.mean_accuracy(moment) for run in runs) for moment in ("downloaded", "trained"))
    return f"{' | '.join(f'{100 * mean:.1f}' for mean in means)} %"
