"""From an image of 28 x 28 to ink on a larger sheet: smooth upscaling, and edges as sharp as the sheet allows."""

from typing import Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]

STROKE: Final = 2.7
"""Width of strokes, in units of the layout, towards which thin and thick ones are drawn a little."""
_SLOPE: Final = 0.34  # by which an edge rises a pixel in images of handwriting
_EVENNESS: Final = 0.6
_REACH: Final = 2  # of the cubic, in pixels


def enlarge(images: Array, size: float, offset: tuple[float, float]) -> Array:
    """Enlarge images with Catmull and Rom's cubic, or reduce them, which averages.

    Parameters
    ----------
    images : ndarray of float32, shape (n, height, width)
    size : float
        Pixels out for each pixel in.
    offset : (float, float)
        Down and right, in pixels out: parts of a pixel, so that letters stand where they should, not at whole ones.

    Returns
    -------
    ndarray of float32, shape (n, out_height, out_width)
        As large as is needed; what lies outside of an image is 0.

    References
    ----------
    R. Keys, "Cubic convolution interpolation for digital image processing", IEEE Transactions on Acoustics, Speech,
    and Signal Processing 29(6), 1981. https://doi.org/10.1109/TASSP.1981.1163711
    """
    down = _weights(images.shape[1], size, offset[0])
    right = _weights(images.shape[2], size, offset[1])
    return np.asarray(down @ images @ right.T, np.float32)


def _weights(n: int, size: float, offset: float) -> Array:
    """Return how much each pixel in adds to each pixel out, shape (out, n)."""
    n_out = int(np.ceil(n * size + offset))
    at = (np.arange(n_out) + 0.5 - offset) / size - 0.5
    wide = max(1.0, 1 / size)
    x = np.abs(at[:, None] - np.arange(n)) / wide
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    cubic = np.where(x < 1, near, np.where(x < _REACH, far, 0.0)) / wide
    return cubic.astype(np.float32)


def stroke_width(image: Array) -> float:
    """Return the mean width of the strokes of an image in pixels: twice the ink by the length of its outline.

    >>> bar = np.zeros((1, 20, 20), np.float32)
    >>> bar[0, :, 8:12] = 1
    >>> round(stroke_width(bar[0]), 1)
    4.0
    """
    outline = float(np.hypot(*np.gradient(image)).sum())
    return 2 * float(image.sum()) / max(outline, 1e-6)


def ink(images: Array, size: float, offset: tuple[float, float], unit: float) -> Pixels:
    """Draw the stages of one character for a sheet.

    Parameters
    ----------
    images : ndarray of float32, shape (n_stages, height, width)
        The last one decides how.
    size, offset
        As in `enlarge`.
    unit : float
        Pixels out for a unit of the layout.

    Returns
    -------
    ndarray of uint8, shape (n_stages, out_height, out_width)
        0 paper, 255 ink.

    Notes
    -----
    An image that is enlarged has soft edges. They are made about two pixels wide by more contrast around a level,
    at half the darkest ink; for thin strokes it is lower, for thick ones higher, so that neighbours look as if written
    with the same pen. Noise gets the same contrast.
    """
    complete = images[-1]
    peak = max(float(np.quantile(complete, 0.97)), 0.25)
    wanted = STROKE * unit / size  # in pixels of the image
    level = 0.5 + _EVENNESS * _SLOPE / 2 * (stroke_width(complete) - wanted)
    level = float(np.clip(level, 0.28, 0.6)) * peak
    contrast = max(float(np.clip(0.9 * size, 1.0, 4.0)) / peak, 0.5 / level)  # paper stays white
    sharp = np.clip(contrast * (enlarge(images, size, offset) - level) + 0.5, 0, 1)
    sharp = sharp * sharp * (3 - 2 * sharp)
    pixels: Pixels = np.rint(255 * sharp).astype(np.uint8)
    return pixels
