"""WorkerPool: real processes, and what happens to them."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from server.errors import BusyError, JobError, TimeLimitError
from server.workers import WorkerPool
from server.workers import handle as handle_module
from server.workers.tasks import TaskError
from tests.processes import eventually, is_running


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    """One worker, one job that may wait."""
    pool = WorkerPool(1, max_waiting=1, patience=10)
    yield pool
    pool.close()


def pause(pool: WorkerPool, seconds: float, steps: int = 1, limit: float = 60) -> list[Any]:
    return list(pool.stream("pause", {"seconds": seconds, "steps": steps}, seconds=limit))


def pid_of(pool: WorkerPool) -> int:
    """The process that waits for a job."""
    (worker,) = pool._free
    assert worker is not None
    return worker.pid


def begin(pool: WorkerPool, seconds: float, steps: int = 1) -> threading.Thread:
    """A job in a thread of its own, at work or waiting; what comes of it does not matter."""

    def work() -> None:
        try:
            pause(pool, seconds, steps)
        except (BusyError, JobError):
            return

    thread = threading.Thread(target=work)
    thread.start()
    assert eventually(lambda: pool.busy == 1)
    return thread


# --- jobs ---


def test_results_come_one_by_one_and_the_process_stays(pool: WorkerPool) -> None:
    assert pause(pool, 0, steps=5) == [0, 1, 2, 3, 4]
    pid = pid_of(pool)

    assert pool.run("pause", {"seconds": 0, "steps": 1}, seconds=5) == 0

    assert pid_of(pool) == pid
    assert pool.ended() == {("pause", "done"): 2}
    assert 0 < pool.seconds()["pause"] < 60
    assert (pool.busy, pool.waiting) == (0, 0)


def test_a_worker_is_nice_and_has_one_thread_for_matrices(pool: WorkerPool) -> None:
    pause(pool, 0)
    pid = pid_of(pool)

    assert os.getpriority(os.PRIO_PROCESS, pid) >= 10
    assert handle_module.ONE_THREAD["OPENBLAS_NUM_THREADS"] == "1"


def test_what_a_task_refuses_is_told_and_what_fails_is_named(
    pool: WorkerPool, capfd: pytest.CaptureFixture[str]
) -> None:
    pause(pool, 0)
    pid = pid_of(pool)

    with pytest.raises(TaskError, match="steps must be at most 10000, got 10001"):
        pause(pool, 0, steps=10_001)
    with pytest.raises(JobError, match="the task 'pause' failed: KeyError: 'steps'"):
        pool.run("pause", {}, seconds=5)
    with pytest.raises(JobError, match="KeyError: 'nothing'"):
        pool.run("nothing", {}, seconds=5)

    assert pause(pool, 0) == [0]
    assert pid_of(pool) == pid
    assert pool.ended() == {
        ("pause", "done"): 2,
        ("pause", "refused"): 1,
        ("pause", "failed"): 1,
        ("nothing", "failed"): 1,
    }
    assert "KeyError" in capfd.readouterr().err


# --- limits ---


def test_a_job_that_takes_too_long_is_killed_and_the_next_one_is_done(pool: WorkerPool) -> None:
    pause(pool, 0)
    pid, begun = pid_of(pool), time.monotonic()

    with pytest.raises(TimeLimitError, match="took too long"):
        pause(pool, 60, limit=0.2)

    assert time.monotonic() - begun < 10
    assert not is_running(pid)
    assert pause(pool, 0) == [0]
    assert pool.ended() == {("pause", "done"): 2, ("pause", "timed out"): 1}


def test_a_process_that_does_not_stir_is_killed(pool: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one would be that holds the interpreter's lock for ever."""
    pause(pool, 0)
    pid = pid_of(pool)
    os.kill(pid, signal.SIGSTOP)

    with monkeypatch.context() as patch:
        patch.setattr(handle_module, "PREPARATION", 0.2)
        with pytest.raises(TimeLimitError):
            pause(pool, 0)

    assert not is_running(pid)
    assert pause(pool, 0) == [0]


def test_jobs_beyond_the_queue_are_refused_at_once(pool: WorkerPool) -> None:
    first = begin(pool, 0.1, steps=1000)
    second = begin(pool, 0)
    assert eventually(lambda: pool.waiting == 1)

    with pytest.raises(BusyError, match="1 jobs are waiting already"):
        pause(pool, 0)

    pool.close()
    first.join(20)
    second.join(20)
    assert not first.is_alive()
    assert not second.is_alive()


def test_a_job_that_waits_too_long_is_refused() -> None:
    with closing(WorkerPool(1, patience=0.2)) as pool:
        work = begin(pool, 0.1, steps=1000)

        with pytest.raises(BusyError, match=r"no worker was free for 0\.2 s"):
            pause(pool, 0)

        assert pool.waiting == 0
        pool.close()
        work.join(20)


def test_short_jobs_take_turns() -> None:
    """Eight clients that come back at once share one worker: nobody has it twice while another one waits."""
    n_clients, n_jobs = 8, 12
    order: list[int] = []
    with closing(WorkerPool(1)) as pool:
        pause(pool, 0)

        def ask(client: int) -> None:
            for _ in range(n_jobs):
                pause(pool, 0.005)
                order.append(client)

        with ThreadPoolExecutor(n_clients) as threads:
            list(threads.map(ask, range(n_clients)))

    steady = order[2 * n_clients : -2 * n_clients]
    gaps = [steady[at + 1 :].index(client) for at, client in enumerate(steady) if client in steady[at + 1 :]]
    assert len(order) == n_clients * n_jobs
    assert max(gaps) <= 2 * n_clients


# --- ends ---


def test_a_client_who_leaves_calls_the_job_off_and_the_process_stays(pool: WorkerPool) -> None:
    pause(pool, 0)
    pid = pid_of(pool)

    results = pool.stream("pause", {"seconds": 0.01, "steps": 10_000}, seconds=60)
    assert next(results) == 0
    results.close()

    assert pid_of(pool) == pid
    assert pause(pool, 0) == [0]
    assert pool.ended() == {("pause", "done"): 2, ("pause", "cancelled"): 1}


def test_a_job_that_cannot_be_called_off_soon_ends_with_its_process(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handle_module, "CALL_OFF", 0.1)
    results = pool.stream("pause", {"seconds": 0.01, "steps": 10_000}, seconds=200)
    assert next(results) == 0
    (pid,) = (worker.pid for worker in pool._working)
    os.kill(pid, signal.SIGSTOP)

    results.close()

    assert not is_running(pid)
    assert pause(pool, 0) == [0]


def test_a_process_that_dies_at_work_fails_its_job_only(pool: WorkerPool) -> None:
    results = pool.stream("pause", {"seconds": 0.05, "steps": 1000}, seconds=60)
    next(results)
    (pid,) = (worker.pid for worker in pool._working)
    os.kill(pid, signal.SIGKILL)

    with pytest.raises(JobError, match="a worker process has gone"):
        list(results)

    assert not is_running(pid)
    assert pause(pool, 0) == [0]


def test_a_process_that_dies_between_jobs_is_not_missed(pool: WorkerPool) -> None:
    pause(pool, 0)
    pid = pid_of(pool)
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: pool._free[0].has_gone)

    assert pause(pool, 0) == [0]

    assert not is_running(pid)
    assert pool.ended() == {("pause", "done"): 2}


def test_a_process_that_cannot_be_started_is_an_error_and_no_worker_is_lost(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(handle_module, "COMMAND", ("/no/such/program",))
        with pytest.raises(JobError, match="cannot be started: No such file"):
            pause(pool, 0)

    assert pause(pool, 0) == [0]


def test_closing_ends_all_processes_at_work_or_not() -> None:
    pool = WorkerPool(2)
    pause(pool, 0)
    pids = [worker.pid for worker in pool._free if worker is not None]
    work = begin(pool, 0.1, steps=1000)
    pids += [worker.pid for worker in pool._working]

    pool.close()
    work.join(20)

    assert not work.is_alive()
    assert not [pid for pid in pids if is_running(pid)]
    with pytest.raises(BusyError, match="stopping"):
        pause(pool, 0)


def test_a_job_that_closing_broke_off_did_not_fail() -> None:
    """Who asked is told to come back, not that something went wrong."""
    pool = WorkerPool(1)
    results = pool.stream("pause", {"seconds": 0.1, "steps": 1000}, seconds=600)
    next(results)

    pool.close()

    with pytest.raises(BusyError, match="stopping"):
        list(results)


SERVER = """
import sys, threading, time
from server.workers import WorkerPool

pool = WorkerPool(1)
results = pool.stream("pause", {"seconds": 0.05, "steps": 10_000}, seconds=600)
next(results)
print(*(worker.pid for worker in pool._working), flush=True)
time.sleep(60)
"""


def test_workers_end_with_a_server_that_is_killed() -> None:
    """Nobody is left who could end them, and they were at work."""
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        pid = int(server.stdout.readline())
        assert is_running(pid)

        server.kill()

    assert eventually(lambda: not is_running(pid))
