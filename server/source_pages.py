"""Pages of our own source files, for the lessons that point at their lines: ``/learn/source/nets/graph.py#L262``."""

from typing import Final

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

from server.body import Body
from server.sources import read
from server.templates import own_templates, render

CACHE: Final = "no-cache"


def blueprint() -> Blueprint:
    """Return the route."""
    routes = Blueprint("sources", __name__)
    routes.add_url_rule("/learn/source/<path:file>", "source", source, methods=["GET"])
    return routes


def source(file: str) -> Response:
    """Return a file that a lesson cites, line by line."""
    try:
        lines = read(file).splitlines()
    except KeyError:
        raise NotFound("No lesson points at such a file.") from None
    page = render(own_templates(), "source.html", file=file, lines=lines)
    return Body.of(page.encode(), "text/html; charset=utf-8").respond(cache_control=CACHE)
