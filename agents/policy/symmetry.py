"""Eightfold symmetry: one board is eight examples to learn from.

A symmetry s turns the board and renames the actions: a becomes ``ACTIONS[s, a]`` (see `game2048.symmetry`). That one
board is also eight opinions to play by is in `agents.policy.agent`.
"""

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from agents.policy.boards import N_ACTIONS, Boards, transform
from game2048.symmetry import ACTIONS, INVERSE

Scalar = TypeVar("Scalar", bound=np.generic)


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
