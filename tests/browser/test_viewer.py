"""A person watches games: every board on the page is the board of the record."""

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from game2048 import GameRecord
from server import GameStore
from tests.browser.conftest import Complaints, wait_until_ready
from tests.game2048.games import record_game

pytestmark = pytest.mark.browser

SETTLED = """async (ply) => {
    const root = document.documentElement;
    const patience = performance.now() + 10000;
    while (root.dataset.settled !== String(ply) && performance.now() < patience) {
        await new Promise((resume) => setTimeout(resume, 2));
    }
    const tiles = Array.from(document.querySelectorAll('.tile-container > .tile'));
    return {
        settled: root.dataset.settled,
        tiles: tiles.map((tile) => [tile.className, tile.textContent]),
        score: document.getElementById('score').textContent,
    };
}"""


def open_game(page: Page, game: GameRecord, hash_: str = "") -> None:
    page.goto(f"/games/{game.id}{hash_}")
    wait_until_ready(page)


def assert_shows(page: Page, game: GameRecord, ply: int) -> None:
    """The tiles and the score on the page are those of the record after so many plies."""
    seen = page.evaluate(SETTLED, ply)
    assert seen["settled"] == str(ply)
    board = np.zeros((4, 4), np.int64)
    for classes, text in seen["tiles"]:
        kind, value, position = classes.split()[:3]
        x, y = map(int, position.removeprefix("tile-position-").split("-"))
        assert (kind, value) == ("tile", f"tile-{text}")
        assert board[y - 1, x - 1] == 0, f"two tiles in one cell at ply {ply}"
        board[y - 1, x - 1] = int(text)
    np.testing.assert_array_equal(board, np.where(game.boards[ply], 1 << game.boards[ply].astype(np.int64), 0))
    assert seen["score"] == f"{game.rewards[:ply].sum():,}"


# --- every board ---


def test_every_ply_of_a_whole_game_forward_animated(page: Page, game: GameRecord) -> None:
    """The animations are the real ones, fifty times as fast."""
    animations = page.context.new_cdp_session(page)
    animations.send("Animation.enable")
    animations.send("Animation.setPlaybackRate", {"playbackRate": 50})
    open_game(page, game)

    assert game.n_moves > 200
    for ply in range(game.n_moves + 1):
        assert_shows(page, game, ply)
        page.keyboard.press("ArrowRight")

    assert_shows(page, game, game.n_moves)
    expect(page.locator(".game-message")).to_be_visible()


def test_every_ply_of_a_whole_game_backward(page: Page, game: GameRecord) -> None:
    page.emulate_media(reduced_motion="reduce")
    open_game(page, game)
    page.keyboard.press("End")

    for ply in range(game.n_moves, -1, -1):
        assert_shows(page, game, ply)
        page.keyboard.press("ArrowLeft")

    assert_shows(page, game, 0)


def test_every_ply_of_a_game_beyond_65536_both_ways(page: Page, large_game: GameRecord) -> None:
    page.emulate_media(reduced_motion="reduce")
    open_game(page, large_game)

    assert large_game.max_tile == 65536
    for ply in range(large_game.n_moves + 1):
        assert_shows(page, large_game, ply)
        page.keyboard.press("j")
    for ply in range(large_game.n_moves, -1, -1):
        assert_shows(page, large_game, ply)
        page.keyboard.press("k")


def test_steps_faster_than_the_animation_lose_nothing(page: Page, game: GameRecord) -> None:
    open_game(page, game)

    for _ in range(40):
        page.keyboard.press("ArrowRight")
    assert_shows(page, game, 40)
    for _ in range(15):
        page.keyboard.press("ArrowLeft")
    assert_shows(page, game, 25)


@pytest.mark.parametrize("size", [(1280, 800), (390, 844), (320, 568)])
def test_tiles_lie_in_their_cells(page: Page, game: GameRecord, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    open_game(page, game, "#150")
    assert_shows(page, game, 150)

    cells = [cell.bounding_box() for cell in page.locator(".grid-cell").all()]
    for tile in page.locator(".tile").all():
        x, y = map(int, tile.get_attribute("class").split("tile-position-")[1].split("-"))
        cell, box = cells[4 * (y - 1) + x - 1], tile.bounding_box()
        assert all(abs(cell[key] - box[key]) < 1 for key in ("x", "y", "width", "height")), (cell, box)


# --- ways to move ---


def test_keys_jump(page: Page, game: GameRecord) -> None:
    open_game(page, game)
    journey = [
        ("End", game.n_moves),
        ("ArrowRight", game.n_moves),
        ("PageUp", game.n_moves - 10),
        ("Home", 0),
        ("ArrowLeft", 0),
        ("Shift+ArrowRight", 10),
        ("PageDown", 20),
        ("ArrowDown", game.n_moves),
        ("ArrowUp", 0),
    ]

    for key, ply in journey:
        page.keyboard.press(key)
        assert_shows(page, game, ply)


def test_buttons_slider_and_field_lead_to_a_ply(page: Page, game: GameRecord) -> None:
    open_game(page, game)

    page.locator("#forward").click()
    assert_shows(page, game, 1)
    page.locator("#back").click()
    assert_shows(page, game, 0)
    page.locator("#last").click()
    assert_shows(page, game, game.n_moves)
    page.locator("#slider").fill("77")
    assert_shows(page, game, 77)
    page.locator("#ply").fill("123")
    page.keyboard.press("Enter")
    assert_shows(page, game, 123)
    page.keyboard.press("ArrowRight")  # the keys are the viewer's again
    assert_shows(page, game, 124)
    page.locator("#ply").fill("the end")
    page.keyboard.press("Enter")
    expect(page.locator("#ply")).to_have_value("124")
    assert_shows(page, game, 124)
    page.locator("#first").click()
    assert_shows(page, game, 0)


def test_the_slider_follows_keys_and_mouse(page: Page, game: GameRecord) -> None:
    open_game(page, game)
    slider = page.locator("#slider")

    slider.focus()
    page.keyboard.press("ArrowRight")
    assert_shows(page, game, 1)
    box = slider.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    middle = int(slider.input_value())
    assert abs(middle - game.n_moves / 2) < 5
    assert_shows(page, game, middle)


# --- playing ---


def test_play_and_pause(page: Page, game: GameRecord) -> None:
    open_game(page, game)
    page.locator("#speed").select_option("8")

    page.keyboard.press("Space")
    expect(page.locator("#play")).to_have_attribute("aria-label", "Pause")
    slider = page.locator("#slider")
    while int(slider.input_value()) < 5:
        page.wait_for_timeout(20)
    page.keyboard.press("Space")

    expect(page.locator("#play")).to_have_attribute("aria-label", "Play")
    stopped = int(slider.input_value())
    assert 5 <= stopped < 60
    assert_shows(page, game, stopped)


def test_play_runs_to_the_end_and_starts_over(page: Page, game: GameRecord) -> None:
    open_game(page, game)
    page.locator("#speed").select_option("max")

    page.locator("#play").click()
    assert_shows(page, game, game.n_moves)
    expect(page.locator("#play")).to_have_attribute("aria-label", "Play")
    expect(page.locator(".game-message")).to_be_visible()

    page.locator("#speed").select_option("1")
    page.locator("#play").click()
    expect(page.locator(".game-message")).to_be_hidden()
    page.locator("#play").click()
    assert_shows(page, game, int(page.locator("#slider").input_value()))


def test_play_backward(page: Page, game: GameRecord) -> None:
    open_game(page, game, "#30")
    page.locator("#speed").select_option("32")

    page.locator("#play-back").click()

    assert_shows(page, game, 0)


def test_keys_change_the_speed_and_the_choice_is_kept(page: Page, game: GameRecord) -> None:
    open_game(page, game)
    speed = page.locator("#speed")

    for _ in range(3):
        page.keyboard.press("+")
    expect(speed).to_have_value("8")
    page.keyboard.press("-")
    expect(speed).to_have_value("4")

    speed.select_option("16")
    page.reload()
    wait_until_ready(page)
    expect(speed).to_have_value("16")


# --- the address ---


def test_the_address_opens_a_ply(page: Page, game: GameRecord) -> None:
    open_game(page, game, "#42")
    assert_shows(page, game, 42)

    page.evaluate("() => { location.hash = '#99'; }")
    assert_shows(page, game, 99)


@pytest.mark.parametrize(("hash_", "ply"), [("#0", 0), ("#999999", -1), ("#-5", 0), ("#x", 0), ("#1e2", 0), ("#", 0)])
def test_an_odd_address_opens_what_is_nearest(page: Page, game: GameRecord, hash_: str, ply: int) -> None:
    open_game(page, game, hash_)

    assert_shows(page, game, game.n_moves if ply == -1 else ply)


def test_the_address_follows_and_can_be_shared(page: Page, context: BrowserContext, game: GameRecord) -> None:
    open_game(page, game)
    for _ in range(30):
        page.keyboard.press("ArrowRight")

    page.wait_for_url("**/*#30")
    other = context.new_page()
    other.goto(page.url)

    assert_shows(other, game, 30)


# --- what is told of a game ---


def test_a_name_is_text_and_nothing_else(page: Page, store: GameStore) -> None:
    name = "<img src=x onerror=alert(1)>"
    record = record_game(seed=77, max_moves=300)
    store.add(GameRecord(start=record.start, plies=record.plies, agent=name, seed=2**64 - 1))

    open_game(page, record)

    expect(page.locator("#agent")).to_have_text(name)
    expect(page.locator("#about")).to_contain_text("seed\u00a018446744073709551615")


def test_a_downloaded_game_is_the_record(page: Page, game: GameRecord) -> None:
    open_game(page, game, "#150")
    page.locator("#download").click()
    page.locator("#export [value=gif]").check()
    expect(page.locator("#export [name=first]")).to_have_value("90")
    expect(page.locator("#export [name=last]")).to_have_value("150")

    page.locator("#export [value=game2048]").check()
    with page.expect_download() as download:
        page.locator("#export-link").click()

    assert download.value.suggested_filename == f"game-{game.id}.json"
    assert game.to_json()["plies"] in download.value.path().read_text(encoding="utf-8")
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")  # the keys are the viewer's again
    assert_shows(page, game, 151)


def test_a_game_that_is_not_there_is_told_in_words(page: Page, complaints: Complaints) -> None:
    page.goto("/games/0000000000000000")

    expect(page.locator("#error")).to_contain_text("there is no game with the id '0000000000000000'")
    expect(page.locator("#viewer")).to_be_hidden()
    complaints.expect("/api/games/0000000000000000)")
    complaints.expect("/games/0000000000000000)")


# --- other ways to look ---


def test_reduced_motion_moves_nothing(page: Page, game: GameRecord) -> None:
    page.emulate_media(reduced_motion="reduce")
    open_game(page, game)

    for ply in range(1, 6):
        page.keyboard.press("ArrowRight")
        assert page.evaluate("() => document.getAnimations().length") == 0
        assert_shows(page, game, ply)
    page.keyboard.press("End")
    assert page.evaluate("() => document.getAnimations().length") == 0


def test_motion_is_there_otherwise(page: Page, game: GameRecord) -> None:
    open_game(page, game)
    page.keyboard.press("ArrowRight")

    assert page.evaluate("() => document.getAnimations().length") > 0
    assert_shows(page, game, 1)


class TestPhone:
    """The page on a phone, by touch."""

    @pytest.fixture
    def context_options(self) -> dict[str, object]:
        return {
            "viewport": {"width": 390, "height": 844},
            "device_scale_factor": 3,
            "is_mobile": True,
            "has_touch": True,
        }

    def test_everything_fits_and_can_be_tapped(self, page: Page, game: GameRecord) -> None:
        open_game(page, game)

        width = page.evaluate("() => document.documentElement.scrollWidth")
        assert width <= 390
        for name in ("first", "play-back", "back", "forward", "play", "last"):
            box = page.locator(f"#{name}").bounding_box()
            assert min(box["width"], box["height"]) >= 44
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390
            assert box["y"] + box["height"] <= 844
        page.locator("#forward").tap()
        assert_shows(page, game, 1)
        page.locator("#last").tap()
        assert_shows(page, game, game.n_moves)

    def test_the_longest_name_fits(self, page: Page, store: GameStore) -> None:
        record = record_game(seed=78, max_moves=300)
        store.add(GameRecord(start=record.start, plies=record.plies, agent=200 * "W"))

        open_game(page, record)

        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390

    def test_the_list_fits(self, page: Page) -> None:
        page.goto("/")
        wait_until_ready(page)

        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390


def test_help_opens_on_a_question_mark(page: Page, game: GameRecord) -> None:
    open_game(page, game)

    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("ArrowRight")  # belongs to the dialog
    page.locator("#help-title").click()  # which takes the focus from its button
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")

    expect(page.locator("#help")).to_be_hidden()
    assert_shows(page, game, 0)


def test_a_screen_reader_hears_where_one_is(page: Page, game: GameRecord) -> None:
    open_game(page, game)
    page.keyboard.press("ArrowRight")

    action = ("up", "right", "down", "left")[int(game.actions[0])]
    expect(page.locator("#board-text")).to_contain_text(action, ignore_case=True)
