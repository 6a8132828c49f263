"""Images to try the demos with: some of each class, and for an autoencoder where they lie in its latent space.

They are test images of the data that a model was trained on, as far as these are on this machine: nothing is downloaded
because somebody looks at a page. Without data they are generated.
"""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from generative.autoencoders.coder import Coder
from nets.data import LabelledImages, as_float, glyphs, load_emnist_letters, load_mnist
from nets.data.fetch import VARIABLE, Publication, cache_folder
from nets.data.published import EMNIST_LETTERS, MNIST
from nets.errors import DataError
from server.bundle import pack
from server.workers.loading import load_model

logger = logging.getLogger(__name__)

Array = npt.NDArray[Any]
SEED: Final = 2048
RIDGE: Final = 0.05
"""How much rounder than they are the classes are taken to be, so that few images suffice."""
SOURCES: Final[dict[str, tuple[Publication, Callable[[Path], Any], str]]] = {
    "mnist": (MNIST, load_mnist, "test images of MNIST"),
    "emnist": (EMNIST_LETTERS, load_emnist_letters, "test images of EMNIST"),
}


def samples(arguments: dict[str, Any], ready: Callable[[], None]) -> Iterator[bytes]:
    """Give a bundle of ``per_class`` images of each of ``classes``, from ``data`` if it is here.

    It holds ``images`` (n, size, size), ``labels`` (n,), and in the header ``classes`` and ``source``, in words. With
    ``model``, an autoencoder, also the ``codes`` (n, latent) of the images and the ``axes`` of `fisher_plane`.
    """
    classes, per_class = tuple(arguments["classes"]), arguments["per_class"]
    source, images, labels = choose(arguments["data"], classes, per_class)
    arrays = {"images": images, "labels": labels}
    header: dict[str, Any] = {"classes": classes, "source": source}
    model = load_model(arguments["model"]) if arguments["model"] else None
    ready()
    if isinstance(model, Coder):
        codes = model.code(as_float(images))
        axes = fisher_plane(codes, labels)
        arrays |= {"codes": codes, "axes": axes}
        header |= {"latent": model.latent}
    yield pack(header, arrays)


@lru_cache(8)
def choose(data: str, classes: tuple[str, ...], per_class: int) -> tuple[str, Array, Array]:
    """Return in words where the images are from, and the images and labels, sorted by class."""
    source, found = _load(data, classes)
    rng = np.random.default_rng(SEED)
    by_class = [np.flatnonzero(found.labels == label) for label in range(len(classes))]
    chosen = np.concatenate([rng.permutation(indices)[:per_class] for indices in by_class])
    return source, found.images[chosen], found.labels[chosen].astype(np.uint8)


def fisher_plane(codes: Array, labels: Array) -> npt.NDArray[np.float32]:
    """Return the two directions along which classes lie furthest apart for their width, shape (2, latent).

    They solve B v = lambda W v with the scatter between classes B and the one within W [1]_; the code of an image
    times these directions is its place in the plane.

    References
    ----------
    .. [1] R. A. Fisher, "The use of multiple measurements in taxonomic problems", Annals of Eugenics 7(2), 1936,
       doi:10.1111/j.1469-1809.1936.tb02137.x. Departure: W is mixed with a multiple of the unit matrix.
    """
    groups = [codes[labels == label].astype(np.float64) for label in np.unique(labels)]
    within = np.mean([np.cov(group, rowvar=False) for group in groups], axis=0)
    within += RIDGE * np.trace(within) / len(within) * np.eye(len(within))
    between = np.cov([group.mean(0) for group in groups], rowvar=False)
    root = np.linalg.inv(np.linalg.cholesky(within))
    vectors = np.linalg.eigh(root @ between @ root.T)[1]
    return np.ascontiguousarray((root.T @ vectors[:, [-1, -2]]).T, np.float32)


def _load(data: str, classes: Sequence[str]) -> tuple[str, LabelledImages]:
    """Return images of these classes, and in words where they are from."""
    if data in SOURCES:
        publication, load, words = SOURCES[data]
        try:
            # With a folder named, nothing is downloaded.
            found: LabelledImages = load(Path(os.environ.get(VARIABLE) or cache_folder(publication))).test
        except (DataError, OSError) as error:
            logger.info("generated images instead of %s: %s", publication.title, error)
        else:
            if found.classes == tuple(classes):
                return words, found
    return "generated", glyphs(60 * len(classes), generator=SEED, characters="".join(classes))
