"""The server's settings."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import platformdirs

from server.errors import ConfigError
from server.urls import sqlite_url

Writes = Literal["open", "token", "off"]

MIB: Final = 2**20
HOST_NAME: Final = r"\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\]"
WAITING_JOBS: Final = 8
MAX_ANIMATIONS: Final = 4  # asked for at once: one is made, the others wait
PRINTABLE: Final = r"[!-~]([ -~]*[!-~])?"  # what a header can carry


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
    """Names, besides those of this machine, under which the server may be asked, on whatever port.

    ``.example.org`` is a whole domain.
    """

    read_only: bool = False
    """Whether uploads are refused."""

    write_token: str | None = field(default=None, repr=False)
    """Secret that an upload has to carry as ``Authorization: Bearer``, printable ASCII; None asks for none."""

    runs: Path | None = Path("runs")
    """Folder of the training runs that the training page shows; it may be missing, and None shows none."""

    workers: int = 1
    """Processes for heavy work (analysis, pictures, live games): the jobs done at once."""

    max_streams: int = 32
    """Streams (live games, analyses, sentences) at once."""

    max_streams_per_client: int = 8
    """Streams of one client at once, by its address."""

    rate_limits: bool = True
    """Whether a client is told to wait who asks too often for what is expensive (`server.limits`)."""

    metrics: bool = True
    """Whether /metrics tells how much is going on."""

    proxies: int = 0
    """Reverse proxies in front, each of which adds its client's address to ``X-Forwarded-For``; 0 believes none."""

    cached_games: int = 64
    """Number of games whose JSON is kept ready, compressed, in memory."""

    @property
    def writes(self) -> Writes:
        """Who may add and delete games: anybody, who has the token, or nobody."""
        if self.read_only:
            return "off"
        return "open" if self.write_token is None else "token"

    @property
    def max_waiting(self) -> int:
        """Jobs that may wait for a worker: one for every stream, and some."""
        return self.max_streams + WAITING_JOBS

    @property
    def threads_held(self) -> int:
        """Threads that streams and jobs can hold, so that a server needs more than these to answer anything else."""
        return self.max_streams + self.max_waiting + self.workers + MAX_ANIMATIONS

    def __post_init__(self) -> None:
        if self.max_upload_bytes < 1:
            raise ConfigError(f"max_upload_bytes must be positive, got {self.max_upload_bytes}")
        if self.workers < 1:
            raise ConfigError(f"workers must be positive, got {self.workers}")
        if self.max_streams < 1:
            raise ConfigError(f"max_streams must be positive, got {self.max_streams}")
        if self.max_streams_per_client < 1:
            raise ConfigError(f"max_streams_per_client must be positive, got {self.max_streams_per_client}")
        if self.proxies < 0:
            raise ConfigError(f"proxies must not be negative, got {self.proxies}")
        if self.cached_games < 0:
            raise ConfigError(f"cached_games must not be negative, got {self.cached_games}")
        for name in self.trusted_hosts:
            if not re.fullmatch(HOST_NAME, name):
                raise ConfigError(
                    "trusted_hosts must hold names or addresses without a port, IPv6 addresses in brackets; "
                    f"got {name!r}"
                )
        if self.write_token is not None and not re.fullmatch(PRINTABLE, self.write_token):
            raise ConfigError(
                "write_token must be printable ASCII characters, neither empty nor with a space at an end; "
                "None asks for none"
            )
