"""Layers that give what flows through them mean 0 and variance 1, then learn scale and shift."""

from typing import Any

import numpy as np

from nets import functional as F  # noqa: N812
from nets.backends import backend
from nets.errors import ArgumentError, ShapeError
from nets.layers.module import Buffer, Module, Parameter
from nets.tensor import Operand, Tensor, as_tensor


class LayerNorm(Module):
    """Each example's features, normalised by themselves; J. L. Ba et al., arXiv:1607.06450.

    Parameters
    ----------
    normalized_shape : int or tuple of int
        Length of the last axis, or of the last axes, which are normalised together.
    eps : float
        Added to the variance.

    Attributes
    ----------
    weight, bias : Parameter, shape ``normalized_shape``
    """

    def __init__(self, normalized_shape: int | tuple[int, ...], eps: float = 1e-5) -> None:
        axes = tuple(normalized_shape) if isinstance(normalized_shape, tuple | list) else (normalized_shape,)
        for n in axes or (0,):
            _positive("normalized_shape", n)
        self.normalized_shape, self.eps = normalized_shape, eps
        self.weight, self.bias = Parameter(np.ones(axes)), Parameter(np.zeros(axes))

    def forward(self, x: Operand) -> Tensor:
        """Map (..., *normalized_shape) to the same shape."""
        return F.layer_norm(x, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"{self.normalized_shape}, eps={self.eps}"


class BatchNorm(Module):
    """Channels normalised over the batch in training, by running statistics in use: base of the two below.

    S. Ioffe, C. Szegedy, arXiv:1502.03167, Algorithm 2. After each batch r = (1 - momentum) r + momentum * batch
    statistic; the running variance is the unbiased one. Gradients of what was computed by running statistics belong
    to their values at that time, though they may have moved since.

    Parameters
    ----------
    num_features : int
        Number of channels.
    eps : float
        Added to the variance.
    momentum : float or None
        In [0, 1]. None takes 1 / n after n batches: the running statistics are the means of those of all batches.
    """

    _axes: tuple[int, ...]

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1) -> None:
        _positive("num_features", num_features)
        if momentum is not None and not 0 <= momentum <= 1:
            raise ArgumentError(f"momentum must be in [0, 1] or None, got {momentum}")
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.weight, self.bias = Parameter(np.ones(num_features)), Parameter(np.zeros(num_features))
        self.running_mean = Buffer(np.zeros(num_features, np.float32))
        self.running_var = Buffer(np.ones(num_features, np.float32))
        self.num_batches_tracked = Buffer(np.zeros((), np.int64))

    def forward(self, x: Operand) -> Tensor:
        """Map x to the same shape."""
        x = as_tensor(x)
        if x.ndim not in self._axes or x.shape[1] != self.num_features:
            raise ShapeError(
                f"the input must have {' or '.join(map(str, self._axes))} axes and {self.num_features} channels, "
                f"got shape {x.shape}; the weight has shape {self.weight.shape}"
            )
        if not self.training:
            y, _, _ = F.batch_norm(x, self.weight, self.bias, self.running_mean, self.running_var, self.eps)
            return y
        y, mean, var = F.batch_norm(x, self.weight, self.bias, eps=self.eps)
        n = x.numel() // self.num_features
        self.num_batches_tracked.copy_(self.num_batches_tracked.data + 1)
        step = 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum
        _move(self.running_mean, mean, step)
        _move(self.running_var, var * (n / (n - 1)), step)
        return y

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"


class BatchNorm1d(BatchNorm):
    """`BatchNorm` of (batch, channels) or (batch, channels, length)."""

    _axes = (2, 3)


class BatchNorm2d(BatchNorm):
    """`BatchNorm` of (batch, channels, height, width)."""

    _axes = (4,)


class GroupNorm(Module):
    """Groups of channels of each example, normalised by themselves; Y. Wu, K. He, arXiv:1803.08494.

    Parameters
    ----------
    num_groups, num_channels : int
        The first divides the second.
    eps : float
        Added to the variance.
    """

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5) -> None:
        _positive("num_channels", num_channels)
        if num_groups < 1 or num_channels % num_groups:
            raise ArgumentError(f"num_groups must divide {num_channels} channels, got {num_groups}")
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps
        self.weight, self.bias = Parameter(np.ones(num_channels)), Parameter(np.zeros(num_channels))

    def forward(self, x: Operand) -> Tensor:
        """Map (batch, channels), (batch, channels, length) or (batch, channels, height, width) to the same shape."""
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}"


def _move(running: Buffer, statistic: Any, step: float) -> None:
    """Move a running statistic by a part of the way towards that of a batch."""
    running.copy_(Tensor((1 - step) * running.data + step * backend().asarray(statistic, running.dtype)))


def _positive(name: str, value: Any) -> None:
    if not isinstance(value, int | np.integer) or value < 1:
        raise ArgumentError(f"{name} must be a positive int, got {value!r}")
