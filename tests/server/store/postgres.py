"""A real PostgreSQL server, as Debian's package ``postgresql`` has it, for as long as some tests take."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from tests.needs import missing

SECONDS = 30.0
QUICK = ("fsync=off", "full_page_writes=off")  # nothing has to outlive a power cut


def program(name: str) -> str:
    """Return the path of a program of PostgreSQL; Debian keeps those of the server out of the way."""
    found = shutil.which(name) or next(map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), None)
    return found or missing(f"there is no {name}: install the package postgresql")


class PostgresServer:
    """Listens on a socket in a folder of its own; run as the user ``postgres`` where root runs the tests."""

    def __enter__(self) -> Self:
        self._user = "postgres" if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))  # short: the path of a socket has 107 characters at most
        self._numbers = count()
        if self._user is not None:
            shutil.chown(self._folder, self._user)
        initdb = [program("initdb"), "--pgdata", "data", "--username", "postgres", "--auth", "trust"]
        self._run = {"user": self._user, "cwd": self._folder}
        subprocess.run([*initdb, "--encoding", "UTF8", "--no-sync"], check=True, capture_output=True, **self._run)
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = [option for setting in (*QUICK, "listen_addresses=") for option in ("-c", setting)]
        command = [program("postgres"), "-D", "data", "-k", self._folder, *options]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stderr=log, stdout=log, **self._run)
        end = time.monotonic() + SECONDS
        while True:
            try:
                return self._connect().close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > end:
                    self.stop()
                    raise RuntimeError((self._folder / "log").read_text()) from None
                time.sleep(0.05)

    def stop(self) -> None:
        """Stop it at once, whoever is connected."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(SECONDS)

    def new_database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"games_{next(self._numbers)}"
        with self._connect() as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://postgres@/{name}?host={self._folder}"

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(host=str(self._folder), user="postgres", dbname="postgres", autocommit=True)
