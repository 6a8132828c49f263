"""Texts become frames: legible in the end, the same for the same seed, the first one soon."""

import inspect
import time

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from generative import animate
from generative.errors import SettingError, TextError
from generative.writing import page
from generative.writing.alphabet import Alphabet
from generative.writing.layout import CAPITAL
from generative.writing.sentences import Style, duration, write
from tests.generative.drawn_letters import DenoisedLetters, SuddenLetters

LETTERS = Alphabet(DenoisedLetters())


def frames(text, seed=1, alphabet=LETTERS, **style):
    return list(write(text, alphabet, seed=seed, style=Style(**style)))


def still(text, **style):
    (frame,) = frames(text, seconds=0, **style)
    return frame.pixels


def words(pixels, least=12):
    """Return how many stretches of ink there are, at least so many empty columns apart."""
    inked = np.flatnonzero(pixels.any(0))
    return 1 + int((np.diff(inked) > least).sum())


# --- what is shown ---


def test_frames_are_of_one_size_and_the_last_is_held():
    shown = frames("Hi!", fps=10, seconds=1.5, hold=3.0)

    assert len(shown) == 15
    assert {frame.pixels.shape for frame in shown} == {shown[0].pixels.shape}
    assert [frame.seconds for frame in shown] == [0.1] * 14 + [3.0]
    assert all(frame.pixels.dtype == np.uint8 for frame in shown)


def test_the_last_frame_is_the_still_picture():
    assert_array_equal(frames("Hello, 2 worlds")[-1].pixels, still("Hello, 2 worlds"))


def test_a_finished_sheet_is_ink_on_clean_paper_with_margins():
    pixels = still("HELLO\nWORLD")
    margin = round(0.6 * page.MARGIN * 3)

    assert pixels.max() == 255
    assert not pixels[:margin].any()
    assert not pixels[-margin:].any()
    assert not pixels[:, :margin].any()
    assert not pixels[:, -margin:].any()
    assert 0.03 < (pixels > 128).mean() < 0.3
    assert (pixels == 0).mean() > 0.6


def test_letters_finish_from_left_to_right():
    shown = frames("HHHHHHHHHHHH")
    last = shown[-1].pixels.astype(int)
    thirds = np.array_split(np.arange(last.shape[1]), 3)

    def finished(part):
        return next(i for i, f in enumerate(shown) if np.abs(f.pixels[:, part] - last[:, part]).max() == 0)

    assert finished(thirds[0]) < finished(thirds[1]) < finished(thirds[2])


def test_the_first_frame_is_noise_where_letters_will_be():
    first = frames("HELLO")[0].pixels

    assert 0.02 < (first > 0).mean() < 0.6


def test_spaces_part_words():
    assert words(still("AB CD EF")) == 3


def test_every_line_is_on_its_own_rows():
    lines = still("AB\n\nCD", scale=2)

    inked = np.flatnonzero(lines.any(1))
    assert (np.diff(inked) > 20).sum() == 1


@pytest.mark.parametrize("text", ["a", ".", "-", "I", "@", "MMMMMMMMMMMMMMMMMMMM", "...!!!???", "'", "g\ng", "(/)#"])
def test_odd_texts_fit_on_their_sheet(text):
    pixels = still(text)

    assert pixels.any()
    assert not pixels[[0, -1]].any()
    assert not pixels[:, [0, -1]].any()


def test_case_is_kept_or_made():
    assert_array_equal(still("Hello", case="upper"), still("HELLO"))
    assert_array_equal(still("Hello", case="lower"), still("hello"))
    assert not np.array_equal(still("hello"), still("HELLO"))


def test_a_narrow_sheet_has_more_lines():
    wide, narrow = still("one two three four", columns=30), still("one two three four", columns=6)

    assert narrow.shape[0] > 2 * wide.shape[0]
    assert narrow.shape[1] < wide.shape[1]


def test_scale_enlarges():
    small, large = still("Hi", scale=1), still("Hi", scale=4)

    np.testing.assert_allclose(large.shape, 4 * np.array(small.shape), atol=4)


def test_a_model_without_steps_can_be_watched_as_well():
    shown = frames("Hi", alphabet=Alphabet(SuddenLetters()))

    ink = [int(frame.pixels.sum()) for frame in shown]
    assert ink[0] < ink[len(ink) // 2] < ink[-1]


# --- seeds ---


def test_the_same_seed_gives_the_same_frames():
    for one, same in zip(frames("Hello 1!"), frames("Hello 1!"), strict=True):
        assert_array_equal(one.pixels, same.pixels)


def test_another_seed_gives_other_letters():
    assert not np.array_equal(frames("AAAA", seed=1)[0].pixels, frames("AAAA", seed=2)[0].pixels)


@pytest.mark.parametrize("suffix", [".gif", ".png"])
def test_the_same_seed_gives_the_same_file(tmp_path, suffix):
    for name in ("one", "other"):
        animate.save(write("Dear you, 50 %!", LETTERS, seed=5), tmp_path / f"{name}{suffix}")

    assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"other{suffix}").read_bytes()


def test_a_later_word_leaves_the_lines_before_it_alone():
    before, after = still("one two\nthree", columns=20, scale=1), still("one two\nfives", columns=20, scale=1)
    above = round(page.MARGIN + CAPITAL)

    width = min(before.shape[1], after.shape[1])
    assert_array_equal(before[:above, :width], after[:above, :width])
    assert not np.array_equal(before[above:, :width], after[above:, :width])


# --- streaming ---


def test_only_what_is_shown_is_drawn():
    model = DenoisedLetters()
    stream = write("abcdefgh " * 100, Alphabet(model), seed=1)
    assert inspect.isgenerator(stream)
    assert not model.calls

    next(stream)

    assert sum(model.calls) < 200


def test_the_first_frame_comes_soon():
    list(write("A", LETTERS))  # what is loaded once, is
    start = time.process_time()
    stream = write("Twenty letters are it", LETTERS, seed=1)
    next(stream)
    first = time.process_time() - start
    list(stream)

    assert first < 0.3
    assert time.process_time() - start < 2.0


def test_the_longest_text_is_written():
    text = "The quick brown fox jumps. " * 74

    pixels = still(text)

    assert pixels.size < 3_000_000
    assert pixels.shape[0] < pixels.shape[1] < 3 * pixels.shape[0]
    assert (pixels > 128).mean() > 0.03


def test_a_longer_text_takes_longer_but_not_forever():
    times = [duration(n) for n in range(1, 2001)]

    assert times[0] == 1.5
    assert times == sorted(times)
    assert times[-1] == 8.0


# --- errors ---


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "not a space"), ("  \n ", "not a space"), ("x" * 10_000, "at most 2,000"), ("na\u00efve", "position 3")],
)
def test_a_text_that_cannot_be_written_is_an_error_at_once(text, message):
    with pytest.raises(TextError, match=message):
        write(text, LETTERS)


@pytest.mark.parametrize(
    ("style", "message"),
    [
        ({"scale": 0.1}, "scale must be from 0.5 to 16, got 0.1"),
        ({"scale": float("nan")}, "scale"),
        ({"fps": 0}, "fps must be from 1 to 50, got 0"),
        ({"seconds": -1}, "seconds must be from 0 to 60, got -1"),
        ({"hold": 61}, "hold must be from 0 to 60, got 61"),
        ({"case": "title"}, "case must be keep, upper or lower, got 'title'"),
    ],
)
def test_styles_have_ranges(style, message):
    with pytest.raises(SettingError, match=message):
        Style(**style)


def test_a_sheet_that_is_too_large_is_an_error():
    with pytest.raises(SettingError, match="scale must be smaller for this text: 16 gives"):
        write("word " * 300, LETTERS, style=Style(scale=16))


def test_a_negative_seed_is_an_error():
    with pytest.raises(SettingError, match="seed must not be negative, got -1"):
        write("A", LETTERS, seed=-1)
