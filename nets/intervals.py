"""95 % intervals: of a mean, by Student's t, and of a share, by Wilson's score."""

import math
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

NORMAL: Final = 1.959963984540054
"""The 97.5 % point of the normal distribution."""
LARGE: Final = 2000
"""Degrees of freedom from which Student's t is taken as normal: the two differ by less than 0.06 %."""


@lru_cache(maxsize=1024)
def student_t(degrees: int) -> float:
    """Return the 97.5 % point of Student's t distribution.

    Its distribution function is a finite sum for every whole number of degrees (Abramowitz and Stegun, 26.7.3 and
    26.7.4), which is inverted by bisection.

    Parameters
    ----------
    degrees : int
        Degrees of freedom, at least 1: of the mean of n values, n - 1.

    Examples
    --------
    >>> round(student_t(1), 3), round(student_t(9), 3), round(student_t(10**6), 3)
    (12.706, 2.262, 1.96)
    """
    if degrees < 1:
        raise ValueError(f"degrees must be at least 1, got {degrees}")
    if degrees >= LARGE:
        return NORMAL
    low, high = 0.0, math.pi / 2  # theta = atan(t / sqrt(degrees))
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, degrees) < 0.95 else (low, middle)
    return math.sqrt(degrees) * math.tan(high)


def _within(theta: float, degrees: int) -> float:
    """Return P(|T| < sqrt(degrees) tan(theta)), A(t | nu) of Abramowitz and Stegun."""
    sine, cosine = math.sin(theta), math.cos(theta)
    odd = degrees % 2
    k = np.arange(2 + odd, degrees, 2)  # each term is the one before times cos^2 (k - 1) / k
    terms = np.cumprod(np.concatenate(([cosine if odd else 1.0], cosine**2 * (k - 1) / k)))
    total = float(terms.sum()) if degrees > 1 else 0.0
    return 2 / math.pi * (theta + sine * total) if odd else sine * total


def mean_half_width(values: npt.NDArray[np.floating | np.integer]) -> float | None:
    """Return half the width of the 95 % interval of a mean, t s / sqrt(n); None for a single value.

    >>> round(mean_half_width(np.array([1.0, 3.0])), 3)
    12.706
    """
    if values.size < 2:
        return None
    return student_t(values.size - 1) * float(values.std(ddof=1)) / math.sqrt(values.size)


def wilson(
    part: npt.NDArray[np.float64], n: int, z: float = 1.96
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the 95 % interval of a part of n, after E. B. Wilson, 1927, doi:10.1080/01621459.1927.10502953.

    >>> low, high = wilson(np.array([1.0]), 96)
    >>> round(float(low[0]), 2), float(high[0])
    (0.96, 1.0)
    """
    middle = (part + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * np.sqrt(part * (1 - part) / n + (z / (2 * n)) ** 2)
    return np.clip(middle - reach, 0, 1), np.clip(middle + reach, 0, 1)
