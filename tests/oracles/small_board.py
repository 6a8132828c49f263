"""2048 on few cells, solved exactly: what a learner that works must find.

The board lies in the middle of the sixteen cells of a packed board (2x2: cells 5, 6, 9, 10), the others stay empty.
The rules are those of the game, a new tile is a 2 in nine cases of ten. Legal actions come from here: on sixteen
cells the same tiles could slide on.
"""

from functools import cache
from itertools import product

import numpy as np

from agents.policy.boards import transform
from agents.policy.games import EVERYTHING, FinishedGames
from game2048.rng import draw, game_seeds, seed_streams


def slide_line(line):
    """[1, 1, 2] -> [2, 2, 0], 4 points."""
    tiles, merged, points = [e for e in line if e], [], 0
    while tiles:
        exponent = tiles.pop(0)
        if tiles and tiles[0] == exponent:
            tiles.pop(0)
            exponent += 1
            points += 2**exponent
        merged.append(exponent)
    return merged + [0] * (len(line) - len(merged)), points


def slide(cells, action):
    """Slide rows of exponents, tuples; return the afterstate and the points."""
    lines = list(zip(*cells, strict=True)) if action in (0, 2) else list(cells)
    turned = [line[::-1] for line in lines] if action in (1, 2) else lines
    slid = [slide_line(list(line)) for line in turned]
    lines = [tuple(line[::-1] if action in (1, 2) else line) for line, _ in slid]
    after = tuple(zip(*lines, strict=True)) if action in (0, 2) else tuple(lines)
    return after, sum(points for _, points in slid)


def spawns(cells):
    """All boards with one more tile, and their chances."""
    empty = [(r, c) for r, row in enumerate(cells) for c, e in enumerate(row) if not e]
    for (row, column), (exponent, chance) in product(empty, ((1, 0.9), (2, 0.1))):
        board = [list(line) for line in cells]
        board[row][column] = exponent
        yield tuple(map(tuple, board)), chance / len(empty)


def pack(cells):
    """As a packed board of sixteen cells."""
    top, left = (4 - len(cells)) // 2, (4 - len(cells[0])) // 2
    return sum(e << 4 * (4 * (top + r) + left + c) for r, row in enumerate(cells) for c, e in enumerate(row))


@cache
def two_by_two():
    """The board that tests solve: 662 positions."""
    return SmallBoard(2, 2)


class SmallBoard:
    """All positions that a game can reach, their moves, chances and best values.

    ``boards`` (n,) packed and sorted; ``legal`` (n, 4); ``points`` (n, 4); ``following`` (n, 4, k) positions and
    ``chances`` (n, 4, k) of them, 0 where there are fewer than k; ``start`` (n,) chances of the first position.
    """

    def __init__(self, n_rows, n_columns):
        empty = tuple((0,) * n_columns for _ in range(n_rows))
        starts = {}
        for one, chance in spawns(empty):
            for two, chance_of_two in spawns(one):
                starts[two] = starts.get(two, 0.0) + chance * chance_of_two
        moves = explore(starts)
        order = sorted(moves, key=pack)
        number = {cells: i for i, cells in enumerate(order)}
        n, k = len(order), 2 * n_rows * n_columns
        self.boards = np.array([pack(cells) for cells in order], np.uint64)
        self.largest = np.array([max(map(max, cells)) for cells in order])
        self.start = np.array([starts.get(cells, 0.0) for cells in order])
        self.legal, self.points = np.zeros((n, 4), bool), np.zeros((n, 4))
        self.following, self.chances = np.zeros((n, 4, k), np.int64), np.zeros((n, 4, k))
        for i, cells in enumerate(order):
            for action, (points, outcomes) in moves[cells].items():
                self.legal[i, action], self.points[i, action] = True, points
                for j, (board, chance) in enumerate(outcomes):
                    self.following[i, action, j], self.chances[i, action, j] = number[board], chance

    def numbers(self, boards):
        """Positions of packed boards of any shape."""
        numbers = np.searchsorted(self.boards, boards)
        assert (self.boards[np.minimum(numbers, len(self.boards) - 1)] == boards).all(), "no game gets there"
        return numbers

    def action_values(self, values):
        """Expected points of each action and of what follows (n, 4), -inf where it is not legal."""
        expected = self.points + (self.chances * values[self.following]).sum(2)
        return np.where(self.legal, expected, -np.inf)

    def best_values(self):
        """Expected points that the best player still gets at each position, by value iteration.

        Exact after as many rounds as the longest game has moves, since no position comes twice in a game.
        """
        values = np.zeros(len(self.boards))
        while True:
            better = np.where(self.legal.any(1), self.action_values(values).max(1), 0.0)
            if np.array_equal(better, values):
                return values
            values = better

    def best_score(self):
        """Expected score of the best player."""
        return float(self.start @ self.best_values())

    def expected_score(self, probabilities):
        """Expected score of a player who chooses actions with some probabilities (n, 4)."""
        values = np.zeros(len(self.boards))
        chosen = np.where(self.legal, probabilities, 0.0)
        while True:
            better = (chosen * np.where(self.legal, self.action_values(values), 0.0)).sum(1)
            if np.array_equal(better, values):
                return float(self.start @ values)
            values = better


def explore(starts):
    """All positions after some, with their moves: {cells: {action: (points, [(cells, chance)])}}."""
    moves, waiting = {}, list(starts)
    while waiting:
        cells = waiting.pop()
        if cells in moves:
            continue
        slides = {action: slide(cells, action) for action in range(4)}
        moves[cells] = {
            action: (points, list(spawns(after))) for action, (after, points) in slides.items() if after != cells
        }
        waiting += [board for _, outcomes in moves[cells].values() for board, _ in outcomes]
    return moves


class SmallGames:
    """Games on a 2x2 board in lockstep, restarted as they end: an implementation of `agents.policy.games.Games`."""

    def __init__(self, n_games, seed=0):
        self.rules, self.n_games = two_by_two(), n_games
        self.rng = seed_streams(game_seeds(seed, n_games))
        self.boards = np.zeros(n_games, np.uint64)
        self.counts = np.zeros((n_games, 2), np.int64)  # points, moves
        self.finished = []
        self.boards[...] = self.rules.boards[self.choose(np.tile(self.rules.start, (n_games, 1)), EVERYTHING)]

    def choose(self, chances, part):
        """Draw a column for each row of chances, from the random streams of a part of the games."""
        rng = self.rng[part]
        uniforms = np.array([(int(draw(rng, i)) >> 11) * 2.0**-53 for i in range(rng.size)])
        return np.minimum((uniforms[:, None] >= chances.cumsum(1)).sum(1), (chances > 0).cumsum(1).argmax(1))

    def masks(self, boards):
        return self.rules.legal[self.rules.numbers(boards)]

    def step(self, actions, part=EVERYTHING):
        boards, counts = self.boards[part], self.counts[part]
        now, games = self.rules.numbers(boards), np.arange(actions.size)
        assert self.rules.legal[now, actions].all(), "illegal action"
        points = self.rules.points[now, actions]
        outcome = self.choose(self.rules.chances[now, actions], part)
        then = self.rules.following[now, actions][games, outcome]
        counts += np.stack([points, np.ones_like(points)], 1).astype(np.int64)
        over = ~self.rules.legal[then].any(1)
        if over.any():
            ended = np.stack([counts[over, 0], self.rules.largest[then[over]], counts[over, 1]], 1)
            self.finished.append((part.start or 0, ended))
            counts[over] = 0
        # A start is drawn in every game, used or not: streams advance alike.
        starts = self.choose(np.tile(self.rules.start, (actions.size, 1)), part)
        boards[...] = self.rules.boards[np.where(over, starts, then)]
        return points.astype(np.float32), over

    def turn(self, symmetries):
        self.boards[...] = transform(self.boards, symmetries)

    def take_finished(self):
        parts = [games for _, games in sorted(self.finished, key=lambda part: part[0])]
        self.finished = []
        games = np.concatenate(parts) if parts else np.empty((0, 3), np.int64)
        return FinishedGames(games[:, 0], games[:, 1], games[:, 2])

    def state_dict(self):
        return {"boards": self.boards, "rng": self.rng, "counts": self.counts}

    def load_state_dict(self, state):
        for name, own in self.state_dict().items():
            own[...] = state[name]
        self.finished = []
