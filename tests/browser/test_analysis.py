"""A judge values the moves of a game: graph, bars, arrows, mistakes, summary; and what else follows the ply."""

import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from agents.heuristic import heuristic_values
from agents.ntuple import NTupleAgent
from game2048 import GameRecord
from server import GameStore, ServerConfig
from server.players import Players
from server.runs import Runs
from server.workers.thinking import load_thinker
from tests.browser.conftest import assert_accessible, running
from tests.browser.test_viewer import SETTLED, assert_shows, open_game
from tests.game2048.games import greedy, record_game

pytestmark = pytest.mark.browser

LABELS = ("perfect", "excellent", "nice", "not bad", "mistake", "blunder", "terrible")
THRESHOLDS = (1, 0.999, 0.99, 0.975, 0.9, 0.75)
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


@pytest.fixture(scope="module")
def short_game() -> GameRecord:
    return record_game(seed=7, policy=greedy, max_moves=120)


@pytest.fixture(scope="module")
def other_game() -> GameRecord:
    """A game that nobody analyses to the end."""
    return record_game(seed=8, policy=greedy)


@pytest.fixture(scope="module")
def long_game() -> GameRecord:
    """A game that takes so long to analyse that one can stop it."""
    return NTupleAgent(heuristic_values()).play_game(3).record("heuristic")


@pytest.fixture(scope="module")
def values(short_game: GameRecord) -> np.ndarray:
    """What the judge thinks, asked without a server."""
    thinker = load_thinker(Players(Runs(None)).find("monte-carlo").job(), 0)
    return thinker.move_values(short_game.boards.reshape(-1, 16)).astype(np.float32)


@pytest.fixture(scope="module")
def labels(short_game: GameRecord, values: np.ndarray) -> list[str]:
    """The label of every move, by the definition; "" for an only move."""
    told = []
    for row, action in zip(values, short_game.actions, strict=False):
        ratio = float(row[action]) / float(np.nanmax(row))
        told.append(LABELS[next((i for i, least in enumerate(THRESHOLDS) if ratio >= least), 6)])
        if np.isfinite(row).sum() == 1:
            told[-1] = ""
    return told


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory,
    short_game: GameRecord,
    other_game: GameRecord,
    large_game: GameRecord,
    long_game: GameRecord,
) -> Iterator[str]:
    """A server of this module's own: what is analysed stays analysed."""
    folder = tmp_path_factory.mktemp("analysis")
    with GameStore(f"sqlite:///{folder}/games.sqlite") as store:
        store.add_many([short_game, other_game, large_game, long_game])
        with running(ServerConfig(runs=folder / "runs", rate_limits=False), store) as address:
            yield address


def wait_until_judged(page: Page) -> None:
    expect(page.locator("#analysis-status")).to_have_text(
        re.compile(r"All [\d,]+ positions are judged\."), timeout=60_000
    )


def open_judged(page: Page, game: GameRecord, hash_: str = "") -> None:
    """Open a game with its analysis: asked for the first time, there by itself from then on."""
    open_game(page, game, hash_)
    expect(page.locator("#analyse")).to_be_enabled()
    if page.locator("#judgements").is_hidden() and page.locator("#analyse").inner_text() == "Analyse":
        page.locator("#analyse").click()
    wait_until_judged(page)


# --- the judge ---


def test_the_values_on_the_page_are_those_of_the_judge(
    page: Page, short_game: GameRecord, values: np.ndarray, labels: list[str]
) -> None:
    """At every ply: four numbers, one of them the best, and a label on the move that was played."""
    open_judged(page, short_game)
    page.emulate_media(reduced_motion="reduce")

    for ply in (0, 1, 50, 119):
        page.evaluate("(ply) => { location.hash = ply; }", ply)
        page.evaluate(SETTLED, ply)
        rows = page.locator(".judged").all()
        told = [row.locator(".worth").inner_text() for row in rows]
        assert told == ["\u2013" if np.isnan(v) else f"{round(float(v)):,}" for v in values[ply]]
        best = int(np.nanargmax(values[ply]))
        assert [row.locator(".loss").inner_text() == "best" for row in rows].index(True) == best
        assert rows[int(short_game.actions[ply])].locator(".badge").inner_text() == labels[ply]
        assert page.locator(".badge:not(:empty)").count() <= 1


def test_the_arrows_on_the_board_point_where_the_judge_would_go(
    page: Page, short_game: GameRecord, values: np.ndarray
) -> None:
    """One for every legal move, the best one the longest; key and box take them away, and that is remembered."""
    open_judged(page, short_game, "#40")

    legal = np.isfinite(values[40])
    arrows = page.locator(".arrow").all()
    assert [arrow.is_visible() for arrow in arrows] == legal.tolist()
    assert page.locator(".arrow.best").count() == 1
    lengths = [float(arrow.evaluate("arrow => arrow.style.getPropertyValue('--strength')")) for arrow in arrows]
    assert int(np.argmax(np.where(legal, lengths, 0))) == int(np.nanargmax(values[40]))
    page.keyboard.press("a")
    expect(page.locator("#arrows")).to_be_hidden()
    page.reload()
    wait_until_judged(page)
    expect(page.locator("#arrows")).to_be_hidden()
    page.locator("#show-arrows").check()
    expect(page.locator("#arrows")).to_be_visible()


def test_mistakes_are_found_by_button_and_key(page: Page, short_game: GameRecord, labels: list[str]) -> None:
    """The board is the one before the mistake, so that the better move can be seen."""
    open_judged(page, short_game)
    mistakes = [ply for ply, label in enumerate(labels) if label in LABELS[4:]]
    assert len(mistakes) > 3

    first = [ply for ply in mistakes if ply > 0][:3]
    for ply in first:
        page.locator("#mistake").click()
        assert_shows(page, short_game, ply)
        expect(page.locator(".badge:not(:empty)")).to_have_text(re.compile("mistake|blunder|terrible"))
    page.keyboard.press("Shift+N")
    assert_shows(page, short_game, first[1])
    page.keyboard.press("n")
    assert_shows(page, short_game, first[2])
    page.keyboard.press("End")
    expect(page.locator("#mistake")).to_have_attribute("aria-disabled", "true")


def test_the_summary_counts_what_the_labels_say(page: Page, short_game: GameRecord, labels: list[str]) -> None:
    open_judged(page, short_game)

    rows = page.locator(".labels > div").all()
    told = {row.locator("dt").inner_text(): int(row.locator("dd").first.inner_text()) for row in rows}
    assert told == {label: labels.count(label) for label in LABELS}
    share = labels.count("perfect") / sum(label != "" for label in labels)
    expect(page.locator(".agreement")).to_have_text(f"{100 * share:.1f} %")
    fours = int((short_game.plies & 1).sum())
    expect(page.locator(".dealt > div").nth(1).locator("dd").first).to_have_text(str(fours))


def test_an_analysis_is_there_when_one_comes_back(page: Page, short_game: GameRecord) -> None:
    open_judged(page, short_game)

    page.goto("about:blank")
    open_game(page, short_game, "#7")

    wait_until_judged(page)
    expect(page.locator("#judgements")).to_be_visible()


def test_an_analysis_can_be_stopped_and_goes_on(page: Page, long_game: GameRecord) -> None:
    """It streams: there are values before it is done."""
    open_game(page, long_game)
    page.locator("#analyse:enabled").click()
    expect(page.locator("#analysis-status")).to_have_text(re.compile(r"^\d+ of \d+ positions$"), timeout=60_000)
    expect(page.locator(".judged.best .worth")).to_be_visible()

    page.get_by_role("button", name="Stop").click()

    expect(page.locator("#analysis-status")).to_have_text(re.compile(r"^Stopped after \d+ of \d+ positions\.$"))
    expect(page.get_by_role("button", name="Analyse")).to_be_enabled()


def test_a_screen_reader_hears_the_judge(page: Page, short_game: GameRecord) -> None:
    open_judged(page, short_game)
    page.keyboard.press("ArrowRight")

    expect(page.locator("#board-text")).to_contain_text(
        re.compile(r"The judge thinks: \w+ [\d,]+ \(best\), \w+ [\d,]+")
    )


def test_who_has_no_model_is_told_how_to_get_one(page: Page, short_game: GameRecord) -> None:
    open_game(page, short_game)

    expect(page.locator("#untrained")).to_be_visible()
    expect(page.locator("#judge option")).to_have_text([re.compile("Monte Carlo")])


def test_the_board_can_be_played_on_from_where_one_is(page: Page, short_game: GameRecord) -> None:
    open_game(page, short_game, "#30")

    expect(page.locator("#continue")).to_have_attribute("href", f"/play?game={short_game.id}&ply=30")


# --- the graph ---


def graph_x(page: Page, ply: int, length: int) -> float:
    """Where a ply lies on the graph, in pixels of the page, seen from the guide at both ends."""
    ends = []
    for key in ("Home", "End"):
        page.keyboard.press(key)
        box = page.locator("#graph .guide").bounding_box()
        ends.append(box["x"] + box["width"] / 2)
    return ends[0] + (ends[1] - ends[0]) * ply / length


def test_a_click_on_the_graph_goes_there_and_a_drag_follows(page: Page, other_game: GameRecord) -> None:
    open_game(page, other_game)
    page.locator(".place-on-graph").scroll_into_view_if_needed()
    n = other_game.n_moves
    xs = [graph_x(page, ply, n) for ply in (n // 4, n // 2)]
    page.keyboard.press("Home")
    box = page.locator(".place-on-graph").bounding_box()
    y = box["y"] + box["height"] / 2

    page.mouse.click(xs[0], y)
    ply = int(page.evaluate("() => document.documentElement.dataset.settled"))
    assert abs(ply - n // 4) <= 1
    page.mouse.down()
    page.mouse.move(xs[1], y, steps=4)
    page.mouse.up()

    ply = int(page.evaluate("() => document.documentElement.dataset.settled"))
    assert abs(ply - n // 2) <= 1
    assert_shows(page, other_game, ply)


def test_the_graph_is_a_slider_for_keys(page: Page, other_game: GameRecord) -> None:
    open_game(page, other_game, "#10")
    slider = page.get_by_role("slider", name="Place in the game")
    slider.focus()

    page.keyboard.press("ArrowRight")

    assert_shows(page, other_game, 11)
    expect(slider).to_have_attribute("aria-valuenow", "11")
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"^Ply 11 · score \d+ · tile \d+"))


def test_the_graph_shows_the_score(page: Page, other_game: GameRecord) -> None:
    """Its line is in the lower left and the upper right, and not the other way round."""
    open_game(page, other_game)
    seen = page.evaluate(
        """async () => {
            await new Promise((resume) => requestAnimationFrame(() => requestAnimationFrame(resume)));
            const canvas = document.querySelector('#graph canvas');
            const ink = getComputedStyle(document.querySelector('.swatch.score')).color.match(/\\d+/g).map(Number);
            const { width, height } = canvas;
            const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
            const near = (x, y) => ink.every((part, i) => Math.abs(data[4 * (y * width + x) + i] - part) < 24);
            const mean = (from, to) => {
                const found = [];
                for (let x = from; x < to; x++) for (let y = 0; y < height; y++) if (near(x, y)) found.push(y / height);
                return found.length && found.reduce((sum, y) => sum + y) / found.length;
            };
            return [mean(width * 0.15 | 0, width * 0.25 | 0), mean(width * 0.75 | 0, width * 0.85 | 0)];
        }"""
    )

    early, late = seen
    assert early > late > 0


# --- milestones, swipes, holding ---


def test_milestones_are_jumped_to(page: Page, large_game: GameRecord) -> None:
    """By button, by key, and from the summary."""
    largest = large_game.boards.reshape(-1, 16).max(1)
    ply = int(np.flatnonzero(largest >= 16)[0])
    open_game(page, large_game)

    expect(page.locator("#milestone")).to_have_accessible_name("To the first 65536")
    page.locator("#milestone").click()
    assert_shows(page, large_game, ply)
    expect(page.locator("#milestone")).to_have_attribute("aria-disabled", "true")
    page.keyboard.press("End")
    page.keyboard.press("Shift+M")
    assert_shows(page, large_game, ply)
    page.keyboard.press("Home")
    page.keyboard.press("m")
    assert_shows(page, large_game, ply)
    page.keyboard.press("Home")
    page.locator(".milestones button").click()
    assert_shows(page, large_game, ply)


def test_ten_plies_go_on_while_the_button_is_held(page: Page, other_game: GameRecord) -> None:
    open_game(page, other_game)
    page.locator("#forward10").click()
    assert_shows(page, other_game, 10)
    page.locator("#back10").click()
    assert_shows(page, other_game, 0)

    page.locator("#forward10").hover()
    page.mouse.down()
    page.wait_for_timeout(900)
    page.mouse.up()

    ply = int(page.locator("#ply").input_value())
    assert ply >= 30
    assert ply % 10 == 0


def test_a_hold_that_ends_beside_the_button_takes_nothing_from_the_keys(page: Page, other_game: GameRecord) -> None:
    open_game(page, other_game)
    page.locator("#forward10").hover()
    page.mouse.down()
    page.wait_for_timeout(900)
    page.mouse.move(5, 5)
    page.mouse.up()
    ply = int(page.locator("#ply").input_value())
    assert ply >= 30

    page.locator("#forward10").focus()
    page.keyboard.press("Enter")

    assert_shows(page, other_game, ply + 10)


class TestPhone:
    """By touch."""

    @pytest.fixture
    def context_options(self) -> dict[str, object]:
        return PHONE

    def test_a_swipe_over_the_board_moves_through_the_game(self, page: Page, short_game: GameRecord) -> None:
        """To the left forward, as one turns a page; to the right back; up and down scroll."""
        open_game(page, short_game, "#20")
        fingers = page.context.new_cdp_session(page)

        def swipe(dx: int, dy: int) -> None:
            x, y = 195, 400
            fingers.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
            fingers.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x + dx, "y": y + dy}]})
            fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

        swipe(-60, 5)
        assert_shows(page, short_game, 21)
        swipe(60, 5)
        swipe(60, -5)
        assert_shows(page, short_game, 19)
        swipe(5, 5)
        assert_shows(page, short_game, 19)

    def test_a_button_goes_on_while_a_finger_holds_it(self, page: Page, other_game: GameRecord) -> None:
        """And ends with the touch: the tap that the touch might have been is no step of its own."""
        open_game(page, other_game)
        box = page.locator("#forward10").bounding_box()
        point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        fingers = page.context.new_cdp_session(page)

        fingers.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
        page.wait_for_timeout(1200)
        fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

        ply = int(page.locator("#ply").input_value())
        assert ply >= 30
        page.wait_for_timeout(300)
        assert_shows(page, other_game, ply)
        page.locator("#forward10").tap()
        assert_shows(page, other_game, ply + 10)

    def test_everything_fits(self, page: Page, short_game: GameRecord) -> None:
        open_judged(page, short_game, "#60")

        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
        for row in page.locator(".judged").all():
            assert row.evaluate("row => row.scrollWidth <= row.clientWidth")
        for cell in page.locator(".judged :is(.worth, .loss), .figures > div > *").all():
            assert cell.evaluate("cell => cell.scrollWidth <= cell.clientWidth"), cell.inner_text()


# --- for everybody ---


@pytest.mark.parametrize(
    ("size", "scheme"),
    [
        ((1280, 900), "light"),
        ((390, 844), "dark"),
        pytest.param((1280, 900), "dark", marks=pytest.mark.slow),
        pytest.param((390, 844), "light", marks=pytest.mark.slow),
    ],
)
def test_the_page_is_accessible(
    page: Page, short_game: GameRecord, large_game: GameRecord, size: tuple[int, int], scheme: str
) -> None:
    """Before an analysis, with one, and with the help open."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    open_game(page, large_game, "#100")
    assert_accessible(page)
    open_judged(page, short_game, "#60")
    assert_accessible(page)
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    assert_accessible(page)


def test_reduced_motion_is_respected(page: Page, short_game: GameRecord) -> None:
    page.emulate_media(reduced_motion="reduce")
    open_judged(page, short_game, "#10")
    page.keyboard.press("ArrowRight")

    assert page.evaluate("() => document.getAnimations().length") == 0
    assert_shows(page, short_game, 11)
