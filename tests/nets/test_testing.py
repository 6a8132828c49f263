"""The checks themselves: they pass what is right, and say what is wrong where."""

import numpy as np
import pytest

import nets
from nets import functional as F
from nets.tensor import record
from nets.testing import check_grads, check_layer, overfits_one_batch


def wrong_square(x):
    """x^2 whose derivative is 3 x at one place."""
    factor = np.full(x.shape, 2.0)
    factor.flat[1] = 3
    return record("square", x.data**2, (x,), (lambda g, x: g * x * factor,), saved=(x,))


def test_a_wrong_gradient_is_named_by_input_and_index():
    with pytest.raises(AssertionError, match=r"dL/d\(input 1\)\[0, 1\]: analytic -?\d.*, numeric -?\d"):
        check_grads(lambda a, b: a + wrong_square(b), np.ones((2, 2)), np.ones((2, 2)))


def test_a_wrong_gradient_of_a_large_input_is_found_along_random_directions():
    with pytest.raises(AssertionError, match=r"dL/d\(input 0\) along a random direction"):
        check_grads(wrong_square, np.ones(30), max_elements=20)
    check_grads(lambda x: x * x, np.ones(30), max_elements=20)


def test_a_missing_gradient_is_found():
    with pytest.raises(AssertionError, match=r"dL/d\(input 0\)\[0\]: analytic 0"):
        check_grads(lambda x, y: x.detach() * y, [1.0], [2.0])


def test_a_wrong_second_derivative_is_found():
    def cube(x):
        return record(
            "cube",
            x.data**3,
            (x,),
            (lambda g, x: g * 3 * x.data**2 if isinstance(x, nets.Tensor) else g * 3 * x**2,),
            (x,),
        )

    check_grads(cube, [1.0, 2.0])
    with pytest.raises(AssertionError, match="analytic"):
        check_grads(cube, [1.0, 2.0], order=2)


def test_a_gradient_that_is_nan_is_an_error():
    with pytest.raises(AssertionError, match="analytic nan"):
        check_grads(lambda x: record("nan", x.data * 1, (x,), (lambda g: g * np.nan,)), [1.0])


def test_functions_that_are_random_are_refused():
    with pytest.raises(AssertionError, match="two calls of the function differ: seed what is random"):
        check_grads(lambda x: F.dropout(x, 0.5), np.ones(50))


def test_functions_of_ints_and_nested_outputs_are_checked():
    check_grads(lambda i, x: {"a": [x[i]], "b": (x * 2, i)}, [1, 1], [1.0, 2.0])
    with pytest.raises(AssertionError, match="the function returned no tensor of floats, but int"):
        check_grads(lambda x: 3, [1.0])


def test_inputs_stay_as_they_are():
    x = np.ones(3, np.float32)
    t = nets.Tensor([1.0], requires_grad=True)

    check_grads(lambda a, b: a * b, x, t)

    assert x.tolist() == [1, 1, 1]
    assert t.dtype == np.float32
    assert t.grad is None


def test_a_wrong_layer_is_named_by_its_parameter():
    class Wrong(nets.Module):
        def __init__(self):
            self.inner = nets.Linear(2, 2)

        def forward(self, x):
            return x @ self.inner.weight.detach() + self.inner.bias

    with pytest.raises(AssertionError, match=r"dL/d\(inner.weight\)\[0, 0\]: analytic 0"):
        check_layer(Wrong(), np.ones((1, 2)))


def test_a_checked_layer_stays_as_it_was():
    layer = nets.BatchNorm1d(3)
    before = layer.state_dict()

    check_layer(layer, np.random.default_rng(0).normal(0, 1, (4, 3)))

    assert layer.weight.dtype == np.float32
    assert layer.weight.grad is None
    assert all((layer.state_dict()[name] == before[name]).all() for name in before)


def test_a_model_that_cannot_learn_is_told():
    class Deaf(nets.Module):
        def __init__(self):
            self.weight = nets.Parameter(np.ones((3, 2)))

        def forward(self, x):
            return nets.Tensor(x) @ (self.weight * 1e-9)

    x = np.eye(3, dtype=np.float32)

    with pytest.raises(
        AssertionError, match=r"after 5 steps on one batch the loss is 0.693\d*, not below 0.1 of 0.693"
    ):
        overfits_one_batch(Deaf(), F.cross_entropy, x, np.array([0, 1, 0]), steps=5)


def test_models_of_several_inputs_and_other_optimizers():
    model = nets.Sequential(nets.Parallel(nets.Linear(2, 4), nets.Linear(3, 4)), nets.Add(), nets.Linear(4, 1))
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (4, 2)).astype(np.float32), rng.normal(0, 1, (4, 3)).astype(np.float32)

    losses = overfits_one_batch(
        model, F.mse_loss, x, np.float32([[1], [-1], [1], [0]]), optimizer=nets.optim.SGD(model.parameters(), lr=0.1)
    )

    assert len(losses) == 201
    assert losses[-1] < losses[0]
