"""Kernels of linear layers, activations, losses and optimisers against the NumPy reference."""

import numpy as np
import pytest

from nets.backends import load
from nets.backends.jit import scalar
from nets.backends.jit.pointwise import in_memory_order, like
from nets.backends.reference.pointwise import FROM_INPUT, FROM_OUTPUT

reference, fast = load("numpy"), load("numba")
DTYPES = (np.float32, np.float64)
TOLERANCE = {np.float32: {"rtol": 2e-6, "atol": 2e-6}, np.float64: {"rtol": 1e-12, "atol": 1e-12}}


def rng():
    return np.random.default_rng(7)


def normal(shape, dtype, scale=1.0):
    return (scale * rng().standard_normal(shape)).astype(dtype)


def layouts(array):
    """The same numbers in several memory layouts."""
    gaps = np.zeros((*array.shape, 2), array.dtype)[..., 0]
    gaps[...] = array
    return {"rows": array, "turned": np.asfortranarray(array), "gaps": gaps}


# --- scalar functions ---


@pytest.mark.parametrize(
    ("name", "low", "high", "absolute"),
    [("exp", -86.98, 88.72283, 0.0), ("sigmoid", -80, 80, 2e-7), ("tanh", -10, 10, 2e-7), ("erf", -6, 6, 5e-7)],
)
def test_scalar_functions_are_accurate(name, low, high, absolute):
    from nets._jit import kernel

    function = getattr(scalar, name)

    @kernel
    def apply(x, y):
        for i in range(x.size):
            y[i] = function(x[i])

    x = np.concatenate([np.linspace(low, high, 200_001), np.linspace(-0.5, 0.5, 100_001)]).astype(np.float32)
    y, exact = np.empty_like(x), np.empty(x.shape)
    apply(x, y)
    apply(x.astype(np.float64), exact)

    error = np.abs(y - exact) / (np.abs(exact) if absolute == 0 else 1)
    assert error.max() < (absolute or 2e-7)
    special = np.array([np.nan, np.inf, -np.inf], np.float32)
    expected, got = np.empty(3), np.empty_like(special)
    apply(special, got)
    apply(special.astype(np.float64), expected)
    np.testing.assert_allclose(got, expected)


def test_exp_is_infinite_only_where_no_float32_is_large_enough():
    from nets._jit import kernel

    @kernel
    def apply(x, y):
        for i in range(x.size):
            y[i] = scalar.exp(x[i])

    last = np.float32(88.72283)  # the largest x whose exp is a float32
    x = np.array([88.38, 88.7, last, np.nextafter(last, np.float32(np.inf)), 100], np.float32)
    y = np.empty_like(x)
    apply(x, y)

    with np.errstate(over="ignore"):
        np.testing.assert_allclose(y, np.exp(x), rtol=2e-7)
    assert np.isinf(y).tolist() == [False, False, False, True, True]


# --- activations ---


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FROM_OUTPUT + FROM_INPUT)
@pytest.mark.parametrize("layout", ["rows", "turned", "gaps"])
def test_activations_match_the_reference(name, layout, dtype):
    z = layouts(normal((5, 7), dtype, scale=3))[layout]
    grad = normal((5, 7), dtype)

    y, expected = fast.activate(z, name), reference.activate(z, name)
    delta = fast.activate_backward(grad, z, y, name)
    expected_delta = reference.activate_backward(grad, z, expected, name)

    np.testing.assert_allclose(y, expected, **TOLERANCE[dtype])
    # The reference itself cancels 1 - tanh^2 in float32.
    np.testing.assert_allclose(delta, expected_delta, rtol=1e-5, atol=1e-5 if dtype == np.float32 else 1e-12)
    assert y.dtype == delta.dtype == dtype


@pytest.mark.parametrize("name", FROM_OUTPUT + FROM_INPUT)
@pytest.mark.parametrize("ops", [reference, fast], ids=["numpy", "numba"])
def test_activations_pass_nan_on(name, ops):
    with np.errstate(invalid="ignore"):
        assert np.isnan(ops.activate(np.full((2, 2), np.nan, np.float32), name)).all()


def test_activations_keep_channels_last_memory():
    image = normal((2, 5, 5, 3), np.float32).transpose(0, 3, 1, 2)

    y = fast.activate(image, "relu")

    assert y.shape == image.shape
    assert y.strides == image.strides


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4, 5), (1, 1), (6,), ()])
def test_memory_order_and_back(shape):
    array = normal(shape, np.float32)
    for turned in (array, array.T, np.moveaxis(array, 0, -1) if array.ndim else array):
        np.testing.assert_array_equal(like(in_memory_order(turned), turned), turned)


# --- linear ---


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", FROM_OUTPUT)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("turned", [True, False])
def test_linear_matches_the_reference(activation, bias, turned, dtype):
    x, w, g = normal((6, 5), dtype), normal((4, 5), dtype), normal((6, 4), dtype)
    w = np.asfortranarray(w) if turned else w
    b = normal(4, dtype) if bias else None

    y, expected = fast.linear(x, w, b, activation), reference.linear(x, w, b, activation)
    needs = (True, True, bias)
    gradients = fast.linear_backward(g, x, w, y, activation, needs)
    expected_gradients = reference.linear_backward(g, x, w, expected, activation, needs)

    np.testing.assert_allclose(y, expected, **TOLERANCE[dtype])
    for got, want in zip(gradients, expected_gradients, strict=True):
        assert (got is None) == (want is None)
        if got is not None:
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
            assert got.dtype == dtype


@pytest.mark.parametrize("turned", [True, False])
def test_the_weight_gradient_is_written_to_the_memory_that_is_given(turned):
    x, w, g = normal((6, 5), np.float32), normal((4, 5), np.float32), normal((6, 4), np.float32)
    w = np.asfortranarray(w) if turned else w
    out = np.empty_like(w)

    _, gradient, _ = fast.linear_backward(g, x, w, fast.linear(x, w, None), "identity", (False, True, False), out)

    assert gradient is out
    np.testing.assert_allclose(out, g.T @ x, rtol=1e-5, atol=1e-6)


# --- losses ---


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_matches_the_reference(smoothing, dtype):
    z, labels, g = normal((9, 5), dtype, scale=4), rng().integers(0, 5, 9), normal(9, dtype)

    losses, p = fast.cross_entropy(z, labels, smoothing)
    expected_losses, expected_p = reference.cross_entropy(z, labels, smoothing)

    np.testing.assert_allclose(losses, expected_losses, **TOLERANCE[dtype])
    np.testing.assert_allclose(p, expected_p, **TOLERANCE[dtype])
    for grad in (g, np.asarray(0.25, dtype)):
        got = fast.cross_entropy_backward(grad, p, labels, smoothing)
        np.testing.assert_allclose(
            got, reference.cross_entropy_backward(grad, p, labels, smoothing), **TOLERANCE[dtype]
        )
        assert got.dtype == dtype


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(9, 5), (2, 3, 4), (3, 1)])
def test_softmax_matches_the_reference(shape, dtype):
    z, g = normal(shape, dtype, scale=4), normal(shape, dtype)

    p, y = fast.softmax(z), fast.log_softmax(z)

    np.testing.assert_allclose(p, reference.softmax(z), **TOLERANCE[dtype])
    np.testing.assert_allclose(y, reference.log_softmax(z), **TOLERANCE[dtype])
    np.testing.assert_allclose(fast.softmax_backward(g, p), reference.softmax_backward(g, p), **TOLERANCE[dtype])
    np.testing.assert_allclose(
        fast.log_softmax_backward(g, y), reference.log_softmax_backward(g, y), **TOLERANCE[dtype]
    )


@pytest.mark.parametrize("ops", [reference, fast], ids=["numpy", "numba"])
def test_cross_entropy_of_large_logits_does_not_overflow(ops):
    losses, p = ops.cross_entropy(np.array([[1e4, -1e4], [-1e4, 1e4]], np.float32), np.array([0, 0]))

    np.testing.assert_allclose(losses, [0, 2e4])
    assert np.isfinite(p).all()


# --- optimisers ---


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("rule", "n_arrays", "settings"),
    [
        ("sgd_step", 0, {"velocity": None, "lr": 0.1}),
        ("sgd_step", 0, {"velocity": None, "lr": 0.1, "weight_decay": 0.2}),
        ("sgd_step", 1, {"lr": 0.1, "momentum": 0.9}),
        ("sgd_step", 1, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.2}),
        ("rmsprop_step", 1, {"velocity": None, "lr": 0.1, "alpha": 0.9, "eps": 1e-8, "weight_decay": 0.1}),
        ("rmsprop_step", 2, {"lr": 0.1, "alpha": 0.9, "eps": 1e-8, "momentum": 0.5}),
        *[
            (
                "adam_step",
                2,
                {
                    "lr": 0.1,
                    "beta1": 0.9,
                    "beta2": 0.99,
                    "eps": 1e-8,
                    "correction1": 0.1,
                    "correction2": 0.01,
                    "weight_decay": decay,
                    "decoupled": decoupled,
                },
            )
            for decay in (0.0, 0.1)
            for decoupled in (False, True)
        ],
    ],
)
def test_update_rules_match_the_reference(rule, n_arrays, settings, dtype):
    arrays = [normal(50, dtype), rng().random(50).astype(dtype), *(rng().random((n_arrays, 50)).astype(dtype))]
    copies = [array.copy() for array in arrays]

    getattr(fast, rule)(*arrays, **settings)
    getattr(reference, rule)(*copies, **settings)

    for got, want in zip(arrays, copies, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5 if dtype == np.float32 else 1e-12, atol=1e-7)


def test_ema_matches_the_reference():
    average, w = normal(20, np.float32), rng().random(20).astype(np.float32)
    copy = average.copy()

    fast.ema_step(average, w, 0.9)
    reference.ema_step(copy, w, 0.9)

    np.testing.assert_allclose(average, copy, rtol=1e-6)
