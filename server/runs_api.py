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
from typing import Any

import msgspec
from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest

from server.api import shown_time
from server.body import Body
from server.run_folder import START, RunSummary, is_cursor
from server.runs import Runs


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

    def list_runs(self) -> Response:
        """Return the list of runs, the one that wrote last first."""
        summaries, left_out = self._runs.summaries()
        return _json({"runs": [_listed(run) for run in summaries], "left_out": left_out})

    def get_run(self, name: str) -> Response:
        """Return the settings and curves of a run."""
        run = self._runs.find(name)
        read = run.curves(_after(request.args.get("after")))
        answer = _listed(run.summary()) | {
            "settings": run.settings(),
            "counter": read.curves.counter,
            "columns": read.curves.columns(),
            "n_lines": read.curves.n_lines(),
            "whole": read.whole,
            "next": read.next,
        }
        return _json(answer)


def _after(text: str | None) -> str:
    """Read the place after which lines are wanted."""
    if text is None:
        return START
    if not is_cursor(text):
        raise BadRequest("after must be the 'next' of an earlier answer.")
    return text


def _listed(run: RunSummary) -> dict[str, Any]:
    """Return what the list tells of a run."""
    times = {"started_at": run.started_at, "updated_at": run.updated_at}
    shown = {name: shown_time(datetime.fromtimestamp(seconds, UTC)) for name, seconds in times.items()}
    return {"name": run.name, "algorithm": run.algorithm, **shown, "running": run.running, "last": run.last}


def _json(values: dict[str, Any]) -> Response:
    """Answer with JSON that is asked for again and again: 304 if it is as before."""
    return Body.of(msgspec.json.encode(values), "application/json").respond(cache_control="no-cache")
