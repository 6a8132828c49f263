"""Whether a model copies what it learned from: the training images that made images are nearest to."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from generative.errors import SettingError
from generative.image_model import Images
from generative.measures.neighbours import squared_distances
from nets.data import as_float

CHUNK: Final = 8192
"""Training images at a time."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Nearest:
    """The training image that each of some images is nearest to."""

    images: Images
    """What was looked for."""
    found: Images
    """What is nearest."""
    distances: npt.NDArray[np.float64]
    """Mean squared difference a pixel of the two, ndarray of float64, shape (n,)."""

    def take(self, indices: slice) -> "Nearest":
        """Return what was found for some of the images."""
        return Nearest(images=self.images[indices], found=self.found[indices], distances=self.distances[indices])


def nearest(images: Images, training: npt.NDArray[Any]) -> Nearest:
    """Find the nearest of all training images, whatever their class, by their pixels.

    Parameters
    ----------
    images : ndarray of float32, shape (n, size, size)
    training : ndarray of uint8, or of floats in [0, 1], shape (m, size, size)

    Raises
    ------
    SettingError
        If there are none, or of another size.
    """
    if not len(training) or training.shape[1:] != images.shape[1:]:
        raise SettingError(f"training must be images of the shape {images.shape[1:]}, got {training.shape}")
    flat = images.reshape(len(images), -1)
    best = np.full(len(images), np.inf)
    where = np.zeros(len(images), np.intp)
    for start in range(0, len(training), CHUNK):
        part = as_float(training[start : start + CHUNK])
        squares = squared_distances(part.reshape(len(part), -1), flat)
        closest = squares.argmin(0)
        values = squares[closest, np.arange(len(flat))]
        better = values < best
        best[better], where[better] = values[better], start + closest[better]
    return Nearest(images=images, found=as_float(training[where])[:, 0], distances=best / flat.shape[1])


def copying(made: Nearest, real: Nearest) -> float:
    """Return how near made images are to the training images, relative to real ones that were not trained with.

    About 1 or more where nothing was copied, 0 where all was: the ratio of the median distances.
    """
    return float(np.median(made.distances) / max(float(np.median(real.distances)), np.finfo(np.float64).tiny))
