"""What is predicted, what is trained on, and guidance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from generative.diffusion import prediction, schedules
from generative.diffusion.prediction import (
    PARAMETRIZATIONS,
    draw_times,
    drop_labels,
    guided,
    noised,
    predictor,
    target,
    to_x0_eps,
)
from generative.errors import SettingError

EACH = pytest.mark.parametrize("parametrization", PARAMETRIZATIONS)
EACH_SCHEDULE = pytest.mark.parametrize("schedule", schedules.SCHEDULES)
VALUES = arrays(np.float64, (2, 3), elements=st.floats(-10, 10))


# --- parametrisations ---


@EACH
@EACH_SCHEDULE
@given(x0=VALUES, eps=VALUES, t=st.floats(0.02, 0.98))
def test_the_right_prediction_gives_image_and_noise(parametrization, schedule, x0, eps, t):
    alpha, sigma = schedules.get(schedule).at(t)
    x_t = alpha * x0 + sigma * eps

    found = to_x0_eps(target(x0, eps, alpha, sigma, parametrization), x_t, alpha, sigma, parametrization)

    np.testing.assert_allclose(found, (x0, eps), atol=1e-8)


@EACH
@given(prediction=VALUES, x_t=VALUES, t=st.floats(0.02, 0.98))
def test_any_prediction_gives_image_and_noise_that_make_the_input(parametrization, prediction, x_t, t):
    alpha, sigma = schedules.get("cosine").at(t)

    x0, eps = to_x0_eps(prediction, x_t, alpha, sigma, parametrization)

    np.testing.assert_allclose(alpha * x0 + sigma * eps, x_t, atol=1e-8)


@EACH
@EACH_SCHEDULE
def test_an_error_of_the_prediction_is_an_error_of_the_image_times_d_over_sigma(parametrization, schedule):
    """The table of the module: MSE(p) = (d / sigma)^2 MSE(x_0)."""
    alpha, sigma = schedules.get(schedule).at(0.3)
    weights = {"epsilon": alpha, "x0": sigma, "v": alpha**2 + sigma**2, "flow": alpha + sigma}
    x_t = np.zeros(1)

    x0, _ = to_x0_eps(np.ones(1), x_t, alpha, sigma, parametrization)
    other, _ = to_x0_eps(np.zeros(1), x_t, alpha, sigma, parametrization)

    assert abs(x0 - other).item() == pytest.approx(sigma / weights[parametrization])


def test_v_and_velocity_are_those_of_their_papers():
    x0, eps, (alpha, sigma) = np.array([2.0]), np.array([3.0]), schedules.get("cosine").at(0.4)

    assert target(x0, eps, alpha, sigma, "v") == alpha * eps - sigma * x0
    assert target(x0, eps, alpha, sigma, "flow") == eps - x0


@pytest.mark.parametrize(("parametrization", "t"), [("epsilon", 1.0), ("x0", 0.0)])
def test_a_prediction_that_says_nothing_is_an_error(parametrization, t):
    alpha, sigma = schedules.get("flow").at(t)

    with pytest.raises(SettingError, match=r"cannot be converted where alpha = .* start at an earlier time"):
        to_x0_eps(np.zeros(1), np.zeros(1), alpha, sigma, parametrization)


@EACH
def test_float32_stays_float32(parametrization):
    x = np.ones((2, 3), np.float32)
    network = predictor(lambda x_t, t: x_t, schedules.get("cosine"), parametrization, clip=(-1, 1))

    assert [array.dtype for array in network(x, 0.5)] == [np.float32, np.float32]
    batch = noised(x, draw_times(2, np.random.default_rng(0)), schedules.get("linear"), parametrization, _rng())
    assert [array.dtype for array in batch] == [np.float32] * 3


def test_a_clipped_image_keeps_the_noise_consistent():
    schedule, x_t = schedules.get("flow"), np.array([[5.0, -0.2]])
    predict = predictor(lambda x, t: np.zeros_like(x), schedule, "epsilon", clip=(-1, 1))

    x0, eps = predict(x_t, 0.5)

    np.testing.assert_allclose(x0, [[1.0, -0.4]])
    np.testing.assert_allclose(0.5 * x0 + 0.5 * eps, x_t)


def test_an_unknown_parametrisation_is_an_error_at_once():
    with pytest.raises(SettingError, match="parametrization must be one of epsilon, x0, v, flow, got 'score'"):
        predictor(lambda x, t: x, schedules.get("flow"), "score")


# --- training batches ---


@EACH_SCHEDULE
def test_noised_images_have_the_mean_and_the_variance_of_the_schedule(schedule):
    schedule, n = schedules.get(schedule), 100_000
    x0, t = np.full((n, 1), 2.0, np.float32), np.full(n, 0.3)

    batch = noised(x0, t, schedule, "epsilon", _rng())

    alpha, sigma = schedule.at(0.3)
    assert batch.x_t.mean() == pytest.approx(2 * alpha, abs=0.02)
    assert batch.x_t.std() == pytest.approx(sigma, rel=0.01)
    np.testing.assert_allclose(batch.x_t, alpha * x0 + sigma * batch.target, atol=1e-5)


def test_each_example_has_its_own_time():
    x0 = np.ones((3, 1, 2, 2), np.float32)

    batch = noised(x0, [0.0, 0.5, 1.0], schedules.get("flow"), "x0", _rng())

    np.testing.assert_array_equal(batch.x_t[0], x0[0])
    assert len(np.unique(batch.x_t[1:])) == 8
    np.testing.assert_array_equal(batch.target, x0)


def test_uniform_times_fill_the_interval():
    t = draw_times(100_000, _rng())

    assert 0 <= t.min() < 0.001 < 0.999 < t.max() < 1
    np.testing.assert_allclose(np.quantile(t, [0.25, 0.5, 0.75]), [0.25, 0.5, 0.75], atol=0.01)


def test_logit_normal_times_have_normal_logits():
    t = draw_times(100_000, _rng(), "logit-normal", mean=0.5, std=0.8).astype(np.float64)

    logits = np.log(t / (1 - t))
    assert logits.mean() == pytest.approx(0.5, abs=0.01)
    assert logits.std() == pytest.approx(0.8, abs=0.01)


def test_an_unknown_distribution_of_times_is_an_error():
    with pytest.raises(SettingError, match="times must be one of uniform, logit-normal, got 'beta'"):
        draw_times(1, _rng(), "beta")


# --- guidance ---


def test_labels_are_dropped_as_often_as_asked():
    labels = np.arange(100_000) % 10

    told = drop_labels(labels, 10, 0.1, _rng())

    dropped = told == 10
    assert dropped.mean() == pytest.approx(0.1, abs=0.005)
    np.testing.assert_array_equal(told[~dropped], labels[~dropped])
    np.testing.assert_array_equal(drop_labels(labels, 10, 0.0, _rng()), labels)
    assert (drop_labels(labels, 10, 1.0, _rng()) == 10).all()


def test_guidance_goes_from_the_unconditional_prediction_through_the_conditional_one():
    x = np.zeros((1, 2))

    for scale, expected in [(0, 1.0), (1, 3.0), (1.5, 4.0), (3, 7.0)]:
        network = guided(lambda x, t: x + 3, lambda x, t: x + 1, scale=scale)
        np.testing.assert_allclose(network(x, 0.5), expected)


def test_outside_its_interval_there_is_no_guidance_and_no_work_for_it():
    asked = []

    def unconditional(x, t):
        asked.append(t)
        return x + 1

    network = guided(lambda x, t: x + 3, unconditional, scale=2, interval=(0.25, 0.75))
    results = [network(np.zeros(1), t).item() for t in (1.0, 0.75, 0.5, 0.25, 0.1)]

    assert results == [3, 5, 5, 5, 3]
    assert asked == [0.75, 0.5, 0.25]


def test_guidance_of_one_never_asks_without_a_class():
    def unconditional(x, t):
        raise AssertionError

    assert guided(lambda x, t: x, unconditional, scale=1)(np.ones(1), 0.5) == 1


@pytest.mark.parametrize("settings", [{"scale": -1}, {"scale": np.nan}, {"scale": 2, "interval": (0.8, 0.2)}])
def test_impossible_guidance_is_an_error(settings):
    with pytest.raises(SettingError, match="must be"):
        guided(lambda x, t: x, lambda x, t: x, **settings)


@pytest.mark.parametrize("probability", [-0.1, 1.1])
def test_a_probability_is_between_zero_and_one(probability):
    with pytest.raises(SettingError, match="probability"):
        drop_labels([0], 1, probability, _rng())


def test_all_names_of_the_table_are_known():
    assert all(len(prediction.coefficients(name, 0.6, 0.8)) == 2 for name in PARAMETRIZATIONS)


def _rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize(("mean", "std"), [(np.nan, 1.0), (np.inf, 1.0), (0.0, -1.0), (0.0, np.nan)])
def test_times_of_no_distribution_are_refused(mean, std):
    with pytest.raises(SettingError, match="mean must be finite and std also not negative"):
        draw_times(3, np.random.default_rng(0), "logit-normal", mean, std)
