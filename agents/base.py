"""What an agent is, and what comes out of a game that it played."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple, Protocol, runtime_checkable

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
    probabilities : ndarray of uint8, shape (n_moves, 4), optional
        How likely the agent was to play each action, in parts of 255, where it thinks in probabilities.
    """

    seed: int
    score: int
    max_exponent: int
    plies: npt.NDArray[np.uint8]
    probabilities: npt.NDArray[np.uint8] | None = None

    def record(self, agent: str) -> GameRecord:
        """Return the game as a record, which verifies it."""
        return GameRecord(
            start=Game(self.seed).board,
            plies=self.plies,
            agent=agent,
            seed=self.seed,
            probabilities=self.probabilities,
        )


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


@runtime_checkable
class StoppableAgent(Agent, Protocol):
    """An agent whose games may take hours, and that can be asked to leave one."""

    def play_game_unless(self, game_seed: int, stopped: Callable[[], bool]) -> PlayedGame | None:
        """Play the whole game of a seed as `play_game` does, or return None soon after ``stopped`` says yes."""


def never() -> bool:
    """Say no."""
    return False


@runtime_checkable
class BatchedAgent(Agent, Protocol):
    """An agent that plays many games at once faster than one after the other."""

    def play_games(self, seeds: Iterable[int], stopped: Callable[[], bool] = never) -> Iterator[PlayedGame]:
        """Yield the games of some seeds, in order, each as `play_game` plays it.

        ``seeds`` are taken one by one, when there is room for another game. ``stopped`` is asked at every move: once
        it says yes, no more games come.
        """


@runtime_checkable
class ThinksInProbabilities(Protocol):
    """An agent that can say how likely it is to play each action."""

    def move_probabilities(self, game: Game) -> npt.NDArray[np.float32]:
        """Return the probability of each action, ndarray of float32, shape (4,); 0 where it is illegal."""
