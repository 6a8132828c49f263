"""Networks as the page runs them (`web/static/js/forward.js`): steps in a row, each with the arrays that it needs.

Weights travel as float16, which takes half the bytes and changes no answer that was not a toss-up; the few numbers of
biases and normalisations stay float32. A normalisation becomes what it is when nothing is learned any more, a factor
and a summand for each channel.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from nets.layers import (
    BatchNorm2d,
    Conv2d,
    ConvTranspose2d,
    Dropout,
    Flatten,
    Linear,
    MaxPool2d,
    Module,
    ReLU,
    Reshape,
    Sequential,
)
from server.workers.tasks import TaskError

Step = dict[str, Any]
ACTIVATIONS: Final = frozenset({"relu", "sigmoid", "silu"})


class Steps:
    """A network, step by step.

    Parameters
    ----------
    name : str
        What the names of its arrays begin with.

    Attributes
    ----------
    steps : list of dict
        ``type``, the names of arrays, and numbers such as ``stride``.
    arrays : dict of str to ndarray
        What the steps name.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self.steps: list[Step] = []
        self.arrays: dict[str, npt.NDArray[Any]] = {}

    def add(self, type_: str, arrays: dict[str, npt.NDArray[Any] | None] | None = None, **numbers: Any) -> None:
        """Add a step."""
        step = {"type": type_, **numbers}
        for part, array in (arrays or {}).items():
            if array is not None:
                step[part] = f"{self._name}.{len(self.steps)}.{part}"
                self.arrays[step[part]] = array.astype(np.float16 if array.ndim > 1 else np.float32)
        self.steps.append(step)

    def extend(self, modules: Iterable[Module]) -> None:
        """Add layers.

        Raises
        ------
        TaskError
            If the page knows no such layer.
        """
        for module in modules:
            if type(module) not in _LAYERS:
                raise TaskError(f"a layer {type(module).__name__} runs on the server only")
            _LAYERS[type(module)](self, module)

    def activate(self, name: str) -> None:
        """Add an activation, if it is one."""
        if name in ACTIVATIONS:
            self.add(name)
        elif name != "identity":
            raise TaskError(f"the activation {name} runs on the server only")


def _linear(steps: Steps, layer: Any) -> None:
    steps.add("linear", _weights(layer))
    steps.activate(layer.activation)


def _conv(steps: Steps, layer: Any) -> None:
    if layer.groups != 1 or layer.dilation != (1, 1):
        raise TaskError("convolutions with groups or dilation run on the server only")
    steps.add("conv", _weights(layer), stride=_one(layer.stride), padding=_one(layer.padding))
    steps.activate(layer.activation)


def _transposed(steps: Steps, layer: Any) -> None:
    if layer.groups != 1 or layer.dilation != (1, 1) or layer.output_padding != (0, 0):
        raise TaskError("transposed convolutions with groups, dilation or output padding run on the server only")
    steps.add("transposed", _weights(layer), stride=_one(layer.stride), padding=_one(layer.padding))
    steps.activate(layer.activation)


def _norm(steps: Steps, layer: Any) -> None:
    factor = layer.weight.numpy() / np.sqrt(layer.running_var.numpy() + layer.eps)
    summand = layer.bias.numpy() - layer.running_mean.numpy() * factor
    steps.add("scale", {"factor": factor, "summand": summand})


def _pool(steps: Steps, layer: Any) -> None:
    if layer.stride not in (None, layer.kernel_size) or layer.padding != 0:
        raise TaskError("pooling with overlap or padding runs on the server only")
    steps.add("pool", size=_one(layer.kernel_size))


def _nothing(steps: Steps, layer: Any) -> None:
    """Flatten, as the numbers lie in a row already; dropout, which is for training."""


_LAYERS: Final[dict[type[Module], Callable[[Steps, Any], None]]] = {
    Linear: _linear,
    Conv2d: _conv,
    ConvTranspose2d: _transposed,
    BatchNorm2d: _norm,
    MaxPool2d: _pool,
    ReLU: lambda steps, layer: steps.add("relu"),
    Reshape: lambda steps, layer: steps.add("reshape", shape=[int(n) for n in layer.shape]),
    Flatten: _nothing,
    Dropout: _nothing,
    Sequential: lambda steps, layer: steps.extend(layer),
}


def _weights(layer: Any) -> dict[str, npt.NDArray[Any] | None]:
    return {"weight": layer.weight.numpy(), "bias": None if layer.bias is None else layer.bias.numpy()}


def _one(size: Any) -> int:
    """Return the number that stands for height and width."""
    height, width = size if isinstance(size, tuple) else (size, size)
    if height != width:
        raise TaskError("kernels that are not square run on the server only")
    return int(height)
