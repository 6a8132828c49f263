"""Texts become lines, and ink becomes positions."""

import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generative.errors import GenerativeError, SettingError, TextError
from generative.writing import layout
from generative.writing.layout import CAPITAL, GAP, LEAST_GAP, OVERLAP, SPACE, advance, line_positions, wrap, zone
from generative.writing.text import MARKS, clean

ALLOWED = frozenset(string.ascii_letters + string.digits + MARKS)
TEXTS = st.text(st.sampled_from(sorted(ALLOWED) + [" "] * 20 + ["\n"] * 3), min_size=1, max_size=300)
ROWS = 20


# --- lines ---


@given(text=TEXTS, columns=st.integers(4, 200))
def test_wrapping_keeps_every_character_and_fits(text, columns):
    try:
        cleaned = clean(text, ALLOWED)
        lines = wrap(cleaned, columns)
    except GenerativeError:
        return

    assert "".join("".join(lines).split()) == "".join(cleaned.split())
    assert all(layout.usual_width(line) <= columns * layout.COLUMN for line in lines)


def test_words_stay_whole_where_they_fit():
    assert wrap("the quick brown fox", 8) == ["the quick", "brown fox"]


def test_a_word_longer_than_a_line_is_broken():
    lines = wrap("M" * 20, 4)

    assert len(lines) > 4
    assert "".join(lines) == "M" * 20


def test_new_lines_and_empty_lines_stay():
    assert wrap("a\n\nb c", 20) == ["a", "", "b c"]


def test_too_many_lines_are_an_error():
    with pytest.raises(TextError, match="at most 120 lines, got 121"):
        wrap("\n".join("a" * 121), 20)


@pytest.mark.parametrize("columns", [3, 0, -1, 201])
def test_columns_have_a_range(columns):
    with pytest.raises(SettingError, match=f"from 4 to 200 letters, got {columns}"):
        wrap("a", columns)


@given(st.integers(1, 2000))
def test_a_long_text_becomes_a_block(n):
    columns = layout.columns_for("e" * n)

    assert 20 <= columns <= 64


# --- heights ---


def test_letters_have_the_heights_of_handwriting():
    assert all(zone(c).height == CAPITAL and zone(c).bottom == 0 for c in string.ascii_uppercase + string.digits)
    assert all(zone(c).top < 0.7 * CAPITAL and zone(c).bottom == 0 for c in "acemnorsuvwxz")
    assert all(zone(c).top == CAPITAL and zone(c).bottom == 0 for c in "bdfhkl")
    assert all(zone(c).bottom < 0 for c in "gjpqy")


# --- distances ---


def outlines(shape):
    """Return left and right outline of ink given as rows of (first, last), or None."""
    left = np.array([np.inf if row is None else row[0] for row in shape], float)
    right = np.array([-np.inf if row is None else row[1] for row in shape], float)
    return left, right


STEM = outlines([(0, 4)] * ROWS)
TRIANGLE = outlines([(10 - i / 2, 10 + i / 2) for i in range(ROWS)])  # A
WEDGE = outlines([(i / 2, 20 - i / 2) for i in range(ROWS)])  # V
DOT = outlines([None] * (ROWS - 3) + [(0, 3)] * 3)
HIGH = outlines([(0, 3)] * 3 + [None] * (ROWS - 3))


def gap(a, b, width):
    """The least distance of the ink in any row."""
    distances = advance(a[1], b[0], width) + b[0] - a[1]
    return distances[np.isfinite(distances)].min()


def test_straight_stems_stand_at_the_usual_gap():
    assert gap(STEM, STEM, 4) == pytest.approx(GAP)


def test_letters_that_lean_alike_stand_nearer_than_their_boxes():
    assert advance(WEDGE[1], TRIANGLE[0], 20) < 20 + GAP
    assert advance(WEDGE[1], TRIANGLE[0], 20) < advance(TRIANGLE[1], STEM[0], 20)


@pytest.mark.parametrize("a", [STEM, TRIANGLE, WEDGE, DOT, HIGH])
@pytest.mark.parametrize("b", [STEM, TRIANGLE, WEDGE, DOT, HIGH])
def test_ink_never_touches(a, b):
    width = a[1].max()

    step = advance(a[1], b[0], width)

    together = np.isfinite(a[1]) & np.isfinite(b[0])
    assert (step + b[0][together] - a[1][together] >= LEAST_GAP - 1e-9).all()
    assert step >= (1 - OVERLAP) * width - 1e-9


def test_ink_at_different_heights_stands_side_by_side():
    assert advance(HIGH[1], DOT[0], 3) == 3 + GAP


def test_spaces_widen_and_keep_words_apart():
    def positions(line):
        return line_positions([WEDGE[1], TRIANGLE[1]], [WEDGE[0], TRIANGLE[0]], [20, 20], line)

    assert positions("VA")[1] < 20
    assert positions("V A")[1] >= 20 - 1 + SPACE
    assert positions("V  A")[1] == positions("V A")[1] + SPACE
    assert positions("  VA")[0] == 2 * SPACE


def test_an_indent_stays_where_other_lines_have_none():
    assert wrap("one\n  two three", 8) == ["one", "  two", "three"]
    assert wrap("  one", 8) == ["one"]
    assert wrap("a\n" + 40 * " " + "bc", 4) == ["a", "   bc"]
