"""N-tuple tables: what they add, how they learn, what is saved of them."""

import copy
import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nets
from agents.policy.boards import exponents
from agents.policy.table_store import N_ROWS, N_TABLES, memory_bytes, write_tuple_rows
from agents.policy.tables import TupleTables
from game2048 import board as rules
from nets.testing import check_grads
from tests.oracles import policy as naive

WIDTH = 5
LR = 0.01


def some_boards(n, seed=0):
    """Boards of few different tiles, so that rows are read more than once."""
    return np.random.default_rng(seed).integers(0, 2**64, n, dtype=np.uint64) & np.uint64(0x1111111111111111)


def learn(tables, boards, seed=0, n_threads=1, z=None):
    """Make one step; return dL/dz."""
    z = np.random.default_rng(seed).normal(size=(boards.size, WIDTH)) if z is None else z
    y = tables(nets.Tensor(z.astype(np.float32), requires_grad=True), boards)
    c = np.random.default_rng(seed + 1).normal(size=y.shape).astype(np.float32)
    (y * c).sum().backward()
    tables.step(LR, n_threads)
    return np.where(y.data > 0, c, 0)


@pytest.fixture
def tables():
    """Tables that have learned from a few boards."""
    result = TupleTables(WIDTH)
    for seed in range(3):
        learn(result, some_boards(20, seed), seed)
    return result


def everything(tables):
    return {**tables.table_state(), **tables.optimizer_state()}


def same(a, b):
    a, b = everything(a), everything(b)
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


# --- look-ups ---


@given(st.lists(st.integers(0, 15), min_size=16, max_size=16))
def test_rows_are_those_of_the_tuples(cells):
    rows = np.empty((1, N_TABLES), np.uint32)

    write_tuple_rows(np.array([rules.pack(cells)[0]], np.uint64), rows)

    assert rows[0].tolist() == naive.tuple_rows(cells)


def test_the_rows_of_a_board_are_added_and_rectified(tables):
    boards = some_boards(30, 7)
    state = tables.table_state()
    weights = dict(zip(state["rows"].tolist(), state["weights"], strict=True))
    z = np.random.default_rng(0).normal(size=(30, WIDTH)).astype(np.float32)

    y = tables(nets.Tensor(z), boards).data

    for i, cells in enumerate(exponents(boards).tolist()):
        rows = [weights.get(row, np.zeros(WIDTH)) for row in naive.tuple_rows(cells)]
        np.testing.assert_allclose(y[i], np.maximum(z[i] + np.sum(rows, 0), 0), rtol=1e-5, atol=1e-6)
    assert (y != np.maximum(z, 0)).any(1).all()


def test_the_gradient_of_the_input_agrees_with_finite_differences(tables):
    z = np.random.default_rng(0).normal(size=(6, WIDTH))

    check_grads(lambda z: tables(z, some_boards(6)), z)


# --- learning ---


def test_steps_are_adam_for_the_rows_that_were_seen_and_leave_the_others():
    tables, expected = TupleTables(WIDTH), {}
    for seed in range(4):
        boards = some_boards(20, seed)
        deltas = learn(tables, boards, seed)
        rows = [naive.tuple_rows(cells) for cells in exponents(boards).tolist()]
        naive.sparse_adam(expected, rows, deltas.astype(float).tolist(), LR)

    state = everything(tables)

    assert state["rows"].tolist() == sorted(expected)
    for i, number in enumerate(state["rows"].tolist()):
        row = expected[number]
        assert state["counts"][i] == row["t"]
        np.testing.assert_allclose(state["weights"][i], row["w"], rtol=1e-3, atol=1e-6)
        np.testing.assert_allclose(state["mean"][i], row["m"], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(state["square"][i], row["v"], rtol=1e-4, atol=1e-9)


def test_step_tells_how_many_rows_it_changed():
    tables, boards = TupleTables(WIDTH), some_boards(9)
    tables(nets.Tensor(np.ones((9, WIDTH), np.float32), requires_grad=True), boards).sum().backward()

    assert tables.step(LR) == len({row for cells in exponents(boards).tolist() for row in naive.tuple_rows(cells)})
    assert tables.step(LR) == 0


def test_the_number_of_threads_does_not_change_a_bit(tables):
    other = copy.deepcopy(tables)

    learn(tables, some_boards(50, 9), 9)
    learn(other, some_boards(50, 9), 9, n_threads=3)

    assert same(tables, other)


def test_replicas_learn_together_as_one_does_from_the_whole_batch(tables):
    alone, boards = copy.deepcopy(tables), some_boards(20, 9)
    replica = copy.deepcopy(tables)
    replica.share(tables)
    z = np.random.default_rng(3).normal(size=(20, WIDTH)).astype(np.float32)

    for member, part in ((replica, slice(12, 20)), (tables, slice(0, 12))):  # in whatever order threads finish
        member(nets.Tensor(z[part], requires_grad=True), boards[part]).sum().backward()
    tables.step(LR)
    alone(nets.Tensor(z, requires_grad=True), boards).sum().backward()
    alone.step(LR)

    assert same(tables, alone)
    assert same(replica, alone)
    assert replica.step(LR) == 0


def test_gradients_that_were_forgotten_change_nothing(tables):
    before = copy.deepcopy(tables)

    tables(nets.Tensor(np.ones((4, WIDTH), np.float32), requires_grad=True), some_boards(4)).sum().backward()
    tables.zero_grad()
    with nets.no_grad():
        tables(nets.Tensor(np.ones((4, WIDTH), np.float32), requires_grad=True), some_boards(4))

    assert tables.step(LR) == 0
    assert same(tables, before)


def test_tables_learn_what_no_sum_over_cells_can_say():
    """Whether two neighbours are equal is a function of both."""
    boards = np.array([rules.pack([a, b] + [0] * 14)[0] for a in range(1, 5) for b in range(1, 5)], np.uint64)
    target = np.eye(4, dtype=np.float32).reshape(-1, 1).repeat(WIDTH, 1)
    tables = TupleTables(WIDTH)

    for _ in range(150):
        z = nets.Tensor(np.full((16, WIDTH), 0.5, np.float32), requires_grad=True)
        loss = nets.functional.mse_loss(tables(z, boards), target)
        loss.backward()
        tables.step(LR)

    assert loss.item() < 0.01


def test_a_step_takes_memory_for_the_batch_and_not_for_the_tables():
    tables = TupleTables(16)
    learn_once = lambda: (  # noqa: E731
        tables(nets.Tensor(np.ones((64, 16), np.float32), requires_grad=True), some_boards(64)).sum().backward(),
        tables.step(LR),
    )
    learn_once()
    tracemalloc.start()
    try:
        learn_once()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 1e6 < memory_bytes(16) / 100


# --- copies and files ---


def test_a_copy_is_independent_until_it_shares(tables):
    other = copy.deepcopy(tables)
    assert same(tables, other)

    learn(other, some_boards(5, 8))
    assert not same(tables, other)

    other.share(tables)
    assert same(tables, other)
    learn(other, some_boards(5, 8))
    assert same(tables, other)


def test_a_pickle_holds_what_was_seen(tables):
    data = pickle.dumps(tables)

    assert len(data) < N_ROWS
    assert same(pickle.loads(data), tables)


def test_learning_goes_on_exactly_from_a_state(tables):
    other = TupleTables(WIDTH)
    learn(other, some_boards(9, 100))  # which is overwritten

    other.load(everything(tables))
    assert same(other, tables)
    for member in (tables, other):
        learn(member, some_boards(20, 5), 5)

    assert same(other, tables)


def test_weights_alone_are_enough_to_play(tables):
    other = TupleTables(WIDTH)
    other.load(tables.table_state())
    z = nets.Tensor(np.zeros((20, WIDTH), np.float32))

    np.testing.assert_array_equal(other(z, some_boards(20)).data, tables(z, some_boards(20)).data)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": np.array([3, 2], np.uint32)}, "rows must ascend within"),
        ({"rows": np.array([3, N_ROWS], np.uint32)}, "rows must ascend within"),
        ({"rows": np.array([-1, 2])}, "rows must ascend within"),
        ({"rows": np.array([1.0, 2.0])}, r"rows must be ints of shape \(n,\), got float64 \(2,\)"),
        ({"weights": np.zeros((2, WIDTH + 1), np.float32)}, r"weights must have shape \(2, 5\), got float32 \(2, 6\)"),
        ({"weights": np.full((2, WIDTH), np.nan, np.float32)}, "weights holds values that are not finite"),
        ({"counts": np.array([1, 0])}, "counts must be at least 1, got 0"),
        ({"mean": np.zeros((3, WIDTH), np.float32)}, "mean must have shape"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_nothing_changes(tables, change, message):
    before = copy.deepcopy(tables)
    state = {"rows": np.array([1, 2], np.uint32), "weights": np.zeros((2, WIDTH), np.float32), **change}

    with pytest.raises(nets.CheckpointError, match=message):
        tables.load(state)

    assert same(tables, before)


def test_wrong_arguments_are_refused(tables):
    with pytest.raises(nets.ShapeError, match="width 5 cannot be shared with those of 4"):
        tables.share(TupleTables(4))
    with pytest.raises(nets.ArgumentError, match="lr must be positive, got 0"):
        tables.step(0.0)
    with pytest.raises(nets.ShapeError, match=r"z must have shape \(3, 5\), got \(2, 5\)"):
        tables(nets.Tensor(np.zeros((2, WIDTH), np.float32)), some_boards(3))
