"""Attention: gradients against central differences, masks, kernels against the reference."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nets.backends import load

BACKENDS = ["numpy", "numba"]
MASKS = ["none", "causal", "keys", "pairs", "numbers", "hides a row"]
CLOSE = {np.float32: 1e-5, np.float64: 1e-10}


class Case:
    """Queries, keys, values, a mask and the gradient of the output."""

    def __init__(
        self,
        mask: str = "none",
        dtype: Any = np.float64,
        batch: int = 2,
        heads: int = 2,
        queries: int = 4,
        keys: int = 5,
        features: int = 3,
        seed: int = 0,
    ) -> None:
        rng = np.random.default_rng(seed)
        self.q, self.grad = (rng.normal(size=(batch, heads, queries, features)).astype(dtype) for _ in range(2))
        self.k, self.v = (rng.normal(size=(batch, heads, keys, features)).astype(dtype) for _ in range(2))
        self.causal = mask == "causal"
        self.mask = {
            "keys": rng.random((batch, 1, 1, keys)) > 0.4,
            "pairs": rng.random((queries, keys)) > 0.4,
            "numbers": rng.normal(size=(1, heads, queries, keys)).astype(dtype),
            "hides a row": np.arange(queries)[:, None] > 0,
        }.get(mask)

    def forward(self, ops: Any) -> tuple[Any, Any]:
        return ops.attention(self.q, self.k, self.v, self.mask, self.causal)

    def backward(self, ops: Any, saved: Any) -> Any:
        return ops.attention_backward(self.grad, self.q, self.k, self.v, saved)

    def everything(self, ops: Any) -> list[Any]:
        out, saved = self.forward(ops)
        return [out, *self.backward(ops, saved)]


def numerical_gradient(loss: Callable[[], float], array: Any, eps: float = 1e-5) -> Any:
    """Return dL/d(array) by central differences, changing the array in place and back."""
    grad = np.empty_like(array)
    for index in np.ndindex(array.shape):
        middle = array[index]
        array[index] = middle + eps
        above = loss()
        array[index] = middle - eps
        grad[index] = (above - loss()) / (2 * eps)
        array[index] = middle
    return grad


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_gradient_is_that_of_central_differences(backend: str, mask: str) -> None:
    ops, case = load(backend), Case(mask)

    _, *grads = case.everything(ops)

    for array, grad in zip((case.q, case.k, case.v), grads, strict=True):
        expected = numerical_gradient(lambda: float((case.forward(ops)[0] * case.grad).sum()), array)
        np.testing.assert_allclose(grad, expected, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("mask", MASKS)
@settings(max_examples=15, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 20), st.integers(1, 20), st.integers(1, 9)),
    seed=st.integers(0, 1000),
)
def test_kernels_agree_with_the_reference(
    mask: str, dtype: Any, shape: tuple[int, int, int, int, int], seed: int
) -> None:
    case = Case(mask, dtype, *shape, seed=seed)

    for mine, other in zip(case.everything(load("numba")), case.everything(load("numpy")), strict=True):
        assert mine.dtype == dtype
        assert mine.shape == other.shape
        np.testing.assert_allclose(mine, other, rtol=CLOSE[dtype], atol=10 * CLOSE[dtype])


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_query_attends_by_softmax(backend: str) -> None:
    """Scores log 1 and log 3: weights 1/4 and 3/4."""
    q = np.ones((1, 1, 1, 1))
    k, v = np.log([[[[1.0], [3.0]]]]), np.array([[[[8.0], [4.0]]]])

    out, _ = load(backend).attention(q, k, v)

    np.testing.assert_allclose(out, [[[[5.0]]]])


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_query_that_sees_nothing_gets_zeros_and_gives_no_gradient(backend: str) -> None:
    case = Case("hides a row")
    others = Case("hides a row")
    others.grad[:, :, 0] = 0

    out, *grads = case.everything(load(backend))

    assert (out[:, :, 0] == 0).all()
    assert (grads[0][:, :, 0] == 0).all()
    for mine, other in zip(grads, others.everything(load(backend))[1:], strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("backend", BACKENDS)
def test_hidden_keys_have_no_influence_at_all(backend: str, dtype: Any) -> None:
    case = Case("keys", dtype)
    expected = case.everything(load(backend))

    hidden = ~np.broadcast_to(case.mask[:, :, 0, :, None], case.k.shape)
    case.k[hidden], case.v[hidden] = 7, -9
    actual = case.everything(load(backend))

    for mine, other in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(mine, other)
    assert (actual[2][hidden] == 0).all()
    assert (actual[3][hidden] == 0).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_causal_attention_does_not_see_the_future(backend: str) -> None:
    case = Case("causal", queries=6, keys=6)
    before = case.forward(load(backend))[0].copy()

    case.k[:, :, 4:], case.v[:, :, 4:] = 5, 5
    after, _ = case.forward(load(backend))

    np.testing.assert_array_equal(after[:, :, :4], before[:, :, :4])
    assert (after[:, :, 4:] != before[:, :, 4:]).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_causal_and_masked_at_once_is_what_both_allow(backend: str) -> None:
    ops, case = load(backend), Case("keys", queries=5, keys=5)
    both = case.mask & np.tri(5, dtype=bool)

    together, _ = ops.attention(case.q, case.k, case.v, case.mask, True)
    expected, _ = ops.attention(case.q, case.k, case.v, both)

    np.testing.assert_array_equal(together, expected)


@pytest.mark.parametrize("backend", BACKENDS)
def test_large_scores_do_not_overflow(backend: str) -> None:
    case = Case(dtype=np.float32)
    case.q *= np.float32(1e4)

    out, *grads = case.everything(load(backend))

    assert all(np.isfinite(array).all() for array in (out, *grads))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_nan_spreads_over_what_its_query_sees(backend: str, dtype: Any) -> None:
    case = Case(dtype=dtype)
    case.q[0, 1, 2, 0] = np.nan

    out, *_ = case.everything(load(backend))

    assert np.isnan(out[0, 1, 2]).all()
    assert np.isnan(out).sum() == out.shape[3]


@pytest.mark.parametrize("backend", BACKENDS)
def test_inputs_and_saved_values_stay_as_they_were(backend: str) -> None:
    ops, case = load(backend), Case("numbers")
    arrays = (case.q, case.k, case.v, case.grad, case.mask)
    before = [array.copy() for array in arrays]

    _, saved = case.forward(ops)
    first = case.backward(ops, saved)
    second = case.backward(ops, saved)

    for mine, other in zip([*arrays, *first], [*before, *second], strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("mask", ["none", "causal", "keys"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_packed_self_attention_is_attention_of_its_parts(backend: str, mask: str) -> None:
    """Heads come as transposed views, as layers have them."""
    ops, case = load(backend), Case(mask, queries=5, keys=5)
    expected, *expected_grads = case.everything(ops)
    qkv = np.stack([part.swapaxes(1, 2) for part in (case.q, case.k, case.v)], 2)

    out, saved = ops.self_attention(qkv, case.mask, case.causal)
    grad_qkv = ops.self_attention_backward(np.ascontiguousarray(case.grad.swapaxes(1, 2)), qkv, saved)

    np.testing.assert_allclose(out.swapaxes(1, 2), expected, rtol=1e-12, atol=1e-14)
    for index, grad in enumerate(expected_grads):
        np.testing.assert_allclose(grad_qkv[:, :, index].swapaxes(1, 2), grad, rtol=1e-12, atol=1e-14)


def test_the_output_lies_in_memory_with_its_heads_side_by_side() -> None:
    out, *grads = Case().everything(load("numba"))

    for array in (out, *grads):
        assert array.swapaxes(1, 2).flags.c_contiguous
