r"""Time as a vector that a network can work with.

One number says little to a linear layer. As in the position encoding of A. Vaswani et al., arXiv:1706.03762, section
3.5, t becomes cosines and sines of many wavelengths, so that a near time has a near vector at every scale:

    e(t) = (cos w_0 t, ..., cos w_{d/2-1} t, sin w_0 t, ..., sin w_{d/2-1} t),
    w_i = scale / longest^(i / (d/2)).

One-hot vectors, in contrast, have no neighbours, and none between the steps.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from generative.errors import SettingError

SCALE: Final = 1000.0
"""t in [0, 1] is read as the thousand steps of J. Ho et al., arXiv:2006.11239."""
LONGEST: Final = 10_000.0


def sinusoidal(
    t: npt.ArrayLike, dim: int, *, scale: float = SCALE, longest: float = LONGEST
) -> npt.NDArray[np.float32]:
    """Return e(t).

    Parameters
    ----------
    t : array_like of float, shape (n,)
        Times in [0, 1].
    dim : int
        d, even.
    scale : float
        Radians a unit of time of the fastest wave.
    longest : float
        How many times longer than the fastest wave the slowest nearly is.

    Returns
    -------
    ndarray of float32, shape (n, dim)

    Raises
    ------
    SettingError
        If dim is odd or below 2.

    Examples
    --------
    >>> sinusoidal([0.0, 1.0], 4, scale=np.pi, longest=4).round(3).tolist()
    [[1.0, 1.0, 0.0, 0.0], [-1.0, 0.0, 0.0, 1.0]]
    """
    if dim < 2 or dim % 2:
        raise SettingError(f"dim must be even and at least 2, got {dim}")
    half = dim // 2
    frequencies = scale * longest ** (-np.arange(half) / half)
    angles = np.asarray(t, np.float64)[:, None] * frequencies
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
