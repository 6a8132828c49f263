"""Suites: the tables of the literature, one player in several ways, and how they are written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from agents.compare import Comparison
    from agents.evaluate import Evaluation

Suite = Literal["paper", "time"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of a table: how the player plays, and how many games."""

    name: str
    """What the literature calls it."""
    options: Mapping[str, Any]
    """Fields of `cli.players.PlayerOptions`."""
    games: int
    """As many as the literature plays, or as are played in a bearable time."""


SUITES: Final[dict[Suite, tuple[Row, ...]]] = {
    "paper": (
        Row(name="1-ply", options={"depth": 1}, games=1000),
        Row(name="2-ply", options={"depth": 2}, games=300),
        Row(name="3-ply", options={"depth": 3}, games=100),
    ),
    "time": (
        Row(name="1-ply", options={"depth": 1}, games=1000),
        Row(name="0.01 s a move", options={"seconds_per_move": 0.01}, games=30),
        Row(name="0.1 s a move", options={"seconds_per_move": 0.1}, games=10),
        Row(name="1 s a move", options={"seconds_per_move": 1.0}, games=3),
    ),
}
"""paper: greedy play, and searches of two and three moves, as papers on n-tuple networks tell them. time: what a search
makes of a limit of time; a game of 15,000 moves at 1 s each takes four hours."""


def markdown_table(rows: Sequence[tuple[str, "Evaluation"]]) -> str:
    """Return evaluations, each with its name, as a table in Markdown."""
    tiles = [tile for tile in rows[0][1].tile_rates if int(tile) >= 2048]
    head = ["player", "games", "mean score", "max", *tiles, "plies", "moves/s"]
    lines = [head, ["---"] * len(head)]
    for name, evaluation in rows:
        rates = [percent(evaluation.tile_rates[tile]) for tile in tiles]
        lines.append(
            [
                name,
                f"{evaluation.games:,}",
                mean_text(evaluation),
                f"{evaluation.max:,}",
                *rates,
                f"{evaluation.mean_moves:,.0f}",
                f"{evaluation.moves_per_second:,.0f}",
            ]
        )
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def mean_text(evaluation: "Evaluation") -> str:
    """Return the mean and what it may be wrong by."""
    if evaluation.ci95 is None:
        return f"{evaluation.mean:,.0f}"
    return f"{evaluation.mean:,.0f} ± {(evaluation.ci95[1] - evaluation.ci95[0]) / 2:,.0f}"


def percent(rate: float) -> str:
    """Return a rate for people; that nothing was seen is an empty cell, as in the literature.

    >>> percent(0.987), percent(1.0), percent(0.0)
    ('98.7 %', '100.0 %', '')
    """
    return f"{100 * rate:.1f} %" if rate else ""


def conditions(seed: int, machine: str) -> str:
    """Return what a table of evaluations must say besides."""
    return (
        f"Seed {seed}: game i of every row has the same seed. ±: 95 % interval of the mean (Student's t). "
        "Tiles: share of games that reached them. plies: moves of a game. moves/s: of CPU time of one thread, "
        f"{machine}."
    )


def comparison_text(comparison: "Comparison") -> str:
    """Return a comparison in words."""
    interval = "unknown" if comparison.ci95 is None else "{:+,.0f} to {:+,.0f}".format(*comparison.ci95)
    win_low, win_high = comparison.win_ci95
    lines = [
        f"difference of the means: {comparison.mean_difference:+,.0f}, 95 % interval {interval}",
        f"the first scores more in {100 * comparison.win_rate:.1f} % of {comparison.games:,} games of the same seed, "
        f"95 % interval {100 * win_low:.1f} to {100 * win_high:.1f} %",
    ]
    if comparison.correlation is not None:
        lines.append(f"correlation of their scores: {comparison.correlation:+.2f}")
    return "\n".join([*lines, f"{comparison.verdict()}."])
