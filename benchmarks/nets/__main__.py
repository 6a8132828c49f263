"""Measure training steps of `nets` side by side with PyTorch on one thread of this machine.

    make bench-nets                     makes an environment with PyTorch first
    python -m benchmarks.nets           tables
    python -m benchmarks.nets --json    one JSON object on standard output

A step is what a user writes: zero_grad, forward, loss, backward, Adam, all through the public interface, in float32.
Before anything is timed, both sides start from the same weights, and five steps must give the same losses, the first
also the same gradients. Then all variants run in turns, many short rounds, and the fastest round of each counts.

``ratios`` are our time over that of the fastest variant of PyTorch: Adam fused or foreach, memory channels-last or not,
gradients always set to None, and ``torch.compile`` where there is a C++ compiler and ``--no-compile`` was not given;
``ratios_compiled`` are those to the compiled variant alone.
"""

import argparse
import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

from benchmarks.nets.workloads import WORKLOADS

LIBRARIES = ("OMP", "OPENBLAS", "MKL", "NUMBA")
THREADS = {f"{library}_NUM_THREADS": "1" for library in LIBRARIES}
TORCH_PYTHON = Path(__file__).parents[2] / ".venv-torch" / "bin" / "python"


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nets", description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=60, help="rounds of about 15 ms a variant")
    parser.add_argument("--only", choices=list(WORKLOADS), action="append", help="measure this; may be repeated")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--compile-seconds", type=float, default=75, help="stop compiling more after so long")
    parser.add_argument("--no-memory", action="store_true", help="leave peak memory out")
    return parser.parse_args()


def settle() -> None:
    """Begin again with one thread everywhere, in an interpreter that has PyTorch.

    The libraries read these variables when they are loaded, which is why it is too late to set them here.
    """
    python = sys.executable
    if importlib.util.find_spec("torch") is None:
        if not TORCH_PYTHON.exists():
            sys.exit("PyTorch is not installed here; `make bench-nets` sets up an environment that has it")
        python = str(TORCH_PYTHON)
    if python != sys.executable or any(os.environ.get(name) != value for name, value in THREADS.items()):
        os.execve(python, [python, "-m", "benchmarks.nets", *sys.argv[1:]], os.environ | THREADS)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure all that was asked for."""
    from dataclasses import asdict

    from rich.console import Console
    from rich.progress import track

    from benchmarks import convolution
    from benchmarks.nets.memory import peaks
    from benchmarks.nets.report import summarize
    from benchmarks.nets.timing import Compiler, measure

    compiler = Compiler(0 if options.no_compile else options.compile_seconds)
    names = options.only or list(WORKLOADS)
    turns = track(names, "measuring", console=Console(stderr=True), transient=True)
    results = {name: measure(name, options.rounds, compiler) for name in turns}
    main = {name: result["best_eager"] for name, result in results.items() if not WORKLOADS[name].extra}
    return summarize(
        results,
        {} if options.no_memory else peaks(main),
        convolution=[] if options.only else [asdict(row) for row in convolution.measure(rounds=10)],
        compile_seconds=compiler.seconds,
        not_compiled=compiler.missing,
        rounds=options.rounds,
    )


def main() -> None:
    """Measure and print."""
    options = arguments()
    settle()
    summary = run(options)
    if options.json:
        print(json.dumps(summary, indent=2))
        return
    from rich.console import Console

    from benchmarks import convolution
    from benchmarks.nets.report import tables

    console = Console(width=None if sys.stdout.isatty() else 150)
    for part in tables(summary):
        console.print(part)
    if summary["convolution"]:
        console.print(convolution.table([convolution.Row(**row) for row in summary["convolution"]]))


if __name__ == "__main__":
    main()
