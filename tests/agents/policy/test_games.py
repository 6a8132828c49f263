"""Games in lockstep for learning, and roll-outs in them: the rules of the game, one random stream a game."""

import numpy as np
import pytest

from agents.policy.distribution import masked_log_softmax
from agents.policy.games import LockstepGames
from agents.policy.network import NetworkConfig, build_network
from agents.policy.rollout import collect
from game2048 import board as rules
from game2048.game import Game
from game2048.rng import game_seeds, seed_streams
from nets.replicas import Replicas

NETWORK = NetworkConfig(width=16, depth=1)


def random_actions(games, random):
    """A uniformly random legal action in each game."""
    return (random.random((games.n_games, 4)) * games.masks(games.boards)).argmax(1).astype(np.uint8)


def test_random_play_scores_what_it_should():
    """About 1,090 points; the standard error of 4,000 games is 9."""
    games, random = LockstepGames(1000, seed=1), np.random.default_rng(0)
    scores, n_moves = [], []
    while len(scores) < 4000:
        games.step(random_actions(games, random))
        finished = games.take_finished()
        scores += finished.scores.tolist()
        n_moves += finished.n_moves.tolist()

    assert np.mean(scores[:4000]) == pytest.approx(1090, abs=45)
    assert np.mean(n_moves[:4000]) == pytest.approx(117, abs=5)


def test_a_game_is_the_game_of_its_seed():
    """Boards, points, scores, largest tiles and moves of `Game(seed)`, until it ends; then another game begins."""
    n = 20
    games, random = LockstepGames(n, seed=5), np.random.default_rng(1)
    twins = [Game(int(seed)) for seed in game_seeds(5, n)]
    running = set(range(n))

    while running:
        actions = random_actions(games, random)
        points, over = games.step(actions)
        ended = games.take_finished()
        assert ended.scores.size == over.sum()
        rows = dict(zip(np.flatnonzero(over).tolist(), zip(*(x.tolist() for x in ended), strict=True), strict=True))
        for i in sorted(running):
            assert twins[i].play(int(actions[i])) == points[i]
            assert twins[i].is_over == over[i]
            if over[i]:
                assert rows[i] == (twins[i].score, int(np.log2(twins[i].max_tile)), twins[i].n_moves)
                assert np.count_nonzero(rules.unpack(games.boards[i])) == 2
                running.remove(i)
            else:
                assert twins[i].packed[0] == games.boards[i]


def test_a_game_ends_with_the_65536_tile():
    """One packed word cannot tell it from 32768; the points of its merge are paid, and another game begins."""
    games = LockstepGames(1, seed=1)
    games.boards[0] = 0xFF

    rewards, over = games.step(np.array([rules.LEFT], np.uint8))

    assert (rewards.tolist(), over.tolist()) == ([65536.0], [True])
    finished = games.take_finished()
    assert (finished.scores.tolist(), finished.max_exponents.tolist()) == ([65536], [16])
    assert np.count_nonzero(rules.unpack(games.boards[0])) == 2


def test_masks_are_the_legal_actions_of_boards_of_any_shape():
    games, random = LockstepGames(64), np.random.default_rng(2)
    for _ in range(60):
        games.step(random_actions(games, random))

    masks = games.masks(games.boards.reshape(8, 2, 4))

    expected = [[rules.action_mask(board) >> action & 1 for action in range(4)] for board in games.boards]
    assert masks.reshape(64, 4).tolist() == expected
    assert masks.shape == (8, 2, 4, 4)
    assert not masks.all()


def test_parts_do_not_change_the_result_and_games_that_end_keep_their_order():
    one, other, random = LockstepGames(50, seed=3), LockstepGames(50, seed=3), np.random.default_rng(3)

    for _ in range(300):
        actions = random_actions(one, random)
        points, over = one.step(actions)
        # The later part first, as a faster thread might.
        parts = [other.step(actions[part], part) for part in (slice(20, 50), slice(0, 20))][::-1]
        assert np.concatenate([p for p, _ in parts]).tolist() == points.tolist()
        assert np.concatenate([o for _, o in parts]).tolist() == over.tolist()
        assert [x.tolist() for x in one.take_finished()] == [x.tolist() for x in other.take_finished()]

    assert one.boards.tolist() == other.boards.tolist()


def test_games_go_on_exactly_from_a_state():
    one, other, random = LockstepGames(30, seed=3), LockstepGames(30, seed=4), np.random.default_rng(3)
    one.starts = one.boards.copy()
    for _ in range(100):
        one.step(random_actions(one, random))
    one.take_finished()

    other.load_state_dict({name: array.copy() for name, array in one.state_dict().items()})
    for _ in range(300):
        actions = random_actions(one, random)
        one.step(actions)
        other.step(actions)

    assert all((array == other.state_dict()[name]).all() for name, array in one.state_dict().items())
    assert one.take_finished().scores.tolist() == other.take_finished().scores.tolist() != []


def test_a_state_of_another_number_of_games_changes_nothing():
    games = LockstepGames(3)
    before = games.boards.copy()

    with pytest.raises(ValueError, match=r"boards must have shape \(3,\), got \(4,\)"):
        games.load_state_dict(LockstepGames(4).state_dict())

    assert (games.boards == before).all()


def test_some_games_begin_in_the_middle_of_earlier_ones_and_are_not_counted():
    """Half of them here; what they score is no game's score."""
    games, random = LockstepGames(200, seed=1, start_fraction=0.5), np.random.default_rng(1)
    games.starts = np.array([0x1234_5678_0000_0000, 0x8765_4321_0000_0000], np.uint64)
    begun = middle = told = ended = 0
    for _ in range(400):
        _, over = games.step(random_actions(games, random))
        ended += over.sum()
        begun += over.sum()
        middle += np.isin(games.boards[over], games.starts).sum()
        told += games.take_finished().scores.size

    assert middle / begun == pytest.approx(0.5, abs=0.05)
    assert ended - told == pytest.approx(middle, abs=200)  # those that are still played are at most all of them
    assert told < 0.8 * ended


def test_turned_games_go_on_as_they_might_have():
    """The same tiles elsewhere."""
    games = LockstepGames(8)
    games.boards[...], _ = rules.pack([15, 1, 0, 0] + 12 * [0])

    games.turn(np.arange(8, dtype=np.uint8))

    corners = {np.flatnonzero(rules.unpack(board) == 15)[0] for board in games.boards}
    assert corners == {0, 3, 12, 15}


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"n_games": 0}, "n_games must be at least 1, got 0"),
        ({"n_games": 1, "start_fraction": 1.5}, r"start_fraction must be in \[0, 1\], got 1.5"),
    ],
)
def test_what_makes_no_games_is_refused(chosen, message):
    with pytest.raises(ValueError, match=message):
        LockstepGames(**chosen)


# --- roll-outs ---


def rolled_out(n_threads, horizon=40, seed=0):
    network = build_network(NETWORK, np.random.default_rng(0))
    network.policy.weight.data = 100 * network.policy.weight.data
    games = LockstepGames(30, seed)
    rng = seed_streams(np.arange(30, dtype=np.uint64))
    return network, collect(Replicas(network, n_threads), games, horizon, rng), games


def test_a_roll_out_is_what_happened():
    """Replayed move by move: boards, points and ends; the last row is where the games are."""
    _, rollout, games = rolled_out(1, horizon=200)
    twins = LockstepGames(30)

    for t in range(200):
        assert (rollout.boards[t] == twins.boards).all()
        points, over = twins.step(rollout.actions[t])
        assert (rollout.rewards[t] == points).all()
        assert (rollout.over[t] == over).all()
    assert (rollout.boards[200] == games.boards).all()
    assert (rollout.horizon, rollout.n_games) == (200, 30)
    assert rollout.over.any()


def test_log_probabilities_are_those_of_the_policy_that_played():
    network, rollout, games = rolled_out(1)
    boards = rollout.boards[:-1].ravel()

    log_pi = masked_log_softmax(network(boards)[0], games.masks(boards)).data

    of_actions = log_pi[np.arange(boards.size), rollout.actions.ravel()]
    np.testing.assert_allclose(rollout.log_probs.ravel(), of_actions, rtol=1e-4, atol=1e-5)
    assert np.exp(of_actions).min() < 0.2 < 0.6 < np.exp(of_actions).max()


def test_actions_come_as_often_as_the_policy_says():
    """In the same position, 4,000 times; three standard errors are 0.024."""
    network, n = build_network(NETWORK, np.random.default_rng(3)), 4000
    network.policy.bias.data = np.array([0.0, 1.0, 2.0, -1.0], np.float32)
    games = LockstepGames(n)
    games.boards[...] = 0x0000_0012_0210_0000

    rollout = collect(Replicas(network, 1), games, 1, seed_streams(np.arange(n, dtype=np.uint64)))

    p = np.exp(masked_log_softmax(network(rollout.boards[0, :1])[0], games.masks(rollout.boards[0, :1])).data)[0]
    np.testing.assert_allclose(np.bincount(rollout.actions[0], minlength=4) / n, p, atol=0.024)


def test_two_threads_play_the_same_games_as_one():
    """A game's actions have a random stream of their own; sums that round otherwise may tip one in a million."""
    (_, one, _), (_, two, _) = rolled_out(1), rolled_out(2)

    assert (one.boards == two.boards).all()
    assert (one.actions == two.actions).all()
    np.testing.assert_allclose(one.log_probs, two.log_probs, rtol=1e-4, atol=1e-5)
