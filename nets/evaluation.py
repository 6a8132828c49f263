"""What a model is trained and measured by: objectives, and means over a data set."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy.typing as npt

from nets import functional as F  # noqa: N812  # as everywhere in the field
from nets.backends import backend
from nets.errors import DataError
from nets.graph import no_grad
from nets.layers.module import Module
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
    """
    objective = classification() if objective is None else objective
    modes = [(module, module.training) for module in model.modules()]
    means = Means()
    model.eval()
    try:
        with no_grad():
            for batch in batches:
                loss, others = objective(model, batch)
                means.add(len(batch[0]), {"loss": float(loss.item()), **others})
    finally:
        for module, mode in modes:
            module.training = mode
    if not means.n:
        raise DataError("the loader gave no batch to evaluate")
    return means.values()


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
