"""Data sets, and images as a network wants them."""

import subprocess
import sys

import numpy as np
import pytest

import nets.data
from nets.data import LabelledImages, as_float
from nets.errors import ArgumentError, DataError, DtypeError, ShapeError


@pytest.fixture
def images():
    n = 10
    return LabelledImages(
        images=np.arange(n * 4, dtype=np.uint8).reshape(n, 2, 2),
        labels=np.arange(n, dtype=np.uint8) % 2,
        classes=("even", "odd"),
        case=np.arange(n, dtype=np.uint8) % 3,
    )


def test_taking_examples_takes_all_that_belongs_to_them(images):
    part = images.take([7, 1])

    assert len(part) == 2
    np.testing.assert_array_equal(part.images, images.images[[7, 1]])
    np.testing.assert_array_equal(part.labels, [1, 1])
    np.testing.assert_array_equal(part.case, [1, 1])
    assert part.source is None
    assert part.classes == ("even", "odd")
    assert len(images.take(slice(3))) == 3


def test_indices_give_inputs_and_labels(images):
    inputs, labels = images[np.array([3, 0])]

    np.testing.assert_array_equal(inputs, images.images[[3, 0]])
    np.testing.assert_array_equal(labels, [1, 0])


def test_a_split_has_every_example_once_and_is_decided_by_the_seed(images):
    first, second = images.split(0.7, 0)
    again, _ = images.split(0.7, 0)

    assert (len(first), len(second)) == (7, 3)
    corners = np.concatenate([first.images, second.images])[:, 0, 0]
    np.testing.assert_array_equal(np.sort(corners), images.images[:, 0, 0])
    np.testing.assert_array_equal(first.images, again.images)
    with pytest.raises(ArgumentError, match=r"fraction must be in \(0, 1\), got 1"):
        images.split(1, 0)


def test_bytes_become_brightness_from_0_to_1():
    x = as_float(np.array([[[0, 51, 255]]], np.uint8))

    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, np.array([[[[0, 0.2, 1]]]], np.float32))


def test_floats_are_copied_and_keep_their_channels():
    given = np.full((2, 3, 4, 5), 0.5)

    x = as_float(given)
    x[:] = 0

    assert (x.shape, x.dtype) == ((2, 3, 4, 5), np.float32)
    assert (given == 0.5).all()
    assert as_float(np.zeros((0, 28, 28), np.uint8)).shape == (0, 1, 28, 28)


def test_brightness_that_is_no_number_is_named_by_its_place():
    x = np.zeros((3, 2, 2), np.float32)
    x[1, 0, 1] = np.nan

    with pytest.raises(DataError, match=r"images must be finite numbers, got nan at \(1, 0, 1\)"):
        as_float(x)


@pytest.mark.parametrize(
    ("array", "error", "said"),
    [
        (np.full((1, 2, 2), 255.0), DataError, r"in \[0, 1\], got values from 255 to 255"),
        (np.full((1, 2, 2), -0.5), DataError, r"in \[0, 1\]"),
        (np.full((1, 2, 2), -np.inf), DataError, "finite"),
        (np.zeros((1, 2, 2), int), DtypeError, "uint8 or floats, got int64"),
        (np.zeros((1, 2, 2), complex), DtypeError, "got complex128"),
        (np.zeros((2, 2), np.uint8), ShapeError, r"got \(2, 2\)"),
    ],
)
def test_other_images_are_refused(array, error, said):
    with pytest.raises(error, match=said):
        as_float(array)


def test_every_public_name_is_there():
    for name in nets.data.__all__:
        assert getattr(nets.data, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = nets.data.nothing


def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys, nets.data as d\n"
        "d.DataLoader, d.load_mnist, d.load_emnist_letters, d.glyphs, d.RandomAffine, d.ElasticDistortion, d.xor\n"
        "print([m for m in ('numba', 'PIL', 'pooch', 'requests', 'HersheyFonts') if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
