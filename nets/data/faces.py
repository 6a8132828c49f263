"""Draw single letters large, in several faces and stroke weights: what `nets.data.generated` varies.

Two kinds of faces come with the installation. Hershey's fonts are strokes, digitised for plotters, so that any pen
can draw them [1]_; Aileron, a sans-serif with outlines, is part of Pillow. Other TrueType or OpenType files may be
named by their paths.

References
----------
.. [1] Hershey, A. V., "Calligraphy for computers", Technical Report 2101, U.S. Naval Weapons Laboratory, 1967.
"""

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from HersheyFonts import HersheyFonts
from PIL import Image, ImageDraw, ImageFont

from nets.errors import ArgumentError, CorruptDataError, MissingDataError

AILERON: Final = "aileron"
FACES: Final = (AILERON, "futural", "futuram", "timesr", "timesi", "timesrb", "scripts")
"""Sans-serif outlines; Hershey's sans-serif of one and of two strokes, roman, italic, bold roman, and script."""
WEIGHTS: Final = (0.05, 0.08, 0.11, 0.14)
"""Widths of the pen, in heights of a capital."""
FRAME: Final = 2.0
"""Height and width of a drawing, in heights of a capital."""
_SUPERSAMPLING: Final = 4
_MISSING: Final = "\U0010ffff"  # no font has it, so it shows what a font draws for a character that it lacks

Draw = Callable[[str, float], Image.Image]


@lru_cache(maxsize=8)
def masters(faces: tuple[str, ...], characters: str, cap_height: int) -> npt.NDArray[np.uint8]:
    """Return each character in each face and weight, its ink in the middle.

    Parameters
    ----------
    faces : tuple of str
        Names of embedded faces or of Hershey's other fonts, or paths of font files.
    characters : str
        What to draw.
    cap_height : int
        Pixels from the foot to the head of an H.

    Returns
    -------
    ndarray of uint8, shape (faces, characters, weights, length, length)
        With length = FRAME * cap_height; 255 is ink. The same array every time: leave it as it is.

    Raises
    ------
    ArgumentError
        If a face lacks a character.
    MissingDataError, CorruptDataError
        If a font file is not there, or not a font.
    """
    canvas = _SUPERSAMPLING * round(FRAME * cap_height)
    drawn = []
    for face in faces:
        draw = _pen(face, canvas)
        drawn.append([[_reduce(draw(character, w)) for w in WEIGHTS] for character in characters])
    return np.array(drawn)


def _reduce(image: Image.Image) -> npt.NDArray[np.uint8]:
    return np.asarray(image.reduce(_SUPERSAMPLING))


def _pen(face: str, canvas: int) -> Draw:
    """Return the function that draws a character of a face with a weight."""
    hershey = HersheyFonts()
    if face in hershey.default_font_names:
        hershey.load_default_font(face)
        return _stroke_pen(face, hershey, canvas)
    return _outline_pen(face, canvas)


# --- strokes ---


def _stroke_pen(face: str, font: HersheyFonts, canvas: int) -> Draw:
    def strokes(character: str) -> list[npt.NDArray[np.float64]]:
        glyph = list(font.glyphs_for_text(character))
        found = [np.array(stroke, float) for stroke in (glyph[0].strokes if glyph else []) if len(stroke)]
        if not found:
            raise ArgumentError(f"characters must be in the face {face}, which lacks {character!r}")
        return found

    height = np.ptp(np.concatenate(strokes("H"))[:, 1])

    def draw(character: str, weight: float) -> Image.Image:
        points = np.concatenate(strokes(character))
        extent = np.ptp(points, axis=0).max() / height + weight
        # A letter that is larger than the frame is drawn smaller.
        cap_height = canvas / FRAME * min(1.0, FRAME / extent)
        middle = (points.min(0) + points.max(0)) / 2
        image = Image.new("L", (canvas, canvas))
        context, radius = ImageDraw.Draw(image), weight * cap_height / 2
        for stroke in strokes(character):
            line = (stroke - middle) * (cap_height / height) + (canvas - 1) / 2
            context.line([tuple(point) for point in line], fill=255, width=max(1, round(2 * radius)))
            for x, y in line:  # round ends and joints
                context.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
        return image

    return draw


# --- outlines ---


def _outline_pen(face: str, canvas: int) -> Draw:
    probe = _load_font(face, 200)
    _, top, _, bottom = probe.getbbox("H", anchor="ls")
    points = 200 * canvas / FRAME / max(bottom - top, 1)
    lacking = bytes(probe.getmask(_MISSING))

    def draw(character: str, weight: float) -> Image.Image:
        if bytes(probe.getmask(character)) in (lacking, b""):
            raise ArgumentError(f"characters must be in the face {face}, which lacks {character!r}")
        font, size = _load_font(face, points), points
        grow = round((weight - WEIGHTS[0]) / 2 * canvas / FRAME)
        box = font.getbbox(character, anchor="ls", stroke_width=grow)
        if (extent := max(box[2] - box[0], box[3] - box[1])) > canvas:
            size = 0.95 * points * canvas / extent
            font = _load_font(face, size)
            box = font.getbbox(character, anchor="ls", stroke_width=grow)
        image = Image.new("L", (canvas, canvas))
        corner = ((canvas - box[0] - box[2]) / 2, (canvas - box[1] - box[3]) / 2)
        ImageDraw.Draw(image).text(corner, character, fill=255, font=font, anchor="ls", stroke_width=grow)
        return image

    return draw


def _load_font(face: str, size: float) -> Any:
    if face == AILERON:
        return ImageFont.load_default(size)
    path = Path(face)
    if not path.is_file():
        known = ", ".join([AILERON, *HersheyFonts().default_font_names])
        raise MissingDataError(f"there is no font file {path}, and no face of this name; the faces are {known}")
    try:
        return ImageFont.truetype(os.fspath(path), size)
    except OSError as error:
        raise CorruptDataError(f"{path} is not a TrueType or OpenType font ({error})") from error
