"""A range of plies of a game as a moving picture: GIF, MP4 or WebM.

Tiles slide, appear and pop as in the original game and on the pages (one difference: a new tile grows, it does not
fade in). Where a move lasts less than two frames, tiles jump. MP4 and WebM need ffmpeg, the extra ``video``.
"""

from dataclasses import dataclass
from typing import Final

THEMES: Final = ("legible", "classic")
KINDS: Final = ("gif", "mp4", "webm")
MAX_FRAMES: Final = 15_000
"""Ten minutes; GIFs of that length are as large as nobody wants them."""
MOVE_MS: Final = 300.0
"""How long a move lasts in the original game."""


class AnimationError(ValueError):
    """An animation that cannot be made as asked."""


@dataclass(frozen=True, kw_only=True)
class AnimationSettings:
    """What an animation looks like.

    Raises
    ------
    AnimationError
        If a setting is out of range.
    """

    width: int = 400
    """Pixels, rounded up to an even number."""
    theme: str = "legible"
    """"legible" or "classic", as on the pages."""
    speed: float = 1.0
    """Multiple of the original's pace, 300 ms a move."""
    fps: int = 25
    """Frames a second; in a GIF each lasts a whole number of hundredths."""
    hold: float = 1.0
    """Seconds that the last board is shown."""

    def __post_init__(self) -> None:
        for name, low, high in (("width", 120, 1200), ("speed", 0.25, 1000), ("fps", 1, 60), ("hold", 0, 60)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise AnimationError(f"{name} must be from {low} to {high}, got {value}")
        if self.theme not in THEMES:
            raise AnimationError(f"theme must be one of {', '.join(THEMES)}, got {self.theme!r}")

    def n_frames(self, n_plies: int) -> int:
        """Return how many frames so many plies take.

        >>> AnimationSettings().n_frames(10)
        101
        """
        playing = n_plies * MOVE_MS / self.speed / 1000
        return round((playing + self.hold) * self.fps) + 1
