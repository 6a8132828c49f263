"""A policy network as value and prior of a search, in the unit that it has learned."""

import numpy as np
import pytest

from agents.errors import CheckpointError
from agents.expectimax import ExpectimaxAgent
from agents.policy.boards import action_masks
from agents.policy.network import NetworkConfig, build_network
from agents.policy.search import network_leaves, network_prior
from agents.policy.settings import LearningSettings
from agents.policy.unit import ValueUnit
from game2048 import Game
from tests.oracles import expectimax as twin

UNIT = ValueUnit(reward="log2", reward_scale=2.0, end_penalty=3.0, gamma=0.9)


@pytest.fixture(scope="module")
def network():
    return build_network(NetworkConfig(width=32, depth=2), np.random.default_rng(0))


def packed(cells):
    return np.array([sum(e << 4 * i for i, e in enumerate(np.ravel(cells).tolist()))], np.uint64)


@pytest.mark.parametrize("symmetric", [False, True])
def test_the_search_counts_moves_in_the_unit_of_the_values(network, symmetric):
    """log2(points) / 11 times the scale, gamma a move, and the price of the end."""
    leaves = network_leaves(network, UNIT, symmetric=symmetric)
    board = [[1, 2, 3, 4], [2, 3, 4, 5], [3, 4, 5, 6], [1, 1, 6, 7]]

    q = ExpectimaxAgent(leaves, depth=2).move_values(packed(board), np.zeros(1, np.uint64))[0]

    expected = twin.move_values(
        board, 2, lambda cells: float(leaves.value(packed(cells))[0]), of="states",
        reward=lambda points, cells: 2 * np.log2(points) / 11 if points else 0.0, discount=0.9, end=-3.0,
    )  # fmt: skip
    assert sorted(expected) == np.flatnonzero(q > -np.inf).tolist()
    np.testing.assert_allclose(q[q > -np.inf], [expected[action] for action in sorted(expected)], rtol=1e-5)


def test_values_and_policy_are_those_of_the_network(network):
    boards = np.concatenate([packed(Game(seed).board) for seed in (1, 2, 2, 1, 3)])

    logits, values = network(boards)

    np.testing.assert_allclose(network_leaves(network, UNIT).value(boards), values.data, rtol=1e-5)
    masks = action_masks(boards)
    weights = np.where(masks, np.exp(logits.data), 0)
    np.testing.assert_allclose(
        network_prior(network)(boards, masks), weights / weights.sum(1, keepdims=True), rtol=1e-5
    )


def test_no_boards_have_no_values(network):
    """Every line of play may end within the search."""
    nothing = np.empty(0, np.uint64)

    assert network_leaves(network, UNIT).value(nothing).shape == (0,)
    assert network_prior(network)(nothing, np.empty((0, 4), np.bool_)).shape == (0, 4)


def test_the_unit_of_a_learner_comes_back_from_the_notes():
    settings = LearningSettings(reward="score/sum", reward_scale=0.5, end_penalty=0.25, gamma=0.5)

    unit = ValueUnit.from_notes(ValueUnit.of(settings).to_notes())

    assert unit == ValueUnit(reward="score/sum", reward_scale=0.5, end_penalty=0.25, gamma=0.5)


@pytest.mark.parametrize(
    "notes",
    [{}, {"values": None}, {"values": {"reward": "miles"}}, {"values": {"gamma": "1"}}, {"values": {"speed": 1}}],
)
def test_values_of_an_unknown_unit_are_refused(notes):
    with pytest.raises(CheckpointError, match="do not tell the unit of its values"):
        ValueUnit.from_notes(notes)
