"""``game2048 evaluate``: tables, comparisons, logs, and games worth watching."""

import json
import shutil
from dataclasses import fields
from pathlib import Path

import pytest

from agents.baselines import RandomAgent
from agents.checkpoint import load_learner, save_learner
from agents.game_log import fingerprint
from agents.networks import Network
from agents.series import play_seeds
from agents.td import TDLearner
from cli.evaluate import changed_options
from cli.kept_games import KeptGames
from cli.main import main
from cli.players import PlayerOptions
from cli.suites import SUITES
from server import GameStore
from server.urls import sqlite_url


def run(capsys, *arguments):
    """Run a command; return its exit code and what it printed."""
    code = main(["evaluate", *map(str, arguments)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_figures_are_shown_as_a_table(capsys):
    code, out, _ = run(capsys, "greedy", "--games", 50)

    assert code == 0
    assert "95 % interval" in out
    assert "reached 2048" in out


# --- two agents ---


def test_two_agents_play_the_same_games(capsys):
    code, out, _ = run(capsys, "greedy", "--against", "random", "--games", 100, "--seed", 3, "--json")

    figures = json.loads(out)
    assert code == 0
    assert [figures[who]["agent"] for who in ("first", "second")] == ["greedy", "random"]
    assert figures["comparison"]["mean_difference"] == pytest.approx(
        figures["first"]["mean"] - figures["second"]["mean"], abs=0.011
    )
    assert figures["comparison"]["win_rate"] > 0.7
    assert figures["machine"]["cpu"]


def test_a_single_pair_of_games_has_no_interval(capsys):
    _, out, _ = run(capsys, "greedy", "--against", "random", "--games", 1)

    assert "95 % interval unknown\n" in out
    assert "nan" not in out


def test_a_second_agent_that_is_none_is_told_before_the_first_plays(tmp_path, capsys):
    log = tmp_path / "games.jsonl"

    code, _, err = run(capsys, "greedy", "--against", tmp_path / "nobody", "--games", 20, "--log", log)

    assert code == 1
    assert "no model at" in err
    assert log.read_text() == ""


def test_a_comparison_is_told_in_words(capsys):
    _, out, _ = run(capsys, "greedy", "--against", "random", "--games", 100, "--seed", 3)

    header, _, first, second = out.splitlines()[:4]
    assert cells(header)[:3] == ["player", "games", "mean score"]
    assert cells(first)[:2] == ["greedy", "100"]
    assert cells(second)[:2] == ["random", "100"]
    assert len(cells(first)) == len(cells(second)) == len(cells(header))
    assert "Seed 3" in out
    assert out.endswith("the first scores more.\n")


@pytest.fixture(scope="module")
def small_network(tmp_path_factory):
    """The folder of a small network that learned a little."""
    learner = TDLearner(seed=1, network=Network.named("17x4"))
    learner.train(300)
    folder = tmp_path_factory.mktemp("small")
    save_learner(learner, folder)
    return folder


def test_the_table_of_a_paper_has_a_row_for_each_depth(small_network, tmp_path, capsys):
    arguments = (small_network, "--suite", "paper", "--games", 3, "--seed", 5, "--log", tmp_path / "games.jsonl")
    _, out, _ = run(capsys, *arguments, "--json", "--figure", tmp_path / "times.png")
    _, table, _ = run(capsys, *arguments)  # nothing is played again

    suite = json.loads(out)
    assert [(row["row"], row["depth"]) for row in suite["rows"]] == [("1-ply", 1), ("2-ply", 2), ("3-ply", 3)]
    assert all(row["games"] == 3 and row["seed"] == 5 for row in suite["rows"])
    assert suite["rows"][2]["mean"] > suite["rows"][0]["mean"]
    assert (tmp_path / "times.png").stat().st_size > 5000
    header, _, *lines = [cells(line) for line in table.splitlines() if line.startswith("|")]
    assert header == [
        "player", "games", "mean score", "max", "2048", "4096", "8192", "16384", "32768", "65536", "plies", "moves/s",
    ]  # fmt: skip
    assert [line[0] for line in lines] == ["1-ply", "2-ply", "3-ply"]
    assert lines[2][2].startswith(f"{suite['rows'][2]['mean']:,.0f} ± ")
    assert len((tmp_path / "games.jsonl").read_text().splitlines()) == 9


def test_rows_of_suites_are_ways_to_play():
    options = {field.name for field in fields(PlayerOptions)}

    for rows in SUITES.values():
        assert all(row.options.keys() <= options for row in rows)
        PlayerOptions(**rows[-1].options).check_options()


def test_a_baseline_has_no_suite(capsys):
    """It cannot search; that is told before a game is played."""
    code, _, err = run(capsys, "random", "--suite", "paper")

    assert code == 2
    assert "--depth is for trained models, not for random" in err


def test_options_of_players_are_those_of_every_row(capsys):
    """What makes no sense in one of them is told at once; a cut makes sense in all."""
    code, _, err = run(capsys, "heuristic", "--suite", "paper", "--sample")
    assert code == 2
    assert "--sample and --depth exclude each other" in err

    _, out, _ = run(capsys, "heuristic", "--suite", "paper", "--p-cut", 0.5, "--games", 1, "--json")

    assert [row["agent"] for row in json.loads(out)["rows"]] == [
        f"heuristic, depth {depth}, cut at 0.5" for depth in (1, 2, 3)
    ]


# --- the log ---


def test_an_evaluation_with_a_log_goes_on(tmp_path, capsys):
    log = tmp_path / "logs" / "games.jsonl"
    run(capsys, "random", "--games", 30, "--seed", 3, "--log", log)

    _, out, _ = run(capsys, "random", "--games", 50, "--seed", 3, "--log", log, "--json")

    seeds = [json.loads(line)["seed"] for line in log.read_text().splitlines()]
    assert len(seeds) == len(set(seeds)) == 50  # none was played twice
    whole = json.loads(run(capsys, "random", "--games", 50, "--seed", 3, "--json")[1])
    assert {key: json.loads(out)[key] for key in ("mean", "max", "moves", "tile_rates")} == {
        key: whole[key] for key in ("mean", "max", "moves", "tile_rates")
    }


def test_options_that_change_the_player_make_another_one_of_it(tmp_path, capsys):
    log = tmp_path / "games.jsonl"
    for rollouts in (1, 2, 1):
        run(capsys, "monte-carlo", "--rollouts", rollouts, "--games", 3, "--log", log)

    assert len({json.loads(line)["player"] for line in log.read_text().splitlines()}) == 2
    assert len(log.read_text().splitlines()) == 6
    assert changed_options(PlayerOptions()) == {}
    assert changed_options(PlayerOptions(depth=2, prior=Path("x"))) == {"depth": 2, "prior": Path("x")}


def test_a_network_that_is_saved_while_it_is_loaded_is_loaded_again(small_network, tmp_path, capsys, monkeypatch):
    """Its games are those of what the log says they are of."""
    folder, load, loaded = tmp_path / "run", PlayerOptions.load, []
    shutil.copytree(small_network, folder)
    more = load_learner(folder)
    more.train(50)

    def load_slowly(options, name):
        loaded.append(load(options, name))
        if len(loaded) == 1:
            save_learner(more, folder)
        return loaded[-1]

    monkeypatch.setattr(PlayerOptions, "load", load_slowly)
    _, out, _ = run(capsys, folder, "--games", 3, "--log", tmp_path / "games.jsonl", "--json")

    players = {json.loads(line)["player"] for line in (tmp_path / "games.jsonl").read_text().splitlines()}
    assert json.loads(out)["agent"] == "n-tuple 17x4, 350 games"
    assert players == {fingerprint(folder)}


def test_ctrl_c_tells_what_is_kept(tmp_path, capsys, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    log = tmp_path / "games.jsonl"
    run(capsys, "random", "--games", 30, "--log", log)
    monkeypatch.setattr("cli.evaluate.play_under_bar", interrupted)

    code, _, err = run(capsys, "random", "--games", 50, "--log", log)

    assert code == 130
    assert "30 games of it are in" in err


def test_a_file_that_is_no_log_is_refused_in_one_line(tmp_path, capsys):
    (tmp_path / "settings.json").write_text("{}\n")

    code, _, err = run(capsys, "random", "--games", 5, "--log", tmp_path / "settings.json")

    assert code == 1
    assert "is not a log of games" in err
    assert err.count("\n") == 1


# --- games worth watching ---


def test_the_best_game_is_kept_for_the_viewer(tmp_path, capsys):
    database = tmp_path / "games.sqlite"

    _, out, _ = run(capsys, "greedy", "--games", 40, "--db", database, "--json")

    with GameStore(sqlite_url(database)) as store:
        assert [game.score for game in store.page().games] == [json.loads(out)["max"]]


@pytest.mark.parametrize("n_threads", [1, 2])
def test_a_game_that_reaches_a_rare_tile_is_kept_at_once(tmp_path, n_threads):
    """Here 256, which random play reaches in a tenth of its games."""
    with GameStore(sqlite_url(tmp_path / "games.sqlite")) as store:
        kept = KeptGames(store, "random", rare=8)
        played = play_seeds(RandomAgent(), range(50), n_threads=n_threads, on_finish=kept.add)
        games = [timed.game for timed in played]

        rare = {game.seed for game in games if game.max_exponent >= 8}
        assert {game.seed for game in store.page().games} == rare
        kept.keep_best()

        best = max(games, key=lambda game: game.score)
        assert {game.seed for game in store.page().games} == rare | {best.seed}
        assert len(rare) > 2
