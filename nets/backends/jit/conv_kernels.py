"""The copies around the matrix product of a convolution: im2col, col2im, and what is done to a block in passing.

All images here are contiguous (batch, height, width, channels). A ``geometry`` is the tuple of integers (kernel
height, kernel width, vertical stride, horizontal stride, vertical padding, horizontal padding, vertical dilation,
horizontal dilation, positions along the height, positions along the width), `Geometry`.

A *row* is one line of positions of the kernel, counted through all images: row r is line r % OH of image r // OH.
"""

from typing import Any, TypeAlias

import numpy as np

from nets._jit import kernel
from nets.backends.jit.conv_lanes import LANES, add_lanes, copy_lanes
from nets.backends.jit.scalar import sigmoid, tanh
from nets.backends.reference.pointwise import FROM_OUTPUT, LEAK

Geometry: TypeAlias = tuple[int, int, int, int, int, int, int, int, int, int]

IDENTITY, RELU, LEAKY_RELU, SIGMOID, TANH = range(5)
KIND = {name: kind for kind, name in enumerate(FROM_OUTPUT)}
TILE = 256
"""Numbers in one turn of a loop over channels, at least: short loops do not use SIMD."""


@kernel
def _inside(size: int, span: int, start: int, stride: int, n: int) -> tuple[int, int]:
    """Return the positions [first, last) at which start + position * stride is in [0, size - span]."""
    first = min(n, max(0, -(start // stride)))
    return first, max(first, min(n, (size - span - start) // stride + 1))


@kernel
def im2col(x: Any, geometry: Any, first_row: int, columns: Any) -> None:
    """Fill ``columns`` with what the kernel sees at each position of some rows.

    Pixels that lie side by side in x also do in the columns, so a line of the kernel is one run of kw C numbers,
    unless dilation or groups part them.

    Parameters
    ----------
    x : ndarray, shape (batch, height, width, channels)
    geometry : tuple
        See above.
    first_row : int
        The first of the rows.
    columns : ndarray, shape (groups, rows * OW, kh * kw * channels / groups)
        Changed.
    """
    kh, kw, sh, sw, ph, pw, dh, dw, oh, ow = geometry
    _, h, w, c = x.shape
    groups, n, depth = columns.shape
    merged = groups == 1 and dw == 1
    n_runs, span = (1, kw) if merged else (kw, 1)
    run = span * c // groups
    source, target = x.reshape(-1), columns.reshape(-1)
    for g in range(groups):
        for r in range(n // ow):
            image, i = (first_row + r) // oh, (first_row + r) % oh
            for u in range(kh):
                line = i * sh - ph + u * dh
                for v in range(n_runs):
                    t = (g * n + r * ow) * depth + (u * n_runs + v) * run
                    if line < 0 or line >= h:
                        for _ in range(ow):
                            target[t : t + run] = 0
                            t += depth
                        continue
                    start = v * dw - pw
                    first, last = _inside(w, span, start, sw, ow)
                    base = (image * h + line) * w * c
                    for j in range(ow):
                        s = (start + j * sw) * c + g * run
                        if j < first or j >= last:
                            low = min(run, max(0, -s))
                            high = max(low, min(run, w * c - s))
                            target[t : t + low] = 0
                            target[t + low : t + high] = source[base + s + low : base + s + high]
                            target[t + high : t + run] = 0
                        else:
                            k = 0
                            while k + LANES <= run:
                                copy_lanes(target, t + k, source, base + s + k)
                                k += LANES
                            while k < run:
                                target[t + k] = source[base + s + k]
                                k += 1
                        t += depth


@kernel
def col2im(columns: Any, geometry: Any, first_row: int, x: Any) -> None:
    """Add the columns of some rows to where `im2col` copies them from.

    Parameters
    ----------
    columns : ndarray, shape (groups, rows * OW, kh * kw * channels / groups)
    geometry : tuple
        See above.
    first_row : int
        The first of the rows.
    x : ndarray, shape (batch, height, width, channels)
        Changed.
    """
    kh, kw, sh, sw, ph, pw, dh, dw, oh, ow = geometry
    _, h, w, c = x.shape
    groups, n, depth = columns.shape
    merged = groups == 1 and dw == 1
    n_runs, span = (1, kw) if merged else (kw, 1)
    run = span * c // groups
    source, target = columns.reshape(-1), x.reshape(-1)
    for g in range(groups):
        for r in range(n // ow):
            image, i = (first_row + r) // oh, (first_row + r) % oh
            for u in range(kh):
                line = i * sh - ph + u * dh
                if line < 0 or line >= h:
                    continue
                base = (image * h + line) * w * c
                for v in range(n_runs):
                    s = (g * n + r * ow) * depth + (u * n_runs + v) * run
                    start = v * dw - pw
                    first, last = _inside(w, span, start, sw, ow)
                    for j in range(ow):
                        t = (start + j * sw) * c + g * run
                        if j < first or j >= last:
                            for k in range(max(0, -t), min(run, w * c - t)):
                                target[base + t + k] += source[s + k]
                        else:
                            k = 0
                            while k + LANES <= run:
                                add_lanes(target, base + t + k, source, s + k)
                                k += LANES
                            while k < run:
                                target[base + t + k] += source[s + k]
                                k += 1
                        s += depth


@kernel
def im2col_planes(x: Any, geometry: Any, first_row: int, columns: Any) -> None:
    """Fill ``columns`` with what the kernel sees, transposed: for images of so few channels that a pixel is no run.

    With one number of the kernel in each line of the columns, the runs go along the width of the image instead.

    Parameters
    ----------
    x : ndarray, shape (batch, channels, height, width)
        Contiguous in this order.
    geometry : tuple
        See above.
    first_row : int
        The first of the rows.
    columns : ndarray, shape (chunks, channels * kh * kw, rows * OW)
        Changed.
    """
    kh, kw, sh, sw, ph, pw, dh, dw, oh, ow = geometry
    _, c, h, w = x.shape
    chunks, _, n = columns.shape
    rows = n // ow
    for chunk in range(chunks):
        for q in range(c * kh * kw):
            channel, u, v = q // (kh * kw), q // kw % kh, q % kw
            start = v * dw - pw
            first, last = _inside(w, 1, start, sw, ow)
            for r in range(rows):
                row = first_row + chunk * rows + r
                image, line = row // oh, row % oh * sh - ph + u * dh
                target = columns[chunk, q, r * ow : r * ow + ow]
                if line < 0 or line >= h:
                    target[:] = 0
                    continue
                source = x[image, channel, line]
                target[:first] = 0
                if sw == 1:
                    target[first:last] = source[start + first : start + last]
                else:
                    for j in range(first, last):
                        target[j] = source[start + j * sw]
                target[last:] = 0


@kernel
def finish(z: Any, bias: Any, kind: int) -> None:
    """Replace z, shape (pixels, channels), by f(z + b); the bias is repeated so that the loop is long."""
    c = z.shape[1]
    tile = c * (TILE // c + 1)
    repeated = np.empty(tile, z.dtype)
    for k in range(tile):
        repeated[k] = bias[k % c]
    zero, leak = z.dtype.type(0), z.dtype.type(LEAK)
    flat = z.reshape(-1)
    for begin in range(0, flat.size, tile):
        part = flat[begin : begin + tile]
        b = repeated[: part.size]
        if kind == IDENTITY:
            for k in range(part.size):
                part[k] += b[k]
        elif kind == RELU:
            for k in range(part.size):
                value = part[k] + b[k]
                part[k] = zero if value < zero else value  # asked in this way, NaN stays NaN
        elif kind == LEAKY_RELU:
            for k in range(part.size):
                value = part[k] + b[k]
                part[k] = value * leak if value < zero else value
        elif kind == SIGMOID:
            for k in range(part.size):
                part[k] = sigmoid(part[k] + b[k])
        else:
            for k in range(part.size):
                part[k] = tanh(part[k] + b[k])


@kernel
def column_sum(rows: Any) -> Any:
    """Return the sum over the pixels of rows, shape (pixels, channels); in several partial sums, for accuracy too."""
    c = rows.shape[1]
    tile = c * (TILE // c + 1)
    sums = np.zeros(tile, rows.dtype)
    flat = rows.reshape(-1)
    for begin in range(0, flat.size, tile):
        part = flat[begin : begin + tile]
        for k in range(part.size):
            sums[k] += part[k]
    return _folded(sums, c)


@kernel
def delta_and_sum(grad: Any, y: Any, kind: int, delta: Any) -> Any:
    """Set delta = grad f'(z), told by y = f(z), and return its sum over the pixels, shape (channels,).

    Parameters
    ----------
    grad, y : ndarray, shape (pixels, channels)
    kind : int
        Which f, see `KIND`; not the identity.
    delta : ndarray, shape (pixels, channels)
        Changed; may be ``grad``.
    """
    c = grad.shape[1]
    tile = c * (TILE // c + 1)
    sums = np.zeros(tile, grad.dtype)
    zero, one, leak = grad.dtype.type(0), grad.dtype.type(1), grad.dtype.type(LEAK)
    all_grad, all_y, all_delta = grad.reshape(-1), y.reshape(-1), delta.reshape(-1)
    for begin in range(0, all_grad.size, tile):
        g, f, d = all_grad[begin : begin + tile], all_y[begin : begin + tile], all_delta[begin : begin + tile]
        if kind == RELU:
            for k in range(g.size):
                d[k] = g[k] if f[k] > zero else zero
        elif kind == LEAKY_RELU:
            for k in range(g.size):
                d[k] = g[k] if f[k] > zero else g[k] * leak
        elif kind == SIGMOID:
            for k in range(g.size):
                d[k] = g[k] * (f[k] * (one - f[k]))
        else:
            for k in range(g.size):
                d[k] = g[k] * (one - f[k] * f[k])
        for k in range(d.size):
            sums[k] += d[k]
    return _folded(sums, c)


@kernel
def _folded(sums: Any, c: int) -> Any:
    """Return the sums of every c-th number."""
    total = np.zeros(c, sums.dtype)
    for k in range(sums.size):
        total[k % c] += sums[k]
    return total


@kernel
def to_channels_last(x: Any, y: Any) -> None:
    """Set y, shape (batch, pixels, channels), to x, shape (batch, channels, pixels); both contiguous."""
    n, c, p = x.shape
    for i in range(n):
        for k in range(p):
            for channel in range(c):
                y[i, k, channel] = x[i, channel, k]
