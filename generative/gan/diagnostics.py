"""What goes wrong in adversarial training, in numbers: modes that are never drawn, and one side that wins.

Drawing only a few kinds of images is called mode collapse. It does not show in the losses, and hardly in single
images; it shows in what a classifier of real images says of many of them. With p_k the share of drawings that it takes
for class k, their entropy is H = - sum_k p_k log p_k: log K where all K classes are drawn equally often, 0 where one
is, so that exp(H) counts the classes that are in use.

A side that wins shows in how often the discriminator is right, and in what is left for the generator to learn from
(``d_real``, ``d_fake`` and ``g_signal`` of `generative.gan.objective`).
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from generative.errors import SettingError
from generative.image_model import Images, check_labels
from generative.measures.classifier import Floats, entropy

REACHED: Final = 0.01
"""A class counts as reached if so many of the drawings are of it."""
CURVES: Final = ("d_loss", "g_loss", "d_real", "d_fake", "g_signal")


@dataclass(frozen=True, kw_only=True, eq=False)
class ModeCoverage:
    """Which classes are drawn, and how different the drawings of one class are."""

    shares: Floats
    """ndarray of float64, shape (classes,): p_k."""
    diversity: Floats
    """ndarray of float64, shape (classes,): see `diversity_within`; NaN for a class with less than two drawings."""

    @property
    def reached(self) -> int:
        """Number of classes that at least `REACHED` of the drawings are of."""
        return int((self.shares >= REACHED).sum())

    @property
    def entropy(self) -> float:
        """H, in nats."""
        return float(entropy(self.shares))

    @property
    def effective(self) -> float:
        """exp(H), between 1 and the number of classes."""
        return math.exp(self.entropy)


def mode_coverage(images: Images, predictions: npt.ArrayLike, n_classes: int) -> ModeCoverage:
    """Return which classes are drawn, and how diversely.

    Parameters
    ----------
    images : ndarray of float, shape (n, height, width)
        Drawings, of a conditional model equally many of each class.
    predictions : array of int, shape (n,)
        What each is taken for, as by `generative.measures.classifier.classify`.
    n_classes : int
        Of the classifier.

    Raises
    ------
    SettingError
        If there is no image, or the shapes or classes do not fit.
    """
    classes = check_labels(predictions, n_classes, "predictions")
    if not len(classes) or len(images) != len(classes):
        raise SettingError(f"there must be one prediction an image, and one image, got {len(classes)}, {len(images)}")
    shares = np.bincount(classes, minlength=n_classes) / len(classes)
    diversity = [diversity_within(images[classes == k]) for k in range(n_classes)]
    return ModeCoverage(shares=shares, diversity=np.array(diversity))


def diversity_within(images: Images) -> float:
    """Return the root of the mean squared distance, in pixels, of two different images; NaN for less than two.

    The mean over pairs is twice the variance, sum over pixels, with n - 1 in the denominator.
    """
    if len(images) < 2:
        return math.nan
    flat = images.reshape(len(images), -1).astype(np.float64)
    return math.sqrt(2 * float(flat.var(axis=0, ddof=1).sum()))


def history(rows: Iterable[Mapping[str, Any]]) -> dict[str, Floats]:
    """Return the curves of a run, from the rows of its metrics.jsonl.

    Returns
    -------
    dict of str to ndarray of float64, shape (epochs,)
        ``step``, and what is in `CURVES`.

    Raises
    ------
    SettingError
        If the rows are not of a GAN.
    """
    found = list(rows)
    try:
        return {name: np.array([float(row[name]) for row in found]) for name in ("step", *CURVES)}
    except KeyError as error:
        raise SettingError(f"rows must be a GAN's metrics, with {', '.join(CURVES)}; there is no {error}") from error
