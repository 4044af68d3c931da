"""`channel`: what each protocol asks of the channel, in closed form."""

from dataclasses import replace

from mix2fld_np.federation.protocols import TABLE, Protocol, seed_bits
from mix2fld_np.federation.settings import Settings
from mix2fld_np.nn.network import Network
from mix2fld_np.wireless import channel


def channel_rows(settings: Settings, seed_samples: list[int], network: Network) -> list[dict]:
    """One row for each protocol, direction and N_S, first and later rounds apart: bits, slots, latency, outage."""
    rows = []
    for protocol in TABLE:
        sends = [("up", 0), ("down", 0)]
        if seed_bits(protocol, settings, network):
            sends = [*(("up, first round", n_seed) for n_seed in seed_samples), ("up, later", 0), ("down", 0)]
        rows += [channel_row(protocol, settings, network, direction, n_seed) for direction, n_seed in sends]
    return rows


def channel_row(protocol: Protocol, settings: Settings, network: Network, direction: str, n_seed: int) -> dict:
    """The closed forms for one payload."""
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
