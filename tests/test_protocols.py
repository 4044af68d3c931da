"""The table of protocols and the round: bookkeeping of Algorithm 1, averages, for each protocol a limit and a case."""

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
from federations import CLEAR, DEAF, play, small_task
from hypothesis import given, strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from mix2fld_np.datasets.formats import pixels
from mix2fld_np.errors import InputError
from mix2fld_np.federation import payloads, protocols, seed_samples
from mix2fld_np.federation.protocols import PROTOCOLS, TABLE, play_round, protocol_named, seed_bits
from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.federation.task import first_state
from mix2fld_np.nn.network import Network
from mix2fld_np.nn.training import local_update
from mix2fld_np.randomness import stream

FL, FD, FLD, MIXFLD, MIX2FLD = TABLE
each_protocol = pytest.mark.parametrize("protocol", TABLE, ids=[row.name for row in TABLE])


# --- the table --------------------------------------------------------------------------------------------------------


def test_each_row_changes_one_idea_of_the_row_above():
    def changes(upper, lower):
        ideas = ("uplink", "downlink", "collect", "prepare", "reply")
        return [idea for idea in ideas if getattr(upper, idea) is not getattr(lower, idea)]

    assert [changes(upper, lower) for upper, lower in zip(TABLE, TABLE[1:], strict=False)] == [
        ["uplink", "downlink"],  # outputs instead of weights
        ["downlink", "collect", "reply"],  # distil at the server, which takes seeds and answers with weights
        ["collect"],  # mixed up
        ["prepare"],  # inversely mixed up
    ]


def test_a_protocol_is_found_in_any_case_and_an_unknown_one_is_named():
    assert protocol_named(" mix2fld ") is MIX2FLD
    with pytest.raises(InputError, match="'FX'; choose from FL, FD, FLD, MixFLD, Mix2FLD"):
        protocol_named("FX")


@given(
    st.integers(1, 64),
    st.integers(1, 64),
    st.integers(1, 16),
    st.integers(1, 500),
    st.integers(2, 30),
    st.integers(1, 20),
)
def test_payloads_are_those_of_section_ii_and_iii(b_mod, b_out, b_pixel, N_S, N_L, half):
    network = Network((3, 2 * half, 4), (2, 3), N_L)
    s = replace(
        PRINTED,
        bits_per_weight=b_mod,
        bits_per_output=b_out,
        bits_per_pixel=b_pixel,
        n_seed_samples=N_S,
        n_inverse_samples=N_S,
    )
    up = {row.name: row.uplink.bits(s, network) for row in TABLE}
    down = {row.name: row.downlink.bits(s, network) for row in TABLE}
    once = {row.name: seed_bits(row, s, network) for row in TABLE}
    weights = b_mod * network.n_weights + (6 * 64 if b_mod < 32 else 0)  # below 32 bits, a range for each layer
    outputs = b_out * N_L**2 + (64 + N_L if b_out < 32 else 0)  # and which labels were drawn
    sample = b_pixel * 3 * 2 * half * 4
    assert up == {"FL": weights, "FD": outputs, "FLD": outputs, "MixFLD": outputs, "Mix2FLD": outputs}
    assert down == {"FL": weights, "FD": outputs, "FLD": weights, "MixFLD": weights, "Mix2FLD": weights}
    assert once == {"FL": 0, "FD": 0, "FLD": N_S * sample, "MixFLD": N_S * sample, "Mix2FLD": N_S * sample}


def test_the_printed_payloads():
    assert FL.uplink.bits(PRINTED, Network()) == 401_408 and FD.uplink.bits(PRINTED, Network()) == 3_200
    assert seed_bits(MIX2FLD, PRINTED, Network()) == 50 * 6_272


# --- the round --------------------------------------------------------------------------------------------------------


@each_protocol
def test_the_same_seed_gives_the_same_run_and_another_seed_another(protocol):
    one, same, other = (play(protocol, small_task(seed))[-1] for seed in (1, 1, 2))
    assert_array_equal(one.fed.weights, same.fed.weights)
    assert one.rounds == same.rounds and one.curve == same.curve
    assert not np.array_equal(one.fed.weights, other.fed.weights)


@each_protocol
def test_where_nobody_is_heard_every_protocol_is_training_alone(protocol):
    alone, deaf = play(FL, small_task(**DEAF))[-1], play(protocol, small_task(**DEAF))[-1]
    assert_array_equal(deaf.fed.weights, alone.fed.weights)
    assert all(
        row["uplink_delivered"] == 0 and row["uplink_slots"] == 105 and row["downlink_bits"] == 0 for row in deaf.rounds
    )
    heard = play(protocol, small_task(**CLEAR, beta=1.0))[-1]  # away from the limit
    assert not np.array_equal(heard.fed.weights, alone.fed.weights)


def test_all_protocols_meet_the_same_first_local_update_and_the_same_fading():
    firsts = [play(protocol, small_task())[0] for protocol in TABLE]
    assert len({tuple(now.curve) for now in firsts}) == 1
    slots = {row.name: now.rounds[0]["uplink_slots"] for row, now in zip(TABLE, firsts, strict=True)}
    assert slots["FD"] <= slots["MixFLD"] == slots["Mix2FLD"] == slots["FLD"] <= slots["FL"]


def test_seeds_go_up_in_the_first_round_only():
    task = small_task(**CLEAR)
    first, second = (row["uplink_bits"] for row in play(MIX2FLD, task)[-1].rounds)
    assert first == 4 * (3_200 + 10 * 6_272) and second == 4 * 3_200


def test_seeds_that_did_not_arrive_go_up_again():
    task = small_task(
        n_seed_samples=60, n_inverse_samples=60, max_slots=51
    )  # 38 good slots of 51: about one in two gets through
    first, second = (now.fed.seed_samples_arrived for now in play(MIX2FLD, task))
    assert 0 < first.sum() < 4, "the case needs a first round in which some get through"
    bits = play(MIX2FLD, task)[-1].rounds[1]["uplink_bits"]
    assert bits == 4 * 3_200 + (~first).sum() * 60 * 6_272
    assert np.all(second >= first)


@each_protocol
def test_a_device_in_outage_keeps_what_it_has(protocol):
    task = small_task(**CLEAR)
    fed, _ = play_round(1, protocol, first_state(task), task)
    reply = (
        np.ones_like(fed.mean)
        if protocol.downlink is protocols.OUTPUTS
        else np.ones(task.network.n_weights, np.float32)
    )
    weights = fed.weights.copy()
    after = protocol.downlink.write(fed, reply, np.array([True, False, True, False]))
    kept = [np.array_equal(a, b, equal_nan=True) for a, b in zip(after.weights, weights, strict=True)]
    kept_teacher = [np.array_equal(a, b, equal_nan=True) for a, b in zip(after.teachers, fed.teachers, strict=True)]
    assert (kept_teacher if protocol.downlink is protocols.OUTPUTS else kept) == [False, True, False, True]


@each_protocol
def test_a_round_leaves_the_state_it_starts_from_alone(protocol):
    task = small_task(**CLEAR)
    fed, _ = play_round(1, protocol, first_state(task), task)
    before = [np.copy(a) for a in vars(fed).values()]
    after, _ = play_round(2, protocol, fed, task)
    for was, now in zip(before, vars(fed).values(), strict=True):
        assert_array_equal(was, now)
    assert not np.array_equal(after.weights, fed.weights)


def test_the_curve_does_not_disturb_what_it_watches():
    once, often = (play(MIX2FLD, small_task(n_evaluations=looks))[-1] for looks in (1, 5))
    assert_array_equal(once.fed.weights, often.fed.weights)
    assert [len(now.curve) for now in (once, often)] == [2 * 2 + 1, 2 * 6 + 1]


def test_local_sends_nothing_and_learns_as_fl_does_when_no_upload_arrives():
    task = small_task(**DEAF)
    local, fl = play(PROTOCOLS["Local"], task)[-1], play(FL, task)[-1]
    assert_array_equal(local.fed.weights, fl.fed.weights)
    assert local.devices == fl.devices and local.server is None
    for row in local.rounds:
        assert (row["uplink_bits"], row["uplink_slots"], row["downlink_bits"], row["airtime_s"]) == (0, 0, 0, 0)
    assert [row["elapsed_s"] for row in local.rounds] == pytest.approx([0.01, 0.02])


def test_local_is_played_on_request_only():
    assert PROTOCOLS["Local"] not in TABLE and protocol_named("local") is PROTOCOLS["Local"]


# --- averages ---------------------------------------------------------------------------------------------------------


def test_global_weights_are_a_mean_over_those_delivered_weighted_by_their_samples():
    task = small_task()
    fed = replace(first_state(task), weights=np.arange(4.0)[:, None] * np.ones(task.network.n_weights, np.float32))
    vars(task)["n_samples"] = np.array(
        [10, 20, 30, 40]
    )  # the letter's weights; devices of one size could not tell them apart
    mean = payloads.average_weights(fed, task, np.array([True, False, True, True]))
    assert_allclose(mean, (0 * 10 + 2 * 30 + 3 * 40) / 80, rtol=1e-6)


def test_global_outputs_leave_out_whom_nobody_heard_and_labels_never_drawn():
    task, nan = small_task(), np.nan
    outputs = np.zeros((4, 10, 10))
    outputs[0], outputs[1], outputs[2], outputs[3] = 1.0, 100.0, 3.0, 5.0
    outputs[2, 7], outputs[:, 8] = nan, nan
    mean = payloads.average_over_devices(
        replace(first_state(task), outputs=outputs), task, np.array([True, False, True, True])
    )
    assert_allclose(mean[0], (1 + 3 + 5) / 3)
    assert_allclose(mean[7], (1 + 5) / 2)
    assert np.isnan(mean[8]).all()


def test_the_stop_criterion_evaluations_at_the_label_that_changed_most():
    old = np.eye(3)
    new = old + np.diag([0.1, 0.4, 0.0])
    assert payloads.outputs_change(new, old) == pytest.approx(0.4)
    assert payloads.weights_change(np.array([3.0, 4.4]), np.array([3.0, 4.0])) == pytest.approx(0.4 / 5)
    new[1] = np.nan  # nobody drew this label
    assert payloads.outputs_change(new, old) == pytest.approx(0.1)
    assert payloads.outputs_change(np.full((3, 3), np.nan), old) is None


# --- for each protocol a limit, paired with a case away from it -------------------------------------------------------


def alone(task, n_rounds):
    """Weights of device 0 after training alone, eq. (1) and nothing else."""
    images, labels = task.local_data(0)
    weights = first_state(task).weights[0]
    for p in range(1, n_rounds + 1):
        order = stream(task.seed, "batches", p, 0).integers(labels.size, size=task.settings.n_local_iterations)
        weights = local_update(
            task.network, weights, images, np.eye(10)[labels], order, task.settings.learning_rate
        ).weights
    return weights


def test_fl_with_one_device_averages_nothing():
    assert_array_equal(play(FL, small_task(n_devices=1, **CLEAR))[-1].fed.weights[0], alone(small_task(n_devices=1), 2))
    assert not np.allclose(
        play(FL, small_task(n_devices=2, **CLEAR))[-1].fed.weights[0], alone(small_task(n_devices=2), 2), atol=1e-5
    )


def test_fd_without_regulariser_is_training_alone():
    assert_array_equal(play(FD, small_task(beta=0.0, **CLEAR))[-1].fed.weights[0], alone(small_task(), 2))
    assert not np.allclose(
        play(FD, small_task(beta=0.5, **CLEAR))[-1].fed.weights[0], alone(small_task(), 2), atol=1e-5
    )


def test_fld_without_regulariser_is_training_on_the_seeds_alone():
    def server(beta):
        task = small_task(beta=beta, **CLEAR)
        return task, play_round(1, FLD, first_state(task), task)[0].server

    task, found = server(0.0)
    material = seed_samples.keep(seed_samples.raw(task), task)
    images, labels = material.render(np.arange(material.n_samples))
    order = stream(task.seed, "server batches", 1).integers(material.n_samples, size=40)
    expected = local_update(task.network, first_state(task).server, images, labels, order, 0.01).weights
    assert_allclose(found, expected, atol=1e-7)
    assert not np.allclose(server(0.5)[1], expected, atol=1e-5)


def material(protocol, ratio):
    """All that the server may distil on, and the training samples it came from."""
    task = small_task(mixing_ratio=ratio, **CLEAR)
    made = protocol.prepare(protocol.collect(task), task)
    return (*made.render(np.arange(made.n_samples)), task)


def distance_to_raw(images, task):
    """Largest distance of an image to the nearest training sample."""
    raw = pixels(task.data.train_images[np.unique(task.split.indices)]).reshape(-1, 784)
    flat = images.reshape(-1, 784)
    squares = (flat**2).sum(axis=1)[:, None] + (raw**2).sum(axis=1) - 2 * flat @ raw.T
    return float(np.sqrt(np.maximum(squares.min(axis=1), 0)).max())


@pytest.mark.parametrize("protocol", [MIXFLD, MIX2FLD], ids=["MixFLD", "Mix2FLD"])
def test_hardly_mixed_seeds_are_raw_seeds(protocol):
    images, labels, task = material(protocol, 1e-5)
    assert distance_to_raw(images, task) < 0.02
    assert_allclose(labels.max(axis=1), 1, atol=1e-4)
    images, labels, task = material(protocol, 0.3)
    assert distance_to_raw(images, task) > 1


def test_mixfld_distils_on_soft_labels_and_mix2fld_on_hard_ones():
    soft, hard = material(MIXFLD, 0.3)[1], material(MIX2FLD, 0.3)[1]
    assert_allclose(np.sort(soft, axis=1)[:, -2:], [[0.3, 0.7]] * len(soft))
    assert_array_equal(np.sort(hard, axis=1)[:, -1], 1)
    assert len(soft) == 4 * 10 and len(hard) == 4 * 20


@given(st.integers(1, 60), st.integers(0, 3))
def test_raw_seed_samples_are_different_ones_of_the_devices_own_and_a_larger_upload_holds_the_smaller(N_S, seed):
    few, all_of_them = (seed_samples.raw(small_task(seed, n_seed_samples=n, n_inverse_samples=60)) for n in (N_S, 60))
    split = small_task(seed).split
    for d in range(4):
        sent = few.first[few.device == d]
        assert len(set(sent)) == len(sent) == N_S and set(sent) <= set(split.indices[d])
        assert_array_equal(sent, all_of_them.first[all_of_them.device == d][:N_S])


@pytest.mark.parametrize("collect", [seed_samples.raw, seed_samples.mixed])
def test_nobody_uploads_more_samples_than_a_device_holds(collect):
    assert len(collect(small_task(n_seed_samples=60, n_inverse_samples=60)).first) == 4 * 60
    with pytest.raises(InputError, match="n_seed_samples = 61 is more than the 60 samples"):
        collect(small_task(n_seed_samples=61, n_inverse_samples=61))


@pytest.mark.parametrize("pairing", ["scheduled", "random"])
@given(seed=st.integers(0, 99))
def test_uploads_do_not_change_where_only_the_number_of_inverse_samples_does(pairing, seed):
    once, twice = (seed_samples.mixed(small_task(seed, pairing=pairing, n_inverse_samples=N_I)) for N_I in (10, 20))
    for mine, other in zip(vars(once).values(), vars(twice).values(), strict=True):
        assert_array_equal(mine, other)
    if pairing == "scheduled":
        assert not np.array_equal(once.first, seed_samples.mixed(small_task(seed, n_inverse_samples=40)).first)


@pytest.mark.parametrize(
    "D, N_S, N_I", [(10, 10, 10), (10, 50, 50), (10, 50, 100), *((D, 10, 20) for D in (10, 20, 30, 40, 50))]
)
def test_the_letters_sizes_are_reached_by_the_schedule(D, N_S, N_I):
    task = small_task(n_devices=D, n_seed_samples=N_S, n_inverse_samples=N_I)
    assert seed_samples.inversely_mixed(seed_samples.mixed(task), task).n_samples == D * N_I


@pytest.mark.parametrize("bits", [1, 4, 8])
@pytest.mark.parametrize("collect, ratio", [(seed_samples.raw, 1.0), (seed_samples.mixed, 0.1)])
def test_what_leaves_a_device_has_no_more_values_than_its_bits_can_name(collect, ratio, bits):
    task = small_task(bits_per_pixel=bits)
    sent, which = collect(task), np.arange(40)
    exact = ratio * pixels(task.data.train_images[sent.first]) + (1 - ratio) * pixels(
        task.data.train_images[sent.second]
    )
    steps = (2**bits - 1) * seed_samples.blend(sent, which, task).images.astype(np.float64)
    assert_allclose(steps, np.rint(steps), atol=1e-4)
    assert_allclose(steps, (2**bits - 1) * exact, atol=0.5 + 1e-4)


def test_the_server_works_with_rounded_uploads():
    task = small_task(bits_per_pixel=2)
    sent = seed_samples.mixed(task)
    kept, made = (
        prepare(sent, task).render(np.arange(40))[0].astype(np.float64)
        for prepare in (seed_samples.keep, seed_samples.inversely_mixed)
    )
    assert_allclose(3 * kept, np.rint(3 * kept), atol=1e-5)
    whole = 10 * 3 * 0.8 * made  # made = (0.9 s' - 0.1 s) / 0.8, where 3 s and 3 s' are whole numbers
    assert_allclose(whole, np.rint(whole), atol=1e-4)
    assert abs(made - seed_samples.inversely_mixed(sent, small_task()).render(np.arange(40))[0]).max() > 0.05


def test_the_random_policy_makes_as_many_as_there_are():
    task = small_task(pairing="random", n_seed_samples=2, n_inverse_samples=50, **CLEAR)
    assert seed_samples.inversely_mixed(seed_samples.mixed(task), task).n_samples < 4 * 50
    with pytest.raises(InputError, match="n_seed_samples"):  # and the schedule says at once that it is impossible
        seed_samples.mixed(replace(task, settings=replace(task.settings, pairing="scheduled")))


def test_inverse_mixup_of_raw_samples_is_refused_instead_of_finding_nobody_to_pair():
    task = small_task()
    with pytest.raises(InputError, match="these seed samples are raw"):
        seed_samples.inversely_mixed(seed_samples.raw(task), task)


def one_label_on(devices, **changes):
    """A task in which some devices hold samples of a single label."""
    task = small_task(**changes)
    indices = task.split.indices.copy()
    for d in devices:
        indices[d] = np.flatnonzero(task.data.train_labels == d)[:60]
    vars(task)["split"] = replace(task.split, indices=indices)
    return task


@pytest.mark.parametrize("pairing", ["random", "scheduled"])
@pytest.mark.parametrize("protocol", [MIXFLD, MIX2FLD], ids=["MixFLD", "Mix2FLD"])
def test_a_device_with_one_label_sends_no_mixed_up_samples_and_is_charged_for_none(protocol, pairing):
    task = one_label_on([2], pairing=pairing, **CLEAR)
    assert_array_equal(seed_samples.n_uploaded(protocol.collect, task), [10, 10, 0, 10])
    assert_array_equal(protocols.upload_bits(protocol, first_state(task), task) - 3_200, [62_720, 62_720, 0, 62_720])
    end = play(protocol, task)[-1]
    assert end.rounds[0]["uplink_bits"] == 4 * 3_200 + 3 * 62_720 and end.rounds[-1]["server_accuracy"] is not None
    assert seed_samples.notice(protocol.collect, task).startswith("No two different labels to mix up on device 2:")


def test_under_a_dirichlet_law_a_device_uploads_what_its_labels_allow_and_a_label_that_it_lacks_has_no_average_output():
    n_single = 0
    for seed in range(12):
        task = small_task(seed, split="dirichlet:0.05", pairing="random", **CLEAR)
        held = task.split.counts > 0
        single = np.flatnonzero(held.sum(axis=1) == 1)
        n_single += single.size
        assert_array_equal(seed_samples.n_uploaded(MIXFLD.collect, task), np.where(held.sum(axis=1) > 1, 10, 0))
        said = " ".join(protocols.notices(MIXFLD, task))
        assert (f"on device {', '.join(map(str, single))}: it uploads no seed samples" in said) == bool(single.size)
    assert n_single, "the case needs a device with a single label"
    fed, record = play_round(1, FD, first_state(task), task)
    assert (np.isnan(fed.outputs).all(axis=2) >= ~held).all() and np.isfinite(fed.weights).all()
    assert_array_equal(np.isnan(fed.mean).any(axis=1), np.isnan(fed.outputs).any(axis=2).all(axis=0))
    end = play(MIXFLD, task)[-1]
    assert np.isfinite(end.fed.server).all() and not np.array_equal(end.fed.server, first_state(task).server)


def test_a_note_names_only_those_who_send_nothing_while_others_do():
    task = one_label_on([0, 3])
    assert "on device 0, 3:" in seed_samples.notice(seed_samples.mixed, task)
    assert (
        seed_samples.notice(seed_samples.raw, task) is None and seed_samples.notice(seed_samples.nothing, task) is None
    )
    assert seed_samples.notice(seed_samples.mixed, small_task()) is None


REFUSED = [
    ([MIX2FLD], {"n_devices": 1}, "give 2 or more"),
    ([MIXFLD, MIX2FLD], {"n_devices": 1, "pairing": "scheduled"}, "at least 2"),
    (
        [MIXFLD, MIX2FLD],
        {"n_seed_samples": 2, "n_inverse_samples": 50, "pairing": "scheduled"},
        "n_seed_samples of at least 5",
    ),
    ([FLD, MIXFLD, MIX2FLD], {"n_seed_samples": 61, "n_inverse_samples": 61}, "more than the 60 samples"),
    ([MIX2FLD], {"mixing_ratio": 0.5000000000001}, "too near 0.5"),
    ([MIX2FLD], {"mixing_ratio": 0.5 - 1e-7}, "too near 0.5"),
]


@pytest.mark.parametrize("refused, changes, why", REFUSED)
@each_protocol
def test_what_cannot_work_is_refused_before_anything_is_drawn_and_all_else_is_not(
    protocol, refused, changes, why, monkeypatch
):
    task = small_task(**{"pairing": "random", **changes})
    _ = task.split
    with monkeypatch.context() as patched:
        for name in ("collect", "blend", "stream"):
            patched.setattr(seed_samples, name, None)  # the check neither draws nor renders
        with pytest.raises(InputError, match=why) if protocol in refused else nullcontext():
            seed_samples.check(protocol.collect, protocol.prepare, task)
    if protocol in refused:
        with pytest.raises(InputError, match=why):  # as it is without the check
            protocol.prepare(protocol.collect(task), task)


def test_a_federation_in_which_nobody_can_mix_up_is_refused_and_one_in_which_two_can_is_not():
    seed_samples.check(seed_samples.mixed, seed_samples.inversely_mixed, one_label_on([0, 1]))
    with pytest.raises(InputError, match="of which 1 can mix up"):
        seed_samples.check(seed_samples.mixed, seed_samples.inversely_mixed, one_label_on([0, 1, 2]))
    seed_samples.check(seed_samples.mixed, seed_samples.keep, one_label_on([0, 1, 2]))
    with pytest.raises(InputError, match="no device holds two different labels"):
        seed_samples.check(seed_samples.mixed, seed_samples.keep, one_label_on([0, 1, 2, 3]))


def test_a_row_with_functions_of_its_own_needs_no_check_but_keeps_those_of_the_others():
    seed_samples.check(lambda task: None, lambda sent, task: None, small_task(n_devices=1))
    with pytest.raises(InputError, match="more than the 60"):
        seed_samples.check(
            seed_samples.mixed, lambda sent, task: None, small_task(n_seed_samples=61, n_inverse_samples=61)
        )
    with pytest.raises(InputError, match="these seed samples are raw"):
        seed_samples.check(seed_samples.raw, seed_samples.inversely_mixed, small_task())


def test_a_ratio_near_one_half_may_come_as_near_as_single_precision_bears():
    made = seed_samples.inversely_mixed(seed_samples.mixed(task := small_task(mixing_ratio=0.499)), task)
    assert np.isfinite(made.render(np.arange(made.n_samples))[0]).all()


def test_any_number_of_inverse_samples_is_served_with_what_there_is():
    task = small_task(pairing="random", n_inverse_samples=1_000_000)
    assert 0 < seed_samples.inversely_mixed(seed_samples.mixed(task), task).n_samples < 4_000
    with pytest.raises(InputError, match="n_inverse_samples"):
        small_task(n_inverse_samples=2**63 - 1)


def test_images_are_rendered_as_if_all_were_rendered_at_once():
    task = small_task(**CLEAR)
    made = MIX2FLD.prepare(MIX2FLD.collect(task), task)
    everything, which = made.render(np.arange(made.n_samples)), np.array([5, 4, 17, 60])
    for part, whole in zip(made.render(which), everything, strict=True):
        assert_array_equal(part, whole[which])


# --- devices that take part -------------------------------------------------------------------------------------------


@each_protocol
def test_whoever_does_not_take_part_keeps_what_it_has_and_sends_nothing(protocol):
    task = small_task(participation=0.5, **CLEAR)
    fed = play_round(1, protocol, first_state(task), task)[0]
    there = task.takes_part(2)
    after, record = play_round(2, protocol, fed, task)
    assert there.sum() == 2 and not there.all()
    assert_array_equal(record.up.delivered, there)
    assert_array_equal(record.down.delivered, there)
    assert not record.up.payload_bits[~there].any() and record.up.payload_bits[there].all()
    for name in ("weights", "outputs", "teachers"):
        assert_array_equal(getattr(after, name)[~there], getattr(fed, name)[~there])
    assert (after.weights != fed.weights).any(axis=1)[there].all()


@given(st.floats(0, 1), st.integers(0, 99), st.integers(1, 9))
def test_a_share_of_the_devices_takes_part_at_least_one_and_every_protocol_meets_the_same(share, seed, p):
    task = small_task(seed, participation=share)
    assert task.takes_part(p).sum() == max(1, round(4 * share)) == task.settings.n_taking_part
    assert_array_equal(task.takes_part(p), small_task(seed, participation=share).takes_part(p))
    assert task.uplink.bandwidth_hz * task.settings.n_taking_part == pytest.approx(2 * task.settings.bandwidth_hz)


def test_who_takes_part_changes_from_round_to_round_and_seed_to_seed():
    task = small_task(participation=0.5)
    assert len({task.takes_part(p).tobytes() for p in range(1, 20)}) > 3
    assert len({small_task(seed, participation=0.5).takes_part(1).tobytes() for seed in range(20)}) > 3


def test_a_reference_device_that_does_not_take_part_is_tested_all_the_same():
    task = small_task(participation=0.25, n_rounds=6, **CLEAR)
    end = play(FD, task)[-1]
    assert len(end.curve) == 6 * 3 + 1
    for p in range(1, 7):
        three = [accuracy for _, accuracy in end.curve[3 * p - 3 : 3 * p]]
        assert task.takes_part(p)[task.reference] or len(set(three)) == 1
