"""Rules of 2048 on a packed board: pure kernels.

A board is one uint64. Cell ``i = 4 * row + column`` holds the exponent e of its tile (tile = 2**e, 0 = empty) in
bits ``4 * i`` to ``4 * i + 3``. Actions are 0 up, 1 right, 2 down, 3 left.

**Tiles above 32768.** Four bits end at e = 15. The rare games that make 65536 or 131072 carry a second word,
``high``, of the same layout: the exponent of a cell is ``nibble(board) + nibble(high)``, and ``high`` is nonzero only
where ``board`` holds 15. So ``board`` alone is always a valid saturated view (empty cells and everything below 32768
are exact; all that is larger reads 32768), which is what value functions look at, and ``high == 0`` marks the fast
path. `play` notices the first 32768 + 32768 by its reward and goes on in `slide_wide`, which knows all 18 exponents.
Two 131072 tiles cannot arise in a real game; on a board that was set up by hand they do not merge.

Kernels take the row tables as an argument (`row_tables`): Numba freezes global arrays into its cache files.
"""

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from game2048._jit import njit
from game2048.rng import draw

UP: Final = 0
RIGHT: Final = 1
DOWN: Final = 2
LEFT: Final = 3
ACTION_NAMES: Final = ("up", "right", "down", "left")
N_CELLS: Final = 16
MAX_EXPONENT: Final = 17  # 131072, the largest tile that 4x4 cells can make

RowTables = npt.NDArray[np.uint32]


# --- row tables ---


@njit("uint32(uint32)")
def slide_row_left(row: np.uint32) -> np.uint32:
    """Slide one packed row to the left: result in bits 0-15, reward / 4 in bits 16-31.

    ``[2 2 2 2] -> [4 4 0 0]``, ``[4 0 2 2] -> [4 4 0 0]``: every tile merges at most once. 32768 + 32768 pays 65536
    but saturates to 32768 (see the module's docstring).
    """
    result = np.uint32(0)
    reward = np.uint32(0)
    filled = np.uint32(0)  # tiles placed so far
    waiting = np.uint32(0)  # the last placed tile while it may still merge
    for column in range(4):
        exponent = (row >> np.uint32(4 * column)) & np.uint32(15)
        if exponent == np.uint32(0):
            continue
        if exponent == waiting:
            merged = min(exponent + np.uint32(1), np.uint32(15))
            place = np.uint32(4) * (filled - np.uint32(1))
            result = (result & ~(np.uint32(15) << place)) | (merged << place)
            reward += np.uint32(1) << (exponent - np.uint32(1))  # 2**(e + 1) / 4
            waiting = np.uint32(0)
        else:
            result |= exponent << (np.uint32(4) * filled)
            filled += np.uint32(1)
            waiting = exponent
    return result | (reward << np.uint32(16))


@njit("uint32(uint32)")
def reverse_row(row: np.uint32) -> np.uint32:
    """Reverse the four cells of a packed row."""
    row = ((row & np.uint32(0x00FF)) << np.uint32(8)) | ((row >> np.uint32(8)) & np.uint32(0x00FF))
    return ((row & np.uint32(0x0F0F)) << np.uint32(4)) | ((row >> np.uint32(4)) & np.uint32(0x0F0F))


@njit("uint32[::1]()")
def build_row_tables() -> RowTables:
    """Compute `slide_row_left` of every row, then the same to the right."""
    tables = np.empty(2 * 65536, np.uint32)
    for i in range(65536):
        tables[i] = slide_row_left(np.uint32(i))
    for i in range(65536):
        entry = tables[reverse_row(np.uint32(i))]
        tables[65536 + i] = reverse_row(entry & np.uint32(0xFFFF)) | (entry & np.uint32(0xFFFF0000))
    return tables


@cache
def row_tables() -> RowTables:
    """Return the two row tables, left then right, ndarray of uint32, shape (131072,), 512 kB; do not write to it."""
    return build_row_tables()


# --- moves on boards without tiles above 32768 ---


@njit("uint64(uint64)", inline=True)
def transpose(board: np.uint64) -> np.uint64:
    """Mirror a board at its main diagonal: rows become columns."""
    a = (
        (board & np.uint64(0xF0F00F0FF0F00F0F))
        | ((board & np.uint64(0x0000F0F00000F0F0)) << np.uint64(12))
        | ((board & np.uint64(0x0F0F00000F0F0000)) >> np.uint64(12))
    )
    return (
        (a & np.uint64(0xFF00FF0000FF00FF))
        | ((a & np.uint64(0x00FF00FF00000000)) >> np.uint64(24))
        | ((a & np.uint64(0x00000000FF00FF00)) << np.uint64(24))
    )


@njit("UniTuple(uint64, 2)(uint64, uint64, uint32[::1])", inline=True)
def slide_rows(board: np.uint64, side: np.uint64, tables: RowTables) -> tuple[np.uint64, np.uint64]:
    """Slide all tiles to the left (``side`` 0) or to the right (65536); return the board and the reward, points."""
    row0 = tables[side + (board & np.uint64(0xFFFF))]
    row1 = tables[side + ((board >> np.uint64(16)) & np.uint64(0xFFFF))]
    row2 = tables[side + ((board >> np.uint64(32)) & np.uint64(0xFFFF))]
    row3 = tables[side + (board >> np.uint64(48))]
    moved = (
        np.uint64(row0 & np.uint32(0xFFFF))
        | (np.uint64(row1 & np.uint32(0xFFFF)) << np.uint64(16))
        | (np.uint64(row2 & np.uint32(0xFFFF)) << np.uint64(32))
        | (np.uint64(row3 & np.uint32(0xFFFF)) << np.uint64(48))
    )
    quarter_reward = (
        np.uint64(row0 >> np.uint32(16))
        + np.uint64(row1 >> np.uint32(16))
        + np.uint64(row2 >> np.uint32(16))
        + np.uint64(row3 >> np.uint32(16))
    )
    return moved, quarter_reward << np.uint64(2)


@njit("UniTuple(uint64, 2)(uint64, int64, uint32[::1])", inline=True)
def slide(board: np.uint64, action: int, tables: RowTables) -> tuple[np.uint64, np.uint64]:
    """Slide all tiles of a board; return the afterstate and the reward (sum of merged tiles, points).

    An action that changes nothing returns the same board. Up and down work on the transposed board; there is no
    branch on the direction, which a processor could not predict.
    """
    a = np.uint64(action)
    side = ((a ^ (a >> np.uint64(1))) & np.uint64(1)) << np.uint64(16)  # up, left: 0; right, down: 65536
    vertical = np.uint64(0) - (np.uint64(1) - (a & np.uint64(1)))  # all ones for up and down
    moved, reward = slide_rows(board ^ ((board ^ transpose(board)) & vertical), side, tables)
    return moved ^ ((moved ^ transpose(moved)) & vertical), reward


@njit("Tuple((UniTuple(uint64, 4), UniTuple(uint64, 4)))(uint64, uint32[::1])", inline=True)
def slide_all(
    board: np.uint64, tables: RowTables
) -> tuple[tuple[np.uint64, np.uint64, np.uint64, np.uint64], tuple[np.uint64, np.uint64, np.uint64, np.uint64]]:
    """Slide all tiles in all four directions; return the four boards and the four rewards, as `slide` does each."""
    columns = transpose(board)
    up, up_reward = slide_rows(columns, np.uint64(0), tables)
    right, right_reward = slide_rows(board, np.uint64(65536), tables)
    down, down_reward = slide_rows(columns, np.uint64(65536), tables)
    left, left_reward = slide_rows(board, np.uint64(0), tables)
    return (transpose(up), right, transpose(down), left), (up_reward, right_reward, down_reward, left_reward)


@njit("uint64(uint64)", inline=True)
def occupied_cells(board: np.uint64) -> np.uint64:
    """Return a board with 1 in every nibble that is not 0."""
    folded = board | (board >> np.uint64(2))
    return (folded | (folded >> np.uint64(1))) & np.uint64(0x1111111111111111)


@njit("int64(uint64)", inline=True)
def action_mask(board: np.uint64) -> int:
    """Return the legal actions as bits: bit a is set iff action a changes the board. No table look-ups."""
    tiles = occupied_cells(board)
    empty = tiles ^ np.uint64(0x1111111111111111)
    left_pairs = np.uint64(0x0111011101110111)  # cells with a neighbour on the right in the same row
    up_pairs = np.uint64(0x0000111111111111)  # cells with a neighbour below
    same_h = (tiles & ~occupied_cells(board ^ (board >> np.uint64(4)))) & left_pairs
    same_v = (tiles & ~occupied_cells(board ^ (board >> np.uint64(16)))) & up_pairs
    up = ((tiles >> np.uint64(16)) & empty & up_pairs) | same_v
    down = ((empty >> np.uint64(16)) & tiles & up_pairs) | same_v
    left = ((tiles >> np.uint64(4)) & empty & left_pairs) | same_h
    right = ((empty >> np.uint64(4)) & tiles & left_pairs) | same_h
    return (
        int(up != np.uint64(0))
        | (int(right != np.uint64(0)) << 1)
        | (int(down != np.uint64(0)) << 2)
        | (int(left != np.uint64(0)) << 3)
    )


# --- moves on any board ---


@njit("UniTuple(uint64, 3)(uint64, uint64, int64)")
def slide_wide(board: np.uint64, high: np.uint64, action: int) -> tuple[np.uint64, np.uint64, np.uint64]:
    """Slide all tiles of a board with exponents up to 17; return (board, high, reward). Exact, not fast."""
    new_board = np.uint64(0)
    new_high = np.uint64(0)
    reward = np.uint64(0)
    along = 4 if action in (UP, DOWN) else 1  # from one cell of a line to the next
    across = 5 - along  # from one line to the next
    for line in range(4):
        start = line * across
        if action in (RIGHT, DOWN):
            start += 3 * along
        step = -along if action in (RIGHT, DOWN) else along
        filled = 0
        waiting = np.uint64(0)
        for k in range(4):
            shift = np.uint64(4 * (start + k * step))
            exponent = ((board >> shift) & np.uint64(15)) + ((high >> shift) & np.uint64(15))
            if exponent == np.uint64(0):
                continue
            merges = exponent == waiting and exponent < np.uint64(MAX_EXPONENT)
            if merges:
                filled -= 1
                exponent += np.uint64(1)
                reward += np.uint64(1) << exponent
            place = np.uint64(4 * (start + filled * step))
            low = min(exponent, np.uint64(15))
            new_board = (new_board & ~(np.uint64(15) << place)) | (low << place)
            new_high = (new_high & ~(np.uint64(15) << place)) | ((exponent - low) << place)
            filled += 1
            waiting = np.uint64(0) if merges else exponent
    return new_board, new_high, reward


@njit("UniTuple(uint64, 3)(uint64, uint64, int64, uint32[::1])", inline=True)
def play(board: np.uint64, high: np.uint64, action: int, tables: RowTables) -> tuple[np.uint64, np.uint64, np.uint64]:
    """Slide any board: the fast path while no tile exceeds 32768, `slide_wide` from the first 65536 on."""
    after, reward = slide(board, action, tables)
    if high != np.uint64(0) or reward >= np.uint64(65536):
        return slide_wide(board, high, action)
    return after, high, reward


@njit("int64(uint64, uint64)", inline=True)
def action_mask_wide(board: np.uint64, high: np.uint64) -> int:
    """Return the legal actions of any board as bits (see `action_mask`)."""
    if high == np.uint64(0):
        return action_mask(board)
    mask = 0
    for action in range(4):
        after, after_high, _ = slide_wide(board, high, action)
        if after != board or after_high != high:
            mask |= 1 << action
    return mask


# --- new tiles ---


@njit("uint64(uint64, uint64)", inline=True)
def spawn(board: np.uint64, random_bits: np.uint64) -> np.uint64:
    """Add a tile in a uniformly chosen empty cell: 2 with probability 0.9, else 4 (bits as in `game2048.rng`).

    Without branches: multiplying the empty cells (a 1 in each nibble) by 0x1111... leaves in nibble i the number of
    empty cells up to i. The cell where that number reaches k + 1 is the k-th empty one. On an empty board the last
    nibble counts to 16 and reads 0, and so does k + 1 there. The board must have an empty cell.
    """
    empty = occupied_cells(board) ^ np.uint64(0x1111111111111111)
    rank = empty * np.uint64(0x1111111111111111)
    n_empty = ((rank >> np.uint64(60)) - np.uint64(1) & np.uint64(15)) + np.uint64(1)
    k = ((random_bits >> np.uint64(40)) * n_empty) >> np.uint64(24)
    wanted = ((k + np.uint64(1)) & np.uint64(15)) * np.uint64(0x1111111111111111)
    cell = empty & ~occupied_cells(rank ^ wanted)
    is_four = np.uint64(((random_bits >> np.uint64(16)) & np.uint64(0xFFFFFF)) < np.uint64(1677722))  # 0.1 * 2**24
    return board | (cell << is_four)


@njit("uint64(uint64[::1], int64)")
def start_board(rng: npt.NDArray[np.uint64], i: int) -> np.uint64:
    """Return an empty board with two new tiles, drawn from stream ``i`` of ``rng`` (advanced in place)."""
    return spawn(spawn(np.uint64(0), draw(rng, i)), draw(rng, i))


@njit("int64(uint64, uint64)")
def random_action(mask: np.uint64, random_bits: np.uint64) -> int:
    """Return a uniformly chosen set bit of a nonzero 4-bit ``mask``, from bits 15-0 of ``random_bits``."""
    ones = mask & np.uint64(1), (mask >> np.uint64(1)) & np.uint64(1), (mask >> np.uint64(2)) & np.uint64(1)
    upto0 = ones[0]
    upto1 = upto0 + ones[1]
    upto2 = upto1 + ones[2]
    total = upto2 + ((mask >> np.uint64(3)) & np.uint64(1))
    k = ((random_bits & np.uint64(0xFFFF)) * total) >> np.uint64(16)
    return int(k >= upto0) + int(k >= upto1) + int(k >= upto2)


@njit("int64(int64, uint64, uint64)")
def ply_code(action: int, after: np.uint64, board: np.uint64) -> int:
    """Return the code of a ply (see `game2048.record`): ``board`` is the afterstate plus one new tile."""
    new_tile = board ^ after
    cell = 0
    while new_tile > np.uint64(2):  # at most 15 rounds; the tile is 1 or 2 in its nibble
        new_tile >>= np.uint64(4)
        cell += 1
    return (action << 5) | (cell << 1) | int(new_tile == np.uint64(2))


# --- between packed boards and exponents ---


@njit("void(uint64, uint64, uint8[::1])")
def write_exponents(board: np.uint64, high: np.uint64, out: npt.NDArray[np.uint8]) -> None:
    """Write the 16 exponents of a board into ``out``, ndarray of uint8, shape (16,)."""
    for cell in range(16):
        shift = np.uint64(4 * cell)
        out[cell] = ((board >> shift) & np.uint64(15)) + ((high >> shift) & np.uint64(15))


@njit("int64(uint64, uint64)")
def largest_exponent(board: np.uint64, high: np.uint64) -> int:
    """Return the exponent of the largest tile."""
    largest = np.uint64(0)
    for cell in range(16):
        shift = np.uint64(4 * cell)
        largest = max(largest, ((board >> shift) & np.uint64(15)) + ((high >> shift) & np.uint64(15)))
    return int(np.int64(largest))


def pack(exponents: npt.ArrayLike) -> tuple[np.uint64, np.uint64]:
    """Pack 16 exponents, row by row, into (board, high).

    Parameters
    ----------
    exponents : array_like of int, shape (4, 4) or (16,)
        Exponents from 0 (empty) to 17 (131072).

    Raises
    ------
    ValueError
        If the shape or an exponent is out of range.

    Examples
    --------
    >>> board, high = pack([[1, 0, 0, 0], [0] * 4, [0] * 4, [0, 0, 0, 17]])
    >>> f"{board:016x} {high:016x}"
    'f000000000000001 2000000000000000'
    """
    cells = np.asarray(exponents)
    if cells.shape not in ((4, 4), (16,)):
        raise ValueError(f"board must have shape (4, 4) or (16,), got {cells.shape}")
    if not np.issubdtype(cells.dtype, np.integer):
        raise ValueError(f"board must hold integer exponents, got dtype {cells.dtype}")
    if cells.min() < 0 or cells.max() > MAX_EXPONENT:
        raise ValueError(f"exponents must be in [0, {MAX_EXPONENT}], got {cells.min()} to {cells.max()}")
    board = sum(min(int(e), 15) << (4 * i) for i, e in enumerate(cells.flat))
    high = sum(max(int(e) - 15, 0) << (4 * i) for i, e in enumerate(cells.flat))
    return np.uint64(board), np.uint64(high)


def unpack(board: int | np.uint64, high: int | np.uint64 = 0) -> npt.NDArray[np.uint8]:
    """Return the exponents of a packed board, ndarray of uint8, shape (4, 4)."""
    out = np.empty(16, np.uint8)
    write_exponents(np.uint64(board), np.uint64(high), out)
    return out.reshape(4, 4)
