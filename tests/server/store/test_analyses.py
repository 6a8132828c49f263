"""Analyses of stored games: kept, replaced by what is further done, gone with their game."""

from datetime import UTC, datetime, timedelta

import pytest

from game2048 import GameRecord
from server import GameNotFoundError, GameStore

KEY = "teacher, depth 2"


@pytest.fixture
def game_id(store: GameStore, game: GameRecord) -> str:
    return store.add(game)[0]


def test_an_analysis_comes_back(store: GameStore, game_id: str) -> None:
    store.analyses.put(game_id, KEY, bytes(range(256)), 3, {"unit": "points", "of": [1, None]})

    (summary,) = store.analyses.list(game_id)

    assert store.analyses.get(game_id, KEY) == bytes(range(256))
    assert (summary.key, summary.n_done, summary.meta) == (KEY, 3, {"unit": "points", "of": [1, None]})
    assert timedelta(0) <= datetime.now(UTC) - summary.updated_at < timedelta(minutes=1)


def test_keys_are_kept_apart(store: GameStore, game_id: str, games: list[GameRecord]) -> None:
    other, _ = store.add(games[0])
    store.analyses.put(game_id, "b", b"1", 1, {})
    store.analyses.put(game_id, "a", b"2", 1, {})
    store.analyses.put(other, "a", b"3", 1, {})

    assert [summary.key for summary in store.analyses.list(game_id)] == ["a", "b"]
    assert [store.analyses.get(game_id, key) for key in ("a", "b", "c")] == [b"2", b"1", None]
    assert store.analyses.get(other, "a") == b"3"


def test_more_plies_replace_fewer_and_fewer_replace_nothing(store: GameStore, game_id: str) -> None:
    for n_done, blob in ((5, b"five"), (9, b"nine"), (7, b"seven")):
        store.analyses.put(game_id, KEY, blob, n_done, {"n": n_done})

    assert store.analyses.get(game_id, KEY) == b"nine"
    assert [(summary.n_done, summary.meta) for summary in store.analyses.list(game_id)] == [(9, {"n": 9})]


@pytest.mark.parametrize("unknown", ["0" * 16, "", "'; --", "\0"])
def test_a_game_that_is_not_there_has_no_analyses(store: GameStore, unknown: str) -> None:
    with pytest.raises(GameNotFoundError, match="there is no game with the id"):
        store.analyses.put(unknown, KEY, b"", 0, {})

    assert store.analyses.get(unknown, KEY) is None
    assert store.analyses.list(unknown) == []
