"""Small images become ink on a large sheet."""

import numpy as np
import pytest

from generative.writing.ink import enlarge, ink, stroke_width
from tests.generative.drawn_letters import DenoisedLetters

LETTERS = DenoisedLetters().images[:26, 0]


def bar(width):
    image = np.zeros((28, 28), np.float32)
    image[:, 14 - width // 2 : 14 - width // 2 + width] = 1
    return image


@pytest.mark.parametrize("size", [0.5, 1.0, 2.5, 4.0])
def test_enlarging_keeps_the_share_of_ink(size):
    large = enlarge(LETTERS, size, (0.0, 0.0))

    assert large.shape[1:] == (round(28 * size), round(28 * size))
    np.testing.assert_allclose(large.sum((1, 2)) / size**2, LETTERS.sum((1, 2)), rtol=0.01)


def test_at_its_own_size_an_image_stays_as_it_is():
    np.testing.assert_allclose(enlarge(LETTERS, 1.0, (0, 0)), LETTERS, atol=1e-6)


def test_an_offset_moves_by_parts_of_a_pixel():
    def centre(image):
        return (image.sum(0) * np.arange(image.shape[1])).sum() / image.sum()

    still, moved = enlarge(LETTERS[:1], 3.0, (0, 0))[0], enlarge(LETTERS[:1], 3.0, (0, 0.5))[0]

    assert centre(moved) - centre(still) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("width", [2, 4, 6])
def test_the_width_of_strokes_is_measured(width):
    assert stroke_width(bar(width)) == pytest.approx(width, rel=0.05)


def test_paper_stays_white_and_strokes_become_black():
    for size in (0.8, 1.0, 3.0):
        drawn = ink(LETTERS[:1], size, (0.3, 0.7), size)[0]

        assert (drawn == 0).mean() > 0.5
        assert drawn.max() == 255


def test_edges_are_sharper_than_those_of_the_enlarged_image():
    soft = enlarge(LETTERS, 4.0, (0, 0))
    drawn = np.stack([ink(image[None], 4.0, (0, 0), 4.0)[0] for image in LETTERS]) / 255

    def grey(images):
        return ((images > 0.1) & (images < 0.9)).mean()

    assert grey(drawn) < 0.6 * grey(soft)


def test_thin_and_thick_strokes_come_nearer_to_one_another():
    def blurred(width):
        kernel = np.array([0.25, 0.5, 0.25])
        return np.apply_along_axis(lambda row: np.convolve(row, kernel, "same"), 1, bar(width)).astype(np.float32)

    thin, thick = (
        stroke_width(ink(blurred(width)[None], 3.0, (0, 0), 3.0)[0] / np.float32(255)) / 3 for width in (2, 5)
    )

    assert thick - thin < 0.85 * 3


def test_stages_are_drawn_like_the_last_one():
    stages = np.stack([0.5 * LETTERS[0], LETTERS[0]])

    drawn = ink(stages, 3.0, (0, 0), 3.0)

    np.testing.assert_array_equal(drawn[-1], ink(LETTERS[:1], 3.0, (0, 0), 3.0)[0])
    assert drawn[0].sum() < drawn[1].sum()
