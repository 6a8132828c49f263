"""Expectimax: both searches against the naive one, and what a search must never do."""

from dataclasses import replace

import numpy as np
import pytest

from agents.expectimax import ExpectimaxAgent, Leaves
from agents.networks import DEFAULT
from agents.ntuple import NTupleAgent, Values
from agents.ntuple_search import NTupleSearchAgent, ntuple_leaves
from agents.series import play_series
from game2048 import Game
from game2048 import board as rules
from tests.oracles import board as naive
from tests.oracles import expectimax as twin

WIDE = [[16, 16, 1, 2], [3, 1, 2, 4], [1, 2, 3, 1], [0, 3, 1, 17]]  # two ways to 131072, and a new tile either way


@pytest.fixture(scope="module")
def values():
    """Random weights: most pages of the tables stay untouched zeros."""
    weights = np.zeros(DEFAULT.n_weights, np.float32)
    generator = np.random.default_rng(0)
    for table in range(4):
        weights[table << 24 : (table << 24) + 300_000] = 20 * generator.normal(size=300_000)
    return Values(DEFAULT, weights)


def crowded_boards(n, most_empty, seed=0):
    """Boards with at least one legal action and few empty cells, some of them one move from the end."""
    generator = np.random.default_rng(seed)
    boards = []
    while len(boards) < n:
        cells = generator.integers(1, 7, 16)
        cells[generator.permutation(16)[: generator.integers(0, most_empty + 1)]] = 0
        if naive.legal_actions(cells.reshape(4, 4).tolist()):
            boards.append(cells.reshape(4, 4).tolist())
    return boards


def packed(boards):
    words = [rules.pack(board) for board in boards]
    return tuple(np.array([int(word[i]) for word in words], np.uint64) for i in range(2))


def leaf_of(values):
    """A value function of packed boards as one of lists."""
    return lambda cells: values(packed([cells])[0])[0]


def by_action(q):
    return {int(action): float(q[action]) for action in np.flatnonzero(q > -np.inf)}


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
def test_both_searches_of_an_ntuple_network_are_the_naive_one(values, depth, most_empty, n):
    boards = [*crowded_boards(n, most_empty), WIDE]
    leaves = ntuple_leaves(values)
    kernel, layers = NTupleSearchAgent(values, depth=depth), ExpectimaxAgent(leaves, depth=depth)

    together = layers.move_values(*packed(boards))

    for board, q in zip(boards, together, strict=True):
        expected = twin.move_values(board, depth, leaf_of(leaves.value))
        assert by_action(kernel.move_values(Game(0, board=board))) == expected
        assert by_action(q) == expected


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


def test_a_prior_narrows_the_search_after_the_first_move(values):
    boards, p_min = crowded_boards(10, 5), 0.3
    leaves = ntuple_leaves(values)

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


def test_a_prior_that_excludes_nothing_changes_nothing(values):
    boards = packed(crowded_boards(30, 10))
    leaves = ntuple_leaves(values)

    narrowed = ExpectimaxAgent(leaves, prior=tile_prior, p_min=0).move_values(*boards)

    assert np.array_equal(narrowed, ExpectimaxAgent(leaves).move_values(*boards))


# --- whole games ---


def test_one_move_ahead_is_greedy_play(values):
    seeds = range(20)
    expected = [NTupleAgent(values).play_game(seed).plies.tolist() for seed in seeds]

    kernel = NTupleSearchAgent(values, depth=1)
    layers = ExpectimaxAgent(ntuple_leaves(values), depth=1)

    assert [kernel.play_game(seed).plies.tolist() for seed in seeds] == expected
    assert [game.plies.tolist() for game in layers.play_games(seeds)] == expected


@pytest.mark.parametrize("prior", [None, tile_prior], ids=["full", "narrowed"])
def test_deeper_search_plays_legal_games_alike_alone_and_in_threads(values, prior):
    agent = ExpectimaxAgent(ntuple_leaves(values), depth=2, prior=prior, p_min=0.3)

    games = list(play_series(agent, n_games=6, seed=1, n_threads=2))

    for played in games:
        assert played.record("test").score == played.score  # verifies every ply
    again = agent.play_game(games[2].seed)
    assert again.plies.tolist() == games[2].plies.tolist()
    game = Game(games[2].seed)
    while not game.is_over:
        game.play(agent.act(game))
    assert game.record().plies.tolist() == again.plies.tolist()


def test_the_kernel_plays_the_games_of_the_layers(values):
    kernel, layers = NTupleSearchAgent(values, depth=2), ExpectimaxAgent(ntuple_leaves(values), depth=2)

    for played in layers.play_games(range(3)):
        assert kernel.play_game(played.seed).plies.tolist() == played.plies.tolist()


# --- what is refused ---


@pytest.mark.parametrize("depth", [0, 6, 1.5, True, None])
def test_a_depth_that_is_none_is_refused(values, depth):
    message = "depth must be an int from 1 to 5, got"
    with pytest.raises(ValueError, match=message):
        ExpectimaxAgent(ntuple_leaves(values), depth=depth)
    with pytest.raises(ValueError, match=message):
        NTupleSearchAgent(values, depth=depth)


def test_a_probability_that_is_none_is_refused(values):
    with pytest.raises(ValueError, match=r"p_min must be in \[0, 1\], got 2"):
        ExpectimaxAgent(ntuple_leaves(values), p_min=2)
