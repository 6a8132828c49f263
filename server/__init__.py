"""The web server: games and training runs as JSON, and the pages that show them.

`create_app` makes the application, `GameStore` keeps the games, `serve` answers requests until Ctrl-C. What can go
wrong is one family, drawn in `server.errors`.
"""

from server.app import create_app
from server.config import ServerConfig
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
from server.run import serve
from server.store import GameStore, GameSummary, Page, StoredGame
from server.urls import sqlite_url

__all__ = [
    "AssetsError",
    "ConfigError",
    "CursorError",
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
