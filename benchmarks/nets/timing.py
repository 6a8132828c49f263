"""Make sure that both sides compute the same, then time them in turns."""

import contextlib
import os
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import torch

from benchmarks.nets.ours import Ours
from benchmarks.nets.theirs import Theirs, compiled_settings, eager_variants
from benchmarks.nets.workloads import WORKLOADS

OURS: Final = "nets"
COMPILED: Final = "compiled"
SECONDS: Final = 0.015  # of one variant in one round, or one step if that takes longer
TOLERANCE: Final = 2e-4  # of a gradient, relative to the largest number in it
STEPS_CHECKED: Final = 5


class Compiler:
    """``torch.compile`` with a budget of seconds, after which no more workloads are compiled.

    Parameters
    ----------
    budget : float
        Seconds; 0 compiles nothing.
    """

    def __init__(self, budget: float) -> None:
        self.wanted, self.left = budget > 0, budget
        self.missing: dict[str, str] = {}
        self.seconds: dict[str, float] = {}

    def build(self, name: str, start: Ours) -> Theirs | None:
        """Return the compiled variant of a workload, or None and a reason in ``missing``."""
        if not self.wanted:
            return None
        if self.left <= 0:
            self.missing[name] = "no time left for compiling"
            return None
        if not any(shutil.which(compiler) for compiler in (os.environ.get("CXX", "c++"), "g++", "clang++")):
            self.missing[name] = "no C++ compiler"
            return None
        began = time.perf_counter()
        try:
            return Theirs(name, start.weights(), **compiled_settings(WORKLOADS[name]))
        except Exception as error:  # whatever a compiler may raise
            self.missing[name] = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"[:200]
            return None
        finally:
            self.seconds[name] = round(time.perf_counter() - began, 1)
            self.left -= self.seconds[name]


def measure(name: str, n_rounds: int, compiler: Compiler) -> dict[str, Any]:
    """Return the milliseconds of a step by variant, after checking that all variants compute the same."""
    workload = WORKLOADS[name]
    settings = dict(eager_variants(workload))
    start = Ours(name)
    theirs = {variant: Theirs(name, start.weights(), **options) for variant, options in settings.items()}
    differences = {variant: difference(Ours(name), other) for variant, other in theirs.items()}
    if compiled := compiler.build(name, start):
        theirs[COMPILED] = compiled
    steps = {OURS: start.step, **{variant: other.step for variant, other in theirs.items()}}
    samples = in_turns(steps, n_rounds)
    milliseconds = {
        variant: {"min": min(times) * 1e3, "median": statistics.median(times) * 1e3}
        for variant, times in samples.items()
    }
    best = min(theirs, key=lambda variant: milliseconds[variant]["min"])
    pairs = zip(samples[OURS], samples[best], strict=True)
    return {
        "milliseconds": milliseconds,
        "best": best,
        "best_eager": min(settings, key=lambda variant: milliseconds[variant]["min"]),
        "ratio": milliseconds[OURS]["min"] / milliseconds[best]["min"],
        "ratio_median": statistics.median(own / other for own, other in pairs),
        "ratio_compiled": milliseconds[OURS]["min"] / milliseconds[COMPILED]["min"] if compiled else None,
        "largest_difference": max(differences.values()),
    }


def difference(own: Ours, other: Theirs) -> float:
    """Return the largest relative difference of a loss or a gradient, or raise AssertionError if it is not rounding.

    Both go `STEPS_CHECKED` steps from the same weights; gradients are compared at the first, the loss at all.
    """
    largest = 0.0
    for step in range(STEPS_CHECKED):
        losses = own.loss().item(), other.loss().item()
        largest = max(largest, abs(losses[0] - losses[1]) / max(abs(losses[1]), 1e-3))
        own.step()
        other.step()
        if step == 0:
            for ours, theirs in zip(own.gradients(), other.gradients(), strict=True):
                assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
                largest = max(largest, float(np.abs(ours - theirs).max() / np.abs(theirs).max()))
    assert largest < TOLERANCE, f"the two sides differ by {largest:.1e}: they do not compute the same"
    return largest


def in_turns(steps: dict[str, Callable[[], None]], n_rounds: int) -> dict[str, list[float]]:
    """Return the processor seconds of a step, by variant and round.

    All variants run in every round, each from warm caches, so that what else the machine does hits them alike.
    """
    counts = {}
    for variant, step in steps.items():
        step()
        began = time.process_time()
        step()
        counts[variant] = max(1, round(SECONDS / max(time.process_time() - began, 1e-6)))
    samples: dict[str, list[float]] = {variant: [] for variant in steps}
    with one_core():
        for _ in range(n_rounds):
            for variant, step in steps.items():
                step()
                began = time.process_time()
                for _ in range(counts[variant]):
                    step()
                samples[variant].append((time.process_time() - began) / counts[variant])
    return samples


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Stay on one core within the block, where the system lets a process choose."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


torch.set_num_threads(1)
