"""Scaled dot-product attention.

    S = scale Q K^T,    P = softmax(S) along each row,    O = P V

Backwards, with the Jacobian of a row of the softmax diag(p) - p p^T (not its diagonal alone):

    dL/dV = P^T dL/dO,    dL/dP = dL/dO V^T,    dL/dS = P (dL/dP - sum_s P dL/dP)
    dL/dQ = scale dL/dS K,    dL/dK = scale dL/dS^T Q

References
----------
Vaswani et al. (2017), "Attention is all you need", arXiv:1706.03762, section 3.2.1.
"""

import math
from typing import Any

from nets.backends.reference.base import Array, BaseOps


class AttentionOps(BaseOps):
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
        """Return, for each query, the mean of the values weighted by how well their keys fit.

        Parameters
        ----------
        q : ndarray, shape (batch, heads, queries, features)
            Any strides, as those of k and v.
        k, v : ndarray, shape (batch, heads, keys, features)
        mask : ndarray of bool or of the dtype of q, broadcastable to (batch, heads, queries, keys), or None
            Where True, the query may attend to the key; numbers are added to the scores (-inf hides a key). The mask
            is a constant: it gets no gradient.
        causal : bool
            Query t sees the keys s <= t only.
        scale : float or None
            Factor of the scores, 1 / sqrt(features) where None.

        Returns
        -------
        out : ndarray, shape (batch, heads, queries, features)
            A query that may attend to nothing gets zeros.
        saved : object
            For `attention_backward`.
        """
        p = self._weights(q, k, mask, causal, scale_or_default(q, scale))
        return p @ v, p

    def attention_backward(
        self, grad: Array, q: Array, k: Array, v: Array, saved: Any, scale: float | None = None
    ) -> tuple[Array, Array, Array]:
        """Return dL/dq, dL/dk and dL/dv; ``scale`` is that of the forward call."""
        p = saved
        grad_p = grad @ v.swapaxes(-1, -2)
        grad_s = p * (grad_p - (grad_p * p).sum(-1, keepdims=True))
        grad_s *= scale_or_default(q, scale)
        return grad_s @ k, grad_s.swapaxes(-1, -2) @ q, p.swapaxes(-1, -2) @ grad

    def self_attention(
        self, qkv: Array, mask: Array | None = None, causal: bool = False, scale: float | None = None
    ) -> tuple[Array, Any]:
        """Attend within one sequence whose queries, keys and values lie side by side, as one projection makes them.

        Parameters
        ----------
        qkv : ndarray, shape (batch, length, 3, heads, features)
        mask, causal, scale
            As in `attention`.

        Returns
        -------
        out : ndarray, shape (batch, length, heads, features)
        saved : object
            For `self_attention_backward`.
        """
        out, saved = self.attention(*unpack(qkv), mask, causal, scale)
        return out.swapaxes(1, 2), saved

    def self_attention_backward(self, grad: Array, qkv: Array, saved: Any, scale: float | None = None) -> Array:
        """Return dL/d(qkv), for the gradient of `self_attention`'s output in its shape."""
        grads = self.attention_backward(grad.swapaxes(1, 2), *unpack(qkv), saved, scale)
        return self.xp.stack([part.swapaxes(1, 2) for part in grads], 2)

    def _weights(self, q: Array, k: Array, mask: Array | None, causal: bool, scale: float) -> Array:
        """Return P, (batch, heads, queries, keys); the rows of queries that see nothing are zero."""
        xp = self.xp
        scores = q @ k.swapaxes(-1, -2)
        scores *= scale
        if mask is not None:
            scores = xp.where(mask, scores, -math.inf) if mask.dtype == bool else scores + mask
        if causal:
            scores = xp.where(xp.tri(*scores.shape[-2:], dtype=bool), scores, -math.inf)
        largest = scores.max(-1, keepdims=True)
        # A row of -inf alone has no softmax: 0 instead of its maximum makes it exp(-inf) = 0, without a NaN.
        p = xp.exp(scores - xp.where(largest == -math.inf, 0, largest))
        total = p.sum(-1, keepdims=True)
        p /= xp.where(total == 0, 1, total)
        return p


def scale_or_default(q: Array, scale: float | None) -> float:
    """Return the factor of the scores, 1 / sqrt(features) where None: products of random vectors grow with it."""
    return 1 / math.sqrt(q.shape[-1]) if scale is None else scale


def unpack(qkv: Array) -> tuple[Array, Array, Array]:
    """Return views of the queries, keys and values, (batch, heads, length, features) each."""
    q, k, v = qkv.transpose(2, 0, 3, 1, 4)
    return q, k, v
