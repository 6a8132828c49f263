"""The web server: games as JSON, and the pages that replay them.

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
    "SchemaError",
    "ServerConfig",
    "ServerError",
    "StoreError",
    "StoredGame",
    "create_app",
    "serve",
    "sqlite_url",
]
