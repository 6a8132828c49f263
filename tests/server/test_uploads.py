"""Uploads of whatever kind: what is no game is refused with a reason, and nothing of it is kept."""

import json
import re
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from game2048 import Game
from game2048.formats import format_game, format_hobby, parse_game
from game2048.record import PLY_CHARACTERS
from server import GameStore, ServerConfig, create_app
from tests.game2048.games import greedy, record_game, thoughts, with_probabilities
from tests.game2048.test_other_formats import new_verse, old_verse, rpl
from tests.server.library import assert_whole

GAME = record_game(seed=7, policy=greedy, max_moves=40)


def hobby(game: Any, *, outer: bool = True, exponents: bool = False) -> bytes:
    """A naive writer of the hobby form in its variants."""
    plies = [
        {
            "move_made": code >> 5,
            "new_tile_idx": [code >> 3 & 3, code >> 1 & 3],
            "new_tile_val": 4 if code & 1 else 2,
            "move_idx": number,
            "reward": int(reward),
        }
        for number, (code, reward) in enumerate(zip(game.plies.tolist(), game.rewards, strict=True), 1)
    ]
    board = [[e if exponents or not e else 1 << e for e in row] for row in game.start.tolist()]
    inner = {"initialboard": board, "gameplay": plies}
    return json.dumps({"gameplay": inner} if outer else inner).encode()


def ours(game: Any) -> bytes:
    """A naive writer of our form, without what follows from the plies."""
    plies = "".join(PLY_CHARACTERS[code] for code in game.plies.tolist())
    head = {"format": "game2048", "version": 1, "ruleset": "2048-4x4"}
    return json.dumps(head | {"start": game.start.ravel().tolist(), "plies": plies}).encode()


WRITERS: dict[str, Callable[[Any], bytes]] = {
    "ours": ours,
    "hobby": hobby,
    "hobby without outer object": lambda game: hobby(game, outer=False),
    "hobby with exponents": lambda game: hobby(game, exponents=True),
    "2048verse": lambda game: new_verse(game).encode(),
    "2048verse, old": lambda game: old_verse(game).encode(),
    ".rpl": rpl,
}
FILES = {name: write(GAME) for name, write in WRITERS.items()} | {
    "ours, whole": format_game(GAME),
    "ours with probabilities": format_game(with_probabilities(GAME, thoughts(GAME))),
    "hobby, ours": format_hobby(GAME),
}
VALUES = (b"NaN", b"-Infinity", b"1e400", b"-1", b"1.5", b"9" * 40, b"9" * 5000, b"null", b"true", b'""', b'"\\u0000"')
VALUES += (
    b'"\\ud800"',
    b"[]",
    b"{}",
    b"[" * 5000 + b"]" * 5000,
    b'{"a":' * 5000,
    b"\xff",
    b"",
    b'"' + b"x" * 5000 + b'"',
)


def corpus(data: bytes) -> Iterator[bytes]:
    """Yield spoilt forms of a file: cut, changed, repeated, with other values where numbers and strings were."""
    places = np.linspace(0, len(data) - 1, 40).astype(int).tolist()
    yield from (data[:place] for place in places)
    for place in places:
        yield data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :]
        yield data[:place] + data[place + 25 :]
        yield data[:place] + data[place : place + 25] + data[place:]
    values = list(re.finditer(rb'(?<=[:\[,])\s*(-?\d+|"[^"]*"|null)', data))
    for token in values[:8] + values[8 :: max(1, len(values) // 6)]:
        yield from (data[: token.start(1)] + value + data[token.end(1) :] for value in VALUES)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GameStore]:
    with GameStore(f"sqlite:///{tmp_path_factory.mktemp('uploads')}/games.sqlite") as store:
        yield store
        assert_whole(store)


@pytest.fixture(scope="module")
def client(store: GameStore) -> FlaskClient:
    return create_app(ServerConfig(runs=None), store=store).test_client()


def upload(client: FlaskClient, store: GameStore, data: bytes) -> int:
    """Upload a file; the answer is that it is kept, as it is, or that it is no game, and then nothing has changed."""
    n_games = store.count()
    content_type = "application/json" if data[:1] == b"{" else "application/octet-stream"

    response = client.post("/api/games", data=data, content_type=content_type)

    if response.status_code in (200, 201):
        record = parse_game(data)
        assert response.json["id"] == record.id
        assert store.get(record.id).record.id == record.id
        assert store.count() == n_games + (response.status_code == 201)
    else:
        assert response.status_code == 422, response.data
        assert response.content_type == "application/problem+json"
        assert 0 < len(response.json["detail"]) < 300
        assert response.json.get("ply", 1) >= 1
        assert store.count() == n_games
    return response.status_code


@pytest.mark.parametrize("name", FILES)
def test_every_form_is_taken(client: FlaskClient, store: GameStore, name: str) -> None:
    assert upload(client, store, FILES[name]) in (200, 201)
    assert GAME.id in store


@pytest.mark.parametrize("name", FILES)
def test_a_spoilt_file_is_refused_or_another_game(client: FlaskClient, store: GameStore, name: str) -> None:
    statuses = [upload(client, store, data) for data in corpus(FILES[name])]

    assert statuses.count(422) > len(statuses) / 3


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("where", ["first", "middle", "last"])
def test_a_wrong_ply_is_named(client: FlaskClient, store: GameStore, name: str, where: str) -> None:
    """A move that changes nothing, in every form."""
    blocked = [
        (ply, action)
        for ply, board in enumerate(GAME.boards[:-1], 1)
        for action in np.flatnonzero(~np.asarray(Game(0, board=board).action_mask, bool)).tolist()
    ]
    ply, action = blocked[{"first": 0, "middle": len(blocked) // 2, "last": -1}[where]]
    plies = GAME.plies.copy()
    plies[ply - 1] = action << 5 | plies[ply - 1] & 31
    game = SimpleNamespace(start=GAME.start, plies=plies, rewards=GAME.rewards, boards=GAME.boards)
    n_games = store.count()

    response = client.post("/api/games", data=WRITERS[name](game), content_type="application/octet-stream")

    assert (response.status_code, response.json["ply"]) == (422, ply)
    assert "does not change the board" in response.json["detail"]
    assert store.count() == n_games


def spoil(draw: st.DrawFn, data: bytes) -> bytes:
    """Change a few places of a file."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 40)))
        middle = draw(st.sampled_from([b"", data[start:end] * 2, *VALUES]) | st.binary(max_size=20))
        data = data[:start] + middle + data[end:]
    return data


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    return spoil(draw, FILES[draw(st.sampled_from(sorted(FILES)))])


SLOW = settings(max_examples=5000, suppress_health_check=list(HealthCheck))


@given(data=spoilt() | st.binary(max_size=200))
def test_a_file_with_random_faults_is_refused_or_another_game(
    client: FlaskClient, store: GameStore, data: bytes
) -> None:
    upload(client, store, data)


@pytest.mark.slow
@SLOW
@given(data=spoilt() | st.binary(max_size=2000))
def test_thousands_of_files_with_random_faults_are_refused_or_other_games(
    client: FlaskClient, store: GameStore, data: bytes
) -> None:
    upload(client, store, data)
