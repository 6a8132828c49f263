"""The server's settings."""

from dataclasses import dataclass, field
from typing import Final

import platformdirs

from server.errors import ConfigError
from server.urls import sqlite_url

MIB: Final = 2**20


def default_database() -> str:
    """Return the URL of the SQLite file in the user's data folder."""
    return sqlite_url(platformdirs.user_data_path("game2048") / "games.sqlite")


@dataclass(frozen=True, kw_only=True)
class ServerConfig:
    """Settings of the server; the defaults suit one person on one machine.

    Raises
    ------
    ConfigError
        If a setting is out of range.
    """

    database: str = field(default_factory=default_database)
    """URL of the games' database, for example ``sqlite:///games.sqlite``."""

    max_upload_bytes: int = 16 * MIB
    """Largest upload; the longest possible game takes 0.5 MB in our form, 6 to 20 MB in the hobby form."""

    trusted_hosts: tuple[str, ...] = ()
    """Names, besides those of this machine, under which the server may be asked; ``.example.org`` is a whole domain."""

    read_only: bool = False
    """Whether uploads are refused."""

    write_token: str | None = field(default=None, repr=False)
    """Secret that an upload has to carry as ``Authorization: Bearer``; None asks for none."""

    cached_games: int = 64
    """Number of games whose JSON is kept ready, compressed, in memory."""

    def __post_init__(self) -> None:
        if self.max_upload_bytes < 1:
            raise ConfigError(f"max_upload_bytes must be positive, got {self.max_upload_bytes}")
        if self.cached_games < 0:
            raise ConfigError(f"cached_games must not be negative, got {self.cached_games}")
        if self.write_token is not None and not self.write_token.strip():
            raise ConfigError("write_token must not be empty; None asks for none")
