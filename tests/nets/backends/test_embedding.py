"""Kernels of bags of embeddings against the NumPy reference."""

import numpy as np
import pytest

import nets
from nets.backends import load
from nets.backends.reference.pointwise import FROM_OUTPUT

reference, fast = load("numpy"), load("numba")
TOLERANCE = {np.float32: {"rtol": 2e-5, "atol": 2e-5}, np.float64: {"rtol": 1e-12, "atol": 1e-12}}


def case(dtype, bags=9, size=5, rows=7, width=70, kind=np.int64):
    rng = np.random.default_rng(bags + size)
    indices = rng.integers(0, rows, (bags, size)).astype(kind)
    weight = rng.standard_normal((rows, width)).astype(dtype)
    return indices, weight, rng.standard_normal(width).astype(dtype), rng.standard_normal((bags, width)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", FROM_OUTPUT)
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (9, 5, 7, 70), (3, 16, 256, 128), (4, 3, 2, 64)])
def test_kernels_agree_with_the_reference(dtype, activation, shape):
    indices, weight, bias, grad = case(dtype, *shape)
    y = fast.embedding_bag(indices, weight, bias, activation)

    np.testing.assert_allclose(y, reference.embedding_bag(indices, weight, bias, activation), **TOLERANCE[dtype])
    for ours, theirs in zip(
        fast.embedding_bag_backward(grad, indices, weight, y, activation),
        reference.embedding_bag_backward(grad, indices, weight, y, activation),
        strict=True,
    ):
        assert ours.dtype == dtype
        np.testing.assert_allclose(ours, theirs, **TOLERANCE[dtype])


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.uint16])
def test_any_ints_are_indices_and_memory_may_have_gaps(kind):
    indices, weight, bias, grad = case(np.float32, kind=kind)
    expected = reference.embedding_bag(indices, weight, bias)
    gradients = reference.embedding_bag_backward(grad, indices, weight, expected)

    turned = [np.asfortranarray(array) for array in (indices, weight, grad)]
    y = fast.embedding_bag(*turned[:2], bias)

    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)
    found = fast.embedding_bag_backward(turned[2], turned[0], turned[1], y)
    np.testing.assert_allclose(found[0], gradients[0], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found[1], gradients[1], rtol=1e-5, atol=1e-5)


def test_a_bag_is_a_linear_layer_of_counts():
    indices, weight, bias, _ = case(np.float64)
    counts = np.eye(7)[indices].sum(1)

    bag = nets.functional.embedding_bag(indices, nets.Tensor(weight), nets.Tensor(bias), "tanh")
    linear = nets.functional.linear(counts, nets.Tensor(weight.T.copy()), nets.Tensor(bias), "tanh")

    np.testing.assert_allclose(bag.numpy(), linear.numpy(), rtol=1e-12)


def test_the_gradient_goes_to_the_memory_of_the_optimiser_and_learns():
    layer = nets.EmbeddingBag(6, 4, activation="tanh", size=2, generator=np.random.default_rng(0))
    optimizer = nets.optim.Adam(layer.parameters(), lr=0.05)
    indices, target = np.array([[0, 1], [2, 3], [4, 5]]), np.eye(3, 4, dtype=np.float32)
    before = layer.weight.numpy().copy()

    for _ in range(100):
        optimizer.zero_grad()
        loss = nets.functional.mse_loss(layer(indices), target)
        loss.backward()
        assert layer.weight._grad is layer.weight._slot
        optimizer.step()

    assert loss.item() < 0.01
    assert (layer.weight.numpy() != before).any(1).all()


def test_indices_are_copied_until_the_way_back():
    weight, indices = nets.Tensor(np.ones((3, 2)), requires_grad=True), np.array([[0, 1]])

    y = nets.functional.embedding_bag(indices, weight)
    indices[...] = 2
    y.sum().backward()

    np.testing.assert_array_equal(weight.grad.numpy(), [[1, 1], [1, 1], [0, 0]])
