"""Convolution block by block: columns that never leave the cache, and BLAS between two copies.

All is made of three products, in the words of the convolution, whose transposed twin exchanges the first two:
forward, columns @ W; gradient of the input, delta @ W^T folded back into an image; gradient of the weights,
columns^T @ delta. The backward pass makes the columns again rather than keeping them.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from nets.backends.jit.conv_blocks import (
    FEW_CHANNELS,
    Columns,
    Deltas,
    channels_last,
    multiply,
    multiply_transposed,
)
from nets.backends.jit.conv_depthwise import channel_weight_gradient, correlate_channels, spread_channels
from nets.backends.jit.conv_kernels import KIND, Geometry, finish
from nets.backends.reference.convolution import (
    ConvolutionOps,
    Gradients,
    Needs,
    Pair,
    conv2d_output_size,
    conv_matrix,
    conv_transpose2d_output_size,
)

Array = npt.NDArray[Any]


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
        if _is_depthwise(weight, groups):
            correlate_channels(channels_last(self, x), _channel_weights(weight), geometry, y)
            finished(y.reshape(-1, len(weight)), bias, activation)
            return y.transpose(0, 3, 1, 2), None
        columns = Columns(self, x.shape, weight.shape, geometry, groups, x.dtype)
        image, matrix, rows = columns.image(x), columns.matrix(weight), y.reshape(-1, groups, len(weight) // groups)
        for first, last in columns.blocks:
            part = rows[first * out[1] : last * out[1]]
            multiply(columns.unfold(image, first, last), matrix, part.swapaxes(0, 1))
            finished(part.reshape(len(part), -1), bias, activation)
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
            gradients = self.conv_transpose2d_backward(
                grad, x, turned(weight), y, saved, stride, mirror, (0, 0), dilation, 1, activation, needs
            )
            return gradients[0], None if gradients[1] is None else turned(gradients[1]), gradients[2]
        geometry = (*weight.shape[2:], *stride, *padding, *dilation, *grad.shape[2:])
        if _is_depthwise(weight, groups):
            return self._conv_depthwise_backward(grad, x, weight, y, geometry, activation, needs, False)
        columns = Columns(self, x.shape, weight.shape, geometry, groups, x.dtype)
        deltas = Deltas(self, grad, y, activation)
        image = columns.image(x)
        matrix = np.ascontiguousarray(conv_matrix(weight, groups).swapaxes(1, 2))
        gx: Array = self.empty((len(x), *x.shape[2:], x.shape[1]) if needs[0] else (0, 0, 0, 0), x.dtype)
        gw: Array = np.zeros((groups, columns.depth, len(weight) // groups), x.dtype)
        for first, last in columns.blocks:
            delta = deltas.rows(first, last).reshape(-1, groups, len(weight) // groups).swapaxes(0, 1)
            if needs[1]:
                gw += multiply_transposed(columns.unfold(image, first, last), delta)
            if needs[0]:
                columns.fold(delta, matrix, first, last, gx)
        return (
            gx.transpose(0, 3, 1, 2) if needs[0] else None,
            columns.weight(gw) if needs[1] else None,
            deltas.sums if needs[2] else None,
        )

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
        if _is_depthwise(weight, groups):
            spread_channels(channels_last(self, x), _channel_weights(weight), geometry, y)
            finished(y.reshape(-1, len(weight)), bias, activation)
            return y.transpose(0, 3, 1, 2), None
        columns = Columns(self, y.transpose(0, 3, 1, 2).shape, weight.shape, geometry, groups, x.dtype)
        matrix = np.ascontiguousarray(conv_matrix(weight, groups).swapaxes(1, 2))
        rows = channels_last(self, x).reshape(-1, groups, len(weight) // groups)
        for first, last in columns.blocks:
            h, w = x.shape[2:]
            columns.fold(rows[first * w : last * w].swapaxes(0, 1), matrix, first, last, y)
            if last % h == 0:
                finished(y[first // h : last // h].reshape(-1, y.shape[3]), bias, activation)
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
        if _is_depthwise(weight, groups):
            return self._conv_depthwise_backward(grad, x, weight, y, geometry, activation, needs, True)
        columns = Columns(self, grad.shape, weight.shape, geometry, groups, x.dtype)
        deltas = Deltas(self, grad, y, activation)
        delta = deltas.rows(0, len(grad) * grad.shape[2]).reshape(len(grad), *grad.shape[2:], grad.shape[1])
        image = columns.image(delta.transpose(0, 3, 1, 2))
        matrix = columns.matrix(weight)
        rows = channels_last(self, x).reshape(-1, groups, len(weight) // groups)
        gx: Array = self.empty(rows.shape if needs[0] else (0, 0, 0), x.dtype)
        gw: Array = np.zeros((groups, columns.depth, len(weight) // groups), x.dtype)
        for first, last in columns.blocks if needs[0] or needs[1] else ():
            here = slice(first * x.shape[3], last * x.shape[3])
            unfolded = columns.unfold(image, first, last)
            if needs[0]:
                multiply(unfolded, matrix, gx[here].swapaxes(0, 1))
            if needs[1]:
                gw += multiply_transposed(unfolded, rows[here].swapaxes(0, 1))
        return (
            gx.reshape(len(x), *x.shape[2:], x.shape[1]).transpose(0, 3, 1, 2) if needs[0] else None,
            columns.weight(gw) if needs[1] else None,
            deltas.sums if needs[2] else None,
        )

    def _conv_depthwise_backward(
        self,
        grad: Array,
        x: Array,
        weight: Array,
        y: Array,
        geometry: Geometry,
        activation: str,
        needs: Needs,
        transposed: bool,
    ) -> Gradients:
        """Return the gradients of a depthwise convolution, transposed or not: in the one delta is the large image."""
        deltas, taps, image = Deltas(self, grad, y, activation), _channel_weights(weight), channels_last(self, x)
        delta = deltas.rows(0, len(grad) * grad.shape[2]).reshape(len(grad), *grad.shape[2:], -1)
        gx = gw = None
        if needs[0]:
            gx = self.empty(image.shape, x.dtype)
            (correlate_channels if transposed else spread_channels)(delta, taps, geometry, gx)
            gx = gx.transpose(0, 3, 1, 2)
        if needs[1]:
            total: Array = np.zeros(taps.shape, x.dtype)
            large, small = (delta, image) if transposed else (image, delta)
            channel_weight_gradient(large, small, geometry, total)
            gw = np.ascontiguousarray(total.transpose(2, 0, 1)).reshape(weight.shape)
        return gx, gw, deltas.sums if needs[2] else None


def finished(rows: Array, bias: Array | None, activation: str) -> None:
    """Replace rows, shape (pixels, channels), by f(rows + b)."""
    if bias is not None or activation != "identity":
        bias = np.zeros(rows.shape[1], rows.dtype) if bias is None else np.ascontiguousarray(bias, rows.dtype)
        finish(rows, bias, KIND[activation])


def _is_depthwise(weight: Array, groups: int) -> bool:
    """Tell whether each channel has a group, and an output, of its own."""
    return groups == len(weight) > 1 and weight.shape[1] == 1


def _channel_weights(weight: Array) -> Array:
    """Return depthwise weights (C, 1, kh, kw) as contiguous (kh, kw, C)."""
    return np.ascontiguousarray(weight[:, 0].transpose(1, 2, 0))


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
