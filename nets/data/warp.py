"""Resample images under a map of coordinates: the kernels of the augmentation.

All of them keep the order of floating-point operations, so that a seed gives the same images on any machine whose
sine and cosine agree. Outside of an image there is paper: 0.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from nets._jit import exact_kernel

Array = npt.NDArray[Any]


@exact_kernel
def frame(image: Array, framed: Array) -> None:
    """Copy an image into ``framed``, which has one row and column more before it and two behind: there it is 0."""
    height, width = image.shape
    framed[:] = 0
    framed[1 : height + 1, 1 : width + 1] = image


@exact_kernel
def clamp(value: Any, most: Any) -> Any:
    """Return the nearest number in [0, most]; 0 for NaN, which may not become an index."""
    zero = most - most
    value = value if value > zero else zero
    return value if value < most else most


@exact_kernel
def sample(framed: Array, y: Any, x: Any) -> Any:
    """Return the brightness at a point between the pixels of a framed image, bilinearly; 0 far outside.

    I(y, x) = (1-a)(1-b) I[i, j] + (1-a) b I[i, j+1] + a (1-b) I[i+1, j] + a b I[i+1, j+1], with i = floor(y),
    a = y - i, j = floor(x), b = x - j.

    Parameters
    ----------
    framed : ndarray, shape (height + 3, width + 3)
        From `frame`. Points outside move to its border, so that no pixel needs a case of its own.
    y, x : float
        Pixels from the middle of the upper left one, before framing.
    """
    one = framed.dtype.type(1)
    y = clamp(y + one, framed.dtype.type(framed.shape[0] - 2))
    x = clamp(x + one, framed.dtype.type(framed.shape[1] - 2))
    # Unsigned, or each index would be tested for being negative.
    i, j, step = np.uint32(y), np.uint32(x), np.uint32(1)
    a, b = y - framed.dtype.type(i), x - framed.dtype.type(j)
    upper = framed[i, j] + b * (framed[i, j + step] - framed[i, j])
    lower = framed[i + step, j] + b * (framed[i + step, j + step] - framed[i + step, j])
    return upper + a * (lower - upper)


@exact_kernel
def warp_affine(images: Array, index: Array, maps: Array, y: Array, x: Array, out: Array) -> None:
    """Fill ``out[k]`` with image ``index[k]`` under an affine map of coordinates.

    Parameters
    ----------
    images : ndarray of float32 or float64, shape (m, height, width)
        What is sampled.
    index : ndarray of intp, shape (n,)
        Which image each output shows.
    maps : ndarray, shape (n, 2, 3)
        From an output pixel's offset (y, x) to the middle of the image, to the offset of the point that it shows:
        (y', x') = maps[:, :2] (y, x) + maps[:, 2].
    y, x : ndarray, shapes (out_height,) and (out_width,)
        The offsets of the rows and columns of the output.
    out : ndarray, shape (n, out_height, out_width)
        Changed in place.
    """
    number = images.dtype.type
    _, height, width = images.shape
    middle_y, middle_x = number(0.5) * number(height - 1), number(0.5) * number(width - 1)
    framed = np.empty((height + 3, width + 3), images.dtype)
    for k in range(len(index)):
        frame(images[index[k]], framed)
        for r in range(len(y)):
            row_y = maps[k, 0, 0] * y[r] + maps[k, 0, 2] + middle_y
            row_x = maps[k, 1, 0] * y[r] + maps[k, 1, 2] + middle_x
            slope_y, slope_x, row = maps[k, 0, 1], maps[k, 1, 1], out[k, r]
            for c in range(len(x)):
                row[c] = sample(framed, row_y + slope_y * x[c], row_x + slope_x * x[c])


@exact_kernel
def warp_elastic(images: Array, index: Array, maps: Array, y: Array, x: Array, field: Array, out: Array) -> None:
    """Do `warp_affine`, but add a displacement to each point that is sampled.

    Parameters
    ----------
    images, index, maps, y, x, out
        As in `warp_affine`.
    field : ndarray, shape (n, 2, out_height, out_width)
        The displacements (dy, dx) in pixels of ``images``.
    """
    number = images.dtype.type
    _, height, width = images.shape
    middle_y, middle_x = number(0.5) * number(height - 1), number(0.5) * number(width - 1)
    framed = np.empty((height + 3, width + 3), images.dtype)
    for k in range(len(index)):
        frame(images[index[k]], framed)
        for r in range(len(y)):
            row_y = maps[k, 0, 0] * y[r] + maps[k, 0, 2] + middle_y
            row_x = maps[k, 1, 0] * y[r] + maps[k, 1, 2] + middle_x
            slope_y, slope_x, row = maps[k, 0, 1], maps[k, 1, 1], out[k, r]
            dy, dx = field[k, 0, r], field[k, 1, r]
            for c in range(len(x)):
                row[c] = sample(framed, row_y + slope_y * x[c] + dy[c], row_x + slope_x * x[c] + dx[c])


@exact_kernel
def smooth(noise: Array, left: Array, right: Array, out: Array) -> None:
    """Fill ``out[k]`` with the first columns of ``left @ noise[k] @ right``.

    Parameters
    ----------
    noise : ndarray of integers or floats, shape (n, p, q)
    left, right : ndarray of float32 or float64, shapes (height, p) and (q, columns)
        Fastest if the number of columns is a multiple of 32.
    out : ndarray of the same type, shape (n, height, width)
        Changed in place; width <= columns.
    """
    (height, p), (q, columns), width = left.shape, right.shape, out.shape[2]
    rows = np.empty((p, columns), out.dtype)
    line = np.empty(columns, out.dtype)
    for k in range(len(noise)):
        # Both products run over columns innermost, which SIMD can do without changing the order of a sum.
        for i in range(p):
            line[:] = 0
            for j in range(q):
                value, source = out.dtype.type(noise[k, i, j]), right[j]
                for c in range(columns):
                    line[c] += value * source[c]
            rows[i] = line
        for r in range(height):
            line[:] = 0
            for i in range(p):
                value, source = left[r, i], rows[i]
                for c in range(columns):
                    line[c] += value * source[c]
            out[k, r] = line[:width]


@exact_kernel
def blur(images: Array, sigmas: Array, radius: int, out: Array) -> None:
    """Fill ``out[k]`` with image k blurred by a Gaussian of ``sigmas[k]`` pixels, cut off at ``radius``.

    Parameters
    ----------
    images : ndarray of float32 or float64, shape (n, height, width)
    sigmas : ndarray of the same type, shape (n,)
        0 leaves an image as it is.
    radius : int
        In pixels.
    out : ndarray, shape (n, height, width)
        Changed in place.
    """
    _, height, width = images.shape
    one = images.dtype.type(1)
    weights = np.empty(2 * radius + 1, images.dtype)
    rows = np.empty((height, width), images.dtype)
    for k in range(len(images)):
        if sigmas[k] == 0:
            out[k] = images[k]
            continue
        total = images.dtype.type(0)
        for t in range(-radius, radius + 1):
            distance = images.dtype.type(t) / sigmas[k]
            weights[t + radius] = np.exp(-(distance * distance) / (one + one))
            total += weights[t + radius]
        weights /= total
        rows[:] = 0
        for r in range(height):
            for t in range(max(-radius, -r), min(radius, height - 1 - r) + 1):
                weight, source = weights[t + radius], images[k, r + t]
                for c in range(width):
                    rows[r, c] += weight * source[c]
        out[k] = 0
        for t in range(-radius, radius + 1):
            weight = weights[t + radius]
            begin, end = max(0, -t), min(width, width - t)
            for r in range(height):
                target, source = out[k, r, begin:end], rows[r, begin + t : end + t]
                for c in range(end - begin):
                    target[c] += weight * source[c]
