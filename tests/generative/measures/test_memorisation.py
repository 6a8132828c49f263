import numpy as np
import pytest

from generative.errors import SettingError
from generative.measures.calibration import first_of_each
from generative.measures.memorisation import copying, nearest
from tests.generative.judging import letters


def test_the_nearest_training_image_is_that_of_a_search_one_by_one():
    training = letters().train.images[:90]
    images = letters().test.images[:7] / np.float32(255)

    found = nearest(images, training)

    squares = np.square(images[:, None] - (training / 255)[None]).mean((2, 3))
    np.testing.assert_allclose(found.distances, squares.min(1), rtol=1e-4)
    np.testing.assert_allclose(found.found, training[squares.argmin(1)] / 255, atol=1e-6)


def test_the_search_goes_through_all_chunks(monkeypatch):
    training, images = letters().train.images[:90], letters().test.images[:7] / np.float32(255)
    whole = nearest(images, training)

    monkeypatch.setattr("generative.measures.memorisation.CHUNK", 8)

    np.testing.assert_array_equal(nearest(images, training).found, whole.found)


def test_copies_are_found_out():
    train, test = letters()
    real = nearest(first_of_each(test, 20)[0], train.images)

    copies = nearest(first_of_each(train, 20)[0], train.images)

    assert copying(real, real) == 1
    assert copying(copies, real) < 1e-6


def test_training_images_of_another_size_are_refused():
    with pytest.raises(SettingError, match=r"training must be images of the shape \(16, 16\), got \(3, 8, 8\)"):
        nearest(np.zeros((1, 16, 16), np.float32), np.zeros((3, 8, 8), np.uint8))
    with pytest.raises(SettingError, match="training must be images"):
        nearest(np.zeros((1, 16, 16), np.float32), np.zeros((0, 16, 16), np.uint8))
