"""Layers without weights that shape, split and join what flows through a model.

With `Parallel`, `Split` and the joining layers a model may have several inputs and outputs:

>>> import nets
>>> two_heads = nets.Sequential(
...     nets.Linear(16, 32, activation="relu"),
...     nets.Parallel(nets.Linear(32, 4), nets.Linear(32, 1)),  # policy and value
... )
>>> policy, value = two_heads(nets.Tensor(np.zeros((8, 16), np.float32)))
>>> policy.shape, value.shape
((8, 4), (8, 1))
"""

from collections.abc import Callable, Sequence
from functools import reduce
from operator import add, mul
from typing import Any

import numpy as np

from nets import functional as F  # noqa: N812
from nets import ops
from nets.errors import ArgumentError, ShapeError
from nets.layers.module import Module, ModuleList, Sequential, as_tuple
from nets.tensor import Operand, Tensor, as_tensor


class Parallel(ModuleList):
    """Modules side by side: each takes the input of its position, or all take the one input; a tuple comes out."""

    def __init__(self, *modules: Module) -> None:
        super().__init__(modules)

    def forward(self, *inputs: Any) -> tuple[Any, ...]:
        """Call each module with its input."""
        if len(inputs) not in (1, len(self)):
            raise ShapeError(f"{len(self)} modules side by side take one input or {len(self)}, got {len(inputs)}")
        given = inputs * len(self) if len(inputs) == 1 else inputs
        return tuple(module(x) for module, x in zip(self, given, strict=True))


class Residual(Module):
    """y = x + F(x), so that gradients also reach x unchanged; K. He et al., arXiv:1512.03385.

    Parameters
    ----------
    *modules : Module
        F, one after the other.
    shortcut : Module, optional
        What is applied to x beside F, where F changes the shape.
    """

    def __init__(self, *modules: Module, shortcut: Module | None = None) -> None:
        self.body = modules[0] if len(modules) == 1 else Sequential(*modules)
        self.shortcut = shortcut

    def forward(self, x: Operand) -> Tensor:
        """Return x + F(x)."""
        x = as_tensor(x)
        y: Tensor = self.body(x)
        side: Tensor = x if self.shortcut is None else self.shortcut(x)
        if y.shape != side.shape:
            raise ShapeError(f"the body maps shape {x.shape} to {y.shape}, beside it is {side.shape}; give a shortcut")
        return side + y


class Add(Module):
    """The sum of the inputs."""

    def forward(self, *inputs: Tensor) -> Tensor:
        """Add element by element."""
        return reduce(add, _at_least_one(inputs))


class Multiply(Module):
    """The product of the inputs."""

    def forward(self, *inputs: Tensor) -> Tensor:
        """Multiply element by element."""
        return reduce(mul, _at_least_one(inputs))


class Concatenate(Module):
    """The inputs, joined along an axis."""

    def __init__(self, dim: int = 1) -> None:
        self.dim = dim

    def forward(self, *inputs: Tensor) -> Tensor:
        """Join the inputs."""
        return ops.cat(_at_least_one(inputs), self.dim)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"dim={self.dim}"


class Split(Module):
    """Consecutive parts of the input: of one size, or of the given sizes; all are positive."""

    def __init__(self, size: int | Sequence[int], dim: int = 1) -> None:
        sizes = size if isinstance(size, tuple | list) else [size]
        if not sizes or any(not isinstance(n, int | np.integer) or n < 1 for n in sizes):
            raise ArgumentError(f"size must be a positive int or several, got {size!r}")
        self.size, self.dim = size, dim

    def forward(self, x: Operand) -> tuple[Tensor, ...]:
        """Return the parts."""
        return ops.split(x, self.size, self.dim)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"{self.size}, dim={self.dim}"


class Flatten(Module):
    """All axes from ``start_dim`` on made one."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Operand) -> Tensor:
        """Map (batch, a, b, ...) to (batch, a b ...)."""
        return ops.flatten(x, self.start_dim, self.end_dim)


class Reshape(Module):
    """The axes after the first in another shape."""

    def __init__(self, *shape: int) -> None:
        self.shape = shape

    def forward(self, x: Operand) -> Tensor:
        """Map (batch, ...) to (batch, *shape)."""
        x = as_tensor(x)
        if x.ndim == 0:
            raise ShapeError(f"the input must have shape (batch, ...), got {x.shape}")
        return x.reshape(x.shape[0], *self.shape)

    def extra_repr(self) -> str:
        """Return the settings."""
        return ", ".join(map(str, self.shape))


class Lambda(Module):
    """Any function of tensors as a module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def forward(self, *inputs: Any) -> Any:
        """Call the function."""
        return self.function(*inputs)

    def extra_repr(self) -> str:
        """Return the settings."""
        return getattr(self.function, "__name__", repr(self.function))


class Dropout(Module):
    """Each element 0 with probability p while training; see `nets.functional.dropout`."""

    def __init__(self, p: float = 0.5, generator: np.random.Generator | None = None) -> None:
        if not 0 <= p < 1:
            raise ArgumentError(f"p must be in [0, 1), got {p}")
        self.p, self.generator = p, generator

    def forward(self, x: Operand) -> Tensor:
        """Drop elements, or return x outside of training."""
        return F.dropout(x, self.p, self.training, self.generator)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"p={self.p}"


def _at_least_one(inputs: tuple[Tensor, ...]) -> list[Tensor]:
    parts = [as_tensor(x) for x in (as_tuple(inputs[0]) if len(inputs) == 1 else inputs)]
    if not parts:
        raise ShapeError("at least one input is needed, got none")
    return parts
