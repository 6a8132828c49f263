"""Convolution in two dimensions, forwards, backwards and transposed, as one matrix product.

A convolution (in truth a cross-correlation: the kernel is not flipped) slides a kernel over an image::

    z[n, o, i, j] = b[o] + sum over c, u, v of W[o, c, u, v] x[n, c, i s - p + u d, j s - p + v d]

with stride s, padding p (x is 0 outside) and dilation d. ``im2col`` copies the kh x kw x C numbers under each
position of the kernel into one row of a matrix ("columns", after its transposed ancestor in MATLAB); then
z = columns W^T, and the best-tuned loop of all, the matrix product, does the arithmetic. What an ordinary layer says
about x then holds for the columns: dL/dW = delta^T columns, dL/dcolumns = delta W; and since each number of x was
copied to several places, dL/dx is the sum of what arrives there: ``col2im``, the adjoint of ``im2col``.

With C as the matrix of x -> conv(x), the input gradient is C^T delta. A *transposed* convolution computes just that
as its forward pass, y = C^T x + b, so it is the same two pieces the other way round: a product, then ``col2im``.

Images are (N, C, H, W) to the caller, and (N, H, W, C) in memory: the C numbers of a pixel side by side, so that
copies move whole pixels and the matrices need no transposition.

References
----------
Chellapilla, Puri, Simard (2006), "High Performance Convolutional Neural Networks for Document Processing".
Dumoulin, Visin (2016), "A guide to convolution arithmetic for deep learning", https://arxiv.org/abs/1603.07285.
"""

from typing import Any, TypeAlias

from nets.backends.reference.base import Array
from nets.backends.reference.pointwise import LEAK, PointwiseOps

Pair: TypeAlias = tuple[int, int]
Needs: TypeAlias = tuple[bool, bool, bool]
Gradients: TypeAlias = tuple[Array | None, Array | None, Array | None]


def conv2d_output_size(size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair = (1, 1)) -> Pair:
    """Return (height, width) after a convolution: floor((size + 2 p - d (k - 1) - 1) / s) + 1.

    Not above 0 where the kernel does not fit into the padded image; the caller forbids that.

    Examples
    --------
    >>> conv2d_output_size((28, 28), kernel=(3, 3), stride=(2, 2), padding=(1, 1))
    (14, 14)
    """
    (h, w), (kh, kw), (sh, sw), (ph, pw), (dh, dw) = size, kernel, stride, padding, dilation
    return (h + 2 * ph - dh * (kh - 1) - 1) // sh + 1, (w + 2 * pw - dw * (kw - 1) - 1) // sw + 1


def conv_transpose2d_output_size(
    size: Pair, kernel: Pair, stride: Pair, padding: Pair, output_padding: Pair = (0, 0), dilation: Pair = (1, 1)
) -> Pair:
    """Return (height, width) after a transposed convolution: (size - 1) s - 2 p + d (k - 1) + output padding + 1.

    Examples
    --------
    >>> conv_transpose2d_output_size((14, 14), kernel=(3, 3), stride=(2, 2), padding=(1, 1), output_padding=(1, 1))
    (28, 28)
    """
    (h, w), (kh, kw), (sh, sw), (ph, pw), (dh, dw) = size, kernel, stride, padding, dilation
    return (
        (h - 1) * sh - 2 * ph + dh * (kh - 1) + output_padding[0] + 1,
        (w - 1) * sw - 2 * pw + dw * (kw - 1) + output_padding[1] + 1,
    )


def tap_slice(tap: int, n: int, stride: int, dilation: int) -> slice:
    """Return where one tap of a kernel falls along an axis, at each of its n positions."""
    return slice(tap * dilation, tap * dilation + (n - 1) * stride + 1, stride)


class ConvolutionOps(PointwiseOps):
    """conv2d and conv_transpose2d, with bias and activation, and their gradients."""

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
        """Return y = f(conv(x, W) + b), and what `conv2d_backward` wants to see again.

        Parameters
        ----------
        x : ndarray, shape (batch, channels, height, width)
            Any strides; best with the memory of a contiguous (batch, height, width, channels).
        weight : ndarray, shape (outputs, channels / groups, kernel height, kernel width)
        bias : ndarray, shape (outputs,), or None
        stride, padding, dilation : (int, int)
            Along height and width.
        groups : int
            Output channels of group g see input channels of group g only.
        activation : str
            One of `nets.backends.reference.pointwise.FROM_OUTPUT`.

        Returns
        -------
        y : ndarray, shape (batch, outputs, out height, out width)
            A transposed view of contiguous memory (batch, out height, out width, outputs).
        saved : None
            The columns are kh kw times as large as x, so the backward pass makes them again instead.
        """
        kernel = weight.shape[2:]
        out = conv2d_output_size(x.shape[2:], kernel, stride, padding, dilation)
        columns = self.im2col(x, kernel, stride, padding, dilation, groups, out)
        z = columns @ conv_matrix(weight, groups)  # (groups, N OH OW, outputs / groups)
        return self._conv_finish(ungrouped(z).reshape(len(x), *out, len(weight)), bias, activation), None

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
        """Return dL/dx, dL/dW and dL/db, those that are needed.

        With delta = dL/dy f'(z): dL/db = sum of delta over batch and positions, dL/dW = delta^T im2col(x), and
        dL/dx = col2im(delta W). Written out, the last is a convolution again, of delta with the kernel turned by 180
        degrees and its channels exchanged: dL/dx[c, a] = sum over o, u of delta[o, (a + p - u d) / s] W[o, c, u],
        over those u for which s divides the bracket.
        """
        kernel, out = weight.shape[2:], grad.shape[2:]
        delta = self._conv_delta(grad, y, activation)
        rows = grouped(delta, groups)
        gx = gw = None
        if needs[0]:
            columns = rows @ conv_matrix(weight, groups).swapaxes(1, 2)
            gx = self.col2im(columns, x.shape, kernel, stride, padding, dilation, groups, out)
        if needs[1]:
            columns = self.im2col(x, kernel, stride, padding, dilation, groups, out)
            gw = conv_weight(columns.swapaxes(1, 2) @ rows, weight.shape)
        return gx, gw, delta.sum((0, 1, 2)) if needs[2] else None

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
        """Return y = f(C^T x + b), C being the matrix of the convolution with this kernel; and what backward wants.

        Each number of x adds a copy of the kernel, scaled by it, to the output: col2im(x W).

        Parameters
        ----------
        x : ndarray, shape (batch, channels, height, width)
        weight : ndarray, shape (channels, outputs / groups, kernel height, kernel width)
            The weight of the convolution that it transposes, from `outputs` to `channels`.
        bias : ndarray, shape (outputs,), or None
        stride, padding, dilation : (int, int)
            Those of the convolution that it transposes.
        output_padding : (int, int)
            Rows and columns more at the lower right: with stride s, s sizes of image are convolved to the same size.
        groups : int
            As in `conv2d`.
        activation : str
            One of `nets.backends.reference.pointwise.FROM_OUTPUT`.

        Returns
        -------
        y : ndarray, shape (batch, outputs, out height, out width)
            A transposed view of contiguous memory (batch, out height, out width, outputs).
        saved : None
        """
        kernel = weight.shape[2:]
        out = conv_transpose2d_output_size(x.shape[2:], kernel, stride, padding, output_padding, dilation)
        rows = grouped(x.transpose(0, 2, 3, 1), groups)
        columns = rows @ conv_matrix(weight, groups).swapaxes(1, 2)
        shape = (len(x), weight.shape[1] * groups, *out)
        z = self.col2im(columns, shape, kernel, stride, padding, dilation, groups, x.shape[2:])
        return self._conv_finish(z.transpose(0, 2, 3, 1), bias, activation), None

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
        """Return dL/dx = im2col(delta) W^T, dL/dW = x^T im2col(delta) and dL/db, those that are needed."""
        kernel = weight.shape[2:]
        delta = self._conv_delta(grad, y, activation)
        gx = gw = None
        if needs[0] or needs[1]:
            shaped = delta.transpose(0, 3, 1, 2)
            columns = self.im2col(shaped, kernel, stride, padding, dilation, groups, x.shape[2:])
            if needs[0]:
                gx = ungrouped(columns @ conv_matrix(weight, groups)).reshape(len(x), *x.shape[2:], len(weight))
                gx = gx.transpose(0, 3, 1, 2)
            if needs[1]:
                rows = grouped(x.transpose(0, 2, 3, 1), groups)
                gw = conv_weight(columns.swapaxes(1, 2) @ rows, weight.shape)
        return gx, gw, delta.sum((0, 1, 2)) if needs[2] else None

    # --- the two copies ---

    def im2col(
        self, x: Array, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int, out: Pair
    ) -> Array:
        """Return what the kernel sees at each position, shape (groups, batch OH OW, kh kw channels / groups)."""
        (kh, kw), (sh, sw), (ph, pw), (dh, dw) = kernel, stride, padding, dilation
        image = self.xp.pad(x.transpose(0, 2, 3, 1), ((0, 0), (ph, ph), (pw, pw), (0, 0)))
        n, _, _, c = image.shape
        a, b, d, e = image.strides
        shape = (n, *out, kh, kw, groups, c // groups)
        strides = (a, b * sh, d * sw, b * dh, d * dw, e * (c // groups), e)
        windows = self.xp.lib.stride_tricks.as_strided(image, shape, strides)
        return windows.transpose(5, 0, 1, 2, 3, 4, 6).reshape(groups, n * out[0] * out[1], kh * kw * c // groups)

    def col2im(
        self,
        columns: Array,
        shape: tuple[int, int, int, int],
        kernel: Pair,
        stride: Pair,
        padding: Pair,
        dilation: Pair,
        groups: int,
        out: Pair,
    ) -> Array:
        """Return the image of this shape whose every number is the sum of its copies in the columns."""
        (n, c, h, w), (kh, kw), (ph, pw) = shape, kernel, padding
        image = self.xp.zeros((n, h + 2 * ph, w + 2 * pw, groups, c // groups), columns.dtype)
        columns = columns.reshape(groups, n, *out, kh, kw, c // groups).transpose(4, 5, 1, 2, 3, 0, 6)
        for i in range(kh):
            for j in range(kw):
                rows = tap_slice(i, out[0], stride[0], dilation[0])
                image[:, rows, tap_slice(j, out[1], stride[1], dilation[1])] += columns[i, j]
        inside = image[:, ph : ph + h, pw : pw + w].reshape(n, h, w, c)
        return self.xp.ascontiguousarray(inside).transpose(0, 3, 1, 2)

    # --- around them ---

    def _conv_finish(self, z: Array, bias: Array | None, activation: str) -> Array:
        """Return f(z + b), turned from (N, H, W, C) to (N, C, H, W)."""
        if bias is not None:
            z += bias
        return self.activate(z, activation).transpose(0, 3, 1, 2)

    def _conv_delta(self, grad: Array, y: Array, activation: str) -> Array:
        """Return dL/dz = dL/dy f'(z), contiguous, shape (N, H, W, C)."""
        delta = self.activate_backward(grad.transpose(0, 2, 3, 1), None, y.transpose(0, 2, 3, 1), activation, LEAK)
        return self.xp.ascontiguousarray(delta)


def conv_matrix(weight: Array, groups: int) -> Array:
    """Turn weights (outputs, channels / groups, kh, kw) to (groups, kh kw channels / groups, outputs / groups)."""
    o, c, kh, kw = weight.shape
    return weight.reshape(groups, o // groups, c, kh, kw).transpose(0, 3, 4, 2, 1).reshape(groups, kh * kw * c, -1)


def conv_weight(matrix: Array, shape: tuple[int, int, int, int]) -> Array:
    """Turn what `conv_matrix` made back to weights of this shape, contiguous."""
    o, c, kh, kw = shape
    return matrix.reshape(len(matrix), kh, kw, c, -1).transpose(0, 4, 3, 1, 2).reshape(o, c, kh, kw).copy()


def grouped(image: Array, groups: int) -> Array:
    """Turn an image (N, H, W, C) to one row a pixel, shape (groups, N H W, C / groups)."""
    return image.reshape(-1, groups, image.shape[-1] // groups).swapaxes(0, 1)


def ungrouped(rows: Array) -> Array:
    """Turn rows (groups, pixels, C / groups) to (pixels, C)."""
    return rows.swapaxes(0, 1).reshape(rows.shape[1], len(rows) * rows.shape[2])
