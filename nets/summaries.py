"""A table of a model's layers, shapes and parameters."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from nets.graph import no_grad
from nets.layers.module import Module, Parameter, as_tuple, in_use, observing
from nets.tensor import Tensor

Shape = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class LayerSummary:
    """One call of a layer."""

    name: str
    """Dotted name within the model."""
    layer: str
    """Class and settings."""
    inputs: list[Shape]
    """Shapes of the inputs, the batch first."""
    outputs: list[Shape]
    """Shapes of the outputs, the batch first."""
    n_parameters: int
    """Parameters of the layer itself, counted where they are first used."""


def layers_of(model: Module, *inputs: Shape | Tensor, dtype: Any = np.float32) -> list[LayerSummary]:
    """Run a model once, without training it, and describe each call of a layer.

    Parameters
    ----------
    model : Module
    *inputs : shape or Tensor
        Shapes of the inputs, the batch first, or inputs.
    dtype : dtype
        Of inputs that are made from shapes; an integer type for an embedding.
    """
    names = {id(module): name for name, module in model.named_modules()}
    rows: list[LayerSummary] = []
    counted: set[int] = set()

    def observe(module: Module, given: tuple[Any, ...], outputs: Any) -> None:
        own = {id(p): p for p in vars(module).values() if isinstance(p, Parameter)}
        if id(module) not in names or (next(module.children(), None) is not None and not own):
            return  # a container is its parts
        new = [p for key, p in own.items() if key not in counted]
        counted.update(own)
        rows.append(
            LayerSummary(
                name=names[id(module)],
                layer=module.label(),
                inputs=_shapes(given),
                outputs=_shapes(as_tuple(outputs)),
                n_parameters=sum(p.numel() for p in new),
            )
        )

    tensors = [x if isinstance(x, Tensor) else Tensor(np.zeros(x, dtype)) for x in inputs]
    with in_use(model), no_grad(), observing(observe):
        model(*tensors)
    return rows


def summary(model: Module, *inputs: Shape | Tensor, dtype: Any = np.float32) -> str:
    """Return a table of a model's layers: what goes in, what comes out, and how many parameters that takes.

    Parameters
    ----------
    model, *inputs, dtype
        As in `layers_of`.

    Examples
    --------
    >>> import nets
    >>> print(nets.summary(nets.Sequential(nets.Linear((32, 32), (15, 15)), nets.Tanh()), (1, 32, 32)))
    name  layer                       shapes without the batch  parameters
    0     Linear((32, 32), (15, 15))  [(32, 32)] -> [(15, 15)]     230,625
    1     Tanh()                      [(15, 15)] -> [(15, 15)]
    230,625 parameters, 0.88 MiB
    """
    rows = layers_of(model, *inputs, dtype=dtype)
    table = Table(box=None, pad_edge=False)
    for column, justify in (
        ("name", "left"),
        ("layer", "left"),
        ("shapes without the batch", "left"),
        ("parameters", "right"),
    ):
        table.add_column(column, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for row in rows:
        shapes = f"{_inner(row.inputs)} -> {_inner(row.outputs)}"
        table.add_row(row.name, row.layer, shapes, f"{row.n_parameters:,}" if row.n_parameters else "")
    total = sum(p.numel() for p in model.parameters())
    size = sum(p.numel() * p.dtype.itemsize for p in model.parameters())
    out = StringIO()
    console = Console(file=out, width=10_000, highlight=False, markup=False)
    console.print(table)
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    return "\n".join([*lines, f"{total:,} parameters, {size / 2**20:.2f} MiB"])


def _shapes(tensors: Sequence[Any]) -> list[Shape]:
    return [shape for tensor in tensors for shape in _shapes_of(tensor)]


def _shapes_of(value: Any) -> list[Shape]:
    if hasattr(value, "shape"):
        return [tuple(int(n) for n in value.shape)]
    return _shapes(value) if isinstance(value, tuple | list) else []


def _inner(shapes: list[Shape]) -> str:
    return "[" + ", ".join(str(shape[1:]) for shape in shapes) + "]"
