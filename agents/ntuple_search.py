"""Exact expectimax with an n-tuple network, one kernel a game; the equations are in `agents.expectimax`.

Here gamma is 1, the end of a game is worth 0, and the values are of afterstates. No batches and no tables of
positions: at depth 2 hardly any position comes twice.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from agents._instructions import prefetch
from agents.base import MAX_MOVES, PlayedGame
from agents.expectimax import Doubles, Floats, Leaves, checked_depth
from agents.lockstep import Words
from agents.networks import Layout
from agents.ntuple import Values, for_all_weights, greedy_action, sum_weights, write_features
from game2048 import board as rules
from game2048._jit import njit
from game2048.game import Game
from game2048.rng import draw, seed

# --- kernels ---


@njit(
    *for_all_weights(
        "float64(uint64, uint64, int64, W, float32, float32, uint64[:, ::1], uint32[::1], uint32[:, ::1], float32[::1],"
        " float32[::1])"
    )
)
def expected_value(
    after: np.uint64,
    high: np.uint64,
    depth: int,
    weights: Any,
    unit: np.float32,
    initial: np.float32,
    layout: Layout,
    tables: rules.RowTables,
    features: npt.NDArray[np.uint32],
    rewards: Floats,
    values: Floats,
) -> float:
    """Return the mean over all new tiles of the best Q_depth on the board with that tile (W_{depth + 1}), points.

    The last three arguments are buffers of `greedy_action`.
    """
    total = 0.0
    n_empty = 0.0
    for cell in range(16):
        shift = np.uint64(4 * cell)
        if (after >> shift) & np.uint64(15) != np.uint64(0):
            continue
        n_empty += 1.0
        for tile in range(1, 3):
            board = after | (np.uint64(tile) << shift)
            best = 0.0  # the game is over
            if depth == 1:
                action = greedy_action(board, high, weights, unit, layout, tables, features, rewards, values)
                if action >= 0:
                    best = float(values[action]) + float(initial)
            else:
                mask = rules.action_mask_wide(board, high)
                best = -np.inf if mask else 0.0
                for action in range(4):
                    if mask >> action & 1:
                        child, child_high, reward = rules.play(board, high, action, tables)
                        value = expected_value(
                            child,
                            child_high,
                            depth - 1,
                            weights,
                            unit,
                            initial,
                            layout,
                            tables,
                            features,
                            rewards,
                            values,
                        )
                        best = max(best, float(np.int64(reward)) + value)
            total += 9.0 * best if tile == 1 else best
    return total / (10.0 * n_empty)


@njit(
    *for_all_weights(
        "int64(uint64, uint64, int64, W, float32, float32, uint64[:, ::1], uint32[::1], uint32[:, ::1], float32[::1],"
        " float32[::1], float64[::1])"
    )
)
def best_action(
    board: np.uint64,
    high: np.uint64,
    depth: int,
    weights: Any,
    unit: np.float32,
    initial: np.float32,
    layout: Layout,
    tables: rules.RowTables,
    features: npt.NDArray[np.uint32],
    rewards: Floats,
    values: Floats,
    q: Doubles,
) -> int:
    """Return argmax_a Q_depth(s, a), or -1 if no action is legal; fill ``q`` (4,), points, -inf where illegal."""
    best = greedy_action(board, high, weights, unit, layout, tables, features, rewards, values)
    for action in range(4):
        q[action] = values[action] + initial
    if depth == 1 or best < 0:
        return best
    for action in range(4):
        if q[action] > -np.inf:
            after, after_high, reward = rules.play(board, high, action, tables)
            value = expected_value(
                after, after_high, depth - 1, weights, unit, initial, layout, tables, features, rewards, values
            )
            q[action] = float(np.int64(reward)) + value
    return int(np.argmax(q))


@njit(
    *for_all_weights(
        "UniTuple(int64, 3)(uint64[::1], int64, W, float32, float32, uint64[:, ::1], uint32[::1], int64, uint8[::1])"
    )
)
def play_searched_game(
    rng: Words,
    depth: int,
    weights: Any,
    unit: np.float32,
    initial: np.float32,
    layout: Layout,
    tables: rules.RowTables,
    n_features: int,
    plies: npt.NDArray[np.uint8],
) -> tuple[int, int, int]:
    """Play one game from stream 0 of ``rng``; return (score, largest exponent, n_moves) and fill ``plies``."""
    features = np.empty((4, n_features), np.uint32)
    rewards = np.empty(4, np.float32)
    values = np.empty(4, np.float32)
    q = np.empty(4, np.float64)
    board = rules.start_board(rng, 0)
    high = np.uint64(0)
    score = 0
    n_moves = 0
    while True:
        action = best_action(board, high, depth, weights, unit, initial, layout, tables, features, rewards, values, q)
        if action < 0:
            return score, rules.largest_exponent(board, high), n_moves
        after, high, reward = rules.play(board, high, action, tables)
        board = rules.spawn(after, draw(rng, 0))
        plies[n_moves] = rules.ply_code(action, after, board)
        score += int(np.int64(reward))
        n_moves += 1


@njit(*for_all_weights("void(uint64[::1], W, float32, float32, uint64[:, ::1], int64, float32[::1])"))
def write_values(
    boards: Words, weights: Any, unit: np.float32, initial: np.float32, layout: Layout, n_features: int, out: Floats
) -> None:
    """Write V of n boards into ``out``; while the weights of one are summed, those of the next are on their way."""
    features = np.empty((2, n_features), np.uint32)
    if boards.size > 0:
        write_features(boards[0], layout, features[0])
    for i in range(boards.size):
        if i + 1 < boards.size:
            write_features(boards[i + 1], layout, features[(i + 1) & 1])
            for k in range(n_features):
                prefetch(weights, int(features[(i + 1) & 1, k]))
        out[i] = initial + unit * sum_weights(weights, features[i & 1], layout[0, 1])


# --- shell ---


class NTupleSearchAgent:
    """Plays the action with the largest Q_d of an exact search.

    Parameters
    ----------
    values : Values
        As of `agents.ntuple.NTupleAgent`.
    depth : int
        d: moves of the player to look ahead, 1 to 5; 1 plays as `NTupleAgent`.
    name : str
        What to call the agent.
    """

    def __init__(self, values: Values, *, depth: int = 2, name: str | None = None) -> None:
        self.values = values
        self.depth = checked_depth(depth)
        self.name = name or f"n-tuple {values.network.name}, depth {depth}"
        self._tables = rules.row_tables()

    def move_values(self, game: Game) -> Doubles:
        """Return Q_d of each action, ndarray of float64, shape (4,), points; -inf where illegal."""
        return self.search(*game.packed)

    def search(self, board: np.uint64, high: np.uint64) -> Doubles:
        """Return the same of a packed board."""
        v, q = self.values, np.empty(4)
        features, rewards, values = v.buffers()
        settings = self.depth, v.weights, v.unit, v.initial, v.network.layout, self._tables
        best_action(board, high, *settings, features, rewards, values, q)
        return q

    def act(self, game: Game) -> int:
        """Return the best action of a game that is not over."""
        return int(np.argmax(self.move_values(game)))

    def play_game(self, game_seed: int) -> PlayedGame:
        """Play the whole game of a seed; releases the GIL."""
        v, plies = self.values, np.empty(MAX_MOVES, np.uint8)
        score, exponent, n_moves = play_searched_game(
            seed(game_seed),
            self.depth,
            v.weights,
            v.unit,
            v.initial,
            v.network.layout,
            self._tables,
            v.network.n_features,
            plies,
        )
        return PlayedGame(game_seed, score, exponent, plies[:n_moves].copy())


def ntuple_leaves(values: Values) -> Leaves:
    """Return the values of an n-tuple network for a search that is narrowed by a prior."""

    def value(boards: Words) -> Floats:
        out = np.empty(boards.size, np.float32)
        network = values.network
        write_values(boards, values.weights, values.unit, values.initial, network.layout, network.n_features, out)
        return out

    return Leaves(value=value)
