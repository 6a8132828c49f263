"""The games of seeds that the page's own engine is held against are those of the engine in Python."""

import json
from pathlib import Path

import pytest

from tests.game2048.games import record_game

GAMES = json.loads((Path(__file__).parent / "seeded-games.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("game", GAMES, ids=lambda game: str(game["seed"]))
def test_a_seed_gives_the_game_of_the_file(game: dict[str, object]) -> None:
    """Played by the first legal move of left, down, right, up; `growing.test.mjs` plays the same."""
    record = record_game(int(str(game["seed"]))).to_json()

    assert {name: record[name] for name in game} == game
