"""How far points are from one another, by matrix products: what density, coverage and recall are counted from."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from generative.errors import SettingError

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
_ROUNDING: Final = 1e-12  # of the squares below, relative to them; nearer than that is the same point


def squared_distances(x: Array, y: Array) -> Floats:
    """Return |x_i - y_j|^2 = |x_i|^2 + |y_j|^2 - 2 x_i y_j; exactly 0 where the two are the same.

    Parameters
    ----------
    x, y : ndarray of float, shape (n, d), (m, d)

    Returns
    -------
    ndarray of float64, shape (n, m)

    Examples
    --------
    >>> squared_distances(np.array([[0.0, 0.0], [3.0, 0.0]]), np.array([[3.0, 4.0]])).tolist()
    [[25.0], [16.0]]
    """
    x, y = x.astype(np.float64), y.astype(np.float64)
    scale = np.square(x).sum(1)[:, None] + np.square(y).sum(1)
    squares = scale - 2 * (x @ y.T)
    squares[squares < _ROUNDING * scale] = 0
    return np.asarray(squares)


def squared_radii(x: Array, k: int) -> Floats:
    """Return the square of each point's distance to the k-th nearest of the others, shape (n,).

    Raises
    ------
    SettingError
        If there are not more than k points.

    Examples
    --------
    >>> squared_radii(np.array([[0.0], [1.0], [3.0]]), k=1).tolist()
    [1.0, 1.0, 4.0]
    """
    if not 1 <= k < len(x):
        raise SettingError(f"k must be from 1 to the number of images a class less one, {len(x) - 1}, got {k}")
    squares = squared_distances(x, x)
    np.fill_diagonal(squares, 0)
    return np.partition(squares, k, axis=1)[:, k]  # the nearest of all, at 0, is the point itself


def mean_distance(x: Array) -> float:
    """Return the mean distance of two different points of a set, its variety.

    >>> mean_distance(np.array([[0.0], [1.0], [3.0]]))
    2.0
    """
    n = len(x)
    if n < 2:
        raise SettingError(f"there must be at least two images a class, got {n}")
    return float(np.sqrt(squared_distances(x, x)).sum() / (n * (n - 1)))
