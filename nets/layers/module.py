"""Module: a function with parameters, and the containers that put modules together.

A module's parameters, buffers and children are simply its attributes of type `Parameter`, `Buffer` and `Module`, in
the order in which they were assigned. A parameter that is reached on several ways (shared weights) counts once.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Self, TypeVar

import numpy as np
import numpy.typing as npt

from nets.backends import BACKENDS, backend
from nets.errors import ArgumentError, CheckpointError, NetsError
from nets.ops import as_dtype
from nets.tensor import Tensor

M = TypeVar("M", bound="Module")


class Parameter(Tensor):
    """A leaf tensor that an optimiser changes."""

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True, dtype: npt.DTypeLike | None = np.float32) -> None:
        super().__init__(data, requires_grad, dtype)


class Buffer(Tensor):
    """A tensor that belongs to a module's state but is not learned by gradients, as a running mean."""

    __slots__ = ()


class Module:
    """Base of all layers and models. Subclasses assign their parts in ``__init__`` and define ``forward``.

    Examples
    --------
    >>> import nets
    >>> class Scale(nets.Module):
    ...     def __init__(self):
    ...         self.factor = nets.Parameter([2.0])
    ...     def forward(self, x):
    ...         return self.factor * x
    >>> Scale()(nets.Tensor([1.0, 3.0]))
    Tensor([2., 6.], op=mul)
    """

    training: bool = True

    def forward(self, *inputs: Any) -> Any:
        """Compute the outputs; call the module itself instead."""
        raise NotImplementedError(f"{type(self).__name__} must define forward()")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Compute the outputs; an error names the innermost layer that raised it."""
        try:
            outputs = self.forward(*inputs, **options)
        except NetsError as error:
            if hasattr(error, "layer"):
                raise
            named = type(error)(f"{self.label()}: {error}")
            named.layer = self  # type: ignore[attr-defined]  # said once is enough
            raise named from error
        for observe in _observers:
            observe(self, inputs, outputs)
        return outputs

    # --- parts ---

    def named_children(self) -> Iterator[tuple[str, "Module"]]:
        """Yield the modules that this one is made of, with the names of their attributes."""
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield name, value

    def children(self) -> Iterator["Module"]:
        """Yield the modules that this one is made of."""
        return (child for _, child in self.named_children())

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, "Module"]]:
        """Yield this module and all within it, each once, with dotted names."""
        return _distinct(self._walk(prefix))

    def modules(self) -> Iterator["Module"]:
        """Yield this module and all within it, each once."""
        return (module for _, module in self.named_modules())

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Yield all parameters, each once, with dotted names: ``"0.weight"``."""
        return _distinct(self._named(Parameter))

    def parameters(self) -> Iterator[Parameter]:
        """Yield all parameters, each once."""
        return (parameter for _, parameter in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """Yield all buffers, each once, with dotted names."""
        return _distinct(self._named(Buffer))

    def buffers(self) -> Iterator[Buffer]:
        """Yield all buffers, each once."""
        return (buffer for _, buffer in self.named_buffers())

    def _walk(self, prefix: str) -> Iterator[tuple[str, "Module"]]:
        yield prefix, self
        for name, child in self.named_children():
            yield from child._walk(f"{prefix}.{name}" if prefix else name)

    def _named(self, kind: type[Any]) -> Iterator[tuple[str, Any]]:
        for prefix, module in self._walk(""):
            for name, value in vars(module).items():
                if isinstance(value, kind):
                    yield (f"{prefix}.{name}" if prefix else name), value

    # --- state ---

    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """Return a copy of all parameters and buffers as NumPy arrays, under PyTorch's names.

        A tensor that is reached under several names is there under each.
        """
        named = [*self._named(Parameter), *self._named(Buffer)]
        return {name: np.array(tensor.numpy()) for name, tensor in named}

    def load_state_dict(self, state: dict[str, Any], strict: bool = True) -> None:
        """Copy parameters and buffers from a dictionary of arrays; nothing changes if anything does not fit.

        Parameters
        ----------
        state : dict of str to array
            As from `state_dict`; also PyTorch's, tensors on the CPU included.
        strict : bool
            Whether the names must be the same on both sides; otherwise only common ones are copied.

        Raises
        ------
        CheckpointError
            If names, shapes or kinds of numbers differ, or a tensor that has several names is given several values;
            it names the tensor and both shapes.

        Notes
        -----
        Floats are converted into other floats and ints into other ints, but not into each other, nor bools. NaN and
        infinities are copied like other values, as by PyTorch; `nets.load_weights` refuses them.
        """
        own = {name: tensor for kind in (Parameter, Buffer) for name, tensor in self._named(kind)}
        missing, unexpected = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
        if strict and (missing or unexpected):
            raise CheckpointError(
                f"the state does not fit {type(self).__name__}: "
                f"missing {', '.join(missing) or 'none'}; unexpected {', '.join(unexpected) or 'none'}"
            )
        first: dict[int, str] = {}
        arrays = {}
        for name, tensor in own.items():
            if name not in state:
                continue
            arrays[name] = array = _fitting(name, state[name], tensor)
            same = first.setdefault(id(tensor), name)
            if same != name and not np.array_equal(arrays[same], array, equal_nan=True):
                raise CheckpointError(f"tensors {same} and {name} are one in the model, but differ in the state")
        values = {name: backend().asarray(array, own[name].dtype) for name, array in arrays.items()}
        for name, value in values.items():
            own[name]._data[...] = value
            own[name]._version[0] += 1

    # --- modes ---

    def train(self, mode: bool = True) -> Self:
        """Behave as in training (dropout, statistics of the batch), or as in use; return the module."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Behave as in use; return the module."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter in self.parameters():
            parameter.zero_grad()

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Let all parameters learn, or freeze them; return the module."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def to(self, target: Any) -> Self:
        """Convert parameters and buffers of floats in place to a dtype, or move all to a back end; return the module.

        Optimisers made before hold the old arrays: make them afterwards.
        """
        moves = isinstance(target, str) and target in BACKENDS
        if not moves and as_dtype(target) not in (np.float32, np.float64):
            raise ArgumentError(f"a model computes in float32 or float64, or on {', '.join(BACKENDS)}, got {target!r}")
        for tensor in (*self.parameters(), *self.buffers()):
            if moves or tensor.dtype.kind == "f":
                tensor._data = tensor.detach().to(target)._data
                tensor._slot = tensor._grad = None
                tensor._version[0] += 1
        return self

    def apply(self, function: Callable[["Module"], Any]) -> Self:
        """Call a function with this module and all within it; return the module."""
        for module in self.modules():
            function(module)
        return self

    # --- words ---

    def extra_repr(self) -> str:
        """Return the settings that ``repr`` shows."""
        return ""

    def label(self) -> str:
        """Return the name of the class with its settings, in one line."""
        return f"{type(self).__name__}({self.extra_repr()})"

    def __repr__(self) -> str:
        children = [f"  ({name}): " + repr(child).replace("\n", "\n  ") + "\n" for name, child in self.named_children()]
        if not children:
            return self.label()
        return f"{type(self).__name__}({self.extra_repr()}\n{''.join(children)})"


def _fitting(name: str, value: Any, tensor: Tensor) -> npt.NDArray[Any]:
    """Return a value as an array that may be copied into a tensor, or raise CheckpointError."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"tensor {name} must hold numbers: {error}") from error
    if array.shape != tensor.shape:
        raise CheckpointError(f"tensor {name}: the state has shape {array.shape}, the model has {tensor.shape}")
    if array.dtype.kind not in "fiub":
        raise CheckpointError(f"tensor {name} must hold numbers, got dtype {array.dtype}")
    if array.dtype.kind.replace("u", "i") != tensor.dtype.kind.replace("u", "i"):
        raise CheckpointError(
            f"tensor {name}: the state has {array.dtype} {array.shape}, the model has {tensor.dtype} {tensor.shape}"
        )
    return array


def _distinct(pairs: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield each object once, under its first name."""
    seen: set[int] = set()
    for name, value in pairs:
        if id(value) not in seen:
            seen.add(id(value))
            yield name, value


Observer = Callable[[Module, tuple[Any, ...], Any], None]
_observers: Final[list[Observer]] = []


@contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Call ``observer(module, inputs, outputs)`` after every call of a module within the block."""
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)


@contextmanager
def in_use(module: Module) -> Iterator[None]:
    """Put a module into its mode of use within the block; each part gets back the mode that it had."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


def as_tuple(outputs: Any) -> tuple[Any, ...]:
    """Return what a module returned as the arguments of the next one."""
    return tuple(outputs) if isinstance(outputs, tuple | list) else (outputs,)


class ModuleList(Module):
    """Modules in a list, which count as parts of the module that holds it."""

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        for module in modules:
            self.append(module)

    def append(self, module: Module) -> Self:
        """Add a module at the end; return the list."""
        if not isinstance(module, Module):
            raise ArgumentError(f"{type(self).__name__} holds modules, got {type(module).__name__}")
        setattr(self, str(len(self)), module)
        return self

    def __len__(self) -> int:
        return len(list(self.named_children()))

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def __getitem__(self, index: int | slice) -> Any:
        modules = list(self.children())
        return self._like(modules[index]) if isinstance(index, slice) else modules[index]

    def _like(self, modules: list[Module]) -> "ModuleList":
        return ModuleList(modules)


class Sequential(ModuleList):
    """Modules one after the other; a tuple that one returns becomes the arguments of the next.

    Examples
    --------
    >>> import nets
    >>> model = nets.Sequential(nets.Linear(784, 30), nets.Sigmoid(), nets.Linear(30, 10))
    >>> model(nets.Tensor(np.zeros((32, 784), np.float32))).shape
    (32, 10)
    """

    def __init__(self, *modules: Module) -> None:
        super().__init__(modules)

    def _like(self, modules: list[Module]) -> ModuleList:
        return Sequential(*modules)

    def forward(self, *inputs: Any) -> Any:
        """Call the modules in turn."""
        for module in self.children():
            inputs = as_tuple(module(*inputs))
        return inputs[0] if len(inputs) == 1 else inputs
