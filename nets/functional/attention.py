"""Attention; equations: `nets.backends.reference.attention`."""

from typing import Any

import numpy as np

from nets.backends import backend
from nets.backends.reference.base import Array
from nets.errors import DtypeError, GraphError, ShapeError
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
    mask = _mask(name, attn_mask, (*query.shape[:3], key.shape[2]), query.dtype)
    back = backend()
    out, saved = back.attention(query.data, key.data, value.data, mask, is_causal, scale)

    def backward(grad: Array) -> tuple[Array, Array, Array]:
        return back.attention_backward(grad, query.data, key.data, value.data, saved, scale)

    return record_joint(name, out, (query, key, value), backward)


def self_attention(
    qkv: Operand,
    num_heads: int,
    attn_mask: Operand | None = None,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """Return the attention of a sequence to itself, heads side by side: one operation with one gradient.

    Parameters
    ----------
    qkv : Tensor of floats, shape (batch, length, 3 features)
        Queries, keys and values side by side, each with its heads side by side.
    num_heads : int
        Divides the features.
    attn_mask, is_causal, scale
        As in `scaled_dot_product_attention`.

    Returns
    -------
    Tensor, shape (batch, length, features)
    """
    name = "self_attention"
    qkv = floats(name, qkv)
    if qkv.ndim != 3 or num_heads < 1 or qkv.shape[2] % (3 * num_heads):
        raise ShapeError(
            f"{name}: qkv of {num_heads} heads must have shape (batch, length, 3 features), got {qkv.shape}"
        )
    not_empty(name, qkv)
    batch, length, features = qkv.shape
    mask = _mask(name, attn_mask, (batch, num_heads, length, length), qkv.dtype)
    back = backend()
    packed = qkv.data.reshape(batch, length, 3, num_heads, -1)
    out, saved = back.self_attention(packed, mask, is_causal, scale)

    def backward(grad: Array) -> tuple[Array]:
        return (back.self_attention_backward(grad.reshape(out.shape), packed, saved, scale).reshape(qkv.shape),)

    return record_joint(name, out.reshape(batch, length, features // 3), (qkv,), backward)


def _mask(name: str, attn_mask: Operand | None, scores: tuple[int, ...], dtype: np.dtype[Any]) -> Array | None:
    """Return a mask as the back end takes it."""
    if attn_mask is None:
        return None
    given = as_tensor(attn_mask)
    if given.requires_grad:
        raise GraphError(f"{name}: attn_mask gets no gradient; detach() it")
    mask = given.data
    try:
        fits = np.broadcast_shapes(mask.shape, scores) == scores
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(f"{name}: a mask of shape {mask.shape} does not stretch to the scores' {scores}")
    if mask.dtype == bool:
        return mask
    if mask.dtype.kind != "f":
        raise DtypeError(f"{name}: the mask must hold bools or floats, got {mask.dtype}")
    return mask.astype(dtype, copy=False)
