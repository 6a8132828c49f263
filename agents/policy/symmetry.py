"""Eightfold symmetry: one board is eight examples to learn from, and eight opinions to play by.

A symmetry s turns the board and renames the actions: a becomes ``ACTIONS[s, a]`` (see `game2048.symmetry`).
"""

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

import nets
from agents.policy.boards import N_ACTIONS, Boards, Masks, action_masks, transform
from agents.policy.distribution import ILLEGAL, masked_log_softmax
from agents.policy.network import PolicyNetwork
from game2048.symmetry import ACTIONS, INVERSE, N_SYMMETRIES

Scalar = TypeVar("Scalar", bound=np.generic)
Floats = npt.NDArray[np.float32]


def augment(
    boards: Boards, targets: npt.NDArray[Scalar], symmetries: npt.NDArray[Any]
) -> tuple[Boards, npt.NDArray[Scalar]]:
    """Return a symmetry of each board with what is known of its actions.

    Parameters
    ----------
    boards : ndarray of uint64, shape (n,)
    targets : ndarray, shape (n,) or (n, 4)
        An action of each board, or a number for each of the four, as probabilities or a mask.
    symmetries : ndarray of ints, shape (n,)
        0 ... 7 for each board.

    Returns
    -------
    (ndarray, ndarray)
        New arrays of the same shapes and dtypes.

    Raises
    ------
    ValueError
        If shapes or symmetries are none of these.

    Examples
    --------
    >>> turned, actions = augment(np.array([0x1], np.uint64), np.array([3]), np.array([1]))
    >>> f"{turned[0]:x}", actions  # the upper left corner goes to the right, and left becomes up
    ('1000', array([0]))
    """
    turned = transform(boards, symmetries)
    if targets.shape == (turned.size,):
        return turned, ACTIONS[symmetries, targets].astype(targets.dtype)
    if targets.shape != (turned.size, N_ACTIONS):
        raise ValueError(f"targets must have shape ({turned.size},) or ({turned.size}, 4), got {targets.shape}")
    return turned, np.take_along_axis(targets, ACTIONS[INVERSE[symmetries]], 1)


def symmetric_average(network: PolicyNetwork, boards: Boards, masks: Masks | None = None) -> tuple[Floats, Floats]:
    """Return what a network says of boards, averaged over their eight symmetries.

    Parameters
    ----------
    network : PolicyNetwork
    boards : ndarray of uint64, shape (n,)
    masks : ndarray of bool, shape (n, 4), optional
        Legal actions, where the boards do not tell them, as with tiles above 32768.

    Returns
    -------
    log_probs : ndarray of float32, shape (n, 4)
        Logarithms of the mean probabilities; `ILLEGAL` for illegal actions.
    values : ndarray of float32, shape (n,)
        The mean.
    """
    legal = action_masks(boards) if masks is None else masks
    p, values = np.zeros((len(boards), N_ACTIONS), np.float32), np.zeros(len(boards), np.float32)
    with nets.no_grad():
        for symmetry in range(N_SYMMETRIES):
            logits, value = network(transform(boards, symmetry))
            p += np.exp(masked_log_softmax(logits[:, ACTIONS[symmetry]], legal).data)
            values += value.data
    allowed = legal | ~legal.any(1, keepdims=True)
    # A legal action may have a probability that is 0 in float32.
    log_p = np.log(np.maximum(p / np.float32(N_SYMMETRIES), np.finfo(np.float32).tiny))
    return np.where(allowed, log_p, np.float32(ILLEGAL)), values / np.float32(N_SYMMETRIES)
