"""Measure the environments of `game2048` side by side with its peers, in turns, each on one core.

    python -m benchmarks.env            a table
    python -m benchmarks.env --json     one JSON object, with the medians of all rounds

Peers are looked for in the virtual environment ``.venv-peers`` (``--peers``), as far as they install there::

    python -m venv .venv-peers
    .venv-peers/bin/pip install gymnasium-2048 envpool pgx jumanji

A peer that is missing is left out, and said to be. What is timed is said in `benchmarks.peers`.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.peers import ENGINES
from game2048.benchmark import machine

SIZES = (1, 64, 1024, 4096)
OURS = "game2048"


class Worker:
    """A process that steps one engine, pinned to one core."""

    def __init__(self, name: str, python: Path, core: int | None) -> None:
        environment = os.environ | {"OMP_NUM_THREADS": "1", "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3"}
        pin = None if core is None else lambda: os.sched_setaffinity(0, {core})
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  lives as long as the process
        self._process = subprocess.Popen(
            [python, Path(__file__).with_name("peers.py"), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=environment,
            preexec_fn=pin,
        )
        self.version: str = self._answer()["version"]

    def rate(self, n: int) -> float:
        """Return the steps per second of one round with n games."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{n}\n")
        self._process.stdin.flush()
        return float(self._answer())

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
        self._errors.close()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.communicate()
            self._errors.seek(0)
            raise RuntimeError((self._errors.read().strip().splitlines() or ["it ended without a word"])[-1])
        return json.loads(line)


def start_workers(peers: Path) -> tuple[dict[str, Worker], dict[str, str]]:
    """Start our own engine and all peers that are installed; return them and why the others are missing."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else [None]
    workers, missing = {}, {}
    for name in ENGINES:
        python = Path(sys.executable) if name == OURS else peers / "bin" / "python"
        try:
            workers[name] = Worker(name, python, cores[-1])
        except (RuntimeError, OSError) as error:
            missing[name] = str(error)
    return workers, missing


def measure(peers: Path, n_rounds: int) -> dict[str, Any]:
    """Return the median steps per second by engine and number of games, and ours over theirs."""
    workers, missing = start_workers(peers)
    samples: dict[str, dict[int, list[float]]] = {name: {n: [] for n in SIZES} for name in workers}
    for _ in range(n_rounds):
        for n in SIZES:
            for name in [name for name in workers if name not in missing]:
                try:
                    samples[name][n].append(workers[name].rate(n))
                except RuntimeError as error:
                    missing[name] = str(error)
    versions = {name: worker.version for name, worker in workers.items() if name not in missing}
    for name in versions:
        workers[name].close()
    rates = {name: {str(n): statistics.median(samples[name][n]) for n in SIZES} for name in versions}
    return {
        "steps_per_second": rates,
        "ratio": {
            name: {n: round(rates[OURS][n] / rate, 1) for n, rate in by_n.items()}
            for name, by_n in rates.items()
            if name != OURS
        },
        "versions": versions,
        "missing": missing,
        "rounds": n_rounds,
        "machine": machine(),
    }


def table(results: dict[str, Any]) -> str:
    """Return the results as text: steps per second, and in brackets ours over theirs."""
    lines = [f"{'':28}" + "".join(f"{'n = ' + str(n):>20}" for n in SIZES)]
    for name, rates in results["steps_per_second"].items():
        ratios = results["ratio"].get(name)
        cells = [f"{rate:,.0f}" + (f" ({ratios[n]:,.0f}x)" if ratios else "") for n, rate in rates.items()]
        lines.append(f"{name + ' ' + results['versions'][name]:28}" + "".join(f"{cell:>20}" for cell in cells))
    lines += [f"{name}: not measured ({reason})" for name, reason in results["missing"].items()]
    where = results["machine"]
    lines.append(
        f"steps per second of processor time, one core of {where['cpu']}, median of {results['rounds']} rounds"
    )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--peers", type=Path, default=Path(".venv-peers"), help="virtual environment of the peers")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()

    results = measure(arguments.peers, arguments.rounds)
    print(json.dumps(results, indent=2) if arguments.json else table(results))


if __name__ == "__main__":
    main()
