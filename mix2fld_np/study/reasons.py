"""What a measured number depends on, said with the numbers of the runs: one sentence each."""

from collections.abc import Callable, Sequence
from statistics import fmean

from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.runs.results import RunResult
from mix2fld_np.study.figures import CURVES, FIGURE_3_SEEDS, N_DEVICES
from mix2fld_np.study.measures import Results
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


def fl_cannot_upload(results: Results, max_slots: int) -> bool:
    """Whether no upload of FL could ever get through."""
    return fl_upload_slots(results) > max_slots


def upload_slots(results: Results) -> str:
    """Whether the printed T_max rules FL out."""
    can = "it can never arrive" if fl_cannot_upload(results, PRINTED.max_slots) else "it can arrive"
    return (
        f"An upload of FL takes {fl_upload_slots(results):g} slots: {can} within the printed "
        f"T_max = {PRINTED.max_slots}; here T_max = {results.two.settings.max_slots}."
    )


def lost_uploads(panels: Sequence[str]) -> Reason:
    """How many uploads of FL arrived."""

    def reason(results: Results) -> str:
        runs = runs_of(results, "FL", panels)
        n_sent = sum(len(run.rounds) for run in runs) * results.two.settings.n_devices
        n_arrived = sum(run.uplink_delivered for run in runs)
        alone = "; without them, its devices train alone" if n_arrived < n_sent else ""
        return f"{100 * n_arrived / n_sent:.1f} % of FL's uploads arrived{alone}."

    return reason


def criterion_met(panels: Sequence[str], *protocols: str) -> Reason:
    """In how many runs the stop criterion was met."""

    def reason(results: Results) -> str:
        counts = []
        for protocol in protocols:
            runs = runs_of(results, protocol, panels)
            counts.append(f"{protocol} in {sum(run.criterion_s is not None for run in runs)} of {len(runs)} runs")
        return f"Met by {', '.join(counts)}; a run that never met it counts with its full time, which is a bound."

    return reason


def time_of_a_round(panels: Sequence[str], *protocols: str) -> Reason:
    """Airtime and compute of a round."""

    def reason(results: Results) -> str:
        parts = []
        for protocol in protocols:
            runs = runs_of(results, protocol, panels)
            airtime, compute = (fmean(getattr(run, of) / len(run.rounds) for run in runs) for of in ("airtime_s", "compute_s"))
            parts.append(f"{protocol} {airtime:.3f} s + {compute:.3f} s")
        return f"Airtime and compute of a round: {', '.join(parts)}."

    return reason


def needed_compute(ratio: float, theirs: str, panels: Sequence[str]) -> Reason:
    """How long compute would have to take for all rounds of `theirs` to last `ratio` times as long as those of Mix2FLD."""

    def reason(results: Results) -> str:
        (air, compute), (their_air, their_compute) = (
            (fmean(run.airtime_s for run in runs), fmean(run.compute_s for run in runs))
            for runs in (runs_of(results, "Mix2FLD", panels), runs_of(results, theirs, panels))
        )
        # their_air + x their_compute = ratio (air + x compute)
        above, below = their_air - ratio * air, ratio * compute - their_compute
        if below and above / below > 0:
            return f"All rounds would differ as printed if computing took {above / below:.2g} times as long as assumed."
        return "No length of computing makes all rounds differ as printed."

    return reason


def assumed_compute(results: Results) -> str:
    """The assumption under every time."""
    s = results.two.settings
    if s.stopwatch:
        return "Compute was measured on this machine."
    return (
        f"Compute is an assumption: {1e6 * s.device_s_per_iteration:g} us per iteration of a device and "
        f"{1e6 * s.server_s_per_iteration:g} us of the server."
    )


def rounds_played(results: Results) -> str:
    """Over how many rounds bits were counted."""
    counts = sorted({len(run.rounds) for run in results.two.runs.values()})
    over = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return (
        f"An average over {over} rounds, of which the first sends seed samples; the letter's takes {PRINTED.n_rounds}."
    )


def mean_accuracies(panels: Sequence[str], *labels: str) -> Reason:
    """Final accuracies, a mean over panels and seeds."""
    return lambda results: f"Means after the last local update: {means(results, panels, labels, 'accuracy')}."


def mean_models(panels: Sequence[str], *labels: str) -> Reason:
    """Accuracies of the last models that were downloaded, a mean over panels and seeds."""
    return lambda results: f"Means as downloaded (FD downloads no model): {means(results, panels, labels, 'model_accuracy')}."


def means(results: Results, panels: Sequence[str], labels: Sequence[str], of: str) -> str:
    """One accuracy of some curves, a mean over panels and seeds."""
    runs, shown = results.two.runs, []
    for label in labels:
        values = [getattr(runs[panel, label, seed], of) for panel in panels for seed in results.two.seeds]
        shown.append(f"{label} {100 * fmean(values):.1f} %")
    return ", ".join(shown)


def distributions(split: str) -> Reason:
    """Mean and variance at both ends of Figure 3."""

    def reason(results: Results) -> str:
        points, seeds, (fewest, *_, most) = results.three.points, results.three.seeds, N_DEVICES
        mean, variance = (
            [fmean(points[split, n, seed][of] for seed in seeds) for n in (fewest, most)] for of in (0, 1)
        )
        return (
            f"Mean {100 * mean[0]:.1f} % with {fewest} devices, {100 * mean[1]:.1f} % with {most}; "
            f"variance {1e4 * variance[0]:.2f} and {1e4 * variance[1]:.2f} points squared; "
            f"N_S = {FIGURE_3_SEEDS['n_seed_samples']}."
        )

    return reason
