r"""A small U-Net for 28x28 images on a CPU: a denoiser that knows the time and the class.

O. Ronneberger et al., arXiv:1505.04597, in the form of J. Ho et al., arXiv:2006.11239 (appendix B): residual blocks of
GroupNorm, SiLU and 3x3 convolutions, halved and doubled resolutions, and skips between them. Each block is told time
and class by a scale and a shift of its normalised features (FiLM: E. Perez et al., arXiv:1709.07871; in diffusion
P. Dhariwal, A. Nichol, arXiv:2105.05233, "AdaGN").

Departures, all for speed:

- 2x2 pixels become 4 channels first, and in the end pixels again, so that the dearest resolution is a quarter of the
  image's (W. Shi et al., arXiv:1609.05158): 14x14 and 7x7 for 28x28.
- The skips add instead of concatenating, which halves the work of the convolutions after them.
- There is no attention: in the middle, at 7x7, four blocks reach across the whole image.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from generative.diffusion.embedding import sinusoidal
from generative.errors import SettingError
from nets import functional as F  # noqa: N812  # as everywhere in the field
from nets.layers import Conv2d, ConvTranspose2d, Embedding, GroupNorm, Linear, Module, ModuleList
from nets.tensor import Operand, Tensor, as_tensor

WAVES: Final = 64
"""Length of the sinusoidal embedding of time."""
GROUPS: Final = 8
MAX_BLOCKS: Final = 64


class Block(Module):
    """x + conv(silu(film(norm(conv(silu(norm(x))))))), (n, channels, height, width) to the same shape."""

    def __init__(self, channels: int, condition: int, generator: np.random.Generator | None = None) -> None:
        self.norm_1, self.norm_2 = GroupNorm(GROUPS, channels), GroupNorm(GROUPS, channels)
        self.conv_1 = Conv2d(channels, channels, 3, padding=1, generator=generator)
        # At first a block is the identity: it learns what to add.
        self.conv_2 = Conv2d(channels, channels, 3, padding=1, init="zeros", generator=generator)
        self.film = Linear(condition, 2 * channels, init="zeros", generator=generator)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Tell the block of its condition, (n, condition)."""
        n, channels = x.shape[:2]
        scale, shift = self.film(condition).reshape(n, 2 * channels, 1, 1).chunk(2, 1)
        h = self.norm_2(self.conv_1(F.silu(self.norm_1(x))))
        return x + self.conv_2(F.silu(h * (1 + scale) + shift))  # type: ignore[no-any-return]


class UNet(Module):
    """Predict what was done to images, (n, 1, size, size), at times (n,) and of classes (n,): same shape.

    Parameters
    ----------
    size : int
        Height and width, a multiple of 4.
    n_classes : int
        The class of this number, one more than there are, stands for "no class".
    channels : (int, int)
        At half and at a quarter of the resolution; multiples of 8.
    blocks : (int, int)
        On the way down and up again each, and in the middle.
    condition : int
        Length of the vector of time and class.
    generator : numpy.random.Generator, optional
        Where the initial weights come from.

    Raises
    ------
    SettingError
        If a setting breaks its rule.
    """

    def __init__(
        self,
        size: int,
        n_classes: int,
        channels: Sequence[int] = (32, 64),
        blocks: Sequence[int] = (2, 4),
        condition: int = 128,
        generator: np.random.Generator | None = None,
    ) -> None:
        check_settings(size, n_classes, channels, blocks, condition)
        (fine, coarse), (outer, inner) = channels, blocks
        self.time = Linear(WAVES, condition, activation="silu", generator=generator)
        self.time_2 = Linear(condition, condition, generator=generator)
        self.kind = Embedding(n_classes + 1, condition, generator=generator)
        self.first = Conv2d(4, fine, 3, padding=1, generator=generator)
        self.down = ModuleList(Block(fine, condition, generator) for _ in range(outer))
        self.halve = Conv2d(fine, coarse, 3, stride=2, padding=1, generator=generator)
        self.middle = ModuleList(Block(coarse, condition, generator) for _ in range(inner))
        self.double = ConvTranspose2d(coarse, fine, 2, stride=2, generator=generator)
        self.up = ModuleList(Block(fine, condition, generator) for _ in range(outer))
        self.norm = GroupNorm(GROUPS, fine)
        self.last = Conv2d(fine, 4, 3, padding=1, init="zeros", generator=generator)

    def forward(self, x: Operand, t: npt.ArrayLike, labels: Operand) -> Tensor:
        """Predict."""
        condition = F.silu(self.time_2(self.time(sinusoidal(t, WAVES))) + self.kind(labels))
        h = self.first(to_channels(as_tensor(x)))
        skips = []
        for block in self.down:
            h = block(h, condition)
            skips.append(h)
        h = self.halve(h)
        for block in self.middle:
            h = block(h, condition)
        h = self.double(h)
        for block in self.up:
            h = block(h + skips.pop(), condition)
        return to_pixels(self.last(F.silu(self.norm(h))))


def to_channels(x: Tensor) -> Tensor:
    """Map (n, 1, height, width) to (n, 4, height / 2, width / 2), each 2x2 pixels to the channels of one."""
    n, _, height, width = x.shape
    x = x.reshape(n, height // 2, 2, width // 2, 2)
    return x.permute(0, 2, 4, 1, 3).reshape(n, 4, height // 2, width // 2)


def to_pixels(x: Tensor) -> Tensor:
    """Undo `to_channels`."""
    n, _, height, width = x.shape
    x = x.reshape(n, 2, 2, height, width)
    return x.permute(0, 3, 1, 4, 2).reshape(n, 1, 2 * height, 2 * width)


def check_settings(size: int, n_classes: int, channels: Sequence[int], blocks: Sequence[int], condition: int) -> None:
    """Raise SettingError where there can be no such `UNet`."""
    if size < 4 or size % 4:
        raise SettingError(f"size must be a multiple of 4, got {size}")
    if n_classes < 1 or condition < 1:
        raise SettingError(f"n_classes and condition must be at least 1, got {n_classes} and {condition}")
    if len(channels) != 2 or any(n < GROUPS or n % GROUPS for n in channels):
        raise SettingError(f"channels must be two multiples of {GROUPS}, got {list(channels)}")
    if len(blocks) != 2 or any(not 1 <= n <= MAX_BLOCKS for n in blocks):
        raise SettingError(f"blocks must be two numbers from 1 to {MAX_BLOCKS}, got {list(blocks)}")


def count(
    *, size: int, n_classes: int, channels: Sequence[int], blocks: Sequence[int], condition: int, **_: Any
) -> int:
    """Return the number of parameters of a `UNet` without building it."""
    check_settings(size, n_classes, channels, blocks, condition)
    (fine, coarse), (outer, inner) = channels, blocks

    def block(n: int) -> int:
        return 2 * (2 * n + (9 * n + 1) * n) + 2 * n * (condition + 1)

    embeddings = (WAVES + 1 + condition + 1 + n_classes + 1) * condition
    ends = (4 * 9 + 1) * fine + 2 * fine + (fine * 9 + 1) * 4
    between = (fine * 9 + 1) * coarse + (coarse * 4 + 1) * fine
    return embeddings + ends + between + 2 * outer * block(fine) + inner * block(coarse)
