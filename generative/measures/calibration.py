"""Known images, measured as made ones are, so that one knows how to read the figures of a model.

Real images that are not those of the reference say how good a figure can be; blurred ones and a few that are repeated
say how bad it is when all is smeared, or all is the same.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from generative.errors import SettingError
from generative.image_model import Images, Labels
from generative.measures.judge import Judge
from generative.measures.metrics import Described, Figures, compare, describe
from nets.data import LabelledImages, Split, as_float

SIGMAS: Final = (0.7, 1.0)
"""Standard deviations of the blurs, in pixels."""
REPEATED: Final = 8
"""Images a class that are repeated."""
BLURRED: Final = "real, blurred, sigma 0.7"
"""The calibration that Frechet distances are quoted beside."""


def reference(split: Split, per_class: int, judge: Judge) -> Described:
    """Return what all images are measured against, the first test images of each class.

    Raises
    ------
    SettingError
        If there are not so many, or too few of them to measure by.
    """
    return describe(*first_of_each(split.test, per_class), judge)


def calibrate(split: Split, real: Described, seed: int, judge: Judge) -> dict[str, Figures]:
    """Measure known images against the reference.

    Parameters
    ----------
    split : Split
        The data set; its training images are what is measured.
    real : Described
        Made by `reference`.
    seed : int
        Decides which training images.
    judge : Judge

    Returns
    -------
    dict of str to Figures
        By what the images are.
    """
    images, labels = draw_of_each(split.train, real.per_class, np.random.default_rng(seed))
    known: dict[str, npt.NDArray[np.float32]] = {"real training images": images}
    known |= {f"real, blurred, sigma {sigma}": blur(images, sigma) for sigma in SIGMAS}
    known[f"{REPEATED} real images a class, repeated"] = repeat(images, real.per_class)
    return {name: compare(describe(pictures, labels, judge), real) for name, pictures in known.items()}


def first_of_each(data: LabelledImages, per_class: int) -> tuple[Images, Labels]:
    """Return the first images of each class, in the order of the classes, and their labels.

    Raises
    ------
    SettingError
        If a class has not so many.
    """
    return _take(data, [found[:per_class] for found in _by_class(data, per_class)])


def draw_of_each(data: LabelledImages, per_class: int, generator: np.random.Generator) -> tuple[Images, Labels]:
    """Return random images of each class without repetition, in the order of the classes, and their labels.

    Raises
    ------
    SettingError
        If a class has not so many.
    """
    return _take(data, [generator.choice(found, per_class, replace=False) for found in _by_class(data, per_class)])


def repeat(images: Images, per_class: int, n: int = REPEATED) -> Images:
    """Return, of images in the order of their classes, the first n of each again and again.

    >>> repeat(np.arange(10, dtype=np.float32).reshape(10, 1, 1), per_class=5, n=2).ravel().tolist()
    [0.0, 1.0, 0.0, 1.0, 0.0, 5.0, 6.0, 5.0, 6.0, 5.0]
    """
    starts = np.arange(0, len(images), per_class)
    return np.asarray(images[(starts[:, None] + np.arange(per_class) % n).ravel()])


def blur(images: npt.NDArray[np.floating[Any]], sigma: float) -> Images:
    """Return images under a Gaussian filter, exp(-d^2 / (2 sigma^2)) normalised; around an image there is paper.

    Parameters
    ----------
    images : ndarray of float, shape (n, height, width)
    sigma : float
        Standard deviation in pixels; weights further than four of them are left out.

    Raises
    ------
    SettingError
        If ``sigma`` is not above 0.

    Notes
    -----
    The filter is one along the columns, then one along the rows, each a product with a matrix of a band.
    """
    if not sigma > 0:
        raise SettingError(f"sigma must be above 0, got {sigma}")
    height, width = images.shape[1:]
    blurred = _band(height, sigma) @ images @ _band(width, sigma)
    return np.asarray(blurred, np.float32).clip(0, 1)


def _band(n: int, sigma: float) -> npt.NDArray[np.float64]:
    """Return the symmetric matrix of a Gaussian filter along n pixels."""
    reach = np.arange(-int(4 * sigma + 0.5), int(4 * sigma + 0.5) + 1)
    total = np.exp(-np.square(reach) / (2 * sigma**2)).sum()
    distance = np.subtract.outer(np.arange(n), np.arange(n))
    weights = np.exp(-np.square(distance) / (2 * sigma**2)) / total
    return np.where(np.abs(distance) <= reach[-1], weights, 0.0)


def _by_class(data: LabelledImages, per_class: int) -> list[npt.NDArray[np.intp]]:
    """Return the indices of each class."""
    counts = np.bincount(data.labels, minlength=len(data.classes))
    if not 1 <= per_class <= counts.min():
        fewest = data.classes[int(counts.argmin())]
        raise SettingError(f"per_class must be from 1 to {counts.min()}, the images of {fewest}, got {per_class}")
    return [np.flatnonzero(data.labels == label) for label in range(len(data.classes))]


def _take(data: LabelledImages, indices: list[npt.NDArray[np.intp]]) -> tuple[Images, Labels]:
    chosen = np.concatenate(indices)
    return as_float(data.images[chosen])[:, 0], data.labels[chosen].astype(np.int64)
