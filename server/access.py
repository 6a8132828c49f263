"""What every request leaves behind: a name in the answer, a number in the metrics, a line in the log."""

import logging
import re
import secrets
from collections.abc import Iterable
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.urls import iri_to_uri

from server.logs import REQUEST_ID
from server.metrics import Metrics

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger(__name__)

REQUEST: Final = "werkzeug.request"  # key of the WSGI environment, until the answer has begun
ID_HEADER: Final = "X-Request-Id"
GIVEN_ID: Final = re.compile(r"[A-Za-z0-9._=+/-]{1,64}")


def register(app: Flask, metrics: Metrics, *, proxies: int = 0) -> None:
    """Let an app tell of every request, and where it stands behind proxies, believe what they say of the client."""
    app.wsgi_app = Access(app.wsgi_app, metrics)  # type: ignore[method-assign]  # as Flask advises
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=0)  # type: ignore[method-assign]


class Access:
    """A WSGI application around another.

    Parameters
    ----------
    app : WSGI application
        What answers.
    metrics : Metrics
        What counts.
    """

    def __init__(self, app: "WSGIApplication", metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer, and tell of it."""
        begun = perf_counter()
        name = request_id(environ.get("HTTP_X_REQUEST_ID"))
        REQUEST_ID.set(name)
        answer: list[Any] = ["500", [], None]

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            answer[:] = status, headers, environ.get(REQUEST)
            return start_response(status, [*headers, (ID_HEADER, name)], *rest)

        try:
            return self._app(environ, start)
        finally:
            seconds, status = perf_counter() - begun, answer[0][:3]
            endpoint = getattr(answer[2], "endpoint", None) or "none"
            self._metrics.observe(endpoint, environ["REQUEST_METHOD"], status, seconds)
            if logger.isEnabledFor(logging.INFO):
                _log(environ, int(status), answer[1], seconds)


def request_id(given: str | None) -> str:
    r"""Return the name that a proxy gave to a request, or a new one.

    >>> request_id("7f3a-1"), len(request_id("two\nlines")), len(request_id(None))
    ('7f3a-1', 16, 16)
    """
    return given if given is not None and GIVEN_ID.fullmatch(given) else secrets.token_hex(8)


def _log(environ: "WSGIEnvironment", status: int, headers: list[tuple[str, str]], seconds: float) -> None:
    """Write the line; of a stream, when it begins."""
    values = {
        "method": environ["REQUEST_METHOD"],
        "path": iri_to_uri(environ.get("PATH_INFO", "").encode("latin-1").decode(errors="replace")),
        "status": status,
        "bytes": next((int(value) for name, value in headers if name == "Content-Length"), None),
        "milliseconds": round(1e3 * seconds, 3),
        "client": environ.get("REMOTE_ADDR"),
    }
    logger.info("%(method)s %(path)s %(status)s %(milliseconds)s ms", values, extra=values)
