"""Bags of embeddings by kernels: nothing but the rows is read, and no matrix of ones is made.

The way back adds each bag's delta to its rows. It goes through blocks of columns, so that a block of the table's
gradient stays in the cache while all bags are added to it; the number of columns is a constant, which lets the
compiler keep a bag's delta in registers. The order of the sums is that of the bags, on every machine.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from nets._jit import exact_kernel
from nets.backends.jit.linear import CODES, bias_activation_kernel
from nets.backends.jit.pointwise import JitPointwiseOps
from nets.backends.reference.embedding import EmbeddingOps
from nets.backends.reference.pointwise import LEAK

Array = npt.NDArray[Any]
COLUMNS = 64  # of a block: four registers of AVX-512, eight of AVX2


@exact_kernel
def embedding_bag_kernel(indices: Array, weight: Array, y: Array) -> None:
    """Write the sum of the rows of each bag to y, shape (bags, width); four rows at a time, which spares stores."""
    bags, size = indices.shape
    width = weight.shape[1]
    whole = size // 4 * 4
    for i in range(bags):
        total = y[i]
        total[:] = weight.dtype.type(0)
        for k in range(0, whole, 4):
            a, b = weight[indices[i, k]], weight[indices[i, k + 1]]
            c, d = weight[indices[i, k + 2]], weight[indices[i, k + 3]]
            for j in range(width):
                total[j] += (a[j] + b[j]) + (c[j] + d[j])
        for k in range(whole, size):
            a = weight[indices[i, k]]
            for j in range(width):
                total[j] += a[j]


@exact_kernel
def embedding_bag_backward_kernel(
    grad: Array, indices: Array, y: Array, rectified: bool, gradient: Array, grad_bias: Array
) -> None:
    """Write dL/dW and dL/db, with delta = grad, or where ``rectified``, grad where y > 0 and 0 elsewhere."""
    bags, size = indices.shape
    rows, width = gradient.shape
    zero = gradient.dtype.type(0)
    block = np.empty((rows, COLUMNS), gradient.dtype)
    delta = np.zeros(COLUMNS, gradient.dtype)
    total = np.empty(COLUMNS, gradient.dtype)
    for start in range(0, width, COLUMNS):
        n = min(COLUMNS, width - start)  # the columns beyond are computed too, and left out
        block[:] = zero
        total[:] = zero
        for i in range(bags):
            g, f = grad[i, start : start + n], y[i, start : start + n]
            if rectified:
                for j in range(n):
                    delta[j] = g[j] if f[j] > zero else zero
            else:
                for j in range(n):
                    delta[j] = g[j]
            for j in range(COLUMNS):
                total[j] += delta[j]
            for k in range(size):
                row = block[indices[i, k]]
                for j in range(COLUMNS):
                    row[j] += delta[j]
        gradient[:, start : start + n] = block[:, :n]
        grad_bias[start : start + n] = total[:n]


class JitEmbeddingOps(JitPointwiseOps, EmbeddingOps):
    """`EmbeddingOps` by kernels."""

    def embedding_bag(self, indices: Array, weight: Array, bias: Array | None, activation: str = "identity") -> Array:
        """Return the sum of some rows of a table for each bag, plus b, activated."""
        y: Array = self.empty((len(indices), weight.shape[1]), weight.dtype)
        embedding_bag_kernel(np.ascontiguousarray(indices), np.ascontiguousarray(weight), y)
        if bias is None and activation == "identity":
            return y
        bias = np.zeros(weight.shape[1], weight.dtype) if bias is None else np.ascontiguousarray(bias)
        bias_activation_kernel(y, bias, CODES[activation], y.dtype.type(LEAK))
        return y

    def embedding_bag_backward(
        self,
        grad: Array,
        indices: Array,
        weight: Array,
        y: Array,
        activation: str = "identity",
        out: Array | None = None,
    ) -> tuple[Array, Array]:
        """Return dL/dW and dL/db."""
        grad = np.ascontiguousarray(grad, y.dtype)
        rectified = activation == "relu"
        if activation not in ("identity", "relu"):
            grad = self.activate_backward(grad, y, y, activation)
        gradient = self.empty(weight.shape, y.dtype) if out is None or not out.flags.c_contiguous else out
        grad_bias = np.empty(weight.shape[1], y.dtype)
        embedding_bag_backward_kernel(grad, np.ascontiguousarray(indices), y, rectified, gradient, grad_bias)
        return gradient, grad_bias
