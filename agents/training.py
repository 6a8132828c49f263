"""The training run: blocks of games, metrics, checkpoints, and an orderly stop.

A run lives in a folder: ``checkpoint.safetensors`` (see `agents.checkpoint`), ``settings.json`` for people, and
``metrics.jsonl`` with one line a block of `BLOCK` games for each thread.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from agents.checkpoint import CRITIC_FOLDER, FILE_NAME, save_learner
from agents.clock import Clock
from agents.compact import FILE_NAME as COMPACT_NAME
from agents.evaluate import tile_rates
from agents.td import TDLearner, TrainingBlock
from nets.checkpoint import FILE_NAME as MODEL_NAME
from nets.files import write_json
from nets.metrics import append_metrics, drop_metrics_after, read_metrics

if TYPE_CHECKING:
    from agents.distributed.learning import ClusterTraining

METRICS_NAME: Final = "metrics.jsonl"
COUNTER: Final = "games"  # what lines of metrics.jsonl are counted by
SETTINGS_NAME: Final = "settings.json"
BLOCK: Final = 100  # games of each thread between two looks at the clock and two lines of metrics


@dataclass(frozen=True, kw_only=True)
class BlockMetrics:
    """One line of metrics.jsonl."""

    games: int
    """Games played so far."""
    episodes: int
    """Games so far, and what followed from them: restarts, rounds of the carousel."""
    moves: int
    """Moves played so far, in all episodes."""
    seconds: float
    """Wall time of the run so far, earlier sessions included."""
    cpu_seconds: float
    """CPU time of the run so far, all threads together, earlier sessions included; that of other machines is not."""
    moves_per_second: float
    """Speed of this block."""
    mean_score: float
    """Mean points of the block's games."""
    max_score: int
    """Best game of the block, points."""
    tile_rates: dict[str, float]
    """Fraction of the block's games that reached each tile."""
    td_error: float
    """Mean |delta|, points."""
    trace_decay: float
    """lambda of the block's last game."""
    alpha: float
    """Global step size of the block's last game."""


def train(
    learner: TDLearner,
    n_games: int,
    folder: Path,
    *,
    elsewhere: "ClusterTraining | None" = None,
    on_block: Callable[[BlockMetrics], None] = lambda metrics: None,
    should_stop: Callable[[], bool] = lambda: False,
    should_cool: Callable[[], bool] = lambda: False,
    save_every: float = 60.0,
) -> None:
    """Train until the learner has played ``n_games`` in all, or ``should_stop``; then save.

    Parameters
    ----------
    learner : TDLearner
        A new one, or one from `agents.checkpoint.load_learner`; changed in place.
    n_games : int
        Total number of games, those of earlier sessions included.
    folder : Path
        Where the run lives.
    elsewhere : ClusterTraining, optional
        Who plays and learns for this learner, a round of theirs a block; None: it does so itself.
    on_block : callable
        Called after every block.
    should_stop : callable
        Asked several times in a block, from any thread, so that a stop is prompt and never between two halves of an
        update.
    should_cool : callable
        Asked before every block, whether it is time to cool down (`TDLearner.cool`).
    save_every : float
        Seconds between checkpoints.

    Raises
    ------
    DivergedError
        If learning diverged; the last checkpoint stays.
    OSError
        If the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write_settings(learner, folder)
    metrics_path = folder / METRICS_NAME
    drop_metrics_after(metrics_path, learner.games, COUNTER)
    clock = Clock(read_metrics(metrics_path, COUNTER))
    last_save = time.monotonic()
    player = elsewhere or learner
    whole = BLOCK * learner.n_threads if elsewhere is None else elsewhere.games_of_round
    while learner.games < n_games and not should_stop():
        if learner.settings.cooled_from == 0 and learner.games > 0 and should_cool():
            learner.cool()
        block_start = time.monotonic()
        block = player.train(min(whole - learner.games % whole, n_games - learner.games), should_stop)
        now = time.monotonic()
        if len(block.scores) == 0:  # stopped at once
            break
        metrics = summarize(learner, block, clock, now - block_start)
        append_metrics(metrics_path, asdict(metrics))
        on_block(metrics)
        if now - last_save > save_every:
            save_learner(learner, folder)
            last_save = time.monotonic()
    save_learner(learner, folder)


def summarize(learner: TDLearner, block: TrainingBlock, clock: Clock, block_seconds: float) -> BlockMetrics:
    """Describe a block of games."""
    last_game = np.array([learner.games - 1])
    return BlockMetrics(
        games=learner.games,
        episodes=learner.episodes,
        moves=learner.moves,
        seconds=round(clock.seconds, 3),
        cpu_seconds=round(clock.cpu_seconds, 3),
        moves_per_second=round(block.n_moves / max(block_seconds, 1e-9)),
        mean_score=round(float(block.scores.mean()), 1),
        max_score=int(block.scores.max()),
        tile_rates=tile_rates(block.max_exponents),
        td_error=round(block.td_error, 3),
        trace_decay=round(float(learner.settings.lambda_at(last_game)[0]), 4),
        alpha=round(float(learner.settings.alpha_at(last_game)[0]), 6),
    )


def remove_run(folder: Path) -> None:
    """Remove what a run of any algorithm wrote, the checkpoint first, and nothing else."""
    for name in (FILE_NAME, MODEL_NAME, COMPACT_NAME, METRICS_NAME, SETTINGS_NAME, f"{CRITIC_FOLDER}/{FILE_NAME}"):
        (folder / name).unlink(missing_ok=True)
    critic = folder / CRITIC_FOLDER
    if critic.is_dir() and not any(critic.iterdir()):
        critic.rmdir()


def _write_settings(learner: TDLearner, folder: Path) -> None:
    settings = {
        "algorithm": "td",
        "network": learner.network.name,
        "seed": learner.seed,
        "threads": learner.n_threads,
        **asdict(learner.settings),
    }
    write_json(folder / SETTINGS_NAME, settings)
