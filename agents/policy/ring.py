"""The newest steps of many games in flat arrays, a ring: rows are written in turn, sequences of steps read anywhere.

A row holds one step of each of N games. A sequence is ``length`` consecutive steps of one game column with the board
that follows them. It may cross the end of a game, which ``over`` tells, and a turn of the board between two
roll-outs, which changes no value, but never the place where the ring writes. Steps are read along columns, so the
rows of a column lie next to each other in memory::

    board     uint64    8 bytes     packed
    code      uint8     1           bits 0-1 the action, bit 2 whether the game ended, bits 3-6 the legal actions
    log_prob  float32   4           log mu(a_t | x_t) of the policy mu that acted
    reward    float32   4           points
                       17 bytes a transition
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from agents.policy.boards import Boards, Masks
from agents.policy.rollout import Rollout
from game2048._jit import njit
from game2048.symmetry import canonical

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sequences(Rollout):
    """Steps of some columns, a roll-out of shape (length, k), with the actions that were legal.

    Attributes
    ----------
    masks : ndarray of bool, shape (length, k, 4)
    """

    masks: Masks


# --- kernels ---


@njit(
    "void(uint64[:, ::1], uint8[:, ::1], float32[:, ::1], float32[:, ::1], boolean[:, ::1], boolean[:, ::1], int64,"
    " uint64[:, ::1], uint8[:, ::1], float32[:, ::1], float32[:, ::1])"
)
def write_steps(
    boards: Boards,
    actions: Bytes,
    log_probs: Floats,
    rewards: Floats,
    over: Flags,
    masks: Masks,
    first_row: int,
    ring_boards: Boards,
    ring_codes: Bytes,
    ring_log_probs: Floats,
    ring_rewards: Floats,
) -> None:
    """Write T steps of N games, (T, N), into rows from ``first_row`` on of the rings, (N, n_rows)."""
    horizon, n_games = actions.shape
    n_rows = ring_boards.shape[1]
    for first in range(0, n_games, 8):  # the boards of eight games share a cache line
        row = first_row
        for t in range(horizon):
            for i in range(first, min(first + 8, n_games)):
                code = np.int64(actions[t, i]) | (np.int64(over[t, i]) << 2)
                for action in range(4):
                    code |= np.int64(masks[t * n_games + i, action]) << (3 + action)
                ring_codes[i, row] = code
                ring_boards[i, row] = boards[t, i]
                ring_log_probs[i, row] = log_probs[t, i]
                ring_rewards[i, row] = rewards[t, i]
            row = row + 1 if row + 1 < n_rows else 0


@njit(
    "void(int64[::1], int64[::1], uint64[:, ::1], uint8[:, ::1], float32[:, ::1], float32[:, ::1],"
    " uint64[:, ::1], uint8[:, ::1], float32[:, ::1], float32[:, ::1], boolean[:, ::1], boolean[:, :, ::1])"
)
def read_steps(
    rows: Indices,
    games: Indices,
    ring_boards: Boards,
    ring_codes: Bytes,
    ring_log_probs: Floats,
    ring_rewards: Floats,
    boards: Boards,
    actions: Bytes,
    log_probs: Floats,
    rewards: Floats,
    over: Flags,
    masks: Masks,
) -> None:
    """Write the sequences that begin at some rows of some games, (length, k), but for the board that follows."""
    length = actions.shape[0]
    n_rows = ring_boards.shape[1]
    for k in range(rows.size):
        i = games[k]
        row = rows[k]
        for t in range(length):
            code = np.int64(ring_codes[i, row])
            actions[t, k] = code & 3
            over[t, k] = (code >> 2) & 1
            for action in range(4):
                masks[t, k, action] = (code >> (3 + action)) & 1
            boards[t, k] = ring_boards[i, row]
            log_probs[t, k] = ring_log_probs[i, row]
            rewards[t, k] = ring_rewards[i, row]
            row = row + 1 if row + 1 < n_rows else 0


@njit("int64(uint64[::1], uint64[::1])")
def first_stray(boards: Boards, expected: Boards) -> int:
    """Return the first game whose board is no symmetry of the one expected, or -1."""
    for i in range(boards.size):
        if boards[i] != expected[i] and canonical(boards[i]) != canonical(expected[i]):
            return i
    return -1


# --- shell ---


class Ring:
    """The newest ``n_rows`` steps of each of ``n_games`` games; steps are counted from the first that was added.

    Parameters
    ----------
    n_games, n_rows : int
        At least 1.
    legal_actions : callable
        Legal actions of packed boards, uint64 (n,) to bool (n, 4).

    Attributes
    ----------
    n_added : int
        Steps of each game added so far.
    """

    def __init__(self, n_games: int, n_rows: int, legal_actions: Callable[[Boards], Masks]) -> None:
        self.n_games, self.n_rows, self.n_added = n_games, n_rows, 0
        self._legal_actions = legal_actions
        self._boards = np.zeros((n_games, n_rows), np.uint64)
        self._codes = np.zeros((n_games, n_rows), np.uint8)
        self._log_probs = np.zeros((n_games, n_rows), np.float32)
        self._rewards = np.zeros((n_games, n_rows), np.float32)
        self._newest_boards = np.zeros(n_games, np.uint64)  # the boards that follow the newest step

    @property
    def n_filled(self) -> int:
        """Steps of each game that are there."""
        return min(self.n_added, self.n_rows)

    @property
    def oldest(self) -> int:
        """Number of the oldest step that is there."""
        return self.n_added - self.n_filled

    @property
    def nbytes(self) -> int:
        """Memory of all arrays, bytes; it does not grow."""
        return self._newest_boards.nbytes + sum(array.nbytes for array in self._by_name().values())

    def add(self, rollout: Rollout) -> None:
        """Add the steps of a roll-out in place of the oldest; of one that is longer than the ring, the newest.

        Raises
        ------
        ValueError
            If it is of another number of games, or does not begin where the last one ended, up to symmetry.
        """
        if rollout.n_games != self.n_games:
            raise ValueError(f"rollout must be of {self.n_games} games, got {rollout.n_games}")
        if self.n_added:
            stray = first_stray(np.ascontiguousarray(rollout.boards[0]), self._newest_boards)
            if stray >= 0:
                raise ValueError(
                    "rollout must begin with the boards that the last one ended with, turned or mirrored at most,"
                    f" got another in game {stray}"
                )
        left_out = max(rollout.horizon - self.n_rows, 0)
        steps = slice(left_out, rollout.horizon)
        boards = np.ascontiguousarray(rollout.boards[steps])
        write_steps(
            boards,
            np.ascontiguousarray(rollout.actions[steps]),
            np.ascontiguousarray(rollout.log_probs[steps]),
            np.ascontiguousarray(rollout.rewards[steps]),
            np.ascontiguousarray(rollout.over[steps]),
            np.ascontiguousarray(self._legal_actions(boards.reshape(-1))),
            (self.n_added + left_out) % self.n_rows,
            self._boards,
            self._codes,
            self._log_probs,
            self._rewards,
        )
        self._newest_boards[...] = rollout.boards[-1]
        self.n_added += rollout.horizon

    def read(self, steps: Indices, games: Indices, length: int) -> Sequences:
        """Return the sequences of ``length`` steps that begin at some steps, all of them there, of some games."""
        shape = length, steps.size
        boards, actions = np.empty((length + 1, steps.size), np.uint64), np.empty(shape, np.uint8)
        log_probs, rewards = np.empty(shape, np.float32), np.empty(shape, np.float32)
        over, masks = np.empty(shape, np.bool_), np.empty((*shape, 4), np.bool_)
        rings = self._boards, self._codes, self._log_probs, self._rewards
        read_steps(steps % self.n_rows, games, *rings, boards, actions, log_probs, rewards, over, masks)
        ends = steps + length
        following = self._boards[games, ends % self.n_rows]
        boards[length] = np.where(ends == self.n_added, self._newest_boards[games], following)
        return Sequences(boards, actions, log_probs, rewards, over, masks)

    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """Return what is there, copies."""
        return {name: array[:, : self.n_filled].copy() for name, array in self._by_name().items()} | {
            "newest_boards": self._newest_boards.copy(),
            "n_added": np.array([self.n_added], np.int64),
        }

    def load_state_dict(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Hold what another ring held.

        Raises
        ------
        ValueError
            If that is of another size; this one is as it was.
        """
        n_added = int(state["n_added"][0])
        n_filled = min(n_added, self.n_rows)
        shapes = dict.fromkeys(self._by_name(), (self.n_games, n_filled)) | {"newest_boards": (self.n_games,)}
        for name, shape in shapes.items():
            if state[name].shape != shape:
                raise ValueError(f"{name} must have shape {shape}, got {state[name].shape}")
        for name, array in self._by_name().items():
            array[:, :n_filled] = state[name]
        self._newest_boards[...] = state["newest_boards"]
        self.n_added = n_added

    def _by_name(self) -> dict[str, npt.NDArray[Any]]:
        return {
            "boards": self._boards,
            "codes": self._codes,
            "log_probs": self._log_probs,
            "rewards": self._rewards,
        }
