"""Activations as one pass over memory.

Arrays are taken flat, in the order in which they lie in memory, so that an image in channels-last memory needs no
copy; results have the layout of the input.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from nets._jit import kernel
from nets.backends.jit.scalar import erf, exp, sigmoid, tanh
from nets.backends.reference.pointwise import LEAK, PointwiseOps

Array = npt.NDArray[Any]


@kernel
def relu_kernel(z: Array, y: Array) -> None:
    """Write y = max(z, 0), and NaN where z is NaN."""
    zero = z.dtype.type(0)
    for i in range(z.size):
        y[i] = zero if z[i] < zero else z[i]


@kernel
def leaky_relu_kernel(z: Array, y: Array, slope: Any) -> None:
    """Write y = z where z > 0, else slope z."""
    for i in range(z.size):
        y[i] = z[i] if z[i] > 0 else slope * z[i]


@kernel
def sigmoid_kernel(z: Array, y: Array) -> None:
    """Write y = 1 / (1 + exp(-z))."""
    for i in range(z.size):
        y[i] = sigmoid(z[i])


@kernel
def tanh_kernel(z: Array, y: Array) -> None:
    """Write y = tanh z."""
    for i in range(z.size):
        y[i] = tanh(z[i])


@kernel
def silu_kernel(z: Array, y: Array) -> None:
    """Write y = z sigmoid(z)."""
    for i in range(z.size):
        y[i] = z[i] * sigmoid(z[i])


@kernel
def gelu_tanh_kernel(z: Array, y: Array) -> None:
    """Write y = z (1 + tanh u) / 2 with u = c (z + 0.044715 z^3)."""
    half, one, c, k = z.dtype.type(0.5), z.dtype.type(1), z.dtype.type(0.7978845608028654), z.dtype.type(0.044715)
    for i in range(z.size):
        u = c * z[i] * (one + k * z[i] * z[i])
        y[i] = half * z[i] * (one + tanh(u))


@kernel
def relu_backward_kernel(grad: Array, y: Array, delta: Array) -> None:
    """Write delta = grad where y > 0, else 0."""
    zero = grad.dtype.type(0)
    for i in range(grad.size):
        delta[i] = grad[i] if y[i] > zero else zero


@kernel
def leaky_relu_backward_kernel(grad: Array, y: Array, delta: Array, slope: Any) -> None:
    """Write delta = grad where y > 0, else slope grad."""
    for i in range(grad.size):
        delta[i] = grad[i] if y[i] > 0 else slope * grad[i]


@kernel
def sigmoid_backward_kernel(grad: Array, y: Array, delta: Array) -> None:
    """Write delta = grad y (1 - y)."""
    one = grad.dtype.type(1)
    for i in range(grad.size):
        delta[i] = grad[i] * (y[i] * (one - y[i]))


@kernel
def tanh_backward_kernel(grad: Array, y: Array, delta: Array) -> None:
    """Write delta = grad (1 - y^2)."""
    one = grad.dtype.type(1)
    for i in range(grad.size):
        delta[i] = grad[i] * (one - y[i] * y[i])


@kernel
def silu_backward_kernel(grad: Array, z: Array, delta: Array) -> None:
    """Write delta = grad s (1 + z (1 - s)), s = sigmoid(z)."""
    one = grad.dtype.type(1)
    for i in range(grad.size):
        s = sigmoid(z[i])
        delta[i] = grad[i] * (s * (one + z[i] * (one - s)))


@kernel
def gelu_tanh_backward_kernel(grad: Array, z: Array, delta: Array) -> None:
    """Write delta = grad ((1 + t) / 2 + z (1 - t^2) u' / 2), t = tanh u."""
    half, one, c, k = z.dtype.type(0.5), z.dtype.type(1), z.dtype.type(0.7978845608028654), z.dtype.type(0.044715)
    three = z.dtype.type(3)
    for i in range(grad.size):
        square = z[i] * z[i]
        t = tanh(c * z[i] * (one + k * square))
        slope = c * (one + three * k * square)
        delta[i] = grad[i] * half * (one + t + z[i] * (one - t * t) * slope)


@kernel
def softplus_backward_kernel(grad: Array, z: Array, delta: Array) -> None:
    """Write delta = grad sigmoid(z)."""
    for i in range(grad.size):
        delta[i] = grad[i] * sigmoid(z[i])


@kernel
def gelu_kernel(z: Array, y: Array) -> None:
    """Write y = z P(z)."""
    half = z.dtype.type(0.5)
    for i in range(z.size):
        y[i] = half * z[i] * (z.dtype.type(1) + erf(z[i] * z.dtype.type(0.7071067811865476)))


@kernel
def gelu_backward_kernel(grad: Array, z: Array, delta: Array) -> None:
    """Write delta = grad (P(z) + z p(z))."""
    half, one = z.dtype.type(0.5), z.dtype.type(1)
    for i in range(grad.size):
        cdf = half * (one + erf(z[i] * z.dtype.type(0.7071067811865476)))
        delta[i] = grad[i] * (cdf + z[i] * z.dtype.type(0.3989422804014327) * exp(-half * z[i] * z[i]))


FORWARD = {
    "relu": relu_kernel,
    "sigmoid": sigmoid_kernel,
    "tanh": tanh_kernel,
    "silu": silu_kernel,
    "gelu": gelu_kernel,
    "gelu_tanh": gelu_tanh_kernel,
}
BACKWARD = {
    "relu": relu_backward_kernel,
    "sigmoid": sigmoid_backward_kernel,
    "tanh": tanh_backward_kernel,
}
BACKWARD_FROM_INPUT = {
    "silu": silu_backward_kernel,
    "gelu": gelu_backward_kernel,
    "gelu_tanh": gelu_tanh_backward_kernel,
    "softplus": softplus_backward_kernel,
}


class JitPointwiseOps(PointwiseOps):
    """Activations by kernels; softplus, which needs a logarithm, stays with NumPy forwards."""

    def activate(self, z: Array, name: str, slope: float = LEAK) -> Array:
        """Return y = f(z), in the memory layout of z."""
        flat = in_memory_order(z)
        if flat is None or name in ("identity", "softplus"):
            result: Array = super().activate(z, name, slope)
            return result
        y = self.empty(flat.shape, z.dtype)
        if name == "leaky_relu":
            leaky_relu_kernel(flat, y, z.dtype.type(slope))
        else:
            FORWARD[name](flat, y)
        return like(y, z)

    def activate_backward(self, grad: Array, z: Array, y: Array, name: str, slope: float = LEAK) -> Array:
        """Return delta = dL/dy f'(z), in the memory layout of y."""
        known = z if name in BACKWARD_FROM_INPUT else y
        flat = in_memory_order(known)
        if flat is None or name == "identity" or grad.dtype != known.dtype:
            result: Array = super().activate_backward(grad, z, y, name, slope)
            return result
        if grad.strides != known.strides:
            same = like(self.empty(flat.shape, grad.dtype), known)
            np.copyto(same, grad)
            grad = same
        delta = self.empty(flat.shape, grad.dtype)
        flat_grad = in_memory_order(grad)
        assert flat_grad is not None  # it lies in memory as `known` does
        if name == "leaky_relu":
            leaky_relu_backward_kernel(flat_grad, flat, delta, grad.dtype.type(slope))
        elif name in BACKWARD_FROM_INPUT:
            BACKWARD_FROM_INPUT[name](flat_grad, flat, delta)
        else:
            BACKWARD[name](flat_grad, flat, delta)
        return like(delta, known)


def in_memory_order(array: Array) -> Array | None:
    """Return an array as one axis in the order of its memory, without a copy; None if it has gaps.

    >>> in_memory_order(np.zeros((2, 3)).T).shape
    (6,)
    >>> in_memory_order(np.zeros((2, 3))[:, ::2]) is None
    True
    """
    if array.flags.c_contiguous:
        return array.reshape(-1)
    order = axis_order(array)
    turned = array.transpose(order)
    return turned.reshape(-1) if turned.flags.c_contiguous else None


def axis_order(array: Array) -> list[int]:
    """Return the axes from the largest stride to the smallest."""
    return sorted(range(array.ndim), key=lambda axis: -array.strides[axis])


def like(flat: Array, array: Array) -> Array:
    """Return a flat array in the shape and memory layout of another one that `in_memory_order` accepts."""
    if array.flags.c_contiguous:
        return flat.reshape(array.shape)
    order = axis_order(array)
    turned = flat.reshape([array.shape[axis] for axis in order])
    return turned.transpose(np.argsort(order))
