"""Still pictures of many images: contact sheets, inputs above outputs, and the way to noise and back.

All functions take images, ink 1 on paper 0, and return a sheet as `generative.animate` takes it: uint8, 0 paper to 255
ink. Images are enlarged by whole pixels, so that a sheet shows what a model made and nothing else.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from generative.animate import COLOURS, Colours, Frame, Pixels, save
from generative.autoencoders.coder import Coder
from generative.diffusion.schedules import Schedule
from generative.errors import SettingError
from generative.image_model import Images, check_labels

Floats = npt.NDArray[np.float32]

SCALE: Final = 2
GAP: Final = 4
"""Pixels between images, and around all of them."""
_TEXT: Final = 13
"""Height of captions in pixels."""


def write_image(sheet: Pixels, path: str | Path, colours: Colours = COLOURS["white"]) -> None:
    """Write a sheet as a PNG, atomically.

    Raises
    ------
    SettingError
        If the file does not end in .png, or its folder does not exist.
    """
    if Path(path).suffix.lower() != ".png":
        raise SettingError(f"the file of a still picture must end in .png, got {Path(path).name!r}")
    save([Frame(sheet, 0.0)], path, colours=colours)


def grid(
    images: npt.ArrayLike,
    *,
    scale: int = SCALE,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    title: str = "",
) -> Pixels:
    """Lay images out in rows and columns, with captions.

    Parameters
    ----------
    images : array of float, shape (n_rows, n_columns, height, width)
        In [0, 1]; what is beyond is clipped.
    scale : int
        Pixels for each pixel, along a side.
    rows, columns : sequences of str
        Captions on the left and above, one each, or none at all.
    title : str
        Above all.

    Raises
    ------
    SettingError
        If there are no images, or not as many captions as rows or columns.
    """
    array = np.asarray(images, np.float32)
    if array.ndim != 4 or not array.size:
        raise SettingError(f"images must have the shape (rows, columns, height, width), got {array.shape}")
    if scale < 1:
        raise SettingError(f"scale must be at least 1, got {scale}")
    for name, captions, n in (("rows", rows, len(array)), ("columns", columns, array.shape[1])):
        if captions and len(captions) != n:
            raise SettingError(f"{name} must be {n} captions, got {len(captions)}")
    tiles = np.rint(255 * np.clip(array, 0, 1)).astype(np.uint8).repeat(scale, axis=2).repeat(scale, axis=3)
    tiles = np.pad(tiles, ((0, 0), (0, 0), (0, GAP), (0, GAP)))
    body = np.pad(tiles.swapaxes(1, 2).reshape(len(array) * tiles.shape[2], -1), ((GAP, 0), (GAP, 0)))
    return _with_captions(body, tiles.shape[2:], rows, columns, title)


def _with_captions(
    body: Pixels, tile: Sequence[int], rows: Sequence[str], columns: Sequence[str], title: str
) -> Pixels:
    """Return a sheet with room for captions and the captions."""
    font = ImageFont.load_default(_TEXT)
    wide = max((font.getlength(caption) for caption in columns), default=0) > tile[1] - GAP
    columns = [caption if i % 2 == 0 else "" for i, caption in enumerate(columns)] if wide else columns
    left = round(max((font.getlength(caption) for caption in rows), default=-GAP)) + GAP
    line = _TEXT + 2 * GAP
    top = line * bool(title)
    above = top + line * bool(columns)
    width = max(left + body.shape[1], round(font.getlength(title)) + 2 * GAP)
    sheet = Image.new("L", (width, above + body.shape[0]))
    sheet.paste(Image.fromarray(body), (left, above))
    draw = ImageDraw.Draw(sheet)
    draw.text((GAP, line / 2), title, fill=255, font=font, anchor="lm")
    for i, caption in enumerate(rows):
        middle = above + GAP + tile[0] * i + (tile[0] - GAP) / 2
        draw.text((left - GAP / 2, middle), caption, fill=255, font=font, anchor="rm")
    for i, caption in enumerate(columns):
        middle = left + GAP + tile[1] * i + (tile[1] - GAP) / 2
        draw.text((middle, top + line / 2 + GAP / 2), caption, fill=255, font=font, anchor="mm")
    return np.array(sheet)


def class_sheet(
    images: npt.ArrayLike, labels: npt.ArrayLike, classes: Sequence[str], *, per_class: int = 16, scale: int = SCALE
) -> Pixels:
    """Show the first images of each class that has any, a row for each.

    Parameters
    ----------
    images : array of float, shape (n, height, width)
    labels : array of int, shape (n,)
    classes : sequence of str
    per_class : int
        At most so many columns; where a class has fewer images, the rest of its row is empty.
    scale : int
        As in `grid`.
    """
    array, known = np.asarray(images, np.float32), check_labels(labels, len(classes))
    if len(array) != len(known):
        raise SettingError(f"labels must be one an image, got {len(known)} for {len(array)} images")
    found = {k: np.flatnonzero(known == k)[:per_class] for k in np.unique(known)}
    sheet = np.zeros((len(found), max(map(len, found.values()), default=0), *array.shape[1:]), np.float32)
    for row, indices in zip(sheet, found.values(), strict=True):
        row[: len(indices)] = array[indices]
    return grid(sheet, scale=scale, rows=[classes[k] for k in found])


def inputs_and_outputs(
    inputs: npt.ArrayLike, outputs: npt.ArrayLike, *, columns: int = 16, scale: int = SCALE, title: str = ""
) -> Pixels:
    """Show what went into a model above what came out: pairs of rows.

    Parameters
    ----------
    inputs, outputs : arrays of float, shape (n, height, width)
        As many as are left over by ``columns`` are left out, unless there is only one pair of rows.
    columns, scale, title
        As in `grid`; ``columns`` is how many are beside one another.
    """
    above, below = np.asarray(inputs, np.float32), np.asarray(outputs, np.float32)
    if above.shape != below.shape or above.ndim != 3 or columns < 1:
        raise SettingError(
            "inputs and outputs must have one shape (n, height, width), and columns must be at least 1, "
            f"got {above.shape}, {below.shape} and {columns}"
        )
    pairs = np.stack([above, below])
    columns = min(columns, pairs.shape[1])
    n_rows = pairs.shape[1] // max(columns, 1)
    size = pairs.shape[2:]
    rows = pairs[:, : n_rows * columns].reshape(2, n_rows, columns, *size).swapaxes(0, 1)
    return grid(rows.reshape(2 * n_rows, columns, *size), scale=scale, rows=["in", "out"] * n_rows, title=title)


def denoising_strip(
    steps: Iterable[Floats], *, n: int = 12, scale: int = SCALE, rows: Sequence[str] = (), title: str = ""
) -> Pixels:
    """Show how images come out of noise: a row for each, noise on the left, the finished image on the right.

    Parameters
    ----------
    steps : iterable of ndarray of float32, shape (images, height, width)
        After each step, such as a model's ``sample_steps`` yields.
    n : int
        So many of the steps, at equal distances, the last one among them.
    scale, rows, title
        As in `grid`.
    """
    every = list(steps)
    if not every:
        raise SettingError("steps must have at least one, got none")
    kept = np.unique(np.rint(np.linspace(0, len(every) - 1, n)).astype(int)) if n > 1 else np.array([len(every) - 1])
    strip = np.stack([every[k] for k in kept], axis=1)
    return grid(strip, scale=scale, rows=rows, columns=[str(k + 1) for k in kept], title=title)


def noising_strip(
    images: npt.ArrayLike, schedule: Schedule, times: Sequence[float], *, generator: np.random.Generator, scale: int = 2
) -> Pixels:
    """Show the forward process, x_t = alpha_t x_0 + sigma_t eps: a row for each image, t above.

    Pixels are in [-1, 1] for the process, as models of pixels have them. Each image has one eps on all its way.

    Parameters
    ----------
    images : array of float, shape (n, height, width)
        x_0, in [0, 1].
    schedule : Schedule
        Gives alpha and sigma.
    times : sequence of float
        From 0, the image, to 1, noise.
    generator : numpy.random.Generator
        Draws eps.
    scale : int
        As in `grid`.
    """
    x_0 = 2 * np.asarray(images, np.float32) - 1
    eps = generator.standard_normal(x_0.shape, np.float32)
    amounts = [schedule.at(t) for t in times]
    x_t = np.stack([alpha * x_0 + sigma * eps for alpha, sigma in amounts], axis=1)
    return grid((x_t + 1) / 2, scale=scale, columns=[f"{t:.2g}" for t in times])


def decode_noisy(
    model: Coder,
    images: npt.ArrayLike,
    sigmas: Sequence[float],
    *,
    generator: np.random.Generator,
    labels: npt.ArrayLike | None = None,
) -> Images:
    """Decode codes with more and more noise: how far around an image its code still means it.

    Parameters
    ----------
    model : Coder
        An autoencoder or VAE.
    images : array of float, shape (n, height, width)
    sigmas : sequence of float
        Standard deviations of the noise, in those of the codes of these images.
    generator : numpy.random.Generator
        Draws one direction for each image, which all its noise has.
    labels : array of int, shape (n,), optional
        For conditional models.

    Returns
    -------
    ndarray of float32, shape (n, len(sigmas), size, size)
        For `grid`.
    """
    codes = model.code(images, labels)
    eps = generator.standard_normal(codes.shape, np.float32) * codes.std(0)
    return np.stack([model.draw(codes + np.float32(sigma) * eps, labels) for sigma in sigmas], axis=1)
