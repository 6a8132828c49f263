"""The JSON interface, as its users meet it."""

import gzip
import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from game2048 import GameRecord
from game2048.formats import format_game, format_hobby
from server import GameStore, ServerConfig, ServerError, StoreError, create_app
from server.errors import BusyError, TimeLimitError
from server.store import tables
from tests.game2048.games import NEARLY_65536, greedy, record_game
from tests.game2048.test_formats import NOT_GAMES

Json = dict[str, Any]


def upload(client: FlaskClient, data: bytes, **kwargs: Any) -> TestResponse:
    return client.post("/api/games", data=data, content_type="application/json", **kwargs)


def assert_problem(response: TestResponse, status: int, detail: str = "") -> Json:
    """The answer is a problem as in RFC 9457."""
    assert response.status_code == status
    assert response.content_type == "application/problem+json"
    problem = response.get_json()
    assert problem["type"] == "about:blank"
    assert problem["status"] == status
    assert problem["title"]
    assert re.search(detail, problem["detail"]), problem["detail"]
    return problem


# --- the list ---


def test_an_empty_server_lists_no_games(client: FlaskClient) -> None:
    assert client.get("/api/games").json == {"games": [], "next": None, "writes": "open"}


@pytest.mark.parametrize(
    ("setting", "writes"),
    [
        ({"write_token": "secret"}, "token"),
        ({"read_only": True}, "off"),
        ({"read_only": True, "write_token": "secret"}, "off"),
    ],
)
def test_the_list_tells_who_may_change_it(store: GameStore, setting: Json, writes: str) -> None:
    client = create_app(ServerConfig(**setting), store=store).test_client()

    assert client.get("/api/games").json["writes"] == writes


def test_the_list_tells_what_there_is_best_first(client: FlaskClient, store: GameStore, game: GameRecord) -> None:
    other = record_game(seed=2**64 - 1, max_moves=20)
    store.add_many([other, game])

    response = client.get("/api/games")

    assert response.headers["Cache-Control"] == "no-store"
    first, second = response.json["games"]
    assert first["score"] > second["score"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", first.pop("created_at"))
    assert first.pop("board") == game.boards[-1].ravel().tolist()
    assert first == {key: game.to_json()[key] for key in ("id", "agent", "score", "max_tile", "n_moves", "seed")}
    assert second["seed"] == "18446744073709551615"  # JavaScript would round the number


def test_a_reader_walks_through_the_pages(client: FlaskClient, store: GameStore, games: list[GameRecord]) -> None:
    store.add_many(games)
    seen, query = [], {"limit": "10"}

    while True:
        page = client.get("/api/games", query_string=query).json
        seen += [game["id"] for game in page["games"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]

    assert seen == [game.id for game in sorted(games, key=lambda game: (game.score, game.id), reverse=True)]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("sort=moves&order=asc", lambda game: True),
        ("sort=score&order=asc&agent=corner", lambda game: game["agent"] == "corner"),
        ("sort=score&order=asc&min_score=700&max_score=1500", lambda game: 700 <= game["score"] <= 1500),
        ("sort=tile&order=asc&tile=64", lambda game: game["max_tile"] == 64),
        ("sort=date&order=asc&since=2026-01-01&until=9999-12-31", lambda game: True),
        ("sort=date&order=asc&until=0001-01-01", lambda game: False),
        ("agent=%00", lambda game: False),
    ],
)
def test_a_reader_asks_for_some_games(
    client: FlaskClient, store: GameStore, games: list[GameRecord], game: GameRecord, query: str, wanted: Any
) -> None:
    """Orders and filters are those of the store; here, that each is handed on."""
    store.add_many([*games, game])
    sort = {"moves": "n_moves", "tile": "max_tile", "date": "created_at"}.get(query.split("&")[0][5:], "score")
    every = client.get("/api/games").json["games"]

    listed = client.get(f"/api/games?{query}").json["games"]

    assert {game["id"] for game in listed} == {game["id"] for game in every if wanted(game)}
    assert [game[sort] for game in listed] == sorted(game[sort] for game in listed)


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "", "1e3", "9" * 50, "٣", " 5", "5.5"])
def test_a_bad_limit_is_a_bad_request(client: FlaskClient, limit: str) -> None:
    assert_problem(client.get("/api/games", query_string={"limit": limit}), 400, f"limit: .*, got '{limit[:9]}")


@pytest.mark.parametrize(
    "query",
    [
        *("sort=rank", "order=up", "sort=", "sort=score&sort=tile", "colour=red", f"agent={'x' * 201}"),
        *(f"{name}={value}" for name in ("min_score", "max_score") for value in ("-1", "x", 2**53, "NaN", "1e400")),
        *("tile=1", "tile=262144", "since=yesterday", "until=2026-02-30", "since=2026-1-1", "until=10000-01-01"),
        f"cursor={'1' * 101}",
    ],
)
def test_a_bad_question_is_a_bad_request_that_names_it(client: FlaskClient, query: str) -> None:
    name = query.partition("=")[0]

    assert_problem(client.get(f"/api/games?{query}"), 400, f"{name}:|'{name}'|`{name}`")


def test_a_cursor_of_another_order_is_a_bad_request(
    client: FlaskClient, store: GameStore, games: list[GameRecord]
) -> None:
    store.add_many(games)
    cursor = client.get("/api/games?limit=1").json["next"]

    assert client.get(f"/api/games?limit=1&cursor={cursor}").status_code == 200
    assert_problem(client.get(f"/api/games?sort=date&cursor={cursor}"), 400, "cursor must be the 'next' of a page in")


def test_agents_are_listed_the_busiest_first(client: FlaskClient, store: GameStore, games: list[GameRecord]) -> None:
    store.add_many([*games[:3], GameRecord(start=games[3].start, plies=games[3].plies, agent="teacher")])

    response = client.get("/api/agents")

    assert response.json == {"agents": [{"name": "corner", "games": 3}, {"name": "teacher", "games": 1}]}
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "cursor", ["", "x", "0-1-2", "0-" + "9" * 30 + "-" + "0" * 16, "5-" + "0" * 16, "\0", "' OR 1=1"]
)
def test_a_bad_cursor_is_a_bad_request(client: FlaskClient, cursor: str) -> None:
    assert_problem(client.get("/api/games", query_string={"cursor": cursor}), 400, "cursor must be the 'next'")


# --- one game ---


@pytest.fixture
def path(store: GameStore, game: GameRecord) -> str:
    """The path of a game that is there."""
    return f"/api/games/{store.add(game)[0]}"


def test_a_game_comes_as_its_record(client: FlaskClient, path: str, game: GameRecord) -> None:
    response = client.get(path)

    values = response.json
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", values.pop("created_at"))
    assert values == game.to_json()
    assert response.content_type == "application/json"
    assert b'": ' not in response.data
    assert response.headers["Cache-Control"] == "public, max-age=86400, immutable"


def test_a_game_is_compressed_for_those_who_take_it(client: FlaskClient, path: str) -> None:
    plain = client.get(path)
    packed = client.get(path, headers={"Accept-Encoding": "br, gzip"})

    assert gzip.decompress(packed.data) == plain.data
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.content_length == len(packed.data) < len(plain.data)
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("encodings", ["", "identity", "br", "gzip;q=0", "*;q=0"])
def test_a_game_stays_plain_for_those_who_do_not(client: FlaskClient, path: str, encodings: str) -> None:
    response = client.get(path, headers={"Accept-Encoding": encodings})

    assert "Content-Encoding" not in response.headers


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_known_game_is_not_sent_again(client: FlaskClient, path: str, encoding: str) -> None:
    first = client.get(path, headers={"Accept-Encoding": encoding})
    tag = first.headers["ETag"]

    for condition in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = client.get(path, headers={"Accept-Encoding": encoding, "If-None-Match": condition})

        assert again.status_code == 304
        assert again.data == b""
        assert again.headers["ETag"] == tag
        assert again.headers["Vary"] == "Accept-Encoding"
        assert again.headers["Cache-Control"] == first.headers["Cache-Control"]


def test_entity_tags_are_strong_and_name_bytes(client: FlaskClient, path: str) -> None:
    plain = client.get(path)
    packed = client.get(path, headers={"Accept-Encoding": "gzip"})

    assert plain.headers["ETag"] != packed.headers["ETag"]
    assert plain.headers["ETag"].startswith('"')
    other = client.get(path, headers={"Accept-Encoding": "gzip", "If-None-Match": plain.headers["ETag"]})
    assert other.status_code == 200


def test_head_tells_the_size_without_the_game(client: FlaskClient, path: str) -> None:
    response = client.head(path)

    assert (response.status_code, response.data) == (200, b"")
    assert response.content_length == len(client.get(path).data)
    assert response.headers["ETag"] == client.get(path).headers["ETag"]


def test_a_game_is_read_and_compressed_once(
    client: FlaskClient, store: GameStore, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.get(path)
    monkeypatch.setattr(store, "get", None)

    assert client.get(path, headers={"Accept-Encoding": "gzip"}).status_code == 200


@pytest.mark.parametrize("game_id", ["0" * 16, "x", "%00", "%F0%9F%8E%B2", "..", "a" * 5000])
def test_an_unknown_game_is_not_found(client: FlaskClient, game_id: str) -> None:
    assert_problem(client.get(f"/api/games/{game_id}"), 404)


def test_a_game_that_another_process_deletes_is_gone_within_a_second(
    client: FlaskClient, store: GameStore, path: str, game: GameRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("server.game_bodies.time.monotonic", lambda: now)
    client.get(path)
    store.delete(game.id)
    now += 1

    assert client.get(path).status_code == 404


def test_a_game_that_another_process_adds_again_is_told_anew_within_a_second(
    client: FlaskClient, store: GameStore, path: str, game: GameRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("server.game_bodies.time.monotonic", lambda: now)
    client.get(path)
    with store._database.writing() as connection:
        connection.execute(
            tables.games.update().values(agent="somebody else", created_at=tables.games.c.created_at + 9)
        )
    now += 1

    assert client.get(path).json["agent"] == "somebody else"


def test_a_game_that_comes_again_is_told_anew(
    client: FlaskClient, store: GameStore, path: str, game: GameRecord
) -> None:
    client.get(path)
    client.delete(path)
    store.add(GameRecord(start=game.start, plies=game.plies, agent="somebody else"))

    assert client.get(path).json["agent"] == "somebody else"


# --- deleting ---


def test_a_deleted_game_is_gone_at_once(client: FlaskClient, store: GameStore, path: str, game: GameRecord) -> None:
    store.analyses.put(game.id, "teacher", b"thoughts", 1, {})
    client.get(path)

    response = client.delete(path)

    assert (response.status_code, response.data) == (204, b"")
    assert_problem(client.get(path), 404)
    assert_problem(client.delete(path), 404)
    assert client.get("/api/games").json["games"] == []
    assert store.analyses.list(game.id) == []


@pytest.mark.parametrize("game_id", ["0" * 16, "x", "%00", "%F0%9F%8E%B2", "a" * 5000])
def test_a_game_that_is_not_there_cannot_be_deleted(client: FlaskClient, game_id: str) -> None:
    assert_problem(client.delete(f"/api/games/{game_id}"), 404)


@pytest.mark.parametrize(
    ("setting", "headers", "status"),
    [
        ({"read_only": True}, {}, 403),
        ({"write_token": "secret"}, {}, 401),
        ({"write_token": "secret"}, {"Authorization": "Bearer wrong"}, 401),
        ({}, {"Sec-Fetch-Site": "cross-site"}, 403),
        ({}, {"Origin": "https://example.com"}, 403),
        ({"write_token": "secret"}, {"Authorization": "Bearer secret"}, 204),
    ],
)
def test_who_may_add_may_delete(
    store: GameStore, game: GameRecord, setting: Json, headers: dict[str, str], status: int
) -> None:
    store.add(game)
    client = create_app(ServerConfig(**setting), store=store).test_client()

    response = client.delete(f"/api/games/{game.id}", headers=headers)

    assert response.status_code == status
    assert (game.id in store) == (status != 204)


# --- uploads ---


@pytest.mark.parametrize("form", [format_game, format_hobby])
def test_an_uploaded_game_is_there(client: FlaskClient, game: GameRecord, form: Any) -> None:
    response = upload(client, form(game))

    assert response.status_code == 201
    assert response.json == {
        "id": game.id,
        "score": game.score,
        "max_tile": game.max_tile,
        "n_moves": game.n_moves,
    }
    assert client.get(response.location).json["plies"] == game.to_json()["plies"]


def test_the_same_game_again_is_no_news(client: FlaskClient, game: GameRecord) -> None:
    first, again, hobby = (upload(client, data) for data in (format_game(game), format_game(game), format_hobby(game)))

    assert (first.status_code, again.status_code, hobby.status_code) == (201, 200, 200)
    assert first.json == again.json == hobby.json
    assert first.location == again.location


def test_what_was_downloaded_can_be_uploaded(
    client: FlaskClient, path: str, tmp_path: Any, config: ServerConfig
) -> None:
    downloaded = client.get(path).data

    with GameStore(f"sqlite:///{tmp_path}/other.sqlite") as other:
        assert upload(create_app(config, store=other).test_client(), downloaded).status_code == 201


def test_a_game_beyond_65536_is_taken(client: FlaskClient) -> None:
    game = record_game(seed=5, policy=greedy, board=NEARLY_65536)

    assert upload(client, format_game(game)).json["max_tile"] == 65536


def test_a_game_from_a_board_that_was_set_up_is_marked_and_listed_last(client: FlaskClient, game: GameRecord) -> None:
    boast = GameRecord(start=[17] * 15 + [1], plies=[])
    for record in (boast, game):
        assert upload(client, format_game(record)).status_code == 201

    first, second = client.get("/api/games").json["games"]

    assert (first["id"], second["id"]) == (game.id, boast.id)
    assert "set_up" not in first
    assert second["set_up"] is True
    assert client.get(f"/api/games/{boast.id}").json["set_up"] is True
    assert "set_up" not in client.get(f"/api/games/{game.id}").json


def test_uploads_at_once_are_kept_once(app: Flask, games: list[GameRecord], store: GameStore) -> None:
    def send(game: GameRecord) -> int:
        return upload(app.test_client(), format_game(game)).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(send, games * 3))

    assert sorted(statuses) == [200] * 2 * len(games) + [201] * len(games)
    assert store.count() == len(games)


def test_a_tampered_game_is_refused_with_ply_and_reason(
    client: FlaskClient, game: GameRecord, store: GameStore
) -> None:
    hobby = json.loads(format_hobby(game))
    hobby["gameplay"]["gameplay"][99]["reward"] += 2

    problem = assert_problem(upload(client, json.dumps(hobby).encode()), 422, "ply 100: the reward is")

    assert problem["ply"] == 100
    assert store.count() == 0


def test_a_boast_is_refused(client: FlaskClient, game: GameRecord, store: GameStore) -> None:
    data = json.dumps(game.to_json() | {"score": 10**6}).encode()

    problem = assert_problem(upload(client, data), 422, r"score is \d+ by the rules, got 1000000")

    assert "ply" not in problem
    assert store.count() == 0


@pytest.mark.parametrize("data", [data for data, _ in NOT_GAMES.values()], ids=NOT_GAMES.keys())
def test_what_is_no_game_is_refused(app: Flask, store: GameStore, data: bytes) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 2**22

    assert_problem(upload(app.test_client(), data), 422, ".")

    assert store.count() == 0


@pytest.mark.parametrize(
    "change",
    [
        {"start": [True] * 16},
        {"start": [[0] * 4] * 4},
        {"start": [18] + [0] * 15},
        {"start": [-1] + [0] * 15},
        {"start": [10**30] + [0] * 15},
        {"start": None},
        {"plies": None},
        {"plies": ["A"]},
        {"plies": {"A": 1}},
        {"plies": "\ud83c\udfb2"},
        {"plies": "A" * 250_001},
        {"plies": "zzzzzzzz"},
        {"seed": 2**64},
        {"seed": 1e3},
        {"seed": "x"},
        {"agent": 5},
        {"agent": "x" * 201},
        {"agent": "\0"},
        {"n_moves": {}},
        {"score": [[[]]]},
        {"version": [1]},
        {"ruleset": 2048},
    ],
)
def test_a_game_with_a_wrong_field_is_refused(
    client: FlaskClient, game: GameRecord, store: GameStore, change: Json
) -> None:
    assert_problem(upload(client, json.dumps(game.to_json() | change).encode()), 422, ".")

    assert store.count() == 0


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_form_cannot_upload(client: FlaskClient, game: GameRecord, content_type: str) -> None:
    response = client.post("/api/games", data=format_game(game), content_type=content_type)

    assert_problem(response, 415, "application/json")


def test_a_compressed_upload_is_refused(client: FlaskClient, game: GameRecord) -> None:
    data = gzip.compress(format_game(game))

    assert_problem(upload(client, data, headers={"Content-Encoding": "gzip"}), 415, "must not be compressed")


def test_an_upload_that_is_too_large_is_refused(client: FlaskClient) -> None:
    assert_problem(upload(client, b" " * 300_001), 413)
    assert_problem(upload(client, b" " * 300_000), 422)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost:9999"},
        {"Origin": "null"},
        {"Origin": "http://["},
    ],
)
def test_another_site_cannot_upload(client: FlaskClient, game: GameRecord, headers: dict[str, str]) -> None:
    assert_problem(upload(client, format_game(game), headers=headers), 403, "other sites")


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}, {"Sec-Fetch-Site": "none"}]
)
def test_our_own_page_can_upload(client: FlaskClient, game: GameRecord, headers: dict[str, str]) -> None:
    assert upload(client, format_game(game), headers=headers).status_code == 201


def test_a_read_only_server_takes_nothing(store: GameStore, game: GameRecord) -> None:
    client = create_app(ServerConfig(read_only=True), store=store).test_client()

    assert_problem(upload(client, format_game(game)), 403, "for reading only")


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer wrong", "Basic secret", "Bearer \xe9", "secret"])
def test_a_server_with_a_token_asks_for_it(store: GameStore, game: GameRecord, authorization: str | None) -> None:
    client = create_app(ServerConfig(write_token="secret"), store=store).test_client()
    headers = {} if authorization is None else {"Authorization": authorization}

    response = upload(client, format_game(game), headers=headers)

    assert_problem(response, 401, "token")
    assert response.headers["WWW-Authenticate"].lower() == "bearer"
    assert upload(client, format_game(game), headers={"Authorization": "Bearer secret"}).status_code == 201


# --- everything else ---


def test_health_tells_version_and_games(client: FlaskClient, path: str) -> None:
    answer = client.get("/api/health").json

    assert answer["status"] == "ok"
    assert answer["games"] == 1
    assert re.fullmatch(r"\d+\.\d+\.\d+", answer["version"])


def test_an_unknown_path_is_a_problem(client: FlaskClient) -> None:
    assert_problem(client.get("/api/nothing"), 404)


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/api/games"), ("PUT", f"/api/games/{'0' * 16}")])
def test_a_method_that_is_not_there_is_a_problem(client: FlaskClient, method: str, path: str) -> None:
    response = client.open(path, method=method)

    assert_problem(response, 405)
    assert "GET" in response.headers["Allow"]


def test_a_database_that_fails_is_unavailable_and_not_described(
    client: FlaskClient, store: GameStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> int:
        raise StoreError("/secret/path: disk I/O error")

    monkeypatch.setattr(store, "count", fail)

    response = client.get("/api/health")

    assert_problem(response, 503)
    assert response.headers["Retry-After"] == "5"
    assert b"secret" not in response.data
    assert "/secret/path: disk I/O error" in caplog.text


def test_a_fault_of_ours_is_a_500_and_not_described(
    client: FlaskClient, store: GameStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(store, "count", lambda: 1 // 0)

    response = client.get("/api/health")

    assert_problem(response, 500)
    assert b"division" not in response.data
    assert "ZeroDivisionError" in caplog.text
    assert "Content-Security-Policy" in response.headers


@pytest.mark.parametrize("error", [BusyError("busy"), TimeLimitError("late"), StoreError("locked")])
def test_what_may_go_better_soon_says_when(
    client: FlaskClient, store: GameStore, monkeypatch: pytest.MonkeyPatch, error: ServerError
) -> None:
    def fail() -> int:
        raise error

    monkeypatch.setattr(store, "count", fail)

    answer = client.get("/api/health")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


@pytest.mark.parametrize("path", ["/api/games/0123456789abcdef", "/api/games?limit=0", "/api//games", "/nothing"])
def test_errors_lead_nowhere_and_are_not_kept(client: FlaskClient, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code in (400, 404)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Location" not in answer.headers
