"""``game2048 serve``."""

import logging
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from cli.common import MAX_THREADS, SWITCH, database_url, option, stdout
from cli.errors import CliError, UsageError, require

if TYPE_CHECKING:
    from flask import Flask

MAX_WORKERS: Final = 64
MAX_STREAMS: Final = 512
MAX_PROXIES: Final = 16
TOKEN_VARIABLE = "GAME2048_WRITE_TOKEN"  # noqa: S105 - the name of a variable, not a secret


@dataclass(frozen=True, kw_only=True)
class Serve:
    """Show recorded games and training runs in the browser.

    Listens on this machine only, unless --host says otherwise. Where other machines reach it (by --host, --trust or
    a proxy), nothing can be written, unless the environment variable GAME2048_WRITE_TOKEN holds a token; then uploads
    and deletions must carry it. Training runs are shown there only if --runs names their folder.
    """

    port: int = 2048
    """Port to listen on; 0 takes any free one."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    trust: Annotated[tuple[str, ...], option("NAME ...")] = ()
    """Names under which other machines reach the server, such as games.example.org."""
    db: Annotated[str | None, option("FILE|URL", "games.sqlite in your data folder")] = None
    """Database of games."""
    runs: Annotated[Path | None, option("DIR", "runs, on this machine only")] = None
    """Folder with the training runs that the training page shows."""
    threads: int = 4
    """Requests answered at the same time, besides streams."""
    workers: int = 1
    """Processes for heavy work, such as analyses, live games and animations."""
    max_streams: int = 32
    """Live games, analyses and other streams at the same time."""
    log_format: Annotated[Literal["text", "json"] | None, option("{text,json}", "no log")] = None
    """Log every request on the error stream, as text or JSON."""
    metrics: Annotated[bool, SWITCH] = False
    """Show /metrics (Prometheus) to other machines as well."""
    proxies: int = 0
    """Reverse proxies in front, whose X-Forwarded-For is believed."""
    no_browser: Annotated[bool, SWITCH] = False
    """Do not open the page in a browser."""

    def run(self) -> None:
        """Serve until Ctrl-C."""
        from server.app import create_app
        from server.config import ServerConfig
        from server.errors import ConfigError

        check_port_number(self.port)
        require("--threads", self.threads, 1, MAX_THREADS)
        require("--workers", self.workers, 1, MAX_WORKERS)
        require("--max-streams", self.max_streams, 1, MAX_STREAMS)
        require("--proxies", self.proxies, 0, MAX_PROXIES)
        if self.runs is not None and not self.runs.is_dir():
            raise CliError(f"there is no folder {self.runs}")
        token = os.environ.get(TOKEN_VARIABLE)
        only_here = self.host in ("127.0.0.1", "localhost", "::1") and not self.trust and not self.proxies
        try:
            config = ServerConfig(
                database=database_url(self.db),
                runs=Path("runs") if self.runs is None and only_here else self.runs,
                trusted_hosts=self.trust,
                write_token=token,
                read_only=not only_here and token is None,
                workers=self.workers,
                max_streams=self.max_streams,
                metrics=only_here or self.metrics,
                proxies=self.proxies,
            )
        except ConfigError as error:
            raise UsageError(
                str(error).replace("trusted_hosts", "--trust").replace("write_token", TOKEN_VARIABLE)
            ) from None
        if self.log_format is not None:
            from server.logs import set_up_logs

            set_up_logs(self.log_format)
        app = create_app(config)
        run_server(app, host=self.host, port=self.port, threads=self.threads, browser=not self.no_browser)


def check_port_number(port: int) -> None:
    """Check the port of the command line."""
    if not 0 <= port <= 65535:
        raise UsageError(f"--port must be from 0 to 65535, got {port}")


def check_port(port: int) -> None:
    """Make sure that this machine lets us listen on a port."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise CliError(f"port {port} cannot be used ({error.strerror}); choose another with --port") from None


def run_server(app: "Flask", *, host: str, port: int, threads: int = 4, browser: bool, page: str = "") -> None:
    """Serve until Ctrl-C; print the address of the page and open it."""
    from server.run import serve

    logging.getLogger("waitress").setLevel(logging.ERROR)  # it warns of every request that waits for a thread

    def announce(url: str) -> None:
        stdout.print(f"Open {url}{page}  (Ctrl-C stops)", soft_wrap=True)
        if browser:
            open_browser(url + page)

    serve(app, host=host, port=port, threads=threads, on_ready=announce)


def open_browser(url: str) -> None:
    """Open a page in the user's browser, if there is a screen; a terminal browser would take the terminal away."""
    import sys
    import webbrowser

    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return
    webbrowser.open(url)
