"""Animations as files."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, Final

from PIL import Image

from game2048.animation import KINDS, AnimationError, AnimationSettings
from game2048.animation.drawing import Drawing
from game2048.animation.frames import Frame, frames
from game2048.record import GameRecord

CODECS: Final = {
    # In the form that players have understood for longest; flat colours need little.
    "mp4": (
        "libx264",
        ["-pix_fmt", "yuv420p", "-preset", "veryfast", "-crf", "23", "-tune", "animation", "-movflags", "+faststart"],
    ),
    "webm": (
        "libvpx-vp9",
        ["-pix_fmt", "yuv420p", "-crf", "34", "-b:v", "0", "-deadline", "realtime", "-cpu-used", "8"],
    ),
}


def available_kinds() -> tuple[str, ...]:
    """Return the kinds of files that can be made here."""
    return KINDS if find_spec("moviepy") is not None else KINDS[:1]


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
        If the kind is unknown or needs moviepy, or if there are no such plies or too many.
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
        raise AnimationError(f'{kind} files need moviepy: install it with  pip install "game2048[video]"')


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
    """Write a video."""
    codec, options = CODECS[kind]
    size = (drawing.width, drawing.height)
    with _video_writer()(str(path), size, fps, codec=codec, ffmpeg_params=[*options, "-f", kind]) as writer:
        for frame in film:
            pixels = drawing.palette[frame.pixels]
            for _ in range(frame.n):
                writer.write_frame(pixels)


def _video_writer() -> Any:
    from moviepy.video.io.ffmpeg_writer import FFMPEG_VideoWriter

    return FFMPEG_VideoWriter
