"""All that a report tells of a model: its figures beside those of others, its images, its training."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from generative.image_model import Images
from generative.measures.calibration import BLURRED
from generative.measures.memorisation import Nearest
from generative.measures.metrics import Figures
from generative.recipe import Recipe

Kind = Literal["model", "reconstruction", "other", "calibration"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of the table."""

    name: str
    """What was measured."""
    kind: Kind
    """The model itself, its reconstructions of test images, another model, or known images."""
    figures: Figures
    """What it came to."""


@dataclass(frozen=True, kw_only=True)
class Speed:
    """How long it took to make the images."""

    images: int
    """How many."""
    seconds: float
    """By the clock."""
    cpu_seconds: float
    """Of the processor, all threads added up."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """All that is told of a model, or of images from elsewhere."""

    title: str
    """What was evaluated."""
    rows: tuple[Row, ...]
    """The table; what was evaluated is its first row."""
    classes: tuple[str, ...]
    """Names."""
    per_class: int
    """Images of each class."""
    seed: int
    """Of the images, and of the choice of known ones."""
    judge_data: str
    """What the judge was trained on."""
    judge_accuracy: float | None
    """Part of all real test images that it reads right."""
    real_accuracy: tuple[float, ...]
    """Part of each class of the reference that it reads right."""
    what: Literal["samples", "reconstructions"]
    """What a model made: new images, or, if it cannot, copies of test images."""
    samples: Images
    """The first of each class, shape (classes * shown, size, size)."""
    confusions: npt.NDArray[np.int64]
    """How many images that were to be i were read as j, shape (classes, classes)."""
    copying: float | None = None
    """See `generative.measures.memorisation.copying`; None for reconstructions."""
    neighbours: Nearest | None = None
    """The first image of each class and the training images nearest to them."""
    originals: Images | None = None
    """Test images, the first of each class."""
    reconstructions: Images | None = None
    """The same from the model's autoencoder."""
    recipe: Recipe | None = None
    """How it was trained."""
    training_seed: int | None = None
    """Of the training."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the model."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of sampling, where not the model's own."""
    parameters: int | None = None
    """How many numbers were learned."""
    speed: Speed | None = None
    """How long it took to make the images."""
    curves: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    """By stage of the training, the rows of its metrics.jsonl."""
    conditional: bool = True
    """Whether the model was told which class to draw; otherwise the accuracy is chance."""

    @property
    def figures(self) -> Figures:
        """Those of what was evaluated."""
        return self.rows[0].figures

    @property
    def blurred(self) -> Figures:
        """Those of real images, blurred."""
        return next(row.figures for row in self.rows if row.name == BLURRED)

    def frechet_ratio(self, figures: Figures) -> float:
        """Return a Frechet distance in parts of that of real images, blurred."""
        return figures.frechet / self.blurred.frechet

    def worst_confusions(self, label: int, least: float = 0.01) -> list[tuple[str, float]]:
        """Return what a class was mostly taken for instead, most often first: names and parts of its images."""
        parts = self.confusions[label] / self.confusions[label].sum()
        order = [int(j) for j in np.argsort(-parts, kind="stable") if j != label and parts[j] >= least]
        return [(self.classes[j], float(parts[j])) for j in order]

    def as_dict(self) -> dict[str, Any]:
        """Return all but the images, in JSON's types; what is infinite, as a bound that there is none of, is None."""
        recipe = None if self.recipe is None else _finite(asdict(self.recipe))
        return {
            "title": self.title,
            "what": self.what,
            **self.figures.as_dict(),
            "worst_class": self.classes[self.figures.worst_class],
            "class_accuracy": dict(zip(self.classes, self.figures.class_accuracy, strict=True)),
            "frechet_ratio": self.frechet_ratio(self.figures),
            "copying": self.copying,
            "seed": self.seed,
            "conditional": self.conditional,
            "judge": {"data": self.judge_data, "accuracy": self.judge_accuracy},
            "training_seed": self.training_seed,
            "recipe": recipe,
            "options": dict(self.options),
            "parameters": self.parameters,
            "speed": None if self.speed is None else asdict(self.speed),
            "rows": [
                {"name": row.name, "kind": row.kind, **row.figures.as_dict(), "frechet_ratio": ratio}
                for row, ratio in ((row, self.frechet_ratio(row.figures)) for row in self.rows)
            ],
        }


def _finite(value: Any) -> Any:
    """Return nested settings with None for numbers that JSON does not have."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
