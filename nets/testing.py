"""Checks for operations, layers and models: gradients against central differences, and one batch learned by heart.

The derivative of a smooth function is (f(x + e) - f(x - e)) / 2e up to terms of order e^2. In float64 with e = 1e-5 the
two agree to about ten digits; in float32 they would agree to two, so everything here computes in float64.

>>> import nets
>>> check_grads(lambda a, b: (a * b).sum(), [1.0, 2.0], [3.0, 4.0])
>>> check_layer(nets.Linear(3, 2, activation="tanh"), np.ones((4, 3)))
"""

import copy
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from nets.autograd import gradients
from nets.backends import backend
from nets.graph import enable_grad, no_grad
from nets.layers.module import Module
from nets.optim import Adam, Optimizer
from nets.tensor import Operand, Tensor, as_tensor

Variable = tuple[str, Tensor]
"""A name for messages, and a leaf of float64 to differentiate by."""


def check_grads(
    function: Callable[..., Any],
    *inputs: Operand,
    eps: float = 1e-5,
    rtol: float = 1e-5,
    atol: float = 1e-7,
    order: int = 1,
    max_elements: int = 500,
    seed: int = 0,
) -> None:
    """Compare the gradients of a function of tensors with central differences.

    The outputs y are projected on fixed random numbers c, L = sum c y, so that one backward pass gives c^T J, which
    differs from the truth if any entry of the Jacobian J does. It is compared for each element of each input; in
    inputs of more than ``max_elements`` along three random directions instead.

    Parameters
    ----------
    function : callable
        Takes the inputs as tensors; returns a tensor, or tensors in nested tuples, lists and dictionaries. Two calls
        must give the same: seed what is random within.
    *inputs : array_like
        Floats are converted to float64 and differentiated by; ints and bools are handed on as they are.
    eps : float
        Step of the differences.
    rtol, atol : float
        What is allowed: |analytic - numeric| <= atol + rtol |numeric|.
    order : int
        2 checks also the gradient of the gradient, which only elementary operations have; 3 and so on likewise.
    max_elements : int
        Size from which random directions take the place of single elements.
    seed : int
        Of c and of the directions.

    Raises
    ------
    AssertionError
        Naming input and index, the analytic and the numeric derivative.

    Examples
    --------
    >>> check_grads(lambda x: x**3, [1.0, 2.0], order=3)
    >>> check_grads(lambda x: x * x.detach(), [3.0])
    Traceback (most recent call last):
        ...
    AssertionError: dL/d(input 0)[0]: analytic 0.377191, numeric 0.754381
    """
    tensors = [_variable(x) for x in inputs]
    variables = [(f"input {i}", t) for i, t in enumerate(tensors) if t.requires_grad]
    _check(lambda: function(*tensors), variables, eps, rtol, atol, max_elements, seed)
    if order > 1:
        check_grads(
            _gradient_of(function, tensors, seed),
            *(t.data for t in tensors),
            eps=eps,
            rtol=rtol,
            atol=atol,
            order=order - 1,
            max_elements=max_elements,
            seed=seed + 1,
        )


def check_layer(
    module: Module,
    *inputs: Any,
    eps: float = 1e-5,
    rtol: float = 1e-5,
    atol: float = 1e-7,
    max_elements: int = 500,
    seed: int = 0,
    **options: Any,
) -> None:
    """Compare the gradients of a module, by its inputs and by all its parameters, with central differences.

    The check is made on a copy of the module in float64; the module itself stays as it is. Keyword arguments beside
    those of `check_grads` are handed to the module. Frozen parameters are left out.

    Examples
    --------
    >>> import nets
    >>> check_layer(nets.LSTM(2, 3), np.ones((4, 1, 2)))
    """
    twin = copy.deepcopy(module).to(np.float64)
    tensors = [_map_floats(x) for x in inputs]
    variables = [(f"input {i}", t) for i, x in enumerate(tensors) for t in _tensors(x) if t.requires_grad]
    variables += [(name, parameter) for name, parameter in twin.named_parameters() if parameter.requires_grad]
    _check(lambda: twin(*tensors, **options), variables, eps, rtol, atol, max_elements, seed)


def overfits_one_batch(
    model: Module,
    loss: Callable[[Any, Any], Tensor],
    x: Any,
    y: Any,
    *,
    steps: int = 200,
    lr: float = 1e-2,
    share: float = 0.1,
    optimizer: Optimizer | None = None,
) -> list[float]:
    """Train on one batch again and again; a model whose gradients are right soon knows it by heart.

    Parameters
    ----------
    model : Module
        Is changed.
    loss : callable
        (output, y) -> tensor of one element.
    x, y : array_like
        The batch; a tuple ``x`` holds the inputs of a model that takes several.
    steps, lr : int, float
        Number of steps, and learning rate of `nets.optim.Adam`.
    share : float
        The last loss must be below ``share`` times the first.
    optimizer : Optimizer, optional
        Used instead of Adam.

    Returns
    -------
    list of float
        The loss before each step, and at the end.

    Raises
    ------
    AssertionError
        If the loss did not fall that far.

    Examples
    --------
    >>> import nets
    >>> x, y = np.eye(4, dtype=np.float32), np.array([0, 1, 1, 0])
    >>> losses = overfits_one_batch(nets.Linear(4, 2), nets.functional.cross_entropy, x, y, lr=0.1)
    """
    optimizer = optimizer or Adam(model.parameters(), lr)
    inputs = x if isinstance(x, tuple) else (x,)
    losses = []
    for _ in range(steps):
        value = loss(model(*inputs), y)
        losses.append(value.item())
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    with no_grad():
        losses.append(loss(model(*inputs), y).item())
    if not losses[-1] < share * losses[0]:
        raise AssertionError(
            f"after {steps} steps on one batch the loss is {losses[-1]:.6g}, not below {share:g} of {losses[0]:.6g}"
        )
    return losses


# --- the comparison ---


def _check(
    compute: Callable[[], Any],
    variables: Sequence[Variable],
    eps: float,
    rtol: float,
    atol: float,
    max_elements: int,
    seed: int,
) -> None:
    """Compare dL/d(variable) for L = sum c y, y the outputs of ``compute`` and c random numbers."""
    rng = np.random.default_rng(seed)
    with enable_grad():
        outputs = _outputs(compute())
    weights = [rng.standard_normal(y.shape) for y in outputs]
    loss = _project(outputs, weights)
    found = gradients(loss, [t for _, t in variables]) if loss.requires_grad else [None] * len(variables)

    def value() -> float:
        with no_grad():
            return float(_project(_outputs(compute()), weights).item())

    if value() != value():
        raise AssertionError("two calls of the function differ: seed what is random within it")
    for (name, tensor), slope in zip(variables, found, strict=True):
        analytic = np.zeros(tensor.shape) if slope is None else backend().to_numpy(slope.data)
        for where, step in _steps(tensor.shape, max_elements, rng):
            numeric = _difference(value, tensor, step, eps)
            expected = float((analytic * step).sum())
            if not abs(expected - numeric) <= atol + rtol * abs(numeric):  # a NaN is an error too
                raise AssertionError(f"dL/d({name}){where}: analytic {expected:.6g}, numeric {numeric:.6g}")


def _steps(
    shape: tuple[int, ...], max_elements: int, rng: np.random.Generator
) -> Iterator[tuple[str, npt.NDArray[np.float64]]]:
    """Yield what to change: one element after the other, or three random directions of length about 1."""
    n = math.prod(shape)
    if n > max_elements:
        for _ in range(3):
            yield " along a random direction", rng.standard_normal(shape) / math.sqrt(n)
        return
    for index in itertools.product(*map(range, shape)):
        step = np.zeros(shape)
        step[index] = 1
        yield f"[{', '.join(map(str, index))}]" if index else "", step


def _difference(value: Callable[[], float], tensor: Tensor, step: npt.NDArray[np.float64], eps: float) -> float:
    """Return (L(x + eps step) - L(x - eps step)) / (2 eps)."""
    before, move = tensor.data.copy(), backend().asarray(eps * step)
    with no_grad():
        tensor[...] = before + move
        above = value()
        tensor[...] = before - move
        below = value()
        tensor[...] = before
    return (above - below) / (2 * eps)


def _gradient_of(function: Callable[..., Any], inputs: Sequence[Tensor], seed: int) -> Callable[..., list[Tensor]]:
    """Return the function (inputs) -> dL/d(input) for each that is differentiated by, L as in `_check`."""
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal(y.shape) for y in _outputs(function(*inputs))]

    def gradient(*given: Tensor) -> list[Tensor]:
        with enable_grad():
            # A call without gradients still has to compute them: on twins of its inputs.
            wanted = [t if t.requires_grad else t.detach().requires_grad_() for t in given if t.dtype.kind == "f"]
            remaining = iter(wanted)
            arguments = [next(remaining) if t.dtype.kind == "f" else t for t in given]
            loss = _project(_outputs(function(*arguments)), weights)
            found = gradients(loss, wanted, create_graph=True) if loss.requires_grad else [None] * len(wanted)
        return [t * 0.0 if slope is None else slope for t, slope in zip(wanted, found, strict=True)]

    return gradient


def _project(outputs: Sequence[Tensor], weights: Sequence[npt.NDArray[np.float64]]) -> Tensor:
    total = as_tensor(np.zeros(()))
    for y, c in zip(outputs, weights, strict=True):
        total = total + (y * c).sum()
    return total


def _outputs(values: Any) -> list[Tensor]:
    """Return the tensors of floats among what a function returned."""
    outputs = [t for t in _tensors(values) if t.dtype.kind == "f"]
    if not outputs:
        raise AssertionError(f"the function returned no tensor of floats, but {type(values).__name__}")
    return outputs


def _tensors(values: Any) -> Iterator[Tensor]:
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, dict):
        yield from _tensors(list(values.values()))
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _tensors(value)


def _map_floats(value: Any) -> Any:
    """Return an input, or a tuple of inputs, as leaves."""
    return tuple(map(_map_floats, value)) if isinstance(value, tuple) else _variable(value)


def _variable(value: Operand) -> Tensor:
    """Return floats as a leaf of float64 with memory of its own, other numbers as they are."""
    array = backend().to_numpy(value.data) if isinstance(value, Tensor) else np.asarray(value)
    if array.dtype.kind != "f":
        return as_tensor(array)
    return Tensor(np.array(array, np.float64), requires_grad=True)
