"""Texts that can be written are; others say why not."""

import string

import pytest

from generative.errors import TextError
from generative.writing.text import MARKS, VARIANTS, clean

ALLOWED = frozenset(string.ascii_letters + string.digits + MARKS)


@pytest.mark.parametrize("text", ["", " ", "\n \t\n", "\u00a0"])
def test_nothing_to_write_is_an_error(text):
    with pytest.raises(TextError, match="must have a character that is not a space"):
        clean(text, ALLOWED)


def test_two_thousand_characters_are_enough():
    assert len(clean("a" * 2000, ALLOWED)) == 2000
    for n in (2001, 10_000):
        with pytest.raises(TextError, match=f"at most 2,000 characters, got {n:,}"):
            clean("a" * n, ALLOWED)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("caf\u00e9", r"'\u00e9' \(U\+00E9, LATIN SMALL LETTER E WITH ACUTE\) at position 4"),
        ("cafe\u0301", r"'\u00e9' \(U\+00E9, LATIN SMALL LETTER E WITH ACUTE\) at position 4"),
        ("A\u4f60", r"U\+4F60.* at position 2"),
        ("a\x00b", r"character that \(U\+0000, no name\) at position 2"),
        ("1 < 2", r"'<' \(U\+003C, LESS-THAN SIGN\) at position 3"),
    ],
)
def test_an_unknown_character_is_named_with_its_place_and_what_is_allowed(text, named):
    with pytest.raises(TextError, match=named) as caught:
        clean(text, ALLOWED)

    assert "allowed are spaces, new lines and 0-9 A-Z a-z" in str(caught.value)


def test_other_quotation_marks_dashes_and_ends_of_lines_become_the_usual_ones():
    text = "\u201cIt\u2019s\u201d \u2013 so\u2026\r\nno\tyes\u00a0\u2212\u2028end\n\n"

    assert clean(text, ALLOWED) == '"It\'s" - so...\nno    yes -\nend'


def test_everything_that_stands_for_something_else_can_be_drawn():
    assert set("".join(VARIANTS.values())) <= ALLOWED | set(" \n")
