"""What all image models share: how they are asked for pictures, saved and loaded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from generative.errors import GenerativeError, ModelError, SettingError
from nets import checkpoint
from nets.data import LabelledImages
from nets.errors import CheckpointError
from nets.layers import Module

Images = npt.NDArray[np.float32]
"""ndarray of float32, shape (n, size, size), ink 1 on paper 0, upright."""
Labels = npt.NDArray[np.int64]
"""ndarray of int64, shape (n,), from 0."""

N_CASES: Final = 3
"""0 either, 1 upper, 2 lower."""


class ImageModel(Module):
    """A model of grey images of some classes.

    Subclasses are built by a function that is registered with `nets.models.register`, whose settings include ``size``
    and ``classes``, so that a saved file has everything needed to sample.

    Attributes
    ----------
    size : int
        Height and width of the images.
    classes : tuple of str
        The name of each class, such as "A".
    """

    config: dict[str, Any]
    size: int
    classes: tuple[str, ...]

    @property
    def draws(self) -> bool:
        """Whether it can draw new images, not only reconstruct some."""
        return type(self).sample is not ImageModel.sample

    def sample(
        self, labels: npt.ArrayLike, *, generator: np.random.Generator, case: npt.ArrayLike | None = None
    ) -> Images:
        """Draw one image a label.

        Parameters
        ----------
        labels : array of int, shape (n,)
            The class of each image; models without classes draw anything.
        generator : numpy.random.Generator
            The only source of randomness: same state, same images, bit for bit.
        case : array of int, shape (n,), optional
            0 either, 1 upper case, 2 lower case; models that do not tell them apart draw either.

        Returns
        -------
        ndarray of float32, shape (n, size, size)
            In [0, 1].

        Raises
        ------
        SettingError
            If a label or a case is out of range.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot draw new images")


class LatentModel(ImageModel):
    """A model that works in the latent space of a trained autoencoder, which becomes a part of it."""

    def adopt(self, autoencoder: ImageModel, data: LabelledImages) -> None:
        """Take over the autoencoder's weights, never to be changed again, and measure its latent space on the data."""
        raise NotImplementedError


def check_labels(labels: npt.ArrayLike, n_classes: int, name: str = "labels") -> Labels:
    """Return labels as int64.

    Raises
    ------
    SettingError
        If they are not ints from 0 to ``n_classes - 1`` in one axis.
    """
    array = np.asarray(labels)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise SettingError(f"{name} must be ints of shape (n,), got {array.dtype} {array.shape}")
    if array.size and (array.min() < 0 or array.max() >= n_classes):
        raise SettingError(f"{name} must be in 0..{n_classes - 1}, got {array.min()}..{array.max()}")
    return array.astype(np.int64)


def check_case(case: npt.ArrayLike | None, n: int) -> Labels:
    """Return the cases of n images as int64, 0 for all where none are given.

    Raises
    ------
    SettingError
        If they are not n ints from 0 to 2.
    """
    if case is None:
        return np.zeros(n, np.int64)
    cases = check_labels(case, N_CASES, "case")
    if len(cases) != n:
        raise SettingError(f"case must have one value a label, got {len(cases)} for {n}")
    return cases


def save(model: ImageModel, folder: Path, notes: Mapping[str, Any] | None = None) -> None:
    """Write ``model.safetensors`` into a folder, atomically, with everything that `load` needs.

    Raises
    ------
    OSError
        If it cannot be written; one that was there stays whole.
    """
    checkpoint.save(model, folder / checkpoint.FILE_NAME, notes=notes)


def load(path: str | Path) -> ImageModel:
    """Load a trained model, ready to sample.

    Parameters
    ----------
    path : path
        The folder of a run, or the file itself.

    Raises
    ------
    ModelError
        If there is no model, it is damaged, or it is no image model.
    """
    import generative.recipes  # noqa: F401  # registers all image models

    path = Path(path)
    if not path.exists():
        raise ModelError(f"no model at {path}; train one with: game2048 generative train diffusion --out {path}")
    if path.is_dir() and not (path / checkpoint.FILE_NAME).is_file():
        raise ModelError(f"no finished model in {path}: there is no {checkpoint.FILE_NAME}")
    try:
        model = checkpoint.load(path)
    except CheckpointError as error:
        raise ModelError(str(error)) from error
    except (GenerativeError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError) as error:
        # Settings that break a builder's rule, or are of another type than it expects.
        file = path / checkpoint.FILE_NAME if path.is_dir() else path
        raise ModelError(f"{file}: no model can be built from its configuration: {error!r}") from error
    if not isinstance(model, ImageModel):
        raise ModelError(f"{path} holds a {type(model).__name__}, not an image model")
    return model
