"""Boards to search, and what goes between packed boards and lists."""

import numpy as np

from game2048 import board as rules
from tests.oracles import board as naive

WIDE = [[16, 16, 1, 2], [3, 1, 2, 4], [1, 2, 3, 1], [0, 3, 1, 17]]  # two ways to 131072, and a new tile either way


def crowded_boards(n, most_empty, seed=0):
    """Boards with at least one legal action and few empty cells, some of them one move from the end."""
    generator = np.random.default_rng(seed)
    boards = []
    while len(boards) < n:
        cells = generator.integers(1, 7, 16)
        cells[generator.permutation(16)[: generator.integers(0, most_empty + 1)]] = 0
        if naive.legal_actions(cells.reshape(4, 4).tolist()):
            boards.append(cells.reshape(4, 4).tolist())
    return boards


def packed(boards):
    words = [rules.pack(board) for board in boards]
    return tuple(np.array([int(word[i]) for word in words], np.uint64) for i in range(2))


def leaf_of(values):
    """A value function of packed boards as one of lists."""
    return lambda cells: values(packed([cells])[0])[0]


def by_action(q):
    return {int(action): float(q[action]) for action in np.flatnonzero(q > -np.inf)}
