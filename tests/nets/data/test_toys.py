"""The smallest data sets."""

import numpy as np
import pytest

from nets.data import iris, moons, spirals, xor
from nets.errors import ArgumentError


def test_xor_is_exclusive_or():
    points, labels = xor()[np.arange(4)]

    np.testing.assert_array_equal(labels, points[:, 0] != points[:, 1])
    assert (points.dtype, labels.dtype) == (np.float32, np.uint8)


def test_moons_without_noise_are_half_circles():
    data = moons(201, noise=0, generator=0)
    upper, lower = (data.points[data.labels == k] for k in (0, 1))

    assert (len(upper), len(lower)) == (101, 100)
    np.testing.assert_allclose(np.hypot(*upper.T), 1, rtol=1e-6)
    np.testing.assert_allclose(np.hypot(*(lower - [1, 0.5]).T), 1, rtol=1e-5)
    assert upper[:, 1].min() >= 0
    assert lower[:, 1].max() <= 0.5


def test_spirals_wind_outwards_and_are_turned_copies_of_each_other():
    data = spirals(3000, n_classes=3, turns=2, noise=0, generator=0)
    radius = np.hypot(*data.points.T)
    angle = np.arctan2(data.points[:, 1], data.points[:, 0])
    turned = (angle / (2 * np.pi) - 2 * radius - data.labels / 3) % 1

    np.testing.assert_allclose(np.minimum(turned, 1 - turned), 0, atol=1e-5)
    assert 0.1 <= radius.min() < 0.15
    assert 0.99 < radius.max() <= 1 + 1e-6
    assert np.bincount(data.labels).tolist() == [1000] * 3


@pytest.mark.parametrize("make", [moons, spirals])
def test_noise_has_its_standard_deviation_and_the_seed_decides(make):
    clean, noisy = make(5000, noise=0, generator=1), make(5000, noise=0.2, generator=1)

    np.testing.assert_allclose((noisy.points - clean.points).std(), 0.2, rtol=0.05)
    np.testing.assert_array_equal(make(5000, noise=0.2, generator=1).points, noisy.points)


def test_impossible_settings_are_refused():
    with pytest.raises(ArgumentError, match="n must be at least 2, one point a class, got 1"):
        moons(1, generator=0)
    with pytest.raises(ArgumentError, match="noise must be finite and not negative, got -1"):
        moons(2, noise=-1, generator=0)
    with pytest.raises(ArgumentError, match=r"n_classes must be in \[2, 255\], got 1"):
        spirals(9, n_classes=1, generator=0)


def test_the_irises_are_fishers():
    """Means of the species as in Fisher's table II, and the two flowers of which other copies differ."""
    data = iris()

    assert data.points.shape == (150, 4)
    assert data.classes == ("setosa", "versicolor", "virginica")
    assert data.features[0] == "sepal length (cm)"
    means = [data.points[data.labels == k].mean(0) for k in range(3)]
    expected = [[5.006, 3.428, 1.462, 0.246], [5.936, 2.770, 4.260, 1.326], [6.588, 2.974, 5.552, 2.026]]
    np.testing.assert_allclose(means, expected, atol=1e-4)
    np.testing.assert_allclose(data.points[34], [4.9, 3.1, 1.5, 0.2], rtol=1e-6)
    np.testing.assert_allclose(data.points[37], [4.9, 3.6, 1.4, 0.1], rtol=1e-6)
