"""Relays: results of jobs become events, however slow the client is."""

import threading
import time
from collections.abc import Generator
from typing import Any

import pytest

from server.errors import BusyError, JobError, TimeLimitError
from server.relay import job_events
from server.workers.tasks import TaskError


class Job:
    """Results, and perhaps an error; remembers whether it was done and closed."""

    def __init__(self, n: int, error: Exception | None = None, seconds: float = 0.0) -> None:
        self.n, self.error, self.seconds = n, error, seconds
        self.told = 0
        self.closed = threading.Event()

    def __call__(self) -> Generator[Any, None, None]:
        try:
            for k in range(self.n):
                time.sleep(self.seconds)
                self.told += 1
                yield ["frame", {"k": k}]
            if self.error is not None:
                raise self.error
        finally:
            self.closed.set()


def test_results_are_numbered_events() -> None:
    first, *events = job_events(Job(2)())

    assert first is None  # headers leave before the job is prepared
    assert [(event.name, event.id, event.data) for event in events if event] == [
        ("frame", 0, {"k": 0}),
        ("frame", 1, {"k": 1}),
        ("end", 2, {}),
    ]


def test_a_slow_client_does_not_keep_the_worker() -> None:
    """The job is done and its worker free before the client has read more than one event."""
    job = Job(50)
    events = job_events(job())
    next(events)
    next(events)

    assert job.closed.wait(10)
    assert job.told == 50
    assert len(list(events)) == 50  # 49 frames and the end


def test_a_job_ends_soon_after_its_client_has_left() -> None:
    job = Job(10_000, seconds=0.01)
    events = job_events(job())
    next(events)
    next(events)

    events.close()

    assert job.closed.wait(10)
    assert job.told < 10_000


def test_silence_is_filled() -> None:
    events = list(job_events(Job(1, seconds=0.2)(), heartbeat=0.05))

    assert events.count(None) >= 2


@pytest.mark.parametrize(
    ("error", "title", "detail"),
    [
        (BusyError("1 job waits"), "The server is busy.", "Try again soon."),
        (TimeLimitError("too long"), "This took too long, and was stopped.", "Try again, with less to do."),
        (TaskError("text must not be empty"), "This cannot be done.", "Text must not be empty."),
        (JobError("KeyError: 'secret'"), "This went wrong on the server.", "Try again soon."),
        (ZeroDivisionError("secret"), "This went wrong on the server.", "Try again soon."),
    ],
)
def test_what_goes_wrong_is_told_in_the_end(error: Exception, title: str, detail: str) -> None:
    """And nothing of what is nobody's business."""
    *frames, last = (event for event in job_events(Job(1, error)()) if event)

    assert [event.name for event in frames] == ["frame"]
    assert (last.name, last.data) == ("problem", {"title": title, "detail": detail})
