"""Playing and learning on a cluster of two processors of this machine: what comes out, and what a death costs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ray", reason="needs Ray: make test-ray")

from agents.baselines import MonteCarloAgent, RandomAgent
from agents.checkpoint import load_learner, save_learner
from agents.distributed.cluster import LOCAL, connected
from agents.distributed.learning import ClusterTraining
from agents.distributed.series import play_seeds
from agents.errors import ClusterError, DivergedError
from agents.networks import Network
from agents.ntuple_search import NTupleSearchAgent
from agents.series import play_seeds as play_here
from agents.series import series_seeds
from agents.td import TDLearner
from game2048.rng import draw, game_seeds, seed_streams

pytestmark = pytest.mark.filterwarnings("default")

SMALL = Network.named("0123+4567")


@pytest.fixture(scope="module")
def ray():
    with connected(LOCAL) as module:
        yield module


def learner(seed=1, n_threads=1):
    return TDLearner(seed=seed, network=SMALL, n_threads=n_threads)


@pytest.fixture(scope="module")
def trained():
    one = learner()
    one.train(200)
    return one


# --- evaluation ---


class DiesOnce(RandomAgent):
    """Kills the process that plays its first game, once."""

    def __init__(self, mark: Path) -> None:
        super().__init__()
        self.mark = mark

    def play_game(self, game_seed):
        if not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), 9)
        return super().play_game(game_seed)


class PlaysInBatches(RandomAgent):
    def play_games(self, seeds, stopped=lambda: False):
        return map(self.play_game, seeds)


def games(played):
    return [(timed.game.seed, timed.game.score, timed.game.plies.tolist()) for timed in played]


@pytest.mark.parametrize("name", ["ntuple", "search", "monte-carlo", "batched"])
def test_games_are_those_of_one_machine_in_the_same_order(ray, trained, name):
    agent = {
        "ntuple": trained.agent(),
        "search": NTupleSearchAgent(trained.values(), depth=2),
        "monte-carlo": MonteCarloAgent(2),
        "batched": PlaysInBatches(),
    }[name]
    seeds = list(series_seeds(9, 30))
    finished = []

    played = games(play_seeds(ray, agent, seeds, on_finish=finished.append))

    assert played == games(play_here(agent, seeds))
    assert sorted(games(finished)) == sorted(played)


def test_a_worker_that_dies_changes_no_game(ray, tmp_path):
    agent = DiesOnce(tmp_path / "mark")

    played = games(play_seeds(ray, agent, series_seeds(1, 40)))

    assert agent.mark.exists()
    assert played == games(play_here(RandomAgent(), series_seeds(1, 40)))


def test_an_error_in_a_worker_is_raised_here(ray):
    class Fails(RandomAgent):
        def play_game(self, game_seed):
            raise DivergedError("as expected")

    with pytest.raises(DivergedError, match=r"^as expected$"):
        list(play_seeds(ray, Fails(), [1]))


def test_who_takes_some_games_leaves_nothing_running(ray, trained):
    played = play_seeds(ray, NTupleSearchAgent(trained.values(), depth=2), series_seeds(2, 1000))

    next(played)
    played.close()

    assert games(play_seeds(ray, RandomAgent(), [5])) == games(play_here(RandomAgent(), [5]))


# --- learning ---


def train(ray, learner, *n_games, n_workers=2, games_per_round=25):
    with ClusterTraining(ray, learner, n_workers=n_workers, games_per_round=games_per_round) as training:
        return [training.train(n) for n in n_games]


def test_a_round_of_one_worker_is_training_from_its_seed(ray):
    alone, commanded = learner(), learner()
    alone.rng[:] = seed_streams(game_seeds(int(draw(learner().rng, 0)), 1))
    alone.train(30)

    (block,) = train(ray, commanded, 30, n_workers=1, games_per_round=30)

    assert np.array_equal(commanded.weights, alone.weights)
    assert np.array_equal(commanded.coherence, alone.coherence)
    assert (commanded.games, commanded.episodes, commanded.moves) == (30, 30, alone.moves)
    assert block.scores.size == 30


def test_training_repeats_bit_for_bit_and_goes_on_exactly(ray, tmp_path):
    whole, parts = learner(), learner()

    first, second, _ = train(ray, whole, 300, 300, 50)
    train(ray, parts, 600)
    save_learner(parts, tmp_path)
    resumed = load_learner(tmp_path)
    train(ray, resumed, 50)

    assert np.array_equal(whole.weights, resumed.weights)
    assert np.array_equal(whole.coherence, resumed.coherence)
    assert (whole.games, whole.moves, int(whole.rng[0])) == (650, resumed.moves, int(resumed.rng[0]))
    assert second.scores[-100:].mean() > 2 * first.scores[:100].mean(), "two workers learn"


def test_a_worker_that_dies_loses_its_block_only(ray, caplog):
    one = learner()
    with ClusterTraining(ray, one, n_workers=2, games_per_round=20) as training:
        training.train(40)
        before = one.weights.copy()
        ray.kill(training.members[0].actor)
        block = training.train(40)
        ray.get([member.ready for member in training.members])
        training.train(40)

        assert training.merges == 1 + 2 + 1, "the round of the death brought 20 games, 20 others were played for its"
        assert all(member.joined for member in training.members), "another worker has taken its place"

    assert block.scores.size == 40
    assert one.games == 120
    assert "worker 1 of 2 died" in caplog.text
    assert not np.array_equal(one.weights, before)


def test_workers_that_die_faster_than_they_play_are_told(ray):
    with ClusterTraining(ray, learner(), n_workers=1) as training:
        training._round = lambda n_games: []

        with pytest.raises(ClusterError, match="all workers died in 3 rounds one after the other"):
            training.train(10)


def test_divergence_in_a_worker_is_told_as_it_is(ray):
    one = learner()
    one.weights[:] = np.nan

    with pytest.raises(DivergedError, match=r"^learning diverged: the mean TD error is nan"):
        train(ray, one, 10, n_workers=1)


def test_a_cluster_without_enough_processors_is_refused(ray):
    with pytest.raises(ClusterError, match=r"99 workers of 2 threads need 198 processors, the cluster has \d"):
        ClusterTraining(ray, learner(n_threads=2), n_workers=99)


# --- the command line, in a process of its own ---


def command(*arguments):
    result = subprocess.run([sys.executable, "-m", "cli", *map(str, arguments)], capture_output=True, text=True)
    return result.returncode, result.stdout, result.stderr


def test_evaluate_tells_the_same_with_a_cluster_and_without(ray):
    address = ray.get_runtime_context().gcs_address
    figures = [
        json.loads(command("evaluate", "greedy", "--games", 50, "--seed", 3, "--json", *more)[1])
        for more in ((), ("--ray", address))
    ]

    for name in ("games", "mean", "ci95", "median", "max", "tile_rates", "moves"):
        assert figures[0][name] == figures[1][name], name


def test_train_leaves_a_run_that_goes_on_without_the_cluster(ray, tmp_path):
    address = ray.get_runtime_context().gcs_address
    more = ("--ray", address, "--workers", 2, "--merge-every", 10)

    code, out, err = command("train", "--games", 40, "--seed", 1, "--out", tmp_path, "--json", *more)

    assert code == 0, err
    assert json.loads(out)["games"] == 40
    assert [json.loads(line)["games"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()] == [20, 40]
    assert load_learner(tmp_path).games == 40
