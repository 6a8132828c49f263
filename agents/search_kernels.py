"""The kernels of exact expectimax with an n-tuple network; the equations are in `agents.expectimax`.

Here gamma is 1, the end of a game is worth 0, and the values are of afterstates. Nearly all the time goes to the lowest
layer, the W_2 of afterstates: `expected_best` looks at all its leaves at once. A new tile changes one row, and so one
row of what a move makes of the board; many places of the tile come to the same row: ``[4 2 . .]`` slid to the left is
``[4 2 2 .]`` wherever the 2 appears. So no leaf needs the slide of a board, and four of ten need no value of their own.
The features of all are computed first, and their weights are on the way from memory when the first are summed.

Above that layer, positions that come again are found in a table, `agents.search_memory`: at depth 3, four of ten.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import types

from agents.downgrading import downgrade
from agents.networks import Layout
from agents.ntuple import Features, Values, greedy_action, prefetch_weights, sum_weights, write_features
from agents.search_memory import MEMORY, Memory, kernel_type, place_of, remember, remembers, signature
from game2048 import board as rules
from game2048._jit import njit
from game2048.rng import draw

Words = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
MAX_LEAVES: Final = 128  # afterstates two plies below an afterstate: 16 cells, 2 tiles, 4 actions
NEVER: Final = -1  # in the place of a leaf: the action is illegal
UNLIMITED: Final = 2**62


class Lookup(NamedTuple):
    """An n-tuple network in kernels."""

    weights: Any
    """float32 or int16, shape (n_weights,)."""
    unit: np.float32
    """Points that a weight of 1 is worth."""
    initial: np.float32
    """V_0, points."""
    layout: Layout
    """As of `agents.networks.Network`."""
    tables: rules.RowTables
    """As of `game2048.board.row_tables`."""


class Desk(NamedTuple):
    """What a search writes on while it works; one for each thread."""

    features: Features
    """Of leaves, shape (`MAX_LEAVES`, m)."""
    leaves: Words
    """Boards, shape (`MAX_LEAVES`,)."""
    leaf_values: Floats
    """V of each, shape (`MAX_LEAVES`,)."""
    places: npt.NDArray[np.int16]
    """For each cell, tile and action its leaf, or `NEVER`; shape (16, 2, 4)."""
    rewards: Floats
    """Points of the same; shape (16, 2, 4)."""
    move_values: Floats
    """Shape (4,); the last argument of `greedy_action`."""
    counts: npt.NDArray[np.int64]
    """Leaves that may still be looked at, leaves looked at so far, generation (`agents.search_memory`); shape (3,)."""


_COMMON: Final = (types.float32, types.float32, types.uint64[:, ::1], types.uint32[::1])
LEARNABLE_LOOKUP: Final = kernel_type(Lookup, types.Array(types.float32, 1, "C", readonly=True), *_COMMON)
COMPACT_LOOKUP: Final = kernel_type(Lookup, types.Array(types.int16, 1, "C", readonly=True), *_COMMON)
DESK: Final = kernel_type(
    Desk,
    types.uint32[:, ::1],
    types.uint64[::1],
    types.float32[::1],
    types.int16[:, :, ::1],
    types.float32[:, :, ::1],
    types.float32[::1],
    types.int64[::1],
)


def for_all_lookups(result: Any, *arguments: Any) -> tuple[Any, Any]:
    """Return two signatures: with the type ``Lookup`` for learnable float32 weights, and for compact int16 weights."""
    return tuple(
        signature(result, *(kind if argument is Lookup else argument for argument in arguments))
        for kind in (LEARNABLE_LOOKUP, COMPACT_LOOKUP)
    )


# --- the lowest layer ---


@njit(*for_all_lookups(types.float32, types.uint64, Lookup, types.uint32[:, ::1]))
def value_of(board: np.uint64, lookup: Lookup, features: Features) -> np.float32:
    """Return V of an afterstate, points; ``features`` (1 or more, m) is a buffer."""
    write_features(board, lookup.layout, features, 0)
    return np.float32(lookup.initial + lookup.unit * sum_weights(lookup.weights, features, 0, lookup.layout[0, 1]))


@njit(signature(types.int64, types.uint64, types.uint32[::1], DESK))
def list_leaves(after: np.uint64, tables: rules.RowTables, desk: Desk) -> int:
    """Write the afterstates of all boards that a new tile makes of ``after``; return how many different ones.

    Fills ``leaves``, and ``places`` and ``rewards`` for empty cells. Tiles above 32768 are not seen.
    """
    n = n_2 = n_4 = 0
    transposed = rules.transpose(after)
    for action in range(4):
        vertical = action in (rules.UP, rules.DOWN)
        side = np.uint64(65536 if action in (rules.RIGHT, rules.DOWN) else 0)
        lines = transposed if vertical else after
        moved = np.uint64(0)
        reward = np.uint32(0)
        changed = 0
        for row in range(4):
            line = (lines >> np.uint64(16 * row)) & np.uint64(0xFFFF)
            entry = tables[side + line]
            result = np.uint64(entry & np.uint32(0xFFFF))
            moved |= result << np.uint64(16 * row)
            reward += entry >> np.uint32(16)
            changed |= int(result != line) << row
        for row in range(4):
            shift = np.uint64(16 * row)
            line = (lines >> shift) & np.uint64(0xFFFF)
            others = moved & ~(np.uint64(0xFFFF) << shift)
            others_reward = reward - (tables[side + line] >> np.uint32(16))
            others_change = changed & ~(1 << row) != 0
            last_2 = last_4 = np.uint64(0x10000)  # no row
            for column in range(4):
                place = np.uint64(4 * column)
                if (line >> place) & np.uint64(15) != np.uint64(0):
                    continue
                cell = 4 * column + row if vertical else 4 * row + column
                for tile in range(2):
                    new_line = line | (np.uint64(1 + tile) << place)
                    entry = tables[side + new_line]
                    result = np.uint64(entry & np.uint32(0xFFFF))
                    if result == new_line and not others_change:
                        desk.places[cell, tile, action] = NEVER
                        continue
                    if result != (last_4 if tile else last_2):
                        leaf = others | (result << shift)
                        desk.leaves[n] = rules.transpose(leaf) if vertical else leaf
                        n += 1
                        if tile:
                            last_4 = result
                            n_4 = n - 1
                        else:
                            last_2 = result
                            n_2 = n - 1
                    desk.places[cell, tile, action] = n_4 if tile else n_2
                    desk.rewards[cell, tile, action] = np.float32(
                        np.uint32(4) * (others_reward + (entry >> np.uint32(16)))
                    )
    return n


@njit(*for_all_lookups(types.void, types.int64, Lookup, DESK))
def evaluate_leaves(n: int, lookup: Lookup, desk: Desk) -> None:
    """Write V of the first ``n`` leaves: first the features of all, so that their weights come from memory together."""
    for i in range(n):
        write_features(desk.leaves[i], lookup.layout, desk.features, i)
        prefetch_weights(lookup.weights, desk.features, i)
    for i in range(n):
        total = sum_weights(lookup.weights, desk.features, i, lookup.layout[0, 1])
        desk.leaf_values[i] = lookup.initial + lookup.unit * total
    desk.counts[0] -= n
    desk.counts[1] += n


@njit(*for_all_lookups(types.float64, types.uint64, Lookup, DESK))
def expected_best(after: np.uint64, lookup: Lookup, desk: Desk) -> float:
    """Return W_2 of an afterstate without tiles above 32768: the mean over all new tiles of the best r + V."""
    evaluate_leaves(list_leaves(after, lookup.tables, desk), lookup, desk)
    total = 0.0
    n_empty = 0.0
    for cell in range(16):
        if (after >> np.uint64(4 * cell)) & np.uint64(15) != np.uint64(0):
            continue
        n_empty += 1.0
        for tile in range(2):
            best = np.float32(-np.inf)
            for action in range(4):
                leaf = desk.places[cell, tile, action]
                if leaf != NEVER:
                    best = max(best, desk.rewards[cell, tile, action] + desk.leaf_values[leaf])
            if best > np.float32(-np.inf):  # the end of the game is worth 0
                total += (1.0 if tile else 9.0) * float(best)
    return total / (10.0 * n_empty)


# --- the layers above ---


@njit(
    *for_all_lookups(
        types.float64,
        types.uint64,
        types.uint64,
        types.int64,
        types.float64,
        Lookup,
        types.float64,
        MEMORY,
        DESK,
    )
)
def expected_value(
    after: np.uint64,
    high: np.uint64,
    depth: int,
    probability: float,
    lookup: Lookup,
    p_cut: float,
    memory: Memory,
    desk: Desk,
) -> float:
    """Return W_{depth + 1} of an afterstate, points: the mean over all new tiles of the best Q_depth.

    ``probability`` of getting there; less than ``p_cut``, and V is returned. What is returned once no leaf may be
    looked at any more means nothing.
    """
    if desk.counts[0] <= 0:
        return 0.0
    if depth == 0 or probability < p_cut:
        desk.counts[0] -= 1
        desk.counts[1] += 1
        return float(value_of(after, lookup, desk.features))
    tag = np.uint64(depth) | (np.uint64(desk.counts[2]) << np.uint64(8))
    place = -1
    if len(memory.words) > 0:
        place = place_of(after, high, tag, memory)
        if remembers(place, after, high, tag, memory):
            return float(memory.values[place, 3])
    if depth == 1 and high == np.uint64(0):
        value = expected_best(after, lookup, desk)
    else:
        n_empty = 0
        for cell in range(16):
            n_empty += int((after >> np.uint64(4 * cell)) & np.uint64(15) == np.uint64(0))
        total = 0.0
        for cell in range(16):
            shift = np.uint64(4 * cell)
            if (after >> shift) & np.uint64(15) != np.uint64(0):
                continue
            for tile in range(1, 3):
                board = after | (np.uint64(tile) << shift)
                frequency = 9.0 if tile == 1 else 1.0
                chance = probability * frequency / (10.0 * n_empty)
                mask = rules.action_mask_wide(board, high)
                best = -np.inf
                for action in range(4):
                    if not mask >> action & 1:
                        continue
                    child, child_high, reward = rules.play(board, high, action, lookup.tables)
                    if child == board and child_high == high:  # walls (`agents.small_boards`)
                        continue
                    below = expected_value(child, child_high, depth - 1, chance, lookup, p_cut, memory, desk)
                    if depth == 1:  # in single precision, as in `expected_best`
                        below = float(np.float32(reward) + np.float32(below))
                    else:
                        below += float(np.int64(reward))
                    best = max(best, below)
                if best > -np.inf:  # the end of the game is worth 0
                    total += frequency * best
        value = total / (10.0 * n_empty)
    if place >= 0 and desk.counts[0] > 0:
        remember(place, after, high, tag, value, memory)
    return value


@njit(
    *for_all_lookups(
        types.int64, types.uint64, types.uint64, types.int64, Lookup, types.float64, MEMORY, DESK, types.float64[::1]
    )
)
def best_action(
    board: np.uint64,
    high: np.uint64,
    depth: int,
    lookup: Lookup,
    p_cut: float,
    memory: Memory,
    desk: Desk,
    q: Doubles,
) -> int:
    """Return argmax_a Q_depth(s, a), or -1 if no action is legal; fill ``q`` (4,), points, -inf where illegal."""
    best = greedy_action(
        board,
        high,
        lookup.weights,
        lookup.unit,
        lookup.layout,
        lookup.tables,
        desk.features[:4],
        desk.rewards[0, 0],
        desk.move_values,
    )
    for action in range(4):
        q[action] = float(desk.move_values[action]) + float(lookup.initial)
    if depth == 1 or best < 0:
        return best
    for action in range(4):
        if q[action] > -np.inf:
            after, after_high, reward = rules.play(board, high, action, lookup.tables)
            q[action] = float(np.int64(reward)) + expected_value(
                after, after_high, depth - 1, 1.0, lookup, p_cut, memory, desk
            )
    return int(np.argmax(q))


@njit(
    *for_all_lookups(
        types.boolean,
        types.int64,
        types.uint64[::1],
        types.uint64[::1],
        types.int64[::1],
        types.int64,
        types.boolean,
        Lookup,
        types.float64,
        MEMORY,
        DESK,
        types.uint8[::1],
    )
)
def play_some_moves(
    most: int,
    rng: Words,
    position: Words,
    counts: npt.NDArray[np.int64],
    depth: int,
    downgrading: bool,
    lookup: Lookup,
    p_cut: float,
    memory: Memory,
    desk: Desk,
    plies: npt.NDArray[np.uint8],
) -> bool:
    """Play up to ``most`` moves of a game; return whether it is over.

    In place: stream 0 of ``rng``, ``position`` (board, high), ``counts`` (score, moves) and ``plies``.
    """
    q = np.empty(4, np.float64)
    for _ in range(most):
        seen, seen_high = position[0], position[1]
        if downgrading:
            seen, seen_high = downgrade(seen, seen_high)
        desk.counts[2] += int(p_cut > 0.0)  # what was cut is another thing at the next move
        action = best_action(seen, seen_high, depth, lookup, p_cut, memory, desk, q)
        if action < 0:
            return True
        after, position[1], reward = rules.play(position[0], position[1], action, lookup.tables)
        position[0] = rules.spawn(after, draw(rng, 0))
        plies[counts[1]] = rules.ply_code(action, after, position[0])
        counts[0] += np.int64(reward)
        counts[1] += 1
    return False


# --- from the shell ---


def lookup_of(values: Values, tables: rules.RowTables) -> Lookup:
    """Return what the kernels know of a network."""
    weights = values.weights.view()
    weights.flags.writeable = False
    return Lookup(weights, values.unit, values.initial, values.network.layout, tables)


def new_desk(values: Values) -> Desk:
    """Return what a search of a network writes on, with no limit of leaves."""
    return Desk(
        np.zeros((MAX_LEAVES, values.network.n_features), np.uint32),
        np.zeros(MAX_LEAVES, np.uint64),
        np.zeros(MAX_LEAVES, np.float32),
        np.full((16, 2, 4), NEVER, np.int16),
        np.zeros((16, 2, 4), np.float32),
        np.zeros(4, np.float32),
        np.array([UNLIMITED, 0, 0]),
    )
