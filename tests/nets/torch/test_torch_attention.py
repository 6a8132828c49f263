"""Attention agrees with PyTorch, masks included."""

from typing import Any

import numpy as np
import pytest

from nets.backends import load

torch = pytest.importorskip("torch")

BATCH, HEADS, QUERIES, KEYS, FEATURES = 2, 3, 9, 7, 5
TOLERANCE = {np.float32: 1e-5, np.float64: 1e-10}


@pytest.fixture(params=["numpy", "numba"])
def ops(request: pytest.FixtureRequest) -> Any:
    return load(request.param)


@pytest.fixture(params=[np.float32, np.float64])
def tolerance(request: pytest.FixtureRequest) -> Any:
    return request.param, TOLERANCE[request.param]


def heads(length: int, dtype: type, seed: int) -> Any:
    """Return values as the layers have them: a transposed view of (batch, length, heads, features)."""
    normal = np.random.default_rng(seed).normal(0, 1, (BATCH, length, HEADS, FEATURES))
    return normal.astype(dtype).transpose(0, 2, 1, 3)


def masks(dtype: type) -> dict[str, Any]:
    rng = np.random.default_rng(9)
    keys = rng.random((BATCH, 1, 1, KEYS)) > 0.4
    keys[..., 0] = True  # PyTorch has no fully masked rows
    pairs = rng.random((QUERIES, KEYS)) > 0.4
    pairs[:, 2] = True
    numbers = rng.normal(0, 1, (1, HEADS, QUERIES, KEYS)).astype(dtype)
    return {"none": None, "keys": keys, "pairs": pairs, "numbers": numbers, "causal": None}


@pytest.mark.parametrize("scale", [None, 0.7])
@pytest.mark.parametrize("kind", ["none", "keys", "pairs", "numbers", "causal"])
def test_attention_is_that_of_torch(ops: Any, tolerance: Any, kind: str, scale: float | None) -> None:
    dtype, close = tolerance
    q, k, v = heads(QUERIES, dtype, 0), heads(KEYS, dtype, 1), heads(KEYS, dtype, 2)
    g, mask, causal = heads(QUERIES, dtype, 3), masks(dtype)[kind], kind == "causal"
    leaves = [torch.tensor(array, requires_grad=True) for array in (q, k, v)]

    out, saved = ops.attention(q, k, v, mask, causal, scale)
    grads = ops.attention_backward(g, q, k, v, saved, scale)
    expected = torch.nn.functional.scaled_dot_product_attention(
        *leaves, attn_mask=None if mask is None else torch.tensor(mask), is_causal=causal, scale=scale
    )
    expected.backward(torch.tensor(g))

    for mine, other in zip([out, *grads], [expected, *(leaf.grad for leaf in leaves)], strict=True):
        np.testing.assert_allclose(mine, other.detach().numpy(), rtol=close, atol=10 * close)
