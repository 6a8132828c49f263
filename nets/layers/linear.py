"""Fully connected layers and embeddings."""

import math
from typing import Any

import numpy as np

from nets import functional as F  # noqa: N812  # as everywhere in the field
from nets import random
from nets.errors import ArgumentError, ShapeError
from nets.init import Initializer, lecun_uniform, named
from nets.layers.module import Module, Parameter
from nets.tensor import Operand, Tensor, as_tensor

Features = int | tuple[int, ...]


class Linear(Module):
    """y = f(x W^T + b), from any shape to any shape.

    Parameters
    ----------
    in_features, out_features : int or tuple of int
        Length of the last axis, or shape of the last axes, of input and output. All axes before are the batch.
    bias : bool
        Whether to add b.
    activation : str
        Name of f; faster than a layer of its own.
    init : str or callable
        How W starts, see `nets.init`; b starts as U(-1/sqrt(n), 1/sqrt(n)), n the number of inputs, or at 0 where
        ``init`` is given.
    generator : numpy.random.Generator, optional
        Where the initial weights come from.

    Attributes
    ----------
    weight : Parameter, shape (outputs, inputs)
    bias : Parameter, shape (outputs,), or None

    Examples
    --------
    >>> import nets
    >>> nets.Linear((32, 32), (15, 15))(np.zeros((8, 32, 32), np.float32)).shape
    (8, 15, 15)
    """

    def __init__(
        self,
        in_features: Features,
        out_features: Features,
        bias: bool = True,
        activation: str = "identity",
        init: str | Initializer | None = None,
        generator: np.random.Generator | None = None,
    ) -> None:
        self.in_features, self.out_features, self.activation = in_features, out_features, activation
        self._inputs, self._outputs = _axes("in_features", in_features), _axes("out_features", out_features)
        F.activation(activation)
        n_in, n_out = math.prod(self._inputs), math.prod(self._outputs)
        rng = random.generator(generator)
        self.weight = Parameter(_laid_out(named(init or lecun_uniform)((n_out, n_in), rng)))
        self.bias: Parameter | None = None
        if bias:
            bound = 1 / math.sqrt(n_in)
            self.bias = Parameter(np.zeros(n_out) if init else rng.uniform(-bound, bound, n_out))

    def forward(self, x: Operand) -> Tensor:
        """Map (..., *in_features) to (..., *out_features)."""
        n = len(self._inputs)
        if n == len(self._outputs) == 1:
            return F.linear(x, self.weight, self.bias, self.activation)
        x = as_tensor(x)
        if x.shape[max(x.ndim - n, 0) :] != self._inputs:
            raise ShapeError(f"an input of shape {x.shape} does not fit: it must end in {self._inputs}")
        batch = x.shape[: x.ndim - n]
        if n > 1:
            x = x.reshape(*batch, math.prod(self._inputs))
        y = F.linear(x, self.weight, self.bias, self.activation)
        return y.reshape(*batch, *self._outputs) if len(self._outputs) > 1 else y

    def extra_repr(self) -> str:
        """Return the settings."""
        shown = f"{self.in_features}, {self.out_features}"
        shown += ", bias=False" if self.bias is None else ""
        return shown + (f", activation={self.activation!r}" if self.activation != "identity" else "")


def _laid_out(weight: Any) -> Any:
    """Return a large weight with the numbers of one input side by side in memory.

    BLAS multiplies x W^T 10 to 15 % faster so, and the way back to x slower by as much; the first layer, mostly the
    largest, has no way back.
    """
    return np.asfortranarray(weight) if weight.size >= 1 << 16 else weight


Dense = Linear
"""Another name of `Linear`."""


class Embedding(Module):
    """A table of vectors, looked up by integer.

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        Number and length of the vectors, which start as N(0, 1).
    generator : numpy.random.Generator, optional
        Where the initial vectors come from.
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, generator: np.random.Generator | None = None) -> None:
        if num_embeddings < 1 or embedding_dim < 1:
            raise ArgumentError(f"an embedding needs a vector and a number, got {num_embeddings} of {embedding_dim}")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.weight = Parameter(random.generator(generator).standard_normal((num_embeddings, embedding_dim)))

    def forward(self, indices: Operand) -> Tensor:
        """Map ints of any shape to (*shape, embedding_dim)."""
        return F.embedding(indices, self.weight)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"{self.num_embeddings}, {self.embedding_dim}"


class EmbeddingBag(Module):
    """y = f(sum_k W[index_ik] + b): a fully connected layer on vectors of few ones, given as their places.

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        Number of rows and of outputs.
    bias : bool
        Whether to add b.
    activation : str
        Name of f.
    size : int
        Rows in a bag: W starts as He's normal weights for so many inputs, N(0, 2 / size), b at 0.
    generator : numpy.random.Generator, optional
        Where the initial weights come from.

    Attributes
    ----------
    weight : Parameter, shape (num_embeddings, embedding_dim)
    bias : Parameter, shape (embedding_dim,), or None

    Examples
    --------
    >>> import nets
    >>> nets.EmbeddingBag(10, 3, size=2)(np.array([[0, 9], [4, 4]])).shape
    (2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        bias: bool = True,
        activation: str = "identity",
        size: int = 1,
        generator: np.random.Generator | None = None,
    ) -> None:
        if num_embeddings < 1 or embedding_dim < 1:
            raise ArgumentError(f"an embedding needs a vector and a number, got {num_embeddings} of {embedding_dim}")
        if size < 1:
            raise ArgumentError(f"size must be at least 1, got {size}")
        F.activation(activation)
        self.num_embeddings, self.embedding_dim, self.activation = num_embeddings, embedding_dim, activation
        weight = random.generator(generator).standard_normal((num_embeddings, embedding_dim)) * math.sqrt(2 / size)
        self.weight = Parameter(weight)
        self.bias = Parameter(np.zeros(embedding_dim)) if bias else None

    def forward(self, indices: Operand) -> Tensor:
        """Map ints (bags, size) to (bags, embedding_dim)."""
        return F.embedding_bag(indices, self.weight, self.bias, self.activation)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"{self.num_embeddings}, {self.embedding_dim}"


def _axes(name: str, features: Any) -> tuple[int, ...]:
    axes = tuple(features) if isinstance(features, tuple | list) else (features,)
    if not axes or any(not isinstance(n, int | np.integer) or n < 1 for n in axes):
        raise ArgumentError(f"{name} must be a positive int or a tuple of them, got {features!r}")
    return axes
