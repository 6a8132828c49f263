"""Learning on a cluster: workers play and learn apart for a round, then their tables are merged.

Each worker is a process on some machine, with tables of its own, which its threads share. In a round it plays
``games_per_round`` games; what it changed is merged (`agents.distributed.merging`), and what the merge changed goes to
all workers with their next round. The machine that commands holds the merged tables and writes the checkpoints.

The games of a block depend on nothing but the tables of its round and a seed that the learner draws for it. So with one
thread a worker, training with the same number of workers gives the same weights, bit for bit, wherever they are, and
goes on exactly after a checkpoint.

A worker that dies loses the block that it was playing, and nothing else: its round is merged without it, and a new
worker gets the tables as they are when it is up. Games that were lost do not count; others are played for them.

Notes
-----
1. The boards that a carousel has put aside stay with each worker, and are lost when it dies or training ends: with a
   carousel, training goes on after a checkpoint, but not exactly.
2. A round is as slow as its slowest worker; the others wait.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from agents.distributed.cluster import cause_of, check_program, processors, program
from agents.distributed.merging import Change, Tables
from agents.errors import ClusterError
from agents.networks import Network
from agents.td import TDLearner, TDSettings, TrainingBlock
from game2048.rng import draw, game_seeds, seed_streams

START_LIMIT: Final = 300.0  # seconds that a worker may take to start, its kernels included
GAMES_PER_ROUND: Final = 500
LOST_ROUNDS: Final = 3  # after so many rounds without a result, something is wrong with the cluster

logger = logging.getLogger(__name__)


class Worker:
    """Learns on a machine of the cluster: 24 bytes of memory a weight, half of them for the tables as they were.

    Parameters
    ----------
    settings : TDSettings
        How to learn.
    network : Network
        What to learn.
    n_threads : int
        Threads that share its tables.
    """

    def __init__(self, settings: TDSettings, network: Network, n_threads: int) -> None:
        network = replace(network)  # with arrays of its own: those that travel must not be written to
        self._learner = TDLearner(settings, network=network, n_threads=n_threads)
        self._tables = Tables(self._learner.weights, self._learner.coherence)
        self._base = Tables.empty(network.n_weights)

    def ready(self, version: str) -> bool:
        """Say that the worker has started, and has the program of the machine that commands."""
        check_program(version)
        return True

    def put(self, change: Change) -> None:
        """Take over what the tables of all have become."""
        for tables in (self._tables, self._base):
            tables.put(change)

    def learn(
        self, merged: Change, settings: TDSettings, first: int, n_games: int, seed: int
    ) -> tuple[Change, TrainingBlock]:
        """Take over what the last round changed, play and learn from game ``first`` on; return what that changed."""
        self.put(merged)
        self._learner.settings = settings
        self._learner.games = first
        self._learner.rng[:] = seed_streams(game_seeds(seed, self._learner.n_threads))
        block = self._learner.train(n_games)
        return self._tables.changes_from(self._base), block


@dataclass
class Member:
    """A worker, seen from the machine that commands."""

    actor: Any
    """Ray's handle of it."""
    ready: Any
    """The promise that it has started."""
    joined: bool = False
    """Whether it has the tables."""


class ClusterTraining:
    """Trains a learner by the work of others.

    Parameters
    ----------
    ray : module
        As `agents.distributed.cluster.connected` gives it.
    learner : TDLearner
        What is trained: its tables, counts and random state change with every round. It plays no games itself; each
        worker has as many threads as it has.
    n_workers : int
        How many; each takes the memory of `Worker`, and a processor for each of its threads.
    games_per_round : int
        Games of a worker between two merges.

    Attributes
    ----------
    merges, merged_bytes : int
        Merges so far, and how many bytes of changes came from workers for them.
    merge_seconds : float
        Time that merging took here.

    Raises
    ------
    ClusterError
        If the cluster has too few processors, or a machine has another version of this program.
    """

    def __init__(self, ray: Any, learner: TDLearner, *, n_workers: int, games_per_round: int = GAMES_PER_ROUND) -> None:
        for name, value in (("n_workers", n_workers), ("games_per_round", games_per_round)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        n_threads = learner.n_threads
        if processors(ray) < n_workers * n_threads:
            raise ClusterError(
                f"{n_workers} workers of {n_threads} threads need {n_workers * n_threads} processors, "
                f"the cluster has {processors(ray)}"
            )
        self._ray, self.learner = ray, learner
        self.games_per_round = games_per_round
        self.merges = self.merged_bytes = 0
        self.merge_seconds = 0.0
        self._tables = Tables(learner.weights, learner.coherence)
        self._merged = ray.put(self._nothing())
        self._kind = ray.remote(Worker).options(num_cpus=n_threads, scheduling_strategy="SPREAD")
        self._arguments, self._program = (learner.settings, learner.network, n_threads), program()
        self.members = [self._start() for _ in range(n_workers)]
        ready, _ = ray.wait([member.ready for member in self.members], num_returns=n_workers, timeout=START_LIMIT)
        if len(ready) < n_workers:
            raise ClusterError(f"{len(ready)} of {n_workers} workers have started within {START_LIMIT:.0f} seconds")

    def __enter__(self) -> "ClusterTraining":
        """Give the training itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the workers."""
        for member in self.members:
            self._ray.kill(member.actor)

    @property
    def games_of_round(self) -> int:
        """Games of all workers between two merges."""
        return self.games_per_round * len(self.members)

    def train(self, n_games: int, should_stop: Callable[[], bool] = lambda: False) -> TrainingBlock:
        """Let the workers play ``n_games`` in as many rounds as it takes, or fewer if ``should_stop`` before a round.

        Raises
        ------
        DivergedError
            If the errors of a worker are not finite or beyond any score.
        ClusterError
            If workers die faster than they can play.
        """
        blocks: list[TrainingBlock] = []
        last, lost_rounds = self.learner.games + n_games, 0
        while self.learner.games < last and not should_stop():
            self._join()
            played = self._round(last - self.learner.games)
            lost_rounds = 0 if played else lost_rounds + 1
            if lost_rounds == LOST_ROUNDS:
                raise ClusterError(f"all workers died in {LOST_ROUNDS} rounds one after the other")
            blocks += played
        return together(blocks)

    def _round(self, n_games: int) -> list[TrainingBlock]:
        """Let each worker play its share of ``n_games`` or of a round, and merge what comes back."""
        playing = [member for member in self.members if member.joined]
        first = self.learner.games
        promises = []
        for member, share in zip(playing, split(n_games, len(playing), self.games_per_round), strict=True):
            seed = int(draw(self.learner.rng, 0))
            promises.append(
                (member, member.actor.learn.remote(self._merged, self.learner.settings, first, share, seed))
            )
            first += share
        results = [result for member, promise in promises if (result := self._result(member, promise)) is not None]
        start = time.perf_counter()
        changes = [change for change, _ in results]
        merged = self._tables.merge(changes) if changes else self._nothing()
        self._merged = self._ray.put(merged)
        self.merges += 1
        self.merge_seconds += time.perf_counter() - start
        self.merged_bytes += sum(change.nbytes for change in changes)
        blocks = [block for _, block in results]
        self.learner.games += sum(block.scores.size for block in blocks)
        self.learner.episodes += sum(block.n_episodes for block in blocks)
        self.learner.moves += sum(block.n_moves for block in blocks)
        return blocks

    # --- workers come and go ---

    def _start(self) -> Member:
        actor = self._kind.remote(*self._arguments)
        return Member(actor, actor.ready.remote(self._program))

    def _join(self) -> None:
        """Give the tables to workers that have started since; wait for one if there is none."""
        deadline = time.monotonic() + START_LIMIT
        tables = None
        while True:
            waiting = [member for member in self.members if not member.joined]
            for member in waiting:
                started, _ = self._ray.wait([member.ready], timeout=0)
                if started and self._result(member, member.ready):
                    tables = tables or self._ray.put(self._tables.learned())
                    member.actor.put.remote(tables)
                    member.joined = True
            if any(member.joined for member in self.members):
                return
            if time.monotonic() > deadline:
                raise ClusterError(f"no worker has started within {START_LIMIT:.0f} seconds")
            time.sleep(0.1)

    def _result(self, member: Member, promise: Any) -> Any:
        """Wait for a worker; None if it died, and another one starts in its place."""
        try:
            return self._ray.get(promise)
        except self._ray.exceptions.RayTaskError as error:
            raise cause_of(error) from None
        except self._ray.exceptions.RayError as error:
            if not any(other.joined for other in self.members):
                raise ClusterError(f"a worker cannot start: {error}") from None
        number = self.members.index(member)
        logger.warning("worker %d of %d died; the games it was playing are lost", number + 1, len(self.members))
        self._ray.kill(member.actor)
        self.members[number] = self._start()
        return None

    def _nothing(self) -> Change:
        return Change(np.empty(0, np.uint32), np.empty(0, np.float32), np.empty((0, 2), np.float32))


def split(n_games: int, n_workers: int, most: int) -> list[int]:
    """Return how many games each worker plays in a round, as even as can be.

    >>> split(10, 4, 500), split(5000, 2, 500)
    ([3, 3, 2, 2], [500, 500])
    """
    shares = [(n_games + n_workers - 1 - k) // n_workers for k in range(n_workers)]
    return [min(share, most) for share in shares]


def together(blocks: list[TrainingBlock]) -> TrainingBlock:
    """Return blocks as one."""
    n_moves = sum(block.n_moves for block in blocks)
    none = np.empty(0, np.int64)
    return TrainingBlock(
        np.concatenate([none, *(block.scores for block in blocks)]),
        np.concatenate([none, *(block.max_exponents for block in blocks)]),
        n_moves,
        sum(block.n_episodes for block in blocks),
        sum(block.td_error * block.n_moves for block in blocks) / max(n_moves, 1),
    )
