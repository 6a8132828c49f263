"""Games of an evaluation that are worth watching, kept for the viewer."""

from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from agents.base import PlayedGame
    from agents.series import TimedGame
    from server.store import GameStore

RARE: Final = 16  # exponent of 65536


class KeptGames:
    """Keeps the best game, and at once every game that reaches a rare tile.

    Any thread may add games. What a game is worth is known at its end, but that it was the best only at the end of
    all: so that one is kept by `keep_best`, and a game with a rare tile survives whatever stops the evaluation.

    Parameters
    ----------
    store : GameStore
        Where to keep them.
    agent : str
        Who plays.
    rare : int
        Exponent of the tile.
    """

    def __init__(self, store: "GameStore", agent: str, rare: int = RARE) -> None:
        self._store, self._agent, self._rare = store, agent, rare
        self._lock = Lock()
        self._best: PlayedGame | None = None
        self.ids: list[str] = []

    def add(self, timed: "TimedGame") -> None:
        """Look at a game."""
        game = timed.game
        with self._lock:
            if self._best is None or (game.score, -game.seed) > (self._best.score, -self._best.seed):
                self._best = game
            if game.max_exponent >= self._rare:
                self._keep(game)

    def keep_best(self) -> None:
        """Keep the best of the games so far."""
        with self._lock:
            if self._best is not None and self._best.max_exponent < self._rare:
                self._keep(self._best)

    def _keep(self, game: "PlayedGame") -> None:
        record = game.record(self._agent)
        self._store.add(record)
        self.ids.append(record.id)
