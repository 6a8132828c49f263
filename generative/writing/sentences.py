"""Sentences whose letters condense out of noise, as an iterator of frames; no files, no command line.

The size of the sheet and the lines are known from the text alone, so the first frame can be shown as soon as the first
line is drawn; the other lines are drawn when it is their turn.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from generative.animate import Frame, Pixels
from generative.errors import SettingError
from generative.writing import layout
from generative.writing.alphabet import N_STAGES, Alphabet, Drawing
from generative.writing.ink import ink
from generative.writing.page import Letter, Page
from generative.writing.text import clean


@dataclass(frozen=True, kw_only=True)
class Style:
    """How a sentence is set and moves."""

    columns: int | None = None
    """Usual letters a line; by default about as many as make a block somewhat wider than high, at least 20."""
    scale: float | None = None
    """Pixels for a pixel of the letters' images; by default 3, and less where lines are long."""
    case: Literal["keep", "upper", "lower"] = "keep"
    """Whether the text is written as it is."""
    fps: int = 20
    """Frames a second."""
    seconds: float | None = None
    """How long it takes until the last letter is complete; by default 1.5 for one letter, up to 8 for many.
    With 0 there is one frame, the finished one."""
    hold: float = 2.0
    """Seconds for which the last frame is shown."""

    def __post_init__(self) -> None:
        if self.scale is not None and not 0.5 <= self.scale <= 16:
            raise SettingError(f"scale must be from 0.5 to 16, got {self.scale}")
        if self.case not in ("keep", "upper", "lower"):
            raise SettingError(f"case must be keep, upper or lower, got {self.case!r}")
        if not 1 <= self.fps <= 50:
            raise SettingError(f"fps must be from 1 to 50, got {self.fps}")
        for name, value in (("seconds", self.seconds), ("hold", self.hold)):
            if value is not None and not 0 <= value <= 60:
                raise SettingError(f"{name} must be from 0 to 60, got {value}")


def write(text: str, alphabet: Alphabet, *, seed: int = 0, style: Style | None = None) -> Iterator[Frame]:
    """Write a text: letters condense out of noise, a little later from left to right and from line to line.

    Parameters
    ----------
    text : str
        Of letters, digits, the punctuation in `generative.writing.text.MARKS`, spaces and new lines; other quotation
        marks and dashes are taken for those.
    alphabet : Alphabet
        Who draws.
    seed : int
        Same seed, same frames, bit for bit. A letter's noise depends on the seed and on how many are before it.
    style : Style, optional

    Returns
    -------
    iterator of Frame
        Each computed when it is asked for; all of one shape, grey.

    Raises
    ------
    TextError
        If the text cannot be written: at once, not with the first frame.
    SettingError
        If the sheet would be too large, or the seed negative.
    """
    style = style or Style()
    if seed < 0:
        raise SettingError(f"seed must not be negative, got {seed}")
    cleaned = clean(text, alphabet.characters)
    cleaned = {"keep": cleaned, "upper": cleaned.upper(), "lower": cleaned.lower()}[style.case]
    clean(cleaned, alphabet.characters)
    columns = layout.columns_for(cleaned) if style.columns is None else style.columns
    lines = layout.wrap(cleaned, columns)
    return _frames(Page.of(lines, style.scale), alphabet, seed, style)


def _placed(page: Page, drawings: Iterator[Drawing]) -> Iterator[Letter]:
    """Yield all characters where they belong; draws no more than a line at a time."""
    for i, line in enumerate(page.lines):
        here = [next(drawings) for character in line if character != " "]
        if here:
            yield from page.place(i, here)


class Sprite(NamedTuple):
    """The stages of a character as they are on the sheet."""

    pixels: Pixels
    """ndarray of uint8, shape (n_stages, height, width)."""
    top: int
    left: int

    def add_to(self, sheet: Pixels, stage: int, strength: float = 1.0) -> None:
        """Lay a stage on a sheet, in place; ink over ink stays ink."""
        top, left = max(self.top, 0), max(self.left, 0)
        part = self.pixels[stage, top - self.top :, left - self.left :]
        under = sheet[top : self.top + self.pixels.shape[1], left : self.left + self.pixels.shape[2]]
        part = part[: under.shape[0], : under.shape[1]]
        if strength < 1:
            part = (strength * part).astype(np.uint8)
        np.maximum(under, part, out=under)


def _sprite(letter: Letter, scale: float) -> Sprite:
    left, top = letter.x * scale, letter.y * scale
    corner = int(np.floor(top)), int(np.floor(left))
    pixels = ink(letter.drawing.stages, letter.size * scale, (top - corner[0], left - corner[1]), scale)
    return Sprite(pixels, *corner)


def duration(n_letters: int) -> float:
    """Return in how many seconds so many letters are written, if nobody says so.

    >>> duration(1), duration(11), duration(2000)
    (1.5, 2.5, 8.0)
    """
    return min(1.5 + 0.1 * (n_letters - 1), 4.0) + min(max(n_letters - 26, 0) / 100, 4.0)


def _frames(page: Page, alphabet: Alphabet, seed: int, style: Style) -> Iterator[Frame]:
    n = sum(len(line.replace(" ", "")) for line in page.lines)
    seconds = duration(n) if style.seconds is None else style.seconds
    n_frames = max(1, round(seconds * style.fps))
    drawings = alphabet.draw("\n".join(page.lines), seed, n_stages=1 if n_frames == 1 else N_STAGES)
    if len(page.lines) == 1:
        line = list(drawings)  # all of it is in the first frame anyway
        page, drawings = page.fitted(line), iter(line)
    letters = _placed(page, drawings)
    starts, ends = _timing(page.lines, seconds)
    finished = np.zeros(page.shape, np.uint8)
    active: dict[int, Sprite] = {}
    begun = 0
    for k in range(n_frames):
        now = seconds if k == n_frames - 1 else seconds * k / (n_frames - 1)
        while begun < n and starts[begun] <= now:
            active[begun] = _sprite(next(letters), page.scale)
            begun += 1
        moving = {}
        for i, sprite in active.items():
            if now >= ends[i]:
                sprite.add_to(finished, -1)
            else:
                moving[i] = sprite, (now - starts[i]) / (ends[i] - starts[i])
        active = {i: sprite for i, (sprite, _) in moving.items()}
        sheet = finished.copy()
        for sprite, progress in moving.values():
            sprite.add_to(sheet, *_stage(progress, len(sprite.pixels)))
        yield Frame(sheet, style.hold if k == n_frames - 1 else 1 / style.fps)


def _timing(lines: list[str], seconds: float) -> tuple[list[float], list[float]]:
    """Return when each character begins and ends: those of a line begin together, and end from left to right."""
    counts = [len(line.replace(" ", "")) for line in lines]
    n = sum(counts)
    shortest = min(1.4, (0.6 if n > 1 else 1.0) * seconds)
    ends = [shortest + (seconds - shortest) * i / max(n - 1, 1) for i in range(n)]
    starts: list[float] = []
    for count in counts:
        starts += [ends[len(starts)] - shortest] * count if count else []
    ends[-1] = seconds  # as it is, not as it is rounded
    return starts, ends


def _stage(progress: float, n_stages: int) -> tuple[int, float]:
    """Return the stage, and how strong the ink is, when a character has gone so much of its way."""
    return min(int(progress * n_stages), n_stages - 1), min(1.0, 0.25 + 4 * progress)
