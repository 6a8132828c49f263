"""Pages, static files, and what goes with every answer."""

import gzip
import re
from importlib.resources import files
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from game2048 import GameRecord
from server import AssetsError, ConfigError, GameStore, ServerConfig, create_app
from server.pages import GAME_PAGE, PAGES, Pages

STATIC = Path(str(files("web") / "static"))
ASSETS = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file())


# --- pages ---


def test_the_first_page_is_the_list(client: FlaskClient) -> None:
    response = client.get("/")

    assert response.status_code == 200
    assert response.content_type == "text/html; charset=utf-8"
    assert b'<ul id="games"' in response.data


def test_a_game_has_a_page(client: FlaskClient, store: GameStore, game: GameRecord) -> None:
    store.add(game)

    response = client.get(f"/games/{game.id}")

    assert response.status_code == 200
    assert b'<div id="viewer"' in response.data


def test_the_page_of_an_unknown_game_is_the_viewer_which_says_so(client: FlaskClient) -> None:
    response = client.get("/games/0000000000000000")

    assert response.status_code == 404
    assert b'<div id="viewer"' in response.data


def test_an_unknown_page_says_so_to_people(client: FlaskClient) -> None:
    response = client.get("/<script>")

    assert response.status_code == 404
    assert response.content_type == "text/html; charset=utf-8"
    assert b"<h1>Not Found</h1>" in response.data
    assert b"<script>" not in response.data


def test_a_page_takes_no_post(client: FlaskClient) -> None:
    response = client.post("/")

    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]
    assert b"<h1>Method Not Allowed</h1>" in response.data


def test_pages_hold_nothing_that_the_policy_blocks() -> None:
    for page in (STATIC.parent / "pages").glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\bsrc=)|=\"data:|https?://", text), page.name


# --- static files ---


@pytest.mark.parametrize("name", ASSETS)
def test_every_file_is_served_as_what_it_is(client: FlaskClient, name: str) -> None:
    kinds = {
        ".css": "text/css; charset=utf-8",
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".png": "image/png",
        ".svg": "image/svg+xml",
    }
    response = client.get(f"/static/{name}")

    assert response.status_code == 200
    assert response.content_type == kinds[Path(name).suffix]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.data == (STATIC / name).read_bytes()


def test_files_are_asked_for_again_but_sent_once(client: FlaskClient) -> None:
    first = client.get("/static/css/page.css", headers={"Accept-Encoding": "gzip"})

    known = {"Accept-Encoding": "gzip", "If-None-Match": first.headers["ETag"]}
    again = client.get("/static/css/page.css", headers=known)

    assert gzip.decompress(first.data) == (STATIC / "css/page.css").read_bytes()
    assert first.headers["Cache-Control"] == "no-cache"
    assert (again.status_code, again.data) == (304, b"")


def test_a_changed_file_is_sent_anew(tmp_path: Path, store: GameStore) -> None:
    """Even if its time and size are the same, as those of a wheel's files may be."""
    folder = tmp_path / "pages"
    folder.mkdir()
    for name in (*PAGES.values(), GAME_PAGE):
        (folder / name).write_text("one")
    pages = Pages(store, tmp_path)
    app = create_app(store=store)
    with app.test_request_context():
        before = pages.page("index.html").headers["ETag"]
        (folder / "index.html").write_text("two")
        after = pages.page("index.html")

    assert after.data == b"two"
    assert after.headers["ETag"] != before


def test_missing_files_are_noticed_at_the_start(tmp_path: Path, store: GameStore) -> None:
    with pytest.raises(AssetsError, match=r"the page index\.html is missing"):
        Pages(store, tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "none.js",
        "js",
        "js/",
        "../__init__.py",
        "..%2f__init__.py",
        "js/../../__init__.py",
        "%2e%2e/__init__.py",
        "..%5c__init__.py",
        "C:%5cWindows",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "js//main-list.js",
        "%00",
        "x" * 300,
        "%F0%9F%8E%B2",
        "",
    ],
)
def test_no_name_leads_out_of_the_folder(client: FlaskClient, name: str) -> None:
    response = client.get(f"/static/{name}", follow_redirects=False)

    assert response.status_code in (404, 308)
    assert client.get(f"/static/{name}", follow_redirects=True).data.count(b"root:") == 0


def test_the_icon_is_where_browsers_look(client: FlaskClient) -> None:
    assert client.get("/favicon.ico").content_type == "image/svg+xml"


def test_the_icon_is_not_asked_for_at_every_ply(client: FlaskClient) -> None:
    """Chromium fetches it whenever the address changes."""
    assert client.get("/static/favicon.svg").headers["Cache-Control"] == "max-age=86400"


# --- headers and hosts ---


@pytest.mark.parametrize("path", ["/", "/api/games", "/static/favicon.svg", "/nothing", "/api/nothing"])
def test_every_answer_is_guarded(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers

    assert headers["Content-Security-Policy"] == (
        "default-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; form-action 'self'"
    )
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers
    assert "Set-Cookie" not in headers


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:2048", "127.0.0.1:1", "[::1]", "[::1]:2048", "localhost."])
def test_this_machine_is_trusted(client: FlaskClient, host: str) -> None:
    assert client.get("/api/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "[::2]", "a b", "", "localhost:x", "@"]
)
def test_a_foreign_host_is_refused(client: FlaskClient, host: str) -> None:
    page, api = (client.get(path, headers={"Host": host}) for path in ("/", "/api/health"))

    assert page.status_code == api.status_code == 400
    assert page.content_type == "text/html; charset=utf-8"
    assert api.content_type == "application/problem+json"
    assert "Content-Security-Policy" in page.headers


def test_configured_hosts_are_trusted(store: GameStore) -> None:
    config = ServerConfig(trusted_hosts=("Games.example.org", ".example.net", "192.168.0.7", "[2001:db8::1]"))
    client = create_app(config, store=store).test_client()

    hosts = (
        "games.example.org:80",
        "example.net",
        "a.example.net",
        "192.168.0.7:2048",
        "[2001:db8::1]:2048",
        "x.games.example.org",
    )
    statuses = [client.get("/api/health", headers={"Host": host}).status_code for host in hosts]

    assert statuses == [200, 200, 200, 200, 200, 400]


# --- settings ---


def test_the_database_of_the_settings_is_opened(url: str) -> None:
    app = create_app(ServerConfig(database=url))

    assert app.test_client().get("/api/health").json["games"] == 0
    app.extensions["game_store"].close()


@pytest.mark.parametrize(
    "setting",
    [
        {"max_upload_bytes": 0},
        {"cached_games": -1},
        *({"write_token": token} for token in ("", " ", "é", "schlüssel", "two\nlines", " secret", "secret ")),
        *(
            {"trusted_hosts": ("example.org", name)}
            for name in (
                "",
                " ",
                ".",
                "a b",
                "example.org:80",
                "[::1]:80",
                "2001:db8::1",
                "http://example.org",
                "é.org",
            )
        ),
    ],
)
def test_an_impossible_setting_is_named(setting: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(setting))):
        ServerConfig(**setting)


def test_the_token_is_not_shown() -> None:
    assert "secret" not in repr(ServerConfig(write_token="secret"))
