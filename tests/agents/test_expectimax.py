"""Expectimax layer by layer: against the naive search, and what a search must never do."""

from dataclasses import replace
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest

from agents.expectimax import ExpectimaxAgent, Leaves
from agents.networks import Network
from agents.ntuple import NTupleAgent, Values
from agents.ntuple_search import ntuple_leaves
from agents.series import play_series
from game2048 import Game
from tests.agents.boards import WIDE, by_action, crowded_boards, leaf_of, packed
from tests.oracles import expectimax as twin


@pytest.fixture(scope="module")
def ntuples():
    """A network of random weights."""
    network = Network.named("17x4")
    return Values(network, (100 * np.random.default_rng(0).normal(size=network.n_weights)).astype(np.float32))


def hashed(boards):
    """A value function without any sense: anything from -500 to 500, different everywhere."""
    return ((boards * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)).astype(np.float32) / np.float32(
        2**24 / 1000
    ) - 500


def tile_prior(boards, masks):
    """A player who likes some actions better than others, a little differently on every board."""
    liking = np.stack([((boards >> np.uint64(8 * a)) & np.uint64(15)).astype(np.float32) for a in range(4)], 1)
    liking = np.where(masks, liking + 1, 0)
    return liking / np.maximum(liking.sum(1, keepdims=True), 1)


# --- against the naive twin, exactly ---


@pytest.mark.parametrize(("depth", "most_empty", "n"), [(1, 14, 40), (2, 14, 10), (3, 2, 4)])
def test_the_search_of_many_boards_is_the_naive_one_of_each(ntuples, depth, most_empty, n):
    boards = [*crowded_boards(n, most_empty), WIDE]
    leaves = ntuple_leaves(ntuples)

    together = ExpectimaxAgent(leaves, depth=depth).move_values(*packed(boards))

    for board, q in zip(boards, together, strict=True):
        assert by_action(q) == twin.move_values(board, depth, leaf_of(leaves.value))


@pytest.mark.parametrize(("depth", "most_empty", "n"), [(1, 14, 10), (2, 4, 5)])
def test_values_of_states_end_the_search_after_a_new_tile(depth, most_empty, n):
    """With rewards in another unit, a discount, and a price for the end."""
    boards = [*crowded_boards(n, most_empty), *crowded_boards(10, 0)]
    options = {"discount": 0.9, "end": -77.0}
    leaves = Leaves(value=hashed, of="states", reward=lambda points, boards: np.sqrt(points), **options)

    together = ExpectimaxAgent(leaves, depth=depth).move_values(*packed(boards))

    for board, q in zip(boards, together, strict=True):
        expected = twin.move_values(
            board, depth, lambda cells: float(leaf_of(hashed)(cells)), of="states",
            reward=lambda points, cells: float(np.sqrt(np.float32(points))), **options,
        )  # fmt: skip
        assert by_action(q) == expected
    painless = ExpectimaxAgent(replace(leaves, end=0.0), depth=depth).move_values(*packed(boards))
    assert (painless != together).any()  # some boards are close to the end


def test_rewards_are_told_the_board_before_the_move():
    boards = crowded_boards(10, 5)
    leaves = Leaves(
        value=lambda boards: np.zeros(boards.size, np.float32), reward=lambda points, boards: hashed(boards)
    )

    together = ExpectimaxAgent(leaves, depth=1).move_values(*packed(boards))

    for q, board in zip(together, packed(boards)[0], strict=True):
        assert set(by_action(q).values()) == {float(hashed(np.array([board]))[0])}


def test_a_prior_narrows_the_search_after_the_first_move(ntuples):
    boards, p_min = crowded_boards(10, 5), 0.3
    leaves = ntuple_leaves(ntuples)

    def wanted(cells, actions):
        words = packed([cells])[0]
        masks = np.array([[action in actions for action in range(4)]])
        likely = tile_prior(words, masks)[0]
        return [a for a in actions if likely[a] >= p_min or likely[a] == likely.max()]

    together = ExpectimaxAgent(leaves, depth=2, prior=tile_prior, p_min=p_min).move_values(*packed(boards))

    for board, q in zip(boards, together, strict=True):
        assert by_action(q) == twin.move_values(board, 2, leaf_of(leaves.value), wanted=wanted)
    full = ExpectimaxAgent(leaves, depth=2).move_values(*packed(boards))
    assert (together <= full).all()
    assert (together < full).any()


def test_a_prior_that_excludes_nothing_changes_nothing(ntuples):
    boards = packed(crowded_boards(30, 10))
    leaves = ntuple_leaves(ntuples)

    narrowed = ExpectimaxAgent(leaves, prior=tile_prior, p_min=0).move_values(*boards)

    assert np.array_equal(narrowed, ExpectimaxAgent(leaves).move_values(*boards))


# --- time limits ---


def test_with_time_enough_a_limit_changes_nothing(ntuples):
    boards = packed([*crowded_boards(5, 5), WIDE])
    leaves = ntuple_leaves(ntuples)

    limited = ExpectimaxAgent(leaves, depth=2, seconds=100.0).move_values(*boards)

    assert np.array_equal(limited, ExpectimaxAgent(leaves, depth=2).move_values(*boards))


def test_without_time_a_search_looks_one_move_ahead(ntuples):
    boards = packed(crowded_boards(5, 5))
    leaves = ntuple_leaves(ntuples)

    limited = ExpectimaxAgent(leaves, depth=5, seconds=1e-9).move_values(*boards)

    assert np.array_equal(limited, ExpectimaxAgent(leaves, depth=1).move_values(*boards))


def test_games_that_are_over_get_no_time(ntuples, monkeypatch):
    """By a clock that goes on by a second whenever it is looked at; 63 places are empty."""
    board, agent = packed(crowded_boards(1, 3)), ExpectimaxAgent(ntuple_leaves(ntuples), depth=4, seconds=2.5)
    among_others = [np.concatenate((word, np.zeros(63, np.uint64))) for word in board]

    def values(words):
        monkeypatch.setattr("agents.expectimax.time", SimpleNamespace(perf_counter=count().__next__))
        return agent.move_values(*words)[0]

    assert np.array_equal(values(among_others), values(board))
    assert not np.array_equal(values(board), ExpectimaxAgent(agent.values, depth=4).move_values(*board)[0])


def test_a_layer_in_parts_gives_the_same_values(ntuples, monkeypatch):
    boards, agent = packed([*crowded_boards(6, 2), WIDE]), ExpectimaxAgent(ntuple_leaves(ntuples), depth=3)
    whole = agent.move_values(*boards)

    monkeypatch.setattr("agents.expectimax.PART", 7)

    assert np.array_equal(agent.move_values(*boards), whole)


def test_a_time_limit_that_is_none_is_refused(ntuples):
    with pytest.raises(ValueError, match="seconds must be positive, got -1"):
        ExpectimaxAgent(ntuple_leaves(ntuples), seconds=-1)


# --- whole games ---


def test_one_move_ahead_is_greedy_play(ntuples):
    seeds = range(20)
    expected = [NTupleAgent(ntuples).play_game(seed).plies.tolist() for seed in seeds]

    layers = ExpectimaxAgent(ntuple_leaves(ntuples), depth=1)

    assert [game.plies.tolist() for game in layers.play_games(seeds)] == expected


@pytest.mark.parametrize("prior", [None, tile_prior], ids=["full", "narrowed"])
def test_deeper_search_plays_legal_games_alike_alone_and_in_threads(ntuples, prior):
    agent = ExpectimaxAgent(ntuple_leaves(ntuples), depth=2, prior=prior, p_min=0.3)

    games = list(play_series(agent, n_games=6, seed=1, n_threads=2))

    for played in games:
        assert played.record("test").score == played.score  # verifies every ply
    again = agent.play_game(games[2].seed)
    assert again.plies.tolist() == games[2].plies.tolist()
    game = Game(games[2].seed)
    while not game.is_over:
        game.play(agent.act(game))
    assert game.record().plies.tolist() == again.plies.tolist()


# --- what is refused ---


@pytest.mark.parametrize("depth", [0, 17, 1.5, True, None])
def test_a_depth_that_is_none_is_refused(ntuples, depth):
    message = "depth must be an int from 1 to 16, got"
    with pytest.raises(ValueError, match=message):
        ExpectimaxAgent(ntuple_leaves(ntuples), depth=depth)


def test_a_probability_that_is_none_is_refused(ntuples):
    with pytest.raises(ValueError, match=r"p_min must be in \[0, 1\], got 2"):
        ExpectimaxAgent(ntuple_leaves(ntuples), p_min=2)
