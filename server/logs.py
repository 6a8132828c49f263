"""Logs: lines for people or JSON for programs, each with the name of the request that it belongs to."""

import logging
import sys
import time
from contextvars import ContextVar
from typing import Final, Literal, TextIO

LogFormat = Literal["text", "json"]

REQUEST_ID: Final[ContextVar[str]] = ContextVar("request_id", default="-")
"""Name of the request that this thread is answering."""

TEXT: Final = "%(asctime)s %(levelname)s %(name)s %(request_id)s %(message)s"
FIELDS: Final = ("levelname", "name", "request_id", "message")
NAMES: Final = {"levelname": "level", "name": "logger"}
CONTROLS: Final = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}


def set_up_logs(log_format: LogFormat, stream: TextIO | None = None) -> logging.Handler:
    """Write what is logged from now on to a stream (the error stream), and return the handler.

    Parameters
    ----------
    log_format : {"text", "json"}
        Text has the time in UTC, the level, the logger, the request and the message. JSON has these, and of every
        request the method, path, status, bytes, milliseconds and client.
    stream : file, optional
        Where to.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Text() if log_format == "text" else _json())
    handler.addFilter(_name_request)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return handler


class _Text(logging.Formatter):
    """A line for a message, whatever a client put into it."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__(TEXT)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name that logging calls
        record.message = record.message.translate(CONTROLS)
        return super().formatMessage(record)


def _json() -> logging.Formatter:
    from pythonjsonlogger.json import JsonFormatter

    return JsonFormatter(FIELDS, rename_fields=NAMES, timestamp="time")


def _name_request(record: logging.LogRecord) -> bool:
    """Add the name of the request."""
    record.request_id = REQUEST_ID.get()
    return True
