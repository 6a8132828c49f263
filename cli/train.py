"""``game2048 train``."""

import json
import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cli.common import MAX_GAMES, SWITCH, check_seed, option, preparing, stderr, stdout, stop_on_interrupt
from cli.errors import CliError, UsageError, require

if TYPE_CHECKING:
    from agents.td import TDLearner
    from agents.training import BlockMetrics


@dataclass(frozen=True, kw_only=True)
class Train:
    """Train an n-tuple network by self-play, with TD(lambda) and temporal coherence.

    10,000 games take about 25 seconds and reach the 2048 tile in more than 9 of 10 games. Ctrl-C saves; the same
    command with --resume goes on exactly where it stopped. Needs 1 GB of memory.
    """

    games: int = 10_000
    """Number of training games, those before a --resume included."""
    minutes: Annotated[float | None, option("FLOAT", "no limit")] = None
    """Stop after so many minutes, even if not all games are played."""
    seed: int = 0
    """Seed of the games: same seed, same network, bit for bit. (A resumed run keeps its own.)"""
    out: Path = Path("runs/td")
    """Folder of the run: checkpoint.safetensors, settings.json, metrics.jsonl."""
    resume: Annotated[bool, SWITCH] = False
    """Go on with the run in --out."""
    overwrite: Annotated[bool, SWITCH] = False
    """Replace the run in --out."""
    alpha: float = 1.0
    """Step size in (0, 1]; temporal coherence lowers it for each weight by itself. (A resumed run keeps its own.)"""
    lambda_start: float = 0.8
    """lambda of TD(lambda) in the first game. (A resumed run keeps its own.)"""
    lambda_end: float = 0.4
    """lambda that later games approach; 0 for both is TD(0). (A resumed run keeps its own.)"""
    json: Annotated[bool, SWITCH] = False
    """Print the summary as one JSON object."""

    def run(self) -> None:
        """Train, then say how it went."""
        self._check()
        learner = self._learner()
        start = time.monotonic()
        games_before = learner.games
        with stop_on_interrupt() as stopped:
            run_training(learner, self.games, self.out, stopped, minutes=self.minutes)
            seconds = time.monotonic() - start
            summary = {
                "games": learner.games,
                "moves": learner.moves,
                "seconds": round(seconds, 3),
                "interrupted": stopped(),
                "out": str(self.out),
            }
            if self.json:
                print(json.dumps(summary))
            else:
                self._tell(learner, learner.games - games_before, seconds, stopped())

    def _tell(self, learner: "TDLearner", played: int, seconds: float, interrupted: bool) -> None:
        stdout.print(
            f"{'Stopped' if interrupted else 'Trained'}: {played:,} games in {seconds:.1f} s, "
            f"{learner.games:,} in all. Saved in {self.out}.",
            soft_wrap=True,
        )
        folder = shlex.quote(str(self.out))
        if interrupted:
            stdout.print(f"Go on with: game2048 train --games {self.games} --out {folder} --resume", soft_wrap=True)
        else:
            stdout.print(f"How good is it? game2048 evaluate {folder}", soft_wrap=True)

    def _check(self) -> None:
        require("--games", self.games, 1, MAX_GAMES)
        check_seed(self.seed)
        if self.minutes is not None:
            check_minutes(self.minutes)
        if self.resume and self.overwrite:
            raise UsageError("--resume and --overwrite exclude each other")

    def _learner(self) -> "TDLearner":
        with preparing():
            from agents.checkpoint import FILE_NAME, load_learner
            from agents.td import TDLearner, TDSettings
            from agents.training import remove_run

        try:
            settings = TDSettings(
                alpha=self.alpha, trace_decay_start=self.lambda_start, trace_decay_end=self.lambda_end
            )
        except ValueError as error:
            raise UsageError("--" + str(error).replace("trace_decay_", "lambda-")) from None
        if self.resume:
            learner = load_learner(self.out)
            if learner.games >= self.games:
                raise CliError(f"{self.out} has {learner.games:,} games already; ask for more with --games")
            return learner
        if (self.out / FILE_NAME).exists() and not self.overwrite:
            raise CliError(f"{self.out} holds a model already; go on with --resume, or replace it with --overwrite")
        self.out.mkdir(parents=True, exist_ok=True)
        learner = TDLearner(settings, self.seed)
        remove_run(self.out)  # the old run goes when the new one has its memory
        return learner


def check_minutes(minutes: float) -> None:
    """Check the time limit of the command line."""
    if not minutes > 0:
        raise UsageError(f"--minutes must be positive, got {minutes}")


def run_training(
    learner: "TDLearner",
    games: int | None,
    folder: Path,
    stopped: Callable[[], bool],
    *,
    minutes: float | None = None,
) -> None:
    """Train under a progress bar, up to a number of games or minutes, or until ``stopped``; then save."""
    from agents.training import train
    from cli.progress import GamesBar, RunningScores

    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    scores = RunningScores(window=10)
    with GamesBar(stderr, "train", games, learner.games, None if minutes is None else 60 * minutes) as bar:

        def show(metrics: "BlockMetrics") -> None:
            scores.add(metrics.mean_score, metrics.tile_rates)
            bar.update(metrics.games, f"{metrics.moves_per_second / 1e6:.2f} M moves/s · {scores}")

        def should_stop() -> bool:
            return stopped() or (deadline is not None and time.monotonic() > deadline)

        train(learner, games or sys.maxsize, folder, on_block=show, should_stop=should_stop)
