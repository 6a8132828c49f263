"""What all learners share: repeatable, resumed exactly, honest when learning breaks."""

import copy

import numpy as np
import pytest

from agents.errors import DivergedError
from agents.policy.learner import MAX_STARTS
from agents.policy.network import NetworkConfig, build_network
from agents.policy.ppo import PPO, PPOSettings
from agents.policy.rewards import tile_sums
from agents.policy.settings import LearningSettings
from tests.agents.policy.small import CLASSES, NETWORK, same_state, small_learner

TUPLES = NetworkConfig(inputs="tuples", width=16, depth=1)
ALL = pytest.mark.parametrize("algorithm", CLASSES)


def saved(learner):
    """Return a state that later learning does not change."""
    return copy.deepcopy(learner.state_dict())


@ALL
@pytest.mark.parametrize("n_threads", [1, 2])
def test_the_same_seed_gives_the_same_weights(algorithm, n_threads):
    one, other = (small_learner(algorithm, seed=3, n_threads=n_threads, start_fraction=0.5) for _ in range(2))
    for _ in range(8):
        assert one.iterate() == other.iterate()

    same_state(one, other)


@ALL
def test_another_seed_gives_other_weights_games_and_actions(algorithm):
    one, other = (small_learner(algorithm, seed=seed).state_dict()[0] for seed in (1, 2))

    assert all((one[name] != other[name]).any() for name in ("games.boards", "actions.rng", "network.policy.weight"))


@ALL
def test_two_threads_learn_what_one_does(algorithm):
    """Up to the order of sums: the same games at first, and weights that differ by rounding only."""
    one, other = (small_learner(algorithm, n_threads=n, kl_limit=None) if algorithm == "ppo"
                  else small_learner(algorithm, n_threads=n) for n in (1, 2))  # fmt: skip
    one.iterate()
    other.iterate()

    assert one.games.boards.tolist() == other.games.boards.tolist()
    for (name, weights), other_weights in zip(one.network.named_parameters(), other.network.parameters(), strict=True):
        np.testing.assert_allclose(weights.data, other_weights.data, rtol=1e-3, atol=1e-5, err_msg=name)


@ALL
@pytest.mark.parametrize(
    "chosen",
    [{}, {"ema": 0.9, "start_fraction": 0.5, "n_threads": 2}, {"network": TUPLES, "n_threads": 2}],
    ids=["plain", "all", "tuples"],
)
def test_a_restored_learner_goes_on_exactly(algorithm, chosen):
    whole = small_learner(algorithm, seed=7, lr_schedule="linear", planned_steps=500, **chosen)
    for _ in range(6):
        whole.iterate()
    whole.games.take_finished()
    tensors, header = saved(whole)
    parts = small_learner(algorithm, seed=7, lr_schedule="linear", planned_steps=500, **chosen)
    parts.load_state_dict(tensors, header)

    for _ in range(6):
        assert whole.iterate() == parts.iterate()

    same_state(whole, parts)
    assert whole.games.take_finished()[0].tolist() == parts.games.take_finished()[0].tolist()


@ALL
def test_steps_count_the_moves_of_all_games(algorithm):
    learner = small_learner(algorithm, n_games=6, horizon=5)

    learner.iterate()

    assert learner.steps == 30
    assert learner.updates == {"reinforce": 1, "ppo": 4, "vtrace": 5}[algorithm]
    # ppo: 30 steps in batches of 16, twice; vtrace: in batches of 20, then three of those that were replayed


@ALL
def test_learning_changes_every_parameter(algorithm):
    learner = small_learner(algorithm)
    before = learner.network.state_dict()
    learner.iterate()

    for name, weights in learner.network.state_dict().items():
        assert (weights != before[name]).any(), name


def test_the_learning_rate_follows_the_schedule():
    learner = small_learner("reinforce", lr=1.0, lr_schedule="linear", lr_final=0.0, planned_steps=60)

    rates = [learner.iterate()["lr"] for _ in range(2)]

    assert rates == [0.5, 0.0]  # after 30 and 60 steps


def test_gradients_are_clipped_but_their_norm_is_told():
    one, other = (small_learner("reinforce", max_grad_norm=norm) for norm in (1e-3, 1e9))

    norms = [learner.iterate()["grad_norm"] for learner in (one, other)]

    assert norms[0] == pytest.approx(norms[1], rel=1e-6)
    assert norms[0] > 1e-3
    clipped, whole = (np.sqrt(sum(float((p.grad.data**2).sum()) for p in each.network.parameters()))
                      for each in (one, other))  # fmt: skip
    assert clipped == pytest.approx(1e-3, rel=1e-4)
    assert whole == pytest.approx(norms[1], rel=1e-4)


@ALL
def test_divergence_is_told_before_it_reaches_the_weights(algorithm):
    learner = small_learner(algorithm, reward="points", reward_scale=1e30)
    before = learner.network.state_dict()

    with np.errstate(all="ignore"), pytest.raises(DivergedError, match=r"learning diverged: \w+ is (inf|nan) after 30"):
        learner.iterate()

    for name, weights in learner.network.state_dict().items():
        assert (weights == before[name]).all(), name


def test_the_average_of_weights_follows_them():
    learner = small_learner("reinforce", ema=0.5)
    start = learner.network.policy.bias.data.copy()
    for _ in range(5):
        learner.iterate()

    average, weights = learner.ema.averages["policy.bias"], learner.network.policy.bias.data

    assert (np.abs(average - weights) < np.abs(start - weights)).all()
    assert (average != weights).all()


# --- games ---


def test_boards_are_turned_without_changing_what_they_are_worth():
    learner = small_learner("reinforce", n_games=64, horizon=1)
    before = learner.games.boards.copy()

    rollout = learner.gather()

    assert (tile_sums(rollout.boards[0]) == tile_sums(before)).all()
    assert (rollout.boards[0] != before).mean() > 0.5
    fixed = small_learner("reinforce", n_games=64, horizon=1, turn_games=False)
    assert (fixed.gather().boards[0] == before).all()


def test_the_middle_of_games_becomes_the_start_of_others():
    learner = small_learner("reinforce", n_games=64, horizon=16, start_fraction=0.5)
    for _ in range(20):
        learner.gather()

    starts = learner.games.starts

    assert 0 < starts.size <= MAX_STARTS
    assert tile_sums(starts).mean() > 20  # two tiles at the beginning of a game sum up to 8 at most
    assert (learner.state_dict()[0]["games.starts"] == starts).all()


def test_without_a_curriculum_nothing_is_kept():
    learner = small_learner("reinforce", horizon=16)
    learner.gather()

    assert learner.games.starts.size == 0


def test_rewards_are_those_of_the_settings():
    learner = small_learner("reinforce", n_games=32, horizon=64, reward="points", reward_scale=0.5, end_penalty=3.0)
    rollout = learner.gather()

    rewards = learner.rewards(rollout)

    assert rollout.over.any()
    assert (rewards == 0.5 * rollout.rewards - 3.0 * rollout.over).all()


# --- making ---


def test_a_network_can_be_given():
    network = build_network(NETWORK, np.random.default_rng(5))
    before = network.state_dict()

    learner = PPO(PPOSettings(n_games=4, horizon=2, network=NETWORK), network=network)

    assert learner.network is network
    for name, weights in learner.network.state_dict().items():
        assert (weights == before[name]).all(), name


def test_a_network_in_use_learns_as_one_in_training():
    """A loaded network is in the mode of use, where those that read afterstates pad them; a resumed one never is."""
    network = build_network(NETWORK, np.random.default_rng(5)).eval()

    learner = PPO(PPOSettings(n_games=4, horizon=2, network=NETWORK), network=network)

    assert learner.network.training


def test_a_network_of_other_settings_is_refused():
    with pytest.raises(ValueError, match=r"network must be as settings\.network says"):
        PPO(PPOSettings(network=NetworkConfig(width=32)), network=build_network(NETWORK))


def test_settings_of_another_algorithm_are_refused():
    with pytest.raises(TypeError, match="settings must be PPOSettings, got LearningSettings"):
        PPO(LearningSettings())


def test_the_state_of_another_number_of_games_is_refused():
    tensors, header = saved(small_learner("ppo", n_games=7))

    with pytest.raises(ValueError, match=r"shape \(6,\), got \(7,\)"):
        small_learner("ppo", n_games=6).load_state_dict(tensors, header)


# --- n-tuple tables ---


def test_tables_learn_from_all_parts_of_a_batch_and_all_threads():
    """A gradient that is summed over parts, by two threads, moves the tables as the whole batch by one does."""
    states = []
    for chosen in ({"part": 1000}, {"part": 7, "n_threads": 2}):
        learner = small_learner("reinforce", network=TUPLES, **chosen)
        learner.iterate()
        states.append(learner.state_dict()[0])

    assert states[0]["network.tables.rows"].size > 100
    assert (states[0]["network.tables.rows"] == states[1]["network.tables.rows"]).all()
    np.testing.assert_allclose(states[0]["sparse.mean"], states[1]["sparse.mean"], rtol=1e-3, atol=1e-7)


def test_a_state_without_the_means_of_tables_is_refused():
    learner = small_learner("ppo", network=TUPLES)
    learner.iterate()
    tensors, header = saved(learner)
    del tensors["sparse.mean"]

    with pytest.raises(ValueError, match="sparse must have what the network asks for"):
        learner.load_state_dict(tensors, header)
