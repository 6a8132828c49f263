"""The frames of an animation, one after another."""

from collections.abc import Iterator
from typing import NamedTuple

from game2048.animation import MAX_FRAMES, MOVE_MS, AnimationError, AnimationSettings
from game2048.animation.drawing import Drawing, Pixels, Tile
from game2048.animation.motion import moving, step, still
from game2048.record import GameRecord


class Frame(NamedTuple):
    """One picture, and how many frames long it is shown."""

    pixels: Pixels
    """Numbers of colours, shape (height, width)."""
    n: int


def frames(game: GameRecord, first: int, last: int, drawing: Drawing, settings: AnimationSettings) -> Iterator[Frame]:
    """Yield the frames from the board after ``first`` plies to the one after ``last``; equal ones become one.

    Raises
    ------
    AnimationError
        If the range is none of the game, or takes too many frames.
    """
    if not 0 <= first <= last <= game.n_moves:
        raise AnimationError(
            f"plies must be from 0 to {game.n_moves}, the first before the last, got {first} to {last}"
        )
    total = settings.n_frames(last - first)
    if total > MAX_FRAMES:
        raise AnimationError(f"{last - first:,} plies take {total:,} frames at this speed, {MAX_FRAMES:,} at most")
    return _frames(_Film(game, first, last, settings), total, drawing)


class _Film:
    """What is to be seen at each moment."""

    def __init__(self, game: GameRecord, first: int, last: int, settings: AnimationSettings) -> None:
        self._game = game
        self._first = first
        self._last = last
        self._ms_per_frame = 1000 / settings.fps
        self._speed = settings.speed
        self._boards = game.boards[first : last + 1].reshape(-1, 16).tolist()
        before = int(game.rewards[:first].sum())
        self._scores = [before, *(before + game.rewards[first:last].cumsum()).tolist()]

    def at(self, frame: int) -> tuple[tuple[Tile, ...], int, int]:
        """Return the tiles, the score and the ply of a frame."""
        ms = frame * self._ms_per_frame * self._speed  # of the original's time
        played = min(int(ms / MOVE_MS + 1e-9), self._last - self._first)
        ply = self._first + played
        animated = ply < self._last and 2 * self._ms_per_frame * self._speed <= MOVE_MS
        if not animated or ms - played * MOVE_MS < 1e-6:
            return tuple(still(self._boards[played])), self._scores[played], ply
        code = int(self._game.plies[ply])
        move = step(self._boards[played], code >> 5, (1 + (code & 1), code >> 1 & 15))
        return tuple(moving(move, ms - played * MOVE_MS)), self._scores[played + 1], ply + 1


def _frames(film: _Film, total: int, drawing: Drawing) -> Iterator[Frame]:
    """Draw what changes."""
    shown, n = film.at(0), 1
    for frame in range(1, total):
        seen = film.at(frame)
        if seen == shown:
            n += 1
            continue
        yield Frame(_drawn(drawing, *shown), n)
        shown, n = seen, 1
    yield Frame(_drawn(drawing, *shown), n)


def _drawn(drawing: Drawing, tiles: tuple[Tile, ...], score: int, ply: int) -> Pixels:
    return drawing.board(tiles, left=f"{score:,} points", right=f"ply {ply:,}")
