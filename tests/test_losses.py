"""Softmax, phi, psi, their gradients by hand, and the target that joins them."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from strategies import generators

from mix2fld_np.errors import InputError
from mix2fld_np.nn import losses

label_counts = st.integers(2, 8)
signs = st.booleans()
weights_of_psi = st.floats(0, 10)


def drawn(rng, N_L, n_samples=5):
    """Logits (N, N_L), soft labels (N, N_L) and a teacher (N_L, N_L)."""
    return (
        3 * rng.normal(size=(n_samples, N_L)),
        rng.dirichlet(np.ones(N_L), n_samples),
        rng.dirichlet(np.ones(N_L), N_L),
    )


def central_difference(loss, z, step=1e-5):
    """Gradient (N, N_L) of the sum of loss(z) by the logits."""
    gradient = np.empty_like(z)
    for n in np.ndindex(z.shape):
        above, below = z.copy(), z.copy()
        above[n] += step
        below[n] -= step
        gradient[n] = (loss(above).sum() - loss(below).sum()) / (2 * step)
    return gradient


# -------------------------------------------------------------------------------------------------------------- softmax
@given(generators, label_counts, st.floats(-1e3, 1e3))
def test_softmax_does_not_care_for_a_common_shift(rng, N_L, shift):
    z, _, _ = drawn(rng, N_L)
    assert_allclose(losses.softmax(z + shift), losses.softmax(z), rtol=1e-9)


@given(generators, label_counts, st.sampled_from([1.0, 1e2, 1e4]), st.sampled_from([np.float32, np.float64]))
def test_softmax_sums_to_one_whatever_the_logits(rng, N_L, spread, dtype):
    F = losses.softmax((spread * drawn(rng, N_L)[0]).astype(dtype))
    assert F.dtype == dtype
    assert (F >= 0).all()
    assert_allclose(F.sum(axis=-1), 1, rtol=1e-6)


@given(generators, label_counts)
def test_ratios_of_outputs_are_exponentials_of_differences_of_logits(rng, N_L):
    z, _, _ = drawn(rng, N_L)
    F = losses.softmax(z)
    assert_allclose(F / F[:, :1], np.exp(z - z[:, :1]), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint64, np.int8, bool, ">f4"])
def test_numbers_of_any_type_are_read_for_what_they_are(dtype):
    z, y = np.array([[0, 1, 1], [1, 0, 0]], dtype), np.eye(3, dtype=dtype)[[0, 2]]
    assert_allclose(losses.softmax(z), losses.softmax(z.astype(float)), rtol=1e-6)
    for loss in (losses.phi, losses.psi, losses.phi_gradient, losses.psi_gradient):
        assert_array_equal(loss(y, y), loss(y.astype(float), y.astype(float)))
    target = losses.distillation_target(y, np.full((3, 3), 100).astype(dtype), 3)
    assert_array_equal(
        target, losses.distillation_target(y.astype(float), np.full((3, 3), 100).astype(dtype).astype(float), 3)
    )


def test_logits_of_ten_thousand_do_not_overflow():
    with np.errstate(over="raise", invalid="raise"):
        assert_array_equal(losses.softmax(np.array([1e4, 0.0, -1e4])), [1, 0, 0])
        assert_array_equal(losses.softmax(np.array([1e4, 1e4])), [0.5, 0.5])


# ---------------------------------------------------------------------------------------------------------- phi and psi
def test_an_output_that_underflows_has_an_infinite_phi_and_psi():
    F = losses.softmax(np.array([0, 200], np.float32))
    assert losses.phi(F, [1, 0]) == losses.psi(F, [1, 0]) == np.inf and losses.phi(F, [0, 1]) == 0


def test_phi_of_a_hard_label_is_minus_the_log_of_its_output():
    F = np.array([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]])
    assert_allclose(losses.phi(F, np.eye(3)[[0, 2]]), [np.log(2), -np.log(0.7)])


def test_an_impossible_output_costs_nothing_where_nobody_asks_for_it_and_everything_where_somebody_does():
    F = np.array([[1.0, 0.0]])
    with np.errstate(divide="raise", invalid="raise"):
        assert losses.phi(F, np.array([[1.0, 0.0]])) == 0
        assert losses.phi(F, np.array([[0.5, 0.5]])) == np.inf


@given(generators, label_counts)
def test_no_output_beats_the_label_itself(rng, N_L):
    z, y, _ = drawn(rng, N_L)
    entropy = losses.phi(y, y)
    assert (losses.phi(losses.softmax(z), y) >= entropy).all()
    assert_allclose(losses.phi_gradient(y, y), 0, atol=1e-15)


@given(generators, label_counts, signs)
def test_gradients_by_the_logits_are_central_differences(rng, N_L, printed_sign):
    z, y, G = drawn(rng, N_L)
    F, teacher = losses.softmax(z), y @ G
    by_difference = central_difference(lambda v: losses.phi(losses.softmax(v), y), z)
    assert_allclose(losses.phi_gradient(F, y), by_difference, atol=1e-7)
    by_difference = central_difference(lambda v: losses.psi(losses.softmax(v), teacher, printed_sign), z)
    assert_allclose(losses.psi_gradient(F, teacher, printed_sign), by_difference, atol=1e-7)


@given(generators, label_counts)
def test_labels_that_do_not_sum_to_one_have_the_same_gradient_rule(rng, N_L):
    z, y, _ = drawn(rng, N_L)
    y = y * rng.uniform(-2, 2, size=(len(y), 1))
    by_difference = central_difference(lambda v: losses.phi(losses.softmax(v), y), z)
    assert_allclose(losses.phi_gradient(losses.softmax(z), y), by_difference, atol=1e-7)


@given(generators, label_counts)
def test_a_step_down_psi_leads_towards_the_teacher_and_with_the_printed_sign_away_from_it(rng, N_L):
    z, y, G = drawn(rng, N_L)
    F, teacher = losses.softmax(z), y @ G

    def gap_after_a_step(printed_sign):
        return losses.phi(losses.softmax(z - 0.1 * losses.psi_gradient(F, teacher, printed_sign)), teacher)

    assert (gap_after_a_step(printed_sign=False) < losses.phi(F, teacher)).all()
    assert (gap_after_a_step(printed_sign=True) > losses.phi(F, teacher)).all()


# --------------------------------------------------------------------------------------------------------------- target
@given(generators, label_counts, weights_of_psi, signs)
def test_the_target_joins_phi_and_beta_psi_in_loss_and_gradient(rng, N_L, beta, printed_sign):
    z, y, G = drawn(rng, N_L)
    F, teacher = losses.softmax(z), y @ G
    t = losses.distillation_target(y, G, beta, printed_sign)
    assert_allclose(
        losses.phi(F, t), losses.phi(F, y) + beta * losses.psi(F, teacher, printed_sign), rtol=1e-9, atol=1e-9
    )
    separately = losses.phi_gradient(F, y) + beta * losses.psi_gradient(F, teacher, printed_sign)
    assert_allclose(t.sum(axis=1, keepdims=True) * F - t, separately, atol=1e-12)


@given(generators, label_counts)
def test_without_beta_the_target_is_the_label_and_with_it_not(rng, N_L):
    _, y, G = drawn(rng, N_L)
    assert_array_equal(losses.distillation_target(y, G, 0.0), y)
    assert (losses.distillation_target(y, G, 0.1) > y).all()
    assert (losses.distillation_target(y, G, 0.1, printed_sign=True) < y).all()


@given(generators, label_counts)
def test_the_teacher_of_a_hard_label_is_its_row(rng, N_L):
    _, _, G = drawn(rng, N_L)
    assert_allclose(losses.distillation_target(np.eye(N_L), G, 1.0) - np.eye(N_L), G, atol=1e-12)


def test_the_teacher_of_a_soft_label_is_the_mix_of_its_rows():
    G = np.array([[0.8, 0.2, 0.0], [0.1, 0.6, 0.3], [0.0, 0.5, 0.5]])
    t = losses.distillation_target(np.array([[0.1, 0.9, 0.0]]), G, 0.5)
    assert_allclose(t, [[0.1 + 0.5 * 0.17, 0.9 + 0.5 * 0.56, 0.5 * 0.27]])


def test_a_label_without_average_output_is_taught_by_nobody():
    G = np.array([[0.8, 0.2], [np.nan, np.nan]])
    assert_allclose(losses.distillation_target(np.eye(2), G, 0.5), [[1.4, 0.1], [0.0, 1.0]])


@pytest.mark.parametrize("shape", [(2, 2), (3, 2), (2, 3), (3,), (3, 3, 3)])
def test_a_teacher_of_another_shape_is_turned_away(shape):
    with pytest.raises(InputError, match=r"each, \(3, 3\)"):
        losses.distillation_target(np.eye(3), np.ones(shape), 0.1)
