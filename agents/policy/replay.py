"""A replay buffer: sequences of steps drawn from the newest steps of many games, uniformly or by priority.

The steps lie in a `Ring`, 17 bytes each; priorities take about 4.5 bytes more. Prioritised sampling (Schaul et al., the
proportional variant) draws the sequence that begins at step i with probability::

    P(i) = p_i^alpha / sum_k p_k^alpha        p_i = priority + epsilon
    w_i  = (N P(i))^-beta / max_j w_j         N sequences to choose from, j those drawn

References
----------
Schaul, Quan, Antonoglou and Silver, "Prioritized experience replay", ICLR 2016,
https://doi.org/10.48550/arXiv.1511.05952

Notes
-----
Departures from Schaul et al.:

1. The priority belongs to the first step of a sequence, not to a single transition.
2. The weights are divided by the largest of the sample, not of the whole memory.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agents.policy.boards import Boards, Masks, action_masks
from agents.policy.ring import Floats, Indices, Ring, Sequences
from agents.policy.rollout import Rollout
from agents.policy.sum_tree import SumTree

EPSILON: Final = 1e-6  # no sequence is forgotten because its priority is 0
LARGEST_PRIORITY: Final = 1e30


@dataclass(frozen=True, eq=False)
class Sample(Sequences):
    """Sequences from a buffer, a roll-out of shape (length, n_sequences), and where they come from.

    Attributes
    ----------
    indices : ndarray of int64, shape (n_sequences,)
        First step of each sequence, for `ReplayBuffer.update_priorities`: N times its number plus the game. Never
        used again for another step.
    weights : ndarray of float32, shape (n_sequences,)
        Importance weights w_i; 1 when drawn uniformly.
    """

    indices: Indices
    weights: Floats


class ReplayBuffer:
    """The newest steps of ``n_games`` games.

    Not to be read while another thread adds; any number of threads may sample at once.

    Parameters
    ----------
    n_games : int
        Columns.
    capacity : int
        Most transitions to keep, at least ``n_games``; rounded down to a multiple of it.
    prioritised : bool
        Whether sequences have priorities. Those of new steps are the largest so far, 1 at first.
    alpha : float
        How much priorities count, in [0, 1]; 0 draws uniformly.
    masks : callable
        Legal actions of packed boards, uint64 (n,) to bool (n, 4), such as `Games.masks`; those of 2048 by default.

    Attributes
    ----------
    n_games, capacity, alpha
        As given, the capacity rounded.
    """

    def __init__(
        self,
        n_games: int,
        capacity: int,
        *,
        prioritised: bool = False,
        alpha: float = 0.6,
        masks: Callable[[Boards], Masks] = action_masks,
    ) -> None:
        if n_games < 1:
            raise ValueError(f"n_games must be at least 1, got {n_games}")
        if capacity < n_games:
            raise ValueError(f"capacity must hold a step of each of {n_games} games, got {capacity}")
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha must be in [0, 1], got {alpha}")
        self._ring = Ring(n_games, capacity // n_games, masks)
        self.n_games, self.capacity, self.alpha = n_games, self._ring.n_rows * n_games, alpha
        self._tree = SumTree(self.capacity) if prioritised else None  # leaf: row of the ring times games plus game
        self._new_leaf = 1.0  # the largest p^alpha so far

    def __len__(self) -> int:
        """Return the number of transitions that are there."""
        return self._ring.n_filled * self.n_games

    @property
    def nbytes(self) -> int:
        """Memory of all arrays, bytes; it does not grow."""
        return self._ring.nbytes + (0 if self._tree is None else self._tree.nbytes)

    def add(self, rollout: Rollout) -> None:
        """Add the steps of a roll-out in place of the oldest; of one that is longer than the buffer, the newest.

        Raises
        ------
        ValueError
            If it is of another number of games, or does not begin where the last one ended, up to symmetry.
        """
        self._ring.add(rollout)
        if self._tree is not None:
            n_new = min(rollout.horizon, self._ring.n_rows)
            first = (self._ring.n_added - n_new) % self._ring.n_rows * self.n_games
            stop = first + n_new * self.n_games
            self._tree.fill(first, min(stop, self.capacity), self._new_leaf)
            self._tree.fill(0, max(stop - self.capacity, 0), self._new_leaf)

    def sample(self, n_sequences: int, length: int, rng: np.random.Generator, *, beta: float = 1.0) -> Sample:
        """Draw sequences, with replacement.

        Parameters
        ----------
        n_sequences : int
            At least 1.
        length : int
            Steps of each, at least 1.
        rng : numpy.random.Generator
            Advanced.
        beta : float
            How much the weights make up for priorities, in [0, 1]: 1 in full.

        Raises
        ------
        ValueError
            If a number is out of range, or no sequence of this length fits or is there yet.
        """
        self._check(n_sequences, length, beta)
        n_starts = (self._ring.n_filled - length + 1) * self.n_games  # the newest steps have too few after them
        first = self._ring.oldest * self.n_games
        weights = np.ones(n_sequences, np.float32)
        if self._tree is None:
            indices = first + rng.integers(n_starts, size=n_sequences)
        else:
            uniforms = (np.arange(n_sequences) + rng.random(n_sequences)) / n_sequences  # one from each n-th of the sum
            leaves, p = self._tree.draw(first % self.capacity, n_starts, uniforms)
            indices = first + (leaves - first) % self.capacity
            weights[...] = (p / p.min()) ** -beta
        sequences = self._ring.read(*np.divmod(indices, self.n_games), length)
        return Sample(**vars(sequences), indices=indices, weights=weights)

    def update_priorities(self, indices: Indices, priorities: npt.ArrayLike) -> None:
        """Change the priorities of sequences that were drawn; those overwritten in the meantime are passed over.

        Parameters
        ----------
        indices : ndarray of int64, shape (k,)
            `Sample.indices`; of one that comes twice, the last priority counts.
        priorities : array_like of float, shape (k,)
            How much there is to learn, such as the mean absolute error of a sequence; in [0, 1e30].

        Raises
        ------
        ValueError
            If the buffer has no priorities, or arguments are out of range.
        """
        if self._tree is None:
            raise ValueError("priorities are kept by a buffer with prioritised=True, got prioritised=False")
        given = np.asarray(priorities, np.float64)
        if given.shape != indices.shape:
            raise ValueError(f"priorities must have shape {indices.shape}, got {given.shape}")
        if not ((given >= 0) & (given <= LARGEST_PRIORITY)).all():
            raise ValueError(f"priorities must be in [0, {LARGEST_PRIORITY:g}], got {given.min()} to {given.max()}")
        if indices.max(initial=-1) >= self._ring.n_added * self.n_games:
            raise ValueError(f"indices must be those of samples, got {indices.max()}, which was never added")
        there = indices >= self._ring.oldest * self.n_games
        leaves = ((given[there] + EPSILON) ** self.alpha).astype(np.float32)
        self._tree.set(indices[there] % self.capacity, leaves)
        self._new_leaf = max(self._new_leaf, float(leaves.max(initial=0)))

    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """Return all that is needed to go on, copies, for a checkpoint: no more than what was added."""
        state = self._ring.state_dict()
        if self._tree is not None:
            state["priorities"] = self._tree.leaves[: len(self)].copy()
            state["new_priority"] = np.array([self._new_leaf], np.float64)
        return state

    def load_state_dict(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Go on from there: the same draws give the same samples, bit for bit.

        Raises
        ------
        ValueError
            If the state is of a buffer of another size or kind; this one is as it was.
        """
        if ("priorities" in state) != (self._tree is not None):
            raise ValueError(f"state must be of a buffer with prioritised={self._tree is not None}, got the other kind")
        self._ring.load_state_dict(state)
        if self._tree is not None:
            self._tree.restore(state["priorities"])
            self._new_leaf = float(state["new_priority"][0])

    def _check(self, n_sequences: int, length: int, beta: float) -> None:
        n_rows, n_filled = self._ring.n_rows, self._ring.n_filled
        if n_sequences < 1:
            raise ValueError(f"n_sequences must be at least 1, got {n_sequences}")
        if not 1 <= length <= n_rows:
            raise ValueError(
                f"length must be in [1, {n_rows}], the steps of a game that a capacity of {self.capacity} holds,"
                f" got {length}"
            )
        if length > n_filled:
            raise ValueError(f"length must be at most {n_filled}, the steps of a game added so far, got {length}")
        if not 0 <= beta <= 1:
            raise ValueError(f"beta must be in [0, 1], got {beta}")
