"""What a data set is: inputs with labels, and what the labels mean."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
import numpy.typing as npt

from nets.errors import ArgumentError, DataError, DtypeError, ShapeError

Array = npt.NDArray[Any]


class Dataset(Protocol):
    """Anything that has a length and gives many examples at once."""

    def __len__(self) -> int:
        """Return the number of examples."""
        ...

    def __getitem__(self, indices: npt.NDArray[np.intp], /) -> Array | tuple[Array, ...]:
        """Return the examples at these indices, stacked: one array, or a tuple of them such as (images, labels)."""
        ...


@dataclass(frozen=True, eq=False, kw_only=True)
class Labelled:
    """Labels from 0, and the names of the classes; subclasses add the inputs."""

    labels: npt.NDArray[np.uint8]
    """ndarray of uint8, shape (n,): the class of each example."""
    classes: tuple[str, ...]
    """The name of each class."""

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, indices: npt.NDArray[np.intp]) -> tuple[Array, Array]:
        """Return (inputs, labels) at an array of indices."""
        return self._inputs()[indices], self.labels[indices]

    def _inputs(self) -> Array:
        raise NotImplementedError

    def take(self, indices: npt.ArrayLike | slice) -> Self:
        """Return the data set of only these examples."""
        chosen = indices if isinstance(indices, slice) else np.asarray(indices)
        rows: dict[str, Any] = {
            name: value[chosen] for name, value in vars(self).items() if isinstance(value, np.ndarray)
        }
        return replace(self, **rows)

    def split(self, fraction: float, generator: np.random.Generator | int) -> tuple[Self, Self]:
        """Return two random parts without overlap, the first with this fraction of the examples.

        Raises
        ------
        ArgumentError
            If ``fraction`` is not in (0, 1).
        """
        if not 0 < fraction < 1:
            raise ArgumentError(f"fraction must be in (0, 1), got {fraction}")
        order = np.random.default_rng(generator).permutation(len(self))
        border = round(fraction * len(self))
        return self.take(order[:border]), self.take(order[border:])


@dataclass(frozen=True, eq=False, kw_only=True)
class LabelledImages(Labelled):
    """Grey images with labels: ink is bright, paper is 0."""

    images: npt.NDArray[np.uint8]
    """ndarray of uint8, shape (n, height, width)."""
    case: npt.NDArray[np.uint8] | None = None
    """ndarray of uint8, shape (n,): 0 unknown, 1 upper case, 2 lower case; None where nothing is known."""
    source: npt.NDArray[np.uint8] | None = None
    """ndarray of uint8, shape (n,): where an image is from; None where nothing is known."""

    def _inputs(self) -> Array:
        return self.images


@dataclass(frozen=True, eq=False, kw_only=True)
class LabelledPoints(Labelled):
    """Points with labels."""

    points: npt.NDArray[np.float32]
    """ndarray of float32, shape (n, features)."""
    features: tuple[str, ...]
    """The name of each feature."""

    def _inputs(self) -> Array:
        return self.points


class Split(NamedTuple):
    """The two parts of a published data set."""

    train: LabelledImages
    test: LabelledImages


def as_float(images: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return images as a network wants them: one channel, brightness from 0 to 1.

    Parameters
    ----------
    images : array of uint8, or of floats in [0, 1], shape (n, height, width) or (n, channels, height, width)

    Returns
    -------
    ndarray of float32, shape (n, 1, height, width) or (n, channels, height, width)
        A copy.

    Raises
    ------
    ShapeError
        If they have other than 3 or 4 axes.
    DtypeError
        If they are neither uint8 nor floats.
    DataError
        If one is not a number, or not in [0, 1]; the message says which.
    """
    array = np.asarray(images)
    if array.ndim not in (3, 4):
        raise ShapeError(
            f"images must have the shape (n, height, width) or (n, channels, height, width), got {array.shape}"
        )
    if array.dtype == np.uint8:
        brightness: npt.NDArray[np.float32] = np.divide(array, np.float32(255), dtype=np.float32)
    elif array.dtype.kind == "f":
        check_brightness("images", array)
        brightness = array.astype(np.float32)
    else:
        raise DtypeError(f"images must be of uint8 or floats, got {array.dtype}")
    return brightness if array.ndim == 4 else brightness[:, None]


def check_brightness(name: str, array: Array) -> None:
    """Raise DataError unless all values are numbers in [0, 1]."""
    check_finite(name, array)
    if array.size and (array.min() < 0 or array.max() > 1):
        raise DataError(f"{name} must be in [0, 1], got values from {array.min():g} to {array.max():g}")


def check_finite(name: str, array: Array) -> None:
    """Raise DataError unless all values are finite; the message says where the first one is that is not."""
    # A sum is one fast pass without temporaries; only where it is not finite must each value be looked at.
    with np.errstate(invalid="ignore", over="ignore"):  # infinity less infinity
        if array.dtype.kind != "f" or np.isfinite(array.sum(dtype=np.float64)):
            return
    wrong = ~np.isfinite(array)
    if wrong.any():
        first = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise DataError(f"{name} must be finite numbers, got {array[first]} at {first}")
