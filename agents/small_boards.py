"""2048 on 2x2 to 3x3 cells, solved exactly: what learning and search must find, and what they can lose at most.

A small board is a board of sixteen cells of which some are walls: their nibbles hold 15, and in `walled_tables` an
exponent of 15 neither moves nor merges. All that plays by row tables plays on it: `agents.td.TDLearner` with ``empty``
and ``tables``, the kernels of `agents.search_kernels` with a `Lookup` of these tables. The cells lie in the upper left
corner. A small board has no tile of 32768, for it would take fourteen cells.

**The solution.** Every new tile raises the sum of all tiles by 2 or 4, moves keep it. So positions fall into layers
that a game passes in one direction; from the last to the first,

    U(s)   =  max_a r(s, a) + W(s'_a),  or 0 where no action is legal
    W(s')  =  1 / n  sum over the n empty cells of  0.9 U(s' + 2) + 0.1 U(s' + 4)

is the exact expected score of the best player, after one pass (value iteration in the order of the layers). Rotated and
reflected positions are one.

References
----------
R. Bellman, "Dynamic programming", Princeton 1957.
J. Lees-Miller, "The mathematics of 2048: optimal play with Markov decision processes", 2018,
https://jdlm.info/articles/2018/03/18/markov-decision-process-2048.html (layers by the sum of tiles).
"""

from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Final

import numpy as np
import numpy.typing as npt

from game2048 import board as rules
from game2048._jit import njit

MAX_CELLS: Final = 9  # 4x3 has 1.15e12 positions (arXiv:2510.04580)

Words = npt.NDArray[np.uint64]
Doubles = npt.NDArray[np.float64]


# --- walls ---


@njit("uint32(uint32)")
def slide_walled_row_left(row: np.uint32) -> np.uint32:
    """Slide one row to the left, as `game2048.board.slide_row_left`; 15 is a wall: ``[. 1 # 1] -> [1 . # 1]``."""
    result = np.uint32(0)
    reward = np.uint32(0)
    place = np.uint32(0)  # where the next tile goes
    waiting = np.uint32(0)  # the last placed tile while it may still merge
    for column in range(4):
        exponent = (row >> np.uint32(4 * column)) & np.uint32(15)
        if exponent == np.uint32(15):
            result |= exponent << np.uint32(4 * column)
            place = np.uint32(column + 1)
            waiting = np.uint32(0)
        elif exponent != np.uint32(0):
            if exponent == waiting:
                result += np.uint32(1) << (np.uint32(4) * (place - np.uint32(1)))
                reward += np.uint32(1) << (exponent - np.uint32(1))  # 2**(e + 1) / 4
                waiting = np.uint32(0)
            else:
                result |= exponent << (np.uint32(4) * place)
                place += np.uint32(1)
                waiting = exponent
    return result | (reward << np.uint32(16))


@njit("uint32[::1]()")
def build_walled_tables() -> rules.RowTables:
    """Compute `slide_walled_row_left` of every row, then the same to the right."""
    tables = np.empty(2 * 65536, np.uint32)
    for i in range(65536):
        tables[i] = slide_walled_row_left(np.uint32(i))
    for i in range(65536):
        entry = tables[rules.reverse_row(np.uint32(i))]
        tables[65536 + i] = rules.reverse_row(entry & np.uint32(0xFFFF)) | (entry & np.uint32(0xFFFF0000))
    return tables


@cache
def walled_tables() -> rules.RowTables:
    """Return row tables in which 15 is a wall, as `game2048.board.row_tables`; do not write to them."""
    return build_walled_tables()


def walls(n_rows: int, n_columns: int) -> int:
    """Return the packed board on which all but ``n_rows`` times ``n_columns`` empty cells are walls.

    Raises
    ------
    ValueError
        If one of them is not from 1 to 4.

    Examples
    --------
    >>> f"{walls(2, 3):016x}"
    'fffffffff000f000'
    """
    for name, n in (("n_rows", n_rows), ("n_columns", n_columns)):
        if not 1 <= n <= 4:
            raise ValueError(f"{name} must be from 1 to 4, got {n}")
    return sum(15 << 4 * cell for cell in range(16) if cell // 4 >= n_rows or cell % 4 >= n_columns)


# --- positions ---


@njit("uint64(uint64, int64)")
def mirrored(board: np.uint64, n_columns: int) -> np.uint64:
    """Mirror the first columns of a board left to right."""
    result = board
    for cell in range(16):
        column = cell % 4
        if column < n_columns:
            shift = np.uint64(4 * (cell - column + n_columns - 1 - column))
            exponent = (board >> np.uint64(4 * cell)) & np.uint64(15)
            result = (result & ~(np.uint64(15) << shift)) | (exponent << shift)
    return result


@njit("uint64(uint64, int64, int64)")
def canonical(board: np.uint64, n_rows: int, n_columns: int) -> np.uint64:
    """Return the least of a board's rotations and reflections; only those that keep the walls where they are."""
    least = board
    for _ in range(4 if n_rows == n_columns else 2):
        flipped = board  # upside down
        for row in range(n_rows):
            shift = np.uint64(16 * (n_rows - 1 - row))
            line = (board >> np.uint64(16 * row)) & np.uint64(0xFFFF)
            flipped = (flipped & ~(np.uint64(0xFFFF) << shift)) | (line << shift)
        board = rules.transpose(flipped) if n_rows == n_columns else mirrored(flipped, n_columns)  # turned
        least = min(least, min(flipped, board))
    return least


@njit("int64(uint64[::1], uint64)")
def place_of(sorted_boards: Words, board: np.uint64) -> int:
    """Return where a board is; it must be there."""
    low = 0
    high = sorted_boards.size
    while high - low > 1:
        middle = (low + high) >> 1
        if sorted_boards[middle] <= board:
            low = middle
        else:
            high = middle
    return low


# --- from layer to layer ---


@njit("int64(uint64[::1], int64, int64, uint32[::1], uint64[::1])")
def expand_moves(states: Words, n_rows: int, n_columns: int, tables: rules.RowTables, out: Words) -> int:
    """Write the afterstates of all legal moves, canonical, into ``out`` (4 n,); return how many."""
    n = 0
    for board in states:
        for action in range(4):
            after, _ = rules.slide(board, action, tables)
            if after != board:
                out[n] = canonical(after, n_rows, n_columns)
                n += 1
    return n


@njit("int64(uint64[::1], uint64, int64, int64, uint64[::1])")
def expand_tiles(afterstates: Words, tile: np.uint64, n_rows: int, n_columns: int, out: Words) -> int:
    """Write the boards with a new tile of an exponent in every empty cell, canonical; return how many."""
    n = 0
    for after in afterstates:
        for cell in range(16):
            shift = np.uint64(4 * cell)
            if (after >> shift) & np.uint64(15) == np.uint64(0):
                out[n] = canonical(after | (tile << shift), n_rows, n_columns)
                n += 1
    return n


@njit("void(uint64[::1], uint64[::1], float64[::1], uint64[::1], float64[::1], int64, int64, float64[::1])")
def back_up_tiles(
    afterstates: Words,
    with_2: Words,
    values_with_2: Doubles,
    with_4: Words,
    values_with_4: Doubles,
    n_rows: int,
    n_columns: int,
    out: Doubles,
) -> None:
    """Write W of each afterstate, from U of the next two layers."""
    for i in range(afterstates.size):
        total = 0.0
        n_empty = 0
        for cell in range(16):
            shift = np.uint64(4 * cell)
            if (afterstates[i] >> shift) & np.uint64(15) == np.uint64(0):
                two = canonical(afterstates[i] | (np.uint64(1) << shift), n_rows, n_columns)
                four = canonical(afterstates[i] | (np.uint64(2) << shift), n_rows, n_columns)
                total += 0.9 * values_with_2[place_of(with_2, two)] + 0.1 * values_with_4[place_of(with_4, four)]
                n_empty += 1
        out[i] = total / n_empty


@njit("void(uint64, uint64[::1], float64[::1], int64, int64, uint32[::1], float64[::1])")
def write_action_values(
    board: np.uint64,
    afterstates: Words,
    values: Doubles,
    n_rows: int,
    n_columns: int,
    tables: rules.RowTables,
    q: Doubles,
) -> None:
    """Write r + W of each action into ``q`` (4,), -inf where it is illegal."""
    for action in range(4):
        after, reward = rules.slide(board, action, tables)
        q[action] = -np.inf
        if after != board:
            place = place_of(afterstates, canonical(after, n_rows, n_columns))
            q[action] = float(np.int64(reward)) + values[place]


@njit("void(uint64[::1], uint64[::1], float64[::1], int64, int64, uint32[::1], float64[::1])")
def back_up_moves(
    states: Words,
    afterstates: Words,
    values: Doubles,
    n_rows: int,
    n_columns: int,
    tables: rules.RowTables,
    out: Doubles,
) -> None:
    """Write U of each state, from W of its afterstates."""
    q = np.empty(4)
    for i in range(states.size):
        write_action_values(states[i], afterstates, values, n_rows, n_columns, tables, q)
        out[i] = max(q[0], q[1], q[2], q[3])
        if out[i] == -np.inf:
            out[i] = 0.0


# --- shell ---


@dataclass(frozen=True)
class Layer:
    """The positions of one sum of tiles, canonical and in ascending order, and what they are worth, points."""

    states: Words
    """Boards on which the player moves, shape (n,)."""
    state_values: Doubles
    """U of each."""
    afterstates: Words
    """Boards before the new tile, shape (m,)."""
    afterstate_values: Doubles
    """W of each."""


class SolvedBoard:
    """All positions of a small board and their exact values.

    Parameters
    ----------
    n_rows, n_columns : int
        At least 2 cells and at most 9 in all. Up to symmetry, 2x2 has 110 positions, 2x3 has 21,752 and 3x3 has
        48,713,519, which take 1.5 GB of memory and a minute.

    Attributes
    ----------
    empty : int
        The packed board before the first tile: walls.
    layers : dict of int to Layer
        By half the sum of all tiles.
    best_score : float
        Expected score of the best player from the start, points.

    Raises
    ------
    ValueError
        If the board has fewer or more cells.

    Examples
    --------
    >>> board = SolvedBoard(2, 2)
    >>> board.n_positions, round(board.best_score, 2)
    (110, 66.96)
    """

    def __init__(self, n_rows: int, n_columns: int) -> None:
        self.empty = walls(n_rows, n_columns)
        if not 2 <= n_rows * n_columns <= MAX_CELLS:
            raise ValueError(f"a small board has 2 to {MAX_CELLS} cells, got {n_rows}x{n_columns}")
        self.shape = n_rows, n_columns
        self.layers: dict[int, Layer] = {}
        self._solve(self._explore())
        self.best_score = self._start_value()

    @property
    def n_positions(self) -> int:
        """Boards on which the player moves or the game is over, up to symmetry."""
        return sum(layer.states.size for layer in self.layers.values())

    def action_values(self, board: int) -> Doubles:
        """Return the expected points of each action and the best play after it, shape (4,), -inf where it is illegal.

        ``board`` is packed, with walls, of a game that began with two tiles.
        """
        q = np.empty(4)
        layer = self.layers[half_sum(board)]
        write_action_values(
            np.uint64(board), layer.afterstates, layer.afterstate_values, *self.shape, walled_tables(), q
        )
        return q

    def _with_tile(self, afterstates: Words, tile: int) -> Words:
        out = np.empty(afterstates.size * self.shape[0] * self.shape[1], np.uint64)
        return out[: expand_tiles(afterstates, np.uint64(tile), *self.shape, out)]

    def _explore(self) -> list[tuple[int, Words, Words]]:
        """Return the layers in the order in which a game passes them: half the sum, states, afterstates."""
        empty = np.array([self.empty], np.uint64)
        waiting: dict[int, list[Words]] = {}

        def add(total: int, afterstates: Words) -> None:
            for tile in (1, 2):
                waiting.setdefault(total + tile, []).append(np.unique(self._with_tile(afterstates, tile)))

        for tile in (1, 2):
            add(tile, self._with_tile(empty, tile))
        explored = []
        while waiting:
            total = min(waiting)
            states = np.unique(np.concatenate(waiting.pop(total)))
            out = np.empty(4 * states.size, np.uint64)
            afterstates = np.unique(out[: expand_moves(states, *self.shape, walled_tables(), out)])
            explored.append((total, states, afterstates))
            if afterstates.size:
                add(total, afterstates)
        return explored

    def _solve(self, explored: list[tuple[int, Words, Words]]) -> None:
        for total, states, afterstates in reversed(explored):
            values, below = np.empty(states.size), np.empty(afterstates.size)
            if afterstates.size:
                two, four = self.layers[total + 1], self.layers[total + 2]
                back_up_tiles(
                    afterstates, two.states, two.state_values, four.states, four.state_values, *self.shape, below
                )
            back_up_moves(states, afterstates, below, *self.shape, walled_tables(), values)
            self.layers[total] = Layer(states, values, afterstates, below)

    def _start_value(self) -> float:
        """Return the mean of U over the first two tiles."""
        chances = {1: 0.9, 2: 0.1}
        total = 0.0
        for first, second in product(chances, chances):
            boards = self._with_tile(self._with_tile(np.array([self.empty], np.uint64), first), second)
            layer = self.layers[first + second]
            values = layer.state_values[np.searchsorted(layer.states, boards)]
            total += chances[first] * chances[second] * float(values.mean())
        return total


def half_sum(board: int) -> int:
    """Return half the sum of all tiles of a packed board, walls aside."""
    exponents = [board >> 4 * cell & 15 for cell in range(16)]
    return sum(1 << e - 1 for e in exponents if 0 < e < 15)
