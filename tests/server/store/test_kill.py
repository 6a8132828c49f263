"""kill -9: whatever the server has acknowledged is there when it comes back, and whatever is there is whole."""

import http.client
import re
import sqlite3
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager

import pytest

from game2048 import GameRecord
from game2048.formats import format_game
from server import GameStore
from tests.game2048.games import record_game
from tests.server.library import assert_whole, every_game

N_CLIENTS = 4
SCRIPT = """
import sys
from server import ServerConfig, create_app, serve

serve(create_app(ServerConfig(database=sys.argv[1])), port=0, on_ready=lambda url: print(url, flush=True))
"""


@contextmanager
def running(url: str) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """A server in a process of its own, and its port."""
    with subprocess.Popen([sys.executable, "-c", SCRIPT, url], stdout=subprocess.PIPE, text=True) as server:
        try:
            yield server, int(re.fullmatch(r"http://127\.0\.0\.1:(\d+)/\n", server.stdout.readline())[1])
        finally:
            server.kill()


class Clients:
    """Upload games until all are acknowledged; a game without an answer is sent again."""

    def __init__(self, games: list[GameRecord]) -> None:
        self._waiting = deque(games)
        self.acknowledged: list[GameRecord] = []
        self.unanswered = 0

    def upload_to(self, port: int) -> None:
        """Be one client, until nothing waits or the server is gone."""
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
            while self._waiting:
                try:
                    game = self._waiting.popleft()
                except IndexError:
                    return
                try:
                    connection.request("POST", "/api/games", format_game(game), {"Content-Type": "application/json"})
                    answer = connection.getresponse()
                    answer.read()
                except (OSError, http.client.HTTPException):
                    self.unanswered += 1
                    self._waiting.append(game)
                    return
                assert answer.status in (200, 201)
                self.acknowledged.append(game)


def short_games(n_games: int) -> list[GameRecord]:
    """Many short games."""
    return [record_game(seed=seed, max_moves=8) for seed in range(n_games)]


@pytest.mark.parametrize(
    ("n_games", "n_kills"), [(60, 1), pytest.param(1000, 6, marks=pytest.mark.slow)], ids=["60 games", "1000 games"]
)
def test_no_acknowledged_game_is_lost(url: str, n_games: int, n_kills: int) -> None:
    games = short_games(n_games)
    clients = Clients(games)

    for kill in range(1, n_kills + 2):
        with running(url) as (server, port), ThreadPoolExecutor(N_CLIENTS) as pool:
            uploads = [pool.submit(clients.upload_to, port) for _ in range(N_CLIENTS)]
            if kill <= n_kills:
                while len(clients.acknowledged) < n_games * kill // (n_kills + 1) and server.poll() is None:
                    time.sleep(0.0005)
                server.kill()
            wait(uploads)
            for upload in uploads:
                upload.result()
        with GameStore(url) as store:
            assert [store.get(game.id).record for game in clients.acknowledged] == clients.acknowledged

    with GameStore(url) as store:
        assert {game.id for game in every_game(store)} == {game.id for game in games}
        assert_whole(store)
    assert {game.id for game in clients.acknowledged} == {game.id for game in games}
    assert clients.unanswered >= n_kills
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
