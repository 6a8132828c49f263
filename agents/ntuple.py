"""The n-tuple network: board values as sums of table look-ups. Kernels first, then the typed shell.

The value of a board is the sum of m weights, one for each feature f_i of the board, and a constant::

    V(s) = V_0 + sum_i w[f_i(s)]

`agents.networks` says which cells a pattern has; each is read on the eight symmetric boards, so that symmetric boards
have the same value. Boards are read saturated: a tile above 32768 looks like 32768 (see `game2048.board`).

**Indices.** The exponents in the cells of a pattern form the index into its table. They are not put side by side but
bit by bit: first the lowest bits of all cells, then the next ones (a Z-order). So the 64 ways to fill six cells with
the exponents 2k and 2k + 1 stand together, and the boards that a game passes through fall into few cache lines: 1.25
times the speed of training, 1.2 times that of play (4x6). With the board as four `bit_planes`, such an index is one
instruction, whatever the pattern: "gather the bits of this mask".

**Stages.** With more than one set of tables, a weight that was never learned is 0, and then that of the stage before
counts (weight promotion): what was learned without a 16384 is the first guess for boards with one.

References
----------
Szubert and Jaśkowski, "Temporal difference learning of n-tuple networks for the game 2048", IEEE CIG 2014, section
IV, https://doi.org/10.1109/CIG.2014.6932907.
Jaśkowski, "Mastering 2048 ...", IEEE Trans. Games 10(1), 2018, https://doi.org/10.1109/TCIAIG.2017.2651887 (weight
promotion, section III-B).
G. M. Morton, "A computer oriented geodetic data base; and a new technique in file sequencing", IBM 1966 (Z-order).
"""

from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agents._instructions import extract_bits, prefetch
from agents.base import MAX_MOVES, PlayedGame
from agents.networks import Layout, Network
from game2048 import board as rules
from game2048._jit import njit
from game2048.game import Game
from game2048.rng import draw, seed

Weights = npt.NDArray[np.float32]
CompactWeights = npt.NDArray[np.int16]
Features = npt.NDArray[np.uint32]
LEARNABLE: Final = "Array(float32, 1, 'C', readonly=True)"
COMPACT: Final = "Array(int16, 1, 'C', readonly=True)"


def for_all_weights(signature: str) -> tuple[str, str]:
    """Return a signature for learnable float32 weights and one for compact int16 weights: ``W`` stands for them.

    These kernels cannot write to the weights, so the weights may be in memory that nobody may write to.
    """
    return signature.replace("W", LEARNABLE), signature.replace("W", COMPACT)


# --- boards as bit planes, and their symmetries ---


@njit("uint64(uint64)", inline=True)
def bit_planes(board: np.uint64) -> np.uint64:
    """Sort the bits of a packed board: the lowest bits of the 16 cells, then the next ones, 16 bits each."""
    return (
        extract_bits(board, np.uint64(0x1111111111111111))
        | (extract_bits(board, np.uint64(0x2222222222222222)) << np.uint64(16))
        | (extract_bits(board, np.uint64(0x4444444444444444)) << np.uint64(32))
        | (extract_bits(board, np.uint64(0x8888888888888888)) << np.uint64(48))
    )


@njit("uint64(uint64)", inline=True)
def mirror_planes(b: np.uint64) -> np.uint64:
    """Mirror a board of bit planes left to right."""
    b = ((b & np.uint64(0x3333333333333333)) << np.uint64(2)) | ((b >> np.uint64(2)) & np.uint64(0x3333333333333333))
    return ((b & np.uint64(0x5555555555555555)) << np.uint64(1)) | ((b >> np.uint64(1)) & np.uint64(0x5555555555555555))


@njit("uint64(uint64)", inline=True)
def flip_planes(b: np.uint64) -> np.uint64:
    """Flip a board of bit planes upside down."""
    b = ((b & np.uint64(0x00FF00FF00FF00FF)) << np.uint64(8)) | ((b >> np.uint64(8)) & np.uint64(0x00FF00FF00FF00FF))
    return ((b & np.uint64(0x0F0F0F0F0F0F0F0F)) << np.uint64(4)) | ((b >> np.uint64(4)) & np.uint64(0x0F0F0F0F0F0F0F0F))


@njit("uint64(uint64)", inline=True)
def transpose_planes(b: np.uint64) -> np.uint64:
    """Mirror a board of bit planes at its main diagonal: swap single cells, then squares of four."""
    swapped = (b ^ (b >> np.uint64(3))) & np.uint64(0x0A0A0A0A0A0A0A0A)
    b = b ^ swapped ^ (swapped << np.uint64(3))
    swapped = (b ^ (b >> np.uint64(6))) & np.uint64(0x00CC00CC00CC00CC)
    return b ^ swapped ^ (swapped << np.uint64(6))


# --- features ---


@njit("uint64(uint64)", inline=True)
def tiles_present(board: np.uint64) -> np.uint64:
    """Return the set of exponents on a board, as bits."""
    present = np.uint64(0)
    for cell in range(16):
        present |= np.uint64(1) << ((board >> np.uint64(4 * cell)) & np.uint64(15))
    return present


@njit("uint64(uint64, uint64)", inline=True)
def count_tiles(board: np.uint64, code: np.uint64) -> np.uint64:
    """Return the index of a counted feature: empty cells (code 0), or two bits for each of 2048 ... 32768 (code 1)."""
    if code == np.uint64(0):
        n_empty = np.uint64(0)
        for cell in range(16):
            n_empty += np.uint64((board >> np.uint64(4 * cell)) & np.uint64(15) == np.uint64(0))
        return min(n_empty, np.uint64(15))
    index = np.uint64(0)
    for cell in range(16):
        exponent = (board >> np.uint64(4 * cell)) & np.uint64(15)
        if exponent >= np.uint64(11):
            shift = np.uint64(2) * (exponent - np.uint64(11))
            if (index >> shift) & np.uint64(3) != np.uint64(3):
                index += np.uint64(1) << shift
    return index


@njit("void(uint64, uint64[:, ::1], uint32[:, ::1], int64)", inline=True)
def write_features(board: np.uint64, layout: Layout, features: Features, row: int) -> None:
    """Write the m table indices of a board into ``features[row]``; ``layout`` as of `agents.networks.Network`."""
    a = bit_planes(board)
    b = mirror_planes(a)
    c = flip_planes(a)
    d = flip_planes(b)
    e = transpose_planes(a)
    f = mirror_planes(e)
    g = flip_planes(e)
    h = flip_planes(f)
    stage = np.uint64(0)
    if layout[0, 0] != np.uint64(0):
        stage = extract_bits(tiles_present(board), layout[0, 0]) * layout[0, 1]
    out = np.uint64(row)
    n_tables = np.uint64(len(layout))
    k = np.uint64(0)
    table = np.uint64(1)
    while table < n_tables and layout[table, 0] > np.uint64(1):
        mask = layout[table, 0]
        start = layout[table, 1] + stage
        features[out, k] = extract_bits(a, mask) + start
        features[out, k + np.uint64(1)] = extract_bits(b, mask) + start
        features[out, k + np.uint64(2)] = extract_bits(c, mask) + start
        features[out, k + np.uint64(3)] = extract_bits(d, mask) + start
        features[out, k + np.uint64(4)] = extract_bits(e, mask) + start
        features[out, k + np.uint64(5)] = extract_bits(f, mask) + start
        features[out, k + np.uint64(6)] = extract_bits(g, mask) + start
        features[out, k + np.uint64(7)] = extract_bits(h, mask) + start
        k += np.uint64(8)
        table += np.uint64(1)
    while table < n_tables:  # counted features come last
        features[out, k] = count_tiles(board, layout[table, 0]) + layout[table, 1] + stage
        k += np.uint64(1)
        table += np.uint64(1)


# --- values ---


@njit(*for_all_weights("uint64(W, uint32, uint64)"), inline=True)
def promoted(weights: Any, feature: np.uint32, stage_size: np.uint64) -> np.uint64:
    """Return where a weight is read: in its place, or while it is 0 there, in that of the stage before."""
    i = np.uint64(feature)
    while weights[i] == 0 and i >= stage_size:
        i -= stage_size
    return i


@njit(*for_all_weights("float32(W, uint32[:, ::1], int64, uint64)"), inline=True)
def sum_weights(weights: Any, features: Features, row: int, stage_size: np.uint64) -> np.float32:
    """Return sum_i w[f_i], f in ``features[row]``: in points for learnable weights, in units for compact ones.

    Four sums at a time: the next addition need not wait for the last.
    """
    zero = np.float32(0)
    v0, v1, v2, v3 = zero, zero, zero, zero
    of = np.uint64(row)
    m = np.uint64(features.shape[1])
    i = np.uint64(0)
    while i + np.uint64(4) <= m:
        v0 += np.float32(weights[features[of, i]])
        v1 += np.float32(weights[features[of, i + np.uint64(1)]])
        v2 += np.float32(weights[features[of, i + np.uint64(2)]])
        v3 += np.float32(weights[features[of, i + np.uint64(3)]])
        i += np.uint64(4)
    while i < m:
        v0 += np.float32(weights[features[of, i]])
        i += np.uint64(1)
    if np.uint64(features[of, np.uint64(0)]) >= stage_size:
        for k in range(m):
            if weights[features[of, k]] == 0:
                v0 += np.float32(weights[promoted(weights, features[of, k], stage_size)])
    return (v0 + v1) + (v2 + v3)


@njit(*for_all_weights("void(W, uint32[:, ::1], int64)"), inline=True)
def prefetch_weights(weights: Any, features: Features, row: int) -> None:
    """Start loading the weights of a board."""
    of = np.uint64(row)
    for i in range(features.shape[1]):
        prefetch(weights, int(features[of, np.uint64(i)]))


@njit(
    *for_all_weights(
        "int64(uint64, uint64, W, float32, uint64[:, ::1], uint32[::1], uint32[:, ::1], float32[::1], float32[::1])"
    ),
    inline=True,
)
def greedy_action(
    board: np.uint64,
    high: np.uint64,
    weights: Any,
    unit: np.float32,
    layout: Layout,
    tables: rules.RowTables,
    features: Features,
    rewards: npt.NDArray[np.float32],
    values: npt.NDArray[np.float32],
) -> int:
    """Return argmax_a r(s, a) + V(s'_a) over legal actions, or -1 if there is none; V without its constant.

    For the four actions, fills ``features`` (4, m) of the afterstates s'_a, ``rewards`` (4,) and ``values`` (4,)
    r + V, points, which is -inf where an action is illegal. ``unit``: points that a weight of 1 is worth. The weights
    of all afterstates are on their way from memory before the first is summed.
    """
    afters, points = rules.slide_all(board, tables)
    legal = 0
    for action in range(4):
        after, after_high, reward = afters[action], high, points[action]
        if high != np.uint64(0) or reward >= np.uint64(65536):
            after, after_high, reward = rules.slide_wide(board, high, action)
        if after != board or after_high != high:
            legal |= 1 << action
            write_features(after, layout, features, action)
            prefetch_weights(weights, features, action)
            rewards[action] = np.float32(reward)
    best = -1
    best_value = np.float32(-np.inf)
    for action in range(4):
        values[action] = np.float32(-np.inf)
        if legal >> action & 1:
            values[action] = rewards[action] + unit * sum_weights(weights, features, action, layout[0, 1])
            if best < 0 or values[action] > best_value:
                best = action
                best_value = values[action]
    return best


@njit(*for_all_weights("UniTuple(int64, 3)(uint64[::1], W, float32, uint64[:, ::1], uint32[::1], int64, uint8[::1])"))
def play_greedy_game(
    rng: npt.NDArray[np.uint64],
    weights: Any,
    unit: np.float32,
    layout: Layout,
    tables: rules.RowTables,
    n_features: int,
    plies: npt.NDArray[np.uint8],
) -> tuple[int, int, int]:
    """Play one game greedily from stream 0 of ``rng``; return (score, largest exponent, n_moves) and fill ``plies``."""
    features = np.empty((4, n_features), np.uint32)
    rewards = np.empty(4, np.float32)
    values = np.empty(4, np.float32)
    board = rules.start_board(rng, 0)
    high = np.uint64(0)
    score = 0
    n_moves = 0
    while True:
        action = greedy_action(board, high, weights, unit, layout, tables, features, rewards, values)
        if action < 0:
            return score, rules.largest_exponent(board, high), n_moves
        after, high, reward = rules.play(board, high, action, tables)
        board = rules.spawn(after, draw(rng, 0))
        plies[n_moves] = rules.ply_code(action, after, board)
        score += int(np.int64(reward))
        n_moves += 1


# --- shell ---


class Values:
    """An n-tuple network with its weights, as something to play or search with.

    Parameters
    ----------
    network : Network
        Its shape.
    weights : ndarray of float32 or int16, shape (network.n_weights,)
        All tables, one after the other, stage by stage. int16: compact, in units.
    unit : float
        Points that a weight of 1 is worth.
    initial : float
        V_0, points (optimistic initialisation).
    """

    def __init__(
        self, network: Network, weights: Weights | CompactWeights, *, unit: float = 1.0, initial: float = 0.0
    ) -> None:
        if weights.shape != (network.n_weights,) or weights.dtype not in (np.float32, np.int16):
            raise ValueError(
                f"weights must be float32 or int16 of shape ({network.n_weights},), got {weights.dtype} {weights.shape}"
            )
        self.network, self.weights = network, weights
        self.unit, self.initial = np.float32(unit), np.float32(initial)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Values":
        """Return a network that shares the weights: who plays does not change them."""
        return Values(replace(self.network), self.weights, unit=float(self.unit), initial=float(self.initial))

    def buffers(self) -> tuple[Features, npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return the last three arguments of `greedy_action`."""
        return np.empty((4, self.network.n_features), np.uint32), np.empty(4, np.float32), np.empty(4, np.float32)


class NTupleAgent:
    """Plays greedily with an n-tuple network: the action with the best reward + value of the afterstate.

    Parameters
    ----------
    values : Values
        The network.
    name : str
        What to call the agent.
    """

    def __init__(self, values: Values, name: str | None = None) -> None:
        self.values = values
        self.name = name or f"n-tuple {values.network.name}"
        self._tables = rules.row_tables()

    def move_values(self, game: Game) -> npt.NDArray[np.float32]:
        """Return reward + value of the afterstate for each action, shape (4,), points; -inf where illegal."""
        return self._look(game)[1] + self.values.initial

    def act(self, game: Game) -> int:
        """Return the best action of a game that is not over."""
        return self._look(game)[0]

    def _look(self, game: Game) -> tuple[int, npt.NDArray[np.float32]]:
        """Return the best action and the values without V_0: with it, different ones may round to the same."""
        v = self.values
        board, high = game.packed
        features, rewards, values = v.buffers()
        action = greedy_action(
            board, high, v.weights, v.unit, v.network.layout, self._tables, features, rewards, values
        )
        return action, values

    def play_game(self, game_seed: int) -> PlayedGame:
        """Play the whole game of a seed; releases the GIL."""
        v, plies = self.values, np.empty(MAX_MOVES, np.uint8)
        score, exponent, n_moves = play_greedy_game(
            seed(game_seed), v.weights, v.unit, v.network.layout, self._tables, v.network.n_features, plies
        )
        return PlayedGame(game_seed, score, exponent, plies[:n_moves].copy())
