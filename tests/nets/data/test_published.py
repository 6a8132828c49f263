"""MNIST and EMNIST letters, from small files of the same form, and from the real ones where they are."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from nets.data import load_emnist_letters, load_mnist, write_idx
from nets.data.published import EMNIST_LETTERS, MNIST
from nets.errors import CorruptDataError, MissingDataError

RANDOM = np.random.default_rng(0)
PARTS = {"train": 12, "test": 5}


def images(n):
    return RANDOM.integers(0, 256, (n, 28, 28), np.uint8)


def labels(n, first, last):
    return np.linspace(first, last, n).astype(np.uint8)


@pytest.fixture
def mnist(tmp_path):
    for part, n in (("train", 12), ("t10k", 5)):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte.gz", images(n))
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", labels(n, 0, 9))
    return tmp_path


@pytest.fixture
def letters(tmp_path):
    folder = tmp_path / "emnist-letters"
    folder.mkdir()
    for part, n in PARTS.items():
        stored = np.zeros((n, 28, 28), np.uint8)
        stored[:, 5, 3] = 255  # column 5, row 3: stored transposed
        write_idx(folder / f"emnist-letters-{part}-images-idx3-ubyte.gz", stored)
        write_idx(folder / f"emnist-letters-{part}-labels-idx1-ubyte.gz", labels(n, 1, 26))
    return tmp_path


def test_mnist_is_read_from_a_folder(mnist):
    train, test = load_mnist(mnist)

    assert (train.images.shape, test.images.shape) == ((12, 28, 28), (5, 28, 28))
    assert (train.images.dtype, train.labels.dtype) == (np.uint8, np.uint8)
    assert train.labels.tolist() == labels(12, 0, 9).tolist()
    assert train.classes == tuple("0123456789")
    assert train.case is None


def test_letters_are_righted_and_counted_from_0(letters):
    train, test = load_emnist_letters(letters)

    assert (train.images[:, 3, 5] == 255).all()
    assert train.images.flags.c_contiguous
    assert (train.labels.min(), train.labels.max()) == (0, 25)
    assert test.classes[25] == "Z"
    assert train.case is None
    assert train.source is None


def test_case_and_source_are_read_where_they_are(letters):
    stem = letters / "emnist-letters" / "emnist-letters-train"
    write_idx(Path(f"{stem}-case-idx1-ubyte.gz"), labels(12, 0, 2))
    write_idx(Path(f"{stem}-source-idx1-ubyte"), labels(12, 0, 5))

    train, test = load_emnist_letters(letters)

    assert train.case.tolist() == labels(12, 0, 2).tolist()
    assert train.source.tolist() == labels(12, 0, 5).tolist()
    assert test.case is None


@pytest.mark.parametrize("missing", ["t10k-images-idx3-ubyte.gz", "train-labels-idx1-ubyte"])
def test_a_missing_file_is_named(mnist, missing):
    (mnist / missing).unlink()

    with pytest.raises(MissingDataError, match=f"MNIST needs {missing}"):
        load_mnist(mnist)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t10k-images-idx3-ubyte.gz", np.zeros((5, 27, 28), np.uint8), r"shape \(n, 28, 28\), got uint8 \(5, 27, 28\)"),
        ("t10k-images-idx3-ubyte.gz", np.zeros((0, 28, 28), np.uint8), r"got uint8 \(0, 28, 28\)"),
        ("t10k-images-idx3-ubyte.gz", np.zeros((5, 28, 28), np.float32), "got float32"),
        ("train-labels-idx1-ubyte", np.zeros(11, np.uint8), r"must hold 12 numbers of uint8, .* got uint8 \(11,\)"),
        ("train-labels-idx1-ubyte", np.full(12, 10, np.uint8), "labels from 0 to 9, got 10 to 10"),
    ],
)
def test_files_that_do_not_belong_together_are_named(mnist, name, content, said):
    write_idx(mnist / name, content)

    with pytest.raises(CorruptDataError, match=said) as error:
        load_mnist(mnist)

    assert str(mnist / name) in str(error.value)


def test_labels_of_letters_are_from_1_to_26(letters):
    write_idx(letters / "emnist-letters" / "emnist-letters-test-labels-idx1-ubyte.gz", labels(5, 0, 25))

    with pytest.raises(CorruptDataError, match="labels from 1 to 26, got 0 to 25"):
        load_emnist_letters(letters)


def test_everything_that_can_be_downloaded_has_a_checksum_and_several_mirrors():
    for publication in (MNIST, EMNIST_LETTERS):
        assert len(publication.mirrors) > 1
        assert all(mirror.endswith("/") for mirror in publication.mirrors)
    assert len(MNIST.checksums) == 4
    assert EMNIST_LETTERS.archive in EMNIST_LETTERS.checksums


# --- the real data ---

needs_data = pytest.mark.skipif("GAME2048_DATA" not in os.environ, reason="GAME2048_DATA names no folder")


@pytest.mark.slow
@needs_data
def test_the_real_mnist_is_the_published_one():
    """The sums of pixels and the first labels, and checksums where the files are gzipped as published."""
    train, test = load_mnist()

    assert (len(train), len(test)) == (60_000, 10_000)
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    np.testing.assert_allclose(train.images.mean() / 255, 0.1307, atol=1e-4)  # the usual constant
    assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    for name, checksum in MNIST.checksums.items():
        for path in Path(os.environ["GAME2048_DATA"]).glob(f"**/{name}"):
            assert f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}" == checksum


@pytest.mark.slow
@needs_data
def test_the_real_letters_stand_upright():
    """The mean T has a bar at the top and nothing like it at the left, as it would have if it lay transposed."""
    train, test = load_emnist_letters()

    assert set(np.unique(test.labels)) == set(range(26))
    capital = train.labels == train.classes.index("T")
    if train.case is not None:
        capital &= train.case == 1
    mean = train.images[capital].mean(0)
    assert mean[4:9].sum() > 1.5 * mean[15:20].sum()
    assert mean[:, 4:9].sum() < 1.2 * mean[:, 15:20].sum()
