"""Training runs, as the page and other programs meet them."""

import gzip
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from agents.td import TDLearner
from agents.training import train
from server import GameStore, RunNotFoundError, ServerConfig, create_app
from server.runs import MAX_LISTED, Runs
from tests.server.test_api import assert_problem

Json = dict[str, Any]

ROWS = [
    {"steps": 100 * i, "seconds": 4.0 * i, "mean_score": 50.0 * i, "tile_rates": {"512": 0.1 * i}, "kl": None}
    for i in (1, 2, 3)
]


def write_run(folder: Path, rows: list[Json] = ROWS, settings: Json | None = None, *, age: float = 0.0) -> Path:
    """Write a run, as old as you like."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.json").write_text(json.dumps({"algorithm": "ppo", "seed": 1} if settings is None else settings))
    append(folder, rows)
    for path in folder.iterdir():
        os.utime(path, (time.time() - age,) * 2)
    return folder


def append(folder: Path, rows: list[Json]) -> None:
    with (folder / "metrics.jsonl").open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of runs."""
    return tmp_path / "runs"


@pytest.fixture
def config(folder: Path) -> ServerConfig:
    return ServerConfig(runs=folder)


# --- the list ---


@pytest.mark.parametrize("make", [lambda folder: None, Path.mkdir, Path.touch], ids=["missing", "empty", "a file"])
def test_a_folder_without_runs_lists_none(client: FlaskClient, folder: Path, make: Any) -> None:
    make(folder)

    assert client.get("/api/runs").json == {"runs": [], "left_out": 0}


def test_a_server_without_a_folder_lists_none(store: GameStore) -> None:
    client = create_app(ServerConfig(runs=None), store=store).test_client()

    assert client.get("/api/runs").json == {"runs": [], "left_out": 0}
    assert_problem(client.get("/api/runs/x"), 404)


def test_the_list_tells_what_there_is_the_newest_first(client: FlaskClient, folder: Path) -> None:
    write_run(folder / "old", settings={"recipe": {"family": "vae"}}, age=7200)
    write_run(folder / "new")
    (folder / "no-run" / "deep" / "deeper").mkdir(parents=True)

    answer = client.get("/api/runs").json

    new, old = answer["runs"]
    assert answer["left_out"] == 0
    assert new["started_at"] == new["updated_at"]
    assert abs(time.time() - time.mktime(time.strptime(new["updated_at"], "%Y-%m-%dT%H:%M:%SZ")) + time.timezone) < 60
    assert new["last"] == {"steps": 300, "seconds": 12.0, "mean_score": 150.0, "tile_rates.512": pytest.approx(0.3)}
    assert (new["name"], new["algorithm"], new["running"]) == ("new", "ppo", True)
    assert (old["name"], old["algorithm"], old["running"]) == ("old", "vae", False)


def test_a_run_of_two_stages_is_listed_as_two(client: FlaskClient, folder: Path) -> None:
    write_run(folder / "letters")
    write_run(folder / "letters" / "autoencoder")

    assert {run["name"] for run in client.get("/api/runs").json["runs"]} == {"letters", "letters/autoencoder"}
    assert client.get("/api/runs/letters/autoencoder").json["name"] == "letters/autoencoder"


def test_runs_may_be_sorted_into_folders(client: FlaskClient, folder: Path) -> None:
    write_run(folder / "2048" / "policies" / "ppo" / "1")
    write_run(folder / "2048" / "policies" / "ppo" / "1" / "too deep")

    assert [run["name"] for run in client.get("/api/runs").json["runs"]] == ["2048/policies/ppo/1"]
    assert client.get("/api/runs/2048/policies/ppo/1").status_code == 200
    assert_problem(client.get("/api/runs/2048/policies/ppo/1/too%20deep"), 404)


def test_a_folder_that_holds_the_whole_disk_is_not_searched_for_ever(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        write_run(folder / name)
        write_run(folder / name / "inner")
    monkeypatch.setattr("server.runs.MAX_FOLDERS", 4)

    names = [run.name for run in Runs(folder).folders()]

    assert len(names) == 4
    assert {"a", "b", "c"} < set(names)  # those that lie higher come first


def test_only_the_newest_of_very_many_are_listed(client: FlaskClient, folder: Path) -> None:
    for i in range(MAX_LISTED + 3):
        write_run(folder / f"{i}", [], age=i)

    answer = client.get("/api/runs").json

    assert [run["name"] for run in answer["runs"]] == [f"{i}" for i in range(MAX_LISTED)]
    assert answer["left_out"] == 3
    assert client.get(f"/api/runs/{MAX_LISTED + 2}").status_code == 200


@pytest.mark.parametrize(
    ("rows", "age", "running"),
    [
        ([], 500, True),  # a first line may take long
        ([], 700, False),
        (ROWS, 20, True),
        (ROWS, 40, False),
        ([{"steps": 1, "seconds": 100.0}], 290, True),
        ([{"steps": 1, "seconds": 1000.0}, {"steps": 2, "seconds": 1060.0}], 170, True),
        ([{"steps": 1, "seconds": 1000.0}, {"steps": 2, "seconds": 1060.0}], 190, False),
        ([{"epoch": 1, "seconds": 61.0}, {"epoch": 2, "seconds": 60.0}], 170, True),  # seconds of the epoch
        ([{"epoch": 1, "seconds": 61.0}, {"epoch": 2, "seconds": 60.0}], 190, False),
        ([{"steps": 1, "seconds": 900.0}, {"steps": 2, "seconds": 1.0}], 40, False),  # resumed: the clock began anew
    ],
)
def test_a_run_is_taken_to_go_on_for_three_times_as_long_as_a_line_takes(
    client: FlaskClient, folder: Path, rows: list[Json], age: float, running: bool
) -> None:
    write_run(folder / "x", rows, age=age)

    assert client.get("/api/runs/x").json["running"] is running


# --- one run ---


def test_a_run_comes_with_its_settings_and_columns(client: FlaskClient, folder: Path) -> None:
    write_run(folder / "a run", settings={"algorithm": "ppo", "network": {"width": 256}})

    response = client.get("/api/runs/a%20run")

    run = response.json
    assert response.headers["Cache-Control"] == "no-cache"
    assert run["settings"] == {"algorithm": "ppo", "network": {"width": 256}}
    assert run["counter"] == "steps"
    assert run["columns"]["steps"] == [100, 200, 300]
    assert run["columns"]["mean_score"] == [50, 100, 150]
    np.testing.assert_allclose(run["columns"]["tile_rates.512"], [0.1, 0.2, 0.3])
    assert "kl" not in run["columns"]
    assert run["n_lines"] == [1, 1, 1]
    assert run["whole"] is True


def test_only_new_lines_come_after_a_cursor(client: FlaskClient, folder: Path) -> None:
    write_run(folder / "x")
    first = client.get("/api/runs/x").json

    nothing = client.get("/api/runs/x", query_string={"after": first["next"]}).json
    append(folder / "x", [{"steps": 400, "entropy": 0.5}])
    more = client.get("/api/runs/x", query_string={"after": nothing["next"]}).json

    assert (nothing["columns"], nothing["n_lines"], nothing["whole"]) == ({}, [], False)
    assert (more["columns"], more["n_lines"], more["whole"]) == ({"steps": [400], "entropy": [0.5]}, [1], False)
    assert client.get("/api/runs/x").json["next"] == more["next"] != first["next"]


def test_a_line_that_is_being_written_comes_once_it_is_whole(client: FlaskClient, folder: Path) -> None:
    write_run(folder / "x")
    with (folder / "x" / "metrics.jsonl").open("a") as file:
        file.write('{"steps": 4')
        file.flush()
        half = client.get("/api/runs/x").json
        file.write("00}\n")

    rest = client.get("/api/runs/x", query_string={"after": half["next"]}).json

    assert half["columns"]["steps"] == [100, 200, 300]
    assert rest["columns"] == {"steps": [400]}


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_all_lines_come_where_the_file_was_written_anew(client: FlaskClient, folder: Path, kept: int) -> None:
    """A resumed run drops the lines after its checkpoint and writes others."""
    write_run(folder / "x")
    cursor = client.get("/api/runs/x").json["next"]
    (folder / "x" / "metrics.jsonl").unlink()
    append(folder / "x", ROWS[:kept] + [{"steps": 250, "seconds": 0.5, "mean_score": 1.0}] * 4)

    run = client.get("/api/runs/x", query_string={"after": cursor}).json

    assert run["whole"] is True
    assert len(run["n_lines"]) == kept + 4


@pytest.mark.parametrize("after", ["", "x", "-1", "5", "1e3-00000000", "٣-00000000", "9" * 20 + "-00000000", "0-xyz"])
def test_a_bad_cursor_is_a_bad_request(client: FlaskClient, folder: Path, after: str) -> None:
    write_run(folder / "x")

    assert_problem(client.get("/api/runs/x", query_string={"after": after}), 400, "after: expected")


@pytest.mark.parametrize("after", ["0-12345678", "999999999999999-00000000", "7-00000000"])
def test_a_cursor_that_does_not_fit_brings_all_lines(client: FlaskClient, folder: Path, after: str) -> None:
    write_run(folder / "x")

    assert client.get("/api/runs/x", query_string={"after": after}).json["n_lines"] == [1, 1, 1]


def test_an_unchanged_run_is_sent_once(client: FlaskClient, folder: Path) -> None:
    write_run(folder / "x", age=3600)
    first = client.get("/api/runs/x", headers={"Accept-Encoding": "gzip"})

    again = client.get("/api/runs/x", headers={"Accept-Encoding": "gzip", "If-None-Match": first.headers["ETag"]})

    assert json.loads(gzip.decompress(first.data))["name"] == "x"
    assert (again.status_code, again.data) == (304, b"")


def test_a_long_run_is_thinned(client: FlaskClient, folder: Path) -> None:
    write_run(folder / "x", [{"steps": i, "loss": 1.0} for i in range(5000)])

    run = client.get("/api/runs/x").json

    assert 500 <= len(run["n_lines"]) <= 1000
    assert run["columns"]["steps"][-1] == 4999


@pytest.mark.slow
def test_a_real_run_of_an_n_tuple_agent_is_read_while_it_trains(client: FlaskClient, folder: Path) -> None:
    seen: list[Json] = []

    train(TDLearner(), 300, folder / "td", on_block=lambda _: seen.append(client.get("/api/runs/td").json))

    assert [run["columns"]["games"] for run in seen] == [[100], [100, 200], [100, 200, 300]]
    assert all(run["running"] and run["algorithm"] == "td" and run["counter"] == "games" for run in seen)
    assert {"mean_score", "td_error", "moves_per_second", "tile_rates.1024"} <= seen[0]["columns"].keys()


# --- what is not as it should be ---


@pytest.mark.parametrize(
    "name",
    [
        "none",
        "x/y",
        "..",
        "%2e%2e",
        "../runs/x",
        "x/../x",
        "..%2fruns%2fx",
        "%2fetc",
        "x%00",
        ".",
        "x/.",
        "x%5c..",
        "é" * 200,
    ],
)
def test_an_unknown_name_is_not_found(client: FlaskClient, folder: Path, name: str) -> None:
    write_run(folder / "x")
    write_run(folder.parent / "outside")

    assert_problem(client.get(f"/api/runs/{name}", follow_redirects=True), 404)


def test_an_unknown_run_is_named(folder: Path) -> None:
    with pytest.raises(RunNotFoundError, match="there is no run 'y'"):
        Runs(folder).find("y")


def test_runs_cannot_be_changed(client: FlaskClient, folder: Path) -> None:
    write_run(folder / "x")

    for path in ("/api/runs", "/api/runs/x"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert_problem(client.open(path, method=method), 405)


def test_links_are_left_alone(client: FlaskClient, folder: Path, tmp_path: Path) -> None:
    secret = write_run(tmp_path / "elsewhere", [{"steps": 1, "secret": 42}], {"algorithm": "secret"})
    run = write_run(folder / "run", [])
    (folder / "folder").symlink_to(secret, target_is_directory=True)
    (run / "inner").symlink_to(secret, target_is_directory=True)
    (run / "metrics.jsonl").unlink()
    (run / "metrics.jsonl").symlink_to(secret / "metrics.jsonl")
    other = write_run(folder / "other")
    (other / "settings.json").unlink()
    (other / "settings.json").symlink_to(secret / "settings.json")

    answers = [client.get(f"/api/runs{path}") for path in ("", "/run", "/other")]

    assert {run["name"] for run in answers[0].json["runs"]} == {"run", "other"}
    assert all(answer.status_code == 200 and b"secret" not in answer.data for answer in answers)
    assert_problem(client.get("/api/runs/folder"), 404)
    assert_problem(client.get("/api/runs/run/inner"), 404)


def test_the_folder_of_runs_itself_may_be_a_link(store: GameStore, folder: Path, tmp_path: Path) -> None:
    write_run(folder / "x")
    (tmp_path / "link").symlink_to(folder, target_is_directory=True)

    client = create_app(ServerConfig(runs=tmp_path / "link"), store=store).test_client()

    assert [run["name"] for run in client.get("/api/runs").json["runs"]] == ["x"]


def test_what_is_no_regular_file_is_not_waited_for(client: FlaskClient, folder: Path) -> None:
    run = write_run(folder / "x")
    (run / "metrics.jsonl").unlink()
    os.mkfifo(run / "metrics.jsonl")

    assert client.get("/api/runs/x").json["columns"] == {}
    assert client.get("/api/runs").json["runs"][0]["last"] == {}


def test_names_that_cannot_be_shown_are_left_out(client: FlaskClient, folder: Path) -> None:
    for name in (b"\xff", b"two\nlines", b".hidden", "ü".encode()):
        (folder / os.fsdecode(name)).mkdir(parents=True)
        write_run(folder / os.fsdecode(name))

    assert [run["name"] for run in client.get("/api/runs").json["runs"]] == ["ü"]
    assert client.get("/api/runs/ü").status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1]",
        "null",
        "9" * 5000,
        "[" * 10**5,
        '{"a":' * 10**5,
        b"\xed\xa0\x80",
        b"\xff",
        '{"a": "' + "x" * 2**20 + '"}',
    ],
    ids=["empty", "cut", "list", "null", "digits", "brackets", "objects", "surrogate", "bytes", "large"],
)
def test_damaged_settings_leave_the_curves(client: FlaskClient, folder: Path, text: str | bytes) -> None:
    run = write_run(folder / "x")
    (run / "settings.json").write_bytes(text if isinstance(text, bytes) else text.encode())

    answer = client.get("/api/runs/x").json

    assert (answer["settings"], answer["algorithm"]) == (None, "")
    assert answer["columns"]["steps"] == [100, 200, 300]


def test_damaged_lines_leave_the_others(client: FlaskClient, folder: Path) -> None:
    run = write_run(folder / "x", [])
    nonsense = [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 10**5,
        b"9" * 5000,
        b"3",
        b'{"steps": NaN}',
        b'{"steps": null}',
        b"\0" * 100,
    ]
    lines = [b'{"steps": 1, "loss": NaN}', *nonsense, b'{"steps": 2, "loss": 1e999}', b'{"steps": 3, "loss": 0.5}']
    (run / "metrics.jsonl").write_bytes(b"\n".join(lines) + b"\n")

    answer = client.get("/api/runs/x").json

    assert answer["columns"] == {"steps": [1, 2, 3], "loss": [None, None, 0.5]}
    assert client.get("/api/runs").json["runs"][0]["last"] == {"steps": 3, "loss": 0.5}


def test_numbers_that_json_or_javascript_cannot_hold_come_as_text(client: FlaskClient, folder: Path) -> None:
    text = '{"a": Infinity, "b": NaN, "c": 1e999, "d": 18446744073709551615, "e": 5, "f": 0.25, "g": -1e999}'
    (write_run(folder / "x") / "settings.json").write_text(text)

    settings = client.get("/api/runs/x").json["settings"]

    assert settings == {
        "a": "Infinity", "b": "NaN", "c": "1e999", "d": "18446744073709551615", "e": 5, "f": 0.25, "g": "-1e999"
    }  # fmt: skip


def test_a_run_without_lines_or_without_settings_is_a_run(client: FlaskClient, folder: Path) -> None:
    (write_run(folder / "new", []) / "metrics.jsonl").unlink()
    (write_run(folder / "bare") / "settings.json").unlink()

    new, bare = (client.get(f"/api/runs/{name}").json for name in ("new", "bare"))

    assert (new["columns"], new["counter"], new["whole"], new["last"]) == ({}, None, True, {})
    assert (bare["settings"], bare["algorithm"], bare["columns"]["steps"]) == (None, "", [100, 200, 300])
    append(folder / "new", ROWS)
    first = client.get("/api/runs/new", query_string={"after": new["next"]}).json
    assert first["columns"]["steps"] == [100, 200, 300]


# --- the page ---


def test_the_page_is_linked_and_served(client: FlaskClient) -> None:
    response = client.get("/training")

    assert response.status_code == 200
    assert response.content_type == "text/html; charset=utf-8"
    assert b"main-training.js" in response.data
    assert b'href="/training"' in client.get("/").data
