"""Where n-tuple tables live, and the rule by which they learn: Adam for the rows that a batch saw.

Notes
-----
Departures from Adam [1]_: (1) a row that is not in the batch stays as it is, and its means do not decay, as in
PyTorch's ``SparseAdam``; (2) unlike there, t in the bias correction counts the steps in which the *row* was seen, so a
rare row moves by the learning rate from the beginning, not by (1 - b1) / sqrt(1 - b2) = 3.2 times of it.

References
----------
.. [1] D. Kingma, J. Ba, "Adam: a method for stochastic optimization", arXiv:1412.6980, Algorithm 1.
"""

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

import nets
from agents._instructions import prefetch
from agents.policy.boards import Boards
from game2048 import board as rules
from game2048._jit import njit

if TYPE_CHECKING:
    import weakref

    from agents.policy.tables import TupleTables

N_TABLES: Final = 17
N_ROWS: Final = N_TABLES * 65536
BETAS: Final = 0.9, 0.999
EPS: Final = 1e-8

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.uint32]
State = dict[str, npt.NDArray[Any]]


# --- kernels ---


@njit("void(uint64[::1], uint32[:, ::1])")
def write_tuple_rows(boards: Boards, rows: Rows) -> None:
    """Write the row of each table that a board reads into ``rows``, shape (n, 17): rows, columns, squares."""
    for i in range(boards.size):
        board, turned = boards[i], rules.transpose(boards[i])
        for line in range(4):
            shift = np.uint64(16 * line)
            rows[i, line] = ((board >> shift) & np.uint64(0xFFFF)) + np.uint64(65536 * line)
            rows[i, 4 + line] = ((turned >> shift) & np.uint64(0xFFFF)) + np.uint64(65536 * (4 + line))
        for square in range(9):
            corner = board >> np.uint64(4 * (4 * (square // 3) + square % 3))
            index = (corner & np.uint64(0xFF)) | ((corner >> np.uint64(8)) & np.uint64(0xFF00))
            rows[i, 8 + square] = index + np.uint64(65536 * (8 + square))


@njit(
    "void(uint32[:, ::1], float32[:, ::1], float32[::1], float32[:, ::1], float32[:, ::1])",
    "void(uint32[:, ::1], float32[:, ::1], float32[::1], float64[:, ::1], float64[:, ::1])",
)
def add_rows(rows: Rows, weights: Floats, flat: Floats, z: Any, y: Any) -> None:
    """Write y = max(z + the rows of each board, 0); ``flat`` is ``weights`` as one axis.

    The rows of the next board are on their way from memory while those of this one are summed.
    """
    width = weights.shape[1]
    for i in range(len(rows)):
        if i + 1 < len(rows):
            for t in range(N_TABLES):
                start = np.int64(rows[i + 1, t]) * width
                for line in range(0, width, 16):
                    prefetch(flat, start + line)
        total = y[i]
        for j in range(width):
            total[j] = z[i, j]
        for t in range(N_TABLES):
            row = weights[rows[i, t]]
            for j in range(width):
                total[j] += row[j]
        for j in range(width):
            total[j] = max(total[j], 0)


@njit(
    "int64(int64, uint32[:, ::1], float32[:, ::1], float32[:, ::1], float32[:, ::1], float32[:, ::1], int32[::1],"
    " float64, float64, float64, float64)"
)
def step_table(
    table: int,
    rows: Rows,
    deltas: Floats,
    weights: Floats,
    mean: Floats,
    square: Floats,
    counts: npt.NDArray[np.int32],
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
) -> int:
    """Change the rows of one table that a batch saw by Adam, in place; return how many these were.

    ``rows`` and ``deltas``, shapes (n, 17) and (n, width), say which rows each board read and what dL/dz it had. Boards
    of the same row form a list, first to last, by which its gradient is summed.
    """
    n, width = deltas.shape
    first = np.full(65536, -1, np.int32)
    following = np.empty(n, np.int32)
    for i in range(n - 1, -1, -1):
        place = rows[i, table] & np.uint32(0xFFFF)
        following[i] = first[place]
        first[place] = i
    grad = np.empty(width, np.float32)
    b1, b2, small = np.float32(beta1), np.float32(beta2), np.float32(eps)
    rest1, rest2 = np.float32(1 - beta1), np.float32(1 - beta2)
    n_rows = 0
    for i in range(n):
        place = rows[i, table] & np.uint32(0xFFFF)
        if first[place] != i:
            continue  # a row that an earlier board has seen
        n_rows += 1
        for j in range(width):
            grad[j] = deltas[i, j]
        k = following[i]
        while k >= 0:
            for j in range(width):
                grad[j] += deltas[k, j]
            k = following[k]
        row = rows[i, table]
        counts[row] += 1
        t = float(counts[row])
        rate = np.float32(lr / (1 - beta1**t))
        scale = np.float32(1 / math.sqrt(1 - beta2**t))
        w, m, v = weights[row], mean[row], square[row]
        for j in range(width):
            m[j] = b1 * m[j] + rest1 * grad[j]
        for j in range(width):
            v[j] = b2 * v[j] + rest2 * grad[j] * grad[j]
        for j in range(width):
            w[j] -= rate * m[j] / (np.sqrt(v[j]) * scale + small)
    return n_rows


# --- what is kept ---


def memory_bytes(width: int) -> int:
    """Return the bytes of all tables with the two means that Adam keeps of each weight, if every row is seen.

    >>> memory_bytes(64) // 2**20
    820
    """
    return N_ROWS * (3 * width + 1) * 4


class TableStore:
    """The tables, shared by all replicas of a network."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.members: list[weakref.ref[TupleTables]] = []
        self.clear()

    def clear(self) -> None:
        """Take zeros, which cost no memory yet."""
        try:
            self.weights, self.mean, self.square = (np.zeros((N_ROWS, self.width), np.float32) for _ in range(3))
        except MemoryError:
            raise nets.ArgumentError(
                f"width must leave room for n-tuple tables, got {self.width}, which takes "
                f"{memory_bytes(self.width) / 2**20:,.0f} MiB"
            ) from None
        self.counts = np.zeros(N_ROWS, np.int32)  # steps in which each row was seen

    # Copied or pickled as what was seen.

    def __getstate__(self) -> tuple[int, State]:
        return self.width, {**self.state(), **self.optimizer_state()}

    def __setstate__(self, state: tuple[int, State]) -> None:
        self.__init__(state[0])  # type: ignore[misc]  # made anew
        self.restore(state[1])

    def seen(self) -> npt.NDArray[np.int64]:
        """Return the rows that were ever seen, in order."""
        return np.flatnonzero(self.counts)

    def state(self) -> State:
        """Return what play needs."""
        rows = self.seen()
        return {"rows": rows.astype(np.uint32), "weights": self.weights[rows]}

    def optimizer_state(self) -> State:
        """Return what learning needs beside."""
        rows = self.seen()
        return {"counts": self.counts[rows], "mean": self.mean[rows], "square": self.square[rows]}

    def restore(self, state: State) -> None:
        """Hold the rows of a state that `checked` accepts; without the optimiser's part, as if seen once."""
        self.clear()
        rows = state["rows"]
        self.weights[rows] = state["weights"]
        self.counts[rows] = state.get("counts", 1)
        if "mean" in state:
            self.mean[rows], self.square[rows] = state["mean"], state["square"]


def checked(state: State, width: int) -> State:
    """Return a state in our dtypes; raise CheckpointError if it is not one of tables of this width."""
    rows = np.asarray(state["rows"])
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        raise nets.CheckpointError(f"tensor rows must be ints of shape (n,), got {rows.dtype} {rows.shape}")
    if rows.size and not (rows[0] >= 0 and rows[-1] < N_ROWS and (np.diff(rows.astype(np.int64)) > 0).all()):
        raise nets.CheckpointError(f"tensor rows must ascend within [0, {N_ROWS})")
    result: State = {"rows": rows.astype(np.int64)}
    for name, value in state.items():
        array = np.asarray(value)
        shape = (rows.size,) if name in ("rows", "counts") else (rows.size, width)
        if array.shape != shape or array.dtype.kind not in ("iu" if name in ("rows", "counts") else "f"):
            raise nets.CheckpointError(f"tensor {name} must have shape {shape}, got {array.dtype} {array.shape}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise nets.CheckpointError(f"tensor {name} holds values that are not finite")
        if name == "counts" and rows.size and array.min() < 1:
            raise nets.CheckpointError(f"tensor counts must be at least 1, got {array.min()}")
        result.setdefault(name, array)
    return result
