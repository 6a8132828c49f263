"""The n-tuple network: features, values, greedy play."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.ntuple import N_FEATURES, N_WEIGHTS, NTupleAgent, sum_weights, write_features
from game2048 import Game
from game2048 import board as rules
from tests.oracles import td as naive

boards = st.lists(st.integers(0, 17), min_size=16, max_size=16)


def feature_indices(cells):
    out = np.empty(N_FEATURES, np.uint32)
    write_features(rules.pack(cells)[0], out)
    return out


@pytest.fixture(scope="module")
def agent():
    """An agent of random weights: most pages of the tables stay untouched zeros."""
    weights = np.zeros(N_WEIGHTS, np.float32)
    generator = np.random.default_rng(0)
    weights[generator.integers(0, N_WEIGHTS, 100_000)] = generator.normal(size=100_000)
    for table in range(4):
        weights[table << 24 : (table << 24) + 70_000] = generator.normal(size=70_000)
    return NTupleAgent(weights)


@given(boards)
def test_features_are_the_patterns_on_all_eight_boards_and_the_lines(cells):
    expected = naive.features(np.array(cells).reshape(4, 4))

    assert sorted(feature_indices(cells).tolist()) == sorted(expected)


@given(boards, st.integers(0, 3), st.booleans())
def test_symmetric_boards_have_the_same_value(cells, turns, mirror):
    board = np.rot90(np.array(cells).reshape(4, 4), turns)
    board = board.T if mirror else board

    assert sorted(feature_indices(board)) == sorted(feature_indices(cells))


def test_a_value_is_the_sum_of_its_weights(agent):
    features = feature_indices([1, 2, 0, 0, 3, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])

    assert sum_weights(agent.weights, features) == pytest.approx(agent.weights[features].sum(), rel=1e-5)


def test_an_agent_plays_the_best_reward_plus_value(agent):
    game = Game(8)
    for _ in range(200):
        values = agent.move_values(game)
        for action in range(4):
            after, _, reward = rules.play(*game.packed, action, rules.row_tables())
            if action in game.legal_actions:
                expected = reward + agent.weights[feature_indices(rules.unpack(after))].sum()
                assert values[action] == pytest.approx(expected, rel=1e-4, abs=1e-3)
            else:
                assert values[action] == -np.inf
        assert agent.act(game) == np.argmax(values)
        if game.is_over:
            break
        game.play(agent.act(game))


def test_a_game_is_the_same_in_the_kernel_and_move_by_move(agent):
    played = agent.play_game(123)
    game = Game(123)
    while not game.is_over:
        game.play(agent.act(game))

    assert played.score == game.score
    assert played.plies.tolist() == game.record().plies.tolist()
    assert 2**played.max_exponent == game.max_tile
    assert played.record("test") == game.record("test")


def test_weights_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="weights must be float32 of shape"):
        NTupleAgent(np.zeros(10, np.float32))
