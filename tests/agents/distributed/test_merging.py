"""Tables that learned apart become one: what is exact stays exact, the rest is a mean."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agents.distributed.merging import CHUNK, Change, Tables
from agents.networks import Network
from agents.td import TDLearner
from tests.oracles import merging as oracle

SMALL = Network.named("0123+4567")
N = 12
points = st.floats(-1000, 1000, width=32)
entries = st.tuples(points, points, st.floats(0, 1000, width=32))
bases = st.lists(entries, min_size=N, max_size=N)
steps = st.dictionaries(st.integers(0, N - 1), st.tuples(points, points, st.floats(0, 1000, width=32)))


def tables_of(entries):
    w, e, a = np.array(entries, np.float32).reshape(-1, 3).T
    return Tables(w.copy(), np.column_stack([e, a]).ravel())


def entries_of(tables):
    return [(float(w), *map(float, c)) for w, c in zip(tables.weights, tables.coherence.reshape(-1, 2), strict=True)]


def moved(base, steps):
    """What a worker that began with some entries has changed: index -> entry, with A grown."""
    to_float32 = lambda entry: tuple(float(np.float32(x)) for x in entry)  # noqa: E731
    return {i: to_float32((w, e, base[i][2] + a)) for i, (w, e, a) in steps.items()}


def change_of(worker):
    indices = sorted(worker)
    w, e, a = np.array([worker[i] for i in indices], np.float32).reshape(-1, 3).T
    return Change(np.array(indices, np.uint32), w.copy(), np.column_stack([e, a]))


@given(bases, st.lists(steps, min_size=1, max_size=4))
def test_merging_is_what_the_equations_say(base, all_steps):
    workers = [moved(base, steps) for steps in all_steps]
    tables = tables_of(base)

    merged = tables.merge([change_of(worker) for worker in workers])

    expected = oracle.merge(base, workers)
    np.testing.assert_allclose(entries_of(tables), expected, rtol=1e-6, atol=1e-3)
    assert merged.indices.tolist() == sorted({i for worker in workers for i in worker})
    assert np.array_equal(merged.weights, tables.weights[merged.indices])
    assert np.array_equal(merged.coherence, tables.coherence.reshape(-1, 2)[merged.indices])


@given(bases, steps, steps)
def test_a_weight_that_one_worker_changed_is_its_own_bit_for_bit(base, one, other):
    workers = [moved(base, one), moved(base, other)]
    tables = tables_of(base)

    tables.merge([change_of(worker) for worker in workers])

    after = entries_of(tables)
    for i in range(N):
        mine = [worker[i] for worker in workers if i in worker]
        if len(mine) < 2:
            assert after[i] == (mine[0] if mine else base[i])


@given(bases, st.lists(steps, min_size=2, max_size=4))
def test_a_merged_weight_lies_between_those_of_the_workers(base, all_steps):
    """Averaged, not added: changes of many workers cannot overshoot."""
    workers = [moved(base, steps) for steps in all_steps]
    tables = tables_of(base)

    tables.merge([change_of(worker) for worker in workers])

    for i in range(N):
        ws = [worker[i][0] for worker in workers if i in worker]
        if ws:
            assert min(ws) - 1e-3 <= tables.weights[i] <= max(ws) + 1e-3


@given(bases, steps, steps)
def test_the_order_of_two_workers_does_not_matter(base, one, other):
    changes = [change_of(moved(base, steps)) for steps in (one, other)]
    tables, swapped = tables_of(base), tables_of(base)

    tables.merge(changes)
    swapped.merge(changes[::-1])

    assert entries_of(tables) == entries_of(swapped)


def test_changes_are_found_in_every_part_of_large_tables():
    base, tables = Tables.empty(2 * CHUNK + 5), Tables.empty(2 * CHUNK + 5)
    tables.weights[[0, CHUNK]] = 1
    tables.coherence[[2 * CHUNK - 1, 2 * (2 * CHUNK + 4)]] = -1  # A of the last of the first part; E of the very last

    change = tables.changes_from(base)

    assert change.indices.tolist() == [0, CHUNK - 1, CHUNK, 2 * CHUNK + 4]
    assert change.weights.tolist() == [1, 0, 1, 0]
    assert change.coherence.tolist() == [[0, 0], [0, -1], [0, 0], [-1, 0]]
    assert change.nbytes == 4 * 16


def test_changes_bring_tables_up_to_date():
    rng = np.random.default_rng(1)
    base, tables = tables_of(rng.normal(size=(N, 3))), tables_of(rng.normal(size=(N, 3)))

    base.put(tables.changes_from(base))

    assert entries_of(base) == entries_of(tables)
    assert tables.changes_from(base).indices.size == 0


def learner(seed, n_games=0):
    learner = TDLearner(seed=seed, network=SMALL)
    if n_games:
        learner.train(n_games)
    return learner, Tables(learner.weights, learner.coherence)


def test_one_worker_that_is_merged_again_and_again_learns_as_alone():
    alone, _ = learner(3, 60)
    worker, tables = learner(3)
    base, merged = Tables.empty(SMALL.n_weights), Tables.empty(SMALL.n_weights)

    for _ in range(3):
        worker.train(20)
        base.put(merged.merge([tables.changes_from(base)]))

    assert np.array_equal(merged.weights, alone.weights)
    assert np.array_equal(merged.coherence, alone.coherence)


def test_all_that_was_ever_learned_makes_empty_tables_whole():
    _, tables = learner(4, 30)
    fresh = Tables.empty(SMALL.n_weights)

    fresh.put(tables.learned())

    assert np.array_equal(fresh.weights, tables.weights)
    assert np.array_equal(fresh.coherence, tables.coherence)


def test_workers_learn_together_what_one_learns_alone():
    """Two workers, merged every 100 games: no better than one table, and far better than one round."""
    base, merged = Tables.empty(SMALL.n_weights), Tables.empty(SMALL.n_weights)
    workers = [learner(seed) for seed in (1, 2)]
    scores = []

    for _ in range(5):
        scores.append(np.mean([worker.train(100).scores.mean() for worker, _ in workers]))
        update = merged.merge([tables.changes_from(base) for _, tables in workers])
        for tables in (base, *(tables for _, tables in workers)):
            tables.put(update)

    assert scores[-1] > 2 * scores[0]
    assert np.isfinite(merged.weights).all()
