"""The tasks: what a worker process can be asked to do.

A task is a generator function of ``(arguments, ready)``: it loads what it needs, calls ``ready()``, from when on the
time limit of its job counts, and yields its results, each as soon as it is there. Arguments and results are what
MessagePack can say: dicts, lists, numbers, texts, bytes; arrays travel as bytes. It raises `TaskError` with words for
people where it cannot do what is asked.
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Final

Task = Callable[[dict[str, Any], Callable[[], None]], Iterator[Any]]

# Name -> where it is; imported when it is first asked for.
TASKS: Final[dict[str, str]] = {
    "advise": "server.workers.playing:advise",
    "analyse": "server.workers.analysing:analyse",
    "pause": "server.workers.tasks:pause",
    "animate": "server.workers.animating:animate",
    "play": "server.workers.playing:play",
    "predict": "server.workers.model_tasks:predict",
    "samples": "server.workers.samples:samples",
    "weights": "server.workers.model_tasks:weights",
    "lesson-backpropagation": "server.workers.lessons.backpropagation:lesson",
    "lesson-adam": "server.workers.lessons.adam:lesson",
    "lesson-td": "server.workers.lessons.td:lesson",
    "lesson-diffusion": "server.workers.lessons.diffusion:lesson",
    "lesson-weights": "server.workers.lessons.weights:lesson",
    "write": "server.workers.writing:write",
    "write-picture": "server.workers.writing:picture",
}
MAX_STEPS: Final = 10_000  # of a pause


class TaskError(Exception):
    """A task cannot do what is asked; the message is for people."""


def find_task(name: str) -> Task:
    """Return a task."""
    module, _, function = TASKS[name].partition(":")
    task: Task = getattr(import_module(module), function)
    return task


def pause(arguments: dict[str, Any], ready: Callable[[], None]) -> Iterator[Any]:
    """Wait ``steps`` times for ``seconds`` and count: what tests and load measurements need."""
    import time

    if arguments["steps"] > MAX_STEPS:
        raise TaskError(f"steps must be at most {MAX_STEPS}, got {arguments['steps']}")
    ready()
    for step in range(arguments["steps"]):
        time.sleep(arguments["seconds"])
        yield step
