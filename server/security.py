"""Who may ask, who may write, and what a browser may do with the answers."""

import hmac
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from flask import Flask, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import BadRequest, Forbidden, Unauthorized, UnsupportedMediaType

from server.config import ServerConfig

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LOCAL_HOSTS: Final = ("localhost", "127.0.0.1", "[::1]")
MAX_HOST: Final = 260  # characters: a name has 253 at most, a port five

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def register(app: Flask, config: ServerConfig) -> None:
    """Check the host of every request to an app, and set headers on every answer."""
    trusted = (*LOCAL_HOSTS, *(host.lower() for host in config.trusted_hosts))

    @lru_cache(maxsize=256)
    def known(host: str) -> bool:
        return is_trusted(host, trusted)

    def check_host() -> None:
        """Refuse foreign names: a page elsewhere can point its own name at this machine (DNS rebinding)."""
        if not known(request.environ.get("HTTP_HOST", "")[: MAX_HOST + 1]):
            raise BadRequest("The Host header names a host that this server does not answer for.")

    app.before_request(check_host)
    app.wsgi_app = with_headers(app.wsgi_app)  # type: ignore[method-assign, assignment]  # as Flask advises


def with_headers(app: "WSGIApplication") -> "WSGIApplication":
    """Let an application set the headers on whatever it answers: below Flask it costs a tenth."""
    headers = list(HEADERS.items())

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        def start(status: str, given: list[tuple[str, str]], *rest: Any) -> Any:
            return start_response(status, given + headers, *rest)

        return app(environ, start)

    return answer


def is_trusted(host: str, trusted: tuple[str, ...]) -> bool:
    """Whether a ``Host`` header names a trusted host, on whatever port.

    Flask's TRUSTED_HOSTS cannot hold IPv6 addresses.

    >>> [is_trusted(host, ("[::1]", ".example.org")) for host in ("[::1]:2048", "a.example.org", "example.com", "")]
    [True, True, False, False]
    """
    if len(host) > MAX_HOST:
        return False
    match = re.fullmatch(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?", host.lower())
    if match is None:
        return False
    name = match[1].removesuffix(".")
    return any(name == item.removeprefix(".") or (item[0] == "." and name.endswith(item)) for item in trusted)


def check_write(config: ServerConfig) -> None:
    """Let the request at hand write, or raise the HTTP error that says why not.

    There are no cookies. What keeps other sites out is that a browser sends what is no form across sites only after
    asking, and nothing here allows it; Sec-Fetch-Site and Origin are checked besides.
    """
    if config.read_only:
        raise Forbidden("This server is for reading only.")
    _check_site()
    if config.write_token is not None:
        _check_token(config.write_token)


def check_upload(types: tuple[str, ...]) -> None:
    """Refuse an upload of the request at hand that is of another type, or compressed."""
    if request.mimetype not in types:
        raise UnsupportedMediaType(f"The Content-Type must be {' or '.join(types)}.")
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise UnsupportedMediaType("The upload must not be compressed.")


def _check_site() -> None:
    """Refuse what a page of another site sends."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    same_site = site in (None, "same-origin", "none")
    same_origin = origin is None or origin.partition("://")[2].lower() == request.host.lower()
    if not (same_site and same_origin):
        raise Forbidden("Pages of other sites cannot change the games.")


def _check_token(token: str) -> None:
    """Refuse a request without the token."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(secret.encode(), token.encode()):
        raise Unauthorized(
            "Who changes the games needs the server's token.", www_authenticate=WWWAuthenticate("bearer")
        )
