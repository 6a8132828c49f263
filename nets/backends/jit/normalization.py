"""Normalizations that read their input as often as they must, and keep what they read in the cache."""

from typing import Any

import numpy as np
import numpy.typing as npt

from nets._jit import kernel
from nets.backends.jit.channels import (
    WIDE,
    channel_gradients,
    channel_statistics,
    combine,
    group_norm_images,
    group_norm_images_backward,
    scale_and_shift,
)
from nets.backends.reference.normalization import Needs, NormalizationOps

Array = npt.NDArray[Any]


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
        for j in range(features):  # a loop of its own: see `nets._jit`
            delta = g[j] * weight[j]
            sum_delta += delta
            sum_product += delta * normal[j]
        for j in range(features):
            grad_weight[j] += g[j] * normal[j]
            grad_bias[j] += g[j]
        mean_delta, mean_product = sum_delta / count, sum_product / count
        for j in range(features):
            out[j] = (g[j] * weight[j] - mean_delta - normal[j] * mean_product) * scale
