"""A learner: everything that a policy needs to go on learning from where it stopped.

An algorithm is a subclass with `Learner.iterate`: gather some steps of play, learn from them. What all of them share
is here: the network and its replicas, the games, Adam, the random streams, and how to save all of it.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from agents.errors import DivergedError
from agents.policy.distribution import masked_log_softmax
from agents.policy.games import Boards, Games, LockstepGames
from agents.policy.network import PolicyNetwork, build_network
from agents.policy.rewards import compress, tile_sums
from agents.policy.rollout import Rollout, collect
from agents.policy.settings import LearningSettings
from game2048.symmetry import N_SYMMETRIES
from nets.data.generators import get_state, set_state
from nets.graph import no_grad
from nets.optim import Adam, clip_grad_norm_
from nets.replicas import Replicas, shares
from nets.schedules import EMA
from nets.tensor import Tensor

Arrays = dict[str, npt.NDArray[Any]]
Floats = npt.NDArray[np.float32]
Metrics = dict[str, float]
Objective = Callable[[PolicyNetwork, slice], tuple[Tensor, Metrics]]
"""(replica, part of a batch) -> (loss, figures); both are sums over the examples of the part."""

ADAM_EPS: Final = 1e-5  # as in published policy-gradient programs: 1e-8 makes large steps of tiny gradients
STREAM_WEIGHTS, STREAM_ACTIONS, STREAM_LEARNING = range(1, 4)  # what random streams of one seed are for
MAX_STARTS: Final = 65_536  # positions in the middle of games that are kept to begin from


class Learner(ABC):
    """Base of all algorithms.

    Parameters
    ----------
    settings : LearningSettings
        Of the class `Settings`.
    games : Games, optional
        Where to play, instead of on boards of 2048.
    network : PolicyNetwork, optional
        What to begin with, instead of random weights; changed in place. Its configuration must be that in the settings.

    Attributes
    ----------
    network : PolicyNetwork
    games : Games
    steps : int
        Environment steps so far: moves of all games together, or positions that were learned from elsewhere.
    updates : int
        Steps of the optimiser so far.
    """

    algorithm: ClassVar[str]
    """Its name on the command line and in files."""
    Settings: ClassVar[type[LearningSettings]]
    """The class of its settings."""

    def __init__(
        self, settings: LearningSettings, games: Games | None = None, network: PolicyNetwork | None = None
    ) -> None:
        if not isinstance(settings, self.Settings):
            raise TypeError(f"settings must be {self.Settings.__name__}, got {type(settings).__name__}")
        if network is not None and network.settings != settings.network:
            raise ValueError(f"network must be as settings.network says, {settings.network}, got {network.settings}")
        self.settings = settings
        self.network = network or build_network(settings.network, self._generator(STREAM_WEIGHTS))
        self.network.train()  # a loaded one is in the mode of use, where it pads what it reads
        self.games: Games = games or LockstepGames(
            settings.n_games, settings.seed, start_fraction=settings.start_fraction
        )
        self.optimizer = Adam(self.network.parameters(), lr=settings.lr, eps=ADAM_EPS)
        self.ema = None if settings.ema is None else EMA(self.network, settings.ema)
        self.replicas = Replicas(self.network, settings.n_threads)
        for replica in self.replicas.networks[1:]:
            assert isinstance(replica, PolicyNetwork)
            replica.share_tables(self.network)
        self.generator = self._generator(STREAM_LEARNING)
        self.steps = 0
        self.updates = 0
        self._action_rng = self._generator(STREAM_ACTIONS).integers(2**64, size=self.games.n_games, dtype=np.uint64)

    def _generator(self, stream: int) -> np.random.Generator:
        return np.random.default_rng([self.settings.seed, stream])

    @abstractmethod
    def iterate(self) -> Metrics:
        """Gather a block of experience, learn from it, and return the means of what was measured.

        Where they apply, they are called ``policy_loss``, ``value_error`` (mean squared), ``entropy`` (nats), ``kl``
        (nats, from the policy that played to the one that learned), ``grad_norm`` and ``lr``.
        """

    # --- playing ---

    def gather(self) -> Rollout:
        """Let the policy play ``horizon`` steps of every game."""
        if self.settings.turn_games:
            self.games.turn(self.generator.integers(N_SYMMETRIES, size=self.games.n_games, dtype=np.uint8))
        rollout = collect(self.replicas, self.games, self.settings.horizon, self._action_rng)
        self.steps += rollout.actions.size
        if self.settings.start_fraction and isinstance(self.games, LockstepGames):
            self._keep_starts(self.games)
        return rollout

    def _keep_starts(self, games: LockstepGames) -> None:
        """Keep one of 16 present positions, if it is in the upper half by the sum of its tiles, to begin from later."""
        sums = tile_sums(games.boards)
        chosen = (self.generator.random(games.n_games) < 1 / 16) & (sums >= np.median(sums))
        games.starts = np.concatenate([games.starts, games.boards[chosen]])[-MAX_STARTS:]

    def rewards(self, rollout: Rollout) -> Floats:
        """Return the rewards of a roll-out as learning reads them, shape (T, N)."""
        chosen = self.settings
        return compress(
            chosen.reward,
            rollout.rewards,
            rollout.boards[:-1],
            rollout.over,
            scale=chosen.reward_scale,
            end_penalty=chosen.end_penalty,
        )

    # --- learning ---

    def evaluate(self, boards: Boards) -> tuple[Floats, Floats]:
        """Return log-probabilities (n, 4) and values (n,) of packed boards (n,), without gradients."""
        log_probs, values = np.empty((boards.size, 4), np.float32), np.empty(boards.size, np.float32)

        def work(network: PolicyNetwork, part: slice) -> None:
            with no_grad():
                logits, value = network(boards[part])
                log_probs[part] = masked_log_softmax(logits, self.games.masks(boards[part])).data
                values[part] = value.data

        self.replicas.map(work, shares(boards.size, self.replicas.n_threads))
        return log_probs, values

    def update(
        self, objective: Objective, batch_size: int, most: int | None = None, *, n_examples: int | None = None
    ) -> Metrics:
        """Take one step of Adam along the gradient of the mean loss of a batch.

        Parameters
        ----------
        objective : Objective
            The loss of a part of the batch.
        batch_size : int
            Each thread gets a share of the batch.
        most : int, optional
            Where the batch is large, its gradient is summed over parts of at most so many examples, for memory.
        n_examples : int, optional
            What sums are divided by, where the batch is not cut by examples but, say, by sequences of them.

        Returns
        -------
        dict of str to float
            The means of the objective's figures, the norm of the gradient before it was clipped, and the learning rate.

        Raises
        ------
        DivergedError
            If any of them is not finite; the weights are then as they were.
        """
        n = batch_size if n_examples is None else n_examples

        def mean(network: PolicyNetwork, part: slice) -> tuple[Tensor, Metrics]:
            loss, sums = objective(network, part)
            return loss / n, {name: value / n for name, value in sums.items()}

        for replica in self.replicas.networks:
            replica.zero_grad()
        figures: Metrics = {}
        for start in range(0, batch_size, most or batch_size):
            stop = min(start + (most or batch_size), batch_size)
            parts = [
                slice(start + part.start, start + part.stop) for part in shares(stop - start, self.replicas.n_threads)
            ]
            for result in self.replicas.gradients(mean, parts):
                for name, value in result.items():
                    figures[name] = figures.get(name, 0.0) + value
        figures["grad_norm"] = clip_grad_norm_(self.network.parameters(), self.settings.max_grad_norm)
        for name, value in figures.items():
            if not math.isfinite(value):
                raise DivergedError(f"learning diverged: {name} is {value} after {self.steps} steps")
        figures["lr"] = self.optimizer.lr = self.settings.lr_at(self.steps)
        self.optimizer.step()
        if self.optimizer.lr > 0:
            self.network.sparse_step(self.optimizer.lr, self.settings.n_threads)
        self.updates += 1
        if self.ema is not None:
            self.ema.update()
        return figures

    # --- saving ---

    def leave(self, folder: Path) -> None:  # noqa: B027  # most leave nothing
        """Write what else is of use to players into the folder of a run, at its end."""

    def state_dict(self) -> tuple[Arrays, dict[str, Any]]:
        """Return all that learning depends on beside the settings: named arrays, and values of JSON's types."""
        parts: dict[str, Arrays] = {
            "network": self.network.state_dict(),
            "sparse": self.network.sparse_state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "games": self.games.state_dict(),
            "actions": {"rng": self._action_rng},
        }
        if self.ema is not None:
            parts["ema"] = self.ema.state_dict()
        tensors = {f"{part}.{name}": array for part, arrays in parts.items() for name, array in arrays.items()}
        return tensors, {"steps": self.steps, "updates": self.updates, "generator": get_state(self.generator)}

    def load_state_dict(self, tensors: Arrays, header: dict[str, Any]) -> None:
        """Go on where `state_dict` was called, in a learner of the same settings.

        Raises
        ------
        NetsError, KeyError, TypeError, ValueError
            If the state is of another learner; this one may then be of no use.
        """
        self.network.load_state_dict(part_of(tensors, "network"))
        sparse = part_of(tensors, "sparse")
        if sparse.keys() != self.network.sparse_state_dict().keys():
            raise ValueError(f"sparse must have what the network asks for, got {sorted(sparse)}")
        self.network.load_sparse_state_dict(sparse)
        self.optimizer.load_state_dict(part_of(tensors, "optimizer"))
        self.games.load_state_dict(part_of(tensors, "games"))
        if (rng := tensors["actions.rng"]).shape != self._action_rng.shape or rng.dtype != np.uint64:
            raise ValueError(
                f"actions.rng must be uint64 of shape {self._action_rng.shape}, got {rng.dtype} {rng.shape}"
            )
        self._action_rng[...] = rng
        if self.ema is not None:
            self.ema.load_state_dict(part_of(tensors, "ema"))
        self.steps, self.updates = int(header["steps"]), int(header["updates"])
        set_state(self.generator, header["generator"])


def part_of(tensors: Arrays, part: str) -> Arrays:
    """Return the arrays whose names begin with a part, without it.

    >>> part_of({"games.rng": np.ones(1), "network.w": np.ones(2)}, "games")
    {'rng': array([1.])}
    """
    return {name.removeprefix(f"{part}."): array for name, array in tensors.items() if name.startswith(f"{part}.")}


def mean_of(figures: list[Metrics]) -> Metrics:
    """Return the mean of each figure, over those that have it.

    >>> mean_of([{"kl": 1.0}, {"kl": 2.0, "td_error": 5.0}])
    {'kl': 1.5, 'td_error': 5.0}
    """
    values: dict[str, list[float]] = {}
    for each in figures:
        for name, value in each.items():
            values.setdefault(name, []).append(value)
    return {name: sum(found) / len(found) for name, found in values.items()}
