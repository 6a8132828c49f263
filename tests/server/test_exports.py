"""Games to take away: files of other programs, and moving pictures made by a worker process."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from game2048 import GameRecord
from game2048.animation import files as animation_files
from game2048.formats import parse_game
from server import GameStore, ServerConfig, create_app
from server.config import MAX_ANIMATIONS
from server.errors import BusyError, TimeLimitError
from server.exports import Kept
from tests.game2048.games import greedy, record_game


@pytest.fixture
def app(config: ServerConfig, store: GameStore, game: GameRecord) -> Flask:
    store.add(game)
    app = create_app(config, store=store)
    yield app
    app.extensions["workers"].close()


# --- files ---


@pytest.mark.parametrize(
    ("form", "content_type", "suffix"),
    [
        ("game2048", "application/json", ".json"),
        ("hobby", "application/json", ".hobby.json"),
        ("2048verse", "text/plain; charset=utf-8", ".txt"),
    ],
)
def test_a_game_is_exported(client: FlaskClient, game: GameRecord, form: str, content_type: str, suffix: str) -> None:
    response = client.get(f"/api/games/{game.id}/export?format={form}")

    assert (response.status_code, response.content_type) == (200, content_type)
    assert response.headers["Content-Disposition"] == f'attachment; filename="game-{game.id}{suffix}"'
    assert parse_game(response.data).id == game.id
    again = client.get(
        f"/api/games/{game.id}/export?format={form}", headers={"If-None-Match": response.headers["ETag"]}
    )
    assert (again.status_code, again.data) == (304, b"")


def test_our_form_is_the_default_and_keeps_who_played(client: FlaskClient, game: GameRecord) -> None:
    assert parse_game(client.get(f"/api/games/{game.id}/export").data) == game


@pytest.mark.parametrize(
    ("query", "message"), [("format=pgn", "format: "), ("form=hobby", "form"), ("x=1&x=2", "once")]
)
def test_other_queries_are_refused(client: FlaskClient, game: GameRecord, query: str, message: str) -> None:
    response = client.get(f"/api/games/{game.id}/export?{query}")

    assert response.status_code == 400
    assert message in response.json["detail"]


@pytest.mark.parametrize("what", ["export", "animation"])
def test_a_game_that_is_not_there_is_not_found(client: FlaskClient, what: str) -> None:
    assert client.get(f"/api/games/{'0' * 16}/{what}").status_code == 404
    assert client.get(f"/api/games/..%2f..%2fetc/{what}").status_code == 404


def test_a_game_that_a_form_cannot_hold_is_told_why(client: FlaskClient, store: GameStore) -> None:
    set_up = record_game(seed=1, board=[[3, 1, 0, 0], [0] * 4, [0] * 4, [0] * 4], max_moves=5)
    store.add(set_up)

    response = client.get(f"/api/games/{set_up.id}/export?format=2048verse")

    assert response.status_code == 422
    assert "a board that was set up" in response.json["detail"]


# --- moving pictures ---


def test_an_animation_is_made_once(client: FlaskClient, app: Flask, game: GameRecord) -> None:
    address = f"/api/games/{game.id}/animation?first=3&last=6&size=small&theme=classic&speed=2"
    response = client.get(address)

    assert (response.status_code, response.content_type) == (200, "image/gif")
    assert response.headers["Content-Disposition"] == f'attachment; filename="game-{game.id}-3-6.gif"'
    with Image.open(io.BytesIO(response.data)) as gif:
        assert (gif.width, gif.n_frames > 5) == (240, True)
    app.extensions["workers"].close()
    assert client.get(address).data == response.data
    assert client.get(address.replace("last=6", "last=7")).status_code == 503


@pytest.mark.parametrize(("kind", "start"), [("mp4", b"ftyp"), ("webm", b"webm")])
def test_a_video_comes_whole_and_in_parts(client: FlaskClient, game: GameRecord, kind: str, start: bytes) -> None:
    """Players of videos ask for parts."""
    pytest.importorskip("imageio_ffmpeg")
    address = f"/api/games/{game.id}/animation?format={kind}&last=3&size=small"
    response = client.get(address)

    assert (response.status_code, response.content_type) == (200, f"video/{kind}")
    assert start in response.data[:60]
    part = client.get(address, headers={"Range": "bytes=4-19"})
    assert (part.status_code, part.data) == (206, response.data[4:20])


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ("first=5&last=2", 422, "The plies must be from 0 to"),
        ("first=131072", 422, "The plies must be from 0 to"),
        ("last=131072", 422, "The plies must be from 0 to"),
        ("first=-1", 400, "first: "),
        ("last=131073", 400, "last: "),
        ("last=null", 400, "last: expected a value, got 'null'."),
        ("speed=0.25&first=0&last=50", 422, "At 0.25x an animation has at most 32 plies, got 50: choose fewer"),
        ("speed=3", 400, "speed: "),
        ("size=huge", 400, "size: "),
        ("format=avi", 400, "format: "),
        ("path=/etc/passwd", 400, "path"),
    ],
)
def test_an_animation_out_of_range_is_refused(
    client: FlaskClient, game: GameRecord, query: str, status: int, message: str
) -> None:
    response = client.get(f"/api/games/{game.id}/animation?{query}")

    assert response.status_code == status
    assert message in response.json["detail"]


@pytest.mark.parametrize(("error", "status"), [(BusyError("64 jobs are waiting"), 503), (TimeLimitError("late"), 503)])
def test_busy_workers_are_told_and_leave_nothing_behind(
    app: Flask, client: FlaskClient, game: GameRecord, monkeypatch, tmp_path, error: Exception, status: int
) -> None:
    def fail(task: str, arguments: dict, *, seconds: float) -> None:
        assert arguments["path"].startswith(str(tmp_path))
        raise error

    monkeypatch.setattr(app.extensions["workers"], "run", fail)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    assert client.get(f"/api/games/{game.id}/animation?last=3").status_code == status
    assert list(tmp_path.glob("game2048-*")) == []


def test_a_server_without_ffmpeg_says_so(client: FlaskClient, game: GameRecord, monkeypatch) -> None:
    """The worker finds no ffmpeg; here the task runs in this process."""
    from server.workers.animating import animate
    from server.workers.tasks import TaskError

    monkeypatch.setattr(animation_files, "find_spec", lambda name: None)
    job = {"game": game.to_bytes(), "path": "nowhere", "kind": "mp4", "first": 0, "last": 1, "settings": {}}
    with pytest.raises(TaskError, match="mp4 files need ffmpeg"):
        next(animate(job, lambda: None))


def test_what_is_kept_has_a_limit() -> None:
    kept = Kept(100)
    for key in ("a", "b"):
        kept.keep(key, 40 * b"x")
    assert kept.get("a") == 40 * b"x"

    kept.keep("c", 40 * b"x")

    held = [key for key in "abc" if kept.get(key)]
    assert held == ["a", "c"], "of three, the one that was asked for longest ago goes"
    kept.keep("d", 200 * b"x")
    assert kept.get("d") is None, "what is larger than all room is not kept"


def test_animations_are_made_one_at_a_time_and_few_may_wait(
    app: Flask, game: GameRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks for many leaves the workers to others between two of them."""
    making, made, go_on = [], [], threading.Event()

    def write(task: str, arguments: dict, *, seconds: float) -> None:
        making.append(arguments["last"])
        assert len(making) == 1
        assert go_on.wait(20)
        Path(arguments["path"]).write_bytes(b"picture")
        made.append(making.pop())

    def ask(last: int) -> int:
        status: int = app.test_client().get(f"/api/games/{game.id}/animation?last={last}").status_code
        if status == 503:
            go_on.set()  # there is no more room
        return status

    monkeypatch.setattr(app.extensions["workers"], "run", write)
    with ThreadPoolExecutor(MAX_ANIMATIONS + 1) as clients:
        statuses = list(clients.map(ask, [3, 3, *range(4, MAX_ANIMATIONS + 3)]))

    assert sorted(statuses) == [200] * MAX_ANIMATIONS + [503]
    assert len(made) == len(set(made)), "two who ask for the same get the same"


def test_the_default_range_of_a_long_game_is_refused_with_its_limit(client: FlaskClient, store: GameStore) -> None:
    long = record_game(seed=7, policy=greedy)
    store.add(long)
    assert long.n_moves > 200

    response = client.get(f"/api/games/{long.id}/animation")

    assert response.status_code == 422
    assert "At 1x an animation has at most 130 plies" in response.json["detail"]


def test_making_animations_is_limited_and_asking_for_parts_of_one_is_not(
    app: Flask, client: FlaskClient, game: GameRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(task: str, arguments: dict, *, seconds: float) -> None:
        Path(arguments["path"]).write_bytes(b"picture")

    monkeypatch.setattr(app.extensions["workers"], "run", write)
    address = f"/api/games/{game.id}/animation?last="
    statuses = [client.get(f"{address}{last}").status_code for last in range(12)]

    assert statuses == [200] * 10 + [429] * 2
    parts = [client.get(f"{address}3", headers={"Range": f"bytes={k % 7}-"}).status_code for k in range(30)]
    assert parts == [206] * 30
