"""Returns, advantages and V-trace: against the papers' sums written naively, and against each other."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from agents.policy.targets import gae, n_step_returns, vtrace
from tests.oracles import targets as naive

unit = st.floats(0, 1)
CLOSE = {"rtol": 1e-5, "atol": 1e-4}


@st.composite
def blocks(draw):
    """(log_rhos, rewards, over, values) of 1 to 7 steps of 1 to 4 games; games end at any step."""
    horizon, n_games = draw(st.integers(1, 7)), draw(st.integers(1, 4))

    def floats(rows, low, high):
        return draw(hnp.arrays(np.float32, (rows, n_games), elements=st.floats(low, high, width=32)))

    over = draw(hnp.arrays(np.bool_, (horizon, n_games)))
    return floats(horizon, -3, 3), floats(horizon, 0, 64), over, floats(horizon + 1, -64, 64)


def columns(function, arrays, *numbers):
    """What a naive twin says of every step of every game."""
    horizon, n_games = arrays[0].shape
    lists = [[array[:, i].tolist() for array in arrays] for i in range(n_games)]
    return np.array([[function(t, *lists[i], *numbers) for i in range(n_games)] for t in range(horizon)])


@given(blocks(), unit, st.integers(1, 9))
def test_n_step_returns_agree_with_the_naive_twin(block, gamma, n):
    _, *experience = block

    returns = n_step_returns(*experience, gamma, n)

    np.testing.assert_allclose(returns, columns(naive.n_step_return, experience, gamma, n), **CLOSE)


@given(blocks(), unit, unit)
def test_generalised_advantages_agree_with_the_naive_twin(block, gamma, lam):
    _, *experience = block

    advantages, returns = gae(*experience, gamma, lam)

    np.testing.assert_allclose(advantages, columns(naive.generalised_advantage, experience, gamma, lam), **CLOSE)
    np.testing.assert_allclose(returns, advantages + experience[2][:-1], **CLOSE)


@given(blocks(), unit, unit, st.floats(0.5, 3), unit)
def test_vtrace_agrees_with_the_sum_and_the_recursion_of_the_paper(block, gamma, lam, rho_bar, share):
    numbers = gamma, lam, rho_bar, rho_bar * max(share, 0.1)

    targets, advantages = vtrace(*block, *numbers)

    np.testing.assert_allclose(targets, columns(naive.vtrace_target, block, *numbers), **CLOSE)
    np.testing.assert_allclose(targets, columns(naive.vtrace_target_by_recursion, block, *numbers), **CLOSE)
    np.testing.assert_allclose(advantages, columns(naive.vtrace_advantage, block, *numbers), **CLOSE)


@given(blocks(), unit)
def test_on_policy_vtrace_targets_are_the_returns_of_the_rest_of_the_block(block, gamma):
    """Espeholt et al., equation 2: with pi = mu all weights are 1, whatever the cuts from 1 up."""
    log_rhos, *experience = block
    horizon = len(log_rhos)

    targets, advantages = vtrace(np.zeros_like(log_rhos), *experience, gamma, rho_bar=2.0, c_bar=1.5)

    np.testing.assert_allclose(targets, n_step_returns(*experience, gamma, horizon), **CLOSE)
    np.testing.assert_allclose(advantages, targets - experience[2][:-1], **CLOSE)


@given(blocks(), unit, unit)
def test_on_policy_vtrace_is_generalised_advantage_estimation(block, gamma, lam):
    log_rhos, *experience = block

    targets, advantages = vtrace(np.zeros_like(log_rhos), *experience, gamma, lam)
    expected_advantages, expected_targets = gae(*experience, gamma, lam)

    np.testing.assert_allclose(advantages, expected_advantages, **CLOSE)
    np.testing.assert_allclose(targets, expected_targets, **CLOSE)


@given(blocks(), unit)
def test_generalised_advantages_look_one_step_ahead_at_lambda_0_and_to_the_end_at_lambda_1(block, gamma):
    _, *experience = block
    values = experience[2][:-1]

    one_step, _ = gae(*experience, gamma, 0.0)
    _, to_the_end = gae(*experience, gamma, 1.0)

    np.testing.assert_allclose(one_step, n_step_returns(*experience, gamma, 1) - values, **CLOSE)
    np.testing.assert_allclose(to_the_end, n_step_returns(*experience, gamma, len(values)), **CLOSE)


@given(blocks(), unit, unit)
def test_an_action_that_the_policy_never_takes_teaches_nothing(block, gamma, lam):
    """A weight of 0 leaves the value where it was, and stops what comes from later steps."""
    log_rhos, *experience = block
    log_rhos[0] = -np.inf

    targets, advantages = vtrace(log_rhos, *experience, gamma, lam)

    np.testing.assert_array_equal(targets[0], experience[2][0])
    np.testing.assert_array_equal(advantages[0], np.zeros_like(advantages[0]))


@given(blocks(), unit, unit)
def test_nothing_passes_the_end_of_a_game(block, gamma, lam):
    """Whatever happens in the next game of the column, the steps up to the end keep their targets."""
    log_rhos, rewards, over, values = block
    end = len(rewards) // 2
    over[end] = True
    other = [log_rhos.copy(), rewards.copy(), over, values.copy()]
    for array in (other[0], other[1], other[3]):
        array[end + 1 :] += 17

    for function, one, two in (
        (lambda *arrays: vtrace(*arrays, gamma, lam)[0], block, other),
        (lambda *arrays: vtrace(*arrays, gamma, lam)[1], block, other),
        (lambda *arrays: gae(*arrays, gamma, lam)[0], block[1:], other[1:]),
        (lambda *arrays: n_step_returns(*arrays, gamma, 5), block[1:], other[1:]),
    ):
        np.testing.assert_array_equal(function(*one)[: end + 1], function(*two)[: end + 1])


def test_a_weight_that_is_not_a_number_is_not_hidden():
    experience = np.ones((1, 1), np.float32), np.zeros((1, 1), bool), np.ones((2, 1), np.float32)

    targets, advantages = vtrace(np.full((1, 1), np.nan, np.float32), *experience, 1.0)

    assert np.isnan([targets, advantages]).all()


def test_sums_are_as_accurate_as_the_result():
    """A hundred thousand rewards of 0.1 add up to the nearest float32, where float32 sums are off by 1 %."""
    horizon = 100_000
    rewards = np.full((horizon, 1), 0.1, np.float32)
    experience = rewards, np.zeros_like(rewards, bool), np.zeros((horizon + 1, 1), np.float32)
    exact = np.float32(horizon * float(np.float32(0.1)))

    assert gae(*experience, 1.0, 1.0)[1][0, 0] == exact
    assert vtrace(np.zeros_like(rewards), *experience, 1.0)[0][0, 0] == exact


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r, o, v: gae(r, o, v[:-1], 1, 1), r"values must have shape \(4, 2\), got \(3, 2\)"),
        (lambda r, o, v: gae(r, o[:, :1], v, 1, 1), r"over must have shape \(3, 2\), got \(3, 1\)"),
        (lambda r, o, v: gae(r[0], o, v, 1, 1), r"rewards must have shape \(T, N\), got \(2,\)"),
        (lambda r, o, v: gae(r, o, v, 1.5, 1), r"gamma must be in \[0, 1\], got 1.5"),
        (lambda r, o, v: gae(r, o, v, 1, math.nan), r"lam must be in \[0, 1\], got nan"),
        (lambda r, o, v: n_step_returns(r, o, v, 1, 0), "n must be at least 1, got 0"),
        (lambda r, o, v: vtrace(r[1:], r, o, v, 1), r"log_rhos must have shape \(3, 2\), got \(2, 2\)"),
        (lambda r, o, v: vtrace(r, r, o, v, 1, c_bar=2), "rho_bar >= c_bar > 0, got 1.0 and 2"),
        (lambda r, o, v: vtrace(r, r, o, v, 1, c_bar=0), "rho_bar >= c_bar > 0, got 1.0 and 0"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(call, message):
    rewards, over, values = np.zeros((3, 2), np.float32), np.zeros((3, 2), bool), np.zeros((4, 2), np.float32)

    with pytest.raises(ValueError, match=message):
        call(rewards, over, values)
