"""What a classifier of real images says of other ones, and how sure it is."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from nets import functional as F  # noqa: N812  # as everywhere in the field
from nets.data import as_float
from nets.graph import no_grad
from nets.layers import Module
from nets.layers.module import in_use
from nets.tensor import Tensor

Floats = npt.NDArray[np.float64]
CHUNK: Final = 500
"""Images that are classified at a time."""


def classify(classifier: Module, images: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return the classes that a classifier takes images for, ndarray of int64, shape (n,).

    Parameters
    ----------
    classifier : Module
        (n, 1, height, width) -> scores (n, classes), trained on real images.
    images : array of float in [0, 1] or of uint8, shape (n, height, width)
    """
    parts = [part.argmax(1) for part in _scores(classifier, as_float(images))]
    return np.concatenate([np.empty(0, np.int64), *parts])


def probabilities(classifier: Module, images: npt.ArrayLike) -> Floats:
    """Return how likely a classifier takes each class to be, ndarray of float64, shape (n, classes).

    Parameters
    ----------
    classifier : Module
        As in `classify`.
    images : array of float, shape (n, height, width)
        At least one; mixtures of images, which rounding may leave a little outside of [0, 1], are taken as they are.
    """
    scores = _scores(classifier, np.asarray(images, np.float32)[:, None])
    return np.concatenate([F.softmax(Tensor(part)).numpy() for part in scores]).astype(np.float64)


def entropy(p: npt.ArrayLike) -> Floats:
    """Return H = - sum_k p_k log p_k over the last axis, in nats: 0 if all is one class, log K if all K are alike.

    >>> entropy([[1.0, 0.0], [0.5, 0.5]]).round(4).tolist()
    [0.0, 0.6931]
    """
    parts = np.asarray(p, np.float64)
    return np.asarray((parts * np.log(1 / np.maximum(parts, np.finfo(np.float64).tiny))).sum(-1))  # never -0


def _scores(classifier: Module, given: npt.NDArray[np.float32]) -> list[npt.NDArray[Any]]:
    """Return the scores of images (n, 1, height, width), in chunks."""
    with in_use(classifier), no_grad():
        return [classifier(Tensor(given[i : i + CHUNK])).numpy() for i in range(0, len(given), CHUNK)]
