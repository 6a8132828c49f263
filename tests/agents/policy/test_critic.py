"""The afterstate critic: values of all actions, learned from whole games, however roll-outs cut them."""

import numpy as np
import pytest

from agents.errors import DivergedError
from agents.policy.boards import exponents
from agents.policy.config import NTUPLE_NETWORK
from agents.policy.critic import FIRST_ROWS, AfterstateCritic
from agents.policy.games import LockstepGames
from agents.policy.rollout import Rollout
from agents.td import TDLearner, TDSettings
from game2048 import board as rules
from game2048.rng import game_seeds
from tests.oracles import board as naive
from tests.oracles.td import NaiveLearner, features, place


def random_roll_outs(games, horizons, seed=0):
    """Roll-outs of uniformly random play, one after the other."""
    random = np.random.default_rng(seed)
    for horizon in horizons:
        boards, steps = [games.boards.copy()], []
        for _ in range(horizon):
            actions = (random.random((games.n_games, 4)) * games.masks(games.boards)).argmax(1).astype(np.uint8)
            steps.append((actions, np.zeros(games.n_games, np.float32), *games.step(actions)))
            boards.append(games.boards.copy())
        yield Rollout(np.array(boards), *(np.array(field) for field in zip(*steps, strict=True)))


def cells_of(board):
    return exponents(np.array([board], np.uint64)).reshape(4, 4).tolist()


def test_learning_agrees_with_the_naive_twin():
    """All games of two columns, in the order in which they end; as `agents.td` says, but of another's moves."""
    critic, twin = AfterstateCritic(2, trace_decay=0.6, alpha=0.7), NaiveLearner(alpha=0.7)
    games = LockstepGames(2, seed=3)
    paths, ended = [[], []], 0

    for rollout in random_roll_outs(games, [50, 1, 99, 150]):
        error = critic.learn(rollout)
        for t in range(rollout.horizon):
            for game in range(2):
                paths[game].append(naive.slide(cells_of(rollout.boards[t, game]), int(rollout.actions[t, game])))
                if rollout.over[t, game]:
                    twin.learn(paths[game], np.float32(0.6))
                    paths[game] = []
                    ended += 1
        assert np.isnan(error) == (not rollout.over.any())

    assert critic.games == ended >= 4
    for ours, theirs in ((critic.weights, twin.w), (critic.coherence[1::2], twin.a)):
        touched, expected = twin.table(theirs)
        np.testing.assert_allclose(ours[touched], expected, rtol=1e-3, atol=1e-2)
    assert np.count_nonzero(critic.coherence[1::2]) == len(touched)


def test_a_greedy_game_teaches_what_the_td_learner_learns_from_it():
    """The same game, bit for bit the same weights, although the critic sees boards and not features."""
    settings = TDSettings(alpha=0.8, trace_decay_start=0.5, trace_decay_end=0.5)
    learner = TDLearner(settings, seed=2)
    plies = learner.agent().play_game(game_seeds(2, 1)[0]).plies
    boards, tables = [rules.start_board(learner.rng.copy(), 0)], rules.row_tables()
    for code in plies.tolist():
        after, _, _ = rules.play(boards[-1], 0, code >> 5, tables)
        boards.append(int(after) | 1 + (code & 1) << 4 * (code >> 1 & 15))
    learner.train(1)

    critic = AfterstateCritic(1, trace_decay=0.5, alpha=0.8)
    over = np.zeros((plies.size, 1), bool)
    over[-1] = True
    unused = np.zeros((plies.size, 1), np.float32)
    critic.learn(Rollout(np.array(boards, np.uint64)[:, None], (plies >> 5)[:, None], unused, unused, over))

    assert np.array_equal(critic.weights, learner.weights)
    assert np.array_equal(critic.coherence, learner.coherence)
    assert critic.learner.moves == plies.size


@pytest.fixture(scope="module")
def taught():
    """A critic of 20 games side by side, some of which are not over, and the games."""
    critic, games = AfterstateCritic(20), LockstepGames(20, seed=1)
    for rollout in random_roll_outs(games, [90, 90]):
        critic.learn(rollout)
    return critic, games


def test_action_values_are_points_and_the_value_of_the_afterstate(taught):
    critic, games = taught
    values = critic.action_values(games.boards)

    assert np.unique(values[np.isfinite(values)]).size > 20
    for board, row in zip(games.boards, values, strict=True):
        cells = cells_of(board)
        legal = naive.legal_actions(cells)
        assert [action for action in range(4) if np.isfinite(row[action])] == legal
        for action in legal:
            after, points = naive.slide(cells, action)
            value = sum(critic.weights[place(f)] for f in features(after))
            assert row[action] == pytest.approx(points + value, rel=1e-4, abs=1e-2)


def test_learning_goes_on_exactly_across_unfinished_games_and_however_roll_outs_cut_them(taught):
    """Saved in the middle of games; in roll-outs of other lengths, so that games end in another order."""
    whole, games = taught
    assert (whole._starts < whole._n_rows).any()
    state = {name: array.copy() for name, array in whole.state_dict().items()}
    other = AfterstateCritic(20)
    other.load_state_dict(state)
    before = games.boards.copy(), games.state_dict()["rng"].copy()
    rollouts = list(random_roll_outs(games, [200, 300], seed=5))
    assert not np.array_equal(games.boards, before[0])

    for critic in (whole, other):
        for rollout in rollouts:
            critic.learn(rollout)

    one, two = whole.state_dict(), other.state_dict()
    assert all(np.array_equal(one[name], two[name]) for name in one)
    assert whole.games > 60


def test_memory_is_bounded_by_the_longest_game(taught):
    """Steps of games that are over are forgotten: after 4,000 steps there is room for few times a game's length."""
    critic, games = AfterstateCritic(3), LockstepGames(3, seed=1)
    for rollout in random_roll_outs(games, [100] * 40):
        critic.learn(rollout)

    assert len(critic._boards) <= 4 * FIRST_ROWS
    assert critic.games > 60


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("starts", np.zeros(19, np.int64), r"starts must have shape \(20,\), got \(19,\)"),
        ("boards", np.zeros((5, 19), np.uint64), r"boards must have shape \(5, 20\), got \(5, 19\)"),
        ("weights", np.zeros(1, np.float32), r"weights must have shape"),
        ("indices", None, f"indices must be below {NTUPLE_NETWORK.n_weights}, got {NTUPLE_NETWORK.n_weights}"),
    ],
)
def test_a_damaged_state_is_refused_and_nothing_changes(taught, name, wrong, message):
    critic, games = taught
    values = critic.action_values(games.boards)
    state = {name: array.copy() for name, array in critic.state_dict().items()}
    if wrong is None:
        state[name][-1] = NTUPLE_NETWORK.n_weights
    else:
        state[name] = wrong

    with pytest.raises(ValueError, match=message):
        critic.load_state_dict(state)

    assert np.array_equal(critic.action_values(games.boards), values)


def test_divergence_is_told():
    critic, games = AfterstateCritic(20), LockstepGames(20, seed=1)
    critic.weights[-(2**17) :] = np.nan  # lines
    (rollout,) = random_roll_outs(games, [300])

    with pytest.raises(DivergedError, match="the critic diverged: its errors sum to nan in game 1"):
        critic.learn(rollout)
