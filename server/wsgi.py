"""The application for other WSGI servers, set up by environment variables: ``gunicorn "server.wsgi:application()"``.

===========================  ===========================================================================================
GAME2048_DATABASE            URL of the games' database; without it, games.sqlite in the user's data folder
GAME2048_RUNS                folder of the training runs that are shown; without it, none
GAME2048_TRUST               names under which the server is asked, parted by commas
GAME2048_WRITE_TOKEN         secret that uploads and deletions carry; without it, nothing can be written
GAME2048_WORKERS             processes for heavy work; 1
GAME2048_MAX_STREAMS         streams at once; 32. The server needs twice as many threads, and some (docs/server.md)
GAME2048_PROXIES             reverse proxies in front, whose X-Forwarded-For is believed; 0
GAME2048_METRICS             1 shows /metrics
GAME2048_LOG_FORMAT          text or json logs every request on the error stream
===========================  ===========================================================================================
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from flask import Flask

from server.app import create_app
from server.config import ServerConfig
from server.errors import ConfigError
from server.logs import LogFormat, set_up_logs

PREFIX: Final = "GAME2048_"
NUMBERS: Final = {"WORKERS": "workers", "MAX_STREAMS": "max_streams", "PROXIES": "proxies"}
LOG_FORMATS: Final[tuple[LogFormat, ...]] = ("text", "json")


def application(environ: Mapping[str, str] = os.environ) -> Flask:
    """Make the application.

    Raises
    ------
    ConfigError
        If a variable has a value that cannot be.
    """
    given = {name.removeprefix(PREFIX): value for name, value in environ.items() if name.startswith(PREFIX) and value}
    settings: dict[str, Any] = {
        "runs": Path(given["RUNS"]) if "RUNS" in given else None,
        "trusted_hosts": tuple(name.strip() for name in given.get("TRUST", "").split(",") if name.strip()),
        "write_token": given.get("WRITE_TOKEN"),
        "read_only": "WRITE_TOKEN" not in given,
        "metrics": given.get("METRICS") == "1",
    }
    if "DATABASE" in given:
        settings["database"] = given["DATABASE"]
    settings |= {field: _number(name, given[name]) for name, field in NUMBERS.items() if name in given}
    _log(given.get("LOG_FORMAT"))
    return create_app(ServerConfig(**settings))


def _number(name: str, text: str) -> int:
    if not text.isdecimal() or len(text) > 6:
        raise ConfigError(f"{PREFIX}{name} must be a number, got {text!r}")
    return int(text)


def _log(name: str | None) -> None:
    """Set up logs, if they are asked for."""
    if name is None:
        return
    for log_format in LOG_FORMATS:
        if name == log_format:
            set_up_logs(log_format)
            return
    raise ConfigError(f"{PREFIX}LOG_FORMAT must be text or json, got {name!r}")
