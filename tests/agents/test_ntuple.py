"""The n-tuple network: features, values, greedy play."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import _instructions, ntuple
from agents.networks import DEFAULT, Network
from agents.ntuple import NTupleAgent, Values, sum_weights, write_features
from agents.ntuple_search import NTupleSearchAgent
from game2048 import Game, symmetry
from game2048 import board as rules
from game2048._jit import njit
from tests.oracles import td as naive

NETWORKS = [
    Network.named(name)
    for name in ("4x6+lines", "8x6", "17x4+empty+large", "012345+37bf+lines@15,14", "0f+squares+large@13,11,12")
]
boards = st.lists(st.integers(0, 17), min_size=16, max_size=16)
"""Any 16 cells."""
late_boards = st.lists(st.sampled_from([0, 1, 2, 10, 11, 12, 13, 14, 15, 16, 17]), min_size=16, max_size=16)
words = st.integers(0, 2**64 - 1)


def feature_indices(cells, network=DEFAULT):
    out = np.empty((1, network.n_features), np.uint32)
    write_features(rules.pack(cells)[0], network.layout, out, 0)
    return out[0]


def sparse_values(network, seed=0, **options):
    """Random weights: most pages of large tables stay untouched zeros."""
    weights = np.zeros(network.n_weights, np.float32)
    generator = np.random.default_rng(seed)
    weights[generator.integers(0, network.n_weights, 100_000)] = generator.normal(size=100_000)
    for start in network.layout[1:, 1].astype(int):
        some = weights[start : start + 70_000]
        some[:] = generator.normal(size=some.size)
    return Values(network, weights, **options)


@pytest.fixture(scope="module")
def agent():
    return NTupleAgent(sparse_values(DEFAULT))


# --- bits ---


@njit("uint64(uint64, uint64)")
def extracted(word, mask):
    return _instructions.extract_bits(word, mask)


compressed = njit("uint64(uint64, uint64)")(_instructions.compress)


def gathered(word, mask):
    bits = [word >> i & 1 for i in range(64) if mask >> i & 1]
    return sum(bit << i for i, bit in enumerate(bits))


@given(words, words)
def test_bits_are_gathered_in_order_with_the_instruction_and_without_it(word, mask):
    expected = gathered(word, mask)

    assert extracted(np.uint64(word), np.uint64(mask)) == expected
    assert compressed(np.uint64(word), np.uint64(mask)) == expected


@given(words)
def test_planes_hold_the_bits_of_all_cells_and_turn_as_boards_do(word):
    cells = [word >> 4 * cell & 15 for cell in range(16)]

    planes = ntuple.bit_planes(np.uint64(word))

    assert planes == sum((e >> p & 1) << (16 * p + cell) for cell, e in enumerate(cells) for p in range(4))
    for turn, turn_planes in (
        (symmetry.mirror, ntuple.mirror_planes),
        (symmetry.flip, ntuple.flip_planes),
        (rules.transpose, ntuple.transpose_planes),
    ):
        assert turn_planes(planes) == ntuple.bit_planes(np.uint64(turn(np.uint64(word))))


# --- features ---


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
@given(cells=boards | late_boards)
def test_features_are_the_patterns_on_all_eight_boards_and_the_counts(network, cells):
    """Feature by feature, each table for itself: only the order of the eight boards is free."""
    expected = [naive.place(f, network) for f in naive.features(np.array(cells).reshape(4, 4), network)]
    found = feature_indices(cells, network).tolist()

    assert len(found) == len(expected) == network.n_features
    n = len(network.patterns)
    for k in range(n):
        assert sorted(found[8 * k : 8 * k + 8]) == sorted(expected[8 * k : 8 * k + 8])
    assert found[8 * n :] == expected[8 * n :]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
@given(cells=boards, turns=st.integers(0, 3), mirror=st.booleans())
def test_symmetric_boards_have_the_same_features(network, cells, turns, mirror):
    board = np.rot90(np.array(cells).reshape(4, 4), turns)
    board = board.T if mirror else board

    assert sorted(feature_indices(board, network)) == sorted(feature_indices(cells, network))


@given(late_boards)
def test_features_stay_within_the_tables_of_their_stage(cells):
    network = Network.named("17x4+empty+large@15,14")
    stage = 2 * (max(cells) >= 15) + (14 in cells)

    features = feature_indices(cells, network)

    assert (features // network.stage_size == stage).all()


# --- values ---


def test_a_value_is_the_sum_of_its_weights(agent):
    features = feature_indices([1, 2, 0, 0, 3, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])
    weights = agent.values.weights

    value = sum_weights(weights, features[None], 0, DEFAULT.layout[0, 1])

    assert value == pytest.approx(weights[features].sum(), rel=1e-5)


@pytest.mark.parametrize("n_features", range(1, 10))
@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_sums_of_any_length_are_complete(n_features, dtype):
    weights = (1 << np.arange(n_features)).astype(dtype)

    value = sum_weights(weights, np.arange(n_features, dtype=np.uint32)[None], 0, np.uint64(n_features))

    assert value == 2**n_features - 1


@given(late_boards)
def test_a_weight_that_was_never_learned_is_that_of_the_stage_before(cells):
    network = Network.named("lines+empty@15,14")
    twin = naive.NaiveLearner(1.0, network)
    weights = np.zeros(network.n_weights, np.float32)
    generator = np.random.default_rng(sum(cells))
    for stage, *name in naive.features(np.array(cells).reshape(4, 4), network):
        for before in range(stage + 1):
            if generator.random() < 0.5:
                feature = (before, *name)
                weights[naive.place(feature, network)] = twin.w[feature] = np.float32(generator.integers(1, 100))

    value = sum_weights(weights, feature_indices(cells, network)[None], 0, network.layout[0, 1])

    assert value == twin.value(np.array(cells).reshape(4, 4))


# --- play ---


@pytest.mark.parametrize("options", [{}, {"initial": 320_000.0}], ids=["plain", "optimistic"])
def test_an_agent_plays_the_best_reward_plus_value(options):
    agent = NTupleAgent(sparse_values(NETWORKS[2], **options))
    weights, initial = agent.values.weights, agent.values.initial
    game = Game(8)
    for _ in range(200):
        values = agent.move_values(game)
        for action in range(4):
            after, _, reward = rules.play(*game.packed, action, rules.row_tables())
            if action in game.legal_actions:
                expected = reward + weights[feature_indices(rules.unpack(after), NETWORKS[2])].sum() + initial
                assert values[action] == pytest.approx(expected, rel=1e-4, abs=1e-3)
            else:
                assert values[action] == -np.inf
        assert values[agent.act(game)] == values.max()
        if game.is_over:
            break
        game.play(agent.act(game))


def compact(values):
    """The same network in int16, rounded to a 200th of a point."""
    weights = np.rint(values.weights * np.float32(200)).astype(np.int16)
    return Values(values.network, weights, unit=1 / 200, initial=float(values.initial))


@pytest.mark.parametrize(
    "values",
    [
        sparse_values(NETWORKS[2]),
        sparse_values(NETWORKS[2], initial=320_000.0),
        sparse_values(Network.named("lines+empty@4,6")),
        compact(sparse_values(NETWORKS[2])),
    ],
    ids=["plain", "optimistic", "stages", "compact"],
)
def test_a_game_is_the_same_in_the_kernel_and_move_by_move(values):
    """Where a constant of 320,000 rounds two values to the same float, too."""
    agent = NTupleAgent(values)
    for seed in range(5):
        played = agent.play_game(seed)
        game = Game(seed)
        while not game.is_over:
            game.play(agent.act(game))

        assert played.score == game.score
        assert played.plies.tolist() == game.record().plies.tolist()
        assert 2**played.max_exponent == game.max_tile
        assert played.record("test") == game.record("test")


def test_a_compact_network_values_boards_almost_as_the_learned_one():
    learned = sparse_values(NETWORKS[2])
    game = Game(3)
    for _ in range(50):
        expected = NTupleAgent(learned).move_values(game)
        found = NTupleAgent(compact(learned)).move_values(game)

        np.testing.assert_allclose(found, expected, atol=NETWORKS[2].n_features / 400 + 1e-3)
        game.play(int(np.argmax(expected)))


@pytest.mark.parametrize("weights", [np.zeros(10, np.float32), np.zeros(DEFAULT.n_weights, np.float64)])
def test_weights_of_another_shape_or_kind_are_refused(weights):
    with pytest.raises(ValueError, match=r"weights must be float32 or int16 of shape \(67239936,\), got float"):
        Values(DEFAULT, weights)


@pytest.mark.parametrize("values", [sparse_values(NETWORKS[2]), compact(sparse_values(NETWORKS[2]))])
@pytest.mark.parametrize("search", [NTupleAgent, lambda values: NTupleSearchAgent(values, depth=2)])
def test_a_deep_copy_plays_with_the_same_weights_even_if_nobody_may_write_to_them(values, search):
    weights = values.weights.view()
    weights.flags.writeable = False
    agent = search(Values(values.network, weights, unit=values.unit, initial=values.initial))

    there = copy.deepcopy(agent)

    assert np.shares_memory(there.values.weights, weights)
    assert there.values.network.layout.flags.writeable
    assert there.act(Game(5)) == agent.act(Game(5)) == search(values).act(Game(5))
