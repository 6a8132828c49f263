"""What every back end has: an array module, and ways in and out of it."""

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

Array = Any  # an ndarray of NumPy's or of CuPy's
"""An array of the back end in use."""


class BaseOps:
    """An array module ``xp`` and the conversions around it."""

    name: ClassVar[str] = "numpy"
    xp: Any = np
    array_types: tuple[type, ...] = (np.ndarray, np.generic)

    def asarray(self, values: Any, dtype: npt.DTypeLike | None = None) -> Array:
        """Return values as an array of this back end, without a copy where possible."""
        return self.xp.asarray(values, dtype)

    def to_numpy(self, array: Array) -> npt.NDArray[Any]:
        """Return an array as NumPy's, without a copy where possible."""
        return np.asarray(array)

    def empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike = np.float32) -> Array:
        """Return a C-contiguous array with arbitrary content."""
        return self.xp.empty(shape, dtype)

    def scatter_add(self, target: Array, index: Any, values: Array) -> None:
        """Add ``values`` to ``target[index]`` in place; an index that occurs k times is added to k times."""
        self.xp.add.at(target, index, values)
