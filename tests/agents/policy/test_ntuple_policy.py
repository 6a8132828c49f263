"""The n-tuple policy: what it prefers, how it learns by Adagrad, what is saved of it."""

import copy
from collections import defaultdict

import numpy as np
import pytest

import nets
from agents.ntuple import write_features
from agents.policy.boards import action_masks, exponents, transform
from agents.policy.config import NTUPLE_NETWORK
from agents.policy.network import NetworkConfig, build_network
from agents.policy.ntuple_policy import EPS, GROUPS, N_FEATURES, N_WEIGHTS, RATE, SMALLEST, NTuplePreferences
from game2048.symmetry import ACTIONS
from tests.oracles import board as rules
from tests.oracles.td import features, place

f32 = np.float32
BOARDS = np.array([0x0000_0012_0321_1432, 0x1000_0012_0321_1432, 0x11, 0x1212_2121_1212_2121], np.uint64)
"""The last one is over."""


class NaivePreferences:
    """Learns as the docstring of `agents.policy.ntuple_policy` says, with dicts."""

    def __init__(self):
        self.w, self.g = defaultdict(f32), defaultdict(f32)
        self.w_r = f32(0)

    def logits(self, cells):
        logits = np.zeros(4, f32)
        for action in rules.legal_actions(cells):
            after, points = rules.slide(cells, action)
            logits[action] = sum((self.w[f] for f in features(after)), f32(0))
            logits[action] += self.w_r * f32(np.log2(points) / 16 if points else 0)
        return logits

    def learn(self, boards, gradients, lr):
        for cells, gradient in zip(boards, gradients, strict=True):
            for action in rules.legal_actions(cells):
                g = f32(gradient[action])
                if abs(g) < SMALLEST:
                    continue
                read = features(rules.slide(cells, action)[0])
                for f in read:
                    self.g[f] += g * g
                steps = [f32(RATE * lr) * g / np.sqrt(self.g[f] + f32(EPS)) for f in read]
                for f, step in zip(read, steps, strict=True):
                    self.w[f] -= step


def cells_of(boards):
    return exponents(boards).reshape(-1, 4, 4).tolist()


def learn(preferences, boards, gradients, lr=2.5e-4, n_threads=1, parts=1):
    """One step by the mean over the boards of gradient . logits; those of illegal actions must change nothing."""
    gradients = np.asarray(gradients, f32)
    for part in np.array_split(np.arange(boards.size), parts):
        ((preferences(boards[part]) * gradients[part]).sum() / boards.size).backward()
    preferences.step(lr, n_threads)
    return gradients


def some_batches(n_batches=4, n=16):
    """Boards of few different tiles, whose afterstates share features, and gradients of their logits."""
    random = np.random.default_rng(2)
    return [
        (random.integers(0, 2**64, n, dtype=np.uint64) & np.uint64(0x1111_1111_1111_1113), random.normal(size=(n, 4)))
        for _ in range(n_batches)
    ]


def everything(preferences):
    return {**preferences.table_state(), **preferences.optimizer_state()}


def same(one, other):
    one, other = everything(one), everything(other)
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def learned():
    """Preferences that have learned from a few batches, with a weight for the points."""
    result = NTuplePreferences()
    result.merging.data = np.array([1.5], f32)
    for boards, gradients in some_batches():
        learn(result, boards, gradients)
    return result


def twin_of(preferences):
    """Return another one with tables of its own, as saved and loaded."""
    other = NTuplePreferences()
    other.merging.data = preferences.merging.data
    other.load(everything(preferences))
    return other


# --- preferences ---


def test_without_knowledge_all_actions_are_alike():
    assert not NTuplePreferences()(BOARDS).data.any()


def test_groups_are_the_features_that_share_a_table():
    """So that threads which take different groups never meet."""
    out = np.empty((1, N_FEATURES), np.uint32)
    tables = defaultdict(set)
    for board in (0x0123_4567_89AB_CDEF, 0xFEDC_1234_0F0F_5678):
        write_features(np.uint64(board), NTUPLE_NETWORK.layout, out, 0)
        for k, index in enumerate(out[0].tolist()):
            tables[index >> 24 if index < 2**26 else 4 + (index - 2**26) // 65536].add(k)

    assert sorted(tables.values(), key=min) == sorted((set(group) for group in GROUPS), key=min)


def test_learning_agrees_with_the_naive_twin():
    """Features that an afterstate reads twice, small gradients and illegal actions included."""
    preferences, twin = NTuplePreferences(), NaivePreferences()
    preferences.merging.data, twin.w_r = np.array([0.5], f32), f32(0.5)
    read_twice = 0

    for boards, gradients in some_batches():
        gradients[::5] *= 1e-4  # some on both sides of what is passed over
        gradients = learn(preferences, boards, gradients)
        cells = cells_of(boards)
        read_twice += sum(len(set(features(c))) < N_FEATURES for c in cells)
        twin.learn(cells, gradients, 2.5e-4)
        np.testing.assert_allclose(preferences(boards).data, [twin.logits(c) for c in cells], rtol=1e-4, atol=1e-4)

    state = everything(preferences)
    assert read_twice
    seen = sorted((f for f in twin.g if twin.g[f]), key=place)
    assert state["places"].tolist() == [place(f) for f in seen]
    np.testing.assert_allclose(state["weights"], [twin.w[f] for f in seen], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(state["squares"], [twin.g[f] for f in seen], rtol=1e-4)


@pytest.mark.parametrize("symmetry", range(8))
def test_symmetric_boards_have_symmetric_preferences(learned, symmetry):
    """logit(s(board), s(action)) = logit(board, action), but for the order in which 48 numbers are added."""
    boards = np.concatenate([some_batches()[0][0], BOARDS])
    logits = learned(boards).data

    turned = learned(transform(boards, symmetry)).data

    assert np.unique(logits).size > 20
    np.testing.assert_allclose(turned[:, ACTIONS[symmetry]], logits, rtol=1e-4, atol=1e-4)


def test_a_step_goes_down_the_gradient(learned):
    """The preference for an action falls where its gradient is positive; forgetting gradients undoes nothing."""
    preferences = twin_of(learned)
    board = BOARDS[:1]
    before = preferences(board).data
    assert action_masks(board)[0, 1:3].all()

    preferences(board).sum().backward()
    preferences.zero_grad()
    learn(preferences, board, np.array([[0, 1.0, -1.0, 0]]))

    change = preferences(board).data - before
    assert change[0, 1] < 0 < change[0, 2]


def test_the_weight_of_points_has_the_gradient_of_differences():
    """In float32: dL/dw_r is the sum of gradient times log2(points) / 16."""
    preferences = NTuplePreferences()
    (preferences(BOARDS) * np.arange(16, dtype=f32).reshape(4, 4)).sum().backward()

    expected = 0.0
    for i, cells in enumerate(cells_of(BOARDS)):
        for action in rules.legal_actions(cells):
            points = rules.slide(cells, action)[1]
            expected += (4 * i + action) * (np.log2(points) / 16 if points else 0)
    assert expected
    assert float(preferences.merging.grad.data[0]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("n_threads", "parts"), [(2, 1), (1, 3), (9, 2)])
def test_neither_threads_nor_parts_of_a_batch_change_the_result(learned, n_threads, parts):
    other = NTuplePreferences()
    other.merging.data = learned.merging.data
    for boards, gradients in some_batches():
        learn(other, boards, gradients, n_threads=n_threads, parts=parts)

    assert same(learned, other)


def test_a_copy_looks_at_the_same_tables_and_its_gradients_are_learned_from_too():
    """As one thread's share of a batch: the step of any of them takes the gradients of all."""
    one, whole = NTuplePreferences(), NTuplePreferences()
    replica = copy.deepcopy(one)
    boards, gradients = some_batches(1)[0]
    masked = learn(whole, boards, gradients)

    for preferences, part in ((one, slice(0, 8)), (replica, slice(8, 16))):
        ((preferences(boards[part]) * masked[part]).sum() / boards.size).backward()
    one.step(2.5e-4)

    assert same(one, whole)
    assert (replica(boards).data == whole(boards).data).all()


# --- saving ---


def test_a_saved_network_plays_alike(learned, tmp_path):
    network = build_network(NetworkConfig(body="ntuple"))
    network.preferences = learned
    nets.save(network, tmp_path / "model.safetensors")

    loaded = nets.load(tmp_path / "model.safetensors")

    assert (loaded(BOARDS)[0].data == network(BOARDS)[0].data).all()
    assert not loaded(BOARDS)[1].data.any()
    assert (tmp_path / "model.safetensors").stat().st_size < 1e6  # and not 257 MiB of zeros


def test_learning_goes_on_exactly_with_the_sums_of_squares(learned):
    """Without them the weights are the same, but later steps are not."""
    boards, gradients = some_batches(5)[-1]
    whole, loaded, without = NTuplePreferences(), twin_of(learned), NTuplePreferences()
    for batch in some_batches():
        learn(whole, *batch)
    without.load(learned.table_state())
    assert same(loaded, learned)

    for preferences in (whole, loaded, without):
        learn(preferences, boards, gradients)

    assert same(loaded, whole)
    assert not same(learned, whole)
    assert (without.table_state()["weights"] != whole.table_state()["weights"]).any()


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("places", np.array([N_WEIGHTS], np.uint32), "places must be ints below 67239936, got uint32"),
        ("places", np.array([1.0]), "places must be ints below"),
        ("weights", np.zeros(2, np.float32), r"weights must be finite float32 of shape \(1,\), got float32 \(2,\)"),
        ("weights", np.array([np.nan], np.float32), "weights must be finite"),
        ("squares", np.zeros(1), "squares must be finite float32"),
    ],
)
def test_a_damaged_state_is_refused_and_nothing_changes(learned, name, wrong, message):
    before = everything(learned)
    state = {"places": np.array([5], np.uint32), "weights": np.ones(1, f32), "squares": np.ones(1, f32), name: wrong}

    with pytest.raises(nets.CheckpointError, match=message):
        learned.load(state)

    assert all(np.array_equal(before[name], array) for name, array in everything(learned).items())
