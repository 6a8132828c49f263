"""The sinusoidal embedding of time."""

import numpy as np
import pytest

from generative.diffusion.embedding import sinusoidal
from generative.errors import SettingError


def test_values_are_those_of_the_formula():
    t, dim = np.array([0.0, 0.3, 1.0]), 6

    found = sinusoidal(t, dim)

    for i in range(3):
        frequency = 1000 / 10_000 ** (i / 3)
        np.testing.assert_allclose(found[:, i], np.cos(t * frequency), atol=1e-6)
        np.testing.assert_allclose(found[:, i + 3], np.sin(t * frequency), atol=1e-6)
    assert found.dtype == np.float32


def test_all_vectors_have_the_same_length():
    e = sinusoidal(np.linspace(0, 1, 50), 64)

    np.testing.assert_allclose((e**2).sum(1), 32, rtol=1e-5)


def test_near_times_have_near_vectors():
    e = sinusoidal([0.5, 0.5001, 0.51, 0.7, 0.1], 64)

    distances = np.linalg.norm(e[1:] - e[0], axis=1)

    assert (np.diff(distances) > 0).all()


def test_a_thousand_steps_are_told_apart():
    e = sinusoidal(np.arange(1001) / 1000, 32)

    assert np.linalg.norm(np.diff(e, axis=0), axis=1).min() > 0.5


@pytest.mark.parametrize("dim", [0, 1, 7, -2])
def test_the_length_is_even(dim):
    with pytest.raises(SettingError, match=f"dim must be even and at least 2, got {dim}"):
        sinusoidal([0.0], dim)
