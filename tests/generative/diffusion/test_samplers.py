"""Samplers with the exact denoiser of a Gaussian, whose every figure is known in closed form."""

import numpy as np
import pytest

from generative.diffusion import samplers, schedules
from generative.diffusion.samplers import ddim, ddpm, dpm_solver_2m, euler, heun, last, uniform_times, warped_times
from generative.errors import SettingError

MEAN, STD = 1.5, 0.6
EACH = pytest.mark.parametrize("name", samplers.SAMPLERS)
EACH_SCHEDULE = pytest.mark.parametrize("schedule", schedules.SCHEDULES)


def exact(schedule, mean=MEAN, std=STD):
    """Return the best prediction where x_0 ~ N(mean, std^2): E(x_0 | x_t), and the eps that is left."""

    def predict(x, t):
        alpha, sigma = schedule.at(t)
        pull = (x - alpha * mean) / (alpha**2 * std**2 + sigma**2)
        return mean + alpha * std**2 * pull, sigma * pull

    return predict


def flow_of(schedule, x, times):
    """Return where the probability flow of this Gaussian ends: distances from the mean grow as the deviation does."""
    (alpha, sigma), (alpha_s, sigma_s) = schedule.at(times[0]), schedule.at(times[-1])
    growth = np.sqrt((alpha_s**2 * STD**2 + sigma_s**2) / (alpha**2 * STD**2 + sigma**2))
    return alpha_s * MEAN + (x - alpha * MEAN) * growth


# --- right in distribution ---


@EACH
@EACH_SCHEDULE
def test_samples_have_the_right_mean_and_variance(name, schedule):
    schedule, rng = schedules.get(schedule), np.random.default_rng(0)
    x = rng.standard_normal(20_000)

    y = last(samplers.get(name)(exact(schedule), x, schedule, uniform_times(300), generator=rng))

    assert y.mean() == pytest.approx(MEAN, abs=0.02)
    assert y.std() == pytest.approx(STD, rel=0.03)


@EACH
def test_in_the_middle_of_the_way_samples_have_the_variance_of_that_time(name):
    schedule, rng = schedules.get("cosine"), np.random.default_rng(0)
    x = rng.standard_normal(20_000)

    y = last(samplers.get(name)(exact(schedule), x, schedule, uniform_times(200, end=0.5), generator=rng))

    alpha, sigma = schedule.at(0.5)
    assert y.mean() == pytest.approx(alpha * MEAN, abs=0.03)
    assert y.std() == pytest.approx(np.sqrt(alpha**2 * STD**2 + sigma**2), rel=0.03)


@EACH_SCHEDULE
def test_a_known_image_comes_out_of_any_noise(schedule):
    """If all images are one, every sampler must find it, in any number of steps."""
    schedule, rng = schedules.get(schedule), np.random.default_rng(0)
    predict, x = exact(schedule, mean=3.0, std=0.0), rng.standard_normal(10)

    for name in samplers.SAMPLERS:
        for steps in (1, 2, 7):
            y = last(samplers.get(name)(predict, x, schedule, uniform_times(steps), generator=rng))
            np.testing.assert_allclose(y, 3.0, atol=1e-9)


# --- noise of the right size ---


@EACH_SCHEDULE
@pytest.mark.parametrize(("t", "s"), [(0.9, 0.88), (0.5, 0.48), (0.6, 0.2)])
def test_the_noise_of_a_step_has_the_standard_deviation_and_not_the_variance(schedule, t, s):
    """From x_t = 0 with x_0 = 0 there is nothing but noise."""
    schedule, x = schedules.get(schedule), np.zeros(50_000)

    y = last(ddpm(lambda x, t: (x, x), x, schedule, [t, s], generator=np.random.default_rng(0)))

    variance = schedule.posterior(s, t).variance
    assert y.var() == pytest.approx(variance, rel=0.03)
    assert y.std() > 1.5 * variance


def test_a_chain_back_and_forth_agrees_with_a_simulation():
    """Step forward by simulation, back by ddpm with the true x_0: the images at s are those of the forward process."""
    schedule, rng, n = schedules.get("linear", n_steps=50), np.random.default_rng(0), 100_000
    x0 = rng.choice([-1.0, 2.0], n)
    x_s = x_t = None
    x = x0
    for i, beta in enumerate(schedule.betas[:30], 1):
        x = np.sqrt(1 - beta) * x + np.sqrt(beta) * rng.standard_normal(n)
        x_s, x_t = (x if i == 20 else x_s), (x if i == 30 else x_t)

    y = last(ddpm(lambda x, t: (x0, x), x_t, schedule, [30 / 50, 20 / 50], generator=rng))

    for moment in (1, 2, 3):
        assert (y**moment).mean() == pytest.approx((x_s**moment).mean(), abs=0.05)
    assert (y * x_t).mean() == pytest.approx((x_s * x_t).mean(), abs=0.03)
    assert (y * x0).mean() == pytest.approx((x_s * x0).mean(), abs=0.03)


@EACH_SCHEDULE
def test_ddim_with_eta_one_is_ddpm(schedule):
    schedule, x = schedules.get(schedule), np.random.default_rng(1).standard_normal(100)

    one, other = (
        last(sampler(exact(schedule), x, schedule, uniform_times(20), generator=np.random.default_rng(0), **settings))
        for sampler, settings in ((ddpm, {}), (ddim, {"eta": 1.0}))
    )

    np.testing.assert_allclose(one, other, atol=1e-9)


@pytest.mark.parametrize("eta", [0.25, 0.5, 1.0])
def test_the_noise_of_ddim_grows_with_eta(eta):
    schedule, x = schedules.get("cosine"), np.zeros(50_000)

    y = last(ddim(lambda x, t: (x, x), x, schedule, [0.6, 0.4], generator=np.random.default_rng(0), eta=eta))

    assert y.std() == pytest.approx(eta * np.sqrt(schedule.posterior(0.4, 0.6).variance), rel=0.02)


@pytest.mark.parametrize("sampler", [ddim, euler, heun, dpm_solver_2m])
def test_samplers_along_the_differential_equation_draw_nothing(sampler):
    schedule, x = schedules.get("flow"), np.random.default_rng(1).standard_normal(100)
    rng = np.random.default_rng(0)

    one = last(sampler(exact(schedule), x, schedule, uniform_times(9)))
    other = last(sampler(exact(schedule), x, schedule, uniform_times(9), generator=rng))

    np.testing.assert_array_equal(one, other)
    assert rng.bit_generator.state == np.random.default_rng(0).bit_generator.state


def test_the_same_generator_gives_the_same_images():
    schedule, x = schedules.get("flow"), np.zeros(10)

    one, other, third = (
        last(ddpm(exact(schedule), x, schedule, uniform_times(9), generator=np.random.default_rng(seed)))
        for seed in (0, 0, 1)
    )

    np.testing.assert_array_equal(one, other)
    assert not np.allclose(one, third)


# --- accuracy ---


@EACH_SCHEDULE
@pytest.mark.parametrize(("sampler", "order"), [(euler, 1), (ddim, 1), (heun, 2), (dpm_solver_2m, 2)])
def test_order_of_convergence(sampler, order, schedule):
    """Half the step, a half or a quarter of the error, on an equation whose solution is known."""
    schedule, x = schedules.get(schedule), np.array([-2.0, 0.3, 1.0])

    errors = []
    for steps in (100, 200, 400):
        times = uniform_times(steps, 0.9, 0.1)
        y = last(sampler(exact(schedule), x, schedule, times))
        errors.append(np.abs(y - flow_of(schedule, x, times)).max())

    np.testing.assert_allclose(np.log2(errors[:-1]) - np.log2(errors[1:]), order, atol=0.2)


def test_the_last_step_to_the_image_costs_no_order():
    schedule, x = schedules.get("flow"), np.array([-2.0, 0.3, 1.0])

    for sampler in (heun, dpm_solver_2m):
        errors = []
        for steps in (64, 128, 256):
            y = last(sampler(exact(schedule), x, schedule, uniform_times(steps)))
            errors.append(np.abs(y - flow_of(schedule, x, [1.0, 0.0])).max())
        assert (np.log2(errors[:-1]) - np.log2(errors[1:]) > 1.6).all()


@EACH_SCHEDULE
def test_euler_is_ddim_without_noise(schedule):
    schedule, x = schedules.get(schedule), np.random.default_rng(1).standard_normal(100)

    one, other = (last(sampler(exact(schedule), x, schedule, uniform_times(10))) for sampler in (euler, ddim))

    np.testing.assert_allclose(one, other, atol=1e-9)


def test_a_straight_flow_needs_one_step():
    """If the velocity is constant along the way, Euler's first step is already right."""
    schedule, x = schedules.get("flow"), np.array([1.0, -1.0])

    y = last(euler(lambda x_t, t: (3 * np.ones(2), x), x, schedule, [1.0, 0.0]))

    np.testing.assert_allclose(y, 3.0)


# --- the interface ---


@EACH
def test_states_come_one_by_one_and_keep_float32(name):
    schedule, x = schedules.get("cosine"), np.zeros((2, 1, 3, 3), np.float32)
    sampler = samplers.get(name)

    states = list(sampler(exact(schedule), x, schedule, uniform_times(5), generator=np.random.default_rng(0)))

    assert [state.t for state in states] == uniform_times(5)[1:]
    assert all(state.x.dtype == state.x0.dtype == np.float32 for state in states)
    assert all(state.x.shape == state.x0.shape == x.shape for state in states)
    np.testing.assert_array_equal(x, 0)


def test_predictions_are_asked_for_only_when_a_state_is_wanted():
    schedule, asked = schedules.get("flow"), []

    def predict(x, t):
        asked.append(t)
        return exact(schedule)(x, t)

    states = euler(predict, np.zeros(1), schedule, uniform_times(4))
    next(states)

    assert asked == [1.0]


@pytest.mark.parametrize(("sampler", "n"), [(ddpm, 6), (ddim, 6), (euler, 6), (heun, 11), (dpm_solver_2m, 6)])
def test_number_of_predictions(sampler, n):
    schedule, asked = schedules.get("flow"), []

    def predict(x, t):
        asked.append(t)
        return exact(schedule)(x, t)

    last(sampler(predict, np.zeros(1), schedule, uniform_times(6), generator=np.random.default_rng(0)))

    assert len(asked) == n
    assert 0.0 not in asked


def test_times_shrink_towards_the_image():
    assert warped_times(2, 2.0) == [1.0, 0.25, 0.0]
    assert uniform_times(2, 0.9, 0.1) == pytest.approx([0.9, 0.5, 0.1])


@pytest.mark.parametrize("arguments", [(0, 1.0), (3, 0.0), (3, np.inf), (3, 1.0, 1.1), (3, 1.0, 0.5, 0.5)])
def test_impossible_times_are_errors(arguments):
    with pytest.raises(SettingError, match=r"steps|power|times"):
        warped_times(*arguments)


@pytest.mark.parametrize("times", [[0.0, 1.0], [1.0, 0.5, 0.5], [1.0, -0.1], [2.0, 1.0], [1.0], []])
@EACH
def test_times_must_fall(name, times):
    schedule = schedules.get("flow")

    with pytest.raises(SettingError, match="times must"):
        last(samplers.get(name)(exact(schedule), np.zeros(1), schedule, times, generator=np.random.default_rng(0)))


@pytest.mark.parametrize("sampler", [ddpm, samplers.get("ddim", eta=0.5)])
def test_samplers_with_noise_need_a_generator(sampler):
    schedule = schedules.get("flow")

    with pytest.raises(SettingError, match="generator must be given for dd"):
        last(sampler(exact(schedule), np.zeros(1), schedule, uniform_times(2)))


def test_eta_is_between_zero_and_one():
    schedule = schedules.get("flow")

    with pytest.raises(SettingError, match=r"eta must be in \[0, 1\], got 2"):
        last(ddim(exact(schedule), np.zeros(1), schedule, uniform_times(2), eta=2))


def test_an_unknown_sampler_is_an_error():
    with pytest.raises(SettingError, match="sampler must be one of ddpm, ddim, euler, heun, dpm_solver_2m, got 'plms'"):
        samplers.get("plms")
