"""Characters written with a pen, where no model has learned them: digits and punctuation.

The strokes are those of A. V. Hershey's sans-serif font, which `nets.data.faces` draws letters with as well. A hand
varies them a little, and the pen moves along them while they are animated.
"""

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from HersheyFonts import HersheyFonts
from PIL import Image, ImageDraw

from generative.errors import TextError
from generative.writing.layout import CAPITAL

Points = npt.NDArray[np.float64]
Images = npt.NDArray[np.float32]

FACE: Final = "futural"
PEN: Final = 2.5
"""Width of the pen, in units of the layout: about that of handwritten letters."""
_SUPERSAMPLING: Final = 4
_MARGIN: Final = 2
_DIGIT: Final = 0.96  # heights of a capital, which they would seem to exceed otherwise
_LOWERED: Final = dict.fromkeys(".,:;", 3.0 / 21.0)  # the font has them above its baseline, in heights of a capital


class Written(NamedTuple):
    """A character on its way to the paper."""

    stages: Images
    """ndarray of float32, shape (stages, size, size): ink 1 on paper 0, the last one complete."""
    scale: float
    """Units a pixel."""
    bottom: float
    """How far above the baseline the ink ends, in units."""


def write(character: str, *, generator: np.random.Generator, n_stages: int, size: int = 28) -> Written:
    """Write a character with a pen.

    Parameters
    ----------
    character : str
        One of the font's, which are those of ASCII.
    generator : numpy.random.Generator
        Varies the hand: slant, proportions, and a bend of the strokes.
    n_stages : int
        Images, of equal lengths of the pen's way.
    size : int
        Height and width of an image.

    Raises
    ------
    TextError
        If the font lacks the character.
    """
    strokes = _vary(_strokes(character), generator)
    points = np.concatenate(strokes)
    low, high = points.min(0), points.max(0)
    # What is larger than the image is drawn smaller, with a finer pen, and enlarged by the layout.
    scale = max(1.0, float((high - low).max() + PEN) / (size - 2 * _MARGIN))
    middle = (low + high) / 2
    pixels = [(stroke - middle) / scale * (1, -1) + size / 2 for stroke in strokes]
    lengths = [float(np.linalg.norm(np.diff(stroke, axis=0), axis=1).sum()) for stroke in pixels]
    ends = np.linspace(0, sum(lengths), n_stages + 1)[1:]
    stages = np.stack([_draw(_until(pixels, lengths, end), PEN / scale, size) for end in ends])
    return Written(stages, scale, float(low[1]) - PEN / 2)


@lru_cache(maxsize=1)
def _font() -> HersheyFonts:
    font = HersheyFonts()
    font.load_default_font(FACE)
    return font


@lru_cache(maxsize=256)
def _strokes(character: str) -> tuple[Points, ...]:
    """Return the strokes in units, from the baseline upwards; curves in steps of about one unit."""
    height, foot = _capital()
    glyph = list(_font().glyphs_for_text(character))
    found = [np.array(stroke, float) for stroke in (glyph[0].strokes if glyph else []) if len(stroke)]
    if not found:
        raise TextError(f"there are no strokes for the character {character!r}")
    lowered = _LOWERED.get(character, 0.0) * CAPITAL
    # The ink, which is wider than the line in its middle, shall stand on the baseline and be as high as a capital.
    large = (CAPITAL * (_DIGIT if character.isdigit() else 1.0) - PEN) / height
    scaled = [(stroke * (1, -1) + (0, foot)) * large + (0, PEN / 2 - lowered) for stroke in found]
    return tuple(_densify(_dot(stroke)) for stroke in scaled)


@lru_cache(maxsize=1)
def _capital() -> tuple[float, float]:
    """Return the height of the font's H, and where it stands, in the font's units; its y axis points down."""
    heights = [y for stroke in next(iter(_font().glyphs_for_text("H"))).strokes for _, y in stroke]
    return max(heights) - min(heights), max(heights)


def _dot(stroke: Points) -> Points:
    """Return a stroke, made smaller if it is a dot, which the pen makes large enough."""
    middle = (stroke.min(0) + stroke.max(0)) / 2
    return middle + 0.5 * (stroke - middle) if np.ptp(stroke, axis=0).max() < PEN else stroke


def _densify(stroke: Points) -> Points:
    """Return a stroke with points in between, so that it can be bent."""
    steps = np.linalg.norm(np.diff(stroke, axis=0), axis=1)
    at = np.concatenate([[0.0], np.cumsum(steps)])
    wanted = np.linspace(0, at[-1], max(2, round(at[-1]) + 1))
    return np.stack([np.interp(wanted, at, stroke[:, i]) for i in (0, 1)], axis=1)


def _vary(strokes: tuple[Points, ...], generator: np.random.Generator) -> list[Points]:
    """Return strokes as another hand, or the same one another time, would draw them."""
    slant, turn, wide, tall = generator.uniform(-1, 1, 4) * (0.14, 0.06, 0.12, 0.08)
    shape = np.array([[1 + wide, slant + turn], [-turn, 1 + tall]])
    phase = generator.uniform(0, 2 * np.pi, (2, 2))
    bent = []
    for stroke in strokes:
        # One slow wave each way: a curve that is not quite the font's.
        wave = np.sin(stroke @ np.array([[0.19, 0.13], [0.11, 0.23]]) + phase[0]) + np.sin(stroke * 0.3 + phase[1])
        bent.append(stroke @ shape.T + 0.5 * wave)
    return bent


def _until(strokes: list[Points], lengths: list[float], end: float) -> list[Points]:
    """Return the part of the strokes that the pen has drawn after so many pixels of its way."""
    drawn = []
    for stroke, length in zip(strokes, lengths, strict=True):
        if end <= 0:
            break
        kept = len(stroke) if end >= length else max(1, round(end / max(length, 1e-9) * len(stroke)))
        drawn.append(stroke[:kept])
        end -= length
    return drawn


def _draw(strokes: list[Points], pen: float, size: int) -> Images:
    image = Image.new("L", (size * _SUPERSAMPLING, size * _SUPERSAMPLING))
    context, radius = ImageDraw.Draw(image), pen * _SUPERSAMPLING / 2
    for stroke in strokes:
        line = [(x, y) for x, y in stroke * _SUPERSAMPLING]
        if len(line) > 1:
            context.line(line, fill=255, width=max(1, round(2 * radius)))
        for x, y in line:  # round ends and joints
            context.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return np.asarray(image.reduce(_SUPERSAMPLING), np.float32) / np.float32(255)
