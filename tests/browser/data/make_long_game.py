"""Write the longest game that anybody looks at: 60,000 plies, up to the tile 65536, for `test_long_game`.

    python tests/browser/data/make_long_game.py

No player that we know gets so far. So new tiles fall where they are wanted: a beam search chooses moves and tiles
together, for boards whose tiles lie in order along a snake. It takes two minutes.
"""

import gzip
from pathlib import Path

import numba
import numpy as np

from game2048 import GameRecord
from game2048.board import pack, play, row_tables, unpack
from game2048.formats import format_game

N_PLIES = 60_000
WIDTH = 100
SNAKE = np.array([0, 1, 2, 3, 7, 6, 5, 4, 8, 9, 10, 11, 15, 14, 13, 12])
WEIGHTS = np.zeros(16)
WEIGHTS[SNAKE] = 0.35 ** np.arange(16)
PER_EMPTY = 0.002


@numba.njit
def expand(boards, highs, tables, weights, children, child_highs, merits, parents, codes):
    """Write all boards one ply later, with how good they are, and where they come from; return how many."""
    n = 0
    for i in range(boards.size):
        for action in range(4):
            after, high, _ = play(boards[i], highs[i], action, tables)
            if after == boards[i] and high == highs[i]:
                continue
            for cell in range(16):
                if (after >> np.uint64(4 * cell)) & np.uint64(15) != np.uint64(0):
                    continue
                children[n], child_highs[n] = after | (np.uint64(1) << np.uint64(4 * cell)), high
                parents[n], codes[n] = i, action << 5 | cell << 1
                merits[n] = merit(children[n], high, weights)
                n += 1
    return n


@numba.njit
def merit(board, high, weights):
    """Return the sum of the tiles, weighted along the snake, a little more where there is room."""
    total, empty = 0.0, 0
    for cell in range(16):
        shift = np.uint64(4 * cell)
        exponent = int((board >> shift) & np.uint64(15)) + int((high >> shift) & np.uint64(15))
        if exponent == 0:
            empty += 1
        else:
            total += weights[cell] * 2.0**exponent
    return total * (1 + PER_EMPTY * empty)


def long_game() -> GameRecord:
    """Search for the game."""
    board, high = pack([1, 1] + [0] * 14)
    boards, highs = np.array([board], np.uint64), np.array([high], np.uint64)
    room = 64 * WIDTH
    children, child_highs, merits = np.empty(room, np.uint64), np.empty(room, np.uint64), np.empty(room)
    parents, codes = np.empty(room, np.int32), np.empty(room, np.uint8)
    steps = []
    for _ in range(N_PLIES):
        n = expand(boards, highs, row_tables(), WEIGHTS, children, child_highs, merits, parents, codes)
        order = np.argsort(-merits[:n], kind="stable")
        _, first = np.unique(children[order], return_index=True)
        best = order[np.sort(first)][:WIDTH]
        boards, highs = children[best], child_highs[best]
        steps.append((parents[best], codes[best]))
    plies, i = [], 0
    for came_from, code in reversed(steps):
        plies.append(int(code[i]))
        i = int(came_from[i])
    return GameRecord(start=unpack(board, high), plies=np.array(plies[::-1], np.uint8), agent="tiles as one wishes")


if __name__ == "__main__":
    target = Path(__file__).with_name("long-game.json.gz")
    target.write_bytes(gzip.compress(format_game(long_game()), 9, mtime=0))
