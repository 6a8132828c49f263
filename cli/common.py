"""What several commands share: consoles, databases, and an orderly Ctrl-C."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final, TypeVar

import tyro
from rich.console import Console
from rich.status import Status

from cli.errors import CliError, require

MAX_SEED: Final = 2**64 - 1
MAX_GAMES: Final = 10**9
MAX_ROLLOUTS: Final = 10**6
MAX_THREADS: Final = 1024
SETTINGS_NAME: Final = "settings.json"  # as in nets.recipes and generative.recipe, which would load kernels

T = TypeVar("T")

# No markup: paths and names of agents are shown as they are, brackets included.
stdout = Console(highlight=False, markup=False)
stderr = Console(stderr=True, highlight=False, markup=False)


def option(metavar: str, default: str = "") -> Any:
    """Describe an option that may be left out: how its value looks, and what happens without it."""
    return tyro.conf.arg(metavar=metavar, help_behavior_hint=f"(default: {default})" if default else "")


SWITCH: Final = tyro.conf.arg(help_behavior_hint="")  # an option without a value


def preparing() -> Status:
    """Show that kernels are being compiled, which takes half a minute at most and happens only once."""
    return stderr.status("preparing the kernels (the first time takes a little)")


def database_url(database: str | None) -> str:
    """Return the URL of the games' database: a URL as it is, a path as SQLite, None as the user's own."""
    from server.config import default_database
    from server.urls import sqlite_url

    if database is None:
        return default_database()
    return database if "://" in database else sqlite_url(Path(database))


def check_seed(seed: int) -> None:
    """Check a seed of the command line."""
    require("--seed", seed, 0, MAX_SEED)


def run_folder(first: Path, *, last: bool) -> Path:
    """Return the first of the folders NAME, NAME-2, NAME-3 that holds no run, or the last one that holds one."""
    folder, used, number = first, first, 1
    while (folder / SETTINGS_NAME).exists():
        used, number = folder, number + 1
        folder = first.with_name(f"{first.name}-{number}")
    return used if last else folder


def load_or_tell(load: Callable[[], T], instead: str) -> T:
    """Load data; where there are none, say in one line how to provide them, or what to do without."""
    from nets.errors import MissingDataError

    try:
        return load()
    except MissingDataError as error:
        what = " ".join(str(error).split()).partition(" Tried ")[0]  # every mirror failed, most likely for one reason
        raise CliError(
            f"{what} Name a folder that has the files with --data or the environment variable GAME2048_DATA, "
            f"or do without: {instead}"
        ) from None


def prepare_file(path: Path) -> None:
    """Make the folder of a file that will be written; what cannot be is told now, not after the work."""
    if path.is_dir():
        raise CliError(f"{path} is a folder, not a file")
    path.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(path.parent, os.W_OK):
        raise CliError(f"{path.parent} cannot be written to")


def default_threads() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def stop_on_interrupt(*, ends: bool = True) -> Iterator[Callable[[], bool]]:
    """Give a function that tells whether Ctrl-C or SIGTERM came; a second one stops at once.

    Put what must not be lost inside: the block runs to its end, and only then the command does, with KeyboardInterrupt
    (exit code 130) or, after SIGTERM, SystemExit (143). With ``ends=False`` the command goes on after Ctrl-C.
    """
    came: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if came:
            raise KeyboardInterrupt
        came.append(number)

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    if signal.SIGTERM in came:
        raise SystemExit(128 + signal.SIGTERM)
    if came and ends:
        raise KeyboardInterrupt
