"""Errors over HTTP: problem details (RFC 9457) for programs, a short page for people.

What a person or a program did wrong is said plainly. What went wrong in here is logged, and only named outside.
"""

import logging
from http import HTTPStatus

import msgspec
from flask import Flask, Response, render_template_string, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from game2048.record import RecordError
from server.errors import CursorError, GameNotFoundError, RunNotFoundError, StoreError

logger = logging.getLogger(__name__)

PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>{{ title }} · 2048 replays</title>
  <link rel="icon" href="/static/favicon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="/static/css/theme.css">
  <link rel="stylesheet" href="/static/css/page.css">
</head>
<body>
  <header class="site"><a class="brand" href="/"><strong class="tile-2048">2048</strong> replays</a></header>
  <main>
    <section class="notice" role="alert">
      <h1>{{ title }}</h1>
      <p>{{ detail }}</p>
      <p><a href="/">All games</a></p>
    </section>
  </main>
</body>
</html>
"""


def problem(status: int, detail: str, **extensions: object) -> Response:
    """Return a problem as JSON; ``extensions`` are further members, such as the ply that is to blame."""
    members = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return Response(msgspec.json.encode(members | extensions), status, content_type="application/problem+json")


def register(app: Flask) -> None:
    """Let an app answer every error in these forms."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(RecordError, _record_error)
    app.register_error_handler(CursorError, _cursor_error)
    app.register_error_handler(GameNotFoundError, _not_found)
    app.register_error_handler(RunNotFoundError, _not_found)
    app.register_error_handler(StoreError, _store_error)


def _respond(status: int, detail: str, **extensions: object) -> Response:
    """Answer in the form that suits the path."""
    if request.path.startswith("/api/"):
        return problem(status, detail, **extensions)
    page = render_template_string(PAGE, title=HTTPStatus(status).phrase, detail=detail)
    return Response(page, status, content_type="text/html; charset=utf-8")


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


def _cursor_error(error: CursorError) -> Response:
    """Answer a cursor that leads nowhere."""
    return _respond(HTTPStatus.BAD_REQUEST, str(error))


def _not_found(error: GameNotFoundError | RunNotFoundError) -> Response:
    """Answer an unknown id or name."""
    return _respond(HTTPStatus.NOT_FOUND, str(error))


def _store_error(error: StoreError) -> Response:
    """Answer a failing database; the log says more than the answer."""
    logger.error("%s %s: %s", request.method, request.path, error)
    response = _respond(HTTPStatus.SERVICE_UNAVAILABLE, "The games cannot be read or written at the moment.")
    response.headers["Retry-After"] = "5"
    return response
