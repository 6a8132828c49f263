"""What learning on a cluster costs and loses: one table against two workers of a local Ray cluster.

``python -m benchmarks.distributed [N_GAMES [EVERY ...]]`` in an environment with Ray (``make test-ray`` makes one).
Each row plays N_GAMES training games (10,000) with seed 1, in all workers together, merged when each has played EVERY
(500), then 1,000 games of evaluation with seed 7.
"""

import sys
import time

from agents.distributed.cluster import LOCAL, connected
from agents.distributed.learning import ClusterTraining
from agents.evaluate import evaluate
from agents.td import TDLearner
from game2048.benchmark import machine

EVALUATED = 1000


def main(n_games: int, rounds: list[int]) -> None:
    """Print one row for one table, and one for each length of a round."""
    print(f"{machine()}; {n_games:,} training games")
    print("| workers | merged every | mean of 1,000 games | wall s | of these merging | MB a merge |")
    print("|---|---|---|---|---|---|")
    learner, start = TDLearner(seed=1), time.perf_counter()
    learner.train(n_games)
    row("1, alone", "", learner, time.perf_counter() - start)
    with connected(LOCAL) as ray:
        for every in rounds:
            learner = TDLearner(seed=1)
            with ClusterTraining(ray, learner, n_workers=2, games_per_round=every) as training:
                start = time.perf_counter()
                training.train(n_games)
                seconds = time.perf_counter() - start
            size = training.merged_bytes / 1e6 / training.merges
            row("2", f"{every} games", learner, seconds, f"{training.merge_seconds:.1f}", f"{size:.1f}")


def row(workers: str, every: str, learner: TDLearner, seconds: float, merging: str = "", size: str = "") -> None:
    """Evaluate, and print."""
    result = evaluate(learner.agent(), n_games=EVALUATED, seed=7)
    low, high = result.ci95 or (result.mean, result.mean)
    score = f"{result.mean:,.0f} ({low:,.0f} to {high:,.0f})"
    print(f"| {workers} | {every} | {score} | {seconds:.1f} | {merging} | {size} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, [int(argument) for argument in sys.argv[2:]] or [500])
