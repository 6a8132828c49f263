"""Tensor: an array that remembers how it was made.

>>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
>>> loss = (x * x).sum()
>>> loss.backward()  # dL/dx = 2 x
>>> x.grad
Tensor([2., 4., 6.])

What ``backward`` does is in `nets.graph`; what the operations do, in `nets.ops`. Gradients of leaves (tensors that no
operation made) accumulate in ``grad`` until ``zero_grad``, as in PyTorch.
"""

import builtins
import weakref
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias, Union

import numpy as np
import numpy.typing as npt

from nets.backends import backend
from nets.backends.reference.base import Array
from nets.errors import DtypeError, GraphError, ShapeError
from nets.graph import JointRule, Node, Parts, Rule, check_forward, mode, propagate

Operand: TypeAlias = Union["Tensor", npt.ArrayLike]
"""What the operations accept beside tensors: arrays, numbers, nested lists."""
Axes: TypeAlias = int | tuple[int, ...] | None
OUTPUT: Final = "output"
"""For ``saved``: the rule is given the operation's own result."""


class Tensor:
    """An n-dimensional array with a gradient.

    Parameters
    ----------
    data : array_like
        Values; Python numbers become float32 (or int64, or bool), an ndarray keeps its dtype and memory.
    requires_grad : bool
        Whether ``backward`` shall leave dL/d(this) in ``grad``.
    dtype : dtype, optional
        Convert to this.

    Attributes
    ----------
    data : ndarray
        The values; an array of the back end in use.
    """

    __slots__ = ("__weakref__", "_data", "_grad", "_node", "_slot", "_version", "requires_grad")
    __array_ufunc__ = None  # array * tensor is a tensor, made by Tensor.__rmul__
    __hash__ = object.__hash__

    def __init__(self, data: Any, requires_grad: bool = False, dtype: npt.DTypeLike | None = None) -> None:
        self._data: Array = _as_array(data, dtype)
        self._grad: Any = None
        self._node: Node | None = None
        self._slot: Array | None = None
        self._version = [0]
        self.requires_grad = False
        if requires_grad:
            self.requires_grad_()

    # --- what it is ---

    @property
    def data(self) -> Array:
        """The values. Assigning replaces the array; a change within it is not noticed by ``backward``."""
        return self._data

    @data.setter
    def data(self, values: Any) -> None:
        self._data = _as_array(values, None)
        self._version[0] += 1

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return self._data.shape  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self._data.ndim  # type: ignore[no-any-return]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the numbers."""
        return self._data.dtype  # type: ignore[no-any-return]

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made it."""
        return self._node is None

    @property
    def grad(self) -> "Tensor | None":
        """dL/d(this), summed over the calls of ``backward`` since ``zero_grad``; None if there was none."""
        if self._grad is not None and self._grad is self._slot:
            # The optimiser's memory will be written to again: who looks gets an array that stays, and may change it.
            self._grad = self._slot.copy()
        if self._grad is None or isinstance(self._grad, Tensor):
            return self._grad
        return wrap(self._grad)

    @grad.setter
    def grad(self, value: Operand | None) -> None:
        if value is None:
            self._grad = None
            return
        array = value.data if isinstance(value, Tensor) else _as_array(value, self.dtype)
        if array.shape != self.shape:
            raise ShapeError(f"grad must have the shape of the tensor, {self.shape}, got {array.shape}")
        self._grad = array

    def numel(self) -> int:
        """Return the number of elements."""
        return int(self._data.size)

    def dim(self) -> int:
        """Return the number of axes."""
        return self.ndim

    def item(self) -> Any:
        """Return the only element as a Python number."""
        if self._data.size != 1:
            raise ShapeError(f"item() needs a tensor of one element, got shape {self.shape}")
        return self._data.item()

    def tolist(self) -> Any:
        """Return the elements as nested lists of Python numbers."""
        return self._data.tolist()

    def numpy(self) -> npt.NDArray[Any]:
        """Return the values as a NumPy array; on the CPU it shares the tensor's memory.

        Making an optimiser moves its parameters to memory of its own: arrays from before no longer follow them.
        """
        return backend().to_numpy(self._data)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        array = self.numpy()
        return np.array(array, dtype) if copy else np.asarray(array, dtype)

    def __len__(self) -> int:
        if not self.shape:
            raise ShapeError("len() of a tensor without axes")
        return self.shape[0]

    def __iter__(self) -> Iterator["Tensor"]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self.item())

    def __float__(self) -> builtins.float:
        return builtins.float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __repr__(self) -> str:
        values = np.array2string(self.numpy(), separator=", ", prefix="Tensor(")
        dtype = "" if self.dtype in (np.float32, np.int64, np.bool_) else f", dtype={self.dtype}"
        origin = f", op={self._node.op}" if self._node else ", requires_grad=True" if self.requires_grad else ""
        return f"Tensor({values}{dtype}{origin})"

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else repr(self)

    # --- gradients ---

    def requires_grad_(self, requires_grad: bool = True) -> "Tensor":
        """Say whether ``backward`` shall compute the gradient of this leaf; return the tensor."""
        if requires_grad and self._data.dtype.kind != "f":
            raise DtypeError(f"only tensors of floats can have a gradient, got dtype {self.dtype}")
        if self._node is not None:
            raise GraphError(f"requires_grad can be set on leaves only; this is the result of {self._node.op}")
        self.requires_grad = requires_grad
        return self

    def retain_grad(self) -> None:
        """Ask ``backward`` to leave the gradient in ``grad`` though this is not a leaf."""
        if not self.requires_grad:
            raise GraphError("retain_grad() on a tensor that does not require a gradient")
        if self._node is not None:
            self._node.retained = weakref.ref(self)

    def zero_grad(self) -> None:
        """Forget the gradient."""
        self._grad = None

    # A copy, or what pickle writes, has values and gradient, but no history and no place in an optimiser's memory.

    def __getstate__(self) -> tuple[Any, ...]:
        if self._node is not None:
            raise GraphError(f"only leaves can be copied deeply or pickled; detach() the result of {self._node.op}")
        return self._data, self.requires_grad, self._grad

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._data, self.requires_grad, self._grad = state
        self._node = self._slot = None
        self._version = [0]

    def detach(self) -> "Tensor":
        """Return a tensor with the same memory and no history.

        Of a parameter, it shares the memory until an optimiser is made, which moves the parameter (see `numpy`).
        """
        twin = wrap(self._data)
        twin._version = self._version
        return twin

    def clone(self) -> "Tensor":
        """Return a copy; gradients flow through it."""
        return record("clone", self._data.copy(), (self,), (lambda g: g,))

    def backward(
        self, gradient: "Operand | None" = None, *, retain_graph: bool = False, create_graph: bool = False
    ) -> None:
        """Add dL/d(leaf) to ``grad`` of every leaf that this was computed from.

        Parameters
        ----------
        gradient : Tensor or array_like, optional
            dL/d(this), of the same shape; 1 for a tensor of one element, which is then L itself.
        retain_graph : bool
            Keep the recorded operations for another call.
        create_graph : bool
            Record the backward pass too, so that gradients can be differentiated (implies ``retain_graph``).

        Raises
        ------
        GraphError
            If nothing was recorded, if it was freed by an earlier call, or if a value that is needed was changed.
        ShapeError
            If ``gradient`` has another shape, or is missing for a tensor of several elements.
        AnomalyError
            Within `detect_anomaly`, if a gradient is not finite.
        """
        if not self.requires_grad:
            raise GraphError("backward() on a tensor that does not depend on any tensor with requires_grad=True")
        start = _initial_gradient(self, gradient, create_graph)
        if self._node is None:
            self._accumulate(start)
            return
        before, mode.accumulating = mode.accumulating, True
        try:
            propagate([(self._node, start)], Tensor._accumulate, retain_graph or create_graph, create_graph)
        finally:
            mode.accumulating = before

    def _accumulate(self, contribution: Any) -> None:
        """Add a contribution to ``grad``; the first one is copied into the slot of the arena, if there is one."""
        if self._grad is None:
            if isinstance(contribution, Tensor):
                self._grad = contribution
            elif self._slot is not None:
                if contribution is not self._slot:
                    self._slot[...] = contribution
                self._grad = self._slot
            else:
                self._grad = backend().xp.array(contribution, self._data.dtype)
        elif isinstance(contribution, Tensor) or isinstance(self._grad, Tensor):
            self._grad = contribution + self._grad
        else:
            self._grad += contribution

    def gradient_memory(self) -> Array | None:
        """Return the slot that this leaf's gradient is about to be copied to, for a rule to write it there at once.

        None where there is no slot, where it holds a gradient already, or where gradients do not go to ``grad``.
        """
        return self._slot if mode.accumulating and self._grad is None else None

    # --- changes in place ---

    def copy_(self, values: Operand) -> "Tensor":
        """Replace the values in place, keeping memory and dtype; return the tensor."""
        array = values.data if isinstance(values, Tensor) else _as_array(values, None)
        if array.shape != self.shape:
            raise ShapeError(f"copy_() into a tensor of shape {self.shape} from shape {array.shape}")
        self[...] = array
        return self

    def __setitem__(self, index: Any, values: Operand) -> None:
        if self.requires_grad and mode.recording:
            raise GraphError(
                "a tensor that requires a gradient cannot be changed in place while operations are recorded; "
                "use nets.no_grad(), or nets.where()"
            )
        array = values.data if isinstance(values, Tensor) else backend().asarray(values)
        try:
            self._data[_raw(index)] = array
        except (IndexError, ValueError) as error:
            raise ShapeError(f"values of shape {array.shape} put into shape {self.shape}: {error}") from None
        self._version[0] += 1

    # --- operators and methods: nets.ops says what each does ---

    def __add__(self, other: Operand) -> "Tensor":
        return ops.add(self, other)

    def __radd__(self, other: Operand) -> "Tensor":
        return ops.add(self, other)

    def __sub__(self, other: Operand) -> "Tensor":
        return ops.sub(self, other)

    def __rsub__(self, other: Operand) -> "Tensor":
        return ops.sub(other, self)

    def __mul__(self, other: Operand) -> "Tensor":
        return ops.mul(self, other)

    def __rmul__(self, other: Operand) -> "Tensor":
        return ops.mul(self, other)

    def __truediv__(self, other: Operand) -> "Tensor":
        return ops.div(self, other)

    def __rtruediv__(self, other: Operand) -> "Tensor":
        return ops.div(other, self)

    def __pow__(self, other: Operand) -> "Tensor":
        return ops.pow(self, other)

    def __rpow__(self, other: Operand) -> "Tensor":
        return ops.pow(other, self)

    def __neg__(self) -> "Tensor":
        return ops.neg(self)

    def __matmul__(self, other: Operand) -> "Tensor":
        return ops.matmul(self, other)

    def __rmatmul__(self, other: Operand) -> "Tensor":
        return ops.matmul(other, self)

    def __abs__(self) -> "Tensor":
        return ops.absolute(self)

    def __getitem__(self, index: Any) -> "Tensor":
        return ops.getitem(self, index)

    def __eq__(self, other: object) -> "Tensor":  # type: ignore[override]  # elementwise, as everywhere in the field
        return ops.compare("equal", self, other)

    def __ne__(self, other: object) -> "Tensor":  # type: ignore[override]
        return ops.compare("not_equal", self, other)

    def __lt__(self, other: Operand) -> "Tensor":
        return ops.compare("less", self, other)

    def __le__(self, other: Operand) -> "Tensor":
        return ops.compare("less_equal", self, other)

    def __gt__(self, other: Operand) -> "Tensor":
        return ops.compare("greater", self, other)

    def __ge__(self, other: Operand) -> "Tensor":
        return ops.compare("greater_equal", self, other)

    @property
    def T(self) -> "Tensor":  # noqa: N802  # the matrix notation
        """The transpose."""
        return ops.permute(self, tuple(reversed(range(self.ndim))))

    def exp(self) -> "Tensor":
        """Apply `nets.ops.exp`."""
        return ops.exp(self)

    def log(self) -> "Tensor":
        """Apply `nets.ops.log`."""
        return ops.log(self)

    def sqrt(self) -> "Tensor":
        """Apply `nets.ops.sqrt`."""
        return ops.sqrt(self)

    def sin(self) -> "Tensor":
        """Apply `nets.ops.sin`."""
        return ops.sin(self)

    def cos(self) -> "Tensor":
        """Apply `nets.ops.cos`."""
        return ops.cos(self)

    def tanh(self) -> "Tensor":
        """Apply `nets.ops.tanh`."""
        return ops.tanh(self)

    def sigmoid(self) -> "Tensor":
        """Apply `nets.ops.sigmoid`."""
        return ops.sigmoid(self)

    def relu(self) -> "Tensor":
        """Apply `nets.ops.relu`."""
        return ops.relu(self)

    def abs(self) -> "Tensor":
        """Apply `nets.ops.absolute`."""
        return ops.absolute(self)

    def clip(self, low: builtins.float | None = None, high: builtins.float | None = None) -> "Tensor":
        """Apply `nets.ops.clip`."""
        return ops.clip(self, low, high)

    def sum(self, dim: Axes = None, keepdim: bool = False) -> "Tensor":
        """Apply `nets.ops.sum`."""
        return ops.sum(self, dim, keepdim)

    def mean(self, dim: Axes = None, keepdim: bool = False) -> "Tensor":
        """Apply `nets.ops.mean`."""
        return ops.mean(self, dim, keepdim)

    def var(self, dim: Axes = None, correction: int = 1, keepdim: bool = False) -> "Tensor":
        """Apply `nets.ops.var`."""
        return ops.var(self, dim, correction, keepdim)

    def std(self, dim: Axes = None, correction: int = 1, keepdim: bool = False) -> "Tensor":
        """Apply `nets.ops.std`."""
        return ops.std(self, dim, correction, keepdim)

    def max(self, dim: Axes = None, keepdim: bool = False) -> "Tensor":
        """Apply `nets.ops.amax`."""
        return ops.amax(self, dim, keepdim)

    def min(self, dim: Axes = None, keepdim: bool = False) -> "Tensor":
        """Apply `nets.ops.amin`."""
        return ops.amin(self, dim, keepdim)

    def argmax(self, dim: int | None = None) -> "Tensor":
        """Apply `nets.ops.argmax`."""
        return ops.argmax(self, dim)

    def logsumexp(self, dim: Axes = None, keepdim: bool = False) -> "Tensor":
        """Apply `nets.ops.logsumexp`."""
        return ops.logsumexp(self, dim, keepdim)

    def reshape(self, *shape: Any) -> "Tensor":
        """Apply `nets.ops.reshape`."""
        return ops.reshape(self, *shape)

    def view(self, *shape: Any) -> "Tensor":
        """Apply `nets.ops.reshape`."""
        return ops.reshape(self, *shape)

    def permute(self, *dims: Any) -> "Tensor":
        """Apply `nets.ops.permute`."""
        return ops.permute(self, *dims)

    def transpose(self, dim0: int, dim1: int) -> "Tensor":
        """Apply `nets.ops.swapaxes`."""
        return ops.swapaxes(self, dim0, dim1)

    def swapaxes(self, dim0: int, dim1: int) -> "Tensor":
        """Apply `nets.ops.swapaxes`."""
        return ops.swapaxes(self, dim0, dim1)

    def squeeze(self, dim: int | None = None) -> "Tensor":
        """Apply `nets.ops.squeeze`."""
        return ops.squeeze(self, dim)

    def unsqueeze(self, dim: int) -> "Tensor":
        """Apply `nets.ops.unsqueeze`."""
        return ops.unsqueeze(self, dim)

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> "Tensor":
        """Apply `nets.ops.flatten`."""
        return ops.flatten(self, start_dim, end_dim)

    def broadcast_to(self, shape: Sequence[int]) -> "Tensor":
        """Apply `nets.ops.broadcast_to`."""
        return ops.broadcast_to(self, shape)

    def expand(self, *shape: Any) -> "Tensor":
        """Apply `nets.ops.broadcast_to`; -1 keeps the length of an axis."""
        return ops.expand(self, *shape)

    def split(self, size: int | Sequence[int], dim: int = 0) -> tuple["Tensor", ...]:
        """Apply `nets.ops.split`."""
        return ops.split(self, size, dim)

    def chunk(self, chunks: int, dim: int = 0) -> tuple["Tensor", ...]:
        """Apply `nets.ops.chunk`."""
        return ops.chunk(self, chunks, dim)

    def to(self, target: Any) -> "Tensor":
        """Return the tensor with another dtype, or on the back end of the given name, or itself."""
        return ops.to(self, target)

    def float(self) -> "Tensor":
        """Return the tensor as float32."""
        return ops.to(self, np.float32)

    def double(self) -> "Tensor":
        """Return the tensor as float64."""
        return ops.to(self, np.float64)


def _as_array(values: Any, dtype: npt.DTypeLike | None) -> Array:
    """Return an array of the back end; Python floats become float32."""
    if isinstance(values, Tensor):
        values = values.data
    if dtype is None and not hasattr(values, "dtype"):
        array = np.asarray(values)
        if array.dtype == np.float64:
            dtype = np.float32
        elif array.dtype.kind not in "fiub":
            raise DtypeError(f"a tensor holds numbers, got {type(values).__name__} of dtype {array.dtype}")
        values = array
    return backend().asarray(values, dtype)


def wrap(data: Array) -> Tensor:
    """Return a tensor around an array that an operation of the back end made."""
    tensor = Tensor.__new__(Tensor)
    tensor._data = data if type(data) is np.ndarray or not isinstance(data, np.generic) else np.asarray(data)
    tensor._grad = tensor._node = tensor._slot = None
    tensor._version = [0]
    tensor.requires_grad = False
    return tensor


def _raw(index: Any) -> Any:
    """Replace the tensors in an index by their arrays, and NumPy's arrays by those of the back end."""
    if isinstance(index, Tensor):
        return index.data
    if isinstance(index, np.ndarray):
        return backend().asarray(index)
    if isinstance(index, tuple):
        return tuple(_raw(part) for part in index)
    return index


def as_tensor(values: Operand) -> Tensor:
    """Return values as a tensor; a tensor is returned as it is."""
    return values if isinstance(values, Tensor) else Tensor(values)


def _wants_gradient(inputs: tuple[Tensor, ...]) -> bool:
    # A loop, because any() with a generator takes three times as long, and this runs for every operation.
    for tensor in inputs:  # noqa: SIM110
        if tensor.requires_grad:
            return True
    return False


def output_of(node: Node, data: Array) -> Tensor:
    """Return the result of a recorded operation as a tensor again."""
    tensor = wrap(data)
    tensor.requires_grad, tensor._node = True, node
    return tensor


# --- recording ---


def record(
    op: str,
    data: Array,
    inputs: tuple[Tensor, ...],
    rules: tuple[Rule, ...],
    saved: tuple[Tensor, ...] | str = (),
) -> Tensor:
    """Wrap the result of an elementary operation and, where a gradient is wanted, remember how it was made.

    Parameters
    ----------
    op : str
        Name of the operation.
    data : ndarray
        Its result.
    inputs : tuple of Tensor
        What it was computed from.
    rules : tuple of callable
        For each input: (dL/d(output), *saved) -> dL/d(input), in the shape of the output or of the input; axes that
        were broadcast are summed over by `propagate`. Works on arrays and on tensors.
    saved : tuple of Tensor, or OUTPUT
        The values that the rules need.
    """
    out = wrap(data)
    if mode.recording and _wants_gradient(inputs):
        if saved is OUTPUT:
            out._node = Node(op, inputs, rules, None, (), out)
        else:
            out._node = Node(op, inputs, rules, None, saved, None)  # type: ignore[arg-type]  # not a str here
        out.requires_grad = True
    if mode.anomaly:
        check_forward(op, inputs, data)
    return out


def record_joint(
    op: str, data: Array, inputs: tuple[Tensor, ...], rule: JointRule, saved: tuple[Tensor, ...] | None = None
) -> Tensor:
    """Wrap the result of a compiled operation, whose one rule returns the gradients of all inputs together.

    The rule keeps the arrays that it needs; ``saved`` (by default all inputs) names the tensors that must not have
    changed in place when it is called, as the result must not. Such an operation has no second derivative.
    """
    out = wrap(data)
    if mode.recording and _wants_gradient(inputs):
        out._node = Node(op, inputs, None, rule, inputs if saved is None else saved, out)
        out.requires_grad = True
    if mode.anomaly:
        check_forward(op, inputs, data)
    return out


def record_outputs(op: str, data: Sequence[Array], inputs: tuple[Tensor, ...], rule: JointRule) -> tuple[Tensor, ...]:
    """Wrap the results of a compiled operation with several outputs.

    As `record_joint`; the rule is given a list with the gradient of each output, None where an output was not used.
    """
    outs = tuple(wrap(array) for array in data)
    if mode.recording and _wants_gradient(inputs):
        n = len(outs)
        hub = Node(op, inputs, None, lambda parts: rule(parts.grads), inputs, None)
        for i, out in enumerate(outs):
            out._node = Node(op, (), (lambda g, i=i: Parts(n, i, g),), None, (), None)
            out._node.output_version = out._version
            out._node.edges, out._node.shapes = [hub], [Parts.shape]
            out.requires_grad = True
    if mode.anomaly:
        check_forward(op, inputs, *data)
    return outs


def _initial_gradient(root: Tensor, gradient: Operand | None, create_graph: bool) -> Any:
    if gradient is None:
        if root.data.size != 1:
            raise ShapeError(f"backward() without a gradient needs a tensor of one element, got shape {root.shape}")
        start = backend().xp.ones(root.shape, root.dtype)
        return Tensor(start) if create_graph else start
    if create_graph and isinstance(gradient, Tensor):
        start = gradient.to(root.dtype)
    else:
        array = _as_array(gradient, root.dtype)
        start = Tensor(array) if create_graph else array
    if start.shape != root.shape:
        raise ShapeError(f"the gradient must have the shape of the tensor, {root.shape}, got {start.shape}")
    return start


from nets import ops  # noqa: E402  # the operations make tensors, and tensors have them as methods
