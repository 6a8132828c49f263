"""Measure the speed of the environments and of the rules on this machine.

One thread is timed in seconds of processor time, so that other programs on the machine count little; two threads
are timed by the clock. Every figure is the median of several rounds, which take turns among all that is measured.
"""

import copy
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import gymnasium as gym
import numba
import numpy as np

from game2048.env import Game2048Env
from game2048.random_play import random_games
from game2048.vector_env import Game2048VectorEnv

VECTOR_SIZES: Final = (1, 64, 1024, 4096, 16384)
STEPS_A_ROUND: Final = 200_000  # single steps and steps of all games together
RANDOM_GAMES_A_ROUND: Final = 20_000
GAMES_FOR_THREADS: Final = 131_072
WARM_UP: Final = 300  # steps: most games have been reset, at different times

Clock = Callable[[], float]
Samples = dict[tuple[str, int | str], list[float]]  # what and which of it: rates of all rounds


def measure(n_rounds: int = 5, sizes: tuple[int, ...] = VECTOR_SIZES) -> dict[str, Any]:
    """Measure steps per second, with everything that a trainer gets: observations, rewards, masks and resets.

    Parameters
    ----------
    n_rounds : int
        Rounds of about 2 s.
    sizes : tuple of int
        Numbers of games of the vector environment.

    Returns
    -------
    dict
        - ``vector_steps_per_second``: by number of games, the time of ``env.step(actions)`` alone, with actions that
          were drawn before (random legal ones);
        - ``vector_steps_per_second_with_sampling``: the same with the drawing of the actions in the time;
        - ``vector_two_threads_ratio``: steps per second of two threads over one, at 131,072 games, the median over
          pairs of rounds that follow each other; None where only one core is available;
        - ``single_steps_per_second``: ``gymnasium.make("Game2048-v0")`` with its default wrappers;
        - ``single_steps_per_second_unwrapped``: the environment itself;
        - ``random_moves_per_second``: random play without an environment, whole games;
        - ``machine``: where this was measured.
    """
    vectors = {n: warm_vector(n) for n in sizes}
    singles = {"": gym.make("Game2048-v0"), "_unwrapped": Game2048Env()}
    for env in singles.values():
        env.reset(seed=0)
    threads = {k: warm_vector(GAMES_FOR_THREADS, k) for k in (1, 2)} if n_cores() > 1 else {}
    samples: Samples = {}

    def note(name: str, key: int | str, value: float) -> None:
        samples.setdefault((name, key), []).append(value)

    for _ in range(n_rounds):
        for n, envs in vectors.items():
            note("vector", n, step_rate(envs))
            note("sampling", n, sample_and_step_rate(envs))
        for name, env in singles.items():
            note("single", name, single_rate(env))
        for _ in range(8):  # short ones, to find moments when both cores are free
            for k, envs in threads.items():
                note("threads", k, step_rate(envs, time.perf_counter))
        note("random", "", random_rate())
    median = {key: statistics.median(values) for key, values in samples.items()}
    return {
        "vector_steps_per_second": {str(n): round(median["vector", n]) for n in sizes},
        "vector_steps_per_second_with_sampling": {str(n): round(median["sampling", n]) for n in sizes},
        "vector_two_threads_ratio": two_threads_ratio(samples),
        "single_steps_per_second": round(median["single", ""]),
        "single_steps_per_second_unwrapped": round(median["single", "_unwrapped"]),
        "random_moves_per_second": round(median["random", ""]),
        "machine": machine(),
    }


# --- one round each ---


def warm_vector(n: int, n_threads: int = 1) -> Game2048VectorEnv:
    """Return a vector environment whose games are at all stages."""
    envs = Game2048VectorEnv(n, n_threads=n_threads)
    envs.reset(seed=0)
    for _ in range(WARM_UP):
        envs.step(envs.sample_actions())
    return envs


def step_rate(envs: Game2048VectorEnv, clock: Clock = time.process_time) -> float:
    """Return the steps per second of ``env.step`` alone: a twin has played the same games and drawn the actions."""
    twin = copy.deepcopy(envs)
    turns = []
    for _ in range(max(8, STEPS_A_ROUND // 2 // envs.num_envs)):
        turns.append(twin.sample_actions())
        twin.step(turns[-1])
    twin.close()
    start = clock()
    for actions in turns:
        envs.step(actions)
    return len(turns) * envs.num_envs / (clock() - start)


def sample_and_step_rate(envs: Game2048VectorEnv) -> float:
    """Return the steps per second of drawing random legal actions from the mask and stepping."""
    mask = envs.action_masks().view(np.int8)
    n_turns = max(8, STEPS_A_ROUND // envs.num_envs)
    start = time.process_time()
    for _ in range(n_turns):
        mask = envs.step(envs.sample_actions(mask))[4]["action_mask"]
    return n_turns * envs.num_envs / (time.process_time() - start)


def single_rate(env: gym.Env[Any, Any]) -> float:
    """Return the steps per second of a single environment, resets included, with actions drawn before."""
    rng = np.random.default_rng(0)
    twin = copy.deepcopy(env)
    actions = []
    for _ in range(STEPS_A_ROUND // 10):
        legal = np.flatnonzero(twin.unwrapped.action_masks())  # type: ignore[attr-defined]
        actions.append(int(legal[rng.integers(legal.size)]))
        if twin.step(actions[-1])[2]:
            twin.reset()
    start = time.process_time()
    for action in actions:
        if env.step(action)[2]:
            env.reset()
    return len(actions) / (time.process_time() - start)


def random_rate() -> float:
    """Return the moves per second of whole random games, without an environment."""
    start = time.process_time()
    _, n_moves = random_games(range(RANDOM_GAMES_A_ROUND))
    return float(n_moves.sum() / (time.process_time() - start))


def two_threads_ratio(samples: Samples) -> float | None:
    """Return how much faster two threads step many games than one, by the clock; None on a single core.

    Each round of two threads is compared with the round of one before it: what else the machine does changes slowly.
    """
    if ("threads", 2) not in samples:
        return None
    pairs = zip(samples["threads", 1], samples["threads", 2], strict=True)
    return round(statistics.median(two / one for one, two in pairs), 3)


# --- where ---


def machine() -> dict[str, str | int]:
    """Return a description of the machine: processor, cores, and versions of what the speed depends on."""
    return {
        "cpu": cpu_name(),
        "cores": n_cores(),
        "system": platform.system(),
        "python": platform.python_version(),
        "numba": numba.__version__,
        "numpy": np.__version__,
        "gymnasium": gym.__version__,
    }


def n_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_name() -> str:
    """Return the name of the processor as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
