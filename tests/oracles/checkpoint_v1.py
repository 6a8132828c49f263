"""How n-tuple networks read their tables before checkpoints had version 2: 40 features of 4x6 patterns and lines."""

import numpy as np

from agents.checkpoint_v1 import LINES_START, PATTERNS
from tests.oracles.td import symmetric_boards


def index(exponents):
    """Exponents side by side, four bits each."""
    return sum(int(e) << 4 * k for k, e in enumerate(exponents))


def features(cells):
    """Indices of the weights of a board; a line is read once, in the direction of the smaller index."""
    saturated = np.minimum(cells, 15)
    patterns = [
        (table << 24) + index(b[pattern])
        for b in symmetric_boards(saturated)
        for table, pattern in enumerate(PATTERNS[:4])
    ]
    lines = [
        LINES_START + 65536 * (row in (1, 2)) + min(index(line), index(line[::-1]))
        for board in (saturated, saturated.T)
        for row, line in enumerate(board)
    ]
    return patterns + lines
