"""The command line, as a user meets it."""

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from agents.checkpoint import FILE_NAME
from cli.main import COMMANDS, main
from server import GameStore


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model of 200 games."""
    folder = tmp_path_factory.mktemp("run") / "model"
    assert main(["train", "--games", "200", "--seed", "1", "--out", str(folder)]) == 0
    return folder


def run(capsys, *arguments):
    """Run a command; return its exit code and what it printed."""
    code = main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


# --- help ---


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)], ids=lambda c: " ".join(c) or "game2048")
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*command, "--help"])

    text = capsys.readouterr().out
    assert stop.value.code == 0
    assert text.startswith("usage: game2048")
    assert len(text.splitlines()) > 8


def test_no_arguments_print_the_help(capsys):
    with pytest.raises(SystemExit) as stop:
        main([])

    assert stop.value.code == 0
    assert "game2048 demo" in capsys.readouterr().out


def test_help_is_quick_because_it_loads_no_kernels():
    code = (
        "import sys; from cli.main import main\n"
        "try: main(['train', '--help'])\n"
        "except SystemExit: pass\n"
        "assert 'numba' not in sys.modules and 'flask' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


# --- wrong input: one line, the right exit code, no traceback ---


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "trian"),
        (["train", "--games", "many"], "--games"),
        (["train", "--games", "0"], "--games must be at least 1, got 0"),
        (["train", "--gmaes", "5"], "--gmaes"),
        (["train", "--lambda-start", "1.5"], r"--lambda-start must be in [0, 1], got 1.5"),
        (["train", "--alpha", "2"], "alpha must be in (0, 1], got 2.0"),
        (["train", "--seed", "-1"], "--seed must be at least 0, got -1"),
        (["train", "--seed", str(2**64)], "--seed must be at most 18446744073709551615"),
        (["train", "--minutes", "-3"], "--minutes must be positive, got -3.0"),
        (["train", "--resume", "--overwrite"], "exclude each other"),
        (["evaluate"], "AGENT"),
        (["evaluate", "random", "--games", "-5"], "--games must be at least 1, got -5"),
        (["evaluate", "random", "--threads", "0"], "--threads must be at least 1, got 0"),
        (["evaluate", "monte-carlo", "--rollouts", "0"], "--rollouts must be at least 1, got 0"),
        (["evaluate", "random", "--games", str(10**20)], "--games must be at most 1000000000"),
        (["evaluate", "monte-carlo", "--rollouts", str(2**63)], "--rollouts must be at most 1000000"),
        (["evaluate", "random", "--suite", "paper", "--depth", "2"], "--suite excludes --depth and --seconds-per-move"),
        (["evaluate", "random", "--suite", "paper", "--against", "greedy"], "--suite and --against exclude each other"),
        (["evaluate", "random", "--suite", "book"], "paper"),
        (["play", "greedy", "--delay", "inf"], "--delay must be at most 3600.0, got inf"),
        (["record"], "AGENT or --files"),
        (["record", "random", "--format", "xml"], "xml"),
        (["play", "random", "--delay", "-1"], "--delay must be at least 0, got -1.0"),
        (["play", "random", "--hints", "greedy"], "--hints"),
        (["serve", "--port", "123456"], "--port must be from 0 to 65535, got 123456"),
        (["bench", "everything"], "everything"),
        (["demo", "--minutes", "0"], "--minutes must be positive, got 0.0"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments, message, capsys):
    code, out, err = run(capsys, *arguments)

    assert code == 2
    assert out == ""
    assert err.startswith("game2048: ")
    assert err.count("\n") == 1
    assert message in err
    assert "--help" in err


def test_a_missing_model_is_one_line_and_exit_code_1(tmp_path, capsys):
    code, _, err = run(capsys, "evaluate", tmp_path / "nothing")

    assert code == 1
    assert re.fullmatch(r"game2048: no model at .*nothing: there is no such folder.*game2048 train\)\n", err)


def test_a_corrupt_model_is_named(model, tmp_path, capsys):
    (tmp_path / FILE_NAME).write_bytes((model / FILE_NAME).read_bytes()[:5000])

    code, _, err = run(capsys, "evaluate", tmp_path)

    assert code == 1
    assert err.count("\n") == 1
    assert f"{tmp_path / FILE_NAME} is damaged" in err


def test_a_folder_that_cannot_be_written_is_named(tmp_path, capsys):
    (tmp_path / "file").write_text("not a folder")

    code, _, err = run(capsys, "train", "--games", "5", "--out", tmp_path / "file" / "run")

    assert code == 1
    assert err.count("\n") == 1
    assert "file" in err


def test_a_model_is_not_replaced_by_accident(model, capsys):
    code, _, err = run(capsys, "train", "--games", "5", "--out", model)

    assert code == 1
    assert "--resume" in err
    assert "--overwrite" in err


def test_resuming_what_is_complete_is_refused(model, capsys):
    code, _, err = run(capsys, "train", "--games", "200", "--out", model, "--resume")

    assert code == 1
    assert "has 200 games already" in err


def test_a_busy_port_is_named(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = run(capsys, "serve", "--no-browser", "--port", port, "--db", tmp_path / "games.sqlite")

    assert code == 1
    assert err.count("\n") == 1
    assert f"port {port} is in use" in err


def test_a_corrupt_database_is_named(tmp_path, capsys):
    (tmp_path / "games.sqlite").write_bytes(b"not a database" * 1000)

    code, _, err = run(capsys, "record", "random", "--games", "1", "--db", tmp_path / "games.sqlite")

    assert code == 1
    assert err.count("\n") == 1
    assert "games.sqlite" in err


def test_a_file_that_is_no_game_is_named(tmp_path, capsys):
    (tmp_path / "game.json").write_text('{"gameplay": 3}')

    code, _, err = run(capsys, "record", "--files", tmp_path / "game.json", "--db", tmp_path / "games.sqlite")

    assert code == 1
    assert err.count("\n") == 1
    assert "game.json" in err


def test_playing_by_hand_needs_a_terminal(capsys):
    code, _, err = run(capsys, "play")

    assert code == 1
    assert "in a terminal" in err


# --- the main job, step by step ---


def test_training_with_the_same_seed_gives_the_same_file(model, tmp_path, capsys):
    code, out, _ = run(capsys, "train", "--games", 200, "--seed", 1, "--out", tmp_path, "--json")

    assert code == 0
    assert json.loads(out)["games"] == 200
    assert (tmp_path / FILE_NAME).read_bytes() == (model / FILE_NAME).read_bytes()


def test_evaluation_prints_one_json_object(model, capsys):
    code, out, _ = run(capsys, "evaluate", model, "--games", 20, "--seed", 3, "--json")
    again = run(capsys, "evaluate", model, "--games", 20, "--seed", 3, "--json", "--threads", 1)[1]

    figures, other = json.loads(out), json.loads(again)
    assert code == 0
    assert {"mean", "ci95", "median", "max", "tile_rates", "moves_per_second"} <= figures.keys()
    assert list(figures["tile_rates"]) == ["1024", "2048", "4096", "8192", "16384", "32768", "65536"]
    for clock in ("moves_per_second", "seconds", "cpu_seconds"):
        del figures[clock], other[clock]
    assert figures == other


def test_a_folder_of_runs_that_is_not_there_is_one_line(tmp_path, capsys):
    code, _, err = run(
        capsys, "serve", "--no-browser", "--runs", tmp_path / "nothing", "--db", tmp_path / "games.sqlite"
    )

    assert code == 1
    assert err == f"game2048: there is no folder {tmp_path / 'nothing'}\n"


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ([], True),
        (["--host", "0.0.0.0"], False),
        (["--trust", "example.org"], False),
        (["--trust", "example.org", "--runs", "runs"], True),
        (["--runs", "elsewhere"], False),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_training_runs_are_shown_to_this_machine_or_where_asked_for(options, shown, tmp_path, monkeypatch, capsys):
    apps = []
    monkeypatch.setattr("cli.serve.run_server", lambda app, **_: apps.append(app))
    monkeypatch.chdir(tmp_path)
    for folder in ("runs/td", "elsewhere"):
        Path(folder).mkdir(parents=True)
    Path("runs/td/settings.json").write_text("{}")

    code, _, _ = run(capsys, "serve", "--db", "games.sqlite", *options)

    assert code == 0
    assert bool(apps[0].test_client().get("/api/runs").json["runs"]) is shown
    apps[0].extensions["game_store"].close()


def test_recorded_games_are_served(model, tmp_path, capsys):
    database = tmp_path / "games.sqlite"
    code, out, _ = run(capsys, "record", model, "--games", 6, "--best", 2, "--db", database, "--json")
    games = json.loads(out)
    assert code == 0
    assert len(games) == 2
    assert games[0]["score"] >= games[1]["score"]

    command = [sys.executable, "-m", "cli", "serve", "--no-browser", "--port", "0", "--db", str(database)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            url = re.search(r"http://127\.0\.0\.1:\d+/", server.stdout.readline())[0]
            with urllib.request.urlopen(f"{url}api/games") as answer:
                listed = json.load(answer)["games"]
            with urllib.request.urlopen(f"{url}games/{games[0]['id']}") as answer:
                assert answer.headers["Content-Type"].startswith("text/html")
        finally:
            server.send_signal(signal.SIGINT)
    assert server.returncode == 0
    assert [game["id"] for game in listed] == [game["id"] for game in games]


@pytest.mark.parametrize("form", ["game2048", "hobby", "2048verse"])
def test_exported_games_can_be_read_again(form, tmp_path, capsys):
    run(capsys, "record", "greedy", "--games", 3, "--export", tmp_path, "--format", form)
    files = sorted(tmp_path.iterdir())

    code, out, _ = run(capsys, "record", "--files", *files, "--db", tmp_path / "games.sqlite", "--json")

    assert code == 0
    assert sorted(game["id"] for game in json.loads(out)) == [path.name.partition(".")[0] for path in files]


def test_watching_an_agent_prints_its_game(tmp_path, capsys):
    code, out, _ = run(capsys, "play", "random", "--seed", 5, "--delay", 0, "--save", tmp_path)

    assert code == 0
    assert "Game over" in out
    assert len(list(tmp_path.glob("*.json"))) == 1


def test_ctrl_c_saves_and_resume_goes_on_exactly(tmp_path):
    """Ctrl-C at some moment, then --resume: the same bytes as a run that nobody stopped."""
    out, code = stop_training(tmp_path / "stopped", signal.SIGINT)
    games = json.loads(out)["games"]
    assert code == 130
    assert json.loads(out)["interrupted"]
    command = [sys.executable, "-m", "cli", "train", "--games", str(games + 300), "--seed", "7", "--out"]
    subprocess.run([*command, str(tmp_path / "stopped"), "--resume"], check=True, capture_output=True)
    subprocess.run([*command, str(tmp_path / "whole")], check=True, capture_output=True)

    files = [(tmp_path / name / FILE_NAME).read_bytes() for name in ("stopped", "whole")]
    assert files[0] == files[1]


def test_sigterm_saves_too(tmp_path):
    _, code = stop_training(tmp_path / "stopped", signal.SIGTERM)

    assert code == 143
    assert main(["evaluate", str(tmp_path / "stopped"), "--games", "5"]) == 0


def stop_training(folder, number):
    """Start endless training, send a signal after its first games, return what it printed and its exit code."""
    command = [
        sys.executable,
        "-m",
        "cli",
        "train",
        "--games",
        "1000000",
        "--seed",
        "7",
        "--json",
        "--out",
        str(folder),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    while not (folder / "metrics.jsonl").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    return process.communicate(timeout=120)[0], process.returncode


def test_the_demo_replaces_its_own_files_only(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    arguments = ("demo", "--minutes", 0.01, "--games", 2, "--out", tmp_path, "--no-serve")

    assert run(capsys, *arguments)[0] == 0
    assert run(capsys, *arguments)[0] == 0

    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_the_demo_looks_at_the_port_before_it_works(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = run(capsys, "demo", "--out", tmp_path / "demo", "--port", port)

    assert code == 1
    assert f"port {port}" in err
    assert "1. Train" not in out
    assert not (tmp_path / "demo").exists()


def test_a_database_may_have_any_name(tmp_path, capsys):
    run(capsys, "record", "random", "--games", 1, "--db", tmp_path / "100%?#.sqlite")

    assert [path.name for path in tmp_path.iterdir()] == ["100%?#.sqlite"]


def test_brackets_in_names_are_shown_as_they_are(tmp_path, capsys):
    """Rich would read [/z] as markup."""
    folder = tmp_path / "[/z] [bold]"

    code, out, _ = run(capsys, "record", "greedy", "--games", 1, "--export", folder)
    trained = run(capsys, "train", "--games", 5, "--out", folder)
    (game,) = folder.glob("????????????????.json")
    game.write_text(game.read_text().replace("greedy", "[/red] evil"))
    shown = run(capsys, "record", "--files", game, "--db", folder / "games.sqlite")

    assert code == trained[0] == shown[0] == 0
    assert "[/z] [bold]" in out
    assert "[/z] [bold]" in trained[1]
    assert "[/red] evil" in shown[1]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_recording_keeps_its_games(number, code, tmp_path):
    database = tmp_path / "games.sqlite"
    command = [sys.executable, "-m", "cli", "record", "greedy", "--games", "100000000", "--best", "3", "--json", "--db"]
    process = subprocess.Popen([*command, str(database)], stdout=subprocess.PIPE, text=True)
    while not database.exists():
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(1)
    process.send_signal(number)
    out, _ = process.communicate(timeout=120)

    assert process.returncode == code
    with GameStore(f"sqlite:///{database}") as store:
        assert store.count() == len(json.loads(out)) > 0


def test_a_host_name_that_is_none_is_wrong_usage(tmp_path, capsys):
    code, _, err = run(capsys, "serve", "--trust", "bad host/", "--db", tmp_path / "games.sqlite")

    assert code == 2
    assert "--trust" in err


def test_the_best_of_some_files_are_kept(tmp_path, capsys):
    run(capsys, "record", "greedy", "--games", 4, "--export", tmp_path)
    files = sorted(tmp_path.glob("*.json"))

    out = run(capsys, "record", "--files", *files, "--best", 1, "--db", tmp_path / "games.sqlite", "--json")[1]

    assert len(json.loads(out)) == 1


def test_overwriting_starts_anew(model, tmp_path, capsys):
    arguments = ("train", "--games", 100, "--out", tmp_path)
    run(capsys, *arguments, "--seed", 1)

    assert run(capsys, *arguments, "--seed", 2, "--overwrite")[0] == 0

    assert json.loads((tmp_path / "settings.json").read_text())["seed"] == 2
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 1


def test_the_demo_trains_evaluates_records_and_names_the_page(tmp_path, capsys):
    code, out, _ = run(
        capsys, "demo", "--minutes", 0.02, "--games", 20, "--out", tmp_path / "demo", "--no-serve", "--no-browser"
    )

    assert code == 0
    assert "1. Train" in out
    assert "2. Evaluate" in out
    assert (tmp_path / "demo" / "games.sqlite").exists()
    assert (tmp_path / "demo" / FILE_NAME).exists()


def test_a_person_plays_in_a_terminal():
    """Keys through a real pseudo-terminal: moves, a move back, quit."""
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "cli", "play", "--seed", "1"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment) as process:
        os.close(terminal)
        text = read_until(controller, "takes back")
        for key in (b"\x1b[D", b"s", b"l", b"u", b"q"):
            time.sleep(0.2)
            os.write(controller, key)
        text += read_until(controller, "seed 1")
    os.close(controller)

    assert process.returncode == 0
    assert "Stopped:" in text
    assert "Traceback" not in text


def read_until(descriptor, wanted, seconds=60):
    """Read from a terminal until some text came."""
    text, deadline = "", time.monotonic() + seconds
    while wanted not in text and time.monotonic() < deadline:
        try:
            text += os.read(descriptor, 4096).decode(errors="replace")
        except OSError:
            break
    return text
