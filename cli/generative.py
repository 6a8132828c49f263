"""``game2048 generative``."""

import json
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import tyro
from threadpoolctl import threadpool_limits

from cli.common import (
    MAX_THREADS,
    SETTINGS_NAME,
    SWITCH,
    check_seed,
    load_or_tell,
    option,
    prepare_file,
    preparing,
    run_folder,
    stderr,
    stdout,
    stop_on_interrupt,
)
from cli.errors import CliError, UsageError, require

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from generative.autoencoders.coder import Coder
    from generative.image_model import ImageModel
    from generative.recipe import Recipe
    from nets.data import LabelledImages, Split
    from nets.training import Callback

Family = Literal["ae", "vae", "diffusion", "gan"]
DatasetName = Literal["mnist", "emnist", "glyphs"]
SUBCOMMANDS: Final = ("train", "sample", "interpolate", "report")
MAX_STEPS: Final = 10_000_000
MAX_PER_CLASS: Final = 10_000
MAX_SHEET: Final = 1000  # images in a row


@dataclass(frozen=True, kw_only=True)
class Train:
    """Train an image model from scratch: an autoencoder, a variational one, a diffusion model, or a GAN.

    The default of 'diffusion' learns the letters of EMNIST in about 20 minutes; '--recipe quick' gives a first
    impression in a minute, '--recipe best' takes an hour. Ctrl-C saves; --resume goes on exactly where it stopped.
    """

    family: Annotated[Family | None, tyro.conf.Positional, option("{ae,vae,diffusion,gan}")] = None
    """Kind of model. (A resumed run keeps its own.)"""
    recipe: Annotated[str | None, option("NAME", "default")] = None
    """Complete settings by name; a wrong name lists them all. (A resumed run keeps its own.)"""
    dataset: Annotated[DatasetName | None, option("{mnist,emnist,glyphs}", "the recipe's")] = None
    """What to learn; 'glyphs' are generated letters that need no files."""
    data: Annotated[Path | None, option("PATH", "GAME2048_DATA, or a download")] = None
    """Folder of the data files, or of a folder 'mnist' or 'emnist-letters' with them."""
    steps: Annotated[int | None, option("INT", "the recipe's")] = None
    """Steps of the optimiser (of the last stage). (A resumed run keeps its own.)"""
    seed: Annotated[int | None, option("INT", "0")] = None
    """Seed of weights, order and noise. (A resumed run keeps its own.)"""
    out: Annotated[Path | None, option("PATH", "runs/FAMILY, or the next that is free: runs/FAMILY-2")] = None
    """Folder of the run: model.safetensors, checkpoint.safetensors, settings.json, metrics.jsonl."""
    resume: Annotated[bool, SWITCH] = False
    """Go on with the run in --out."""
    overwrite: Annotated[bool, SWITCH] = False
    """Replace the run in --out."""
    threads: int = 1
    """Threads of the matrix products; more of them give slightly other sums, and wait for one another where the
    machine is busy."""
    json: Annotated[bool, SWITCH] = False
    """Print the figures as one JSON object."""

    def run(self) -> None:
        """Train, save, and say how it went."""
        self._check()
        start, cpu = time.monotonic(), time.process_time()
        with preparing():
            recipe, seed = self._plan()
            data = load_split(recipe.data, self.data)
        with stop_on_interrupt() as stopped, threadpool_limits(self.threads, user_api="blas"):
            model = self._train(recipe, seed, data, stopped)
            figures = {
                "family": recipe.family,
                "recipe": recipe.name,
                "data": recipe.data,
                "seed": seed,
                "parameters": None if model is None else sum(p.numel() for p in model.parameters()),
                "interrupted": model is None,
                "seconds": round(time.monotonic() - start, 3),
                "cpu_seconds": round(time.process_time() - cpu, 3),
                "out": str(self.folder),
            }
            if self.json:
                print(json.dumps(figures))
            else:
                self._tell(figures)

    @cached_property
    def folder(self) -> Path:
        """Where the run lives: as asked, or the first free one; the last one to go on with or to replace."""
        if self.out is not None:
            return self.out
        if self.family is None:
            raise UsageError("--resume needs the kind of model, or the folder of the run with --out")
        return run_folder(Path("runs") / self.family, last=self.resume or self.overwrite)

    def _check(self) -> None:
        if self.family is None and not self.resume:
            raise UsageError("the kind of model is missing: ae, vae, diffusion or gan")
        if self.steps is not None:
            require("--steps", self.steps, 1, MAX_STEPS)
        if self.seed is not None:
            check_seed(self.seed)
        require("--threads", self.threads, 1, MAX_THREADS)
        if self.resume and self.overwrite:
            raise UsageError("--resume and --overwrite exclude each other")
        given = [name for name in ("recipe", "dataset", "steps", "seed") if getattr(self, name) is not None]
        if self.resume and given:
            raise UsageError(f"--resume keeps the run's own --{given[0]}; leave it out")

    def _plan(self) -> "tuple[Recipe, int]":
        """Return the recipe and the seed: the run's own, or those of the command line."""
        from generative import recipes
        from generative.recipe import read_settings

        if self.resume:
            recipe, seed = read_settings(self.folder)
            if self.family not in (None, recipe.family):
                raise CliError(f"{self.folder} holds a run of {recipe.family}, not of {self.family}")
            if (self.folder / "model.safetensors").is_file():
                raise CliError(f"{self.folder} has done its {recipe.steps:,} steps; replace it with --overwrite")
            return recipe, seed
        if (self.folder / SETTINGS_NAME).exists() and not self.overwrite:
            raise CliError(f"{self.folder} holds a run already; go on with --resume, or replace it with --overwrite")
        assert self.family is not None
        recipe = recipes.find(self.family, self.recipe or "default", self.dataset)
        if self.steps is not None:
            recipe = replace(recipe, steps=self.steps, steps_per_epoch=min(recipe.steps_per_epoch, self.steps))
        return recipe, self.seed or 0

    def _train(self, recipe: "Recipe", seed: int, data: "Split", stopped: Callable[[], bool]) -> "ImageModel | None":
        from generative.training import train
        from nets.progress import ProgressBar

        def bars(stage: "Recipe") -> "Sequence[Callback]":
            return [ProgressBar(stderr, f"{stage.family} ({stage.name}) on {stage.data}")]

        return train(
            recipe, data.train, seed, folder=self.folder, resume=self.resume, should_stop=stopped, callbacks=bars
        )

    def _tell(self, figures: dict[str, Any]) -> None:
        folder = shlex.quote(str(self.folder))
        if figures["interrupted"]:
            stdout.print(f"Stopped. Saved in {self.folder}.", soft_wrap=True)
            stdout.print(f"Go on with: game2048 generative train --out {folder} --resume", soft_wrap=True)
            return
        stdout.print(
            f"Trained {figures['family']} ({figures['recipe']}, {figures['parameters']:,} parameters) on "
            f"{figures['data']} in {figures['seconds']:.1f} s. Saved in {self.folder}.",
            soft_wrap=True,
        )
        if figures["family"] == "ae":
            stdout.print(f"How well does it see? game2048 generative report {folder}", soft_wrap=True)
        else:
            stdout.print(f"Look at it: game2048 generative sample --model {folder} --out samples.png", soft_wrap=True)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Draw new images from a trained model, equally many of each class.

    An .npz file gets 'images' (N, 28, 28), float32 in [0, 1], upright, and 'labels' (N,), from 0; a .png file a sheet
    with one row a class.
    """

    model: Annotated[Path, option("DIR")]
    """Folder of the model."""
    out: Annotated[Path, option("FILE")] = Path("samples.npz")
    """File to write, .npz or .png."""
    per_class: Annotated[int | None, option("INT", "400 for .npz, 16 for .png")] = None
    """Images of each class."""
    seed: int = 0
    """Same seed, same images, bit for bit (with the same --threads)."""
    steps: Annotated[int | None, option("INT", "the model's")] = None
    """Sampling steps of a diffusion model."""
    guidance: Annotated[float | None, option("FLOAT", "the model's")] = None
    """How strongly a diffusion model holds on to the class: 1 is as it learned, more is clearer and less varied."""
    threads: int = 1
    """Threads of the matrix products; another number may give slightly other sums."""
    json: Annotated[bool, SWITCH] = False
    """Print what was done as one JSON object."""

    def run(self) -> None:
        """Sample and write."""
        per_class = self._check()
        with preparing():
            import numpy as np

            from generative.image_model import load

            model = load(self.model)
            if not model.draws:
                raise CliError(
                    f"{self.model} holds an autoencoder, which cannot draw new images, only see given ones: "
                    f"game2048 generative report {shlex.quote(str(self.model))}"
                )
            options = self._options(model)
            prepare_file(self.out)
        labels = np.repeat(np.arange(len(model.classes)), per_class)
        start, cpu = time.perf_counter(), time.process_time()
        with threadpool_limits(self.threads, user_api="blas"):
            images = model.sample(labels, generator=np.random.default_rng(self.seed), **options)
        seconds = time.perf_counter() - start
        figures = {
            "images": len(images),
            "classes": list(model.classes),
            "seed": self.seed,
            "seconds": round(seconds, 3),
            "cpu_seconds": round(time.process_time() - cpu, 3),
            "out": str(self.out),
        }
        self._write(images, labels, model.classes)
        if self.json:
            print(json.dumps(figures))
        else:
            rate = len(images) / max(seconds, 1e-9)
            stdout.print(f"Wrote {len(images):,} images to {self.out} ({rate:,.0f} a second).", soft_wrap=True)

    def _check(self) -> int:
        """Return the number of images a class."""
        if self.out.suffix not in (".npz", ".png"):
            raise UsageError(f"--out must end in .npz or .png, got {self.out}")
        check_seed(self.seed)
        require("--threads", self.threads, 1, MAX_THREADS)
        per_class = self.per_class or (400 if self.out.suffix == ".npz" else 16)
        if self.per_class is not None:
            require("--per-class", self.per_class, 1, MAX_PER_CLASS if self.out.suffix == ".npz" else MAX_SHEET)
        return per_class

    def _options(self, model: "ImageModel") -> dict[str, Any]:
        """Return the options of sampling that were given, if this model has them."""
        given = {name: getattr(self, name) for name in ("steps", "guidance") if getattr(self, name) is not None}
        if given and not hasattr(model, "sample_steps"):
            raise UsageError(f"--{next(iter(given))} is for diffusion models; {self.model} holds another")
        return given

    def _write(
        self, images: "npt.NDArray[np.float32]", labels: "npt.NDArray[np.int64]", classes: Sequence[str]
    ) -> None:
        import numpy as np

        from nets.files import write_atomically

        if self.out.suffix == ".npz":

            def write(path: Path) -> None:
                with path.open("wb") as file:  # given a path, NumPy would add its own ending
                    np.savez_compressed(file, images=images, labels=labels)

            write_atomically(self.out, write)
        else:
            from generative.pictures import class_sheet, write_image

            write_image(class_sheet(images, labels, classes, per_class=len(images)), self.out)


@dataclass(frozen=True, kw_only=True)
class Interpolate:
    """Show the way from one image to another through the latent space of autoencoders, side by side.

    An autoencoder's way is sharper; a variational one's may show more real digits. The two images are test images; both
    ends are as the models see them.
    """

    out: Annotated[Path, option("FILE")] = Path("path.gif")
    """File to write: .gif, .apng or .mp4 moves, .png shows the frames one below the other."""
    models: Annotated[tuple[Path, ...], option("DIR ...", "runs/ae runs/vae")] = ()
    """Folders of autoencoders and variational ones, not conditional."""
    first: Annotated[str, option("CLASS")] = "2"
    """Class at the beginning, such as 2 or A."""
    last: Annotated[str, option("CLASS")] = "7"
    """Class in the end."""
    frames: int = 100
    """Pictures on the way, both ends included."""
    seed: int = 0
    """Chooses the two images."""
    data: Annotated[Path | None, option("PATH", "GAME2048_DATA, or a download")] = None
    """Folder of the data files that the models were trained on."""
    judge: Annotated[Path | None, option("DIR")] = None
    """Folder of a trained classifier: measures 200 such ways, their sharpness and how clear the images on them are."""
    fps: int = 25
    """Pictures a second."""
    json: Annotated[bool, SWITCH] = False
    """Print what was done as one JSON object."""

    def run(self) -> None:
        """Interpolate, write, and measure if there is a judge."""
        self._check()
        with preparing():
            from generative.animate import check_path
            from generative.autoencoders.interpolation import choose_pairs, interpolate

            check_path(self.out)
            coders, data = self._load()
            starts, ends = choose_pairs(data, self.first, self.last, 1, self.seed)
            prepare_file(self.out)
        paths = [interpolate(coder, starts, ends, self.frames)[0] for coder in coders.values()]
        self._write(paths)
        figures: dict[str, Any] = {"out": str(self.out), "models": list(coders), "frames": self.frames}
        if self.judge is not None:
            from generative.autoencoders.paths import compare_paths
            from nets.checkpoint import load as load_network

            measured = compare_paths(coders, data, load_network(self.judge), first=self.first, second=self.last)
            figures["paths"] = {name: figure.as_dict() for name, figure in measured.items()}
        if self.json:
            print(json.dumps(figures))
        else:
            self._tell(figures)

    def _check(self) -> None:
        require("--frames", self.frames, 2, 10_000)
        require("--fps", self.fps, 1, 50)
        check_seed(self.seed)

    def _load(self) -> "tuple[dict[str, Coder], LabelledImages]":
        """Return the models by name, and the test images that they know how to see."""
        from generative.autoencoders.coder import Coder
        from generative.image_model import load

        coders: dict[str, Coder] = {}
        names = set()
        for folder in self.models or (Path("runs/ae"), Path("runs/vae")):
            model = load(folder)
            if not isinstance(model, Coder):
                raise CliError(f"{folder} holds no autoencoder and no vae, but a {type(model).__name__}")
            coders[str(folder)] = model
            names.add(dataset_of(folder))
        if len(names) > 1:
            raise UsageError(f"--models must be of one data set, got {', '.join(sorted(names))}")
        return coders, load_split(names.pop(), self.data).test

    def _write(self, paths: "list[npt.NDArray[np.float32]]") -> None:
        from generative.animate import moving, save
        from generative.autoencoders.interpolation import filmstrip, side_by_side

        if self.out.suffix == ".png":
            import numpy as np

            from generative.pictures import write_image

            rows = np.concatenate([filmstrip(path) for path in paths]).repeat(3, 0).repeat(3, 1)
            write_image(np.rint(255 * rows).astype(np.uint8), self.out)
        else:
            save(moving(side_by_side(paths), fps=self.fps), self.out, fps=self.fps)

    def _tell(self, figures: dict[str, Any]) -> None:
        stdout.print(f"Wrote {self.out}: {' | '.join(figures['models'])}.", soft_wrap=True)
        for name, path in figures.get("paths", {}).items():
            stdout.print(
                f"{name}: sharpness {path['sharpness']['value']:.2f} of real images, entropy "
                f"{path['entropy']['value']:.2f} nats on the way, {path['entropy_peak']['value']:.2f} at most",
                soft_wrap=True,
            )


@dataclass(frozen=True, kw_only=True)
class Report:
    """Measure a trained model by a classifier that knows real images only, and write a page about it.

    The page has samples, learning curves, and accuracy, Frechet distance, coverage, recall, variety and sharpness
    beside those of real, blurred and repeated images, so that one knows what the figures mean.
    """

    model: Annotated[Path, tyro.conf.Positional, option("DIR")]
    """Folder of the model, or an .npz file of images and labels."""
    out: Annotated[Path, option("FILE")] = Path("report.html")
    """File to write, .html or .png."""
    judge: Annotated[Path | None, option("DIR", "runs/judge-emnist, -mnist or -glyphs")] = None
    """Folder of the classifier; train it with: game2048 nets emnist --model judge --out runs/judge-emnist."""
    compare: Annotated[tuple[Path, ...], option("DIR|FILE ...")] = ()
    """Other models, or .npz files, to measure in the same way."""
    per_class: int = 400
    """Images of each class."""
    seed: int = 1
    """Same seed, same figures."""
    dataset: Annotated[DatasetName | None, option("{mnist,emnist,glyphs}", "the model's, or emnist for a file")] = None
    """What the images are compared with."""
    data: Annotated[Path | None, option("PATH", "GAME2048_DATA, or a download")] = None
    """Folder of the data files, or of a folder 'mnist' or 'emnist-letters' with them."""
    json: Annotated[bool, SWITCH] = False
    """Print the figures as one JSON object."""

    def run(self) -> None:
        """Measure and write."""
        if self.out.suffix not in (".html", ".png"):
            raise UsageError(f"--out must end in .html or .png, got {self.out}")
        require("--per-class", self.per_class, 6, MAX_PER_CLASS)
        check_seed(self.seed)
        with preparing():
            from generative.measures import report
            from generative.measures.judge import load_judge

            name = self._dataset()
            judge = load_judge(self._judge(name))
            split = load_split(name, self.data)
            prepare_file(self.out)
        evaluate = report.evaluate_images if self.model.suffix == ".npz" else report.evaluate
        with stderr.status("drawing and measuring"):
            evaluation = evaluate(
                self.model, judge, split, per_class=self.per_class, seed=self.seed, compare_with=self.compare
            )
            (report.write_html if self.out.suffix == ".html" else report.write_png)(evaluation, self.out)
        if self.json:
            print(json.dumps(evaluation.as_dict()))
            return
        for row in evaluation.rows:
            f = row.figures
            stdout.print(
                f"{row.name}: accuracy {f.accuracy:.3f} (worst class {f.worst_accuracy:.3f}), Frechet {f.frechet:.3f}, "
                f"coverage {f.coverage:.3f}, recall {f.recall:.3f}, diversity {f.diversity:.3f}, "
                f"sharpness {f.sharpness:.2f}",
                soft_wrap=True,
            )
        stdout.print(f"Wrote {self.out}.", soft_wrap=True)

    def _dataset(self) -> str:
        """Return the name of the data set that the model was trained on."""
        if self.dataset is not None:
            return self.dataset
        if self.model.suffix == ".npz":
            return "emnist"
        from generative.image_model import load

        load(self.model)  # says best what is wrong with a folder
        return dataset_of(self.model)

    def _judge(self, dataset: str) -> Path:
        folder = Path("runs") / f"judge-{dataset}" if self.judge is None else self.judge
        if not folder.exists():
            raise CliError(
                f"no judge at {folder}; train one with: game2048 nets {dataset} --model judge --out "
                f"{shlex.quote(str(folder))}"
            )
        return folder


@dataclass(frozen=True, kw_only=True)
class Generative:
    """Learn to draw: autoencoders, diffusion and a GAN on handwritten digits and letters, all from scratch."""

    command: (
        Annotated[Train, tyro.conf.subcommand("train")]
        | Annotated[Sample, tyro.conf.subcommand("sample")]
        | Annotated[Interpolate, tyro.conf.subcommand("interpolate")]
        | Annotated[Report, tyro.conf.subcommand("report")]
    )

    def run(self) -> None:
        """Run the command."""
        self.command.run()


def dataset_of(model: Path) -> str:
    """Return the name of the data set that a model was trained on; the model is a folder or a file in it."""
    from generative.recipe import read_settings

    return read_settings(model if model.is_dir() else model.parent)[0].data


def load_split(name: str, folder: Path | None) -> "Split":
    """Load a data set by name."""
    from generative.datasets import load_dataset

    return load_or_tell(lambda: load_dataset(name, folder), "--dataset glyphs")
