"""Small models by name, and the registry that lets a file of weights say which model it belongs to.

A model is built from a configuration, a dictionary of JSON's types: ``{"model": "mlp", "hidden": [256, 128], ...}``.
It holds every setting, defaults included, so that a saved model stays what it is when a default changes.

>>> from nets import models
>>> model = models.build("mlp", hidden=[30])
>>> model.config
{'model': 'mlp', 'size': 28, 'n_classes': 10, 'hidden': [30], 'dropout': 0.0}
>>> models.build_from(model.config)  # doctest: +ELLIPSIS
Sequential(
  (0): Flatten()
...
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np

from nets.errors import ArgumentError
from nets.layers import BatchNorm2d, Conv2d, Dropout, Flatten, Linear, MaxPool2d, Module, ReLU, Sequential

Builder = Callable[..., Module]
MODELS: Final[dict[str, Builder]] = {}
COUNTS: Final[dict[str, Callable[..., int]]] = {}
"""How many parameters a model has, by name; its settings by keyword."""
MAX_WIDTH: Final = 2**16
"""Neurons or channels of a layer; a damaged file shall not ask for all memory."""
MAX_DEPTH: Final = 64
"""Layers of one kind; a damaged file shall not ask for all time."""


def register(name: str, count: Callable[..., int] | None = None) -> Callable[[Builder], Builder]:
    """Make a function the builder of models of this name.

    Parameters
    ----------
    name : str
    count : callable
        Takes the builder's settings, all by keyword, and returns the number of parameters of such a model without
        building it. So `nets.load` can refuse a file whose settings ask for more than it has; without ``count`` it
        builds whatever a file says.

    Returns
    -------
    callable
        To decorate the builder, which takes its settings and a ``generator`` for the initial weights, all by keyword
        and with defaults for all; settings are of JSON's types (a tuple becomes a list).

    Raises
    ------
    ArgumentError
        If another function has the name.
    """

    def add(builder: Builder) -> Builder:
        if MODELS.setdefault(name, builder) is not builder:
            raise ArgumentError(f"name must be new, got {name!r}, which is {MODELS[name]!r}")
        if count is not None:
            COUNTS[name] = count
        return builder

    return add


def build(name: str, *, generator: np.random.Generator | None = None, **settings: Any) -> Module:
    """Build a model; its ``config`` says how.

    Parameters
    ----------
    name : str
        A registered one, see `MODELS`.
    generator : numpy.random.Generator, optional
        Where the initial weights come from; by default the common stream.
    **settings
        Of the builder.

    Raises
    ------
    ArgumentError
        If there is no such model or setting, or a setting breaks its rule.
    """
    chosen = _chosen(name, settings)
    model = MODELS[name](**chosen, generator=generator)
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in chosen.items()}
    model.config = {"model": name, **plain}  # type: ignore[attr-defined]  # an attribute of built models only
    return model


def build_from(config: Mapping[str, Any], *, generator: np.random.Generator | None = None) -> Module:
    """Build a model from its configuration; raises as `build` does."""
    name, settings = _parts(config)
    return build(name, generator=generator, **settings)


def count_parameters(config: Mapping[str, Any]) -> int:
    """Return how many parameters a model of a configuration has, without building it; 0 if its builder has no count.

    Raises
    ------
    ArgumentError
        As `build` does.

    Examples
    --------
    >>> count_parameters({"model": "mlp", "hidden": [65536, 65536]})
    4347133962
    """
    name, settings = _parts(config)
    chosen = _chosen(name, settings)
    return COUNTS[name](**chosen) if name in COUNTS else 0


def _parts(config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    settings = {key: value for key, value in config.items() if key not in ("model", "generator")}
    return str(config.get("model")), settings


def _chosen(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return all settings of a model, where none is given the default."""
    if name not in MODELS:
        raise ArgumentError(f"model must be one of {', '.join(MODELS)}, got {name!r}")
    defaults = {
        key: parameter.default
        for key, parameter in inspect.signature(MODELS[name]).parameters.items()
        if key != "generator"
    }
    if unknown := settings.keys() - defaults.keys():
        raise ArgumentError(f"{name} has the settings {', '.join(defaults)}, got {', '.join(sorted(unknown))}")
    return {**defaults, **settings}


def input_shape(config: Mapping[str, Any]) -> tuple[int, int, int]:
    """Return (channels, height, width) of the images that a model of this module takes."""
    return (1, int(config["size"]), int(config["size"]))


# --- models of grey images, (batch, 1, size, size) -> (batch, n_classes) ---


def _count_connected(*, size: int, n_classes: int, hidden: Sequence[int], **_: Any) -> int:
    widths = [*_connected(size, hidden), _width("n_classes", n_classes)]
    return sum((n_in + 1) * n_out for n_in, n_out in pairwise(widths))


def _connected(size: int, hidden: Sequence[int]) -> list[int]:
    """Return the number of inputs, and of neurons in each hidden layer."""
    if len(hidden) > MAX_DEPTH:
        raise ArgumentError(f"hidden must have at most {MAX_DEPTH} layers, got {len(hidden)}")
    return [_width("every width", n) for n in (_width("size", size) ** 2, *hidden)]


@register("nielsen", _count_connected)
def nielsen(
    *,
    size: int = 28,
    n_classes: int = 10,
    hidden: Sequence[int] = (100,),
    generator: np.random.Generator | None = None,
) -> Module:
    """Build the sigmoid network of M. Nielsen, *Neural Networks and Deep Learning*, 2015, chapter 3.

    The output neurons are sigmoids too; they are part of the loss (`binary_cross_entropy_with_logits`), which sends
    back his delta = a - y.

    Parameters
    ----------
    size, n_classes : int
        Height and width of the images; number of outputs.
    hidden : sequence of int
        Neurons of each hidden layer.
    generator : numpy.random.Generator, optional
        Where the initial weights come from.
    """
    widths = _connected(size, hidden)
    layers = [
        Linear(n_in, n_out, activation="sigmoid", init="nielsen", generator=generator)
        for n_in, n_out in pairwise(widths)
    ]
    return Sequential(
        Flatten(), *layers, Linear(widths[-1], _width("n_classes", n_classes), init="nielsen", generator=generator)
    )


@register("mlp", _count_connected)
def mlp(
    *,
    size: int = 28,
    n_classes: int = 10,
    hidden: Sequence[int] = (256, 128),
    dropout: float = 0.0,
    generator: np.random.Generator | None = None,
) -> Module:
    """Build a fully connected network of rectifiers; He's initial weights.

    Parameters
    ----------
    size, n_classes, hidden, generator
        As in `nielsen`.
    dropout : float
        Probability of dropping a hidden neuron.
    """
    widths = _connected(size, hidden)
    layers: list[Module] = [Flatten()]
    for n_in, n_out in pairwise(widths):
        layers.append(Linear(n_in, n_out, activation="relu", init="he_normal", generator=generator))
        if dropout:
            layers.append(Dropout(dropout))
    return Sequential(*layers, Linear(widths[-1], _width("n_classes", n_classes), generator=generator))


def _count_conv(
    *, size: int, n_classes: int, channels: Sequence[int], depth: Sequence[int], embedding: int = 0, **_: Any
) -> int:
    side = _last_side(size, channels, depth)
    stages = zip([1, *channels], channels, depth, strict=False)
    # Weights without bias; scale and shift of the normalisation.
    convolutions = sum((9 * (n_in + (n - 1) * n_out) + 2 * n) * n_out for n_in, n_out, n in stages)
    last, embedded = channels[-1] * side * side, 0
    if embedding:
        last, embedded = _width("embedding", embedding), (last + 1) * embedding
    return convolutions + embedded + (last + 1) * _width("n_classes", n_classes)


def _last_side(size: int, channels: Sequence[int], depth: Sequence[int]) -> int:
    """Return the height and width of the images after the last stage, if there can be such stages."""
    for value in (size, *channels):
        _width("every width", value)
    for value in depth:
        _width("every depth", value, MAX_DEPTH)
    if len(channels) != len(depth) or not channels:
        raise ArgumentError(f"channels and depth must be of one length, got {list(channels)} and {list(depth)}")
    side = size >> (len(channels) - 1)
    if side < 1:
        raise ArgumentError(f"size must be at least {2 ** (len(channels) - 1)} for {len(channels)} stages, got {size}")
    return side


@register("conv", _count_conv)
def conv(
    *,
    size: int = 28,
    n_classes: int = 10,
    channels: Sequence[int] = (16, 32, 64),
    depth: Sequence[int] = (1, 2, 2),
    dropout: float = 0.3,
    embedding: int = 0,
    generator: np.random.Generator | None = None,
) -> Module:
    """Build a convolutional network: stages of 3 x 3 convolutions, each followed by batch normalisation and ReLU.

    Max-pooling halves the images between two stages, as in K. Simonyan, A. Zisserman, arXiv:1409.1556.

    Parameters
    ----------
    size, n_classes, generator
        As in `nielsen`.
    channels, depth : sequence of int
        Channels and number of convolutions of each stage.
    dropout : float
        Probability of dropping an input of the last, fully connected layer.
    embedding : int
        Neurons of a fully connected layer before the last one, whose values describe an image in few numbers; 0 for
        none.
    """
    side = _last_side(size, channels, depth)
    layers: list[Module] = []
    n_in = 1
    for i, (n_out, n_layers) in enumerate(zip(channels, depth, strict=True)):
        layers += [MaxPool2d(2)] if i else []
        for _ in range(n_layers):
            # No bias: the normalisation would take it out again.
            convolution = Conv2d(n_in, n_out, 3, padding=1, bias=False, init="he_normal", generator=generator)
            layers += [convolution, BatchNorm2d(n_out), ReLU()]
            n_in = n_out
    layers.append(Flatten())
    n_in *= side * side
    if embedding:
        n_out = _width("embedding", embedding)
        layers.append(Linear(n_in, n_out, activation="relu", init="he_normal", generator=generator))
        n_in = n_out
    layers += [Dropout(dropout)] if dropout else []
    return Sequential(*layers, Linear(n_in, _width("n_classes", n_classes), generator=generator))


def _width(name: str, value: Any, most: int = MAX_WIDTH) -> int:
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or not 1 <= value <= most:
        raise ArgumentError(f"{name} must be an int from 1 to {most}, got {value!r}")
    return int(value)
