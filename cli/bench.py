"""``game2048 bench``."""

import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import tyro
from rich.table import Table

from cli.common import SWITCH, stderr, stdout


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Measure the speed of this installation on one core.

    'env' steps the environments; 'learn' trains and plays with the n-tuple network (needs 1 GB of memory).
    """

    what: Annotated[Literal["env", "learn"], tyro.conf.Positional]
    """What to measure."""
    json: Annotated[bool, SWITCH] = False
    """Print one JSON object."""

    def run(self) -> None:
        """Measure, then print a table or JSON."""
        with stderr.status("measuring"):
            figures = measure_env() if self.what == "env" else measure_learning()
        if self.json:
            print(json.dumps(figures))
            return
        table = Table(title=f"bench {self.what}", show_header=False)
        for name, value in flatten(figures):
            table.add_row(name, shown(value))
        stdout.print(table)


def measure_env() -> dict[str, Any]:
    """Measure the environments and the raw kernel, steps and moves per second."""
    from game2048.benchmark import measure

    return measure()


def measure_learning() -> dict[str, Any]:
    """Measure training and greedy play, moves per second of CPU time on one core.

    Training is measured on games 2,001 to 3,000: before, the tables are touched for the first time.
    """
    import time

    from agents.evaluate import evaluate
    from agents.td import TDLearner
    from game2048.benchmark import machine

    learner = TDLearner(seed=0)
    learner.train(2000)
    moves, start = learner.moves, time.process_time()
    learner.train(1000)
    training = (learner.moves - moves) / (time.process_time() - start)
    start = time.process_time()
    evaluation = evaluate(learner.agent(), n_games=500, seed=1)
    playing = evaluation.moves / (time.process_time() - start)
    return {
        "training_moves_per_second": round(training),
        "greedy_moves_per_second": round(playing),
        "machine": machine(),
    }


def shown(value: Any) -> str:
    """Format a figure: ratios with two digits, speeds with none."""
    if isinstance(value, float) and value < 100:
        return f"{value:.2f}"
    return f"{value:,.0f}" if isinstance(value, int | float) else str(value)


def flatten(figures: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Return the leaves of a nested dict.

    >>> flatten({"a": {"b": 1}, "c": 2})
    [('a b', 1), ('c', 2)]
    """
    rows: list[tuple[str, Any]] = []
    for name, value in figures.items():
        rows += flatten(value, f"{prefix}{name} ") if isinstance(value, dict) else [(prefix + name, value)]
    return rows
