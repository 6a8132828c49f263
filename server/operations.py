"""Operations: what an address of the API takes and gives, declared once.

The declaration of a view is what requests are checked by (`read_query`, `read_body`) and what `server.openapi` tells
the world. Query and body are msgspec structs: a wrong one is a 400 that names the argument, the rule and the value.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, TypeVar

import msgspec
from flask import Response, request
from msgspec import Meta
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

Query = TypeVar("Query", bound=msgspec.Struct)
View = TypeVar("View", bound=Callable[..., Any])

JSON: Final = "application/json"
MAX_SHOWN: Final = 60  # characters of a wrong value

Time = Annotated[datetime, Meta(tz=True)]  # as in RFC 3339


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What a view takes and gives."""

    summary: str
    """One line for people."""
    query: type[msgspec.Struct] | None = None
    """The parameters after the question mark; None takes none, and overlooks what is there."""
    body: Any = None
    """The type of a JSON body, or a media type as text (or several, ", " between); None takes none."""
    answers: Mapping[int, Any] = field(default_factory=dict)
    """By status: the type of the JSON that comes, a media type as text (or several, ", " between), or None for an empty
    answer."""
    problems: tuple[int, ...] = ()
    """Statuses of the problem details that are to be expected besides 400, 404 and 405, which any address has."""


def operation(summary: str, **parts: Any) -> Callable[[View], View]:
    """Declare the operation of a view; the parts are the fields of `Operation`."""

    def declare(view: View) -> View:
        view.__operation__ = Operation(summary=summary, **parts)  # type: ignore[attr-defined]
        return view

    return declare


def read_query(form: type[Query]) -> Query:
    """Return the query of the request at hand.

    Raises
    ------
    BadRequest
        If a parameter is unknown, comes twice, or has a wrong value.
    """
    for name, values in request.args.lists():
        if len(values) > 1:
            raise BadRequest(f"{_shown(name)} must be given once, got {len(values)} values.")
    given = request.args.to_dict()
    try:
        query = msgspec.convert(given, form, strict=False)
    except msgspec.ValidationError as error:
        raise BadRequest(_explained(error, given)) from None
    for name, value in given.items():
        if getattr(query, name) is None:  # msgspec reads the word null as None, which is for what is left out
            raise BadRequest(f"{name}: expected a value, got {_shown(value)}.")
    return query


def read_body(form: type[Query]) -> Query:
    """Return the JSON body of the request at hand.

    Raises
    ------
    UnsupportedMediaType
        If it does not say that it is JSON.
    BadRequest
        If it is none, or not of this form.
    """
    if request.mimetype != JSON:
        raise UnsupportedMediaType(f"The Content-Type must be {JSON}.")
    try:
        return msgspec.json.decode(request.get_data(cache=False), type=form)
    except msgspec.ValidationError as error:
        raise BadRequest(_explained(error, {})) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadRequest("The body is not JSON.") from None


def answer(values: Any, status: int = HTTPStatus.OK) -> Response:
    """Answer with JSON that may change at any time."""
    response = Response(msgspec.json.encode(values), status, content_type=JSON)
    response.headers["Cache-Control"] = "no-store"
    return response


def _explained(error: msgspec.ValidationError, given: Mapping[str, str]) -> str:
    """Say what is wrong: "limit: expected `int` <= 200, got '201'."."""
    reason, _, path = str(error).partition(" - at `$")
    name = path.strip(".`")
    reason = reason[0].lower() + reason[1:]
    value = f", got {_shown(given[name])}" if name in given else ""
    return f"{name}: {reason}{value}." if name else f"{reason[0].upper()}{reason[1:]}."


def _shown(text: str) -> str:
    """Show a text of unknown length."""
    return repr(text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…")
