"""Batches: balanced, in [0, 1], and the same again wherever they are interrupted."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generative.datasets import Batches, load_dataset
from generative.errors import SettingError
from nets.data import LabelledImages, glyphs
from nets.errors import ArgumentError, MissingDataError


def numbered(counts=(3, 50, 7), case=False):
    """Images whose brightness is their number, so many of each class, in random order."""
    labels = np.repeat(np.arange(len(counts)), counts).astype(np.uint8)
    np.random.default_rng(0).shuffle(labels)
    images = np.broadcast_to(np.arange(len(labels), dtype=np.uint8)[:, None, None], (len(labels), 4, 4)).copy()
    cases = (np.arange(len(labels)) % 3).astype(np.uint8) if case else None
    return LabelledImages(images=images, labels=labels, classes=tuple("ABC"[: len(counts)]), case=cases)


def same(one, other):
    return len(one) == len(other) and all(
        np.array_equal(a, b) for x, y in zip(one, other, strict=True) for a, b in zip(x, y, strict=True)
    )


def test_a_batch_is_images_labels_and_case():
    images, labels, case = next(iter(Batches(numbered(case=True), batch_size=9, length=1)))

    assert (images.shape, images.dtype) == ((9, 1, 4, 4), np.float32)
    assert (labels.shape, labels.dtype) == ((9,), np.int64)
    assert (case.shape, case.dtype) == ((9,), np.int64)
    assert images.min() >= 0
    assert images.max() <= 1


@pytest.mark.parametrize("balanced", [True, False])
def test_images_keep_their_label_and_their_case(balanced):
    data = numbered(case=True)

    for images, labels, case in Batches(data, batch_size=40, length=5, balanced=balanced):
        index = np.rint(255 * images[:, 0, 0, 0]).astype(int)
        np.testing.assert_array_equal(labels, data.labels[index])
        np.testing.assert_array_equal(case, data.case[index])


def test_the_case_is_0_where_it_is_not_known():
    _, _, case = Batches(numbered(), batch_size=50, length=1).draw()

    assert not case.any()


def test_balanced_batches_have_all_classes_equally_often_and_all_images_of_one():
    """Of 3, 50 and 7 images; 30,000 draws: shares within 5 standard deviations of what is expected."""
    data = numbered()
    batches = list(Batches(data, batch_size=1000, length=30, generator=1))
    labels = np.concatenate([labels for _, labels, _ in batches])
    index = np.rint(255 * np.concatenate([images[:, 0, 0, 0] for images, _, _ in batches])).astype(int)

    np.testing.assert_allclose(np.bincount(labels) / 30_000, 1 / 3, atol=5 * np.sqrt(2 / 9 / 30_000))
    drawn = np.bincount(index, minlength=60)
    expected = 10_000 / np.array([3, 50, 7])[data.labels]
    assert (np.abs(drawn - expected) < 5 * np.sqrt(expected)).all()


def test_other_batches_have_all_images_equally_often():
    data = numbered()
    labels = np.concatenate([y for _, y, _ in Batches(data, batch_size=1000, length=30, balanced=False, generator=1)])

    shares = np.array([3, 50, 7]) / 60
    np.testing.assert_allclose(np.bincount(labels) / 30_000, shares, atol=5 * np.sqrt(0.25 / 30_000))


def test_an_epoch_has_the_length_that_was_asked_and_each_one_is_new():
    batches = Batches(numbered(), batch_size=4, length=3)

    first, second = list(batches), list(batches)

    assert len(batches) == len(first) == len(second) == 3
    assert not same(first, second)


def test_the_same_seed_gives_the_same_batches():
    first, again, other = (list(Batches(numbered(), batch_size=4, length=3, generator=s)) for s in (1, 1, 2))

    assert same(first, again)
    assert not same(first, other)


@given(st.integers(0, 7), st.booleans())
def test_batches_go_on_where_their_state_was_taken(cut, balanced):
    def make():
        return Batches(numbered(), batch_size=4, length=7, balanced=balanced, generator=5)

    whole = make()
    expected = [*whole, *whole]
    begun = make()
    iterator = iter(begun)
    done = [next(iterator) for _ in range(cut)]
    state = json.loads(json.dumps(begun.state_dict()))

    resumed = make()
    resumed.load_state_dict(state)
    # After the last batch the epoch under way has none left; before the first, all.
    left = list(resumed.resume())

    assert same([*done, *left, *resumed], expected)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"batch_size": 5}, "batch_size 4, got 5"),
        ({"length": 8}, "length 7, got 8"),
        ({"balanced": False}, "balanced True, got False"),
        ({"data": numbered((4, 50, 7))}, r"images \[3, 50, 7\], got \[4, 50, 7\]"),
    ],
)
def test_the_state_of_other_batches_is_refused(other, message):
    settings = {"data": numbered(), "batch_size": 4, "length": 7}
    batches, twin = Batches(**settings), Batches(**settings)

    with pytest.raises(ArgumentError, match=message):
        batches.load_state_dict(Batches(**settings | other).state_dict())

    assert same(list(batches), list(twin))


@pytest.mark.parametrize("position", [-1, 8, "1", None, 1.5])
def test_a_damaged_position_is_refused(position):
    batches = Batches(numbered(), batch_size=4, length=7)

    with pytest.raises(ArgumentError, match=r"position must be in 0\.\.7"):
        batches.load_state_dict(batches.state_dict() | {"position": position})


@pytest.mark.parametrize(
    ("data", "settings", "message"),
    [
        (numbered(), {"batch_size": 0}, "batch_size and length must be at least 1, got 0 and 2"),
        (numbered(), {"length": 0}, "batch_size and length must be at least 1, got 4 and 0"),
        (numbered((3, 0, 2)), {}, "every class must have an image where batches are balanced, got none of B"),
        (numbered().take(slice(0)), {"balanced": False}, "data must hold at least one image"),
    ],
)
def test_what_cannot_be_batched_is_refused(data, settings, message):
    with pytest.raises(SettingError, match=message):
        Batches(data, **{"batch_size": 4, "length": 2} | settings)


def test_a_class_without_images_is_no_matter_where_batches_are_not_balanced():
    _, labels, _ = Batches(numbered((3, 0, 2)), batch_size=100, length=1, balanced=False).draw()

    assert set(labels) == {0, 2}


def test_generated_letters_need_no_files(monkeypatch):
    monkeypatch.setattr("nets.recipes.GLYPHS_TRAIN", 52)
    monkeypatch.setattr("nets.recipes.GLYPHS_TEST", 26)

    split = load_dataset("glyphs")

    expected = glyphs(52, generator=20_480)
    np.testing.assert_array_equal(split.train.images, expected.images)
    assert split.train.classes == tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def test_an_unknown_data_set_is_named_and_missing_files_too(tmp_path):
    with pytest.raises(SettingError, match="data must be one of mnist, emnist, glyphs, got 'cifar'"):
        load_dataset("cifar")
    with pytest.raises(MissingDataError, match="train-images"):
        load_dataset("mnist", tmp_path)
