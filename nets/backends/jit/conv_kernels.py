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
def _copy_runs(target: Any, t: int, t_step: int, source: Any, s: int, s_step: int, n: int, run: int) -> None:
    """Copy n runs of so many numbers: ``target[t : t + run] = source[s : s + run]``, and the next a step further."""
    for _ in range(n):
        k = 0
        while k + LANES <= run:
            copy_lanes(target, t + k, source, s + k)
            k += LANES
        if k < run and run >= LANES:  # what is left, and again some of what is not
            copy_lanes(target, t + run - LANES, source, s + run - LANES)
            k = run
        while k < run:
            target[t + k] = source[s + k]
            k += 1
        t += t_step
        s += s_step


@kernel
def _add_runs(target: Any, t: int, t_step: int, source: Any, s: int, s_step: int, n: int, run: int) -> None:
    """Add n runs of so many numbers: ``target[t : t + run] += source[s : s + run]``, and the next a step further."""
    for _ in range(n):
        k = 0
        while k + LANES <= run:
            add_lanes(target, t + k, source, s + k)
            k += LANES
        while k < run:
            target[t + k] += source[s + k]
            k += 1
        t += t_step
        s += s_step


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
    for r in range(n // ow):
        image, i = (first_row + r) // oh, (first_row + r) % oh
        for u in range(kh):
            line = i * sh - ph + u * dh
            base = (image * h + line) * w * c
            for g_v in range(groups * n_runs):
                g, v = g_v // n_runs, g_v % n_runs
                t = (g * n + r * ow) * depth + (u * n_runs + v) * run
                s = (v * dw - pw) * c + g * run
                first, last = _inside(w, span, v * dw - pw, sw, ow)
                if line < 0 or line >= h:
                    first, last, s = 0, 0, w * c  # all of it is outside
                for j in range(first):
                    _copy_clipped(target, t + j * depth, source, base, s + j * sw * c, w * c, run)
                here = base + s + first * sw * c
                _copy_runs(target, t + first * depth, depth, source, here, sw * c, last - first, run)
                for j in range(last, ow):
                    _copy_clipped(target, t + j * depth, source, base, s + j * sw * c, w * c, run)


@kernel
def _copy_clipped(target: Any, t: int, source: Any, base: int, s: int, end: int, run: int) -> None:
    """Set ``target[t : t + run]`` to what follows source[base + s], and to 0 where s < 0 or s >= end."""
    low = min(run, max(0, -s))
    high = max(low, min(run, end - s))
    target[t : t + low] = 0
    _copy_runs(target, t + low, 0, source, base + s + low, 0, 1, high - low)
    target[t + high : t + run] = 0


@kernel
def col2im(columns: Any, geometry: Any, first_row: int, x: Any) -> None:
    """Add the columns of some rows to where `im2col` copies them from; row 0 of an image first sets all of it to 0.

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
    for r in range(n // ow):
        image, i = (first_row + r) // oh, (first_row + r) % oh
        if i == 0:
            target[image * h * w * c : (image + 1) * h * w * c] = 0
        for u in range(kh):
            line = i * sh - ph + u * dh
            if line < 0 or line >= h:
                continue
            base = (image * h + line) * w * c
            for g_v in range(groups * n_runs):
                g, v = g_v // n_runs, g_v % n_runs
                s = (g * n + r * ow) * depth + (u * n_runs + v) * run
                t = (v * dw - pw) * c + g * run
                first, last = _inside(w, span, v * dw - pw, sw, ow)
                for j in range(first):
                    _add_clipped(target, base, t + j * sw * c, w * c, source, s + j * depth, run)
                here = base + t + first * sw * c
                _add_runs(target, here, sw * c, source, s + first * depth, depth, last - first, run)
                for j in range(last, ow):
                    _add_clipped(target, base, t + j * sw * c, w * c, source, s + j * depth, run)


@kernel
def _add_clipped(target: Any, base: int, t: int, end: int, source: Any, s: int, run: int) -> None:
    """Add a run of the source to what follows target[base + t], but for t < 0 and t >= end."""
    low = max(0, -t)
    _add_runs(target, base + t + low, 0, source, s + low, 0, 1, min(run, end - t) - low)


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
        Changed. A chunk is an image, or the rows are a part of one.
    """
    kh, kw, sh, sw, ph, pw, dh, dw, oh, ow = geometry
    _, c, h, w = x.shape
    chunks, depth, n = columns.shape
    rows = n // ow
    source, target = x.reshape(-1), columns.reshape(-1)
    for chunk in range(chunks):
        image, row = (first_row + chunk * rows) // oh, (first_row + chunk * rows) % oh
        for q in range(depth):
            channel, u, v = q // (kh * kw), q // kw % kh, q % kw
            left, top = v * dw - pw, row * sh - ph + u * dh
            first, last = _inside(w, 1, left, sw, ow)
            first_line, last_line = _inside(h, 1, top, sh, rows)
            t = (chunk * depth + q) * n
            s = ((image * c + channel) * h + top + first_line * sh) * w + left + first * sw
            target[t : t + first_line * ow] = 0
            target[t + last_line * ow : t + n] = 0
            t += first_line * ow
            if sw == 1:
                _copy_runs(target, t + first, ow, source, s, sh * w, last_line - first_line, last - first)
            for i in range(last_line - first_line):
                for j in range(first):
                    target[t + i * ow + j] = 0
                for j in range(last, ow):
                    target[t + i * ow + j] = 0
                if sw != 1:
                    for j in range(last - first):
                        target[t + i * ow + first + j] = source[s + i * sh * w + j * sw]


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
        Changed; memory of its own, for where arrays overlap the loops do without SIMD.
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
