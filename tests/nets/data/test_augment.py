"""Random variations of images: each kernel against its twin, and what each variation does to an image."""

import numpy as np
import pytest
from scipy import ndimage

from nets.data import Compose, ElasticDistortion, GaussianNoise, RandomAffine
from nets.data.distortion import inverse_maps, offsets
from nets.data.warp import blur, smooth, warp_affine, warp_elastic
from nets.errors import ArgumentError, DtypeError, ShapeError
from tests.nets.data import twins

TOLERANCE = {np.float32: {"rtol": 1e-5, "atol": 1e-5}, np.float64: {"rtol": 1e-10, "atol": 1e-10}}
DTYPES = [np.float32, np.float64]
ALL = [
    lambda seed: RandomAffine(shift=2, rotation=15, scale=0.2, shear=0.2, generator=seed),
    lambda seed: ElasticDistortion(generator=seed),
    lambda seed: ElasticDistortion(affine=RandomAffine(shift=1, generator=seed), generator=seed),
    lambda seed: GaussianNoise(0.2, generator=seed),
]


def disc(size=28):
    """A bright disc off the middle: at (9, 16) with radius 4."""
    y, x = np.mgrid[:size, :size]
    return (np.hypot(y - 9, x - 16) < 4).astype(np.float32)


# --- kernels against their twins ---


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_affine_kernel_is_its_twin(dtype):
    random = np.random.default_rng(0)
    images = random.random((3, 9, 12)).astype(dtype)
    maps = random.normal(0, 1, (20, 2, 3)).astype(dtype)
    maps[:, :, 2] *= 4
    index = random.integers(0, 3, 20)
    y, x = offsets(7, dtype), offsets(10, dtype)
    out = np.empty((20, 7, 10), dtype)

    warp_affine(images, index, maps, y, x, out)

    expected = twins.warp(images.astype(float), index, maps.astype(float), y, x)
    np.testing.assert_allclose(out, expected, **TOLERANCE[dtype])
    assert 0.2 < (out == 0).mean() < 0.8


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_elastic_kernel_is_its_twin(dtype):
    random = np.random.default_rng(1)
    images = random.random((4, 9, 12)).astype(dtype)
    index, y, x = np.arange(4), offsets(9, dtype), offsets(12, dtype)
    maps = (np.eye(2, 3) + random.normal(0, 0.1, (4, 2, 3))).astype(dtype)
    field = random.normal(0, 2, (4, 2, 9, 12)).astype(dtype)
    out = np.empty_like(images)

    warp_elastic(images, index, maps, y, x, field, out)

    expected = twins.warp(images.astype(float), index, maps.astype(float), y, x, field.astype(float))
    np.testing.assert_allclose(out, expected, **TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_smoothing_kernel_is_two_matrix_products(dtype):
    random = np.random.default_rng(2)
    noise = random.integers(-255, 256, (3, 5, 6)).astype(np.int16)
    left, right = random.random((7, 5)).astype(dtype), random.random((6, 32)).astype(dtype)
    out = np.empty((3, 7, 9), dtype)

    smooth(noise, left, right, out)

    expected = (left.astype(float) @ noise @ right.astype(float))[:, :, :9]
    np.testing.assert_allclose(out, expected, **TOLERANCE[dtype] | {"atol": 1e-3 if dtype == np.float32 else 1e-9})


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_blurring_kernel_is_its_twin(dtype):
    random = np.random.default_rng(3)
    images = random.random((5, 9, 6)).astype(dtype)
    sigmas = np.array([0, 0.01, 0.5, 1, 2], dtype)
    out = np.empty_like(images)

    blur(images, sigmas, 7, out)  # further than the images are wide

    np.testing.assert_allclose(out, twins.blur(images.astype(float), sigmas, 7), **TOLERANCE[dtype])


@pytest.mark.parametrize("make", ALL)
def test_a_pixel_that_is_no_number_stays_one(make):
    images = np.zeros((1, 28, 28), np.float32)
    images[0, 14, 14] = np.nan

    assert np.isnan(make(0)(images)).any()


def test_a_map_that_is_no_number_shows_paper():
    image = np.ones((1, 4, 4), np.float32)
    out = np.empty_like(image)

    warp_affine(image, np.array([0]), np.full((1, 2, 3), np.nan, np.float32), *[offsets(4, np.float32)] * 2, out)

    assert (out == 0).all()


# --- what the variations do ---


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3, 28, 28), (3, 1, 20, 24), (2, 3, 9, 7)])
def test_shape_and_dtype_are_kept_and_the_given_images_too(make, dtype, shape):
    images = np.random.default_rng(0).random(shape).astype(dtype)
    before = images.copy()

    out = make(0)(images)

    assert (out.shape, out.dtype) == (shape, dtype)
    np.testing.assert_array_equal(images, before)
    assert not np.array_equal(out, before)
    assert out.min() >= 0
    assert out.max() <= 1 + 1e-6


@pytest.mark.parametrize("make", ALL)
def test_the_seed_decides_bit_for_bit(make):
    images = np.stack([disc()] * 4)
    transform, same = make(7), make(7)

    first, second = transform(images), transform(images)

    np.testing.assert_array_equal(same(images), first)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first[0], first[1])


@pytest.mark.parametrize("make", ALL)
def test_a_saved_state_continues(make):
    images = np.stack([disc()] * 4)
    transform, other = make(1), make(2)
    transform(images)

    other.load_state_dict(transform.state_dict())

    np.testing.assert_array_equal(other(images), transform(images))


def test_the_channels_of_an_image_vary_together():
    images = np.stack([np.stack([disc(), disc()])] * 3)
    for make in ALL[:3]:
        out = make(0)(images)
        np.testing.assert_array_equal(out[:, 0], out[:, 1])


def test_no_variation_leaves_an_image_as_it_is():
    images = np.random.default_rng(0).random((2, 8, 9))

    np.testing.assert_allclose(RandomAffine(generator=0)(images), images, atol=1e-12)
    np.testing.assert_allclose(ElasticDistortion(alpha=0, generator=0)(images), images, atol=1e-12)
    np.testing.assert_allclose(GaussianNoise(0, generator=0)(images), images)
    assert Compose()(images) is images


def centre(image):
    return np.array(ndimage.center_of_mass(image))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"shift": (3, -2)}, (12, 14)),
        ({"radians": np.pi / 2}, (16, 18)),  # clockwise: what was up is right
        ({"scale": (1.5, 0.5)}, (13.5 - 6.75, 13.5 + 1.25)),
        ({"shear": 1}, (9, 16 + 4.5)),  # what is above the middle goes right
    ],
)
def test_each_amount_moves_a_disc_where_it_should(change, expected):
    amounts = {"shift": (0, 0), "radians": 0, "scale": (1, 1), "shear": 0} | change
    maps = inverse_maps(
        **{
            name: tuple(map(np.atleast_1d, v)) if isinstance(v, tuple) else np.atleast_1d(v)
            for name, v in amounts.items()
        }
    )
    y = offsets(28, float)
    out = np.empty((1, 28, 28))

    warp_affine(disc()[None].astype(float), np.array([0]), maps, y, y, out)

    np.testing.assert_allclose(centre(out[0]), expected, atol=0.1)


def test_maps_undo_what_they_describe():
    """p = S^-1 H^-1 R^-1 (q - t), with the matrices multiplied out by NumPy."""
    c, s = np.cos(0.3), np.sin(0.3)
    forward = np.array([[c, s], [-s, c]]) @ np.array([[1, 0], [-0.2, 1]]) @ np.diag([1.1, 0.9])
    one = np.ones(1)

    m = inverse_maps(shift=(3 * one, -2 * one), radians=0.3 * one, scale=(1.1 * one, 0.9 * one), shear=0.2 * one)[0]

    np.testing.assert_allclose(m[:, :2] @ forward, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(m[:, :2] @ [3, -2] + m[:, 2], 0, atol=1e-12)


def test_amounts_are_drawn_within_their_bounds():
    maps = RandomAffine(shift=2, generator=0).maps(1000)
    assert np.abs(maps[:, :, 2]).max() <= 2
    assert np.abs(maps[:, :, 2]).max() > 1.9

    scales = 1 / RandomAffine(scale=0.25, generator=0).maps(1000)[:, [0, 1], [0, 1]]
    np.testing.assert_allclose([scales.min(), scales.max()], [0.75, 1.25], atol=0.01)

    turned = RandomAffine(rotation=30, generator=0).maps(1000)
    angles = np.rad2deg(np.arctan2(turned[:, 1, 0], turned[:, 0, 0]))
    np.testing.assert_allclose([angles.min(), angles.max()], [-30, 30], atol=0.2)


def test_the_field_has_the_strength_and_the_smoothness_of_the_paper():
    """Compared with noise at each pixel, filtered by SciPy."""
    field = ElasticDistortion(alpha=34, sigma=4, generator=0).field(4000, 28, 28)
    noise = np.random.default_rng(0).uniform(-1, 1, (400, 60, 60))
    expected = 34 * ndimage.gaussian_filter(noise, (0, 4, 4))[:, 16:44, 16:44]

    np.testing.assert_allclose(field.std(0).mean(), expected.std(), rtol=0.03)
    np.testing.assert_allclose(field.std(0), expected.std(), rtol=0.08)  # the same everywhere
    assert abs(field.mean()) < 0.02
    for lag in (1, 4, 8):
        correlation = (field[..., lag:] * field[..., :-lag]).mean() / field.var()
        np.testing.assert_allclose(correlation, np.exp(-(lag**2) / 64), atol=0.03)
    assert abs((field[:, 0] * field[:, 1]).mean()) < 0.03  # both directions are independent


@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.5, 40.0])
def test_the_field_takes_any_stiffness(sigma):
    field = ElasticDistortion(alpha=10, sigma=sigma, generator=0).field(2000, 12, 9)

    reach = np.arange(-300, 301)
    bump = np.exp(-0.5 * (reach / sigma) ** 2)
    np.testing.assert_allclose(field.std(), 10 / np.sqrt(3) * (bump**2).sum() / bump.sum() ** 2, rtol=0.1)


def test_noise_has_its_standard_deviation_and_stays_within_brightness():
    noisy = GaussianNoise(0.1, generator=0)(np.full((10, 28, 28), 0.5, np.float32))

    np.testing.assert_allclose(noisy.std(), 0.1, rtol=0.05)
    extreme = GaussianNoise(3, generator=0)(np.zeros((1, 28, 28)))
    assert (extreme.min(), extreme.max()) == (0, 1)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: RandomAffine(shift=-1, generator=0), "shift must be finite and not negative, got -1"),
        (lambda: RandomAffine(rotation=np.inf, generator=0), "rotation must be finite"),
        (lambda: RandomAffine(scale=1, generator=0), r"scale must be in \[0, 1\), got 1"),
        (lambda: RandomAffine(shear=np.nan, generator=0), "shear must be finite and not negative, got nan"),
        (lambda: ElasticDistortion(alpha=-1, generator=0), "alpha"),
        (lambda: ElasticDistortion(sigma=0, generator=0), "sigma must be positive and finite, got 0"),
        (lambda: GaussianNoise(-0.1, generator=0), "sigma"),
    ],
)
def test_impossible_amounts_are_refused(make, said):
    with pytest.raises(ArgumentError, match=said):
        make()


@pytest.mark.parametrize("make", ALL)
def test_images_that_do_not_fit_are_refused(make):
    with pytest.raises(DtypeError, match="float32 or float64, got uint8; as_float makes them"):
        make(0)(np.zeros((1, 28, 28), np.uint8))
    with pytest.raises(ShapeError, match=r"got \(28, 28\)"):
        make(0)(np.zeros((28, 28), np.float32))


@pytest.mark.parametrize("make", ALL)
def test_an_empty_batch_stays_empty(make):
    assert make(0)(np.zeros((0, 1, 28, 28), np.float32)).shape == (0, 1, 28, 28)
