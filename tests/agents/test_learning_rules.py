"""The rules by which afterstates learn, and the games they learn from: against naive twins that work on whole games."""

from dataclasses import replace

import numpy as np
import pytest

from agents.episodes import CAROUSEL_SIZE, remember_stages
from agents.errors import DivergedError
from agents.learning_rules import delay_for
from agents.networks import Network
from agents.td import TDLearner, TDSettings
from game2048 import board as rules
from tests.oracles.learning import NaiveLearning

SMALL = Network.named("lines+squares+empty")
STAGES = Network.named("lines+squares@6,7")
"""With stages that almost every game of a beginner goes through."""


def constant(trace_decay, **others):
    return TDSettings(trace_decay_start=trace_decay, trace_decay_end=trace_decay, **others)


RULES = {
    "TC(lambda)": constant(0.5),
    "TD(0), backward": constant(0, coherence_from=1.0),
    "TD(lambda)": constant(0.5, coherence_from=1.0, plain_alpha=0.05),
    "TD(0), online": constant(0, delay=1, coherence_from=1.0),
    "TD(3)": constant(1, delay=3, coherence_from=1.0, plain_alpha=0.05),
    "TC(n)": constant(1, delay=2, alpha=0.5),
    "delayed TC(lambda)": constant(0.5, delay=delay_for(0.5)),
    "OTD": constant(0, coherence_from=1.0, initial=2000.0),
    "OTD, then TC": constant(0, coherence_from=0.5, planned_games=4, initial=2000.0),
    "OTD, then TC, delayed, with restart": constant(
        0.5, coherence_from=0.5, planned_games=4, initial=2000.0, delay=4, restart=0.5
    ),
    "TC with falling steps": constant(0.5, alpha_drops=(0.25, 0.5), planned_games=4),
    "TC with restart and carousel": constant(0.5, restart=0.5, carousel_tiles=(6, 7)),
    "TC with restart after two games": constant(0.5, restart=0.4, restart_after=2),
    "delayed TC with carousel": constant(0.5, delay=4, carousel_tiles=(5, 6)),
}


@pytest.mark.parametrize("network", [SMALL, STAGES], ids=lambda network: network.name)
@pytest.mark.parametrize("name", RULES)
def test_every_rule_learns_as_its_naive_twin(name, network):
    """Four games and all that follow from them, bit for bit."""
    settings = RULES[name]
    learner, twin = TDLearner(settings, seed=4, network=network), NaiveLearning(settings, network, seed=4)

    block = learner.train(4)
    scores = [twin.play_game() for _ in range(4)]

    assert block.scores.tolist() == scores
    assert (block.n_moves, block.n_episodes) == (twin.n_moves, twin.n_episodes)
    assert int(learner.rng[0]) == twin.rng.state
    assert np.array_equal(learner.weights, twin.weights)
    assert np.array_equal(learner.coherence, twin.coherence.ravel())


@pytest.mark.parametrize(
    "name", ["OTD, then TC", "delayed TC(lambda)", "TC with restart and carousel", "TC with restart after two games"]
)
def test_every_rule_repeats_bit_for_bit_however_games_are_split(name):
    one, other = (TDLearner(RULES[name], seed=3, network=SMALL) for _ in range(2))

    one.train(30)
    for n in (1, 2, 12, 15):
        other.train(n)

    assert np.array_equal(one.weights, other.weights)
    assert np.array_equal(one.coherence, other.coherence)
    assert np.array_equal(one.carousel, other.carousel)
    assert (one.rng, one.games, one.episodes, one.moves) == (other.rng, other.games, other.episodes, other.moves)


@pytest.mark.parametrize(("name", "least"), [("TD(0), online", 1500), ("TD(3)", 1500), ("delayed TC(lambda)", 3500)])
def test_every_way_to_learn_while_playing_learns(name, least):
    """Random play makes 1,100 points."""
    learner = TDLearner(RULES[name], seed=0, network=Network.named("17x4"))

    learner.train(600)

    assert learner.train(100).scores.mean() > least


def test_without_temporal_coherence_no_accumulator_is_touched():
    learner = TDLearner(constant(0.5, coherence_from=1.0), network=SMALL)

    learner.train(3)

    assert learner.weights.any()
    assert not learner.coherence.any()


def test_a_promoted_weight_begins_with_what_it_read_as():
    """Learning from a board of a new stage moves its value from the old stage's, not from 0, and as little."""
    learner = TDLearner(constant(0, delay=1), seed=1, network=STAGES)
    learner.weights[: STAGES.stage_size] = 50.0
    accumulators = learner.coherence.reshape(-1, 2)
    accumulators[: STAGES.stage_size] = 1.0, 1000.0
    learner.train(3)

    changed = np.flatnonzero(learner.weights[STAGES.stage_size :]) + STAGES.stage_size

    assert len(changed) > 100
    assert np.abs(learner.weights[changed] - 50).mean() < 5
    assert accumulators[changed, 1].min() >= 1000


# --- the carousel ---


def stages_of(path, tiles):
    exponents = [set(rules.unpack(board).ravel().tolist()) for board, _ in path.tolist()]
    return [sum((tile in present) << i for i, tile in enumerate(sorted(tiles))) for present in exponents]


def test_the_last_first_boards_of_each_stage_are_remembered():
    """A ring: 1,003 boards with which stage 1 began, of which 1,000 stay."""
    before, after = 0x1, 0x51
    path = np.array([[board, i] for i in range(CAROUSEL_SIZE + 3) for board in (before, after)], np.uint64)
    carousel = np.zeros((2, 1 + CAROUSEL_SIZE, 2), np.uint64)

    remember_stages(path, 1 << 5, carousel)

    assert carousel[1, 0, 0] == CAROUSEL_SIZE + 3
    assert carousel[0, 0, 0] == CAROUSEL_SIZE + 2  # a game does not enter the stage that it begins in
    assert (carousel[1, 1:, 0] == after).all()
    assert sorted(carousel[1, 1:, 1].tolist()) == list(range(3, CAROUSEL_SIZE + 3))


def test_the_carousel_goes_on_from_boards_of_later_stages():
    learner = TDLearner(constant(0.5, carousel_tiles=(5, 6)), seed=2, network=SMALL)

    block = learner.train(200)

    known = learner.carousel[0, :, 0, 0]
    assert (known[1:] > 0).all()
    assert block.n_episodes > 3 * 200
    for stage in range(1, 4):
        boards = learner.carousel[0, stage, 1 : 1 + min(int(known[stage]), CAROUSEL_SIZE)]
        assert set(stages_of(boards, (5, 6))) == {stage}


# --- settings ---


def test_a_return_is_settled_when_what_follows_counts_less_than_a_tenth():
    assert [delay_for(x) for x in (0.0, 0.05, 0.1, 0.5, 0.9)] == [1, 1, 1, 4, 22]
    with pytest.raises(ValueError, match=r"trace_decay must be in \[0, 1\), got 1"):
        delay_for(1)


def test_step_sizes_follow_the_plan():
    settings = TDSettings(planned_games=100, coherence_from=0.9, plain_alpha=0.2, alpha=1.0, alpha_drops=(0.5, 0.95))

    games = np.array([0, 49, 50, 89, 90, 94, 95, 1000])

    cooled = replace(settings, cooled_from=int(games[3]))
    np.testing.assert_allclose(cooled.alpha_at(games[2:4]), [0.02, 0.002], rtol=1e-6)
    np.testing.assert_allclose(settings.alpha_at(games), [0.2, 0.2, 0.02, 0.02, 0.1, 0.1, 0.01, 0.01], rtol=1e-6)
    assert settings.first_coherent == 90


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"plain_alpha": 1.5}, r"plain_alpha must be in \(0, 1\], got 1.5"),
        ({"coherence_from": -0.1}, r"coherence_from must be in \[0, 1\], got -0.1"),
        ({"coherence_from": 0.9}, "planned_games must be at least 1 for coherence_from or alpha_drops, got 0"),
        ({"alpha_drops": [0.5]}, "planned_games must be at least 1"),
        ({"alpha_drops": [0.5, 0.5], "planned_games": 9}, "alpha_drops must be ascending shares"),
        ({"alpha_drops": [0.0], "planned_games": 9}, "alpha_drops must be ascending shares"),
        ({"planned_games": -1}, "planned_games must be a number of games, got -1"),
        ({"delay": -1}, "delay must be a number of moves from 0 to 100, got -1"),
        ({"delay": 101}, "delay must be"),
        ({"restart": 1.0}, r"restart must be 0 or in \[0.1, 1\), got 1.0"),
        ({"restart": 0.01}, r"restart must be 0 or in \[0.1, 1\), got 0.01"),
        ({"restart_after": -1}, "restart_after must be a number of games, got -1"),
        ({"restart_after": 0.5}, "restart_after must be a number of games, got 0.5"),
        ({"carousel_tiles": (16,)}, r"carousel_tiles must be different exponents from 1 to 15, got \(16,\)"),
        ({"carousel_tiles": (5, 5)}, "carousel_tiles must be different"),
        ({"carousel_tiles": tuple(range(1, 10))}, "carousel_tiles must be at most 8 exponents, got 9"),
        ({"initial": -1}, "initial must be from 0 to 4000000 points, got -1"),
        ({"initial": 1e8}, "initial must be from 0 to 4000000 points, got 100000000.0"),
        ({"initial": float("inf")}, "initial must be"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        TDSettings(**settings)


def test_settings_survive_json():
    """Tuples come back from JSON as lists."""
    settings = TDSettings(alpha_drops=(0.5,), planned_games=10, carousel_tiles=(15, 14))

    assert TDSettings(alpha_drops=[0.5], planned_games=10, carousel_tiles=[15, 14]) == settings


# --- threads, stops, divergence ---


def test_a_step_of_one_without_temporal_coherence_diverges_and_is_noticed():
    """Backward with lambda, a plain step of 1 overshoots until values are no numbers; the message names alpha."""
    learner = TDLearner(constant(0.5, coherence_from=1.0, plain_alpha=1.0), network=SMALL)

    with pytest.raises(DivergedError, match=r"diverged: the mean TD error is .* try a smaller alpha than 1"):
        learner.train(300)


def test_errors_larger_than_the_scores_are_divergence_long_before_they_overflow():
    """A step of 1 in TD(0) of lines: errors grow slowly, and all the while the agent plays worse than at random."""
    learner = TDLearner(constant(0, coherence_from=1.0, plain_alpha=1.0), network=Network.named("lines"))

    with pytest.raises(DivergedError, match=r"TD error is .* points after 200 games, the last of .* on average"):
        learner.train(200)

    assert np.abs(learner.weights).max() < 1e5


@pytest.mark.parametrize("initial", [0.0, 320_000.0])
def test_a_network_that_knows_nothing_has_not_diverged(initial):
    """Its errors are of the size of V_0, and it is only learning."""
    learner = TDLearner(constant(0, coherence_from=1.0, initial=initial), network=Network.named("17x4"))

    errors = [learner.train(20).td_error for _ in range(10)]

    assert max(errors) < 1000 + initial / 10


def test_a_fresh_network_is_warmed_up_by_one_thread():
    """The first 100 games are those of one thread, bit for bit."""
    one, two = TDLearner(seed=3, network=SMALL), TDLearner(seed=3, network=SMALL, n_threads=2)
    second = int(two.rng[1])

    one.train(100)
    two.train(60)
    two.train(40)

    assert np.array_equal(one.weights, two.weights)
    assert int(two.rng[1]) == second
    two.train(60)
    assert int(two.rng[1]) != second


def test_threads_play_each_game_once():
    learner = TDLearner(seed=3, network=SMALL, n_threads=3)

    block = learner.train(307)

    assert (learner.games, block.n_episodes, len(block.scores)) == (307, 307, 307)
    assert (block.scores > 0).all()
    assert learner.moves == block.n_moves


def test_a_stop_leaves_whole_games():
    """Asked before each sixteenth: what was played counts, and the next call goes on as if there had been no stop."""
    stopped, whole = (TDLearner(seed=3, network=SMALL) for _ in range(2))
    asked = []

    block = stopped.train(160, lambda: len(asked) == 3 or asked.append(0))

    assert len(block.scores) == stopped.games == 30
    assert len(stopped.train(5, lambda: True).scores) == 0
    stopped.train(130)
    whole.train(160)
    assert np.array_equal(stopped.weights, whole.weights)


def test_more_threads_play_other_games_than_those_that_were_there():
    learner = TDLearner(seed=3, network=SMALL)
    learner.train(5)
    first = int(learner.rng[0])

    learner.use_threads(3)

    assert learner.n_threads == len(learner.carousel) == 3
    assert len(set(learner.rng.tolist())) == 3
    learner.use_threads(1)
    assert learner.n_threads == 1
    assert int(learner.rng[0]) != first  # it drew the seed of the others
    with pytest.raises(ValueError, match="n_threads must be at least 1, got 0"):
        learner.use_threads(0)
