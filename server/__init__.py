"""The web server: games and training runs as JSON, and the pages that show them.

`create_app` makes the application, `GameStore` keeps the games, `serve` answers requests until Ctrl-C. What can go
wrong is one family, drawn in `server.errors`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from server.errors import (
    AssetsError,
    ConfigError,
    CursorError,
    GameNotFoundError,
    ListenError,
    PortInUseError,
    RunNotFoundError,
    SchemaError,
    ServerError,
    StoreError,
)

if TYPE_CHECKING:
    from server.app import create_app
    from server.config import ServerConfig
    from server.run import serve
    from server.store import (
        AgentSummary,
        Analyses,
        AnalysisSummary,
        GameFilter,
        GameStore,
        GameSummary,
        Page,
        StoredGame,
    )
    from server.urls import sqlite_url

__all__ = [
    "AgentSummary",
    "Analyses",
    "AnalysisSummary",
    "AssetsError",
    "ConfigError",
    "CursorError",
    "GameFilter",
    "GameNotFoundError",
    "GameStore",
    "GameSummary",
    "ListenError",
    "Page",
    "PortInUseError",
    "RunNotFoundError",
    "SchemaError",
    "ServerConfig",
    "ServerError",
    "StoreError",
    "StoredGame",
    "create_app",
    "serve",
    "sqlite_url",
]

# Imported when they are first asked for: worker processes need neither Flask nor a database.
_PLACES: Final = {
    "AgentSummary": "server.store",
    "Analyses": "server.store",
    "AnalysisSummary": "server.store",
    "GameFilter": "server.store",
    "GameStore": "server.store",
    "GameSummary": "server.store",
    "Page": "server.store",
    "ServerConfig": "server.config",
    "StoredGame": "server.store",
    "create_app": "server.app",
    "serve": "server.run",
    "sqlite_url": "server.urls",
}


def __getattr__(name: str) -> Any:
    """Return a public name."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
