"""Softmax and cross-entropy, each in one pass over the rows."""

from typing import Any

import numpy as np
import numpy.typing as npt

from nets._jit import kernel
from nets.backends.jit.scalar import exp
from nets.backends.reference.loss import LossOps

Array = npt.NDArray[Any]


@kernel
def softmax_row(z: Array, p: Array) -> tuple[Any, Any]:
    """Write softmax(z) to p; return the maximum of z and the sum of exp(z - maximum)."""
    top = z[0]
    for j in range(1, z.size):
        top = z[j] if z[j] > top else top
    total = z.dtype.type(0)
    for j in range(z.size):
        p[j] = exp(z[j] - top)
    for j in range(z.size):  # a loop of its own: see `nets._jit`
        total += p[j]
    scale = z.dtype.type(1) / total
    for j in range(z.size):
        p[j] *= scale
    return top, total


@kernel
def softmax_kernel(z: Array, p: Array) -> None:
    """Write the softmax of each row of z to p."""
    for i in range(len(z)):
        softmax_row(z[i], p[i])


@kernel
def softmax_backward_kernel(grad: Array, p: Array, delta: Array) -> None:
    """Write delta = p (g - sum_j g_j p_j) for each row."""
    for i in range(len(p)):
        g, q, d = grad[i], p[i], delta[i]
        mean = p.dtype.type(0)
        for j in range(q.size):
            mean += g[j] * q[j]
        for j in range(q.size):
            d[j] = q[j] * (g[j] - mean)


@kernel
def log_softmax_kernel(z: Array, y: Array) -> None:
    """Write z - maximum - log sum exp(z - maximum) for each row."""
    for i in range(len(z)):
        row, out = z[i], y[i]
        top, total = softmax_row(row, out)
        shift = top + np.log(total)
        for j in range(row.size):
            out[j] = row[j] - shift


@kernel
def cross_entropy_kernel(z: Array, labels: Array, smoothing: Any, losses: Array, p: Array) -> None:
    """Write the loss of each row, - sum_j t_j log p_j, and its probabilities."""
    n = z.shape[1]
    one = z.dtype.type(1)
    for i in range(len(z)):
        row = z[i]
        top, total = softmax_row(row, p[i])
        shift = top + np.log(total)
        loss = (one - smoothing) * (shift - row[labels[i]])
        if smoothing > 0:
            mean = z.dtype.type(0)
            for j in range(n):
                mean += row[j]
            loss += smoothing * (shift - mean / z.dtype.type(n))
        losses[i] = loss


@kernel
def cross_entropy_backward_kernel(grad: Array, p: Array, labels: Array, smoothing: Any, delta: Array) -> None:
    """Write delta = (p - t) g for each row; ``grad`` holds g for each row, or one for all."""
    rest = smoothing / p.dtype.type(p.shape[1])
    one = p.dtype.type(1)
    step = 0 if grad.size == 1 else 1
    for i in range(len(p)):
        q, d, g = p[i], delta[i], grad[i * step]
        for j in range(q.size):
            d[j] = (q[j] - rest) * g
        d[labels[i]] -= (one - smoothing) * g


@kernel
def least_and_most_kernel(labels: Array) -> tuple[int, int]:
    """Return the smallest and the largest of some ints."""
    low = high = labels[0]
    for i in range(1, labels.size):
        low, high = min(low, labels[i]), max(high, labels[i])
    return low, high


class JitLossOps(LossOps):
    """`LossOps` by kernels."""

    def least_and_most(self, labels: Array) -> tuple[int, int]:
        """Return the smallest and the largest of some ints, of one axis."""
        return least_and_most_kernel(labels)

    def softmax(self, z: Array) -> Array:
        """Return the softmax along the last axis."""
        rows = _rows(z)
        p: Array = self.empty(z.shape, z.dtype)
        softmax_kernel(rows, p.reshape(rows.shape))
        return p

    def softmax_backward(self, grad: Array, p: Array) -> Array:
        """Return dL/dz = p (g - sum_j g_j p_j)."""
        rows = _rows(p)
        delta: Array = self.empty(p.shape, p.dtype)
        softmax_backward_kernel(_rows(grad.astype(p.dtype, copy=False)), rows, delta.reshape(rows.shape))
        return delta

    def log_softmax(self, z: Array) -> Array:
        """Return log p along the last axis."""
        rows = _rows(z)
        y: Array = self.empty(z.shape, z.dtype)
        log_softmax_kernel(rows, y.reshape(rows.shape))
        return y

    def cross_entropy(self, logits: Array, labels: Array, smoothing: float = 0.0) -> tuple[Array, Array]:
        """Return the loss of each row and the probabilities."""
        losses, p = np.empty(len(logits), logits.dtype), self.empty(logits.shape, logits.dtype)
        cross_entropy_kernel(
            np.ascontiguousarray(logits), np.ascontiguousarray(labels), logits.dtype.type(smoothing), losses, p
        )
        return losses, p

    def cross_entropy_backward(self, grad: Array, p: Array, labels: Array, smoothing: float = 0.0) -> Array:
        """Return dL/dz = (p - t) g."""
        delta: Array = self.empty(p.shape, p.dtype)
        grads = np.ascontiguousarray(grad, p.dtype).reshape(-1)
        cross_entropy_backward_kernel(grads, p, np.ascontiguousarray(labels), p.dtype.type(smoothing), delta)
        return delta


def _rows(x: Array) -> Array:
    """Return an array with all axes but the last made one."""
    rows: Array = np.ascontiguousarray(x).reshape(-1, x.shape[-1])
    return rows
