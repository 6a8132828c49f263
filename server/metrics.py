"""Metrics for Prometheus: what this process has been asked, and what it is doing.

==========================================  ==========================================================================
game2048_request_seconds                    histogram of the time until an answer begins, by endpoint, method, status
game2048_streams, game2048_max_streams      streams open now, and how many may be
game2048_workers, game2048_workers_busy     worker processes that may run, and that have a job now
game2048_jobs_waiting                       jobs that wait for a worker
game2048_jobs_total                         jobs that ended, by task and outcome (done, cancelled, refused, failed,
                                            timed out)
game2048_job_seconds_total                  what they took, by task
game2048_stored_games                       games in the database
process_*, python_info                      memory, processor time, open files; the version of Python
==========================================  ==========================================================================

Numbers are those of one process: where several answer, each has its own.
"""

from collections.abc import Iterable
from typing import Final

from flask import Blueprint, Response
from prometheus_client import CollectorRegistry, Histogram, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from server.errors import StoreError
from server.store import GameStore
from server.streams import Streams
from server.workers import WorkerPool

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)  # seconds
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """The numbers, and the page that shows them.

    Parameters
    ----------
    store : GameStore
        Counts games.
    streams : Streams
        Counts streams.
    workers : WorkerPool
        Counts jobs.
    """

    def __init__(self, store: GameStore, streams: Streams, workers: WorkerPool) -> None:
        self._registry = CollectorRegistry()
        self._requests = Histogram(
            "game2048_request_seconds",
            "Time until the answer to a request begins.",
            ["endpoint", "method", "status"],
            registry=self._registry,
            buckets=BUCKETS,
        )
        self._series: dict[tuple[str, str, str], Histogram] = {}  # `labels` is slow
        self._registry.register(_State(store, streams, workers))
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def observe(self, endpoint: str, method: str, status: str, seconds: float) -> None:
        """Count a request; the method may be anything that a client made up."""
        key = endpoint, method if method in METHODS else "other", status
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = self._requests.labels(*key)
        series.observe(seconds)

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("metrics", __name__)
        routes.add_url_rule("/metrics", "metrics", self.get_metrics, methods=["GET"])
        return routes

    def get_metrics(self) -> Response:
        """Return all numbers as text."""
        response = Response(generate_latest(self._registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)
        response.headers["Cache-Control"] = "no-store"
        return response


class _State(Collector):
    """What others count, asked for when somebody wants to know."""

    def __init__(self, store: GameStore, streams: Streams, workers: WorkerPool) -> None:
        self._store = store
        self._streams = streams
        self._workers = workers

    def describe(self) -> Iterable[Metric]:
        """Name nothing: the registry would ask the database to find out."""
        return ()

    def collect(self) -> Iterable[Metric]:
        streams, workers = self._streams, self._workers
        yield GaugeMetricFamily("game2048_streams", "Streams open now.", streams.open)
        yield GaugeMetricFamily("game2048_max_streams", "Streams that may be open.", streams.max_streams)
        yield GaugeMetricFamily("game2048_workers", "Worker processes that may run.", workers.n_workers)
        yield GaugeMetricFamily("game2048_workers_busy", "Worker processes that have a job now.", workers.busy)
        yield GaugeMetricFamily("game2048_jobs_waiting", "Jobs that wait for a worker.", workers.waiting)
        yield from self._jobs()
        try:
            yield GaugeMetricFamily("game2048_stored_games", "Games in the database.", self._store.count())
        except StoreError:  # the other numbers are the more wanted then
            return

    def _jobs(self) -> Iterable[Metric]:
        jobs = CounterMetricFamily("game2048_jobs", "Jobs that ended.", labels=["task", "outcome"])
        seconds = CounterMetricFamily("game2048_job_seconds", "Time that jobs took.", labels=["task"])
        for (task, outcome), count in self._workers.ended().items():
            jobs.add_metric([task, outcome], count)
        for task, total in self._workers.seconds().items():
            seconds.add_metric([task], total)
        return jobs, seconds
