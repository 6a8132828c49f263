"""Fully connected layers, embeddings, dropout."""

import numpy as np

from nets import random
from nets.backends import backend
from nets.backends.reference.base import Array
from nets.backends.reference.pointwise import FROM_OUTPUT
from nets.errors import ArgumentError, DtypeError, ShapeError
from nets.functional._checks import floats, not_empty, weights
from nets.functional.activations import activation as named_activation
from nets.tensor import Operand, Tensor, as_tensor, record, record_joint, wrap


def linear(x: Operand, weight: Tensor, bias: Tensor | None = None, activation: str = "identity") -> Tensor:
    """Return f(x W^T + b); equations of the way back: `nets.backends.reference.linear`.

    Parameters
    ----------
    x : Tensor of floats, shape (..., inputs)
    weight : Tensor, shape (outputs, inputs)
    bias : Tensor, shape (outputs,), optional
    activation : str
        Name of f; the cheap ones are computed together with the bias.

    Returns
    -------
    Tensor, shape (..., outputs)

    Raises
    ------
    ShapeError
        If the shapes do not fit, or there is no example.
    DtypeError
        If the input does not hold floats.
    """
    if not isinstance(weight, Tensor):
        weight, bias = weights(weight, bias)
    elif bias is not None and not isinstance(bias, Tensor):
        bias = Tensor(bias)
    x = floats("linear", x, weight)
    if x.ndim == 0 or x.data.shape[-1] != weight.data.shape[-1]:
        raise ShapeError(f"linear: an input of shape {x.shape} does not fit a weight of shape {weight.shape}")
    if bias is not None and bias._data.shape != weight._data.shape[:1]:
        raise ShapeError(f"linear: a bias of shape {bias.shape} does not fit a weight of shape {weight.shape}")
    not_empty("linear", x, weight)
    if activation not in FROM_OUTPUT:
        return named_activation(activation)(linear(x, weight, bias))
    back = backend()
    shape = x.data.shape
    rows, w = x.data if len(shape) == 2 else x.data.reshape(-1, shape[-1]), weight.data
    y = back.linear(rows, w, None if bias is None else bias.data, activation)
    inputs = (x, weight) if bias is None else (x, weight, bias)

    def backward(grad: Array) -> list[Array | None]:
        needs = (x.requires_grad, weight.requires_grad, bias is not None and bias.requires_grad)
        if len(shape) != 2:
            grad = grad.reshape(y.shape)
        # Where one leaf is both, its slot must not hold the one gradient before the other is added.
        memory = None if x is weight else weight.gradient_memory()
        gx, gw, gb = back.linear_backward(grad, rows, w, y, activation, needs, memory)
        if gx is not None and len(shape) != 2:
            gx = gx.reshape(shape)
        return [gx, gw, gb][: len(inputs)]

    return record_joint("linear", y if len(shape) == 2 else y.reshape(*shape[:-1], len(w)), inputs, backward)


def embedding(indices: Operand, weight: Tensor) -> Tensor:
    """Return the rows of ``weight``, shape (n, features), at integer ``indices`` of any shape.

    A row that is taken k times gets the sum of k gradients.
    """
    (weight,) = weights(weight)
    return weight[_rows_of("embedding", indices, weight)]


def embedding_bag(indices: Operand, weight: Tensor, bias: Tensor | None = None, activation: str = "identity") -> Tensor:
    """Return f(sum_k W[index_ik] + b), the sum of some rows of a table for each bag.

    The same as `linear` of vectors that count how often each row is in the bag, mostly zeros, which are not made.
    PyTorch's function of this name, with ``mode="sum"``.

    Parameters
    ----------
    indices : array or Tensor of ints, shape (bags, size)
        Rows, in [0, rows); the same row may be in a bag several times.
    weight : Tensor, shape (rows, width)
    bias : Tensor, shape (width,), optional
    activation : str
        Name of f.

    Returns
    -------
    Tensor, shape (bags, width)

    Raises
    ------
    ShapeError
        If the shapes do not fit, or there is no bag.
    DtypeError
        If the indices are no ints.
    ArgumentError
        If an index is out of range.
    """
    weight, bias = weights(weight, bias)
    indices = _rows_of("embedding_bag", indices, weight)
    if indices.ndim != 2 or weight.ndim != 2:
        raise ShapeError(f"embedding_bag: indices and weight must have two axes, got {indices.shape}, {weight.shape}")
    if bias is not None and bias.shape != weight.shape[1:]:
        raise ShapeError(f"embedding_bag: a bias of shape {bias.shape} does not fit a weight of shape {weight.shape}")
    if activation not in FROM_OUTPUT:
        return named_activation(activation)(embedding_bag(indices, weight, bias))
    back = backend()
    bags, w = indices.data, weight.data
    y = back.embedding_bag(bags, w, None if bias is None else bias.data, activation)
    inputs = (weight,) if bias is None else (weight, bias)

    def backward(grad: Array) -> tuple[Array, ...]:
        gradients: tuple[Array, ...] = back.embedding_bag_backward(
            grad, bags, w, y, activation, weight.gradient_memory()
        )
        return gradients[: len(inputs)]

    return record_joint("embedding_bag", y, inputs, backward, saved=(indices, *inputs))


def _rows_of(name: str, indices: Operand, weight: Tensor) -> Tensor:
    """Return indices of rows of a table as a tensor, or refuse them."""
    # A copy of an array, which may change before the way back needs it; of a tensor, changes are noticed.
    indices = indices if isinstance(indices, Tensor) else wrap(Tensor(indices).data.copy())
    if indices.dtype.kind not in "iu":
        raise DtypeError(f"{name}: indices must be ints, got {indices.dtype}")
    not_empty(name, indices)
    n = weight.shape[0]
    low, high = int(indices.data.min()), int(indices.data.max())
    if low < 0 or high >= n:
        raise ArgumentError(f"{name}: indices must be in [0, {n}), got {low if low < 0 else high}")
    return indices


def one_hot(indices: Operand, num_classes: int) -> Tensor:
    """Return float32 vectors of length ``num_classes``, 1 at the index and 0 elsewhere.

    >>> one_hot([2, 0], 3)
    Tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    indices = as_tensor(indices)
    if indices.dtype.kind not in "iu":
        raise DtypeError(f"one_hot: indices must be ints, got {indices.dtype}")
    if indices.data.size and not (int(indices.data.min()) >= 0 and int(indices.data.max()) < num_classes):
        raise ArgumentError(f"one_hot: indices must be in [0, {num_classes}), got {indices.data.max()}")
    return wrap(backend().xp.eye(num_classes, dtype=np.float32)[indices.data])


def dropout(x: Operand, p: float = 0.5, training: bool = True, generator: np.random.Generator | None = None) -> Tensor:
    """Set each element to 0 with probability p and divide the others by 1 - p, so that the mean stays.

    Outside of training, return x. N. Srivastava et al., *Journal of Machine Learning Research* 15, 2014.
    """
    x = floats("dropout", x)
    if not 0 <= p < 1:
        raise ArgumentError(f"dropout: p must be in [0, 1), got {p}")
    if not training or p == 0:
        return x
    kept = random.generator(generator).random(x.shape, np.float32) >= p
    scale = backend().asarray(kept.astype(x.dtype) / np.asarray(1 - p, x.dtype))
    return record("dropout", x.data * scale, (x,), (lambda g: g * scale,))
