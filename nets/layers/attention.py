"""Multi-head attention and the Transformer block, with PyTorch's parameter names."""

import math

import numpy as np

from nets import functional as F  # noqa: N812
from nets import ops, random
from nets.errors import ArgumentError, ShapeError
from nets.functional._checks import floats
from nets.init import glorot_uniform
from nets.layers.linear import Linear
from nets.layers.module import Module, Parameter
from nets.layers.normalization import LayerNorm
from nets.tensor import Operand, Tensor, as_tensor


class MultiheadAttention(Module):
    """Attention with several heads; A. Vaswani et al., arXiv:1706.03762, section 3.2.2.

    Masks are True where a key must **not** be attended to, as in PyTorch's class of this name.

    Parameters
    ----------
    embed_dim : int
        Length of the vectors; a multiple of ``num_heads``.
    num_heads : int
        Number of heads.
    bias : bool
        Whether the four linear maps have biases.
    generator : numpy.random.Generator, optional
        Where the initial weights come from.

    Attributes
    ----------
    in_proj_weight : Parameter, shape (3 embed_dim, embed_dim)
        W_q, W_k and W_v below one another.
    in_proj_bias : Parameter, shape (3 embed_dim,), or None
    out_proj : Linear
    """

    def __init__(
        self, embed_dim: int, num_heads: int, bias: bool = True, generator: np.random.Generator | None = None
    ) -> None:
        if embed_dim < 1 or num_heads < 1 or embed_dim % num_heads:
            raise ArgumentError(f"num_heads must divide embed_dim, got {num_heads} and {embed_dim}")
        self.embed_dim, self.num_heads = embed_dim, num_heads
        rng = random.generator(generator)
        self.in_proj_weight = Parameter(glorot_uniform((3 * embed_dim, embed_dim), rng))
        self.in_proj_bias = Parameter(np.zeros(3 * embed_dim)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, generator=rng)
        if self.out_proj.bias is not None:
            self.out_proj.bias.data = np.zeros(embed_dim, np.float32)

    def forward(
        self,
        query: Operand,
        key: Operand | None = None,
        value: Operand | None = None,
        key_padding_mask: Operand | None = None,
        attn_mask: Operand | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """Attend.

        Parameters
        ----------
        query : Tensor of floats, shape (batch, queries, embed_dim)
        key, value : Tensor of floats, shape (batch, keys, embed_dim), optional
            The query where not given (self-attention); the value is the key where not given.
        key_padding_mask : array of bool, shape (batch, keys), optional
            True for keys to ignore.
        attn_mask : array, shape (queries, keys) or broadcastable to (batch, heads, queries, keys), optional
            True for pairs to ignore, or floats to add to the scores.
        is_causal : bool
            Whether query t sees the keys up to t only.

        Returns
        -------
        Tensor, shape (batch, queries, embed_dim)
        """
        query = self._vectors("query", query)
        if key is None:
            mask = self._allowed(key_padding_mask, attn_mask, query, query)
            qkv = F.linear(query, self.in_proj_weight, self.in_proj_bias)
            return self.out_proj(F.self_attention(qkv, self.num_heads, mask, is_causal))  # type: ignore[no-any-return]
        key = self._vectors("key", key)
        value = key if value is None else self._vectors("value", value)
        if not query.shape[0] == key.shape[0] or value.shape != key.shape:
            raise ShapeError(
                "query, key and value must have one batch, key and value one length, "
                f"got {query.shape}, {key.shape} and {value.shape}"
            )
        q, k, v = self._project(query, key, value)
        mask = self._allowed(key_padding_mask, attn_mask, query, key)
        heads = F.scaled_dot_product_attention(q, k, v, mask, is_causal)
        return self.out_proj(heads.swapaxes(1, 2).reshape(query.shape))  # type: ignore[no-any-return]

    def _allowed(
        self, key_padding_mask: Operand | None, attn_mask: Operand | None, query: Tensor, key: Tensor
    ) -> Tensor | None:
        """Turn masks of what to ignore into one of what is allowed, or of numbers to add."""
        padding = None if key_padding_mask is None else as_tensor(key_padding_mask).data.astype(bool)
        if padding is not None:
            if padding.shape != key.shape[:2]:
                raise ShapeError(
                    f"key_padding_mask must have shape {key.shape[:2]}, got {padding.shape}; keys {key.shape}"
                )
            padding = padding[:, None, None, :]
        if attn_mask is None:
            return None if padding is None else Tensor(~padding)
        mask = as_tensor(attn_mask)
        scores = (query.shape[0], self.num_heads, query.shape[1], key.shape[1])
        if mask.ndim > 4 or any(m not in (1, n) for m, n in zip(mask.shape[::-1], scores[::-1], strict=False)):
            raise ShapeError(f"attn_mask must stretch to {scores}, (batch, heads, queries, keys), got {mask.shape}")
        if mask.dtype.kind == "f":
            return mask if padding is None else ops.where(padding, -math.inf, mask)
        ignored = mask.data.astype(bool)
        return Tensor(~ignored if padding is None else ~(ignored | padding))

    def _vectors(self, name: str, x: Operand) -> Tensor:
        x = floats(name, x, self.in_proj_weight)
        if x.ndim != 3 or x.shape[2] != self.embed_dim:
            raise ShapeError(
                f"{name} must have shape (batch, length, {self.embed_dim}), got {x.shape}; "
                f"in_proj_weight has shape {self.in_proj_weight.shape}"
            )
        return x

    def _project(self, *inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return q, k, v, each (batch, heads, length, features)."""
        weights = self.in_proj_weight.chunk(3)
        biases = (None, None, None) if self.in_proj_bias is None else self.in_proj_bias.chunk(3)
        q, k, v = (
            F.linear(x, w, b).reshape(*x.shape[:2], self.num_heads, -1).swapaxes(1, 2)
            for x, w, b in zip(inputs, weights, biases, strict=True)
        )
        return q, k, v

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"{self.embed_dim}, {self.num_heads}"


class TransformerBlock(Module):
    """Self-attention, then a fully connected network at each position, both with a residual path.

    Parameter names are those of PyTorch's ``TransformerEncoderLayer``.

    Parameters
    ----------
    d_model, nhead : int
        Length of the vectors, number of heads.
    dim_feedforward : int
        Hidden neurons of the network; 4 ``d_model`` where not given.
    dropout : float
        Probability of dropping, after attention, within and after the network.
    activation : str
        Of the network.
    norm_first : bool
        Normalise before each part (R. Xiong et al., arXiv:2002.04745), which trains without warm-up, or after it, as
        A. Vaswani et al. (arXiv:1706.03762, section 3.1) did.
    generator : numpy.random.Generator, optional
        Where initial weights and dropout come from.
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int | None = None,
        dropout: float = 0.0,
        activation: str = "gelu",
        norm_first: bool = True,
        generator: np.random.Generator | None = None,
    ) -> None:
        hidden = 4 * d_model if dim_feedforward is None else dim_feedforward
        self.self_attn = MultiheadAttention(d_model, nhead, generator=generator)
        self.linear1 = Linear(d_model, hidden, activation=activation, generator=generator)
        self.linear2 = Linear(hidden, d_model, generator=generator)
        self.norm1, self.norm2 = LayerNorm(d_model), LayerNorm(d_model)
        if not 0 <= dropout < 1:
            raise ArgumentError(f"dropout must be in [0, 1), got {dropout}")
        self.dropout, self.norm_first, self.generator = dropout, norm_first, generator

    def forward(
        self,
        x: Operand,
        attn_mask: Operand | None = None,
        key_padding_mask: Operand | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """Map (batch, length, d_model) to the same shape; masks as in `MultiheadAttention`."""
        x = floats("TransformerBlock", x, self.linear1.weight)
        masks = (key_padding_mask, attn_mask, is_causal)
        if self.norm_first:
            y = x + self._attend(self.norm1(x), *masks)
            return y + self._think(self.norm2(y))
        y = self.norm1(x + self._attend(x, *masks))
        return self.norm2(y + self._think(y))  # type: ignore[no-any-return]

    def _attend(self, x: Tensor, padding: Operand | None, mask: Operand | None, causal: bool) -> Tensor:
        return self._drop(self.self_attn(x, None, None, padding, mask, causal))

    def _think(self, x: Tensor) -> Tensor:
        return self._drop(self.linear2(self._drop(self.linear1(x))))

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training, self.generator) if self.dropout else x

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"dropout={self.dropout}, norm_first={self.norm_first}"
