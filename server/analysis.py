"""Analysis: what a player thinks of every position of a stored game.

Worker processes value a few positions at a time, so that many analyses, and all else that wants a worker, go on side by
side. What is done is kept beside the game and not done again: an analysis that was broken off goes on where it was.

An analysis is four numbers for each board of a game, before the first ply and after each, as float32 (little-endian):
the value of moving up, right, down and left, NaN where a move is illegal.
"""

import logging
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Final

from game2048.record import GameRecord
from server.errors import BusyError, GameNotFoundError, StoreError
from server.players import Player
from server.store import Analyses
from server.workers import WorkerPool

logger = logging.getLogger(__name__)

ROW: Final = 16  # bytes a position, both of boards (16 exponents) and of values (4 float32)
MAX_JOB: Final = 8192  # positions sent to a worker at once
JOB_SECONDS: Final = 10.0  # the first position of the slowest player takes less
SAVE_SECONDS: Final = 5.0
ATTEMPTS: Final = 6  # to find a worker that is free
MAX_KEPT: Final = 16
"""Analyses kept of one game; more are done, but not kept."""


def analysis_key(player: Player, depth: int) -> str:
    """Return the name of an analysis: another model under the same name gives another one."""
    return f"{player.info.name}@{depth}@{player.version}"


@dataclass(kw_only=True)
class Analysis:
    """The analysis of a game by a player at a depth, as far as it is done.

    Parameters
    ----------
    game : GameRecord
    player : Player
    depth : int
        One at which the player judges.
    analyses : Analyses
        Where it is kept.
    keeps : bool
        Whether it may be kept.
    """

    game: GameRecord
    player: Player
    depth: int
    analyses: Analyses
    keeps: bool = True
    values: bytearray = field(init=False, repr=False)
    """What is done."""
    unit: str = field(init=False, default="")
    """What the values are, as `server.workers.thinking.Thinker.unit`; empty before the first."""
    _kept: int = field(init=False, repr=False)
    _has_room: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        kept = {summary.key: summary for summary in self.analyses.list(self.game.id)}
        if self.key in kept:
            self.unit = kept[self.key].meta["unit"]
        self.values = bytearray(self.analyses.get(self.game.id, self.key) or b"")
        self._kept = self.n_done
        self._has_room = self.key in kept or len(kept) < MAX_KEPT

    @property
    def key(self) -> str:
        """What it is kept by."""
        return analysis_key(self.player, self.depth)

    @property
    def n_boards(self) -> int:
        """Positions of the game."""
        return self.game.n_moves + 1

    @property
    def n_done(self) -> int:
        """Positions that are done."""
        return len(self.values) // ROW

    def go_on(self, workers: WorkerPool) -> Generator[bool, None, None]:
        """Value what is left; yield False whenever more is done, True while it waits.

        However it ends, what is done is kept.

        Raises
        ------
        BusyError, TaskError, TimeLimitError, JobError
            As `WorkerPool.run`; it is patient while others are at work.
        """
        boards = self.game.boards.tobytes()
        saved_at, attempts = time.monotonic(), ATTEMPTS
        try:
            while self.n_done < self.n_boards:
                at = ROW * self.n_done
                job = {"player": self.player.job(), "depth": self.depth, "boards": boards[at : at + ROW * MAX_JOB]}
                try:
                    result = workers.run("analyse", job, seconds=JOB_SECONDS)
                except BusyError:
                    attempts -= 1
                    if attempts == 0:
                        raise
                    yield True
                    continue
                self.values += result["values"]
                self.unit, attempts = result["unit"], ATTEMPTS
                if time.monotonic() - saved_at > SAVE_SECONDS:
                    self.keep()
                    saved_at = time.monotonic()
                yield False
        finally:
            self.keep()

    def keep(self) -> None:
        """Keep what is done, if there is more than is kept already and room for it."""
        if not self.keeps or not self._has_room or self.n_done <= self._kept:
            return
        name, n_boards = self.player.info.name, self.n_boards
        meta = {"player": name, "depth": self.depth, "unit": self.unit, "n_boards": n_boards}
        try:
            self.analyses.put(self.game.id, self.key, bytes(self.values), self.n_done, meta)
            self._kept = self.n_done
        except GameNotFoundError:  # deleted meanwhile
            self.keeps = False
        except StoreError as error:  # the analysis itself is as good
            logger.error("the analysis of %s is not kept: %s", self.game.id, error)
