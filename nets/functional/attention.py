"""Attention; equations: `nets.backends.reference.attention`."""

import numpy as np

from nets.backends import backend
from nets.backends.reference.base import Array
from nets.errors import DtypeError, ShapeError
from nets.functional._checks import floats, not_empty
from nets.tensor import Operand, Tensor, as_tensor, record_joint


def scaled_dot_product_attention(
    query: Operand,
    key: Operand,
    value: Operand,
    attn_mask: Operand | None = None,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """Return softmax(scale Q K^T) V for each example and head.

    Parameters
    ----------
    query : Tensor of floats, shape (batch, heads, queries, features)
    key, value : Tensor of floats, shapes (batch, heads, keys, features) and (batch, heads, keys, value features)
    attn_mask : Tensor or array of bool or floats, broadcastable to (batch, heads, queries, keys), optional
        True where a query may attend to a key; floats are added to the scores. It gets no gradient.
    is_causal : bool
        Whether query t sees the keys up to t only.
    scale : float, optional
        1 / sqrt(features) where not given.

    Returns
    -------
    Tensor, shape (batch, heads, queries, value features)
        Zeros for a query that may attend to nothing.
    """
    name = "scaled_dot_product_attention"
    query = floats(name, query)
    key, value = floats(name, key, query), floats(name, value, query)
    shapes = f"query {query.shape}, key {key.shape}, value {value.shape}"
    if not query.ndim == key.ndim == value.ndim == 4:
        raise ShapeError(f"{name}: all must have shape (batch, heads, length, features), got {shapes}")
    if not (query.shape[:2] == key.shape[:2] == value.shape[:2] and key.shape[2] == value.shape[2]):
        raise ShapeError(f"{name}: batch, heads and length of keys must agree, got {shapes}")
    if query.shape[3] != key.shape[3]:
        raise ShapeError(f"{name}: queries and keys must have as many features, got {shapes}")
    not_empty(name, query)
    not_empty(name, key)
    mask = None
    if attn_mask is not None:
        mask = as_tensor(attn_mask).data
        scores = (*query.shape[:3], key.shape[2])
        try:
            fits = np.broadcast_shapes(mask.shape, scores) == scores
        except ValueError:
            fits = False
        if not fits:
            raise ShapeError(f"{name}: a mask of shape {mask.shape} does not stretch to the scores' {scores}")
        if mask.dtype != bool and mask.dtype.kind != "f":
            raise DtypeError(f"{name}: the mask must hold bools or floats, got {mask.dtype}")
        if mask.dtype != bool:
            mask = mask.astype(query.dtype, copy=False)
    back = backend()
    out, saved = back.attention(query.data, key.data, value.data, mask, is_causal, scale)

    def backward(grad: Array) -> tuple[Array, Array, Array]:
        return back.attention_backward(grad, query.data, key.data, value.data, saved, scale)

    return record_joint(name, out, (query, key, value), backward)
