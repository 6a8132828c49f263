"""Tensors: what they are made of, what they show, what may be written to them."""

import copy

import numpy as np
import pytest

import nets


def test_python_numbers_become_float32_int64_or_bool():
    assert nets.Tensor([1.0, 2]).dtype == np.float32
    assert nets.Tensor([1, 2]).dtype == np.int64
    assert nets.Tensor([True]).dtype == np.bool_
    assert nets.Tensor(2.5).shape == ()


def test_arrays_keep_dtype_and_memory():
    array = np.zeros((2, 3))

    assert nets.Tensor(array).data is array
    assert nets.Tensor(np.float32(3)).dtype == np.float32
    assert nets.Tensor(array, dtype=np.float32).dtype == np.float32


def test_a_tensor_of_a_tensor_shares_memory():
    x = nets.Tensor([1.0])

    assert nets.Tensor(x).data is x.data


@pytest.mark.parametrize("values", ["text", None, {"a": 1}, [1j]])
def test_what_is_no_number_is_refused(values):
    with pytest.raises(nets.DtypeError, match="a tensor holds numbers, got"):
        nets.Tensor(values)


def test_only_floats_can_have_gradients():
    with pytest.raises(nets.DtypeError, match="only tensors of floats can have a gradient, got dtype int64"):
        nets.Tensor([1], requires_grad=True)


def test_a_tensor_tells_its_size():
    x = nets.Tensor(np.zeros((2, 3)))

    assert (x.shape, x.ndim, x.dim(), x.numel(), len(x)) == ((2, 3), 2, 2, 6, 2)
    with pytest.raises(nets.ShapeError, match=r"len\(\) of a tensor without axes"):
        len(nets.Tensor(1.0))


def test_a_tensor_of_one_element_is_a_number():
    x = nets.Tensor([[2.5]])

    assert (x.item(), float(x), int(x), bool(x)) == (2.5, 2.5, 2, True)
    with pytest.raises(nets.ShapeError, match=r"item\(\) needs a tensor of one element, got shape \(2,\)"):
        nets.Tensor([1.0, 2.0]).item()


def test_tensors_without_axes_stay_tensors():
    x = nets.Tensor(2.0, requires_grad=True)
    y = x * x + 1

    y.backward()
    x.grad.data[...] = 7
    (x * 1).backward()

    assert isinstance(y.data, np.ndarray)
    assert isinstance(x.grad.data, np.ndarray)
    assert x.grad.item() == 8


def test_tensors_show_values_dtype_and_origin():
    x = nets.Tensor([1.0], requires_grad=True)

    assert repr(x) == "Tensor([1.], requires_grad=True)"
    assert repr(x * 2) == "Tensor([2.], op=mul)"
    assert repr(nets.Tensor(np.ones(1))) == "Tensor([1.], dtype=float64)"
    assert repr(nets.Tensor([1])) == "Tensor([1])"


def test_arrays_and_lists_on_the_left_make_tensors():
    x = nets.Tensor([1.0, 2.0], requires_grad=True)

    for y in (np.ones(2, np.float32) + x, [1.0, 1.0] * x, np.float64(2) * x, np.ones((2, 2), np.float32) @ x, 2 - x):
        assert isinstance(y, nets.Tensor)
        assert y.requires_grad
        assert y.dtype == np.float32


def test_tensors_become_arrays():
    x = nets.Tensor([1.0, 2.0], requires_grad=True)

    assert np.asarray(x).tolist() == [1, 2]
    assert np.asarray(x, np.float64).dtype == np.float64
    assert x.numpy() is x.data
    assert x.tolist() == [1, 2]
    assert np.array(x) is not x.data


def test_comparisons_compare_elements():
    x = nets.Tensor([1.0, 2.0, 3.0])

    results = [x == 2, x != 2, x < 2, x <= 2, x > 2, x >= nets.Tensor([2.0, 2.0, 2.0])]

    assert [r.tolist() for r in results] == [
        [False, True, False],
        [True, False, True],
        [True, False, False],
        [True, True, False],
        [False, False, True],
        [False, True, True],
    ]
    assert all(r.dtype == np.bool_ for r in results)


def test_tensors_can_be_keys():
    x, y = nets.Tensor([1.0]), nets.Tensor([1.0])

    assert len({x, y, x}) == 2


def test_iteration_yields_rows():
    assert [row.tolist() for row in nets.Tensor([[1, 2], [3, 4]])] == [[1, 2], [3, 4]]


def test_writing_changes_the_memory():
    array = np.zeros(3)
    x = nets.Tensor(array)

    x[1:] = nets.Tensor([5.0, 6.0])
    x[nets.Tensor([0])] = 4

    assert array.tolist() == [4, 5, 6]


def test_copying_values_checks_the_shape():
    x = nets.Tensor([1.0, 2.0])

    x.copy_([3, 4])

    assert x.tolist() == [3, 4]
    assert x.dtype == np.float32
    with pytest.raises(nets.ShapeError, match=r"copy_\(\) into a tensor of shape \(2,\) from shape \(1,\)"):
        x.copy_([1.0])


def test_a_gradient_that_is_set_must_have_the_shape():
    x = nets.Tensor([1.0, 2.0], requires_grad=True)
    x.grad = [1, 2]

    assert x.grad.dtype == np.float32
    with pytest.raises(nets.ShapeError, match=r"grad must have the shape of the tensor, \(2,\), got \(1,\)"):
        x.grad = [1.0]


def test_a_result_cannot_become_a_leaf():
    y = nets.Tensor([1.0], requires_grad=True) * 2

    with pytest.raises(nets.GraphError, match="on leaves only; this is the result of mul"):
        y.requires_grad_(False)
    with pytest.raises(nets.GraphError, match=r"retain_grad\(\) on a tensor that does not require"):
        nets.Tensor([1.0]).retain_grad()


def test_a_tensor_of_one_element_is_formatted_as_a_number():
    x = nets.Tensor(1.25, requires_grad=True)

    assert f"{x:.1f}" == "1.2"
    assert f"{x}" == repr(x)


def test_conversion_to_what_is_no_dtype_is_refused():
    with pytest.raises(nets.ArgumentError, match="must be a dtype or one of numpy, numba, cupy, got 'cuda'"):
        nets.Tensor([1.0]).to("cuda")


def test_conversion_returns_the_same_tensor_where_nothing_changes():
    x = nets.Tensor([1.0])

    assert x.to(np.float32) is x
    assert x.float() is x
    assert x.to("numpy") is x
    assert x.double().dtype == np.float64
    assert x.to(np.int64).tolist() == [1]


def test_gradients_follow_a_conversion():
    x = nets.Tensor([1.0], requires_grad=True)

    (x.double() * 2).sum().backward()

    assert x.grad.dtype == np.float32
    assert x.grad.tolist() == [2]


def test_copies_of_leaves():
    x = nets.Tensor([1.0], requires_grad=True)
    (x * 2).sum().backward()

    twin = copy.deepcopy(x)
    twin.grad.data[...] = 5
    with nets.no_grad():
        twin[0] = 9

    assert (x.item(), x.grad.item()) == (1, 2)
    assert twin.requires_grad


@pytest.mark.parametrize(
    ("index", "values", "message"),
    [
        (0, [1.0, 2.0], r"values of shape \(2,\) put into shape \(2, 3\): "),
        ((0, 5), 1.0, r"values of shape \(\) put into shape \(2, 3\): .* out of bounds"),
    ],
)
def test_values_that_do_not_fit_where_they_are_put_are_refused(index, values, message):
    x = nets.Tensor(np.zeros((2, 3), np.float32))

    with pytest.raises(nets.ShapeError, match=message):
        x[index] = values
