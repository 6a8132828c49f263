"""Models: the trained networks that the demos use, found below the folder of runs by what they can do.

A demo asks for a kind, "the network that reads digits", never for a file: what there is, the folders themselves tell.
Only the header of each file is read, once as long as it does not change.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

from nets.tensorfile import KEY
from server.errors import ModelNotFoundError
from server.run_folder import open_regular
from server.runs import Runs

Kind = Literal["digits", "letters", "autoencoder", "vae", "diffusion"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

MAX_HEADER: Final = 2**20  # bytes; ours have a few thousand
MAX_REMEMBERED: Final = 1000  # headers
DIGITS: Final = tuple("0123456789")
LETTERS: Final = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
CLASSIFIERS: Final = ("nielsen", "mlp", "conv")


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """A trained model, as its file describes it.

    Attributes
    ----------
    run : str
        Path of the run below the folder of runs: how people and addresses name it.
    path : Path
        The file; only worker processes open it.
    config : dict
        What `nets.models.build_from` makes such a model from.
    notes : dict
        What training has left: the classes, how many test images it got right.
    updated_at : float
        When it was written, seconds since 1970.
    stamp : str
        Another one when the file is another.
    """

    run: str
    path: Path
    config: dict[str, Any]
    notes: dict[str, Any]
    updated_at: float
    stamp: str

    @property
    def model(self) -> str:
        """The name of the builder, such as "mlp"."""
        return str(self.config.get("model"))

    @property
    def classes(self) -> tuple[str, ...]:
        """What it tells apart, or draws."""
        classes = self.config.get("classes") or self.notes.get("classes")
        return tuple(map(str, classes)) if isinstance(classes, list) else ()

    @property
    def accuracy(self) -> float | None:
        """Which part of the test images it got right, if it was tested."""
        test = self.notes.get("test")
        value = test.get("accuracy") if isinstance(test, dict) else None
        return float(value) if isinstance(value, int | float) else None

    def reference(self) -> dict[str, str]:
        """Return what a task of a worker takes to load it (`server.workers.loading`)."""
        return {"path": str(self.path), "stamp": self.stamp}


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a kind of model is."""

    title: str
    """In words: "a network that reads digits"."""
    command: str
    """How to train one."""
    suits: Callable[[ModelFile], bool]
    """Whether a model is of the kind."""
    merit: Callable[[ModelFile], float] = lambda file: 0.0
    """The higher, the rather it is taken; among equals the newest is."""


def _codes_digits(file: ModelFile) -> bool:
    """Whether the classes are digits, and the codes hold everything: no class is given beside them."""
    return file.classes == DIGITS and not file.config.get("conditional")


def _handwritten(file: ModelFile) -> float:
    """Return 1 if people wrote what the model has learned from, 0 if it was generated."""
    return 0.0 if file.notes.get("data") == "glyphs" else 1.0


WANTED: Final[Mapping[Kind, Wanted]] = {
    "digits": Wanted(
        title="network that reads digits",
        command="game2048 nets mnist --model conv",
        suits=lambda file: file.model in CLASSIFIERS and file.classes == DIGITS,
        merit=lambda file: file.accuracy or 0.0,
    ),
    "letters": Wanted(
        title="network that reads letters",
        command="game2048 nets emnist --model conv",
        suits=lambda file: file.model in CLASSIFIERS and file.classes == LETTERS,
        merit=lambda file: (file.accuracy or 0.0) + _handwritten(file),
    ),
    "autoencoder": Wanted(
        title="autoencoder of digits",
        command="game2048 generative train ae",
        suits=lambda file: file.model == "autoencoder" and _codes_digits(file),
        merit=lambda file: 0.0 if file.config.get("noise") else 1.0,  # those that also take noise out are blurred
    ),
    "vae": Wanted(
        title="variational autoencoder of digits",
        command="game2048 generative train vae",
        suits=lambda file: file.model == "vae" and _codes_digits(file),
    ),
    "diffusion": Wanted(
        title="diffusion model of letters",
        command="game2048 generative train diffusion",
        suits=lambda file: file.model == "latent-diffusion" and file.classes == LETTERS,
        merit=_handwritten,
    ),
}


class Models:
    """The trained models below a folder of runs.

    Parameters
    ----------
    runs : Runs
        The runs.
    """

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._headers: dict[tuple[Path, str], tuple[dict[str, Any], dict[str, Any]] | None] = {}

    def all(self, kind: Kind) -> list[ModelFile]:
        """Return the models of a kind, the best first, and among equals the newest."""
        from nets.checkpoint import FILE_NAME  # takes a while to import, and few requests need it

        wanted = WANTED[kind]
        files = (self._read(run.name, run.folder / FILE_NAME) for run in self._runs.folders())
        found = [file for file in files if file is not None and wanted.suits(file)]
        return sorted(found, key=lambda file: (-wanted.merit(file), -file.updated_at, file.run))

    def find(self, kind: Kind, run: str | None = None) -> ModelFile:
        """Return the best model of a kind, or the one of a run.

        Raises
        ------
        ModelNotFoundError
            If there is none.
        """
        for file in self.all(kind):
            if run in (None, file.run):
                return file
        wanted = WANTED[kind]
        if run is None:
            raise ModelNotFoundError(f"there is no {wanted.title} here yet", wanted.command)
        raise ModelNotFoundError(f"the run {run[:100]!r} has no {wanted.title}", wanted.command)

    def _read(self, run: str, path: Path) -> ModelFile | None:
        """Describe a model, None if there is none, or none that can be read."""
        try:
            status = path.lstat()
            stamp = f"{status.st_mtime_ns}-{status.st_size}"
            header = self._header(path, stamp)
        except OSError:
            return None
        if header is None:
            return None
        config, notes = header
        return ModelFile(run=run, path=path, config=config, notes=notes, updated_at=status.st_mtime, stamp=stamp)

    def _header(self, path: Path, stamp: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Return configuration and notes, as remembered if the file is still the same."""
        if (path, stamp) not in self._headers:
            if len(self._headers) >= MAX_REMEMBERED:
                self._headers.clear()
            self._headers[path, stamp] = read_header(path)
        return self._headers[path, stamp]


def read_header(path: Path) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return configuration and notes of a file of `nets.save`, without its weights; None if it is damaged.

    Raises
    ------
    OSError
        If it cannot be read, or is a link.
    """
    from nets.checkpoint import FORMAT, VERSION

    with open_regular(path) as file:
        n_bytes = int.from_bytes(file.read(8), "little")
        text = file.read(n_bytes) if n_bytes <= MAX_HEADER else b""
    try:
        header = json.loads(json.loads(text)["__metadata__"][KEY])
        config, notes = header["config"], header["notes"]
        known = header["format"] == FORMAT and header["version"] == VERSION
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return (config, notes) if known and isinstance(config, dict) and isinstance(notes, dict) else None
