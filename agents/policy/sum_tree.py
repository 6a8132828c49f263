"""Draw from many leaves in proportion to their priorities, and change a few of them: a sum tree with 16 children.

The leaves are float32; every node above is the float64 sum of its 16 children, from left to right. A change computes
the nodes above it anew instead of adding a difference to them, so the tree is a function of its leaves alone, bit for
bit, and never drifts. Sixteen children make a tree of n leaves n / 15 nodes large, and five levels high at a million.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from game2048._jit import njit

N_CHILDREN: Final = 16

Leaves = npt.NDArray[np.float32]
Sums = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


@njit("float64(float32[::1], float64[::1], int64[::1], int64, int64)")
def node(leaves: Leaves, sums: Sums, levels: Indices, level: int, i: int) -> float:
    """Return node ``i`` of a level; level 0 are the leaves."""
    return float(leaves[i]) if level == 0 else sums[levels[level - 1] + i]


@njit("int64(int64, int64[::1], int64)")
def level_size(n_leaves: int, levels: Indices, level: int) -> int:
    """Return the number of nodes of a level."""
    return n_leaves if level == 0 else int(levels[level] - levels[level - 1])


@njit("void(float32[::1], float64[::1], int64[::1], int64, int64)")
def add_up(leaves: Leaves, sums: Sums, levels: Indices, first: int, stop: int) -> None:
    """Compute the nodes above leaves ``first`` to ``stop - 1`` anew, ``sums`` in place."""
    for level in range(1, levels.size):
        first //= N_CHILDREN
        stop = (stop + N_CHILDREN - 1) // N_CHILDREN
        n_below = level_size(leaves.size, levels, level - 1)
        for i in range(first, stop):
            total = 0.0
            for child in range(i * N_CHILDREN, min((i + 1) * N_CHILDREN, n_below)):
                total += node(leaves, sums, levels, level - 1, child)
            sums[levels[level - 1] + i] = total


@njit("int64(float32[::1], float64[::1], int64[::1], int64, int64, float64)")
def find(leaves: Leaves, sums: Sums, levels: Indices, level: int, i: int, mass: float) -> int:
    """Return the leaf below node ``i`` of a level where the sum of its leaves first exceeds ``mass``."""
    for below in range(level - 1, -1, -1):
        n_below = level_size(leaves.size, levels, below)
        chosen = i * N_CHILDREN
        for child in range(i * N_CHILDREN, min((i + 1) * N_CHILDREN, n_below)):
            weight = node(leaves, sums, levels, below, child)
            if weight > 0.0:
                chosen = child  # rounding may carry past the last child: then it is the last that weighs anything
                if mass < weight:
                    break
                mass -= weight
        i = chosen
    return i


@njit("int64(int64, int64, int64[::1], int64, int64[:, ::1])")
def cover(first: int, stop: int, levels: Indices, n_nodes: int, nodes: Indices) -> int:
    """Append nodes whose leaves are ``first`` to ``stop - 1``, few and from left to right; return how many there are.

    ``nodes`` holds rows of level and number, ``n_nodes`` of them so far.
    """
    while first < stop:
        level, width = 0, 1
        while level + 1 < levels.size and first % (N_CHILDREN * width) == 0 and first + N_CHILDREN * width <= stop:
            level += 1
            width *= N_CHILDREN
        nodes[n_nodes, 0] = level
        nodes[n_nodes, 1] = first // width
        n_nodes += 1
        first += width
    return n_nodes


@njit("void(float32[::1], float64[::1], int64[::1], int64[::1], float32[::1])")
def set_leaves(leaves: Leaves, sums: Sums, levels: Indices, indices: Indices, priorities: Leaves) -> None:
    """Set some leaves and the nodes above them in place; of an index that comes twice, the last counts."""
    for k in range(indices.size):
        leaves[indices[k]] = priorities[k]
        add_up(leaves, sums, levels, indices[k], indices[k] + 1)


@njit("float64(float32[::1], float64[::1], int64[::1], int64, int64, float64[::1], int64[::1])")
def draw_from_ring(
    leaves: Leaves, sums: Sums, levels: Indices, first: int, n: int, uniforms: Sums, drawn: Indices
) -> float:
    """Draw from ``n`` leaves from ``first`` on, past the last leaf on from leaf 0; return the sum of these leaves.

    ``uniforms`` in [0, 1) say where in the sum to look; the leaves found are written into ``drawn``. The nodes that
    cover these leaves are walked one by one: a difference of sums could lose small priorities beside large ones.
    """
    nodes = np.empty((4 * N_CHILDREN * levels.size, 2), np.int64)
    n_nodes = cover(first, min(first + n, leaves.size), levels, 0, nodes)
    n_nodes = cover(0, first + n - leaves.size, levels, n_nodes, nodes)
    weights = np.empty(n_nodes, np.float64)
    for k in range(n_nodes):
        weights[k] = node(leaves, sums, levels, nodes[k, 0], nodes[k, 1])
    total = 0.0
    for k in range(n_nodes):
        total += weights[k]
    for j in range(uniforms.size):
        mass = uniforms[j] * total
        chosen = 0
        for k in range(n_nodes):
            if weights[k] > 0.0:
                chosen = k
                if mass < weights[k]:
                    break
                mass -= weights[k]
        drawn[j] = find(leaves, sums, levels, nodes[chosen, 0], nodes[chosen, 1], mass)
    return total


class SumTree:
    """Priorities of ``n`` leaves, 0 at first, to draw from.

    Attributes
    ----------
    leaves : ndarray of float32, shape (n,)
    sums : ndarray of float64
        The levels above, the root last.
    levels : ndarray of int64
        Where in ``sums`` each level begins, and the end.
    """

    def __init__(self, n: int) -> None:
        sizes = [-(-n // N_CHILDREN)]
        while sizes[-1] > 1:
            sizes.append(-(-sizes[-1] // N_CHILDREN))
        self.leaves: Leaves = np.zeros(n, np.float32)
        self.levels: Indices = np.cumsum([0, *sizes], dtype=np.int64)
        self.sums: Sums = np.zeros(self.levels[-1], np.float64)

    @property
    def nbytes(self) -> int:
        """Memory of the arrays, bytes."""
        return self.leaves.nbytes + self.sums.nbytes + self.levels.nbytes

    def fill(self, first: int, stop: int, priority: float) -> None:
        """Give leaves ``first`` to ``stop - 1`` one priority."""
        self.leaves[first:stop] = priority
        add_up(self.leaves, self.sums, self.levels, first, stop)

    def restore(self, priorities: Leaves) -> None:
        """Give the first leaves these priorities, and all others 0."""
        self.leaves[...] = 0
        self.leaves[: priorities.size] = priorities
        add_up(self.leaves, self.sums, self.levels, 0, self.leaves.size)

    def set(self, indices: Indices, priorities: Leaves) -> None:
        """Give some leaves priorities; of an index that comes twice, the last counts."""
        set_leaves(self.leaves, self.sums, self.levels, indices, priorities)

    def draw(self, first: int, n: int, uniforms: Sums) -> tuple[Indices, Sums]:
        """Draw from ``n`` leaves from ``first`` on, past the last leaf on from leaf 0.

        Parameters
        ----------
        first, n : int
            The range; at least one of its leaves must have a positive priority. Others are never drawn.
        uniforms : ndarray of float64, shape (k,)
            In [0, 1): where in the sum of the range to look.

        Returns
        -------
        indices : ndarray of int64, shape (k,)
        probabilities : ndarray of float64, shape (k,)
            Of drawing each of them.
        """
        drawn = np.empty(uniforms.size, np.int64)
        total = draw_from_ring(self.leaves, self.sums, self.levels, first, n, uniforms, drawn)
        return drawn, self.leaves[drawn].astype(np.float64) / total
