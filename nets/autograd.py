"""Gradients as functions, in the manner of JAX: ``grad(f)`` is the function x -> df/dx.

>>> from nets.autograd import grad
>>> cube = lambda x: x**3
>>> grad(cube)(2.0), grad(grad(cube))(2.0)  # 3 x^2 and 6 x
(Tensor(12.), Tensor(12.))
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from nets.backends import backend
from nets.errors import ArgumentError, GraphError, ShapeError
from nets.graph import Node, enable_grad, is_grad_enabled, propagate
from nets.layers.module import Module
from nets.tensor import Operand, Tensor, _initial_gradient, as_tensor, record, wrap


def gradients(
    output: Tensor,
    inputs: Sequence[Tensor],
    grad_output: Operand | None = None,
    *,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> list[Tensor | None]:
    """Return d(output)/d(input) for each input, leaving every ``grad`` as it is; after ``torch.autograd.grad``.

    Parameters
    ----------
    output : Tensor
        Of one element, unless ``grad_output`` is given.
    inputs : sequence of Tensor
        Leaves or results.
    grad_output : Tensor or array_like, optional
        dL/d(output), of its shape.
    retain_graph, create_graph : bool
        As in `Tensor.backward`.

    Returns
    -------
    list of Tensor or None
        None for an input that the output does not depend on.
    """
    if not output.requires_grad:
        raise GraphError("gradients() of a tensor that does not depend on any tensor with requires_grad=True")
    start = _initial_gradient(output, grad_output, create_graph)
    found: dict[Any, Any] = {}
    wanted = {tensor._node or tensor for tensor in inputs}

    def collect(place: Tensor | Node, contribution: Any) -> None:
        if place in wanted:
            found[place] = contribution if place not in found else found[place] + contribution

    if output._node is None:
        collect(output, start)
    else:
        propagate([(output._node, start)], collect, retain_graph or create_graph, create_graph, collect, wanted)
    results = (found.get(tensor._node or tensor) for tensor in inputs)
    # A copy: the array may be shared between gradients, or a view that cannot be written to.
    return [g if g is None or isinstance(g, Tensor) else wrap(backend().xp.array(g)) for g in results]


def value_and_grad(function: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """Return a function that computes f(...) and its gradient.

    Parameters
    ----------
    function : callable
        Returns a tensor of one element.
    argnums : int or sequence of int
        Which positional arguments to differentiate by. Each is a tensor, an array, a number, a list of numbers, a
        list, tuple or dictionary of these, or a `Module`, whose gradient is a dictionary with the names of those of
        its parameters that learn.

    Returns
    -------
    callable
        (...) -> (value, gradient), the gradient shaped like the argument; a tuple of gradients for several. Within
        another ``grad`` the gradient can be differentiated again, as far as its operations are elementary.
    """
    several = not isinstance(argnums, int)
    positions = tuple(argnums) if not isinstance(argnums, int) else (argnums,)

    def wrapped(*args: Any, **options: Any) -> tuple[Tensor, Any]:
        for position in positions:
            if not -len(args) <= position < len(args):
                raise ArgumentError(f"argnums must be below the number of arguments, {len(args)}, got {position}")
        nested = _calls.depth > 0 and is_grad_enabled()
        leaves: list[Tensor] = []
        replaced = list(args)
        with enable_grad():
            for position in positions:
                replaced[position] = _variables(args[position], leaves, nested)
            _calls.depth += 1
            try:
                value = function(*replaced, **options)
            finally:
                _calls.depth -= 1
        if not isinstance(value, Tensor) or value.numel() != 1:
            got = f"shape {value.shape}" if isinstance(value, Tensor) else type(value).__name__
            raise ShapeError(f"the function must return a tensor of one element, got {got}")
        slopes = gradients(value, leaves, create_graph=nested) if value.requires_grad else [None] * len(leaves)
        remaining = iter(
            [slope if slope is not None else leaf.detach() * 0 for slope, leaf in zip(slopes, leaves, strict=True)]
        )
        results = tuple(_shaped_like(args[position], remaining) for position in positions)
        return value if nested else value.detach(), results if several else results[0]

    return wrapped


def grad(function: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """Return the gradient of a function, as a function; see `value_and_grad`."""
    both = value_and_grad(function, argnums)

    def wrapped(*args: Any, **options: Any) -> Any:
        return both(*args, **options)[1]

    return wrapped


class _Calls(threading.local):
    """How many differentiated functions are running, one within the other, in this thread."""

    depth = 0


_calls = _Calls()


def _variables(tree: Any, leaves: list[Tensor], nested: bool) -> Any:
    """Return an argument with its numbers as tensors to differentiate by, and list these."""
    if isinstance(tree, Module):
        leaves.extend(parameter for parameter in tree.parameters() if parameter.requires_grad)
        return tree
    if isinstance(tree, dict):
        return {name: _variables(value, leaves, nested) for name, value in tree.items()}
    if _is_branch(tree):
        return _rebuilt(tree, [_variables(value, leaves, nested) for value in tree])
    tensor = as_tensor(tree)
    if nested and tensor.requires_grad:
        # Part of an outer gradient: a node of its own tells this use of the tensor from others in the function.
        tensor = record("argument", tensor.data, (tensor,), (lambda g: g,))
    else:
        tensor = tensor.detach().requires_grad_()
    leaves.append(tensor)
    return tensor


def _shaped_like(tree: Any, slopes: Iterator[Tensor]) -> Any:
    """Return gradients, in the order of `_variables`, in the shape of the argument."""
    if isinstance(tree, Module):
        return {name: next(slopes) for name, parameter in tree.named_parameters() if parameter.requires_grad}
    if isinstance(tree, dict):
        return {name: _shaped_like(value, slopes) for name, value in tree.items()}
    if _is_branch(tree):
        return _rebuilt(tree, [_shaped_like(value, slopes) for value in tree])
    return next(slopes)


def _is_branch(tree: Any) -> bool:
    """Return whether it is a list or tuple of arguments; one of plain numbers is an argument itself."""
    return isinstance(tree, list | tuple) and any(not isinstance(part, int | float) for part in tree)


def _rebuilt(tree: Any, parts: list[Any]) -> Any:
    return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
