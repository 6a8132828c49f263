"""``game2048 export``: from the database or a file to a file of another program, or a picture."""

import json

import pytest
from PIL import Image

from game2048.formats import FORMATS, format_game, format_hobby, parse_game
from server import GameStore, sqlite_url
from tests.cli.test_cli import run
from tests.game2048.games import greedy, record_game
from tests.game2048.test_other_formats import old_verse, rpl


@pytest.fixture(scope="module")
def game():
    return record_game(seed=7, policy=greedy, max_moves=30)


@pytest.fixture
def database(game, tmp_path):
    path = tmp_path / "games.sqlite"
    with GameStore(sqlite_url(path)) as store:
        store.add(game)
    return path


@pytest.fixture
def file(game, tmp_path):
    path = tmp_path / "mine.json"
    path.write_bytes(format_game(game))
    return path


@pytest.mark.parametrize("form", FORMATS)
def test_a_game_of_the_database_becomes_a_file(game, database, tmp_path, capsys, form):
    out = tmp_path / "new folder" / "game"

    code, printed, _ = run(capsys, "export", game.id, "--db", database, "--format", form, "--out", out)

    assert (code, printed) == (0, f"Wrote {out} ({out.stat().st_size:,} bytes)\n")
    assert parse_game(out.read_bytes()).id == game.id


def test_a_file_is_named_by_its_game_where_nothing_else_is_said(game, file, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)

    code, printed, _ = run(capsys, "export", file, "--format", "2048verse")

    assert code == 0
    assert printed.startswith(f"Wrote game-{game.id}.txt (")
    assert parse_game((tmp_path / f"game-{game.id}.txt").read_bytes()).id == game.id


@pytest.mark.parametrize(("plies", "seconds"), [("5-9", 4 * 0.3), ("3", 3 * 0.3), (None, 30 * 0.3)])
def test_the_ending_of_the_file_asks_for_a_picture(file, tmp_path, capsys, plies, seconds):
    out = tmp_path / "game.gif"
    options = [] if plies is None else ["--plies", plies]

    code, _, _ = run(capsys, "export", file, "--out", out, "--width", 120, *options)

    assert code == 0
    with Image.open(out) as gif:
        shown = 0
        for number in range(gif.n_frames):
            gif.seek(number)
            shown += gif.info["duration"] / 1000
    assert (gif.width, shown) == (120, pytest.approx(seconds + 1, abs=0.1))


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--format", "hobby", "--plies", "1-2"], 2, "--plies is for pictures (gif, mp4, webm), a hobby file holds"),
        (["--format", "gif", "--plies", "a-b"], 2, "--plies must be two numbers such as 120-180, got 'a-b'"),
        (["--format", "gif", "--plies", "9-5"], 1, "plies must be from 0 to 30, the first before the last, got 9 to 5"),
        (["--format", "gif", "--plies", "31"], 1, "plies must be from 0 to 30"),
        (["--format", "gif", "--speed", "0"], 2, "--speed must be at least 0.25, got 0"),
        (["--format", "gif", "--width", "5000"], 2, "--width must be at most 1200, got 5000"),
        (["--format", "pgn"], 2, "pgn"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(file, tmp_path, capsys, options, code, message):
    out = tmp_path / "out"

    returned, _, printed = run(capsys, "export", file, "--out", out, *options)

    assert (returned, printed.count("\n")) == (code, 1)
    assert message in printed
    assert not out.exists()


def test_a_file_that_is_no_game_is_told_with_its_name(tmp_path, capsys):
    path = tmp_path / "spoilt.txt"
    path.write_text("replay_(!(", encoding="utf-8")

    code, _, printed = run(capsys, "export", path)

    assert code == 1
    assert f"{path}: ply 1: the new tile appears in a cell that is not empty" in printed


@pytest.mark.parametrize(("name", "message"), [("0" * 16, "there is no game with the id"), ("nowhere.json", "No such")])
def test_a_game_that_is_not_there_is_told(database, capsys, name, message):
    code, _, printed = run(capsys, "export", name, "--db", database)

    assert code == 1
    assert message in printed


def test_record_reads_every_form_of_file(game, tmp_path, capsys):
    """Also those that cannot be written; the name does not matter."""
    for name, data in {"a.rpl": rpl(game), "b.json": format_hobby(game), "c.txt": old_verse(game).encode()}.items():
        (tmp_path / name).write_bytes(data)

        code, out, _ = run(capsys, "record", "--files", tmp_path / name, "--db", tmp_path / "games.sqlite", "--json")

        assert (code, [found["id"] for found in json.loads(out)]) == (0, [game.id])
