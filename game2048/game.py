"""Game: one game of 2048 for people, a typed shell over the kernels."""

import operator
from collections.abc import Sequence
from typing import SupportsIndex

import numpy as np
import numpy.typing as npt

from game2048 import board as rules
from game2048.record import GameRecord
from game2048.rng import MASK_64, checked_seed, draw
from game2048.rng import seed as seed_stream


class IllegalMoveError(ValueError):
    """An action that does not change the board was played."""


class Game:
    """One game of 2048: two start tiles, a new tile after every move, the score of the original.

    Parameters
    ----------
    seed : int
        Any non-negative integer, taken modulo 2**64. Same seed and same actions, same game, here as in the
        environments and in training.
    board : array_like of int, shape (4, 4), optional
        Exponents to start from instead of two random tiles (0 = empty, e = tile 2**e, up to 17).

    Attributes
    ----------
    score : int
        Sum of all rewards, points.

    Examples
    --------
    >>> game = Game(seed=0, board=[[1, 1, 1, 1], [0] * 4, [0] * 4, [0] * 4])
    >>> game.play(3)  # left: 2 2 2 2 -> 4 4
    8
    >>> game.score, game.max_tile, game.n_moves
    (8, 4, 1)
    """

    def __init__(self, seed: SupportsIndex = 0, board: npt.ArrayLike | Sequence[Sequence[int]] | None = None) -> None:
        self._tables = rules.row_tables()
        self._seed = checked_seed(seed) & MASK_64
        self._rng = seed_stream(self._seed)
        self._high = np.uint64(0)
        if board is None:
            self._board = np.uint64(rules.start_board(self._rng, 0))
        else:
            self._board, self._high = rules.pack(board)
        self.score = 0
        self._start = self.board
        self._plies: list[int] = []

    @property
    def seed(self) -> int:
        """The seed of the game."""
        return self._seed

    @property
    def n_moves(self) -> int:
        """Moves played."""
        return len(self._plies)

    @property
    def board(self) -> npt.NDArray[np.uint8]:
        """Exponents, ndarray of uint8, shape (4, 4); a copy."""
        return rules.unpack(self._board, self._high)

    @property
    def packed(self) -> tuple[np.uint64, np.uint64]:
        """The board as (board, high), see `game2048.board`."""
        return self._board, self._high

    @property
    def max_tile(self) -> int:
        """The largest tile, e.g. 2048."""
        exponent = rules.largest_exponent(self._board, self._high)
        return 1 << exponent if exponent else 0

    @property
    def action_mask(self) -> npt.NDArray[np.int8]:
        """1 for every action that changes the board, ndarray of int8, shape (4,): up, right, down, left."""
        bits = rules.action_mask_wide(self._board, self._high)
        return np.array([bits >> action & 1 for action in range(4)], np.int8)

    @property
    def legal_actions(self) -> list[int]:
        """The actions that change the board."""
        return [int(action) for action in np.flatnonzero(self.action_mask)]

    @property
    def is_over(self) -> bool:
        """Whether no action changes the board."""
        return rules.action_mask_wide(self._board, self._high) == 0

    def play(self, action: SupportsIndex) -> int:
        """Play an action (0 up, 1 right, 2 down, 3 left), add a new tile, and return the reward in points.

        Raises
        ------
        IllegalMoveError
            If the action does not change the board.
        ValueError
            If the action is not 0, 1, 2 or 3.
        """
        move = checked_action(action)
        after, high, reward = rules.play(self._board, self._high, move, self._tables)
        if after == self._board and high == self._high:
            raise IllegalMoveError(f"action {move} ({rules.ACTION_NAMES[move]}) does not change the board")
        self._board = np.uint64(rules.spawn(after, draw(self._rng, 0)))
        self._high = np.uint64(high)
        self._plies.append(rules.ply_code(move, after, self._board))
        self.score += int(reward)
        return int(reward)

    def record(self, agent: str = "unknown") -> GameRecord:
        """Return the game so far as a record that can be saved, uploaded and replayed."""
        return GameRecord(start=self._start, plies=np.array(self._plies, np.uint8), agent=agent, seed=self._seed)

    def __str__(self) -> str:
        rows = [" ".join(f"{1 << e if e else '.':>6}" for e in row) for row in self.board.tolist()]
        return "\n".join(rows)

    def __repr__(self) -> str:
        return f"<Game score={self.score} max_tile={self.max_tile} n_moves={self.n_moves}>"


# --- checks shared with the environments ---


def checked_action(action: SupportsIndex) -> int:
    """Return an action as an int of Python, whatever kind of integer it is.

    Raises
    ------
    ValueError
        If the action is not 0, 1, 2 or 3.
    """
    try:
        move = operator.index(action)
    except TypeError:
        raise bad_action(action) from None
    if not 0 <= move <= 3:
        raise bad_action(action)
    return move


def bad_action(action: object) -> ValueError:
    """Return the error for something that is no action."""
    return ValueError(f"action must be 0 (up), 1 (right), 2 (down) or 3 (left), got {action!r}")
