"""Runs: the training runs below one folder.

A run lies in that folder or some levels deeper: people sort their runs into folders, and some models are trained in two
stages and keep the first in a folder inside their own. Links are left alone, as they may lead anywhere.
"""

import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from server.errors import RunNotFoundError
from server.run_folder import RunFolder, RunSummary, open_run

MAX_LISTED: Final = 200
MAX_DEPTH: Final = 4  # folders in folders
MAX_FOLDERS: Final = 5000  # that are looked into: the folder of runs may be any folder


class Runs:
    """The runs below a folder.

    Parameters
    ----------
    folder : Path or None
        The folder, which may be missing; None has no runs.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def summaries(self) -> tuple[list[RunSummary], int]:
        """Return the runs, the one that wrote last first, and how many older ones are left out."""
        runs = sorted(self.folders(), key=lambda run: (-run.updated_at, run.name))
        return [run.summary() for run in runs[:MAX_LISTED]], max(0, len(runs) - MAX_LISTED)

    def find(self, name: str) -> RunFolder:
        """Return a run; only names that the folders themselves have lead to one.

        Raises
        ------
        RunNotFoundError
            If there is none of this name.
        """
        for run in self.folders():
            if run.name == name:
                return run
        raise RunNotFoundError(f"there is no run {name[:100]!r}")

    def folders(self) -> Iterator[RunFolder]:
        """Give every run, in no order."""
        waiting = deque((name, folder, 1) for name, folder in _subfolders(self._folder))
        for _ in range(MAX_FOLDERS):
            if not waiting:
                return
            name, folder, depth = waiting.popleft()  # shallow ones first
            run = open_run(name, folder)
            if run is not None:
                yield run
            if depth < MAX_DEPTH:
                waiting.extend((f"{name}/{inner}", path, depth + 1) for inner, path in _subfolders(folder))


def _subfolders(folder: Path | None) -> list[tuple[str, Path]]:
    """Return the real folders in a folder whose names can be shown, none if it cannot be read."""
    if folder is None:
        return []
    try:
        with os.scandir(folder) as entries:
            return [
                (entry.name, folder / entry.name)
                for entry in entries
                if entry.name.isprintable() and not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
            ]
    except OSError:
        return []
