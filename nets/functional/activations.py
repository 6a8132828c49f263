"""Activations. Formulas and derivatives: `nets.backends.reference.pointwise` and `nets.backends.reference.loss`."""

from collections.abc import Callable
from typing import Any, Final

from nets import ops
from nets.backends import backend
from nets.backends.reference.pointwise import LEAK
from nets.errors import ArgumentError, ShapeError
from nets.functional._checks import floats
from nets.tensor import Operand, Tensor, record, record_joint


def identity(x: Operand) -> Tensor:
    """Return x."""
    return floats("identity", x)


def sigmoid(x: Operand) -> Tensor:
    """Return 1 / (1 + exp(-x))."""
    return ops.sigmoid(floats("sigmoid", x))


def tanh(x: Operand) -> Tensor:
    """Return the hyperbolic tangent."""
    return ops.tanh(floats("tanh", x))


def relu(x: Operand) -> Tensor:
    """Return max(x, 0)."""
    return ops.relu(floats("relu", x))


def leaky_relu(x: Operand, negative_slope: float = LEAK) -> Tensor:
    """Return x where it is positive, else ``negative_slope`` x; the slope is in [0, 1)."""
    if not 0 <= negative_slope < 1:
        raise ArgumentError(f"leaky_relu: negative_slope must be in [0, 1), got {negative_slope}")
    x = floats("leaky_relu", x)
    back = backend()
    y = back.activate(x.data, "leaky_relu", negative_slope)
    return record_joint(
        "leaky_relu", y, (x,), lambda g: (back.activate_backward(g, None, y, "leaky_relu", negative_slope),)
    )


def silu(x: Operand) -> Tensor:
    """Return x sigmoid(x), also called swish; P. Ramachandran et al., arXiv:1710.05941."""

    def rule(g: Any, x: Any) -> Any:
        s = ops.sigmoid(x)
        return g * (s * (1 + x * (1 - s)))

    return _from_input("silu", x, rule)


swish = silu


def gelu(x: Operand, approximate: str = "none") -> Tensor:
    """Return x P(x), P the normal distribution function; D. Hendrycks, K. Gimpel, arXiv:1606.08415.

    ``approximate="tanh"`` uses the paper's approximation by a hyperbolic tangent.
    """
    if approximate not in ("none", "tanh"):
        raise ArgumentError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")
    return _from_input("gelu" if approximate == "none" else "gelu_tanh", x, None)


def softplus(x: Operand) -> Tensor:
    """Return log(1 + exp(x)), without overflow."""
    return _from_input("softplus", x, lambda g, x: g * ops.sigmoid(x))


def _from_input(name: str, x: Operand, rule: Callable[[Any, Any], Any] | None) -> Tensor:
    """Apply an activation whose derivative needs its input; ``rule`` is its derivative on tensors."""
    x = floats(name, x)
    back = backend()
    y = back.activate(x.data, name)
    if rule is None:
        return record_joint(name, y, (x,), lambda g: (back.activate_backward(g, x.data, y, name),))

    def either(g: Any, z: Any) -> Any:
        return rule(g, z) if isinstance(g, Tensor) else back.activate_backward(g, z, y, name)

    return record(name, y, (x,), (either,), saved=(x,))


def softmax(x: Operand, dim: int = -1) -> Tensor:
    """Return p_i = exp(x_i) / sum_j exp(x_j) along an axis."""
    x = floats("softmax", x)
    if dim not in (-1, x.ndim - 1):
        _check_axis("softmax", x, dim)
        return ops.swapaxes(softmax(ops.swapaxes(x, dim, -1)), dim, -1)
    _check_axis("softmax", x, dim)
    back = backend()
    p = back.softmax(x.data)
    return record_joint("softmax", p, (x,), lambda g: (back.softmax_backward(g, p),), saved=())


def log_softmax(x: Operand, dim: int = -1) -> Tensor:
    """Return log p_i = x_i - log sum_j exp(x_j) along an axis."""
    x = floats("log_softmax", x)
    _check_axis("log_softmax", x, dim)
    if dim not in (-1, x.ndim - 1):
        return ops.swapaxes(log_softmax(ops.swapaxes(x, dim, -1)), dim, -1)
    back = backend()
    y = back.log_softmax(x.data)
    return record_joint("log_softmax", y, (x,), lambda g: (back.log_softmax_backward(g, y),), saved=())


def _check_axis(name: str, x: Tensor, dim: int) -> None:
    if not -x.ndim <= dim < x.ndim or x.shape[dim] == 0:
        raise ShapeError(f"{name}: dim must name a non-empty axis of shape {x.shape}, got {dim}")


ACTIVATIONS: Final[dict[str, Callable[[Operand], Tensor]]] = {
    "identity": identity,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "silu": silu,
    "swish": swish,
    "gelu": gelu,
    "softplus": softplus,
    "softmax": softmax,
}


def activation(name: str) -> Callable[[Operand], Tensor]:
    """Return an activation by name."""
    if name not in ACTIVATIONS:
        raise ArgumentError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {name!r}")
    return ACTIVATIONS[name]
