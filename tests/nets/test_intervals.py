"""Intervals: of means and of shares, against scipy and against coverage."""

import numpy as np
import pytest
from scipy import stats

from nets.intervals import LARGE, mean_half_width, student_t, wilson


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 5, 10, 99, 100, 999])
def test_students_t_is_that_of_scipy(degrees):
    assert student_t(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=1e-9)


def test_students_t_falls_to_the_normal_without_a_step():
    assert student_t(LARGE - 1) / student_t(LARGE) == pytest.approx(1, abs=7e-4)


def test_no_degrees_of_freedom_are_refused():
    with pytest.raises(ValueError, match="degrees must be at least 1, got 0"):
        student_t(0)


def test_the_interval_of_a_mean_holds_it_in_95_of_100_cases():
    """Of four values: 1.96 standard errors would hold it in 86."""
    values = np.random.default_rng(0).normal(5, 2, (4000, 4))

    held = [abs(row.mean() - 5) < mean_half_width(row) for row in values]

    assert np.mean(held) == pytest.approx(0.95, abs=0.01)
    assert mean_half_width(values[0, :1]) is None


@pytest.mark.parametrize(("part", "low", "high"), [(0.0, 0.0, 0.037), (0.5, 0.404, 0.596), (0.95, 0.888, 0.978)])
def test_intervals_are_wilsons(part, low, high):
    """Of 100, as in his formula."""
    found = wilson(np.array([part]), 100)

    np.testing.assert_allclose(np.concatenate(found), [low, high], atol=6e-4)
