"""The generators and discriminators of `generative.gan.model`: fully connected, or convolutional.

References
----------
.. [1] A. Radford, L. Metz, S. Chintala, "Unsupervised representation learning with deep convolutional generative
   adversarial networks", 2015, arXiv:1511.06434.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from nets.layers import (
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    ConvTranspose2d,
    Dropout,
    Flatten,
    LeakyReLU,
    Linear,
    Module,
    ReLU,
    Sequential,
)

Random = np.random.Generator | None
SLOPE: Final = 0.2
"""Of the discriminator's leaky rectifiers [1]_."""


def dense_generator(inputs: int, widths: Sequence[int], size: int, norm: bool, random: Random) -> Module:
    """Return (n, inputs) -> images (n, 1, size, size) in (0, 1)."""
    layers: list[Module] = []
    for n_in, n_out in pairwise([inputs, *widths]):
        layers += [Linear(n_in, n_out, generator=random), *([BatchNorm1d(n_out)] if norm else []), ReLU()]
    return Sequential(*layers, Linear(widths[-1], (1, size, size), activation="sigmoid", generator=random))


def dense_discriminator(
    size: int, widths: Sequence[int], outputs: int, norm: bool, dropout: float, random: Random
) -> Module:
    """Return images (n, 1, size, size) -> (n, outputs)."""
    layers: list[Module] = [Flatten()]
    for i, (n_in, n_out) in enumerate(pairwise([size * size, *widths])):
        layers += [Linear(n_in, n_out, generator=random), *([BatchNorm1d(n_out)] if norm and i else [])]
        layers += _leaky(dropout)
    return Sequential(*layers, Linear(widths[-1], outputs, generator=random))


def conv_generator(inputs: int, widths: Sequence[int], size: int, norm: bool, random: Random) -> Module:
    """Return (n, inputs) -> images in (0, 1), by transposed convolutions 4 x 4 that double the size."""
    side = size >> len(widths)
    layers: list[Module] = [Linear(inputs, (widths[0], side, side), init=dcgan_normal, generator=random)]
    for i, (n_in, n_out) in enumerate(pairwise([*widths, 1])):
        activation = "sigmoid" if i == len(widths) - 1 else "identity"
        layers += [
            *([BatchNorm2d(n_in)] if norm else []),
            ReLU(),
            ConvTranspose2d(n_in, n_out, 4, 2, 1, activation=activation, init=dcgan_normal, generator=random),
        ]
    return Sequential(*layers)


def conv_discriminator(
    size: int, widths: Sequence[int], outputs: int, norm: bool, dropout: float, random: Random
) -> Module:
    """Return images (n, 1, size, size) -> (n, outputs), by convolutions 4 x 4 that halve the size."""
    layers: list[Module] = []
    for i, (n_in, n_out) in enumerate(pairwise([1, *widths])):
        layers.append(Conv2d(n_in, n_out, 4, 2, 1, init=dcgan_normal, generator=random))
        layers += [*([BatchNorm2d(n_out)] if norm and i else []), *_leaky(dropout)]
    inputs = widths[-1] * (size >> len(widths)) ** 2
    return Sequential(*layers, Flatten(), Linear(inputs, outputs, init=dcgan_normal, generator=random))


def dcgan_normal(shape: tuple[int, ...], generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """N(0, 0.02^2), the initial weights of [1]_."""
    return 0.02 * generator.standard_normal(shape)


def _leaky(dropout: float) -> list[Module]:
    return [LeakyReLU(SLOPE), *([Dropout(dropout)] if dropout else [])]
