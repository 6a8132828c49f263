"""``game2048 export``."""

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import tyro

from cli.common import database_url, option, prepare_file, stdout
from cli.errors import CliError, UsageError, require

if TYPE_CHECKING:
    from game2048.animation import AnimationSettings
    from game2048.record import GameRecord

FILES: Final = ("game2048", "hobby", "2048verse")
PICTURES: Final = ("gif", "mp4", "webm")


@dataclass(frozen=True, kw_only=True)
class Export:
    """Write a game as a file of another program, or plies of it as a moving picture.

    Pictures show the tiles as they slide, appear and pop. MP4 and WebM need ffmpeg: pip install "game2048[video]".
    """

    game: Annotated[str, tyro.conf.Positional, option("ID|FILE")]
    """Id of a game in the database, or a file: ours, the hobby JSON, 2048verse, or .rpl."""
    format: Annotated[
        Literal["game2048", "hobby", "2048verse", "gif", "mp4", "webm"] | None,
        option("{game2048,hobby,2048verse,gif,mp4,webm}", "as --out ends, else game2048"),
    ] = None
    """Form of the file."""
    plies: Annotated[str | None, option("A-B", "all")] = None
    """Plies that a picture shows, such as 120-180."""
    speed: float = 1.0
    """Speed of a picture, 1 is 300 ms a ply as in the original game."""
    width: int = 400
    """Width of a picture in pixels."""
    theme: Literal["legible", "classic"] = "legible"
    """Colours of a picture."""
    out: Annotated[Path | None, option("FILE", "game-ID.ENDING, here")] = None
    """File to write."""
    db: Annotated[str | None, option("FILE|URL", "games.sqlite in your data folder")] = None
    """Database that holds the game."""

    def run(self) -> None:
        """Read, convert, write."""
        form = self._form()
        if self.plies is not None and form in FILES:
            raise UsageError(f"--plies is for pictures ({', '.join(PICTURES)}), a {form} file holds the whole game")
        plies = None if self.plies is None else _plies(self.plies)
        settings = self._settings() if form in PICTURES else None
        game = self._read()
        path = self.out or Path(f"game-{game.id}{_suffix(form)}")
        prepare_file(path)
        if settings is None:
            _write_file(game, form, path)
        else:
            _write_picture(game, form, path, plies or (0, game.n_moves), settings)
        stdout.print(f"Wrote {path} ({path.stat().st_size:,} bytes)", soft_wrap=True)

    def _form(self) -> str:
        """Return the form that is asked for, or that the name of the file suggests."""
        suffix = "" if self.out is None else self.out.suffix.lower().removeprefix(".")
        return self.format or (suffix if suffix in PICTURES else "game2048")

    def _settings(self) -> "AnimationSettings":
        from game2048.animation import AnimationSettings

        require("--speed", self.speed, 0.25, 1000)
        require("--width", self.width, 120, 1200)
        return AnimationSettings(width=self.width, theme=self.theme, speed=self.speed)

    def _read(self) -> "GameRecord":
        """Return the game, from a file where there is one of this name, else from the database."""
        from game2048.formats import parse_game
        from game2048.record import RecordError

        path = Path(self.game)
        if path.is_file() or not re.fullmatch("[0-9a-f]{16}", self.game):
            try:
                return parse_game(path.read_bytes())
            except RecordError as error:
                raise RecordError(f"{path}: {error}") from None
        from server.store import GameStore

        with GameStore(database_url(self.db)) as store:
            return store.get(self.game).record


def _plies(text: str) -> tuple[int, int]:
    """Read a range of plies.

    >>> _plies("120-180"), _plies("7")
    ((120, 180), (0, 7))
    """
    match = re.fullmatch("(?:([0-9]{1,6})-)?([0-9]{1,6})", text)
    if match is None:
        raise UsageError(f"--plies must be two numbers such as 120-180, got {text!r}")
    return int(match[1] or 0), int(match[2])


def _suffix(form: str) -> str:
    from game2048.formats import FORMATS

    return FORMATS[form].suffix if form in FILES else f".{form}"


def _write_file(game: "GameRecord", form: str, path: Path) -> None:
    from game2048.formats import FORMATS
    from nets.files import write_atomically

    write_atomically(path, partial(Path.write_bytes, data=FORMATS[form].write(game)))


def _write_picture(
    game: "GameRecord", kind: str, path: Path, plies: tuple[int, int], settings: "AnimationSettings"
) -> None:
    from game2048.animation import AnimationError
    from game2048.animation.files import write_animation
    from nets.files import write_atomically

    first, last = plies
    try:
        write_atomically(
            path,
            lambda temporary: write_animation(game, temporary, kind=kind, first=first, last=last, settings=settings),
        )
    except AnimationError as error:
        raise CliError(str(error)) from None
