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
    # A copy of an array, which may change before the way back needs it; of a tensor, changes are noticed.
    indices = indices if isinstance(indices, Tensor) else wrap(Tensor(indices).data.copy())
    if indices.dtype.kind not in "iu":
        raise DtypeError(f"embedding: indices must be ints, got {indices.dtype}")
    not_empty("embedding", indices)
    n = weight.shape[0]
    low, high = int(indices.data.min()), int(indices.data.max())
    if low < 0 or high >= n:
        raise ArgumentError(f"embedding: indices must be in [0, {n}), got {low if low < 0 else high}")
    return weight[indices]


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
