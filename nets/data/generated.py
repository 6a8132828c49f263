"""A data set of generated letters: nothing to download, and as many images as you like.

Each letter is drawn once, large, in every face and weight (`nets.data.faces`). An image is such a drawing under a
random affine map, blurred a little, with its whole ink inside the frame.
"""

import math
import os
import string
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from nets.data.dataset import LabelledImages
from nets.data.distortion import inverse_maps, offsets
from nets.errors import ArgumentError

Array = npt.NDArray[Any]

UPPERCASE: Final = string.ascii_uppercase
LOWERCASE: Final = string.ascii_lowercase
DIGITS: Final = string.digits
MARGIN: Final = 1.0
"""Pixels of paper around the ink, before it is blurred."""
_CAP_HEIGHT: Final = 0.68  # of a letter that is not scaled, in heights of the image
_OVERSAMPLING: Final = 2  # a bilinear sample sees two pixels each way, so none is overlooked
_CHUNK: Final = 4096


def glyphs(
    n: int,
    *,
    generator: np.random.Generator | int,
    characters: str = UPPERCASE,
    size: int = 28,
    fonts: Sequence[str | os.PathLike[str]] | None = None,
    shift: float = 0.08,
    rotation: float = 10.0,
    scale: float = 0.15,
    shear: float = 0.15,
    blur: float = 0.8,
) -> LabelledImages:
    """Draw n random images of letters, equally many of each class but for a remainder.

    Parameters
    ----------
    n : int
        Number of images.
    generator : numpy.random.Generator or int
        Decides everything; an int is a seed. The same seed gives the same images, bit for bit.
    characters : str
        The classes. `UPPERCASE`, `LOWERCASE` and `DIGITS` may be added up.
    size : int
        Height and width of an image in pixels.
    fonts : sequence of str or path, optional
        Names of faces or paths of font files; by default `nets.data.faces.FACES`.
    shift : float
        Up to so much of the size each way, as far as there is room.
    rotation : float
        Up to so many degrees either way.
    scale : float
        Height and width vary by up to this fraction, each by itself.
    shear : float
        Up to so many pixels to either side for each pixel up.
    blur : float
        The standard deviation of the blur is from 0 to so many pixels.

    Returns
    -------
    LabelledImages
        With ``case`` (0 for what is no letter) and, as ``source``, the index of the face in ``fonts``.

    Raises
    ------
    ArgumentError
        If an argument breaks its rule, or a face lacks a character.
    MissingDataError, CorruptDataError
        If a font file is not there, or not a font.

    Examples
    --------
    >>> letters = glyphs(100, generator=0, characters="AB")
    >>> letters.images.shape, letters.classes
    ((100, 28, 28), ('A', 'B'))
    """
    from nets.data.faces import FACES, masters

    faces = FACES if fonts is None else tuple(os.fspath(font) for font in fonts)
    _check(n, characters, size, faces, shift=shift, rotation=rotation, scale=scale, shear=shear, blur=blur)
    drawn = masters(faces, characters, _OVERSAMPLING * round(_CAP_HEIGHT * size))
    n_weights, length = drawn.shape[2:4]
    drawn = drawn.reshape(-1, length, length)

    random = np.random.default_rng(generator)
    labels = random.permutation(np.arange(n) % len(characters)).astype(np.uint8)
    source = random.integers(0, len(faces), n, np.uint8)
    weight = random.integers(0, n_weights, n)
    index = (source.astype(np.intp) * len(characters) + labels) * n_weights + weight
    shift_y, shift_x, turn, tall, wide, slant = random.uniform(-1, 1, (6, n))
    maps = _fitting_maps(
        half_extents(drawn)[index],
        size=size,
        shift=(shift * size * shift_y, shift * size * shift_x),
        radians=math.radians(rotation) * turn,
        scale=(1 + scale * tall, 1 + scale * wide),
        shear=shear * slant,
    )
    return LabelledImages(
        images=_render(drawn, index, maps, blur * random.random(n), size),
        labels=labels,
        classes=tuple(characters),
        case=np.array([1 * c.isupper() + 2 * c.islower() for c in characters], np.uint8)[labels],
        source=source,
    )


def half_extents(drawn: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Return how far the ink of each drawing reaches from its middle, up or down and sideways; shape (m, 2)."""
    length = drawn.shape[-1]
    away = np.abs(np.arange(length) - (length - 1) / 2) + 0.5
    rows, columns = drawn.any(2), drawn.any(1)
    return np.stack([(rows * away).max(1), (columns * away).max(1)], axis=1)


def _fitting_maps(
    half: npt.NDArray[np.float64],
    *,
    size: int,
    shift: tuple[Array, Array],
    radians: Array,
    scale: tuple[Array, Array],
    shear: Array,
) -> npt.NDArray[np.float64]:
    """Return maps as `inverse_maps` does, scaled down and shifted less where ink would leave the image."""
    none = np.zeros_like(radians)
    scale = (scale[0] / _OVERSAMPLING, scale[1] / _OVERSAMPLING)
    inverse = inverse_maps(shift=(none, none), radians=radians, scale=scale, shear=shear)[:, :, :2]
    forward = np.linalg.inv(inverse)
    reach = np.einsum("nij,nj->ni", np.abs(forward), half)  # of the ink's rectangle once it is turned
    room = size / 2 - MARGIN
    fit = np.minimum(1.0, room / reach.max(1))
    free = room - fit[:, None] * reach
    return inverse_maps(
        shift=(np.clip(shift[0], -free[:, 0], free[:, 0]), np.clip(shift[1], -free[:, 1], free[:, 1])),
        radians=radians,
        scale=(scale[0] * fit, scale[1] * fit),
        shear=shear,
    )


def _render(drawn: npt.NDArray[np.uint8], index: Array, maps: Array, sigmas: Array, size: int) -> npt.NDArray[np.uint8]:
    """Return the images, each with its brightest pixel at 255."""
    from nets.data.warp import blur, warp_affine

    pixels = drawn.astype(np.float32)
    grid = offsets(size, np.float32)
    radius = math.ceil(3 * sigmas.max())
    images = np.empty((len(index), size, size), np.uint8)
    for start in range(0, len(index), _CHUNK):
        part = slice(start, start + _CHUNK)
        sharp = np.empty((len(index[part]), size, size), np.float32)
        soft = np.empty_like(sharp)
        warp_affine(pixels, index[part], maps[part].astype(np.float32), grid, grid, sharp)
        blur(sharp, sigmas[part].astype(np.float32), radius, soft)
        soft *= 255 / np.maximum(soft.max((1, 2), keepdims=True), 1)
        images[part] = np.rint(soft, out=soft)
    return images


def _check(n: int, characters: str, size: int, faces: tuple[str, ...], **amounts: float) -> None:
    if n < 1:
        raise ArgumentError(f"n must be at least 1, got {n}")
    if size < 8:
        raise ArgumentError(f"size must be at least 8 pixels, got {size}")
    if not 1 <= len(characters) <= 255 or len(set(characters)) < len(characters):
        raise ArgumentError(f"characters must be 1 to 255 different ones, got {characters!r}")
    if not faces:
        raise ArgumentError("fonts must name at least one face, got none")
    for name, amount in amounts.items():
        if not 0 <= amount < math.inf:
            raise ArgumentError(f"{name} must be finite and not negative, got {amount}")
    if amounts["scale"] >= 1:
        raise ArgumentError(f"scale must be in [0, 1), got {amounts['scale']}")
