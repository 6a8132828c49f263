"""A game of 60,000 plies is as easily looked at as a short one."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from game2048 import GameRecord
from game2048.formats import parse_game
from server import GameStore, ServerConfig
from tests.browser.conftest import running
from tests.browser.test_viewer import assert_shows, open_game

pytestmark = pytest.mark.browser

SEEKS = """(plies) => {
    const slider = document.getElementById('slider');
    return plies.map((ply) => {
        slider.value = ply;
        const begun = performance.now();
        slider.dispatchEvent(new InputEvent('input', { bubbles: true }));
        document.body.getBoundingClientRect(); // style and layout included
        return performance.now() - begun;
    });
}"""
FRAME_MS = 1000 / 60


@pytest.fixture(scope="module")
def long_game() -> GameRecord:
    """Made by data/make_long_game.py."""
    packed = Path(__file__).parent / "data" / "long-game.json.gz"
    return parse_game(gzip.decompress(packed.read_bytes()))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, long_game: GameRecord) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("long")
    with GameStore(f"sqlite:///{folder}/games.sqlite") as store:
        store.add(long_game)
        with running(ServerConfig(runs=None), store) as address:
            yield address


def test_any_ply_is_reached_within_a_frame(page: Page, long_game: GameRecord) -> None:
    """The slider's event, all that the page writes, and layout: the median of a hundred jumps is below 16.7 ms."""
    assert long_game.n_moves == 60_000
    open_game(page, long_game)
    plies = np.random.default_rng(0).integers(0, 60_001, 100).tolist()

    times = page.evaluate(SEEKS, plies)

    assert np.median(times) < FRAME_MS
    for ply in (plies[-1], 31_337, 60_000):
        page.evaluate(SEEKS, [ply])
        assert_shows(page, long_game, ply)


def test_the_graph_shows_its_milestones(page: Page, long_game: GameRecord) -> None:
    open_game(page, long_game)

    expect(page.locator(".milestones li")).to_have_count(8)  # 512 ... 65536
    page.keyboard.press("End")
    page.keyboard.press("Shift+M")
    assert_shows(page, long_game, int(np.flatnonzero(long_game.boards.reshape(-1, 16).max(1) == 16)[0]))
