"""The images to learn from, by name, and batches in which all classes are equally frequent."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from generative.errors import SettingError
from nets.data import LabelledImages, Split, as_float, load_emnist_letters, load_mnist
from nets.data.generators import get_state, set_state
from nets.errors import ArgumentError
from nets.recipes import generated_letters

Array = npt.NDArray[Any]
DATASETS: Final[dict[str, Callable[[Path | None], Split]]] = {
    "mnist": load_mnist,
    "emnist": load_emnist_letters,
    "glyphs": lambda folder: generated_letters(),
}


def load_dataset(name: str, folder: Path | None = None) -> Split:
    """Load a data set by name: "mnist", "emnist", or "glyphs", which is generated and needs no files.

    Raises
    ------
    SettingError
        If there is no such data set.
    nets.errors.MissingDataError, nets.errors.CorruptDataError
        If its files are not there, or not what they should be.
    """
    if name not in DATASETS:
        raise SettingError(f"data must be one of {', '.join(DATASETS)}, got {name!r}")
    return DATASETS[name](folder)


class Batches:
    """Random batches of (images, labels, case), as `nets.training.Trainer` wants them.

    Parameters
    ----------
    data : LabelledImages
    batch_size : int
        Images a batch.
    length : int
        Batches an epoch, whatever the size of the data set: images are drawn with replacement.
    balanced : bool
        Whether first a class is drawn, and then one of its images; otherwise all images are equally likely.
    generator : numpy.random.Generator or int
        Decides what is drawn.

    Notes
    -----
    A batch is: images, float32 (batch, 1, size, size) in [0, 1]; labels, int64 (batch,); case, int64 (batch,), 0
    where unknown. Its state is that of the generator and the place in the epoch, so that training resumes exactly.
    """

    def __init__(
        self,
        data: LabelledImages,
        *,
        batch_size: int,
        length: int,
        balanced: bool = True,
        generator: np.random.Generator | int = 0,
    ) -> None:
        if batch_size < 1 or length < 1:
            raise SettingError(f"batch_size and length must be at least 1, got {batch_size} and {length}")
        if not len(data):
            raise SettingError("data must hold at least one image, got none")
        self.data, self.batch_size, self.length, self.balanced = data, batch_size, length, balanced
        self.generator = np.random.default_rng(generator)
        self.position = 0
        self._case = np.zeros(len(data), np.int64) if data.case is None else data.case.astype(np.int64)
        order = np.argsort(data.labels, kind="stable")
        counts = np.bincount(data.labels, minlength=len(data.classes))
        if balanced and not counts.all():
            missing = data.classes[int(np.flatnonzero(counts == 0)[0])]
            raise SettingError(f"every class must have an image where batches are balanced, got none of {missing}")
        self._order, self._counts, self._starts = order, counts, np.cumsum(counts) - counts

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[tuple[Array, ...]]:
        return self.resume(anew=True)

    def resume(self, anew: bool = False) -> Iterator[tuple[Array, ...]]:
        """Return what is left of the epoch under way, or a new epoch."""
        if anew:
            self.position = 0
        while self.position < self.length:
            batch = self.draw()
            self.position += 1
            yield batch
        self.position = 0

    def draw(self) -> tuple[Array, ...]:
        """Return one batch."""
        indices = self._draw_indices()
        images = as_float(self.data.images[indices])
        return images, self.data.labels[indices].astype(np.int64), self._case[indices]

    def _draw_indices(self) -> npt.NDArray[np.intp]:
        if not self.balanced:
            return self.generator.integers(len(self.data), size=self.batch_size)
        labels = self.generator.integers(len(self._counts), size=self.batch_size)
        ranks = (self.generator.random(self.batch_size) * self._counts[labels]).astype(np.intp)
        return np.asarray(self._order[self._starts[labels] + ranks])

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` needs."""
        return {"position": self.position, "generator": get_state(self.generator), **self._kind()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state_dict` was called.

        Raises
        ------
        nets.errors.ArgumentError
            If the state is of other data or other batches; nothing changes then.
        """
        for name, value in self._kind().items():
            if state.get(name) != value:
                raise ArgumentError(f"the state must be of batches with {name} {value}, got {state.get(name)}")
        if type(state["position"]) is not int or not 0 <= state["position"] <= self.length:
            raise ArgumentError(f"position must be in 0..{self.length}, got {state['position']!r}")
        set_state(self.generator, state["generator"])
        self.position = state["position"]

    def _kind(self) -> dict[str, Any]:
        """Return what must be the same for the same batches to come."""
        settings = {"batch_size": self.batch_size, "length": self.length, "balanced": self.balanced}
        return {"images": self._counts.tolist(), **settings}
