"""The options of commands that can work on a Ray cluster."""

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from cli.common import MAX_GAMES, option, preparing, stderr
from cli.errors import UsageError, require

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agents.distributed.learning import ClusterTraining
    from agents.td import TDLearner

MAX_WORKERS: Final = 4096
ADDRESS_HELP: Final = "this machine alone"


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """Options of --algo td on many machines; pip install "game2048[distributed]"."""

    ray: Annotated[str | None, option("ADDRESS", ADDRESS_HELP)] = None
    """Let workers of a Ray cluster learn: auto, HOST:6379, ray://HOST:10001, or local for one that is started here."""
    workers: Annotated[int | None, option("INT", "as many as there are processors for")] = None
    """Workers, each with --threads threads on tables of its own: 24 bytes of memory a weight."""
    merge_every: Annotated[int | None, option("INT", "500")] = None
    """Games of a worker after which the tables of all are merged."""

    def check(self) -> None:
        """Check the options by themselves."""
        if self.ray is None:
            for name, value in (("--workers", self.workers), ("--merge-every", self.merge_every)):
                if value is not None:
                    raise UsageError(f"{name} is for training on a cluster: it needs --ray")
        if self.workers is not None:
            require("--workers", self.workers, 1, MAX_WORKERS)
        if self.merge_every is not None:
            require("--merge-every", self.merge_every, 1, MAX_GAMES)

    @contextmanager
    def training(self, learner: "TDLearner") -> "Iterator[ClusterTraining | None]":
        """Give the workers that learn for a learner; None without a cluster."""
        if self.ray is None:
            yield None
            return
        with preparing():
            from agents.distributed.cluster import connected, processors
            from agents.distributed.learning import GAMES_PER_ROUND, ClusterTraining

        with connected(self.ray) as ray:
            n_workers = self.workers or max(1, processors(ray) // learner.n_threads)
            games_per_round = self.merge_every or GAMES_PER_ROUND
            with stderr.status(f"starting {n_workers} workers"):
                training = ClusterTraining(ray, learner, n_workers=n_workers, games_per_round=games_per_round)
            with training:
                yield training
