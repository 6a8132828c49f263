"""Maximum and average over the windows of contiguous (batch, height, width, channels) images.

The innermost loop goes over the channels, which lie side by side. Windows are clipped at the border of the image, so
nothing is padded.
"""

from typing import Any

from nets._jit import kernel


@kernel
def max_pool(x: Any, window: Any, y: Any, taps: Any) -> None:
    """Set y to the largest number of each window, and ``taps`` to where it stood; the first NaN counts as the largest.

    Parameters
    ----------
    x : ndarray, shape (batch, height, width, channels)
    window : tuple of int
        Height, width, vertical stride, horizontal stride, vertical padding, horizontal padding.
    y, taps : ndarray, shape (batch, out height, out width, channels)
        Changed.
    """
    kh, kw, sh, sw, ph, pw = window
    _, h, w, c = x.shape
    n, oh, ow, _ = y.shape
    for row in range(n * oh * ow):
        image, i, j = row // (oh * ow), row // ow % oh, row % ow
        best, where = y[image, i, j], taps[image, i, j]
        top, left = i * sh - ph, j * sw - pw
        first = max(0, -top) * kw + max(0, -left)  # a window is never all padding
        pixel = x[image, max(0, top), max(0, left)]
        for k in range(c):
            best[k] = pixel[k]
            where[k] = first
        for u in range(max(0, -top), min(kh, h - top)):
            for v in range(max(0, -left), min(kw, w - left)):
                pixel = x[image, top + u, left + v]
                for k in range(c):
                    value, top_value = pixel[k], best[k]
                    larger = (value > top_value) | ((value != value) & (top_value == top_value))
                    best[k] = value if larger else top_value
                    where[k] = u * kw + v if larger else where[k]


@kernel
def max_pool_backward(grad: Any, taps: Any, window: Any, gx: Any) -> None:
    """Add the gradient of each window to where its maximum stood.

    Parameters
    ----------
    grad, taps : ndarray, shape (batch, out height, out width, channels)
    window : tuple of int
        As in `max_pool`.
    gx : ndarray, shape (batch, height, width, channels)
        Changed.
    """
    kh, kw, sh, sw, ph, pw = window
    _, h, w, c = gx.shape
    n, oh, ow, _ = grad.shape
    zero = grad.dtype.type(0)
    for row in range(n * oh * ow):
        image, i, j = row // (oh * ow), row // ow % oh, row % ow
        delta, where = grad[image, i, j], taps[image, i, j]
        top, left = i * sh - ph, j * sw - pw
        for u in range(max(0, -top), min(kh, h - top)):
            for v in range(max(0, -left), min(kw, w - left)):
                pixel = gx[image, top + u, left + v]
                for k in range(c):
                    pixel[k] += delta[k] if where[k] == u * kw + v else zero


@kernel
def avg_pool(x: Any, window: Any, y: Any) -> None:
    """Set y to the mean of each window, whose part outside of the image counts as zeros.

    Parameters
    ----------
    x : ndarray, shape (batch, height, width, channels)
    window : tuple of int
        As in `max_pool`.
    y : ndarray, shape (batch, out height, out width, channels)
        Changed.
    """
    kh, kw, sh, sw, ph, pw = window
    _, h, w, c = x.shape
    n, oh, ow, _ = y.shape
    zero, scale = x.dtype.type(0), x.dtype.type(1 / (kh * kw))
    for row in range(n * oh * ow):
        image, i, j = row // (oh * ow), row // ow % oh, row % ow
        total = y[image, i, j]
        top, left = i * sh - ph, j * sw - pw
        for k in range(c):
            total[k] = zero
        for u in range(max(0, -top), min(kh, h - top)):
            for v in range(max(0, -left), min(kw, w - left)):
                pixel = x[image, top + u, left + v]
                for k in range(c):
                    total[k] += pixel[k]
        for k in range(c):
            total[k] *= scale


@kernel
def avg_pool_backward(grad: Any, window: Any, gx: Any) -> None:
    """Add an equal share of the gradient of each window to each number in it.

    Parameters
    ----------
    grad : ndarray, shape (batch, out height, out width, channels)
    window : tuple of int
        As in `max_pool`.
    gx : ndarray, shape (batch, height, width, channels)
        Changed.
    """
    kh, kw, sh, sw, ph, pw = window
    _, h, w, c = gx.shape
    n, oh, ow, _ = grad.shape
    scale = grad.dtype.type(1 / (kh * kw))
    for row in range(n * oh * ow):
        image, i, j = row // (oh * ow), row // ow % oh, row % ow
        delta = grad[image, i, j]
        top, left = i * sh - ph, j * sw - pw
        for u in range(max(0, -top), min(kh, h - top)):
            for v in range(max(0, -left), min(kw, w - left)):
                pixel = gx[image, top + u, left + v]
                for k in range(c):
                    pixel[k] += delta[k] * scale
