"""Masked distributions: values, gradients, draws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nets
from agents.policy.distribution import ILLEGAL, chosen, entropy, masked_log_softmax, policy_loss, sample
from nets.testing import check_grads
from tests.oracles import policy as naive

N = 60


@pytest.fixture
def logits():
    return np.random.default_rng(0).normal(size=(N, 4)) * 3


@pytest.fixture
def masks():
    """All 16 masks, the empty one included."""
    return np.array([[number >> a & 1 for a in range(4)] for number in np.arange(N) % 16], bool)


def log_softmax(logits, masks, dtype=np.float32):
    return masked_log_softmax(nets.Tensor(logits.astype(dtype)), masks)


# --- log-probabilities ---


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 1e-5), (np.float64, 1e-12)])
def test_log_probabilities_are_the_definition(logits, masks, dtype, rtol):
    found = log_softmax(logits, masks, dtype)

    assert found.dtype == dtype
    for row, z, mask in zip(found.data, logits, masks, strict=True):
        expected = [ILLEGAL if log_p is None else log_p for log_p in naive.log_softmax(z, mask)]
        np.testing.assert_allclose(row, expected, rtol=rtol, atol=1e-6)


def test_probabilities_of_legal_actions_sum_to_one_and_others_are_exactly_zero(logits, masks):
    p = np.exp(log_softmax(logits * 100, masks).data)

    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-6)
    assert (p[~masks & masks.any(1, keepdims=True)] == 0).all()


def test_a_row_without_a_legal_action_is_the_softmax_of_all():
    z = np.zeros((1, 4), np.float32)

    np.testing.assert_allclose(np.exp(log_softmax(z, np.zeros((1, 4), bool)).data), 0.25)


def test_huge_logits_neither_overflow_nor_give_nan(masks):
    log_p = log_softmax(np.resize([1e30, -1e30, 3e38, 0], (N, 4)), masks).data

    assert not np.isnan(log_p).any()
    assert not np.isposinf(log_p).any()


def test_nan_stays_visible():
    log_p = log_softmax(np.array([[np.nan, 0, 0, 0]]), np.array([[True, True, False, False]])).data[0]

    assert np.isnan(log_p[:2]).all()
    assert (log_p[2:] == ILLEGAL).all()


# --- gradients ---


def test_gradients_agree_with_finite_differences(logits, masks):
    legal = masks | ~masks.any(1, keepdims=True)

    check_grads(lambda z: masked_log_softmax(z, masks) * legal.astype(float), logits)
    check_grads(lambda z: entropy(masked_log_softmax(z, masks)), logits)


def test_the_gradient_of_the_policy_loss_agrees_with_finite_differences(logits, masks):
    legal = masks | ~masks.any(1, keepdims=True)
    actions, weights = legal.argmax(1).astype(np.uint8), np.random.default_rng(1).normal(size=N)

    check_grads(lambda z: policy_loss(masked_log_softmax(z, masks), actions, weights), logits)
    check_grads(lambda z: chosen(masked_log_softmax(z, masks), actions), logits)


def test_no_gradient_reaches_an_illegal_action_even_if_one_is_asked_for(logits, masks):
    z = nets.Tensor(logits.astype(np.float32), requires_grad=True)

    masked_log_softmax(z, masks).sum().backward()

    assert np.isfinite(z.grad.data).all()
    assert (z.grad.data[~masks & masks.any(1, keepdims=True)] == 0).all()


def test_entropy_is_that_of_the_legal_actions(masks):
    h = entropy(log_softmax(np.zeros((N, 4)), masks)).data

    np.testing.assert_allclose(h, np.log(np.where(masks.any(1), masks.sum(1), 4)), atol=1e-6)


def test_an_action_with_a_positive_weight_becomes_more_likely(logits, masks):
    masks = masks | np.eye(4, dtype=bool)[np.arange(N) % 4]
    masks[:, :2] = True  # at least two, so that something can become more likely
    actions = masks.argmax(1)
    z = nets.Tensor(logits, requires_grad=True)
    before = log_softmax(logits, masks, np.float64).data[np.arange(N), actions]

    policy_loss(masked_log_softmax(z, masks), actions, np.full(N, 0.5)).backward()
    after = log_softmax(logits - 0.1 * z.grad.data, masks, np.float64).data[np.arange(N), actions]

    assert (after > before).all()


# --- draws ---


@given(st.integers(1, 15), st.lists(st.floats(-20, 20), min_size=4, max_size=4), st.floats(0, 1, exclude_max=True))
def test_a_draw_is_legal_and_inverts_the_distribution(mask, z, u):
    legal = np.array([[mask >> a & 1 for a in range(4)]], bool)
    log_p = log_softmax(np.array([z]), legal)
    u = np.float32(min(u, np.nextafter(np.float32(1), np.float32(0))))

    action = int(sample(log_p.data, np.array([u], np.float32))[0])

    assert legal[0, action]
    cumulative = np.cumsum(np.exp(log_p.data[0].astype(np.float64)))
    if np.abs(cumulative - u).min() > 1e-6:  # elsewhere rounding decides
        assert action == naive.draw([x if ok else None for x, ok in zip(log_p.data[0], legal[0], strict=True)], u)


@pytest.mark.parametrize("u", [0.0, 0.5, float(np.nextafter(np.float32(1), np.float32(0))), 1.0])
def test_the_ends_of_the_interval_draw_legal_actions_for_all_masks(logits, masks, u):
    masks[~masks.any(1)] = True

    actions = sample(log_softmax(logits, masks).data, np.full(N, u, np.float32))

    assert actions.dtype == np.uint8
    assert masks[np.arange(N), actions].all()


def test_even_nan_draws_a_legal_action():
    log_p = np.array([[ILLEGAL, np.nan, ILLEGAL, np.nan], [-np.inf, -np.inf, 0, -np.inf]], np.float32)

    assert sample(log_p, np.array([0.5, 0.9], np.float32)).tolist() == [3, 2]


def test_actions_are_drawn_as_often_as_they_are_probable():
    p = np.array([0.1, 0.2, 0.0, 0.7])
    log_p = np.where(p > 0, np.log(np.maximum(p, 1e-30)), ILLEGAL).astype(np.float32)
    n = 40_000

    actions = sample(np.tile(log_p, (n, 1)), np.random.default_rng(0).random(n, np.float32))

    # Four standard deviations of a share are at most 4 * sqrt(0.25 / n) = 0.01.
    np.testing.assert_allclose(np.bincount(actions, minlength=4) / n, p, atol=0.01)


def test_arrays_that_are_read_only_or_have_gaps_are_taken(logits, masks):
    expected = log_softmax(logits, masks)
    z, legal, u = (np.asfortranarray(array) for array in (logits.astype(np.float32), masks, np.full(N, 0.5)))
    for array in (z, legal, u):
        array.flags.writeable = False
    leaf = nets.Tensor(z)
    leaf.requires_grad_()

    log_p = masked_log_softmax(leaf, legal)
    (entropy(log_p).sum() + log_p.sum()).backward()  # sums send back arrays that may not be written to

    np.testing.assert_array_equal(log_p.data, expected.data)
    log_p.data.flags.writeable = False
    np.testing.assert_array_equal(sample(log_p.data, u), sample(expected.data, np.full(N, 0.5, np.float32)))


# --- mistakes ---


def test_wrong_arguments_are_refused(logits, masks):
    z = nets.Tensor(logits)
    log_p = masked_log_softmax(z, masks)
    for wrong, error, message in [
        (lambda: masked_log_softmax(z, masks[:3]), nets.ShapeError, r"masks must be bools of shape \(60, 4\), got"),
        (lambda: masked_log_softmax(z, masks.astype(int)), nets.ShapeError, "masks must be bools"),
        (
            lambda: masked_log_softmax(z[:, :3], masks),
            nets.ShapeError,
            r"logits must have shape \(n, 4\), got \(60, 3\)",
        ),
        (lambda: entropy(nets.Tensor(masks)), nets.DtypeError, "log_probs must be float32 or float64, got bool"),
        (lambda: chosen(log_p, np.zeros(3, int)), nets.ShapeError, r"actions must be ints of shape \(60,\)"),
        (lambda: chosen(log_p, np.full(N, 4)), nets.ArgumentError, r"actions must be in \[0, 4\), got 4 to 4"),
        (lambda: policy_loss(log_p, np.zeros(N, int), np.ones(3)), nets.ShapeError, r"weights .* got \(3,\)"),
        (lambda: sample(np.zeros((3, 4)), np.zeros(2)), ValueError, r"\(n, 4\) and \(n,\), got \(3, 4\) and \(2,\)"),
    ]:
        with pytest.raises(error, match=message):
            wrong()
