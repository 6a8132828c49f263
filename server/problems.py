"""Errors over HTTP: problem details (RFC 9457) for programs, a short page for people.

What a person or a program did wrong is said plainly. What went wrong in here is logged, and only named outside.
"""

import logging
from http import HTTPStatus
from typing import Final

import msgspec
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from game2048.record import RecordError
from server.errors import (
    BusyError,
    CursorError,
    DepthError,
    GameNotFoundError,
    JobError,
    ModelNotFoundError,
    PlayerNotFoundError,
    RunNotFoundError,
    StoreError,
    TimeLimitError,
)
from server.templates import own_templates, render
from server.workers.tasks import TaskError

logger = logging.getLogger(__name__)

RETRY_AFTER: Final = "5"  # seconds


def problem(status: int, detail: str, **extensions: object) -> Response:
    """Return a problem as JSON; ``extensions`` are further members, such as the ply that is to blame."""
    members = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return Response(msgspec.json.encode(members | extensions), status, content_type="application/problem+json")


def register(app: Flask) -> None:
    """Let an app answer every error in these forms."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(RecordError, _record_error)
    app.register_error_handler(CursorError, _bad_request)
    app.register_error_handler(GameNotFoundError, _not_found)
    app.register_error_handler(RunNotFoundError, _not_found)
    app.register_error_handler(PlayerNotFoundError, _not_found)
    app.register_error_handler(DepthError, _bad_request)
    app.register_error_handler(ModelNotFoundError, _model_not_found)
    app.register_error_handler(StoreError, _store_error)
    app.register_error_handler(BusyError, _busy_error)
    app.register_error_handler(TimeLimitError, _time_limit_error)
    app.register_error_handler(JobError, _job_error)
    app.register_error_handler(TaskError, _task_error)


def _respond(status: int, detail: str, **extensions: object) -> Response:
    """Answer in the form that suits the path; nobody keeps it (a 404 may be kept, unless it says so)."""
    if request.path.startswith("/api/"):
        response = problem(status, detail, **extensions)
    else:
        page = render(own_templates(), "error.html", title=HTTPStatus(status).phrase, detail=detail)
        response = Response(page, status, content_type="text/html; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response


def _unavailable(detail: str) -> Response:
    """Answer what may go better soon."""
    response = _respond(HTTPStatus.SERVICE_UNAVAILABLE, detail)
    response.headers["Retry-After"] = RETRY_AFTER
    return response


def _http_error(error: HTTPException) -> BaseResponse:
    """Answer an error of Flask or Werkzeug, 404 and 500 among them; keep its headers, such as Allow."""
    if error.code is None or error.code < 400 or error.response is not None:
        return error.get_response()
    response = _respond(error.code, error.description or "")
    response.headers.extend((name, value) for name, value in error.get_headers() if name != "Content-Type")
    return response


def _record_error(error: RecordError) -> Response:
    """Answer an upload that is no legal game."""
    extensions = {} if error.ply is None else {"ply": error.ply}
    return _respond(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), **extensions)


def _bad_request(error: CursorError | DepthError) -> Response:
    """Answer a cursor that leads nowhere, or a depth that a player does not have."""
    return _respond(HTTPStatus.BAD_REQUEST, str(error))


def _not_found(error: GameNotFoundError | RunNotFoundError | PlayerNotFoundError) -> Response:
    """Answer an unknown id or name."""
    return _respond(HTTPStatus.NOT_FOUND, str(error))


def _model_not_found(error: ModelNotFoundError) -> Response:
    """Answer what needs a model that nobody has trained here, with the command that trains it."""
    return _respond(HTTPStatus.NOT_FOUND, str(error), command=error.command)


def _store_error(error: StoreError) -> Response:
    """Answer a failing database; the log says more than the answer."""
    logger.error("%s %s: %s", request.method, request.path, error)
    return _unavailable("The games cannot be read or written at the moment.")


def _busy_error(error: BusyError) -> Response:
    """Answer when there is no room for more work."""
    return _unavailable(f"The server is busy: {error}. Try again soon.")


def _time_limit_error(error: TimeLimitError) -> Response:
    """Answer when a job was stopped."""
    return _unavailable("This took too long, and was stopped.")


def _job_error(error: JobError) -> Response:
    """Answer when a job failed; the log says more than the answer."""
    logger.error("%s %s: %s", request.method, request.path, error)
    return _respond(HTTPStatus.INTERNAL_SERVER_ERROR, "This went wrong on the server.")


def _task_error(error: TaskError) -> Response:
    """Answer a job that cannot be done as asked."""
    return _respond(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
