"""Where the letters of a text go. Pure: text and outlines of ink in, positions out.

Lengths are in *units*, of which a capital has `CAPITAL`: one unit is about one pixel of an image of 28 x 28. Heights
are measured from the baseline, upwards. What is known before a letter is drawn, its class, decides its height, and by
usual widths also how words wrap; how near two neighbours stand is decided by their ink.
"""

import math
from collections.abc import Sequence
from textwrap import dedent
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from generative.errors import SettingError, TextError

Array = npt.NDArray[np.float64]

MAX_LINES: Final = 120
COLUMNS: Final = (4, 200)
"""Fewest and most letters a line."""

CAPITAL: Final = 22.0
X_HEIGHT: Final = 0.64 * CAPITAL
DESCENT: Final = 0.34 * CAPITAL
GAP: Final = 3.4
"""Between the ink of two letters, where two straight stems stand side by side."""
LEAST_GAP: Final = 2.2
OVERLAP: Final = 0.22
"""Share of a letter's width that the next one may stand above or below."""
SPACE: Final = 11.0
COLUMN: Final = 20.0
"""Width of a letter, gap included, as far as the width of a line is counted in letters."""

_ASCENDERS: Final = "bdfhkl"
_DESCENDERS: Final = "gpqy"
_WIDTHS: Final = {
    **dict.fromkeys("MW", 28.0),
    **dict.fromkeys("mw", 21.0),
    **dict.fromkeys("Iil1", 9.0),
    **dict.fromkeys("jt", 13.0),
    **dict.fromkeys(".,;:!'", 4.0),
    **dict.fromkeys('"()', 8.0),
    "-": 11.0,
}
_USUAL_GAP: Final = 1.7  # between boxes of ink, which overlap where letters slant
_TAU: Final = 4.0


class Zone(NamedTuple):
    """Where the ink of a character belongs, in units."""

    top: float
    bottom: float
    """Below 0 where it descends below the baseline."""
    width: float
    """The ink is made no wider, even if it stays lower then."""

    @property
    def height(self) -> float:
        """From bottom to top."""
        return self.top - self.bottom


def zone(character: str) -> Zone:
    """Return where a letter or a digit belongs.

    Images of letters are all of one height, whatever the letter: here an "x" becomes lower than an "X", and the tail
    of a "y" hangs below the line.

    >>> zone("X").height > zone("x").height, zone("y").bottom < 0
    (True, True)
    """
    if not character.islower():
        return Zone(CAPITAL, 0.0, (1.3 if character in "MW" else 1.1) * CAPITAL)
    if character in _ASCENDERS:
        return Zone(CAPITAL, 0.0, 0.85 * CAPITAL)
    if character in _DESCENDERS:
        return Zone(X_HEIGHT, -DESCENT, 0.85 * CAPITAL)
    if character in "itj":
        return Zone(0.88 * CAPITAL, -DESCENT if character == "j" else 0.0, 0.75 * CAPITAL)
    return Zone(X_HEIGHT, 0.0, (1.6 if character in "mw" else 1.25) * X_HEIGHT)


# --- lines ---


def usual_width(text: str) -> float:
    """Return about how wide a text of one line will be, known before it is drawn.

    >>> usual_width("II") < usual_width("ii mm") < usual_width("MM MM")
    True
    """
    widths = [_WIDTHS.get(c, 14.0 if c.islower() else 20.0) for c in text if c != " "]
    return sum(widths) + _USUAL_GAP * (len(widths) - 1) + SPACE * text.count(" ")


def columns_for(text: str) -> int:
    """Return how many letters a line should have, so that a text becomes a block and its first line is drawn soon."""
    return min(max(20, round(math.sqrt(3 * len(text)))), 64)


def wrap(text: str, columns: int) -> list[str]:
    r"""Break a cleaned text into lines of at most so many usual letters.

    Lines break at spaces; a word that is longer than a line breaks where it must. New lines stay, and the spaces that
    some lines of the text begin with and others do not, as far as there is room for them.

    Raises
    ------
    SettingError
        If ``columns`` is out of range.
    TextError
        If there are more than `MAX_LINES` lines.

    Examples
    --------
    >>> wrap("HELLO WORLD", 8)
    ['HELLO', 'WORLD']
    >>> wrap("so\nlong", 8)
    ['so', 'long']
    >>> wrap("so\n  long", 8)
    ['so', '  long']
    """
    if not COLUMNS[0] <= columns <= COLUMNS[1]:
        raise SettingError(f"columns must be from {COLUMNS[0]} to {COLUMNS[1]} letters, got {columns}")
    room = columns * COLUMN
    lines = [line for paragraph in dedent(text).split("\n") for line in _wrap_paragraph(paragraph, room)]
    if len(lines) > MAX_LINES:
        raise TextError(f"text must have at most {MAX_LINES} lines, got {len(lines)} of {columns} letters each")
    return lines


def _wrap_paragraph(paragraph: str, room: float) -> list[str]:
    words = paragraph.lstrip(" ")
    lines = [" " * min(len(paragraph) - len(words), int(room / 2 / SPACE))]
    begun = False
    for word in words.split(" "):
        longer = f"{lines[-1]} {word}" if begun else lines[-1] + word
        begun = True
        if usual_width(longer) <= room:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        for character in word:
            if usual_width(lines[-1] + character) > room:
                lines.append("")
            lines[-1] += character
    return [line.rstrip() for line in lines]


# --- the ink ---


def advance(right: Array, left: Array, width: float) -> float:
    r"""Return how far apart two neighbours stand, from the left edge of one's ink to that of the other's.

    Parameters
    ----------
    right : ndarray of float64, shape (rows,)
        How far the ink of the left letter reaches, in each row of the line; -inf where there is none.
    left : ndarray of float64, shape (rows,)
        Where the ink of the right letter begins, in the same rows; inf where there is none.
    width : float
        Of the ink of the left letter.

    Notes
    -----
    The eye sees the white between two letters, not their boxes: "AV" can stand nearer than "HH". Here the distance of
    two outlines is their soft minimum, -tau log(sum exp(-d / tau) / n), where n counts the rows of the lower one. Equal
    distances in all rows, as between straight stems, are worth themselves; a distance that is small in few rows only
    is worth somewhat more. The advance makes it `GAP`; then nowhere less than `LEAST_GAP`, and no more than `OVERLAP`.

    Examples
    --------
    >>> stem = np.zeros(20)
    >>> advance(stem + 5, stem, 5.0) == 5 + GAP
    True
    """
    between = right - left  # -inf where one of the two has no ink
    n_rows = min(np.isfinite(right).sum(), np.isfinite(left).sum())
    nearest = float(between.max(initial=-np.inf))
    if not math.isfinite(nearest):  # an apostrophe after a full stop: side by side all the same
        return width + GAP
    mean = float(np.exp((between - nearest) / _TAU).sum()) / float(n_rows)
    return max(nearest + _TAU * math.log(mean) + GAP, nearest + LEAST_GAP, (1 - OVERLAP) * width)


def line_positions(rights: Sequence[Array], lefts: Sequence[Array], widths: Sequence[float], line: str) -> list[float]:
    """Return where the ink of each letter of a line begins, from the beginning of the line.

    Parameters
    ----------
    rights, lefts, widths : sequences
        Of all characters but the spaces, as `advance` takes them.
    line : str
        With the spaces.
    """
    x = SPACE * (len(line) - len(line.lstrip(" ")))
    positions: list[float] = []
    spaces = 0
    for character in line.strip(" "):
        if character == " ":
            spaces += 1
            continue
        i = len(positions)
        if i:
            step = advance(rights[i - 1], lefts[i], widths[i - 1])
            x += max(step, widths[i - 1] - 1) + SPACE * spaces if spaces else step  # no word reaches into another
        positions.append(x)
        spaces = 0
    return positions
