"""The letter's five protocols as rows of one table, and Algorithm 1 as one function that plays a round of any."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any

import numpy as np

from mix2fld_np.errors import InputError
from mix2fld_np.federation import seed_samples
from mix2fld_np.federation.devices import Pending, Training, check_finite, train_devices
from mix2fld_np.federation.payloads import MODELS, NOTHING, OUTPUTS, WEIGHTS, Payload, average_weights
from mix2fld_np.federation.seed_samples import Material, SeedSamples
from mix2fld_np.federation.settings import Settings
from mix2fld_np.federation.task import Federation, Task
from mix2fld_np.nn.evaluation import Evaluation
from mix2fld_np.nn.losses import log_outputs, softmax
from mix2fld_np.nn.network import Network
from mix2fld_np.nn.training import distil
from mix2fld_np.process import thread_time
from mix2fld_np.randomness import DOWN, UP, stream
from mix2fld_np.wireless import payload
from mix2fld_np.wireless.channel import Link, Transmission, transmit

# What goes down, if anything; the state with the server's new model; and seconds of compute, by the stop watch.
Reply = tuple[np.ndarray | None, Federation, float]


@dataclass(frozen=True)
class Protocol:
    """A row of the table: what goes up and down, what a device sends once, what the server makes of it and replies."""

    name: str
    uplink: Payload
    downlink: Payload
    collect: Callable[[Task], SeedSamples | None]
    prepare: Callable[[SeedSamples, Task], Material]
    reply: Callable[..., Reply]


@dataclass(frozen=True)
class RoundRecord:
    """What can be said about a round afterwards."""

    p: int
    training: Training
    up: Transmission
    relative_change: float | None = None  # of the global average; None where there is nothing to compare
    down: Transmission | None = None  # None where the server had nothing to send
    server_s: float = 0.0  # compute of the server
    server_samples: tuple[int, int] | None = None  # learned from, and wanted; None where the server never distils
    server: Evaluation | None = None  # of the global model; None where there is none
    downloaded: Evaluation | None = None  # of the reference device, after the download

    @property
    def server_accuracy(self) -> float | None:
        """Test accuracy of the global model."""
        return self.server.accuracy if self.server else None


def play_round(p: int, protocol: Protocol, fed: Federation, task: Task) -> tuple[Federation, RoundRecord]:
    """Global round p = 1, 2, ... of Algorithm 1, whichever the protocol."""
    fed, training, pending = train_devices(fed, task, p)  # lines 3-5: K SGD steps on each device
    up = send(task.uplink, upload_bits(protocol, fed, task), task, p, UP)  # line 6
    fed = replace(fed, seed_samples_arrived=fed.seed_samples_arrived | up.delivered)
    material = server_material(protocol, fed, task)  # line 8
    record, sent = RoundRecord(p, training, up, server_samples=counted(material, learned=False)), None
    if up.delivered.any():  # or else there is nothing new
        fed, record, sent = serve(record, material, protocol, fed, task)  # lines 9-13
    return fed, tested(record, pending, sent, protocol, fed, task)


def serve(
    record: RoundRecord, material: Material | None, protocol: Protocol, fed: Federation, task: Task
) -> tuple[Federation, RoundRecord, np.ndarray | None]:
    """The server's part of a round in which some upload got through: average, reply, broadcast  (lines 9-13)."""
    mean = protocol.uplink.average(fed, task, record.up.delivered)  # line 9, of uploads as they are received
    # The letter is silent: line 2 asks for the change from round 0 to round 1; there is none before the second average.
    change = None if fed.mean is None else protocol.uplink.relative_change(mean, fed.mean)  # line 2
    record = replace(record, relative_change=change)
    reply, fed, measured_s = protocol.reply(mean, material, replace(fed, mean=mean), task, record.p)  # line 10
    if reply is None:
        return fed, record, None
    server_s = server_seconds(material, task, measured_s)
    down = send(task.downlink, protocol.downlink.bits(task.settings, task.network), task, record.p, DOWN)  # line 11
    reply = protocol.downlink.rounded(reply, task)
    fed = protocol.downlink.write(fed, reply, down.delivered)  # line 13
    samples = counted(material, learned=True)
    return fed, replace(record, down=down, server_s=server_s, server_samples=samples), reply


def tested(
    record: RoundRecord, pending: list[Pending], sent: np.ndarray | None, protocol: Protocol, fed: Federation,
    task: Task,
) -> RoundRecord:
    """The record of a round with all its tests: of the reference device, at any time, and of the server's model."""
    downloaded = task.start_test(fed.weights[task.reference], record.p)
    server = None if sent is None else protocol.downlink.start_test(task, sent, record.p)
    training = replace(record.training, tests=tuple(test() for test in pending))  # under way while the server computed
    return replace(record, training=training, server=server and server(), downloaded=downloaded())


def counted(material: Material | None, learned: bool) -> tuple[int, int] | None:
    """How many samples the server learned from in a round, and how many it wanted; None where it never distils."""
    return None if material is None else (learned * material.n_samples, material.n_wanted)


def send(link: Link, payload_bits: int | np.ndarray, task: Task, p: int, direction: int) -> Transmission:
    """One payload to or from every device that takes part in round p, with the fading of this round and direction."""
    there = task.takes_part(p)
    if isinstance(link.distance_m, tuple):
        link = replace(link, distance_m=tuple(compress(link.distance_m, there)))
    bits, rng = np.broadcast_to(payload_bits, there.shape)[there], stream(task.seed, "channel", p, direction)
    sent, parts = (task.channel or transmit)(link, bits, len(bits), rng), []
    for part in (sent.delivered, sent.slots, sent.payload_bits):
        parts.append(np.zeros(there.shape, part.dtype))  # the others send nothing and get nothing
        parts[-1][there] = part
    return Transmission(*parts)


def upload_bits(protocol: Protocol, fed: Federation, task: Task) -> np.ndarray:
    """B^up of each device (D,): the payload, and its seed samples until they arrive, in round 1 unless that fails."""
    # The letter is silent: a device whose first upload fails sends its seed samples again with the next one.
    bits = protocol.uplink.bits(task.settings, task.network)
    b_s = task.settings.bits_per_pixel * math.prod(task.network.image_shape)
    return bits + np.where(fed.seed_samples_arrived, 0, b_s * seed_samples.n_uploaded(protocol.collect, task))


def seed_bits(protocol: Protocol, settings: Settings, network: Network) -> int:
    """b_s N_S, what a device's seed samples add to its first upload; 0 where it sends none."""
    if protocol.collect is seed_samples.nothing:
        return 0
    return payload.sample_bits(settings.n_seed_samples, settings.bits_per_pixel * math.prod(network.image_shape))


def server_seconds(material: Material | None, task: Task, measured_s: float) -> float:
    """What the server's reply takes: by stop watch, or a fixed time for each of K_S iterations where it distils."""
    if task.settings.stopwatch:
        return measured_s
    return 0.0 if material is None else task.settings.n_distill_iterations * task.settings.server_s_per_iteration


# --- what the server replies ------------------------------------------------------------------------------------------


def as_is(mean: np.ndarray, material: Material | None, fed: Federation, task: Task, p: int) -> Reply:
    """FL and FD: the average goes back as it is."""
    return mean, fed, 0.0


def distilled(mean: np.ndarray, material: Material | None, fed: Federation, task: Task, p: int) -> Reply:
    """FLD, MixFLD, Mix2FLD: K_S iterations of eq. (5) on seed samples turn G_out into G_mod; without any, no reply."""
    s = task.settings
    start = task.initial_weights("fresh student", p) if s.fresh_student else fed.server
    return converted(start, lambda images, labels: (labels, mean, s.beta), material, fed, task, p)


def fused(models: np.ndarray, material: Material | None, fed: Federation, task: Task, p: int) -> Reply:
    """FedDF: K_S iterations turn G_mod towards what the models together say of each seed sample; without any, no reply.

    Together is the softmax of their mean logits; neither labels nor beta play a part (Lin et al., NeurIPS 2020).
    """
    there = ~np.isnan(models).any(axis=1)

    def taught(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        logits = [log_outputs(task.network.outputs(model, images)) for model in models[there]]
        return softmax(np.mean(logits, axis=0)), np.zeros((task.data.n_labels,) * 2), 0.0

    return converted(average_weights(replace(fed, weights=models), task, there), taught, material, fed, task, p)


def converted(
    start: np.ndarray, taught: Callable, material: Material | None, fed: Federation, task: Task, p: int
) -> Reply:
    """K_S iterations from `start` on seed samples, towards the labels, teacher and beta that `taught` makes of them."""
    s = task.settings
    if material is None or material.n_samples == 0:
        return None, fed, 0.0
    started = thread_time()
    visits = stream(task.seed, "server batches", p).integers(material.n_samples, size=s.n_distill_iterations)
    visited, order = np.unique(visits, return_inverse=True)
    parts = [material.render(part) for part in np.array_split(visited, 1 + len(visited) // 400)]  # to save memory
    images, labels = (np.concatenate(kind) for kind in zip(*parts, strict=True))
    images = task.data.network_inputs(images, s.standardised)
    labels, teacher, beta = taught(images, labels)
    here_s = thread_time() - started
    how = s.learning_rate, beta, s.printed_sign
    server, there_s = task.start((p, False), learn, task.network, start, images, labels, teacher, order, *how)()
    check_finite(server, "the server", p, s.learning_rate)
    return server, replace(fed, server=server), here_s + there_s


def learn(*all_that_it_depends_on: Any) -> tuple[np.ndarray, float]:
    """The server's distillation, and its seconds."""
    started = thread_time()
    return distil(*all_that_it_depends_on), thread_time() - started


def server_material(protocol: Protocol, fed: Federation, task: Task) -> Material | None:
    """What the server can distil on, given whose seed samples have arrived; None where none are ever sent."""
    collected = protocol.collect(task)
    return None if collected is None else protocol.prepare(collected.of(fed.seed_samples_arrived), task)


def no_reply(mean: np.ndarray, material: Material | None, fed: Federation, task: Task, p: int) -> Reply:
    """The server has nothing to say."""
    return None, fed, 0.0


# Read downwards, each row changes one idea of the row above.
#             name       uplink   downlink  device sends once     server prepares               server replies
TABLE = (
    Protocol("FL",      WEIGHTS, WEIGHTS, seed_samples.nothing, seed_samples.keep,            as_is),
    Protocol("FD",      OUTPUTS, OUTPUTS, seed_samples.nothing, seed_samples.keep,            as_is),
    Protocol("FLD",     OUTPUTS, WEIGHTS, seed_samples.raw,     seed_samples.keep,            distilled),
    Protocol("MixFLD",  OUTPUTS, WEIGHTS, seed_samples.mixed,   seed_samples.keep,            distilled),
    Protocol("Mix2FLD", OUTPUTS, WEIGHTS, seed_samples.mixed,   seed_samples.inversely_mixed, distilled),
)  # fmt: skip
ON_REQUEST = (  # not the letter's
    # Every device learns alone, which is what remains of a protocol whose uploads are lost.
    Protocol("Local", NOTHING, NOTHING, seed_samples.nothing, seed_samples.keep, no_reply),
    # A successor: weights up, and the server distils what all of them say of MixFLD's seed samples.
    Protocol("FedDF", MODELS, WEIGHTS, seed_samples.mixed, seed_samples.keep, fused),
)
PROTOCOLS = {protocol.name: protocol for protocol in (*TABLE, *ON_REQUEST)}


def check_playable(protocol: Protocol, task: Task) -> None:
    """InputError where a protocol cannot be played on a task, as far as that can be known before the first step."""
    task.check()
    seed_samples.check(protocol.collect, protocol.prepare, task)


def notices(protocol: Protocol, task: Task) -> list[str]:
    """What a reader of a run's results should know about its devices, a sentence each."""
    return list(filter(None, (task.data.notice, task.split.notice, seed_samples.notice(protocol.collect, task))))


def protocol_named(name: str) -> Protocol:
    """The row of the table with this name, in any case."""
    found = {known.lower(): protocol for known, protocol in PROTOCOLS.items()}.get(name.strip().lower())
    if found is None:
        raise InputError(f"there is no protocol '{name}'; choose from {', '.join(PROTOCOLS)}.")
    return found
