"""Layer, batch and group normalisation; equations: `nets.backends.reference.normalization`."""

from nets.backends import backend
from nets.backends.reference.base import Array
from nets.errors import ArgumentError, ShapeError
from nets.functional._checks import floats, not_empty
from nets.tensor import Operand, Tensor, record_joint


def layer_norm(x: Operand, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5) -> Tensor:
    """Normalise the last axis of x, shape (..., features), then scale and shift by (features,)."""
    x = floats("layer_norm", x, weight)
    not_empty("layer_norm", x)
    shape = x.shape
    _fits("layer_norm", shape, shape[-1], weight, bias)
    back = backend()
    rows = x.data.reshape(-1, shape[-1])
    w = None if weight is None else weight.data
    y, saved = back.layer_norm(rows, w, None if bias is None else bias.data, eps)

    def backward(grad: Array) -> list[Array | None]:
        gradients = back.layer_norm_backward(grad.reshape(rows.shape), rows, w, saved, _needs(x, weight, bias))
        gx, gw, gb = gradients
        return _present(None if gx is None else gx.reshape(shape), gw, gb, weight, bias)

    return record_joint("layer_norm", y.reshape(shape), _inputs(x, weight, bias), backward)


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
    x : Tensor of floats, shape (batch, channels) or (batch, channels, height, width)
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
    x = floats("batch_norm", x, weight)
    if x.ndim not in (2, 4):
        raise ShapeError(f"batch_norm: the input must have shape (batch, channels[, height, width]), got {x.shape}")
    not_empty("batch_norm", x)
    _fits("batch_norm", x.shape, x.shape[1], weight, bias, mean, var)
    if mean is None and x.numel() == x.shape[1]:
        raise ShapeError(f"batch_norm: one value a channel has no variance: input shape {x.shape}")
    back = backend()
    w, b, m, v = (None if t is None else t.data for t in (weight, bias, mean, var))
    y, saved, used_mean, used_var = back.batch_norm(x.data, w, b, m, v, eps)

    def backward(grad: Array) -> list[Array | None]:
        gradients = back.batch_norm_backward(grad, x.data, w, saved, _needs(x, weight, bias))
        return _present(*gradients, weight, bias)

    return record_joint("batch_norm", y, _inputs(x, weight, bias), backward), used_mean, used_var


def group_norm(
    x: Operand, n_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Normalise groups of channels of each example of x, shape (batch, channels[, height, width])."""
    x = floats("group_norm", x, weight)
    if x.ndim not in (2, 4):
        raise ShapeError(f"group_norm: the input must have shape (batch, channels[, height, width]), got {x.shape}")
    not_empty("group_norm", x)
    _fits("group_norm", x.shape, x.shape[1], weight, bias)
    if n_groups < 1 or x.shape[1] % n_groups:
        raise ArgumentError(f"group_norm: n_groups must divide {x.shape[1]} channels, got {n_groups}")
    back = backend()
    w = None if weight is None else weight.data
    y, saved = back.group_norm(x.data, n_groups, w, None if bias is None else bias.data, eps)

    def backward(grad: Array) -> list[Array | None]:
        gradients = back.group_norm_backward(grad, x.data, n_groups, w, saved, _needs(x, weight, bias))
        return _present(*gradients, weight, bias)

    return record_joint("group_norm", y, _inputs(x, weight, bias), backward)


def _fits(name: str, shape: tuple[int, ...], n: int, *vectors: Tensor | None) -> None:
    for vector in vectors:
        if vector is not None and vector.shape != (n,):
            raise ShapeError(f"{name}: an input of shape {shape} does not fit a weight of shape {vector.shape}")


def _inputs(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> tuple[Tensor, ...]:
    return tuple(t for t in (x, weight, bias) if t is not None)


def _needs(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> tuple[bool, bool, bool]:
    return (
        x.requires_grad,
        weight is not None and weight.requires_grad,
        bias is not None and bias.requires_grad,
    )


def _present(
    gx: Array | None, gw: Array | None, gb: Array | None, weight: Tensor | None, bias: Tensor | None
) -> list[Array | None]:
    """Return the gradients of those inputs that there are."""
    return [gx, *([] if weight is None else [gw]), *([] if bias is None else [gb])]
