"""The agent of a policy network: the same game move by move, alone, beside others, and in any number of threads."""

from itertools import islice

import numpy as np
import pytest

from agents.evaluate import evaluate
from agents.lockstep import wide_masks
from agents.policy.agent import BATCH, PolicyAgent, evaluate_boards
from agents.policy.network import NetworkConfig, build_network
from agents.series import play_series
from game2048 import Game
from game2048 import board as rules
from game2048.symmetry import ACTIONS, N_SYMMETRIES, transform_packed


@pytest.fixture(scope="module")
def network():
    """A network of random weights with a will: its policy is far from uniform."""
    network = build_network(NetworkConfig(width=64, depth=2), np.random.default_rng(0))
    network.policy.weight.data = network.policy.weight.data * np.float32(100)
    return network


AGENTS = {
    "greedy": {},
    "sample": {"mode": "sample"},
    "symmetric": {"symmetric": True},
    "symmetric sample": {"symmetric": True, "mode": "sample"},
}
agents = pytest.mark.parametrize("settings", AGENTS.values(), ids=AGENTS)


def random_boards(n, seed=0):
    """Boards of every kind, crowded and empty."""
    generator = np.random.default_rng(seed)
    cells = generator.integers(0, 16, (n, 16)) * (generator.random((n, 16)) < generator.random((n, 1)))
    return packed(rules.pack(board)[0] for board in cells)


def let_learn_anything(network, boards):
    """Give an n-tuple policy, which begins with zeros, opinions on some boards."""
    logits, _ = network(boards)
    (logits * np.random.default_rng(2).normal(size=logits.shape).astype(np.float32)).mean().backward()
    network.sparse_step(0.01)


def packed(boards):
    return np.array([int(board) for board in boards], np.uint64)


def facts(games):
    return [(game.seed, game.score, game.max_exponent, game.plies.tolist()) for game in games]


# --- one board ---


@pytest.mark.parametrize(
    "kind",
    [
        {"body": "mlp"},
        {"body": "mlp", "reads": "afterstates"},
        {"body": "mlp", "inputs": "embedding"},
        {"body": "mlp", "inputs": "tuples"},
        {"body": "conv"},
        {"body": "transformer", "inputs": "embedding"},
        {"body": "ntuple"},
    ],
    ids=lambda kind: " ".join(kind.values()),
)
def test_a_result_depends_neither_on_the_neighbours_nor_on_the_place(kind):
    """To the last bit; with batches of other sizes, BLAS would give other bits."""
    network = build_network(NetworkConfig(**kind, width=20, depth=2), np.random.default_rng(0)).eval()
    boards = random_boards(3 * BATCH + 7)
    if kind["body"] == "ntuple":
        let_learn_anything(network, boards)
    masks = wide_masks(boards, np.zeros_like(boards))
    order = np.random.default_rng(1).permutation(boards.size)

    probabilities, values = evaluate_boards(network, boards, masks, symmetric=True)
    shuffled, shuffled_values = evaluate_boards(network, boards[order], masks[order], symmetric=True)

    assert np.unique(probabilities).size > boards.size / 2  # it has opinions
    assert np.array_equal(shuffled, probabilities[order])
    assert np.array_equal(shuffled_values, values[order])
    for i in range(0, boards.size, 50):
        alone, value = evaluate_boards(network, boards[i : i + 1], masks[i : i + 1], symmetric=True)
        assert np.array_equal(alone[0], probabilities[i])
        assert value[0] == values[i]


def test_only_legal_actions_have_a_probability(network):
    boards = random_boards(500)
    masks = wide_masks(boards, np.zeros_like(boards))

    probabilities, _ = evaluate_boards(network, boards, masks)

    assert (probabilities[~masks & masks.any(1, keepdims=True)] == 0).all()
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)


def test_averaging_treats_symmetric_boards_alike(network):
    boards = random_boards(50)
    for symmetry in range(N_SYMMETRIES):
        turned = packed(transform_packed(board, symmetry) for board in boards)

        there, value_there = evaluate_boards(network, turned, wide_masks(turned, np.zeros_like(turned)), symmetric=True)
        here, value_here = evaluate_boards(network, boards, wide_masks(boards, np.zeros_like(boards)), symmetric=True)

        np.testing.assert_allclose(there[:, ACTIONS[symmetry]], here, atol=1e-5)
        np.testing.assert_allclose(value_there, value_here, atol=1e-5)


def test_legality_is_that_of_the_true_board_above_32768(network):
    """Saturated, 65536 next to 32768 would look like a pair."""
    game = Game(0, board=[[16, 15, 14, 13], [1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 0]])

    probabilities = PolicyAgent(network).move_probabilities(game)

    assert game.legal_actions == [1, 2]
    assert np.flatnonzero(probabilities).tolist() == [1, 2]


# --- whole games ---


@agents
def test_a_game_is_the_same_move_by_move_alone_and_beside_others(network, settings):
    agent = PolicyAgent(network, **settings)
    seeds = range(40, 43)

    together = list(agent.play_games(seeds))

    assert facts(together) == facts(map(agent.play_game, seeds))
    for played in together:
        game = Game(played.seed)
        while not game.is_over:
            game.play(agent.act(game))
        record = played.record(agent.name)
        assert record.plies.tolist() == game.record().plies.tolist()
        assert record.score == played.score
        assert 2**played.max_exponent == record.max_tile


def test_a_place_is_taken_by_the_next_game(network):
    """Three times as many games as places, in order; their ends are not."""
    agent = PolicyAgent(network, mode="sample")
    seeds = [int(seed) for seed in np.random.default_rng(0).permutation(3 * BATCH)]

    together = list(agent.play_games(seeds))

    assert [game.seed for game in together] == seeds
    assert facts(together[-3:]) == facts(map(agent.play_game, seeds[-3:]))


@agents
def test_threads_change_nothing_but_the_speed(network, settings):
    agent = PolicyAgent(network, **settings)

    def games(n_threads):
        return facts(play_series(agent, n_games=30, seed=9, n_threads=n_threads))

    assert games(1) == games(2) == games(5)


def test_a_recorded_game_tells_what_the_agent_thought(network):
    agent = PolicyAgent(network, mode="sample")

    record = agent.play_game(5).record("test")  # verifies the probabilities too

    game = Game(5)
    for ply, action in enumerate(record.actions.tolist()):
        exact = agent.move_probabilities(game)
        assert np.abs(record.probabilities[ply] / 255 - exact).max() <= 0.5 / 255 + 1e-6
        game.play(action)


def test_sampled_play_follows_the_distribution(network):
    agent = PolicyAgent(network, mode="sample")
    expected = agent.move_probabilities(Game(3))

    boards = np.full(20_000, Game(3).packed[0])
    drawn, _ = agent._choose(boards, np.zeros_like(boards), np.arange(20_000, dtype=np.uint64) << np.uint64(20))

    np.testing.assert_allclose(np.bincount(drawn, minlength=4) / 20_000, expected, atol=0.015)


def test_a_longer_game_than_expected_is_kept_whole(network, monkeypatch):
    monkeypatch.setattr("agents.lockstep.FIRST_CAPACITY", 8)
    agent = PolicyAgent(network)

    record = agent.play_game(2).record("test")

    assert record.n_moves > 16
    assert Game(0, board=record.boards[-1]).is_over


def test_who_has_seen_enough_gets_no_more_games(network):
    asked = []

    def stopped():
        asked.append(1)
        return len(asked) > 10

    assert list(PolicyAgent(network).play_games(range(1000), stopped)) == []
    assert len(asked) == 11


def test_an_abandoned_series_ends_its_threads(network):
    series = play_series(PolicyAgent(network, mode="sample"), n_games=100_000, seed=1, n_threads=2)

    assert next(series).seed
    series.close()  # returns


def test_an_error_in_a_thread_is_told_at_once(network):
    class Broken(PolicyAgent):
        def play_games(self, seeds, stopped):
            yield from islice(super().play_games(seeds, stopped), 1)
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        evaluate(Broken(network), n_games=10**6, n_threads=2)


def test_a_mode_that_is_not_there_is_refused(network):
    with pytest.raises(ValueError, match="mode must be one of greedy, sample, got 'best'"):
        PolicyAgent(network, mode="best")
