"""Normalizations agree with PyTorch in values, gradients and statistics."""

from typing import Any

import numpy as np
import pytest

import nets
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


def loaded(ours: Any, theirs: Any) -> Any:
    ours.load_state_dict(theirs.state_dict())
    return ours


def test_batch_norm_of_sequences_with_cumulative_statistics_is_that_of_torch() -> None:
    theirs = torch.nn.BatchNorm1d(8, momentum=None)
    ours = loaded(nets.BatchNorm1d(8, momentum=None), theirs)
    for seed in range(3):
        x = values((4, 8, 5), np.float32, seed)
        mine, other = nets.Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        y, expected = ours(mine), theirs(other)
        (y**3).sum().backward()
        (expected**3).sum().backward()
        assert_same([y.numpy(), mine.grad.numpy()], [expected, other.grad], 1e-5)

    statistics = [ours.running_mean.numpy(), ours.running_var.numpy()]
    assert_same(statistics, [theirs.running_mean, theirs.running_var], 1e-5)
    assert_same([ours.eval()(x).numpy()], [theirs.eval()(torch.tensor(x))], 1e-5)


def test_layer_norm_of_several_axes_is_that_of_torch() -> None:
    theirs = torch.nn.LayerNorm((3, 4))
    torch.nn.init.normal_(theirs.weight)
    torch.nn.init.normal_(theirs.bias)
    ours = loaded(nets.LayerNorm((3, 4)), theirs)
    x = values((5, 3, 4), np.float32)
    mine, other = nets.Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)

    y, expected = ours(mine), theirs(other)
    (y**3).sum().backward()
    (expected**3).sum().backward()

    results = [y, mine.grad, ours.weight.grad, ours.bias.grad]
    assert_same([r.numpy() for r in results], [expected, other.grad, theirs.weight.grad, theirs.bias.grad], 2e-5)


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_gradients_at_nan_go_where_torch_sends_them(name: str) -> None:
    a, b = np.array([np.nan, 1, np.nan, 2, 3], np.float32), np.array([1, np.nan, np.nan, 2, 1], np.float32)
    mine = [nets.Tensor(x, requires_grad=True) for x in (a, b)]
    theirs = leaves(a, b)

    getattr(nets.ops, name)(*mine).sum().backward()
    getattr(torch, name)(*theirs).sum().backward()

    assert_same([t.grad.numpy() for t in mine], [t.grad for t in theirs], 0)
