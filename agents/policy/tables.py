"""N-tuple tables as a sparse first layer, and the optimiser that touches only what was seen.

The network adds to the weighted input z of its first layer, for each of 17 4-tuples of cells (4 rows, 4 columns, 9
squares), the row of a table at the index that the four exponents form, and then rectifies::

    y = max(z + sum_t W_t[x_t], 0),     W_t of shape (65536, width)

These tables are large, 17 * 65536 * width float32 (285 MB at width 64), and a batch sees few of their rows. So they
are no parameters: they live outside of the optimiser's arena, `TupleTables.step` changes the rows that were seen by
Adam, each with its own count of steps, and a checkpoint holds the rows that were ever seen. They begin as zeros, which
take no memory before they are touched. The rest of this layer, the rows of single cells, is dense and learned as ever.

The rows of one table are independent of those of another, so threads split the tables; each row's gradient is summed in
the order of the batch, and of the replicas. The result depends on neither the threads nor their number.

References
----------
Szubert and Jaśkowski, "Temporal difference learning of n-tuple networks for the game 2048", IEEE CIG 2014,
https://doi.org/10.1109/CIG.2014.6932907 (the 17 straight and square 4-tuples).
"""

import math
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import numpy as np

import nets
from agents.policy.boards import Boards, as_kernels_take
from agents.policy.table_store import (
    BETAS,
    EPS,
    N_TABLES,
    Floats,
    Rows,
    State,
    TableStore,
    add_rows,
    checked,
    step_table,
    write_tuple_rows,
)
from nets.tensor import record_joint


class TupleTables(nets.Module):
    """Add the rows of 17 4-tuples to the weighted input of a layer, and rectify.

    A deep copy has tables of its own, of which only the rows that were seen take time and memory; `share` makes it look
    at the same ones, and then one `step` learns from the gradients of both.

    Parameters
    ----------
    width : int
        Length of the rows.
    """

    states: ClassVar = ({"rows", "weights"},)
    """Names in states that `load` takes."""

    def __init__(self, width: int) -> None:
        self.width = width
        self._join(TableStore(width))

    def _join(self, store: TableStore) -> None:
        self._store = store
        self._gradients: list[tuple[Rows, Floats]] = []
        store.members.append(weakref.ref(self))

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._join(self._store)

    def share(self, other: "TupleTables") -> None:
        """Look at the tables of another one from now on."""
        if other._store is not self._store:
            if other.width != self.width:
                raise nets.ShapeError(f"tables of width {self.width} cannot be shared with those of {other.width}")
            self._join(other._store)

    def forward(self, z: nets.Tensor, boards: Boards) -> nets.Tensor:
        """Return max(z + sum of the rows, 0), z of shape (n, width), of packed boards (n,)."""
        if z.shape != (boards.size, self.width):
            raise nets.ShapeError(f"z must have shape {(boards.size, self.width)}, got {z.shape}")
        weights = self._store.weights
        rows = np.empty((boards.size, N_TABLES), np.uint32)
        write_tuple_rows(boards, rows)
        given = as_kernels_take(z.data)
        y = np.empty_like(given)
        add_rows(rows, weights, weights.reshape(-1), given, y)

        def backward(grad: Any) -> tuple[Any]:
            delta = np.where(y > 0, grad, y.dtype.type(0))
            self._gradients.append((rows, delta.astype(np.float32, copy=False)))
            return (delta,)

        return record_joint("tuple_tables", y, (z,), backward)

    # --- learning ---

    def zero_grad(self) -> None:
        """Forget the gradients of this replica."""
        super().zero_grad()
        self._gradients.clear()

    def step(self, lr: float, n_threads: int = 1) -> int:
        """Change the rows that all who share these tables have seen since the last step; return how many.

        Parameters
        ----------
        lr : float
            Learning rate, positive.
        n_threads : int
            Threads to split the tables between; the result is the same.
        """
        if not (lr > 0 and math.isfinite(lr)):
            raise nets.ArgumentError(f"lr must be positive, got {lr}")
        found = [pair for member in self._members() for pair in member._gradients]
        for member in self._members():
            member._gradients = []
        if not found:
            return 0
        rows, deltas = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
        store = self._store
        arrays = store.weights, store.mean, store.square, store.counts

        def work(tables: range) -> int:
            return sum(step_table(table, rows, deltas, *arrays, lr, *BETAS, EPS) for table in tables)

        if n_threads == 1:
            return work(range(N_TABLES))
        with ThreadPoolExecutor(n_threads) as pool:
            return sum(pool.map(work, (range(i, N_TABLES, n_threads) for i in range(n_threads))))

    def _members(self) -> list["TupleTables"]:
        """Return all who share these tables, in the order in which they joined."""
        members = [member() for member in self._store.members]
        return [member for member in members if member is not None and member._store is self._store]

    # --- saving ---

    def table_state(self) -> State:
        """Return ``rows``, ndarray of uint32, shape (seen,), and ``weights``, shape (seen, width)."""
        return self._store.state()

    def optimizer_state(self) -> State:
        """Return ``counts``, ``mean`` and ``square`` of the rows seen: what the next steps depend on beside."""
        return self._store.optimizer_state()

    def checked(self, state: State) -> State:
        """Return a state in our dtypes; raise CheckpointError if it is not one of these tables."""
        return checked(state, self.width)

    def load(self, state: State) -> None:
        """Go on with `table_state` and, if it is to learn on exactly, `optimizer_state` in one dictionary.

        Raises
        ------
        CheckpointError
            If it does not fit; nothing changes then.
        """
        self._store.restore(self.checked(state))

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"{self.width}"
