r"""REINFORCE with a learned baseline: the simple policy gradient, and what the others are compared with.

A roll-out has T steps of N games that the policy pi played. With returns G_t and the baseline b = V(s_t), which is
learned beside it, one step of Adam is taken along the gradient of

::

    L = 1/(T N) sum_t [ -(G_t - b) log pi(a_t | s_t)  -  c_H H(pi(. | s_t))  +  c_V (G_t - V(s_t))^2 / 2 ]
    G_t = r_t + gamma G_{t+1}        G_t = r_t where the game ends with step t        G_T = V(s_T)

where (G_t - b) counts as a constant. What was played is then thrown away: every step of learning needs new games.

References
----------
Williams, "Simple statistical gradient-following algorithms for connectionist reinforcement learning", Machine
Learning 8, 1992, https://doi.org/10.1007/BF00992696
Sutton and Barto, "Reinforcement Learning: An Introduction", 2nd edition, 2018, section 13.4.

Notes
-----
Departures from Williams' REINFORCE and the algorithm of section 13.4:

1. Roll-outs have a fixed length and not whole episodes: the return of what follows the last step is the baseline's.
2. Many games are played side by side, and the gradient is the mean over their steps, not over episodes.
3. The discount gamma^t in front of the gradient is left out, as is common: late moves count as much as early ones.
4. The entropy of the policy is added with a weight c_H (Williams and Peng, 1991).
5. Adam, with gradients clipped by their norm, instead of plain gradient ascent; one network for policy and baseline.
6. Illegal actions have probability 0.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agents.policy.distribution import entropy, masked_log_softmax, policy_loss
from agents.policy.learner import Floats, Learner, Metrics
from agents.policy.network import PolicyNetwork
from agents.policy.settings import LearningSettings, check_count, check_values
from agents.policy.targets import n_step_returns
from nets.tensor import Tensor


@dataclass(frozen=True, kw_only=True)
class ReinforceSettings(LearningSettings):
    """How REINFORCE learns."""

    part: int = 16_384
    """The gradient of a roll-out is summed over parts of so many steps, which bounds memory and changes nothing."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_values(self.network)
        check_count("part", self.part)


def reinforce_loss(
    logits: Tensor,
    values: Tensor,
    masks: npt.NDArray[np.bool_],
    actions: npt.NDArray[np.integer],
    returns: Floats,
    *,
    entropy_weight: float,
    value_weight: float,
) -> tuple[Tensor, Metrics]:
    """Return the sum of L over n steps (see above), and the sums of what it consists of.

    Parameters
    ----------
    logits, values : Tensor, shapes (n, 4) and (n,)
        What the network says.
    masks : ndarray of bool, shape (n, 4)
        Legal actions.
    actions : ndarray of ints, shape (n,)
        a_t.
    returns : ndarray of floats, shape (n,)
        G_t.
    entropy_weight, value_weight : float
        c_H and c_V.
    """
    log_pi = masked_log_softmax(logits, masks)
    advantages = returns - values.data  # a constant: no gradient goes through the baseline here
    loss_of_policy = policy_loss(log_pi, actions, advantages)
    value_error = ((values - returns) ** 2).sum()
    uncertainty = entropy(log_pi).sum()
    loss = loss_of_policy - entropy_weight * uncertainty + (0.5 * value_weight) * value_error
    return loss, {
        "policy_loss": float(loss_of_policy),
        "value_error": float(value_error),
        "entropy": float(uncertainty),
    }


class Reinforce(Learner):
    """REINFORCE with baseline; see `agents.policy.learner.Learner`."""

    algorithm = "reinforce"
    Settings = ReinforceSettings
    settings: ReinforceSettings

    def iterate(self) -> Metrics:
        """Play a roll-out, and take one step along its gradient."""
        rollout = self.gather()
        values = np.zeros(rollout.boards.shape, np.float32)
        _, values[-1] = self.evaluate(rollout.boards[-1])  # the only values that the returns of whole roll-outs need
        targets = n_step_returns(self.rewards(rollout), rollout.over, values, self.settings.gamma, rollout.horizon)
        boards, actions, returns = rollout.boards[:-1].ravel(), rollout.actions.ravel(), targets.ravel()

        def objective(network: PolicyNetwork, part: slice) -> tuple[Tensor, Metrics]:
            logits, values = network(boards[part])
            return reinforce_loss(
                logits,
                values,
                self.games.masks(boards[part]),
                actions[part],
                returns[part],
                entropy_weight=self.settings.entropy,
                value_weight=self.settings.value,
            )

        return self.update(objective, boards.size, self.settings.part)
