"""Games that reach 65536 and 131072: played by an agent of ours, recorded, stored, and shown tile by tile."""

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from agents.base import Agent
from agents.baselines import GreedyAgent
from game2048 import Game, GameRecord
from server import GameStore, ServerConfig
from tests.browser.conftest import running
from tests.browser.test_viewer import assert_shows, open_game
from tests.game2048.games import NEARLY_65536

pytestmark = pytest.mark.browser

NEARLY_131072 = [[16, 15, 14, 14], [0, 0, 0, 1], [0, 0, 0, 0], [0, 1, 0, 0]]


def play_on(agent: Agent, board: list[list[int]]) -> GameRecord:
    """Let an agent play a game to its end from a board that was set up."""
    game = Game(seed=3, board=board)
    while not game.is_over:
        game.play(agent.act(game))
    return game.record(agent.name)


@pytest.fixture(scope="module")
def giants() -> dict[int, GameRecord]:
    """The games by the largest tile that they reach."""
    return {65536: play_on(GreedyAgent(), NEARLY_65536), 131072: play_on(GreedyAgent(), NEARLY_131072)}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, giants: dict[int, GameRecord]) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("giants")
    with GameStore(f"sqlite:///{folder}/games.sqlite") as store:
        store.add_many(giants.values())
        assert sorted(game.max_tile for game in store.page().games) == [65536, 131072]
        with running(ServerConfig(runs=None), store) as address:
            yield address


@pytest.mark.parametrize("tile", [65536, 131072])
def test_the_tile_appears_and_stays(page: Page, giants: dict[int, GameRecord], tile: int) -> None:
    game = giants[tile]
    largest = game.boards.reshape(-1, 16).max(1)
    arrival = int(np.flatnonzero(largest == tile.bit_length() - 1)[0])
    assert 0 < arrival < game.n_moves - 10
    page.emulate_media(reduced_motion="reduce")
    open_game(page, game, f"#{arrival - 1}")

    assert_shows(page, game, arrival - 1)
    expect(page.locator(f".tile-container > .tile-{tile}")).to_have_count(0)
    page.keyboard.press("ArrowRight")
    assert_shows(page, game, arrival)
    expect(page.locator(f".tile-container > .tile-{tile}")).to_have_text(str(tile))
    page.keyboard.press("End")
    assert_shows(page, game, game.n_moves)
    expect(page.locator(f".tile-container > .tile-{tile}")).to_be_visible()


@pytest.mark.parametrize("tile", [65536, 131072])
def test_its_digits_lie_within_the_tile(page: Page, giants: dict[int, GameRecord], tile: int) -> None:
    """On a phone, where cells are small."""
    page.set_viewport_size({"width": 320, "height": 568})
    open_game(page, giants[tile], f"#{giants[tile].n_moves}")
    assert_shows(page, giants[tile], giants[tile].n_moves)

    overflow = page.locator(f".tile-container > .tile-{tile} .tile-inner").evaluate(
        "(tile) => tile.scrollWidth - tile.clientWidth"
    )
    assert overflow <= 0
