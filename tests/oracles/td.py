"""N-tuple networks and their TD(lambda) on dicts: the naive twins of `agents.ntuple` and `agents.td`.

Weights are named by what they are about, not by where they stand: (stage, pattern or count, exponents).
"""

from collections import Counter, defaultdict

import numpy as np

from agents.networks import DEFAULT
from tests.oracles import board as naive

f32 = np.float32
SIZES = {"empty": 16, "large": 4**5}


def symmetric_boards(cells):
    """All 8, by rotating and mirroring."""
    board = np.array(cells)
    return [np.rot90(b, k).ravel() for b in (board, board.T) for k in range(4)]


def read(exponents, pattern):
    """Exponents in the cells of a pattern, in the order of the cells' numbers."""
    return tuple(int(exponents[cell]) for cell in sorted(int(digit, 16) for digit in pattern))


def count(cells, name):
    tiles = Counter(np.ravel(cells).tolist())
    if name == "empty":
        return min(tiles[0], 15)
    return tuple(min(tiles[exponent], 3) for exponent in range(11, 16))


def stage_of(cells, stage_tiles):
    """The number whose binary digits say, the largest tile first, which of these tiles are there."""
    present = set(np.ravel(cells).tolist())
    return int("0" + "".join(str(int(tile in present)) for tile in sorted(stage_tiles, reverse=True)), 2)


def features(cells, network=DEFAULT):
    """Names of the weights, of a board saturated at 15."""
    saturated = np.minimum(cells, 15)
    stage = stage_of(saturated, network.stage_tiles)
    boards = symmetric_boards(saturated)
    patterns = [(stage, pattern, read(b, pattern)) for pattern in network.patterns for b in boards]
    return patterns + [(stage, name, count(saturated, name)) for name in network.counts]


def place(feature, network=DEFAULT):
    """Where the weight of this name stands: bit p of cell k of n is bit n p + k of the place in its table."""
    stage, name, value = feature
    start = stage * network.stage_size
    for pattern in network.patterns:
        if pattern == name:
            bits = [(e >> p) % 2 for p in range(4) for e in value]
            return start + sum(bit << i for i, bit in enumerate(bits))
        start += 16 ** len(pattern)
    for other in network.counts:
        if other == name:
            return start + (value if name == "empty" else sum(n * 4**i for i, n in enumerate(value)))
        start += SIZES[other]
    raise AssertionError(feature)


class NaiveLearner:
    """Learns as the docstrings of `agents.td` and `agents.ntuple` say, one equation a line."""

    def __init__(self, alpha, network=DEFAULT, initial=0):
        self.w, self.e, self.a = (defaultdict(f32) for _ in range(3))
        self.alpha, self.network, self.initial = f32(alpha), network, f32(initial)

    def weight(self, feature):
        """The weight, or while it is 0, that of the stage before."""
        return self.w[self.promoted(feature)]

    def promoted(self, feature):
        stage, *name = feature
        while stage and self.w[(stage, *name)] == 0:
            stage -= 1
        return (stage, *name)

    def value(self, cells):
        return self.initial + sum((self.weight(f) for f in features(cells, self.network)), f32(0))

    def follow(self, boards, afterstates):
        """Check that every move is greedy, up to rounding; return the afterstates and the rewards."""
        path = []
        for cells, after in zip(boards, afterstates, strict=True):
            moves = [naive.slide(cells, action) for action in naive.legal_actions(cells)]
            (move,) = {tuple(map(tuple, board)): (board, reward) for board, reward in moves if board == after}.values()
            best = max(reward + self.value(board) for board, reward in moves)
            assert move[1] + self.value(after) >= best - 1e-3 * max(1, abs(best))
            path.append(move)
        return path

    def learn(self, path, trace_decay):
        z = f32(0)
        for after, reward in reversed(path):
            d = self.alpha / f32(self.network.n_features) * (z - self.value(after))
            for f in features(after, self.network):
                source = self.promoted(f)
                self.w[f], self.e[f], self.a[f] = self.w[source], self.e[source], self.a[source]
                rate = abs(self.e[f]) / self.a[f] if self.a[f] else f32(1)
                self.w[f] += d * rate
                self.e[f] += d
                self.a[f] += abs(d)
            z = f32(reward) + trace_decay * z + (f32(1) - trace_decay) * self.value(after)

    def table(self, values):
        """One of ``w``, ``e`` and ``a`` as places and numbers."""
        known = {place(feature, self.network): value for feature, value in values.items() if self.a[feature]}
        return list(known), list(known.values())
