"""``game2048 evaluate``."""

import json
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import tyro
from rich.table import Table

from cli.cluster import ADDRESS_HELP
from cli.common import (
    MAX_GAMES,
    MAX_THREADS,
    SWITCH,
    check_seed,
    database_url,
    default_threads,
    option,
    prepare_file,
    preparing,
    stderr,
    stdout,
)
from cli.drawing import check_figure, new_figure, save
from cli.errors import UsageError, require
from cli.kept_games import KeptGames
from cli.players import PlayerOptions
from cli.suites import SUITES, Suite, comparison_text, conditions, markdown_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agents.base import Agent
    from agents.evaluate import Evaluation, Results
    from agents.game_log import GameLog, GameResult
    from agents.series import TimedGame
    from server.store import GameStore

DEFAULT_GAMES: Final = 1000


@dataclass(frozen=True, kw_only=True)
class Evaluate(PlayerOptions):
    """Play many games and report scores, 95 % intervals and tile rates.

    The same agent, seed and number of games give the same result, whatever the number of threads. With --log an
    evaluation that was stopped goes on where it was: the same command again.
    """

    agent: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="AGENT")]
    """Folder of a trained model, or random, greedy, monte-carlo."""
    games: Annotated[int | None, option("INT", "1,000, or as the rows of the suite say")] = None
    """Number of games."""
    seed: int = 0
    """Seed of the series of games."""
    threads: Annotated[int | None, option("INT", "one for each processor")] = None
    """Games played at the same time."""
    ray: Annotated[str | None, option("ADDRESS", ADDRESS_HELP)] = None
    """Let the processors of a Ray cluster play: auto, HOST:6379, ray://HOST:10001, or local for one started here."""
    suite: Annotated[Suite | None, option("{paper,time}")] = None
    """Make a table of the literature, as Markdown. paper: play greedily, and with a search of 2 and of 3 moves; time:
    greedily, and with a search of 0.01, 0.1 and 1 second a move, which takes half a day."""
    against: Annotated[str | None, option("AGENT")] = None
    """Let another agent play the same games, with the same options, and tell the difference."""
    log: Annotated[Path | None, option("FILE")] = None
    """Append every game to this file as it ends, and do not play again those of this player that are there."""
    db: Annotated[str | None, option("FILE|URL")] = None
    """Database to keep the best game and every game with a 65536 in, for 'game2048 serve'."""
    figure: Annotated[Path | None, option("FILE")] = None
    """With --suite: draw mean scores over the time of a move to this .png, .svg or .pdf file (needs matplotlib)."""
    json: Annotated[bool, SWITCH] = False
    """Print one JSON object."""

    def run(self) -> None:
        """Evaluate, then print a table or JSON."""
        self._check()
        threads = default_threads() if self.threads is None else self.threads
        with ExitStack() as opened:
            series = Series(self.seed, threads, self._log(opened), self._store(opened), self._cluster(opened))
            if self.suite is not None:
                self._tell_suite(self.suite, series)
            elif self.against is not None:
                self._tell_comparison(self.against, series)
            else:
                self._tell(series)

    def _check(self) -> None:
        if self.games is not None:
            require("--games", self.games, 1, MAX_GAMES)
        if self.suite is None:
            self.check_options()
        else:
            self._check_suite(self.suite)
        check_seed(self.seed)
        if self.threads is not None:
            require("--threads", self.threads, 1, MAX_THREADS)
        if self.figure is not None:
            if self.suite is None:
                raise UsageError("--figure draws the rows of a --suite")
            check_figure("--figure", self.figure)

    def _check_suite(self, suite: Suite) -> None:
        if self.against is not None:
            raise UsageError("--suite and --against exclude each other")
        if self.depth is not None or self.seconds_per_move is not None:
            raise UsageError(
                "--suite excludes --depth and --seconds-per-move: the rows of a suite say how far to search"
            )
        for row in SUITES[suite]:
            replace(self, **row.options).check_options()

    def _cluster(self, opened: ExitStack) -> Any:
        """Return the module of a cluster that plays, None without one."""
        if self.ray is None:
            return None
        with preparing():
            from agents.distributed.cluster import connected

        return opened.enter_context(connected(self.ray))

    # --- where games go ---

    def _log(self, opened: ExitStack) -> "GameLog | None":
        if self.log is None:
            return None
        from agents.game_log import GameLog

        prepare_file(self.log)
        return opened.enter_context(GameLog(self.log))

    def _store(self, opened: ExitStack) -> "GameStore | None":
        if self.db is None:
            return None
        from server.store import GameStore

        return opened.enter_context(GameStore(database_url(self.db)))

    # --- what is told ---

    def _tell(self, series: "Series") -> None:
        from agents.evaluate import summarize

        evaluation = summarize(series.results(series.player(self, self.agent), self.games or DEFAULT_GAMES))
        if self.json:
            print(json.dumps(evaluation.to_json()))
        else:
            print_evaluation(evaluation)

    def _tell_suite(self, suite: Suite, series: "Series") -> None:
        from agents.evaluate import summarize
        from agents.figures import draw_times
        from game2048.benchmark import machine

        drawing = None if self.figure is None else new_figure(6.4, 4)  # what is missing is told before hours of play
        rows = []
        for row in SUITES[suite]:
            player = series.player(replace(self, **row.options), self.agent)
            rows.append((row, summarize(series.results(player, self.games or row.games, row.name))))
        table = [{"row": row.name, **row.options, **evaluation.to_json()} for row, evaluation in rows]
        if drawing is not None and self.figure is not None:
            draw_times(drawing.subplots(), table)
            save(drawing, self.figure)
        if self.json:
            print(json.dumps({"suite": suite, "machine": machine(), "rows": table}))
        else:
            print(markdown_table([(row.name, evaluation) for row, evaluation in rows]))
            print(f"\n{rows[0][1].agent}. {conditions(self.seed, str(machine()['cpu']))}")

    def _tell_comparison(self, against: str, series: "Series") -> None:
        from agents.compare import compare
        from agents.evaluate import summarize
        from game2048.benchmark import machine

        names = (self.agent, against)
        players = [series.player(self, name) for name in names]  # who is missing is told before hours of play
        n_games = self.games or DEFAULT_GAMES
        both = [series.results(player, n_games, name) for player, name in zip(players, names, strict=True)]
        first, second = map(summarize, both)
        comparison = compare(*both)
        if self.json:
            figures = {"first": first.to_json(), "second": second.to_json(), "comparison": comparison.to_json()}
            print(json.dumps({**figures, "machine": machine()}))
        else:
            print(markdown_table([(evaluation.agent, evaluation) for evaluation in (first, second)]))
            print(f"\n{conditions(self.seed, str(machine()['cpu']))}\n\n{comparison_text(comparison)}")


@dataclass(frozen=True)
class Player:
    """Who plays a series of games."""

    agent: "Agent"
    """The player."""
    key: str
    """By which its games are found in a log (`agents.game_log.fingerprint`); empty where there is no log."""


class Series:
    """Plays series of games for a command, with its log and its database.

    Parameters
    ----------
    seed : int
        Seed of the series.
    n_threads : int
        Games played at the same time.
    log : GameLog, optional
        Games that were played before, and where to add those that are.
    store : GameStore, optional
        Where to keep games that are worth watching.
    ray : module, optional
        A cluster that plays instead of threads.
    """

    def __init__(
        self, seed: int, n_threads: int, log: "GameLog | None", store: "GameStore | None", ray: Any = None
    ) -> None:
        self.seed, self.n_threads, self._ray = seed, n_threads, ray
        self._log, self._store = log, store

    def player(self, options: PlayerOptions, name: str) -> Player:
        """Load an agent that plays as ``options`` say."""
        if self._log is None:
            return Player(options.load(name), "")
        with preparing():
            from agents.game_log import fingerprint
        changed = changed_options(options)
        while True:  # a network that learns may be saved again while it is loaded
            key = fingerprint(name, changed)
            agent = options.load(name)
            if fingerprint(name, changed) == key:
                return Player(agent, key)

    def results(self, player: Player, n_games: int, title: str = "evaluate") -> "Results":
        """Let an agent play, and return what its games came to."""
        from agents.game_log import GameResult

        agent = player.agent
        kept = None if self._store is None else KeptGames(self._store, agent.name)

        def finish(timed: "TimedGame") -> None:
            if self._log is not None:
                self._log.add(player.key, agent.name, GameResult.of(timed))
            if kept is not None:
                kept.add(timed)

        known = {} if self._log is None else self._log.games(player.key)
        try:
            return play_under_bar(
                agent, n_games, self.seed, self.n_threads, finish, known=known, title=title, ray=self._ray
            )
        except KeyboardInterrupt:
            if self._log is not None:
                n_known = len(self._log.games(player.key))
                stderr.print(f"{n_known:,} games of it are in {self._log.path}; the same command goes on.")
            raise
        finally:
            if kept is not None:
                kept.keep_best()


def changed_options(options: PlayerOptions) -> dict[str, Any]:
    """Return the options that say how an agent plays, where they are not as ever."""
    own = {field.name: (getattr(options, field.name), field.default) for field in fields(PlayerOptions)}
    return {name: value for name, (value, default) in own.items() if value != default}


def run_evaluation(
    agent: "Agent",
    n_games: int,
    seed: int,
    n_threads: int,
    on_finish: "Callable[[TimedGame], object]" = lambda timed: None,
) -> "Evaluation":
    """Evaluate under a progress bar; ``on_finish`` sees every game as it ends, in the thread that played it."""
    from agents.evaluate import summarize

    return summarize(play_under_bar(agent, n_games, seed, n_threads, on_finish))


def play_under_bar(
    agent: "Agent",
    n_games: int,
    seed: int,
    n_threads: int,
    on_finish: "Callable[[TimedGame], object]",
    *,
    known: "Mapping[int, GameResult] | None" = None,
    title: str = "evaluate",
    ray: Any = None,
) -> "Results":
    """Play the games of a series that are not known yet, and return all, under a progress bar."""
    from agents.evaluate import play_results
    from cli.progress import GamesBar

    total_score = 0
    done = 0
    with GamesBar(stderr, title, n_games) as bar:

        def show(game: "GameResult") -> None:
            nonlocal total_score, done
            total_score += game.score
            done += 1
            if done % 10 == 0 or done == n_games or game.seconds > 1:
                bar.update(done, f"mean {total_score / done:,.0f}")

        return play_results(
            agent,
            n_games=n_games,
            seed=seed,
            n_threads=n_threads,
            on_game=show,
            on_finish=on_finish,
            known=known,
            ray=ray,
        )


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
    table.add_row("moves a game", f"{evaluation.mean_moves:,.0f}")
    table.add_row("moves/s", f"{evaluation.moves_per_second:,.0f}")
    return table
