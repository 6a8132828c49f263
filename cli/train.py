"""``game2048 train``."""

import json
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, get_args

import tyro

from cli.cluster import ClusterOptions
from cli.common import (
    MAX_GAMES,
    MAX_THREADS,
    SETTINGS_NAME,
    SWITCH,
    check_seed,
    option,
    stdout,
    stop_on_interrupt,
)
from cli.errors import CliError, UsageError, require
from cli.train_policy import (
    DEFAULT_MINUTES,
    NetworkOptions,
    PolicyOptions,
    check_options,
    given,
    new_learner,
    resumed_learner,
    run_policy_training,
    spelled,
)
from cli.train_td import TDOptions, limits, new_td_learner, resumed_td_learner, run_training

if TYPE_CHECKING:
    from agents.policy.learner import Learner
    from agents.td import TDLearner

Algorithm = Literal["td", "vtrace", "ppo", "reinforce", "pretrain"]
CHECKPOINT_NAME: Final = "checkpoint.safetensors"  # as in agents.checkpoint, which would load kernels
COMPACT_NAME: Final = "network.safetensors"  # as in agents.compact


@dataclass(frozen=True, kw_only=True)
class Train:
    """Train an agent by self-play: an n-tuple network with TD(lambda), or a policy network with policy gradients.

    The default, --algo td, is the quickest and the strongest: with --recipe fast, half a minute is enough to reach the
    2048 tile in more than 9 of 10 games; --recipe strong takes two hours. The others train a network that looks at a
    board and plays: vtrace learns from its past games again and again, ppo and reinforce only from the latest, pretrain
    imitates another agent. The strongest of these from scratch is --algo vtrace --body ntuple --critic afterstates
    --replay 0.

    Ctrl-C saves; the same command with --resume goes on exactly where it stopped.
    """

    algo: Annotated[Algorithm | None, option("{td,vtrace,ppo,reinforce,pretrain}", "td")] = None
    """How to learn. (A resumed run keeps its own.)"""
    minutes: Annotated[float | None, option("FLOAT", "no limit")] = None
    """Stop after so many minutes, even if not all games or steps are done."""
    threads: Annotated[int | None, option("INT", "all processors; --recipe fast: 1")] = None
    """Threads that play and learn at the same time. (A resumed run keeps its own; of --algo td it may get others.)"""
    seed: Annotated[int | None, option("INT", "0")] = None
    """Seed of the training: same seed, same network, bit for bit; of --algo td with one thread. (A resumed run keeps
    its own.)"""
    out: Annotated[Path | None, option("PATH", "runs/ALGO")] = None
    """Folder of the run: checkpoint.safetensors, settings.json, metrics.jsonl; of a policy model.safetensors too."""
    resume: Annotated[bool, SWITCH] = False
    """Go on with the run in --out."""
    overwrite: Annotated[bool, SWITCH] = False
    """Replace the run in --out."""
    json: Annotated[bool, SWITCH] = False
    """Print the summary as one JSON object."""
    td: Annotated[TDOptions, tyro.conf.OmitArgPrefixes] = field(default_factory=TDOptions)
    """--algo td: how the n-tuple network learns"""
    cluster: Annotated[ClusterOptions, tyro.conf.OmitArgPrefixes] = field(default_factory=ClusterOptions)
    """--algo td: on which machines"""
    policy: Annotated[PolicyOptions, tyro.conf.OmitArgPrefixes] = field(default_factory=PolicyOptions)
    """--algo vtrace, ppo, reinforce or pretrain: how the policy learns; left out: the algorithm's choice, or that of a
    resumed run"""
    network: Annotated[NetworkOptions, tyro.conf.OmitArgPrefixes] = field(default_factory=NetworkOptions)
    """--algo vtrace, ppo, reinforce or pretrain: the network; --from brings its own, so does a resumed run"""

    @cached_property
    def algorithm(self) -> str:
        """As asked; that of the run which goes on; or td."""
        return self.algo or (self.resume and saved_algorithm(self.out or Path("runs/td"))) or "td"

    @cached_property
    def folder(self) -> Path:
        """Where the run lives."""
        return self.out or Path("runs") / self.algorithm

    def run(self) -> None:
        """Train, then say how it went."""
        self._check()
        train = self._train_td if self.algorithm == "td" else self._train_policy
        with stop_on_interrupt() as stopped:
            summary, told = train(stopped)
            if self.json:
                print(json.dumps(summary))
            else:
                self._tell(told, stopped())

    def _train_td(self, stopped: Callable[[], bool]) -> tuple[dict[str, Any], str]:
        """Train an n-tuple network; return the summary, and what to say."""
        learner = self._td_learner()
        games_before, start = learner.games, time.monotonic()
        games, minutes = self._td_limits
        run_training(learner, games, self.folder, stopped, minutes=minutes, cluster=self.cluster)
        seconds = time.monotonic() - start
        summary = {
            "network": learner.network.name,
            "games": learner.games,
            "episodes": learner.episodes,
            "moves": learner.moves,
            "seconds": round(seconds, 3),
            "interrupted": stopped(),
            "out": str(self.folder),
        }
        return summary, f"{learner.games - games_before:,} games in {seconds:.1f} s, {learner.games:,} in all"

    def _train_policy(self, stopped: Callable[[], bool]) -> tuple[dict[str, Any], str]:
        """Train a policy; return the summary, and what to say."""
        learner = self._policy_learner()
        minutes = DEFAULT_MINUTES if self.minutes is None and self.policy.steps is None else self.minutes
        steps_before, start = learner.steps, time.monotonic()
        last = run_policy_training(learner, self.folder, stopped, steps=self.policy.steps, minutes=minutes)
        seconds = time.monotonic() - start
        summary = {
            "algorithm": learner.algorithm,
            **last,
            "steps": learner.steps,
            "updates": learner.updates,
            "seconds": round(seconds, 3),
            "interrupted": stopped(),
            "out": str(self.folder),
        }
        return summary, f"{learner.steps - steps_before:,} steps in {seconds:.1f} s, {learner.steps:,} in all"

    def _tell(self, what: str, interrupted: bool) -> None:
        stdout.print(f"{'Stopped' if interrupted else 'Trained'}: {what}. Saved in {self.folder}.", soft_wrap=True)
        folder = shlex.quote(str(self.folder))
        if interrupted:
            limit = f" --steps {self.policy.steps}" if self.policy.steps else ""
            games, minutes = self._td_limits if self.algorithm == "td" else (None, self.minutes)
            limit += f" --games {games}" if games else ""
            limit += f" --minutes {minutes:g}" if minutes else ""
            stdout.print(f"Go on with: game2048 train{limit} --out {folder} --resume", soft_wrap=True)
        else:
            stdout.print(f"How good is it? game2048 evaluate {folder}", soft_wrap=True)

    # --- what was asked for ---

    @property
    def _td_limits(self) -> tuple[int | None, float | None]:
        """Games and minutes after which to stop, at whichever comes first."""
        return limits(self.td, self.minutes)

    def _check(self) -> None:
        if self.td.games is not None:
            require("--games", self.td.games, 1, MAX_GAMES)
        if self.threads is not None:
            require("--threads", self.threads, 1, MAX_THREADS)
        if self.seed is not None:
            check_seed(self.seed)
        if self.minutes is not None:
            check_minutes(self.minutes)
        if self.td.cool_down is not None and self._td_limits[1] is None:
            raise UsageError("--cool-down is a share of --minutes, which must be given")
        if self.resume and self.overwrite:
            raise UsageError("--resume and --overwrite exclude each other")
        self.cluster.check()
        others = [self.policy, self.network] if self.algorithm == "td" else [self.td, self.cluster]
        for name in (name for options in others for name in given(options)):
            raise UsageError(f"{spelled(name)} is no option of --algo {self.algorithm}")
        if self.algorithm != "td":
            check_options(self.algorithm, self.policy)

    def _check_free(self) -> None:
        """Refuse to train where a run is, unless it shall be replaced."""
        if (self.folder / COMPACT_NAME).exists() and not self.overwrite:
            raise CliError(f"{self.folder} holds a compact network; replace it with --overwrite")
        if (self.folder / CHECKPOINT_NAME).exists() and not self.overwrite:
            raise CliError(f"{self.folder} holds a model already; go on with --resume, or replace it with --overwrite")
        self.folder.mkdir(parents=True, exist_ok=True)

    def _td_learner(self) -> "TDLearner":
        if self.resume:
            return resumed_td_learner(self.folder, self.td, self._td_limits[0], self.threads, self.seed)
        self._check_free()
        learner = new_td_learner(self.td, self._td_limits[0], self.threads, self.seed or 0)
        from agents.training import remove_run

        remove_run(self.folder)  # the old run goes when the new one has its memory
        return learner

    def _policy_learner(self) -> "Learner":
        if self.resume:
            return resumed_learner(
                self.folder, self.algo, self.policy, self.network, threads=self.threads, seed=self.seed
            )
        self._check_free()
        learner = new_learner(self.algorithm, self.policy, self.network, threads=self.threads, seed=self.seed or 0)
        from agents.training import remove_run

        remove_run(self.folder)
        return learner


def saved_algorithm(folder: Path) -> str | None:
    """Return the algorithm of the run in a folder, None where none can be read."""
    try:
        saved = json.loads((folder / SETTINGS_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    algorithm = saved.get("algorithm") if isinstance(saved, dict) else None
    return algorithm if algorithm in get_args(Algorithm) else None


def check_minutes(minutes: float) -> None:
    """Check the time limit of the command line."""
    if not minutes > 0:
        raise UsageError(f"--minutes must be positive, got {minutes}")
