"""``game2048 nets``."""

import json
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

import tyro
from threadpoolctl import threadpool_limits

from cli.common import (
    MAX_THREADS,
    SETTINGS_NAME,
    SWITCH,
    check_seed,
    load_or_tell,
    option,
    preparing,
    run_folder,
    stderr,
    stdout,
    stop_on_interrupt,
)
from cli.errors import CliError, UsageError, require

if TYPE_CHECKING:
    from nets.data import Split
    from nets.recipes import Recipe
    from nets.training import Trainer

ModelName = Literal["nielsen", "mlp", "mlp-augmented", "conv", "judge"]
MODEL_METAVAR: Final = "{nielsen,mlp,mlp-augmented,conv,judge}"
MAX_EPOCHS: Final = 10_000
SUBCOMMANDS: Final = ("mnist", "emnist", "glyphs", "summary")


@dataclass(frozen=True, kw_only=True)
class Training:
    """What training on any data set has in common."""

    model: Annotated[ModelName | None, option(MODEL_METAVAR, "mlp")] = None
    """Network: 'nielsen' is the sigmoid network of Nielsen's book (784-100-10); 'mlp' is fully connected;
    'mlp-augmented' is larger and sees distorted images; 'conv' is convolutional;
    'judge' is that with an embedding, to measure generated images by. (A resumed run keeps its own.)"""
    epochs: Annotated[int | None, option("INT", "the model's recipe")] = None
    """Times through the training images. (A resumed run keeps its own.)"""
    seed: Annotated[int | None, option("INT", "0")] = None
    """Seed of weights, order and distortions. (A resumed run keeps its own.)"""
    resume: Annotated[bool, SWITCH] = False
    """Go on with the run in --out."""
    overwrite: Annotated[bool, SWITCH] = False
    """Replace the run in --out."""
    threads: int = 1
    """Threads of the matrix products; more of them give slightly other sums, and wait for one another where the
    machine is busy."""
    json: Annotated[bool, SWITCH] = False
    """Print the figures as one JSON object."""

    dataset: ClassVar[str]
    default_model: ClassVar[str] = "mlp"

    out: Path | None = None
    """Folder of the run."""

    @cached_property
    def folder(self) -> Path:
        """Where the run lives: as asked, or the first free one; the last one to go on with or to replace."""
        if self.out is not None:
            return self.out
        return run_folder(Path("runs") / self.dataset, last=self.resume or self.overwrite)

    def load(self) -> "Split":
        """Load the images."""
        raise NotImplementedError

    def run(self) -> None:
        """Train, test once, save, and say how it went."""
        start = time.monotonic()
        self._check()
        with preparing():
            recipe, seed = self._plan()
            data = self.load()
        with stop_on_interrupt() as stopped, threadpool_limits(self.threads, user_api="blas"):
            trainer = self._train(recipe, seed, data, stopped)
            figures = self._figures(recipe, seed, data, trainer)
            figures["seconds"] = round(time.monotonic() - start, 3)
            if self.json:
                print(json.dumps(figures))
            else:
                self._tell(figures)

    def _check(self) -> None:
        if self.epochs is not None:
            require("--epochs", self.epochs, 1, MAX_EPOCHS)
        if self.seed is not None:
            check_seed(self.seed)
        require("--threads", self.threads, 1, MAX_THREADS)
        if self.resume and self.overwrite:
            raise UsageError("--resume and --overwrite exclude each other")
        given = [name for name in ("model", "epochs", "seed") if getattr(self, name) is not None]
        if self.resume and given:
            raise UsageError(f"--resume keeps the run's own --{given[0]}; leave it out")

    def _plan(self) -> tuple["Recipe", int]:
        """Return the recipe and the seed: the run's own, or those of the command line."""
        from nets.recipes import RECIPES, read_settings

        if self.resume:
            dataset, recipe, seed = read_settings(self.folder)
            if dataset != self.dataset:
                raise CliError(f"{self.folder} holds a run on {dataset}; go on with: game2048 nets {dataset} --resume")
            return recipe, seed
        if (self.folder / SETTINGS_NAME).exists() and not self.overwrite:
            raise CliError(f"{self.folder} holds a run already; go on with --resume, or replace it with --overwrite")
        recipe, seed = RECIPES[self.dataset][self.model or self.default_model], self.seed or 0
        if self.epochs is not None:
            recipe = replace(recipe, epochs=self.epochs)
        return recipe, seed

    def _train(self, recipe: "Recipe", seed: int, data: "Split", stopped: Callable[[], bool]) -> "Trainer":
        from nets.progress import ProgressBar
        from nets.recipes import make_trainer, write_settings

        bar = ProgressBar(stderr, f"nets {self.dataset}")
        trainer = make_trainer(recipe, data.train, seed, folder=self.folder, should_stop=stopped, callbacks=[bar])
        if self.resume:
            trainer.resume()
            if trainer.epoch >= recipe.epochs:
                raise CliError(f"{self.folder} has done its {recipe.epochs} epochs; replace it with --overwrite")
        else:
            remove_run(self.folder)
            write_settings(self.folder, self.dataset, recipe, seed)
        trainer.fit(recipe.epochs)
        return trainer

    def _figures(self, recipe: "Recipe", seed: int, data: "Split", trainer: "Trainer") -> dict[str, Any]:
        """Return what the run came to; a run that was stopped is not tested."""
        from nets.checkpoint import FILE_NAME, save
        from nets.metrics import read_metrics
        from nets.recipes import measure
        from nets.training import METRICS_NAME

        rows = read_metrics(self.folder / METRICS_NAME)
        test = None if trainer.stopped else measure(recipe, trainer, data.test)
        figures: dict[str, Any] = {
            "data": self.dataset,
            "model": recipe.name or recipe.model,
            "parameters": sum(p.numel() for p in trainer.model.parameters()),
            "epochs": trainer.epoch,
            "seed": seed,
            "train_loss": rows[-1]["loss"] if rows else None,
            "train_accuracy": rows[-1]["accuracy"] if rows else None,
            "validation_loss": trainer.best["loss"] if trainer.best else None,
            "validation_accuracy": trainer.best["accuracy"] if trainer.best else None,
            "test_loss": test["loss"] if test else None,
            "test_accuracy": test["accuracy"] if test else None,
            "test_images": len(data.test),
            "interrupted": trainer.stopped,
            "out": str(self.folder),
        }
        if test:
            notes = {"data": self.dataset, "classes": list(data.test.classes), "seed": seed, "test": test}
            save(trainer.model, self.folder / FILE_NAME, notes=notes)
        return figures

    def _tell(self, figures: dict[str, Any]) -> None:
        folder = shlex.quote(str(self.folder))
        epochs = f"{figures['epochs']} epoch{'' if figures['epochs'] == 1 else 's'}"
        if figures["interrupted"]:
            stdout.print(f"Stopped after {epochs}. Saved in {self.folder}.", soft_wrap=True)
            stdout.print(f"Go on with: game2048 nets {self.dataset} --out {folder} --resume", soft_wrap=True)
            return
        stdout.print(
            f"Trained {figures['model']} ({figures['parameters']:,} parameters) in {epochs}, "
            f"{figures['seconds']:.1f} s: {100 * figures['test_accuracy']:.2f} % of {figures['test_images']:,} test "
            f"images right. Saved in {self.folder}.",
            soft_wrap=True,
        )
        stdout.print(f"What is in it? game2048 nets summary {folder}", soft_wrap=True)


@dataclass(frozen=True, kw_only=True)
class Mnist(Training):
    """Train a network on MNIST, 28 x 28 pixels of handwritten digits: 60,000 images, and 10,000 to test.

    The default reaches 98 % in well under a minute. Ctrl-C saves; --resume goes on exactly where it stopped.
    """

    data: Annotated[Path | None, option("PATH", "GAME2048_DATA, or a download")] = None
    """Folder of the four files, gzipped or plain, or of a folder 'mnist' with them."""
    out: Annotated[Path | None, option("PATH", "runs/mnist, or the next that is free: runs/mnist-2")] = None
    """Folder of the run: model.safetensors, checkpoint.safetensors, settings.json, metrics.jsonl."""

    dataset: ClassVar[str] = "mnist"

    def load(self) -> "Split":
        """Load the images."""
        from nets.data import load_mnist

        return load_or_tell(lambda: load_mnist(self.data), "game2048 nets glyphs")


@dataclass(frozen=True, kw_only=True)
class Emnist(Training):
    """Train a network on the letters of EMNIST, 28 x 28 pixels, 26 classes.

    Ctrl-C saves; --resume goes on exactly where it stopped.
    """

    data: Annotated[Path | None, option("PATH", "GAME2048_DATA, or a download of 536 MiB")] = None
    """Folder of the four files, gzipped or plain, or of a folder 'emnist-letters' with them."""
    out: Annotated[Path | None, option("PATH", "runs/emnist, or the next that is free: runs/emnist-2")] = None
    """Folder of the run: model.safetensors, checkpoint.safetensors, settings.json, metrics.jsonl."""

    dataset: ClassVar[str] = "emnist"

    def load(self) -> "Split":
        """Load the images."""
        from nets.data import load_emnist_letters

        return load_or_tell(lambda: load_emnist_letters(self.data), "game2048 nets glyphs")


@dataclass(frozen=True, kw_only=True)
class Glyphs(Training):
    """Train a network on generated capital letters, 28 x 28 pixels, 26 classes: needs no data and no network.

    Ctrl-C saves; --resume goes on exactly where it stopped.
    """

    out: Annotated[Path | None, option("PATH", "runs/glyphs, or the next that is free: runs/glyphs-2")] = None
    """Folder of the run: model.safetensors, checkpoint.safetensors, settings.json, metrics.jsonl."""

    dataset: ClassVar[str] = "glyphs"

    def load(self) -> "Split":
        """Draw the images."""
        from nets.recipes import generated_letters

        return generated_letters()


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Show the layers of a model: their shapes and how many parameters they have."""

    model: Annotated[str, tyro.conf.Positional, option("MODEL")]
    """Name of a model (nielsen, mlp, conv), a file of nets.save(), or the folder of a run."""

    def run(self) -> None:
        """Print the table."""
        with preparing():
            from nets import models, summary
            from nets.checkpoint import load

            model = models.build(self.model) if self.model in models.MODELS else load(self._path())
            try:
                shape = models.input_shape(getattr(model, "config", {}))
            except KeyError:
                raise CliError(f"{self.model} does not say which images it takes") from None
            table = summary(model, (1, *shape))
        stdout.print(table, soft_wrap=True)

    def _path(self) -> Path:
        from nets.models import MODELS

        path = Path(self.model)
        if not path.exists():
            raise CliError(f"no model {self.model}: there is no such file, and it is not one of {', '.join(MODELS)}")
        return path


@dataclass(frozen=True, kw_only=True)
class Nets:
    """Train small neural networks with the engine in this package, which is NumPy and Numba only."""

    command: (
        Annotated[Mnist, tyro.conf.subcommand("mnist")]
        | Annotated[Emnist, tyro.conf.subcommand("emnist")]
        | Annotated[Glyphs, tyro.conf.subcommand("glyphs")]
        | Annotated[Summary, tyro.conf.subcommand("summary")]
    )

    def run(self) -> None:
        """Run the command."""
        self.command.run()


def remove_run(folder: Path) -> None:
    """Remove what a run wrote, and nothing else."""
    for name in (SETTINGS_NAME, "checkpoint.safetensors", "model.safetensors", "metrics.jsonl"):
        (folder / name).unlink(missing_ok=True)
