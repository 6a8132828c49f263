"""Activations as layers; the functions are in `nets.functional`."""

from nets import functional as F  # noqa: N812
from nets.backends.reference.pointwise import LEAK
from nets.layers.module import Module
from nets.tensor import Operand, Tensor


class Identity(Module):
    """y = x."""

    def forward(self, x: Operand) -> Tensor:
        """Return x."""
        return F.identity(x)


class Sigmoid(Module):
    """y = 1 / (1 + exp(-x))."""

    def forward(self, x: Operand) -> Tensor:
        """Apply it element by element."""
        return F.sigmoid(x)


class Tanh(Module):
    """y = tanh x."""

    def forward(self, x: Operand) -> Tensor:
        """Apply it element by element."""
        return F.tanh(x)


class ReLU(Module):
    """y = max(x, 0)."""

    def forward(self, x: Operand) -> Tensor:
        """Apply it element by element."""
        return F.relu(x)


class LeakyReLU(Module):
    """y = x where it is positive, else ``negative_slope`` x."""

    def __init__(self, negative_slope: float = LEAK) -> None:
        self.negative_slope = negative_slope

    def forward(self, x: Operand) -> Tensor:
        """Apply it element by element."""
        return F.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"negative_slope={self.negative_slope}"


class SiLU(Module):
    """y = x sigmoid(x), also called swish."""

    def forward(self, x: Operand) -> Tensor:
        """Apply it element by element."""
        return F.silu(x)


Swish = SiLU


class GELU(Module):
    """y = x P(x), P the normal distribution function, or its approximation by a hyperbolic tangent."""

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = approximate

    def forward(self, x: Operand) -> Tensor:
        """Apply it element by element."""
        return F.gelu(x, self.approximate)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"approximate={self.approximate!r}"


class Softplus(Module):
    """y = log(1 + exp(x))."""

    def forward(self, x: Operand) -> Tensor:
        """Apply it element by element."""
        return F.softplus(x)


class Softmax(Module):
    """p_i = exp(x_i) / sum_j exp(x_j) along an axis."""

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def forward(self, x: Operand) -> Tensor:
        """Apply it along the axis."""
        return F.softmax(x, self.dim)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"dim={self.dim}"
