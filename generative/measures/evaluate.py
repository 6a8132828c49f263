"""Measuring a trained model, or images from a file, beside others and beside known images."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from generative.autoencoders.coder import Coder
from generative.errors import ModelError, SettingError
from generative.image_model import ImageModel, Images, Labels, load
from generative.measures.calibration import calibrate, reference
from generative.measures.evaluation import Evaluation, Row, Speed
from generative.measures.judge import Judge
from generative.measures.memorisation import copying, nearest
from generative.measures.metrics import Described, Figures, compare, describe, reconstruction_error
from generative.recipe import Recipe, read_settings
from generative.training import AUTOENCODER_FOLDER
from nets.data import Split
from nets.metrics import read_metrics
from nets.training import METRICS_NAME

logger = logging.getLogger(__name__)

SHOWN: Final = 12
"""Images a class that an evaluation keeps."""
SEARCHED: Final = 10
"""Images a class whose nearest training images are looked for."""


def evaluate(
    folder: str | Path,
    judge: Judge,
    split: Split,
    *,
    per_class: int = 400,
    seed: int = 1,
    compare_with: Sequence[str | Path] = (),
    options: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Measure a trained model, or its reconstructions if it cannot draw.

    Parameters
    ----------
    folder : path
        Of its run.
    judge : Judge
        Of the same classes.
    split : Split
        The data set: what it was trained on, and test images to measure by.
    per_class : int
        Images of each class.
    seed : int
        Decides the images, all others too.
    compare_with : sequence of path
        Folders of other runs, or ``.npz`` files of images and labels, to be measured likewise.
    options : mapping, optional
        Of the model's ``sample``, such as the number of steps; by default its own.

    Raises
    ------
    ModelError
        If there is no such model, or it is damaged.
    SettingError
        If the judge, the data set and the models are not of the same classes, or there are too few images.
    """
    run, options = _run(Path(folder)), dict(options or {})
    real, known = _known(judge, split, per_class, seed)
    made = _make(run, judge, real, seed, options)
    rows = [Row(name=_named(run), kind="model", figures=made.figures)]
    if run.draws and made.copies is not None:
        rows.append(Row(name="reconstructed test images", kind="reconstruction", figures=made.copies.figures))
    rows += [row for path in compare_with for row in _others(Path(path), judge, real, seed)]
    shown = Evaluation(
        title=run.name,
        what="samples" if run.draws else "reconstructions",
        rows=(*rows, *known),
        options=options,
        recipe=run.recipe,
        training_seed=run.seed,
        settings={key: value for key, value in run.model.config.items() if key != "classes"},
        parameters=sum(p.numel() for p in run.model.parameters()),
        speed=made.speed,
        curves=_curves(run),
        originals=None if made.copies is None else _first(real.images, per_class),
        reconstructions=None if made.copies is None else _first(made.copies.images, per_class),
        conditional=run.conditional,
        **_common(made.described, judge, real, seed),
    )
    return _with_neighbours(shown, made.described, real, split) if run.draws else shown


def evaluate_images(
    path: str | Path,
    judge: Judge,
    split: Split,
    *,
    per_class: int | None = None,
    seed: int = 1,
    compare_with: Sequence[str | Path] = (),
) -> Evaluation:
    """Measure images from a file, as `evaluate` measures those of a model.

    Parameters
    ----------
    path : path
        An ``.npz`` file, see `read_images`.
    per_class : int, optional
        So many of each class, the first ones; by default all.
    judge, split, seed, compare_with
        As in `evaluate`.

    Raises
    ------
    SettingError
        If the file is not of such images, or there are too few.
    """
    images, labels = read_images(path)
    described = describe(*_leading(images, labels, per_class), judge)
    real, rows = _known(judge, split, described.per_class, seed)
    others = [row for other in compare_with for row in _others(Path(other), judge, real, seed)]
    title = Path(path).name
    shown = Evaluation(
        title=title,
        rows=(Row(name=title, kind="model", figures=compare(described, real)), *others, *rows),
        what="samples",
        **_common(described, judge, real, seed),
    )
    return _with_neighbours(shown, described, real, split)


def read_images(path: str | Path) -> tuple[Images, Labels]:
    """Read an ``.npz`` file of ``images``, floats in [0, 1], shape (n, size, size), and ``labels``, ints from 0.

    Raises
    ------
    SettingError
        If the file is missing or something else; what is in it is checked when it is measured.
    """
    try:
        with Path(path).open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            return np.asarray(file["images"]), np.asarray(file["labels"])
    except FileNotFoundError:
        raise SettingError(f"no images at {path}") from None
    except Exception as error:  # damage shows as BadZipFile, zlib.error, TokenError and more, depending on where it is
        raise SettingError(f"{path} must be an .npz file with the arrays images and labels: {error}") from error


# --- the parts of an evaluation ---


@dataclass(frozen=True)
class _Run:
    """A model and where it comes from."""

    folder: Path
    model: ImageModel
    recipe: Recipe
    seed: int

    @property
    def name(self) -> str:
        return f"{self.recipe.family} {self.recipe.name} ({self.folder.name})"

    @property
    def conditional(self) -> bool:
        """Whether it is told which class to draw; reconstructions are of their class anyway."""
        return bool(getattr(self.model, "conditional", True)) or not self.draws

    @property
    def draws(self) -> bool:
        return self.model.draws


@dataclass(frozen=True)
class _Copies:
    """Test images as an autoencoder gives them back."""

    images: Images
    described: Described
    figures: Figures


@dataclass(frozen=True)
class _Made:
    """What a model made: new images if it can draw, otherwise the copies."""

    described: Described
    figures: Figures
    speed: Speed
    copies: _Copies | None


def _run(folder: Path) -> _Run:
    model = load(folder)
    folder = folder if folder.is_dir() else folder.parent
    return _Run(folder.resolve(), model, *read_settings(folder))


def _known(judge: Judge, split: Split, per_class: int, seed: int) -> tuple[Described, list[Row]]:
    """Return the reference, and the rows of known images."""
    if split.test.classes != judge.classes:
        raise SettingError(f"judge must be of the data's classes {split.test.classes}, got {judge.classes}")
    logger.info("measuring known images")
    real = reference(split, per_class, judge)
    known = calibrate(split, real, seed, judge)
    return real, [Row(name=name, kind="calibration", figures=figures) for name, figures in known.items()]


def _make(run: _Run, judge: Judge, real: Described, seed: int, options: Mapping[str, Any]) -> _Made:
    """Draw from a model, and let it reconstruct the reference if there is an autoencoder in it."""
    if run.model.classes != judge.classes or run.model.size != judge.size:
        raise SettingError(f"judge must be of the classes and the size of {run.folder.name}: {run.model.classes}")
    logger.info("drawing from %s", run.name)
    start, cpu = time.perf_counter(), time.process_time()
    copies = _reconstruct(run.model, real, judge)
    if not run.draws:
        if copies is None:
            raise ModelError(f"{run.folder.name} can neither draw nor reconstruct images")
        return _Made(copies.described, copies.figures, _speed(real, start, cpu), copies)
    start, cpu = time.perf_counter(), time.process_time()
    images = run.model.sample(real.labels, generator=np.random.default_rng(seed), **options)
    speed = _speed(real, start, cpu)
    described = describe(images, real.labels, judge)
    return _Made(described, compare(described, real), speed, copies)


def _speed(real: Described, start: float, cpu: float) -> Speed:
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
    return Speed(images=len(real.labels), seconds=seconds, cpu_seconds=cpu_seconds)


def _reconstruct(model: ImageModel, real: Described, judge: Judge) -> _Copies | None:
    """Return the reference as the model, or the autoencoder that is a part of it, gives it back."""
    coder = getattr(model, "autoencoder", model)
    if not isinstance(coder, Coder):
        return None
    images = coder.reconstruct(real.images, real.labels)
    described = describe(images, real.labels, judge)
    figures = replace(compare(described, real), reconstruction_error=reconstruction_error(real.images, images))
    return _Copies(images, described, figures)


def _others(path: Path, judge: Judge, real: Described, seed: int) -> list[Row]:
    """Measure another model, or a file of images."""
    if path.suffix == ".npz":
        described = describe(*_leading(*read_images(path), real.per_class), judge)
        return [Row(name=path.name, kind="other", figures=compare(described, real))]
    run = _run(path)
    made = _make(run, judge, real, seed, {})
    rows = [Row(name=_named(run), kind="other", figures=made.figures)]
    if run.draws and made.copies is not None and not run.conditional:  # what can be said of it, class by class
        rows.append(Row(name=f"{run.name}: reconstructions", kind="other", figures=made.copies.figures))
    return rows


def _named(run: _Run) -> str:
    if not run.draws:
        return f"{run.name}: reconstructions"
    return run.name if run.conditional else f"{run.name}, not told the class"


def _common(described: Described, judge: Judge, real: Described, seed: int) -> dict[str, Any]:
    """Return what is told of images, whoever made them."""
    confusions = np.zeros((len(judge.classes), len(judge.classes)), np.int64)
    np.add.at(confusions, (described.labels, described.verdict.guesses), 1)
    return {
        "classes": judge.classes,
        "per_class": described.per_class,
        "seed": seed,
        "judge_data": judge.data,
        "judge_accuracy": judge.accuracy,
        "real_accuracy": tuple(real.class_accuracy.tolist()),
        "samples": _first(described.images, described.per_class, SHOWN),
        "confusions": confusions,
    }


def _with_neighbours(shown: Evaluation, described: Described, real: Described, split: Split) -> Evaluation:
    """Add the training images that made and test images are nearest to."""
    logger.info("looking for the nearest training images")
    made, test = (_first(images, described.per_class, SEARCHED) for images in (described.images, real.images))
    found = nearest(np.concatenate([made, test]), split.train.images)  # once through the training images, for both
    of_made, of_test = found.take(slice(len(made))), found.take(slice(len(made), None))
    first = of_made.take(slice(None, None, len(made) // len(shown.classes)))
    return replace(shown, copying=copying(of_made, of_test), neighbours=first)


def _first(images: Images, per_class: int, n: int = 1) -> Images:
    """Return the first n images of each class, of images in the order of their classes."""
    by_class = images.reshape(-1, per_class, *images.shape[1:])[:, :n]
    return by_class.reshape(-1, *images.shape[1:])


def _leading(images: Images, labels: Labels, per_class: int | None) -> tuple[Images, Labels]:
    """Return the first images of each label, or all."""
    if per_class is None or labels.ndim != 1 or len(labels) != len(images):
        return images, labels  # what is wrong with them, `describe` says
    chosen = np.concatenate([np.flatnonzero(labels == label)[:per_class] for label in np.unique(labels)])
    return images[chosen], labels[chosen]


def _curves(run: _Run) -> dict[str, list[dict[str, Any]]]:
    """Return the metrics of each stage of the training, as far as they are there."""
    stages = {f"{run.recipe.family} {run.recipe.name}": run.folder}
    if run.recipe.autoencoder is not None:
        stages = {f"autoencoder {run.recipe.autoencoder.name}": run.folder / AUTOENCODER_FOLDER, **stages}
    found = {name: read_metrics(folder / METRICS_NAME) for name, folder in stages.items()}
    return {name: rows for name, rows in found.items() if rows}
