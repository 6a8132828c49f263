"""Digits and punctuation are written with a pen."""

import string

import numpy as np
import pytest

from generative.errors import TextError
from generative.writing.layout import CAPITAL
from generative.writing.strokes import PEN, write
from generative.writing.text import MARKS


def written(character, seed=0, n_stages=4, **options):
    return write(character, generator=np.random.default_rng(seed), n_stages=n_stages, **options)


@pytest.mark.parametrize("character", sorted(string.digits + MARKS))
def test_ink_is_whole_within_the_image(character):
    last = written(character).stages[-1]

    assert last.shape == (28, 28)
    assert last.dtype == np.float32
    assert last.max() > 0.9
    assert not last[[0, -1]].any()
    assert not last[:, [0, -1]].any()


@pytest.mark.parametrize("character", sorted(string.digits))
def test_digits_are_as_high_as_capitals(character):
    for seed in range(5):
        drawn = written(character, seed)
        rows = np.flatnonzero(drawn.stages[-1].any(1))

        assert (rows[-1] - rows[0] + 1) * drawn.scale == pytest.approx(CAPITAL, rel=0.15)
        assert abs(drawn.bottom) < 2


def test_no_two_are_alike_but_for_the_same_seed():
    one, same, other = written("5", 1), written("5", 1), written("5", 2)

    np.testing.assert_array_equal(one.stages, same.stages)
    assert np.abs(one.stages[-1] - other.stages[-1]).mean() > 0.005


def test_the_pen_moves_at_an_even_speed():
    ink = written("8", n_stages=10).stages.sum((1, 2))

    steps = np.diff(ink)
    assert (steps > 0).all()
    assert steps.max() < 2 * steps.mean()


def test_large_characters_are_drawn_smaller_with_a_finer_pen():
    slash, minus = written("/"), written("-")

    assert slash.scale > 1.2
    assert minus.scale == 1
    thickness = [np.count_nonzero(minus.stages[-1][:, x] > 0.5) for x in (12, 14, 16)]
    assert all(abs(n - PEN) <= 1.5 for n in thickness)


def test_images_may_have_other_sizes():
    assert written("3", size=20).stages.shape == (4, 20, 20)


def test_what_the_font_lacks_is_an_error():
    with pytest.raises(TextError, match="no strokes for the character '\u00e9'"):
        written("\u00e9")
