"""The Frechet distance of two sets of points, taken for Gaussians.

References
----------
.. [1] M. Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", 2017,
   arXiv:1706.08500.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from generative.errors import SettingError

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]


class Gaussian(NamedTuple):
    """A normal distribution N(m, C)."""

    mean: Floats
    """m, ndarray of float64, shape (d,)."""
    root: Floats
    """R with R^T R = C, ndarray of float64, shape (r, d)."""


def fit(points: Array) -> Gaussian:
    """Return the Gaussian of points, shape (n, d), with the covariance of n - 1 degrees of freedom.

    Raises
    ------
    SettingError
        If there are fewer than two points.
    """
    if len(points) < 2:
        raise SettingError(f"points must be at least two, got {len(points)}")
    points = points.astype(np.float64)
    mean = points.mean(0)
    return Gaussian(mean, np.asarray(np.linalg.qr((points - mean) / np.sqrt(len(points) - 1), mode="r")))


def frechet_distance(one: Gaussian, other: Gaussian) -> float:
    """Return the squared Frechet distance of two [1]_ Gaussians.

    |m - m'|^2 + tr(C + C' - 2 (C C')^(1/2)).

    Notes
    -----
    With C = R^T R and C' = R'^T R' the eigenvalues of C C' are the squares of the singular values of R R'^T, so the
    last trace is their sum. No covariance is formed and no square root taken of one, where rounding would make small
    eigenvalues negative or wrong in half of their digits; covariances without full rank are as good as others.
    """
    shift = np.square(one.mean - other.mean).sum()
    variances = np.square(one.root).sum() + np.square(other.root).sum()
    common = np.linalg.svd(one.root @ other.root.T, compute_uv=False).sum()
    return max(0.0, float(shift + variances - 2 * common))
