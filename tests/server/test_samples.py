"""Images to try the demos with, and the plane in which they are shown."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from nets.data import DIGITS, write_idx
from server.workers.samples import choose, fisher_plane

CLASSES = tuple(DIGITS)


@pytest.fixture(autouse=True)
def _nothing_chosen_yet() -> Iterator[None]:
    choose.cache_clear()
    yield
    choose.cache_clear()


@pytest.fixture
def mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of the form of MNIST: three images a digit, each of one grey that tells which it is."""
    labels = np.tile(np.arange(10, dtype=np.uint8), 3)
    for part, first in (("train", 100), ("t10k", 0)):
        greys = (first + np.arange(30, dtype=np.uint8))[:, None, None]
        write_idx(tmp_path / f"{part}-images-idx3-ubyte", np.broadcast_to(greys, (30, 28, 28)).copy())
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", labels)
    monkeypatch.setenv("GAME2048_DATA", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("mnist")
def test_they_are_test_images_where_there_are_some() -> None:
    source, images, labels = choose("mnist", CLASSES, 2)

    greys = images[:, 0, 0]
    assert source == "test images of MNIST"
    assert labels.tolist() == sorted(2 * [*range(10)])
    assert (greys < 30).all(), "none of what a network has learned from"
    assert (greys % 10 == labels).all()
    assert len(set(greys.tolist())) == 20


def test_they_are_the_same_every_time(mnist: Path) -> None:
    first = choose("mnist", CLASSES, 2)[1]
    choose.cache_clear()

    np.testing.assert_array_equal(choose("mnist", CLASSES, 2)[1], first)


def test_a_damaged_data_set_is_as_none(mnist: Path) -> None:
    (mnist / "t10k-images-idx3-ubyte").write_bytes(b"no images")

    source, images, labels = choose("mnist", CLASSES, 2)

    assert source == "generated"
    assert images.shape == (20, 28, 28)
    assert np.bincount(labels).tolist() == [2] * 10


@pytest.mark.usefixtures("mnist")
def test_other_classes_are_generated() -> None:
    assert choose("mnist", ("A", "B"), 1)[0] == "generated"
    assert choose("glyphs", CLASSES, 1)[0] == "generated"


def test_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a folder of data, only the cache is looked at."""
    monkeypatch.delenv("GAME2048_DATA", raising=False)
    monkeypatch.setattr("nets.data.fetch.platformdirs.user_data_path", lambda name: Path("/nonexistent"))
    monkeypatch.setattr("nets.data.fetch._fetch", lambda *_: pytest.fail("something would be downloaded"))

    assert choose("mnist", CLASSES, 1)[0] == "generated"


def test_the_plane_parts_classes_that_other_directions_mix() -> None:
    """Three classes differ along two of six numbers, which vary much less than the others."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 50)
    codes = rng.normal(0, 5, (150, 6))
    codes[:, [1, 4]] = np.array([[0, 0], [3, 0], [0, 3]])[labels] + rng.normal(0, 0.3, (150, 2))

    places = codes @ fisher_plane(codes.astype(np.float32), labels).T

    middles = np.array([places[labels == label].mean(0) for label in range(3)])
    widths = np.array([places[labels == label].std(0).max() for label in range(3)])
    nearest = np.linalg.norm(places[:, None] - middles, axis=2).argmin(1)
    assert (nearest == labels).mean() > 0.95
    assert np.linalg.norm(middles[0] - middles[1]) > 3 * widths.max()
