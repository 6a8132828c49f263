"""Evaluation: many games by seed, and what can be said about an agent from them.

Game i of a series has a seed that depends on nothing but the series and i, and a game depends on nothing but the
agent and its seed: the same call gives the same scores, whatever the number of threads.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from itertools import islice
from queue import Empty, Queue
from threading import Event, Lock
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agents.base import Agent, BatchedAgent, PlayedGame
from game2048.rng import game_seeds

PLAYED_AHEAD: Final = 64  # games that wait for someone to ask for them
RATED_TILES: Final = tuple(2**exponent for exponent in range(10, 17))  # 1024 ... 65536


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What came out of the games.

    Examples
    --------
    >>> from agents.baselines import RandomAgent
    >>> evaluation = evaluate(RandomAgent(), n_games=100, seed=1)
    >>> evaluation.games, 800 < evaluation.mean < 1400
    (100, True)
    """

    agent: str
    """Who played."""
    games: int
    """Number of games."""
    seed: int
    """Seed of the series."""
    mean: float
    """Mean score, points."""
    ci95: tuple[float, float] | None
    """95 % interval of the mean: mean -/+ 1.96 standard errors; None for a single game."""
    median: float
    """Median score, points."""
    max: int
    """Best score, points."""
    tile_rates: dict[str, float]
    """Fraction of games that reached each tile, keys "1024" to "65536"."""
    moves: int
    """Moves of all games together."""
    moves_per_second: float
    """Moves per second of wall time, all threads together."""
    seconds: float
    """Wall time."""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "ci95": list(self.ci95) if self.ci95 else None}


def evaluate(
    agent: Agent,
    *,
    n_games: int,
    seed: int = 0,
    n_threads: int = 1,
    on_game: Callable[[PlayedGame], None] = lambda game: None,
) -> Evaluation:
    """Play ``n_games`` and summarise them.

    Parameters
    ----------
    agent : Agent
        Who plays.
    n_games : int
        How many games, at least 1.
    seed : int
        Seed of the series.
    n_threads : int
        Games played at the same time, at least 1; changes the speed, not the result.
    on_game : callable
        Called with each game, in the order of the series, from the calling thread.
    """
    start = time.perf_counter()
    scores = np.empty(n_games, np.int64)
    exponents = np.empty(n_games, np.int64)
    moves = 0
    for i, game in enumerate(play_series(agent, n_games=n_games, seed=seed, n_threads=n_threads)):
        scores[i], exponents[i] = game.score, game.max_exponent
        moves += game.plies.size
        on_game(game)
    seconds = time.perf_counter() - start
    return summarize(agent.name, seed, scores, exponents, moves, seconds)


def play_series(agent: Agent, *, n_games: int, seed: int = 0, n_threads: int = 1) -> Iterator[PlayedGame]:
    """Yield the games of a series in order, played by ``n_threads`` threads.

    An agent that plays many games at once (`agents.base.BatchedAgent`) does so in each thread.

    Raises
    ------
    ValueError
        If ``n_games`` or ``n_threads`` is less than 1.
    """
    for name, value in (("n_games", n_games), ("n_threads", n_threads)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    seeds = (int(game_seed) for game_seed in game_seeds(seed, n_games))
    if isinstance(agent, BatchedAgent):
        return agent.play_games(seeds) if n_threads == 1 else _play_batches(agent, seeds, n_threads)
    if n_threads == 1:
        return map(agent.play_game, seeds)
    return _play_threaded(agent, seeds, n_threads)


def _play_threaded(agent: Agent, seeds: Iterator[int], n_threads: int) -> Iterator[PlayedGame]:
    """Play a few games ahead of the one that is due, never the whole series at once."""
    with ThreadPoolExecutor(n_threads) as pool:
        queue = [pool.submit(agent.play_game, s) for s in islice(seeds, 8 * n_threads)]
        try:
            while queue:
                wait(queue[:1], return_when=FIRST_COMPLETED)
                yield queue.pop(0).result()
                queue.extend(pool.submit(agent.play_game, s) for s in islice(seeds, 1))
        finally:
            for future in queue:
                future.cancel()


def _play_batches(agent: BatchedAgent, seeds: Iterator[int], n_threads: int) -> Iterator[PlayedGame]:
    """Let each thread play many games at once, and take the next seed whenever it has room for another game."""
    numbered, turn = enumerate(seeds), Lock()
    played: Queue[tuple[int, PlayedGame] | None] = Queue(PLAYED_AHEAD)
    stop = Event()

    def work() -> None:
        taken: deque[int] = deque()

        def my_seeds() -> Iterator[int]:
            while True:
                with turn:
                    number, seed = next(numbered, (None, 0))
                if number is None:
                    return
                taken.append(number)
                yield seed

        try:
            for game in agent.play_games(my_seeds(), stop.is_set):
                played.put((taken.popleft(), game))
        except BaseException:
            stop.set()  # the others need not go on
            raise
        finally:
            played.put(None)

    with ThreadPoolExecutor(n_threads) as pool:
        workers = [pool.submit(work) for _ in range(n_threads)]
        try:
            yield from _in_order(played, n_threads)
        finally:
            stop.set()
            while wait(workers, timeout=0.02).not_done:
                _empty(played)  # nobody may wait for room
        for worker in workers:
            worker.result()  # raises what went wrong in it


def _in_order(played: "Queue[tuple[int, PlayedGame] | None]", n_workers: int) -> Iterator[PlayedGame]:
    """Yield games by their numbers until every worker has said None."""
    waiting: dict[int, PlayedGame] = {}
    due = 0
    while n_workers:
        item = played.get()
        if item is None:
            n_workers -= 1
            continue
        waiting[item[0]] = item[1]
        while due in waiting:
            yield waiting.pop(due)
            due += 1


def _empty(queue: "Queue[Any]") -> None:
    while True:
        try:
            queue.get_nowait()
        except Empty:
            return


def summarize(
    agent: str,
    seed: int,
    scores: npt.NDArray[np.int64],
    exponents: npt.NDArray[np.int64],
    moves: int,
    seconds: float,
) -> Evaluation:
    """Compute the figures of an `Evaluation`."""
    n = scores.size
    mean = float(scores.mean())
    half_width = 1.96 * float(scores.std(ddof=1)) / math.sqrt(n) if n > 1 else 0.0
    return Evaluation(
        agent=agent,
        games=n,
        seed=seed,
        mean=round(mean, 2),
        ci95=(round(mean - half_width, 2), round(mean + half_width, 2)) if n > 1 else None,
        median=float(np.median(scores)),
        max=int(scores.max()),
        tile_rates=tile_rates(exponents),
        moves=moves,
        moves_per_second=round(moves / max(seconds, 1e-9), 1),
        seconds=round(seconds, 3),
    )


def tile_rates(exponents: npt.NDArray[np.int64], tiles: Iterable[int] = RATED_TILES) -> dict[str, float]:
    """Return the fraction of games whose largest tile is at least 1024, ..., 65536, or other tiles."""
    return {str(tile): round(float((exponents >= math.log2(tile)).mean()), 6) for tile in tiles}
