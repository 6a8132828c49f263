"""Uniformly random legal play, as fast as the rules go: the yardstick of the engine and a first check of it."""

from typing import Final

import numpy as np
import numpy.typing as npt

from game2048 import board as rules
from game2048._jit import njit
from game2048.rng import GOLDEN_GAMMA, mix, seed_streams

N_LANES: Final = 4
U64 = npt.NDArray[np.uint64]


@njit("UniTuple(uint64, 3)(uint64, uint64, uint64, uint32[::1])")
def random_move(
    board: np.uint64, mask: np.uint64, state: np.uint64, tables: rules.RowTables
) -> tuple[np.uint64, np.uint64, np.uint64]:
    """Play a random action of a nonzero ``mask``; return (board, reward, random state). One draw, no branch."""
    state += GOLDEN_GAMMA
    bits = mix(state)
    after, reward = rules.slide(board, rules.random_action(mask, bits), tables)
    return rules.spawn(after, bits), reward, state


@njit("int64(int64, int64, uint64[::1], int64[::1], uint64[::1], int64[::1])")
def refill_lanes(
    tick: int,
    n_started: int,
    boards: U64,
    games: npt.NDArray[np.int64],
    states: U64,
    n_moves: npt.NDArray[np.int64],
) -> int:
    """Put the next game into every lane without one or whose game is over; return how many games were started.

    Changes ``boards`` and ``games`` (a value a lane; -1 means no game), ``states`` and ``n_moves`` (a value a game) in
    place. While a game goes on, ``n_moves`` holds the tick at which it began.
    """
    for lane in range(games.size):
        while games[lane] < 0 or rules.action_mask(boards[lane]) == 0:
            if games[lane] >= 0:
                n_moves[games[lane]] = tick - n_moves[games[lane]]
            games[lane] = -1
            if n_started == states.size:
                break
            games[lane] = n_started
            n_moves[n_started] = tick
            boards[lane] = rules.start_board(states, n_started)
            n_started += 1
    return n_started


@njit("void(uint64[::1], uint32[::1], int64[::1], int64[::1])")
def play_random_games(
    states: U64, tables: rules.RowTables, scores: npt.NDArray[np.int64], n_moves: npt.NDArray[np.int64]
) -> None:
    """Play a whole game from every random state; fill ``scores`` (points) and ``n_moves``, shape (n_games,).

    Four games advance in turn, so that the processor works on one while another waits for its tables; a game does
    not depend on its neighbours. ``states`` is advanced in place. Random play never sees 65536, so high words are
    left out.
    """
    scores[:] = 0
    boards = np.zeros(N_LANES, np.uint64)
    games = np.full(N_LANES, -1)
    tick = 0
    n_started = refill_lanes(tick, 0, boards, games, states, n_moves)
    while games.min() >= 0:
        g0, g1, g2, g3 = games
        b0, b1, b2, b3 = boards
        s0, s1, s2, s3 = states[g0], states[g1], states[g2], states[g3]
        while True:
            m0, m1 = np.uint64(rules.action_mask(b0)), np.uint64(rules.action_mask(b1))
            m2, m3 = np.uint64(rules.action_mask(b2)), np.uint64(rules.action_mask(b3))
            if m0 == np.uint64(0) or m1 == np.uint64(0) or m2 == np.uint64(0) or m3 == np.uint64(0):
                break
            b0, r0, s0 = random_move(b0, m0, s0, tables)
            b1, r1, s1 = random_move(b1, m1, s1, tables)
            b2, r2, s2 = random_move(b2, m2, s2, tables)
            b3, r3, s3 = random_move(b3, m3, s3, tables)
            scores[g0] += np.int64(r0)
            scores[g1] += np.int64(r1)
            scores[g2] += np.int64(r2)
            scores[g3] += np.int64(r3)
            tick += 1
        boards[0], boards[1], boards[2], boards[3] = b0, b1, b2, b3
        states[g0], states[g1], states[g2], states[g3] = s0, s1, s2, s3
        n_started = refill_lanes(tick, n_started, boards, games, states, n_moves)
    for lane in range(N_LANES):  # the last games, one by one
        game = games[lane]
        if game < 0:
            continue
        board, state = boards[lane], states[game]
        n_moves[game] = tick - n_moves[game]
        mask = np.uint64(rules.action_mask(board))
        while mask != np.uint64(0):
            board, reward, state = random_move(board, mask, state, tables)
            scores[game] += np.int64(reward)
            n_moves[game] += 1
            mask = np.uint64(rules.action_mask(board))
        states[game] = state


def random_games(seeds: npt.ArrayLike) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Play a whole game a seed with uniformly random legal moves.

    Parameters
    ----------
    seeds : array_like of int, shape (n_games,)
        Game i starts as ``Game(seeds[i])``.

    Returns
    -------
    scores : ndarray of int64, shape (n_games,)
        Points.
    n_moves : ndarray of int64, shape (n_games,)
        Moves.

    Examples
    --------
    >>> scores, n_moves = random_games(range(20_000))
    >>> bool(1075 < scores.mean() < 1105)
    True
    """
    states = seed_streams(np.asarray(seeds, dtype=np.uint64).reshape(-1))
    scores, n_moves = np.empty(states.size, np.int64), np.empty(states.size, np.int64)
    play_random_games(states, rules.row_tables(), scores, n_moves)
    return scores, n_moves
