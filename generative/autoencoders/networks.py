"""Encoders and decoders that autoencoders are made of: fully connected or convolutional, with SiLU.

Fully connected, the widths are those of the hidden layers: 784-512-256-d for (512, 256). Convolutional, the last width
is that of a fully connected layer and those before are the channels of 3 x 3 convolutions of stride 2, each of which
halves the image: (32, 64, 256) is 28x28 -> 32 x 14x14 -> 64 x 7x7 -> 256 -> d. The decoder goes the same way back, by
transposed 4 x 4 convolutions, whose stride divides their size, so that no chequerboard appears [1]_.

SiLU is x sigmoid(x) [2]_; hidden layers start as N(0, 2 / fan_in) [3]_, the last layer of each network smaller, as
U(-1/sqrt(fan_in), 1/sqrt(fan_in)), so that the first codes and the first images are not extreme.

References
----------
.. [1] A. Odena, V. Dumoulin, C. Olah, "Deconvolution and checkerboard artifacts", Distill 2016,
   doi:10.23915/distill.00003.
.. [2] S. Elfwing, E. Uchibe, K. Doya, *Neural Networks* 107, 2018, arXiv:1702.03118.
.. [3] K. He et al., ICCV 2015, doi:10.1109/ICCV.2015.123.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Literal, get_args

import numpy as np

from generative.errors import SettingError
from nets import functional as F  # noqa: N812  # as everywhere in the field
from nets import ops
from nets.layers import Conv2d, ConvTranspose2d, Flatten, Linear, Module, Reshape, Sequential
from nets.models import MAX_WIDTH
from nets.tensor import Tensor

Architecture = Literal["dense", "conv"]
MAX_LAYERS: Final = 16
"""Widths of a network; a damaged file shall not ask for all time."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The sizes of an encoder and the decoder that goes the same way back."""

    size: int
    """Height and width of the images."""
    latent: int
    """Numbers that describe an image."""
    widths: tuple[int, ...]
    """See the module."""
    architecture: Architecture
    """Fully connected or convolutional."""
    n_conditions: int = 0
    """Classes that both networks are told of, as one-hot vectors; 0 for none."""

    def __post_init__(self) -> None:
        check_count("size", self.size)
        check_count("latent", self.latent)
        if not 1 <= len(self.widths) <= MAX_LAYERS:
            raise SettingError(f"widths must be 1 to {MAX_LAYERS} ints, got {len(self.widths)}")
        for width in self.widths:
            check_count("every width", width)
        if self.architecture not in get_args(Architecture):
            raise SettingError(f"architecture must be one of {get_args(Architecture)}, got {self.architecture!r}")
        if self.size % 2 ** len(self.channels):
            raise SettingError(f"size must be a multiple of {2 ** len(self.channels)} to be halved, got {self.size}")

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of the convolutions, from the image inwards."""
        return self.widths[:-1] if self.architecture == "conv" else ()

    @property
    def hidden(self) -> tuple[int, ...]:
        """Neurons of the fully connected layers, from the image inwards."""
        return self.widths[len(self.channels) :]

    @property
    def inner(self) -> tuple[int, int, int]:
        """(channels, height, width) of what is between convolutions and fully connected layers."""
        side = self.size // 2 ** len(self.channels)
        return (self.channels[-1] if self.channels else 1, side, side)

    @property
    def n_inner(self) -> int:
        """Numbers there."""
        return self.inner[0] * self.inner[1] * self.inner[2]

    def count_encoder(self, n_outputs: int) -> int:
        """Return the number of parameters of an `Encoder`."""
        convolutions = sum((9 * n_in + 1) * n_out for n_in, n_out in pairwise((1, *self.channels)))
        widths = (self.n_inner + self.n_conditions, *self.hidden, n_outputs)
        return convolutions + sum((n_in + 1) * n_out for n_in, n_out in pairwise(widths))

    def count_decoder(self) -> int:
        """Return the number of parameters of a `Decoder`."""
        convolutions = sum((16 * n_in + 1) * n_out for n_in, n_out in pairwise((*reversed(self.channels), 1)))
        widths = (self.latent + self.n_conditions, *reversed(self.hidden), self.n_inner)
        return (convolutions if self.channels else 0) + sum((n_in + 1) * n_out for n_in, n_out in pairwise(widths))


def check_count(name: str, value: Any, most: int = MAX_WIDTH) -> int:
    """Return an int from 1 to ``most``, or raise SettingError."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or not 1 <= value <= most:
        raise SettingError(f"{name} must be an int from 1 to {most}, got {value!r}")
    return int(value)


class Encoder(Module):
    """Images to ``n_outputs`` numbers each; a condition, where there is one, joins before the fully connected layers.

    Parameters
    ----------
    shape : Shape
    n_outputs : int
        ``latent`` for an autoencoder, twice as many for mu and log sigma.
    generator : numpy.random.Generator, optional
        Where the initial weights come from.
    """

    def __init__(self, shape: Shape, n_outputs: int, generator: np.random.Generator | None = None) -> None:
        convolutions = [
            Conv2d(n_in, n_out, 3, stride=2, padding=1, activation="silu", init="he_normal", generator=generator)
            for n_in, n_out in pairwise((1, *shape.channels))
        ]
        self.features = Sequential(*convolutions, Flatten())
        widths = (shape.n_inner + shape.n_conditions, *shape.hidden)
        self.codes = _connected(widths, n_outputs, generator)

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """Map (batch, 1, size, size), and one-hot vectors (batch, n_conditions), to (batch, n_outputs)."""
        features: Tensor = self.features(images)
        codes: Tensor = self.codes(features if condition is None else ops.cat([features, condition], 1))
        return codes


class Decoder(Module):
    """Codes, and a condition where there is one, to the logits of pixels.

    Parameters
    ----------
    shape : Shape
    generator : numpy.random.Generator, optional
        Where the initial weights come from.
    """

    def __init__(self, shape: Shape, generator: np.random.Generator | None = None) -> None:
        widths = (shape.latent + shape.n_conditions, *reversed(shape.hidden))
        if not shape.channels:
            self.features = _connected(widths, shape.n_inner, generator)
        else:
            self.features = _connected(widths, shape.n_inner, generator, activation="silu")
        pairs = list(pairwise((*reversed(shape.channels), 1))) if shape.channels else []
        self.images = Sequential(
            Reshape(*shape.inner), *(_doubling(*pair, pair == pairs[-1], generator) for pair in pairs)
        )

    def forward(self, codes: Tensor, condition: Tensor | None = None) -> Tensor:
        """Map (batch, latent), and one-hot vectors (batch, n_conditions), to (batch, 1, size, size)."""
        given = codes if condition is None else ops.cat([codes, condition], 1)
        logits: Tensor = self.images(self.features(given))
        return logits


def _connected(
    widths: Sequence[int], n_outputs: int, generator: np.random.Generator | None, activation: str = "identity"
) -> Sequential:
    """Return hidden layers and a last one."""
    hidden = [
        Linear(n_in, n_out, activation="silu", init="he_normal", generator=generator)
        for n_in, n_out in pairwise(widths)
    ]
    init = None if activation == "identity" else "he_normal"
    return Sequential(*hidden, Linear(widths[-1], n_outputs, activation=activation, init=init, generator=generator))


def _doubling(n_in: int, n_out: int, last: bool, generator: np.random.Generator | None) -> ConvTranspose2d:
    """Return a layer that doubles height and width."""
    return ConvTranspose2d(
        n_in,
        n_out,
        4,
        stride=2,
        padding=1,
        activation="identity" if last else "silu",
        init=None if last else "he_normal",
        generator=generator,
    )


def one_hot(labels: Any, n_classes: int, like: Tensor) -> Tensor:
    """Return one-hot vectors of the dtype of another tensor, shape (batch, n_classes)."""
    return F.one_hot(labels, n_classes).to(like.dtype)
