"""``game2048 record``."""

import heapq
import json
import shlex
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from rich.table import Column, Table
from rich.text import Text

from cli.common import (
    MAX_GAMES,
    MAX_THREADS,
    SWITCH,
    check_seed,
    database_url,
    default_threads,
    option,
    stderr,
    stdout,
    stop_on_interrupt,
)
from cli.errors import UsageError, require
from cli.players import PlayerOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from agents.base import PlayedGame
    from game2048.record import GameRecord


@dataclass(frozen=True, kw_only=True)
class Record(PlayerOptions):
    """Play games, or read them from files, and keep them for the viewer.

    Games go to the database that 'game2048 serve' shows. Every game is verified by replaying it. With the games of a
    policy its probabilities are kept, and the viewer shows them. Ctrl-C keeps the games that are finished.
    """

    agent: Annotated[str | None, tyro.conf.Positional, option("[AGENT]")] = None
    """Folder of a trained model, or random, greedy, monte-carlo. Not needed with --files."""
    games: int = 10
    """Number of games to play."""
    best: Annotated[int | None, option("INT", "all")] = None
    """Keep only so many, those with the highest scores."""
    seed: int = 0
    """Seed of the series of games."""
    threads: Annotated[int | None, option("INT", "one for each processor")] = None
    """Games played at the same time."""
    files: Annotated[tuple[Path, ...], option("FILE ...")] = ()
    """Read games from files (ours, the hobby JSON, 2048verse, .rpl) instead of playing."""
    db: Annotated[str | None, option("FILE|URL", "games.sqlite in your data folder")] = None
    """Database to keep them in."""
    export: Annotated[Path | None, option("FOLDER")] = None
    """Folder to write the games to as files, instead of the database."""
    format: Literal["game2048", "hobby", "2048verse"] = "game2048"
    """Format of the exported files."""
    json: Annotated[bool, SWITCH] = False
    """Print the games as one JSON array."""

    def run(self) -> None:
        """Play or read, keep, and print a table or JSON."""
        self._check()
        with stop_on_interrupt() as stopped:
            records, destination = self._export(stopped) if self.export is not None else self._store(stopped)
            self._tell(records, destination)

    def _tell(self, records: "list[GameRecord]", destination: str) -> None:
        if self.json:
            summaries = [
                {"id": r.id, "agent": r.agent, "score": r.score, "max_tile": r.max_tile, "n_moves": r.n_moves}
                for r in records
            ]
            print(json.dumps(summaries))
            return
        stdout.print(f"Kept in {destination}:", soft_wrap=True)
        table = Table(
            Column("game", min_width=16),
            "score",
            "tile",
            "moves",
            Column("agent", no_wrap=True, overflow="ellipsis"),
        )
        for record in records[:20]:
            row = (record.id, f"{record.score:,}", str(record.max_tile), f"{record.n_moves:,}", record.agent)
            table.add_row(*map(Text, row))
        if len(records) > 20:
            table.caption = f"and {len(records) - 20:,} more"
        stdout.print(table)
        if self.export is None:
            database = f" --db {shlex.quote(self.db)}" if self.db else ""
            stdout.print(f"Watch them: game2048 serve{database}", soft_wrap=True)

    def _check(self) -> None:
        require("--games", self.games, 1, MAX_GAMES)
        self.check_options()
        check_seed(self.seed)
        if self.best is not None:
            require("--best", self.best, 1, MAX_GAMES)
        if self.threads is not None:
            require("--threads", self.threads, 1, MAX_THREADS)
        if (self.agent is None) == (not self.files):
            raise UsageError("record needs either an AGENT or --files")
        if self.export is not None and self.db is not None:
            raise UsageError("--export and --db exclude each other")

    def _export(self, stopped: "Callable[[], bool]") -> "tuple[list[GameRecord], str]":
        assert self.export is not None
        self.export.mkdir(parents=True, exist_ok=True)  # before the games are played: what cannot be kept is not made
        records = self._records(stopped)
        export_games(records, self.export, self.format)
        return records, str(self.export)

    def _store(self, stopped: "Callable[[], bool]") -> "tuple[list[GameRecord], str]":
        from server.store import GameStore

        with GameStore(database_url(self.db)) as store:
            records = self._records(stopped)
            store.add_many(records)
            return records, str(store.name)

    def _records(self, stopped: "Callable[[], bool]") -> "list[GameRecord]":
        return self._read() if self.files else self._play(stopped)

    def _play(self, stopped: "Callable[[], bool]") -> "list[GameRecord]":
        from agents.series import play_series
        from cli.progress import GamesBar

        assert self.agent is not None
        agent = self.load(self.agent)
        keep = BestGames(self.best or self.games)
        threads = self.threads or default_threads()
        with GamesBar(stderr, "record", self.games) as bar:
            for i, game in enumerate(play_series(agent, n_games=self.games, seed=self.seed, n_threads=threads), 1):
                keep.add(game)
                bar.update(i, f"best {keep.best_score:,}")
                if stopped():
                    break
        return [game.record(agent.name) for game in keep.sorted()]

    def _read(self) -> "list[GameRecord]":
        from game2048.formats import parse_game
        from game2048.record import RecordError

        records = []
        for path in self.files:
            try:
                records.append(parse_game(path.read_bytes()))
            except RecordError as error:
                raise RecordError(f"{path}: {error}") from None
        return sorted(records, key=lambda record: -record.score)[: self.best]


class BestGames:
    """Keeps the games with the highest scores; any thread may add one.

    Parameters
    ----------
    n : int
        How many to keep.
    """

    def __init__(self, n: int) -> None:
        self._n = n
        self._heap: list[tuple[int, int, PlayedGame]] = []
        self._count = 0
        self._lock = Lock()
        self.best_score = 0

    def add(self, game: "PlayedGame") -> None:
        """Look at a game; of two equal scores the earlier is kept."""
        with self._lock:
            self._count += 1
            self.best_score = max(self.best_score, game.score)
            entry = (game.score, -self._count, game)
            if len(self._heap) < self._n:
                heapq.heappush(self._heap, entry)
            else:
                heapq.heappushpop(self._heap, entry)

    def sorted(self) -> "list[PlayedGame]":
        """Return the games, best first."""
        return [game for _, _, game in sorted(self._heap, key=lambda entry: entry[:2], reverse=True)]


def export_games(records: "Iterable[GameRecord]", folder: Path, form: str) -> None:
    """Write games to files named by their ids."""
    from game2048.formats import FORMATS
    from nets.files import write_atomically

    folder.mkdir(parents=True, exist_ok=True)
    files = [(f"{record.id}{FORMATS[form].suffix}", FORMATS[form].write(record)) for record in records]
    for name, data in files:  # when all could be written in this form
        write_atomically(folder / name, partial(Path.write_bytes, data=data))
