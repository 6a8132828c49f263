"""A compact network plays in the page as it does in Python: the same values to the bit, and the same whole games."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.compact import compact, load_compact, save_compact
from agents.networks import Network
from agents.ntuple import NTupleAgent, Values
from agents.td import TDLearner
from game2048.game import Game
from tests.needs import missing

PLAYED = {"games": 0, "episodes": 0, "moves": 0}
NAMES = ("17x4", "01234+45+large+empty", "012+4567@11,9", "48c+large@15")


def answers_of_page(network: Path, job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return what JavaScript makes of a network."""
    if (node := shutil.which("node")) is None:
        missing("node is not installed")
    (folder / "job.json").write_text(json.dumps(job))
    script = Path(__file__).with_name("greedy-games.mjs")
    done = subprocess.run([node, script, network, folder / "job.json"], check=True, capture_output=True, text=True)
    answers: dict[str, Any] = json.loads(done.stdout)
    return answers


def written(values: Values, folder: Path) -> tuple[Path, NTupleAgent]:
    """Write a network and read it again."""
    path = folder / "network.safetensors"
    save_compact(compact(values), PLAYED, path)
    return path, NTupleAgent(load_compact(path)[0])


@pytest.mark.parametrize("name", NAMES)
def test_values_of_any_board_are_the_same_to_the_bit(name: str, tmp_path: Path) -> None:
    """Random weights, a third of them 0, so that stages look at the one before; tiles up to 131072."""
    generator = np.random.default_rng(1)
    network = Network.named(name)
    weights = generator.normal(0, 3000, network.n_weights).astype(np.float32)
    weights[generator.random(network.n_weights) < 0.3] = 0
    path, agent = written(Values(network, weights, initial=160_000.5), tmp_path)
    boards = np.where(generator.random((200, 16)) < 0.3, 0, generator.integers(1, 18, (200, 16)))
    boards[:20] = 0
    boards[:20, 0] = 17

    page = answers_of_page(path, {"boards": boards.tolist(), "seeds": [], "max_moves": 0}, tmp_path)["values"]

    ours = np.array([agent.move_values(Game(board=board)) for board in boards])
    theirs = np.array([[-np.inf if value is None else value for value in row] for row in page], np.float32)
    assert np.array_equal(ours, theirs)
    assert np.isinf(ours).any()
    assert len(np.unique(ours)) > 400


def test_whole_games_of_a_learned_network_are_the_same(tmp_path: Path) -> None:
    learner = TDLearner(seed=1, network=Network.named("17x4"))
    learner.train(200)
    path, agent = written(learner.values(), tmp_path)
    seeds = [3, 2048, 2**40]

    page = answers_of_page(path, {"boards": [], "seeds": seeds, "max_moves": 100_000}, tmp_path)["games"]

    for seed, actions in zip(seeds, page, strict=True):
        plies = agent.play_game(seed).plies
        assert (plies >> 5).tolist() == actions
    assert min(map(len, page)) > 100
