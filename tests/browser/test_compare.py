"""Two games beside each other on one clock."""

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from game2048 import GameRecord
from tests.browser.boards import assert_board
from tests.browser.conftest import Complaints, assert_accessible, wait_until_ready

pytestmark = pytest.mark.browser


def open_comparison(page: Page, left: GameRecord, right: GameRecord, more: str = "") -> None:
    page.goto(f"/compare?left={left.id}&right={right.id}{more}")
    wait_until_ready(page)


def assert_shows(page: Page, left: GameRecord, left_ply: int, right: GameRecord, right_ply: int) -> None:
    assert_board(page, left.boards[left_ply], "#left-board")
    assert_board(page, right.boards[right_ply], "#right-board")
    for side, record, ply in (("left", left, left_ply), ("right", right, right_ply)):
        expect(page.locator(f"#{side}-side .score")).to_have_text(f"{record.rewards[:ply].sum():,}")
        expect(page.locator(f"#{side}-side .ply")).to_have_text(f"{ply:,}")


def sums(record: GameRecord) -> np.ndarray:
    """Sum of tiles at every ply."""
    boards = record.boards.reshape(-1, 16).astype(np.int64)
    return np.where(boards, 1 << boards, 0).sum(1)


def test_by_moves_both_games_are_at_the_same_ply(page: Page, game: GameRecord, thoughtful_game: GameRecord) -> None:
    open_comparison(page, game, thoughtful_game)

    assert_shows(page, game, 0, thoughtful_game, 0)
    for n in range(1, 6):
        page.keyboard.press("ArrowRight")
        assert_shows(page, game, n, thoughtful_game, n)
    page.keyboard.press("ArrowLeft")
    assert_shows(page, game, 4, thoughtful_game, 4)
    page.keyboard.press("End")
    assert_shows(page, game, game.n_moves, thoughtful_game, thoughtful_game.n_moves)


def test_where_a_game_is_missing_others_are_offered(page: Page, game: GameRecord, complaints: Complaints) -> None:
    page.goto(f"/compare?left={game.id}&right=0000000000000000")
    wait_until_ready(page)

    expect(page.locator("#error")).to_contain_text("There is no such game.")
    expect(page.locator("#viewer")).to_be_hidden()
    expect(page.locator("#left-pick")).to_have_value(game.id)
    assert page.locator("#right-pick option").count() > 1
    complaints.expect("/api/games/0000000000000000)")


def test_by_the_sum_of_tiles_no_game_is_ahead_of_the_other(
    page: Page, game: GameRecord, thoughtful_game: GameRecord
) -> None:
    open_comparison(page, game, thoughtful_game, "#100")

    page.locator("#by").select_option("sum")
    page.locator("#by").blur()

    here = sums(game)[100]
    there = int(np.flatnonzero(sums(thoughtful_game) <= here)[-1])
    assert_shows(page, game, 100, thoughtful_game, there)
    page.wait_for_url("**by=sum#*")
    url = page.url
    page.goto("/compare")
    page.goto(url)
    wait_until_ready(page)
    assert_shows(page, game, 100, thoughtful_game, there)


@pytest.mark.slow
def test_both_games_are_played_at_once(page: Page, game: GameRecord, thoughtful_game: GameRecord) -> None:
    page.add_init_script("localStorage.setItem('game2048.speed', 'max')")
    open_comparison(page, game, thoughtful_game)

    page.keyboard.press("Space")

    assert_shows(page, game, game.n_moves, thoughtful_game, thoughtful_game.n_moves)
    expect(page.locator(".game-message")).to_have_count(2)
    expect(page.locator("#play")).to_have_attribute("aria-label", "Play")


@pytest.mark.slow
def test_each_game_has_a_graph_of_its_own(page: Page, game: GameRecord, thoughtful_game: GameRecord) -> None:
    """Drawn, and not the same: each shows its own game in front."""
    open_comparison(page, game, thoughtful_game, "#50")

    drawn = page.evaluate("() => Array.from(document.querySelectorAll('.race'), (canvas) => canvas.toDataURL())")

    assert len(set(drawn)) == 2
    assert all(len(picture) > 1000 for picture in drawn)


def test_a_visitor_comes_from_a_game_and_chooses_the_other(
    page: Page, game: GameRecord, large_game: GameRecord
) -> None:
    page.goto(f"/games/{game.id}")
    wait_until_ready(page)
    page.locator("#compare").click()
    wait_until_ready(page)

    expect(page.locator("#left-pick")).to_have_value(game.id)
    expect(page.locator("#viewer")).to_be_hidden()
    assert_accessible(page)
    page.locator("#right-pick").select_option(large_game.id)
    page.get_by_role("button", name="Compare").click()
    page.wait_for_url("**right=*")
    wait_until_ready(page)

    assert_shows(page, game, 0, large_game, 0)
    page.locator("#left-agent").click()
    page.wait_for_url(f"**/games/{game.id}*")


@pytest.mark.slow
def test_a_game_that_is_not_there_is_told(page: Page, game: GameRecord, complaints: Complaints) -> None:
    page.goto(f"/compare?left={game.id}&right=0000000000000000")
    wait_until_ready(page)

    expect(page.locator("#error")).to_contain_text("There is no such game.")
    assert_accessible(page)
    complaints.expect("/api/games/0000000000000000)")


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_the_page_is_accessible(page: Page, game: GameRecord, thoughtful_game: GameRecord, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    open_comparison(page, game, thoughtful_game, "#60")

    assert_accessible(page)


class TestPhone:
    """The page on a phone: the boards are still beside each other."""

    @pytest.fixture
    def context_options(self) -> dict[str, object]:
        return {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "color_scheme": "dark"}

    def test_everything_fits(self, page: Page, game: GameRecord, large_game: GameRecord) -> None:
        open_comparison(page, game, large_game, "#60")

        left, right = (page.locator(f"#{side}-board").bounding_box() for side in ("left", "right"))
        assert left["x"] + left["width"] < right["x"]
        assert left["y"] == right["y"]
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
        page.locator("#forward").tap()
        assert_shows(page, game, 61, large_game, min(61, large_game.n_moves))
        assert_accessible(page)
