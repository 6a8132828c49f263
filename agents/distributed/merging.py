"""How n-tuple networks that learned apart become one: only what changed travels, and the changes are merged.

All workers begin a round with the same tables: a weight w_0 and its accumulators E_0 and A_0 of temporal coherence
(`agents.learning_rules`). Each plays its games and learns from them alone. Worker k then has w_k, E_k, A_k, and for
each weight that any of them changed::

    E = E_0 + sum_k (E_k - E_0)
    A = A_0 + sum_k (A_k - A_0)
    w = w_0 + sum_k s_k (w_k - w_0)      s_k = (A_k - A_0) / (A - A_0)

A is how far a weight was asked to move, so s_k is the share of worker k in that. The sum of errors and that of their
sizes are what they would be had all updates gone into one table. A weight that only one worker changed becomes what it
became there, bit for bit: most do, because most boards are rare. For one that several changed, the changes are averaged
and not added. Each worker has moved it towards what the same kind of games ask for, most of the way if there were many;
n times that way is too far, and from two workers on it never settles.

Where the accumulators did not change, as with a constant step size, the workers that changed the weight have equal
shares.

References
----------
McMahan et al., "Communication-efficient learning of deep networks from decentralized data", AISTATS 2017,
https://arxiv.org/abs/1602.05629, algorithm 1 (rounds of local learning, averaged by how much each has seen; here for
every weight by itself).
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from agents.ntuple import Weights
from game2048._jit import njit

Indices = npt.NDArray[np.uint32]
Offsets = npt.NDArray[np.int64]
CHUNK: Final = 2**20  # weights that are compared at a time


class Change(NamedTuple):
    """Some weights of a network, and their accumulators.

    Attributes
    ----------
    indices : ndarray of uint32, shape (k,)
        Which, in ascending order.
    weights : ndarray of float32, shape (k,)
        What they are now, points.
    coherence : ndarray of float32, shape (k, 2)
        Accumulators E and A.
    """

    indices: Indices
    weights: Weights
    coherence: Weights

    @property
    def nbytes(self) -> int:
        """Bytes, 16 a weight."""
        return self.indices.nbytes + self.weights.nbytes + self.coherence.nbytes


# --- kernels ---


@njit("int64(float32[::1], float32[::1], float32[::1], float32[::1], int64, int64, uint32[::1])")
def find_changes(
    weights: Weights,
    coherence: Weights,
    base_weights: Weights,
    base_coherence: Weights,
    first: int,
    last: int,
    out: Indices,
) -> int:
    """Write the indices in [first, last) at which tables differ from their base into ``out``; return how many."""
    n = 0
    for i in range(first, last):
        if (
            weights[i] != base_weights[i]
            or coherence[2 * i] != base_coherence[2 * i]
            or coherence[2 * i + 1] != base_coherence[2 * i + 1]
        ):
            out[n] = i
            n += 1
    return n


@njit("int64(uint32[::1], float32[::1], float32[:, ::1], int64[::1], float32[::1], float32[::1], uint32[::1])")
def merge_changes(
    indices: Indices,
    changed: Weights,
    changed_coherence: Weights,
    starts: Offsets,
    weights: Weights,
    coherence: Weights,
    out: Indices,
) -> int:
    """Merge the changes of n workers into ``weights`` and ``coherence``; return of how many weights.

    Worker k changed ``indices[starts[k] : starts[k + 1]]``, ascending, to what stands beside them; ``starts`` has n + 1
    entries. Writes the indices that anyone changed into ``out``, ascending.
    """
    n_workers = starts.size - 1
    heads = starts[:n_workers].copy()
    n_merged = 0
    while True:
        lowest = np.int64(2**32)
        for k in range(n_workers):
            if heads[k] < starts[k + 1]:
                lowest = min(lowest, np.int64(indices[heads[k]]))
        if lowest == 2**32:
            return n_merged
        w, e, a = np.float64(weights[lowest]), np.float64(coherence[2 * lowest]), np.float64(coherence[2 * lowest + 1])
        n_changes, only = 0, 0
        d_w, d_e, d_a, weighted = 0.0, 0.0, 0.0, 0.0
        for k in range(n_workers):
            j = heads[k]
            if j < starts[k + 1] and np.int64(indices[j]) == lowest:
                heads[k] += 1
                n_changes, only = n_changes + 1, j
                moved = np.float64(changed_coherence[j, 1]) - a
                d_w += np.float64(changed[j]) - w
                weighted += moved * (np.float64(changed[j]) - w)
                d_e += np.float64(changed_coherence[j, 0]) - e
                d_a += moved
        if n_changes == 1:
            weights[lowest] = changed[only]
            coherence[2 * lowest] = changed_coherence[only, 0]
            coherence[2 * lowest + 1] = changed_coherence[only, 1]
        else:
            weights[lowest] = np.float32(w + (weighted / d_a if d_a > 0.0 else d_w / n_changes))
            coherence[2 * lowest] = np.float32(e + d_e)
            coherence[2 * lowest + 1] = np.float32(a + d_a)
        out[n_merged] = lowest
        n_merged += 1


# --- shell ---


class Tables:
    """The weights and accumulators of a network, by reference, as something that changes go into and come out of.

    Parameters
    ----------
    weights : ndarray of float32, shape (n_weights,)
    coherence : ndarray of float32, shape (2 * n_weights,)
        E and A of every weight, interleaved.
    """

    def __init__(self, weights: Weights, coherence: Weights) -> None:
        self.weights, self.coherence = weights, coherence

    @classmethod
    def empty(cls, n_weights: int) -> "Tables":
        """Return tables of zeros."""
        return cls(np.zeros(n_weights, np.float32), np.zeros(2 * n_weights, np.float32))

    def changes_from(self, base: "Tables") -> Change:
        """Return what differs from ``base``."""
        n_weights = self.weights.size
        found = np.empty(CHUNK, np.uint32)
        parts = []
        for first in range(0, n_weights, CHUNK):
            last = min(first + CHUNK, n_weights)
            n = find_changes(self.weights, self.coherence, base.weights, base.coherence, first, last, found)
            parts.append(found[:n].copy())
        return self._at(np.concatenate(parts))

    def learned(self) -> Change:
        """Return all weights that ever changed."""
        used = (self.weights != 0) | self.coherence.reshape(-1, 2).any(1)
        return self._at(np.flatnonzero(used).astype(np.uint32))

    def put(self, change: Change) -> None:
        """Set what a change names."""
        self.weights[change.indices] = change.weights
        self.coherence.reshape(-1, 2)[change.indices] = change.coherence

    def merge(self, changes: Sequence[Change]) -> Change:
        """Merge what workers that began with these tables changed; return what these tables changed to."""
        starts = np.cumsum([0, *(change.indices.size for change in changes)])
        indices, weights, coherence = (np.concatenate(parts) for parts in zip(*changes, strict=True))
        out = np.empty(indices.size, np.uint32)
        n = merge_changes(indices, weights, coherence, starts, self.weights, self.coherence, out)
        return self._at(out[:n].copy())

    def _at(self, indices: Indices) -> Change:
        return Change(indices, self.weights[indices], self.coherence.reshape(-1, 2)[indices])
