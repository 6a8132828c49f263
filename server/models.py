"""Models: the trained networks that the demos use, found below the folder of runs by what they can do.

A demo asks for a kind, "the network that reads digits", never for a file: what there is, the folders themselves tell.
Only the header of each file is read, once as long as it does not change.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

from server.errors import ModelNotFoundError
from server.headers import read_header
from server.runs import Runs

Kind = Literal["digits", "letters", "autoencoder", "vae", "diffusion"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

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

    def all(self, kind: Kind) -> list[ModelFile]:
        """Return the models of a kind, the best first, and among equals the newest."""
        return _ranked(self._files(), WANTED[kind])

    def by_kind(self) -> dict[Kind, list[ModelFile]]:
        """Return the models of every kind, as `all` does, looking through the folders once."""
        files = list(self._files())
        return {kind: _ranked(files, wanted) for kind, wanted in WANTED.items()}

    def _files(self) -> Iterator[ModelFile]:
        """Give every model, in no order."""
        from nets.checkpoint import FILE_NAME  # takes a while to import, and few requests need it

        for run in self._runs.folders():
            file = read_model(run.name, run.folder / FILE_NAME)
            if file is not None:
                yield file

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


def _ranked(files: Iterable[ModelFile], wanted: Wanted) -> list[ModelFile]:
    """Return the files that suit, the best first, and among equals the newest."""
    found = [file for file in files if wanted.suits(file)]
    return sorted(found, key=lambda file: (-wanted.merit(file), -file.updated_at, file.run))


def read_model(run: str, path: Path) -> ModelFile | None:
    """Describe a file of `nets.save`; None if there is none, or none that can be read."""
    from nets.checkpoint import FORMAT, VERSION

    header = read_header(path)
    if header is None or (header.values.get("format"), header.values.get("version")) != (FORMAT, VERSION):
        return None
    config, notes = header.values.get("config"), header.values.get("notes")
    if not isinstance(config, dict) or not isinstance(notes, dict):
        return None
    return ModelFile(run=run, path=path, config=config, notes=notes, updated_at=header.updated_at, stamp=header.version)
