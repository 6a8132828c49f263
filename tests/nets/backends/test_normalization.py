"""Layer, batch and group normalization: what they do to statistics, gradients, kernels against the reference."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nets.backends import load

BACKENDS = ["numpy", "numba"]
KINDS = ["layer", "batch", "batch-eval", "group"]
EPS = 1e-5


class Case:
    """An input, weights and a gradient of one kind of normalization, and calls that hide the differences."""

    def __init__(self, kind: str, shape: tuple[int, ...], dtype: Any = np.float64, n_groups: int = 2) -> None:
        rng = np.random.default_rng(3)
        channels = shape[1]
        self.kind, self.n_groups = kind, n_groups
        self.x, self.grad = (rng.normal(0.5, 1.3, shape).astype(dtype) for _ in range(2))
        self.weight, self.bias = (rng.normal(1, 0.5, channels).astype(dtype) for _ in range(2))
        self.mean = rng.normal(0, 1, channels).astype(dtype)
        self.var = rng.uniform(0.5, 2, channels).astype(dtype)

    def forward(self, ops: Any) -> tuple[Any, Any]:
        if self.kind == "layer":
            return ops.layer_norm(self.x, self.weight, self.bias, EPS)
        if self.kind == "group":
            return ops.group_norm(self.x, self.n_groups, self.weight, self.bias, EPS)
        given = (self.mean, self.var) if self.kind == "batch-eval" else (None, None)
        return ops.batch_norm(self.x, self.weight, self.bias, *given, EPS)[:2]

    def backward(self, ops: Any, saved: Any, needs: tuple[bool, bool, bool] = (True, True, True)) -> Any:
        if self.kind == "layer":
            return ops.layer_norm_backward(self.grad, self.x, self.weight, saved, needs)
        if self.kind == "group":
            return ops.group_norm_backward(self.grad, self.x, self.n_groups, self.weight, saved, needs)
        return ops.batch_norm_backward(self.grad, self.x, self.weight, saved, needs)


def cases(kinds: list[str] = KINDS) -> list[Any]:
    shapes = [(kind, (6, 4)) for kind in kinds]
    return shapes + [(kind, (3, 4, 2, 3)) for kind in kinds if kind != "layer"]


def channels_last(x: Any) -> Any:
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


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


@pytest.mark.parametrize(("kind", "shape"), cases())
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_gradient_is_that_of_central_differences(backend: str, kind: str, shape: tuple[int, ...]) -> None:
    ops, case = load(backend), Case(kind, shape)
    _, saved = case.forward(ops)

    grads = case.backward(ops, saved)

    for array, grad in zip((case.x, case.weight, case.bias), grads, strict=True):
        expected = numerical_gradient(lambda: float((case.forward(ops)[0] * case.grad).sum()), array)
        np.testing.assert_allclose(grad, expected, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20, deadline=None)
@given(
    batch=st.integers(1, 40),
    n_groups=st.integers(1, 5),
    width=st.integers(1, 9),
    pixels=st.one_of(st.none(), st.tuples(st.integers(1, 5), st.integers(1, 5))),
    affine=st.tuples(st.booleans(), st.booleans()),
)
def test_kernels_agree_with_the_reference(
    kind: str,
    dtype: Any,
    batch: int,
    n_groups: int,
    width: int,
    pixels: tuple[int, int] | None,
    affine: tuple[bool, bool],
) -> None:
    shape = (batch, n_groups * width, *(pixels or () if kind != "layer" else ()))
    case = Case(kind, shape, dtype, n_groups)
    case.weight = case.weight if affine[0] else None
    case.bias = case.bias if affine[1] else None
    # One number alone, or two that are almost the same, have no variance to divide by.
    n_normalized = {"layer": shape[1], "batch": case.x.size // shape[1], "group": case.x.size // batch // n_groups}
    few = n_normalized.get(kind, 9) < 4
    close = (1e-3 if few else 2e-5) if dtype is np.float32 else 1e-9

    (expected, expected_saved), (actual, saved) = case.forward(load("numpy")), case.forward(load("numba"))
    expected_grads = case.backward(load("numpy"), expected_saved)
    grads = case.backward(load("numba"), saved)

    for mine, other in zip([actual, *grads], [expected, *expected_grads], strict=True):
        assert mine.dtype == dtype
        assert mine.shape == other.shape
        size = np.abs(other).max() + 1
        np.testing.assert_allclose(mine, other, rtol=close, atol=close * size * (300 if few else 1))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", ["batch", "batch-eval", "group"])
def test_images_stay_channels_last_in_memory_whatever_came_in(backend: str, kind: str) -> None:
    ops, case = load(backend), Case(kind, (3, 4, 5, 2))
    expected, saved = case.forward(ops)
    expected_grads = case.backward(ops, saved)

    case.x, case.grad = channels_last(case.x), np.asfortranarray(case.grad)
    actual, saved = case.forward(ops)
    grads = case.backward(ops, saved)

    for array in (expected, actual, expected_grads[0], grads[0]):
        assert array.transpose(0, 2, 3, 1).flags.c_contiguous
    for mine, other in zip([actual, *grads], [expected, *expected_grads], strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("backend", BACKENDS)
def test_layer_norm_takes_rows_of_any_strides(backend: str) -> None:
    ops, case = load(backend), Case("layer", (6, 4))
    expected, saved = case.forward(ops)
    expected_grads = case.backward(ops, saved)

    case.x, case.grad = np.asfortranarray(case.x), np.asfortranarray(case.grad)
    case.weight = np.repeat(case.weight, 2)[::2]
    actual, saved = case.forward(ops)

    for mine, other in zip([actual, *case.backward(ops, saved)], [expected, *expected_grads], strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("kind", "axes"), [("layer", (1,)), ("batch", (0, 2, 3)), ("group", (2, 3, 4))])
@pytest.mark.parametrize("backend", BACKENDS)
def test_normalized_sets_have_mean_0_and_variance_1(backend: str, kind: str, axes: tuple[int, ...]) -> None:
    case = Case(kind, (5, 16) if kind == "layer" else (5, 16, 6, 7))
    case.weight = case.bias = None

    y, _ = case.forward(load(backend))

    sets = y.reshape(5, 2, 8, 6, 7) if kind == "group" else y
    np.testing.assert_allclose(sets.mean(axes), 0, atol=1e-12)
    np.testing.assert_allclose(sets.var(axes), 1, rtol=1e-3)


@pytest.mark.parametrize("backend", BACKENDS)
def test_batch_norm_tells_the_statistics_it_used(backend: str) -> None:
    ops, case = load(backend), Case("batch", (5, 4, 6, 7))

    _, _, mean, var = ops.batch_norm(case.x, None, None, None, None, EPS)
    _, _, given_mean, given_var = ops.batch_norm(case.x, None, None, case.mean, case.var, EPS)

    np.testing.assert_allclose(mean, case.x.mean((0, 2, 3)))
    np.testing.assert_allclose(var, case.x.var((0, 2, 3)))
    np.testing.assert_array_equal(given_mean, case.mean)
    np.testing.assert_array_equal(given_var, case.var)


@pytest.mark.parametrize("kind", ["layer", "batch", "group"])
def test_a_mean_far_from_zero_does_not_swallow_the_variance(kind: str) -> None:
    """In float32, E x^2 - (E x)^2 of such values has no correct digit."""
    ops, case = load("numba"), Case(kind, (512, 64) if kind == "layer" else (64, 16, 12, 12), np.float32)
    exact = Case(kind, case.x.shape, np.float64)
    case.x = case.x + np.float32(3000)
    exact.x = case.x.astype(np.float64)

    np.testing.assert_allclose(case.forward(ops)[0], exact.forward(load("numpy"))[0], atol=5e-3)


@pytest.mark.parametrize(("kind", "shape"), cases())
@pytest.mark.parametrize("backend", BACKENDS)
def test_inputs_and_saved_values_stay_as_they_were(backend: str, kind: str, shape: tuple[int, ...]) -> None:
    ops, case = load(backend), Case(kind, shape)
    arrays = (case.x, case.grad, case.weight, case.bias, case.mean, case.var)
    before = [array.copy() for array in arrays]

    _, saved = case.forward(ops)
    first, second = case.backward(ops, saved), case.backward(ops, saved)

    for mine, other in zip([*arrays, *first], [*before, *second], strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize(("kind", "shape"), cases())
@pytest.mark.parametrize("backend", BACKENDS)
def test_only_the_gradients_that_are_needed_come_back(backend: str, kind: str, shape: tuple[int, ...]) -> None:
    ops, case = load(backend), Case(kind, shape)
    _, saved = case.forward(ops)
    everything = case.backward(ops, saved)

    for wanted in range(3):
        needs = (wanted == 0, wanted == 1, wanted == 2)
        grads = case.backward(ops, saved, needs)
        assert [grad is not None for grad in grads] == list(needs)
        np.testing.assert_array_equal(grads[wanted], everything[wanted])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("kind", "shape"), cases())
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_nan_spreads_over_the_set_it_is_in(backend: str, kind: str, shape: tuple[int, ...], dtype: Any) -> None:
    ops, case = load(backend), Case(kind, shape, dtype)
    case.x[(1, 2, *(0,) * (len(shape) - 2))] = np.nan

    y, _ = case.forward(ops)

    assert np.isnan(y[1, 2]).any()
    assert np.isnan(y[:, 2]).all() == (kind == "batch")
    assert np.isfinite(y[0, 0]).all()
