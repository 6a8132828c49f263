"""What `Module.load_state_dict` takes, and what it refuses without changing anything."""

import numpy as np
import pytest

import nets


def tied():
    first, second = nets.Linear(2, 2), nets.BatchNorm1d(2)
    model = nets.Sequential(first, second, nets.Linear(2, 2))
    model[2].weight = first.weight
    return model


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"0.bias": np.ones(2, int)}, r"tensor 0.bias: the state has int64 \(2,\), the model has float32 \(2,\)"),
        ({"0.bias": np.ones(2, bool)}, "tensor 0.bias: the state has bool"),
        (
            {"1.num_batches_tracked": np.array(3.0)},
            r"tensor 1.num_batches_tracked: the state has float64 \(\), the model has int64 \(\)",
        ),
        ({"1.num_batches_tracked": np.array(True)}, "the state has bool"),
        ({"0.bias": np.ones(2, complex)}, "tensor 0.bias must hold numbers, got dtype complex128"),
        ({"0.bias": [[1.0], 2.0]}, "tensor 0.bias must hold numbers: "),
        ({"2.weight": np.zeros((2, 2))}, "tensors 0.weight and 2.weight are one in the model, but differ in the state"),
        (
            {"0.weight": np.full((2, 2), np.nan)},
            "tensors 0.weight and 2.weight are one in the model, but differ in the state",
        ),
    ],
)
def test_values_that_do_not_fit_leave_the_model_as_it_was(backend, changes, message):
    model = tied()
    before = model.state_dict()
    state = {name: array + 1 for name, array in before.items()} | changes

    with pytest.raises(nets.CheckpointError, match=message):
        model.load_state_dict(state)

    assert all((array == before[name]).all() for name, array in model.state_dict().items())


def test_an_overflow_that_numpy_raises_leaves_the_model_as_it_was():
    model = tied()
    before = model.state_dict()
    state = {name: array + 1 for name, array in before.items()} | {"2.bias": np.array([1e300, 0.0])}

    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        model.load_state_dict(state)

    assert all((array == before[name]).all() for name, array in model.state_dict().items())


def test_precisions_are_converted_and_so_are_sizes_of_ints(backend):
    model = tied()
    state = {
        name: array.astype(np.float16 if array.dtype.kind == "f" else np.uint8) + 1
        for name, array in model.state_dict().items()
    }

    model.load_state_dict(state)

    for name, array in model.state_dict().items():
        assert array.dtype == (np.float32 if name != "1.num_batches_tracked" else np.int64)
        np.testing.assert_array_equal(array, state[name])


def test_values_that_are_not_numbers_are_copied_also_to_shared_weights(backend):
    model = tied()
    state = model.state_dict()
    state["0.weight"][0, 1] = state["2.weight"][0, 1] = np.nan

    model.load_state_dict(state)

    np.testing.assert_array_equal(model[2].weight.numpy(), state["0.weight"])


def test_one_name_of_a_shared_tensor_is_enough_where_names_may_differ():
    model = tied()

    model.load_state_dict({"2.weight": np.ones((2, 2))}, strict=False)

    assert (model[0].weight.numpy() == 1).all()
