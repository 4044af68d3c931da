"""`channel`: what each protocol asks of the channel, in closed form."""

from dataclasses import replace

from mix2fld_np.federation.protocols import TABLE, Protocol, seed_bits
from mix2fld_np.federation.settings import Settings
from mix2fld_np.nn.network import Network
from mix2fld_np.wireless import channel
from mix2fld_np.wireless.channel import Link


def by_distance(link: Link) -> list[Link]:
    """The links of the nearest, the median and the farthest device; one where all share a distance."""
    each = sorted(link.each, key=channel.mean_snr)[::-1]
    return each if len(each) == 1 else [each[0], each[(len(each) - 1) // 2], each[-1]]


def channel_rows(settings: Settings, seed_samples: list[int], network: Network, seed: int = 0) -> list[dict]:
    """One row for each protocol, direction and N_S, first and later rounds apart: bits, slots, latency, outage."""
    rows = []
    for protocol in TABLE:
        sends = [("up", 0), ("down", 0)]
        if seed_bits(protocol, settings, network):
            sends = [*(("up, first round", n_seed) for n_seed in seed_samples), ("up, later", 0), ("down", 0)]
        rows += [channel_row(protocol, settings, network, direction, n_seed, seed) for direction, n_seed in sends]
    return rows


def channel_row(row: Protocol, settings: Settings, network: Network, direction: str, n_seed: int, seed: int) -> dict:
    """The closed forms for one payload; latency, outage and a device's energy for each device of `by_distance`."""
    is_down, links = direction == "down", settings.links(seed)
    link, load = links[is_down], row.downlink if is_down else row.uplink
    bits = load.bits(settings, network)
    if n_seed:
        n_inverse = max(n_seed, settings.n_inverse_samples)
        bits += seed_bits(row, replace(settings, n_seed_samples=n_seed, n_inverse_samples=n_inverse), network)
    some, airtime = by_distance(link), channel.mean_airtime_slots(link, bits, settings.n_devices)
    on_air = [airtime] if is_down else [channel.mean_airtime_slots(one, bits, 1) for one in some]
    return {
        "protocol": row.name,
        "direction": direction,
        "N_S": n_seed,
        "bits": bits,
        "distances_m": [one.distance_m for one in some],
        "slots": float(channel.slots_needed(link, bits)),
        "mean_latency_slots": [channel.mean_latency_slots(one, bits) for one in some],
        "outage": [channel.outage_probability(one, bits) for one in some],
        "any_outage": channel.slowest_outage_probability(link, bits, settings.n_devices),
        "mean_airtime_slots": airtime,
        "energy_j": [channel.energy_j(link, slots) for slots in on_air],
    }
