"""Relay: the results of a job as events, whatever the speed of the client.

A job that has to wait for a slow client would keep its worker from others. So a thread takes the results as they come,
and the stream tells them as fast as they are taken; jobs that are told in this way are short, and so is what is kept.
"""

import logging
import queue
import threading
from collections.abc import Generator
from contextlib import closing
from typing import Any

from server.errors import BusyError, JobError, ServerError, TimeLimitError
from server.streams import HEARTBEAT, Event
from server.workers.tasks import TaskError

logger = logging.getLogger(__name__)


def job_events(
    results: Generator[Any, None, None], *, heartbeat: float = HEARTBEAT
) -> Generator[Event | None, None, None]:
    """Yield the results of a job, ``[name, data]`` each, as numbered events, and ``end``; or ``problem``, if it fails.

    Parameters
    ----------
    results : generator
        What `WorkerPool.stream` returned. It is closed soon after this one is.
    heartbeat : float
        Seconds without a result after which None is yielded.
    """
    number = 0
    yield None  # headers leave at once, before the job is prepared
    try:
        with closing(_taken(results, heartbeat)) as taken:
            for result in taken:
                if result is None:
                    yield None
                    continue
                yield Event(name=result[0], data=result[1], id=number)
                number += 1
    except (ServerError, TaskError) as error:
        yield Event(name="problem", data=_explained(error))
        return
    yield Event(name="end", data={}, id=number)


def _taken(results: Generator[Any, None, None], heartbeat: float) -> Generator[Any, None, None]:
    """Yield results that a thread takes, and None where there is none for long; what it raises is raised here."""
    inbox: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
    left = threading.Event()

    def take() -> None:
        try:
            with closing(results):
                for result in results:
                    inbox.put(("result", result))
                    if left.is_set():
                        return
        except (ServerError, TaskError) as error:
            inbox.put(("error", error))
        except Exception as error:
            logger.exception("a relay failed")
            inbox.put(("error", JobError(f"{type(error).__name__}: {error}")))
        finally:
            inbox.put(("end", None))

    threading.Thread(target=take, name="relay", daemon=True).start()
    try:
        while True:
            try:
                kind, value = inbox.get(timeout=heartbeat)
            except queue.Empty:
                yield None
                continue
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
    finally:
        left.set()


def _explained(error: Exception) -> dict[str, str]:
    """Say what went wrong; of what is nobody's business, the log says more."""
    if isinstance(error, BusyError):
        return {"title": "The server is busy.", "detail": "Try again soon."}
    if isinstance(error, TimeLimitError):
        return {"title": "This took too long, and was stopped.", "detail": "Try again, with less to do."}
    if isinstance(error, TaskError):
        return {"title": "This cannot be done.", "detail": f"{str(error)[:1].upper()}{str(error)[1:]}."}
    assert isinstance(error, JobError)
    logger.error("%s", error)
    return {"title": "This went wrong on the server.", "detail": "Try again soon."}
