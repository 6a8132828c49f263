"""Games as moving pictures: where every tile is at every moment, its colour, and the files."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from PIL import Image

from game2048 import GameRecord
from game2048.animation import KINDS, AnimationError, AnimationSettings
from game2048.animation import files as animation_files
from game2048.animation.drawing import THEME_COLOURS, Drawing, Tile
from game2048.animation.files import write_animation
from game2048.animation.frames import Frame, frames
from game2048.animation.motion import EASE, EASE_IN_OUT, moving, step, still
from tests.game2048.games import NEARLY_65536, greedy, record_game, records

THEME_CSS = Path(__file__).parents[2] / "web/static/css/theme.css"
SMALL = AnimationSettings(width=120, hold=0.2)


@pytest.fixture(scope="module")
def game() -> GameRecord:
    return record_game(seed=5, policy=greedy, board=NEARLY_65536, max_moves=40)


@pytest.fixture(scope="module")
def drawing() -> Drawing:
    return Drawing(120, "legible")


# --- where tiles are ---


def board_of(tiles: list[Tile]) -> list[int]:
    """Return what is on top in every cell of a board at rest."""
    board = [0] * 16
    for tile in tiles:
        assert (tile.x, tile.y, tile.scale) == pytest.approx((round(tile.x), round(tile.y), 1), abs=1e-4)
        board[4 * round(tile.y) + round(tile.x)] = tile.exponent
    return board


@given(records(min_moves=1))
def test_every_move_ends_in_the_next_board(record: GameRecord) -> None:
    boards = record.boards.reshape(-1, 16).tolist()
    for before, after, code in zip(boards, boards[1:], record.plies.tolist(), strict=False):
        move = step(before, code >> 5, (1 + (code & 1), code >> 1 & 15))

        assert board_of(moving(move, 300)) == after
        assert board_of(moving(move, 0)) == before == board_of(still(before))


def test_a_tile_slides_appears_and_pops() -> None:
    """[2 2 . .] to the right: half way at 50 ms; the 4 is largest half way through its 200 ms."""
    move = step([1, 1] + [0] * 14, 1, (1, 8))

    assert [tile.x for tile in moving(move, 50)] == pytest.approx([2, 1.5], abs=1e-4)
    scales = [moving(move, ms)[2].scale for ms in (101, 150, 200, 300)]
    assert scales[0] < 0.05 < scales[1]
    assert max(scales) <= 1.2 + 1e-6
    assert scales[-1] == pytest.approx(1, abs=1e-4)
    assert [moving(move, ms)[3].scale < 1 for ms in (101, 200, 250)] == [True, True, True]


@pytest.mark.parametrize(("ease", "middle"), [(EASE, 0.8024), (EASE_IN_OUT, 0.5)])
def test_timing_functions_are_those_of_css(ease, middle: float) -> None:
    """Values at half time of ``ease`` and ``ease-in-out`` as browsers compute them."""
    assert ease(0) == pytest.approx(0, abs=1e-5)
    assert ease(1) == pytest.approx(1, abs=1e-5)
    assert ease(0.5) == pytest.approx(middle, abs=1e-3)


# --- colours ---


def css_colours(text: str) -> dict[str, tuple[int, ...]]:
    """Return the hexadecimal colours named in some CSS."""
    found = re.findall(r"--(face|ink): #(\w{6})", text)
    return {name: tuple(bytes.fromhex(digits)) for name, digits in found}


@pytest.mark.parametrize("exponent", range(1, 18))
def test_tiles_have_the_colours_of_the_pages(exponent: int) -> None:
    css = THEME_CSS.read_text(encoding="utf-8")
    rules = re.findall(r"^(.*?)\{(.*?)\}", css, re.MULTILINE | re.DOTALL)
    mine = [(where, what) for where, what in rules if re.search(rf"\.tile-{1 << exponent}\b", where)]
    legible = css_colours(" ".join(what for where, what in mine if "classic" not in where))
    classic = legible | css_colours(" ".join(what for where, what in mine if '="classic"]' in where))

    assert THEME_COLOURS["legible"][exponent - 1] == (legible["face"], legible["ink"])
    assert THEME_COLOURS["classic"][exponent - 1] == (classic["face"], classic["ink"])


@pytest.mark.parametrize("theme", THEME_COLOURS)
@pytest.mark.parametrize("width", [120, 240, 361])
def test_every_tile_shows_its_face_and_its_ink(theme: str, width: int) -> None:
    drawing = Drawing(width, theme)
    empty = drawing.board([], left="", right="")
    for exponent, (face, ink) in enumerate(THEME_COLOURS[theme], 1):
        picture = drawing.board([Tile(exponent, 2, 1)], left="", right="")

        seen = {tuple(colour) for colour in drawing.palette[picture[picture != empty]].tolist()}
        assert {face, ink} <= seen
        changed = np.argwhere(picture != empty)
        assert changed.min(0)[0] > drawing.height / 4
        assert np.ptp(changed, axis=0).max() < width / 4


def test_no_two_large_tiles_look_alike() -> None:
    """In the legible theme; in the classic one those above 2048 differ by their numbers alone, as in the original."""
    assert len(set(THEME_COLOURS["legible"])) == 17


# --- frames ---


def at_rest(film: Iterator[Frame], ms_per_frame: int) -> dict[int, np.ndarray]:
    """Return the pictures at whole moves, by ply."""
    shown, now = {}, 0
    for frame in film:
        for _ in range(frame.n):
            if now % 300 == 0:
                shown[now // 300] = frame.pixels
            now += ms_per_frame
    return shown


def test_the_board_of_every_ply_is_shown(game: GameRecord, drawing: Drawing) -> None:
    settings = AnimationSettings(width=120, fps=20)
    shown = at_rest(frames(game, 5, 25, drawing, settings), ms_per_frame=50)

    scores = np.concatenate([[0], game.rewards.cumsum()])
    for ply in range(5, 26):
        words = {"left": f"{scores[ply]:,} points", "right": f"ply {ply}"}
        expected = drawing.board(still(game.boards[ply].ravel().tolist()), **words)
        np.testing.assert_array_equal(shown[ply - 5], expected)


@pytest.mark.parametrize(("speed", "n_plies"), [(0.5, 3), (1, 10), (4, 30), (64, 40), (1000, 40)])
def test_a_film_lasts_as_long_as_its_moves(game: GameRecord, drawing: Drawing, speed: float, n_plies: int) -> None:
    settings = AnimationSettings(width=120, speed=speed)
    film = list(frames(game, 0, n_plies, drawing, settings))

    n = sum(frame.n for frame in film)
    assert n == settings.n_frames(n_plies)
    assert n / 25 == pytest.approx(n_plies * 0.3 / speed + settings.hold, abs=0.08)
    (end,) = frames(game, n_plies, n_plies, drawing, settings)
    np.testing.assert_array_equal(film[-1].pixels, end.pixels)


@pytest.mark.parametrize(("first", "last"), [(-1, 3), (4, 3), (0, 41), (41, 41)])
def test_plies_that_are_not_there_are_refused(game: GameRecord, drawing: Drawing, first: int, last: int) -> None:
    with pytest.raises(AnimationError, match=f"plies must be from 0 to 40, .* got {first} to {last}"):
        frames(game, first, last, drawing, SMALL)


def test_a_film_that_never_ends_is_refused(drawing: Drawing) -> None:
    long = record_game(seed=7, policy=greedy)
    with pytest.raises(AnimationError, match="frames at this speed, 15,000 at most"):
        frames(long, 0, long.n_moves, drawing, AnimationSettings(speed=0.25, fps=60))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"width": 100}, "width must be from 120 to 1200, got 100"),
        ({"speed": 0.1}, "speed must be from 0.25 to 1000, got 0.1"),
        ({"speed": float("nan")}, "speed must be from 0.25 to 1000, got nan"),
        ({"fps": 61}, "fps must be from 1 to 60, got 61"),
        ({"theme": "neon"}, "theme must be one of legible, classic, got 'neon'"),
    ],
)
def test_a_setting_out_of_range_is_named(setting: dict, message: str) -> None:
    with pytest.raises(AnimationError, match=message):
        AnimationSettings(**setting)


# --- files ---


def test_a_gif_shows_every_frame_for_its_time(game: GameRecord, drawing: Drawing, tmp_path: Path) -> None:
    path = tmp_path / "game.gif"
    write_animation(game, path, kind="gif", first=2, last=9, settings=SMALL)

    expected = [frame.pixels for frame in frames(game, 2, 9, drawing, SMALL) for _ in range(frame.n)]
    with Image.open(path) as gif:
        assert (gif.size, gif.info["loop"]) == ((120, drawing.height), 0)
        shown = []
        for number in range(gif.n_frames):  # those that look the same are one
            gif.seek(number)
            shown += [np.asarray(gif.convert("RGB"))] * (gif.info["duration"] // 40)
    np.testing.assert_array_equal(np.array(shown), drawing.palette[np.array(expected)])


def test_a_gif_is_the_same_each_time(game: GameRecord, tmp_path: Path) -> None:
    for name in ("a.gif", "b.gif"):
        write_animation(game, tmp_path / name, kind="gif", last=3, settings=SMALL)

    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()


@pytest.mark.parametrize("kind", ["mp4", "webm"])
def test_a_video_has_every_frame(game: GameRecord, drawing: Drawing, tmp_path: Path, kind: str) -> None:
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    path = tmp_path / f"game.{kind}"
    write_animation(game, path, kind=kind, last=6, settings=SMALL)

    n, seconds = ffmpeg.count_frames_and_secs(str(path))
    assert n == SMALL.n_frames(6)
    assert seconds == pytest.approx(n / 25, abs=0.1)
    reader = ffmpeg.read_frames(str(path))
    assert next(reader)["size"] == (120, drawing.height)
    first = np.frombuffer(next(reader), np.uint8).reshape(drawing.height, 120, 3)
    reader.close()
    expected = drawing.palette[next(frames(game, 0, 6, drawing, SMALL)).pixels]
    assert np.abs(first.astype(int) - expected).mean() < 8


def test_without_ffmpeg_a_video_is_refused_and_a_gif_is_not(
    game: GameRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(animation_files, "find_spec", lambda name: None)

    with pytest.raises(
        AnimationError, match=r'mp4 files need ffmpeg: install it with  pip install "game2048\[video\]"'
    ):
        write_animation(game, tmp_path / "game.mp4", kind="mp4")
    write_animation(game, tmp_path / "game.gif", kind="gif", last=1, settings=SMALL)

    assert [path.name for path in tmp_path.iterdir()] == ["game.gif"]


def test_other_kinds_are_refused(game: GameRecord, tmp_path: Path) -> None:
    with pytest.raises(AnimationError, match=f"the kind must be one of {', '.join(KINDS)}, got 'avi'"):
        write_animation(game, tmp_path / "game.avi", kind="avi")
