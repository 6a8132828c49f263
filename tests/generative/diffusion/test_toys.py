"""Diffusion of points: it learns, repeats itself, and its figure of quality can tell."""

import numpy as np
import pytest
from PIL import Image

import nets
from generative.animate import save
from generative.diffusion import samplers
from generative.diffusion.toys import energy_distance, frames, mean_distance, scatter, train_points
from generative.errors import SettingError

CIRCLE = pytest.mark.parametrize(
    ("schedule", "parametrization", "start", "sampler"),
    [("flow", "flow", 1.0, "heun"), ("cosine", "v", 1.0, "dpm_solver_2m"), ("linear", "epsilon", 1.0, "ddpm")],
)


def circle(n, seed):
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi, n)
    return np.stack([3 + np.cos(angle), np.sin(angle)], axis=1)


@CIRCLE
def test_a_circle_is_learned(schedule, parametrization, start, sampler):
    model = train_points(
        circle(500, 0), seed=0, schedule=schedule, parametrization=parametrization, start=start, steps=600, width=64
    )

    points = model.sample(400, generator=np.random.default_rng(0), sampler=sampler, steps=80)

    noise = circle(500, 0).mean(0) + circle(500, 0).std(0) * np.random.default_rng(0).standard_normal((400, 2))
    assert energy_distance(points, circle(400, 1)) < 0.01
    assert mean_distance(points, circle(400, 1)) < 0.4 * mean_distance(noise, circle(400, 1))


def test_the_same_seeds_give_the_same_points():
    one, other, third = (
        train_points(circle(100, 0), seed=seed, steps=5).sample(9, generator=np.random.default_rng(1), steps=3)
        for seed in (0, 0, 1)
    )

    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(one, third)


def test_the_way_from_noise_is_where_the_data_is():
    """In coordinates of the data: around its mean from the first state on."""
    model = train_points(circle(100, 0) + np.array([100, 0]), seed=0, steps=5)

    states = list(model.denoise(50, generator=np.random.default_rng(0), steps=4))

    assert [state.t for state in states] == samplers.uniform_times(4)[1:]
    assert all(95 < state.x[:, 0].mean() < 111 for state in states)
    np.testing.assert_array_equal(states[-1].x, model.sample(50, generator=np.random.default_rng(0), steps=4))


@pytest.mark.slow
@pytest.mark.parametrize("data", ["moons", "spirals"])
def test_moons_and_spirals_are_learned(data):
    def draw(n, seed):
        noise = {"moons": 0.06, "spirals": 0.02}[data]
        return getattr(nets.data, data)(n, noise=noise, generator=seed).points

    points = train_points(draw(5000, 0), seed=0).sample(2000, generator=np.random.default_rng(3))

    assert energy_distance(points, draw(2000, 1)) < 0.002
    assert mean_distance(points, draw(2000, 1)) < 1.5 * mean_distance(draw(2000, 2), draw(2000, 1))


# --- figures ---


def test_the_energy_distance_of_normal_distributions():
    """2 E|a - b| - E|a - a'| - E|b - b'| with E|N(m, s^2)| in closed form."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((3000, 1)), 5 + rng.standard_normal((3000, 1))
    between = 5.0012  # E|N(5, 2)|, of which 0 is 3.5 standard deviations away

    assert energy_distance(a, b) == pytest.approx(2 * between - 2 * 2 / np.sqrt(np.pi), rel=0.02)


def test_the_energy_distance_of_equal_distributions_is_about_zero():
    assert abs(energy_distance(circle(1500, 0), circle(1500, 1))) < 0.003


def test_the_mean_distance_is_to_the_nearest_point():
    assert mean_distance([[0, 1], [3, 0]], [[0, 0], [3, 3], [9, 9]]) == pytest.approx((1 + 3) / 2)


def test_an_energy_distance_needs_points():
    with pytest.raises(SettingError, match="at least 2 points each, got 1 and 2"):
        energy_distance([[0, 0]], [[0, 0], [1, 1]])


@pytest.mark.parametrize("points", [[], [1, 2], [[0, 0], [0, 1]], [[0, 0], [np.nan, 1]]])
def test_points_that_cannot_be_learned_are_errors(points):
    with pytest.raises(SettingError, match="points must be finite and differ"):
        train_points(points, seed=0)


# --- pictures ---


def test_a_point_is_drawn_where_it_is():
    picture = scatter([[1.0, 0.5]], size=40, extent=2)

    row, column = np.unravel_index(picture.argmax(), picture.shape)
    assert picture.dtype == np.uint8
    assert (column + 0.5) / 40 * 4 - 2 == pytest.approx(1.0, abs=0.06)
    assert 2 - (row + 0.5) / 40 * 4 == pytest.approx(0.5, abs=0.06)
    assert (picture > 0).sum() <= 25


def test_points_outside_are_not_drawn():
    assert not scatter([[9.0, 0.0], [0.0, -9.0]], size=40, extent=2).any()


def test_a_moving_point_moves_in_the_picture_by_less_than_a_pixel():
    one, other = (scatter([[x, 0.0]], size=40, extent=2).astype(int) for x in (0.0, 0.02))

    assert 0 < np.abs(one - other).max() < 64


def test_the_way_from_noise_becomes_a_moving_picture(tmp_path):
    states = [samplers.State(t, np.float32([[t, 0.0]]), np.zeros((1, 2), np.float32)) for t in (0.5, 0.0)]

    first, last = pictures = list(frames(states, size=40, extent=2))

    np.testing.assert_array_equal(first.pixels, scatter([[0.5, 0.0]], size=40, extent=2))
    assert first.seconds < last.seconds
    save(pictures, tmp_path / "points.gif")
    with Image.open(tmp_path / "points.gif") as gif:
        assert (gif.n_frames, gif.size) == (2, (40, 40))


@pytest.mark.parametrize(
    ("points", "view", "message"),
    [
        (np.zeros((3, 3)), {}, r"points must be finite, of shape \(n, 2\), got shape \(3, 3\)"),
        ([[0.0, np.nan]], {}, "points must be finite"),
        ([[0.0, 0.0]], {"size": 0}, "size and extent must be positive and finite, got 0 and 2.5"),
        ([[0.0, 0.0]], {"extent": np.nan}, "size and extent must be positive and finite, got 320 and nan"),
    ],
)
def test_what_cannot_be_shown_is_told(points, view, message):
    with pytest.raises(SettingError, match=message):
        scatter(points, **view)


def test_a_model_that_could_not_draw_is_refused_before_it_learns():
    with pytest.raises(SettingError, match="epsilon cannot be converted where alpha = 0"):
        train_points(circle(50, 0), seed=0, schedule="cosine", parametrization="epsilon")
