"""The elementary operations: forward beside its derivative, in order of complexity.

Each computes its result with the array module of the back end and records, for every input, the rule that turns
dL/d(output), ``g``, into dL/d(input). Rules use only operators and functions that accept arrays and tensors alike,
so that a recorded backward pass can be differentiated again. Results of broadcasting need no care here: the engine
sums a gradient over stretched axes (`nets.graph.unbroadcast`).

The coarse operations (layers, losses) are in `nets.functional`.
"""

import builtins
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nets.backends import BACKENDS, backend, load
from nets.errors import ArgumentError, DtypeError, ShapeError
from nets.graph import Rule
from nets.tensor import OUTPUT, Axes, Operand, Tensor, _raw, as_tensor, record, wrap

# --- arithmetic ---


def _scalar(value: Any) -> Any:
    """Return a Python number for any number, None for anything else.

    NumPy's scalars are made Python's: np.float64(2) * float32 array would be float64.
    """
    kind = type(value)
    if kind is float or kind is int:
        return value
    if isinstance(value, Tensor):
        return None
    if isinstance(value, np.number | np.bool_):
        return value.item()
    if isinstance(value, bool | int | float):
        return value if kind is bool else float(value)
    return None


def _with(number: Any, a: Operand) -> Tensor:
    """Return the other operand of a number: ints meet a float as float32, as in PyTorch, not as NumPy's float64."""
    a = as_tensor(a)
    return a if type(number) is not float or a._data.dtype.kind == "f" else to(a, np.float32)


def _both(a: Operand, b: Operand) -> tuple[Tensor, Tensor]:
    """Return two operands in one dtype; ints take the floats' dtype, a number that of the tensor.

    Converting before the operation, not within, lets each gradient come back in the dtype of its operand.
    """
    if isinstance(a, Tensor) and isinstance(b, Tensor) and a._data.dtype == b._data.dtype:
        return a, b
    if (number := _scalar(a)) is not None and _scalar(b) is None:
        b = _with(number, b)
        return Tensor(number, dtype=b.dtype), b
    if (number := _scalar(b)) is not None and _scalar(a) is None:
        a = _with(number, a)
        return a, Tensor(number, dtype=a.dtype)
    a, b = as_tensor(a), as_tensor(b)
    if a.dtype == b.dtype:
        return a, b
    dtype = _common_dtype([a, b])
    return to(a, dtype), to(b, dtype)


def _common_dtype(tensors: Sequence[Tensor]) -> np.dtype[Any]:
    dtypes = [t.dtype for t in tensors]
    return np.result_type(*([dtype for dtype in dtypes if dtype.kind == "f"] or dtypes))


def add(a: Operand, b: Operand) -> Tensor:
    """Return z = a + b; dz/da = dz/db = 1."""
    if (number := _scalar(b)) is not None:
        a = _with(number, a)
        return record("add", a.data + number, (a,), (_same,))
    a, b = _both(a, b)
    return record("add", _fits("add", operator.add, a, b), (a, b), (_same, _same))


def sub(a: Operand, b: Operand) -> Tensor:
    """Return z = a - b; dz/da = 1, dz/db = -1."""
    if (number := _scalar(b)) is not None:
        a = _with(number, a)
        return record("sub", a.data - number, (a,), (_same,))
    if (number := _scalar(a)) is not None:
        b = _with(number, b)
        return record("sub", number - b.data, (b,), (_negated,))
    a, b = _both(a, b)
    return record("sub", _fits("sub", operator.sub, a, b), (a, b), (_same, _negated))


def mul(a: Operand, b: Operand) -> Tensor:
    """Return z = a b; dz/da = b, dz/db = a."""
    if (number := _scalar(b)) is not None:
        a = _with(number, a)
        return record("mul", a.data * number, (a,), (lambda g: g * number,))
    a, b = _both(a, b)
    rules = (lambda g, a, b: g * b, lambda g, a, b: g * a)
    return record("mul", _fits("mul", operator.mul, a, b), (a, b), rules, saved=(a, b))


def div(a: Operand, b: Operand) -> Tensor:
    """Return z = a / b; dz/da = 1 / b, dz/db = -a / b^2."""
    if (number := _scalar(b)) is not None:
        a = _float(a)
        return record("div", a.data / number, (a,), (lambda g: g / number,))
    if (number := _scalar(a)) is not None:
        b = _float(b)
        return record("div", number / b.data, (b,), (lambda g, b: -number * g / (b * b),), saved=(b,))
    a, b = map(_float, _both(a, b))
    rules = (lambda g, a, b: g / b, lambda g, a, b: -g * a / (b * b))
    return record("div", _fits("div", operator.truediv, a, b), (a, b), rules, saved=(a, b))


def neg(a: Operand) -> Tensor:
    """Return z = -a."""
    a = as_tensor(a)
    if a._data.dtype.kind == "b":
        raise DtypeError("neg: bools have no negative; convert them, as in a.float()")
    return record("neg", -a.data, (a,), (_negated,))


def pow(a: Operand, n: Operand) -> Tensor:  # noqa: A001  # as in math and torch
    """Return z = a^n; dz/da = n a^(n-1), 0 for n = 0; dz/dn = z log a, 0 for a = 0 (its limit for n > 0)."""
    if (number := _scalar(n)) is not None:
        a = _with(number, a)
        _check_power(a, number < 0)
        rule = lambda g, a: g * (number * a ** (number - 1)) if number else g * 0.0  # noqa: E731
        return record("pow", a.data**number, (a,), (rule,), saved=(a,))
    a, n = _both(a, n)
    _check_power(a, a._data.dtype.kind != "f" and bool((n.data < 0).any()))
    # 0 * 0^-1 and 0 * log 0 would be NaN: another exponent and another base take the place of these zeros.
    constant, zero = (n.data == 0).astype(n.dtype), (a.data == 0).astype(a.dtype)
    rules = (
        lambda g, a, n: g * n * a ** (n - 1 + constant),
        lambda g, a, n: g * a**n * (1 - zero) * _log(a + zero),
    )
    return record("pow", _fits("pow", operator.pow, a, n), (a, n), rules, saved=(a, n))


def _check_power(a: Tensor, negative: bool) -> None:
    if negative and a._data.dtype.kind != "f":
        raise DtypeError(f"pow: {a.dtype} has no negative powers; convert it, as in a.float() ** -1")


def _same(g: Any) -> Any:
    return g


def _negated(g: Any) -> Any:
    return -g


def _fits(op: str, function: Callable[[Any, Any], Any], a: Tensor, b: Tensor) -> Any:
    """Apply a binary function; the message names both shapes if they do not broadcast."""
    try:
        return function(a.data, b.data)
    except ValueError:
        raise ShapeError(f"{op}: shapes {a.shape} and {b.shape} do not broadcast") from None
    except TypeError:
        raise DtypeError(f"{op} is not for {a.dtype} and {b.dtype}; convert them, as in a.float()") from None


# --- functions of one number ---


def _float(a: Operand) -> Tensor:
    """Return ints as float32, floats as they are."""
    a = as_tensor(a)
    return a if a._data.dtype.kind == "f" else to(a, np.float32)


def exp(a: Operand) -> Tensor:
    """Return z = e^a; dz/da = z."""
    a = _float(a)
    return record("exp", backend().xp.exp(a.data), (a,), (lambda g, z: g * z,), saved=OUTPUT)


def log(a: Operand) -> Tensor:
    """Return z = ln a; dz/da = 1 / a."""
    a = _float(a)
    return record("log", backend().xp.log(a.data), (a,), (lambda g, a: g / a,), saved=(a,))


def sqrt(a: Operand) -> Tensor:
    """Return z = a^(1/2); dz/da = 1 / (2 z)."""
    a = _float(a)
    return record("sqrt", backend().xp.sqrt(a.data), (a,), (lambda g, z: g / (2 * z),), saved=OUTPUT)


def sin(a: Operand) -> Tensor:
    """Return z = sin a; dz/da = cos a."""
    a = _float(a)
    return record("sin", backend().xp.sin(a.data), (a,), (lambda g, a: g * _apply(cos, "cos", a),), saved=(a,))


def cos(a: Operand) -> Tensor:
    """Return z = cos a; dz/da = -sin a."""
    a = _float(a)
    return record("cos", backend().xp.cos(a.data), (a,), (lambda g, a: -g * _apply(sin, "sin", a),), saved=(a,))


def tanh(a: Operand) -> Tensor:
    """Return z = tanh a; dz/da = 1 - z^2."""
    return _from_output("tanh", a, lambda g, z: g * (1 - z * z))


def sigmoid(a: Operand) -> Tensor:
    """Return z = 1 / (1 + e^-a); dz/da = z (1 - z)."""
    return _from_output("sigmoid", a, lambda g, z: g * (z * (1 - z)))


def relu(a: Operand) -> Tensor:
    """Return z = max(a, 0); dz/da = 1 if a > 0 else 0."""
    return _from_output("relu", a, lambda g, z: g * (z.data > 0))


def _from_output(name: str, a: Operand, rule: Rule) -> Tensor:
    """Apply an activation whose derivative its output tells; the back end has a kernel for the rule on arrays."""
    a = _float(a)
    ops = backend()
    fast = lambda g, z: rule(g, z) if isinstance(g, Tensor) else ops.activate_backward(g, None, z, name)  # noqa: E731
    return record(name, ops.activate(a.data, name), (a,), (fast,), saved=OUTPUT)


def absolute(a: Operand) -> Tensor:
    """Return z = |a|; dz/da = sign a, 0 at 0."""
    a = as_tensor(a)
    xp = backend().xp
    sign = xp.sign(a.data)
    return record("abs", xp.abs(a.data), (a,), (lambda g: g * sign,))


def clip(a: Operand, low: float | None = None, high: float | None = None) -> Tensor:
    """Return z = a within [low, high], else the nearer bound; dz/da = 1 within, 0 outside."""
    a = as_tensor(a)
    if low is None and high is None:
        raise ArgumentError("clip needs low, high or both, got neither")
    inside = backend().xp.ones(a.shape, bool)
    if low is not None:
        inside &= a.data >= low
    if high is not None:
        inside &= a.data <= high
    return record("clip", backend().xp.clip(a.data, low, high), (a,), (lambda g: g * inside,))


def _log(a: Any) -> Any:
    return _apply(log, "log", a)


def _apply(operation: Callable[[Any], Tensor], name: str, a: Any) -> Any:
    """Apply a function within a rule: the operation to a tensor, the array module's function to an array."""
    return operation(a) if isinstance(a, Tensor) else getattr(backend().xp, name)(a)


# --- functions of two numbers ---


def maximum(a: Operand, b: Operand) -> Tensor:
    """Return z = max(a, b); the gradient goes to the larger, halved where they are equal; to both at a NaN."""
    return _larger("maximum", a, b)


def minimum(a: Operand, b: Operand) -> Tensor:
    """Return z = min(a, b); the gradient goes to the smaller, halved where they are equal; to both at a NaN."""
    return _larger("minimum", a, b)


def _larger(op: str, a: Operand, b: Operand) -> Tensor:
    a, b = _both(a, b)
    data = _fits(op, getattr(backend().xp, op), a, b)
    # The part of the gradient that goes to each: 1 where it wins, 1/2 at ties, 0 where it loses. A NaN neither wins
    # nor loses; both parts are 1 there, as in PyTorch.
    more, less, half = a.data > b.data, a.data < b.data, 0.5 * (a.data == b.data)
    lost, won = (less, more) if op == "maximum" else (more, less)
    to_a, to_b = (1 - half - lost).astype(a.dtype), (1 - half - won).astype(a.dtype)
    return record(op, data, (a, b), (lambda g: g * to_a, lambda g: g * to_b))


def where(condition: Operand, a: Operand, b: Operand) -> Tensor:
    """Return z = a where the condition holds, b elsewhere."""
    chosen = as_tensor(condition).data.astype(bool)
    left, right = _both(a, b)
    try:
        data = backend().xp.where(chosen, left.data, right.data)
    except ValueError:
        raise ShapeError(f"where: shapes {chosen.shape}, {left.shape} and {right.shape} do not broadcast") from None
    return record("where", data, (left, right), (lambda g: g * chosen, lambda g: g * ~chosen))


# --- reductions ---


def sum(a: Operand, dim: Axes = None, keepdim: bool = False) -> Tensor:  # noqa: A001  # as in numpy and torch
    """Return z = sum of a over some axes; dz/da = 1."""
    a = as_tensor(a)
    axes = _axes("sum", dim, a)
    shape = a.shape
    kept = tuple(1 if i in axes else n for i, n in enumerate(shape))
    return record(
        "sum",
        a.data.sum(axes, keepdims=keepdim),
        (a,),
        (lambda g: _broadcast(g.reshape(kept), shape),),
    )


def mean(a: Operand, dim: Axes = None, keepdim: bool = False) -> Tensor:
    """Return z = sum of a over some axes, divided by the number of terms n; dz/da = 1 / n."""
    a = as_tensor(a)
    n = math.prod(a.shape[i] for i in _axes("mean", dim, a))
    if n == 0:
        raise ShapeError(f"mean over no element: shape {a.shape}, dim {dim}")
    return sum(a, dim, keepdim) * (1 / n)


def var(a: Operand, dim: Axes = None, correction: int = 1, keepdim: bool = False) -> Tensor:
    """Return z = sum of (a - mean)^2 over some axes, divided by n - correction."""
    a = as_tensor(a)
    n = math.prod(a.shape[i] for i in _axes("var", dim, a))
    if n <= correction:
        raise ShapeError(f"var with correction {correction} needs more than {correction} elements, got {n}")
    centred = a - mean(a, dim, keepdim=True)
    return sum(centred * centred, dim, keepdim) * (1 / (n - correction))


def std(a: Operand, dim: Axes = None, correction: int = 1, keepdim: bool = False) -> Tensor:
    """Return z = square root of `var`."""
    return sqrt(var(a, dim, correction, keepdim))


def amax(a: Operand, dim: Axes = None, keepdim: bool = False) -> Tensor:
    """Return z = largest of a over some axes; the gradient goes to it, in equal parts to ties."""
    return _extreme("max", as_tensor(a), dim, keepdim)


def amin(a: Operand, dim: Axes = None, keepdim: bool = False) -> Tensor:
    """Return z = smallest of a over some axes; the gradient goes to it, in equal parts to ties."""
    return _extreme("min", as_tensor(a), dim, keepdim)


def _extreme(op: str, a: Tensor, dim: Axes, keepdim: bool) -> Tensor:
    axes = _axes(op, dim, a)
    if any(a.shape[i] == 0 for i in axes):
        raise ShapeError(f"{op} over no element: shape {a.shape}, dim {dim}")
    best = getattr(a.data, op)(axes, keepdims=True)
    winners = ((a.data == best) | (a.data != a.data)).astype(a.dtype)  # where there is a NaN, it is the extreme
    winners /= winners.sum(axes, keepdims=True)
    data = best if keepdim else best.reshape(tuple(n for i, n in enumerate(a.shape) if i not in axes))
    kept, shape = best.shape, a.shape
    return record(op, data, (a,), (lambda g: _broadcast(g.reshape(kept), shape) * winners,))


def logsumexp(a: Operand, dim: Axes = None, keepdim: bool = False) -> Tensor:
    """Return z = log sum e^a over some axes, exponents shifted by their maximum so that nothing overflows."""
    a = as_tensor(a)
    highest = amax(a, dim, keepdim=True).detach()
    xp = backend().xp
    highest = wrap(xp.where(xp.isfinite(highest.data), highest.data, 0))  # inf - inf would be NaN
    z = log(sum(exp(a - highest), dim, keepdim=True)) + highest
    if keepdim:
        return z
    axes = _axes("logsumexp", dim, a)
    return reshape(z, tuple(n for i, n in enumerate(a.shape) if i not in axes))


def argmax(a: Operand, dim: int | None = None) -> Tensor:
    """Return the index of the largest element along an axis, or in the flattened tensor; no gradient."""
    a = as_tensor(a)
    axes = _axes("argmax", dim, a)
    if dim is not None and len(axes) != 1:
        raise ArgumentError(f"argmax: dim must be an int or None, got {dim}")
    if any(a.shape[i] == 0 for i in axes):
        raise ShapeError(f"argmax over no element: shape {a.shape}, dim {dim}")
    return wrap(a.data.argmax(None if dim is None else axes[0]))


def _axes(op: str, dim: Axes, a: Tensor) -> tuple[int, ...]:
    """Return axes counted from 0, all of them for None."""
    if dim is None:
        return tuple(range(a.ndim))
    axes = _ints(op, "dim", dim)
    for axis in axes:
        if not -a.ndim <= axis < a.ndim:
            raise ShapeError(f"{op}: dim must be in [{-a.ndim}, {a.ndim}) for shape {a.shape}, got {axis}")
    normalized = tuple(axis % a.ndim for axis in axes)
    if len(set(normalized)) < len(normalized):
        raise ShapeError(f"{op}: dim names an axis twice: {dim}")
    return normalized


def _ints(op: str, argument: str, values: Any) -> tuple[int, ...]:
    """Return an int, or several, as a tuple."""
    if type(values) is int:
        return (values,)
    if type(values) is not tuple and (isinstance(values, str) or not hasattr(values, "__iter__")):
        values = (values,)
    try:
        return tuple(operator.index(value) for value in values)
    except TypeError:
        raise ArgumentError(f"{op}: {argument} must be an int or several, got {values!r}") from None


# --- shapes ---


def reshape(a: Operand, *shape: Any) -> Tensor:
    """Return the elements in another shape; shares memory where possible."""
    a = as_tensor(a)
    target = _shape("reshape", shape)
    try:
        data = a.data.reshape(target)
    except ValueError:
        raise ShapeError(f"reshape: shape {a.shape} has {a.numel()} elements and does not fit {target}") from None
    before = a.shape
    return _view(record("reshape", data, (a,), (lambda g: g.reshape(before),)), a)


def permute(a: Operand, *dims: Any) -> Tensor:
    """Return a view with the axes in another order."""
    a = as_tensor(a)
    order = _shape("permute", dims)
    if sorted(d % a.ndim for d in order if a.ndim) != list(range(a.ndim)):
        raise ShapeError(f"permute: dims must name each of the {a.ndim} axes of shape {a.shape} once, got {order}")
    inverse = tuple(int(i) for i in np.argsort([d % a.ndim for d in order]))
    return _view(record("permute", a.data.transpose(order), (a,), (lambda g: _transpose(g, inverse),)), a)


def swapaxes(a: Operand, i: int, j: int) -> Tensor:
    """Return a view with two axes exchanged."""
    a = as_tensor(a)
    order = list(range(a.ndim))
    try:
        order[i], order[j] = order[j], order[i]
    except (IndexError, TypeError):
        raise ShapeError(f"transpose: axes {i} and {j} of a tensor of shape {a.shape}") from None
    return permute(a, order)


def squeeze(a: Operand, dim: int | None = None) -> Tensor:
    """Return a view without axes of length 1."""
    a = as_tensor(a)
    gone = _axes("squeeze", dim, a)
    return reshape(a, tuple(n for i, n in enumerate(a.shape) if not (n == 1 and i in gone)))


def unsqueeze(a: Operand, dim: int) -> Tensor:
    """Return a view with a new axis of length 1."""
    a = as_tensor(a)
    (dim,) = _ints("unsqueeze", "dim", dim)
    if not -a.ndim - 1 <= dim <= a.ndim:
        raise ShapeError(f"unsqueeze: dim must be in [{-a.ndim - 1}, {a.ndim}] for shape {a.shape}, got {dim}")
    at = dim % (a.ndim + 1)
    return reshape(a, (*a.shape[:at], 1, *a.shape[at:]))


def flatten(a: Operand, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Return the tensor with the axes from ``start_dim`` to ``end_dim`` made one."""
    a = as_tensor(a)
    if a.ndim == 0:
        return reshape(a, (1,))
    start, end = _axes("flatten", (start_dim,), a)[0], _axes("flatten", (end_dim,), a)[0]
    return reshape(a, (*a.shape[:start], math.prod(a.shape[start : end + 1]), *a.shape[end + 1 :]))


def broadcast_to(a: Operand, shape: Sequence[int]) -> Tensor:
    """Return a view repeated along axes of length 1 and new axes in front; the gradient sums over the copies."""
    a = as_tensor(a)
    target = _ints("broadcast_to", "shape", shape)
    try:
        data = backend().xp.broadcast_to(a.data, target)
    except ValueError:
        raise ShapeError(f"broadcast_to: shape {a.shape} does not stretch to {target}") from None
    return _view(record("broadcast_to", data, (a,), (_same,)), a)


def pad(a: Operand, widths: Sequence[tuple[int, int]], value: float = 0.0) -> Tensor:
    """Return the tensor with ``before`` and ``after`` elements added along each axis."""
    a = as_tensor(a)
    if len(widths) != a.ndim or any(before < 0 or after < 0 for before, after in widths):
        raise ShapeError(f"pad: widths must be {a.ndim} pairs of counts for shape {a.shape}, got {widths}")
    inner = tuple(slice(before, before + n) for (before, _), n in zip(widths, a.shape, strict=True))
    return record("pad", backend().xp.pad(a.data, widths, constant_values=value), (a,), (lambda g: g[inner],))


def getitem(a: Operand, index: Any) -> Tensor:
    """Return z = a[index], NumPy's indexing; the gradient is added at the places that were taken."""
    a = as_tensor(a)
    key = _kept(index) if a.requires_grad else _raw(index)
    shape = a.shape
    try:
        data = a.data[key]
    except IndexError as error:
        raise ShapeError(f"index into shape {shape}: {error}") from None
    # An index that is a tensor must be the same on the way back.
    places = tuple(part for part in (index if isinstance(index, tuple) else (index,)) if isinstance(part, Tensor))
    out = record("getitem", data, (a,), (lambda g, *_: _scatter(g, key, shape),), saved=places)
    return _view(out, a) if _is_basic(key) else out


def scatter(a: Operand, index: Any, shape: Sequence[int]) -> Tensor:
    """Return zeros of a shape with ``a`` added at ``index``: the transpose of `getitem`."""
    a = as_tensor(a)
    key = _kept(index)
    return record("scatter", _scatter(a.data, key, tuple(shape)), (a,), (lambda g: g[key],))


def _scatter(g: Any, key: Any, shape: tuple[int, ...]) -> Any:
    if isinstance(g, Tensor):
        return scatter(g, key, shape)
    ops = backend()
    zeros = ops.xp.zeros(shape, g.dtype)
    if _is_basic(key):
        zeros[key] = g
    else:
        ops.scatter_add(zeros, key, g)
    return zeros


def _kept(index: Any) -> Any:
    """Return an index as `_raw` does, arrays and lists copied: who gave them may change them before the way back.

    Tensors are not copied; `Node.check_saved` notices a change.
    """
    if isinstance(index, tuple):
        return tuple(_kept(part) for part in index)
    if isinstance(index, list):
        return backend().asarray(np.array(index, None if index else np.intp))
    if isinstance(index, np.generic) or not isinstance(index, (np.ndarray, *backend().array_types)):
        return _raw(index)
    return backend().asarray(index).copy()


def _is_basic(key: Any) -> bool:
    """Return whether an index takes each element at most once, as integers and slices do."""
    parts = key if isinstance(key, tuple) else (key,)
    return all(part is None or part is Ellipsis or isinstance(part, int | slice | np.integer) for part in parts)


def cat(tensors: Sequence[Operand], dim: int = 0) -> Tensor:
    """Return the tensors joined along an axis."""
    parts = tuple(as_tensor(t) for t in tensors)
    if not parts:
        raise ArgumentError("cat needs at least one tensor, got none")
    dtype = _common_dtype(parts)
    parts = tuple(to(t, dtype) for t in parts)
    (axis,) = _axes("cat", (dim,), parts[0])
    rest = [t.shape[:axis] + t.shape[axis + 1 :] for t in parts]
    if any(shape != rest[0] for shape in rest):
        raise ShapeError(f"cat along axis {axis}: shapes differ elsewhere: {[t.shape for t in parts]}")
    ends = np.cumsum([t.shape[axis] for t in parts]).tolist()
    front = (slice(None),) * axis
    keys = [(*front, slice(end - t.shape[axis], end)) for end, t in zip(ends, parts, strict=True)]
    rules = tuple((lambda g, key=key: g[key]) for key in keys)
    return record("cat", backend().xp.concatenate([t.data for t in parts], axis), parts, rules)


def stack(tensors: Sequence[Operand], dim: int = 0) -> Tensor:
    """Return the tensors, all of one shape, joined along a new axis."""
    return cat([unsqueeze(t, dim) for t in tensors], dim)


def split(a: Operand, size: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Return views of consecutive parts: of ``size`` elements each, the last one shorter, or of the given sizes."""
    a = as_tensor(a)
    (axis,) = _axes("split", (dim,), a)
    length = a.shape[axis]
    if isinstance(size, int | np.integer):
        if size < 1:
            raise ArgumentError(f"split: size must be at least 1, got {size}")
        sizes = [min(size, length - start) for start in range(0, length, size)]
    else:
        sizes = list(_ints("split", "size", size))
        if any(n < 0 for n in sizes):
            raise ArgumentError(f"split: sizes must not be negative, got {sizes}")
        if builtins.sum(sizes) != length:
            raise ShapeError(f"split: sizes {sizes} do not add up to {length}, axis {axis} of shape {a.shape}")
    ends = np.cumsum(sizes).tolist()
    front = (slice(None),) * axis
    return tuple(getitem(a, (*front, slice(end - n, end))) for end, n in zip(ends, sizes, strict=True))


def chunk(a: Operand, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Return ``chunks`` views of equal size, the last one shorter if need be."""
    a = as_tensor(a)
    (axis,) = _axes("chunk", (dim,), a)
    if not isinstance(chunks, int | np.integer) or chunks < 1:
        raise ArgumentError(f"chunk: chunks must be at least 1, got {chunks}")
    return split(a, max(1, -(-a.shape[axis] // chunks)), axis)


def _broadcast(g: Any, shape: tuple[int, ...]) -> Any:
    return broadcast_to(g, shape) if isinstance(g, Tensor) else backend().xp.broadcast_to(g, shape)


def _transpose(g: Any, order: tuple[int, ...]) -> Any:
    return permute(g, order) if isinstance(g, Tensor) else g.transpose(order)


def _shape(op: str, parts: tuple[Any, ...]) -> tuple[int, ...]:
    """Accept f(2, 3) and f((2, 3))."""
    return _ints(op, "shape" if op != "permute" else "dims", parts[0] if len(parts) == 1 else parts)


def _view(out: Tensor, of: Tensor) -> Tensor:
    """Let a view notice changes in place of the tensor whose memory it shares."""
    out._version = of._version
    return out


def expand(a: Operand, *shape: Any) -> Tensor:
    """Return `broadcast_to` of a shape in which -1 keeps the length of an axis."""
    a = as_tensor(a)
    target = _shape("expand", shape)
    added = len(target) - a.ndim
    return broadcast_to(a, [a.shape[i - added] if n == -1 and i >= added else n for i, n in enumerate(target)])


def to(a: Operand, target: Any) -> Tensor:
    """Return the tensor with another dtype, or with its values on the back end of the given name; gradients follow."""
    a = as_tensor(a)
    if isinstance(target, str) and target in BACKENDS:
        ops, home = load(target), backend()
        moved = ops.asarray(home.to_numpy(a.data))
        return a if moved is a.data else record("to", moved, (a,), (lambda g: home.asarray(ops.to_numpy(g)),))
    dtype = as_dtype(target)
    if dtype == a.dtype:
        return a
    if dtype.kind != "f":
        return wrap(a.data.astype(dtype))
    before = a.dtype
    return record("to", a.data.astype(dtype), (a,), (lambda g: _cast(g, before),))


def as_dtype(target: Any) -> np.dtype[Any]:
    """Return a dtype by name, type or itself."""
    try:
        dtype: np.dtype[Any] = np.dtype(target)
    except TypeError:
        raise ArgumentError(f"to: the target must be a dtype or one of {', '.join(BACKENDS)}, got {target!r}") from None
    return dtype


def _cast(g: Any, dtype: np.dtype[Any]) -> Any:
    return to(g, dtype) if isinstance(g, Tensor) else g.astype(dtype)


def compare(name: str, a: Operand, b: Any) -> Tensor:
    """Return a tensor of bool: NumPy's comparison of that name, element by element; no gradient."""
    a = as_tensor(a)
    number = _scalar(b)
    function = getattr(backend().xp, name)
    return wrap(function(a.data, number) if number is not None else _fits(name, function, a, as_tensor(b)))


# --- products ---


def matmul(a: Operand, b: Operand) -> Tensor:
    """Return z = a b, matrices in the last two axes, the others broadcast; dL/da = g b^T, dL/db = a^T g."""
    a, b = _both(a, b)
    if a.ndim == 0 or b.ndim == 0:
        raise ShapeError(f"matmul: both need at least one axis, got shapes {a.shape} and {b.shape}")
    if a.ndim == 1:
        return squeeze(matmul(unsqueeze(a, 0), b), -2 if b.ndim > 1 else 0)
    if b.ndim == 1:
        return squeeze(matmul(a, unsqueeze(b, 1)), -1)
    if a.shape[-1] != b.shape[-2]:
        raise ShapeError(f"matmul: shapes {a.shape} and {b.shape} do not fit: {a.shape[-1]} against {b.shape[-2]}")
    rules = (lambda g, a, b: g @ b.swapaxes(-1, -2), lambda g, a, b: a.swapaxes(-1, -2) @ g)
    return record("matmul", _fits("matmul", operator.matmul, a, b), (a, b), rules, saved=(a, b))
