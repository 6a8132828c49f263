r"""Imitation: learn to play as an n-tuple agent does, before learning from one's own games.

The teacher plays (`agents.policy.teacher_games`), n_games * horizon positions at a time. They are shuffled into
batches of B, and for each batch a step is taken along the gradient of

::

    L = 1/B sum_s [ -sum_a p(a | s) log pi(a | s)  -  c_H H(pi(. | s))  +  c_V (G(s) - V(s))^2 / 2 ]

where p is what the teacher says of a position:

============  ==================================================================================================
``target``    p(a | s)
============  ==================================================================================================
``action``    1 for the action that it takes, argmax_a Q(s, a), 0 for the others
``values``    softmax_a Q(s, a) / (temperature m), m the sum of the tiles: actions that are nearly as good count
============  ==================================================================================================

G(s) is the discounted, compressed return (`agents.policy.rewards`) of the moves that followed in the very game, with
V beyond the last of them. So V learns the value of the teacher's play, its random moves included, in the unit in which
policy gradients go on to learn values: the teacher's own values are points, which cannot be converted. An n-tuple
policy has no V, and no such term.

References
----------
Pomerleau, "ALVINN: an autonomous land vehicle in a neural network", NeurIPS 1988 (imitation as supervised learning).
Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", 2015,
https://doi.org/10.48550/arXiv.1503.02531 (soft targets).
Rusu et al., "Policy distillation", ICLR 2016, https://doi.org/10.48550/arXiv.1511.06295 (from action values, with a low
temperature).

Notes
-----
Departures from policy distillation: the temperature is relative to the sum of the tiles, as differences of values grow
with it; and positions are forgotten after one block, for there are always more.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from agents.checkpoint import load_agent
from agents.errors import CheckpointError
from agents.policy.boards import Boards
from agents.policy.distribution import entropy, masked_log_softmax
from agents.policy.games import Games, LockstepGames
from agents.policy.learner import Arrays, Floats, Learner, Metrics, mean_of, part_of
from agents.policy.network import PolicyNetwork
from agents.policy.rewards import compress, tile_sum
from agents.policy.settings import LearningSettings, check, check_count, check_positive
from agents.policy.symmetry import augment
from agents.policy.targets import n_step_returns
from agents.policy.teacher_games import TeacherGames, TeacherMoves
from game2048._jit import njit
from game2048.symmetry import N_SYMMETRIES
from nets.tensor import Tensor

Target = Literal["action", "values"]
TOGETHER: Final = 16
"""Successive positions of a game that stay together in a batch of an n-tuple policy. They share most of their features,
which the processor then has at hand: 2.4 instead of 3.0 us a position, and it learns as much from each."""


@dataclass(frozen=True, kw_only=True)
class PretrainSettings(LearningSettings):
    """How a policy imitates."""

    teacher: str = ""
    """Folder of the n-tuple agent's run; it must still be there when a run is resumed."""
    target: Target = "values"
    """What is imitated: the teacher's action, or its values of all four, from which students learn to play better."""
    temperature: float = 0.01
    """Of the values, in sums of all tiles; with target="values" only."""
    exploration: float = 0.0
    """Share of the teacher's moves that are random, in [0, 1]; the answers stay its own."""
    n_games: int = 64
    """Games of the teacher side by side."""
    horizon: int = 4096
    """Moves of each in a block, which is shuffled as a whole."""
    batch_size: int = 2048
    """B; the last batch of a block may be smaller."""
    epochs: int = 1
    """How often each block is learned from."""
    entropy: float = 0.0
    """Weight of the policy's entropy, which is added to what is maximised."""
    value: float = 0.01
    """Weight of the squared error of values, so small that their large errors at first do not hold up the policy."""
    turn_games: bool = True
    """Turn and mirror every position at random; not for an n-tuple policy, to which all eight are the same."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check("teacher", self.teacher, bool(self.teacher), "the folder of an n-tuple agent's run")
        check("target", self.target, self.target in get_args(Target), f"one of {', '.join(get_args(Target))}")
        check_positive("temperature", self.temperature)
        check("exploration", self.exploration, 0 <= self.exploration <= 1, "in [0, 1]")
        check_count("batch_size", self.batch_size)
        check_count("epochs", self.epochs)


@njit("void(float32[:, ::1], uint64[::1], float32, float32[:, ::1])")
def write_soft_targets(values: Floats, boards: Boards, temperature: np.float32, out: Floats) -> None:
    """Write softmax_a Q(s, a) / (temperature m) of action values (n, 4), -inf where illegal, into ``out``."""
    for i in range(boards.size):
        scale = np.float32(1) / (temperature * np.float32(tile_sum(boards[i])))
        top = max(max(values[i, 0], values[i, 1]), max(values[i, 2], values[i, 3]))
        total = np.float32(0)
        for action in range(4):
            total += np.exp((values[i, action] - top) * scale)
        for action in range(4):
            out[i, action] = np.exp((values[i, action] - top) * scale) / total


def imitation_loss(
    log_pi: Tensor,
    targets: Floats,
    values: Tensor,
    returns: Floats | None,
    *,
    entropy_weight: float,
    value_weight: float,
) -> tuple[Tensor, Metrics]:
    """Return the sum of L over n positions (see above), and the sums of what it consists of.

    Parameters
    ----------
    log_pi : Tensor, shape (n, 4)
        log pi(. | s).
    targets : ndarray of floats, shape (n, 4)
        p(. | s).
    values : Tensor, shape (n,)
        V(s).
    returns : ndarray of floats, shape (n,), or None
        G(s); None: nothing is said of values.
    entropy_weight, value_weight : float
        c_H and c_V.
    """
    policy_loss = -(log_pi * targets).sum()
    uncertainty = entropy(log_pi).sum()
    likeliest = targets[np.arange(len(targets)), log_pi.data.argmax(1)]
    figures = {
        "policy_loss": float(policy_loss),
        "accuracy": float((likeliest == targets.max(1)).sum()),
        "entropy": float(uncertainty),
    }
    loss = policy_loss
    if entropy_weight:
        loss = loss - entropy_weight * uncertainty
    if returns is not None:
        value_error = ((values - returns) ** 2).sum()
        figures["value_error"] = float(value_error)
        loss = loss + (0.5 * value_weight) * value_error
    return loss, figures


class Pretrain(Learner):
    """Imitation of an n-tuple agent; see `agents.policy.learner.Learner`.

    ``steps`` counts positions. Nobody plays in ``games``: they only tell which actions are legal.

    Attributes
    ----------
    teacher_games : TeacherGames
    """

    algorithm = "pretrain"
    Settings = PretrainSettings
    settings: PretrainSettings

    def __init__(
        self, settings: PretrainSettings, games: Games | None = None, network: PolicyNetwork | None = None
    ) -> None:
        if not (games is None or isinstance(games, LockstepGames)):
            raise ValueError(f"games must be of 2048, as the teacher's are, got {type(games).__name__}")
        super().__init__(settings, games, network)
        self.teacher_games = TeacherGames(
            load_agent(Path(settings.teacher)),
            settings.n_games,
            settings.seed,
            exploration=settings.exploration,
            n_threads=settings.n_threads,
        )
        self._is_ntuple = settings.network.body == "ntuple"

    def iterate(self) -> Metrics:
        """Let the teacher play, and learn from it."""
        moves = self.teacher_games.play(self.settings.horizon)
        self.steps += moves.best.size
        boards = moves.boards[:, :-1].ravel()
        targets = self._targets(moves, boards)
        returns = None if self._is_ntuple else self._returns(moves)
        figures: list[Metrics] = []
        for _ in range(self.settings.epochs):
            order = self._order(boards.size)
            for start in range(0, boards.size, self.settings.batch_size):
                batch = order[start : start + self.settings.batch_size]
                figures.append(self._learn(boards[batch], targets[batch], None if returns is None else returns[batch]))
        return mean_of(figures)

    def _order(self, n: int) -> npt.NDArray[np.int64]:
        """Return the numbers of n positions, shuffled; an n-tuple policy meets some that follow each other together."""
        size = TOGETHER if self._is_ntuple else 1
        order = self.generator.permutation(-(-n // size))[:, None] * size + np.arange(size)
        return order[order < n]

    def _targets(self, moves: TeacherMoves, boards: Boards) -> Floats:
        """Return p of all positions, shape (n, 4)."""
        if self.settings.target == "action":
            return np.eye(4, dtype=np.float32)[moves.best.ravel()]
        targets = np.empty((boards.size, 4), np.float32)
        write_soft_targets(moves.values.reshape(-1, 4), boards, np.float32(self.settings.temperature), targets)
        return targets

    def _returns(self, moves: TeacherMoves) -> Floats:
        """Return G of all positions, shape (n,)."""
        chosen = self.settings
        rewards = compress(
            chosen.reward,
            moves.rewards,
            moves.boards[:, :-1],
            moves.over,
            scale=chosen.reward_scale,
            end_penalty=chosen.end_penalty,
        )
        values = np.zeros(moves.boards.T.shape, np.float32)
        _, values[-1] = self.evaluate(moves.boards[:, -1].copy())  # the only values that returns of whole blocks need
        by_time = np.ascontiguousarray(rewards.T), np.ascontiguousarray(moves.over.T)
        return n_step_returns(*by_time, values, chosen.gamma, chosen.horizon).T.ravel()

    def _learn(self, boards: Boards, targets: Floats, returns: Floats | None) -> Metrics:
        """Take a step along the gradient of a batch."""
        if self.settings.turn_games and not self._is_ntuple:
            symmetries = self.generator.integers(N_SYMMETRIES, size=boards.size, dtype=np.uint8)
            boards, targets = augment(boards, targets, symmetries)

        def objective(network: PolicyNetwork, part: slice) -> tuple[Tensor, Metrics]:
            logits, values = network(boards[part])
            return imitation_loss(
                masked_log_softmax(logits, self.games.masks(boards[part])),
                targets[part],
                values,
                None if returns is None else returns[part],
                entropy_weight=self.settings.entropy,
                value_weight=self.settings.value,
            )

        return self.update(objective, boards.size)

    # --- saving ---

    def state_dict(self) -> tuple[Arrays, dict[str, Any]]:
        """Return all that learning depends on, but for the teacher itself."""
        tensors, header = super().state_dict()
        tensors |= {f"teacher.{name}": array for name, array in self.teacher_games.state_dict().items()}
        return tensors, {**header, "teacher": self.teacher_games.teacher.name}

    def load_state_dict(self, tensors: Arrays, header: dict[str, Any]) -> None:
        """Go on where `state_dict` was called; raise CheckpointError if the teacher is another one by now."""
        if (name := self.teacher_games.teacher.name) != header["teacher"]:
            raise CheckpointError(f"teacher {self.settings.teacher} must be {header['teacher']}, as it was, got {name}")
        super().load_state_dict(tensors, header)
        self.teacher_games.load_state_dict(part_of(tensors, "teacher"))
