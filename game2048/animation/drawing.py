"""Boards as pictures in one palette of at most 256 colours: the same for GIFs, which need it, and for videos.

A picture is a uint8 array of numbers of colours; `Drawing.palette` says which. Text and the corners of tiles are
blended with what is behind them in a few steps, each a colour of its own.
"""

from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from game2048.board import MAX_EXPONENT
from game2048.render import BACKGROUND, EMPTY, RGB, TILE_COLOURS, tile_colours

Pixels = npt.NDArray[np.uint8]

PAGE: Final[RGB] = (250, 248, 239)
TEXT: Final[RGB] = (63, 56, 49)
INK: Final[RGB] = (31, 28, 24)
WHITE: Final[RGB] = (255, 255, 255)
SOOT: Final[RGB] = (35, 31, 27)
GOLD: Final[RGB] = (245, 215, 110)

UP_TO_2048: Final = TILE_COLOURS[1:]
BEYOND: Final[tuple[RGB, ...]] = (
    (47, 125, 79),  # 4096
    (27, 113, 134),
    (47, 95, 179),  # 16384
    (103, 71, 176),
    (161, 48, 127),  # 65536
)
THEME_COLOURS: Final = {
    "legible": [(face, INK) for face in UP_TO_2048] + [(face, WHITE) for face in BEYOND] + [(SOOT, GOLD)],
    "classic": [tile_colours(exponent) for exponent in range(1, MAX_EXPONENT + 1)],
}
"""Face and ink of the tiles 2, 4 ... 131072, as on the pages."""

EDGES: Final = 3  # steps from what is behind a shape to its face
INKS: Final = 5  # steps from a face to its ink
TRANSPARENT: Final = 255
DETAIL: Final = 4  # shapes are drawn so much larger, and shrunk

# The numbers of the colours. A shape has EDGES of them, the last one its face, and a tile INKS more.
PAGE_COLOUR: Final = 0
BOARD_COLOUR: Final = PAGE_COLOUR + INKS + 1
FIRST_CELL_COLOUR: Final = BOARD_COLOUR + 1
FIRST_TILE_COLOUR: Final = FIRST_CELL_COLOUR + EDGES


class Tile(NamedTuple):
    """A tile somewhere on the board: cells from the left and from the top, and its size in cells."""

    exponent: int
    x: float
    y: float
    scale: float = 1.0


class Drawing:
    """Draws boards of one size in one theme.

    Parameters
    ----------
    width : int
        Pixels, even.
    theme : str
        "legible" or "classic".

    Attributes
    ----------
    palette : ndarray of uint8, shape (256, 3)
        The colours.
    height : int
        Pixels, even.
    """

    def __init__(self, width: int, theme: str) -> None:
        self.width = width
        self._margin = round(0.03 * width)
        inner = width - 2 * self._margin
        self._gap = max(1, round(0.03 * inner))
        self._cell = (inner - 5 * self._gap) // 4
        self._side = 4 * self._cell + 5 * self._gap
        self._margin = (width - self._side) // 2
        self._header = round(0.12 * width)
        self.height = (self._header + self._side + self._margin + 1) // 2 * 2
        self.palette = _palette(theme)
        self._framed = THEME_COLOURS[theme].index((SOOT, GOLD)) + 1 if theme == "legible" else 0
        self._sprite = cache(self._draw_sprite)
        self._words = cache(self._draw_words)
        self._background = self._draw_background()

    def board(self, tiles: Iterable[Tile], *, left: str, right: str) -> Pixels:
        """Draw tiles, the later above the earlier, and words above the board; shape (height, width)."""
        picture = self._background.copy()
        for words, start in ((self._words(left), 0), (self._words(right), None)):
            x = self._margin if start == 0 else self.width - self._margin - words.shape[1]
            picture[: self._header, x : x + words.shape[1]] = words
        for tile in tiles:
            self._put(picture, tile)
        return picture

    def _put(self, picture: Pixels, tile: Tile) -> None:
        """Draw one tile about the middle of its place."""
        size = round((tile.scale - 1) * self._cell / 2) * 2 + self._cell
        if size < 4:
            return
        inset = self._gap + (self._cell - size) // 2
        left = self._margin + inset + round(tile.x * (self._cell + self._gap))
        top = self._header + inset + round(tile.y * (self._cell + self._gap))
        _lay(picture[top : top + size, left : left + size], self._sprite(tile.exponent, size))

    def _draw_background(self) -> Pixels:
        """Draw the page, the board, and its cells."""
        picture = np.full((self.height, self.width), PAGE_COLOUR, np.uint8)
        board = picture[self._header : self._header + self._side, self._margin : self._margin + self._side]
        board[_rounded(self._side, 0.012 * self._side) > 0.5] = BOARD_COLOUR
        cell = _shape(_rounded(self._cell, 0.03 * self._cell), FIRST_CELL_COLOUR)
        for row in range(4):
            for column in range(4):
                top, left = (self._gap + k * (self._cell + self._gap) for k in (row, column))
                _lay(board[top : top + self._cell, left : left + self._cell], cell)
        return picture

    def _draw_sprite(self, exponent: int, size: int) -> Pixels:
        """Draw a tile of so many pixels."""
        first = FIRST_TILE_COLOUR + (EDGES + INKS) * (exponent - 1)
        number = str(1 << exponent)
        points = size * {1: 0.55, 2: 0.55, 3: 0.43, 4: 0.34, 5: 0.27}.get(len(number), 0.225)
        ink = _text(number, points, size, size)
        if exponent == self._framed:
            ink = np.maximum(ink, _frame(size))
        level = np.rint(ink * INKS).astype(np.uint8)
        shape = _shape(_rounded(size, 0.03 * size), first)
        return np.where((level > 0) & (shape != TRANSPARENT), first + EDGES - 1 + level, shape).astype(np.uint8)

    def _draw_words(self, text: str) -> Pixels:
        """Draw words on the page."""
        points = 0.4 * self._header
        width = round(_font(points).getlength(text)) + 4
        return np.rint(_text(text, points, width, self._header) * INKS).astype(np.uint8)


def _palette(theme: str) -> Pixels:
    """Return the colours, in the order of their numbers."""
    colours = [PAGE, *_steps(PAGE, TEXT, INKS), BACKGROUND, *_steps(BACKGROUND, EMPTY, EDGES)]
    for face, ink in THEME_COLOURS[theme]:
        colours += [*_steps(BACKGROUND, face, EDGES), *_steps(face, ink, INKS)]
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(colours)] = colours
    return palette


def _steps(start: RGB, end: RGB, n: int) -> list[RGB]:
    """Return ``n`` colours on the way, the end among them.

    >>> _steps((0, 0, 0), (100, 50, 0), 2)
    [(50, 25, 0), (100, 50, 0)]
    """
    return [tuple(round(a + (b - a) * k / n) for a, b in zip(start, end, strict=True)) for k in range(1, n + 1)]  # type: ignore[misc]  # three numbers


def _lay(place: Pixels, sprite: Pixels) -> None:
    """Lay a sprite over a place of the same size."""
    np.copyto(place, sprite, where=sprite != TRANSPARENT)


def _shape(coverage: npt.NDArray[np.float32], first: int) -> Pixels:
    """Colour a shape by how much of each pixel it covers."""
    level = np.rint(coverage * EDGES).astype(np.uint8)
    return np.where(level > 0, first - 1 + level, TRANSPARENT).astype(np.uint8)


# --- shapes and text: how much of each pixel they cover, 0 to 1 ---


def _rounded(side: int, radius: float) -> npt.NDArray[np.float32]:
    """Draw a square with round corners."""
    image = Image.new("L", (DETAIL * side, DETAIL * side))
    corners = (0, 0, DETAIL * side - 1, DETAIL * side - 1)
    ImageDraw.Draw(image).rounded_rectangle(corners, radius=DETAIL * radius, fill=255)
    return _coverage(image, side, side)


def _frame(side: int) -> npt.NDArray[np.float32]:
    """Draw a thin frame."""
    image = Image.new("L", (side, side))
    ImageDraw.Draw(image).rectangle((0, 0, side - 1, side - 1), outline=255, width=max(1, round(0.025 * side)))
    return _coverage(image, side, side)


def _text(text: str, points: float, width: int, height: int) -> npt.NDArray[np.float32]:
    """Draw text in the middle; an outline makes it bold."""
    image = Image.new("L", (width, height))
    font, stroke = _font(points), points / 40
    ImageDraw.Draw(image).text((width / 2, height / 2), text, fill=255, font=font, anchor="mm", stroke_width=stroke)
    return _coverage(image, width, height)


def _coverage(image: Image.Image, width: int, height: int) -> npt.NDArray[np.float32]:
    return np.asarray(image.resize((width, height), Image.Resampling.BOX), np.float32) / np.float32(255)


@lru_cache(maxsize=64)
def _font(points: float) -> ImageFont.FreeTypeFont:
    """Return Pillow's own font."""
    font = ImageFont.load_default(points)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font
