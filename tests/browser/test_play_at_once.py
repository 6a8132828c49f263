"""The address that the demo opens starts playing by itself."""

import re

import pytest
from playwright.sync_api import Page, expect

from game2048 import GameRecord

pytestmark = pytest.mark.browser


def test_an_address_that_asks_for_it_starts_playing(page: Page, game: GameRecord) -> None:
    page.goto(f"/games/{game.id}?play")

    expect(page.locator("#play")).to_have_attribute("aria-label", "Pause")
    expect(page).to_have_url(re.compile(rf"/games/{game.id}#[1-9]"))  # the wish is not kept for the next visit


def test_nothing_starts_by_itself_for_those_who_want_less_motion(page: Page, game: GameRecord) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"/games/{game.id}?play")

    page.locator("html[data-ready='1']").wait_for(state="attached")

    expect(page.locator("#play")).to_have_attribute("aria-label", "Play")
