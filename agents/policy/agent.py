"""An agent that plays what a policy network says.

A game depends on nothing but the agent and its seed, not on the games that are played beside it. Matrix products do:
with another number of rows BLAS takes another path, and the last bits differ. With a fixed number of rows, each row of
the result depends on its own row alone. So the network always sees `BATCH` boards at a time, whatever they are. (One
that reads afterstates keeps to this in evaluation mode, in which `nets.load` returns it; in training it saves the rows
of illegal moves.)
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from agents.base import PlayedGame, never
from agents.baselines import two_streams
from agents.lockstep import Actions, Probabilities, Words, play_in_lockstep, wide_masks
from agents.policy.boards import transform
from agents.policy.distribution import masked_log_softmax, sample
from agents.policy.network import PolicyNetwork
from agents.policy.rollout import draw_uniforms
from game2048.game import Game
from game2048.symmetry import ACTIONS, N_SYMMETRIES
from nets.graph import no_grad

BATCH: Final = 256
Mode = Literal["greedy", "sample"]
MODES: Final = get_args(Mode)


def evaluate_boards(
    network: PolicyNetwork, boards: Words, masks: npt.NDArray[np.bool_], *, symmetric: bool = False
) -> tuple[Probabilities, npt.NDArray[np.float32]]:
    """Return what a network says of boards; a board's result does not depend on the others.

    Parameters
    ----------
    network : PolicyNetwork
    boards : ndarray of uint64, shape (n,)
        Packed boards.
    masks : ndarray of bool, shape (n, 4)
        Legal actions; a board without any gets equal probabilities.
    symmetric : bool
        Whether to average over the eight symmetric boards: 8 times the work.

    Returns
    -------
    probabilities : ndarray of float32, shape (n, 4)
        0 for illegal actions.
    values : ndarray of float32, shape (n,)
        In the unit that the network learned.
    """
    symmetries = range(N_SYMMETRIES if symmetric else 1)
    n_rows = -(-boards.size // BATCH) * BATCH
    padded = np.zeros(n_rows, np.uint64)
    padded[: boards.size] = boards
    legal = np.zeros((n_rows, 4), np.bool_)
    legal[: boards.size] = masks
    probabilities, values = np.zeros((n_rows, 4), np.float32), np.zeros(n_rows, np.float32)
    with no_grad():
        for part in (slice(start, start + BATCH) for start in range(0, n_rows, BATCH)):
            for symmetry in symmetries:
                logits, value = network(transform(padded[part], symmetry))
                here = logits[:, ACTIONS[symmetry]]  # action a is called ACTIONS[symmetry, a] there
                probabilities[part] += np.exp(masked_log_softmax(here, legal[part]).data)
                values[part] += value.data
    n = np.float32(len(symmetries))
    return probabilities[: boards.size] / n, values[: boards.size] / n


class PolicyAgent:
    """Plays what a policy network says, without any search.

    Parameters
    ----------
    network : PolicyNetwork
    mode : {"greedy", "sample"}
        The most probable action, or one drawn from the distribution, with the game's own random stream.
    symmetric : bool
        Whether to average over the eight symmetric boards.
    name : str
        What to call the agent.
    """

    def __init__(
        self, network: PolicyNetwork, *, mode: Mode = "greedy", symmetric: bool = False, name: str = "policy"
    ) -> None:
        if mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}, got {mode!r}")
        self.network = network
        self.mode = mode
        self.symmetric = symmetric
        self.name = name
        self._own = two_streams(0)[1:]

    def move_probabilities(self, game: Game) -> npt.NDArray[np.float32]:
        """Return the probability of each action, ndarray of float32, shape (4,); 0 where it is illegal."""
        boards, highs = (np.array([word], np.uint64) for word in game.packed)
        probabilities: Probabilities = self._probabilities(boards, highs)[0]
        return probabilities

    def act(self, game: Game) -> int:
        """Return an action of a game that is not over; the player's stream starts anew with a new game."""
        if game.n_moves == 0:
            self._own = two_streams(game.seed)[1:]
        boards, highs = (np.array([word], np.uint64) for word in game.packed)
        return int(self._choose(boards, highs, self._own)[0][0])

    def play_game(self, game_seed: int) -> PlayedGame:
        """Play the whole game of a seed; many games are played much faster by `play_games`."""
        return next(self.play_games([game_seed]))

    def play_games(self, seeds: Iterable[int], stopped: Callable[[], bool] = never) -> Iterator[PlayedGame]:
        """Yield the games of some seeds, in order; see `agents.base.BatchedAgent`."""
        return play_in_lockstep(self._choose, seeds, BATCH, stopped)

    def _choose(self, boards: Words, highs: Words, own: Words) -> tuple[Actions, Probabilities]:
        probabilities = self._probabilities(boards, highs)
        if self.mode == "greedy":
            return probabilities.argmax(1).astype(np.uint8), probabilities
        uniforms = np.empty(boards.size, np.float32)
        draw_uniforms(own, uniforms)
        with np.errstate(divide="ignore"):
            return sample(np.log(probabilities), uniforms), probabilities

    def _probabilities(self, boards: Words, highs: Words) -> Probabilities:
        masks = wide_masks(boards, highs)
        return evaluate_boards(self.network, boards, masks, symmetric=self.symmetric)[0]
