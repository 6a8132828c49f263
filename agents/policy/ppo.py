r"""PPO: several steps of learning from each roll-out, none of which may change the policy by much.

A roll-out has T steps of N games that the policy pi_old played, with generalised advantages A_t and returns R_t
(`agents.policy.targets.gae`). Several times over, its steps are shuffled into batches, and for each batch of B steps
one step of Adam is taken along the gradient of

::

    ratio_t = pi(a_t | s_t) / pi_old(a_t | s_t)
    L = 1/B sum_t [ -min(ratio_t A_t, clip(ratio_t, 1 - eps, 1 + eps) A_t)  -  c_H H(pi(. | s_t))
                    +  c_V (V(s_t) - R_t)^2 / 2 ]                                                   equation 9

References
----------
Schulman, Wolski, Dhariwal, Radford and Klimov, "Proximal policy optimization algorithms", 2017,
https://doi.org/10.48550/arXiv.1707.06347
Huang et al., "The 37 implementation details of proximal policy optimization", ICLR blog track, 2022,
https://iclr-blog-track.github.io/2022/03/25/ppo-implementation-details/ (in brackets: their numbers).

Notes
-----
Departures from the paper, and details that it leaves open:

1. pi_old(a_t | s_t) is not the log-probability that was noted in play, but computed again before learning, in the very
   batches of the first pass: so the ratio of a policy that has not changed yet is exactly 1, whatever the shapes of
   matrix products do to the last bit.
2. Advantages are brought to mean 0 and deviation 1 in each batch [7].
3. The squared error of values is not clipped [9]: Huang et al. and others found that it does not help.
4. Learning from a roll-out ends early once the estimated KL divergence, the mean of ratio - 1 - log ratio, exceeds
   ``kl_limit`` in a batch; that batch is the last one that was learned from [12, and "early stopping"].
5. One network for policy and value [13], Adam with eps 1e-5 [3], gradients clipped by their norm [11]; the learning
   rate may fall during the run [4], eps does not.
6. Illegal actions have probability 0 ["invalid action masking"].
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agents.policy.distribution import chosen, entropy, masked_log_softmax
from agents.policy.learner import Floats, Learner, Metrics, mean_of
from agents.policy.network import PolicyNetwork
from agents.policy.settings import LearningSettings, check, check_count, check_positive, check_values
from agents.policy.targets import gae
from nets import ops
from nets.tensor import Tensor

Integers = npt.NDArray[np.integer]


@dataclass(frozen=True, kw_only=True)
class PPOSettings(LearningSettings):
    """How PPO learns."""

    gae_lambda: float = 0.85
    """lambda of the advantages, in [0, 1]."""
    clip: float = 0.2
    """eps: a ratio further from 1 than this is not pushed any further, in (0, 1)."""
    epochs: int = 4
    """How often each step is learned from."""
    batch_size: int = 4096
    """B, steps of the environment in a batch; the last batch of a pass may be smaller."""
    kl_limit: float | None = 0.03
    """Nats at which learning from a roll-out ends early; None: it never does."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_values(self.network)
        check("gae_lambda", self.gae_lambda, 0 <= self.gae_lambda <= 1, "in [0, 1]")
        check("clip", self.clip, 0 < self.clip < 1, "in (0, 1)")
        check_count("epochs", self.epochs)
        check_count("batch_size", self.batch_size)
        if self.batch_size < 2:
            raise ValueError(f"batch_size must be at least 2, got {self.batch_size}")
        if self.kl_limit is not None:
            check_positive("kl_limit", self.kl_limit)


def ppo_loss(
    logits: Tensor,
    values: Tensor,
    masks: npt.NDArray[np.bool_],
    actions: Integers,
    old_log_probs: Floats,
    advantages: Floats,
    returns: Floats,
    *,
    clip: float,
    entropy_weight: float,
    value_weight: float,
) -> tuple[Tensor, Metrics]:
    """Return the sum of L over n steps (see above), and the sums of what it consists of.

    Parameters
    ----------
    logits, values : Tensor, shapes (n, 4) and (n,)
        What the network says now.
    masks : ndarray of bool, shape (n, 4)
        Legal actions.
    actions : ndarray of ints, shape (n,)
        a_t.
    old_log_probs, advantages, returns : ndarray of floats, shape (n,)
        log pi_old(a_t | s_t), A_t and R_t.
    clip, entropy_weight, value_weight : float
        eps, c_H and c_V.
    """
    log_pi = masked_log_softmax(logits, masks)
    log_ratio = chosen(log_pi, actions) - old_log_probs
    ratio = log_ratio.exp()
    policy_loss = -ops.minimum(ratio * advantages, ops.clip(ratio, 1 - clip, 1 + clip) * advantages).sum()
    value_error = ((values - returns) ** 2).sum()
    uncertainty = entropy(log_pi).sum()
    loss = policy_loss - entropy_weight * uncertainty + (0.5 * value_weight) * value_error
    return loss, {
        "policy_loss": float(policy_loss),
        "value_error": float(value_error),
        "entropy": float(uncertainty),
        "kl": float((ratio.data - 1 - log_ratio.data).sum()),
        "clipped": float((np.abs(ratio.data - 1) > clip).sum()),
    }


class PPO(Learner):
    """Proximal policy optimisation; see `agents.policy.learner.Learner`."""

    algorithm = "ppo"
    Settings = PPOSettings
    settings: PPOSettings

    def iterate(self) -> Metrics:
        """Play a roll-out, and learn from it several times."""
        rollout = self.gather()
        boards, actions = rollout.boards[:-1].ravel(), rollout.actions.ravel()
        batches = list(self._batches(actions.size))
        old_log_probs, values = self._evaluate_batches(boards, actions, batches)
        _, last_values = self.evaluate(rollout.boards[-1])
        advantages, returns = gae(
            self.rewards(rollout),
            rollout.over,
            np.concatenate([values, last_values]).reshape(rollout.boards.shape),
            self.settings.gamma,
            self.settings.gae_lambda,
        )
        figures: list[Metrics] = []
        for epoch in range(self.settings.epochs):
            for batch in batches if epoch == 0 else self._batches(actions.size):
                columns = boards[batch], actions[batch], old_log_probs[batch], advantages.ravel()[batch]
                figures.append(self._learn(*columns, returns.ravel()[batch]))
                if self.settings.kl_limit is not None and figures[-1]["kl"] > self.settings.kl_limit:
                    return mean_of(figures)
        return mean_of(figures)

    def _batches(self, n: int) -> Iterator[Integers]:
        """Yield the numbers of n steps, shuffled, a batch at a time."""
        order = self.generator.permutation(n)
        return (order[start : start + self.settings.batch_size] for start in range(0, n, self.settings.batch_size))

    def _evaluate_batches(
        self, boards: npt.NDArray[np.uint64], actions: Integers, batches: list[Integers]
    ) -> tuple[Floats, Floats]:
        """Return log pi(a | s) and V(s) of all steps, computed in these batches."""
        taken, values = np.empty(actions.size, np.float32), np.empty(actions.size, np.float32)
        for batch in batches:
            log_probs, values[batch] = self.evaluate(boards[batch])
            taken[batch] = log_probs[np.arange(batch.size), actions[batch]]
        return taken, values

    def _learn(
        self,
        boards: npt.NDArray[np.uint64],
        actions: Integers,
        old_log_probs: Floats,
        advantages: Floats,
        returns: Floats,
    ) -> Metrics:
        """Take a step along the gradient of a batch."""
        advantages = (advantages - advantages.mean()) / (advantages.std() + np.float32(1e-8))

        def objective(network: PolicyNetwork, part: slice) -> tuple[Tensor, Metrics]:
            logits, values = network(boards[part])
            return ppo_loss(
                logits,
                values,
                self.games.masks(boards[part]),
                actions[part],
                old_log_probs[part],
                advantages[part],
                returns[part],
                clip=self.settings.clip,
                entropy_weight=self.settings.entropy,
                value_weight=self.settings.value,
            )

        return self.update(objective, boards.size)
