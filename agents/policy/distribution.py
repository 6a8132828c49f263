"""Distributions over the four actions, of which only the legal ones have a probability."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

import nets
from game2048._jit import njit
from nets import functional as F  # noqa: N812  # as everywhere in the field
from nets import ops

ILLEGAL: Final = -1e9
"""Log-probability of an illegal action: exp of it is 0, and 0 times it is still 0."""


def masked_log_softmax(logits: nets.Tensor, masks: npt.NDArray[np.bool_]) -> nets.Tensor:
    """Return log-probabilities of the legal actions, `ILLEGAL` for the others; a row without any is uniform."""
    allowed = masks | ~masks.any(1, keepdims=True)
    log_probs = F.log_softmax(ops.where(allowed, logits, ILLEGAL))
    return ops.where(allowed, log_probs, ILLEGAL)


def entropy(log_probs: nets.Tensor) -> nets.Tensor:
    """Return - sum_a p_a log p_a for each row, nats."""
    return -(log_probs.exp() * log_probs).sum(1)


@njit("void(float32[:, ::1], float32[::1], uint8[::1])")
def sample_kernel(log_probs: Any, uniforms: Any, actions: Any) -> None:
    """Write the first action whose cumulative probability exceeds u; the last legal one where rounding leaves none."""
    for i in range(actions.size):
        below = np.float32(0)
        action = 0
        for a in range(4):
            p = np.exp(log_probs[i, a])
            if p > np.float32(0):
                action = a
                below += p
                if uniforms[i] < below:
                    break
        actions[i] = action


def sample(log_probs: npt.NDArray[np.float32], uniforms: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Return an action for each row, drawn with one uniform number in [0, 1) each."""
    actions = np.empty(len(log_probs), np.uint8)
    sample_kernel(np.ascontiguousarray(log_probs, np.float32), np.ascontiguousarray(uniforms, np.float32), actions)
    return actions
