"""Parameters and their gradients side by side in memory, so that an optimiser changes them all with one kernel.

An `Arena` copies parameters of one dtype into one flat array and leaves each a view into it; the gradients get a
second array. ``backward`` writes a parameter's first gradient straight into its slot there (`Tensor._accumulate`).
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from nets.backends import backend
from nets.errors import GraphError
from nets.tensor import Tensor

if TYPE_CHECKING:
    from nets.backends.reference.base import Array


EVERYTHING: Final = slice(None)
"""The run of all parameters of an arena."""


class Arena:
    """Flat storage of some parameters.

    Parameters
    ----------
    parameters : sequence of Tensor
        Of one dtype; their ``data`` become views.

    Attributes
    ----------
    values, grads : ndarray, shape (n,)
        All numbers and all gradients, one parameter after the other.
    """

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self.parameters = list(parameters)
        xp, dtype = backend().xp, self.parameters[0].dtype
        self.values: Array = xp.empty(sum(p.numel() for p in self.parameters), dtype)
        self.grads: Array = xp.zeros_like(self.values)
        self._slices: list[slice] = []
        self._views: list[Array] = []
        self._slots: list[Array] = []
        end = 0
        for parameter in self.parameters:
            part = slice(end, end + parameter.numel())
            self._slices.append(part)
            self._views.append(_shaped(self.values[part], parameter._data))
            self._slots.append(_shaped(self.grads[part], parameter._data))
            parameter._slot = self._slots[-1]
            end = part.stop
        self._adopt()

    def _adopt(self) -> None:
        """Take in the values of parameters whose data is not ours, as when someone assigned another array."""
        for parameter, view in zip(self.parameters, self._views, strict=True):
            if parameter._data is not view:
                if parameter.shape != view.shape or parameter.dtype != view.dtype:
                    raise GraphError(
                        f"a parameter of shape {view.shape} and dtype {view.dtype} became one of shape "
                        f"{parameter.shape} and dtype {parameter.dtype}; make a new optimiser after such a change"
                    )
                view[...] = parameter._data
                parameter._data = view

    def parts(self) -> Iterable[slice]:
        """Return runs of neighbouring parameters that have a gradient, `EVERYTHING` if all have one.

        Afterwards ``grads`` holds the gradients of these parameters.
        """
        self._adopt()
        for parameter, slot in zip(self.parameters, self._slots, strict=True):
            if parameter._grad is not slot:
                break
        else:
            return (EVERYTHING,)
        return self._runs()

    def _runs(self) -> list[slice]:
        runs: list[slice] = []
        for parameter, part, slot in zip(self.parameters, self._slices, self._slots, strict=True):
            grad = parameter._grad
            if grad is None:
                continue
            if grad is not slot:  # someone set it, or a second optimiser has the parameter too
                slot[...] = grad.data if isinstance(grad, Tensor) else grad
                parameter._grad = parameter._slot = slot
            if runs and runs[-1].stop == part.start:
                runs[-1] = slice(runs[-1].start, part.stop)
            else:
                runs.append(part)
        return runs

    def export(self, array: "Array") -> "Array":
        """Return a flat array like ``values`` with each parameter's numbers row by row, however they lie in memory."""
        parts = zip(self._slices, self._views, strict=True)
        return backend().xp.concatenate([_shaped(array[part], view).reshape(-1) for part, view in parts])

    def restore(self, array: "Array", values: "Array") -> None:
        """Change ``array`` to what `export` gave."""
        for part, view in zip(self._slices, self._views, strict=True):
            _shaped(array[part], view)[...] = values[part].reshape(view.shape)

    def touched(self) -> None:
        """Note which values changed, so that an old graph refuses to go backward through them."""
        for parameter in self.parameters:
            if parameter._grad is None:
                continue
            parameter._version[0] += 1


def _shaped(flat: "Array", like: "Array") -> "Array":
    """Return a flat part of an arena in the shape of an array, input by input (Fortran's order) if that is."""
    if like.flags.f_contiguous and not like.flags.c_contiguous:
        return flat.reshape(like.shape[::-1]).T
    return flat.reshape(like.shape)
