"""Convolution and pooling of images (batch, channels, height, width).

Memory is channels-last inside: what these functions return has the shape above and the memory of (batch, height,
width, channels), which the next layer takes as it is. See `nets.backends.reference.convolution` for the equations.
"""

from nets import ops
from nets.backends import backend
from nets.backends.reference.base import Array
from nets.backends.reference.pointwise import FROM_OUTPUT
from nets.errors import ArgumentError, ShapeError
from nets.functional._checks import floats, not_empty, pair, weights
from nets.functional.activations import activation as named_activation
from nets.tensor import Operand, Tensor, record_joint

Size = int | tuple[int, int]


def conv2d(
    x: Operand,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
    groups: int = 1,
    activation: str = "identity",
) -> Tensor:
    """Return the cross-correlation of images with kernels, plus bias, through an activation.

    Parameters
    ----------
    x : Tensor of floats, shape (batch, inputs, height, width)
    weight : Tensor, shape (outputs, inputs / groups, kernel height, kernel width)
    bias : Tensor, shape (outputs,), optional
    stride, padding, dilation : int or (int, int)
        Step of the kernel, zeros added on each side, distance between the kernel's taps; for height and width.
    groups : int
        Channels are split into so many independent groups.
    activation : str
        Name of an activation; the cheap ones are computed together with the bias.

    Returns
    -------
    Tensor, shape (batch, outputs, (height + 2 padding - dilation (kernel - 1) - 1) // stride + 1, likewise)

    Raises
    ------
    ShapeError, ArgumentError, DtypeError
        If something does not fit.
    """
    name = "conv2d"
    weight, bias = weights(weight, bias)
    x = _images(name, x, weight)
    strides, paddings = pair(name, "stride", stride, 1), pair(name, "padding", padding, 0)
    dilations = pair(name, "dilation", dilation, 1)
    outputs, inputs = weight.shape[:2]
    _check_groups(name, groups, inputs * groups, outputs)
    _check_bias(name, bias, outputs, weight)
    if x.shape[1] != inputs * groups:
        raise ShapeError(
            f"{name}: an input of shape {x.shape} does not fit a weight of {weight.shape}, groups {groups}"
        )
    for side in (0, 1):
        reach = dilations[side] * (weight.shape[2 + side] - 1) + 1
        if x.shape[2 + side] + 2 * paddings[side] < reach:
            raise ShapeError(f"{name}: images of shape {x.shape}, padded by {paddings}, are smaller than the kernel's "
                             f"reach of {reach}; weight shape {weight.shape}")  # fmt: skip
    if activation not in FROM_OUTPUT:
        return named_activation(activation)(conv2d(x, weight, bias, stride, padding, dilation, groups))
    back = backend()
    settings = (strides, paddings, dilations, groups, activation)
    y, saved = back.conv2d(x.data, weight.data, None if bias is None else bias.data, *settings)
    inputs_ = (x, weight) if bias is None else (x, weight, bias)

    def backward(grad: Array) -> tuple[Array | None, ...]:
        needs = (x.requires_grad, weight.requires_grad, bias is not None and bias.requires_grad)
        return back.conv2d_backward(grad, x.data, weight.data, y, saved, *settings, needs)[: len(inputs_)]

    return record_joint(name, y, inputs_, backward)


def conv_transpose2d(
    x: Operand,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
    activation: str = "identity",
) -> Tensor:
    """Return the transposed convolution: the map that carries gradients back through `conv2d`, used forward.

    Parameters
    ----------
    x : Tensor of floats, shape (batch, inputs, height, width)
    weight : Tensor, shape (inputs, outputs / groups, kernel height, kernel width)
    output_padding : int or (int, int)
        Rows and columns added at the end, less than the stride or the dilation: a strided convolution maps several
        sizes to one, and this says which of them to go back to.
    bias, stride, padding, groups, dilation, activation
        As in `conv2d`.

    Returns
    -------
    Tensor, shape (batch, outputs, new height, new width)
        The height is (height - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1, likewise the width.
    """
    name = "conv_transpose2d"
    weight, bias = weights(weight, bias)
    x = _images(name, x, weight)
    strides, paddings = pair(name, "stride", stride, 1), pair(name, "padding", padding, 0)
    dilations, extra = pair(name, "dilation", dilation, 1), pair(name, "output_padding", output_padding, 0)
    inputs, outputs = weight.shape[0], weight.shape[1] * groups
    _check_groups(name, groups, inputs, outputs)
    _check_bias(name, bias, outputs, weight)
    if x.shape[1] != inputs:
        raise ShapeError(
            f"{name}: an input of shape {x.shape} does not fit a weight of {weight.shape}, groups {groups}"
        )
    for side in (0, 1):
        if extra[side] >= max(strides[side], dilations[side]):
            raise ArgumentError(f"{name}: output_padding must be less than stride or dilation, got {output_padding}")
        reach = dilations[side] * (weight.shape[2 + side] - 1)
        if (x.shape[2 + side] - 1) * strides[side] - 2 * paddings[side] + reach + extra[side] + 1 < 1:
            raise ShapeError(f"{name}: padding {paddings} leaves nothing of an input of shape {x.shape}; "
                             f"weight shape {weight.shape}")  # fmt: skip
    if activation not in FROM_OUTPUT:
        plain = conv_transpose2d(x, weight, bias, stride, padding, output_padding, groups, dilation)
        return named_activation(activation)(plain)
    back = backend()
    settings = (strides, paddings, extra, dilations, groups, activation)
    y, saved = back.conv_transpose2d(x.data, weight.data, None if bias is None else bias.data, *settings)
    inputs_ = (x, weight) if bias is None else (x, weight, bias)

    def backward(grad: Array) -> tuple[Array | None, ...]:
        needs = (x.requires_grad, weight.requires_grad, bias is not None and bias.requires_grad)
        return back.conv_transpose2d_backward(grad, x.data, weight.data, y, saved, *settings, needs)[: len(inputs_)]

    return record_joint(name, y, inputs_, backward)


def max_pool2d(x: Operand, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> Tensor:
    """Return the largest value in each window; the gradient goes to it, to the first one where several are equal.

    The stride is the kernel size where none is given.
    """
    x, *settings = _pool_settings("max_pool2d", x, kernel_size, stride, padding)
    back = backend()
    shape = x.shape
    y, taps = back.max_pool2d(x.data, *settings)
    return record_joint(
        "max_pool2d", y, (x,), lambda g: (back.max_pool2d_backward(g, taps, shape, *settings),), saved=()
    )


def avg_pool2d(x: Operand, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> Tensor:
    """Return the mean of each window, padded zeros included. The stride is the kernel size where none is given."""
    x, *settings = _pool_settings("avg_pool2d", x, kernel_size, stride, padding)
    back = backend()
    shape = x.shape
    y = back.avg_pool2d(x.data, *settings)
    return record_joint("avg_pool2d", y, (x,), lambda g: (back.avg_pool2d_backward(g, shape, *settings),), saved=())


def upsample_nearest2d(x: Operand, scale: int) -> Tensor:
    """Return images in which every pixel is repeated ``scale`` times in both directions."""
    x = floats("upsample_nearest2d", x)
    if x.ndim != 4:
        raise ShapeError(f"upsample_nearest2d: images must have shape (batch, channels, height, width), got {x.shape}")
    if scale < 1:
        raise ArgumentError(f"upsample_nearest2d: scale must be at least 1, got {scale}")
    n, c, h, w = x.shape
    # Channels-last, so that the copy below has the memory that the next convolution takes as it is.
    pixels = ops.reshape(ops.permute(x, 0, 2, 3, 1), (n, h, 1, w, 1, c))
    repeated = ops.reshape(ops.broadcast_to(pixels, (n, h, scale, w, scale, c)), (n, h * scale, w * scale, c))
    return ops.permute(repeated, 0, 3, 1, 2)


def _images(name: str, x: Operand, weight: Tensor) -> Tensor:
    x = floats(name, x, weight)
    if x.ndim != 4:
        raise ShapeError(
            f"{name}: the input must have shape (batch, channels, height, width), got {x.shape}; "
            f"the weight has shape {weight.shape}"
        )
    if weight.ndim != 4:
        raise ShapeError(f"{name}: a weight must have four axes, got shape {weight.shape}; the input has {x.shape}")
    not_empty(name, x, weight)
    return x


def _check_bias(name: str, bias: Tensor | None, outputs: int, weight: Tensor) -> None:
    if bias is not None and bias.shape != (outputs,):
        raise ShapeError(
            f"{name}: a bias of shape {bias.shape} does not fit a weight of {weight.shape} with {outputs} outputs"
        )


def _check_groups(name: str, groups: int, inputs: int, outputs: int) -> None:
    if groups < 1 or inputs % groups or outputs % groups:
        raise ArgumentError(f"{name}: groups must divide {inputs} input and {outputs} output channels, got {groups}")


def _pool_settings(
    name: str, x: Operand, kernel_size: Size, stride: Size | None, padding: Size
) -> tuple[Tensor, tuple[int, int], tuple[int, int], tuple[int, int]]:
    x = floats(name, x)
    if x.ndim != 4:
        raise ShapeError(f"{name}: images must have shape (batch, channels, height, width), got {x.shape}")
    not_empty(name, x)
    kernel = pair(name, "kernel_size", kernel_size, 1)
    strides = kernel if stride is None else pair(name, "stride", stride, 1)
    paddings = pair(name, "padding", padding, 0)
    for side in (0, 1):
        if 2 * paddings[side] > kernel[side]:
            raise ArgumentError(f"{name}: padding must be at most half of the kernel {kernel}, got {paddings}")
        if x.shape[2 + side] + 2 * paddings[side] < kernel[side]:
            raise ShapeError(f"{name}: images of shape {x.shape}, padded by {paddings}, are smaller than {kernel}")
    return x, kernel, strides, paddings
