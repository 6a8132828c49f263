"""Make the pictures of docs/policy.md from training runs: ``python docs/policy_pictures.py runs``.

Needs the development tools (``make test`` installs them), and in the folder that is given the runs that docs/policy.md
names, for the seeds S = 1, 2, 3: ``replay-4-S``, ``replay-0-S``, ``ppo-S`` and ``reinforce-S``, and ``scratch-S`` and
``tuples-S``. The numbers behind a picture are saved beside it.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from generative.measures.plots import new_figure
from nets.files import write_json
from nets.metrics import read_metrics

IMAGES: Final = Path(__file__).parent / "images"
T_975: Final = {2: 12.71, 3: 4.303}  # Student's t: 95 % of the mean of so many runs
Curve = dict[str, list[float]]


def curve(runs: Path, name: str, over: str, points: int = 60) -> Curve | None:
    """Return the mean score of training games of runs NAME-1, NAME-2, ... and the 95 % interval of that mean.

    Parameters
    ----------
    runs : Path
    name : str
    over : str
        What to lay the score over: ``steps`` or ``cpu_seconds``.
    points : int
        Places along the axis, as far as all runs go.
    """
    rows = [_rows(folder) for folder in sorted(runs.glob(f"{name}-?"))]
    if not rows:
        return None
    x = np.linspace(max(row[0][over] for row in rows), min(row[-1][over] for row in rows), points)
    y = np.array([np.interp(x, [r[over] for r in row], _smooth([r["mean_score"] for r in row])) for row in rows])
    half = T_975.get(len(y), 0.0) * y.std(0, ddof=min(1, len(y) - 1)) / np.sqrt(len(y))
    return {over: x.tolist(), "mean": y.mean(0).tolist(), "half_width": half.tolist(), "runs": [float(len(y))]}


def draw(ax: Axes, data: Curve, over: str, label: str) -> Axes:
    """Draw a curve and its interval."""
    x, mean, half = (np.array(data[key]) for key in (over, "mean", "half_width"))
    (line,) = ax.plot(x, mean, label=label)
    ax.fill_between(x, mean - half, mean + half, color=line.get_color(), alpha=0.2, linewidth=0)
    return ax


def compare(runs: Path, names: dict[str, str], over: str, title: str, file: str) -> None:
    """Draw runs side by side, and save picture and numbers; those that are missing are left out."""
    found = {name: data for name in names if (data := curve(runs, name, over))}
    if not found:
        return
    figure = new_figure(6.4, 3.6)
    ax = figure.subplots()
    for name, data in found.items():
        draw(ax, data, over, names[name])
    ax.set_xlabel({"steps": "environment steps", "cpu_seconds": "seconds of processor time, one thread"}[over])
    ax.set_ylabel("mean score of training games")
    ax.set_title(title)
    ax.legend(frameon=False)
    figure.savefig(IMAGES / f"{file}.png", dpi=120)
    write_json(IMAGES / f"{file}.json", {names[name]: _rounded(data) for name, data in found.items()})


def _rows(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a run in which some game ended."""
    return [row for row in read_metrics(folder / "metrics.jsonl", "steps") if row["mean_score"] is not None]


def _smooth(scores: list[float]) -> npt.NDArray[np.float64]:
    """Return means over the last few lines of a long run."""
    window = 5 if len(scores) > 50 else 1
    sums = np.cumsum([0.0, *scores])
    stops = np.arange(1, len(scores) + 1)
    starts = np.maximum(stops - window, 0)
    return (sums[stops] - sums[starts]) / (stops - starts)  # type: ignore[no-any-return]  # mypy sees Any


def _rounded(data: Curve) -> Curve:
    return {key: [round(value, 1) for value in values] for key, values in data.items()}


def main(folder: str) -> None:
    """Make all pictures that there are runs for."""
    runs = Path(folder)
    compare(
        runs,
        {
            "replay-4": "with a buffer: four old steps for each new one",
            "replay-0": "without: each step once",
            "ppo": "PPO: each roll-out four times",
            "reinforce": "REINFORCE: each roll-out once",
        },
        "steps",
        "The same network, the same number of moves",
        "replay",
    )
    compare(
        runs,
        {"scratch": "n-tuple policy", "tuples": "network over 4-tuples"},
        "cpu_seconds",
        "From scratch: all-actions policy gradient, afterstate critic",
        "from-scratch",
    )
    print(json.dumps(sorted(path.name for path in IMAGES.glob("*.png"))))


if __name__ == "__main__":
    main(sys.argv[1])
