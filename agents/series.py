"""Series of games: who plays, from which seeds, in how many threads.

Game i of a series has a seed that depends on nothing but the series and i, and a game depends on nothing but the
agent and its seed: the same call gives the same games, whatever the number of threads.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, ThreadPoolExecutor, wait
from itertools import islice
from queue import Empty, Queue
from threading import Event, Lock
from typing import Any, Final, NamedTuple

from agents.base import Agent, BatchedAgent, PlayedGame, StoppableAgent, never
from game2048.rng import game_seeds

PLAYED_AHEAD: Final = 64  # games that wait for someone to ask for them
SEEDS_AHEAD: Final = 4096


class TimedGame(NamedTuple):
    """A game, and how long it took.

    Attributes
    ----------
    game : PlayedGame
        The game.
    seconds : float
        Wall time in the thread that played it; where many are played at once, since the last one ended.
    cpu_seconds : float
        CPU time of that thread: what else goes on in the machine changes it little.
    """

    game: PlayedGame
    seconds: float
    cpu_seconds: float


Finished = Callable[[TimedGame], object]


def play_series(agent: Agent, *, n_games: int, seed: int = 0, n_threads: int = 1) -> Iterator[PlayedGame]:
    """Yield the games of a series in order, played by ``n_threads`` threads.

    Raises
    ------
    ValueError
        If ``n_games`` or ``n_threads`` is less than 1.
    """
    return (timed.game for timed in play_seeds(agent, series_seeds(seed, n_games), n_threads=n_threads))


def series_seeds(seed: int, n_games: int) -> Iterator[int]:
    """Return the seeds of the first games of a series, made as they are taken: a series may be stopped long before.

    Raises
    ------
    ValueError
        If ``n_games`` is less than 1.
    """
    if n_games < 1:
        raise ValueError(f"n_games must be at least 1, got {n_games}")
    blocks = (game_seeds(seed, min(SEEDS_AHEAD, n_games - i), first=i) for i in range(0, n_games, SEEDS_AHEAD))
    return (int(game_seed) for block in blocks for game_seed in block)


def play_seeds(
    agent: Agent, seeds: Iterable[int], *, n_threads: int = 1, on_finish: Finished = lambda timed: None
) -> Iterator[TimedGame]:
    """Yield the games of some seeds in order, played by ``n_threads`` threads.

    An agent that plays many games at once (`agents.base.BatchedAgent`) does so in each thread.

    Parameters
    ----------
    agent : Agent
        Who plays.
    seeds : iterable of int
        Seeds of the games; taken as they are needed.
    n_threads : int
        Threads that play, at least 1.
    on_finish : callable
        Called with each game as soon as it ends, in the thread that played it, before its turn in the order may come.

    Raises
    ------
    ValueError
        If ``n_threads`` is less than 1.
    """
    if n_threads < 1:
        raise ValueError(f"n_threads must be at least 1, got {n_threads}")
    numbers = iter(seeds)
    if isinstance(agent, BatchedAgent):
        return (
            _told(_timed_batch(agent.play_games(numbers)), on_finish)
            if n_threads == 1
            else _play_batches(agent, numbers, n_threads, on_finish)
        )
    if n_threads == 1:
        return _told((_timed(agent, game_seed) for game_seed in numbers), on_finish)
    return _play_threaded(agent, numbers, n_threads, on_finish)


# --- time ---


def _timed(agent: Agent, game_seed: int, stopped: Callable[[], bool] = never) -> TimedGame:
    start, cpu_start = time.perf_counter(), time.thread_time()
    game = (
        agent.play_game_unless(game_seed, stopped) if isinstance(agent, StoppableAgent) else agent.play_game(game_seed)
    )
    if game is None:
        raise CancelledError
    return TimedGame(game, time.perf_counter() - start, time.thread_time() - cpu_start)


def _timed_batch(games: Iterator[PlayedGame]) -> Iterator[TimedGame]:
    """Time games that are played at once by what passes between two that end."""
    while True:
        start, cpu_start = time.perf_counter(), time.thread_time()
        game = next(games, None)
        if game is None:
            return
        yield TimedGame(game, time.perf_counter() - start, time.thread_time() - cpu_start)


def _told(games: Iterator[TimedGame], on_finish: Finished) -> Iterator[TimedGame]:
    for timed in games:
        on_finish(timed)
        yield timed


# --- threads ---


def _play_threaded(agent: Agent, seeds: Iterator[int], n_threads: int, on_finish: Finished) -> Iterator[TimedGame]:
    """Play a few games ahead of the one that is due, never the whole series at once."""
    stop = Event()

    def play(game_seed: int) -> TimedGame:
        timed = _timed(agent, game_seed, stop.is_set)
        on_finish(timed)
        return timed

    with ThreadPoolExecutor(n_threads) as pool:
        queue = [pool.submit(play, s) for s in islice(seeds, 8 * n_threads)]
        try:
            while queue:
                wait(queue[:1], return_when=FIRST_COMPLETED)
                yield queue.pop(0).result()
                queue.extend(pool.submit(play, s) for s in islice(seeds, 1))
        finally:
            stop.set()  # nobody wants the games that are under way
            for future in queue:
                future.cancel()


def _play_batches(
    agent: BatchedAgent, seeds: Iterator[int], n_threads: int, on_finish: Finished
) -> Iterator[TimedGame]:
    """Let each thread play many games at once, and take the next seed whenever it has room for another game."""
    numbered, turn = enumerate(seeds), Lock()
    played: Queue[tuple[int, TimedGame] | None] = Queue(PLAYED_AHEAD)
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
            for timed in _told(_timed_batch(agent.play_games(my_seeds(), stop.is_set)), on_finish):
                played.put((taken.popleft(), timed))
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


def _in_order(played: "Queue[tuple[int, TimedGame] | None]", n_workers: int) -> Iterator[TimedGame]:
    """Yield games by their numbers until every worker has said None."""
    waiting: dict[int, TimedGame] = {}
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
