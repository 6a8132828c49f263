"""Parameters and their gradients side by side in memory, so that an optimiser changes them all with one kernel.

An `Arena` copies parameters of one dtype into one flat array and leaves each a view into it; the gradients get a
second array. ``backward`` writes a parameter's first gradient straight into its slot there (`Tensor._accumulate`).
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from nets.backends import backend
from nets.tensor import Tensor

if TYPE_CHECKING:
    from nets.backends.reference.base import Array


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
        end = 0
        for parameter in self.parameters:
            part = slice(end, end + parameter.numel())
            self._slices.append(part)
            self._views.append(self.values[part].reshape(parameter.shape))
            parameter._slot = self.grads[part].reshape(parameter.shape)
            end = part.stop
        self._adopt()

    def _adopt(self) -> None:
        """Take in the values of parameters whose data is not ours, as when someone assigned another array."""
        for parameter, view in zip(self.parameters, self._views, strict=True):
            if parameter._data is not view:
                view[...] = parameter._data
                parameter._data = view

    def parts(self) -> Iterable[tuple[slice, bool]]:
        """Yield runs of neighbouring parameters that have a gradient: their slice, and whether it is everything.

        Afterwards the gradients of these parameters are in ``grads``.
        """
        self._adopt()
        start: int | None = None
        for parameter, part in zip(self.parameters, self._slices, strict=True):
            if parameter._grad is None:
                if start is not None:
                    yield slice(start, part.start), False
                start = None
                continue
            if parameter._grad is not parameter._slot:
                grad = parameter._grad
                parameter._slot[...] = grad.data if isinstance(grad, Tensor) else grad  # type: ignore[index]
                parameter._grad = parameter._slot
            if start is None:
                start = part.start
        if start is not None:
            yield slice(start, self._slices[-1].stop), start == 0

    def touched(self) -> None:
        """Note that the values changed, so that an old graph refuses to go backward through them."""
        for parameter in self.parameters:
            parameter._version[0] += 1
