"""What a measured number depends on, said with the numbers of the runs: one sentence each."""

from collections.abc import Callable, Sequence
from statistics import fmean

from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.runs.results import RunResult
from mix2fld_np.study.figures import CURVES, FIGURE_3_SEEDS, N_DEVICES
from mix2fld_np.study.measures import Results, of_results
from mix2fld_np.wireless.channel import slots_needed

Reason = Callable[[Results], str]


def runs_of(results: Results, protocol: str, panels: Sequence[str]) -> list[RunResult]:
    """All runs of a protocol in some panels."""
    labels = {curve.label for curve in CURVES if curve.protocol == protocol}
    return [run for (panel, label, _), run in results.two.runs.items() if panel in panels and label in labels]


def mean_of(quantity: str, runs: Sequence[RunResult]) -> float:
    """Mean of a property of `RunResult`."""
    return fmean(getattr(run, quantity) for run in runs)


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
    """How many uploads of FL arrived."""
    runs = runs_of(results, "FL", panels)
    n_sent = sum(len(run.rounds) for run in runs) * results.two.settings.n_devices
    n_arrived = sum(run.uplink_delivered for run in runs)
    alone = "; without them, its devices train alone" if n_arrived < n_sent else ""
    return f"{100 * n_arrived / n_sent:.1f} % of FL's uploads arrived{alone}."


@of_results
def criterion_met(results: Results, panels: Sequence[str], *protocols: str) -> str:
    """In how many runs the stop criterion was met."""
    met = {name: [run.criterion_s is not None for run in runs_of(results, name, panels)] for name in protocols}
    counts = ", ".join(f"{name} in {sum(runs)} of {len(runs)} runs" for name, runs in met.items())
    return f"Met by {counts}; a run that never met it counts with its full time, which is a bound."


@of_results
def time_of_a_round(results: Results, panels: Sequence[str], *protocols: str) -> str:
    """Airtime and compute of a round."""
    parts = []
    for name in protocols:
        runs = runs_of(results, name, panels)
        airtime, compute = (
            fmean(getattr(run, of) / len(run.rounds) for run in runs) for of in ("airtime_s", "compute_s")
        )
        parts.append(f"{name} {airtime:.3f} s + {compute:.3f} s")
    return f"Airtime and compute of a round: {', '.join(parts)}."


@of_results
def needed_compute(results: Results, ratio: float, theirs: str, panels: Sequence[str]) -> str:
    """How long computing would have to take for all rounds of `theirs` to last `ratio` times as long as Mix2FLD's."""
    ours, others = runs_of(results, "Mix2FLD", panels), runs_of(results, theirs, panels)
    # their airtime + x their compute = ratio (our airtime + x our compute)
    above = mean_of("airtime_s", others) - ratio * mean_of("airtime_s", ours)
    below = ratio * mean_of("compute_s", ours) - mean_of("compute_s", others)
    if below and above / below > 0:
        return f"All rounds would differ as printed if computing took {above / below:.2g} times as long as assumed."
    return "No length of computing makes all rounds differ as printed."


def assumed_compute(results: Results) -> str:
    """The assumption under every time."""
    s = results.two.settings
    if s.stopwatch:
        return "Compute was measured on this machine."
    device, server = 1e6 * s.device_s_per_iteration, 1e6 * s.server_s_per_iteration
    return f"Compute is an assumption: {device:g} us per iteration of a device and {server:g} us of the server."


def rounds_played(results: Results) -> str:
    """Over how many rounds bits were counted."""
    fewest, *_, most = sorted([len(run.rounds) for run in results.two.runs.values()])
    over = f"{fewest} to {most}" if fewest < most else f"{fewest}"
    return (
        f"An average over {over} rounds, of which the first sends seed samples; the letter's takes {PRINTED.n_rounds}."
    )


@of_results
def mean_accuracies(results: Results, panels: Sequence[str], labels: Sequence[str], downloaded: bool = False) -> str:
    """Final accuracies of some curves, or those of their models as downloaded; means over panels and seeds."""
    runs, shown = results.two.runs, []
    for label in labels:
        own = [runs[panel, label, seed] for panel in panels for seed in results.two.seeds]
        shown.append(f"{label} {100 * mean_of('model_accuracy' if downloaded else 'accuracy', own):.1f} %")
    when = "as downloaded (FD downloads no model)" if downloaded else "after the last local update"
    return f"Means {when}: {', '.join(shown)}."


@of_results
def distributions(results: Results, split: str) -> str:
    """Mean and variance at both ends of Figure 3."""
    few, *_, many = N_DEVICES
    ends = [[results.three.points[split, n, seed] for seed in results.three.seeds] for n in (few, many)]
    (mean, variance), (last_mean, last_variance) = (map(fmean, zip(*points, strict=True)) for points in ends)
    return (
        f"Mean {100 * mean:.1f} % with {few} devices, {100 * last_mean:.1f} % with {many}; "
        f"variance {1e4 * variance:.2f} and {1e4 * last_variance:.2f} points squared; "
        f"N_S = {FIGURE_3_SEEDS['n_seed_samples']}."
    )
