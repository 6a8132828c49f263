"""Distributions over the four actions, of which only the legal ones have a probability.

Log-probabilities of illegal actions are `ILLEGAL`, a finite number whose exp is 0: sums of p log p and gradients need
no special case, and no infinity turns into NaN. Nothing flows back to the logits of illegal actions. A board without a
legal action, which games never show, gets the softmax of all four.

With p = softmax(z) over the legal actions, and g = dL/d(log p):

    d(log p_a) / dz_b = delta_ab - p_b            dL/dz_b = g_b - p_b sum_a g_a
    H = - sum_a p_a log p_a                       dH/d(log p_a) = - p_a (log p_a + 1)

Each is one operation with one kernel there and one back; float64, for checks of gradients, is computed as well.

References
----------
Huang and Ontañón, "A closer look at invalid action masking in policy gradient algorithms", FLAIRS 2022,
https://doi.org/10.32473/flairs.v35i.130584.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

import nets
from agents.policy.boards import N_ACTIONS, as_kernels_take
from game2048._jit import njit
from nets.tensor import record_joint

ILLEGAL: Final = -1e9
"""Log-probability of an illegal action: exp of it is 0, and 0 times it is still 0."""

Array = npt.NDArray[Any]


# --- kernels ---


@njit(
    "void(float32[:, ::1], boolean[:, ::1], float32[:, ::1])",
    "void(float64[:, ::1], boolean[:, ::1], float64[:, ::1])",
)
def write_log_probs(logits: Array, allowed: Array, log_probs: Array) -> None:
    """Write z_a - log sum exp z over the allowed actions of each row; where none is, over all."""
    for i in range(len(logits)):
        z, legal = logits[i], allowed[i]
        none = not (legal[0] or legal[1] or legal[2] or legal[3])
        top = -np.inf
        for a in range(N_ACTIONS):
            if legal[a] or none:
                top = max(top, z[a])
        total = 0.0
        for a in range(N_ACTIONS):
            if legal[a] or none:
                total += np.exp(z[a] - top)
        shift = top + np.log(total)
        for a in range(N_ACTIONS):
            log_probs[i, a] = z[a] - shift if legal[a] or none else ILLEGAL


@njit(
    "void(float32[:, ::1], float32[:, ::1], float32[:, ::1])", "void(float64[:, ::1], float64[:, ::1], float64[:, ::1])"
)
def write_logit_gradients(grad: Array, log_probs: Array, delta: Array) -> None:
    """Write dL/dz_b = g_b - p_b sum_a g_a; 0 for illegal actions."""
    for i in range(len(grad)):
        g, log_p = grad[i], log_probs[i]
        total = 0.0
        for a in range(N_ACTIONS):
            if log_p[a] != ILLEGAL:
                total += g[a]
        for a in range(N_ACTIONS):
            delta[i, a] = g[a] - np.exp(log_p[a]) * total if log_p[a] != ILLEGAL else 0.0


@njit("void(float32[:, ::1], float32[::1])", "void(float64[:, ::1], float64[::1])")
def write_entropies(log_probs: Array, out: Array) -> None:
    """Write - sum_a p_a log p_a for each row."""
    for i in range(len(log_probs)):
        total = 0.0
        for a in range(N_ACTIONS):
            total -= np.exp(log_probs[i, a]) * log_probs[i, a]
        out[i] = total


@njit("void(float32[::1], float32[:, ::1], float32[:, ::1])", "void(float64[::1], float64[:, ::1], float64[:, ::1])")
def write_entropy_gradients(grad: Array, log_probs: Array, delta: Array) -> None:
    """Write - g p_a (log p_a + 1)."""
    for i in range(len(log_probs)):
        for a in range(N_ACTIONS):
            delta[i, a] = -grad[i] * np.exp(log_probs[i, a]) * (log_probs[i, a] + 1)


@njit("void(float32[:, ::1], float32[::1], uint8[::1])")
def draw_actions(log_probs: Array, uniforms: Array, actions: Array) -> None:
    """Write the first legal action of each row whose cumulative probability exceeds u.

    Rounding may leave the sum of all below u; then it is the last legal one. So even NaN draws something legal.
    """
    for i in range(actions.size):
        below = 0.0
        action = 0
        for a in range(N_ACTIONS):
            if log_probs[i, a] <= np.float32(ILLEGAL):
                continue
            action = a
            below += np.exp(log_probs[i, a])
            if uniforms[i] < below:
                break
        actions[i] = action


# --- operations ---


def masked_log_softmax(logits: nets.Tensor, masks: npt.NDArray[np.bool_]) -> nets.Tensor:
    """Return the log-probabilities of legal actions.

    Parameters
    ----------
    logits : Tensor, shape (n, 4)
    masks : ndarray of bool, shape (n, 4)
        Legal actions.

    Returns
    -------
    Tensor, shape (n, 4)
        `ILLEGAL` for the others.
    """
    z = _rows("logits", logits)
    allowed = as_kernels_take(masks)
    if allowed.dtype != np.bool_ or allowed.shape != z.shape:
        raise nets.ShapeError(f"masks must be bools of shape {z.shape}, got {allowed.dtype} {allowed.shape}")
    log_probs = np.empty_like(z)
    write_log_probs(z, allowed, log_probs)

    def backward(grad: Array) -> tuple[Array]:
        delta = np.empty_like(z)
        write_logit_gradients(as_kernels_take(grad.astype(z.dtype, copy=False)), log_probs, delta)
        return (delta,)

    return record_joint("masked_log_softmax", log_probs, (logits,), backward)


def entropy(log_probs: nets.Tensor) -> nets.Tensor:
    """Return - sum_a p_a log p_a for each row, shape (n,), nats."""
    log_p = _rows("log_probs", log_probs)
    entropies = np.empty(len(log_p), log_p.dtype)
    write_entropies(log_p, entropies)

    def backward(grad: Array) -> tuple[Array]:
        delta = np.empty_like(log_p)
        write_entropy_gradients(as_kernels_take(grad.astype(log_p.dtype, copy=False)), log_p, delta)
        return (delta,)

    return record_joint("entropy", entropies, (log_probs,), backward)


def chosen(log_probs: nets.Tensor, actions: npt.NDArray[Any]) -> nets.Tensor:
    """Return log p of one action of each row, shape (n,)."""
    log_p = _rows("log_probs", log_probs)
    taken = _actions(actions, len(log_p))
    rows = np.arange(len(log_p))

    def backward(grad: Array) -> tuple[Array]:
        delta = np.zeros_like(log_p)
        delta[rows, taken] = grad
        return (delta,)

    return record_joint("chosen", log_p[rows, taken], (log_probs,), backward)


def policy_loss(log_probs: nets.Tensor, actions: npt.NDArray[Any], weights: npt.NDArray[Any]) -> nets.Tensor:
    """Return - sum_i w_i log p_i(a_i), whose gradient is the policy gradient for constant weights w.

    Parameters
    ----------
    log_probs : Tensor, shape (n, 4)
    actions : ndarray of ints, shape (n,)
        The actions taken.
    weights : ndarray of floats, shape (n,)
        Advantages, times importance weights, divided by the size of the batch: an action with a positive weight becomes
        more likely.

    References
    ----------
    Williams, "Simple statistical gradient-following algorithms for connectionist reinforcement learning", Machine
    Learning 8, 1992, https://doi.org/10.1007/BF00992696.
    """
    log_p = chosen(log_probs, actions)
    if np.shape(weights) != log_p.shape:
        raise nets.ShapeError(f"weights must have shape {log_p.shape}, got {np.shape(weights)}")
    return -(log_p * np.asarray(weights, log_p.dtype)).sum()


def sample(log_probs: npt.NDArray[np.float32], uniforms: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Draw an action for each row, never an illegal one.

    Parameters
    ----------
    log_probs : ndarray of float32, shape (n, 4)
        `ILLEGAL` or less for illegal actions.
    uniforms : ndarray of float32, shape (n,)
        Uniform in [0, 1).

    Examples
    --------
    >>> sample(np.log(np.array([[0.25, 0.75, 1e-9, 1e-9]] * 2, np.float32)), np.array([0.2, 0.3], np.float32))
    array([0, 1], dtype=uint8)
    """
    log_p, u = (as_kernels_take(np.asarray(array, np.float32)) for array in (log_probs, uniforms))
    if log_p.ndim != 2 or log_p.shape[1] != N_ACTIONS or u.shape != log_p.shape[:1]:
        raise ValueError(f"log_probs and uniforms must have shapes (n, 4) and (n,), got {log_p.shape} and {u.shape}")
    actions = np.empty(u.size, np.uint8)
    draw_actions(log_p, u, actions)
    return actions


def _rows(name: str, tensor: nets.Tensor) -> Array:
    """Return the contiguous array of a tensor of shape (n, 4)."""
    if tensor.ndim != 2 or tensor.shape[1] != N_ACTIONS:
        raise nets.ShapeError(f"{name} must have shape (n, 4), got {tensor.shape}")
    if tensor.dtype not in (np.float32, np.float64):
        raise nets.DtypeError(f"{name} must be float32 or float64, got {tensor.dtype}")
    return as_kernels_take(tensor.data)


def _actions(actions: npt.NDArray[Any], n: int) -> npt.NDArray[np.int64]:
    """Return a copy of n actions, or refuse them."""
    taken = np.array(actions)
    if taken.shape != (n,) or taken.dtype.kind not in "iu":
        raise nets.ShapeError(f"actions must be ints of shape ({n},), got {taken.dtype} {taken.shape}")
    if n and not (taken.min() >= 0 and taken.max() < N_ACTIONS):
        raise nets.ArgumentError(f"actions must be in [0, 4), got {taken.min()} to {taken.max()}")
    return taken.astype(np.int64)
