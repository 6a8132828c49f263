"""Frames become files: all of them, at their times, or nothing."""

import sys
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from generative import animate
from generative.animate import COLOURS, Frame, check_path, moving, save
from generative.errors import SettingError


def frames(n=5, height=21, width=35):
    """A bar that moves to the right, shown 70 ms a frame and 2 s at the end."""
    for k in range(n):
        pixels = np.zeros((height, width), np.uint8)
        pixels[4:17, 3 * k + 2 : 3 * k + 8] = 255
        yield Frame(pixels, 0.07 if k < n - 1 else 2.0)


def read(path):
    """Return all frames as colours, and how long each is shown in ms."""
    with Image.open(path) as image:
        shown = []
        for k in range(getattr(image, "n_frames", 1)):
            image.seek(k)
            shown.append((np.asarray(image.convert("RGB")).copy(), image.info.get("duration")))
    return shown


@pytest.mark.parametrize("suffix", [".gif", ".apng"])
@pytest.mark.parametrize("fps", [30, 40, 48])
def test_what_is_rounded_of_times_does_not_add_up(tmp_path, suffix, fps):
    changing = (Frame(np.full((3, 4), 5 * k, np.uint8), 1 / fps) for k in range(48))
    save(changing, tmp_path / f"a{suffix}")

    assert sum(time for _, time in read(tmp_path / f"a{suffix}")) == pytest.approx(48_000 / fps, abs=5)


@pytest.mark.parametrize("suffix", [".gif", ".apng"])
def test_every_frame_is_kept_for_its_time(tmp_path, suffix):
    save(frames(), tmp_path / f"a{suffix}")

    shown = read(tmp_path / f"a{suffix}")
    assert [round(time) for _, time in shown] == [70, 70, 70, 70, 2000]
    for (pixels, _), frame in zip(shown, frames(), strict=True):
        np.testing.assert_array_equal(pixels, animate.coloured(frame.pixels, COLOURS["paper"]))


def test_moving_pictures_are_played_again_and_again(tmp_path):
    save(frames(), tmp_path / "a.gif")

    with Image.open(tmp_path / "a.gif") as image:
        assert image.info["loop"] == 0


def test_a_png_is_the_last_frame(tmp_path):
    save(frames(), tmp_path / "a.png")

    (shown,) = read(tmp_path / "a.png")
    *_, last = frames()
    np.testing.assert_array_equal(shown[0], animate.coloured(last.pixels, COLOURS["paper"]))


def test_a_frame_alone_is_a_png_of_as_many_levels_as_are_asked_for():
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)

    with Image.open(BytesIO(animate.png(Frame(pixels, 1.0), COLOURS["white"], levels=256))) as image:
        assert image.format == "PNG"
        np.testing.assert_array_equal(np.asarray(image.convert("L")), 255 - pixels)
    with Image.open(BytesIO(animate.png(Frame(pixels, 1.0)))) as image:
        assert len(image.convert("RGB").getcolors()) == animate.GREYS


@pytest.mark.parametrize("name", sorted(COLOURS))
def test_paper_and_ink_have_their_colours(tmp_path, name):
    save(frames(), tmp_path / "a.gif", colours=COLOURS[name])

    pixels = read(tmp_path / "a.gif")[0][0]
    assert tuple(pixels[0, 0]) == COLOURS[name].paper
    assert tuple(pixels[10, 4]) == COLOURS[name].ink


@pytest.mark.parametrize("suffix", [".gif", ".png", ".apng"])
def test_same_frames_give_the_same_file(tmp_path, suffix):
    one, other = tmp_path / f"one{suffix}", tmp_path / f"other{suffix}"

    save(frames(), one)
    save(list(frames()), other)

    assert one.read_bytes() == other.read_bytes()


def test_a_gif_has_few_greys(tmp_path):
    ramp = np.tile(np.arange(256, dtype=np.uint8), (8, 1))

    save([Frame(ramp, 1.0)], tmp_path / "a.gif")

    pixels = read(tmp_path / "a.gif")[0][0]
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) == animate.GREYS
    assert np.abs(pixels.astype(int) - animate.coloured(ramp, COLOURS["paper"])).max() <= 255 / animate.GREYS / 2 + 1


@pytest.mark.parametrize("suffix", [".gif", ".apng", ".png"])
def test_colours_of_coloured_frames_stay(tmp_path, suffix):
    pixels = np.zeros((10, 12, 3), np.uint8)
    pixels[:, :6], pixels[:, 6:] = (200, 30, 10), (10, 30, 200)

    save([Frame(pixels, 0.1), Frame(pixels[:, ::-1].copy(), 0.1)], tmp_path / f"a{suffix}")

    np.testing.assert_array_equal(read(tmp_path / f"a{suffix}")[-1][0], pixels[:, ::-1])


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::SyntaxWarning")
def test_a_film_lasts_as_long_as_its_frames(tmp_path):
    pytest.importorskip("moviepy")
    from moviepy.video.io.ffmpeg_reader import ffmpeg_parse_infos

    save(frames(), tmp_path / "a.mp4", fps=25)

    about = ffmpeg_parse_infos(str(tmp_path / "a.mp4"))
    assert about["duration"] == pytest.approx(4 * 0.07 + 2.0, abs=0.05)
    assert about["video_size"] == [36, 22]  # of 35 x 21: even sides
    assert list(tmp_path.iterdir()) == [tmp_path / "a.mp4"]


def test_a_film_without_moviepy_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "moviepy", None)
    monkeypatch.setitem(sys.modules, "moviepy.video.io.ffmpeg_writer", None)

    with pytest.raises(SettingError, match=r'moviepy: install it with  pip install "game2048\[video\]"'):
        save(frames(), tmp_path / "a.mp4")

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.webm", "a", "a.jpg", ".gif"])
def test_an_unknown_ending_names_those_that_there_are(tmp_path, name):
    with pytest.raises(SettingError, match=r"must end in one of .gif, .png, .apng, .mp4"):
        check_path(tmp_path / name)


def test_the_ending_may_be_in_capitals(tmp_path):
    save(frames(), tmp_path / "A.GIF")

    assert len(read(tmp_path / "A.GIF")) == 5


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(SettingError, match="folder that exists"):
        check_path(tmp_path / "none" / "a.gif")


@pytest.mark.parametrize("suffix", [".gif", ".png", ".apng"])
def test_nothing_is_half_written(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"as it was")

    def failing():
        yield from frames(3)
        raise RuntimeError("no more ink")

    with pytest.raises(RuntimeError, match="no more ink"):
        save(failing(), path)

    assert path.read_bytes() == b"as it was"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::SyntaxWarning")
def test_no_film_is_half_written(tmp_path):
    pytest.importorskip("moviepy")

    def failing():
        yield from frames(3)
        raise RuntimeError("no more ink")

    with pytest.raises(RuntimeError, match="no more ink"):
        save(failing(), tmp_path / "a.mp4")

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([], "at least one frame, got none"),
        ([Frame(np.zeros((3, 4, 2), np.uint8), 1)], "must have the shape"),
        ([Frame(np.zeros((0, 4), np.uint8), 1)], "must have the shape"),
        ([Frame(np.zeros((1, 20_000), np.uint8), 1)], "at most 16,000 pixels a side, got 20000 x 1"),
        ([Frame(np.zeros((3, 4), np.uint8), 1), Frame(np.zeros((3, 5), np.uint8), 1)], "of one shape"),
        ([Frame(np.zeros((3, 4), np.float32), 1)], "must be uint8"),
    ],
)
def test_frames_that_do_not_fit_are_an_error(tmp_path, wrong, message):
    with pytest.raises(SettingError, match=message):
        save(wrong, tmp_path / "a.gif")

    assert not list(tmp_path.iterdir())


def test_images_become_frames_of_which_the_last_is_held():
    made = list(moving([np.full((2, 2), 0.5), np.full((2, 2), 2.0)], fps=10, hold=3))

    assert [frame.seconds for frame in made] == [0.1, 3]
    assert [frame.pixels[0, 0] for frame in made] == [128, 255]
