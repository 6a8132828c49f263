"""Convolution and pooling layers on images (batch, channels, height, width)."""

import math

import numpy as np

from nets import functional as F  # noqa: N812
from nets import random
from nets.errors import ArgumentError, ShapeError
from nets.functional._checks import pair
from nets.functional.convolution import Size
from nets.init import Initializer, fans, lecun_uniform, named
from nets.layers.module import Module, Parameter
from nets.tensor import Operand, Tensor, as_tensor


class Conv2d(Module):
    """Cross-correlation with learned kernels; see `nets.functional.conv2d`.

    Parameters
    ----------
    in_channels, out_channels : int
        Number of channels.
    kernel_size, stride, padding, dilation : int or (int, int)
        For height and width.
    groups : int
        Channels are split into so many independent groups.
    bias : bool
        Whether to add a number to each output channel.
    activation : str
        Name of an activation; faster than a layer of its own.
    init : str or callable
        How the kernels start, see `nets.init`; the bias starts as in `Linear`.
    generator : numpy.random.Generator, optional
        Where the initial weights come from.

    Attributes
    ----------
    weight : Parameter, shape (out_channels, in_channels / groups, kernel height, kernel width)
    bias : Parameter, shape (out_channels,), or None
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        activation: str = "identity",
        init: str | Initializer | None = None,
        generator: np.random.Generator | None = None,
    ) -> None:
        _check_channels(in_channels, out_channels, groups)
        F.activation(activation)
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = pair("Conv2d", "kernel_size", kernel_size, 1)
        self.stride, self.padding = pair("Conv2d", "stride", stride, 1), pair("Conv2d", "padding", padding, 0)
        self.dilation, self.activation = pair("Conv2d", "dilation", dilation, 1), activation
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        self.weight, self.bias = _kernels(shape, out_channels, bias, init, generator)

    def forward(self, x: Operand) -> Tensor:
        """Map (batch, in_channels, height, width) to (batch, out_channels, new height, new width)."""
        return F.conv2d(
            x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups, self.activation
        )

    def extra_repr(self) -> str:
        """Return the settings."""
        return _settings(self, output_padding=None)


class ConvTranspose2d(Module):
    """Transposed convolution, which enlarges images; see `nets.functional.conv_transpose2d`.

    Parameters
    ----------
    output_padding : int or (int, int)
        Rows and columns added at the end.
    in_channels, out_channels, kernel_size, stride, padding, groups, bias, dilation, activation, init, generator
        As in `Conv2d`.

    Attributes
    ----------
    weight : Parameter, shape (in_channels, out_channels / groups, kernel height, kernel width)
    bias : Parameter, shape (out_channels,), or None
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        activation: str = "identity",
        init: str | Initializer | None = None,
        generator: np.random.Generator | None = None,
    ) -> None:
        name = "ConvTranspose2d"
        _check_channels(in_channels, out_channels, groups)
        F.activation(activation)
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = pair(name, "kernel_size", kernel_size, 1)
        self.stride, self.padding = pair(name, "stride", stride, 1), pair(name, "padding", padding, 0)
        self.output_padding = pair(name, "output_padding", output_padding, 0)
        self.dilation, self.activation = pair(name, "dilation", dilation, 1), activation
        shape = (in_channels, out_channels // groups, *self.kernel_size)
        self.weight, self.bias = _kernels(shape, out_channels, bias, init, generator)

    def forward(self, x: Operand) -> Tensor:
        """Map (batch, in_channels, height, width) to (batch, out_channels, new height, new width)."""
        return F.conv_transpose2d(
            x,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.output_padding,
            self.groups,
            self.dilation,
            self.activation,
        )

    def extra_repr(self) -> str:
        """Return the settings."""
        return _settings(self, output_padding=self.output_padding)


class MaxPool2d(Module):
    """The largest value of each window; the stride is the kernel size where none is given."""

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, x: Operand) -> Tensor:
        """Map (batch, channels, height, width) to smaller images."""
        return F.max_pool2d(x, self.kernel_size, self.stride, self.padding)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"kernel_size={self.kernel_size}, stride={self.stride or self.kernel_size}, padding={self.padding}"


class AvgPool2d(Module):
    """The mean of each window; the stride is the kernel size where none is given."""

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, x: Operand) -> Tensor:
        """Map (batch, channels, height, width) to smaller images."""
        return F.avg_pool2d(x, self.kernel_size, self.stride, self.padding)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"kernel_size={self.kernel_size}, stride={self.stride or self.kernel_size}, padding={self.padding}"


class GlobalAvgPool2d(Module):
    """The mean of each channel: (batch, channels, height, width) to (batch, channels)."""

    def forward(self, x: Operand) -> Tensor:
        """Average over height and width."""
        x = as_tensor(x)
        if x.ndim != 4:
            raise ShapeError(f"images must have shape (batch, channels, height, width), got {x.shape}")
        return x.mean((2, 3))


class Upsample(Module):
    """Every pixel repeated ``scale`` times in both directions."""

    def __init__(self, scale: int) -> None:
        self.scale = scale

    def forward(self, x: Operand) -> Tensor:
        """Map (batch, channels, height, width) to larger images."""
        return F.upsample_nearest2d(x, self.scale)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"scale={self.scale}"


def _check_channels(in_channels: int, out_channels: int, groups: int) -> None:
    if in_channels < 1 or out_channels < 1:
        raise ArgumentError(f"in_channels and out_channels must be positive, got {in_channels} and {out_channels}")
    if groups < 1 or in_channels % groups or out_channels % groups:
        raise ArgumentError(f"groups must divide {in_channels} and {out_channels} channels, got {groups}")


def _kernels(
    shape: tuple[int, ...],
    out_channels: int,
    bias: bool,
    init: str | Initializer | None,
    generator: np.random.Generator | None,
) -> tuple[Parameter, Parameter | None]:
    rng = random.generator(generator)
    weight = Parameter(named(init or lecun_uniform)(shape, rng))
    if not bias:
        return weight, None
    bound = 1 / math.sqrt(fans(shape)[0])
    return weight, Parameter(np.zeros(out_channels) if init else rng.uniform(-bound, bound, out_channels))


def _settings(layer: Conv2d | ConvTranspose2d, output_padding: tuple[int, int] | None) -> str:
    shown = f"{layer.in_channels}, {layer.out_channels}, kernel_size={layer.kernel_size}, stride={layer.stride}"
    options = {
        "padding": (layer.padding, (0, 0)),
        "output_padding": (output_padding or (0, 0), (0, 0)),
        "dilation": (layer.dilation, (1, 1)),
        "groups": (layer.groups, 1),
        "activation": (layer.activation, "identity"),
    }
    shown += "".join(f", {name}={value!r}" for name, (value, default) in options.items() if value != default)
    return shown + (", bias=False" if layer.bias is None else "")
