"""A person looks for games, adds some, takes some away, and deletes some."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from game2048 import GameRecord
from game2048.formats import FORMATS, format_game, format_hobby, format_verse, parse_game
from server import GameStore, ServerConfig
from tests.browser.conftest import Complaints, assert_accessible, running, wait_until_ready
from tests.game2048.games import NEARLY_65536, corner, greedy, record_game
from tests.game2048.test_other_formats import rpl

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 844}}
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
MARCH, APRIL = (int(datetime(2026, month, 10, 12, tzinfo=UTC).timestamp()) for month in (3, 4))


@pytest.fixture(scope="module")
def games() -> list[GameRecord]:
    """Sixty games of two agents, the last one from a board that was set up."""
    usual = [record_game(seed=seed, policy=greedy if seed % 3 else corner, max_moves=150) for seed in range(59)]
    return [*usual, record_game(seed=5, policy=greedy, board=NEARLY_65536, max_moves=60)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, games: list[GameRecord]) -> Iterator[GameStore]:
    """The games, those of `corner` added in March, the others in April."""
    path = tmp_path_factory.mktemp("library") / "games.sqlite"
    with GameStore(f"sqlite:///{path}") as store:
        store.add_many(games)
        with sqlite3.connect(path) as database:
            database.execute("UPDATE games SET created_at = iif(agent = 'corner', ?, ?)", (MARCH, APRIL))
        database.close()
        yield store


@pytest.fixture(scope="module")
def site(store: GameStore) -> Iterator[str]:
    with running(ServerConfig(runs=None), store) as address:
        yield address


def open_library(page: Page, query: str = "") -> Locator:
    """Open the library and return its cards."""
    page.goto(f"/{query}")
    wait_until_ready(page)
    return page.locator("#games .game")


def ids(cards: Locator) -> list[str]:
    return [card.get_attribute("id").removeprefix("game-") for card in cards.all()]


def settled(page: Page) -> None:
    """Wait until the list shows what is asked for; it is busy as soon as that changes."""
    expect(page.locator("#games")).to_have_attribute("aria-busy", "false")


def file(name: str, content: bytes) -> dict[str, object]:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


# --- looking ---


def test_the_best_games_come_first_with_their_last_boards(page: Page, games: list[GameRecord]) -> None:
    cards = open_library(page)
    by_score = sorted(games[:-1], key=lambda game: (-game.score, game.id))

    expect(cards).to_have_count(50)
    assert {game.score for game in by_score[:50]} == {
        int(text.removesuffix(" points").replace(",", "")) for text in page.locator("#games .score").all_inner_texts()
    }
    best = {game.id: game for game in games}[ids(cards)[0]]
    assert best.score == by_score[0].score
    cells = cards.first.locator(".small-board > div").all_inner_texts()
    assert cells == [str(1 << e) if e else "" for e in best.boards[-1].ravel().tolist()]
    expect(page.locator("#total")).to_have_text("60 in all")


def test_a_long_list_comes_in_parts_and_set_up_boards_at_the_end(page: Page, games: list[GameRecord]) -> None:
    cards = open_library(page)
    expect(cards.first.locator(".set-up")).to_be_hidden()

    page.locator("#more").click()

    expect(cards).to_have_count(60)
    assert len(set(ids(cards))) == 60
    expect(page.locator("#more")).to_be_hidden()
    expect(cards.nth(50).locator("a")).to_be_focused()
    assert ids(cards)[-1] == games[-1].id
    expect(cards.last.locator(".set-up")).to_be_visible()
    cards.last.locator("a").click()
    expect(page.locator("#about")).to_contain_text("set\u2011up\u00a0board")


def test_a_visitor_picks_a_game_by_keyboard_alone(page: Page) -> None:
    cards = open_library(page)
    page.locator("[name=order]").focus()
    page.keyboard.press("Tab")

    expect(cards.first.locator("a")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/games/*")
    page.go_back()
    expect(cards.first).to_be_visible()


# --- filters ---


def test_filters_narrow_the_list_and_live_in_the_address(page: Page, games: list[GameRecord]) -> None:
    cards = open_library(page)

    page.locator("[name=agent]").select_option("corner")
    page.wait_for_url("**/?agent=corner")
    mine = {game.id for game in games if game.agent == "corner"}
    expect(cards).to_have_count(len(mine))
    assert set(ids(cards)) == mine

    page.locator("[name=tile]").select_option("128")
    page.wait_for_url("**/?agent=corner&tile=128")
    large = {game.id for game in games if game.agent == "corner" and game.max_tile == 128}
    assert 0 < len(large) < len(mine)
    expect(cards).to_have_count(len(large))

    page.reload()
    wait_until_ready(page)
    assert set(ids(cards)) == large
    expect(page.locator("[name=tile]")).to_have_value("128")
    page.go_back()
    expect(cards).to_have_count(len(mine))
    expect(page.locator("[name=tile]")).to_have_value("")
    page.locator("#reset").click()
    page.wait_for_url("**/")
    expect(cards).to_have_count(50)
    expect(page.locator("[name=agent]")).to_be_focused()


def test_scores_and_days_are_ranges(page: Page, games: list[GameRecord]) -> None:
    cards = open_library(page)
    page.locator("[name=min_score]").fill("1,000")
    page.locator("[name=max_score]").fill("1300")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?min_score=1000&max_score=1300")
    between = {game.id for game in games if 1000 <= game.score <= 1300}

    expect(cards).to_have_count(len(between))
    assert set(ids(cards)) == between
    expect(page.locator("[name=max_score]")).to_have_value("1,300")

    open_library(page)
    page.locator("[name=until]").fill("2026-03-10")
    page.wait_for_url("**/?until=2026-03-10")
    expect(cards).to_have_count(sum(game.agent == "corner" for game in games))
    page.locator("[name=since]").fill("2026-03-11")
    expect(page.locator("#no-match")).to_contain_text("The first day is after the last.")


def test_orders(page: Page, games: list[GameRecord]) -> None:
    cards, by_id = open_library(page), {game.id: game for game in games}
    orders = {
        "score-asc": lambda game: game.score,
        "moves-asc": lambda game: game.n_moves,
        "tile-desc": lambda game: -game.max_tile,
    }
    for order, key in orders.items():
        page.locator("[name=order]").select_option(order)
        settled(page)

        assert [key(by_id[name]) for name in ids(cards)] == sorted(key(game) for game in games[:-1])[:50]


def test_an_address_opens_the_library_as_it_was(page: Page, games: list[GameRecord]) -> None:
    cards = open_library(page, "?agent=corner&sort=date&order=asc&tile=nonsense")

    expect(page.locator("[name=agent]")).to_have_value("corner")
    expect(page.locator("[name=order]")).to_have_value("date-asc")
    expect(cards).to_have_count(sum(game.agent == "corner" for game in games))


def test_filters_that_nothing_fits_are_told_and_taken_back(page: Page) -> None:
    cards = open_library(page, "?agent=nobody&tile=131072")
    expect(page.locator("#no-match")).to_be_visible()
    expect(page.locator("#empty")).to_be_hidden()
    expect(page.locator("[name=agent]")).to_have_value("nobody")

    page.locator("#no-match-reset").click()

    expect(cards).to_have_count(50)
    expect(page.locator("#no-match")).to_be_hidden()


# --- adding ---


def test_files_of_every_form_are_added_at_once_and_refused_by_name(
    page: Page, store: GameStore, complaints: Complaints
) -> None:
    mine = [record_game(seed=500 + k, policy=greedy, max_moves=90) for k in range(4)]
    forms = [format_game(mine[0]), format_hobby(mine[1]), format_verse(mine[2]), rpl(mine[3])]
    names = ["ours.json", "hobby.json", "verse.txt", "program.rpl"]
    spoilt = format_hobby(mine[1]).replace(b'"reward":4}', b'"reward":6}', 1)
    open_library(page)

    page.set_input_files(
        "#upload", [*map(file, names, forms), file("spoilt.json", spoilt), file("again.txt", forms[2])]
    )

    expect(page.locator("#uploads-title")).to_have_text("4 games added, 1 was here already, 1 file refused.")
    assert all(game.id in store for game in mine)
    rows = page.locator("#uploads-list li")
    for row, name in zip(rows.all(), names, strict=False):
        expect(row).to_contain_text(f"{name} added, watch its")
    expect(rows.nth(4)).to_contain_text("spoilt.json refused: ply ")
    expect(rows.nth(4)).to_contain_text("the reward is 4 by the rules, got 6")
    expect(page.locator("#total")).to_have_text("64 in all")
    complaints.expect("422")
    rows.nth(2).locator("a").click()
    page.wait_for_url(f"**/games/{mine[2].id}*")
    wait_until_ready(page)
    page.close()  # it may still ask for the analyses of its game
    for game in mine:
        store.delete(game.id)


def test_a_file_is_dropped_on_the_page(page: Page, store: GameStore) -> None:
    mine = record_game(seed=600, policy=greedy, max_moves=50)
    open_library(page)
    dropped = page.evaluate_handle(
        """(text) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([text], 'dropped.txt'));
            return transfer;
        }""",
        format_verse(mine).decode(),
    )

    page.dispatch_event("#games", "dragenter", {"dataTransfer": dropped})
    expect(page.locator("#drop")).to_be_visible()
    page.dispatch_event("#games", "dragleave", {"dataTransfer": dropped})
    expect(page.locator("#drop")).to_be_hidden()
    page.dispatch_event("#games", "dragenter", {"dataTransfer": dropped})
    page.dispatch_event("#games", "drop", {"dataTransfer": dropped})

    expect(page.locator("#drop")).to_be_hidden()
    expect(page.locator("#uploads-list")).to_contain_text("dropped.txt added")
    page.locator("#uploads-close").click()
    expect(page.locator("#uploads")).to_be_hidden()
    store.delete(mine.id)


def test_a_replay_is_pasted_into_the_page(page: Page, store: GameStore) -> None:
    mine = record_game(seed=601, policy=greedy, max_moves=50)
    open_library(page)
    paste = """([where, text]) => {
        const clipboardData = new DataTransfer();
        clipboardData.setData('text/plain', text);
        document.querySelector(where).dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true }));
    }"""

    page.evaluate(paste, ["#games", "what else people have in mind"])
    page.evaluate(paste, ["[name=min_score]", format_verse(mine).decode()])
    expect(page.locator("#uploads")).to_be_hidden()
    page.evaluate(paste, ["#games", format_verse(mine).decode()])

    expect(page.locator("#uploads-list")).to_contain_text("Pasted text added")
    expect(page.locator("#total")).to_have_text(f"{store.count()} in all")
    store.delete(mine.id)


# --- taking away ---


def test_a_game_is_downloaded_in_every_form(page: Page, games: list[GameRecord]) -> None:
    open_library(page).first.locator(".download").click()
    for form in FORMATS:
        page.locator(f"#export [value='{form}']").check()
        with page.expect_download() as download:
            page.locator("#export-link").click()

        record = parse_game(download.value.path().read_bytes())
        assert download.value.suggested_filename == f"game-{record.id}{FORMATS[form].suffix}"
        assert record.score == max(game.score for game in games[:-1])


@pytest.mark.parametrize(
    ("form", "start"),
    [
        ("gif", b"GIF89a"),
        pytest.param("mp4", b"\0\0\0", marks=pytest.mark.slow),
        pytest.param("webm", b"\x1aE\xdf\xa3", marks=pytest.mark.slow),
    ],
)
def test_plies_are_downloaded_as_a_picture(page: Page, form: str, start: bytes) -> None:
    """The page asks for it once; the preview and the file come from what the browser has, or the server keeps."""
    open_library(page).first.locator(".download").click()
    page.locator(f"#export [value='{form}']").check()
    expect(page.locator("#export-link")).to_be_hidden()
    page.locator("#export [name=first]").fill("10")
    page.locator("#export [name=last]").fill("14")
    page.locator("#export [name=speed]").select_option("1")
    page.locator("#export [name=size]").select_option("small")
    expect(page.locator("#export-note")).to_have_text("It lasts about 2.2 s.")

    page.locator("#export-make").click()

    expect(page.locator("#export-note")).to_contain_text("Ready: ", timeout=60_000)
    expect(page.locator("#export-preview").locator("img, video")).to_be_visible()
    expect(page.locator("#export-link")).to_be_focused()
    with page.expect_download() as download:
        page.locator("#export-link").click()
    assert download.value.path().read_bytes().startswith(start)
    assert download.value.suggested_filename.endswith(f"-10-14.{form}")
    page.locator("#export [name=last]").fill("15")
    expect(page.locator("#export-link")).to_be_hidden()


def test_a_picture_that_cannot_be_made_is_told(page: Page) -> None:
    open_library(page).first.locator(".download").click()
    page.locator("#export [value=gif]").check()
    for first, last, speed, note in [
        ("20", "10", "1", "The first ply comes after the last."),
        ("0", "150", "1", "At 1\u00d7 a picture has at most 130 plies, these are 150"),
        ("x", "10", "1", "Plies are numbers from 0 to 150."),
        ("0", "151", "64", "Plies are numbers from 0 to 150."),
    ]:
        page.locator("#export [name=speed]").select_option(speed)
        page.locator("#export [name=first]").fill(first)
        page.locator("#export [name=last]").fill(last)

        expect(page.locator("#export-note")).to_contain_text(note)
        expect(page.locator("#export-make")).to_be_disabled()
    page.locator("#export [name=last]").fill("150")
    expect(page.locator("#export-make")).to_be_enabled()


# --- deleting ---


def test_a_game_is_deleted_after_a_question(page: Page, store: GameStore) -> None:
    mine = record_game(seed=700, policy=greedy)
    store.add(mine)
    cards = open_library(page)
    first, second = ids(cards)[:2]
    assert first == mine.id

    cards.first.locator(".delete").click()
    expect(page.locator("#delete-dialog")).to_contain_text(f"{mine.score:,} points by greedy")
    page.locator("#delete-dialog [data-close]").click()
    expect(page.locator("#delete-dialog")).to_be_hidden()
    assert mine.id in store

    cards.first.locator(".delete").click()
    page.keyboard.press("Escape")
    expect(page.locator("#delete-dialog")).to_be_hidden()
    assert mine.id in store

    cards.first.locator(".delete").click()
    page.locator("#delete-confirm").click()

    expect(page.locator(f"#game-{mine.id}")).to_have_count(0)
    assert mine.id not in store
    expect(page.locator(f"#game-{second} a")).to_be_focused()
    expect(page.locator("#status")).to_have_text("The game is deleted.")


def test_a_game_that_somebody_else_has_deleted_goes_as_well(
    page: Page, store: GameStore, complaints: Complaints
) -> None:
    mine = record_game(seed=700, policy=greedy)
    store.add(mine)
    cards = open_library(page)
    store.delete(mine.id)

    cards.first.locator(".delete").click()
    page.locator("#delete-confirm").click()

    expect(page.locator(f"#game-{mine.id}")).to_have_count(0)
    expect(page.locator("#error")).to_be_hidden()
    complaints.expect("404")


def test_files_that_do_not_reach_the_server_are_told(page: Page, complaints: Complaints) -> None:
    open_library(page)
    page.route("**/api/games", lambda route: route.abort() if route.request.method == "POST" else route.fallback())

    page.set_input_files("#upload", [file(name, b"{}") for name in ("a.json", "b.json")])

    expect(page.locator("#uploads-title")).to_have_text("2 not sent.")
    expect(page.locator("#uploads-list li").first).to_have_text("a.json not sent: The server cannot be reached.")
    complaints.expect("ERR_FAILED")


# --- other servers ---


class TestServerWithToken:
    """A server that asks for a token."""

    @pytest.fixture
    def site(self, tmp_path: Path) -> Iterator[str]:
        config = ServerConfig(runs=None, write_token="secret")
        with GameStore(f"sqlite:///{tmp_path}/games.sqlite") as self.store, running(config, self.store) as address:
            yield address

    def test_the_page_asks_for_the_token_and_keeps_it_for_the_tab(self, page: Page, complaints: Complaints) -> None:
        mine = record_game(seed=1, policy=greedy, max_moves=40)
        open_library(page)
        expect(page.locator("#empty")).to_contain_text("No games yet")
        dialog = page.locator("#token-dialog")

        page.set_input_files("#upload", [file("mine.json", format_game(mine))])
        expect(dialog).to_be_visible()
        page.locator("#token").fill("guess")
        page.keyboard.press("Enter")
        expect(page.locator("#token-wrong")).to_be_visible()
        assert_accessible(page)
        complaints.expect("401")
        assert mine.id not in self.store
        page.locator("#token").fill("secret")
        page.keyboard.press("Enter")
        expect(page.locator("#uploads-title")).to_have_text("1 game added.")
        assert mine.id in self.store

        assert page.evaluate("Object.values(localStorage).join()").count("secret") == 0
        page.reload()
        wait_until_ready(page)
        page.locator(".delete").click()
        page.locator("#delete-confirm").click()
        expect(page.locator("#empty")).to_be_visible()
        assert self.store.count() == 0
        page.locator("#forget-token").click()
        expect(page.locator("#forget-token")).to_be_hidden()
        assert page.evaluate("sessionStorage.length") == 0

    def test_who_does_not_know_the_token_changes_nothing(self, page: Page) -> None:
        open_library(page)

        page.set_input_files("#upload", [file("mine.json", b"{}")])
        page.locator("#token-dialog [data-close]").click()

        expect(page.locator("#token-dialog")).to_be_hidden()
        expect(page.locator("#uploads")).to_be_hidden()
        expect(page.locator("#error")).to_be_hidden()
        expect(page.locator("#upload-open")).to_be_enabled()


class TestReadOnlyServer:
    """A server that takes no games."""

    @pytest.fixture
    def site(self, tmp_path: Path) -> Iterator[str]:
        config = ServerConfig(runs=None, read_only=True)
        with GameStore(f"sqlite:///{tmp_path}/games.sqlite") as self.store, running(config, self.store) as address:
            yield address

    def test_the_page_offers_no_change(self, page: Page) -> None:
        open_library(page)
        expect(page.locator("#empty")).to_contain_text("game2048 record greedy")
        expect(page.locator("#empty-upload")).to_be_hidden()
        self.store.add(record_game(seed=1, max_moves=40))

        cards = open_library(page)

        expect(cards).to_have_count(1)
        expect(page.locator("#upload-open")).to_be_hidden()
        expect(cards.locator(".delete")).to_be_hidden()
        expect(cards.locator(".download")).to_be_visible()


def test_a_server_that_does_not_answer_is_told_and_tried_again(page: Page, complaints: Complaints) -> None:
    cards = open_library(page)
    page.context.set_offline(True)
    page.locator("[name=order]").select_option("date-desc")
    expect(page.locator("#error")).to_contain_text("The server cannot be reached.")
    complaints.expect("ERR_INTERNET_DISCONNECTED")

    page.context.set_offline(False)
    page.locator("#retry").click()

    expect(page.locator("#error")).to_be_hidden()
    expect(cards).to_have_count(50)


# --- for everybody ---


class TestEverybody:
    """On every device and in every colour scheme."""

    @pytest.fixture(
        params=[
            pytest.param(DESKTOP | {"color_scheme": "light"}, id="desk", marks=pytest.mark.slow),
            pytest.param(DESKTOP | {"color_scheme": "dark"}, id="desk-dark", marks=pytest.mark.slow),
            pytest.param(PHONE | {"color_scheme": "light"}, id="phone", marks=pytest.mark.slow),
            pytest.param(PHONE | {"color_scheme": "dark"}, id="phone-dark"),
        ]
    )
    def context_options(self, request: pytest.FixtureRequest) -> dict[str, object]:
        return request.param

    def test_every_state_of_the_page_is_accessible(self, page: Page, complaints: Complaints) -> None:
        cards = open_library(page, "?agent=corner&tile=128")
        assert_accessible(page)
        if page.locator("#filters-open").is_visible():
            expect(page.locator("#filters")).to_be_hidden()
            page.locator("#filters-open").click()
        expect(page.locator("[name=agent]")).to_be_visible()
        cards.first.locator(".download").click()
        page.locator("#export [value=mp4]").check()
        assert_accessible(page)
        page.keyboard.press("Escape")
        cards.first.locator(".delete").click()
        assert_accessible(page)
        page.keyboard.press("Escape")
        page.set_input_files("#upload", [file("no game.txt", b"replay_")])
        expect(page.locator("#uploads")).to_be_focused()
        page.locator("[name=tile]").select_option("131072")
        expect(page.locator("#no-match")).to_be_visible()
        assert_accessible(page)
        complaints.expect("422")

    def test_nothing_is_wider_than_the_page(self, page: Page) -> None:
        open_library(page)

        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.locator("#games .download").first.click()
        page.locator("#export [value=gif]").check()
        assert page.evaluate(
            "document.querySelector('#export').scrollWidth <= document.querySelector('#export').clientWidth"
        )
