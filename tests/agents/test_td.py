"""TD(lambda) with temporal coherence: against the naive twin, repeatable, improving, and honest when it breaks."""

import numpy as np
import pytest

from agents.base import MAX_MOVES
from agents.episodes import MIN_RESTART, play_and_remember
from agents.errors import DivergedError
from agents.evaluate import evaluate
from agents.learning_rules import learn_backward
from agents.networks import DEFAULT, Network
from agents.td import TDLearner, TDSettings
from game2048 import board as rules
from game2048.rng import draw
from tests.oracles.td import NaiveLearner

SMALL = Network.named("17x4+empty+large")
STAGES = Network.named("lines+squares+empty+large@5,7")
"""With stages that every game goes through."""


def constant(trace_decay, **others):
    return TDSettings(trace_decay_start=trace_decay, trace_decay_end=trace_decay, **others)


class Shadow:
    """What a learner is to do next, kernel by kernel, on a copy of its weights, while a naive twin looks on."""

    def __init__(self, learner, twin):
        self.learner, self.twin = learner, twin
        self.weights, self.coherence = learner.weights.copy(), learner.coherence.copy()
        self.rng = learner.rng.copy()
        self.lengths = []

    def play_game(self):
        """Play and learn a game and its restarts; return its score."""
        settings = self.learner.settings
        path, rewards = self._episode(rules.start_board(self.rng, 0))
        score = int(rewards.sum())
        while settings.restart and len(path) >= MIN_RESTART:
            path, _ = self._episode(rules.spawn(path[int(settings.restart * len(path)), 0], draw(self.rng, 0)))
        return score

    def _episode(self, board):
        network, settings = self.learner.network, self.learner.settings
        path, rewards = np.empty((MAX_MOVES, 2), np.uint64), np.empty(MAX_MOVES, np.float32)
        buffers, tables, dice = self.learner.values().buffers(), rules.row_tables(), self.rng.copy()
        t = play_and_remember(board, 0, self.rng, self.weights, network.layout, tables, path, rewards, *buffers)
        path, rewards = path[:t], rewards[:t]
        boards = [board, *(rules.spawn(after, draw(dice, 0)) for after in path[:-1, 0])]
        followed = self.twin.follow(*([rules.unpack(b).tolist() for b in some] for some in (boards, path[:, 0])))
        decay = np.float32(settings.trace_decay_start)
        learn_backward(
            path, rewards, self.weights, self.coherence, network.layout, np.float32(settings.initial), decay,
            np.float32(settings.alpha), buffers[0],
        )  # fmt: skip
        self.twin.learn(followed, decay)
        assert rewards.tolist() == [reward for _, reward in followed]
        self.lengths.append(t)
        return path, rewards


@pytest.mark.parametrize(
    ("network", "settings"),
    [
        (SMALL, constant(0.0, alpha=0.7)),
        (SMALL, constant(0.5, alpha=0.7, initial=100.0)),
        (STAGES, constant(0.5)),
        (SMALL, constant(0.3, restart=0.5)),
    ],
    ids=["TD(0)", "optimistic", "stages", "restart"],
)
def test_learning_agrees_with_the_naive_twin(network, settings):
    """Both learn from the same games; their sums round differently, so the twin judges moves up to rounding."""
    learner = TDLearner(settings, seed=4, network=network)
    twin = NaiveLearner(settings.alpha, network, settings.initial)
    shadow = Shadow(learner, twin)

    for _ in range(4):
        assert learner.train(1).scores.tolist() == [shadow.play_game()]

        assert np.array_equal(learner.weights, shadow.weights)
        assert np.array_equal(learner.coherence, shadow.coherence)
        for ours, theirs in (
            (learner.weights, twin.w),
            (learner.coherence[0::2], twin.e),
            (learner.coherence[1::2], twin.a),
        ):
            touched, expected = twin.table(theirs)
            np.testing.assert_allclose(ours[touched], expected, rtol=2e-3, atol=2e-2)
    assert np.count_nonzero(learner.coherence[1::2]) == len(touched)
    assert (learner.moves, learner.episodes) == (sum(shadow.lengths), len(shadow.lengths))
    assert learner.rng == shadow.rng


@pytest.mark.parametrize(
    ("network", "settings"), [(DEFAULT, TDSettings()), (STAGES, TDSettings(restart=0.5))], ids=["default", "restart"]
)
def test_the_same_seed_gives_the_same_weights_bit_for_bit_however_games_are_split(network, settings):
    one, other = (TDLearner(settings, seed=3, network=network) for _ in range(2))

    one.train(60)
    for n in (1, 29, 30):
        other.train(n)

    assert np.array_equal(one.weights, other.weights)
    assert np.array_equal(one.coherence, other.coherence)
    assert one.rng == other.rng
    assert (one.games, one.episodes, one.moves) == (other.games, other.episodes, other.moves)


def test_restarts_play_the_ends_of_games_again():
    """Half of the moves are then of the latter half: of equally long ends, log2(length / 10) more or so."""
    plain, restarted = (TDLearner(TDSettings(restart=share), seed=1, network=SMALL) for share in (0.0, 0.5))

    alone, together = plain.train(100), restarted.train(100)

    assert alone.n_episodes == 100
    assert together.n_episodes > 400
    assert 1.5 < (together.n_moves / together.scores.mean()) / (alone.n_moves / alone.scores.mean()) < 3


def test_a_new_stage_begins_with_what_the_one_before_has_learned():
    """Boards with a 32 and without are worth the same until a weight of the second stage is first learned."""
    learner = TDLearner(network=Network.named("17x4@5"), seed=0)
    learner.train(20)
    size = learner.network.stage_size
    assert learner.weights[size:].any()  # learned there, too
    learner.weights[size:] = 0

    before = learner.weights[:size].copy()
    learner.train(1)

    learned = np.flatnonzero(learner.weights[size:])
    assert np.corrcoef(learner.weights[size:][learned], before[learned])[0, 1] > 0.75


def test_threads_share_what_they_learn():
    """Two threads, each with random states of its own: together as many games as asked for, all in the same tables."""
    learner = TDLearner(seed=0, network=SMALL, n_threads=2)

    block = learner.train(101)

    assert learner.rng.shape == (2,)
    assert learner.rng[0] != learner.rng[1]
    assert (learner.games, block.scores.size) == (101, 101)
    assert (block.scores > 0).all()
    assert learner.moves == block.n_moves > 101 * 50
    assert learner.train(400).scores.mean() > 2 * block.scores.mean()


def test_another_seed_gives_other_games():
    assert TDLearner(seed=1).train(5).scores.tolist() != TDLearner(seed=2).train(5).scores.tolist()


def test_a_thousand_games_teach_ten_times_the_score_of_random_play():
    learner = TDLearner(seed=0)

    learner.train(1000)

    assert evaluate(learner.agent(), n_games=200, seed=1).mean > 12_000


def test_lambda_falls_from_start_to_end():
    settings = TDSettings(trace_decay_start=0.8, trace_decay_end=0.4, trace_decay_games=100)

    values = settings.lambda_at(np.array([0, 100, 10_000]))

    np.testing.assert_allclose(values, [0.8, 0.4 + 0.4 / np.e, 0.4], rtol=1e-6)


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("alpha", 0.0, r"alpha must be in \(0, 1\], got 0.0"),
        ("alpha", 1.5, r"alpha must be in \(0, 1\], got 1.5"),
        ("alpha", float("nan"), "alpha must be"),
        ("trace_decay_start", 1.1, r"trace_decay_start must be in \[0, 1\], got 1.1"),
        ("trace_decay_end", -0.1, r"trace_decay_end must be in \[0, 1\], got -0.1"),
        ("trace_decay_games", 0.0, "trace_decay_games must be positive, got 0.0"),
        ("restart", 1.0, r"restart must be 0 or in \[0.1, 1\), got 1.0"),
        ("restart", -0.5, r"restart must be 0 or in \[0.1, 1\), got -0.5"),
        ("initial", -1.0, "initial must be from 0 to 4000000 points, got -1.0"),
        ("initial", float("inf"), "initial must be from 0 to 4000000 points, got inf"),
    ],
)
def test_settings_out_of_range_are_refused(setting, value, message):
    with pytest.raises(ValueError, match=message):
        TDSettings(**{setting: value})


@pytest.mark.parametrize("poison", [np.nan, np.inf, 1e30])
def test_divergence_is_noticed(poison):
    learner = TDLearner(seed=0)
    learner.weights[: 1 << 22] = poison

    with pytest.raises(DivergedError, match="learning diverged"):
        learner.train(5)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_thousand_games_reach_2048_in_nine_games_of_ten():
    """Three training seeds, 1,000 games each; the recipe to beat made 49.1 % with as many games."""
    results = []
    for training_seed in (1, 2, 3):
        learner = TDLearner(seed=training_seed)
        learner.train(10_000)
        results.append(evaluate(learner.agent(), n_games=1000, seed=training_seed, n_threads=2))

    assert np.mean([r.mean for r in results]) >= 60_000
    assert np.mean([r.tile_rates["2048"] for r in results]) >= 0.93
    assert np.mean([r.tile_rates["4096"] for r in results]) >= 0.62
