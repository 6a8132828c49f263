"""Random variations of a batch of images, each from an explicit generator; `Compose` applies several in turn.

Those that move pixels are in `nets.data.distortion`. All take and return float images, shape (n, height, width) or
(n, channels, height, width), with the background 0; all channels of an image vary together. See
`nets.data.dataset.as_float`.
"""

import math
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from nets.data.generators import Stateful, get_state, set_state
from nets.errors import ArgumentError, DtypeError, ShapeError

Array = npt.NDArray[Any]


class Transform(Protocol):
    """Something that makes a batch out of a batch."""

    def __call__(self, images: Array, /) -> Array:
        """Return the new batch; the given one stays as it is."""
        ...


class Compose:
    """Apply transforms in turn.

    Parameters
    ----------
    *transforms : callable
        The first one gets the batch.
    """

    def __init__(self, *transforms: Transform) -> None:
        self.transforms = transforms

    def __call__(self, images: Array) -> Array:
        """Return what the last transform makes of the batch."""
        for transform in self.transforms:
            images = transform(images)
        return images

    def state_dict(self) -> dict[str, Any]:
        """Return the states of those transforms that have one, by position."""
        found = enumerate(self.transforms)
        return {str(i): transform.state_dict() for i, transform in found if isinstance(transform, Stateful)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state_dict` was taken."""
        stateful = {str(i): each for i, each in enumerate(self.transforms) if isinstance(each, Stateful)}
        if stateful.keys() != state.keys():
            raise ArgumentError(f"the state must be of the transforms {list(stateful)}, got {list(state)}")
        for i, transform in stateful.items():
            transform.load_state_dict(state[i])


class RandomTransform:
    """A transform that draws from a generator."""

    def __init__(self, generator: np.random.Generator | int) -> None:
        self.generator = np.random.default_rng(generator)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the generator."""
        return get_state(self.generator)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state_dict` was taken."""
        set_state(self.generator, state)


class GaussianNoise(RandomTransform):
    """Add noise to each pixel, and keep brightness within [0, 1].

    Parameters
    ----------
    sigma : float
        Standard deviation, in units of brightness.
    generator : numpy.random.Generator or int
        Decides; an int is a seed.

    Raises
    ------
    ArgumentError
        If ``sigma`` is negative or infinite.
    """

    def __init__(self, sigma: float, *, generator: np.random.Generator | int) -> None:
        super().__init__(generator)
        self.sigma = check_not_negative("sigma", sigma)

    def __call__(self, images: Array) -> Array:
        """Return the noisy batch."""
        check_images("GaussianNoise", images)
        noisy = self.generator.standard_normal(images.shape, images.dtype.type)
        noisy *= images.dtype.type(self.sigma)
        noisy += images
        return np.clip(noisy, 0, 1, out=noisy)


def check_images(name: str, images: Array) -> None:
    """Raise ShapeError or DtypeError unless these are float images."""
    if images.ndim not in (3, 4):
        raise ShapeError(
            f"{name} needs images of shape (n, height, width) or (n, channels, height, width), got {images.shape}"
        )
    if images.dtype not in (np.float32, np.float64):
        raise DtypeError(f"{name} needs images of float32 or float64, got {images.dtype}; as_float makes them")


def check_not_negative(name: str, value: float) -> float:
    """Return the value; raise ArgumentError if it is negative or infinite."""
    if not 0 <= value < math.inf:
        raise ArgumentError(f"{name} must be finite and not negative, got {value}")
    return value
