"""The sheet of a text: how large it is, which is known from the text alone, and where each character belongs on it."""

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from generative.animate import MAX_SIDE
from generative.errors import SettingError
from generative.writing import layout
from generative.writing.alphabet import Drawing
from generative.writing.layout import CAPITAL

MARGIN: Final = 15.0
"""Of paper around the text, in units of the layout."""
RISE: Final = 1.2 * CAPITAL
"""Room above the baseline: brackets and slashes are higher than capitals."""
PITCH: Final = (1.55 * CAPITAL, 1.8 * CAPITAL)
"""From line to line; without and with what hangs below a line."""
MAX_PIXELS: Final = 16_000_000
WIDEST: Final = 1_000
"""Pixels; by default a sheet is not wider, except that the scale is at least 1."""
_HANGING: Final = frozenset("gjpqy,;()/@#%&")


class Letter(NamedTuple):
    """A character where it belongs on the sheet."""

    drawing: Drawing
    x: float
    """Left edge of the image, in units from the left edge of the sheet."""
    y: float
    """Upper edge of the image, from the upper edge."""
    size: float
    """Units a pixel of the image."""


@dataclass(frozen=True)
class Page:
    """The sheet: what is known of it before anything is drawn, in units."""

    lines: list[str]
    width: float
    """Of the longest line."""
    pitch: float
    scale: float
    """Pixels a unit."""

    @classmethod
    def of(cls, lines: list[str], scale: float | None) -> "Page":
        """Plan a sheet for some lines."""
        width = max(map(layout.usual_width, lines))
        if scale is None:
            scale = float(np.clip(WIDEST / (width + 2 * MARGIN), 1, 3))
        page = cls(lines, width, PITCH[bool(_HANGING & set("".join(lines)))], scale)
        height, width = page.shape
        if height * width > MAX_PIXELS or max(height, width) > MAX_SIDE:
            raise SettingError(f"scale must be smaller for this text: {scale:g} gives {width:,} x {height:,} pixels")
        return page

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        below = layout.DESCENT if _HANGING & set(self.lines[-1]) else 0.0
        above = RISE if set("()/#") & set(self.lines[0]) else CAPITAL
        height = above + self.pitch * (len(self.lines) - 1) + below
        return round((height + 2 * MARGIN) * self.scale), round((self.width + 2 * MARGIN) * self.scale)

    def baseline(self, line: int) -> float:
        """Return where a line stands, from the upper edge."""
        above = RISE if set("()/#") & set(self.lines[0]) else CAPITAL
        return MARGIN + above + self.pitch * line

    def fitted(self, drawings: list[Drawing]) -> "Page":
        """Return a sheet of one line that is as wide as its ink."""
        return replace(self, width=_positions(drawings, self.lines[0])[1])

    def place(self, i: int, drawings: list[Drawing]) -> list[Letter]:
        """Return the characters of a line where they belong."""
        positions, length = _positions(drawings, self.lines[i])
        # Ink may need a little more room than usual: then the line is written a little smaller.
        fit = min(1.0, (self.width + MARGIN / 5) / length)
        letters = []
        for drawing, x in zip(drawings, positions, strict=True):
            left, _, _, foot = drawing.box
            size = fit * drawing.scale
            top = self.baseline(i) - fit * drawing.bottom - size * foot
            letters.append(Letter(drawing, MARGIN + fit * x - size * left, top, size))
        return letters


def _positions(drawings: list[Drawing], line: str) -> tuple[list[float], float]:
    """Return where the ink of each character begins, and how long the line is."""
    heights = np.arange(-0.6 * CAPITAL, RISE) + 0.5
    outlines = [drawing.outlines(heights) for drawing in drawings]
    widths = [drawing.width for drawing in drawings]
    positions = layout.line_positions([right for _, right in outlines], [left for left, _ in outlines], widths, line)
    return positions, max(x + width for x, width in zip(positions, widths, strict=True))
