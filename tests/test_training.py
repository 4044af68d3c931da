"""Local update, average outputs and output-to-model conversion."""

from concurrent.futures import ThreadPoolExecutor

import naive
import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from strategies import exercises, generators, patient, random_exercise

from mix2fld_np.errors import InputError
from mix2fld_np.nn import losses
from mix2fld_np.nn.network import Network
from mix2fld_np.nn.training import average_outputs, distil, local_update

SMALL = Network((2, 4, 4), (3, 2), 4)
dtypes = st.sampled_from([np.float32, np.float64])
rates = st.floats(1e-4, 0.1)


# -------------------------------------------------------------------------------------------------------- local update
@patient
@given(exercises(), generators, st.integers(0, 6), rates)
def test_local_update_is_the_slow_twins_descent(exercise, rng, K, rate):
    network, w, x, y, _ = exercise
    order = rng.integers(len(x), size=K)
    update, (slow_weights, slow_outputs) = (
        local_update(network, w, x, y, order, rate),
        naive.descend(network, w, x, y, order, rate),
    )
    assert_allclose(update.weights, slow_weights, rtol=0, atol=1e-12)
    assert_allclose(update.outputs, slow_outputs.reshape(K, network.n_labels), rtol=0, atol=1e-12)


@patient
@given(exercises(margin=1e-4), generators, rates)
def test_a_step_in_single_precision_follows_the_slow_twin(exercise, rng, rate):
    network, w, x, y, _ = exercise
    order = rng.integers(len(x), size=1)
    update = local_update(network, w.astype(np.float32), x, y, order, rate)
    assert update.weights.dtype == update.outputs.dtype == np.float32
    assert_allclose(update.weights, naive.descend(network, w, x, y, order, rate)[0], rtol=0, atol=1e-5)


@patient
@given(exercises(), rates)
def test_a_step_goes_down_the_gradient_of_its_own_sample(exercise, rate):
    network, w, x, y, _ = exercise
    n = len(x) - 1
    by_gradient = w - rate * network.gradient(w, x[n:], y[n:])
    assert_allclose(local_update(network, w, x, y, [n], rate).weights, by_gradient, rtol=0, atol=1e-12)


@patient
@given(exercises(), generators, st.integers(0, 12), st.integers(0, 12), dtypes)
def test_chained_updates_equal_one_to_the_bit(exercise, rng, K, split, dtype):
    network, w, x, y, _ = exercise
    order, w = rng.integers(len(x), size=K), w.astype(dtype)
    whole = local_update(network, w, x, y, order, 0.05)
    first = local_update(network, w, x, y, order[:split], 0.05)
    rest = local_update(network, first.weights, x, y, order[split:], 0.05)
    assert_array_equal(rest.weights, whole.weights)
    assert_array_equal(np.concatenate([first.outputs, rest.outputs]), whole.outputs)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_two_threads_train_to_the_same_bits_as_one(dtype):
    network, w, x, y, _ = random_exercise(SMALL, np.random.default_rng(0), 20)
    order, w = np.random.default_rng(1).integers(20, size=2_000), w.astype(dtype)
    alone = local_update(network, w, x, y, order, 0.01)
    with ThreadPoolExecutor(2) as pool:
        for update in pool.map(lambda _: local_update(network, w, x, y, order, 0.01), range(8)):
            assert_array_equal(update.weights, alone.weights)
            assert_array_equal(update.outputs, alone.outputs)


def test_training_leaves_what_is_handed_in_alone():
    network, w, x, y, G = random_exercise(SMALL, np.random.default_rng(2), 5)
    w, order = w.astype(np.float32), np.arange(5)
    before = [a.copy() for a in (w, x, y, G, order)]
    assert np.any(local_update(network, w, x, y, order, 0.1).weights != w)
    distil(network, w, x, y, G, order, 0.1, 0.01)
    for now, then in zip((w, x, y, G, order), before, strict=True):
        assert_array_equal(now, then)


def test_no_iterations_leave_the_weights_where_they_are():
    network, w, x, y, _ = random_exercise(SMALL, np.random.default_rng(3), 2)
    update = local_update(network, w, x, y, np.empty(0, int), 0.1)
    assert_array_equal(update.weights, w)
    assert update.weights is not w
    assert update.outputs.shape == (0, 4)


def bright_corners(rng, n_samples):
    """Noise with one bright corner of four, and which: images (N, 1, 4, 4), labels (N,)."""
    labels = rng.integers(4, size=n_samples)
    images = rng.uniform(
        0, 0.5, size=(n_samples, 2, 2, 2, 2)
    )  # rows of cells, rows in a cell, columns of cells, columns in a cell
    images[np.arange(n_samples), labels // 2, :, labels % 2] += 0.5
    return images.reshape(n_samples, 1, 4, 4), labels


def test_training_learns_which_corner_is_bright():
    network, rng = Network((1, 4, 4), (4, 3), 4), np.random.default_rng(4)
    (x, l), (unseen, truth) = bright_corners(rng, 200), bright_corners(rng, 400)
    start, y = network.initial_weights(rng), np.eye(4)[l]
    update = local_update(network, start, x, y, rng.integers(200, size=4_000), 0.05)
    assert network.accuracy(start, unseen, truth) < 0.6
    assert network.accuracy(update.weights, unseen, truth) > 0.95
    assert (
        losses.phi(network.outputs(update.weights, x), y).mean() < 0.3 * losses.phi(network.outputs(start, x), y).mean()
    )


# ------------------------------------------------------------------------------------------------------ average outputs
@given(generators, st.integers(1, 6), st.integers(1, 40), dtypes)
def test_average_outputs_are_means_by_label_and_nan_for_labels_never_drawn(rng, N_L, K, dtype):
    F, l = rng.dirichlet(np.ones(N_L), K).astype(dtype), rng.integers(N_L, size=K)
    means = average_outputs(F, l, N_L)
    assert means.dtype == np.float64
    for n in range(N_L):
        for m in range(N_L):
            theirs = [float(F[k, m]) for k in range(K) if l[k] == n]
            expected = sum(theirs) / len(theirs) if theirs else np.nan
            assert_allclose(means[n, m], expected, rtol=1e-12, atol=1e-15)


@given(generators, st.integers(1, 6), st.integers(1, 40))
def test_average_outputs_do_not_care_for_the_order_of_iterations_and_sum_to_one(rng, N_L, K):
    F, l = rng.dirichlet(np.ones(N_L), K), rng.integers(N_L, size=K)
    means, shuffled = average_outputs(F, l, N_L), rng.permutation(K)
    assert_allclose(average_outputs(F[shuffled], l[shuffled], N_L), means, rtol=1e-12, atol=1e-15)
    assert_allclose(means[np.unique(l)].sum(axis=1), 1)


def test_nobody_draws_anything_and_nothing_is_known():
    assert np.isnan(average_outputs(np.empty((0, 3)), np.empty(0, int), 3)).all()


@pytest.mark.parametrize("labels", [(3,), (5,), (4, 1), (4, 3), ()])
def test_outputs_and_labels_that_do_not_pair_up_are_turned_away(labels):
    with pytest.raises(InputError, match="one label for each"):
        average_outputs(np.ones((4, 3)), np.zeros(labels, int), 3)


@pytest.mark.parametrize("outputs, n_labels", [((4,), 3), ((4, 3), 2), ((4, 3), 4), ((4, 3, 1), 3), ((4, 1), 3)])
def test_outputs_of_another_number_of_labels_are_turned_away(outputs, n_labels):
    with pytest.raises(InputError, match=f"one row of {n_labels} for each iteration"):
        average_outputs(np.ones(outputs), np.zeros(4, int), n_labels)


@pytest.mark.parametrize("labels", [[0, 3], [-1, 2], [0.5, 1]])
def test_labels_that_are_none_are_turned_away(labels):
    with pytest.raises(InputError, match="numbered from 0 to 2"):
        average_outputs(np.ones((2, 3)), labels, 3)


# ----------------------------------------------------------------------------------------------------- output to model
@patient
@given(exercises(), generators, st.floats(0, 2), st.booleans())
def test_distillation_is_a_local_update_towards_the_joint_target(exercise, rng, beta, printed_sign):
    network, w, x, y, G = exercise
    order = rng.integers(len(x), size=5)
    slow = w
    for i in order:
        by_phi = naive.sample_gradient(network, slow, x[i], y[i])
        by_psi = naive.sample_gradient(network, slow, x[i], (-1 if printed_sign else 1) * (y[i] @ G))
        slow = slow - 0.05 * (by_phi + beta * by_psi)
    assert_allclose(distil(network, w, x, y, G, order, 0.05, beta, printed_sign), slow, rtol=0, atol=1e-12)


def test_distillation_without_beta_is_plain_cross_entropy_and_with_it_not():
    network, w, x, y, G = random_exercise(SMALL, np.random.default_rng(5), 8)
    order = np.arange(8)
    plain = local_update(network, w, x, y, order, 0.05).weights
    assert_array_equal(distil(network, w, x, y, G, order, 0.05, beta=0.0), plain)
    assert abs(distil(network, w, x, y, G, order, 0.05, beta=0.1) - plain).max() > 1e-5


def test_distillation_draws_the_student_towards_the_teacher_and_the_printed_sign_pushes_it_away():
    network, w, x, _, G = random_exercise(SMALL, np.random.default_rng(6), 20)
    y, order = np.eye(4)[np.arange(20) % 4], np.random.default_rng(7).integers(20, size=400)

    def gap(beta, printed_sign=False):
        student = distil(network, w, x, y, G, order, 0.02, beta, printed_sign)
        return losses.psi(network.outputs(student, x), y @ G).mean()

    assert gap(beta=1.0) < gap(beta=0.0) < gap(beta=0.5, printed_sign=True)


# ----------------------------------------------------------------------------------------------------------- front door
@pytest.mark.parametrize("order", [[-1], [3], [0, 3], [0.0], [[0, 1]], [True], [], 0])
def test_an_order_that_points_anywhere_but_at_the_samples_is_turned_away(order):
    network, w, x, y, _ = random_exercise(SMALL, np.random.default_rng(8), 3)
    with pytest.raises(InputError, match="from 0 to 2"):
        local_update(network, w, x, y, order, 0.1)


def test_an_order_with_a_sample_that_is_not_there_is_told_which():
    network, w, x, y, _ = random_exercise(SMALL, np.random.default_rng(8), 3)
    with pytest.raises(InputError, match="with samples 1 to 7"):
        local_update(network, w, x, y, [2, 7, 1], 0.1)


@pytest.mark.parametrize("rate", [0.0, -0.1, np.nan, np.inf])
def test_a_learning_rate_that_is_not_positive_and_finite_is_turned_away(rate):
    network, w, x, y, _ = random_exercise(SMALL, np.random.default_rng(9), 3)
    with pytest.raises(InputError, match="positive"):
        local_update(network, w, x, y, [0], rate)


def test_local_update_asks_the_network_whether_shapes_fit():
    network, w, x, y, _ = random_exercise(SMALL, np.random.default_rng(10), 3)
    for weights, images, targets in [
        (w[1:], x, y),
        (w, x[:, :1], y),
        (w, x[:0], y[:0]),
        (w, x, y[:2]),
        (w, x, y[:, :3]),
    ]:
        with pytest.raises(InputError, match="do not fit"):
            local_update(network, weights, images, targets, [0], 0.1)
