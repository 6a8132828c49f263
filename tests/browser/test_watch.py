"""A person watches a player of the server play live."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from game2048 import Game
from server import GameStore, ServerConfig, sqlite_url
from tests.browser.boards import assert_board, board_on
from tests.browser.conftest import assert_accessible, running, wait_until_ready

pytestmark = pytest.mark.browser

QUERY = "?player=greedy&seed=7"

BREAK_THE_FIRST_STREAM = """
const fetchReally = window.fetch;
let parts = 0;
window.fetch = async (path, options) => {
    const response = await fetchReally(path, options);
    if (parts > 0 || !path.startsWith('/api/live')) return response;
    const reader = response.body.getReader();
    return new Response(new ReadableStream({
        async pull(controller) {
            parts += 1;
            if (parts < 6) controller.enqueue((await reader.read()).value);
            else {
                reader.cancel();
                controller.error(new TypeError('network error'));
            }
        },
    }));
};
"""


def open_watch(page: Page, query: str = QUERY, speed: str = "8") -> None:
    """Open the page at a speed; it begins to play by itself."""
    page.add_init_script(f"localStorage.setItem('game2048.speed', '{speed}')")
    page.goto(f"/watch{query}")
    wait_until_ready(page)


def ply_on(page: Page) -> int:
    return int(page.locator("#move").inner_text().replace(",", ""))


def wait_for_ply(page: Page, ply: int) -> None:
    while ply_on(page) < ply:
        page.wait_for_timeout(20)


def saved_game(page: Page, store: GameStore) -> Game:
    """Save what is shown, and return it as a game of the engine with the same moves."""
    page.locator("#save").click()
    page.get_by_role("link", name="Open the replay").click()
    page.wait_for_url("**/games/*")
    record = store.get(re.search(r"/games/(\w+)", page.url)[1]).record
    assert record.agent == "Greedy: the most points at once"
    game = Game(record.seed)
    for action in record.actions.tolist():
        game.play(action)
    assert game.record().id == record.id
    return game


def test_a_player_plays_a_whole_game(page: Page, store: GameStore) -> None:
    """It is the game that the engine gives its seed."""
    open_watch(page, speed="max")

    expect(page.locator(".game-message")).to_be_visible()
    expect(page.locator("#status")).to_contain_text("Game over after")
    expect(page.locator("#play")).to_have_attribute("aria-label", "Play")
    board = board_on(page)

    game = saved_game(page, store)
    assert game.is_over
    assert (game.board == board).all()


def test_pause_and_steps_both_ways(page: Page) -> None:
    """A step beyond the last move lets the player make its next one."""
    open_watch(page)
    wait_for_ply(page, 5)
    page.keyboard.press("Space")
    expect(page.locator("#status")).to_have_text("Paused.")
    ply, board = ply_on(page), board_on(page)
    page.wait_for_timeout(300)
    assert ply_on(page) == ply

    page.keyboard.press("End")
    end = ply_on(page)
    for n in range(1, 4):
        page.locator("#forward").click()
        expect(page.locator("#move")).to_have_text(str(end + n))
    page.locator("#ply").fill(str(ply))
    page.keyboard.press("Enter")

    assert_board(page, board)
    page.keyboard.press("+")
    expect(page.locator("#speed")).to_have_value("16")
    page.keyboard.press("Home")
    assert_board(page, Game(7).board)


@pytest.mark.slow
def test_what_the_player_thinks_goes_with_its_moves(page: Page) -> None:
    open_watch(page, speed="1")
    wait_for_ply(page, 2)

    expect(page.locator("#opinion .judged.best .worth").first).to_be_visible()
    expect(page.locator("#opinion-about")).to_contain_text("Greedy")
    page.keyboard.press("Space")
    page.keyboard.press("End")
    expect(page.locator("#opinion .judged.best")).not_to_have_count(0)  # asked for, as it has not moved yet


def test_a_broken_connection_is_mended(page: Page, store: GameStore) -> None:
    """The browser comes back with the id of the last event, and the game goes on as if nothing had been."""
    page.add_init_script(BREAK_THE_FIRST_STREAM)
    with page.expect_request(lambda request: "last-event-id" in request.headers) as came_back:
        open_watch(page, speed="8")
    wait_for_ply(page, 30)
    page.keyboard.press("Space")

    assert re.fullmatch(r"\d+\.[0-9a-h]{16}", came_back.value.headers["last-event-id"])
    assert saved_game(page, store).n_moves >= 30


def test_the_address_leads_back_to_the_place(page: Page, browser: Browser, site: str) -> None:
    open_watch(page)
    wait_for_ply(page, 6)
    page.keyboard.press("Space")
    ply, board = ply_on(page), board_on(page)
    page.wait_for_url(f"**at={2 + ply}.*")
    page.wait_for_timeout(300)

    page.reload()
    wait_until_ready(page)
    assert_board(page, board)
    assert ply_on(page) == ply  # with all that came before
    stranger = browser.new_page(base_url=site)
    stranger.goto(page.url)
    wait_until_ready(stranger)
    assert_board(stranger, board)
    stranger.close()


@pytest.mark.slow
def test_one_takes_over_and_can_take_back_what_the_player_did(page: Page) -> None:
    open_watch(page)
    wait_for_ply(page, 4)
    page.keyboard.press("Space")
    ply, board = ply_on(page), board_on(page)
    page.locator("#go-on").click()
    page.wait_for_url("**/play?*")
    wait_until_ready(page)

    assert_board(page, board)
    for _ in range(ply):
        page.keyboard.press("u")
    assert_board(page, Game(7).board)


@pytest.mark.slow
def test_another_player_goes_on_from_what_is_shown(page: Page) -> None:
    open_watch(page, speed="4")
    wait_for_ply(page, 3)
    page.locator("#player").select_option("random")
    page.locator("#player").blur()
    ply = ply_on(page)

    wait_for_ply(page, ply + 3)

    expect(page.locator("#status")).to_contain_text("random plays")
    expect(page).to_have_url(re.compile("player=random"))


def test_nothing_starts_by_itself_for_those_who_want_less_motion(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    open_watch(page)
    page.wait_for_timeout(300)

    expect(page.locator("#move")).to_have_text("0")
    page.keyboard.press("j")
    expect(page.locator("#move")).to_have_text("1")
    assert page.evaluate("() => document.getAnimations().length") == 0


@pytest.fixture
def crowded(tmp_path: Path) -> Iterator[str]:
    """A server that takes one stream at a time."""
    config = ServerConfig(max_streams=1, runs=None)
    with GameStore(sqlite_url(tmp_path / "games.sqlite")) as store, running(config, store) as address:
        yield address


@pytest.mark.slow
def test_a_full_server_says_so_and_can_be_asked_again(browser: Browser, crowded: str) -> None:
    first, second = browser.new_page(base_url=crowded), browser.new_page(base_url=crowded)
    open_watch(first, speed="1")
    wait_for_ply(first, 1)

    open_watch(second, speed="1")
    expect(second.locator("#status")).to_contain_text("The server is busy")
    expect(second.locator("#play")).to_have_attribute("aria-label", "Play")
    first.close()
    second.wait_for_timeout(1000)
    second.locator("#play").click()

    wait_for_ply(second, 2)
    second.close()


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_the_page_is_accessible(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    open_watch(page)
    wait_for_ply(page, 3)
    page.keyboard.press("Space")
    expect(page.locator("#opinion .judged.best")).not_to_have_count(0)

    assert_accessible(page)


class TestPhone:
    """The page on a phone."""

    @pytest.fixture
    def context_options(self) -> dict[str, object]:
        return {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "color_scheme": "dark"}

    def test_everything_fits_and_can_be_tapped(self, page: Page) -> None:
        open_watch(page)
        wait_for_ply(page, 2)
        page.locator("#play").tap()

        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
        for name in ("first", "back", "forward", "play", "last", "player", "depth", "speed", "new"):
            box = page.locator(f"#{name}").bounding_box()
            assert min(box["width"], box["height"]) >= 44, name
        assert_accessible(page)
