"""Peak memory of one side, in a process of its own: ``python -m benchmarks.nets.memory ours|theirs NAME [VARIANT]``.

It prints two numbers, MiB of resident memory: after the imports, and the highest until ten steps were done. The
second minus the first is what model, data and training take, with what the libraries load at their first call (LLVM,
compiled kernels, oneDNN's generated code), which is most of it for models as small as these.
"""

import json
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

STATUS = Path("/proc/self/status")
UNIT = 1024**2 if sys.platform == "darwin" else 1024  # ru_maxrss counts bytes there, KiB elsewhere


def peak() -> float:
    """Return the highest resident memory of this process so far, MiB.

    Linux lets a new process begin with the ru_maxrss of the one that started it; VmHWM is its own.
    """
    if STATUS.exists():
        (line,) = (line for line in STATUS.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / UNIT


def train(side: str, name: str, variant: str) -> dict[str, float]:
    """Do ten steps of a workload in this process."""
    if side == "ours":
        from benchmarks.nets.ours import Ours
        from nets.backends import backend

        backend()  # imports Numba, which `import nets` does not
        imported = peak()
        steps = Ours(name).step
    else:
        import torch

        from benchmarks.nets.theirs import MODELS, Theirs, eager_variants
        from benchmarks.nets.workloads import WORKLOADS

        torch.set_num_threads(1)
        imported = peak()
        weights = [p.detach().numpy() for p in MODELS[name]().parameters()]
        steps = Theirs(name, weights, **dict(eager_variants(WORKLOADS[name]))[variant]).step
    for _ in range(10):
        steps()
    return {"imported": round(imported, 1), "peak": round(peak(), 1)}


def peaks(best: dict[str, str]) -> dict[str, dict[str, dict[str, float]]]:
    """Return the peak memory of our side and of the best variant of PyTorch, by workload."""
    jobs = [(side, name, variant) for name, variant in best.items() for side in ("ours", "theirs")]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(_in_a_process, jobs))
    found: dict[str, dict[str, dict[str, float]]] = {}
    for (side, name, _), result in zip(jobs, results, strict=True):
        found.setdefault(name, {})[side] = result
    return found


def _in_a_process(job: tuple[str, str, str]) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.nets.memory", *job]
    result: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return result


if __name__ == "__main__":
    print(json.dumps(train(*sys.argv[1:])))
