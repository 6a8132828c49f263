"""Complete settings that train the models of `nets.models` on images, and the functions that follow them.

All settings were chosen by the accuracy on images that were held out of the training data, never on the test images.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from nets import functional as F  # noqa: N812  # as everywhere in the field
from nets import models, optim, random, schedules
from nets.data import (
    Compose,
    DataLoader,
    ElasticDistortion,
    LabelledImages,
    RandomAffine,
    Split,
    Transform,
    as_float,
    glyphs,
)
from nets.errors import ArgumentError, CheckpointError
from nets.evaluation import Metrics, Objective, classification, evaluate
from nets.files import write_json
from nets.tensor import Tensor
from nets.training import Callback, Trainer

SETTINGS_NAME: Final = "settings.json"
EVALUATION_BATCH: Final = 500


@dataclass(frozen=True, kw_only=True)
class Distortion:
    """How images are varied at random; see `nets.data.RandomAffine` and `nets.data.ElasticDistortion`."""

    shift: float = 2.0
    """Pixels."""
    rotation: float = 12.0
    """Degrees."""
    scale: float = 0.12
    """Fraction of the size."""
    shear: float = 0.15
    """Pixels sideways a pixel up."""
    alpha: float = 34.0
    """Strength of the elastic part, 0 for none."""
    sigma: float = 5.0
    """Stiffness of the elastic part, in pixels."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to train a model."""

    model: str
    """Name in `nets.models`."""
    name: str = ""
    """What the command line calls it, where that is not the model."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Settings of the model beside the number of classes."""
    epochs: int = 10
    """Times through the training data."""
    batch_size: int = 128
    """Images a step; the few that are left in the end of an epoch are skipped."""
    held_out: int = 5_000
    """So many training images, equally many of each class, are not trained with, but tell the best epoch."""
    loss: Literal["softmax", "sigmoid"] = "softmax"
    """Cross-entropy of one distribution over the classes, or one of each output neuron by itself, as in the book."""
    label_smoothing: float = 0.0
    """Of the softmax."""
    balanced: bool = False
    """Learn as if all classes were equally frequent, which in the training data they may not be."""
    optimizer: Literal["sgd", "adamw"] = "adamw"
    """Rule."""
    lr: float = 1e-3
    """Highest learning rate."""
    weight_decay: float = 0.01
    """Of the rule."""
    schedule: Literal["constant", "cosine"] = "cosine"
    """Whether the learning rate falls to 0."""
    warmup: int = 0
    """Steps in which it first rises."""
    ema: float | None = None
    """Decay of the average of weights."""
    distortion: Distortion | None = None
    """How images are varied, each time they are seen."""


_NIELSEN: Final = Recipe(
    model="nielsen",
    epochs=60,
    batch_size=10,
    held_out=10_000,
    loss="sigmoid",
    optimizer="sgd",
    lr=0.1,
    weight_decay=1e-4,  # lambda / n = 5 / 50,000
    schedule="constant",
)
_MLP: Final = Recipe(model="mlp", epochs=12, lr=2e-3, label_smoothing=0.05, warmup=200)
_AUGMENTED: Final = replace(
    _MLP,
    name="mlp-augmented",
    settings={"hidden": [1024, 512]},
    epochs=30,
    lr=1.5e-3,
    warmup=300,
    ema=0.998,
    distortion=Distortion(),
)
_CONV: Final = Recipe(
    model="conv", epochs=20, lr=3e-3, label_smoothing=0.05, warmup=300, ema=0.998, distortion=Distortion()
)
_JUDGE: Final = replace(_CONV, name="judge", settings={"embedding": 128})  # its embedding measures generated images
_EMNIST_CONV: Final = replace(
    _CONV,
    held_out=5_200,
    balanced=True,
    epochs=12,
    label_smoothing=0.1,
    ema=0.999,
    distortion=Distortion(rotation=10.0, scale=0.1, shear=0.1, alpha=25.0),
)

RECIPES: Final[dict[str, dict[str, Recipe]]] = {
    "mnist": {"nielsen": _NIELSEN, "mlp": _MLP, "mlp-augmented": _AUGMENTED, "conv": _CONV, "judge": _JUDGE},
    "emnist": {
        "nielsen": replace(_NIELSEN, epochs=30, held_out=5_200),
        "mlp": replace(_MLP, settings={"hidden": [512, 256]}, held_out=5_200, balanced=True),
        "mlp-augmented": replace(_AUGMENTED, held_out=5_200, balanced=True),
        "conv": _EMNIST_CONV,
        "judge": replace(_EMNIST_CONV, name="judge", settings={"embedding": 128}),
    },
    "glyphs": {
        "nielsen": replace(_NIELSEN, epochs=30, held_out=2_080),
        "mlp": replace(_MLP, held_out=2_080),
        "mlp-augmented": replace(_AUGMENTED, held_out=2_080),
        "conv": replace(_CONV, epochs=8, held_out=2_080),
        "judge": replace(_JUDGE, epochs=8, held_out=2_080),
    },
}
"""By data set, then by the name on the command line: ``game2048 nets mnist --model conv``.

Right test images in percent, each model tested once, after its recipe was fixed; CPU time of the whole command with
one thread (``OPENBLAS_NUM_THREADS=1``) on a core of an EPYC:

=======  =============  ==========================  ===========
data     model          seed 0, 1, 2                CPU seconds
=======  =============  ==========================  ===========
mnist    mlp            98.53, 98.60, 98.53         11
mnist    nielsen        97.97, 97.93, 97.88         94
mnist    mlp-augmented  99.32                       266
mnist    conv           99.50                       628
emnist   conv           94.32                       726
glyphs   mlp            99.72                       6
=======  =============  ==========================  ===========

The letters of EMNIST were not the official split: 110,048 images to train with and 17,600 to test. Half of the
mistakes there are I for L, L for I and G for Q, which look alike when one is written small. The generated letters to
test with are drawn from the faces that are trained with.
"""

GLYPHS_TRAIN: Final = 22_000
GLYPHS_TEST: Final = 5_000


def generated_letters() -> Split:
    """Return the generated capital letters, always the same ones; the test images come from a stream of their own."""
    return Split(glyphs(GLYPHS_TRAIN, generator=20_480), glyphs(GLYPHS_TEST, generator=20_481))


def make_trainer(
    recipe: Recipe,
    data: LabelledImages,
    seed: int,
    *,
    folder: Path | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    callbacks: Sequence[Callback] = (),
) -> Trainer:
    """Set up all that a recipe asks for.

    Parameters
    ----------
    recipe : Recipe
    data : LabelledImages
        The training data, of which `hold_out` takes some for the validation.
    seed : int
        Of weights, dropout, order and augmentation: same seed, same weights, bit for bit (on one machine and number
        of threads).
    folder, should_stop, callbacks
        As in `Trainer`.

    Raises
    ------
    ArgumentError
        If there is too little data, or the recipe breaks a rule.
    """
    train, held_out = hold_out(data, recipe.held_out)
    if len(train) < recipe.batch_size or not len(held_out):
        raise ArgumentError(
            f"{len(data)} images are too few: {recipe.held_out} are held out, and a batch has {recipe.batch_size}"
        )
    random.manual_seed(seed)
    size, n_classes = data.images.shape[-1], len(data.classes)
    model = models.build(recipe.model, size=size, n_classes=n_classes, **recipe.settings)
    loader = DataLoader(
        train,
        batch_size=recipe.batch_size,
        shuffle=True,
        generator=np.random.default_rng([seed, 1]),
        drop_last=True,
        transform=Compose(as_float, *_augmentation(recipe.distortion, seed)),
    )
    validation, measured = _in_order(held_out), _objective(recipe, n_classes)
    priors = np.bincount(train.labels, minlength=n_classes) / len(train) if recipe.balanced else None
    rule = {"sgd": optim.SGD, "adamw": optim.AdamW}[recipe.optimizer]
    optimizer = rule(model.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay)
    schedule = None
    if recipe.schedule == "cosine":
        n_steps = recipe.epochs * len(loader)
        schedule = schedules.CosineLR(optimizer, n_steps, warmup=min(recipe.warmup, n_steps // 2))
    return Trainer(
        model,
        optimizer,
        loader,
        _objective(recipe, n_classes, recipe.label_smoothing, priors),
        validate=lambda model: evaluate(model, validation, measured),
        monitor="accuracy",
        higher_is_better=True,
        schedule=schedule,
        ema=None if recipe.ema is None else schedules.EMA(model, recipe.ema),
        folder=folder,
        should_stop=should_stop,
        callbacks=callbacks,
    )


def hold_out(data: LabelledImages, n: int) -> tuple[LabelledImages, LabelledImages]:
    """Return the data without some images, and those: of each class the last n / classes, or a fifth if it has less."""
    taken = np.zeros(len(data), bool)
    for label in range(len(data.classes)):
        found = np.flatnonzero(data.labels == label)
        count = min(n // len(data.classes), len(found) // 5)
        taken[found[len(found) - count :]] = True
    return data.take(np.flatnonzero(~taken)), data.take(np.flatnonzero(taken))


def measure(recipe: Recipe, trainer: Trainer, data: LabelledImages) -> Metrics:
    """Return loss and accuracy of a trained model on the test images."""
    return evaluate(trainer.model, _in_order(data), _objective(recipe, len(data.classes)))


def write_settings(folder: Path, data: str, recipe: Recipe, seed: int) -> None:
    """Remember what a run does, for people and for `read_settings`."""
    write_json(folder / SETTINGS_NAME, {"data": data, "seed": seed, "recipe": asdict(recipe)})


def read_settings(folder: Path) -> tuple[str, Recipe, int]:
    """Return what `write_settings` was given: the data set, the recipe, the seed.

    Raises
    ------
    CheckpointError
        If there is no run in the folder, or the file is damaged.
    """
    path = folder / SETTINGS_NAME
    if not path.is_file():
        raise CheckpointError(f"no run in {folder}: there is no {SETTINGS_NAME}")
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        recipe = dict(saved["recipe"])
        if recipe["distortion"] is not None:
            recipe["distortion"] = Distortion(**recipe["distortion"])
        return str(saved["data"]), Recipe(**recipe), int(saved["seed"])
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} is damaged: {error!r}") from error


def _in_order(data: LabelledImages) -> DataLoader:
    return DataLoader(data, batch_size=EVALUATION_BATCH, transform=as_float)


def _augmentation(distortion: Distortion | None, seed: int) -> list[Transform]:
    if distortion is None:
        return []
    affine = RandomAffine(
        shift=distortion.shift,
        rotation=distortion.rotation,
        scale=distortion.scale,
        shear=distortion.shear,
        generator=np.random.default_rng([seed, 2]),
    )
    if not distortion.alpha:
        return [affine]
    generator = np.random.default_rng([seed, 3])
    return [ElasticDistortion(alpha=distortion.alpha, sigma=distortion.sigma, affine=affine, generator=generator)]


def _objective(
    recipe: Recipe, n_classes: int, smoothing: float = 0.0, priors: npt.NDArray[np.float64] | None = None
) -> Objective:
    """Return loss and accuracy; with priors, those in training.

    Where class j is drawn with probability pi_j, the softmax of z + log pi is what fits the data; z alone then
    belongs to classes that are equally frequent. A. K. Menon et al., arXiv:2007.07314, equation 10.
    """
    shift = None if priors is None else Tensor(np.log(np.maximum(priors, 1e-9)).astype(np.float32))

    def softmax(outputs: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(outputs if shift is None else outputs + shift, labels, label_smoothing=smoothing)

    def sigmoid(outputs: Tensor, labels: Tensor) -> Tensor:
        terms = F.binary_cross_entropy_with_logits(outputs, F.one_hot(labels, n_classes), reduction="none")
        return terms.sum(1).mean()

    return classification({"softmax": softmax, "sigmoid": sigmoid}[recipe.loss])
