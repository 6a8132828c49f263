"""A worker process: reads jobs, writes results, ends with the process that started it.

In come ``["job", task, arguments, seconds]`` and ``["cancel"]``;
out go ``["ready"]``, ``["result", value]``, and one of ``["done"]``, ``["refused", message]``, ``["failed", message]``
for every job.

The server ends a process whose job takes too long. Should the server have been killed, so that nobody does, the system
does: a job sets an alarm that no code has to be reached for.
"""

import logging
import os
import queue
import signal
import sys
import threading
from typing import Any, BinaryIO, Final

from server.workers.frames import read_frame, write_frame
from server.workers.handle import PREPARATION
from server.workers.tasks import TaskError, find_task

logger = logging.getLogger(__name__)

NICENESS: Final = 10
GRACE: Final = 5.0  # seconds after its time limit when a job ends by itself


class Worker:
    """Does one job after the other; a thread of its own reads, so that a job can be called off."""

    def __init__(self, inlet: BinaryIO, outlet: BinaryIO) -> None:
        self._inlet = inlet
        self._outlet = outlet
        self._jobs: queue.SimpleQueue[tuple[str, dict[str, Any], float]] = queue.SimpleQueue()
        self._cancelled = threading.Event()

    def run(self) -> None:
        """Work until the other side closes."""
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            self._do(*self._jobs.get())

    def _listen(self) -> None:
        while (message := read_frame(self._inlet)) is not None:
            if message[0] == "cancel":
                self._cancelled.set()
            else:
                self._cancelled.clear()
                self._jobs.put((message[1], message[2], message[3]))
        os._exit(0)  # the server has gone: nobody waits for what is being done

    def _do(self, name: str, arguments: dict[str, Any], seconds: float) -> None:
        def ready() -> None:
            signal.setitimer(signal.ITIMER_REAL, seconds + GRACE)
            write_frame(self._outlet, ["ready"])

        signal.setitimer(signal.ITIMER_REAL, PREPARATION + GRACE)
        try:
            for result in find_task(name)(arguments, ready):
                write_frame(self._outlet, ["result", result])
                if self._cancelled.is_set():
                    break
            end = ["done"]
        except BrokenPipeError:  # the server has gone; the other thread may not have heard of it yet
            os._exit(0)
        except TaskError as error:
            end = ["refused", str(error)]
        except Exception as error:
            logger.exception("task %s", name)
            end = ["failed", f"{type(error).__name__}: {error}"]
        signal.setitimer(signal.ITIMER_REAL, 0)
        write_frame(self._outlet, end)


def main() -> None:
    """Take the standard streams for frames; what anything prints goes to the error stream."""
    outlet = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    os.nice(NICENESS)
    Worker(sys.stdin.buffer, outlet).run()


if __name__ == "__main__":
    main()
