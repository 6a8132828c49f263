"""``game2048 compact``."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from cli.common import option, preparing, stdout
from cli.errors import UsageError

FOLDER = "compact"


@dataclass(frozen=True, kw_only=True)
class Compact:
    """Write an n-tuple network as one small file, to be shared: it plays like any other, but does not learn.

    Weights are rounded to whole units of about a point. A network of at most 4 MB also plays inside the pages of
    game2048 serve, without asking the server: train one with --network 17x4.
    """

    folder: Annotated[Path, tyro.conf.Positional, option("DIR")]
    """Folder of the run."""
    out: Annotated[Path | None, option("DIR", "compact, within the folder of the run")] = None
    """Folder for the file, network.safetensors; evaluate takes the folder or the file."""
    unit: Annotated[float | None, option("POINTS", "as small as fits")] = None
    """Points to which weights are rounded, a power of two; a larger one makes the file smaller."""

    def run(self) -> None:
        """Read, round, write."""
        with preparing():
            from agents.compact import FILE_NAME
            from agents.errors import NetworkError
            from agents.sharing import compact_run

        out = self.out or self.folder / FOLDER
        try:
            values = compact_run(self.folder, out, unit=self.unit)
        except NetworkError:  # there is no memory for it
            raise
        except ValueError as error:
            raise UsageError(f"--{error}") from None
        path, unit = out / FILE_NAME, float(values.unit)
        size = path.stat().st_size
        stdout.print(f"Wrote {path} ({size:,} bytes), weights in units of {unit:g} points.", soft_wrap=True)
        stdout.print(f"How good is it? game2048 evaluate {shlex.quote(str(out))}", soft_wrap=True)
