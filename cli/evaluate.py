"""``game2048 evaluate``."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.table import Table

from cli.common import (
    MAX_GAMES,
    MAX_THREADS,
    SWITCH,
    check_seed,
    default_threads,
    option,
    stderr,
    stdout,
)
from cli.errors import require
from cli.players import PlayerOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from agents.base import Agent, PlayedGame
    from agents.evaluate import Evaluation


@dataclass(frozen=True, kw_only=True)
class Evaluate(PlayerOptions):
    """Play many games and report scores, 95 % intervals and tile rates.

    The same agent, seed and number of games give the same result, whatever the number of threads.
    """

    agent: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="AGENT")]
    """Folder of a trained model, or random, greedy, monte-carlo."""
    games: int = 1000
    """Number of games."""
    seed: int = 0
    """Seed of the series of games."""
    threads: Annotated[int | None, option("INT", "one for each processor")] = None
    """Games played at the same time."""
    json: Annotated[bool, SWITCH] = False
    """Print one JSON object."""

    def run(self) -> None:
        """Evaluate, then print a table or JSON."""
        require("--games", self.games, 1, MAX_GAMES)
        self.check_options()
        check_seed(self.seed)
        threads = default_threads() if self.threads is None else self.threads
        require("--threads", threads, 1, MAX_THREADS)
        agent = self.load(self.agent)
        evaluation = run_evaluation(agent, self.games, self.seed, threads)
        if self.json:
            print(json.dumps(evaluation.to_json()))
        else:
            print_evaluation(evaluation)


def run_evaluation(
    agent: "Agent",
    n_games: int,
    seed: int,
    n_threads: int,
    on_game: "Callable[[PlayedGame], None]" = lambda game: None,
) -> "Evaluation":
    """Evaluate under a progress bar; ``on_game`` sees every game."""
    from agents.evaluate import evaluate
    from cli.progress import GamesBar

    total_score = 0
    done = 0
    with GamesBar(stderr, "evaluate", n_games) as bar:

        def show(game: "PlayedGame") -> None:
            nonlocal total_score, done
            total_score += game.score
            done += 1
            if done % 10 == 0 or done == n_games:
                bar.update(done, f"mean {total_score / done:,.0f}")
            on_game(game)

        return evaluate(agent, n_games=n_games, seed=seed, n_threads=n_threads, on_game=show)


def print_evaluation(evaluation: "Evaluation") -> None:
    """Print the figures for people."""
    stdout.print(f"{evaluation.agent}: {evaluation.games:,} games, seed {evaluation.seed}", soft_wrap=True)
    stdout.print(evaluation_table(evaluation))


def evaluation_table(evaluation: "Evaluation") -> Table:
    """Return the figures as a table."""
    table = Table(show_header=False)
    table.add_column("")
    table.add_column("", justify="right")
    interval = evaluation.ci95
    table.add_row("mean score", f"{evaluation.mean:,.0f}")
    table.add_row("95 % interval", f"{interval[0]:,.0f} to {interval[1]:,.0f}" if interval else "unknown")
    table.add_row("median", f"{evaluation.median:,.0f}")
    table.add_row("best", f"{evaluation.max:,}")
    table.add_section()
    for tile, rate in evaluation.tile_rates.items():
        table.add_row(f"reached {tile}", f"{100 * rate:.1f} %")
    table.add_section()
    table.add_row("moves/s", f"{evaluation.moves_per_second:,.0f}")
    return table
