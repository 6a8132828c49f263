"""Frames: text and images that show the board, without any font of the system."""

import io
import time

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import ImageFont

from game2048 import Game2048Env, render

BOARD = np.array([[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 15, 16, 17]], np.uint8)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@given(hnp.arrays(np.uint8, (4, 4), elements=st.integers(0, 17)))
def test_coloured_text_without_its_colours_shows_all_numbers(board):
    text = render.without_colour(render.ansi_board(board, score=12))

    assert "\x1b" not in text
    assert text.split() == ["score", "12", *(str(2**e) for e in board.ravel().tolist() if e)]


def test_an_image_shows_every_exponent_in_its_own_way():
    frame = render.rgb_board(BOARD)
    step = render.CELL + render.GAP
    tiles = [frame[render.GAP + r * step :, render.GAP + c * step :][:85, :85].tobytes() for r, c in np.ndindex(4, 4)]

    assert frame.shape == (400, 400, 3)
    assert frame.dtype == np.uint8
    assert len(set(tiles)) == 16
    assert frame[4, 4].tolist() == [187, 173, 160]
    assert frame[20, 20].tolist() == [205, 193, 180]  # the empty cell
    np.testing.assert_array_equal(frame, render.rgb_board(BOARD))


def test_images_may_be_written_to():
    render.rgb_board(BOARD)[:] = 0

    assert render.rgb_board(BOARD).any()


def test_images_need_no_font_of_the_system(monkeypatch):
    """Pillow's own font comes from memory; a font by name would be searched on the system."""
    from_memory = ImageFont.truetype
    names = []

    def note_names(font, *arguments, **options):
        names.extend([font] if isinstance(font, str) else [])
        return from_memory(font, *arguments, **options)

    monkeypatch.setattr(ImageFont, "truetype", note_names)
    render._tile.cache_clear()

    assert render.rgb_board(BOARD).any()
    assert names == []


def test_numbers_stay_inside_their_tiles():
    for exponent in range(1, 18):
        tile = render._tile(exponent)
        border = np.concatenate([tile[30:55, :4], tile[30:55, -4:]])
        assert (border == tile[10, 10]).all()


def test_a_terminal_is_redrawn_in_place_and_in_time():
    terminal = Terminal()
    screen = render.Screen(fps=50, stream=terminal)

    start = time.monotonic()
    for _ in range(3):
        screen.show(render.ansi_board(BOARD, score=0))

    assert time.monotonic() - start >= 2 / 50
    assert terminal.getvalue().count("\x1b[13A") == 2


def test_a_file_gets_plain_frames_at_once():
    file = io.StringIO()
    screen = render.Screen(fps=0.01, stream=file)

    screen.show(render.ansi_board(BOARD))
    screen.show(render.ansi_board(BOARD))

    assert "\x1b" not in file.getvalue()
    assert file.getvalue().split().count("131072") == 2


def test_human_mode_prints_every_step(capsys):
    env = gym.make("Game2048-v0", render_mode="human")

    env.reset(seed=1, options={"board": [[1, 1, 0, 0], [0] * 4, [0] * 4, [0] * 4]})
    env.step(3)

    frames = capsys.readouterr().out.strip().split("\n\n")
    assert [frame.split()[:2] for frame in frames] == [["score", "0"], ["score", "4"]]
    assert env.render() is None


def test_render_modes_give_text_and_images():
    env = Game2048Env(render_mode="ansi")
    env.reset(seed=1)
    assert env.render() == render.ansi_board(env.board, score=0)

    env = Game2048Env(render_mode="rgb_array")
    env.reset(seed=1)
    np.testing.assert_array_equal(env.render(), render.rgb_board(env.board))


def test_rendering_without_a_mode_warns():
    env = Game2048Env()
    env.reset(seed=1)

    with pytest.warns(UserWarning, match="render_mode"):
        assert env.render() is None
