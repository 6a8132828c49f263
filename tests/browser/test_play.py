"""A person plays: by keys and swipes, with hints and undo, from any position, in turns with a player of the server."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from game2048 import Game, GameRecord
from server import GameStore, ServerConfig, sqlite_url
from tests.browser.boards import assert_board, board_on
from tests.browser.conftest import assert_accessible, running, wait_until_ready

pytestmark = pytest.mark.browser

UP, RIGHT, DOWN, LEFT = range(4)
KEYS = {
    UP: ("ArrowUp", "w", "k"),
    RIGHT: ("ArrowRight", "d", "l"),
    DOWN: ("ArrowDown", "s", "j"),
    LEFT: ("ArrowLeft", "a", "h"),
}
SETUP = "2 2 4 .\n. . . .\n. . . 8\n. . . ."
SETUP_BOARD = [[1, 1, 2, 0], [0] * 4, [0, 0, 0, 3], [0] * 4]


def open_play(page: Page, query: str = "?seed=7") -> None:
    page.goto(f"/play{query}")
    wait_until_ready(page)
    page.locator("#player").select_option("greedy")


def move(page: Page, game: Game, action: int, key: str) -> None:
    """Make a move on the page and in a game of the engine."""
    if action in game.legal_actions:
        game.play(action)
    page.keyboard.press(key)


def play_some(page: Page, game: Game, n: int = 12) -> None:
    for i in range(n):
        move(page, game, (LEFT, UP, RIGHT, DOWN)[i % 4], KEYS[(LEFT, UP, RIGHT, DOWN)[i % 4]][0])


# --- by hand ---


def test_every_key_moves_as_the_engine_does(page: Page) -> None:
    """With the tiles that the engine gives the seed."""
    open_play(page)
    game = Game(7)

    assert_board(page, game.board)
    for i in range(60):
        action = (i * 7 + i // 5) % 4
        move(page, game, action, KEYS[action][i % 3])
    assert_board(page, game.board)
    expect(page.locator("#score")).to_have_text(f"{game.score:,}")
    expect(page.locator("#move")).to_have_text(str(game.n_moves))


def test_a_move_can_be_taken_back_and_brings_the_same_tile_again(page: Page) -> None:
    open_play(page)
    game = Game(7)
    play_some(page, game, 8)
    assert_board(page, game.board)

    for _ in range(3):
        page.keyboard.press("u")
    page.locator("#undo").click()
    page.keyboard.press("Control+z")
    expect(page.locator("#move")).to_have_text(str(game.n_moves - 5))
    before = game.record().boards[-6]
    assert_board(page, before)

    for action in game.record().actions[-5:]:
        page.keyboard.press(KEYS[int(action)][0])
    assert_board(page, game.board)


@pytest.mark.slow
def test_nothing_can_be_taken_back_at_the_start(page: Page) -> None:
    open_play(page)

    expect(page.locator("#undo")).to_be_disabled()
    page.keyboard.press("u")

    assert_board(page, Game(7).board)


def test_the_end_of_the_game_is_told(page: Page) -> None:
    open_play(page, "?position=3434434334344355")  # after the one move there is, nothing fits whatever tile comes
    page.keyboard.press("ArrowUp")
    expect(page.locator("#move")).to_have_text("0")

    page.keyboard.press("ArrowLeft")

    expect(page.locator(".game-message")).to_be_visible()
    expect(page.locator("#status")).to_have_text("Game over: 64 points after 1 move.")
    expect(page.locator("#agent")).to_be_disabled()
    page.keyboard.press("u")
    expect(page.locator(".game-message")).to_be_hidden()
    expect(page.locator("#status")).to_have_text("Your move.")


class TestPhone:
    """The page on a phone, by touch."""

    @pytest.fixture
    def context_options(self) -> dict[str, object]:
        return {
            "viewport": {"width": 390, "height": 844},
            "is_mobile": True,
            "has_touch": True,
            "device_scale_factor": 2,
        }

    def test_a_swipe_moves_and_does_not_scroll(self, page: Page) -> None:
        open_play(page)
        game = Game(7)
        box = page.locator("#board").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        touch = page.context.new_cdp_session(page)

        for action, (dx, dy) in {LEFT: (-80, 5), UP: (4, -80), RIGHT: (80, 9), DOWN: (-9, 80)}.items():
            game.play(action)
            for kind, points in (
                ("touchStart", [{"x": x, "y": y}]),
                ("touchMove", [{"x": x + dx, "y": y + dy}]),
                ("touchEnd", []),
            ):
                touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
            assert_board(page, game.board)
        assert page.evaluate("() => scrollY") == 0

    def test_everything_fits_and_can_be_tapped(self, page: Page) -> None:
        open_play(page)
        page.locator("#hint").tap()

        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
        for name in ("undo", "hint", "agent", "new-open", "set-up-open", "player", "depth", "speed"):
            box = page.locator(f"#{name}").bounding_box()
            assert min(box["width"], box["height"]) >= 44, name
        assert_accessible(page)
        page.locator("#set-up-open").tap()
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
        assert_accessible(page)


# --- hints ---


def test_hints_show_the_best_move_and_what_all_four_are_worth(page: Page) -> None:
    open_play(page, "?position=1100220000000000")  # right and left merge both pairs; up moves nothing
    expect(page.locator("#opinion")).to_be_hidden()

    page.keyboard.press("i")

    worth = page.locator("#opinion .worth")
    expect(worth).to_have_text(["\u2013", "12", "0", "12"])
    expect(page.locator("#arrows .arrow.best")).to_have_count(2)
    expect(page.locator("#board-text")).to_contain_text("right 12")
    page.keyboard.press("ArrowRight")
    expect(worth).not_to_have_text(["\u2013", "12", "0", "12"])
    page.keyboard.press("i")
    expect(page.locator("#arrows")).to_be_hidden()


@pytest.mark.slow
def test_the_wish_for_hints_is_kept(page: Page) -> None:
    open_play(page)
    page.locator("#hint").click()
    page.reload()
    wait_until_ready(page)

    expect(page.locator("#hint")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#opinion")).to_be_visible()


# --- in turns with a player ---


def test_a_player_goes_on_and_then_oneself(page: Page, store: GameStore) -> None:
    """What is saved is one legal game, and names both."""
    open_play(page)
    game = Game(7)
    play_some(page, game, 6)
    n = int(page.locator("#move").inner_text())
    page.locator("#speed").select_option("8")
    page.locator("#speed").blur()

    page.keyboard.press("Space")
    expect(page.locator("#agent")).to_have_text("I go on")
    while int(page.locator("#move").inner_text()) < n + 10:
        page.wait_for_timeout(20)
    for key in ("ArrowLeft", "ArrowUp", "ArrowRight"):
        page.keyboard.press(key)
    expect(page.locator("#agent")).to_have_text("Let it play")
    page.locator("#save").click()
    page.get_by_role("link", name="Open the replay").click()
    page.wait_for_url("**/games/*")

    saved = store.get(re.search(r"/games/(\w+)", page.url)[1]).record
    assert saved.agent == "by hand + Greedy: the most points at once"
    assert saved.seed == 7
    assert saved.n_moves > n + 10
    replayed = Game(7)
    for action in saved.actions.tolist():
        replayed.play(action)
    assert replayed.record().id == saved.id


@pytest.mark.slow
def test_what_a_player_was_about_to_do_is_forgotten(page: Page) -> None:
    open_play(page)
    page.locator("#speed").select_option("1")
    page.locator("#agent").click()
    expect(page.locator("#move")).not_to_have_text("0")
    page.locator("#agent").click()

    n = int(page.locator("#move").inner_text())
    page.wait_for_timeout(400)

    expect(page.locator("#move")).to_have_text(str(n))
    expect(page.locator("#status")).to_have_text("Your move.")


# --- the address ---


def test_the_address_brings_the_position_to_another_browser(page: Page, browser: Browser, site: str) -> None:
    open_play(page)
    game = Game(7)
    play_some(page, game)
    assert_board(page, game.board)
    page.wait_for_url(f"**at={2 + game.n_moves}.*")

    stranger = browser.new_page(base_url=site)
    stranger.goto(page.url)
    wait_until_ready(stranger)
    assert_board(stranger, game.board)
    expect(stranger.locator("#score")).to_have_text(f"{game.score:,}")
    play_some(page, game, 4)
    for key in ("ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"):
        stranger.keyboard.press(key)
    assert_board(stranger, game.board)  # the same tiles come
    stranger.close()


@pytest.mark.slow
def test_a_reload_keeps_what_can_be_taken_back(page: Page) -> None:
    open_play(page)
    game = Game(7)
    play_some(page, game)
    page.wait_for_url(f"**at={2 + game.n_moves}.*")
    page.wait_for_timeout(300)

    page.reload()
    wait_until_ready(page)
    assert_board(page, game.board)
    for _ in range(game.n_moves):
        page.keyboard.press("u")

    assert_board(page, Game(7).board)


def test_a_game_of_the_library_is_played_on_from_any_ply(page: Page, game: GameRecord) -> None:
    page.goto(f"/games/{game.id}#50")
    wait_until_ready(page)

    page.locator("#continue").click()
    page.wait_for_url("**/play?*")
    wait_until_ready(page)

    assert_board(page, game.boards[50])
    page.keyboard.press(KEYS[int(game.actions[50])][0])
    assert_board(page, game.boards[51])  # the tile that came then comes again
    page.keyboard.press("u")
    page.keyboard.press("u")
    assert_board(page, game.boards[49])


@pytest.mark.slow
def test_a_game_that_is_not_there_is_told(page: Page, complaints) -> None:
    page.goto("/play?game=0000000000000000&ply=3")
    wait_until_ready(page)

    expect(page.locator("#error")).to_contain_text("There is no such game.")
    assert_accessible(page)
    complaints.expect("/api/games/0000000000000000)")


# --- new games and positions ---


def test_a_new_game_has_the_tiles_of_its_seed(page: Page) -> None:
    open_play(page)
    page.keyboard.press("ArrowLeft")

    page.keyboard.press("n")
    assert_accessible(page)
    page.locator("#new-seed").fill("41")
    page.keyboard.press("Enter")

    assert_board(page, Game(41).board)
    expect(page.locator("#move")).to_have_text("0")


@pytest.mark.slow
def test_leaving_a_dialog_leaves_the_game(page: Page) -> None:
    open_play(page)
    page.keyboard.press("ArrowLeft")
    board = board_on(page)

    for key in ("n", "e"):
        page.keyboard.press(key)
        page.keyboard.press("Escape")

    expect(page.locator("#move")).to_have_text("1")
    assert_board(page, board)


def test_a_position_is_set_up_as_text(page: Page) -> None:
    open_play(page)
    page.locator("#set-up-open").click()

    text = page.locator("#set-up-text")
    text.fill("2 4 x")
    expect(page.locator("#set-up-problem")).to_have_text("A board has 16 cells; there are 3 here.")
    expect(page.locator("#set-up-use")).to_be_disabled()
    text.fill("2 4 " * 8)
    expect(page.locator("#set-up-use")).to_be_enabled()
    text.fill("2 4 2 4 4 2 4 2 " * 2)
    expect(page.locator("#set-up-problem")).to_have_text("No move is possible here.")
    text.fill(SETUP)
    assert_accessible(page)
    page.locator("#set-up-use").click()

    assert_board(page, SETUP_BOARD)
    assert parse_qs(urlsplit(page.url).query)["at"] != []


def test_a_position_is_set_up_cell_by_cell_and_asked_about(page: Page) -> None:
    open_play(page)
    page.keyboard.press("e")
    page.locator("#set-up-clear").click()

    cells = page.locator("#editor button")
    cells.nth(0).click()
    cells.nth(1).click()
    cells.nth(2).click(click_count=1)
    cells.nth(2).click()
    cells.nth(2).click()
    cells.nth(2).click(button="right")
    expect(cells.nth(2)).to_have_accessible_name("Row 1, column 3: 4")
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "+", "+", "+", "+", "-"):
        page.keyboard.press(key)
    expect(cells.nth(11)).to_be_focused()
    expect(page.locator("#set-up-text")).to_have_value(SETUP)
    page.locator("#set-up-ask").click()

    assert_board(page, SETUP_BOARD)
    expect(page.locator("#opinion .worth")).to_have_text(["0", "4", "0", "4"])
    expect(page.locator("#arrows .arrow.best")).to_have_count(2)


@pytest.mark.slow
def test_a_position_in_the_address_is_set_up(page: Page) -> None:
    open_play(page, f"?position={SETUP.replace(chr(10), ' ').replace(' ', '+')}")

    assert_board(page, SETUP_BOARD)


# --- saving ---


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[tuple[str, GameStore]]:
    """A server that takes games from those who know its token."""
    config = ServerConfig(write_token="sesame", runs=None)
    with GameStore(sqlite_url(tmp_path / "games.sqlite")) as store, running(config, store) as address:
        yield address, store


@pytest.mark.slow
def test_a_server_with_a_token_asks_for_it_once(browser: Browser, guarded: tuple[str, GameStore]) -> None:
    address, store = guarded
    page = browser.new_page(base_url=address)
    open_play(page)
    page.keyboard.press("ArrowLeft")

    page.locator("#save").click()
    assert_accessible(page)
    page.locator("#token-text").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_contain_text("It could not be saved.")
    page.locator("#save").click()
    page.locator("#token-text").fill("sesame")
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_contain_text("Saved to the library.")
    page.keyboard.press("ArrowUp")
    page.locator("#save").click()
    expect(page.locator("#token")).to_be_hidden()
    expect(page.get_by_role("link", name="Open the replay")).to_be_visible()

    assert store.count() == 2
    page.close()


# --- for everyone ---


@pytest.mark.slow
def test_help_is_there_on_a_question_mark(page: Page) -> None:
    open_play(page)

    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("ArrowLeft")  # belongs to the dialog
    assert_accessible(page)
    page.keyboard.press("Escape")

    assert_board(page, Game(7).board)


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_the_page_is_accessible(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    open_play(page, "?position=1100220000000000")
    assert_accessible(page)

    page.locator("#hint").click()
    expect(page.locator("#opinion .worth").nth(1)).to_have_text("12")
    assert_accessible(page)
    page.locator("#set-up-open").click()
    assert_accessible(page)


def test_reduced_motion_moves_nothing(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    open_play(page)
    game = Game(7)

    for i in range(8):
        move(page, game, i % 4, KEYS[i % 4][0])
        assert page.evaluate("() => document.getAnimations().length") == 0
    np.testing.assert_array_equal(board_on(page), game.board)
