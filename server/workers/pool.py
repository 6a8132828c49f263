"""WorkerPool: jobs for worker processes, so many at once, so many waiting, each for so long."""

import contextlib
import logging
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from typing import Any, BinaryIO, Final

import msgspec

from server.errors import BusyError, JobError, TimeLimitError
from server.workers.frames import LENGTH, write_frame
from server.workers.tasks import TaskError

logger = logging.getLogger(__name__)

PREPARATION: Final = 180.0  # seconds until a task is ready: kernels that were never compiled here take their time
ONE_THREAD: Final = {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


class WorkerPool:
    """Worker processes, started when they are first needed and again after one had to be killed.

    Parameters
    ----------
    n_workers : int
        Jobs done at once.
    max_waiting : int
        Jobs that wait for a worker; one more is refused.
    patience : float
        Seconds that a job waits for a worker before it is refused.
    """

    def __init__(self, n_workers: int = 1, *, max_waiting: int = 64, patience: float = 10.0) -> None:
        self.n_workers = n_workers
        self.max_waiting = max_waiting
        self.patience = patience
        self._free: list[_Process | None] = [None] * n_workers  # None: not started
        self._waiting = 0
        self._closed = False
        self._changed = threading.Condition()

    def run(self, task: str, arguments: dict[str, Any], *, seconds: float) -> Any:
        """Do a job that has one result, and return it; the errors are those of `stream`."""
        with contextlib.closing(self.stream(task, arguments, seconds=seconds)) as results:
            return next(results)

    def stream(self, task: str, arguments: dict[str, Any], *, seconds: float) -> Generator[Any, None, None]:
        """Yield the results of a job as they come; closing the generator calls the job off.

        Parameters
        ----------
        task : str
            A name of `server.workers.tasks`.
        arguments : dict
            What the task takes.
        seconds : float
            From when the task is ready. A job that takes longer is killed with its process.

        Raises
        ------
        BusyError
            If too many jobs wait.
        TimeLimitError
            If the time is up.
        TaskError
            If the task cannot do what is asked.
        JobError
            If the task failed; the log says more.
        """
        worker = self._take()
        done = False
        try:
            worker = worker or _Process()
            worker.send(["job", task, arguments])
            for message in worker.messages(seconds):
                done = message[0] not in ("ready", "result")
                if message[0] == "result":
                    yield message[1]
                elif message[0] == "refused":
                    raise TaskError(message[1])
                elif message[0] == "failed":
                    raise JobError(f"the task {task!r} failed: {message[1]}")
        finally:
            if worker is not None and not done and not worker.call_off():
                worker.kill()
                worker = None
            self._give(worker)

    def close(self) -> None:
        """End the processes; later jobs are refused."""
        with self._changed:
            self._closed = True
            free, self._free = self._free, []
            self._changed.notify_all()
        for worker in free:
            if worker is not None:
                worker.kill()

    @property
    def waiting(self) -> int:
        """Number of jobs that wait for a worker."""
        return self._waiting

    @property
    def busy(self) -> int:
        """Number of workers at work."""
        return self.n_workers - len(self._free)

    def _take(self) -> "_Process | None":
        """Wait for a worker; None stands for one that is not started yet."""
        with self._changed:
            if not self._free and self._waiting >= self.max_waiting:
                raise BusyError(f"{self._waiting} jobs are waiting already")
            self._waiting += 1
            try:
                free = self._changed.wait_for(lambda: self._free or self._closed, self.patience)
            finally:
                self._waiting -= 1
            if not free:
                raise BusyError(f"all workers are busy since {self.patience:g} s")
            if self._closed:
                raise BusyError("the server is stopping")
            return self._free.pop()

    def _give(self, worker: "_Process | None") -> None:
        with self._changed:
            if not self._closed:
                self._free.append(worker)
                self._changed.notify()
                return
        if worker is not None:
            worker.kill()


class _Process:
    """One worker process and the pipes to it."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "server.workers.process"]
        self._process = subprocess.Popen(  # noqa: S603 - a command of our own
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | ONE_THREAD, start_new_session=True
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._inlet: BinaryIO = self._process.stdin  # type: ignore[assignment]  # bytes, as nothing else is asked for
        self._outlet = self._process.stdout.fileno()
        self._buffer = bytearray()

    def send(self, message: list[Any]) -> None:
        """Write a message.

        Raises
        ------
        JobError
            If the process has gone.
        """
        try:
            write_frame(self._inlet, message)
        except OSError as error:
            raise JobError("a worker process has gone") from error

    def messages(self, seconds: float) -> Iterator[list[Any]]:
        """Yield what the process says until its job is over."""
        deadline = time.monotonic() + PREPARATION
        while True:
            message = self._next(deadline)
            if message[0] == "ready":
                deadline = time.monotonic() + seconds
            yield message
            if message[0] not in ("ready", "result"):
                return

    def call_off(self) -> bool:
        """Ask the process to drop its job; return whether it did so at once, or had it done."""
        try:
            self.send(["cancel"])
            deadline = time.monotonic() + 1.0
            while self._next(deadline)[0] in ("ready", "result"):
                pass
        except (JobError, TimeLimitError):
            return False
        return True

    def kill(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        self._inlet.close()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _next(self, deadline: float) -> list[Any]:
        head = self._read(LENGTH, deadline)
        data = self._read(int.from_bytes(head, "little"), deadline)
        return msgspec.msgpack.decode(data, type=list[Any])

    def _read(self, n: int, deadline: float) -> bytes:
        """Read so many bytes, until the deadline."""
        while len(self._buffer) < n:
            if not select.select([self._outlet], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise TimeLimitError("the job took too long")
            part = os.read(self._outlet, 1 << 16)
            if not part:
                raise JobError("a worker process has gone")
            self._buffer += part
        data = bytes(self._buffer[:n])
        del self._buffer[:n]
        return data
