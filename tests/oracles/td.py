"""TD(lambda) with temporal coherence on dicts: the naive twin of `agents.td`."""

from collections import defaultdict

import numpy as np

from agents.ntuple import LINES_START, N_FEATURES, PATTERNS
from tests.oracles import board as naive

f32 = np.float32


def symmetric_boards(cells):
    """All 8, by rotating and mirroring."""
    board = np.array(cells)
    return [np.rot90(b, k).ravel() for b in (board, board.T) for k in range(4)]


def index(exponents):
    return sum(int(e) << 4 * k for k, e in enumerate(exponents))


def features(cells):
    """Indices of the weights, of a board saturated at 15."""
    saturated = np.minimum(cells, 15)
    patterns = [
        (number << 24) + index(b[list(pattern)])
        for b in symmetric_boards(saturated)
        for number, pattern in enumerate(PATTERNS)
    ]
    lines = [
        LINES_START + 65536 * (number in (1, 2)) + min(index(line), index(line[::-1]))
        for board in (saturated, saturated.T)
        for number, line in enumerate(board)
    ]
    return patterns + lines


class NaiveLearner:
    """Learns as the docstring of `agents.td` says, one equation a line."""

    def __init__(self, alpha):
        self.w, self.e, self.a = (defaultdict(f32) for _ in range(3))
        self.alpha = f32(alpha)

    def value(self, cells):
        return sum((self.w[f] for f in features(cells)), f32(0))

    def follow(self, cells, plies):
        """Follow a game; check that every move is greedy; return its afterstates and rewards."""
        path = []
        for code in plies:
            moves = {action: naive.slide(cells, action) for action in naive.legal_actions(cells)}
            values = {action: reward + self.value(after) for action, (after, reward) in moves.items()}
            best = max(values.values())
            assert values[code >> 5] >= best - 1e-3 * max(1, abs(best))
            path.append(moves[code >> 5])
            cells = [row[:] for row in path[-1][0]]
            cells[(code >> 1 & 15) // 4][(code >> 1 & 15) % 4] = 1 + (code & 1)
        return path

    def learn(self, path, trace_decay):
        z = f32(0)
        for after, reward in reversed(path):
            d = self.alpha / f32(N_FEATURES) * (z - self.value(after))
            for f in features(after):
                rate = abs(self.e[f]) / self.a[f] if self.a[f] else f32(1)
                self.w[f] += d * rate
                self.e[f] += d
                self.a[f] += abs(d)
            z = f32(reward) + trace_decay * z + (f32(1) - trace_decay) * self.value(after)
