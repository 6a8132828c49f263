"""Measure n-tuple learning and search side by side with TDL2048+, the reference implementation in C++.

    python -m benchmarks.ntuple                              ours alone
    python -m benchmarks.ntuple --tdl FOLDER/2048            both, taking turns
    python -m benchmarks.ntuple --tdl FOLDER/2048 --json     one JSON object, with the median and every round

``--tdl`` is the program that TDL2048+ (https://github.com/moporgic/TDL2048) is built to by its own makefile. Both learn
the same network from zero by the same rule for the same number of games, 10,000: TC with lambda 0 where learning is
timed, plain TD where play is. (The first thousands touch little memory, and say little.) Each round is a fresh process
of either, pinned to the same core. Times are user time of the processor, so that a busy machine counts less.
Caches and memory are shared with whatever else runs: take the ratio, and the median of several rounds.

Two threads against one is measured by the clock, on an idle machine only.
"""

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from game2048.benchmark import machine

SEED: Final = 7
PLAIN_ALPHA: Final = 0.1


@dataclass(frozen=True)
class Task:
    """What is measured: a network learns, and perhaps plays."""

    title: str
    network: str
    train: int
    """Games to learn from, thousands."""
    play: int = 0
    """Games to play afterwards; 0: learning is what is timed."""
    depth: int = 1
    """Moves that play looks ahead."""
    table: str = ""
    """Transposition table of TDL2048+."""
    goal: float = 1.0
    """Ratio to TDL2048+ to be reached."""


TASKS: Final = {
    "train-4x6": Task("learn, TC, 4x6", "4x6", 10, goal=1.2),
    "train-8x6": Task("learn, TC, 8x6", "8x6", 10, goal=1.2),
    "greedy-4x6": Task("play greedily, 4x6", "4x6", 10, 10_000, goal=1.1),
    "greedy-8x6": Task("play greedily, 8x6", "8x6", 10, 10_000, goal=1.1),
    "search-4x6": Task("search 3 moves deep, 4x6", "4x6", 2, 5, 3, goal=2.0),
    "search-4x6-table": Task("search 3 moves deep, 4x6, its table 512 MB", "4x6", 2, 5, 3, "512M", goal=2.0),
}


@dataclass(frozen=True)
class Run:
    """Moves and user seconds of a process, or of a part of it."""

    moves: int
    seconds: float
    score: float

    @property
    def rate(self) -> float:
        """Moves per second."""
        return self.moves / self.seconds


# --- TDL2048+ ---


def tdl(program: Path, task: Task) -> Run:
    """Run TDL2048+ on a task, less the time to start: to make its tables, or to load them.

    Of learning, a process that learns from 100 games is taken off; of play, one that plays a fifth of the games.
    """
    network = ["-n", f"{task.network}patt"]
    learn = ["-t", str(task.train), "-s", str(SEED), "-%"]
    if not task.play:
        made = tdl_process(program, [*network, "-a", "1.0", "-t", "1x100", "-s", str(SEED), "-%"])
        learned = tdl_process(program, [*network, "-a", "1.0", *learn])
        return Run(learned.moves - made.moves, learned.seconds - made.seconds, learned.score)
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "network.w")
        tdl_process(program, [*network, "-a", str(PLAIN_ALPHA), *learn, "-o", file])
        load = [*network, "-i", file, "-s", str(SEED)]
        if task.depth > 1:
            load += ["-d", f"{task.depth}p", *(["-c", task.table] if task.table else [])]
        fewer = tdl_process(program, [*load, "-e", f"1x{task.play // 5}"])
        played = tdl_process(program, [*load, "-e", f"1x{task.play}"])
    return Run(played.moves - fewer.moves, played.seconds - fewer.seconds, played.score)


def tdl_process(program: Path, arguments: list[str]) -> Run:
    """Run the program; return what its last summary says, and the user time of the process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=True)
    seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    moves, score = read_summary(done.stdout)
    return Run(moves, seconds, score)


def read_summary(text: str) -> tuple[int, float]:
    r"""Return moves and the mean score of the last summary that TDL2048+ prints.

    >>> read_summary("summary 1709ms 1005802.81ops\ntotal:  avg=14652 max=38000 tile=2048 win=6.20%")
    (1718917, 14652.0)
    """
    milliseconds, speed, score = re.findall(r"summary (\d+)ms ([\d.]+)ops\s+total:\s+avg=(\d+)", text)[-1]
    return int(int(milliseconds) * float(speed) / 1000), float(score)


# --- ours ---


def ours(name: str) -> Run:
    """Run a task in a fresh process of ours."""
    command = [sys.executable, "-m", "benchmarks.ntuple", "--child", name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Run(**json.loads(done.stdout))


def child(task: Task) -> Run:
    """Learn, and perhaps play, in this process."""
    from agents.networks import Network
    from agents.ntuple_search import NTupleSearchAgent
    from agents.td import TDLearner, TDSettings
    from game2048.rng import game_seeds

    settings = TDSettings(
        trace_decay_start=0, trace_decay_end=0, coherence_from=1.0 if task.play else 0.0, plain_alpha=PLAIN_ALPHA
    )
    learner = TDLearner(settings, SEED, network=Network.named(task.network))
    start = user_seconds()
    block = learner.train(1000 * task.train)
    if not task.play:
        return Run(block.n_moves, user_seconds() - start, float(block.scores.mean()))
    agent = NTupleSearchAgent(learner.values(), depth=task.depth) if task.depth > 1 else learner.agent()
    start = user_seconds()
    games = [agent.play_game(int(seed)) for seed in game_seeds(SEED, task.play)]
    seconds = user_seconds() - start
    return Run(sum(game.plies.size for game in games), seconds, sum(game.score for game in games) / len(games))


def user_seconds() -> float:
    """Return the user time of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime


def threads(network: str, n_games: int = 3000) -> float:
    """Return by how much two threads learn faster than one, by the clock."""
    from agents.networks import Network
    from agents.td import TDLearner

    rates = {}
    for n in (1, 2):
        learner = TDLearner(seed=SEED, network=Network.named(network), n_threads=n)
        learner.train(n_games // 3)
        start = time.monotonic()
        rates[n] = learner.train(n_games).n_moves / (time.monotonic() - start)
        del learner  # its memory, in large pages, is for the next
    return rates[2] / rates[1]


# --- both ---


def measure(names: list[str], program: Path | None, n_rounds: int) -> dict[str, Any]:
    """Return moves/s of every round and medians; ours and theirs take turns."""
    results: dict[str, Any] = {}
    for name in names:
        rounds: dict[str, list[Run]] = {"ours": [], "tdl": []}
        for _ in range(n_rounds):
            rounds["ours"].append(ours(name))
            if program is not None:
                rounds["tdl"].append(tdl(program, TASKS[name]))
        results[name] = {
            who: {
                "moves_per_second": round(statistics.median(run.rate for run in runs)),
                "rounds": [round(run.rate) for run in runs],
                "mean_score": round(statistics.fmean(run.score for run in runs)),
            }
            for who, runs in rounds.items()
            if runs
        }
        if program is not None:
            ratios = [mine.rate / theirs.rate for mine, theirs in zip(rounds["ours"], rounds["tdl"], strict=True)]
            results[name] |= {"ratio": round(statistics.median(ratios), 3), "goal": TASKS[name].goal}
    return results


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tdl", type=Path, help="the program of a build of TDL2048+")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", action="store_true", help="measure two threads against one, and nothing else")
    parser.add_argument("--core", type=int, default=0, help="the processor core that all runs are pinned to")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", choices=TASKS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.tdl is not None and not options.tdl.is_file():
        parser.error(f"--tdl must be the program of a build of TDL2048+, got {options.tdl}, which is no file")
    if options.child:
        run = child(TASKS[options.child])
        print(json.dumps({"moves": run.moves, "seconds": run.seconds, "score": run.score}))
        return
    if options.threads:
        print(json.dumps({"machine": machine(), "4x6": threads("4x6"), "8x6": threads("8x6")}))
        return
    os.sched_setaffinity(0, {options.core})
    results = {"machine": machine(), "tasks": measure(options.tasks, options.tdl, options.rounds)}
    if options.json:
        print(json.dumps(results))
        return
    for name, figures in results["tasks"].items():
        line = f"{TASKS[name].title:45}{figures['ours']['moves_per_second']:>12,} moves/s"
        if "tdl" in figures:
            line += f"  TDL2048+ {figures['tdl']['moves_per_second']:>12,}  ratio {figures['ratio']:.2f}"
        print(line)


if __name__ == "__main__":
    main()
