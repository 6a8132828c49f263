"""What a model is trained and measured by: objectives, and means over a data set."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from nets import functional as F  # noqa: N812  # as everywhere in the field
from nets.backends import backend
from nets.errors import AnomalyError, DataError
from nets.graph import no_grad
from nets.layers.module import Module, in_use
from nets.tensor import Tensor

Batch = tuple[npt.NDArray[Any], ...]
Objective = Callable[[Module, Batch], tuple[Tensor, dict[str, float]]]
"""(model, batch) -> (the mean loss of the batch, other means to report)."""
Metrics = dict[str, float]


def classification(loss: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy) -> Objective:
    """Return the objective of a batch (inputs, labels): a loss of the model's outputs, and the accuracy.

    Parameters
    ----------
    loss : callable
        (outputs of shape (batch, classes), labels) -> mean loss, as `nets.functional.cross_entropy`.
    """

    def objective(model: Module, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        inputs, labels = batch
        outputs = model(Tensor(inputs))
        guesses = backend().to_numpy(outputs.data.argmax(1))
        return loss(outputs, Tensor(labels)), {"accuracy": float((guesses == labels).mean())}

    return objective


def evaluate(model: Module, batches: Iterable[Batch], objective: Objective | None = None) -> Metrics:
    """Return the mean over all examples of the loss, and of what else the objective reports.

    Parameters
    ----------
    model : Module
        Put into its mode of use meanwhile.
    batches : iterable of tuples of arrays
        For example a `DataLoader`; the last batch may be smaller, and counts less.
    objective : callable, optional
        By default `classification`.

    Raises
    ------
    AnomalyError
        If the loss of a batch is not finite; the other means would be meaningless then too.
    DataError
        If there is no batch.
    """
    objective = classification() if objective is None else objective
    means = Means()
    with in_use(model), no_grad():
        for batch in batches:
            loss, others = objective(model, batch)
            value = float(loss.item())
            if not math.isfinite(value):
                raise AnomalyError(f"the loss of batch {means.batches + 1} is {value}; {blame(batch)}")
            means.add(len(batch[0]), {"loss": value, **others})
    if not means.n:
        raise DataError("the loader gave no batch to evaluate")
    return means.values()


def blame(batch: Batch) -> str:
    """Return whether the data are the cause of what is not finite.

    >>> blame((np.zeros(2), np.array([1.0, np.nan])))
    'array 1 of the batch holds NaN or infinity'
    """
    bad = [i for i, array in enumerate(batch) if array.dtype.kind == "f" and not np.isfinite(array).all()]
    return f"array {bad[0]} of the batch holds NaN or infinity" if bad else "the data of the batch are finite"


class Means:
    """Means over examples, added batch by batch."""

    def __init__(self) -> None:
        self.n, self.batches = 0, 0
        self.sums: dict[str, float] = {}

    def add(self, n: int, values: Mapping[str, float]) -> None:
        """Take in the means of n examples."""
        self.n += n
        self.batches += 1
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + n * value

    def values(self) -> Metrics:
        """Return the means so far."""
        return {name: value / self.n for name, value in self.sums.items()}
