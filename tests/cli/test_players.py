"""How a trained model plays: the options of evaluate, record and play."""

import json

import numpy as np
import pytest

import nets
from agents.baselines import GreedyAgent
from agents.players import load_policy
from agents.policy.network import NetworkConfig, build_network
from agents.policy.unit import ValueUnit
from cli.main import main
from cli.play import hint
from game2048 import Game
from server import GameStore

UNIT = ValueUnit(reward="log2", end_penalty=1.0, gamma=0.99)


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    """The folder of a policy that knows nothing."""
    folder = tmp_path_factory.mktemp("run") / "policy"
    network = build_network(NetworkConfig(width=16, depth=2), np.random.default_rng(0))
    nets.save(network, folder / "model.safetensors", notes={"steps": 1234, **UNIT.to_notes()})
    return folder


@pytest.fixture(scope="module")
def ntuple(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "td"
    assert main(["train", "--games", "50", "--out", str(folder)]) == 0
    return folder


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def evaluated(capsys, *arguments):
    code, out, _ = run(capsys, "evaluate", *arguments, "--json")
    assert code == 0
    return json.loads(out)


@pytest.mark.parametrize(
    ("options", "manner"),
    [
        ((), ""),
        (("--sample",), ", sampled"),
        (("--symmetric",), ", 8 symmetries"),
        (("--symmetric", "--sample"), ", 8 symmetries, sampled"),
        (("--depth", 1), ", depth 1"),
    ],
)
def test_a_policy_plays_in_several_ways(policy, capsys, options, manner):
    one_thread = evaluated(capsys, policy, "--games", 4, "--seed", 3, "--threads", 1, *options)
    three = evaluated(capsys, policy, "--games", 4, "--seed", 3, "--threads", 3, *options)

    assert one_thread["agent"] == f"policy mlp 16x2, 1,234 steps{manner}"
    for figure in ("mean", "ci95", "max", "moves", "tile_rates"):
        assert one_thread[figure] == three[figure]


def test_an_ntuple_network_scores_more_when_it_looks_further(ntuple, capsys):
    greedy = evaluated(capsys, ntuple, "--games", 100)
    deeper = evaluated(capsys, ntuple, "--games", 100, "--depth", 2)

    assert deeper["agent"] == "n-tuple 4x6+lines, 50 games, depth 2"
    assert deeper["mean"] > 1.2 * greedy["mean"]


@pytest.mark.parametrize(
    ("options", "manner"),
    [
        (("--depth", 2), ", depth 2"),
        (("--downgrade",), ", depth 1, downgrading"),
        (("--depth", 3, "--p-cut", 0.05), ", depth 3, cut at 0.05"),
        (("--seconds-per-move", 0.0001), ", 0.0001 s a move"),
        (("--depth", 2, "--seconds-per-move", 0.001), ", depth 2, 0.001 s a move"),
    ],
)
def test_the_heuristic_plays_without_training_and_says_how_it_searches(capsys, options, manner):
    evaluation = evaluated(capsys, "heuristic", "--games", 1, *options)

    assert evaluation["agent"] == f"heuristic{manner}"
    assert evaluation["mean"] > 1000


def test_a_policy_searches_as_long_as_it_may(policy, capsys):
    evaluation = evaluated(capsys, policy, "--games", 1, "--seconds-per-move", 1e-6)

    assert evaluation["agent"] == "policy mlp 16x2, 1,234 steps, depth 3, 1e-06 s a move"


def test_a_policy_narrows_the_search_of_an_ntuple_network(ntuple, policy, capsys):
    evaluation = evaluated(capsys, ntuple, "--games", 2, "--depth", 2, "--prior", policy, "--symmetric")

    assert evaluation["agent"] == "n-tuple 4x6+lines, 50 games, depth 2, narrowed by policy mlp 16x2, 1,234 steps"


def test_a_policy_searches_by_its_critic_and_says_so(tmp_path, capsys):
    """One move ahead, the critic plays all by itself: whoever reads the scores must know."""
    folder = tmp_path / "run"
    games = ("--parallel-games", 16, "--horizon", 16, "--width", 16, "--threads", 1, "--steps", 4096)
    code, _, _ = run(capsys, "train", "--algo", "vtrace", "--critic", "afterstates", *games, "--out", folder)
    assert code == 0

    searched = evaluated(capsys, folder, "--games", 3, "--depth", 1)
    critic = evaluated(capsys, folder / "critic", "--games", 3)

    assert searched["agent"] == "policy mlp 16x2, 4,096 steps, depth 1 by its critic"
    assert (searched["mean"], searched["moves"]) == (critic["mean"], critic["moves"])


def test_recorded_games_of_a_policy_keep_its_probabilities(policy, capsys, tmp_path):
    database = tmp_path / "games.sqlite"

    code, out, _ = run(capsys, "record", policy, "--games", 5, "--best", 2, "--db", database, "--json")

    assert code == 0
    with GameStore(f"sqlite:///{database}") as store:
        for listed in json.loads(out):
            record = store.get(listed["id"]).record
            assert record.probabilities.shape == (record.n_moves, 4)


def test_a_policy_can_be_watched(policy, capsys):
    code, out, _ = run(capsys, "play", policy, "--seed", 5, "--delay", 0)

    assert code == 0
    assert "Game over" in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--depth", 0), "--depth must be at least 1, got 0"),
        (("--depth", 17), "--depth must be at most 16, got 17"),
        (("--depth", 2, "--sample"), "--sample and --depth exclude each other"),
        (("--prior", "POLICY"), "--prior narrows a search: it needs --depth"),
        (("--seconds-per-move", 0), "--seconds-per-move must be in (0, 3600], got 0"),
        (("--seconds-per-move", 1, "--sample"), "--sample and --seconds-per-move exclude each other"),
        (("--p-cut", 1, "--depth", 2), "--p-cut must be in [0, 1), got 1"),
        (("--p-cut", 0.1), "--p-cut cuts a search: it needs --depth or --seconds-per-move"),
        (("--prior", "POLICY", "--depth", 2, "--downgrade"), "--prior excludes --p-cut and --downgrade"),
        (("--depth", 2, "--downgrade"), "--downgrade is for n-tuple networks, not for a policy"),
        (("--depth", 6), "--depth must be at most 5, got 6"),
    ],
)
def test_options_that_make_no_sense_are_refused(policy, capsys, options, message):
    given = [policy if option == "POLICY" else option for option in options]

    code, _, error = run(capsys, "evaluate", policy, *given)

    assert code == 2
    assert message in error


@pytest.mark.parametrize(
    ("option", "message"),
    [("--sample", "--sample is for policies, not for"), ("--symmetric", "--symmetric is for policies, not for")],
)
def test_options_for_other_players_are_refused(ntuple, capsys, option, message):
    for player, words in ((ntuple, "an n-tuple network"), ("random", "")):
        code, _, error = run(capsys, "evaluate", player, "--games", 1, option)

        assert code == 2
        assert (message if words else f"{option} is for trained models, not for random") in error
        assert words in error


@pytest.mark.parametrize("option", [("--depth", 2), ("--prior", ".", "--depth", 1), ("--seconds-per-move", 1)])
def test_baselines_do_not_search(capsys, option):
    code, _, error = run(capsys, "evaluate", "greedy", "--games", 1, *option)

    assert code == 2
    assert "is for trained models, not for greedy" in error


def test_what_is_no_player_is_told_in_one_line(policy, capsys, tmp_path):
    (tmp_path / "empty").mkdir()
    nets.save(nets.models.build("mlp"), tmp_path / "digits" / "model.safetensors")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "model.safetensors").write_bytes(b"nothing")
    network = build_network(NetworkConfig(width=16), np.random.default_rng(0))
    nets.save(network, tmp_path / "unitless" / "model.safetensors")

    for arguments, message in (
        (("empty",), "train one with: game2048 train"),
        (("digits",), "is not a policy, but a Sequential"),
        (("damaged",), "damaged"),
        (("unitless", "--depth", 1), "do not tell the unit of its values"),
    ):
        code, _, error = run(capsys, "evaluate", tmp_path / arguments[0], *arguments[1:], "--games", 1)

        assert code == 1
        assert message in error
        assert error.count("\n") == 1


def test_a_hint_says_how_sure_the_policy_is(policy):
    game = Game(0, board=[[1, 2, 3, 4], [2, 3, 4, 5], [3, 4, 5, 6], [1, 1, 6, 7]])
    agent = load_policy(policy)

    words = hint(agent, game)

    best, other = (round(100 * p) for p in sorted(agent.move_probabilities(game).tolist(), reverse=True)[:2])
    names = ("right", "left") if agent.act(game) == 1 else ("left", "right")
    assert words == f"{agent.name} would move {names[0]} ({names[0]} {best} %, {names[1]} {other} %)"


def test_a_hint_of_another_agent_is_a_move():
    assert hint(GreedyAgent(), Game(0, board=[[1, 1, 0, 0], *[[0] * 4] * 3])).startswith("greedy would move ")


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"reads": "afterstates"}, "policy mlp 16x2, reads afterstates"),
        ({"inputs": "tuples", "reads": "afterstates"}, "policy mlp 16x2, n-tuples, reads afterstates"),
        ({"body": "ntuple"}, "policy ntuple"),
    ],
)
def test_names_tell_networks_apart(tmp_path, settings, name):
    network = build_network(NetworkConfig(**{"width": 16, "depth": 2, **settings}), np.random.default_rng(0))
    nets.save(network, tmp_path / "model.safetensors")

    assert load_policy(tmp_path).name == name
