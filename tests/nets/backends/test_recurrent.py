"""RNN, LSTM and GRU: gradients against central differences, kernels against the reference."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nets.backends import load

KINDS = ["tanh", "relu", "lstm", "gru"]
N_GATES = {"tanh": 1, "relu": 1, "lstm": 4, "gru": 3}
BACKENDS = ["numpy", "numba"]


class Case:
    """Inputs, states and parameters of one kind of layer, and calls that hide the differences between kinds."""

    def __init__(
        self, kind: str, dtype: Any = np.float64, steps: int = 3, batch: int = 2, inputs: int = 3, hidden: int = 4
    ) -> None:
        rng = np.random.default_rng(7)
        rows = N_GATES[kind] * hidden
        shapes = [(steps, batch, inputs)] + [(batch, hidden)] * (2 if kind == "lstm" else 1)
        shapes += [(rows, inputs), (rows, hidden), (rows,), (rows,)]
        self.kind = kind
        self.arrays = [rng.normal(0, 0.7, shape).astype(dtype) for shape in shapes]
        self.grad = rng.normal(0, 1, (steps, batch, hidden)).astype(dtype)
        self.grad_c = rng.normal(0, 1, (batch, hidden)).astype(dtype)

    def forward(self, ops: Any, reverse: bool, arrays: list[Any] | None = None) -> tuple[list[Any], Any]:
        """Return the outputs (and the last cell state), and what backward needs."""
        arrays = arrays or self.arrays
        if self.kind == "lstm":
            outputs, c_last, saved = ops.lstm(*arrays, reverse=reverse)
            return [outputs, c_last], saved
        outputs, saved = (
            ops.gru(*arrays, reverse=reverse) if self.kind == "gru" else ops.rnn(*arrays, self.kind, reverse)
        )
        return [outputs], saved

    def backward(self, ops: Any, saved: Any, reverse: bool, **options: Any) -> tuple[Any, ...]:
        x, *states, w_ih, w_hh, _, _ = self.arrays
        given = (x, *states, w_ih, w_hh, saved)
        if self.kind == "lstm":
            return ops.lstm_backward(self.grad, self.grad_c, *given, reverse=reverse, **options)
        if self.kind == "gru":
            return ops.gru_backward(self.grad, *given, reverse=reverse, **options)
        return ops.rnn_backward(self.grad, *given, self.kind, reverse, **options)

    def loss(self, ops: Any, reverse: bool, arrays: list[Any]) -> float:
        results, _ = self.forward(ops, reverse, arrays)
        return sum(float((r * g).sum()) for r, g in zip(results, (self.grad, self.grad_c), strict=False))


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


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_gradient_is_that_of_central_differences(backend: str, kind: str, reverse: bool) -> None:
    ops, case = load(backend), Case(kind)
    _, saved = case.forward(ops, reverse)

    grads = case.backward(ops, saved, reverse)

    for array, grad in zip(case.arrays, grads, strict=True):
        expected = numerical_gradient(lambda: case.loss(ops, reverse, case.arrays), array)
        np.testing.assert_allclose(grad, expected, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 9)] * 4),
    reverse=st.booleans(),
    biases=st.booleans(),
)
def test_kernels_agree_with_the_reference(
    kind: str, dtype: Any, shape: tuple[int, int, int, int], reverse: bool, biases: bool
) -> None:
    reference, jit, case = load("numpy"), load("numba"), Case(kind, dtype, *shape)
    if not biases:
        case.arrays[-2:] = [None, None]
    close = 1e-5 if dtype is np.float32 else 1e-10

    expected, expected_saved = case.forward(reference, reverse)
    actual, saved = case.forward(jit, reverse)
    expected_grads = case.backward(reference, expected_saved, reverse)
    grads = case.backward(jit, saved, reverse)

    for mine, other in zip([*actual, *grads], [*expected, *expected_grads], strict=True):
        assert mine.dtype == dtype
        assert mine.shape == other.shape
        np.testing.assert_allclose(mine, other, rtol=close, atol=10 * close)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_batch_first_inputs_and_gradients_may_come_as_views(backend: str, kind: str) -> None:
    ops, case = load(backend), Case(kind)
    expected, saved = case.forward(ops, False)
    expected_grads = case.backward(ops, saved, False)

    case.arrays[0] = np.ascontiguousarray(case.arrays[0].swapaxes(0, 1)).swapaxes(0, 1)
    case.arrays[-3] = np.asfortranarray(case.arrays[-3])
    case.grad = np.ascontiguousarray(case.grad.swapaxes(0, 1)).swapaxes(0, 1)
    actual, saved = case.forward(ops, False)
    grads = case.backward(ops, saved, False)

    for mine, other in zip([*actual, *grads], [*expected, *expected_grads], strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_inputs_and_saved_values_stay_as_they_were(backend: str, kind: str) -> None:
    """So a second backward through the same step gives the same gradients."""
    ops, case = load(backend), Case(kind)
    before = [array.copy() for array in (*case.arrays, case.grad, case.grad_c)]

    _, saved = case.forward(ops, False)
    first = case.backward(ops, saved, False)
    second = case.backward(ops, saved, False)

    for mine, other in zip((*case.arrays, case.grad, case.grad_c), before, strict=True):
        np.testing.assert_array_equal(mine, other)
    for mine, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_gradient_of_the_input_is_left_out_where_nobody_wants_it(backend: str, kind: str) -> None:
    ops, case = load(backend), Case(kind)
    _, saved = case.forward(ops, False)

    assert case.backward(ops, saved, False, needs_x=False)[0] is None


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_gradient_of_the_last_state_may_come_apart_from_the_outputs(backend: str, kind: str, reverse: bool) -> None:
    ops, case = load(backend), Case(kind)
    _, saved = case.forward(ops, reverse)
    last, grad = (0 if reverse else -1), case.grad

    apart = case.backward(ops, saved, reverse, grad_h_last=grad[last])
    case.grad = grad.copy()
    case.grad[last] *= 2
    together = case.backward(ops, saved, reverse)
    case.grad = None
    alone = case.backward(ops, saved, reverse, grad_h_last=grad[last])
    case.grad = np.zeros_like(grad)
    case.grad[last] = grad[last]
    among_zeros = case.backward(ops, saved, reverse)

    for mine, other in zip([*apart, *alone], [*together, *among_zeros], strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_nan_reaches_the_outputs_and_stays_in_its_row(backend: str, kind: str, dtype: Any) -> None:
    ops, case = load(backend), Case(kind, dtype)
    case.arrays[0][0, 1, 0] = np.nan

    (outputs, *_), _ = case.forward(ops, False)

    assert np.isnan(outputs[-1, 1]).all()
    assert np.isfinite(outputs[:, 0]).all()


def test_reading_in_reverse_is_reading_the_turned_sequence() -> None:
    ops, case = load("numba"), Case("lstm")
    x, *rest = case.arrays

    (turned, c_turned), _ = case.forward(ops, True)
    (outputs, c_last), _ = case.forward(ops, False, [x[::-1], *rest])

    np.testing.assert_array_equal(turned, outputs[::-1])
    np.testing.assert_array_equal(c_turned, c_last)


def test_fast_tanh_and_sigmoid_of_float32_are_accurate_and_bounded() -> None:
    from nets._jit import kernel
    from nets.backends.jit.gates import gate_sigmoid, gate_tanh

    @kernel
    def squash(x: Any, tanh: Any, sigmoid: Any) -> None:
        for j in range(x.size):
            tanh[j], sigmoid[j] = gate_tanh(x[j]), gate_sigmoid(x[j])

    ends = [np.inf, -np.inf, 100, -100]
    x = np.concatenate([np.linspace(-20, 20, 100_001), np.logspace(-30, 0, 1001), ends]).astype(np.float32)
    tanh, sigmoid = np.empty_like(x), np.empty_like(x)

    squash(x, tanh, sigmoid)

    exact = x.astype(np.float64)
    np.testing.assert_allclose(tanh, np.tanh(exact), rtol=5e-7)
    np.testing.assert_allclose(sigmoid, 0.5 + 0.5 * np.tanh(exact / 2), atol=3e-7)
    assert np.abs(tanh).max() <= 1
    assert sigmoid.min() >= 0
    assert sigmoid.max() <= 1
