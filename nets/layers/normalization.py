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
    normalized_shape : int
        Length of the last axis.
    eps : float
        Added to the variance.
    """

    def __init__(self, normalized_shape: int, eps: float = 1e-5) -> None:
        _positive("normalized_shape", normalized_shape)
        self.normalized_shape, self.eps = normalized_shape, eps
        self.weight, self.bias = Parameter(np.ones(normalized_shape)), Parameter(np.zeros(normalized_shape))

    def forward(self, x: Operand) -> Tensor:
        """Map (..., features) to the same shape."""
        return F.layer_norm(x, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"{self.normalized_shape}, eps={self.eps}"


class BatchNorm(Module):
    """Channels normalised over the batch in training, by running statistics in use: base of the two below.

    S. Ioffe, C. Szegedy, arXiv:1502.03167, Algorithm 2. After each batch r = (1 - momentum) r + momentum * batch
    statistic; the running variance is the unbiased one.

    Parameters
    ----------
    num_features : int
        Number of channels.
    eps : float
        Added to the variance.
    momentum : float
        In [0, 1].
    """

    _axes: tuple[int, ...]

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        _positive("num_features", num_features)
        if not 0 <= momentum <= 1:
            raise ArgumentError(f"momentum must be in [0, 1], got {momentum}")
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
                f"got shape {x.shape}"
            )
        if not self.training:
            y, _, _ = F.batch_norm(x, self.weight, self.bias, self.running_mean, self.running_var, self.eps)
            return y
        y, mean, var = F.batch_norm(x, self.weight, self.bias, eps=self.eps)
        n = x.numel() // self.num_features
        self._move(self.running_mean, mean)
        self._move(self.running_var, var * (n / (n - 1)))
        self.num_batches_tracked.copy_(self.num_batches_tracked.data + 1)
        return y

    def _move(self, running: Buffer, statistic: Any) -> None:
        moved = (1 - self.momentum) * running.data + self.momentum * backend().asarray(statistic, running.dtype)
        running.copy_(Tensor(moved))

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"


class BatchNorm1d(BatchNorm):
    """`BatchNorm` of (batch, channels)."""

    _axes = (2,)


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
        """Map (batch, channels) or (batch, channels, height, width) to the same shape."""
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}"


def _positive(name: str, value: Any) -> None:
    if not isinstance(value, int | np.integer) or value < 1:
        raise ArgumentError(f"{name} must be a positive int, got {value!r}")
