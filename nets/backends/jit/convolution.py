"""Convolution block by block: columns that never leave the cache, and BLAS between two copies.

The whole matrix of columns is kh kw times as large as the image, and writing it to memory to read it again would
cost more than the product. So it is made for a few lines of the images at a time, as many as fit into a part of the
second-level cache, multiplied, and overwritten by the next. The backward pass makes the columns again rather than
keeping them.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from llvmlite.binding import get_host_cpu_features

from nets.backends.jit.conv_kernels import (
    IDENTITY,
    KIND,
    Geometry,
    col2im,
    column_sum,
    delta_and_sum,
    finish,
    im2col,
    im2col_planes,
)
from nets.backends.reference.base import BaseOps
from nets.backends.reference.convolution import (
    ConvolutionOps,
    Gradients,
    Needs,
    Pair,
    conv2d_output_size,
    conv_matrix,
    conv_transpose2d_output_size,
    conv_weight,
)

Array = npt.NDArray[Any]

BLOCK_BYTES: Final = 1 << 20
"""Size of the columns made at a time: about a second-level cache, or a share of a third-level one."""
SMALL_PRODUCT: Final = 10**6 if get_host_cpu_features().get("avx512f") else 0
"""Up to this many multiplications OpenBLAS multiplies in place, without packing its operands, where it has AVX-512."""
FEW_CHANNELS: Final = 4
"""Images of at most so many channels are unfolded along their width instead of along their channels."""


class JitConvolutionOps(ConvolutionOps):
    """conv2d and conv_transpose2d by blocks."""

    def conv2d(
        self,
        x: Array,
        weight: Array,
        bias: Array | None,
        stride: Pair = (1, 1),
        padding: Pair = (0, 0),
        dilation: Pair = (1, 1),
        groups: int = 1,
        activation: str = "identity",
    ) -> tuple[Array, Any]:
        """Return y = f(conv(x, W) + b) and None; see the reference."""
        mirror = _mirror_padding(weight, stride, padding, dilation, groups)
        if mirror is not None:
            return self.conv_transpose2d(x, turned(weight), bias, stride, mirror, (0, 0), dilation, 1, activation)
        out = conv2d_output_size(x.shape[2:], weight.shape[2:], stride, padding, dilation)
        y: Array = self.empty((len(x), *out, len(weight)), x.dtype)
        geometry = (*weight.shape[2:], *stride, *padding, *dilation, *out)
        self._conv_correlate(x, weight, bias, geometry, groups, KIND[activation], y)
        return y.transpose(0, 3, 1, 2), None

    def conv2d_backward(
        self,
        grad: Array,
        x: Array,
        weight: Array,
        y: Array,
        saved: Any,
        stride: Pair = (1, 1),
        padding: Pair = (0, 0),
        dilation: Pair = (1, 1),
        groups: int = 1,
        activation: str = "identity",
        needs: Needs = (True, True, True),
    ) -> Gradients:
        """Return dL/dx, dL/dW and dL/db, those that are needed; see the reference."""
        mirror = _mirror_padding(weight, stride, padding, dilation, groups)
        if mirror is not None:
            gx, gw, gb = self.conv_transpose2d_backward(
                grad, x, turned(weight), y, saved, stride, mirror, (0, 0), dilation, 1, activation, needs
            )
            return gx, None if gw is None else turned(gw), gb
        geometry = (*weight.shape[2:], *stride, *padding, *dilation, *grad.shape[2:])
        delta, gb = self._conv_delta_and_sum(grad, y, activation, needs[2])
        gx = None
        if needs[0]:
            gx = self.empty((len(x), *x.shape[2:], x.shape[1]), x.dtype)
            self._conv_spread(delta, weight, None, geometry, groups, IDENTITY, gx)
            gx = gx.transpose(0, 3, 1, 2)
        return gx, self._conv_weight_gradient(x, delta, weight, geometry, groups) if needs[1] else None, gb

    def conv_transpose2d(
        self,
        x: Array,
        weight: Array,
        bias: Array | None,
        stride: Pair = (1, 1),
        padding: Pair = (0, 0),
        output_padding: Pair = (0, 0),
        dilation: Pair = (1, 1),
        groups: int = 1,
        activation: str = "identity",
    ) -> tuple[Array, Any]:
        """Return y = f(C^T x + b) and None; see the reference."""
        out = conv_transpose2d_output_size(x.shape[2:], weight.shape[2:], stride, padding, output_padding, dilation)
        y: Array = self.empty((len(x), *out, weight.shape[1] * groups), x.dtype)
        geometry = (*weight.shape[2:], *stride, *padding, *dilation, *x.shape[2:])
        self._conv_spread(channels_last(self, x), weight, bias, geometry, groups, KIND[activation], y)
        return y.transpose(0, 3, 1, 2), None

    def conv_transpose2d_backward(
        self,
        grad: Array,
        x: Array,
        weight: Array,
        y: Array,
        saved: Any,
        stride: Pair = (1, 1),
        padding: Pair = (0, 0),
        output_padding: Pair = (0, 0),
        dilation: Pair = (1, 1),
        groups: int = 1,
        activation: str = "identity",
        needs: Needs = (True, True, True),
    ) -> Gradients:
        """Return dL/dx, dL/dW and dL/db, those that are needed; see the reference."""
        geometry = (*weight.shape[2:], *stride, *padding, *dilation, *x.shape[2:])
        delta, gb = self._conv_delta_and_sum(grad, y, activation, needs[2])
        shaped = delta.transpose(0, 3, 1, 2)
        gx = gw = None
        if needs[0]:
            gx = self.empty((len(x), *x.shape[2:], x.shape[1]), x.dtype)
            self._conv_correlate(shaped, weight, None, geometry, groups, IDENTITY, gx)
            gx = gx.transpose(0, 3, 1, 2)
        if needs[1]:
            gw = self._conv_weight_gradient(shaped, channels_last(self, x), weight, geometry, groups)
        return gx, gw, gb

    # --- the three products, block by block ---

    def _conv_correlate(
        self, x: Array, weight: Array, bias: Array | None, geometry: Geometry, groups: int, kind: int, y: Array
    ) -> None:
        """Set y, contiguous (N, OH, OW, outputs), to f(im2col(x) W + b)."""
        unfold = _Unfolding(self, x, weight.shape, geometry, groups)
        matrix = unfold.matrix(weight)
        rows = y.reshape(-1, groups, y.shape[-1] // groups)
        bias = _as_bias(bias, y.shape[-1], y.dtype) if bias is not None or kind != IDENTITY else None
        for first, last in unfold.blocks():
            part = rows[first * geometry[9] : last * geometry[9]]
            multiply(unfold.columns(first, last), matrix, part.swapaxes(0, 1))
            if bias is not None:
                finish(part.reshape(len(part), -1), bias, kind)

    def _conv_spread(
        self, delta: Array, weight: Array, bias: Array | None, geometry: Geometry, groups: int, kind: int, y: Array
    ) -> None:
        """Set y, contiguous (N, H, W, channels), to f(col2im(delta W^T) + b); delta (N, OH, OW, outputs)."""
        oh, ow = geometry[8:]
        matrix = np.ascontiguousarray(conv_matrix(weight, groups).swapaxes(1, 2))
        rows = delta.reshape(-1, groups, delta.shape[-1] // groups)
        bias = _as_bias(bias, y.shape[-1], y.dtype) if bias is not None or kind != IDENTITY else None
        in_place = _is_pointwise(y.shape[1:3], geometry, groups)
        for first, last in row_blocks(len(y), oh, ow * groups * matrix.shape[2] * y.itemsize):
            part = rows[first * ow : last * ow].swapaxes(0, 1)
            image = y[first // oh : (last + oh - 1) // oh]
            if in_place:
                multiply(part, matrix, y.reshape(1, -1, y.shape[-1])[:, first * ow : last * ow])
            else:
                columns = self.empty((groups, (last - first) * ow, matrix.shape[2]), y.dtype)
                multiply(part, matrix, columns)
                if first % oh == 0:
                    image.fill(0)
                col2im(columns, geometry, first, y)
            if bias is not None and last % oh == 0:
                finish(image.reshape(-1, y.shape[-1]), bias, kind)

    def _conv_weight_gradient(self, x: Array, delta: Array, weight: Array, geometry: Geometry, groups: int) -> Array:
        """Return im2col(x)^T delta as weights; delta is contiguous (N, OH, OW, outputs)."""
        unfold = _Unfolding(self, x, weight.shape, geometry, groups)
        rows = delta.reshape(-1, groups, delta.shape[-1] // groups)
        total: Array = np.zeros((groups, unfold.depth, rows.shape[2]), x.dtype)
        for first, last in unfold.blocks():
            part = rows[first * geometry[9] : last * geometry[9]].swapaxes(0, 1)
            total += multiply_transposed(unfold.columns(first, last), part)
        return unfold.weights(total, weight.shape)

    # --- what is done to whole images ---

    def _conv_delta_and_sum(self, grad: Array, y: Array, activation: str, sums: bool) -> tuple[Array, Array | None]:
        """Return delta = dL/dy f'(z), contiguous (N, H, W, C), and if asked for its sum over all but C."""
        rows = channels_last(self, grad)
        channels = rows.shape[3]
        if activation == "identity":
            return rows, column_sum(rows.reshape(-1, channels)) if sums else None
        delta = self.empty(rows.shape, grad.dtype)
        flat = [array.reshape(-1, channels) for array in (rows, channels_last(self, y), delta)]
        return delta, delta_and_sum(flat[0], flat[1], KIND[activation], flat[2])


def channels_last(ops: BaseOps, x: Array) -> Array:
    """Return x, shape (N, C, H, W), as a contiguous (N, H, W, C): a view where its memory already is."""
    view = x.transpose(0, 2, 3, 1)
    if view.flags.c_contiguous:
        return view
    copy: Array = ops.empty(view.shape, x.dtype)
    np.copyto(copy, view)
    return copy


class _Unfolding:
    """How the columns of an image are made: with a pixel as a run, or its plane if it has few channels."""

    def __init__(self, ops: JitConvolutionOps, x: Array, shape: tuple[int, ...], geometry: Geometry, groups: int):
        self.ops, self.geometry, self.groups = ops, geometry, groups
        self.depth = shape[1] * shape[2] * shape[3]
        self.n_images, channels = x.shape[:2]
        self.planes = groups == 1 and channels <= FEW_CHANNELS
        self.in_place = not self.planes and _is_pointwise(x.shape[2:], geometry, groups)
        self.x = np.ascontiguousarray(x) if self.planes else channels_last(ops, x)

    def matrix(self, weight: Array) -> Array:
        """Return the weights in the order of the columns, shape (groups, depth, outputs / groups)."""
        if self.planes:
            return np.ascontiguousarray(weight.reshape(len(weight), -1).T[None])
        return np.ascontiguousarray(conv_matrix(weight, self.groups))

    def weights(self, matrix: Array, shape: tuple[int, int, int, int]) -> Array:
        """Return what `matrix` made as weights of this shape."""
        if self.planes:
            return np.ascontiguousarray(matrix[0].T).reshape(shape)
        return conv_weight(matrix, shape)

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Return the rows [first, last) to unfold at a time."""
        oh, ow = self.geometry[8:]
        return row_blocks(self.n_images, oh, ow * self.groups * self.depth * self.x.itemsize)

    def columns(self, first: int, last: int) -> Array:
        """Return the columns of some rows, shape (groups, rows OW, depth) or (chunks, rows OW / chunks, depth)."""
        oh, ow = self.geometry[8:]
        n = (last - first) * ow
        if self.in_place:
            return self.x.reshape(1, -1, self.depth)[:, first * ow : last * ow]
        if not self.planes:
            columns: Array = self.ops.empty((self.groups, n, self.depth), self.x.dtype)
            im2col(self.x, self.geometry, first, columns)
            return columns
        chunks = max(1, (last - first) // oh)  # an image each
        columns = self.ops.empty((chunks, self.depth, n // chunks), self.x.dtype)
        im2col_planes(self.x, self.geometry, first, columns)
        return columns.swapaxes(1, 2)


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


def turned(weight: Array) -> Array:
    """Return weights turned by 180 degrees, with input and output channels exchanged; twice gives them back."""
    return np.ascontiguousarray(weight[:, :, ::-1, ::-1].swapaxes(0, 1))


def _mirror_padding(weight: Array, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Pair | None:
    """Return the padding with which a transposed convolution with `turned` weights computes this convolution.

    With stride 1 each is the other. From many channels to few, the transposed one has less to copy: kh kw numbers a
    pixel for each channel of the few, instead of for each of the many. None where that does not apply.
    """
    o, c, kh, kw = weight.shape
    mirror = dilation[0] * (kh - 1) - padding[0], dilation[1] * (kw - 1) - padding[1]
    applies = stride == (1, 1) and groups == 1 and o <= FEW_CHANNELS < c and kh * kw > 1 and min(mirror) >= 0
    return mirror if applies else None


def _is_pointwise(size: tuple[int, ...], geometry: Geometry, groups: int) -> bool:
    """Tell whether a kernel sees each pixel of an image of this size by itself, so that it is its own columns."""
    return groups == 1 and geometry[:6] == (1, 1, 1, 1, 0, 0) and geometry[8:] == size


def _as_bias(bias: Array | None, n: int, dtype: npt.DTypeLike) -> Array:
    return np.zeros(n, dtype) if bias is None else np.ascontiguousarray(bias, dtype)
