"""Convolution and pooling give PyTorch's values and gradients."""

import numpy as np
import pytest

from nets.backends import load

torch = pytest.importorskip("torch")
functional = torch.nn.functional

BACKENDS = ("numpy", "numba")
TOLERANCE = {np.float32: {"rtol": 2e-4, "atol": 1e-3}, np.float64: {"rtol": 1e-9, "atol": 1e-10}}
ACTIVATIONS = {
    "identity": lambda z: z,
    "relu": torch.relu,
    "leaky_relu": functional.leaky_relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}
# kernel, stride, padding, dilation, groups
CASES = [
    ((1, 1), (1, 1), (0, 0), (1, 1), 1),
    ((3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((3, 3), (2, 2), (1, 1), (1, 1), 1),
    ((2, 4), (1, 3), (0, 2), (2, 1), 1),
    ((5, 3), (3, 2), (2, 1), (1, 2), 1),
    ((3, 3), (2, 1), (1, 0), (1, 1), 2),
    ((1, 1), (2, 2), (1, 1), (1, 1), 2),
]


def leaves(dtype, *shapes):
    """Return random arrays, and the same as tensors that ask for gradients."""
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape).astype(dtype) for shape in shapes]
    return arrays, [torch.tensor(array, requires_grad=True) for array in arrays]


def assert_same(arrays, tensors, dtype):
    for array, tensor in zip(arrays, tensors, strict=True):
        assert array.dtype == dtype
        np.testing.assert_allclose(array, tensor.detach().numpy(), **TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_convolution(name, case, activation, dtype):
    kernel, *setting, groups = case
    ops = load(name)
    (x, w, b), tensors = leaves(dtype, (3, 4, 9, 11), (6, 4 // groups, *kernel), (6,))

    y, saved = ops.conv2d(x, w, b, *setting, groups, activation)
    grad = np.random.default_rng(1).normal(size=y.shape).astype(dtype)
    gradients = ops.conv2d_backward(grad, x, w, y, saved, *setting, groups, activation)

    z = ACTIVATIONS[activation](functional.conv2d(*tensors, *setting, groups))
    z.backward(torch.tensor(grad))
    assert_same((y, *gradients), (z, *(t.grad for t in tensors)), dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_transposed_convolution(name, case, activation, dtype):
    kernel, stride, padding, dilation, groups = case
    extra = tuple(max(s, d) - 1 for s, d in zip(stride, dilation, strict=True))
    ops = load(name)
    (x, w, b), tensors = leaves(dtype, (3, 4, 9, 11), (4, 6 // groups, *kernel), (6,))

    y, saved = ops.conv_transpose2d(x, w, b, stride, padding, extra, dilation, groups, activation)
    grad = np.random.default_rng(1).normal(size=y.shape).astype(dtype)
    gradients = ops.conv_transpose2d_backward(
        grad, x, w, y, saved, stride, padding, extra, dilation, groups, activation
    )

    z = ACTIVATIONS[activation](functional.conv_transpose2d(*tensors, stride, padding, extra, groups, dilation))
    z.backward(torch.tensor(grad))
    assert_same((y, *gradients), (z, *(t.grad for t in tensors)), dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize(
    "case", [((2, 2), (2, 2), (0, 0)), ((3, 2), (2, 1), (1, 1)), ((3, 3), (4, 2), (1, 0))], ids=str
)
def test_pooling(name, case, dtype):
    ops = load(name)
    (x,), (of_max,) = leaves(dtype, (3, 4, 9, 11))
    _, (of_mean,) = leaves(dtype, (3, 4, 9, 11))

    y, taps = ops.max_pool2d(x, *case)
    average = ops.avg_pool2d(x, *case)
    grad = np.random.default_rng(1).normal(size=y.shape).astype(dtype)
    ours = (
        ops.max_pool2d_backward(grad, taps, x.shape, *case),
        ops.avg_pool2d_backward(grad, x.shape, *case),
    )

    largest, mean = functional.max_pool2d(of_max, *case), functional.avg_pool2d(of_mean, *case)
    largest.backward(torch.tensor(grad))
    mean.backward(torch.tensor(grad))
    assert_same((y, average, *ours), (largest, mean, of_max.grad, of_mean.grad), dtype)
