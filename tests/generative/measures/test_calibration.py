import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from generative.errors import SettingError
from generative.measures.calibration import BLURRED, blur, calibrate, draw_of_each, first_of_each, reference, repeat
from tests.generative.judging import judge, letters


@pytest.mark.parametrize("sigma", [0.4, 0.7, 1.0, 2.5])
def test_the_blur_is_the_gaussian_filter_of_scipy(sigma):
    images = letters().test.images[:5] / 255

    blurred = blur(images, sigma)

    expected = gaussian_filter(images, (0, sigma, sigma), mode="constant", truncate=4.0)
    np.testing.assert_allclose(blurred, expected, atol=1e-6)


@pytest.mark.parametrize("sigma", [0, -1.0, float("nan")])
def test_a_blur_without_width_is_refused(sigma):
    with pytest.raises(SettingError, match="sigma must be above 0"):
        blur(np.zeros((1, 4, 4)), sigma)


def test_the_first_images_of_each_class_are_those_of_the_data_set():
    test = letters().test

    images, labels = first_of_each(test, 3)

    assert labels.tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    np.testing.assert_array_equal((images[3:6] * 255).round(), test.images[test.labels == 1][:3])


def test_drawn_images_are_different_ones_and_follow_from_the_seed():
    train = letters().train

    one, two = (draw_of_each(train, 20, np.random.default_rng(5))[0] for _ in range(2))
    other, labels = draw_of_each(train, 20, np.random.default_rng(6))

    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)
    assert len(np.unique(other.reshape(80, -1), axis=0)) == 80
    assert np.bincount(labels).tolist() == [20] * 4


@pytest.mark.parametrize("per_class", [0, 61])
def test_images_that_are_not_there_are_refused(per_class):
    with pytest.raises(SettingError, match=f"per_class must be from 1 to 60, the images of A, got {per_class}"):
        first_of_each(letters().test, per_class)


def test_repeated_images_are_the_first_of_each_class():
    images, labels = first_of_each(letters().test, 10)

    few = repeat(images, 10, 4)

    assert len(few) == len(labels)
    np.testing.assert_array_equal(few[10:14], images[10:14])
    np.testing.assert_array_equal(few[14:18], images[10:14])


def test_calibrations_tell_good_from_bad():
    """Whatever one wants to know, one of them is bad at it."""
    split = letters()

    known = calibrate(split, reference(split, 60, judge()), 1, judge())

    real, blurred, soft, repeated = known.values()
    assert list(known)[1] == BLURRED
    assert blurred is known[BLURRED]
    assert real.frechet < blurred.frechet < soft.frechet
    assert blurred.sharpness < 0.5 * real.sharpness
    assert repeated.coverage < 0.8 * real.coverage
    assert repeated.recall == 0


def test_the_same_seed_gives_the_same_figures():
    split, one = letters(), judge()
    real = reference(split, 20, one)

    assert calibrate(split, real, 1, one) == calibrate(split, real, 1, one)
