"""Figures of learning and of play, drawn by matplotlib: functions take axes and data, and return the axes."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from agents.learning_curves import Extrapolation, LearningCurve

AXES: Final = {
    "games": "training games",
    "moves": "training moves",
    "cpu_seconds": "CPU seconds, all threads together",
    "seconds": "seconds of wall time",
}
RECORDS: Final = {
    "1-ply, Jaśkowski 2018": 324_710,
    "1-ply, Guei et al. 2021": 412_785,
    "1 s a move, Jaśkowski 2018": 609_104,
    "6-ply, Guei et al. 2021": 625_377,
}
"""Published mean scores of n-tuple networks."""


def draw_curves(ax: "Axes", curves: Sequence["LearningCurve"], over: str) -> "Axes":
    """Draw mean scores over what was played or spent, with 95 % intervals; runs that do not tell it are left out."""
    for number, curve in enumerate(curves):
        if over not in curve.over:
            continue
        colour, x = f"C{number}", curve.over[over]
        ax.plot(x, curve.mean, color=colour, label=literal(curve.name), marker="." if x.size == 1 else "")
        ax.fill_between(
            x, curve.mean - curve.half_width, curve.mean + curve.half_width, color=colour, alpha=0.25, linewidth=0
        )
    ax.set_xscale("log")
    ax.set_xlabel(AXES[over])
    return ax


def draw_extrapolation(
    ax: "Axes", curve: "LearningCurve", further: "Extrapolation", factors: Mapping[str, float]
) -> "Axes":
    """Draw a curve, its extrapolation with its band, and the published records.

    ``factors`` are the mean scores of the same network with a search, as multiples of that without: each is drawn as
    the extrapolation times this factor, which supposes that it stays as it is.
    """
    x = curve.over["moves"]
    ax.errorbar(x, curve.mean, yerr=np.nan_to_num(curve.half_width), fmt=".", color="C0", label=literal(curve.name))
    ax.fill_between(further.moves, further.low, further.high, color="C0", alpha=0.15, linewidth=0, label="95 % band")
    ax.plot(further.moves, further.best, color="C0", label=f"fit, c = {further.exponent:.2f}")
    for number, (name, factor) in enumerate(factors.items(), 1):
        label = literal(f"{name}: {factor:.2f} times the fit")
        ax.plot(further.moves, factor * further.best, color=f"C{number}", linestyle="--", label=label)
    ax.axvspan(*further.fitted, color="grey", alpha=0.12, linewidth=0, label="fitted")
    for number, (name, score) in enumerate(RECORDS.items()):
        ax.axhline(score, color="black", linewidth=0.7, linestyle=":")
        ax.annotate(name, (x[0], score), fontsize=7, va="top" if number % 2 == 0 else "bottom")
    ax.set_xscale("log")
    ax.set_ylim(0, 1.1 * max(*RECORDS.values(), further.high[-1] * max([1.0, *factors.values()])))
    ax.set_xlabel(AXES["moves"])
    ax.set_ylabel("mean score")
    ax.legend(frameon=False, fontsize=8)
    return ax


def draw_times(ax: "Axes", rows: Sequence[Mapping[str, Any]]) -> "Axes":
    """Draw mean scores over the time of a move, from the rows of a suite (`cli.suites`), with 95 % intervals."""
    seconds = [row["seconds"] / row["moves"] for row in rows]
    means = [row["mean"] for row in rows]
    reach = [0.0 if row["ci95"] is None else (row["ci95"][1] - row["ci95"][0]) / 2 for row in rows]
    ax.errorbar(seconds, means, yerr=reach, marker="o", capsize=3)
    for x, y, row in zip(seconds, means, rows, strict=True):
        ax.annotate(literal(row["row"]), (x, y), xytext=(4, -12), textcoords="offset points", fontsize=8)
    ax.set_xscale("log")
    ax.set_ylim(bottom=0)
    ax.set_xlabel("seconds a move, one thread")
    ax.set_ylabel("mean score")
    return ax


def literal(text: str) -> str:
    r"""Return a text in which matplotlib sees no formula.

    >>> print(literal("from $5 to $6"))
    from \$5 to \$6
    """
    return text.replace("$", r"\$")
