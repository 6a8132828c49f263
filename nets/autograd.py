"""Gradients as functions, in the manner of JAX: ``grad(f)`` is the function x -> df/dx.

>>> from nets.autograd import grad
>>> cube = lambda x: x**3
>>> grad(cube)(2.0), grad(grad(cube))(2.0)  # 3 x^2 and 6 x
(Tensor(12.), Tensor(12.))
"""

from collections.abc import Callable, Sequence
from typing import Any

from nets.errors import ArgumentError, GraphError, ShapeError
from nets.graph import Node, enable_grad, propagate
from nets.layers.module import Module
from nets.tensor import Operand, Tensor, _initial_gradient, as_tensor


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
        propagate([(output._node, start)], collect, retain_graph or create_graph, create_graph, on_node=collect)
    results = (found.get(tensor._node or tensor) for tensor in inputs)
    return [None if g is None else as_tensor(g) for g in results]


def value_and_grad(function: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """Return a function that computes f(...) and its gradient.

    Parameters
    ----------
    function : callable
        Returns a tensor of one element.
    argnums : int or sequence of int
        Which positional arguments to differentiate by. Each is a tensor, an array, a number, a list, tuple or
        dictionary of them, or a `Module`, whose gradient is a dictionary with the names of its parameters.

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
        leaves: list[Tensor] = []
        nested = any(_requires_grad(args[position]) for position in positions)
        replaced = list(args)
        for position in positions:
            replaced[position] = _map(args[position], lambda value: _variable(value, leaves))
        with enable_grad():
            value = function(*replaced, **options)
        if not isinstance(value, Tensor) or value.numel() != 1:
            got = f"shape {value.shape}" if isinstance(value, Tensor) else type(value).__name__
            raise ShapeError(f"the function must return a tensor of one element, got {got}")
        slopes = gradients(value, leaves, create_graph=nested) if value.requires_grad else [None] * len(leaves)
        remaining = iter(
            [slope if slope is not None else leaf.detach() * 0 for slope, leaf in zip(slopes, leaves, strict=True)]
        )
        results = tuple(_map(replaced[position], lambda _: next(remaining)) for position in positions)
        return value if nested else value.detach(), results if several else results[0]

    return wrapped


def grad(function: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """Return the gradient of a function, as a function; see `value_and_grad`."""
    both = value_and_grad(function, argnums)

    def wrapped(*args: Any, **options: Any) -> Any:
        return both(*args, **options)[1]

    return wrapped


def _variable(value: Any, leaves: list[Tensor]) -> Tensor:
    """Return a tensor to differentiate by, and list it: the same one if it is part of an outer gradient."""
    tensor = as_tensor(value)
    if not tensor.requires_grad:
        tensor = tensor.detach().requires_grad_()
    leaves.append(tensor)
    return tensor


def _map(tree: Any, function: Callable[[Any], Any]) -> Any:
    """Apply a function to the leaves of nested lists, tuples and dictionaries; a module is its parameters."""
    if isinstance(tree, Module):
        mapped = {name: function(parameter) for name, parameter in tree.named_parameters()}
        return mapped if not all(mapped[name] is p for name, p in tree.named_parameters()) else tree
    if isinstance(tree, dict):
        return {name: _map(value, function) for name, value in tree.items()}
    if isinstance(tree, list | tuple) and any(isinstance(part, Tensor | list | tuple | dict) for part in tree):
        return type(tree)(_map(value, function) for value in tree)
    return function(tree)


def _requires_grad(tree: Any) -> bool:
    if isinstance(tree, Module):
        return False
    if isinstance(tree, dict):
        return any(_requires_grad(value) for value in tree.values())
    if isinstance(tree, list | tuple):
        return any(_requires_grad(value) for value in tree)
    return isinstance(tree, Tensor) and tree.requires_grad
