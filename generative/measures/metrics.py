"""How good made images are, in numbers: legible, real, various and sharp.

No number says it alone. Eight real images a class, again and again, have a perfect accuracy and density, but no
coverage; blurred images have a fair accuracy, but a poor Frechet distance and no sharpness.
`generative.measures.calibration` measures such images, so that the scale is known.

All are measured against as many real images a class, in the features of a `generative.measures.judge.Judge`: values
depend on the judge and on the number of images, and compare only within one of each.

References
----------
.. [1] M. Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", 2017,
   arXiv:1706.08500.
.. [2] M. F. Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative Models", 2020, arXiv:2002.09797.
.. [3] T. Kynkaanniemi et al., "Improved Precision and Recall Metric for Assessing Generative Models", 2019,
   arXiv:1904.06991.

Notes
-----
Departures: density, coverage and recall are those of each class by itself, averaged, since an A that lies among the Bs
is no good A; the papers take all classes at once, and the features of networks that were trained on photographs. Balls
are closed, so that the coverage of a set by itself is 1 even where an image is in it twice. Recall has the k of [2]_,
5, where [3]_ has 3.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from generative.errors import SettingError
from generative.image_model import Images, Labels, check_labels
from generative.measures.frechet import Gaussian, fit, frechet_distance
from generative.measures.judge import Judge, Verdict, check_images
from generative.measures.neighbours import mean_distance, squared_distances, squared_radii

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
NEIGHBOURS: Final = 5
"""k of density, coverage and recall."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What made images came to, beside real ones; 1 is as good as real where nothing else is said."""

    per_class: int
    """Images a class, on both sides."""
    accuracy: float
    """Part of the images that the judge takes for what was asked; how well it reads real ones is the limit."""
    class_accuracy: tuple[float, ...]
    """The same of each class."""
    frechet: float
    """Squared Frechet distance of the features' Gaussians; 0 is as good as real, lower is better."""
    density: float
    """How many real balls an image lies in, relative to k; how real the images are. May be above 1."""
    coverage: float
    """Part of the real balls with an image in them; how much of what is real is made."""
    recall: float
    """Part of the real images in the balls of the made ones."""
    diversity: float
    """Mean distance of the features of two images of a class, relative to real ones."""
    sharpness: float
    """Mean Laplacian energy relative to real images."""
    reconstruction_error: float | None = None
    """Mean squared error a pixel, of images that are reconstructions."""

    @property
    def worst_class(self) -> int:
        """The class that is read worst."""
        return int(np.argmin(self.class_accuracy))

    @property
    def worst_accuracy(self) -> float:
        """How well it is read."""
        return min(self.class_accuracy)

    def as_dict(self) -> dict[str, Any]:
        """Return all, in JSON's types."""
        values = {**asdict(self), "class_accuracy": list(self.class_accuracy)}
        return {**values, "worst_class": self.worst_class, "worst_accuracy": self.worst_accuracy}


def measure(
    images: npt.ArrayLike,
    labels: npt.ArrayLike,
    reference_images: npt.ArrayLike,
    reference_labels: npt.ArrayLike,
    judge: Judge,
) -> Figures:
    """Measure made images against real ones.

    Parameters
    ----------
    images : array of float in [0, 1] or of uint8, shape (n, size, size)
        Made ones, equally many of each class.
    labels : array of int, shape (n,)
        What each was asked to be.
    reference_images, reference_labels : array
        Real ones that no model was trained with, as many of each class.
    judge : Judge

    Raises
    ------
    SettingError
        If images or labels are invalid, of unequal classes, or fewer than six a class.
    """
    reference = describe(reference_images, reference_labels, judge, "reference_images", "reference_labels")
    return compare(describe(images, labels, judge), reference)


@dataclass(frozen=True, eq=False)
class Described:
    """Images, equally many of each class and in the order of their classes, as a judge sees them."""

    images: Images
    labels: Labels
    verdict: Verdict
    n_classes: int

    @property
    def per_class(self) -> int:
        """Images a class."""
        return len(self.labels) // self.n_classes

    def by_class(self) -> Iterator[Floats]:
        """Return the features of each class in turn, shape (per_class, d)."""
        return iter(self.verdict.features.reshape(self.n_classes, self.per_class, -1))

    @cached_property
    def radii(self) -> list[Floats]:
        """Of each class, the squared distances to the k-th neighbours."""
        return [squared_radii(features, NEIGHBOURS) for features in self.by_class()]

    @cached_property
    def spread(self) -> Floats:
        """Of each class, the mean distance of two images."""
        return np.array([mean_distance(features) for features in self.by_class()])

    @cached_property
    def gaussian(self) -> Gaussian:
        """The Gaussian of all features."""
        return fit(self.verdict.features)

    @cached_property
    def energy(self) -> float:
        """The mean Laplacian energy."""
        return float(laplacian_energy(self.images).mean())

    @property
    def class_accuracy(self) -> Floats:
        """Part of each class that the judge reads right, shape (n_classes,)."""
        right = self.verdict.guesses == self.labels
        return np.asarray(right.reshape(self.n_classes, self.per_class).mean(1))


def describe(
    images: npt.ArrayLike,
    labels: npt.ArrayLike,
    judge: Judge,
    images_name: str = "images",
    labels_name: str = "labels",
) -> Described:
    """Let a judge look at images, and sort them by class.

    Raises
    ------
    SettingError
        As `measure`; with the names of the arguments.
    """
    pictures = check_images(images, judge.size, images_name)
    classes = check_labels(labels, len(judge.classes), labels_name)
    if len(pictures) != len(classes):
        raise SettingError(f"{labels_name} must be one an image, got {len(classes)} for {len(pictures)} images")
    counts = np.bincount(classes, minlength=len(judge.classes))
    if counts.min() != counts.max():
        few, many = int(counts.argmin()), int(counts.argmax())
        raise SettingError(
            f"{images_name} must be equally many of each class, "
            f"got {counts[few]} of {judge.classes[few]} and {counts[many]} of {judge.classes[many]}"
        )
    if counts.min() <= NEIGHBOURS:
        raise SettingError(f"{images_name} must be at least {NEIGHBOURS + 1} of each class, got {counts.min()}")
    order = np.argsort(classes, kind="stable")
    return Described(pictures[order], classes[order], judge(pictures[order]), len(judge.classes))


def compare(made: Described, real: Described) -> Figures:
    """Return the figures of images that were described already.

    Raises
    ------
    SettingError
        If there are more of one than of the other, or other classes.
    """
    if (made.per_class, made.n_classes) != (real.per_class, real.n_classes):
        raise SettingError(
            "images must be as many as reference_images, "
            f"got {made.n_classes} x {made.per_class} and {real.n_classes} x {real.per_class}"
        )
    density, coverage, recall = _manifolds(made, real)
    return Figures(
        per_class=made.per_class,
        accuracy=float(made.class_accuracy.mean()),
        class_accuracy=tuple(made.class_accuracy.tolist()),
        frechet=frechet_distance(made.gaussian, real.gaussian),
        density=density,
        coverage=coverage,
        recall=recall,
        diversity=float((made.spread / real.spread).mean()),
        sharpness=made.energy / real.energy,
    )


def _manifolds(made: Described, real: Described) -> tuple[float, float, float]:
    """Return density and coverage [2]_ and recall [3]_, the means over the classes."""
    density, coverage, recall = [], [], []
    for x, y, real_radii, made_radii in zip(real.by_class(), made.by_class(), real.radii, made.radii, strict=True):
        squares = squared_distances(x, y)  # (real, made)
        inside = squares <= real_radii[:, None]
        density.append(inside.sum() / (NEIGHBOURS * len(y)))
        coverage.append(inside.any(1).mean())
        recall.append((squares <= made_radii).any(1).mean())
    return float(np.mean(density)), float(np.mean(coverage)), float(np.mean(recall))


# --- in pixels ---


def laplacian_energy(images: npt.NDArray[np.floating[Any]]) -> Floats:
    """Return the mean square of each image's Laplacian, four times a pixel less its neighbours; high if it is sharp.

    Parameters
    ----------
    images : ndarray of float, shape (n, height, width)

    Returns
    -------
    ndarray of float64, shape (n,)
        Around an image there is paper.
    """
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1))).astype(np.float64)
    middle = padded[:, 1:-1, 1:-1]
    sides = padded[:, :-2, 1:-1] + padded[:, 2:, 1:-1] + padded[:, 1:-1, :-2] + padded[:, 1:-1, 2:]
    return np.asarray(np.square(4 * middle - sides).mean((1, 2)))


def reconstruction_error(images: npt.ArrayLike, reconstructions: npt.ArrayLike) -> float:
    """Return the mean squared error a pixel.

    Raises
    ------
    SettingError
        If the shapes differ.
    """
    x, y = np.asarray(images, np.float64), np.asarray(reconstructions, np.float64)
    if x.shape != y.shape or not x.size:
        raise SettingError(f"reconstructions must have the shape of the images, {x.shape}, got {y.shape}")
    return float(np.square(x - y).mean())
