"""Frames of a board: coloured text for terminals and RGB images, in the colours of the original game."""

import sys
import time
from functools import cache
from typing import Final, TextIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

RGB = tuple[int, int, int]
Board = npt.NDArray[np.uint8]

BACKGROUND: Final[RGB] = (187, 173, 160)
EMPTY: Final[RGB] = (205, 193, 180)
DARK_TEXT: Final[RGB] = (119, 110, 101)
LIGHT_TEXT: Final[RGB] = (249, 246, 242)
BEYOND_2048: Final[RGB] = (60, 58, 50)
TILE_COLOURS: Final[tuple[RGB, ...]] = (
    EMPTY,
    (238, 228, 218),  # 2
    (237, 224, 200),
    (242, 177, 121),  # 8
    (245, 149, 99),
    (246, 124, 95),  # 32
    (246, 94, 59),
    (237, 207, 114),  # 128
    (237, 204, 97),
    (237, 200, 80),  # 512
    (237, 197, 63),
    (237, 194, 46),  # 2048
)

CELL: Final = 85  # pixels
GAP: Final = 12
FRAME: Final = 4 * CELL + 5 * GAP  # 400: a multiple of 16, as video encoders like it
CELL_WIDTH: Final = 8  # characters


def tile_colours(exponent: int) -> tuple[RGB, RGB]:
    """Return the colours of a tile: its background and its number."""
    background = TILE_COLOURS[exponent] if exponent < len(TILE_COLOURS) else BEYOND_2048
    return background, DARK_TEXT if exponent <= 2 else LIGHT_TEXT


# --- text ---


def plain_board(board: Board) -> str:
    """Return a board as four lines of text.

    Parameters
    ----------
    board : ndarray of uint8, shape (4, 4)
        Exponents.

    Examples
    --------
    >>> print(plain_board(np.array([[0, 1, 2, 3], [0] * 4, [0] * 4, [11, 17, 0, 0]], np.uint8)))
           .       2       4       8
           .       .       .       .
           .       .       .       .
        2048  131072       .       .
    """
    return "\n".join("".join(f"{1 << e if e else '.':>{CELL_WIDTH}}" for e in row) for row in board.tolist())


def ansi_board(board: Board, *, score: int | None = None) -> str:
    """Return a board as coloured text: three lines a row, after a line with the score where it is given.

    Parameters
    ----------
    board : ndarray of uint8, shape (4, 4)
        Exponents.
    score : int, optional
        Points.
    """
    lines = [] if score is None else [f"score {score}"]
    for row in board.tolist():
        blank = "".join(_painted("", e) for e in row)
        lines += [blank, "".join(_painted(str(1 << e) if e else "", e) for e in row), blank]
    return "\n".join(lines)


def _painted(text: str, exponent: int) -> str:
    """Return a cell's width of text in the colours of a tile."""
    background, foreground = tile_colours(exponent)
    paint = "\x1b[1;38;2;{};{};{};48;2;{};{};{}m".format(*foreground, *background)
    return f"{paint}{text:^{CELL_WIDTH}}\x1b[0m"


def without_colour(text: str) -> str:
    """Return text without its colour sequences."""
    head, *rest = text.split("\x1b[")
    return head + "".join(piece.split("m", 1)[1] for piece in rest)


class Screen:
    """Shows one frame of text after another: in place and in time on a terminal, one below the other in a file.

    Parameters
    ----------
    fps : float
        Frames per second on a terminal.
    stream : TextIO, optional
        Where to write, ``sys.stdout`` by default.
    """

    def __init__(self, fps: float, stream: TextIO | None = None) -> None:
        self._period = 1 / fps
        self._stream = stream
        self._height = 0  # lines of the last frame
        self._due = 0.0

    def show(self, text: str) -> None:
        """Write a frame over the last one."""
        stream = self._stream or sys.stdout
        if not stream.isatty():
            stream.write(without_colour(text) + "\n\n")
            return
        time.sleep(max(0.0, self._due - time.monotonic()))
        up = f"\x1b[{self._height}A" if self._height else ""
        stream.write(up + text.replace("\n", "\x1b[K\n") + "\x1b[K\n")
        stream.flush()
        self._height = text.count("\n") + 1
        self._due = time.monotonic() + self._period


# --- images ---


def rgb_board(board: Board) -> npt.NDArray[np.uint8]:
    """Draw a board, ndarray of uint8, shape (400, 400, 3).

    Parameters
    ----------
    board : ndarray of uint8, shape (4, 4)
        Exponents.
    """
    frame = _background().copy()
    for i, exponent in enumerate(board.ravel().tolist()):
        top, left = (GAP + (CELL + GAP) * k for k in divmod(i, 4))
        frame[top : top + CELL, left : left + CELL] = _tile(exponent)
    return frame


@cache
def _background() -> npt.NDArray[np.uint8]:
    return np.full((FRAME, FRAME, 3), BACKGROUND, np.uint8)


@cache
def _tile(exponent: int) -> npt.NDArray[np.uint8]:
    """Draw a tile, ndarray of uint8, shape (85, 85, 3), with Pillow's own font."""
    background, foreground = tile_colours(exponent)
    large = Image.new("RGB", (4 * CELL, 4 * CELL), BACKGROUND)  # drawn large and shrunk: smooth corners
    ImageDraw.Draw(large).rounded_rectangle((0, 0, 4 * CELL - 1, 4 * CELL - 1), radius=4 * 4, fill=background)
    image = large.resize((CELL, CELL), Image.Resampling.LANCZOS)
    if exponent:
        text = str(1 << exponent)
        size = {1: 42, 2: 42, 3: 35, 4: 28, 5: 23}.get(len(text), 19)  # points; the outline makes it bold
        font = ImageFont.load_default(size)
        ImageDraw.Draw(image).text((CELL / 2, CELL / 2), text, fill=foreground, font=font, anchor="mm", stroke_width=1)
    return np.asarray(image)
