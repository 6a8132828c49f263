"""Schedules against closed forms, and against a simulation of the noise coming in step by step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generative.diffusion import schedules
from generative.diffusion.schedules import Cosine, Flow, Linear, Schedule
from generative.errors import SettingError

EACH = pytest.mark.parametrize("schedule", [Linear(), Linear(50), Cosine(), Flow()], ids=lambda s: s.name)
TIMES = st.floats(0, 1)


class Hobby(Schedule):
    """T = 50 steps with beta up to 0.1, which `Linear` refuses; what its formulas give must be right all the same."""

    betas = np.linspace(1e-4, 0.1, 50)

    def alpha_sigma(self, t):
        alpha_bar = np.concatenate([[1.0], np.cumprod(1 - self.betas)])[np.round(np.asarray(t) * 50).astype(int)]
        return np.sqrt(alpha_bar), np.sqrt(1 - alpha_bar)


# --- ends and shape ---


@EACH
def test_time_runs_from_the_image_to_noise(schedule):
    assert schedule.at(0.0) == (1.0, 0.0)

    alpha, sigma = schedule.at(1.0)

    assert 0 <= alpha < 0.01
    assert sigma == pytest.approx(1.0, abs=1e-4)


@EACH
def test_the_image_fades_and_the_noise_grows(schedule):
    alpha, sigma = schedule.alpha_sigma(np.linspace(0, 1, 1001))

    assert (np.diff(alpha) < 0).all()
    assert (np.diff(sigma) > 0).all()
    assert (np.diff(schedule.snr(np.linspace(0, 1, 1001))[1:]) < 0).all()


@pytest.mark.parametrize("schedule", [Linear(), Linear(77), Cosine(), Cosine(0.0)], ids=lambda s: s.name)
@given(t=TIMES)
def test_diffusion_keeps_the_variance(schedule, t):
    alpha, sigma = schedule.at(t)

    assert alpha**2 + sigma**2 == pytest.approx(1.0, abs=1e-12)


def test_arrays_of_times_give_arrays():
    alpha, sigma = Flow().alpha_sigma(np.float32([[0.0, 0.25], [0.5, 1.0]]))

    np.testing.assert_array_equal(alpha, [[1, 0.75], [0.5, 0]])
    np.testing.assert_array_equal(sigma, [[0, 0.25], [0.5, 1]])


def test_the_signal_to_noise_ratio_is_infinite_at_the_image():
    assert Flow().snr(0.0) == np.inf
    assert Flow().snr(0.5) == 1.0


# --- closed forms ---


def test_alpha_bar_is_the_product_of_one_minus_beta():
    linear = Linear()
    product, products = 1.0, []
    for beta in np.linspace(1e-4, 0.02, 1000):
        product *= 1 - beta
        products.append(product)

    alpha, _ = linear.alpha_sigma(np.arange(1, 1001) / 1000)

    np.testing.assert_allclose(linear.alpha_bars, products, rtol=1e-12)
    np.testing.assert_allclose(alpha**2, products, rtol=1e-9)
    assert products[-1] == pytest.approx(4.04e-5, rel=1e-2)


def test_between_two_steps_log_alpha_bar_is_interpolated():
    linear = Linear(100)

    between = linear.at(0.305)[0] ** 2

    assert between == pytest.approx(np.sqrt(linear.alpha_bars[29] * linear.alpha_bars[30]))


def test_cosine_is_the_squared_cosine_of_the_paper():
    t = np.linspace(0, 1, 11)

    alpha, _ = Cosine().alpha_sigma(t)

    f = np.cos((t + 0.008) / 1.008 * np.pi / 2) ** 2
    np.testing.assert_allclose(alpha**2, f / f[0], atol=1e-12)


@pytest.mark.parametrize("i", [2, 10, 50])
def test_the_posterior_of_neighbouring_steps_is_equation_7(i):
    linear = Linear(50)
    beta, bar, before = linear.betas[i - 1], linear.alpha_bars[i - 1], linear.alpha_bars[i - 2]

    posterior = linear.posterior((i - 1) / 50, i / 50)

    assert posterior.of_x == pytest.approx(np.sqrt(1 - beta) * (1 - before) / (1 - bar))
    assert posterior.of_x0 == pytest.approx(np.sqrt(before) * beta / (1 - bar))
    assert posterior.variance == pytest.approx(beta * (1 - before) / (1 - bar))


@EACH
@given(s=TIMES, t=TIMES)
def test_a_step_forth_and_back_leads_to_the_marginal(schedule, s, t):
    """q(x_s | x_0) = integral of q(x_s | x_t, x_0) q(x_t | x_0): means and variances must agree."""
    s, t = sorted((s, t))
    if t - s < 1e-6:
        return
    (alpha_s, sigma_s), (alpha_t, sigma_t) = schedule.at(s), schedule.at(t)

    posterior = schedule.posterior(s, t)

    assert posterior.of_x * alpha_t + posterior.of_x0 == pytest.approx(alpha_s, abs=1e-9)
    assert posterior.of_x**2 * sigma_t**2 + posterior.variance == pytest.approx(sigma_s**2, abs=1e-9)


# --- a simulation ---


def test_a_simulated_forward_process_has_the_alpha_bars_and_the_posterior():
    """Noise is added step by step; x_(i-1) is then regressed on x_i and x_0: coefficients, and what is left over."""
    linear, rng, n, i = Linear(50), np.random.default_rng(0), 200_000, 20
    x0 = rng.standard_normal(n)
    x, before = x0, x0

    for beta in linear.betas[:i]:
        before = x
        x = np.sqrt(1 - beta) * x + np.sqrt(beta) * rng.standard_normal(n)

    alpha, sigma = linear.at(i / 50)
    assert (x * x0).mean() / (x0 * x0).mean() == pytest.approx(alpha, abs=0.01)
    assert (x - alpha * x0).std() == pytest.approx(sigma, rel=0.01)
    inputs = np.stack([x, x0], axis=1)
    found, *_ = np.linalg.lstsq(inputs, before, rcond=None)
    posterior = linear.posterior((i - 1) / 50, i / 50)
    np.testing.assert_allclose(found, [posterior.of_x, posterior.of_x0], atol=0.005)
    assert (before - inputs @ found).var() == pytest.approx(posterior.variance, rel=0.01)


# --- what is refused ---


@pytest.mark.parametrize(("n_steps", "left"), [(50, "0.07"), (10, "0.59")])
def test_a_schedule_that_leaves_too_much_of_the_image_is_refused(n_steps, left):
    """Sampling from N(0, I) would begin where training has never been."""
    with pytest.raises(SettingError, match=f"alpha_bar_T must be at most 0.01, got {left}.*more steps or larger betas"):
        Linear(n_steps, 1e-4, 0.1)


def test_the_variance_of_a_step_is_no_standard_deviation():
    """At t = T of this schedule the variance is 0.099, of which noise of standard deviation 0.315 comes."""
    variance = Hobby().posterior(0.98, 1.0).variance

    assert variance == pytest.approx(0.0992, abs=1e-4)
    assert np.sqrt(variance) == pytest.approx(0.315, abs=1e-3)


@pytest.mark.parametrize("settings", [{"n_steps": 0}, {"n_steps": 10}, {"beta_1": 0.0}, {"beta_T": 1.0}])
def test_linear_refuses_what_breaks_a_rule(settings):
    with pytest.raises(SettingError, match=r"must be"):
        Linear(**settings)


@pytest.mark.parametrize("shift", [-0.1, np.inf, np.nan])
def test_cosine_refuses_a_negative_shift(shift):
    with pytest.raises(SettingError, match="shift must be finite and not negative"):
        Cosine(shift)


@EACH
@pytest.mark.parametrize("t", [-0.1, 1.1, np.nan, [0.5, 2.0]])
def test_times_are_in_the_unit_interval(schedule, t):
    with pytest.raises(SettingError, match=r"t must be in \[0, 1\]"):
        schedule.alpha_sigma(t)


@pytest.mark.parametrize(("s", "t"), [(0.5, 0.5), (0.6, 0.5), (-0.1, 0.5), (0.5, 1.1)])
def test_a_posterior_goes_back_in_time(s, t):
    with pytest.raises(SettingError, match="0 <= s < t <= 1"):
        Flow().posterior(s, t)


def test_schedules_are_found_by_name():
    assert isinstance(schedules.get("cosine", shift=0.01), Cosine)
    with pytest.raises(SettingError, match="schedule must be one of linear, cosine, flow, got 'square'"):
        schedules.get("square")
