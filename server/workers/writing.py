"""Writing: a worker lets letters condense out of noise."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from generative import animate
from generative.animate import COLOURS, Frame, Pixels
from generative.errors import SettingError, TextError
from generative.image_model import ImageModel
from generative.writing.alphabet import Alphabet
from generative.writing.sentences import Style
from generative.writing.sentences import write as write_sentence
from server.workers.loading import load_model
from server.workers.tasks import TaskError

FPS: Final = 20


def write(arguments: dict[str, Any], ready: Callable[[], None]) -> Iterator[list[Any]]:
    """Write a sentence: "start" with the size of the sheet, then a "frame" for each picture.

    A frame holds, of what has changed since the one before, the place (``x``, ``y``) and a PNG (``image``); and for how
    many ``seconds`` it is shown.
    """
    frames = _frames(arguments, ready, Style(fps=FPS, case=arguments["case"]))
    colours = COLOURS[arguments["colours"]]
    before: Pixels | None = None
    for frame in frames:
        if before is None:
            height, width = frame.pixels.shape
            yield ["start", {"width": width, "height": height, "fps": FPS}]
        x, y, part = changed(before, frame.pixels)
        image = animate.png(Frame(part, frame.seconds), colours)
        yield ["frame", {"x": x, "y": y, "image": image, "seconds": frame.seconds}]
        before = frame.pixels


def picture(arguments: dict[str, Any], ready: Callable[[], None]) -> Iterator[bytes]:
    """Write a sentence into a file, and give its bytes; ``format`` is its ending."""
    kind = arguments["format"]
    style = Style(fps=FPS, case=arguments["case"], seconds=0 if kind == "png" else None)
    frames = _frames(arguments, ready, style)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"sentence.{kind}"
        animate.save(frames, path, colours=COLOURS[arguments["colours"]], fps=FPS)
        yield path.read_bytes()


def changed(before: Pixels | None, now: Pixels) -> tuple[int, int, Pixels]:
    """Return left, top, and the smallest part of a picture that holds all that has changed, at least a pixel.

    >>> left, top, part = changed(np.zeros((4, 4), np.uint8), np.eye(4, dtype=np.uint8)[::-1])
    >>> left, top, part.shape
    (0, 0, (4, 4))
    """
    if before is None:
        return 0, 0, now
    different = before != now
    rows, columns = np.flatnonzero(different.any(1)), np.flatnonzero(different.any(0))
    if not len(rows):
        return 0, 0, now[:1, :1]
    left, top = int(columns[0]), int(rows[0])
    return left, top, now[top : rows[-1] + 1, left : columns[-1] + 1]


def _frames(arguments: dict[str, Any], ready: Callable[[], None], style: Style) -> Iterator[Frame]:
    """Yield the frames of a sentence.

    Raises
    ------
    TaskError
        If the text holds what cannot be drawn.
    """
    model = load_model(arguments["model"])
    assert isinstance(model, ImageModel)
    ready()
    try:
        alphabet = Alphabet(model, steps=arguments["steps"], guidance=arguments["guidance"])
        yield from write_sentence(arguments["text"], alphabet, seed=arguments["seed"], style=style)
    except (TextError, SettingError) as error:
        raise TaskError(str(error)) from error
