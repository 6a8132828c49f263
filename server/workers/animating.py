"""Animations, made in a worker process."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from server.workers.tasks import TaskError


def animate(arguments: dict[str, Any], ready: Callable[[], None]) -> Iterator[Any]:
    """Write an animation to the file ``path``, and yield how many bytes it has.

    Takes the bytes of a record as ``game``, ``kind``, ``first``, ``last``, and ``settings`` as in `AnimationSettings`.
    """
    from game2048.animation import AnimationError, AnimationSettings
    from game2048.animation.files import write_animation
    from game2048.record import GameRecord

    game = GameRecord.from_bytes(arguments["game"])
    path = Path(arguments["path"])
    ready()
    try:
        settings = AnimationSettings(**arguments["settings"])
        first, last = arguments["first"], arguments["last"]
        write_animation(game, path, kind=arguments["kind"], first=first, last=last, settings=settings)
    except AnimationError as error:
        raise TaskError(str(error)) from None
    yield path.stat().st_size
