"""Networks that look one move ahead: the afterstates, and what is said of them by action."""

import numpy as np
import pytest

import nets
from agents.policy.afterstates import afterstates_of, by_action
from agents.policy.boards import action_masks, exponents
from agents.policy.distribution import masked_log_softmax
from agents.policy.network import NetworkConfig, build_network
from nets.testing import check_grads
from tests.oracles import board as rules

BOARDS = np.array([0x0000_0012_0321_1432, 0x11, 0x1212_2121_1212_2121], np.uint64)
"""The last one has no afterstate."""


def test_afterstates_are_those_of_the_legal_actions():
    afterstates, places = afterstates_of(BOARDS)

    seen = []
    for cells, row in zip(exponents(BOARDS).reshape(-1, 4, 4).tolist(), places.tolist(), strict=True):
        legal = rules.legal_actions(cells)
        assert [action for action in range(4) if row[action] >= 0] == legal
        for action in legal:
            assert exponents(afterstates)[row[action]].reshape(4, 4).tolist() == rules.slide(cells, action)[0]
            seen.append(row[action])
    assert seen == list(range(len(afterstates)))


def test_gradients_of_what_is_said_by_action():
    """Nothing flows back from illegal actions, which say 0."""
    afterstates, places = afterstates_of(BOARDS)
    x = np.random.default_rng(0).normal(size=len(afterstates))

    check_grads(lambda x: by_action(x, places), x)
    y = by_action(nets.Tensor(x), places).data

    assert (y[places >= 0] == x).all()
    assert not y[places < 0].any()


@pytest.fixture(scope="module")
def network():
    network = build_network(NetworkConfig(width=16, depth=1, reads="afterstates"), np.random.default_rng(0))
    network.policy.weight.data = 50 * network.policy.weight.data
    return network


def test_the_value_of_a_board_is_the_mean_of_its_afterstates_as_the_policy_chooses(network):
    logits, values = network(BOARDS)

    p = np.exp(masked_log_softmax(logits, action_masks(BOARDS)).data)
    afterstates, places = afterstates_of(BOARDS)
    of_afterstates = network.value(network.body(afterstates)).data[:, 0]
    expected = [sum(p[i, a] * of_afterstates[k] for a, k in enumerate(row) if k >= 0) for i, row in enumerate(places)]
    assert p[0].max() > 0.3
    np.testing.assert_allclose(values.data, expected, rtol=1e-5, atol=1e-6)


def test_actions_that_lead_to_the_same_board_are_equally_likely(network):
    """A full row of one kind alone: to the left or to the right, the afterstates are mirror images, up is illegal."""
    board = np.array([0x1], np.uint64)  # one tile in the upper left corner: right and down are legal
    logits, _ = network(board)

    assert afterstates_of(board)[1].tolist() == [[-1, 0, 1, -1]]
    assert logits.data[0, 0] == logits.data[0, 3] == 0
    assert logits.data[0, 1] != logits.data[0, 2]


def test_values_teach_the_value_head_and_not_the_policy(network):
    """The probabilities in the mean are constants."""
    network.zero_grad()
    network(BOARDS)[1].sum().backward()

    assert network.value.weight.grad.data.any()
    assert network.policy.weight.grad is None
