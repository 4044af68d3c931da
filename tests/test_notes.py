"""What is said below the tables: true of the settings at hand, with no number that was typed in."""

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st
from made_up import made_up_result, made_up_rows
from strategies import patient

from mix2fld_np.cli import main
from mix2fld_np.console import notes
from mix2fld_np.console.figure import only_few, scheduled
from mix2fld_np.federation.settings import COMPARISON, PRINTED
from mix2fld_np.federation.task import Task
from mix2fld_np.nn.network import Network
from mix2fld_np.runs.jobs import Source, dataset
from mix2fld_np.study.compare import Summary
from mix2fld_np.study.figures import FIGURES, figure_3_jobs
from mix2fld_np.wireless import channel

MNIST, CIFAR = Network(), Network((3, 32, 32))
networks = st.sampled_from([MNIST, CIFAR])


def settings_of(n_devices, max_slots, n_channels):
    return replace(COMPARISON, n_devices=n_devices, max_slots=max_slots, n_uplink_channels=n_channels)


@patient
@given(st.integers(1, 60), st.integers(1, 400), st.integers(1, 6), networks)
def test_what_is_said_of_fl_and_the_printed_slots_is_true(n_devices, max_slots, n_channels, network):
    s = settings_of(n_devices, max_slots, n_channels)
    needed = channel.slots_needed(s.uplink, 32 * network.n_weights)
    said = notes.printed_max_slots(s, network)
    assert (said is None) == (needed <= PRINTED.max_slots)
    if said:
        assert f"FL, which needs {needed:,.0f}" in said and f"T_max is {max_slots} slot" in said
        assert ("can never deliver" in said) == (needed > max_slots)
        assert ("with the printed 100" in said and "could never deliver" in said) == (needed <= max_slots)


@pytest.mark.parametrize(("devices", "slots"), [(5, None), (10, 101), (20, 201)])
def test_the_channel_names_the_slots_of_its_own_devices(devices, slots, capsys):
    assert main(["channel", f"--devices={devices}"]) == 0
    printed = capsys.readouterr().out
    assert ("FL, which needs" in printed) == (slots is not None)
    assert slots is None or f"FL, which needs {slots}, " in printed
    assert f"{devices} devices" in printed


def summary_of(protocol="Mix2FLD", settings=COMPARISON, n_rounds=2, **columns):
    rows = made_up_rows(
        {"round": range(1, n_rounds + 1), **{name: [value] * n_rounds for name, value in columns.items()}}
    )
    return Summary(protocol, settings, (made_up_result(rows, [[0.0, 0.1]]),))


@patient
@given(
    st.sampled_from(["FL", "FD", "FLD", "Mix2FLD"]),
    st.integers(1, 40),
    st.integers(1, 200),
    st.floats(-100, 60),
    networks,
)
def test_how_many_uploads_get_through_is_never_more_than_can(protocol, n_devices, max_slots, power_dbm, network):
    s = replace(settings_of(n_devices, max_slots, 2), uplink_power_dbm=power_dbm)
    said = notes.lost_uploads(protocol, summary_of(protocol, s, uplink_delivered=0), network)
    bits = notes.first_upload_bits(protocol, s, network)
    needed, chance = channel.slots_needed(s.uplink, bits), channel.latency_cdf(s.uplink, bits, max_slots)
    assert f"needs {needed:,.0f} good slot{'' if needed == 1 else 's'} within T_max = {max_slots}" in said
    assert ("none can get through" in said) == (needed > max_slots)
    assert ("practically none" in said) == (needed <= max_slots and chance <= 1e-12)
    assert "e+99" not in said and "inf" not in said
    if "one in" in said:
        assert 1 / float(said.split("one in ")[1].split(" gets")[0].replace(",", "")) == pytest.approx(chance, rel=6e-3)


def test_with_several_distances_the_chance_is_that_of_the_farthest_device():
    s = replace(COMPARISON, distance_m=(100.0,) * 9 + (1_050.0,))
    farthest = replace(COMPARISON, distance_m=1_050.0)
    said, alone = (notes.lost_uploads("FL", summary_of("FL", own, uplink_delivered=0), MNIST) for own in (s, farthest))
    assert said.replace(" 1050 m away", "").replace(" from there", "") == alone != said


def test_nothing_is_said_of_uploads_that_arrive():
    assert notes.lost_uploads("FL", summary_of("FL", uplink_delivered=10), MNIST) is None


@pytest.mark.parametrize(("columns", "why"), [
    ({"uplink_delivered": 0}, "as none of its uploads arrived"),
    ({"server_samples": 0, "server_samples_wanted": 10}, "as the server had no samples to learn from"),
    ({"server_samples": 5, "server_samples_wanted": 10}, "as nothing that the server sent arrived"),
])  # fmt: skip
def test_why_a_protocol_is_not_ranked(columns, why):
    said = notes.never_downloaded("X", summary_of(downlink_delivered=0, **columns))
    assert said.startswith("X is not ranked") and why in said
    assert notes.never_downloaded("X", summary_of(downlink_delivered=1, **columns)) is None


# --- shortages --------------------------------------------------------------------------------------------------------


def short(protocol, pairing="random", delivered=10, made=12):
    settings = replace(COMPARISON, pairing=pairing)
    return summary_of(protocol, settings, uplink_delivered=delivered, server_samples=made, server_samples_wanted=80)


@pytest.mark.parametrize(("summary", "cause"), [
    (short("Mix2FLD"), "Seed samples had no partner with symmetric labels on another device; pairing=scheduled lets"),
    (short("Mix2FLD", "scheduled"), "Seed samples had no partner with symmetric labels on another device."),
    (short("Mix2FLD", "scheduled", 9), "were lost or had no partner with symmetric labels on another device."),
    (short("MixFLD", delivered=9), "Seed samples were lost."),
    (short("MixFLD"), "X from 12 of 80."),
])  # fmt: skip
def test_a_shortage_is_said_with_its_cause(summary, cause):
    (said,) = notes.shortages([("X", summary)])
    assert said.startswith("The server learned from fewer samples than it was to have: X from 12 of 80.")
    assert cause in said and (cause.endswith("lets") or said.endswith(cause))


def test_no_shortage_is_made_up():
    enough = short("Mix2FLD", made=80)
    assert notes.shortages([("X", enough), ("FL", summary_of("FL"))]) == []
    assert (notes.samples_of(enough), notes.samples_of(summary_of("FL"))) == ("80 of 80", "-")


def test_shortages_of_one_cause_share_a_sentence():
    (said,) = notes.shortages(
        [("X", short("Mix2FLD")), ("Y", short("Mix2FLD", made=0)), ("Z", short("Mix2FLD", made=80))]
    )
    assert "X from 12 of 80; Y from 0 of 80. " in said and "Z" not in said


def test_a_mean_over_seeds_that_is_below_what_was_wanted_never_looks_like_it():
    both = replace(short("Mix2FLD", made=80), runs=short("Mix2FLD", made=80).runs + short("Mix2FLD", made=79).runs)
    assert notes.samples_of(both) == "79.5 of 80"


# --- figures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "slots"), [({}, "396"), ({"n_uplink_channels": 4}, "198"), ({"n_uplink_channels": 10}, None)]
)
def test_figure_3_says_why_it_has_few_seed_samples_only_where_more_could_not_arrive(small_data, changes, slots):
    source, settings = Source("mnist", str(small_data)), replace(FIGURES, **changes)
    said = only_few(figure_3_jobs(settings, source, [0]), Task(settings, dataset(source)))
    assert said is None if slots is None else f"N_S = 50 would need {slots} slots of at most 105" in said


def test_who_schedules_label_pairs_is_said_only_where_somebody_does():
    assert "server schedules" in scheduled(FIGURES) and scheduled(replace(FIGURES, pairing="random")) is None
