"""A worker process as its server sees it: a child and two pipes."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import msgspec

from server.errors import JobError, TimeLimitError
from server.workers.frames import LENGTH, write_frame

PREPARATION: Final = 180.0  # seconds until a task is ready: kernels that were never compiled here take their time
CALL_OFF: Final = (
    3.0  # seconds in which a task comes to its next result, and is called off without an end to its process
)
ONE_THREAD: Final = {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
COMMAND: Final = (sys.executable, "-m", "server.workers.process")


class WorkerHandle:
    """Starts a worker process; one thread at a time talks to it.

    Raises
    ------
    JobError
        If no process can be started.
    """

    def __init__(self) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603 - a command of our own
                COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=os.environ | ONE_THREAD,
                start_new_session=True,  # Ctrl-C is for the server, which ends its workers itself
            )
        except OSError as error:
            raise JobError(f"a worker process cannot be started: {error.strerror}") from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._inlet: BinaryIO = self._process.stdin  # type: ignore[assignment]  # bytes, as nothing else is asked for
        self._outlet = self._process.stdout.fileno()
        self._buffer = bytearray()

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def has_gone(self) -> bool:
        """Whether the process has ended by itself, or by somebody else's hand."""
        return self._process.poll() is not None

    def messages(self, task: str, arguments: dict[str, Any], seconds: float) -> Iterator[list[Any]]:
        """Begin a job, and yield what the process says until it is over.

        Raises
        ------
        TimeLimitError
            If that takes longer than so many seconds, from when the task is ready.
        JobError
            If the process goes.
        """
        self._send(["job", task, arguments, seconds])
        deadline = time.monotonic() + PREPARATION
        while True:
            message = self._next(deadline)
            if message[0] == "ready":
                deadline = time.monotonic() + seconds
            yield message
            if message[0] not in ("ready", "result"):
                return

    def call_off(self) -> bool:
        """Ask the process to drop its job; return whether it did so soon, or had it done."""
        try:
            self._send(["cancel"])
            deadline = time.monotonic() + CALL_OFF
            while self._next(deadline)[0] in ("ready", "result"):
                pass
        except (JobError, TimeLimitError):
            return False
        return True

    def interrupt(self) -> None:
        """End the process while another thread talks to it, which finds out and calls `kill`."""
        self._process.kill()

    def kill(self) -> None:
        """End the process, whatever it does, and forget it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except BrokenPipeError:  # what was written and never read
                continue

    def _send(self, message: list[Any]) -> None:
        try:
            write_frame(self._inlet, message)
        except OSError as error:
            raise JobError("a worker process has gone") from error

    def _next(self, deadline: float) -> list[Any]:
        head = self._read(LENGTH, deadline)
        data = self._read(int.from_bytes(head, "little"), deadline)
        return msgspec.msgpack.decode(data, type=list[Any])

    def _read(self, n: int, deadline: float) -> bytes:
        """Read so many bytes, until the deadline."""
        while len(self._buffer) < n:
            poll = select.poll()  # `select` knows the first 1024 files only, and every connection is one
            poll.register(self._outlet, select.POLLIN)
            if not poll.poll(max(0.0, 1e3 * (deadline - time.monotonic()))):
                raise TimeLimitError("the job took too long")
            part = os.read(self._outlet, 1 << 16)
            if not part:
                raise JobError("a worker process has gone")
            self._buffer += part
        data = bytes(self._buffer[:n])
        del self._buffer[:n]
        return data
