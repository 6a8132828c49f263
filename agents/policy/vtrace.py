r"""Off-policy actor-critic: learn from a buffer of what earlier policies played, corrected by importance weights.

Sequences of T steps come from the newest roll-out and, ``replay`` times as many, from a buffer of older ones, which
other policies mu played. With rho_t = pi(a_t | s_t) / mu(a_t | s_t) and the targets v_t of V-trace
(`agents.policy.targets`), steps of Adam are taken along the gradient of the mean over all steps of

::

    L = -A_t log pi(a_t | s_t)  +  c_V (V(s_t) - v_t)^2 / 2  -  c_H H(pi(. | s_t))                  (network)
    A_t = min(rho_bar, rho_t) (r_t + gamma q_{t+1} - V(s_t))        q_t = lambda v_t + (1 - lambda) V(s_t)

where A_t and v_t count as constants, and gamma as 0 where the game ended with step t. ``critic="afterstates"`` takes
values from `agents.policy.critic` instead, which tell the value of all four actions. Then nothing depends on the action
that mu happened to take, the sum over actions replaces the sample, and no importance weight is left::

    L = -sum_a pi(a | s_t) A(s_t, a)  -  c_H H(pi(. | s_t))                                     (afterstates)
    A(s, a) = (Q(s, a) - sum_b pi(b | s) Q(s, b)) / (sum of the tiles of s)

The gradient of the sum, with A as a constant, is sum_a A(s, a) grad pi(a | s): the policy gradient theorem itself
(Sutton et al., equation 2), without a sample's variance.

References
----------
Espeholt et al., "IMPALA: scalable distributed deep-RL with importance weighted actor-learner architectures", ICML 2018,
https://doi.org/10.48550/arXiv.1802.01561 (V-trace; section 4).
Wang et al., "Sample efficient actor-critic with experience replay", ICLR 2017,
https://doi.org/10.48550/arXiv.1611.01224 (ACER: replay; the sum over actions in section 3.2).
Degris, White and Sutton, "Off-policy actor-critic", ICML 2012, https://doi.org/10.48550/arXiv.1205.4839.
Sutton, McAllester, Singh and Mansour, "Policy gradient methods for reinforcement learning with function
approximation", NeurIPS 1999.

Notes
-----
Departures from IMPALA:

1. Actors and learner take turns on the same threads: the policy lag comes from the buffer alone.
2. Every roll-out is learned from once when it is new; replayed sequences come on top (IMPALA's section 5.3.1 mixes
   halves).
3. Adam instead of RMSProp; gradients are means over the batch, not sums.
4. Illegal actions have probability 0.
5. q_{t+1} instead of v_{t+1} in A_t, the same at lambda = 1; see `agents.policy.targets`.
6. Replay may be prioritised: what is due to A_t and v_t is then weighted to make up for it, the entropy is not.

Departures from ACER, with ``critic="afterstates"``:

7. Q is not a second head that learns Retrace targets from replay, but an n-tuple network that learns TD(lambda) from
   every new game once; the policy alone learns from replay.
8. Only the sum over actions is used, ACER's gradient with truncation c = 0, and no trust region.
9. As in Off-PAC, replayed states are weighted as they come, not as the present policy would meet them.
10. Advantages are divided by the sum of the tiles, so that a mistake counts alike early and late in a game.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from agents.checkpoint import CRITIC_FOLDER, load_learner
from agents.checkpoint import save_learner as save_critic
from agents.policy.critic import AfterstateCritic
from agents.policy.distribution import entropy, masked_log_softmax, policy_loss
from agents.policy.games import Games, LockstepGames
from agents.policy.learner import Arrays, Floats, Learner, Metrics, mean_of, part_of
from agents.policy.network import PolicyNetwork
from agents.policy.replay import ReplayBuffer
from agents.policy.rewards import tile_sums
from agents.policy.rollout import Rollout
from agents.policy.settings import LearningSettings, check, check_count
from agents.policy.targets import vtrace
from nets.tensor import Tensor

Critic = Literal["network", "afterstates"]
Boards = npt.NDArray[np.uint64]


@dataclass(frozen=True, kw_only=True)
class VTraceSettings(LearningSettings):
    """How the off-policy actor-critic learns."""

    critic: Critic = "network"
    """Whose values: the network's own, of boards, or those of an n-tuple network, of afterstates, 770 MiB."""
    critic_from: str = ""
    """Folder of a trained n-tuple network that the afterstate critic begins with; without one it begins with zeros.
    It must still be there when a run is resumed."""
    replay: float = 1.0
    """Steps learned from the buffer for each new step; 0: every step is learned from once, and there is no buffer."""
    capacity: int = 2_000_000
    """Steps that the buffer holds, 17 bytes each."""
    prioritised: bool = False
    """Whether sequences with large value errors (network) or advantages (afterstates) are replayed more often."""
    length: int = 16
    """Steps of a replayed sequence; with ``critic="afterstates"``, to which what follows is of no use, always 1."""
    batch_size: int = 4096
    """Steps of a batch, a multiple of ``length``."""
    trace_decay: float = 0.95
    """lambda of the V-trace targets (remark 2 of the paper), in [0, 1]."""
    critic_decay: float = 0.5
    """lambda of the afterstate critic's TD(lambda), in [0, 1]."""
    rho_bar: float = 1.0
    """Where the importance weights of advantages and targets are cut, at least ``c_bar``."""
    c_bar: float = 1.0
    """Where those that carry later errors back are cut, positive."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check("critic", self.critic, self.critic in get_args(Critic), f"one of {', '.join(get_args(Critic))}")
        check("replay", self.replay, 0 <= self.replay < 1000, "in [0, 1000)")
        for name in ("trace_decay", "critic_decay"):
            check(name, getattr(self, name), 0 <= getattr(self, name) <= 1, "in [0, 1]")
        check("c_bar", self.c_bar, self.c_bar > 0, "positive")
        check("rho_bar", self.rho_bar, self.rho_bar >= self.c_bar, f"at least c_bar, {self.c_bar}")
        for name in ("capacity", "length", "batch_size"):
            check_count(name, getattr(self, name))
        if self.critic == "afterstates":
            object.__setattr__(self, "length", 1)
        if self.batch_size % self.length:
            raise ValueError(f"batch_size must be a multiple of length, {self.length}, got {self.batch_size}")
        if self.capacity < self.n_games * self.length:
            rule = f"at least n_games * length, {self.n_games * self.length}"
            raise ValueError(f"capacity must be {rule}, got {self.capacity}")
        if self.critic_from and self.critic != "afterstates":
            raise ValueError(f"critic_from must be empty unless critic is 'afterstates', got {self.critic_from!r}")
        if self.critic == "network" and self.network.body == "ntuple":
            raise ValueError("critic must be 'afterstates' for an n-tuple policy, which has no values, got 'network'")


def vtrace_loss(
    log_pi: Tensor,
    values: Tensor,
    actions: npt.NDArray[np.integer],
    advantages: Floats,
    targets: Floats,
    *,
    entropy_weight: float,
    value_weight: float,
    weights: Floats | float = 1.0,
) -> tuple[Tensor, Metrics]:
    """Return the sum of L over n steps (see above, "network"), and the sums of what it consists of.

    Parameters
    ----------
    log_pi : Tensor, shape (n, 4)
        log pi(. | s_t).
    values : Tensor, shape (n,)
        V(s_t).
    actions : ndarray of ints, shape (n,)
        a_t.
    advantages, targets : ndarray of floats, shape (n,)
        A_t, importance weights included, and v_t.
    entropy_weight, value_weight : float
        c_H and c_V.
    weights : ndarray of floats, shape (n,)
        Of each step, where sampling by priority has to be made up for.
    """
    loss_of_policy = policy_loss(log_pi, actions, weights * advantages)
    value_error = (((values - targets) ** 2) * weights).sum()
    uncertainty = entropy(log_pi).sum()
    loss = loss_of_policy - entropy_weight * uncertainty + (0.5 * value_weight) * value_error
    return loss, {
        "policy_loss": float(loss_of_policy),
        "value_error": float(value_error),
        "entropy": float(uncertainty),
    }


def all_actions_loss(
    log_pi: Tensor, advantages: Floats, *, entropy_weight: float, weights: Floats | float = 1.0
) -> tuple[Tensor, Metrics]:
    """Return the sum of L over n steps (see above, "afterstates"), and the sums of what it consists of.

    Parameters
    ----------
    log_pi : Tensor, shape (n, 4)
        log pi(. | s).
    advantages : ndarray of floats, shape (n, 4)
        A(s, a); 0 where an action is illegal.
    entropy_weight : float
        c_H.
    weights : ndarray of floats, shape (n,)
        Of each step.
    """
    loss_of_policy = -((log_pi.exp() * advantages).sum(1) * weights).sum()
    uncertainty = entropy(log_pi).sum()
    return loss_of_policy - entropy_weight * uncertainty, {
        "policy_loss": float(loss_of_policy),
        "entropy": float(uncertainty),
    }


def advantages_of(action_values: Floats, probabilities: Floats, scale: Floats) -> Floats:
    """Return A(s, a), shape (n, 4), from Q(s, a), -inf where illegal, and pi(a | s); ``scale`` (n,) divides it."""
    legal = ~np.isneginf(action_values)  # what is not a number stays one, for the learner to notice
    q = np.where(legal, action_values, np.float32(0))
    v = (probabilities * q).sum(1, keepdims=True)
    return np.where(legal, (q - v) / scale[:, None], np.float32(0))


@dataclass(frozen=True, eq=False)
class Sequences:
    """A batch: a roll-out of sequences, their legal actions, and their weights."""

    rollout: Rollout
    masks: npt.NDArray[np.bool_]
    weights: Floats | None = None


class VTrace(Learner):
    """Off-policy actor-critic; see `agents.policy.learner.Learner`.

    Attributes
    ----------
    buffer : ReplayBuffer or None
    critic : AfterstateCritic or None
    """

    algorithm = "vtrace"
    Settings = VTraceSettings
    settings: VTraceSettings

    def __init__(
        self, settings: VTraceSettings, games: Games | None = None, network: PolicyNetwork | None = None
    ) -> None:
        super().__init__(settings, games, network)
        self.buffer: ReplayBuffer | None = None
        if settings.replay:
            self.buffer = ReplayBuffer(
                self.games.n_games, settings.capacity, prioritised=settings.prioritised, masks=self.games.masks
            )
        self.critic: AfterstateCritic | None = None
        if settings.critic == "afterstates":
            if not isinstance(self.games, LockstepGames):
                raise ValueError(f"critic must be 'network' on {type(self.games).__name__}, got 'afterstates'")
            self.critic = AfterstateCritic(self.games.n_games, trace_decay=settings.critic_decay)
            if settings.critic_from:
                self.critic.learner = load_learner(Path(settings.critic_from))
        self._owed = 0.0  # steps to learn from the buffer

    def iterate(self) -> Metrics:
        """Play a roll-out; learn from it and from the buffer."""
        rollout = self.gather()
        figures: list[Metrics] = []
        critic_error = float("nan") if self.critic is None else self.critic.learn(rollout)
        columns = max(self.settings.batch_size // rollout.horizon, 1)
        for start in range(0, rollout.n_games, columns):
            part = slice(start, start + columns)
            fresh = _columns(rollout, part)
            figures.append(self._learn(Sequences(fresh, self.games.masks(fresh.boards[:-1])))[0])
        if self.buffer is not None:
            self.buffer.add(rollout)
            figures += self._replay(self.buffer, rollout.actions.size)
        means = mean_of(figures)
        if not math.isnan(critic_error):  # some game ended
            means["td_error"] = critic_error
        return means

    def _replay(self, buffer: ReplayBuffer, new_steps: int) -> list[Metrics]:
        """Learn from the buffer, ``replay`` steps for each new one."""
        length, size = self.settings.length, self.settings.batch_size
        figures: list[Metrics] = []
        self._owed += self.settings.replay * new_steps
        while self._owed >= size and len(buffer) >= self.games.n_games * length:
            sample = buffer.sample(size // length, length, self.generator)
            weights = np.broadcast_to(sample.weights, sample.actions.shape) if self.settings.prioritised else None
            means, priorities = self._learn(Sequences(sample, sample.masks, weights))
            if self.settings.prioritised:
                buffer.update_priorities(sample.indices, priorities)
            figures.append(means)
            self._owed -= size
        return figures

    def _learn(self, batch: Sequences) -> tuple[Metrics, Floats]:
        """Take a step along the gradient of a batch; return what was measured, and a priority for each sequence."""
        rollout = batch.rollout
        n, steps = rollout.n_games, rollout.actions.size
        priorities = np.empty(n, np.float32)
        rewards = self.rewards(rollout) if self.critic is None else None

        def objective(network: PolicyNetwork, part: slice) -> tuple[Tensor, Metrics]:
            columns = Sequences(
                _columns(rollout, part),
                np.ascontiguousarray(batch.masks[:, part]),
                None if batch.weights is None else np.ascontiguousarray(batch.weights[:, part]),
            )
            if rewards is None:
                loss, figures, errors = self._all_actions(network, columns)
            else:
                loss, figures, errors = self._sampled(network, columns, np.ascontiguousarray(rewards[:, part]))
            priorities[part] = np.abs(errors).reshape(rollout.horizon, -1).mean(0)
            return loss, figures

        return self.update(objective, n, n_examples=steps), priorities

    def _sampled(self, network: PolicyNetwork, batch: Sequences, rewards: Floats) -> tuple[Tensor, Metrics, Floats]:
        """Return the loss with the network's own values, summed, its parts, and the errors of the values."""
        rollout, chosen = batch.rollout, self.settings
        steps, actions = rollout.actions.size, rollout.actions.ravel()
        logits, values = network(rollout.boards.ravel())
        log_pi = masked_log_softmax(logits[:steps], batch.masks.reshape(-1, 4))
        log_rho = log_pi.data[np.arange(steps), actions].reshape(rewards.shape) - rollout.log_probs
        targets, advantages = vtrace(
            log_rho,
            rewards,
            rollout.over,
            values.data.reshape(rollout.boards.shape),
            chosen.gamma,
            chosen.trace_decay,
            chosen.rho_bar,
            chosen.c_bar,
        )
        loss, figures = vtrace_loss(
            log_pi,
            values[:steps],
            actions,
            advantages.ravel(),
            targets.ravel(),
            entropy_weight=chosen.entropy,
            value_weight=chosen.value,
            weights=1.0 if batch.weights is None else batch.weights.ravel(),
        )
        figures["kl"] = _kl_estimate(log_rho)
        return loss, figures, targets.ravel() - values.data[:steps]

    def _all_actions(self, network: PolicyNetwork, batch: Sequences) -> tuple[Tensor, Metrics, Floats]:
        """Return the loss with the critic's values, summed, its parts, and the advantages that the policy expects."""
        assert self.critic is not None
        rollout = batch.rollout
        boards, actions = rollout.boards[:-1].ravel(), rollout.actions.ravel()
        logits, _ = network(boards)
        log_pi = masked_log_softmax(logits, batch.masks.reshape(-1, 4))
        pi = np.exp(log_pi.data)
        advantages = advantages_of(self.critic.action_values(boards), pi, tile_sums(boards).astype(np.float32))
        loss, figures = all_actions_loss(
            log_pi,
            advantages,
            entropy_weight=self.settings.entropy,
            weights=1.0 if batch.weights is None else batch.weights.ravel(),
        )
        figures["kl"] = _kl_estimate(log_pi.data[np.arange(actions.size), actions] - rollout.log_probs.ravel())
        return loss, figures, (pi * np.abs(advantages)).sum(1)

    # --- saving ---

    def state_dict(self) -> tuple[Arrays, dict[str, Any]]:
        """Return all that learning depends on, the buffer included."""
        tensors, header = super().state_dict()
        if self.buffer is not None:
            tensors |= {f"buffer.{name}": array for name, array in self.buffer.state_dict().items()}
        if self.critic is not None:
            tensors |= {f"critic.{name}": array for name, array in self.critic.state_dict().items()}
        return tensors, {**header, "owed": self._owed}

    def load_state_dict(self, tensors: Arrays, header: dict[str, Any]) -> None:
        """Go on where `state_dict` was called."""
        super().load_state_dict(tensors, header)
        if self.buffer is not None:
            self.buffer.load_state_dict(part_of(tensors, "buffer"))
        if self.critic is not None:
            self.critic.load_state_dict(part_of(tensors, "critic"))
        self._owed = float(header["owed"])

    def leave(self, folder: Path) -> None:
        """Leave the afterstate critic as an n-tuple agent, for searches with the policy as their prior."""
        if self.critic is not None:
            save_critic(self.critic.learner, folder / CRITIC_FOLDER)


def _columns(rollout: Rollout, part: slice) -> Rollout:
    """Return some of the games of a roll-out."""
    return Rollout(
        boards=np.ascontiguousarray(rollout.boards[:, part]),
        actions=np.ascontiguousarray(rollout.actions[:, part]),
        log_probs=np.ascontiguousarray(rollout.log_probs[:, part]),
        rewards=np.ascontiguousarray(rollout.rewards[:, part]),
        over=np.ascontiguousarray(rollout.over[:, part]),
    )


def _kl_estimate(log_rho: Floats) -> float:
    """Return the sum over steps of an estimate of KL(mu, pi): rho - 1 - log rho, 0 for equal policies, never less."""
    return float((np.exp(np.minimum(log_rho, np.float32(30))) - 1 - log_rho).sum())
