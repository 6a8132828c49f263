"""Evaluation: many games by seed, and what can be said about an agent from them.

The games are those of `agents.series`, so that the same agent, seed and number of games give the same figures, whatever
the number of threads. Games that are in a log already (`agents.game_log`) are not played again.

Every figure comes with what it may be wrong by: the mean with the 95 % interval of Student's t, the rates of tiles with
that of Wilson's score. Speeds are of CPU time and of one thread, as the literature tells them.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from agents.base import Agent
from agents.game_log import GameResult
from agents.series import TimedGame, play_seeds, series_seeds
from nets.intervals import mean_half_width, wilson

RATED_TILES: Final = tuple(2**exponent for exponent in range(10, 17))  # 1024 ... 65536

Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What came out of the games.

    Examples
    --------
    >>> from agents.baselines import RandomAgent
    >>> evaluation = evaluate(RandomAgent(), n_games=100, seed=1)
    >>> evaluation.games, 800 < evaluation.mean < 1400
    (100, True)
    """

    agent: str
    """Who played."""
    games: int
    """Number of games."""
    seed: int
    """Seed of the series."""
    mean: float
    """Mean score, points."""
    ci95: Interval | None
    """95 % interval of the mean, by Student's t; None for a single game."""
    median: float
    """Median score, points."""
    max: int
    """Best score, points."""
    tile_rates: dict[str, float]
    """Fraction of games that reached each tile, keys "1024" to "65536"."""
    tile_ci95: dict[str, Interval]
    """95 % intervals of these fractions, by Wilson's score."""
    moves: int
    """Moves of all games together."""
    mean_moves: float
    """Moves of a game, the plies of the literature."""
    moves_per_second: float
    """Moves per second of CPU time of one thread."""
    seconds: float
    """Wall time of the games, those of all threads and sessions added up."""
    cpu_seconds: float
    """CPU time of the games, likewise."""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        figures = {**asdict(self), "ci95": list(self.ci95) if self.ci95 else None}
        return {**figures, "tile_ci95": {tile: list(interval) for tile, interval in self.tile_ci95.items()}}


class Results(NamedTuple):
    """The games of a series, in its order."""

    agent: str
    """Who played."""
    seed: int
    """Seed of the series."""
    games: tuple[GameResult, ...]
    """What each game came to."""

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return a field of all games, shape (n_games,)."""
        return np.array([getattr(game, name) for game in self.games])


def evaluate(
    agent: Agent,
    *,
    n_games: int,
    seed: int = 0,
    n_threads: int = 1,
    on_game: Callable[[GameResult], object] = lambda game: None,
) -> Evaluation:
    """Play ``n_games`` and summarise them; the arguments are those of `play_results`."""
    return summarize(play_results(agent, n_games=n_games, seed=seed, n_threads=n_threads, on_game=on_game))


def play_results(
    agent: Agent,
    *,
    n_games: int,
    seed: int = 0,
    n_threads: int = 1,
    on_game: Callable[[GameResult], object] = lambda game: None,
    on_finish: Callable[[TimedGame], object] = lambda timed: None,
    known: Mapping[int, GameResult] | None = None,
    ray: Any = None,
) -> Results:
    """Play the games of a series that are not known yet, and return all of them.

    Parameters
    ----------
    agent : Agent
        Who plays.
    n_games : int
        How many games, at least 1.
    seed : int
        Seed of the series.
    n_threads : int
        Games played at the same time, at least 1; changes the speed, not the result.
    on_game : callable
        Called with each game, in the order of the series, from the calling thread.
    on_finish : callable
        Called with each game that is played, as soon as it ends, from the thread that played it.
    known : mapping
        Games by their seeds that were played before (`agents.game_log`), and are not played again.
    ray : module, optional
        A cluster that plays instead of this machine's threads (`agents.distributed`); the games are the same.

    Raises
    ------
    ValueError
        If ``n_games`` or ``n_threads`` is less than 1.
    """
    seeds = list(series_seeds(seed, n_games))
    before = known or {}
    left = (game_seed for game_seed in seeds if game_seed not in before)
    if ray is None:
        played = play_seeds(agent, left, n_threads=n_threads, on_finish=on_finish)
    else:
        from agents.distributed.series import play_seeds as play_on_cluster  # loads kernels

        played = play_on_cluster(ray, agent, left, on_finish=on_finish)
    games = []
    for game_seed in seeds:
        games.append(before[game_seed] if game_seed in before else GameResult.of(next(played)))
        on_game(games[-1])
    return Results(agent.name, seed, tuple(games))


def summarize(results: Results) -> Evaluation:
    """Compute the figures of an `Evaluation`."""
    scores, exponents = results.column("score"), results.column("max_exponent")
    n, moves, cpu_seconds = scores.size, int(results.column("moves").sum()), float(results.column("cpu_seconds").sum())
    mean, half_width = float(scores.mean()), mean_half_width(scores)
    rates = tile_rates(exponents)
    low, high = wilson(np.array(list(rates.values())), n)
    return Evaluation(
        agent=results.agent,
        games=n,
        seed=results.seed,
        mean=round(mean, 2),
        ci95=None if half_width is None else (round(mean - half_width, 2), round(mean + half_width, 2)),
        median=float(np.median(scores)),
        max=int(scores.max()),
        tile_rates=rates,
        tile_ci95={tile: (round(float(a), 6), round(float(b), 6)) for tile, a, b in zip(rates, low, high, strict=True)},
        moves=moves,
        mean_moves=round(moves / n, 1),
        moves_per_second=round(moves / max(cpu_seconds, 1e-9), 1),
        seconds=round(float(results.column("seconds").sum()), 3),
        cpu_seconds=round(cpu_seconds, 3),
    )


def tile_rates(exponents: npt.NDArray[np.int64], tiles: Iterable[int] = RATED_TILES) -> dict[str, float]:
    """Return the fraction of games whose largest tile is at least 1024, ..., 65536, or other tiles."""
    return {str(tile): round(float((exponents >= math.log2(tile)).mean()), 6) for tile in tiles}
