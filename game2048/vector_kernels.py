"""The kernels of `game2048.vector_env`: many games in one array, stepped in one call.

The state of n games is an ndarray of uint64, shape (N_ROWS, n); the rows are named below. Observations, masks and
counts are written into the arrays that are handed out: several of their small elements at once, as words.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from game2048 import board as rules
from game2048 import rng as streams
from game2048._jit import njit

BOARD: Final = 0
HIGH: Final = 1
RNG: Final = 2
SCORE: Final = 3
MAX_TILE: Final = 4
N_MOVES: Final = 5
ELAPSED: Final = 6  # steps of the episode, legal or not
N_ROWS: Final = 7

NO_LIMIT: Final = 2**62  # steps

State = npt.NDArray[np.uint64]


@njit("uint64(uint64)")
def spread_nibbles(half: np.uint64) -> np.uint64:
    """Spread eight nibbles over eight bytes: ``0x87654321 -> 0x0807060504030201``."""
    half = (half | (half << np.uint64(16))) & np.uint64(0x0000FFFF0000FFFF)
    half = (half | (half << np.uint64(8))) & np.uint64(0x00FF00FF00FF00FF)
    return (half | (half << np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)


@njit("void(uint64, uint64, uint64[::1], int64)")
def write_observation(board: np.uint64, high: np.uint64, words: npt.NDArray[np.uint64], i: int) -> None:
    """Write 16 exponents of one byte as words ``2 * i`` and the next; the low byte comes first (little-endian)."""
    lower = spread_nibbles(board & np.uint64(0xFFFFFFFF))
    upper = spread_nibbles(board >> np.uint64(32))
    if high != np.uint64(0):
        lower += spread_nibbles(high & np.uint64(0xFFFFFFFF))
        upper += spread_nibbles(high >> np.uint64(32))
    words[2 * i] = lower
    words[2 * i + 1] = upper


@njit("uint32(int64)")
def spread_mask(bits: int) -> np.uint32:
    """Spread four mask bits over four bytes of 0 or 1."""
    return np.uint32((bits * 0x00204081) & 0x01010101)


@njit("void(uint64[:, ::1], int64, uint64, uint64)")
def start_game(state: State, i: int, board: np.uint64, high: np.uint64) -> None:
    """Start game ``i`` of ``state`` in place from a board, or from two random tiles where it is empty."""
    if board == np.uint64(0):
        board = rules.start_board(state[RNG], i)
    state[BOARD, i] = board
    state[HIGH, i] = high
    state[SCORE, i] = np.uint64(0)
    state[MAX_TILE, i] = np.uint64(1) << np.uint64(rules.largest_exponent(board, high))
    state[N_MOVES, i] = np.uint64(0)
    state[ELAPSED, i] = np.uint64(0)


@njit("void(int64[::1], uint64[:, ::1], uint64[::1], uint64[::1])")
def start_games(games: npt.NDArray[np.int64], state: State, boards: State, highs: State) -> None:
    """Start some games of ``state`` in place, see `start_game`."""
    for k in range(games.size):
        start_game(state, games[k], boards[k], highs[k])


@njit("void(int64[::1], uint64[:, ::1], uint8[:, :, ::1], int8[:, ::1], int64[::1], int64[::1], int64[::1])")
def observe(
    games: npt.NDArray[np.int64],
    state: State,
    observations: npt.NDArray[np.uint8],
    masks: npt.NDArray[np.int8],
    seen_score: npt.NDArray[np.int64],
    seen_tile: npt.NDArray[np.int64],
    seen_moves: npt.NDArray[np.int64],
) -> None:
    """Write what is seen of some games, and nothing else, into the outputs of `step_games`."""
    observation_words = observations.reshape(-1).view(np.uint64)
    mask_words = masks.reshape(-1).view(np.uint32)
    for k in range(games.size):
        i = games[k]
        write_observation(state[BOARD, i], state[HIGH, i], observation_words, i)
        mask_words[i] = spread_mask(rules.action_mask_wide(state[BOARD, i], state[HIGH, i]))
        seen_score[i] = np.int64(state[SCORE, i])
        seen_tile[i] = np.int64(state[MAX_TILE, i])
        seen_moves[i] = np.int64(state[N_MOVES, i])


@njit("int64(int64[::1])")
def first_bad_action(actions: npt.NDArray[np.int64]) -> int:
    """Return the index of the first action that is not 0 to 3, or -1."""
    seen = np.int64(0)
    for i in range(actions.size):
        seen |= actions[i]
    if 0 <= seen <= 3:
        return -1
    for i in range(actions.size):
        if actions[i] < 0 or actions[i] > 3:
            return i
    return -1


@njit("int64(int64[::1], uint64[:, ::1], boolean[::1])")
def first_illegal_action(actions: npt.NDArray[np.int64], state: State, over: npt.NDArray[np.bool_]) -> int:
    """Return the first game that is not over whose action changes nothing, or -1."""
    for i in range(actions.size):
        if not over[i] and not rules.action_mask_wide(state[BOARD, i], state[HIGH, i]) >> actions[i] & 1:
            return i
    return -1


@njit(
    "int64(int64, int64, int64[::1], uint64[:, ::1], boolean[::1], uint32[::1], boolean, int64,"
    " float64[::1], boolean[::1], boolean[::1], uint8[:, :, ::1], int8[:, ::1], int64[::1], int64[::1], int64[::1])"
)
def step_games(
    first: int,
    stop: int,
    actions: npt.NDArray[np.int64],
    state: State,
    over: npt.NDArray[np.bool_],
    tables: rules.RowTables,
    illegal_ends: bool,
    limit: int,
    rewards: npt.NDArray[np.float64],
    terminated: npt.NDArray[np.bool_],
    truncated: npt.NDArray[np.bool_],
    observations: npt.NDArray[np.uint8],
    masks: npt.NDArray[np.int8],
    seen_score: npt.NDArray[np.int64],
    seen_tile: npt.NDArray[np.int64],
    seen_moves: npt.NDArray[np.int64],
) -> int:
    """Step games ``first`` to ``stop - 1``; a game that was ``over`` starts anew instead.

    In place: ``state``, ``over`` and all arrays after ``limit`` (steps an episode). Returns how many games are over.
    """
    boards, highs, rng = state[BOARD], state[HIGH], state[RNG]
    scores, tiles, moves, elapsed = state[SCORE], state[MAX_TILE], state[N_MOVES], state[ELAPSED]
    observation_words = observations.reshape(-1).view(np.uint64)
    mask_words = masks.reshape(-1).view(np.uint32)
    n_over = 0
    for i in range(first, stop):
        if over[i]:
            start_game(state, i, np.uint64(0), np.uint64(0))
            board, high = boards[i], np.uint64(0)
            bits = rules.action_mask(board)
            rewards[i] = 0.0
            terminated[i] = truncated[i] = over[i] = False
        else:
            board, high = boards[i], highs[i]
            after, reward = rules.slide(board, actions[i], tables)
            is_legal = after != board
            if high != np.uint64(0) or reward >= np.uint64(65536):
                after, after_high, reward = rules.slide_wide(board, high, actions[i])
                is_legal = after != board or after_high != high
                high = after_high
                highs[i] = high
            state_of_rng = rng[i] + streams.GOLDEN_GAMMA  # `draw` without the store
            spawned = rules.spawn(after, streams.mix(state_of_rng))
            board = spawned if is_legal else board
            rng[i] = state_of_rng if is_legal else rng[i]
            boards[i] = board
            scores[i] += reward
            moves[i] += np.uint64(is_legal)
            elapsed[i] += np.uint64(1)
            if reward > tiles[i] or tiles[i] < np.uint64(8):  # else the largest tile cannot have grown
                tiles[i] = np.uint64(1) << np.uint64(rules.largest_exponent(board, high))
            bits = rules.action_mask_wide(board, high)
            is_over = bits == 0 or (illegal_ends and not is_legal)
            is_late = np.int64(elapsed[i]) >= limit
            rewards[i] = np.float64(np.int64(reward))
            terminated[i] = is_over
            truncated[i] = is_late
            over[i] = is_over | is_late
            n_over += int(is_over | is_late)
        write_observation(board, high, observation_words, i)
        mask_words[i] = spread_mask(bits)
        seen_score[i] = np.int64(scores[i])
        seen_tile[i] = np.int64(tiles[i])
        seen_moves[i] = np.int64(moves[i])
    return n_over


@njit("void(int8[:, ::1], uint64[::1], int64[::1])")
def draw_actions(masks: npt.NDArray[np.int8], rng: npt.NDArray[np.uint64], out: npt.NDArray[np.int64]) -> None:
    """Draw a legal action a game into ``out`` from stream 0 of ``rng``: 0 where none is legal."""
    mask_words = masks.reshape(-1).view(np.uint32)
    for i in range(out.size):
        bits = (np.uint64(mask_words[i]) * np.uint64(0x01020408)) >> np.uint64(24) & np.uint64(15)
        action = rules.random_action(bits, streams.draw(rng, 0))
        out[i] = action if bits != np.uint64(0) else 0


@njit("void(uint8[:, ::1], uint64[::1], uint64[::1])")
def pack_boards(exponents: npt.NDArray[np.uint8], boards: State, highs: State) -> None:
    """Pack exponents, shape (n, 16), into ``boards`` and ``highs``, shape (n,)."""
    for i in range(boards.size):
        boards[i] = highs[i] = np.uint64(0)
        for cell in range(16):
            exponent = np.uint64(exponents[i, cell])
            low = min(exponent, np.uint64(15))
            boards[i] |= low << np.uint64(4 * cell)
            highs[i] |= (exponent - low) << np.uint64(4 * cell)
