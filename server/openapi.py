"""The OpenAPI 3.1 document of the interface, made from what the views declare (`server.operations`).

References
----------
OpenAPI Specification 3.1.1, https://spec.openapis.org/oas/v3.1.1.html
"""

import inspect
import re
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, Final

import msgspec
from flask import Blueprint, Flask, Response, current_app
from werkzeug.routing import Rule

from game2048 import __version__
from server.body import Body
from server.operations import JSON, Operation, operation

PREFIX: Final = "/api/"
PROBLEM: Final = "application/problem+json"
USUAL_PROBLEMS: Final = (400, 404, 503)
REFERENCE: Final = "#/components/schemas/{name}"
EXPLANATION: Final = (
    "Games of 2048, training runs, players and models. Errors are problem details (RFC 9457). Streams are server-sent "
    "events, each event's data one JSON value. Boards are 16 exponents, row by row: 0 is an empty cell, 11 is the tile "
    "2048."
)

Json = dict[str, Any]


class Problem(msgspec.Struct, omit_defaults=True):
    """What went wrong, as in RFC 9457."""

    type: str
    """Always "about:blank": the status says what kind of problem it is."""
    title: str
    """The status in words."""
    status: int
    """The status."""
    detail: str
    """What is wrong, for people."""
    ply: int | None = None
    """Of a game that is not legal: the first wrong ply, from 1 on."""
    command: str | None = None
    """Of a model that is missing: the command that trains it."""


def blueprint() -> Blueprint:
    """Return the routes."""
    routes = Blueprint("openapi", __name__)
    routes.add_url_rule("/api/openapi.json", "document", get_document, methods=["GET"])
    return routes


@operation("This document", answers={200: JSON, 304: None})
def get_document() -> Response:
    """Return the document; it is made when it is first asked for, when all routes are there."""
    app = current_app
    body = app.extensions.get("openapi")
    if body is None:
        body = app.extensions["openapi"] = Body.of(msgspec.json.encode(document(app)), JSON)
    answer: Response = body.respond(cache_control="no-cache")
    return answer


def document(app: Flask) -> Json:
    """Return the document of an app.

    Raises
    ------
    TypeError
        If a view below /api/ declares nothing.
    """
    operations = list(declared(app))
    types = [kind for _, _, view in operations for kind in _types(_operation(view))]
    schemas, components = msgspec.json.schema_components([*types, Problem], ref_template=REFERENCE)
    known = dict(zip(map(_key, [*types, Problem]), schemas, strict=True))
    writer = _Writer(known, components)
    paths: dict[str, Json] = {}
    for rule, method, view in operations:
        paths.setdefault(_path(rule), {})[method.lower()] = writer.operation(rule, view)
    for _, _, view in operations:
        if (query := _operation(view).query) is not None:
            components.pop(query.__name__, None)  # written out as parameters
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "game2048",
            "version": __version__,
            "description": EXPLANATION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(components.items())),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def declared(app: Flask) -> Iterator[tuple[Rule, str, Callable[..., Any]]]:
    """Yield the rules below /api/, their methods but HEAD and OPTIONS, and the views."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.rule.startswith(PREFIX):
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield rule, method, app.view_functions[rule.endpoint]


class _Writer:
    """Writes operations, given what msgspec makes of their types."""

    def __init__(self, schemas: dict[str, Json], components: Json) -> None:
        self._schemas = schemas
        self._components = components

    def operation(self, rule: Rule, view: Callable[..., Any]) -> Json:
        """Write an operation."""
        parts = _operation(view)
        written: Json = {
            "operationId": rule.endpoint.replace(".", "_"),
            "tags": [rule.endpoint.partition(".")[0]],
            "summary": parts.summary,
            "description": inspect.getdoc(view) or parts.summary,
            "responses": self._answers(parts) | self._problems(view, parts),
        }
        if parameters := [*_path_parameters(rule), *self._query_parameters(parts)]:
            written["parameters"] = parameters
        if parts.body is not None:
            written["requestBody"] = {"required": True, "content": self._content(parts.body)}
        if HTTPStatus.UNAUTHORIZED in parts.problems:
            written["security"] = [{"token": []}, {}]  # where the server has none, nobody needs it
        return written

    def _query_parameters(self, parts: Operation) -> list[Json]:
        if parts.query is None:
            return []
        schema = self._components[parts.query.__name__]
        required = schema.get("required", ())
        return [
            {"name": name, "in": "query", "required": name in required, "schema": self._in_query(property_)}
            for name, property_ in schema["properties"].items()
        ]

    def _in_query(self, schema: Json) -> Json:
        """Return the schema of a parameter, which is left out where it is null."""
        if "anyOf" not in schema:
            return schema
        kinds = [kind for kind in schema["anyOf"] if kind != {"type": "null"}]
        rest = {key: value for key, value in schema.items() if key != "anyOf" and (key, value) != ("default", None)}
        return rest | (kinds[0] if len(kinds) == 1 else {"anyOf": kinds})

    def _answers(self, parts: Operation) -> Json:
        return {
            str(status): {"description": HTTPStatus(status).phrase}
            | ({} if kind is None else {"content": self._content(kind)})
            for status, kind in parts.answers.items()
        }

    def _problems(self, view: Callable[..., Any], parts: Operation) -> Json:
        statuses = {*USUAL_PROBLEMS, *parts.problems}
        if getattr(view, "__expensive__", False):
            statuses.add(HTTPStatus.TOO_MANY_REQUESTS)
        if parts.body is not None:
            statuses |= {HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE}
        content = {PROBLEM: {"schema": self._schemas[_key(Problem)]}}
        return {
            str(int(status)): {"description": HTTPStatus(status).phrase, "content": content}
            for status in sorted(statuses)
        }

    def _content(self, kind: Any) -> Json:
        """Write what a body is: media types as text, or a type as JSON."""
        if isinstance(kind, str):
            return {media_type: {} for media_type in kind.split(", ")}
        return {JSON: {"schema": self._schemas[_key(kind)]}}


def _operation(view: Callable[..., Any]) -> Operation:
    """Return what a view declares."""
    parts = getattr(view, "__operation__", None)
    if parts is None:
        raise TypeError(f"the view {view.__qualname__} must declare its operation")
    assert isinstance(parts, Operation)
    return parts


def _types(parts: Operation) -> Iterator[Any]:
    """Yield the types of query, body and answers."""
    for kind in (parts.query, parts.body, *parts.answers.values()):
        if kind is not None and not isinstance(kind, str):
            yield kind


def _key(kind: Any) -> str:
    """Name a type, be it generic."""
    return repr(kind)


def _path(rule: Rule) -> str:
    """Write the path of a rule as OpenAPI does."""
    return re.sub(r"<(?:[^<>]*:)?([^<>:]+)>", r"{\1}", rule.rule)


def _path_parameters(rule: Rule) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"<(?:[^<>]*:)?([^<>:]+)>", rule.rule)
    ]
