"""Evaluation on a cluster: games of many seeds, played wherever there is a processor.

A game depends on nothing but the agent and its seed, so the result does not depend on how many machines there are, nor
on which of them plays what. If a machine dies, Ray has its games played again on another.
"""

import copy
import time
from collections.abc import Iterable, Iterator
from itertools import count, islice
from typing import Any, Final

from threadpoolctl import threadpool_limits

from agents.base import Agent, BatchedAgent
from agents.distributed.cluster import cause_of, check_program, processors, program
from agents.series import Finished, TimedGame
from agents.series import play_seeds as play_here

AHEAD: Final = 4  # tasks for each processor that wait or run
SHORT: Final = 0.5  # seconds; as long as a task takes less, the next ones get more games
LARGEST_TASK: Final = 256  # games
BATCH: Final = 64  # games of the first tasks of an agent that plays many at once

_agents: dict[str, Agent] = {}
"""In a worker: the agent that it played with last, by the name of its object."""


def play_seeds(
    ray: Any, agent: Agent, seeds: Iterable[int], *, on_finish: Finished = lambda timed: None
) -> Iterator[TimedGame]:
    """Yield the games of some seeds in order, as `agents.series.play_seeds` does.

    Parameters
    ----------
    ray : module
        As `agents.distributed.cluster.connected` gives it.
    agent : Agent
        Who plays; sent to each machine once.
    seeds : iterable of int
        Seeds of the games; taken as they are needed.
    on_finish : callable
        Called with each game when it has arrived here, before its turn in the order may come.

    Raises
    ------
    ClusterError
        If a machine has another version of this program, or none.
    """
    shared = ray.put(agent)
    task = ray.remote(play_some).options(num_cpus=1, max_retries=-1)
    name, version = shared.hex(), program()
    size = BATCH if isinstance(agent, BatchedAgent) else 1
    numbers, due, left = count(), 0, iter(seeds)
    running: dict[Any, int] = {}
    arrived: dict[int, list[TimedGame]] = {}
    try:
        while True:
            while len(running) < AHEAD * processors(ray) and (some := list(islice(left, size))):
                running[task.remote(name, version, shared, some)] = next(numbers)
            if not running:
                return
            (promise,), _ = ray.wait(list(running), num_returns=1)
            games, seconds = _result(ray, promise)
            arrived[running.pop(promise)] = games
            for timed in games:
                on_finish(timed)
            if seconds < SHORT:
                size = min(2 * size, LARGEST_TASK)
            while due in arrived:
                yield from arrived.pop(due)
                due += 1
    finally:
        for promise in running:
            ray.cancel(promise)  # with force=True, Ray 2.60 aborts this process if the task ends at that moment


def _result(ray: Any, promise: Any) -> tuple[list[TimedGame], float]:
    try:
        result: tuple[list[TimedGame], float] = ray.get(promise)
    except ray.exceptions.RayError as error:
        raise cause_of(error) from None
    return result


def play_some(name: str, version: str, shared: Agent, seeds: list[int]) -> tuple[list[TimedGame], float]:
    """Play some games, in a worker; return them, and how many seconds that took.

    ``shared`` is in memory that all workers of a machine share and none may write to. A worker plays with a deep copy:
    it has arrays of its own for all but the weights of n-tuple networks, which stay there.
    """
    if name not in _agents:
        check_program(version)
        threadpool_limits(1, user_api="blas")  # sums that do not depend on the number of processors
        _agents.clear()
        _agents[name] = copy.deepcopy(shared)
    start = time.perf_counter()
    return list(play_here(_agents[name], seeds)), time.perf_counter() - start
