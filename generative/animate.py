"""Moving pictures as files: GIF, APNG and MP4, and PNG for a still one. All or nothing is written.

Frames come from an iterator and are written as they come. A grey frame says how much ink there is; which colours paper
and ink have is decided here. GIFs of grey frames share one palette of `GREYS` colours and no dithering, which is what
keeps them small: long runs of equal paper compress to nothing.
"""

from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from generative.errors import SettingError
from nets.files import write_atomically

Pixels = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]

SUFFIXES: Final = (".gif", ".png", ".apng", ".mp4")
GREYS: Final = 16
"""Colours of a GIF of grey frames, paper and ink included."""
MAX_SIDE: Final = 16_000
"""Pixels; GIF itself ends at 65,535."""


class Frame(NamedTuple):
    """One picture of a moving one, and how long it is shown."""

    pixels: Pixels
    """ndarray of uint8, shape (height, width), 0 paper to 255 ink; or (height, width, 3), colours as they are."""
    seconds: float
    """How long it is shown."""


class Colours(NamedTuple):
    """What grey frames are drawn with, red, green and blue from 0 to 255."""

    paper: Colour
    ink: Colour


COLOURS: Final = {
    "paper": Colours((250, 247, 240), (24, 27, 38)),
    "white": Colours((255, 255, 255), (0, 0, 0)),
    "night": Colours((18, 21, 32), (240, 235, 222)),
}


def check_path(path: Path) -> None:
    """Check that a moving picture can be written there, before it is made.

    Raises
    ------
    SettingError
        If the ending is unknown; if there is no such folder; or if moviepy is missing for an MP4.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise SettingError(f"the file must end in one of {', '.join(SUFFIXES)}, got {path.name!r}")
    if path.is_dir() or not path.parent.is_dir():
        raise SettingError(f"the file must be in a folder that exists, and be none itself, got {str(path)!r}")
    if path.suffix.lower() == ".mp4":
        _video_writer()


def save(frames: Iterable[Frame], path: str | Path, *, colours: Colours = COLOURS["paper"], fps: float = 25) -> None:
    """Write frames to a file of the kind that its ending says: .gif, .apng, .mp4; of .png, only the last frame.

    GIF and APNG are played again and again; the same frames give the same file, byte for byte. In both, times are
    hundredths of a second: each frame ends at the nearest one, so that what is rounded does not add up.

    Parameters
    ----------
    frames : iterable of Frame
        At least one, all of one shape.
    path : path
    colours : Colours
        Of the grey frames.
    fps : float
        Frames a second of an MP4, which shows each frame for a whole number of them.

    Raises
    ------
    SettingError
        As `check_path`, or if the frames do not fit together. Nothing is written then.
    """
    path = Path(path)
    check_path(path)
    checked = _checked(frames)
    kind = path.suffix.lower()
    if kind == ".mp4":
        write_atomically(path, lambda temporary: _write_mp4(checked, temporary, colours, fps))
    elif kind == ".png":
        *_, last = checked
        write_atomically(path, lambda temporary: _image(last, colours, 256).save(temporary, "PNG", optimize=True))
    else:
        write_atomically(path, lambda temporary: _write_images(checked, temporary, colours, kind))


def png(frame: Frame, colours: Colours = COLOURS["paper"], *, levels: int = GREYS) -> bytes:
    """Return a frame as a PNG file, a grey one with a palette of so many levels from paper to ink."""
    file = BytesIO()
    _image(frame, colours, levels).save(file, "PNG")
    return file.getvalue()


def moving(images: Iterable[npt.NDArray[np.floating[Any]]], *, fps: float = 25, hold: float = 2.0) -> Iterator[Frame]:
    """Yield images in [0, 1], shape (height, width), as frames; the last one is shown for ``hold`` seconds."""
    previous = None
    for image in images:
        if previous is not None:
            yield Frame(previous, 1 / fps)
        previous = np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)
    if previous is not None:
        yield Frame(previous, hold)


def coloured(pixels: Pixels, colours: Colours) -> Pixels:
    """Return a frame's pixels in colours, shape (height, width, 3)."""
    return pixels if pixels.ndim == 3 else _palette(colours, 256)[pixels]


def _checked(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Yield frames, at least one, of one size."""
    shape: tuple[int, ...] | None = None
    for frame in frames:
        if shape is None:
            shape = frame.pixels.shape
            if len(shape) not in (2, 3) or shape[2:] not in ((), (3,)) or min(shape) == 0:
                raise SettingError(f"frames must have the shape (height, width) or (height, width, 3), got {shape}")
            if max(shape) > MAX_SIDE:
                raise SettingError(f"frames must have at most {MAX_SIDE:,} pixels a side, got {shape[1]} x {shape[0]}")
        if frame.pixels.shape != shape or frame.pixels.dtype != np.uint8:
            raise SettingError(
                f"all frames must be uint8 of one shape, {shape}, got {frame.pixels.dtype} {frame.pixels.shape}"
            )
        yield frame
    if shape is None:
        raise SettingError("there must be at least one frame, got none")


def _palette(colours: Colours, levels: int) -> Pixels:
    """Return colours from paper to ink, shape (levels, 3)."""
    mix = np.linspace(0, 1, levels)[:, None]
    mixed: Pixels = np.rint((1 - mix) * np.array(colours.paper) + mix * np.array(colours.ink)).astype(np.uint8)
    return mixed


def _image(frame: Frame, colours: Colours, levels: int) -> Image.Image:
    """Return a frame for Pillow, grey ones with a palette of so many levels."""
    if frame.pixels.ndim == 3:
        return Image.fromarray(frame.pixels)
    indices = (frame.pixels.astype(np.uint16) * (levels - 1) + 127) // 255
    image = Image.fromarray(indices.astype(np.uint8)).convert("L")
    image.putpalette(_palette(colours, levels).tobytes())
    return image


def _write_images(frames: Iterator[Frame], path: Path, colours: Colours, kind: str) -> None:
    first = next(frames)
    reference = None
    if first.pixels.ndim == 3 and kind == ".gif":  # one palette for all frames, or colours would flicker
        reference = Image.fromarray(first.pixels).quantize(128, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)

    shown, elapsed = 0, 0.0  # hundredths of a second, in whole numbers and exactly

    def drawn(frame: Frame) -> Image.Image:
        nonlocal shown, elapsed
        image = _image(frame, colours, GREYS if kind == ".gif" else 256)
        if reference is not None:
            image = image.quantize(palette=reference, dither=Image.Dither.NONE)
        elapsed += 100 * frame.seconds
        hundredths = max(1, round(elapsed) - shown)
        shown += hundredths
        image.info["duration"] = 10 * hundredths
        return image

    start, rest = drawn(first), map(drawn, frames)
    if kind == ".gif":
        start.save(path, "GIF", save_all=True, append_images=rest, loop=0, optimize=False, disposal=1)
        return
    others = list(rest)  # Pillow goes through them twice
    times = [image.info["duration"] for image in (start, *others)]
    start.save(path, "PNG", save_all=True, append_images=others, loop=0, duration=times)


def _video_writer() -> Any:
    try:
        from moviepy.video.io.ffmpeg_writer import FFMPEG_VideoWriter
    except ImportError as error:
        raise SettingError(f'an MP4 needs moviepy: install it with  pip install "game2048[video]" ({error})') from None
    return FFMPEG_VideoWriter


def _write_mp4(frames: Iterator[Frame], path: Path, colours: Colours, fps: float) -> None:
    first = next(frames)
    height, width = (side + side % 2 for side in first.pixels.shape[:2])  # the usual players want even sides
    # H.264 in the form that players have understood for longest; the temporary file's ending says nothing.
    options = ["-pix_fmt", "yuv420p", "-crf", "18", "-movflags", "+faststart", "-f", "mp4"]
    with _video_writer()(str(path), (width, height), fps, ffmpeg_params=options) as writer:
        shown = elapsed = 0.0
        for frame in _chain(first, frames):
            pixels = coloured(frame.pixels, colours)
            pixels = np.pad(pixels, ((0, height - len(pixels)), (0, width - pixels.shape[1]), (0, 0)), mode="edge")
            elapsed += frame.seconds
            for _ in range(max(1, round(elapsed * fps - shown))):
                writer.write_frame(pixels)
                shown += 1


def _chain(first: Frame, rest: Iterator[Frame]) -> Iterator[Frame]:
    yield first
    yield from rest
