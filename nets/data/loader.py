"""Batches of a data set, in an order that a generator decides and that a saved state can continue."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from nets.data.dataset import Dataset, check_finite
from nets.data.generators import Stateful, get_state, resumed, set_state
from nets.errors import ArgumentError, DataError, ShapeError
from nets.random import generator as common_generator

Array = npt.NDArray[Any]
Transform = Callable[[Array], Array]


@runtime_checkable
class Resumable(Stateful, Protocol):
    """Batches, one epoch of which can be left and continued, also by another process."""

    def resume(self, anew: bool = False) -> Iterator[tuple[Array, ...]]:
        """Return what is left of the epoch that was begun by ``resume``, or, if none was or ``anew``, a new one."""
        ...


class DataLoader:
    """Iterate over a data set in batches; each iteration is one epoch, on its own.

    Parameters
    ----------
    *data : ndarray or Dataset
        Arrays of equal length, such as images and labels; or one object with a length whose ``[indices]`` gives an
        array or a tuple of arrays, such as `LabelledImages`.
    batch_size : int
        Examples a batch; the last one of an epoch may be smaller.
    shuffle : bool
        Whether each epoch has an order of its own, without replacement.
    generator : numpy.random.Generator or int, optional
        Decides the order; an int is a seed. By default the common stream of `nets.random`.
    drop_last : bool
        Leave out a last batch that is smaller than the others.
    transform : callable, optional
        Applied to the first array of each batch, such as a `RandomAffine` to the images. What it returns takes that
        array's place.
    check_finite : bool
        Whether to look for NaN and infinity, once, in the arrays of floats that are given here, or that are
        attributes of the data set that is given.

    Raises
    ------
    ArgumentError
        If ``batch_size`` is below 1, or nothing is given.
    ShapeError
        If the arrays are not of equal length.
    DataError
        If the data set is empty, ``drop_last`` leaves nothing of it, or an example holds NaN or infinity.

    Notes
    -----
    Iterations do not know of each other: each draws its order with its first batch, and is whole. The one exception is
    `resume`, which training uses: it goes on where the last `resume` was left, also after a `state_dict` that was
    taken between two epochs or within one was loaded by another loader of the same data; so batches come as if
    nothing had happened, bit for bit. The state of a transform that has ``state_dict`` and ``load_state_dict`` is
    part of it.

    Examples
    --------
    >>> loader = DataLoader(np.arange(5), np.arange(5) * 10, batch_size=2)
    >>> for x, y in loader:
    ...     print(x, y)
    [0 1] [ 0 10]
    [2 3] [20 30]
    [4] [40]
    """

    def __init__(
        self,
        *data: Array | Dataset,
        batch_size: int,
        shuffle: bool = False,
        generator: np.random.Generator | int | None = None,
        drop_last: bool = False,
        transform: Transform | None = None,
        check_finite: bool = True,
    ) -> None:
        if batch_size < 1:
            raise ArgumentError(f"batch_size must be at least 1, got {batch_size}")
        self._data = _as_dataset(data)
        self.batch_size = batch_size
        self.shuffle = shuffle
        self._generator = None if generator is None else np.random.default_rng(generator)
        self.drop_last = drop_last
        self.transform = transform
        if len(self) < 1:
            n = len(self._data)
            reason = f"{n} examples are no batch of {batch_size}, and drop_last is set" if n else "it has no examples"
            raise DataError(f"the data set gives no batch: {reason}")
        if check_finite:
            _check_finite(self._data)
        self._place = _Place()  # of the last resume()

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        n_batches = len(self._data) / self.batch_size
        return math.floor(n_batches) if self.drop_last else math.ceil(n_batches)

    def __iter__(self) -> Iterator[tuple[Array, ...]]:
        """Return a whole epoch."""
        return self._batches(_Place())

    def resume(self, anew: bool = False) -> Iterator[tuple[Array, ...]]:
        """Return what is left of the epoch that was begun by ``resume``, or, if none was or ``anew``, a new one.

        `state_dict` says from now on how far this iteration is.
        """
        # A copy: should an earlier iterator be advanced again, it moves its own place.
        self._place = _Place() if anew else replace(self._place)
        return self._batches(self._place)

    def _batches(self, place: "_Place") -> Iterator[tuple[Array, ...]]:
        """Yield the batches from a place on, and move it."""
        drawn_from = get_state(self.generator) if place.order is None else place.order
        order = self._order(self.generator if place.order is None else resumed(self.generator, drawn_from))
        for position in range(place.position, len(self)):
            batch = self._batch(order[position * self.batch_size : (position + 1) * self.batch_size])
            # Counted before it is handed out: a state taken while a batch is in use continues after it.
            place.position, place.order = position + 1, drawn_from
            yield batch
        place.position, place.order = 0, None

    @property
    def generator(self) -> np.random.Generator:
        """The generator that decides the order."""
        return common_generator(self._generator)

    def _order(self, generator: np.random.Generator) -> npt.NDArray[np.intp]:
        n = len(self._data)
        return generator.permutation(n) if self.shuffle else np.arange(n)

    def _batch(self, indices: npt.NDArray[np.intp]) -> tuple[Array, ...]:
        found = self._data[indices]
        arrays = found if isinstance(found, tuple) else (found,)
        return arrays if self.transform is None else (self.transform(arrays[0]), *arrays[1:])

    def state_dict(self) -> dict[str, Any]:
        """Return what `resume` needs to continue, as values that JSON can hold."""
        generator = get_state(self.generator)
        state = {
            "position": self._place.position,
            "examples": len(self._data),
            "batch_size": self.batch_size,
            "order": generator if self._place.order is None else self._place.order,
            "generator": generator,
        }
        if isinstance(self.transform, Stateful):
            state["transform"] = self.transform.state_dict()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state_dict` was taken: `resume` gives the batches that would have come next.

        Raises
        ------
        ArgumentError
            If the state is of another data set, batch size, transform or kind of generator.
        """
        for name, value in (("examples", len(self._data)), ("batch_size", self.batch_size)):
            if state.get(name) != value:
                raise ArgumentError(f"the state must be of a loader with {name} {value}, got {state.get(name)}")
        if not 0 <= state["position"] <= len(self):
            raise ArgumentError(f"position must be in [0, {len(self)}], got {state['position']}")
        if isinstance(self.transform, Stateful) != ("transform" in state):
            raise ArgumentError("the state must be of a loader with the same transform")
        set_state(self.generator, state["generator"])
        self._place = _Place(state["position"], state["order"]) if state["position"] else _Place()
        if isinstance(self.transform, Stateful):
            self.transform.load_state_dict(state["transform"])


@dataclass
class _Place:
    """How far an iteration is."""

    position: int = 0
    """Batches that were handed out."""
    order: dict[str, Any] | None = None
    """The state of the generator from which the order was drawn; None before the first batch."""


class _Arrays:
    """Arrays of equal length as a data set."""

    def __init__(self, arrays: tuple[Array, ...]) -> None:
        lengths = [len(array) for array in arrays]
        if len(set(lengths)) > 1:
            raise ShapeError(f"the arrays must be of equal length, got {' and '.join(map(str, lengths))}")
        self.arrays = arrays

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, indices: npt.NDArray[np.intp]) -> tuple[Array, ...]:
        return tuple(array[indices] for array in self.arrays)


def _as_dataset(data: tuple[Array | Dataset, ...]) -> Dataset:
    if not data:
        raise ArgumentError("data must be arrays or a data set, got nothing")
    if len(data) == 1 and not isinstance(data[0], np.ndarray):
        return data[0]
    for i, array in enumerate(data):
        if not isinstance(array, np.ndarray) or array.ndim < 1:
            raise ArgumentError(f"data must be arrays with at least one axis, got {array!r:.80} at position {i}")
    return _Arrays(tuple(array for array in data if isinstance(array, np.ndarray)))


def _check_finite(data: Dataset) -> None:
    """Look at those arrays of a data set that can be seen without reading all its examples."""
    if isinstance(data, _Arrays):
        arrays = {f"array {i} of the data": array for i, array in enumerate(data.arrays)}
    else:
        arrays = {name: value for name, value in getattr(data, "__dict__", {}).items() if isinstance(value, np.ndarray)}
    for name, array in arrays.items():
        check_finite(name, array)
