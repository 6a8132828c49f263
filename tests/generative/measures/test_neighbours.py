import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generative.errors import SettingError
from generative.measures.neighbours import mean_distance, squared_distances, squared_radii
from tests.oracles import manifolds

shapes = st.tuples(st.integers(2, 12), st.integers(2, 12), st.integers(1, 5), st.integers(0, 2**32 - 1))


@given(shapes)
def test_squared_distances_are_those_of_single_points(shape):
    n, m, d, seed = shape
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n, d)), rng.standard_normal((m, d))

    squares = squared_distances(x, y)

    expected = np.square(x[:, None] - y[None]).sum(2)
    np.testing.assert_allclose(squares, expected, rtol=1e-9, atol=1e-12)


def test_the_same_point_is_at_distance_zero_however_far_out_it_lies():
    x = 1e3 + np.random.default_rng(0).standard_normal((50, 128))

    assert (squared_distances(x, x[::-1].copy())[np.arange(50), 49 - np.arange(50)] == 0).all()


@pytest.mark.parametrize("k", [1, 3, 5])
def test_radii_are_those_of_sorted_distances(k):
    x = np.random.default_rng(1).standard_normal((20, 3))

    np.testing.assert_allclose(np.sqrt(squared_radii(x, k)), manifolds.radii(x.tolist(), k))


def test_a_point_that_is_there_often_has_no_ball():
    x = np.repeat([[0.0], [1.0]], 6, axis=0)

    assert (squared_radii(x, 5) == 0).all()
    assert (squared_radii(x, 6) == 1).all()


def test_mean_distance_leaves_out_each_point_itself():
    assert mean_distance(np.array([[0.0, 0.0], [3.0, 4.0]])) == 5.0


@pytest.mark.parametrize("k", [0, 4, 5])
def test_neighbours_that_are_not_there_are_refused(k):
    with pytest.raises(SettingError, match=f"k must be from 1 .* 3, got {k}"):
        squared_radii(np.zeros((4, 2)), k)


def test_one_image_has_no_variety():
    with pytest.raises(SettingError, match="at least two"):
        mean_distance(np.zeros((1, 2)))
