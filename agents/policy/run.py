"""The training run of a policy: blocks of learning, metrics, checkpoints, and an orderly stop.

A run lives in a folder: the files of `agents.policy.checkpoint`, and ``metrics.jsonl`` with one line a block of at
least `BLOCK` environment steps.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from agents.clock import Clock
from agents.evaluate import tile_rates
from agents.policy.checkpoint import save_learner, write_settings
from agents.policy.games import FinishedGames
from agents.policy.learner import Learner, Metrics, mean_of
from nets.metrics import append_metrics, drop_metrics_after, read_metrics

METRICS_NAME: Final = "metrics.jsonl"
COUNTER: Final = "steps"  # what lines of metrics.jsonl are counted by
BLOCK: Final = 2**18  # environment steps of a line of metrics.jsonl
RATED_TILES: Final = tuple(2**exponent for exponent in range(7, 17))  # a policy begins at random, far from 1024

Row = dict[str, Any]
"""A line of metrics.jsonl; see `Block.row`."""


def train(
    learner: Learner,
    folder: Path,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    on_block: Callable[[Row], None] = lambda row: None,
    should_stop: Callable[[], bool] = lambda: False,
    save_every: float = 120.0,
    block: int = BLOCK,
) -> None:
    """Train until ``steps`` are done in all, the time is over, or ``should_stop``; then save.

    Parameters
    ----------
    learner : Learner
        A new one, or one from `agents.policy.checkpoint.load_learner`; changed in place.
    folder : Path
        Where the run lives.
    steps : int, optional
        Environment steps, those of earlier sessions included; the last roll-out is made whole.
    minutes : float, optional
        Time limit of this session.
    on_block : callable
        Called with every line of metrics.jsonl.
    should_stop : callable
        Asked after every `Learner.iterate`, so that a stop is prompt and never between two halves of an update.
    save_every : float
        Seconds between checkpoints.
    block : int
        Environment steps of a line of metrics.jsonl.

    Raises
    ------
    DivergedError
        If learning diverged; the last checkpoint stays.
    OSError
        If the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_settings(learner, folder)
    path = folder / METRICS_NAME
    drop_metrics_after(path, learner.steps, COUNTER)
    clock = Clock(read_metrics(path, COUNTER))
    last_save = start = time.monotonic()
    current = Block(learner, clock)

    def is_over() -> bool:
        late = minutes is not None and time.monotonic() - start > 60 * minutes
        return late or should_stop() or (steps is not None and learner.steps >= steps)

    def save() -> None:
        save_learner(learner, folder)
        learner.leave(folder)

    def tell() -> None:
        row = current.row(learner, clock)
        append_metrics(path, row)
        on_block(row)

    while not is_over():
        current.add(learner.iterate(), learner.games.take_finished())
        if learner.steps // block > current.first_step // block:
            tell()
            current = Block(learner, clock)
            if time.monotonic() - last_save > save_every:
                save()
                last_save = time.monotonic()
    if current.figures:
        tell()
    save()


class Block:
    """What happens between two lines of metrics.jsonl.

    Attributes
    ----------
    first_step : int
        Environment steps of the learner at its beginning.
    figures : list
        What `Learner.iterate` returned.
    """

    def __init__(self, learner: Learner, clock: Clock) -> None:
        self.first_step, self._first_second = learner.steps, clock.seconds
        self.figures: list[Metrics] = []
        self._finished: list[FinishedGames] = []

    def add(self, figures: Metrics, finished: FinishedGames) -> None:
        """Take in what happened."""
        self.figures.append(figures)
        self._finished.append(finished)

    def row(self, learner: Learner, clock: Clock) -> Row:
        """Return the line of metrics.jsonl.

        ``steps``, ``updates``, ``seconds`` and ``cpu_seconds`` are counted from the beginning of the run; all else is
        about this block: ``steps_per_second``, ``games`` that ended in it, their ``mean_score``, ``max_score`` and
        ``tile_rates`` (null where none did), and the means of what the algorithm measured.
        """
        scores = np.concatenate([games.scores for games in self._finished])
        exponents = np.concatenate([games.max_exponents for games in self._finished])
        seconds = clock.seconds
        return {
            "steps": learner.steps,
            "updates": learner.updates,
            "seconds": round(seconds, 3),
            "cpu_seconds": round(clock.cpu_seconds, 3),
            "steps_per_second": round((learner.steps - self.first_step) / max(seconds - self._first_second, 1e-9)),
            "games": scores.size,
            "mean_score": round(float(scores.mean()), 1) if scores.size else None,
            "max_score": int(scores.max()) if scores.size else None,
            "tile_rates": tile_rates(exponents, RATED_TILES) if scores.size else None,
            **{name: float(f"{value:.6g}") for name, value in mean_of(self.figures).items()},
        }
