"""What `--ray` says where Ray is missing or makes no sense; nothing here needs it."""

import sys
import types

import numpy as np
import pytest

from agents.distributed.cluster import check_program, connected, load_ray, program
from agents.distributed.learning import split, together
from agents.errors import ClusterError
from agents.td import TrainingBlock
from cli.main import main


def test_a_missing_ray_is_told_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)

    with pytest.raises(ClusterError, match=r'pip install "game2048\[distributed\]"'):
        load_ray()


@pytest.mark.parametrize("address", ["localhost:1", "ray://localhost:1", "[::1]:1", "localhost:99999"])
def test_an_address_where_nobody_listens_is_told_at_once(monkeypatch, address):
    monkeypatch.setitem(sys.modules, "ray", types.ModuleType("ray"))

    with (
        pytest.raises(ClusterError, match=r"no Ray cluster answers at '.*localhost:|no Ray cluster .*::1"),
        connected(address),
    ):
        pass


def test_machines_must_have_the_same_program():
    check_program(program())

    with pytest.raises(ClusterError, match="another version of game2048"):
        check_program("0" * 16)


@pytest.mark.parametrize("n_workers", [1, 2, 3, 7])
@pytest.mark.parametrize("n_games", [1, 5, 700])
def test_games_are_dealt_evenly(n_games, n_workers):
    shares = split(n_games, n_workers, 10_000)

    assert sum(shares) == n_games
    assert max(shares) - min(shares) <= 1


def test_nobody_plays_more_than_a_round():
    assert split(5000, 2, 500) == [500, 500]


def test_blocks_are_added_up_by_their_moves():
    one = TrainingBlock(np.array([100]), np.array([5]), 10, 1, 6.0)
    other = TrainingBlock(np.array([300, 400]), np.array([7, 6]), 30, 4, 2.0)

    both = together([one, other])

    assert both.scores.tolist() == [100, 300, 400]
    assert both.max_exponents.tolist() == [5, 7, 6]
    assert (both.n_moves, both.n_episodes, both.td_error) == (40, 5, 3.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--workers", "2"], "--workers is for training on a cluster: it needs --ray"),
        (["--merge-every", "9"], "--merge-every is for training on a cluster: it needs --ray"),
        (["--ray", "local", "--workers", "0"], "--workers must be at least 1, got 0"),
        (["--ray", "local", "--merge-every", "0"], "--merge-every must be at least 1, got 0"),
        (["--algo", "ppo", "--ray", "local"], "--ray is no option of --algo ppo"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_options_that_make_no_sense_are_wrong_usage(arguments, message, capsys):
    assert main(["train", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("command", [["evaluate", "random"], ["train", "--network", "0123", "--games", "10"]])
def test_the_command_line_tells_in_its_last_line_how_to_install_ray(command, monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.chdir(tmp_path)

    code = main([*command, "--ray", "auto"])

    *_, last = capsys.readouterr().err.splitlines()
    assert code == 1
    assert last.startswith("game2048: --ray needs Ray")
    assert 'pip install "game2048[distributed]"' in last
