"""GameBodies: the games that are asked for most, as JSON, compressed and named.

A game is read once and then answered from memory. Another process may delete it meanwhile, and even add it again in
another player's name: every second, the first request asks the database whether it is still the same.
"""

import time
from datetime import datetime
from functools import lru_cache

import msgspec
from msgspec import UNSET, Struct, UnsetType

from server.body import Body
from server.operations import JSON, Time
from server.store import GameStore


class Game(Struct, frozen=True, kw_only=True):
    """A game as `GameRecord.to_json` writes it, and when it was added."""

    format: str
    version: int
    ruleset: str
    id: str
    agent: str
    seed: int | str | None
    score: int
    max_tile: int
    n_moves: int
    set_up: bool | UnsetType = UNSET
    start: list[int]
    plies: str
    probabilities: str | UnsetType = UNSET
    created_at: Time


class GameBodies:
    """What games are answered with.

    Parameters
    ----------
    store : GameStore
        The games.
    n_kept : int
        How many are kept in memory.
    """

    def __init__(self, store: GameStore, n_kept: int) -> None:
        self._store = store
        self._bodies = lru_cache(maxsize=n_kept)(self._make)
        self._added_at = lru_cache(maxsize=n_kept)(self._ask)

    def get(self, game_id: str) -> Body:
        """Return the body of a game.

        Raises
        ------
        GameNotFoundError
            If no game has this id.
        """
        return self._bodies(game_id, self._added_at(game_id, int(time.monotonic())))

    def forget(self) -> None:
        """Read every game anew: one was deleted, and may come back in this very second."""
        self._added_at.cache_clear()
        self._bodies.cache_clear()

    def _ask(self, game_id: str, second: int) -> datetime:
        """Return when a game was added, as far as is known in this second."""
        return self._store.added_at(game_id)

    def _make(self, game_id: str, added_at: datetime) -> Body:
        """Read a game and write it as JSON."""
        game = self._store.get(game_id)
        return Body.of(msgspec.json.encode(Game(**game.record.to_json(), created_at=game.created_at)), JSON)
