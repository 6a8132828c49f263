"""Parameters and their gradients side by side in memory, so that an optimiser changes them all with one kernel.

An `Arena` copies parameters of one dtype into one flat array and leaves each a view into it; the gradients get a
second array. ``backward`` writes a parameter's first gradient straight into its slot there (`Tensor._accumulate`).
"""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from nets.backends import backend
from nets.errors import GraphError
from nets.tensor import Tensor

if TYPE_CHECKING:
    import numpy as np

    from nets.backends.reference.base import Array


EVERYTHING: Final = slice(None)
"""The run of all parameters of an arena."""
Layout: TypeAlias = tuple[tuple[int, ...], bool]
"""Shape of a parameter, and whether it lies in memory column by column."""


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
    missed : list of int
        Steps in which each parameter had no gradient; rules that correct a bias count the others.
    """

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        layouts = [(p.shape, _by_columns(p._data)) for p in parameters]
        self._place(list(parameters), parameters[0].dtype, layouts, [0] * len(parameters))

    def _place(
        self, parameters: list[Tensor], dtype: "np.dtype[Any]", layouts: Sequence[Layout], missed: list[int]
    ) -> None:
        """Make the arrays and the views into them, and move the parameters there."""
        self.parameters, self.missed = parameters, missed
        xp = backend().xp
        self.values: Array = xp.empty(sum(math.prod(shape) for shape, _ in layouts), dtype)
        self.grads: Array = xp.zeros_like(self.values)
        self._layouts = layouts
        self._slices: list[slice] = []
        self._views: list[Array] = []
        self._slots: list[Array] = []
        end = 0
        for parameter, layout in zip(parameters, layouts, strict=True):
            part = slice(end, end + math.prod(layout[0]))
            self._slices.append(part)
            self._views.append(_shaped(self.values[part], layout))
            self._slots.append(_shaped(self.grads[part], layout))
            parameter._slot = self._slots[-1]
            end = part.stop
        self._adopt()

    # Copied deeply or pickled, views would become arrays of their own; so a copy is made from the copied parameters.

    def __getstate__(self) -> tuple[Any, ...]:
        return self.parameters, self.values.dtype, self._layouts, self.missed

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._place(*state)

    @property
    def missed(self) -> list[int]:
        """Steps in which each parameter had no gradient."""
        return self._missed

    @missed.setter
    def missed(self, counts: list[int]) -> None:
        self._missed = counts
        self._even = len(set(counts)) == 1

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

    def parts(self) -> Iterable[tuple[slice, int]]:
        """Begin a step: return runs of neighbouring parameters with a gradient, and how many steps each run missed.

        A run is `EVERYTHING` if all parameters have a gradient and missed as many steps. Afterwards ``grads`` holds
        the gradients, and parameters without one missed this step too.
        """
        self._adopt()
        if self._even:
            for parameter, slot in zip(self.parameters, self._slots, strict=True):
                if parameter._grad is not slot:
                    break
            else:
                return ((EVERYTHING, self._missed[0]),)
        return self._runs()

    def _runs(self) -> list[tuple[slice, int]]:
        runs: list[tuple[slice, int]] = []
        missed = self.missed.copy()
        for i, (parameter, part, slot) in enumerate(zip(self.parameters, self._slices, self._slots, strict=True)):
            grad = parameter._grad
            if grad is None:
                missed[i] += 1
                continue
            if grad is not slot:  # someone set it, or a second optimiser has the parameter too
                slot[...] = grad.data if isinstance(grad, Tensor) else grad
                parameter._grad = parameter._slot = slot
            if runs and runs[-1][0].stop == part.start and runs[-1][1] == missed[i]:
                runs[-1] = slice(runs[-1][0].start, part.stop), missed[i]
            else:
                runs.append((part, missed[i]))
        self.missed = missed
        return runs

    def export(self, array: "Array") -> "Array":
        """Return a flat array like ``values`` with each parameter's numbers row by row, however they lie in memory."""
        parts = zip(self._slices, self._layouts, strict=True)
        return backend().xp.concatenate([_shaped(array[part], layout).reshape(-1) for part, layout in parts])

    def restore(self, array: "Array", values: "Array") -> None:
        """Change ``array`` to what `export` gave."""
        for part, layout in zip(self._slices, self._layouts, strict=True):
            _shaped(array[part], layout)[...] = values[part].reshape(layout[0])

    def touched(self) -> None:
        """Note which values changed, so that an old graph refuses to go backward through them."""
        for parameter in self.parameters:
            if parameter._grad is None:
                continue
            parameter._version[0] += 1


def _by_columns(array: "Array") -> bool:
    """Return whether an array lies in memory input by input (Fortran's order), as large weights do."""
    return bool(array.flags.f_contiguous and not array.flags.c_contiguous)


def _shaped(flat: "Array", layout: Layout) -> "Array":
    """Return a flat part of an arena as the array that lies in memory so."""
    shape, by_columns = layout
    return flat.reshape(shape[::-1]).T if by_columns else flat.reshape(shape)
