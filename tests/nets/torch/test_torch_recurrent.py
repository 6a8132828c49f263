"""Recurrent layers agree with PyTorch, whose parameters they take unchanged."""

from typing import Any

import numpy as np
import pytest

from nets.backends import load

torch = pytest.importorskip("torch")

STEPS, BATCH, INPUTS, HIDDEN = 5, 3, 4, 6
TOLERANCE = {np.float32: 1e-5, np.float64: 1e-10}


@pytest.fixture(params=["numpy", "numba"])
def ops(request: pytest.FixtureRequest) -> Any:
    return load(request.param)


@pytest.fixture(params=[np.float32, np.float64])
def tolerance(request: pytest.FixtureRequest) -> Any:
    return request.param, TOLERANCE[request.param]


def values(shape: tuple[int, ...], dtype: type, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(0, 1, shape).astype(dtype)


def torch_layer(kind: str, dtype: type, **options: Any) -> Any:
    torch.manual_seed(1)
    layer = getattr(torch.nn, kind)(INPUTS, HIDDEN, **options)
    return layer.to(torch.float32 if dtype is np.float32 else torch.float64)


def parameters(layer: Any, direction: str = "") -> list[Any]:
    """Return w_ih, w_hh, b_ih and b_hh of one direction as arrays; biases None where the layer has none."""
    names = [f"{name}_l0{direction}" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    return [getattr(layer, name).detach().numpy() if hasattr(layer, name) else None for name in names]


def parameter_gradients(layer: Any, direction: str = "") -> list[Any]:
    names = [f"{name}_l0{direction}" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    return [getattr(layer, name).grad for name in names if hasattr(layer, name)]


def assert_same(ours: Any, theirs: Any, tolerance: float) -> None:
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other.detach().numpy(), rtol=tolerance, atol=10 * tolerance)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", ["tanh", "relu", "GRU"])
def test_rnn_and_gru_are_those_of_torch(ops: Any, tolerance: Any, kind: str, bias: bool) -> None:
    dtype, close = tolerance
    x, h0 = values((STEPS, BATCH, INPUTS), dtype), values((BATCH, HIDDEN), dtype, 1)
    g = values((STEPS, BATCH, HIDDEN), dtype, 2)
    options = {} if kind == "GRU" else {"nonlinearity": kind}
    layer = torch_layer("GRU" if kind == "GRU" else "RNN", dtype, bias=bias, **options)
    w = parameters(layer)
    inputs = [torch.tensor(x, requires_grad=True), torch.tensor(h0[None], requires_grad=True)]

    if kind == "GRU":
        outputs, saved = ops.gru(x, h0, *w)
        grads = ops.gru_backward(g, x, h0, *w[:2], saved)
    else:
        outputs, saved = ops.rnn(x, h0, *w, kind)
        grads = ops.rnn_backward(g, x, h0, *w[:2], saved, kind)
    expected, _ = layer(*inputs)
    expected.backward(torch.tensor(g))

    assert_same([outputs], [expected], close)
    ours = grads if bias else grads[:4]
    assert_same(ours, [inputs[0].grad, inputs[1].grad[0], *parameter_gradients(layer)], close)


@pytest.mark.parametrize("bias", [True, False])
def test_lstm_is_that_of_torch(ops: Any, tolerance: Any, bias: bool) -> None:
    dtype, close = tolerance
    x, h0, c0 = values((STEPS, BATCH, INPUTS), dtype), values((BATCH, HIDDEN), dtype, 1), values((BATCH, HIDDEN), dtype)
    g, grad_c = values((STEPS, BATCH, HIDDEN), dtype, 2), values((BATCH, HIDDEN), dtype, 3)
    layer = torch_layer("LSTM", dtype, bias=bias)
    w = parameters(layer)
    leaves = [torch.tensor(array, requires_grad=True) for array in (x, h0[None], c0[None])]

    outputs, c_last, saved = ops.lstm(x, h0, c0, *w)
    grads = ops.lstm_backward(g, grad_c, x, h0, c0, *w[:2], saved)
    expected, (_, expected_c) = layer(leaves[0], (leaves[1], leaves[2]))
    torch.autograd.backward([expected, expected_c], [torch.tensor(g), torch.tensor(grad_c[None])])

    assert_same([outputs, c_last], [expected, expected_c[0]], close)
    ours = grads if bias else grads[:5]
    theirs = [leaves[0].grad, leaves[1].grad[0], leaves[2].grad[0], *parameter_gradients(layer)]
    assert_same(ours, theirs, close)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_reverse_is_the_second_direction_of_a_bidirectional_layer(ops: Any, tolerance: Any, kind: str) -> None:
    dtype, close = tolerance
    x, zeros = values((STEPS, BATCH, INPUTS), dtype), np.zeros((BATCH, HIDDEN), dtype)
    g = values((STEPS, BATCH, 2 * HIDDEN), dtype, 2)
    layer = torch_layer(kind, dtype, bidirectional=True)
    leaf = torch.tensor(x, requires_grad=True)
    grad_x = np.zeros_like(x)

    expected, _ = layer(leaf)
    expected.backward(torch.tensor(g))

    for reverse, direction in ((False, ""), (True, "_reverse")):
        w = parameters(layer, direction)
        own = slice(HIDDEN, None) if reverse else slice(None, HIDDEN)
        states = (zeros, zeros) if kind == "LSTM" else (zeros,)
        outputs, *_, saved = getattr(ops, kind.lower())(x, *states, *w, reverse=reverse)
        given = (g[..., own], None) if kind == "LSTM" else (g[..., own],)
        backward = getattr(ops, f"{kind.lower()}_backward")
        grads = backward(*given, x, *states, *w[:2], saved, reverse=reverse)
        grad_x += grads[0]
        assert_same([outputs], [expected[..., own]], close)
        assert_same(grads[-4:], parameter_gradients(layer, direction), close)
    assert_same([grad_x], [leaf.grad], close)
