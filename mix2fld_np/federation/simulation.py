"""Round after round: the clock, the stop criterion, and the history that all figures are drawn from."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from mix2fld_np.federation.protocols import Protocol, RoundRecord, play_round
from mix2fld_np.federation.task import Federation, Task, first_state
from mix2fld_np.wireless.channel import energy_j

MOMENTS = "trained", "downloaded"  # of the last round: after the local update, and after the download that ends it


@dataclass(frozen=True)
class Progress:
    """Where a run stands after round p; all that is needed to go on from there."""

    p: int
    fed: Federation
    elapsed_s: float  # convergence time so far, airtime and compute
    converged: bool  # whether the stop criterion has been met, now or earlier
    rounds: tuple[dict, ...]  # one row for each round so far
    curve: tuple[tuple[float, float], ...]  # (elapsed seconds, test accuracy of the reference device)
    server: dict | None = None  # test of the last global model, as `as_json` has it; None before the first
    devices: dict[str, list[dict]] | None = None  # tests of every device at both MOMENTS of the last round


def beginning(task: Task) -> Progress:
    """Before the first round."""
    return Progress(0, first_state(task), 0.0, False, (), ())


def simulate(protocol: Protocol, task: Task, past: Progress | None = None) -> Iterator[Progress]:
    """Plays rounds and yields where the run stands after each, from the beginning or from where `past` left off.

    Ends after n_rounds, or once the criterion epsilon is met where the settings say so. A run that goes on from a past
    equals one that was never interrupted, to the bit.
    """
    now = past or beginning(task)
    while not is_over(now.p, now.converged, task):
        fed, record = play_round(now.p + 1, protocol, now.fed, task)
        now = advance(now, fed, record, task)
        yield now


def is_over(p: int, converged: bool, task: Task) -> bool:
    """Whether round p was the last one."""
    return p >= task.settings.n_rounds or (converged and task.settings.stop_when_converged)


def advance(past: Progress, fed: Federation, record: RoundRecord, task: Task) -> Progress:
    """The clock moves on: compute of a device and the server, and the airtime of the slowest upload and download."""
    slot_s = task.settings.slot_s
    up_slots = record.up.airtime_slots
    down_slots = record.down.airtime_slots if record.down else 0
    airtime_s, compute_s = slot_s * (up_slots + down_slots), record.training.device_s + record.server_s
    elapsed_s = past.elapsed_s + airtime_s + compute_s
    trained, downloaded = record.training.tests[-1], record.downloaded
    assert downloaded, "a round that was played has been tested"
    met = record.relative_change is not None and record.relative_change < task.settings.epsilon
    converged = past.converged or met
    row = {
        "round": record.p,
        "uplink_bits": int(record.up.payload_bits.sum()),
        "downlink_bits": int(record.down.payload_bits[0]) if record.down else 0,  # multicast: sent once for all
        "uplink_slots": up_slots,
        "downlink_slots": down_slots,
        "uplink_delivered": int(record.up.delivered.sum()),
        "downlink_delivered": int(record.down.delivered.sum()) if record.down else 0,
        "airtime_s": airtime_s,
        "compute_s": compute_s,
        "elapsed_s": elapsed_s,
        "server_samples": record.server_samples and record.server_samples[0],
        "server_samples_wanted": record.server_samples and record.server_samples[1],
        "server_accuracy": record.server and record.server.accuracy,
        "server_loss": record.server and record.server.loss,
        "reference_accuracy": trained.accuracy,
        "reference_loss": trained.loss,
        "downloaded_accuracy": downloaded.accuracy,
        "downloaded_loss": downloaded.loss,
        "relative_change": record.relative_change,
        "converged": converged,
        "uplink_energy_j": float(energy_j(task.uplink, record.up.slots.sum())),  # each device's own slots
        "downlink_energy_j": float(energy_j(task.downlink, down_slots)),  # multicast: until the slowest is through
    }
    n_parts, over = len(record.training.tests) - 1, is_over(record.p, converged, task)
    tested = [
        (past.elapsed_s + record.training.device_s * k / n_parts, test.accuracy)
        for k, test in enumerate(record.training.tests)
    ]
    return replace(
        past,
        p=record.p,
        fed=fed,
        elapsed_s=elapsed_s,
        converged=converged,
        rounds=(*past.rounds, row),
        curve=(*past.curve, *tested, *([(elapsed_s, downloaded.accuracy)] if over else [])),  # else in round p + 1
        server=record.server.as_json() if record.server else past.server,
        devices=tests_of_devices(record, fed, task) if over else None,
    )


def tests_of_devices(record: RoundRecord, fed: Federation, task: Task) -> dict[str, list[dict]]:
    """Tests of every device after the last local update, and after the download that followed."""
    models = zip(MOMENTS, (record.training.weights, fed.weights), strict=True)
    return {moment: [test.as_json() for test in task.evaluations(weights, record.p)] for moment, weights in models}
