"""Thousands of games in lockstep, for learning: packed boards, one random stream a game, restarted as they end.

`game2048.vector_env` hands out observations and masks for anybody's network. Here a network reads packed boards
itself, so that a step writes 13 bytes a game; any part of the games can be stepped by a thread of its own, and the
result does not depend on the number of threads.

A game that makes the 65536 tile ends with that move: a packed board of one word cannot tell it from 32768, so what a
policy would learn of such positions is wrong.
"""

from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from agents.policy.boards import action_masks, transform
from game2048 import board as rules
from game2048._jit import njit
from game2048.rng import draw, game_seeds, seed_streams

EVERYTHING: Final = slice(None)
Boards = npt.NDArray[np.uint64]


class FinishedGames(NamedTuple):
    """Games that ended.

    Attributes
    ----------
    scores, max_exponents, n_moves : ndarray of int64, shape (n,)
        Points, exponent of the largest tile, and moves of each.
    """

    scores: npt.NDArray[np.int64]
    max_exponents: npt.NDArray[np.int64]
    n_moves: npt.NDArray[np.int64]


class Games(Protocol):
    """Games that are stepped together. None is ever over: one that ends restarts at once.

    Attributes
    ----------
    n_games : int
    boards : ndarray of uint64, shape (n_games,)
        Present positions, packed.
    """

    n_games: int
    boards: Boards

    def masks(self, boards: Boards) -> npt.NDArray[np.bool_]:
        """Return the legal actions of packed boards of any shape, shape (..., 4)."""

    def step(
        self, actions: npt.NDArray[np.uint8], part: slice = EVERYTHING
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Play a legal action in each game of a part; return points and whether the game ended with it."""

    def turn(self, symmetries: npt.NDArray[np.uint8]) -> None:
        """Turn and mirror the board of each game, which goes on as it might have."""

    def take_finished(self) -> FinishedGames:
        """Return the games that ended since the last call."""

    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """Return what is needed to go on."""

    def load_state_dict(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Go on from there."""


# --- kernels ---


@njit(
    "int64(uint8[::1], uint64[::1], uint64[::1], int64[:, ::1], uint64[::1], float64, uint32[::1],"
    " float32[::1], boolean[::1], int64[:, ::1])"
)
def step_games(
    actions: npt.NDArray[np.uint8],
    boards: Boards,
    rng: npt.NDArray[np.uint64],
    counts: npt.NDArray[np.int64],
    starts: Boards,
    start_fraction: float,
    tables: rules.RowTables,
    rewards: npt.NDArray[np.float32],
    over: npt.NDArray[np.bool_],
    finished: npt.NDArray[np.int64],
) -> int:
    """Play one action a game; restart those that end; return how many did.

    In place: ``boards``, ``rng``, ``counts`` (n, 3): points, moves, whether the game began at the beginning;
    ``rewards``, ``over``, and ``finished`` (n, 3): points, largest exponent, moves of the games that ended. Of these,
    only those that began at the beginning are told. A game restarts from one of ``starts`` with probability
    ``start_fraction``.
    """
    n_finished = 0
    for i in range(actions.size):
        after, high, reward = rules.play(boards[i], np.uint64(0), int(actions[i]), tables)
        board = rules.spawn(after, draw(rng, i))
        points = np.int64(reward)
        rewards[i] = np.float32(points)
        counts[i, 0] += points
        counts[i, 1] += 1
        over[i] = high != np.uint64(0) or rules.action_mask(board) == 0
        if over[i]:
            if counts[i, 2]:
                finished[n_finished, 0] = counts[i, 0]
                finished[n_finished, 1] = rules.largest_exponent(board, high)
                finished[n_finished, 2] = counts[i, 1]
                n_finished += 1
            counts[i, 0] = counts[i, 1] = 0
            counts[i, 2] = 1
            board = rules.start_board(rng, i)
            if starts.size > 0 and float(draw(rng, i) >> np.uint64(11)) * 2.0**-53 < start_fraction:
                board = starts[np.int64(draw(rng, i) >> np.uint64(1)) % starts.size]
                counts[i, 2] = 0
        boards[i] = board
    return n_finished


# --- shell ---


class LockstepGames:
    """Games of 2048 from their beginning, or some of them from positions of earlier games.

    Parameters
    ----------
    n_games : int
        How many.
    seed : int
        Seed of the series: game i has the random stream of game i of `game2048.rng.game_seeds`.
    start_fraction : float
        Share of the games that begin from one of ``starts``, a curriculum; in [0, 1].

    Attributes
    ----------
    boards : ndarray of uint64, shape (n_games,)
        Present positions, packed.
    starts : ndarray of uint64, shape (k,)
        Positions to begin from, without tiles above 32768; none at first.
    """

    def __init__(self, n_games: int, seed: int = 0, *, start_fraction: float = 0.0) -> None:
        if n_games < 1:
            raise ValueError(f"n_games must be at least 1, got {n_games}")
        if not 0 <= start_fraction <= 1:
            raise ValueError(f"start_fraction must be in [0, 1], got {start_fraction}")
        self.n_games, self.start_fraction = n_games, start_fraction
        self._rng = seed_streams(game_seeds(seed, n_games))
        self.boards: Boards = np.array([rules.start_board(self._rng, i) for i in range(n_games)], np.uint64)
        self.starts: Boards = np.empty(0, np.uint64)
        self._counts = np.zeros((n_games, 3), np.int64)
        self._counts[:, 2] = 1
        self._finished: list[tuple[int, npt.NDArray[np.int64]]] = []
        self._tables = rules.row_tables()

    def masks(self, boards: Boards) -> npt.NDArray[np.bool_]:
        """Return the legal actions of packed boards of any shape, shape (..., 4)."""
        return action_masks(boards.reshape(-1)).reshape(*boards.shape, 4)

    def step(
        self, actions: npt.NDArray[np.uint8], part: slice = EVERYTHING
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Play a legal action in each game of a part; return points and whether the game ended with it."""
        n = actions.size
        rewards, over, finished = np.empty(n, np.float32), np.empty(n, np.bool_), np.empty((n, 3), np.int64)
        state = (self.boards[part], self._rng[part], self._counts[part])
        n_finished = step_games(
            actions, *state, self.starts, self.start_fraction, self._tables, rewards, over, finished
        )
        if n_finished:
            self._finished.append((part.start or 0, finished[:n_finished].copy()))
        return rewards, over

    def turn(self, symmetries: npt.NDArray[np.uint8]) -> None:
        """Turn and mirror the board of each game, see `game2048.symmetry`: the rules are the same in all directions."""
        self.boards[...] = transform(self.boards, symmetries)

    def take_finished(self) -> FinishedGames:
        """Return the games that ended since the last call, those of one part after those of another."""
        parts = [games for _, games in sorted(self._finished, key=lambda part: part[0])]
        self._finished = []
        games = np.concatenate(parts) if parts else np.empty((0, 3), np.int64)
        return FinishedGames(games[:, 0], games[:, 1], games[:, 2])

    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """Return what is needed to go on."""
        return {
            "boards": self.boards,
            "rng": self._rng,
            "counts": self._counts,
            "starts": self.starts,
        }

    def load_state_dict(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Go on from there.

        Raises
        ------
        ValueError
            If the state is of another number of games.
        """
        for name, own in self.state_dict().items():
            if name != "starts" and state[name].shape != own.shape:
                raise ValueError(f"{name} must have shape {own.shape}, got {state[name].shape}")
        for name, own in self.state_dict().items():
            if name != "starts":
                own[...] = state[name]
        self.starts = np.array(state["starts"], np.uint64)
        self._finished = []
