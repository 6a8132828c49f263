"""What every layer asks of its input."""

from typing import Any, Final

import numpy as np

from nets.backends import backend
from nets.errors import ArgumentError, DtypeError, ShapeError
from nets.tensor import Operand, Tensor, as_tensor, wrap

FLOATS: Final = frozenset({np.dtype(np.float32), np.dtype(np.float64)})
"""What kernels are compiled for."""


def floats(name: str, x: Operand, like: Tensor | None = None) -> Tensor:
    """Return the input of a layer as a tensor of floats, in the dtype of the layer's weights.

    Data in the other float type is converted; a tensor that has a gradient is not, because that is a mistake.
    """
    x = as_tensor(x)
    if x.dtype not in FLOATS:
        if x.dtype.kind != "f":
            raise DtypeError(f"{name}: the input must hold floats, got {x.dtype}; convert it, as in x.float() / 255")
        if like is None:
            raise DtypeError(
                f"{name}: the input must hold float32 or float64, got {x.dtype}; convert it, as in x.float()"
            )
    if like is None or x.dtype == like.dtype:
        return x
    if like.dtype not in FLOATS:
        raise DtypeError(f"{name}: the weights must hold float32 or float64, got {like.dtype}")
    if x.requires_grad:
        raise DtypeError(f"{name}: the input is {x.dtype}, the weights are {like.dtype}; convert one with .to()")
    return wrap(x.data.astype(like.dtype))


def weights(*given: Operand | None) -> list[Any]:
    """Return weights, which may be arrays, as tensors; None stays."""
    return [tensor if tensor is None or isinstance(tensor, Tensor) else Tensor(tensor) for tensor in given]


def not_empty(name: str, x: Tensor, weight: Tensor | None = None) -> None:
    """Refuse a batch without examples."""
    if x.data.size == 0:
        beside = "" if weight is None else f"; the weight has shape {weight.shape}"
        raise ShapeError(f"{name}: the batch is empty: input shape {x.shape}, all axes must be at least 1{beside}")


def pair(name: str, argument: str, value: int | tuple[int, int], least: int) -> tuple[int, int]:
    """Return (height, width) of a setting that may be one number for both.

    >>> pair("conv2d", "stride", 2, least=1)
    (2, 2)
    """
    both = (value, value) if isinstance(value, int | np.integer) else tuple(value)
    if len(both) != 2 or any(not isinstance(n, int | np.integer) or n < least for n in both):
        raise ArgumentError(f"{name}: {argument} must be one or two ints >= {least}, got {value!r}")
    return int(both[0]), int(both[1])


def class_indices(name: str, labels: Tensor, n_rows: int, n_classes: int) -> None:
    """Refuse labels that are not ``n_rows`` ints in [0, ``n_classes``)."""
    if labels.dtype.kind not in "iu":
        raise DtypeError(f"{name}: class indices must be ints, got {labels.dtype}")
    if labels.shape != (n_rows,):
        raise ShapeError(f"{name}: {n_rows} rows of logits need labels of shape ({n_rows},), got {labels.shape}")
    low, high = backend().least_and_most(labels.data)
    if low < 0 or high >= n_classes:
        wrong = low if low < 0 else high
        raise ArgumentError(f"{name}: labels must be in [0, {n_classes}), the number of classes, got {wrong}")
