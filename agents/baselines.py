"""Players that learn nothing, to compare with: random, greedy by score, Monte-Carlo roll-outs.

All three play in one kernel loop; what differs is the kernel that chooses the action. A game uses two random streams:
stream 0 gives the new tiles, exactly as in ``Game(seed)``, stream 1 is the player's own.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from agents.base import MAX_MOVES, PlayedGame
from game2048 import board as rules
from game2048._jit import njit
from game2048.game import Game
from game2048.rng import draw, mix, seed

RANDOM: Final = 0
GREEDY: Final = 1
MONTE_CARLO: Final = 2

RandomState = npt.NDArray[np.uint64]


# --- kernels: one per way to choose ---


@njit("int64(uint64, uint64, uint64[::1])")
def choose_randomly(board: np.uint64, high: np.uint64, rng: RandomState) -> int:
    """Return a uniformly chosen legal action."""
    return rules.random_action(np.uint64(rules.action_mask_wide(board, high)), draw(rng, 1))


@njit("int64(uint64, uint64, uint64[::1], uint32[::1])")
def choose_greedily(board: np.uint64, high: np.uint64, rng: RandomState, tables: rules.RowTables) -> int:
    """Return the action with the largest reward; ties are broken at random."""
    mask = rules.action_mask_wide(board, high)
    best_reward = np.int64(-1)
    best = np.uint64(0)
    for action in range(4):
        if mask >> action & 1:
            reward = np.int64(rules.play(board, high, action, tables)[2])
            if reward > best_reward:
                best_reward = reward
                best = np.uint64(0)
            if reward == best_reward:
                best |= np.uint64(1) << np.uint64(action)
    return rules.random_action(best, draw(rng, 1))


@njit("int64(uint64, uint64, uint64[::1], uint32[::1])")
def roll_out(board: np.uint64, high: np.uint64, rng: RandomState, tables: rules.RowTables) -> int:
    """Play randomly to the end from an afterstate; return the points made. New tiles come from stream 1 too."""
    score = 0
    while True:
        bits = draw(rng, 1)
        board = rules.spawn(board, bits)
        mask = rules.action_mask_wide(board, high)
        if mask == 0:
            return score
        board, high, reward = rules.play(board, high, rules.random_action(np.uint64(mask), bits), tables)
        score += int(np.int64(reward))


@njit("int64(uint64, uint64, uint64[::1], uint32[::1], int64)")
def choose_by_rollouts(
    board: np.uint64, high: np.uint64, rng: RandomState, tables: rules.RowTables, n_rollouts: int
) -> int:
    """Return the action with the best mean score of ``n_rollouts`` random games after it."""
    mask = rules.action_mask_wide(board, high)
    best = -1
    best_total = np.int64(-1)
    for action in range(4):
        if mask >> action & 1:
            after, after_high, reward = rules.play(board, high, action, tables)
            total = np.int64(reward) * n_rollouts
            for _ in range(n_rollouts):
                total += roll_out(after, after_high, rng, tables)
            if total > best_total:
                best_total = total
                best = action
    return best


@njit("int64(int64, int64, uint64, uint64, uint64[::1], uint32[::1])")
def choose(
    policy: int, n_rollouts: int, board: np.uint64, high: np.uint64, rng: RandomState, tables: rules.RowTables
) -> int:
    """Return the action of a policy on a board that has a legal one."""
    if policy == RANDOM:
        return choose_randomly(board, high, rng)
    if policy == GREEDY:
        return choose_greedily(board, high, rng, tables)
    return choose_by_rollouts(board, high, rng, tables, n_rollouts)


@njit("UniTuple(int64, 3)(int64, int64, uint64[::1], uint32[::1], uint8[::1])")
def play_baseline_game(
    policy: int, n_rollouts: int, rng: RandomState, tables: rules.RowTables, plies: npt.NDArray[np.uint8]
) -> tuple[int, int, int]:
    """Play one game; return (score, largest exponent, n_moves) and fill ``plies``."""
    board = rules.start_board(rng, 0)
    high = np.uint64(0)
    score = 0
    n_moves = 0
    while rules.action_mask_wide(board, high) != 0:
        action = choose(policy, n_rollouts, board, high, rng, tables)
        after, high, reward = rules.play(board, high, action, tables)
        board = rules.spawn(after, draw(rng, 0))
        plies[n_moves] = rules.ply_code(action, after, board)
        score += int(np.int64(reward))
        n_moves += 1
    return score, rules.largest_exponent(board, high), n_moves


# --- shells ---


def two_streams(game_seed: int) -> RandomState:
    """Return the streams of a game: its new tiles, and its player's own draws; ndarray of uint64, shape (2,)."""
    game = seed(game_seed)
    return np.array([game[0], mix(~game[0])], np.uint64)


class Baseline:
    """A player that learns nothing.

    Attributes
    ----------
    name : str
        What to call it.
    """

    name: str
    _policy: int
    _n_rollouts: int = 0

    def __init__(self) -> None:
        self._tables = rules.row_tables()
        self._streams = two_streams(0)

    def act(self, game: Game) -> int:
        """Return a legal action of a game that is not over; the player's stream starts anew with a new game."""
        if game.n_moves == 0:
            self._streams = two_streams(game.seed)
        return choose(self._policy, self._n_rollouts, *game.packed, self._streams, self._tables)

    def play_game(self, game_seed: int) -> PlayedGame:
        """Play the whole game of a seed; releases the GIL."""
        plies = np.empty(MAX_MOVES, np.uint8)
        score, exponent, n_moves = play_baseline_game(
            self._policy, self._n_rollouts, two_streams(game_seed), self._tables, plies
        )
        return PlayedGame(game_seed, score, exponent, plies[:n_moves].copy())


class RandomAgent(Baseline):
    """Plays a uniformly random legal action: about 1,090 points a game."""

    name = "random"
    _policy = RANDOM


class GreedyAgent(Baseline):
    """Plays the action with the largest reward."""

    name = "greedy"
    _policy = GREEDY


class MonteCarloAgent(Baseline):
    """Plays the action after which random games score best on average.

    Parameters
    ----------
    n_rollouts : int
        Random games per legal action.
    """

    _policy = MONTE_CARLO

    def __init__(self, n_rollouts: int = 100) -> None:
        if n_rollouts < 1:
            raise ValueError(f"n_rollouts must be at least 1, got {n_rollouts}")
        super().__init__()
        self._n_rollouts = n_rollouts
        self.name = f"Monte Carlo, {n_rollouts} roll-outs a move"
