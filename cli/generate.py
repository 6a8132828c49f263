"""``game2048 generate``."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import tyro
from threadpoolctl import threadpool_limits

from cli.common import MAX_THREADS, SWITCH, check_seed, option, preparing, stdout
from cli.errors import require

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from generative.animate import Frame
    from generative.writing.alphabet import Alphabet

LETTERS: Final = Path("runs/diffusion")
DIGITS: Final = Path("runs/digits")
MAX_STEPS: Final = 1000


@dataclass(frozen=True, kw_only=True)
class Generate:
    """Write a sentence whose letters condense out of noise, as a moving picture.

    Letters come from a trained image model; each is drawn anew, and no two are alike. Same seed, same file.
    """

    text: Annotated[str, tyro.conf.Positional, option("TEXT")]
    """What to write: letters, digits, spaces, new lines, and . , ; : ! ? ' " - ( ) & + / = @ # %"""
    out: Annotated[Path, option("FILE")]
    """Where to: .gif, .apng and .mp4 move (MP4 needs moviepy), .png shows the finished sentence."""
    seed: int = 0
    """Seed of all letters. A letter depends on the seed and on how many are before it."""
    model: Annotated[Path, option("PATH", str(LETTERS))] = LETTERS
    """Folder of a trained model of letters."""
    digits: Annotated[Path | None, option("PATH", "runs/digits if there is one; otherwise drawn with a pen")] = None
    """Folder of a trained model of digits."""
    case: Literal["keep", "upper", "lower"] = "keep"
    """Write the text as it is, in capitals, or without."""
    steps: Annotated[int | None, option("INT", "the model's")] = None
    """Steps from noise to letter."""
    guidance: Annotated[float | None, option("FLOAT", "the model's")] = None
    """How strongly a letter is asked for: more is clearer and more alike."""
    width: Annotated[int | None, option("INT", "as many as make a block, at least 20")] = None
    """Letters a line, about: wide and narrow ones count as what they take."""
    scale: Annotated[float | None, option("FLOAT", "3, less where lines are long")] = None
    """Pixels for each pixel of the model's images."""
    fps: int = 20
    """Frames a second."""
    seconds: Annotated[float | None, option("FLOAT", "1.5 to 8, by the length of the text")] = None
    """How long it takes until the last letter is there."""
    hold: float = 2.0
    """Seconds for which the finished sentence is shown."""
    colours: Literal["paper", "white", "night"] = "paper"
    """Dark blue on warm white, black on white, or white on dark blue."""
    threads: int = 1
    """Threads of the matrix products; another number may give slightly other sums."""
    json: Annotated[bool, SWITCH] = False
    """Print what was written as one JSON object."""

    def run(self) -> None:
        """Write the file, and say what it holds."""
        self._check()
        start = time.monotonic()
        with preparing():
            from generative.animate import COLOURS, check_path, save
            from generative.writing.text import check_length

            check_path(self.out)  # before models are loaded: what cannot be written is not drawn
            check_length(self.text)
            alphabet = self._alphabet()
        with threadpool_limits(self.threads, user_api="blas"):
            frames = Counted(self._frames(alphabet))
            save(frames, self.out, colours=COLOURS[self.colours], fps=self.fps)
        self._tell(frames, time.monotonic() - start)

    def _check(self) -> None:
        check_seed(self.seed)
        require("--threads", self.threads, 1, MAX_THREADS)
        require("--fps", self.fps, 1, 50)
        require("--hold", self.hold, 0, 60)
        if self.steps is not None:
            require("--steps", self.steps, 1, MAX_STEPS)
        if self.guidance is not None:
            require("--guidance", self.guidance, 0, 100)
        if self.width is not None:
            require("--width", self.width, 4, 200)
        if self.scale is not None:
            require("--scale", self.scale, 0.5, 16)
        if self.seconds is not None:
            require("--seconds", self.seconds, 0, 60)

    def _alphabet(self) -> "Alphabet":
        from generative.image_model import load
        from generative.writing.alphabet import Alphabet

        digits = DIGITS if self.digits is None and DIGITS.exists() else self.digits
        return Alphabet(
            load(self.model), None if digits is None else load(digits), steps=self.steps, guidance=self.guidance
        )

    def _frames(self, alphabet: "Alphabet") -> "Iterator[Frame]":
        from generative.writing.sentences import Style, write

        style = Style(
            columns=self.width,
            scale=self.scale,
            case=self.case,
            fps=self.fps,
            seconds=0 if self.out.suffix.lower() == ".png" else self.seconds,
            hold=self.hold,
        )
        return write(self.text, alphabet, seed=self.seed, style=style)

    def _tell(self, frames: "Counted", seconds: float) -> None:
        height, width = frames.shape
        figures: dict[str, Any] = {
            "out": str(self.out),
            "letters": len("".join(self.text.split())),
            "frames": frames.count,
            "duration": round(frames.duration, 3),
            "width": width,
            "height": height,
            "bytes": self.out.stat().st_size,
            "seed": self.seed,
            "seconds": round(seconds, 3),
        }
        if self.json:
            print(json.dumps(figures))
            return
        moving = f"{frames.count} frames, {frames.duration:.1f} s, " if frames.count > 1 else ""
        size = f"{width} x {height} pixels, {figures['bytes'] / 1000:,.0f} kB"
        stdout.print(f"Wrote {self.out}: {moving}{size}, in {seconds:.1f} s.", soft_wrap=True)


class Counted:
    """Frames as they pass, and what they add up to."""

    def __init__(self, frames: "Iterable[Frame]") -> None:
        self._frames = frames
        self.count, self.duration, self.shape = 0, 0.0, (0, 0)

    def __iter__(self) -> "Iterator[Frame]":
        for frame in self._frames:
            self.count += 1
            self.duration += frame.seconds
            self.shape = frame.pixels.shape[:2]
            yield frame
