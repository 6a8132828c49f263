"""Where arrays live and what computes on them.

``numpy``
    The reference: every array operation in plain NumPy, to be read (`nets.backends.reference`).
``numba``
    The default: the same class with the hot operations overridden by compiled kernels (`nets.backends.jit`).
``cupy``
    The reference on a GPU: NumPy's functions replaced by CuPy's (`nets.backends.gpu`; extra ``cuda``).

The differentiable operations above (`nets.ops`, `nets.functional`) call `backend` and never NumPy's mathematics
directly where it is hot, so a model runs on any of the three unchanged.
"""

import threading
from functools import cache
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Final

from nets.errors import ArgumentError

if TYPE_CHECKING:
    from nets.backends.reference import ArrayOps

_HOMES: Final = {
    "numpy": ("nets.backends.reference", "ArrayOps"),
    "numba": ("nets.backends.jit", "NumbaOps"),
    "cupy": ("nets.backends.gpu", "CupyOps"),
}
BACKENDS: Final = tuple(_HOMES)
DEFAULT: Final = "numba"


@cache
def load(name: str) -> "ArrayOps":
    """Return the array operations of a back end; loaded when first asked for.

    Raises
    ------
    ArgumentError
        If there is no such back end.
    BackendError
        If it cannot run here.
    """
    if name not in _HOMES:
        raise ArgumentError(f"backend must be one of {', '.join(_HOMES)}, got {name!r}")
    module, class_name = _HOMES[name]
    ops: ArrayOps = getattr(import_module(module), class_name)()
    return ops


class _Block(threading.local):
    """What a ``with use(...)`` block of this thread chose."""

    ops: "ArrayOps | None" = None


_current: "ArrayOps | None" = None
_block: Final = _Block()


def backend() -> "ArrayOps":
    """Return the array operations in use."""
    global _current
    if _block.ops is not None:
        return _block.ops
    if _current is None:
        _current = load(DEFAULT)
    return _current


class use:  # noqa: N801  # reads like the function it mostly is
    """Choose the back end: from now on for all threads, or within a ``with`` block for this one.

    Parameters
    ----------
    name : {"numba", "numpy", "cupy"}
        Which one.

    Raises
    ------
    ArgumentError
        If there is no such back end.
    BackendError
        If it cannot run here, as ``cupy`` without a GPU.

    Examples
    --------
    >>> with use("numpy"):
    ...     backend().name
    'numpy'
    """

    def __init__(self, name: str) -> None:
        global _current
        chosen = load(name)
        self._chosen = chosen
        self._before = _current, _block.ops  # None where the default was not needed yet: then Numba stays unloaded
        _current, _block.ops = chosen, None

    def __enter__(self) -> "ArrayOps":
        global _current
        _current, _block.ops = self._before[0], self._chosen
        return self._chosen

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _block.ops = self._before[1]
