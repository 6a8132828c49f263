"""Normalizations that read their input as often as they must, and keep what they read in the cache.

Batch and group norm work on images as channels-last memory: one flat array whose channels repeat with every pixel.
A few pixels at a time form a "wide" row, long enough for SIMD whatever the number of channels; what belongs to a
channel (sums, scale, shift) is kept as a wide row too.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from nets._jit import kernel
from nets.backends.reference.normalization import Needs, NormalizationOps

Array = npt.NDArray[Any]

WIDE = 64
"""The least length of a wide row, in numbers."""
BLOCK = 1 << 13
"""About how many numbers are summed before they are merged: they stay in the nearest cache."""


class JitNormalizationOps(NormalizationOps):
    """Normalizations and their gradients."""

    def layer_norm(self, x: Array, weight: Array | None, bias: Array | None, eps: float) -> tuple[Array, Any]:
        """Normalize each row, as the reference."""
        x = np.ascontiguousarray(x)
        y = self.empty(x.shape, x.dtype)
        statistics = self.empty((2, len(x)), x.dtype)
        layer_norm_rows(x, *_affine(x, weight, bias), x.dtype.type(eps), y, statistics)
        return y, statistics

    def layer_norm_backward(
        self, grad: Array, x: Array, weight: Array | None, saved: Any, needs: Needs = (True, True, True)
    ) -> tuple[Array | None, Array | None, Array | None]:
        """Return dL/dx, dL/dw and dL/db, those that are needed."""
        x = np.ascontiguousarray(x)
        grad_x = self.empty(x.shape, x.dtype)
        grad_affine = np.zeros((2, x.shape[1]), x.dtype)
        scale, _ = _affine(x, weight, None)
        layer_norm_rows_backward(np.ascontiguousarray(grad), x, scale, saved, grad_x, grad_affine)
        return _needed(grad_x, grad_affine, needs)

    def batch_norm(
        self,
        x: Array,
        weight: Array | None,
        bias: Array | None,
        mean: Array | None,
        var: Array | None,
        eps: float,
    ) -> tuple[Array, Any, Array, Array]:
        """Normalize each channel over the batch, or by given statistics, as the reference."""
        rows = np.ascontiguousarray(self._channel_rows(x))
        if constant := mean is not None and var is not None:
            used_mean, used_var = np.asarray(mean, x.dtype), np.asarray(var, x.dtype)
        else:
            used_mean, used_var = np.empty((2, x.shape[1]), x.dtype)
            channel_statistics(rows, used_mean, used_var)
        scale = 1 / np.sqrt(used_var + x.dtype.type(eps))
        factor, shift = _affine(rows, weight, bias)
        factor = factor * scale
        y = self.empty(rows.shape, x.dtype)
        scale_and_shift(rows.ravel(), _wide(factor), _wide(shift - used_mean * factor), y.reshape(-1))
        return self._as_images(y, x.shape), (used_mean, scale, constant), used_mean, used_var

    def batch_norm_backward(
        self, grad: Array, x: Array, weight: Array | None, saved: Any, needs: Needs = (True, True, True)
    ) -> tuple[Array | None, Array | None, Array | None]:
        """Return dL/dx, dL/dw and dL/db, those that are needed.

        dL/dx = delta scale - mean(delta) scale - x^ mean(delta x^) scale is a grad + b x + c for each channel.
        """
        mean, scale, constant = saved
        rows = np.ascontiguousarray(self._channel_rows(x))
        grad_rows = np.ascontiguousarray(self._channel_rows(grad))
        grad_affine = np.zeros((2, x.shape[1]), x.dtype)
        channel_gradients(grad_rows, rows, mean, scale, grad_affine)
        if not needs[0]:
            return _needed(None, grad_affine, needs)
        factor = scale if weight is None else scale * weight
        if constant:
            of_x = of_one = np.zeros_like(factor)
        else:
            of_x = -factor * scale * grad_affine[0] / x.dtype.type(len(rows))
            of_one = -factor * grad_affine[1] / x.dtype.type(len(rows)) - of_x * mean
        grad_x = self.empty(rows.shape, x.dtype)
        combine(grad_rows.ravel(), rows.ravel(), _wide(factor), _wide(of_x), _wide(of_one), grad_x.reshape(-1))
        return _needed(self._as_images(grad_x, x.shape), grad_affine, needs)

    def group_norm(
        self, x: Array, n_groups: int, weight: Array | None, bias: Array | None, eps: float
    ) -> tuple[Array, Any]:
        """Normalize groups of consecutive channels of each image, as the reference."""
        rows = np.ascontiguousarray(self._channel_rows(x)).reshape(len(x), -1, x.shape[1])
        y = self.empty(rows.shape, x.dtype)
        statistics = np.empty((2, len(x), n_groups), x.dtype)
        group_norm_images(rows, *_affine(rows, weight, bias), x.dtype.type(eps), y, statistics)
        return self._as_images(y, x.shape), statistics

    def group_norm_backward(
        self,
        grad: Array,
        x: Array,
        n_groups: int,
        weight: Array | None,
        saved: Any,
        needs: Needs = (True, True, True),
    ) -> tuple[Array | None, Array | None, Array | None]:
        """Return dL/dx, dL/dw and dL/db, those that are needed."""
        rows = np.ascontiguousarray(self._channel_rows(x)).reshape(len(x), -1, x.shape[1])
        grad_rows = np.ascontiguousarray(self._channel_rows(grad)).reshape(rows.shape)
        grad_x = self.empty(rows.shape, x.dtype)
        grad_affine = np.zeros((2, x.shape[1]), x.dtype)
        factor, _ = _affine(rows, weight, None)
        group_norm_images_backward(grad_rows, rows, factor, saved, grad_x, grad_affine)
        return _needed(self._as_images(grad_x, x.shape), grad_affine, needs)


def _affine(x: Array, weight: Array | None, bias: Array | None) -> tuple[Array, Array]:
    """Return scale and shift, 1 and 0 where None, so that kernels have one form."""
    features = x.shape[-1]
    scale = np.ones(features, x.dtype) if weight is None else np.ascontiguousarray(weight)
    return scale, np.zeros(features, x.dtype) if bias is None else np.ascontiguousarray(bias)


def _needed(grad_x: Array | None, grad_affine: Array, needs: Needs) -> tuple[Array | None, Array | None, Array | None]:
    return grad_x if needs[0] else None, grad_affine[0] if needs[1] else None, grad_affine[1] if needs[2] else None


def _wide(values: Array) -> Array:
    """Return a value of each channel as a wide row."""
    return np.tile(values, -(-WIDE // len(values)))


# --- layer norm ---


@kernel
def layer_norm_rows(x: Any, weight: Any, bias: Any, eps: Any, y: Any, statistics: Any) -> None:
    """Write y, and mean and 1 / sqrt(v + eps) of each row to ``statistics``, (2, rows)."""
    features = x.shape[1]
    one, count = x.dtype.type(1), x.dtype.type(features)
    for row in range(x.shape[0]):
        values, out = x[row], y[row]
        total = x.dtype.type(0)
        for j in range(features):
            total += values[j]
        mean = total / count
        squares = x.dtype.type(0)
        for j in range(features):
            squares += (values[j] - mean) * (values[j] - mean)
        scale = one / np.sqrt(squares / count + eps)
        for j in range(features):
            out[j] = (values[j] - mean) * scale * weight[j] + bias[j]
        statistics[0, row] = mean
        statistics[1, row] = scale


@kernel
def layer_norm_rows_backward(grad: Any, x: Any, weight: Any, statistics: Any, grad_x: Any, grad_affine: Any) -> None:
    """Write dL/dx; add dL/dw and dL/db to the rows of ``grad_affine``."""
    features = x.shape[1]
    count = x.dtype.type(features)
    grad_weight, grad_bias = grad_affine[0], grad_affine[1]
    normal = np.empty(features, x.dtype)
    for row in range(x.shape[0]):
        g, values, out = grad[row], x[row], grad_x[row]
        mean, scale = statistics[0, row], statistics[1, row]
        sum_delta, sum_product = x.dtype.type(0), x.dtype.type(0)
        for j in range(features):
            normal[j] = (values[j] - mean) * scale
            delta = g[j] * weight[j]
            sum_delta += delta
            sum_product += delta * normal[j]
        for j in range(features):
            grad_weight[j] += g[j] * normal[j]
            grad_bias[j] += g[j]
        mean_delta, mean_product = sum_delta / count, sum_product / count
        for j in range(features):
            out[j] = (g[j] * weight[j] - mean_delta - normal[j] * mean_product) * scale


# --- channels ---


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
