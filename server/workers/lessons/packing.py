"""How lessons send arrays, and when they look."""

import zlib
from typing import Any, Final

import numpy as np
import numpy.typing as npt

UNIT: Final = 127
"""What 1.0 becomes in `pack_units`."""


def pack(array: npt.NDArray[Any]) -> bytes:
    """Return the bytes of an array, row by row, in the order of the processor (little endian), compressed."""
    return zlib.compress(np.ascontiguousarray(array).tobytes(), 6)


def pack_units(values: npt.ArrayLike) -> bytes:
    """Pack numbers in [-1, 1] as int8.

    >>> np.frombuffer(zlib.decompress(pack_units([-1.0, 0.0, 0.5, 7.0])), np.int8).tolist()
    [-127, 0, 64, 127]
    """
    return pack(np.rint(UNIT * np.clip(np.nan_to_num(np.asarray(values)), -1, 1)).astype(np.int8))


def rounded(values: npt.ArrayLike, digits: int = 4) -> list[float]:
    """Return numbers as a flat list, short enough to be sent as text.

    >>> rounded(np.float32([[0.123456, 2]]))
    [0.1235, 2.0]
    """
    return [round(float(value), digits) for value in np.ravel(np.asarray(values))]


def looks(n_steps: int, n_looks: int, power: float = 2.0) -> list[int]:
    """Return after which steps to look: most often in the beginning, where most happens, and at the end.

    >>> looks(100, 5)
    [0, 1, 4, 16, 36, 64, 100]
    """
    steps = {0, 1, n_steps} | {round(n_steps * (i / n_looks) ** power) for i in range(1, n_looks + 1)}
    return sorted(steps)
