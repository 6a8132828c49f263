"""Depth-limited expectimax: look ahead over moves and new tiles, and ask a value function where the looking ends.

With r the reward of a move, s' its afterstate and t a new tile,

    Q_d(s, a)  =  r(s, a) + W_d(s'_a)
    W_d(s')    =  sum_t p(t) U_{d-1}(s' + t)
    U_d(s)     =  gamma max_a Q_d(s, a),  or the value of the end where no action is legal

where the sum runs over all empty cells and both tiles, 2 with probability 0.9 and 4 with 0.1. d counts the player's
moves. A value function of afterstates ends it with W_1 = V, so that d = 1 is greedy play; one of states, as a policy
network has, with U_0 = gamma V. With a prior the maximum is over actions that it finds likely enough, see
`ExpectimaxAgent`.

The tree grows layer by layer, for many positions at once: its leaves are evaluated in large batches, and values travel
back up through arrays in which the children of a node lie side by side. Afterstates that come twice in a layer are
searched once; a very large layer is searched part by part, so that it fits into memory. The exact search of an n-tuple
network needs no batches: `agents.ntuple_search` is the fast way.

References
----------
B. W. Ballard, "The *-minimax search procedure for trees containing chance nodes", Artificial Intelligence 21(3), 1983,
https://doi.org/10.1016/S0004-3702(83)80015-0 (expectimax; nothing is cut here).
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from agents.base import PlayedGame, never
from agents.lockstep import Actions, Words, play_in_lockstep, wide_masks
from game2048 import board as rules
from game2048._jit import njit
from game2048.game import Game

Floats: TypeAlias = npt.NDArray[np.float32]
Doubles: TypeAlias = npt.NDArray[np.float64]
Masks: TypeAlias = npt.NDArray[np.bool_]
Indices: TypeAlias = npt.NDArray[np.int64]
LeafValue: TypeAlias = Callable[[Words], Floats]
"""Packed boards (n,) -> what the rest of the game is worth, (n,)."""
Prior: TypeAlias = Callable[[Words, Masks], Floats]
"""Packed boards (n,) and legal actions (n, 4) -> how likely a good player is to take each, (n, 4)."""

N_PLACES: Final = 64  # games searched at once: batches of thousands of leaves
PART: Final = 2**14  # afterstates of a layer that are searched at once: what a search takes of the memory
P_MIN: Final = 0.05
MAX_DEPTH: Final = 16


def raw_points(points: Floats, boards: Words) -> Floats:
    """Return the points of moves as they are."""
    return points


@dataclass(frozen=True, kw_only=True)
class Leaves:
    """A value function, what it speaks of, and its unit."""

    value: LeafValue
    """What boards are worth."""
    of: Literal["afterstates", "states"] = "afterstates"
    """Boards before or after the new tile appears."""
    reward: Callable[[Floats, Words], Floats] = raw_points
    """Points of moves (n,) and the boards before them (n,) -> the same in the unit of the values."""
    discount: float = 1.0
    """gamma: what a state is worth a move earlier."""
    end: float = 0.0
    """What the end of the game is worth."""


class OutOfTimeError(Exception):
    """A search did not come to its end in time."""


# --- kernels: down the tree, and up again ---


@njit(
    "int64(uint64[::1], uint64[::1], boolean[:, ::1], uint32[::1], uint64[::1], uint64[::1], float32[::1], int64[::1])"
)
def expand_moves(
    boards: Words,
    highs: Words,
    searched: Masks,
    tables: rules.RowTables,
    after: Words,
    after_highs: Words,
    points: Floats,
    first: Indices,
) -> int:
    """Write the afterstates of the ``searched`` actions and their points; return how many.

    Those of board i are ``first[i]`` to ``first[i + 1] - 1``, in the order of the actions.
    """
    n = 0
    for i in range(boards.size):
        first[i] = n
        for action in range(4):
            if searched[i, action]:
                after[n], after_highs[n], reward = rules.play(boards[i], highs[i], action, tables)
                points[n] = np.float32(reward)
                n += 1
    first[boards.size] = n
    return n


@njit("int64(uint64[::1], int64[::1])")
def count_tiles(after: Words, first: Indices) -> int:
    """Write where the children of each afterstate begin, two for each empty cell; return how many there are."""
    n = 0
    for i in range(after.size):
        first[i] = n
        for cell in range(16):
            if (after[i] >> np.uint64(4 * cell)) & np.uint64(15) == np.uint64(0):
                n += 2
    first[after.size] = n
    return n


@njit("void(uint64[::1], uint64[::1], int64[::1], uint64[::1], uint64[::1])")
def expand_tiles(after: Words, after_highs: Words, first: Indices, boards: Words, highs: Words) -> None:
    """Write the boards after every possible new tile: for each empty cell one with a 2, then one with a 4."""
    for i in range(after.size):
        n = first[i]
        for cell in range(16):
            shift = np.uint64(4 * cell)
            if (after[i] >> shift) & np.uint64(15) == np.uint64(0):
                boards[n] = after[i] | (np.uint64(1) << shift)
                boards[n + 1] = after[i] | (np.uint64(2) << shift)
                highs[n] = highs[n + 1] = after_highs[i]
                n += 2


@njit("void(float64[::1], int64[::1], float64[::1])")
def back_up_tiles(states: Doubles, first: Indices, out: Doubles) -> None:
    """Write W of each afterstate: the mean over its empty cells of 0.9 U(with a 2) + 0.1 U(with a 4)."""
    for i in range(out.size):
        total = 0.0
        for j in range(first[i], first[i + 1], 2):
            total += 9.0 * states[j]
            total += states[j + 1]
        out[i] = total / (5.0 * float(first[i + 1] - first[i]))


@njit("void(float64[::1], int64[::1], float64, float64, float64[::1])")
def back_up_moves(moves: Doubles, first: Indices, discount: float, end: float, out: Doubles) -> None:
    """Write U of each state: ``discount`` times the best Q of its moves, or ``end`` where there is none."""
    for i in range(out.size):
        best = -np.inf
        for j in range(first[i], first[i + 1]):
            best = max(best, moves[j])
        out[i] = discount * best if first[i + 1] > first[i] else end


# --- shell ---


class ExpectimaxAgent:
    """Plays the action with the largest Q_d.

    Parameters
    ----------
    values : Leaves
        What boards are worth where the search ends.
    depth : int
        d: moves of the player to look ahead, from 1 on.
    prior : callable, optional
        A player whose taste narrows the search: of all moves but the first, only those are looked at that have a
        probability of at least ``p_min``, and the likeliest. The values are then those of a player with that taste,
        at a fraction of the cost.
    p_min : float
        In [0, 1].
    seconds : float, optional
        Time limit of a move: the search looks 1, 2, ... up to d moves ahead, as long as there is time. It looks at the
        clock between parts of layers, so that it may take a little longer. Which moves are played then depends on the
        machine.
    name : str
        What to call the agent.
    """

    def __init__(
        self,
        values: Leaves,
        *,
        depth: int = 2,
        prior: Prior | None = None,
        p_min: float = P_MIN,
        seconds: float | None = None,
        name: str = "expectimax",
    ) -> None:
        self.values = values
        self.depth = checked_depth(depth)
        if not 0 <= p_min <= 1:
            raise ValueError(f"p_min must be in [0, 1], got {p_min}")
        self.prior = prior
        self.p_min = p_min
        self.seconds = checked_seconds(seconds)
        self.name = name
        self._tables = rules.row_tables()

    # --- playing ---

    def act(self, game: Game) -> int:
        """Return the best action of a game that is not over."""
        boards, highs = (np.array([word], np.uint64) for word in game.packed)
        return int(self.move_values(boards, highs)[0].argmax())

    def play_game(self, game_seed: int) -> PlayedGame:
        """Play the whole game of a seed; many games are played faster by `play_games`."""
        return next(play_in_lockstep(self._choose, [game_seed], 1))

    def play_games(self, seeds: Iterable[int], stopped: Callable[[], bool] = never) -> Iterator[PlayedGame]:
        """Yield the games of some seeds, in order; see `agents.base.BatchedAgent`."""
        return play_in_lockstep(self._choose, seeds, N_PLACES, stopped)

    def _choose(self, boards: Words, highs: Words, own: Words) -> tuple[Actions, None]:
        return self.move_values(boards, highs).argmax(1).astype(np.uint8), None

    # --- searching ---

    def move_values(self, boards: Words, highs: Words) -> Doubles:
        """Return Q_d of the actions of positions.

        Parameters
        ----------
        boards, highs : ndarray of uint64, shape (n,)
            Packed, see `game2048.board`.

        Returns
        -------
        ndarray of float64, shape (n, 4)
            In the unit of the values; -inf for illegal actions.
        """
        searched = wide_masks(boards, highs)
        values = np.full(searched.shape, -np.inf)
        if self.seconds is None:
            values[searched] = self._moves(boards, highs, searched, self.depth, math.inf)[0]
            return values
        end = time.perf_counter() + self.seconds * np.count_nonzero(searched.any(1))  # no time for games that are over
        values[searched] = self._moves(boards, highs, searched, 1, math.inf)[0]
        for depth in range(2, self.depth + 1):
            try:
                values[searched] = self._moves(boards, highs, searched, depth, end)[0]
            except OutOfTimeError:
                break
        return values

    def _moves(
        self, boards: Words, highs: Words, searched: Masks, depth: int, end: float
    ) -> tuple[npt.NDArray[np.floating[Any]], Indices]:
        """Return Q_depth of all searched actions, and where those of each board begin; not after ``end``."""
        if time.perf_counter() >= end:
            raise OutOfTimeError
        n = int(searched.sum())
        after, after_highs, points = np.empty(n, np.uint64), np.empty(n, np.uint64), np.empty(n, np.float32)
        first = np.empty(boards.size + 1, np.int64)
        expand_moves(boards, highs, searched, self._tables, after, after_highs, points, first)
        rewards = self.values.reward(points, np.repeat(boards, np.diff(first)))
        return rewards + self._afterstates(after, after_highs, depth, end), first

    def _afterstates(self, after: Words, after_highs: Words, depth: int, end: float) -> npt.NDArray[np.floating[Any]]:
        """Return W_depth of afterstates."""
        if depth == 1 and self.values.of == "afterstates":
            return self.values.value(after)
        if after_highs.any():  # rare
            return self._distinct_afterstates(after, after_highs, depth, end)
        after, places = np.unique(after, return_inverse=True)
        return self._distinct_afterstates(after, np.zeros_like(after), depth, end)[places]

    def _distinct_afterstates(self, after: Words, after_highs: Words, depth: int, end: float) -> Doubles:
        values = np.empty(after.size)
        for i in range(0, after.size, PART):
            part = slice(i, i + PART)
            self._write_afterstates(after[part], after_highs[part], depth, end, values[part])
        return values

    def _write_afterstates(self, after: Words, after_highs: Words, depth: int, end: float, out: Doubles) -> None:
        first = np.empty(after.size + 1, np.int64)
        n = count_tiles(after, first)
        boards, highs = np.empty(n, np.uint64), np.empty(n, np.uint64)
        expand_tiles(after, after_highs, first, boards, highs)
        back_up_tiles(self._states(boards, highs, depth - 1, end), first, out)

    def _states(self, boards: Words, highs: Words, depth: int, end: float) -> Doubles:
        """Return U_depth of states."""
        masks = wide_masks(boards, highs)
        values = np.full(boards.size, self.values.end)
        if depth == 0:
            alive = masks.any(1)
            values[alive] = self.values.discount * self.values.value(boards[alive]).astype(np.float64)
        else:
            moves, first = self._moves(boards, highs, self._searched(boards, masks), depth, end)
            back_up_moves(moves.astype(np.float64), first, self.values.discount, self.values.end, values)
        return values

    def _searched(self, boards: Words, masks: Masks) -> Masks:
        """Return which actions are looked at, of positions further down."""
        if self.prior is None:
            return masks
        alive = masks.any(1)
        likely = self.prior(boards[alive], masks[alive])
        searched = masks.copy()
        searched[alive] &= (likely >= self.p_min) | (likely == likely.max(1, keepdims=True, initial=0))
        return searched


def checked_depth(depth: int) -> int:
    """Refuse a depth that is none, or that no one can wait for."""
    if type(depth) is not int or not 1 <= depth <= MAX_DEPTH:
        raise ValueError(f"depth must be an int from 1 to {MAX_DEPTH}, got {depth!r}")
    return depth


def checked_seconds(seconds: float | None) -> float | None:
    """Refuse a time limit that is none."""
    if seconds is not None and not 0 < seconds < math.inf:
        raise ValueError(f"seconds must be positive, got {seconds}")
    return seconds
