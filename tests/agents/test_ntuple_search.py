"""Search with n-tuple networks: the kernels against the naive twin, bit for bit, and what limits may do."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.downgrading import downgrade
from agents.expectimax import ExpectimaxAgent
from agents.networks import Network
from agents.ntuple import NTupleAgent, Values
from agents.ntuple_search import NTupleSearchAgent, ntuple_leaves
from agents.search_kernels import best_action, list_leaves, lookup_of, new_desk, play_some_moves
from agents.search_memory import new_memory
from agents.series import play_series
from game2048 import Game
from game2048 import board as rules
from game2048.rng import seed as random_state
from tests.agents.boards import WIDE, by_action, crowded_boards, leaf_of
from tests.oracles import board as naive
from tests.oracles import expectimax as twin

SMALL = Network.named("17x4+large+empty")
STAGED = Network.named("lines@5,4")


def random_values(network, dtype=np.float32, seed=0, **options):
    weights = 100 * np.random.default_rng(seed).normal(size=network.n_weights)
    return Values(network, weights.astype(dtype), **options)


@pytest.fixture(scope="module")
def values():
    return random_values(SMALL)


# --- exact search ---


@pytest.mark.parametrize(
    ("depth", "most_empty", "n"), [(1, 14, 20), (2, 14, 10), (3, 2, 5), pytest.param(4, 0, 2, marks=pytest.mark.slow)]
)
def test_a_search_is_the_naive_one_bit_for_bit_with_a_table_and_without(values, depth, most_empty, n):
    leaf = leaf_of(ntuple_leaves(values).value)
    for board in [*crowded_boards(n, most_empty), WIDE]:
        game, expected = Game(0, board=board), twin.move_values(board, depth, leaf)

        for remembered in (0, 1, 16, 4096):
            agent = NTupleSearchAgent(values, depth=depth, remembered=remembered)
            assert by_action(agent.move_values(game)) == expected


@pytest.mark.parametrize(
    "values",
    [
        random_values(SMALL, np.int16, unit=0.375),
        random_values(SMALL, initial=5000.0),
        random_values(STAGED),
    ],
    ids=["compact", "optimistic", "stages"],
)
def test_the_search_knows_all_kinds_of_networks(values):
    leaf = leaf_of(ntuple_leaves(values).value)
    for board in [*crowded_boards(5, 8), WIDE]:
        q = NTupleSearchAgent(values, depth=2).move_values(Game(0, board=board))

        assert by_action(q) == twin.move_values(board, 2, leaf)


@given(st.lists(st.integers(0, 5), min_size=16, max_size=16))
def test_leaves_are_the_afterstates_of_every_new_tile_each_once_in_a_row(cells):
    cells = np.array(cells)
    cells[0] = 0
    desk = new_desk(random_values(STAGED))

    n = list_leaves(rules.pack(cells)[0], rules.row_tables(), desk)

    found = set()
    for cell in np.flatnonzero(cells == 0):
        for tile in (1, 2):
            board = cells.copy()
            board[cell] = tile
            for action in range(4):
                after, points = naive.slide(board.reshape(4, 4).tolist(), action)
                place = desk.places[cell, tile - 1, action]
                assert (place >= 0) == (after != board.reshape(4, 4).tolist())
                if place >= 0:
                    assert desk.leaves[place] == rules.pack(after)[0]
                    assert desk.rewards[cell, tile - 1, action] == points
                    found.add(place)
    assert found == set(range(n))


def test_a_table_spares_leaves(values):
    game, looked_at = Game(1, board=crowded_boards(1, 8)[0]), []
    for places in (0, 4096):
        agent = NTupleSearchAgent(values, depth=3, remembered=places)
        lookup, memory, desk = agent._tools()
        agent._search(*game.packed, lookup, memory, desk)
        looked_at.append(desk.counts[1])

    assert looked_at[1] < 0.8 * looked_at[0]


# --- whole games ---


def test_one_move_ahead_is_greedy_play(values):
    for seed in range(10):
        greedy, searched = NTupleAgent(values).play_game(seed), NTupleSearchAgent(values, depth=1).play_game(seed)

        assert searched.plies.tolist() == greedy.plies.tolist()


@pytest.mark.parametrize("options", [{"depth": 2}, {"depth": 3, "p_cut": 0.01}, {"depth": 2, "downgrading": True}])
def test_a_game_is_the_same_move_by_move_in_threads_and_alone(values, options):
    agent = NTupleSearchAgent(values, **options)

    first, second = play_series(agent, n_games=2, seed=1, n_threads=2)

    assert first.record("test").score == first.score  # verifies every ply
    assert agent.play_game(second.seed).plies.tolist() == second.plies.tolist()
    game = Game(first.seed)
    while not game.is_over:
        game.play(agent.act(game))
    assert game.record().plies.tolist() == first.plies.tolist()


def test_the_kernel_plays_the_games_of_the_layers(values):
    kernel, layers = NTupleSearchAgent(values, depth=2), ExpectimaxAgent(ntuple_leaves(values), depth=2)

    for played in layers.play_games(range(3)):
        assert kernel.play_game(played.seed).plies.tolist() == played.plies.tolist()


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("downgrading", [False, True])
def test_a_game_goes_on_beyond_65536(values, depth, downgrading):
    """From two 32768 and a 65536 on: both merge at once or soon, to 131072."""
    board = [[15, 15, 16, 3], [1, 2, 3, 4], [2, 3, 4, 1], [0, 0, 0, 0]]
    agent = NTupleSearchAgent(values, depth=depth, downgrading=downgrading)
    rng, (low, high) = random_state(5), rules.pack(board)
    position, counts, plies = (
        np.array([int(low), int(high)], np.uint64),
        np.zeros(2, np.int64),
        np.empty(9999, np.uint8),
    )
    lookup, memory, desk = lookup_of(values, rules.row_tables()), new_memory(64), new_desk(values)

    over = play_some_moves(9999, rng, position, counts, depth, downgrading, lookup, 0.0, memory, desk, plies)

    assert over
    game = Game(5, board=board)
    while not game.is_over:
        game.play(agent.act(game))
    assert game.record().plies.tolist() == plies[: counts[1]].tolist()
    assert game.score == counts[0]
    assert game.packed == tuple(position)
    assert game.max_tile >= 65536


# --- cut-offs ---


@pytest.mark.parametrize("p_cut", [0.2, 0.05, 0.03])
def test_cutting_unlikely_lines_is_what_the_naive_search_does(values, p_cut):
    """Without a table: what is remembered is what the first way to a position found."""
    leaf = leaf_of(ntuple_leaves(values).value)
    exact = NTupleSearchAgent(values, depth=3)
    differs = 0
    for board in crowded_boards(5, 4):
        q = NTupleSearchAgent(values, depth=3, p_cut=p_cut, remembered=0).move_values(Game(0, board=board))

        assert by_action(q) == twin.move_values(board, 3, leaf, p_cut=p_cut)
        differs += not np.array_equal(q, exact.move_values(Game(0, board=board)))
    assert differs > 0


# --- searches that take long ---


@pytest.mark.parametrize("options", [{}, {"p_cut": 0.02}, {"remembered": 0}])
def test_a_deep_search_comes_back_now_and_then_and_finds_what_it_finds_in_one_call(values, options, monkeypatch):
    agent = NTupleSearchAgent(values, depth=4, **options)
    boards = [Game(0, board=board) for board in crowded_boards(3, 1)]
    at_once = [agent.move_values(game) for game in boards]
    calls, search = [], best_action
    monkeypatch.setattr("agents.ntuple_search.FIRST_CALL", 200)
    monkeypatch.setattr("agents.ntuple_search.best_action", lambda *given: calls.append(given) or search(*given))

    in_parts = [agent.move_values(game) for game in boards]

    assert len(calls) > 2 * len(boards)
    assert np.array_equal(in_parts, at_once)


@pytest.mark.parametrize("options", [{"depth": 12}, {"depth": 16, "seconds": 3000.0}, {"depth": 2}], ids=str)
def test_a_game_that_nobody_wants_any_more_is_left(values, options, monkeypatch):
    monkeypatch.setattr("agents.ntuple_search.FIRST_CALL", 10_000)
    monkeypatch.setattr("agents.ntuple_search.LOOKS", 10**9)
    monkeypatch.setattr("agents.ntuple_search.MOVES_A_CALL", {2: 5})
    asked = iter([False, False, True, True])

    assert NTupleSearchAgent(values, **options).play_game_unless(1, lambda: next(asked)) is None


# --- time limits ---


def test_a_time_limit_deepens_the_search(values):
    """With all the time in the world it is the exact search of its depth."""
    for board in crowded_boards(3, 4):
        game = Game(0, board=board)
        exact = NTupleSearchAgent(values, depth=3).move_values(game)

        assert np.array_equal(NTupleSearchAgent(values, depth=3, seconds=100.0).move_values(game), exact)


def test_a_search_that_is_called_again_and_again_finds_what_one_call_finds(values, monkeypatch):
    """A kernel that may look at 200 leaves a call comes to the end of 3000, whatever the clock says."""
    monkeypatch.setattr("agents.ntuple_search.FIRST_LEAVES", 200)
    monkeypatch.setattr("agents.ntuple_search.LOOKS", 10**9)
    for board in crowded_boards(3, 10):
        game = Game(0, board=board)
        exact = NTupleSearchAgent(values, depth=3).move_values(game)

        assert np.array_equal(NTupleSearchAgent(values, depth=3, seconds=100.0).move_values(game), exact)


def test_a_search_of_any_depth_ends_in_time(values):
    """Sixteen moves ahead from an open board would take longer than the world has been there."""
    agent = NTupleSearchAgent(values, depth=16, seconds=0.05)
    start = time.monotonic()

    agent.act(Game(0))

    assert 0.05 <= time.monotonic() - start < 5  # on a busy machine


def test_without_time_the_greedy_move_is_played(values):
    agent = NTupleSearchAgent(values, seconds=1e-9)

    assert agent.play_game(3).plies.tolist() == NTupleAgent(values).play_game(3).plies.tolist()


# --- downgrading ---


@given(
    st.lists(st.integers(0, 16), min_size=16, max_size=16),
    st.lists(st.integers(12, 17), max_size=4, unique=True),
)
def test_downgrading_is_the_naive_one_and_keeps_what_is_legal(cells, large):
    cells[: len(large)] = large
    board = np.array(cells).reshape(4, 4).tolist()

    low, high = downgrade(*rules.pack(board))

    lower = twin.downgraded(board)
    assert (low, high) == rules.pack(lower)
    assert naive.legal_actions(lower) == naive.legal_actions(board)


def test_a_downgraded_board_is_what_is_searched(values):
    board = [[15, 14, 11, 3], [1, 2, 3, 4], [2, 3, 4, 1], [0, 0, 0, 0]]
    plain, downgrading = (NTupleSearchAgent(values, depth=2, downgrading=on) for on in (False, True))

    q = downgrading.move_values(Game(0, board=board))

    assert np.array_equal(q, plain.move_values(Game(0, board=[[14, 13, 11, 3], *board[1:]])))


# --- what is refused ---


@pytest.mark.parametrize("depth", [0, 17, 1.5, True])
def test_a_depth_that_is_none_is_refused(values, depth):
    with pytest.raises(ValueError, match="depth must be an int from 1 to 16, got"):
        NTupleSearchAgent(values, depth=depth)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "a search needs a depth or seconds a move"),
        ({"seconds": 0.0}, "seconds must be positive, got 0"),
        ({"seconds": float("nan")}, "seconds must be positive, got nan"),
        ({"depth": 2, "p_cut": 1.0}, r"p_cut must be in \[0, 1\), got 1"),
        ({"depth": 2, "remembered": 3}, "remembered must be 0 or a power of two, got 3"),
    ],
)
def test_options_that_are_none_are_refused(values, options, message):
    with pytest.raises(ValueError, match=message):
        NTupleSearchAgent(values, **options)


def test_an_agent_is_named_by_how_it_searches(values):
    assert NTupleSearchAgent(values, depth=3).name.endswith(", depth 3")
    agent = NTupleSearchAgent(values, seconds=0.1, p_cut=1e-4, downgrading=True)
    assert agent.name.endswith(", 0.1 s a move, cut at 0.0001, downgrading")
