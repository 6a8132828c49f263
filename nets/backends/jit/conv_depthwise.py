"""Convolution of each channel with one kernel of its own (groups = channels), where a matrix product has no work.

Each number of the columns is used once, so copying it first would only cost. All images are contiguous (N, H, W, C),
weights (kh, kw, C), so that the innermost loop goes over channels; ``geometry`` as in
`nets.backends.jit.conv_kernels`.
"""

from typing import Any

from nets._jit import kernel


@kernel
def correlate_channels(x: Any, weight: Any, geometry: Any, y: Any) -> None:
    """Set y, shape (N, OH, OW, C), to the sum over the taps of W[u, v, c] x[n, i s - p + u d, j s - p + v d, c]."""
    kh, kw, sh, sw, ph, pw, dh, dw, oh, ow = geometry
    _, h, w, c = x.shape
    zero = x.dtype.type(0)
    for row in range(len(y) * oh * ow):
        n, i, j = row // (oh * ow), row // ow % oh, row % ow
        total = y[n, i, j]
        for k in range(c):
            total[k] = zero
        for tap in range(kh * kw):
            line, column = i * sh - ph + tap // kw * dh, j * sw - pw + tap % kw * dw
            if 0 <= line < h and 0 <= column < w:
                pixel, factor = x[n, line, column], weight[tap // kw, tap % kw]
                for k in range(c):
                    total[k] += pixel[k] * factor[k]


@kernel
def spread_channels(delta: Any, weight: Any, geometry: Any, x: Any) -> None:
    """Set x, shape (N, H, W, C), to what the adjoint of `correlate_channels` makes of delta, (N, OH, OW, C)."""
    kh, kw, sh, sw, ph, pw, dh, dw, oh, ow = geometry
    _, h, w, c = x.shape
    x[:] = 0
    for row in range(len(delta) * oh * ow):
        n, i, j = row // (oh * ow), row // ow % oh, row % ow
        value = delta[n, i, j]
        for tap in range(kh * kw):
            line, column = i * sh - ph + tap // kw * dh, j * sw - pw + tap % kw * dw
            if 0 <= line < h and 0 <= column < w:
                pixel, factor = x[n, line, column], weight[tap // kw, tap % kw]
                for k in range(c):
                    pixel[k] += value[k] * factor[k]


@kernel
def channel_weight_gradient(x: Any, delta: Any, geometry: Any, gw: Any) -> None:
    """Add to gw, shape (kh, kw, C), the sum over images and positions of delta times what each tap saw."""
    kh, kw, sh, sw, ph, pw, dh, dw, oh, ow = geometry
    _, h, w, c = x.shape
    for row in range(len(delta) * oh * ow):
        n, i, j = row // (oh * ow), row // ow % oh, row % ow
        value = delta[n, i, j]
        for tap in range(kh * kw):
            line, column = i * sh - ph + tap // kw * dh, j * sw - pw + tap % kw * dw
            if 0 <= line < h and 0 <= column < w:
                pixel, total = x[n, line, column], gw[tap // kw, tap % kw]
                for k in range(c):
                    total[k] += value[k] * pixel[k]
