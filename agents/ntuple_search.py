"""Players that search with an n-tuple network: to a depth, or as deep as a time limit lets them.

Under a time limit the search deepens: depth 1, 2, 3, ... until the time is over; the move is that of the deepest search
that came to its end. A kernel cannot look at the clock, so it looks at a number of leaves and comes back; what it found
is remembered, and the next call passes over it. A deep search without a limit comes back likewise, so that it can be
stopped; each call may look at twice as many leaves as the one before, so that all come to an end.
"""

import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from agents.base import MAX_MOVES, PlayedGame, never
from agents.downgrading import downgrade
from agents.expectimax import MAX_DEPTH, Doubles, Leaves, checked_depth, checked_seconds
from agents.networks import Layout
from agents.ntuple import Values, for_all_weights, prefetch_weights, sum_weights, write_features
from agents.search_kernels import (
    UNLIMITED,
    Desk,
    Floats,
    Lookup,
    Words,
    best_action,
    lookup_of,
    new_desk,
    play_some_moves,
)
from agents.search_memory import Memory, checked_size, new_memory
from game2048 import board as rules
from game2048._jit import njit
from game2048.game import Game
from game2048.rng import seed

REMEMBERED: Final = {1: 0, 2: 0, 3: 2**12, 4: 2**16}
"""Positions that a search of a depth remembers, 32 bytes each; there is no use in it before depth 3."""
MOST_REMEMBERED: Final = 2**20
"""By deeper searches, and those with a time limit: 32 MiB for each thread."""
MOVES_A_CALL: Final = {1: 100_000, 2: 10_000, 3: 1000}
"""Moves that a kernel plays before Python has its turn; of deeper searches, it does not play any to its end."""
FIRST_CALL: Final = 2**22  # leaves; less than a second
FIRST_LEAVES: Final = 1000  # at least, between two looks at the clock
LOOKS: Final = 10  # at the clock, at least, while the time of a move passes


@njit(*for_all_weights("void(uint64[::1], W, float32, float32, uint64[:, ::1], int64, float32[::1])"))
def write_values(
    boards: Words, weights: Any, unit: np.float32, initial: np.float32, layout: Layout, n_features: int, out: Floats
) -> None:
    """Write V of n boards into ``out``; while the weights of one are summed, those of the next are on their way."""
    features = np.empty((2, n_features), np.uint32)
    if boards.size > 0:
        write_features(boards[0], layout, features, 0)
    for i in range(boards.size):
        if i + 1 < boards.size:
            write_features(boards[i + 1], layout, features, (i + 1) & 1)
            prefetch_weights(weights, features, (i + 1) & 1)
        out[i] = initial + unit * sum_weights(weights, features, i & 1, layout[0, 1])


# --- shell ---


class NTupleSearchAgent:
    """Plays the action with the largest Q_d of an exact search, or of the deepest that there is time for.

    Parameters
    ----------
    values : Values
        As of `agents.ntuple.NTupleAgent`.
    depth : int, optional
        d: moves of the player to look ahead; 1 plays as `NTupleAgent`. The largest one if there is a time limit.
    seconds : float, optional
        Time limit of a move. Which moves are played then depends on the machine.
    p_cut : float
        Afterstates that are reached less likely than this are worth V, in [0, 1); 0 is the exact search.
    downgrading : bool
        Whether to look at boards with very large tiles as `agents.downgrading` makes them.
    remembered : int, optional
        Positions to remember, 0 or a power of two; changes the speed, and without a time limit or ``p_cut``, nothing
        else.
    name : str, optional
        What to call the agent.

    Raises
    ------
    ValueError
        If one of them is none, or both a depth and a time limit are missing.

    Notes
    -----
    With ``p_cut``, a position that was reached in two ways is worth what the first one found; a position is remembered
    for one move only.
    """

    def __init__(
        self,
        values: Values,
        *,
        depth: int | None = None,
        seconds: float | None = None,
        p_cut: float = 0.0,
        downgrading: bool = False,
        remembered: int | None = None,
        name: str | None = None,
    ) -> None:
        if depth is None and seconds is None:
            raise ValueError("a search needs a depth or seconds a move")
        if not 0 <= p_cut < 1:
            raise ValueError(f"p_cut must be in [0, 1), got {p_cut}")
        self.values = values
        self.depth = MAX_DEPTH if depth is None else checked_depth(depth)
        self.seconds, self.p_cut, self.downgrading = checked_seconds(seconds), p_cut, downgrading
        places = MOST_REMEMBERED if seconds is not None else REMEMBERED.get(self.depth, MOST_REMEMBERED)
        self.remembered = places if remembered is None else checked_size(remembered)
        self.name = name or f"n-tuple {values.network.name}, {self.manner()}"

    def manner(self) -> str:
        """Return in words how it searches."""
        words = [] if self.seconds is not None and self.depth == MAX_DEPTH else [f"depth {self.depth}"]
        words += [] if self.seconds is None else [f"{self.seconds:g} s a move"]
        words += [f"cut at {self.p_cut:g}"] if self.p_cut else []
        return ", ".join(words + ["downgrading"] * self.downgrading)

    def move_values(self, game: Game) -> Doubles:
        """Return Q of each action, ndarray of float64, shape (4,), points; -inf where illegal.

        Where a board is downgraded, the points are those of what it is downgraded to.
        """
        return self.search(*game.packed)

    def search(self, board: np.uint64, high: np.uint64) -> Doubles:
        """Return the same of a packed board."""
        return self._search(board, high, *self._tools())

    def act(self, game: Game) -> int:
        """Return the best action of a game that is not over."""
        return int(np.argmax(self.move_values(game)))

    def play_game(self, game_seed: int) -> PlayedGame:
        """Play the whole game of a seed; releases the GIL."""
        game = self.play_game_unless(game_seed, never)
        assert game is not None
        return game

    def play_game_unless(self, game_seed: int, stopped: Callable[[], bool]) -> PlayedGame | None:
        """Play the whole game of a seed, or return None soon after ``stopped`` says yes; releases the GIL."""
        lookup, memory, desk = self._tools()
        if self.seconds is not None or self.depth not in MOVES_A_CALL:
            return self._play_by_moves(Game(game_seed), stopped, lookup, memory, desk)
        plies, counts, rng = np.empty(MAX_MOVES, np.uint8), np.zeros(2, np.int64), seed(game_seed)
        position = np.array([rules.start_board(rng, 0), 0], np.uint64)
        most, settings = MOVES_A_CALL[self.depth], (self.depth, self.downgrading, lookup, self.p_cut)
        while not play_some_moves(most, rng, position, counts, *settings, memory, desk, plies):
            if stopped():
                return None
        score, n_moves = counts.tolist()
        return PlayedGame(game_seed, score, rules.largest_exponent(*position), plies[:n_moves].copy())

    def _play_by_moves(
        self, game: Game, stopped: Callable[[], bool], lookup: Lookup, memory: Memory, desk: Desk
    ) -> PlayedGame | None:
        while not game.is_over:
            q = self._search(*game.packed, lookup, memory, desk, stopped)
            if stopped():
                return None
            game.play(int(np.argmax(q)))
        return PlayedGame(game.seed, game.score, int(game.board.max()), game.record().plies)

    def _tools(self) -> tuple[Lookup, Memory, Desk]:
        """Return what the search of one game needs."""
        return lookup_of(self.values, rules.row_tables()), new_memory(self.remembered), new_desk(self.values)

    def _search(
        self,
        board: np.uint64,
        high: np.uint64,
        lookup: Lookup,
        memory: Memory,
        desk: Desk,
        stopped: Callable[[], bool] = never,
    ) -> Doubles:
        """Return Q of each action; once ``stopped`` says yes, anything."""
        if self.downgrading:
            board, high = (np.uint64(word) for word in downgrade(board, high))
        desk.counts[2] += 1 if self.p_cut else 0
        if self.seconds is not None:
            return self._deepen(board, high, time.perf_counter() + self.seconds, lookup, memory, desk, stopped)
        leaves, q = UNLIMITED if self.depth in MOVES_A_CALL else FIRST_CALL, np.empty(4)
        desk.counts[0] = leaves
        best_action(board, high, self.depth, lookup, self.p_cut, memory, desk, q)
        while desk.counts[0] <= 0 and not stopped():  # it did not come to its end
            leaves *= 2
            desk.counts[0] = leaves
            best_action(board, high, self.depth, lookup, self.p_cut, memory, desk, q)
        return q

    def _deepen(
        self,
        board: np.uint64,
        high: np.uint64,
        end: float,
        lookup: Lookup,
        memory: Memory,
        desk: Desk,
        stopped: Callable[[], bool],
    ) -> Doubles:
        """Return the Q of the deepest search that comes to its end before the clock says ``end``."""
        start, found, q = time.perf_counter(), np.empty(4), np.empty(4)
        desk.counts[:2] = UNLIMITED, 0
        best_action(board, high, 1, lookup, self.p_cut, memory, desk, found)
        if np.count_nonzero(found > -np.inf) < 2:
            return found
        for depth in range(2, self.depth + 1):
            desk.counts[0] = 0
            while desk.counts[0] <= 0:  # it did not come to its end
                now = time.perf_counter()
                if now >= end or stopped():
                    return found
                rate = desk.counts[1] / (now - start)  # leaves/s
                desk.counts[0] = max(FIRST_LEAVES, int(rate * min((end - start) / LOOKS, end - now)))
                best_action(board, high, depth, lookup, self.p_cut, memory, desk, q)
            found, q = q, found
        return found


def ntuple_leaves(values: Values) -> Leaves:
    """Return the values of an n-tuple network for a search that is narrowed by a prior."""

    def value(boards: Words) -> Floats:
        out = np.empty(boards.size, np.float32)
        network = values.network
        write_values(boards, values.weights, values.unit, values.initial, network.layout, network.n_features, out)
        return out

    return Leaves(value=value)
