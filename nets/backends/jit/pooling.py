"""Pooling with kernels instead of one pass over the image for each place in a window."""

from typing import Any

import numpy as np
import numpy.typing as npt

from nets.backends.jit.conv_blocks import channels_last
from nets.backends.jit.pool_kernels import avg_pool, avg_pool_backward, max_pool, max_pool_backward
from nets.backends.reference.convolution import Pair, conv2d_output_size
from nets.backends.reference.pooling import PoolingOps

Array = npt.NDArray[Any]


class JitPoolingOps(PoolingOps):
    """Maximum and average over windows."""

    def max_pool2d(self, x: Array, kernel: Pair, stride: Pair, padding: Pair = (0, 0)) -> tuple[Array, Array]:
        """Return the largest number of each window, and where it stood; see the reference."""
        image = channels_last(self, x)
        shape = (len(x), *conv2d_output_size(x.shape[2:], kernel, stride, padding), x.shape[1])
        y, taps = self.empty(shape, x.dtype), self.empty(shape, np.int32)
        max_pool(image, (*kernel, *stride, *padding), y, taps)
        return y.transpose(0, 3, 1, 2), taps

    def max_pool2d_backward(
        self, grad: Array, taps: Array, shape: tuple[int, ...], kernel: Pair, stride: Pair, padding: Pair = (0, 0)
    ) -> Array:
        """Return dL/dx, x of this shape; see the reference."""
        gx = self._pool_zeros(shape, grad.dtype)
        max_pool_backward(channels_last(self, grad), taps, (*kernel, *stride, *padding), gx)
        return gx.transpose(0, 3, 1, 2)

    def avg_pool2d(self, x: Array, kernel: Pair, stride: Pair, padding: Pair = (0, 0)) -> Array:
        """Return the mean of each window; see the reference."""
        shape = (len(x), *conv2d_output_size(x.shape[2:], kernel, stride, padding), x.shape[1])
        y: Array = self.empty(shape, x.dtype)
        avg_pool(channels_last(self, x), (*kernel, *stride, *padding), y)
        return y.transpose(0, 3, 1, 2)

    def avg_pool2d_backward(
        self, grad: Array, shape: tuple[int, ...], kernel: Pair, stride: Pair, padding: Pair = (0, 0)
    ) -> Array:
        """Return dL/dx, x of this shape; see the reference."""
        gx = self._pool_zeros(shape, grad.dtype)
        avg_pool_backward(channels_last(self, grad), (*kernel, *stride, *padding), gx)
        return gx.transpose(0, 3, 1, 2)

    def _pool_zeros(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
        n, c, h, w = shape
        zeros: Array = self.empty((n, h, w, c), dtype)
        zeros.fill(0)
        return zeros
