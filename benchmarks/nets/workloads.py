"""What is measured: names, data and settings that both sides share. Imports neither of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
LR: Final = 1e-3


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A model with a batch to train it on; a step is zero_grad, forward, loss, backward and Adam."""

    title: str
    """For people."""
    inputs: tuple[int, ...]
    """Shape of the input, float32 from N(0, 1)."""
    target: Callable[[np.random.Generator], Array]
    """Draws class indices, what the output shall be, or the gradient that comes from above."""
    loss: str
    """``cross_entropy``; ``mse``; ``given``: the gradient from above; ``none``: only the optimiser steps."""
    input_gradient: bool = False
    """Whether dL/dx is wanted too, as in the middle of a model."""
    extra: bool = False
    """Whether it is shown beside the seven ratios, not among them."""

    @property
    def images(self) -> bool:
        """Whether PyTorch can choose between two memory layouts."""
        return len(self.inputs) == 4

    def data(self) -> tuple[Array, Array]:
        """Return the input and the target, the same at every call."""
        generator = np.random.default_rng(2048)
        return generator.standard_normal(self.inputs, np.float32), self.target(generator)


def _classes(n: int) -> Callable[[np.random.Generator], Array]:
    return lambda generator: generator.integers(0, 10, n)


def _numbers(*shape: int) -> Callable[[np.random.Generator], Array]:
    return lambda generator: generator.standard_normal(shape, np.float32)


WORKLOADS: Final = {
    "mlp_small": Workload(
        title="MLP 784-30-10, sigmoid, batch 32", inputs=(32, 784), target=_classes(32), loss="cross_entropy"
    ),
    "mlp": Workload(
        title="MLP 784-256-128-10, ReLU, batch 128", inputs=(128, 784), target=_classes(128), loss="cross_entropy"
    ),
    "conv": Workload(
        title="conv 1-16, 16-32 stride 2, linear; 64 of 28x28",
        inputs=(64, 1, 28, 28),
        target=_classes(64),
        loss="cross_entropy",
    ),
    "lstm": Workload(
        title="LSTM 28-64, 28 steps, batch 64", inputs=(28, 64, 28), target=_classes(64), loss="cross_entropy"
    ),
    "transformer": Workload(
        title="Transformer block d 64, 4 heads, T 64, batch 32",
        inputs=(32, 64, 64),
        target=_numbers(32, 64, 64),
        loss="mse",
    ),
    "adam": Workload(title="Adam alone, 1,000,000 parameters", inputs=(1,), target=_numbers(1_000_000), loss="none"),
    "conv_transpose": Workload(
        title="ConvTranspose2d 32-16 stride 2, 64 of 14x14",
        inputs=(64, 32, 14, 14),
        target=_numbers(64, 16, 28, 28),
        loss="given",
        input_gradient=True,
    ),
    "transformer_post": Workload(
        title="Transformer block, norm last",
        inputs=(32, 64, 64),
        target=_numbers(32, 64, 64),
        loss="mse",
        extra=True,
    ),
}
