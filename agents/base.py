"""What an agent is, and what comes out of a game that it played."""

from typing import Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from game2048.game import Game
from game2048.record import MAX_PLIES, GameRecord

MAX_MOVES: Final = MAX_PLIES


class PlayedGame(NamedTuple):
    """One finished game.

    Attributes
    ----------
    seed : int
        Seed of the game; ``Game(seed)`` with the same moves is the same game.
    score : int
        Points.
    max_exponent : int
        Exponent of the largest tile.
    plies : ndarray of uint8, shape (n_moves,)
        The moves and new tiles, see `game2048.record`.
    """

    seed: int
    score: int
    max_exponent: int
    plies: npt.NDArray[np.uint8]

    def record(self, agent: str) -> GameRecord:
        """Return the game as a record, which verifies it."""
        return GameRecord(start=Game(self.seed).board, plies=self.plies, agent=agent, seed=self.seed)


class Agent(Protocol):
    """Anything that plays 2048."""

    name: str

    def act(self, game: Game) -> int:
        """Return a legal action of a game that is not over.

        An agent that draws random numbers may keep its stream between the moves of one game; asked for every move
        from the first on, it plays the game of `play_game`.
        """

    def play_game(self, game_seed: int) -> PlayedGame:
        """Play the whole game of a seed. The result depends on nothing but the agent and the seed."""
