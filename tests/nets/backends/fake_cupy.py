"""A stand-in for CuPy that is stricter than CuPy, for machines without a GPU.

Its arrays hide a NumPy array. What would be a silent transfer between the memories of GPU and CPU is an error here, and
the explicit ones are counted: `asnumpy`, `item`, `tolist`, `float` and the like bring numbers to the CPU and make
Python wait. NumPy's functions refuse these arrays, and these arrays refuse NumPy's.
"""

import math
import types

import numpy as np

METHODS = (
    "all", "any", "argmax", "argmin", "astype", "copy", "max", "mean", "min", "prod", "ravel", "repeat", "reshape",
    "squeeze", "sum", "swapaxes", "take", "transpose", "var",
)  # fmt: skip
BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor")
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
READS = []
"""What brought numbers to the CPU, in order."""


class ndarray:  # CuPy's name
    """An array whose memory the CPU cannot see."""

    __array_ufunc__ = None
    __hash__ = None

    def __init__(self, hidden):
        self._hidden = np.asarray(hidden)

    shape = property(lambda self: self._hidden.shape)
    dtype = property(lambda self: self._hidden.dtype)
    ndim = property(lambda self: self._hidden.ndim)
    size = property(lambda self: self._hidden.size)
    nbytes = property(lambda self: self._hidden.nbytes)
    strides = property(lambda self: self._hidden.strides)
    flags = property(lambda self: self._hidden.flags)
    T = property(lambda self: ndarray(self._hidden.T))

    def __array__(self, dtype=None, copy=None):
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")

    def __array_function__(self, function, kinds, args, kwargs):
        raise TypeError(f"numpy.{function.__name__} of an array on the GPU")

    def __len__(self):
        return len(self._hidden)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index):
        return ndarray(self._hidden[unwrap(index)])

    def __setitem__(self, index, values):
        self._hidden[unwrap(index)] = unwrap(values)

    def __neg__(self):
        return ndarray(-self._hidden)

    def __invert__(self):
        return ndarray(~self._hidden)

    def __abs__(self):
        return ndarray(abs(self._hidden))

    def item(self):
        return self._read("item").item()

    def tolist(self):
        return self._read("tolist").tolist()

    def __float__(self):
        return float(self._read("float").item())

    def __int__(self):
        return int(self._read("int").item())

    def __bool__(self):
        return bool(self._read("bool").item())

    def _read(self, how):
        READS.append(how)
        return self._hidden


def unwrap(value):
    """Return what an argument hides; arrays of NumPy with axes are refused."""
    if isinstance(value, ndarray):
        return value._hidden
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {type(value)}")
    if isinstance(value, tuple | list):
        return type(value)(unwrap(part) for part in value)
    return value


def wrap(value):
    """Hide arrays, those without axes too: CuPy has no scalars."""
    if isinstance(value, np.ndarray | np.generic):
        return ndarray(value)
    if isinstance(value, tuple | list):
        return type(value)(wrap(part) for part in value)
    return value


def _on_hidden(function):
    def called(*args, **options):
        return wrap(function(*unwrap(args), **{name: unwrap(value) for name, value in options.items()}))

    return called


def _operator(name):
    def forward(self, other):
        return ndarray(getattr(self._hidden, f"__{name}__")(unwrap(other)))

    return forward


def _in_place(name):
    def change(self, other):
        getattr(self._hidden, f"__i{name}__")(unwrap(other))
        return self

    return change


for _name in METHODS:
    setattr(ndarray, _name, _on_hidden(getattr(np.ndarray, _name)))
for _name in BINARY:
    setattr(ndarray, f"__{_name}__", _operator(_name))
    setattr(ndarray, f"__r{_name}__", _operator(f"r{_name}"))
    setattr(ndarray, f"__i{_name}__", _in_place(_name))
for _name in COMPARISONS:
    setattr(ndarray, f"__{_name}__", _operator(_name))


class _Ufunc:
    def __init__(self, function):
        self._function = function

    def __call__(self, *args, **options):
        return _on_hidden(self._function)(*args, **options)

    def at(self, target, index, values):
        self._function.at(unwrap(target), unwrap(index), unwrap(values))


class _Module(types.ModuleType):
    """Functions on arrays of the GPU under NumPy's names."""

    def __init__(self, name, numpy_module):
        super().__init__(name)
        self._numpy = numpy_module

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self._numpy, name)
        if isinstance(found, np.ufunc):
            return _Ufunc(found)
        if isinstance(found, types.ModuleType):
            return _Module(f"cupy.{name}", found)
        return found if isinstance(found, type | float) or found is None else _on_hidden(found)


def _to_gpu(values, dtype=None, copy=None):
    hidden = values._hidden if isinstance(values, ndarray) else values
    return ndarray(np.array(hidden, dtype) if copy else np.asarray(hidden, dtype))


def _asnumpy(array):
    if not isinstance(array, ndarray):
        return np.asarray(array)
    READS.append("asnumpy")
    return array._hidden.copy()


def modules(available=True):
    """Return what ``sys.modules`` needs so that ``import cupy`` finds this."""
    cupy, cupyx = _Module("cupy", np), types.ModuleType("cupyx")
    cupy.ndarray, cupy.asnumpy = ndarray, _asnumpy
    cupy.asarray = _to_gpu
    cupy.array = lambda values, dtype=None: _to_gpu(values, dtype, copy=True)
    cupy.cuda = types.SimpleNamespace(is_available=lambda: available)
    special = types.ModuleType("cupyx.scipy.special")
    special.erf = _on_hidden(lambda x: np.vectorize(math.erf, otypes=[x.dtype])(x))
    scipy = types.ModuleType("cupyx.scipy")
    cupyx.scipy, scipy.special = scipy, special
    return {"cupy": cupy, "cupyx": cupyx, "cupyx.scipy": scipy, "cupyx.scipy.special": special}
