"""`channel`: what each protocol asks of the channel, in closed form."""

from dataclasses import replace

from mix2fld_np.federation.protocols import TABLE, Protocol, seed_bits
from mix2fld_np.federation.settings import Settings
from mix2fld_np.nn.network import Network
from mix2fld_np.wireless import channel


def channel_rows(settings: Settings, seed_samples: list[int]) -> list[dict]:
    """One row for each protocol, direction and N_S: bits, slots needed, mean latency, outage; first round, later rounds apart."""
    rows = []
    for protocol in TABLE:
        if seed_bits(protocol, settings, Network(filters=settings.filters)):
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
        "slots": float(channel.slots_needed(link, bits)),
        "mean_latency_slots": channel.mean_latency_slots(link, bits),
        "outage": channel.outage_probability(link, bits),
        "any_outage": channel.slowest_outage_probability(link, bits, settings.n_devices),
        "mean_airtime_slots": channel.mean_airtime_slots(link, bits, settings.n_devices),
    }
