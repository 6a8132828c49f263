"""Pooling: the reference against its definition, the kernels against the reference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nets.backends import load

BACKENDS = ("numpy", "numba")

# kernel, stride, padding
CASES = [
    ((2, 2), (2, 2), (0, 0)),
    ((3, 3), (2, 2), (1, 1)),
    ((3, 2), (1, 3), (1, 0)),
    ((2, 2), (3, 3), (0, 1)),
    ((1, 1), (1, 1), (0, 0)),
    ((9, 7), (1, 1), (0, 0)),
]


def image(dtype=np.float64, shape=(3, 4, 9, 7), seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def windows(x, kernel, stride, padding, fill):
    """Return all windows, shape (N, C, OH, OW, kh, kw)."""
    x = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2), constant_values=fill)
    return np.lib.stride_tricks.sliding_window_view(x, kernel, (2, 3))[:, :, :: stride[0], :: stride[1]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_pooling_takes_the_maximum_and_the_mean_of_each_window(name, case, dtype):
    ops, x = load(name), image(dtype)
    before = x.copy()

    largest, _ = ops.max_pool2d(x, *case)
    average = ops.avg_pool2d(x, *case)

    assert largest.dtype == average.dtype == dtype
    assert largest.transpose(0, 2, 3, 1).flags.c_contiguous
    assert average.transpose(0, 2, 3, 1).flags.c_contiguous
    np.testing.assert_array_equal(largest, windows(x, *case, -np.inf).max((4, 5)))
    np.testing.assert_allclose(average, windows(x, *case, 0).mean((4, 5)), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_are_central_differences(name, case):
    ops, x, eps = load(name), image(), 1e-6
    step = eps * np.random.default_rng(1).normal(size=x.shape)
    y, taps = ops.max_pool2d(x, *case)
    grad = np.random.default_rng(2).normal(size=y.shape)

    of_max = ops.max_pool2d_backward(grad, taps, x.shape, *case)
    of_mean = ops.avg_pool2d_backward(grad, x.shape, *case)

    rise = ops.max_pool2d(x + step, *case)[0] - ops.max_pool2d(x - step, *case)[0]
    np.testing.assert_allclose((of_max * step).sum(), (rise * grad).sum() / 2, rtol=1e-5)
    rise = ops.avg_pool2d(x + step, *case) - ops.avg_pool2d(x - step, *case)
    np.testing.assert_allclose((of_mean * step).sum(), (rise * grad).sum() / 2, rtol=1e-5)


@settings(max_examples=60)
@given(data=st.data())
def test_kernels_agree_with_the_reference_on_any_shape(data):
    kernel = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    stride = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    padding = tuple(data.draw(st.integers(0, k // 2)) for k in kernel)
    size = tuple(data.draw(st.integers(k, 11)) for k in kernel)
    x = image(np.float32, (2, data.draw(st.integers(1, 40)), *size))
    if data.draw(st.booleans()):
        x = np.round(x)  # many equal numbers

    reference, kernels = load("numpy"), load("numba")
    y, taps = reference.max_pool2d(x, kernel, stride, padding)
    z, places = kernels.max_pool2d(x, kernel, stride, padding)
    grad = image(np.float32, y.shape, seed=1)

    np.testing.assert_array_equal(z, y)
    np.testing.assert_array_equal(places, taps)
    assert places.dtype == taps.dtype
    np.testing.assert_allclose(
        kernels.max_pool2d_backward(grad, places, x.shape, kernel, stride, padding),
        reference.max_pool2d_backward(grad, taps, x.shape, kernel, stride, padding),
        rtol=1e-5,
        atol=1e-6,
    )
    np.testing.assert_allclose(
        kernels.avg_pool2d(x, kernel, stride, padding),
        reference.avg_pool2d(x, kernel, stride, padding),
        rtol=1e-5,
        atol=1e-6,
    )
    np.testing.assert_allclose(
        kernels.avg_pool2d_backward(grad, x.shape, kernel, stride, padding),
        reference.avg_pool2d_backward(grad, x.shape, kernel, stride, padding),
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize("name", BACKENDS)
def test_nan_is_the_largest_number(name):
    ops, x = load(name), image(np.float32, (1, 2, 4, 4))
    x[0, 1, 1, 0] = np.nan
    x[0, 0, 2, 2] = -np.inf

    y, taps = ops.max_pool2d(x, (2, 2), (2, 2))
    gx = ops.max_pool2d_backward(np.ones_like(y), taps, x.shape, (2, 2), (2, 2))

    assert np.isnan(y[0, 1, 0, 0])
    assert np.isnan(y).sum() == 1
    assert gx[0, 1, 1, 0] == 1
    assert np.isnan(ops.avg_pool2d(x, (2, 2), (2, 2))).sum() == 1


@pytest.mark.parametrize("name", BACKENDS)
def test_of_equal_numbers_the_first_takes_the_gradient(name):
    ops = load(name)
    x = np.ones((1, 1, 2, 2), np.float32)

    y, taps = ops.max_pool2d(x, (2, 2), (2, 2))
    gx = ops.max_pool2d_backward(np.full_like(y, 5), taps, x.shape, (2, 2), (2, 2))

    np.testing.assert_array_equal(gx, [[[[5, 0], [0, 0]]]])
