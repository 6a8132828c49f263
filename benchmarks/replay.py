"""Measure the replay buffer: transitions a second added and drawn by one thread, and bytes of memory.

    python -m benchmarks.replay            a table
    python -m benchmarks.replay --json     one JSON object, with the medians of all rounds

Roll-outs of 32 steps of 4,096 games go into a full buffer, legal actions included; 256 sequences of 16 steps come out.
Times are processor time, once everything is compiled and the buffer has been filled.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from agents.policy.replay import ReplayBuffer
from agents.policy.rollout import Rollout
from game2048.benchmark import machine

N_GAMES, HORIZON = 4096, 32
N_SEQUENCES, LENGTH = 256, 16
CAPACITY = 2**21  # transitions
ROWS = {
    "add": "add",
    "sample": "sample",
    "add_prioritised": "add, with priorities",
    "sample_prioritised": "sample, with priorities",
    "update_priorities": "change priorities (sequences)",
}


def nonsense(rng: np.random.Generator) -> Rollout:
    """Return a roll-out of random numbers that begins where it ends, to be added again and again."""
    shape = HORIZON, N_GAMES
    boards = rng.integers(0, 2**64, (HORIZON + 1, N_GAMES), np.uint64)
    boards[-1] = boards[0]
    return Rollout(
        boards,
        rng.integers(0, 4, shape, np.uint8),
        rng.random(shape, np.float32),
        rng.random(shape, np.float32),
        rng.random(shape) < 0.01,
    )


def rate(action: Callable[[], object], amount: int, seconds: float = 0.2) -> float:
    """Return how much is done in a second of processor time."""
    n, start = 0, time.process_time()
    while (elapsed := time.process_time() - start) < seconds:
        action()
        n += 1
    return n * amount / elapsed


def measure(n_rounds: int) -> dict[str, Any]:
    """Return medians of all rounds, which take turns among all that is measured."""
    rng = np.random.default_rng(0)
    rollout, priorities = nonsense(rng), rng.random(N_SEQUENCES)
    plain, prioritised = ReplayBuffer(N_GAMES, CAPACITY), ReplayBuffer(N_GAMES, CAPACITY, prioritised=True)
    for buffer in (plain, prioritised):
        while len(buffer) < buffer.capacity:
            buffer.add(rollout)
    drawn = N_SEQUENCES * LENGTH
    samples: dict[str, list[float]] = {name: [] for name in ROWS}
    for _ in range(n_rounds):
        samples["add"].append(rate(lambda: plain.add(rollout), rollout.actions.size))
        samples["sample"].append(rate(lambda: plain.sample(N_SEQUENCES, LENGTH, rng), drawn))
        samples["add_prioritised"].append(rate(lambda: prioritised.add(rollout), rollout.actions.size))
        indices = prioritised.sample(N_SEQUENCES, LENGTH, rng).indices
        samples["update_priorities"].append(
            rate(lambda at=indices: prioritised.update_priorities(at, priorities), N_SEQUENCES)
        )
        samples["sample_prioritised"].append(rate(lambda: prioritised.sample(N_SEQUENCES, LENGTH, rng), drawn))
    return {
        "per_second": {name: round(statistics.median(rates)) for name, rates in samples.items()},
        "bytes_a_transition": {
            "uniform": round(plain.nbytes / plain.capacity, 2),
            "prioritised": round(prioritised.nbytes / prioritised.capacity, 2),
        },
        "rounds": n_rounds,
        "machine": machine(),
    }


def table(results: dict[str, Any]) -> str:
    """Return the results as text."""
    lines = [f"{title:32}{results['per_second'][name] / 1e6:8.1f} M/s" for name, title in ROWS.items()]
    lines += [f"{'bytes, ' + kind:32}{size:8.2f}" for kind, size in results["bytes_a_transition"].items()]
    where = results["machine"]
    lines.append(f"transitions per second of processor time, one core of {where['cpu']}, {results['rounds']} rounds")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()

    results = measure(arguments.rounds)
    print(json.dumps(results, indent=2) if arguments.json else table(results))


if __name__ == "__main__":
    main()
