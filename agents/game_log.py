"""A log of games: one JSON object a line, so that a long evaluation that was stopped goes on where it was.

A game depends on nothing but its player and its seed, so these two are its key: a log may hold games of many players
and series, and whoever needs a game that is there does not play it again. The player is a `fingerprint` of the files
and options that it plays by: after more training it is another player, whose games are other games.

::

    {"player": "5d41402abc4b2a76", "agent": "n-tuple 4x6+lines, 10,000 games", "seed": 7, "score": 80212,
     "max_exponent": 12, "moves": 3401, "seconds": 0.004, "cpu_seconds": 0.004}

Every game is appended as it ends, in one write. A line that a crash or a full disk cut short is left out when the log
is read; its game is played again.
"""

import hashlib
import json
import math
import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any, Final, NamedTuple

from agents.errors import GameLogError
from agents.series import TimedGame
from nets.metrics import parse_row

MODEL_FILES: Final = "*.safetensors"
_FIRST: Final = '{"player": "'
"""What every line of a log begins with."""
_COUNTS: Final = ("seed", "score", "max_exponent", "moves")
_TIMES: Final = ("seconds", "cpu_seconds")


class GameResult(NamedTuple):
    """What a game came to: the line of a log without its player."""

    seed: int
    """Seed of the game."""
    score: int
    """Points."""
    max_exponent: int
    """Exponent of the largest tile."""
    moves: int
    """Moves."""
    seconds: float
    """Wall time of the thread that played it."""
    cpu_seconds: float
    """CPU time of that thread."""

    @classmethod
    def of(cls, timed: TimedGame) -> "GameResult":
        """Return what a game came to."""
        game = timed.game
        seconds, cpu_seconds = round(timed.seconds, 6), round(timed.cpu_seconds, 6)
        return cls(game.seed, game.score, game.max_exponent, int(game.plies.size), seconds, cpu_seconds)


class GameLog:
    """A file of finished games, open to add more; any thread may.

    Parameters
    ----------
    path : Path
        The file; made if there is none.

    Raises
    ------
    GameLogError
        If there is a file, but no line of it is a game: something else would be spoilt.
    OSError
        If the file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._games: dict[str, dict[int, GameResult]] = defaultdict(dict)
        self._lock = Lock()
        text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        for line in text.splitlines():
            self._read(line)
        if text.strip() and not self._games and not _is_cut_short(text):
            raise GameLogError(f"{path} is not a log of games: no line of it is one; name another file")
        self._file = path.open("ab", buffering=0)
        if text and not text.endswith("\n"):
            self._file.write(b"\n")  # what a crash cut short stays a line of its own

    def _read(self, line: str) -> None:
        row = parse_row(line) or {}
        player, counts, times = row.get("player"), [row.get(c) for c in _COUNTS], [row.get(t) for t in _TIMES]
        if (
            isinstance(player, str)
            and all(type(count) is int and count >= 0 for count in counts)
            and all(isinstance(time, int | float) and math.isfinite(time) for time in times)
        ):
            self._games[player][row["seed"]] = GameResult(*(row[name] for name in GameResult._fields))

    def games(self, player: str) -> dict[int, GameResult]:
        """Return the games of a player by their seeds, a copy."""
        return dict(self._games.get(player, {}))

    def add(self, player: str, agent: str, game: GameResult) -> None:
        """Append a game.

        Raises
        ------
        OSError
            If it cannot be written, on a full disk for example; the games before it are safe.
        """
        line = json.dumps({"player": player, "agent": agent, **game._asdict()}) + "\n"
        with self._lock:
            self._write(line.encode())
            self._games[player][game.seed] = game

    def _write(self, data: bytes) -> None:
        while data:  # on a full disk a part is written, and the next write tells what is wrong
            data = data[self._file.write(data) :]

    def close(self) -> None:
        """Close the file, once it is on the disk."""
        try:
            os.fsync(self._file.fileno())
        finally:
            self._file.close()

    def __enter__(self) -> "GameLog":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _is_cut_short(text: str) -> bool:
    """Return whether a file without a game may be a log whose first line was cut short."""
    return all(line.startswith(_FIRST[: len(line)]) for line in text.splitlines())


def fingerprint(source: str | Path, options: Mapping[str, Any] | None = None) -> str:
    """Return 16 hex digits that say which player it is: SHA-256 of its files and options.

    Parameters
    ----------
    source : str or Path
        Folder of a model, of which every ``*.safetensors`` counts, wherever the folder stands; a file; or the name of
        a player without files.
    options : mapping
        Options that change how it plays; a path among them counts as the model that is there.

    Examples
    --------
    >>> fingerprint("random") == fingerprint("random", {}) != fingerprint("greedy")
    True
    """
    path = Path(source)
    files = sorted(path.rglob(MODEL_FILES)) if path.is_dir() else [path] if path.is_file() else []
    parts: list[Any] = [(file.relative_to(path).as_posix(), _digest(file)) for file in files] or [str(source)]
    for name, value in sorted((options or {}).items()):
        parts.append((name, fingerprint(value) if isinstance(value, Path) else value))
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
