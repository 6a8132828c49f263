"""Games played in lockstep: an agent chooses for many boards at once, one kernel plays all the moves.

A game that ends makes room for the next, so that there are always as many as there can be. Game i has the random
streams of its seed, wherever and beside whichever others it is played: stream 0 gives the new tiles, exactly as in
``Game(seed)``, stream 1 is the player's own (`agents.baselines.two_streams`).
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from agents.base import PlayedGame, never
from agents.baselines import two_streams
from game2048 import board as rules
from game2048._jit import njit
from game2048.record import quantized
from game2048.rng import draw

Words = npt.NDArray[np.uint64]
Actions = npt.NDArray[np.uint8]
Probabilities = npt.NDArray[np.float32]
Choose: TypeAlias = Callable[[Words, Words, Words], tuple[Actions, Probabilities | None]]
"""(boards, highs, the players' streams), all (n,) -> actions (n,), and the probabilities (n, 4) they came from, if any.

Boards without a legal action are there too, where no game is left to play; what is chosen for them does not matter.
"""

FIRST_CAPACITY: Final = 2048  # plies; doubled when a game is longer


@njit("void(uint64[::1], uint64[::1], boolean[:, ::1])")
def write_wide_masks(boards: Words, highs: Words, masks: npt.NDArray[np.bool_]) -> None:
    """Write the legal actions of n boards, tiles above 32768 included, into ``masks`` (n, 4)."""
    for i in range(boards.size):
        bits = rules.action_mask_wide(boards[i], highs[i])
        for action in range(4):
            masks[i, action] = (bits >> action) & 1 == 1


@njit(
    "int64(uint8[::1], boolean[::1], uint64[::1], uint64[::1], uint64[::1], int64[:, ::1], uint8[:, ::1], uint32[::1],"
    " int64[::1])"
)
def play_moves(
    actions: Actions,
    live: npt.NDArray[np.bool_],
    boards: Words,
    highs: Words,
    rng: Words,
    counts: npt.NDArray[np.int64],
    plies: npt.NDArray[np.uint8],
    tables: rules.RowTables,
    ended: npt.NDArray[np.int64],
) -> int:
    """Play an action in each live game; return how many ended, and their places in ``ended``.

    In place: ``live``, ``boards``, ``highs``, ``rng``, ``counts`` (n, 2): points, moves; and ``plies`` (n, capacity).
    """
    n_ended = 0
    for i in range(actions.size):
        if not live[i]:
            continue
        action = int(np.int64(actions[i]))
        after, high, reward = rules.play(boards[i], highs[i], action, tables)
        board = rules.spawn(after, draw(rng, i))
        plies[i, counts[i, 1]] = rules.ply_code(action, after, board)
        counts[i, 0] += np.int64(reward)
        counts[i, 1] += 1
        boards[i] = board
        highs[i] = high
        if rules.action_mask_wide(board, high) == 0:
            live[i] = False
            ended[n_ended] = i
            n_ended += 1
    return n_ended


def wide_masks(boards: Words, highs: Words) -> npt.NDArray[np.bool_]:
    """Return the legal actions of boards with tiles of any size, ndarray of bool, shape (n, 4)."""
    masks = np.empty((boards.size, 4), np.bool_)
    write_wide_masks(boards, highs, masks)
    return masks


def play_in_lockstep(
    choose: Choose, seeds: Iterable[int], n_places: int, stopped: Callable[[], bool] = never
) -> Iterator[PlayedGame]:
    """Yield the games of some seeds, in order.

    Parameters
    ----------
    choose : callable
        Chooses an action for each of ``n_places`` boards, see `Choose`.
    seeds : iterable of int
        Taken one by one, as places become free.
    n_places : int
        How many games are played at once.
    stopped : callable
        Asked before every move; once it says yes, no more games come.
    """
    table, numbered = _Table(n_places), enumerate(seeds)
    waiting: dict[int, PlayedGame] = {}  # games that ended before their turn
    due = 0
    while not stopped():
        table.fill(numbered)
        if not table.live.any():
            return
        waiting.update(table.play(*choose(table.boards, table.highs, table.own)))
        while due in waiting:
            yield waiting.pop(due)
            due += 1


class _Table:
    """Places at which games are played."""

    def __init__(self, n_places: int) -> None:
        self.boards, self.highs, self._rng, self.own = (np.zeros(n_places, np.uint64) for _ in range(4))
        self.live = np.zeros(n_places, np.bool_)
        self._numbers, self._seeds = [0] * n_places, [0] * n_places
        self._counts = np.zeros((n_places, 2), np.int64)  # points, moves
        self._plies = np.empty((n_places, FIRST_CAPACITY), np.uint8)
        self._thoughts = np.empty((n_places, FIRST_CAPACITY, 4), np.uint8)
        self._tables = rules.row_tables()
        self._open = True

    def fill(self, numbered: Iterator[tuple[int, int]]) -> None:
        """Begin a game at every free place, as long as there are seeds."""
        for place in np.flatnonzero(~self.live).tolist() if self._open else ():
            number, seed = next(numbered, (None, 0))
            if number is None:
                self._open = False
                return
            self._rng[place], self.own[place] = two_streams(seed)
            self.boards[place], self.highs[place] = rules.start_board(self._rng, place), 0
            self.live[place], self._counts[place] = True, 0
            self._numbers[place], self._seeds[place] = number, seed

    def play(self, actions: Actions, probabilities: Probabilities | None) -> list[tuple[int, PlayedGame]]:
        """Play an action in every game; return those that ended, with their numbers."""
        if self._counts[:, 1].max() == self._plies.shape[1]:
            self._plies = np.concatenate((self._plies, np.empty_like(self._plies)), axis=1)
            self._thoughts = np.concatenate((self._thoughts, np.empty_like(self._thoughts)), axis=1)
        thinks = probabilities is not None
        if probabilities is not None:
            self._thoughts[np.arange(len(actions)), self._counts[:, 1]] = quantized(probabilities)
        ended = np.empty(len(actions), np.int64)
        state = (self.live, self.boards, self.highs, self._rng, self._counts, self._plies)
        n_ended = play_moves(actions, *state, self._tables, ended)
        return [(self._numbers[place], self._game(place, thinks)) for place in ended[:n_ended].tolist()]

    def _game(self, place: int, thinks: bool) -> PlayedGame:
        score, n_moves = self._counts[place].tolist()
        return PlayedGame(
            self._seeds[place],
            score,
            rules.largest_exponent(self.boards[place], self.highs[place]),
            self._plies[place, :n_moves].copy(),
            self._thoughts[place, :n_moves].copy() if thinks else None,
        )
