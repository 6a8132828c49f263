"""The graph of recorded operations, and the way back through it.

Every differentiable operation computes its result at once and, if one of its inputs wants a gradient, hangs a `Node`
on it: where the inputs came from, and how dL/d(output) becomes dL/d(input). ``loss.backward()`` visits these nodes
from the last to the first; numbers that grow with every node put them in an order in which each node comes before
all that it was computed from, so the topological sort is a plain sort and nothing recurses. At each node the chain
rule is

    dL/dx_i = sum over the operations o that used x_i of  dL/do * do/dx_i

The product is what the operation's rule returns; `propagate` sums.

The rules of the elementary operations in `nets.ops` are written with operators that arrays and tensors share. Given
arrays they compute; given tensors (``create_graph=True``) they record, which is all that higher derivatives need.
"""

import itertools
import threading
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from nets.backends import backend
from nets.errors import AnomalyError, GraphError

if TYPE_CHECKING:
    from nets.backends.reference.base import Array
    from nets.tensor import Tensor

Rule: TypeAlias = Callable[..., Any]
"""dL/d(output), then the saved values -> dL/d(one input)."""
JointRule: TypeAlias = Callable[..., Sequence[Any]]
"""dL/d(output) -> dL/d(input) for all inputs at once, None where none is wanted."""


class Mode(threading.local):
    """What is recorded and checked; each thread has its own."""

    recording = True
    accumulating = False  # within Tensor.backward: gradients of leaves go to their `grad`
    anomaly = False


mode: Final = Mode()
_UNCHANGED: Final = [0]
_numbers: Final = itertools.count()


class Node:
    """One recorded operation.

    Attributes
    ----------
    op : str
        Its name, for messages.
    number : int
        Larger than the number of every node that it was computed from.
    edges : list of Node, Tensor or None
        Where the gradient of each input goes: the node that made it, a leaf, or nowhere.
    """

    __slots__ = (
        "__weakref__",
        "edges",
        "joint",
        "number",
        "op",
        "output",
        "output_version",
        "retained",
        "rules",
        "saved",
        "shapes",
        "versions",
    )

    def __init__(
        self,
        op: str,
        inputs: Sequence["Tensor"],
        rules: tuple[Rule, ...] | None,
        joint: JointRule | None,
        saved: tuple["Tensor", ...],
        output: "Tensor | None",
    ) -> None:
        self.op = op
        self.number = next(_numbers)
        # Plain loops: this runs for every operation, and a comprehension is a call of its own.
        edges: list[Node | Tensor | None] = []
        shapes = []
        for t in inputs:
            edges.append(None if not t.requires_grad else t if t._node is None else t._node)
            shapes.append(t._data.shape)
        self.edges: list[Node | Tensor | None] | None = edges
        self.shapes = shapes
        self.rules = rules
        self.joint = joint
        self.saved = saved
        # Not the tensor, which refers to this node: in a cycle, memory would wait for the garbage collector.
        self.output: Array | None = None if output is None or joint is not None else output._data
        self.output_version = _UNCHANGED if output is None else output._version
        versions = []
        for t in saved:
            versions.append(t._version[0])  # noqa: PERF401
        self.versions = versions
        # A weak reference to the tensor that keeps this gradient.
        self.retained: Callable[[], Tensor | None] | None = None

    def free(self) -> None:
        """Forget everything but the name."""
        self.edges = self.rules = self.joint = self.output = None
        self.saved = ()

    def check_saved(self) -> None:
        """Refuse values that were changed in place after they were used."""
        for tensor, version in zip(self.saved, self.versions, strict=True):
            if tensor._version[0] != version:
                raise self._changed(f"a value that it needs, of shape {tensor.shape},")
        if self.output_version[0]:
            raise self._changed("its result")

    def _changed(self, what: str) -> GraphError:
        return GraphError(
            f"backward through {self.op}: {what} was changed in place after it was used; change a copy, or call "
            "backward before the change"
        )

    def saved_values(self, create_graph: bool) -> list[Any]:
        """Return what the rule needs, as arrays, or as tensors to record."""
        if not create_graph:
            values = [tensor.data for tensor in self.saved]
            return values if self.output is None else [*values, self.output]
        tensors = list(self.saved)
        if self.output is not None:
            tensors.append(_tensor.output_of(self, self.output))
        return tensors

    def contributions(self, grad: Any, create_graph: bool) -> Sequence[Any]:
        """Apply the chain rule: return dL/d(input) for each input that wants it."""
        assert self.edges is not None
        if self.joint is not None:
            if create_graph:
                raise GraphError(
                    f"{self.op} is one compiled operation without a second derivative; compose it from elementary "
                    "operations, or call backward with create_graph=False"
                )
            if self.saved or self.output_version[0]:
                self.check_saved()
            return self.joint(grad)
        assert self.rules is not None
        if self.saved or self.output_version[0]:
            self.check_saved()
        values = self.saved_values(create_graph)
        return [
            None if edge is None else rule(grad, *values) for edge, rule in zip(self.edges, self.rules, strict=True)
        ]


# --- modes ---


@contextmanager
def no_grad() -> Iterator[None]:
    """Record nothing within the block.

    >>> from nets import Tensor
    >>> x = Tensor([1.0], requires_grad=True)
    >>> with no_grad():
    ...     (2 * x).requires_grad
    False
    """
    before, mode.recording = mode.recording, False
    try:
        yield
    finally:
        mode.recording = before


@contextmanager
def enable_grad() -> Iterator[None]:
    """Record within the block, even inside `no_grad`."""
    before, mode.recording = mode.recording, True
    try:
        yield
    finally:
        mode.recording = before


def is_grad_enabled() -> bool:
    """Return whether operations are being recorded."""
    return mode.recording


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """Stop at the first operation whose result or gradient holds a NaN or an infinity.

    The error says whether the operation made it, or was given it: by the data, a weight, or a gradient.

    >>> from nets import Tensor
    >>> with detect_anomaly():
    ...     Tensor([0.0]).log()
    Traceback (most recent call last):
        ...
    nets.errors.AnomalyError: log made the first value that is not finite, in its forward pass: -inf at index (0,)
    """
    before, mode.anomaly = mode.anomaly, True
    try:
        with np.errstate(all="ignore"):  # the error says more than NumPy's warning
            yield
    finally:
        mode.anomaly = before


def check_forward(op: str, inputs: Sequence["Tensor"], *outputs: Any) -> None:
    """Raise AnomalyError if a result holds a NaN or an infinity; it says whether an input had it already."""
    for output in outputs:
        made = _first_not_finite(output)
        if made is None:
            continue
        for i, tensor in enumerate(inputs):
            if (given := _first_not_finite(tensor)) is not None:
                name = f"input {i + 1}" if i else "the input"
                raise AnomalyError(f"{name} of {op}, of shape {tensor.shape}, holds {given}")
        raise AnomalyError(f"{op} made the first value that is not finite, in its forward pass: {made}")


def check_backward(node: "Node", grad: Any, contributions: Sequence[Any]) -> None:
    """Raise AnomalyError if a gradient holds a NaN or an infinity; it says whether what came in had it already."""
    for contribution in contributions:
        if contribution is None or type(contribution) is Parts:
            continue
        made = _first_not_finite(contribution)
        if made is None:
            continue
        for part in grad.grads if type(grad) is Parts else [grad]:
            if part is not None and (given := _first_not_finite(part)) is not None:
                raise AnomalyError(f"the gradient that reached {node.op}, of shape {part.shape}, holds {given}")
        for value in node.saved if node.output is None else (*node.saved, node.output):
            if (given := _first_not_finite(value)) is not None:
                raise AnomalyError(
                    f"a value that {node.op} kept for its backward pass, of shape {value.shape}, holds {given}"
                )
        raise AnomalyError(f"{node.op} made the first value that is not finite, in its backward pass: {made}")


def _first_not_finite(values: Any) -> str | None:
    """Return the first NaN or infinity of an array or a tensor of floats, in words; None if there is none."""
    array: Any = values if isinstance(values, backend().array_types) else values.data
    if array.dtype.kind != "f" or bool(backend().xp.isfinite(array).all()):
        return None
    host = backend().to_numpy(array)
    index = tuple(int(i) for i in np.argwhere(~np.isfinite(host))[0])
    return f"{host[index]} at index {index}"


# --- going back ---


def propagate(
    starts: Sequence[tuple[Node, Any]],
    on_leaf: "Callable[[Tensor, Any], None]",
    retain_graph: bool = False,
    create_graph: bool = False,
    on_node: Callable[[Node, Any], None] | None = None,
    wanted: "Container[Node | Tensor] | None" = None,
) -> None:
    """Carry gradients from some nodes back to the leaves.

    Parameters
    ----------
    starts : sequence of (Node, gradient)
        Where to begin, with dL/d(output of the node).
    on_leaf : callable
        Given each leaf and a contribution to its gradient.
    retain_graph, create_graph : bool
        As in `Tensor.backward`.
    on_node : callable
        Given each node and its complete gradient.
    wanted : set of Node and Tensor, optional
        Go no further than these need.
    """
    # dL/d(output) of each node, a sum over the operations that used the output.
    gradients: dict[Node, Any] = {}
    for node, grad in starts:
        gradients[node] = gradients[node] + grad if node in gradients else grad
    order = topological_order([node for node, _ in starts])
    useful = None if wanted is None else _leading_to(wanted, order)
    for node in order:
        grad = gradients.pop(node, None)
        if grad is None:
            continue
        if useful is not None and node not in useful:
            if on_node is not None:
                on_node(node, grad)
            continue
        edges, shapes = node.edges, node.shapes
        if edges is None:
            raise GraphError(
                f"backward through {node.op}, which was freed by an earlier backward; "
                "call that one with retain_graph=True, or compute the forward pass again"
            )
        if node.retained is not None and (tensor := node.retained()) is not None:
            on_leaf(tensor, grad)
        if on_node is not None:
            on_node(node, grad)
        contributions = node.contributions(grad, create_graph)
        if mode.anomaly:
            check_backward(node, grad, contributions)
        if not retain_graph:
            node.free()
        for edge, shape, contribution in zip(edges, shapes, contributions, strict=True):
            if edge is None or contribution is None:
                continue
            if contribution.shape != shape:
                contribution = unbroadcast(contribution, shape)
            if type(edge) is not Node:
                on_leaf(edge, contribution)  # type: ignore[arg-type]  # an edge that is no node is a leaf
            elif edge in gradients:
                gradients[edge] = gradients[edge] + contribution
            else:
                gradients[edge] = contribution


class Parts:
    """The gradient of an operation with several outputs: one array for each of them, None for those without one."""

    __slots__ = ("grads",)
    shape = ("parts",)  # compared by `propagate`; never a shape of numbers

    def __init__(self, n_outputs: int, index: int, grad: Any) -> None:
        self.grads: list[Any] = [None] * n_outputs
        self.grads[index] = grad

    def __add__(self, other: "Parts") -> "Parts":
        both = Parts(len(self.grads), 0, None)
        both.grads = [
            b if a is None else a if b is None else a + b for a, b in zip(self.grads, other.grads, strict=True)
        ]
        return both


def topological_order(roots: Sequence[Node]) -> list[Node]:
    """Return all nodes that the roots were computed from, each before those that it was computed from itself."""
    seen = set(roots)
    stack = list(seen)
    while stack:
        for edge in stack.pop().edges or ():
            if type(edge) is Node and edge not in seen:
                seen.add(edge)
                stack.append(edge)
    return sorted(seen, key=lambda node: node.number, reverse=True)


def _leading_to(wanted: "Container[Node | Tensor]", order: Sequence[Node]) -> set[Node]:
    """Return the nodes that were computed from a wanted one, or from a wanted leaf."""
    useful: set[Node] = set()
    for node in reversed(order):
        if any(edge in useful or edge in wanted for edge in node.edges or () if edge is not None):
            useful.add(node)
    return useful


def unbroadcast(grad: Any, shape: tuple[int, ...]) -> Any:
    """Sum a gradient over the axes that broadcasting added or stretched.

    An input of shape ``shape`` that was stretched to ``grad.shape`` was used once for every copy, so its gradient is
    the sum over the copies.
    """
    added = grad.ndim - len(shape)
    stretched = [i + added for i, length in enumerate(shape) if length == 1 and grad.shape[i + added] != 1]
    axes = (*range(added), *stretched)
    if axes:
        grad = grad.sum(axes)
    return grad.reshape(shape)


from nets import tensor as _tensor  # noqa: E402  # a tensor is made of nodes, and nodes of tensors
