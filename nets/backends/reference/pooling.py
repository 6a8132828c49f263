"""Pooling: each window of an image becomes one number, its maximum or its average."""

from typing import Any

from nets.backends.reference.base import Array, BaseOps
from nets.backends.reference.convolution import Pair, conv2d_output_size, tap_slice


class PoolingOps(BaseOps):
    """Maximum and average over windows, and their gradients.

    Images are (N, C, H, W) in any strides; results are transposed views of contiguous (N, H, W, C) memory. Windows are
    counted as in `nets.backends.reference.convolution.conv2d_output_size`, with dilation 1; those that would
    stick out at the lower right are left out. The padding is at most half of the kernel, so that no window is all
    padding.
    """

    def max_pool2d(self, x: Array, kernel: Pair, stride: Pair, padding: Pair = (0, 0)) -> tuple[Array, Array]:
        """Return y = the largest number of each window, and where it stood. The padding is -inf; a NaN is the largest.

        Returns
        -------
        y : ndarray, shape (batch, channels, out height, out width)
        taps : ndarray of int32, shape (batch, out height, out width, channels)
            Row times kernel width plus column within the window; of equals, the first.
        """
        (ph, pw), out = padding, conv2d_output_size(x.shape[2:], kernel, stride, padding)
        image = x.transpose(0, 2, 3, 1)
        image = self.xp.pad(image, ((0, 0), (ph, ph), (pw, pw), (0, 0)), constant_values=-self.xp.inf)
        seen = self.xp.stack([image[tap] for tap in taps_of(kernel, stride, out)])
        taps = seen.argmax(0)
        y = self.xp.take_along_axis(seen, taps[None], 0)[0]
        return y.transpose(0, 3, 1, 2), taps.astype(self.xp.int32)

    def max_pool2d_backward(
        self, grad: Array, taps: Array, shape: tuple[int, ...], kernel: Pair, stride: Pair, padding: Pair = (0, 0)
    ) -> Array:
        """Return dL/dx, x of this shape: each window passes its gradient to where its maximum stood."""
        grad = grad.transpose(0, 2, 3, 1)
        image = self._pool_padded_zeros(shape, padding, grad.dtype)
        for k, tap in enumerate(taps_of(kernel, stride, grad.shape[1:3])):
            image[tap] += self.xp.where(taps == k, grad, 0)
        return self._pool_without_padding(image, padding)

    def avg_pool2d(self, x: Array, kernel: Pair, stride: Pair, padding: Pair = (0, 0)) -> Array:
        """Return y = the mean of each window. The padding is zeros, which count."""
        (ph, pw), out = padding, conv2d_output_size(x.shape[2:], kernel, stride, padding)
        image = self.xp.pad(x.transpose(0, 2, 3, 1), ((0, 0), (ph, ph), (pw, pw), (0, 0)))
        total = self.xp.zeros((len(x), *out, x.shape[1]), x.dtype)
        for tap in taps_of(kernel, stride, out):
            total += image[tap]
        total /= kernel[0] * kernel[1]
        return total.transpose(0, 3, 1, 2)

    def avg_pool2d_backward(
        self, grad: Array, shape: tuple[int, ...], kernel: Pair, stride: Pair, padding: Pair = (0, 0)
    ) -> Array:
        """Return dL/dx, x of this shape: each window passes 1 / (kh kw) of its gradient to each of its numbers."""
        grad = grad.transpose(0, 2, 3, 1) / (kernel[0] * kernel[1])
        image = self._pool_padded_zeros(shape, padding, grad.dtype)
        for tap in taps_of(kernel, stride, grad.shape[1:3]):
            image[tap] += grad
        return self._pool_without_padding(image, padding)

    def _pool_padded_zeros(self, shape: tuple[int, ...], padding: Pair, dtype: Any) -> Array:
        n, c, h, w = shape
        return self.xp.zeros((n, h + 2 * padding[0], w + 2 * padding[1], c), dtype)

    def _pool_without_padding(self, image: Array, padding: Pair) -> Array:
        _, h, w, _ = image.shape
        inside = image[:, padding[0] : h - padding[0], padding[1] : w - padding[1]]
        return self.xp.ascontiguousarray(inside).transpose(0, 3, 1, 2)


def taps_of(kernel: Pair, stride: Pair, out: Pair) -> list[tuple[slice, slice, slice]]:
    """Return, for each place in a window, the index that picks it out of all windows of a padded (N, H, W, C)."""
    return [
        (slice(None), tap_slice(i, out[0], stride[0], 1), tap_slice(j, out[1], stride[1], 1))
        for i in range(kernel[0])
        for j in range(kernel[1])
    ]
