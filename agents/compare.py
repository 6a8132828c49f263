"""Comparison of two agents on the same games: what differs is who plays, not which tiles come up first.

Game i of both has the same seed, so it begins with the same board, and as long as both play the same moves, the same
tiles appear. With d_i the difference of the scores of game i, the mean difference has the interval

    mean(d) -/+ t s(d) / sqrt(n)

of a paired test. Pairs help as far as the scores of a pair are correlated, which is told with the result: two agents
that play much the same share much of their luck, two that differ at the first move share next to none.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from agents.evaluate import Interval, Results
from nets.intervals import mean_half_width, wilson


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How much better one agent scores than another."""

    games: int
    """Number of pairs of games."""
    seed: int
    """Seed of the series."""
    mean_difference: float
    """Mean score of the first agent minus that of the second, points."""
    ci95: Interval | None
    """95 % interval of that difference, by Student's t on the pairs; None for a single pair."""
    win_rate: float
    """Fraction of pairs in which the first agent scored more; equal scores count half."""
    win_ci95: Interval
    """95 % interval of that fraction, by Wilson's score."""
    correlation: float | None
    """Correlation of the scores of a pair; None where one agent always scores the same."""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "ci95": list(self.ci95) if self.ci95 else None, "win_ci95": list(self.win_ci95)}

    def verdict(self) -> str:
        """Return in words what is sure.

        Sure is what an interval of 95 % says, so one of twenty such verdicts on equal agents is wrong.
        """
        if self.ci95 is None or self.ci95[0] <= 0 <= self.ci95[1]:
            return "the difference may be chance"
        return "the first scores more" if self.mean_difference > 0 else "the second scores more"


def compare(first: Results, second: Results) -> Comparison:
    """Compare two agents by the same series of games.

    Raises
    ------
    ValueError
        If the games do not have the same seeds.
    """
    if not np.array_equal(first.column("seed"), second.column("seed")):
        raise ValueError("the games of the two agents must have the same seeds")
    ours, theirs = (results.column("score").astype(np.float64) for results in (first, second))
    differences = ours - theirs
    mean, half_width = float(differences.mean()), mean_half_width(differences)
    wins = float(((differences > 0) + 0.5 * (differences == 0)).mean())
    low, high = wilson(np.array([wins]), len(differences))
    constant = len(differences) < 2 or ours.std() == 0 or theirs.std() == 0
    return Comparison(
        games=len(differences),
        seed=first.seed,
        mean_difference=round(mean, 2),
        ci95=None if half_width is None else (round(mean - half_width, 2), round(mean + half_width, 2)),
        win_rate=round(wins, 6),
        win_ci95=(round(float(low[0]), 6), round(float(high[0]), 6)),
        correlation=None if constant else round(float(np.corrcoef(ours, theirs)[0, 1]), 4),
    )
