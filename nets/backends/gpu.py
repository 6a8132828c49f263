"""The reference on a GPU: the same formulas, with CuPy's functions in place of NumPy's.

CuPy has NumPy's names, and `nets.backends.reference` takes its array module from ``self.xp``, so there is little to do
here but to say no clearly where there is no GPU. CuPy is imported when the back end is asked for, not before; it comes
with the extra ``cuda``.

Kernels are queued and run while Python goes on. Python waits for them only where it asks for a number: the value of a
loss, whether labels are in range, the norm that gradients are clipped by.
"""

from importlib import import_module
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from nets.backends.reference import ArrayOps
from nets.backends.reference.base import Array
from nets.errors import BackendError


class CupyOps(ArrayOps):
    """All array operations, in CuPy.

    Raises
    ------
    BackendError
        If CuPy is not installed, or finds no GPU that it can use.
    """

    name: ClassVar[str] = "cupy"

    def __init__(self) -> None:
        self.xp = _cupy()
        self.array_types = (self.xp.ndarray, np.generic)
        self._special = import_module("cupyx.scipy.special")

    def to_numpy(self, array: Array) -> npt.NDArray[Any]:
        """Return a copy in the memory of the CPU; waits for all that the array depends on."""
        on_host: npt.NDArray[Any] = self.xp.asnumpy(array)
        return on_host

    def square_sum(self, x: Array) -> Any:
        """Return the sum of squares as an array without axes: still on the GPU, so that nothing waits for it yet."""
        flat = x.ravel()
        return flat @ flat

    def _erf(self, x: Array) -> Array:
        return self._special.erf(x)


def _cupy() -> Any:
    """Return the module, if it can be used here."""
    try:
        cupy = import_module("cupy")
    except ImportError as error:
        raise BackendError(
            'the back end "cupy" needs CuPy, which cannot be imported here; install the extra: '
            f'pip install "game2048[cuda]" ({error})'
        ) from error
    try:
        found = cupy.cuda.is_available()
    except Exception as error:  # CuPy raises errors of its own, as for a driver that is too old
        raise BackendError(f'the back end "cupy" needs an NVIDIA GPU, but CUDA does not work here: {error}') from error
    if not found:
        raise BackendError('the back end "cupy" needs an NVIDIA GPU, and CUDA finds none here; use "numba" or "numpy"')
    return cupy
