"""The JSON interface to training runs, for reading only.

=========================  =============================================================================================
GET /api/runs              ``{"runs": [{"name", "algorithm", "started_at", "updated_at", "running", "last"}, ...],
                           "left_out": number of older runs}``, the run that wrote last first; ``last`` holds the
                           numbers of its newest line
GET /api/runs/NAME         besides, ``settings``, and of the lines of metrics.jsonl: ``counter``, the column that they
                           are counted by; ``columns``, numbers by name (null where a line has none), thinned to
                           `server.curves.MAX_POINTS` rows; ``n_lines``, how many lines each row stands for;
                           ``whole``, whether they begin at the first line; ``next``
GET /api/runs/NAME?after=  with the ``next`` of an earlier answer: only later lines, or all (``whole``) if the file has
                           been written anew
=========================  =============================================================================================

What cannot be read of a run is left out: ``settings`` may be null, ``columns`` empty.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from flask import Blueprint, Response
from msgspec import Meta, Struct

from server.body import Body
from server.operations import JSON, Time, operation, read_query
from server.run_folder import CURSOR, START, RunSummary
from server.runs import Runs


class RunQuery(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which lines of a run are wanted."""

    after: Annotated[str, Meta(pattern=f"^{CURSOR}$", description="next of an earlier answer")] = START


class ListedRun(Struct, frozen=True, kw_only=True):
    """What the list tells of a run."""

    name: str
    algorithm: str
    started_at: Time
    updated_at: Time
    running: bool
    last: dict[str, float]


class RunList(Struct, frozen=True, kw_only=True):
    """The runs, and how many older ones are left out."""

    runs: list[ListedRun]
    left_out: int


class Run(ListedRun, frozen=True, kw_only=True):
    """A run with its settings and lines."""

    settings: dict[str, Any] | None
    counter: str | None
    columns: dict[str, list[float | None]]
    n_lines: list[int]
    whole: bool
    next: str


class RunsApi:
    """The views.

    Parameters
    ----------
    runs : Runs
        The runs.
    """

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("runs", __name__, url_prefix="/api/runs")
        routes.add_url_rule("", "list", self.list_runs, methods=["GET"])
        routes.add_url_rule("/<path:name>", "run", self.get_run, methods=["GET"])
        return routes

    @operation("List training runs", answers={200: RunList, 304: None})
    def list_runs(self) -> Response:
        """Return the list of runs, the one that wrote last first."""
        summaries, left_out = self._runs.summaries()
        return _respond(RunList(runs=[ListedRun(**_listed(run)) for run in summaries], left_out=left_out))

    @operation("Get the settings and curves of a training run", query=RunQuery, answers={200: Run, 304: None})
    def get_run(self, name: str) -> Response:
        """Return the settings and curves of a run."""
        run = self._runs.find(name)
        read = run.curves(read_query(RunQuery).after)
        return _respond(
            Run(
                **_listed(run.summary()),
                settings=run.settings(),
                counter=read.curves.counter,
                columns=read.curves.columns(),
                n_lines=read.curves.n_lines(),
                whole=read.whole,
                next=read.next,
            )
        )


def _listed(run: RunSummary) -> dict[str, Any]:
    """Return what the list tells of a run; times to the second."""
    started_at, updated_at = (datetime.fromtimestamp(int(time), UTC) for time in (run.started_at, run.updated_at))
    times = {"started_at": started_at, "updated_at": updated_at}
    return {"name": run.name, "algorithm": run.algorithm, **times, "running": run.running, "last": run.last}


def _respond(values: Struct) -> Response:
    """Answer with JSON that is asked for again and again: 304 if it is as before."""
    return Body.of(msgspec.json.encode(values), JSON).respond(cache_control="no-cache")
