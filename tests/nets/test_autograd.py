"""Gradients as functions: nesting, trees of arguments, modules."""

from collections import namedtuple

import numpy as np
import pytest

import nets
from nets import functional as F


def cube(x):
    return x**3


def test_gradients_nest():
    assert nets.grad(cube)(2.0).item() == 12
    assert nets.grad(nets.grad(cube))(2.0).item() == 12
    assert nets.grad(nets.grad(nets.grad(cube)))(2.0).item() == 6
    assert nets.grad(nets.grad(nets.grad(nets.grad(cube))))(2.0).item() == 0


def test_an_inner_gradient_depends_on_outer_variables_that_it_closes_over():
    """d/dw of d/dx (w x^2) at x = 3 is 6."""
    assert nets.grad(lambda w: nets.grad(lambda x: w * x * x)(3.0))(2.0).item() == 6


def test_inner_and_outer_uses_of_a_variable_are_told_apart():
    """The inner derivative of a x by a alone is x, though both are the same number."""
    assert nets.grad(lambda x: nets.grad(lambda a: a * x)(x))(5.0).item() == 1
    assert nets.grad(lambda x: x * nets.grad(lambda y: x + y)(1.0))(1.0).item() == 1


def test_one_tensor_as_two_arguments():
    x = nets.Tensor([3.0], requires_grad=True)

    slopes = nets.grad(lambda a, b: (a * a * b).sum(), (0, 1))(x, x)

    assert [g.item() for g in slopes] == [18, 9]
    assert x.grad is None


def test_values_come_with_gradients():
    value, slope = nets.value_and_grad(cube)(2.0)

    assert (value.item(), slope.item()) == (8, 12)
    assert not value.requires_grad
    assert not slope.requires_grad


def test_positions_of_arguments():
    def function(a, b, c):
        return (a * b - c).sum()

    assert nets.grad(function, 1)(2.0, 3.0, 4.0).item() == 2
    assert [g.item() for g in nets.grad(function, (0, -1))(2.0, 3.0, 4.0)] == [3, -1]
    with pytest.raises(nets.ArgumentError, match="argnums must be below the number of arguments, 1, got 1"):
        nets.grad(cube, 1)(2.0)


Pair = namedtuple("Pair", "first second")


def test_arguments_may_be_trees():
    tree = {"a": np.ones(2), "b": [nets.Tensor([2.0]), (3.0, np.ones(1))], "c": Pair(np.ones(1), 4.0), "d": 1.0}

    def function(tree):
        a, (b, (c, d)), e = tree["a"], tree["b"], tree["c"]
        return (a * 2).sum() + (b * c).sum() + d.sum() * 5 + (e.first * e.second).sum()

    slopes = nets.grad(function)(tree)

    assert slopes["a"].tolist() == [2, 2]
    assert slopes["b"][0].tolist() == [3]
    assert slopes["b"][1][0].item() == 2
    assert slopes["b"][1][1].tolist() == [5]
    assert isinstance(slopes["c"], Pair)
    assert (slopes["c"].first.tolist(), slopes["c"].second.item()) == ([4], 1)
    assert slopes["d"].item() == 0


def test_a_list_of_numbers_is_a_vector():
    assert nets.grad(lambda x: (x * x).sum())([1.0, 2.0]).tolist() == [2, 4]


def test_a_module_gives_the_gradients_of_its_parameters_by_name(backend):
    model = nets.Linear(3, 2)
    x, y = np.ones((4, 3), np.float32), np.array([0, 1, 1, 0])

    loss, slopes = nets.value_and_grad(lambda m: F.cross_entropy(m(x), y))(model)
    F.cross_entropy(model(x), y).backward()

    assert loss.item() > 0
    assert list(slopes) == ["weight", "bias"]
    np.testing.assert_array_equal(slopes["weight"].numpy(), model.weight.grad.numpy())


def test_frozen_parameters_are_left_out():
    model = nets.Linear(3, 2)
    model.bias.requires_grad_(False)

    slopes = nets.grad(lambda m: m(np.ones((4, 3), np.float32)).sum())(model)

    assert list(slopes) == ["weight"]


def test_a_module_without_parameters_has_no_gradients():
    assert nets.grad(lambda m: m(nets.Tensor([1.0])).sum())(nets.Tanh()) == {}


def test_a_module_beside_other_arguments():
    model = nets.Linear(1, 1, bias=False)

    of_model, of_x = nets.grad(lambda m, x: m(x).sum(), (0, 1))(model, np.full((1, 1), 3, np.float32))

    assert of_model["weight"].tolist() == [[3]]
    assert of_x.tolist() == model.weight.tolist()


def test_tensors_with_gradients_may_go_through_compiled_operations():
    """Nothing is nested here, so that no second derivative is needed."""
    w = nets.Tensor(np.ones((2, 3)), requires_grad=True)

    assert nets.grad(lambda w: F.linear(np.ones((1, 3)), w).sum())(w).tolist() == [[1, 1, 1], [1, 1, 1]]


def test_gradients_are_arrays_of_their_own():
    a, b = nets.grad(lambda a, b: (a + b).sum(), (0, 1))(np.ones(2), np.ones(2))

    a[0] = 5.0

    assert b.tolist() == [1, 1]


def test_gradients_by_results_as_well_as_leaves():
    x = nets.Tensor([3.0], requires_grad=True)
    y = x * x

    by_y, by_x, by_other = nets.gradients((y * y).sum(), [y, x, nets.Tensor([1.0], requires_grad=True)])

    assert (by_y.item(), by_x.item(), by_other) == (18, 108, None)
    assert x.grad is None


def test_gradients_leave_kept_gradients_alone():
    x = nets.Tensor([3.0], requires_grad=True)
    y = x * x
    y.retain_grad()

    nets.gradients((y * y).sum(), [x])

    assert y.grad is None


def test_gradients_take_the_gradient_of_a_result():
    x = nets.Tensor([1.0, 2.0], requires_grad=True)

    (slope,) = nets.gradients(x * x, [x], [1.0, 10.0])

    assert slope.tolist() == [2, 40]


def test_gradients_by_the_output_itself():
    x = nets.Tensor([3.0], requires_grad=True)
    y = x * 2

    assert [g.item() for g in nets.gradients(y, [y, x])] == [1, 2]
    assert nets.gradients(x, [x])[0].item() == 1


def test_a_function_must_return_one_number():
    with pytest.raises(nets.ShapeError, match=r"must return a tensor of one element, got shape \(2,\)"):
        nets.grad(lambda x: x * 2)([1.0, 2.0])
    with pytest.raises(nets.ShapeError, match="must return a tensor of one element, got float"):
        nets.grad(lambda x: 3.0)(1.0)
    with pytest.raises(nets.GraphError, match="does not depend on any tensor"):
        nets.gradients(nets.Tensor([1.0]), [])


def test_a_constant_function_has_zero_gradient():
    assert nets.grad(lambda x: nets.Tensor(3.0))([1.0, 2.0]).tolist() == [0, 0]


def test_gradients_are_taken_within_no_grad_too():
    with nets.no_grad():
        assert nets.grad(cube)(2.0).item() == 12


def test_an_error_within_does_not_leave_the_next_call_nested():
    with pytest.raises(ZeroDivisionError):
        nets.grad(lambda x: 1 / 0)(1.0)

    assert not nets.grad(cube)(2.0).requires_grad
