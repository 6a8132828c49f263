"""WorkerPool: jobs for worker processes, so many at once, so many waiting, each for so long."""

import contextlib
import logging
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Generator
from typing import Any, Final

from server.errors import BusyError, JobError, TimeLimitError
from server.workers.handle import WorkerHandle
from server.workers.tasks import TaskError

logger = logging.getLogger(__name__)


class WorkerPool:
    """Worker processes, started when they are first needed and again after one had to be killed.

    Who waits for a worker gets the next one that is free, however often others come back: jobs that are short take
    turns.

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
        self._free: list[WorkerHandle | None] = [None] * n_workers  # None: not started
        self._working: set[WorkerHandle] = set()
        self._queue: deque[_Turn] = deque()
        self._closed = False
        self._lock = threading.Lock()
        self._ended: Counter[tuple[str, str]] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def run(self, task: str, arguments: dict[str, Any], *, seconds: float) -> Any:
        """Do a job that has one result, and return it; the errors are those of `stream`."""
        with contextlib.closing(self.stream(task, arguments, seconds=seconds)) as results:
            (result,) = results
            return result

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
            If too many jobs wait, or the pool is closed.
        TimeLimitError
            If the time is up.
        TaskError
            If the task cannot do what is asked.
        JobError
            If the task failed; the log says more.
        """
        worker = self._take()
        begun, outcome, idle = time.monotonic(), "cancelled", False
        try:
            worker = self._started(worker)
            for message in worker.messages(task, arguments, seconds):
                idle = message[0] not in ("ready", "result")
                if message[0] == "result":
                    yield message[1]
                elif message[0] == "refused":
                    raise TaskError(message[1])
                elif message[0] == "failed":
                    raise JobError(f"the task {task!r} failed: {message[1]}")
            outcome = "done"
        except (TaskError, JobError, TimeLimitError) as error:
            outcome = OUTCOMES[type(error)]
            if self._closed and isinstance(error, JobError):  # the process was ended from here
                raise BusyError("it is stopping") from error
            raise
        finally:
            if worker is not None and not idle and not (outcome == "cancelled" and worker.call_off()):
                logger.warning("the job %r was ended with its process: %s", task, outcome)
                self._discard(worker)
                worker = None
            self._count(task, outcome, time.monotonic() - begun)
            self._give(worker)

    def close(self) -> None:
        """End the processes, and the jobs with them; later jobs are refused."""
        with self._lock:
            self._closed = True
            free, self._free = self._free, []
            working = list(self._working)
            for turn in self._queue:
                turn.came.set()
            self._queue.clear()
        for worker in working:
            worker.interrupt()
        for idle in free:
            if idle is not None:
                idle.kill()

    # --- numbers ---

    @property
    def waiting(self) -> int:
        """Number of jobs that wait for a worker."""
        return len(self._queue)

    @property
    def busy(self) -> int:
        """Number of workers at work."""
        return len(self._working)

    def ended(self) -> dict[tuple[str, str], int]:
        """Return the number of jobs that ended, by task and outcome."""
        with self._lock:
            return dict(self._ended)

    def seconds(self) -> dict[str, float]:
        """Return how long jobs have taken, by task."""
        with self._lock:
            return dict(self._seconds)

    def _count(self, task: str, outcome: str, seconds: float) -> None:
        with self._lock:
            self._ended[task, outcome] += 1
            self._seconds[task] += seconds

    # --- taking turns ---

    def _take(self) -> WorkerHandle | None:
        """Wait for a worker; None stands for one that is not started yet."""
        with self._lock:
            if self._closed:
                raise BusyError("it is stopping")
            if self._free:
                return self._free.pop()
            if len(self._queue) >= self.max_waiting:
                raise BusyError(f"{len(self._queue)} jobs are waiting already")
            turn = _Turn()
            self._queue.append(turn)
        came = turn.came.wait(self.patience)
        with self._lock:
            if self._closed and turn.worker is None:
                raise BusyError("it is stopping")
            if not came and turn in self._queue:
                self._queue.remove(turn)
                raise BusyError(f"no worker was free for {self.patience:g} s")
        return turn.worker

    def _give(self, worker: WorkerHandle | None) -> None:
        """Hand a worker to who has waited longest."""
        with self._lock:
            if worker is not None:
                self._working.discard(worker)
            if not self._closed:
                if self._queue:
                    turn = self._queue.popleft()
                    turn.worker = worker
                    turn.came.set()
                else:
                    self._free.append(worker)
                return
        if worker is not None:
            worker.kill()

    def _started(self, worker: WorkerHandle | None) -> WorkerHandle:
        """Return a worker that runs."""
        if worker is not None and worker.has_gone:
            logger.warning("worker process %d has gone; another one takes its place", worker.pid)
            worker.kill()
            worker = None
        worker = worker or WorkerHandle()
        with self._lock:
            self._working.add(worker)
            if self._closed:
                worker.interrupt()
        return worker

    def _discard(self, worker: WorkerHandle) -> None:
        worker.kill()
        with self._lock:
            self._working.discard(worker)


class _Turn:
    """A place in the queue."""

    def __init__(self) -> None:
        self.came = threading.Event()
        self.worker: WorkerHandle | None = None


OUTCOMES: Final[dict[type[Exception], str]] = {TaskError: "refused", JobError: "failed", TimeLimitError: "timed out"}
