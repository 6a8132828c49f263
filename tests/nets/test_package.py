"""The package as a user meets it: names, what an import costs, back ends, errors."""

import subprocess
import sys

import numpy as np
import pytest

import nets
from nets import errors


def python(code):
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_importing_the_package_compiles_nothing_and_loads_nothing():
    python(
        "import sys, nets\n"
        "assert not {'numba', 'scipy', 'torch', 'numpy'} & set(sys.modules)\n"
        "assert not any(name.startswith('nets.') for name in sys.modules), 'a module of ours was loaded'"
    )


def test_a_model_on_the_reference_needs_no_numba():
    python(
        "import sys, nets, numpy as np\n"
        "nets.backends.use('numpy')\n"
        "model = nets.Sequential(nets.Linear(2, 3, activation='relu'), nets.LSTM(3, 2))\n"
        "optimizer = nets.optim.Adam(model.parameters())\n"
        "model(np.ones((1, 1, 2), np.float32))[0].sum().backward()\n"
        "optimizer.step()\n"
        "assert 'numba' not in sys.modules"
    )


def test_making_a_model_compiles_no_kernel():
    python(
        "import nets, numpy as np\n"
        "import nets.backends.jit\n"
        "from numba.core.dispatcher import Dispatcher\n"
        "import gc\n"
        "nets.Sequential(nets.Conv2d(1, 2, 3), nets.LSTM(3, 2), nets.TransformerBlock(4, 2))\n"
        "kernels = [d for d in gc.get_objects() if isinstance(d, Dispatcher)]\n"
        "ours = [d for d in kernels if d.py_func.__module__.startswith('nets')]\n"
        "assert ours\n"
        "assert not any(d.overloads for d in ours)"
    )


@pytest.mark.parametrize("name", nets.__all__)
def test_every_public_name_is_there(name):
    assert getattr(nets, name) is not None
    assert name in dir(nets)


def test_public_names_are_what_they_were_after_their_modules_were_imported():
    """A module of the name of a function would hide it."""
    out = python(
        "import importlib, pkgutil, nets\n"
        "before = {name: getattr(nets, name) for name in nets.__all__}\n"
        "for module in pkgutil.iter_modules(nets.__path__, 'nets.'):\n"
        "    importlib.import_module(module.name)\n"
        "print([name for name in nets.__all__ if getattr(nets, name) is not before[name]])"
    )

    assert out.strip() == "[]"


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="module 'nets' has no attribute 'nothing'"):
        _ = nets.nothing


def test_back_ends_are_chosen_for_good_or_for_a_block():
    before = nets.backend().name
    with nets.use("numpy"):
        assert nets.backend().name == "numpy"
        with nets.use("numba"):
            assert nets.backend().name == "numba"
        assert nets.backend().name == "numpy"

    assert nets.backend().name == before


def test_an_unknown_back_end_is_refused_and_changes_nothing():
    before = nets.backend().name

    with pytest.raises(nets.ArgumentError, match="backend must be one of numpy, numba, cupy, got 'torch'"):
        nets.use("torch")

    assert nets.backend().name == before


def test_a_graph_may_be_recorded_on_one_back_end_and_gone_back_on_another():
    model = nets.Sequential(nets.Conv2d(1, 2, 3, activation="relu"), nets.Flatten(), nets.Linear(8, 3))
    x = np.random.default_rng(0).normal(0, 1, (2, 1, 4, 4)).astype(np.float32)
    slopes = []
    for there, back in (("numpy", "numba"), ("numba", "numpy"), ("numpy", "numpy")):
        model.zero_grad()
        with nets.use(there):
            loss = nets.functional.cross_entropy(model(x), [0, 2])
        with nets.use(back):
            loss.backward()
        slopes.append(np.concatenate([p.grad.numpy().ravel() for p in model.parameters()]))

    np.testing.assert_allclose(slopes[0], slopes[2], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(slopes[1], slopes[2], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.ShapeError, ValueError),
        (errors.ArgumentError, ValueError),
        (errors.DtypeError, TypeError),
        (errors.GraphError, RuntimeError),
        (errors.AnomalyError, ArithmeticError),
        (errors.BackendError, RuntimeError),
        (errors.MissingDataError, errors.DataError),
        (errors.CorruptDataError, errors.DataError),
        (errors.CheckpointError, errors.NetsError),
    ],
)
def test_errors_are_one_family_and_python_kinds(kind, builtin):
    assert issubclass(kind, errors.NetsError)
    assert issubclass(kind, builtin)
    assert f"{kind.__name__}" in errors.__doc__
    assert getattr(nets, kind.__name__) is kind
