"""The store: what goes in comes out, once, from several threads, and what is deleted is gone."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count

import numpy as np
import pytest

from game2048 import GameRecord
from server import CursorError, GameNotFoundError, GameStore, SchemaError, ServerError, StoreError
from server.store import games as store_of_games
from server.store import tables
from tests.game2048.games import NEARLY_65536, greedy, record_game, thoughts, with_probabilities

# --- adding and reading ---


def test_a_game_comes_back_with_the_time_it_was_added(store: GameStore, game: GameRecord) -> None:
    game_id, created = store.add(game)

    stored = store.get(game_id)

    assert (game_id, created) == (game.id, True)
    assert stored.record == game
    assert timedelta(0) <= datetime.now(UTC) - stored.created_at < timedelta(minutes=1)
    assert game_id in store


def test_a_game_is_kept_once_and_as_it_first_came(store: GameStore, game: GameRecord) -> None:
    again = GameRecord(start=game.start, plies=game.plies, agent="somebody else")
    store.add(game)

    assert store.add(again) == (game.id, False)
    assert store.count() == 1
    assert store.get(game.id).record.agent == game.agent


@pytest.mark.parametrize("seed", [None, 0, 2**53 + 1, 2**63, 2**64 - 1])
def test_every_seed_survives(store: GameStore, game: GameRecord, seed: int | None) -> None:
    store.add(GameRecord(start=game.start, plies=game.plies, seed=seed))

    assert store.get(game.id).record.seed == seed
    assert store.page().games[0].seed == seed


def test_a_game_beyond_65536_survives(store: GameStore) -> None:
    game = record_game(seed=5, policy=greedy, board=NEARLY_65536)
    store.add(game)

    assert store.get(game.id).record == game
    assert store.page().games[0].max_tile == 65536


def test_probabilities_survive(store: GameStore, game: GameRecord) -> None:
    thoughtful = with_probabilities(game, thoughts(game))

    store.add(thoughtful)

    np.testing.assert_array_equal(store.get(game.id).record.probabilities, thoughts(game))


def test_any_agent_name_survives(store: GameStore, game: GameRecord) -> None:
    name = "Robert'); DROP TABLE games;-- \N{GAME DIE} ".ljust(200, "x")
    store.add(GameRecord(start=game.start, plies=game.plies, agent=name))

    assert store.page().games[0].agent == name


def test_adding_many_says_which_are_new(store: GameStore, games: list[GameRecord]) -> None:
    store.add_many(games[:2])

    added = store.add_many(iter([*games[:3], games[2]]))

    assert added == [(games[0].id, False), (games[1].id, False), (games[2].id, True), (games[2].id, False)]
    assert store.add_many([]) == []


def test_the_last_board_is_listed(store: GameStore, game: GameRecord) -> None:
    store.add(game)

    assert store.page().games[0].board == tuple(game.boards[-1].ravel().tolist())


@pytest.mark.parametrize("game_id", ["0" * 16, "", "x", "0" * 1000, "'; --", "\0", "é" * 16])
def test_an_unknown_id_is_not_found(store: GameStore, game_id: str) -> None:
    assert game_id not in store
    with pytest.raises(GameNotFoundError, match="there is no game with the id"):
        store.get(game_id)
    with pytest.raises(GameNotFoundError, match="there is no game with the id"):
        store.delete(game_id)


def test_games_are_added_together_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, store: GameStore, games: list[GameRecord]
) -> None:
    def without_agent(record: GameRecord, now: int) -> dict[str, object]:
        return row_values(record, now) | ({"agent": None} if record is games[3] else {})

    row_values = store_of_games._row_values
    monkeypatch.setattr(store_of_games, "_row_values", without_agent)

    with pytest.raises(StoreError, match=r"(?i)not.null"):
        store.add_many(games)

    assert store.count() == 0


def test_games_are_there_after_closing(url: str, game: GameRecord) -> None:
    with GameStore(url) as store:
        store.add(game)

    with GameStore(url) as store:
        assert store.get(game.id).record == game


def test_a_damaged_game_is_named(store: GameStore, game: GameRecord) -> None:
    store.add(game)
    with store._database.engine.begin() as connection:
        connection.execute(tables.games.update().values(game=game.to_bytes()[:-1] + b"\x80"))

    with pytest.raises(StoreError, match=f"the game '{game.id}' is damaged: ply {game.n_moves}: "):
        store.get(game.id)


# --- deleting ---


def test_a_deleted_game_is_gone_with_its_analyses_and_no_other(store: GameStore, games: list[GameRecord]) -> None:
    store.add_many(games[:3])
    for game in games[:3]:
        store.analyses.put(game.id, "teacher", b"thoughts", 1, {})

    store.delete(games[1].id)

    assert games[1].id not in store
    assert {game.id for game in store.page().games} == {games[0].id, games[2].id}
    assert store.analyses.list(games[1].id) == []
    assert [store.analyses.get(game.id, "teacher") for game in games[:3]] == [b"thoughts", None, b"thoughts"]
    with pytest.raises(GameNotFoundError, match="there is no game with the id"):
        store.delete(games[1].id)


def test_a_deleted_game_may_come_back_without_its_analyses(store: GameStore, game: GameRecord) -> None:
    store.add(game)
    store.analyses.put(game.id, "teacher", b"thoughts", 1, {})
    store.delete(game.id)

    assert store.add(game) == (game.id, True)
    assert store.get(game.id).record == game
    assert store.analyses.list(game.id) == []


def test_nothing_is_noted_of_a_game_that_is_deleted_meanwhile(store: GameStore, games: list[GameRecord]) -> None:
    def analyse(number: int) -> int:
        for n_done in count():
            try:
                store.analyses.put(games[0].id, f"agent {number}", b"thoughts", n_done, {})
            except GameNotFoundError:
                return n_done
            time.sleep(0.001)  # so that others get the lock
        raise AssertionError

    store.add(games[0])
    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(analyse, number) for number in range(4)]
        while len(store.analyses.list(games[0].id)) < 4:
            time.sleep(0.001)
        store.delete(games[0].id)

    assert all(future.result() > 0 for future in done)
    assert store.analyses.list(games[0].id) == []


# --- who played ---


def test_agents_are_counted_the_busiest_first(store: GameStore, games: list[GameRecord]) -> None:
    names = ["b", "a", "Ä", "b", "a", "b"]
    store.add_many(
        GameRecord(start=game.start, plies=game.plies, agent=name) for game, name in zip(games, names, strict=False)
    )

    assert [(agent.name, agent.n_games) for agent in store.agents()] == [("b", 3), ("a", 2), ("Ä", 1)]


def test_without_games_there_are_no_agents(store: GameStore) -> None:
    assert store.agents() == []


# --- several at once ---


def test_threads_add_to_one_store(store: GameStore, games: list[GameRecord]) -> None:
    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(store.add, games * 4))

    assert store.count() == len(games)
    assert sum(created for _, created in added) == len(games)


def test_stores_open_one_new_database_at_once(url: str, games: list[GameRecord]) -> None:
    barrier = threading.Barrier(8)

    def open_and_add(index: int) -> int:
        barrier.wait()
        with GameStore(url) as store:
            store.add(games[index])
            return store.count()

    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(open_and_add, range(8)))

    assert max(counts) == 8


def test_errors_are_one_family() -> None:
    assert all(issubclass(kind, ServerError) for kind in (StoreError, SchemaError, GameNotFoundError, CursorError))


def test_a_password_is_never_shown() -> None:
    with pytest.raises(StoreError) as caught:
        GameStore("postgresql+psycopg://me:secret@127.0.0.1:1/games")

    assert "secret" not in str(caught.value)
