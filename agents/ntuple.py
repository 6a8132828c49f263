"""The n-tuple network: board values as sums of table look-ups. Kernels first, then the typed shell.

The value of a board is the sum of m = 40 weights. 32 of them come from four 6-tuples of cells, each read on the 8
symmetric boards; the six exponents form the index into a table of 16**6 weights::

    patterns, cells numbered row by row      0  1  2  3
                                             4  5  6  7
    0,1,2,3,4,5   4,5,6,7,8,9                8  9 10 11
    0,1,2,4,5,6   4,5,6,8,9,10              12 13 14 15

The other 8 come from the four rows and four columns, outer lines from one table of 16**4 weights, inner lines from
another. These lines are parts of the 6-tuples, so they add nothing that could not be said without them; but there are
few of them, so they are seen often, and say something sensible about boards whose 6-tuples are new ("redundant
encoding"). A line is read in the direction that gives the smaller index, which makes it symmetric too.

All tables together are 257 MiB of float32. Boards are read saturated: a tile above 32768 looks like 32768 (see
`game2048.board`).

Notes
-----
Nothing is gained by mapping a board to one canonical form: the sum runs over all 8 symmetric boards, so equal
positions have equal values.

References
----------
Szubert and Jaśkowski, "Temporal difference learning of n-tuple networks for the game 2048", IEEE CIG 2014, section
IV, https://doi.org/10.1109/CIG.2014.6932907.
Yeh et al., "Multistage temporal difference learning for 2048-like games", IEEE TCIAIG 9(4), 2017 (the 4x6
patterns), https://doi.org/10.1109/TCIAIG.2016.2593710.
Jaśkowski, "Mastering 2048 ...", IEEE Trans. Games 10(1), 2018, section III-D (redundant encoding),
https://doi.org/10.1109/TCIAIG.2017.2651887.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from agents._prefetch import prefetch
from agents.base import MAX_MOVES, PlayedGame
from game2048 import board as rules
from game2048._jit import njit
from game2048.game import Game
from game2048.rng import draw, seed
from game2048.symmetry import flip, mirror

NETWORK: Final = "n-tuple 4x6+2x4"  # four 6-tuples and two 4-tuples
PATTERNS: Final = ((0, 1, 2, 3, 4, 5), (4, 5, 6, 7, 8, 9), (0, 1, 2, 4, 5, 6), (4, 5, 6, 8, 9, 10))
LINES: Final = ((0, 1, 2, 3), (4, 5, 6, 7))  # outer, inner
N_FEATURES: Final = 40  # m in the literature
LINES_START: Final = len(PATTERNS) * 16**6  # where the tables of the lines begin
N_WEIGHTS: Final = LINES_START + len(LINES) * 16**4

Weights = npt.NDArray[np.float32]
Features = npt.NDArray[np.uint32]


# --- kernels ---


@njit("void(uint64, uint32[::1], int64)")
def write_pattern_indices(board: np.uint64, out: Features, start: int) -> None:
    """Write the table indices of the four patterns on one board into ``out[start : start + 4]``.

    Patterns of neighbouring cells are bit fields of the packed board: cells 0-5 are its lowest 24 bits.
    """
    below = board >> np.uint64(16)  # one row down
    out[start] = board & np.uint64(0xFFFFFF)
    out[start + 1] = (below & np.uint64(0xFFFFFF)) | np.uint64(0x1000000)
    out[start + 2] = (board & np.uint64(0xFFF)) | ((board >> np.uint64(4)) & np.uint64(0xFFF000)) | np.uint64(0x2000000)
    out[start + 3] = (below & np.uint64(0xFFF)) | ((below >> np.uint64(4)) & np.uint64(0xFFF000)) | np.uint64(0x3000000)


@njit("void(uint64, uint64, uint32[::1], int64)")
def write_line_indices(board: np.uint64, mirrored: np.uint64, out: Features, start: int) -> None:
    """Write the table indices of the four rows of a board into ``out[start : start + 4]``."""
    for row in range(4):
        shift = np.uint64(16 * row)
        forward = (board >> shift) & np.uint64(0xFFFF)
        backward = (mirrored >> shift) & np.uint64(0xFFFF)
        table = np.uint64(LINES_START + 65536 if row in (1, 2) else LINES_START)
        out[start + row] = min(forward, backward) + table


@njit("void(uint64, uint32[::1])")
def write_features(board: np.uint64, out: Features) -> None:
    """Write the 40 table indices of a board, four patterns on 8 symmetric boards and 8 lines, into ``out``."""
    for half in range(2):
        mirrored = mirror(board)
        write_line_indices(board, mirrored, out, 32 + 4 * half)
        write_pattern_indices(board, out, 16 * half)
        write_pattern_indices(mirrored, out, 16 * half + 4)
        write_pattern_indices(flip(board), out, 16 * half + 8)
        write_pattern_indices(flip(mirrored), out, 16 * half + 12)
        board = rules.transpose(board)


@njit("float32(float32[::1], uint32[::1])")
def sum_weights(weights: Weights, features: Features) -> np.float32:
    """Return the value of a board from its features: V(s) = sum_i w[f_i(s)], points."""
    value = np.float32(0)
    for i in range(N_FEATURES):
        value += weights[features[i]]
    return value


@njit("void(float32[::1], uint32[::1])")
def prefetch_weights(weights: Weights, features: Features) -> None:
    """Start loading the 40 weights of a board."""
    for i in range(N_FEATURES):
        prefetch(weights, int(features[i]))


@njit("int64(uint64, uint64, float32[::1], uint32[::1], uint32[:, ::1], float32[::1], float32[::1])")
def greedy_action(
    board: np.uint64,
    high: np.uint64,
    weights: Weights,
    tables: rules.RowTables,
    features: Features,
    rewards: npt.NDArray[np.float32],
    values: npt.NDArray[np.float32],
) -> int:
    """Return argmax_a r(s, a) + V(s'_a) over legal actions, or -1 if there is none.

    For the four actions, fills ``features`` (4, 40) of the afterstates s'_a, ``rewards`` (4,) and ``values`` (4,)
    r + V, which is -inf where an action is illegal. The weights of all afterstates are on their way from memory before
    the first is summed.
    """
    mask = rules.action_mask_wide(board, high)
    for action in range(4):
        if mask >> action & 1:
            after, _, reward = rules.play(board, high, action, tables)
            write_features(after, features[action])
            prefetch_weights(weights, features[action])
            rewards[action] = np.float32(reward)
    best = -1
    best_value = np.float32(-np.inf)
    for action in range(4):
        values[action] = np.float32(-np.inf)
        if mask >> action & 1:
            values[action] = rewards[action] + sum_weights(weights, features[action])
            if best < 0 or values[action] > best_value:
                best = action
                best_value = values[action]
    return best


@njit("UniTuple(int64, 3)(uint64[::1], float32[::1], uint32[::1], uint8[::1])")
def play_greedy_game(
    rng: npt.NDArray[np.uint64], weights: Weights, tables: rules.RowTables, plies: npt.NDArray[np.uint8]
) -> tuple[int, int, int]:
    """Play one game greedily from stream 0 of ``rng``; return (score, largest exponent, n_moves) and fill ``plies``."""
    features = np.empty((4, N_FEATURES), np.uint32)
    rewards = np.empty(4, np.float32)
    values = np.empty(4, np.float32)
    board = rules.start_board(rng, 0)
    high = np.uint64(0)
    score = 0
    n_moves = 0
    while True:
        action = greedy_action(board, high, weights, tables, features, rewards, values)
        if action < 0:
            return score, rules.largest_exponent(board, high), n_moves
        after, high, reward = rules.play(board, high, action, tables)
        board = rules.spawn(after, draw(rng, 0))
        plies[n_moves] = rules.ply_code(action, after, board)
        score += int(np.int64(reward))
        n_moves += 1


# --- shell ---


class NTupleAgent:
    """Plays greedily with an n-tuple network: the action with the best reward + value of the afterstate.

    Parameters
    ----------
    weights : ndarray of float32, shape (67239936,)
        The six tables, one after the other.
    name : str
        What to call the agent.
    """

    def __init__(self, weights: Weights, name: str = NETWORK) -> None:
        if weights.shape != (N_WEIGHTS,) or weights.dtype != np.float32:
            raise ValueError(f"weights must be float32 of shape ({N_WEIGHTS},), got {weights.dtype} {weights.shape}")
        self.weights = weights
        self.name = name
        self._tables = rules.row_tables()

    def move_values(self, game: Game) -> npt.NDArray[np.float32]:
        """Return reward + value of the afterstate for each action, shape (4,), points; -inf where illegal."""
        values = np.empty(4, np.float32)
        buffers = np.empty((4, N_FEATURES), np.uint32), np.empty(4, np.float32)
        greedy_action(*game.packed, self.weights, self._tables, *buffers, values)
        return values

    def act(self, game: Game) -> int:
        """Return the best action of a game that is not over."""
        return int(np.argmax(self.move_values(game)))

    def play_game(self, game_seed: int) -> PlayedGame:
        """Play the whole game of a seed; releases the GIL."""
        plies = np.empty(MAX_MOVES, np.uint8)
        score, exponent, n_moves = play_greedy_game(seed(game_seed), self.weights, self._tables, plies)
        return PlayedGame(game_seed, score, exponent, plies[:n_moves].copy())
