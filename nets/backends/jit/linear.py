"""The fully connected layer: BLAS multiplies, a kernel adds the bias and applies the activation in one pass."""

from typing import Any

import numpy as np
import numpy.typing as npt

from nets._jit import kernel
from nets.backends.jit.pointwise import JitPointwiseOps
from nets.backends.jit.scalar import sigmoid, tanh
from nets.backends.reference.linear import LinearOps
from nets.backends.reference.pointwise import LEAK

Array = npt.NDArray[Any]
CODES = {"identity": 0, "relu": 1, "leaky_relu": 2, "sigmoid": 3, "tanh": 4}


@kernel
def bias_activation_kernel(z: Array, bias: Array, code: int, slope: Any) -> None:
    """Change z, shape (rows, columns), to f(z + bias); ``code`` is one of `CODES`."""
    rows, columns = z.shape
    zero = z.dtype.type(0)
    for i in range(rows):
        row = z[i]
        if code == 0:
            for j in range(columns):
                row[j] += bias[j]
        elif code == 1:
            for j in range(columns):
                v = row[j] + bias[j]
                row[j] = zero if v < zero else v
        elif code == 2:
            for j in range(columns):
                v = row[j] + bias[j]
                row[j] = v if v > zero else slope * v
        elif code == 3:
            for j in range(columns):
                row[j] = sigmoid(row[j] + bias[j])
        else:
            for j in range(columns):
                row[j] = tanh(row[j] + bias[j])


@kernel
def delta_bias_kernel(grad: Array, y: Array, delta: Array, grad_bias: Array, code: int, slope: Any) -> None:
    """Write delta = grad f'(z), and its sum over the rows; all but ``grad_bias`` have shape (rows, columns)."""
    rows, columns = grad.shape
    zero, one = grad.dtype.type(0), grad.dtype.type(1)
    grad_bias[:] = zero
    for i in range(rows):
        g, f, d = grad[i], y[i], delta[i]
        if code == 1:
            for j in range(columns):
                d[j] = g[j] if f[j] > zero else zero
        elif code == 2:
            for j in range(columns):
                d[j] = g[j] if f[j] > zero else slope * g[j]
        elif code == 3:
            for j in range(columns):
                d[j] = g[j] * (f[j] * (one - f[j]))
        elif code == 4:
            for j in range(columns):
                d[j] = g[j] * (one - f[j] * f[j])
        for j in range(columns):
            grad_bias[j] += d[j]


@kernel
def sum_rows_kernel(x: Array, total: Array) -> None:
    """Write the sum over the rows of x."""
    rows, columns = x.shape
    total[:] = x.dtype.type(0)
    for i in range(rows):
        row = x[i]
        for j in range(columns):
            total[j] += row[j]


class JitLinearOps(JitPointwiseOps, LinearOps):
    """`LinearOps` with the passes around the matrix products fused."""

    def linear(self, x: Array, weight: Array, bias: Array | None, activation: str = "identity") -> Array:
        """Return y = f(x W^T + b)."""
        y = self._product(x, weight.T)
        if bias is not None:
            bias_activation_kernel(y, bias, CODES[activation], y.dtype.type(LEAK))
            return y
        return self.activate(y, activation)

    def linear_backward(
        self,
        grad: Array,
        x: Array,
        weight: Array,
        y: Array,
        activation: str = "identity",
        needs: tuple[bool, bool, bool] = (True, True, True),
        out: Array | None = None,
    ) -> tuple[Array | None, Array | None, Array | None]:
        """Return dL/dx, dL/dW and dL/db, those that are needed."""
        grad = np.ascontiguousarray(grad, y.dtype)
        grad_bias = np.empty(len(weight), y.dtype) if needs[2] else None
        if activation == "identity":
            delta = grad
            if grad_bias is not None:
                sum_rows_kernel(delta, grad_bias)
        elif grad_bias is not None:
            delta = self.empty(y.shape, y.dtype)
            delta_bias_kernel(grad, y, delta, grad_bias, CODES[activation], y.dtype.type(LEAK))
        else:
            delta = self.activate_backward(grad, y, y, activation)
        return (
            self._product(delta, weight) if needs[0] else None,
            self._linear_weight_gradient(delta, x, weight, out) if needs[1] else None,
            grad_bias,
        )

    def _product(self, a: Array, b: Array) -> Array:
        y: Array = self.empty((len(a), b.shape[1]), a.dtype)
        if a.shape[1] == 1:  # an outer product, which takes BLAS several times as long
            return np.multiply(a, b, out=y)
        return np.matmul(a, b, out=y)

    def _linear_weight_gradient(self, delta: Array, x: Array, weight: Array, out: Array | None) -> Array:
        """Return delta^T x, in ``out`` or in the memory layout of the weight."""
        if weight.flags.c_contiguous:
            gradient = self.empty(weight.shape, delta.dtype) if out is None else out
            np.matmul(delta.T, x, out=gradient)
        else:
            gradient = self.empty(weight.shape[::-1], delta.dtype).T if out is None else out
            np.matmul(x.T, delta, out=gradient.T)
        return gradient
