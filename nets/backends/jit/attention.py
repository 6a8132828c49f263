"""Attention as batched matrix products around one kernel for the softmax.

Results are written where the caller wants them: the output in (batch, length, heads, features) memory, from which
the heads are put side by side without a copy, and the gradients of packed queries, keys and values in one array.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from nets.backends.jit.softmax import softmax_rows, softmax_rows_backward
from nets.backends.reference.attention import AttentionOps, scale_or_default, unpack

Array = npt.NDArray[Any]


class JitAttentionOps(AttentionOps):
    """Attention of queries to keys, for each image or sentence and each head."""

    def attention(
        self,
        q: Array,
        k: Array,
        v: Array,
        mask: Array | None = None,
        causal: bool = False,
        scale: float | None = None,
    ) -> tuple[Array, Any]:
        """Return the weighted values, as the reference; a transposed view of (batch, queries, heads, features)."""
        batch, heads, queries, _ = q.shape
        out = self.empty((batch, queries, heads, v.shape[3]), q.dtype).swapaxes(1, 2)
        return out, self._attend(q, k, v, mask, causal, scale, out)

    def attention_backward(
        self, grad: Array, q: Array, k: Array, v: Array, saved: Any, scale: float | None = None
    ) -> tuple[Array, Array, Array]:
        """Return dL/dq, dL/dk and dL/dv, as the reference; transposed views like the output."""
        grads = [
            self.empty((a.shape[0], a.shape[2], a.shape[1], a.shape[3]), q.dtype).swapaxes(1, 2) for a in (q, k, v)
        ]
        self._attend_backward(grad, q, k, v, saved, scale, *grads)
        return grads[0], grads[1], grads[2]

    def self_attention(
        self, qkv: Array, mask: Array | None = None, causal: bool = False, scale: float | None = None
    ) -> tuple[Array, Any]:
        """Attend within one sequence, as the reference."""
        out, saved = self.attention(*unpack(qkv), mask, causal, scale)
        return out.swapaxes(1, 2), saved

    def self_attention_backward(self, grad: Array, qkv: Array, saved: Any, scale: float | None = None) -> Array:
        """Return dL/d(qkv), as the reference."""
        grad_qkv: Array = self.empty(qkv.shape, qkv.dtype)
        self._attend_backward(grad.swapaxes(1, 2), *unpack(qkv), saved, scale, *unpack(grad_qkv))
        return grad_qkv

    def _attend(
        self,
        q: Array,
        k: Array,
        v: Array,
        mask: Array | None,
        causal: bool,
        scale: float | None,
        out: Array,
    ) -> Array:
        """Write the output to ``out``; return the weights."""
        p: Array = self.empty((*q.shape[:3], k.shape[2]), q.dtype)
        np.matmul(q, self._transposed(k), out=p)
        softmax_rows(p, q.dtype.type(scale_or_default(q, scale)), causal, _additive(mask, p))
        np.matmul(p, v, out=out)
        return p

    def _attend_backward(
        self,
        grad: Array,
        q: Array,
        k: Array,
        v: Array,
        p: Array,
        scale: float | None,
        grad_q: Array,
        grad_k: Array,
        grad_v: Array,
    ) -> None:
        """Write the gradients to the last three arguments."""
        np.matmul(p.swapaxes(2, 3), grad, out=grad_v)
        grad_scores: Array = self.empty(p.shape, p.dtype)
        np.matmul(grad, self._transposed(v), out=grad_scores)
        rows = (-1, p.shape[3])
        factor = q.dtype.type(scale_or_default(q, scale))
        softmax_rows_backward(grad_scores.reshape(rows), p.reshape(rows), factor)
        np.matmul(grad_scores, k, out=grad_q)
        np.matmul(grad_scores.swapaxes(2, 3), q, out=grad_k)

    def _transposed(self, x: Array) -> Array:
        """Return a copy, (batch, heads, features, length): BLAS takes a third longer for a transposed view of it."""
        copy: Array = self.empty((*x.shape[:2], x.shape[3], x.shape[2]), x.dtype)
        copy[...] = x.swapaxes(2, 3)
        return copy


def _additive(mask: Array | None, scores: Array) -> Array:
    """Return what is added to the scores: 4 axes, the last as long as theirs; of no batch where there is no mask."""
    if mask is None:
        return np.empty((0, 1, 1, 1), scores.dtype)
    if mask.dtype == bool:
        mask = np.where(mask, 0, -math.inf)
    mask = mask.reshape((1,) * (4 - mask.ndim) + mask.shape)
    return np.ascontiguousarray(np.broadcast_to(mask, (*mask.shape[:3], scores.shape[3])), scores.dtype)
