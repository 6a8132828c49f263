"""Normalizations agree with PyTorch in values, gradients and statistics."""

from typing import Any

import numpy as np
import pytest

from nets.backends import load

torch = pytest.importorskip("torch")

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-10}
SHAPES = [(12, 8), (3, 8, 5, 4)]


@pytest.fixture(params=["numpy", "numba"])
def ops(request: pytest.FixtureRequest) -> Any:
    return load(request.param)


@pytest.fixture(params=[np.float32, np.float64])
def tolerance(request: pytest.FixtureRequest) -> Any:
    return request.param, TOLERANCE[request.param]


def values(shape: tuple[int, ...], dtype: type, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(0.3, 1.2, shape).astype(dtype)


def leaves(*arrays: Any) -> list[Any]:
    return [torch.tensor(array, requires_grad=True) for array in arrays]


def assert_same(ours: Any, theirs: list[Any], tolerance: float) -> None:
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other.detach().numpy(), rtol=tolerance, atol=10 * tolerance)


def test_layer_norm_is_that_of_torch(ops: Any, tolerance: Any) -> None:
    dtype, close = tolerance
    x, w, b, g = values((7, 33), dtype), values((33,), dtype, 1), values((33,), dtype, 2), values((7, 33), dtype, 3)
    inputs = leaves(x, w, b)

    y, saved = ops.layer_norm(x, w, b, 1e-5)
    grads = ops.layer_norm_backward(g, x, w, saved)
    expected = torch.nn.functional.layer_norm(inputs[0], (33,), inputs[1], inputs[2], 1e-5)
    expected.backward(torch.tensor(g))

    assert_same([y, *grads], [expected, *(leaf.grad for leaf in inputs)], close)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_is_that_of_torch(ops: Any, tolerance: Any, shape: tuple[int, ...], training: bool) -> None:
    dtype, close = tolerance
    x, w, b, g = values(shape, dtype), values((8,), dtype, 1), values((8,), dtype, 2), values(shape, dtype, 3)
    mean, var = values((8,), dtype, 4), np.abs(values((8,), dtype, 5)) + dtype(0.1)
    running_mean, running_var = torch.tensor(mean), torch.tensor(var)
    inputs = leaves(x, w, b)

    given = (None, None) if training else (mean, var)
    y, saved, batch_mean, batch_var = ops.batch_norm(x, w, b, *given, 1e-5)
    grads = ops.batch_norm_backward(g, x, w, saved)
    expected = torch.nn.functional.batch_norm(
        inputs[0], running_mean, running_var, inputs[1], inputs[2], training, 1.0, 1e-5
    )
    expected.backward(torch.tensor(g))

    assert_same([y, *grads], [expected, *(leaf.grad for leaf in inputs)], close)
    count = x.size // 8
    unbiased = batch_var * dtype(count / (count - 1)) if training else batch_var  # what PyTorch keeps
    assert_same([batch_mean, unbiased], [running_mean, running_var], close)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n_groups", [1, 2, 4])
def test_group_norm_is_that_of_torch(ops: Any, tolerance: Any, shape: tuple[int, ...], n_groups: int) -> None:
    dtype, close = tolerance
    x, w, b, g = values(shape, dtype), values((8,), dtype, 1), values((8,), dtype, 2), values(shape, dtype, 3)
    inputs = leaves(x, w, b)

    y, saved = ops.group_norm(x, n_groups, w, b, 1e-5)
    grads = ops.group_norm_backward(g, x, n_groups, w, saved)
    expected = torch.nn.functional.group_norm(inputs[0], n_groups, inputs[1], inputs[2], 1e-5)
    expected.backward(torch.tensor(g))

    assert_same([y, *grads], [expected, *(leaf.grad for leaf in inputs)], close)
