"""What can be written: texts are checked, and characters that look alike become the usual ones."""

import unicodedata
from collections.abc import Collection
from typing import Final

from generative.errors import TextError

MAX_LENGTH: Final = 2_000
"""Characters."""
MARKS: Final = ".,;:!?'\"-()&+/=@#%"
VARIANTS: Final = {
    **dict.fromkeys("‘’‚‛′´`ʼ", "'"),  # noqa: RUF001  # look-alikes are the point
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("‐‑‒–—―−", "-"),  # noqa: RUF001
    "…": "...",
    "／": "/",  # noqa: RUF001
    "\t": "    ",
    **dict.fromkeys("\u00a0\u2002\u2003\u2009\u202f", " "),
    **dict.fromkeys(("\r\n", "\r", "\u2028", "\u2029"), "\n"),
}


def check_length(text: str) -> None:
    """Raise TextError if there is nothing to write, or too much."""
    if len(text) > MAX_LENGTH:
        raise TextError(f"text must have at most {MAX_LENGTH:,} characters, got {len(text):,}")
    if not text.strip():
        raise TextError(f"text must have a character that is not a space, got {text[:20]!r}")


def clean(text: str, allowed: Collection[str]) -> str:
    """Return the text with the usual quotation marks, dashes, spaces and ends of lines in the place of all others.

    Parameters
    ----------
    text : str
    allowed : collection of str
        The characters that can be drawn.

    Raises
    ------
    TextError
        If it is empty, too long, or has a character that cannot be drawn.

    Examples
    --------
    >>> clean("\u201cYES\u201d \u2014 we can\u2026", "YESwecan" + MARKS)
    '"YES" - we can...'
    """
    check_length(text)
    text = unicodedata.normalize("NFC", text)
    for variant, usual in VARIANTS.items():
        if len(variant) > 1:
            text = text.replace(variant, usual)
    parts = [VARIANTS.get(character, character) for character in text]
    for position, part in enumerate(parts, 1):
        for character in part:
            if character not in " \n" and character not in allowed:
                raise TextError(_unknown(character, position, allowed))
    return "\n".join(line.rstrip() for line in "".join(parts).split("\n")).strip("\n")


def _unknown(character: str, position: int, allowed: Collection[str]) -> str:
    shown = repr(character) if character.isprintable() else "that"
    name = unicodedata.name(character, "no name")
    return (
        f"character {shown} (U+{ord(character):04X}, {name}) at position {position} cannot be drawn; "
        f"allowed are spaces, new lines and {summarise(allowed)}"
    )


def summarise(characters: Collection[str]) -> str:
    """Return characters with runs of three or more shortened.

    >>> summarise("ABCDX09")
    'A-D 09X'
    """
    runs: list[str] = []
    for character in sorted(characters):
        if runs and ord(runs[-1][-1]) + 1 == ord(character) and runs[-1][0].isalnum() == character.isalnum():
            runs[-1] += character
        else:
            runs.append(character)
    long = [f"{run[0]}-{run[-1]}" for run in runs if len(run) > 2 and run[0].isalnum()]
    return " ".join([*long, "".join(run for run in runs if len(run) <= 2 or not run[0].isalnum())]).strip()
