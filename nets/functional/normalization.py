"""Layer, batch and group normalisation; equations: `nets.backends.reference.normalization`."""

import math

from nets.backends import backend
from nets.backends.reference.base import Array
from nets.errors import ArgumentError, ShapeError
from nets.functional._checks import floats, not_empty, weights
from nets.functional._optional import of_present, present
from nets.tensor import Operand, Tensor, record_joint


def layer_norm(
    x: Operand,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    normalized_shape: tuple[int, ...] | None = None,
) -> Tensor:
    """Normalise the last axes of x together, then scale and shift.

    Parameters
    ----------
    x : Tensor of floats, shape (..., *normalized_shape)
    weight, bias : Tensor, shape ``normalized_shape``, optional
        Scale and shift.
    eps : float
        Added to the variance.
    normalized_shape : tuple of int, optional
        Lengths of the axes to normalise; those of the weight, else of the bias, else the last one of x.

    Returns
    -------
    Tensor, shape of x
    """
    weight, bias = weights(weight, bias)
    x = floats("layer_norm", x, weight)
    shape = x.shape
    vector = bias if weight is None else weight
    axes = normalized_shape or (shape[-1:] if vector is None else vector.shape)
    if not axes or shape[len(shape) - len(axes) :] != axes:
        raise ShapeError(f"layer_norm: an input of shape {shape} does not fit a weight of shape {axes}")
    _fits("layer_norm", shape, axes, weight=weight, bias=bias)
    not_empty("layer_norm", x, vector)
    back = backend()
    rows = x.data.reshape(-1, math.prod(axes))
    w, b = (None if t is None else t.data.reshape(-1) for t in (weight, bias))
    y, saved = back.layer_norm(rows, w, b, eps)

    def backward(grad: Array) -> list[Array | None]:
        gx, gw, gb = back.layer_norm_backward(grad.reshape(rows.shape), rows, w, saved, _needs(x, weight, bias))
        gw, gb = (None if g is None else g.reshape(axes) for g in (gw, gb))
        return of_present((None if gx is None else gx.reshape(shape), gw, gb), (x, weight, bias))

    return record_joint("layer_norm", y.reshape(shape), present(x, weight, bias), backward)


def batch_norm(
    x: Operand,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    mean: Tensor | None = None,
    var: Tensor | None = None,
    eps: float = 1e-5,
) -> tuple[Tensor, Array, Array]:
    """Normalise each channel of x over the batch and its pixels, or by the given mean and variance.

    Parameters
    ----------
    x : Tensor of floats, shape (batch, channels), (batch, channels, length) or (batch, channels, height, width)
    weight, bias, mean, var : Tensor, shape (channels,), optional
        Scale, shift, and the statistics to use instead of those of the batch.
    eps : float
        Added to the variance.

    Returns
    -------
    y : Tensor, shape of x
    mean, var : ndarray, shape (channels,)
        The statistics that were used, the variance biased.
    """
    weight, bias, mean, var = weights(weight, bias, mean, var)
    x = _channels("batch_norm", x, weight)
    _fits("batch_norm", x.shape, x.shape[1:2], weight=weight, bias=bias, mean=mean, variance=var)
    not_empty("batch_norm", x, weight)
    if (mean is None) != (var is None):
        raise ArgumentError("batch_norm: mean and var must be given both, or neither")
    if mean is None and x.numel() == x.shape[1]:
        raise ShapeError(f"batch_norm: one value a channel has no variance: input shape {x.shape}")
    back = backend()
    w, b = (None if t is None else t.data for t in (weight, bias))
    # Copies: running statistics may move before the way back, which needs those of now.
    m, v = (None if t is None else t.data.copy() for t in (mean, var))
    y, saved, used_mean, used_var = back.batch_norm(x.data, w, b, m, v, eps)

    def backward(grad: Array) -> list[Array | None]:
        gradients = back.batch_norm_backward(grad, x.data, w, saved, _needs(x, weight, bias))
        return of_present(gradients, (x, weight, bias))

    return record_joint("batch_norm", y, present(x, weight, bias), backward), used_mean, used_var


def group_norm(
    x: Operand, n_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Normalise groups of channels of each example of x, shape (batch, channels[, length | , height, width])."""
    weight, bias = weights(weight, bias)
    x = _channels("group_norm", x, weight)
    _fits("group_norm", x.shape, x.shape[1:2], weight=weight, bias=bias)
    not_empty("group_norm", x, weight)
    if n_groups < 1 or x.shape[1] % n_groups:
        raise ArgumentError(f"group_norm: n_groups must divide {x.shape[1]} channels, got {n_groups}")
    back = backend()
    w = None if weight is None else weight.data
    y, saved = back.group_norm(x.data, n_groups, w, None if bias is None else bias.data, eps)

    def backward(grad: Array) -> list[Array | None]:
        gradients = back.group_norm_backward(grad, x.data, n_groups, w, saved, _needs(x, weight, bias))
        return of_present(gradients, (x, weight, bias))

    return record_joint("group_norm", y, present(x, weight, bias), backward)


def _channels(name: str, x: Operand, weight: Tensor | None) -> Tensor:
    x = floats(name, x, weight)
    if x.ndim not in (2, 3, 4):
        beside = "" if weight is None else f"; the weight has shape {weight.shape}"
        raise ShapeError(
            f"{name}: the input must have shape (batch, channels), (batch, channels, length) or "
            f"(batch, channels, height, width), got {x.shape}{beside}"
        )
    return x


def _fits(name: str, shape: tuple[int, ...], right: tuple[int, ...], **vectors: Tensor | None) -> None:
    for kind, vector in vectors.items():
        if vector is not None and vector.shape != right:
            raise ShapeError(f"{name}: an input of shape {shape} does not fit a {kind} of shape {vector.shape}")


def _needs(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> tuple[bool, bool, bool]:
    return (
        x.requires_grad,
        weight is not None and weight.requires_grad,
        bias is not None and bias.requires_grad,
    )
