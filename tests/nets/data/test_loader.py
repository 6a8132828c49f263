"""Batches: their order, their sizes, and going on from a saved state."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nets.random
from nets.data import Compose, DataLoader, GaussianNoise, LabelledPoints, RandomAffine, xor
from nets.errors import ArgumentError, DataError, ShapeError

X = np.arange(10, dtype=np.float32)
Y = np.arange(10) * 10


def values(batches):
    return [tuple(array.tolist() for array in batch) for batch in batches]


@given(
    n=st.integers(1, 40),
    batch_size=st.integers(1, 50),
    shuffle=st.booleans(),
    drop_last=st.booleans(),
    seed=st.integers(0, 9),
)
def test_an_epoch_has_every_example_once(n, batch_size, shuffle, drop_last, seed):
    if drop_last and n < batch_size:
        return
    x = np.arange(n)
    loader = DataLoader(x, -x, batch_size=batch_size, shuffle=shuffle, drop_last=drop_last, generator=seed)

    batches = list(loader)

    assert len(batches) == len(loader)
    assert all(len(batch[0]) == batch_size for batch in batches[: -1 if not drop_last else None])
    seen = np.concatenate([batch[0] for batch in batches])
    np.testing.assert_array_equal(seen, -np.concatenate([batch[1] for batch in batches]))
    assert len(set(seen.tolist())) == len(seen) == (n - n % batch_size if drop_last else n)
    if not shuffle:
        np.testing.assert_array_equal(seen, x[: len(seen)])


def test_epochs_differ_and_the_seed_decides():
    loader = DataLoader(X, batch_size=3, shuffle=True, generator=5)
    first, second = values(loader), values(loader)

    assert first != second
    assert values(DataLoader(X, batch_size=3, shuffle=True, generator=np.random.default_rng(5))) == first


def test_without_a_generator_the_common_stream_decides():
    loader = DataLoader(X, batch_size=3, shuffle=True)
    nets.random.manual_seed(3)
    first = values(loader)
    nets.random.manual_seed(3)

    assert values(loader) == first


def test_batches_are_copies():
    loader = DataLoader(X, batch_size=5)
    for (x,) in loader:
        x[:] = -1

    np.testing.assert_array_equal(X, np.arange(10))


def test_a_transform_gets_the_first_array_only():
    loader = DataLoader(X, Y, batch_size=4, transform=lambda x: x + 0.5)

    assert values(loader)[0] == ([0.5, 1.5, 2.5, 3.5], [0, 10, 20, 30])


def test_a_data_set_may_be_any_object_with_a_length_and_indices():
    class Squares:
        def __len__(self):
            return 5

        def __getitem__(self, indices):
            return indices**2

    assert values(DataLoader(Squares(), batch_size=3)) == [([0, 1, 4],), ([9, 16],)]
    assert values(DataLoader(xor(), batch_size=4))[0][1] == [0, 1, 1, 0]


@pytest.mark.parametrize("kind", [np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64])
@pytest.mark.parametrize("n_before", range(11))
def test_a_saved_state_continues_bit_for_bit(kind, n_before):
    """Wherever it is taken: before the first batch, within an epoch, after its last batch, and in the next epoch."""

    def begin(seed):
        generator = np.random.Generator(kind(seed))
        images = np.random.default_rng(0).random((10, 1, 4, 4), np.float32)
        augment = Compose(np.negative, GaussianNoise(0.1, generator=seed), GaussianNoise(0.1, generator=generator))
        return DataLoader(images, Y, batch_size=3, shuffle=True, generator=generator, transform=augment)

    def epochs(loader):
        while True:
            yield from loader.resume()

    loader = begin(1)
    stream = epochs(loader)
    for _ in range(n_before):
        next(stream)
    state = json.loads(json.dumps(loader.state_dict()))
    expected = [next(stream) for _ in range(10)]

    other = begin(2)
    other.load_state_dict(state)
    continued = epochs(other)

    for batch in expected:
        for array, same in zip(batch, next(continued), strict=True):
            np.testing.assert_array_equal(array, same)


def test_an_epoch_that_was_left_is_resumed_only_when_asked_for():
    loader = DataLoader(X, batch_size=3)
    next(loader.resume())

    assert len(list(loader)) == 4
    assert len(list(loader.resume())) == 3
    assert len(list(loader.resume())) == 4
    next(loader.resume())
    assert len(list(loader.resume(anew=True))) == 4


def test_a_loaded_state_does_not_shorten_other_iterations():
    loader = DataLoader(X, batch_size=3)
    next(loader.resume())
    loader.load_state_dict(loader.state_dict())

    assert len(list(loader)) == 4
    assert len(list(loader.resume())) == 3


def test_interleaved_iterations_are_whole_and_have_orders_of_their_own():
    loader = DataLoader(X, batch_size=2, shuffle=True, generator=0)
    first, second = iter(loader), iter(loader)
    one, two = [next(first)], [next(second)]
    one += first
    two += second

    for batches in (one, two):
        assert sorted(np.concatenate([batch[0] for batch in batches])) == X.tolist()
    assert values(one) != values(two)
    again = DataLoader(X, batch_size=2, shuffle=True, generator=0)
    assert [values(again), values(again)] == [values(one), values(two)]


def test_the_state_is_that_of_the_resumable_iteration_whatever_else_runs():
    loader = DataLoader(X, batch_size=3, shuffle=True, generator=0)
    batches = loader.resume()
    next(batches)
    left = iter(loader)
    next(left)
    next(left)
    list(loader)
    assert loader.state_dict()["position"] == 1
    state = loader.state_dict()

    other = DataLoader(X, batch_size=3, shuffle=True, generator=1)
    other.load_state_dict(state)

    assert values(other.resume()) == values(batches)
    assert loader.state_dict()["position"] == 0


def test_an_earlier_resumable_iteration_does_not_move_a_later_one():
    loader = DataLoader(X, batch_size=3)
    earlier = loader.resume()
    next(earlier)
    later = loader.resume()
    next(later)
    assert values(earlier) == values([batch[:1] for batch in DataLoader(X, batch_size=3)])[1:]

    assert loader.state_dict()["position"] == 2
    assert len(list(later)) == 2


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_data_that_are_not_finite_are_refused_with_their_place(dtype, value):
    x = np.ones((6, 2), dtype)
    x[3, 1] = x[5, 0] = value
    x[4, 0] = np.inf

    with pytest.raises(DataError, match=rf"array 1 of the data must be finite numbers, got {value} at \(3, 1\)"):
        DataLoader(Y[:6], x, batch_size=2)
    points = LabelledPoints(labels=np.zeros(6, np.uint8), classes=("a",), points=x, features=("x", "y"))
    with pytest.raises(DataError, match=rf"points must be finite numbers, got {value} at \(3, 1\)"):
        DataLoader(points, batch_size=2)
    assert len(list(DataLoader(x, batch_size=2, check_finite=False))) == 3


def test_large_finite_numbers_are_data():
    assert len(DataLoader(np.full(10, 1e308), batch_size=10)) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"examples": 11}, "examples 10, got 11"),
        ({"batch_size": 4}, "batch_size 3, got 4"),
        ({"position": 5}, r"position must be in \[0, 4\], got 5"),
        ({"transform": {}}, "same transform"),
        ({"generator": {"bit_generator": "MT19937"}}, "PCG64, got MT19937"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(change, said):
    loader = DataLoader(X, batch_size=3, generator=0)

    with pytest.raises(ArgumentError, match=said):
        loader.load_state_dict(loader.state_dict() | change)


def test_the_transforms_of_a_state_must_be_the_same():
    one = Compose(RandomAffine(generator=0))
    two = Compose(np.negative, RandomAffine(generator=0))

    with pytest.raises(ArgumentError, match=r"transforms \['1'\], got \['0'\]"):
        two.load_state_dict(one.state_dict())


def test_impossible_settings_are_refused():
    with pytest.raises(ShapeError, match="equal length, got 10 and 9"):
        DataLoader(X, Y[:9], batch_size=2)
    with pytest.raises(ArgumentError, match="batch_size must be at least 1, got 0"):
        DataLoader(X, batch_size=0)
    with pytest.raises(DataError, match="no examples"):
        DataLoader(X[:0], batch_size=1)
    with pytest.raises(DataError, match="10 examples are no batch of 11"):
        DataLoader(X, batch_size=11, drop_last=True)
    with pytest.raises(ArgumentError, match="got nothing"):
        DataLoader(batch_size=1)
    with pytest.raises(ArgumentError, match=r"got \[1, 2\] at position 1"):
        DataLoader(X, [1, 2], batch_size=1)
