"""Kernels of batch and group norm, on images in channels-last memory.

Such an image is one flat array whose channels repeat with every pixel. A few pixels at a time form a "wide" row, long
enough for SIMD whatever the number of channels; what belongs to a channel (sums, scale, shift) is a wide row too.
"""

from typing import Any

import numpy as np

from nets._jit import kernel

WIDE = 64
"""The least length of a wide row, in numbers."""
BLOCK = 1 << 13
"""About how many numbers are summed before they are merged: they stay in the nearest cache."""


# --- wide rows ---


@kernel
def wide_length(channels: int) -> int:
    """Return the length of a wide row: whole pixels, at least `WIDE` numbers."""
    return channels * ((WIDE + channels - 1) // channels)


@kernel
def three_like(x: Any, length: int) -> tuple[Any, Any, Any]:
    """Return three rows of the dtype of x; as rows of one array they would be taken to overlap, three times slower."""
    return np.empty(length, x.dtype), np.empty(length, x.dtype), np.empty(length, x.dtype)


@kernel
def spread(values: Any, wide: Any) -> None:
    """Write a value of each channel to a wide row."""
    for j in range(wide.size):
        wide[j] = values[j % values.size]


@kernel
def fold(wide: Any, sums: Any) -> None:
    """Write the sums of a wide row's entries of each channel."""
    sums[:] = 0
    for j in range(wide.size):
        sums[j % sums.size] += wide[j]


@kernel
def add_wide(x: Any, total: Any) -> None:
    """Add the wide rows of x to ``total``."""
    total[:] = 0
    for start in range(0, x.size, total.size):
        part = x[start : start + total.size]
        for j in range(part.size):
            total[j] += part[j]


@kernel
def add_wide_squares(x: Any, centre: Any, total: Any) -> None:
    """Write the sum over wide rows of (x - centre)^2 to ``total``."""
    total[:] = 0
    for start in range(0, x.size, total.size):
        part = x[start : start + total.size]
        for j in range(part.size):
            total[j] += (part[j] - centre[j]) * (part[j] - centre[j])


@kernel
def add_wide_products(grad: Any, x: Any, centre: Any, total: Any, total_grad: Any) -> None:
    """Write the sums over wide rows of grad (x - centre), and of grad."""
    total[:] = 0
    total_grad[:] = 0
    for start in range(0, x.size, total.size):
        part, g = x[start : start + total.size], grad[start : start + total.size]
        for j in range(part.size):
            total[j] += g[j] * (part[j] - centre[j])
            total_grad[j] += g[j]


@kernel
def scale_and_shift(x: Any, scale: Any, shift: Any, y: Any) -> None:
    """Write y = scale x + shift, of wide rows."""
    for start in range(0, x.size, scale.size):
        part, out = x[start : start + scale.size], y[start : start + scale.size]
        for j in range(part.size):
            out[j] = part[j] * scale[j] + shift[j]


@kernel
def combine(grad: Any, x: Any, of_grad: Any, of_x: Any, of_one: Any, out: Any) -> None:
    """Write a grad + b x + c, of wide rows."""
    for start in range(0, x.size, of_x.size):
        part, g, result = x[start : start + of_x.size], grad[start : start + of_x.size], out[start : start + of_x.size]
        for j in range(part.size):
            result[j] = g[j] * of_grad[j] + part[j] * of_x[j] + of_one[j]


# --- batch norm ---


@kernel
def channel_statistics(rows: Any, mean: Any, var: Any) -> None:
    """Write the mean and the variance of each column.

    Blocks that fit the cache are read twice, for their mean and their squares around it, and merged by the rule of
    Chan, Golub, LeVeque (1979), doi:10.1007/978-3-642-51461-6_3: one pass through memory, and no cancellation.
    """
    count, channels = rows.shape
    wide, centre, _ = three_like(rows, wide_length(channels))
    block_mean, block_squares, _ = three_like(rows, channels)
    step = max(BLOCK // channels, 1)
    mean[:] = 0
    var[:] = 0
    for start in range(0, count, step):
        block = rows[start : start + step].reshape(-1)
        size = min(step, count - start)
        add_wide(block, wide)
        fold(wide, block_mean)
        block_mean /= rows.dtype.type(size)
        spread(block_mean, centre)
        add_wide_squares(block, centre, wide)
        fold(wide, block_squares)
        share = rows.dtype.type(size / (start + size))
        for c in range(channels):
            difference = block_mean[c] - mean[c]
            mean[c] += difference * share
            var[c] += block_squares[c] + difference * difference * rows.dtype.type(start) * share
    var /= rows.dtype.type(count)


@kernel
def channel_gradients(grad: Any, rows: Any, mean: Any, scale: Any, grad_affine: Any) -> None:
    """Write dL/dw and dL/db of each column to the rows of ``grad_affine``, which start as zeros."""
    count, channels = rows.shape
    wide, wide_grad, centre = three_like(rows, wide_length(channels))
    sums = np.empty(channels, rows.dtype)
    spread(mean, centre)
    step = max(BLOCK // channels, 1)
    for start in range(0, count, step):
        # Sums of sums: a single long one would lose more to rounding.
        stop = start + step
        add_wide_products(grad[start:stop].reshape(-1), rows[start:stop].reshape(-1), centre, wide, wide_grad)
        fold(wide, sums)
        grad_affine[0] += sums * scale
        fold(wide_grad, sums)
        grad_affine[1] += sums


# --- group norm ---


@kernel
def mean_of_groups(of_channels: Any, n_pixels: int, of_groups: Any, spread_again: Any) -> None:
    """Write the means of groups, from their channels' sums over pixels; and the mean of its group for each channel."""
    width = of_channels.size // of_groups.size
    for group in range(of_groups.size):
        mean = of_channels[group * width : (group + 1) * width].sum() / of_channels.dtype.type(width * n_pixels)
        of_groups[group] = mean
        spread_again[group * width : (group + 1) * width] = mean


@kernel
def group_norm_images(x: Any, weight: Any, bias: Any, eps: Any, y: Any, statistics: Any) -> None:
    """Write y, and mean and 1 / sqrt(v + eps) of each group to ``statistics``, (2, images, groups)."""
    n_images, n_pixels, channels = x.shape
    one = x.dtype.type(1)
    wide, wide_scale, wide_shift = three_like(x, wide_length(channels))
    sums, mean, scale = three_like(x, channels)
    for image in range(n_images):
        flat, means, scales = x[image].reshape(-1), statistics[0, image], statistics[1, image]
        add_wide(flat, wide)
        fold(wide, sums)
        mean_of_groups(sums, n_pixels, means, mean)
        spread(mean, wide_shift)
        add_wide_squares(flat, wide_shift, wide)
        fold(wide, sums)
        mean_of_groups(sums, n_pixels, scales, scale)
        scales[:] = one / np.sqrt(scales + eps)
        scale[:] = weight / np.sqrt(scale + eps)
        spread(scale, wide_scale)
        mean[:] = bias - mean * scale
        spread(mean, wide_shift)
        scale_and_shift(flat, wide_scale, wide_shift, y[image].reshape(-1))


@kernel
def group_norm_images_backward(grad: Any, x: Any, weight: Any, statistics: Any, grad_x: Any, grad_affine: Any) -> None:
    """Write dL/dx = a grad + b x + c, coefficients of each channel; add dL/dw and dL/db to ``grad_affine``."""
    n_images, n_pixels, channels = x.shape
    n_groups = statistics.shape[2]
    width = channels // n_groups
    wide, wide_grad, wide_x = three_like(x, wide_length(channels))
    mean, scale, products = three_like(x, channels)
    grads, of_x, of_one = three_like(x, channels)
    wide_one, means = np.empty_like(wide), np.empty(n_groups, x.dtype)
    for image in range(n_images):
        flat, g = x[image].reshape(-1), grad[image].reshape(-1)
        for c in range(channels):
            mean[c], scale[c] = statistics[0, image, c // width], statistics[1, image, c // width]
        spread(mean, wide_one)
        add_wide_products(g, flat, wide_one, wide, wide_grad)
        fold(wide, products)
        fold(wide_grad, grads)
        products *= scale
        grad_affine[0] += products
        grad_affine[1] += grads
        products *= weight
        grads *= weight
        mean_of_groups(products, n_pixels, means, of_x)  # mean(delta x^)
        mean_of_groups(grads, n_pixels, means, of_one)  # mean(delta)
        of_x *= -scale * scale
        of_one[:] = -of_one * scale - of_x * mean
        spread(scale * weight, wide_grad)
        spread(of_x, wide_x)
        spread(of_one, wide_one)
        combine(g, flat, wide_grad, wide_x, wide_one, grad_x[image].reshape(-1))
