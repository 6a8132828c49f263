"""The columns of a convolution, block by block: how many at a time, and how they are multiplied.

The whole matrix of columns is kh kw times as large as the image, and writing it to memory to read it again would
cost more than the product. So it is made for a few lines of the images at a time, as many as fit into a part of the
cache, multiplied, and overwritten by the next.
"""

import math
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from llvmlite.binding import get_host_cpu_features

from nets.backends.jit.conv_kernels import KIND, Geometry, col2im, column_sum, delta_and_sum, im2col, im2col_planes
from nets.backends.reference.base import BaseOps
from nets.backends.reference.convolution import conv_matrix, conv_weight

Array = npt.NDArray[Any]

BLOCK_BYTES: Final = 1 << 20
"""Size of the columns made at a time: about a second-level cache, or a share of a third-level one."""
SMALL_PRODUCT: Final = 10**6 if get_host_cpu_features().get("avx512f") else 0
"""Up to this many multiplications OpenBLAS multiplies in place, without packing its operands, where it has AVX-512."""
FEW_CHANNELS: Final = 4
"""Images of at most so many channels are unfolded along their width instead of along their channels."""


class Columns:
    """The columns of images (N, C, H, W), some rows at a time, in one piece of memory.

    Parameters
    ----------
    ops : BaseOps
        Gives the memory.
    shape : tuple of int
        Of the images.
    kernel_shape : tuple of int
        Of the weights: outputs, channels / groups, kh, kw.
    geometry : tuple of int
        See `nets.backends.jit.conv_kernels`.
    groups : int
    dtype : dtype
    """

    def __init__(
        self,
        ops: BaseOps,
        shape: tuple[int, ...],
        kernel_shape: tuple[int, int, int, int],
        geometry: Geometry,
        groups: int,
        dtype: npt.DTypeLike,
    ) -> None:
        self.ops, self.geometry, self.groups = ops, geometry, groups
        self.kernel_shape = kernel_shape
        self.depth = math.prod(kernel_shape[1:])
        n, c, h, w = shape
        oh, ow = geometry[8:]
        self.planes = groups == 1 and c <= FEW_CHANNELS
        # A kernel that sees each pixel by itself: the image is its own columns.
        self.in_place = groups == 1 and geometry[:6] == (1, 1, 1, 1, 0, 0) and (oh, ow) == (h, w)
        self.blocks = list(row_blocks(n, oh, ow * groups * self.depth * np.dtype(dtype).itemsize))
        rows = max((last - first for first, last in self.blocks), default=0)
        self.memory: Array = ops.empty((0 if self.in_place else groups * rows * ow * self.depth,), dtype)

    def image(self, x: Array) -> Array:
        """Return x as `unfold` wants it."""
        return np.ascontiguousarray(x) if self.planes and not self.in_place else channels_last(self.ops, x)

    def matrix(self, weight: Array) -> Array:
        """Return the weights in the order of `unfold`, shape (groups, depth, outputs / groups)."""
        if self.planes and not self.in_place:
            return np.ascontiguousarray(weight.reshape(len(weight), -1).T[None])
        return np.ascontiguousarray(conv_matrix(weight, self.groups))

    def weight(self, matrix: Array) -> Array:
        """Return what `matrix` made as weights again."""
        if self.planes and not self.in_place:
            return np.ascontiguousarray(matrix[0].T).reshape(self.kernel_shape)
        weight: Array = conv_weight(matrix, self.kernel_shape)
        return weight

    def unfold(self, image: Array, first: int, last: int) -> Array:
        """Return the columns of some rows, shape (groups, rows OW, depth) or (chunks, rows OW / chunks, depth)."""
        oh, ow = self.geometry[8:]
        n = (last - first) * ow
        if self.in_place:
            return image.reshape(1, -1, self.depth)[:, first * ow : last * ow]
        memory: Array = self.memory[: self.groups * n * self.depth]
        if not self.planes:
            columns = memory.reshape(self.groups, n, self.depth)
            im2col(image, self.geometry, first, columns)
            return columns
        chunks = max(1, (last - first) // oh)  # an image each
        columns = memory.reshape(chunks, self.depth, n // chunks)
        im2col_planes(image, self.geometry, first, columns)
        return columns.swapaxes(1, 2)

    def fold(self, rows: Array, matrix: Array, first: int, last: int, image: Array) -> None:
        """Add col2im(rows @ matrix) to an image (N, H, W, C), which the first row of each sets to 0 before.

        Here the columns are always in the order of `nets.backends.reference.convolution.conv_matrix`; the matrix is
        that transposed, the rows are (groups, rows OW, outputs / groups).
        """
        if self.in_place:
            ow = self.geometry[9]
            multiply(rows, matrix, image.reshape(1, -1, self.depth)[:, first * ow : last * ow])
            return
        n = rows.shape[1]
        columns = self.memory[: self.groups * n * self.depth].reshape(self.groups, n, self.depth)
        multiply(rows, matrix, columns)
        col2im(columns, self.geometry, first, image)


class Deltas:
    """delta = dL/dy f'(z) of some rows of (N, C, OH, OW) at a time, and its sum over all of them."""

    def __init__(self, ops: BaseOps, grad: Array, y: Array, activation: str) -> None:
        self.ops, self.kind = ops, KIND[activation]
        self.grad, self.y = grad.transpose(0, 2, 3, 1), channels_last(ops, y)
        self.sums: Array = np.zeros(grad.shape[1], grad.dtype)

    def rows(self, first: int, last: int) -> Array:
        """Return delta of some rows, shape (rows OW, C), and add it to the sum."""
        _, oh, _, c = self.grad.shape
        image, line, end = first // oh, first % oh, (last - 1) // oh + 1
        whole = slice(None) if last - first >= oh else slice(line, line + last - first)
        grad, y = (array[image:end, whole] for array in (self.grad, self.y))
        grad = channels_last(self.ops, grad.transpose(0, 3, 1, 2)).reshape(-1, c)
        if self.kind == KIND["identity"]:
            self.sums += column_sum(grad)
            return grad
        delta: Array = self.ops.empty(grad.shape, grad.dtype)  # in place, the loop would lose its SIMD
        self.sums += delta_and_sum(grad, y.reshape(-1, c), self.kind, delta)
        return delta


def channels_last(ops: BaseOps, x: Array) -> Array:
    """Return x, shape (N, C, H, W), as a contiguous (N, H, W, C): a view where its memory already is."""
    view = x.transpose(0, 2, 3, 1)
    if view.flags.c_contiguous:
        return view
    copy: Array = ops.empty(view.shape, x.dtype)
    if x.flags.c_contiguous:  # NumPy turns three axes faster than four
        n, c, h, w = x.shape
        np.copyto(copy.reshape(n, h * w, c), x.reshape(n, c, h * w).swapaxes(1, 2))
    else:
        np.copyto(copy, view)
    return copy


def row_blocks(n_images: int, rows: int, row_bytes: int) -> Iterator[tuple[int, int]]:
    """Cut the rows of all images, counted through, into [first, last): some images or a part of one.

    Examples
    --------
    >>> list(row_blocks(3, rows=14, row_bytes=BLOCK_BYTES // 30))
    [(0, 28), (28, 42)]
    >>> list(row_blocks(2, rows=14, row_bytes=BLOCK_BYTES // 10))
    [(0, 10), (10, 14), (14, 24), (24, 28)]
    """
    at_once = max(1, BLOCK_BYTES // row_bytes)
    if at_once >= rows:
        step, total = at_once // rows * rows, n_images * rows
        return ((first, min(first + step, total)) for first in range(0, total, step))
    return (
        (image * rows + first, image * rows + min(first + at_once, rows))
        for image in range(n_images)
        for first in range(0, rows, at_once)
    )


def multiply(a: Array, b: Array, out: Array) -> None:
    """Set out = a @ b, shapes (groups, n, k), (groups, k, m), (groups, n, m); one group in chunks of a good size."""
    if len(b) == 1:
        a = chunked(a, b.shape[2], 14)
        out = out.reshape(len(a), a.shape[1], -1)
    np.matmul(a, b, out=out)


def multiply_transposed(a: Array, b: Array) -> Array:
    """Return a^T @ b, shapes (groups, n, k), (groups, n, m); one group in chunks of a good size, which are added."""
    if len(b) > 1:
        product: Array = np.matmul(a.swapaxes(1, 2), b)
        return product
    a = chunked(a, b.shape[2], 128)
    product = np.matmul(a.swapaxes(1, 2), b.reshape(len(a), a.shape[1], -1))
    return product if len(a) == 1 else np.add.reduce(product, axis=0, keepdims=True)


def chunked(a: Array, m: int, at_least: int) -> Array:
    """Cut a, shape (1, n, k), into (chunks, n / chunks, k) such that a product with m columns is a small one."""
    if len(a) > 1:
        return a
    size = chunk_size(a.shape[1], SMALL_PRODUCT // (a.shape[2] * m), at_least)
    return a.reshape(-1, size, a.shape[2])


@cache
def chunk_size(n: int, at_most: int, at_least: int) -> int:
    """Return the largest divisor of n in [at_least, at_most], or n if there is none.

    Examples
    --------
    >>> chunk_size(784, at_most=217, at_least=14)
    196
    >>> chunk_size(784, at_most=10, at_least=14)
    784
    """
    return next((size for size in range(min(n, at_most), at_least - 1, -1) if n % size == 0), n)
