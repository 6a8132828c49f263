"""Gradients in the memory of an optimiser."""

import numpy as np
import pytest

import nets
from nets import functional as F


def test_a_leaf_that_is_both_input_and_weight_gets_both_gradients(backend):
    start = np.random.default_rng(0).normal(0, 1, (4, 4)).astype(np.float32)
    c = np.random.default_rng(1).normal(0, 1, (4, 4)).astype(np.float32)
    slopes = []
    for owned in (False, True):
        w = nets.Parameter(start)
        if owned:
            nets.optim.SGD([w], lr=0.1)
        (F.linear(w, w) * c).sum().backward()
        slopes.append(w.grad.numpy())

    np.testing.assert_allclose(slopes[0], c @ start + c.T @ start, rtol=1e-4)
    np.testing.assert_array_equal(slopes[1], slopes[0])


def test_a_gradient_that_was_looked_at_stays(backend):
    layer = nets.Linear(2, 1, bias=False)
    optimizer = nets.optim.SGD(layer.parameters(), lr=0.1)
    kept = []
    for i in (1, 2, 3):
        optimizer.zero_grad()
        layer(np.full((1, 2), i, np.float32)).sum().backward()
        kept.append(layer.weight.grad)
        optimizer.step()

    assert [grad.numpy()[0, 0] for grad in kept] == [1, 2, 3]


def test_changing_a_gradient_changes_the_step(backend):
    layer = nets.Linear(2, 1, bias=False)
    optimizer = nets.optim.SGD(layer.parameters(), lr=1.0)
    before = layer.weight.numpy().copy()

    layer(np.ones((1, 2), np.float32)).sum().backward()
    layer.weight.grad[0, 1] = 0.0
    optimizer.step()

    np.testing.assert_allclose(before - layer.weight.numpy(), [[1, 0]], atol=1e-6)


@pytest.mark.parametrize("looked", [False, True])
def test_gradients_add_up_whether_or_not_someone_looks(looked, backend):
    layer = nets.Linear(2, 1, bias=False)
    nets.optim.SGD(layer.parameters(), lr=1.0)
    for _ in range(3):
        layer(np.ones((1, 2), np.float32)).sum().backward()
        if looked:
            assert layer.weight.grad is not None

    assert layer.weight.grad.tolist() == [[3.0, 3.0]]
