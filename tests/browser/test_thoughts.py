"""The viewer shows how likely the player found each move, where the record tells."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from game2048 import GameRecord
from tests.browser.test_viewer import SETTLED, open_game

pytestmark = pytest.mark.browser


def shown(page: Page) -> list[tuple[str, str, float]]:
    """Name, share, and part of the bar that is filled, of each direction."""
    rows = page.locator(".thought").all()
    return [
        (
            row.locator("dt").inner_text(),
            row.locator(".share").inner_text(),
            float(row.evaluate("row => row.style.getPropertyValue('--share')")),
        )
        for row in rows
    ]


def expected(game: GameRecord, ply: int) -> list[tuple[str, str, float]]:
    assert game.probabilities is not None
    names = ("↑ up", "→ right", "↓ down", "← left")
    parts = game.probabilities[ply].tolist()
    return [(name, f"{round(100 * p / 255)} %", pytest.approx(p / 255)) for name, p in zip(names, parts, strict=True)]


def test_the_bars_are_those_of_the_ply(page: Page, thoughtful_game: GameRecord) -> None:
    open_game(page, thoughtful_game, "#50")
    names = ("up", "right", "down", "left")

    for ply in (50, 51, 52):
        page.evaluate(SETTLED, ply)
        assert shown(page) == expected(thoughtful_game, ply)
        expect(page.locator(".thought.chosen dt")).to_have_text(re.compile(names[int(thoughtful_game.actions[ply])]))
        page.keyboard.press("ArrowRight")


def test_at_the_end_there_is_no_next_move(page: Page, thoughtful_game: GameRecord) -> None:
    open_game(page, thoughtful_game)
    page.keyboard.press("End")
    page.evaluate(SETTLED, thoughtful_game.n_moves)

    assert [share for _, share, _ in shown(page)] == ["\u2013"] * 4
    assert page.locator(".thought.chosen").count() == 0


def test_a_game_without_probabilities_has_no_bars(page: Page, game: GameRecord) -> None:
    open_game(page, game)

    expect(page.locator("#thoughts")).to_be_hidden()


def test_a_screen_reader_hears_them(page: Page, thoughtful_game: GameRecord) -> None:
    ply = int(np.flatnonzero((thoughtful_game.probabilities > 0).sum(1) == 2)[0])
    open_game(page, thoughtful_game, f"#{ply}")

    expect(page.locator("#board-text")).to_contain_text(re.compile(r"The player thinks: \w+ 50 %, \w+ 50 %; and moves"))
    expect(page.get_by_role("region", name="What the player thinks of the next move")).to_be_visible()


@pytest.mark.parametrize("size", [(1280, 800), (390, 844), (320, 568)])
def test_nothing_sticks_out_of_the_page(page: Page, thoughtful_game: GameRecord, size: tuple[int, int]) -> None:
    """Even where one move is certain."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    ply = int(np.flatnonzero(thoughtful_game.probabilities.max(1) == 255)[0])
    open_game(page, thoughtful_game, f"#{ply}")

    section = page.locator("#thoughts").bounding_box()
    for share in page.locator(".thought .share").all():
        assert share.evaluate("element => element.scrollWidth <= element.clientWidth")
        box = share.bounding_box()
        assert box["x"] + box["width"] <= section["x"] + section["width"] + 0.5
    for bar in page.locator(".thought .bar").all():
        assert bar.bounding_box()["width"] > 30
