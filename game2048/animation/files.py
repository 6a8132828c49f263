"""Animations as files."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from PIL import Image

from game2048.animation import KINDS, AnimationError, AnimationSettings
from game2048.animation.drawing import Drawing
from game2048.animation.frames import Frame, frames
from game2048.record import GameRecord

LIBRARY: Final = "imageio_ffmpeg"  # moviepy brings it along
CODECS: Final = {  # flat colours need little; faster settings make larger files
    "mp4": ("libx264", ["-preset", "superfast", "-crf", "24", "-tune", "animation", "-movflags", "+faststart"]),
    "webm": ("libvpx-vp9", ["-crf", "34", "-b:v", "0", "-deadline", "realtime", "-cpu-used", "8"]),
}


def available_kinds() -> tuple[str, ...]:
    """Return the kinds of files that can be made here."""
    return KINDS if find_spec(LIBRARY) is not None else KINDS[:1]


def write_animation(
    game: GameRecord,
    path: Path,
    *,
    kind: str,
    first: int = 0,
    last: int | None = None,
    settings: AnimationSettings | None = None,
) -> None:
    """Write plies of a game as a moving picture.

    Parameters
    ----------
    game : GameRecord
    path : Path
        File to write.
    kind : str
        "gif", "mp4" or "webm".
    first, last : int
        The board after ``first`` plies comes first, the one after ``last`` (by default all) last.
    settings : AnimationSettings, optional
        What it looks like.

    Raises
    ------
    AnimationError
        If the kind is unknown or needs ffmpeg, or if there are no such plies or too many.
    """
    settings = settings or AnimationSettings()
    check_kind(kind)
    drawing = Drawing(settings.width + settings.width % 2, settings.theme)
    film = frames(game, first, game.n_moves if last is None else last, drawing, settings)
    if kind == "gif":
        with path.open("wb") as file:
            _write_gif(file, film, drawing, settings.fps)
    else:
        _write_video(path, film, drawing, settings.fps, kind)


def check_kind(kind: str) -> None:
    """Refuse a kind of file that cannot be made here."""
    if kind not in KINDS:
        raise AnimationError(f"the kind must be one of {', '.join(KINDS)}, got {kind!r}")
    if kind not in available_kinds():
        raise AnimationError(f'{kind} files need ffmpeg: install it with  pip install "game2048[video]"')


def _write_gif(file: BinaryIO, film: Iterator[Frame], drawing: Drawing, fps: int) -> None:
    """Write a GIF that is played again and again; frames end at the nearest hundredth of a second."""
    palette = drawing.palette.tobytes()
    shown = elapsed = 0

    def image(frame: Frame) -> Image.Image:
        nonlocal shown, elapsed
        picture = Image.fromarray(frame.pixels)
        picture.putpalette(palette)
        elapsed += frame.n
        hundredths = max(2, round(100 * elapsed / fps) - shown)  # browsers slow down what is faster
        shown += hundredths
        picture.info["duration"] = 10 * hundredths
        return picture

    start = image(next(film))
    start.save(file, "GIF", save_all=True, append_images=map(image, film), loop=0, optimize=False, disposal=1)


def _write_video(path: Path, film: Iterator[Frame], drawing: Drawing, fps: int, kind: str) -> None:
    """Write a video; ffmpeg takes numbers of colours as they are, each frame with its palette."""
    from imageio_ffmpeg import write_frames

    codec, options = CODECS[kind]
    writer = write_frames(
        str(path),
        (drawing.width, drawing.height),
        pix_fmt_in="pal8",
        pix_fmt_out="yuv420p",  # the form that players have understood for longest
        fps=fps,
        quality=None,
        codec=codec,
        macro_block_size=2,
        ffmpeg_log_level="error",
        output_params=[*options, "-f", kind],
    )
    opaque = np.full((256, 1), 255, np.uint8)
    palette = np.hstack([drawing.palette[:, ::-1], opaque]).tobytes()  # blue, green, red, alpha
    writer.send(None)  # starts ffmpeg
    try:
        for frame in film:
            data = frame.pixels.tobytes() + palette
            for _ in range(frame.n):
                writer.send(data)
    finally:
        writer.close()
