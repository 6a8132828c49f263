"""Learning curves: how fast a network learned, and what might come of more learning.

**The curve.** The lines of metrics.jsonl, blocks of training games, are put into bins of equal width on the logarithm
of the moves played. A bin has the mean score of its games, and the 95 % interval of that mean from the spread of its
blocks (Student's t). Training games are played greedily, so this is the score at 1-ply of a network that still learns.

**What might come.** Scores of n-tuple networks grow nearly straight on the logarithm of the moves and bend down later,
when the tables are full. The family of curves

    S(n) = a + b g_c(n),    g_c(n) = (1 - (n / n_0)^-c) / c,    g_0(n) = ln(n / n_0)

has both: c = 0 never ends to grow, c > 0 ends at a + b / c. a and b are found by least squares for every c on a grid,
where a bin counts by its games; the best c is that with the smallest sum of squares R(c). The band holds the curves of
all c that fit nearly as well,

    R(c) <= R(c_best) (1 + t^2 / (m - 3))

with m bins and t the 97.5 % point of Student's t for m - 3 degrees of freedom (the profile likelihood of c), each with
the 95 % interval of its a and b. It says how far the fitted bins leave the future open, if the family is right; what
the family does not know, such as a tile that is reached for the first time or a change of the step size, it cannot say.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from nets.intervals import mean_half_width, student_t
from nets.metrics import read_metrics

COUNTER: Final = "games"
TOTALS: Final = ("games", "moves", "seconds", "cpu_seconds")
"""What a curve can be laid over."""
NEEDED: Final = ("games", "moves", "mean_score")
LARGE: Final = 1e18
"""What is larger is no number of games, moves, points or seconds."""
BINS_PER_DECADE: Final = 16
EXPONENTS: Final = np.linspace(0, 2, 201)
"""The grid of c."""
FEWEST_BLOCKS: Final = 4
"""The intervals of bins with fewer blocks would be too wide to be worth a look."""
FEWEST_BINS: Final = 6
"""Below so many, nothing is fitted."""

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LearningCurve:
    """Mean scores over what they cost; all arrays have shape (n_bins,)."""

    name: str
    """Of the run."""
    over: dict[str, Doubles]
    """What was played and spent at the end of each bin, keys of `TOTALS`; those that the run does not tell are left
    out."""
    mean: Doubles
    """Mean score of the training games in the bin, points."""
    half_width: Doubles
    """Half the width of its 95 % interval; nan for a bin of a single block."""
    tile_rates: dict[str, Doubles]
    """Fraction of the games in the bin that reached a tile."""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, null for nan."""

        def plain(values: Doubles) -> list[float | None]:
            return [None if math.isnan(value) else round(value, 4) for value in values.tolist()]

        return {
            "name": self.name,
            **{name: plain(values) for name, values in self.over.items()},
            "mean": plain(self.mean),
            "half_width": plain(self.half_width),
            "tile_rates": {tile: plain(rates) for tile, rates in self.tile_rates.items()},
        }


def read_curve(path: Path, name: str) -> LearningCurve | None:
    """Return the learning curve of a metrics.jsonl, None if no training games are told in it.

    Lines that do not tell of games, of moves and of what was scored in them are left out.
    """
    rows = [row for row in read_metrics(path, COUNTER) if all(_is_number(row.get(field)) for field in NEEDED)]
    rows = [row for row in rows if row["games"] > 0 and row["moves"] > 0]
    return learning_curve(rows, name) if rows else None


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < LARGE  # nan is not


def _rates(row: dict[str, Any]) -> dict[str, Any]:
    rates = row.get("tile_rates")
    return rates if isinstance(rates, dict) else {}


def learning_curve(rows: Sequence[dict[str, Any]], name: str) -> LearningCurve:
    """Return the learning curve of the lines of metrics.jsonl, at least one."""
    totals = {
        total: running_total(np.array([row[total] for row in rows], np.float64))
        for total in TOTALS
        if all(_is_number(row.get(total)) for row in rows)
    }
    scores = np.array([row["mean_score"] for row in rows])
    weights = np.maximum(np.diff(totals["games"], prepend=0.0), 1)  # games of a block
    bins = np.floor(BINS_PER_DECADE * np.log10(totals["moves"])).astype(np.int64)
    members = _bins(bins)
    last = np.array([some[-1] for some in members])
    half_widths = [mean_half_width(scores[some]) for some in members]
    tiles = [tile for tile in _rates(rows[0]) if all(_is_number(_rates(row).get(tile)) for row in rows)]
    rates = {tile: np.array([row["tile_rates"][tile] for row in rows], np.float64) for tile in tiles}

    def means(values: Doubles) -> Doubles:
        return np.array([np.average(values[some], weights=weights[some]) for some in members])

    return LearningCurve(
        name,
        {total: values[last] for total, values in totals.items()},
        means(scores),
        np.array([np.nan if width is None else width for width in half_widths]),
        {tile: means(values) for tile, values in rates.items()},
    )


def _bins(numbers: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """Return which blocks are in which bin; one of few blocks is joined with the next, the last with that before."""
    members: list[npt.NDArray[np.int64]] = []
    for number in np.unique(numbers):
        some = np.flatnonzero(numbers == number)
        if members and members[-1].size < FEWEST_BLOCKS:
            some = np.concatenate((members.pop(), some))
        members.append(some)
    if len(members) > 1 and members[-1].size < FEWEST_BLOCKS:
        last = members.pop()
        members[-1] = np.concatenate((members[-1], last))
    return members


def running_total(values: Doubles) -> Doubles:
    """Add up what was counted anew in every session.

    >>> running_total(np.array([1.0, 5.0, 2.0, 3.0])).tolist()
    [1.0, 5.0, 7.0, 8.0]
    """
    before = np.concatenate(([0.0], values[:-1]))
    total: Doubles = values + np.cumsum(np.where(values < before, before, 0.0))
    return total


@dataclass(frozen=True)
class Extrapolation:
    """What might come of more learning."""

    fitted: tuple[float, float]
    """The first and the last number of moves that were fitted."""
    exponent: float
    """The best c."""
    exponents: tuple[float, float]
    """The smallest and the largest c that fit nearly as well."""
    moves: Doubles
    """Where the curves are told, shape (n,)."""
    best: Doubles
    """S by the best fit, points."""
    low: Doubles
    """Lower end of the band."""
    high: Doubles
    """Upper end of the band."""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        arrays = {name: getattr(self, name).round(1).tolist() for name in ("moves", "best", "low", "high")}
        return {"fitted": self.fitted, "exponent": self.exponent, "exponents": self.exponents, **arrays}


def extrapolate(curve: LearningCurve, until: float, decades: float = 1.0, n_points: int = 60) -> Extrapolation:
    """Fit the end of a curve and go on with it.

    Parameters
    ----------
    curve : LearningCurve
        What is known.
    until : float
        Moves to go on to.
    decades : float
        How much of the end is fitted, in powers of ten of the moves: what was long ago says little.
    n_points : int
        Where the curves are told, from the first that was fitted on.

    Raises
    ------
    ValueError
        If there are fewer than `FEWEST_BINS` bins to fit, or ``until`` is no later than the last.
    """
    known = curve.over["moves"]
    fitted = known >= known[-1] / 10**decades
    if fitted.sum() < FEWEST_BINS:
        raise ValueError(f"{curve.name} has {fitted.sum()} points to fit, {FEWEST_BINS} are needed: let it learn on")
    if until <= known[-1]:
        raise ValueError(f"until must be more than the {known[-1]:.3g} moves that were played, got {until:.3g}")
    n, scores, start = known[fitted], curve.mean[fitted], known[fitted][0]
    games = np.diff(curve.over["games"], prepend=0.0)[fitted]
    moves = np.geomspace(start, until, n_points)
    fits = [_fit(n / start, scores, games / games.mean(), moves / start, c) for c in EXPONENTS.tolist()]
    squares = np.array([fit.squares for fit in fits])
    best = int(squares.argmin())
    free = n.size - 3
    near = np.flatnonzero(squares <= squares[best] * (1 + student_t(free) ** 2 / free))
    return Extrapolation(
        (float(n[0]), float(n[-1])),
        float(EXPONENTS[best]),
        (float(EXPONENTS[near[0]]), float(EXPONENTS[near[-1]])),
        moves,
        fits[best].scores,
        np.min([fits[i].scores - fits[i].half_width for i in near], axis=0),
        np.max([fits[i].scores + fits[i].half_width for i in near], axis=0),
    )


@dataclass(frozen=True)
class _Fit:
    """Weighted least squares for one c."""

    squares: float
    """R(c)."""
    scores: Doubles
    """S where it is told."""
    half_width: Doubles
    """Half the 95 % interval of a + b g there."""


def _fit(n: Doubles, scores: Doubles, weights: Doubles, told: Doubles, c: float) -> _Fit:
    def columns(m: Doubles) -> Doubles:  # 1 and g_c
        return np.stack([np.ones_like(m), np.log(m) if c == 0 else -np.expm1(-c * np.log(m)) / c], axis=1)

    x, there = columns(n), columns(told)
    inverse = np.linalg.inv(x.T @ (weights[:, None] * x))
    coefficients = inverse @ (x.T @ (weights * scores))
    squares = float((weights * (scores - x @ coefficients) ** 2).sum())
    free = n.size - 2
    spread = np.sqrt(np.einsum("ij,jk,ik->i", there, inverse, there) * squares / free)
    return _Fit(squares, there @ coefficients, student_t(free) * spread)
