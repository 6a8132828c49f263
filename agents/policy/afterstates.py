"""Networks that look one move ahead: they read the boards that the four actions lead to, not the board itself.

The rules say for certain what a move does before the new tile appears. A network that is shown the afterstates s'_a
need not learn how tiles slide and merge; it has one preference h and one value v for an afterstate, and

    logit(s, a) = h(s'_a)        V(s) = sum_a pi(a | s) v(s'_a),    pi as a constant.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from agents.policy.boards import N_ACTIONS, Boards
from game2048 import board as rules
from game2048._jit import njit
from nets.tensor import Tensor, record_joint

Places = npt.NDArray[np.int64]


@njit("int64(uint64[::1], uint32[::1], uint64[::1], int64[:, ::1])")
def write_afterstates(boards: Boards, tables: rules.RowTables, afterstates: Boards, places: Places) -> int:
    """Write the afterstates of all legal actions into ``afterstates``, one after the other; return how many.

    ``places`` (n, 4) says where that of each action is, -1 where the action is illegal.
    """
    n = 0
    for i in range(boards.size):
        mask = rules.action_mask(boards[i])
        for action in range(4):
            places[i, action] = -1
            if mask >> action & 1:
                afterstates[n], _, _ = rules.play(boards[i], np.uint64(0), action, tables)
                places[i, action] = n
                n += 1
    return n


def afterstates_of(boards: Boards) -> tuple[Boards, Places]:
    """Return the afterstates of n packed boards, shape (k,), and where that of each action is, (n, 4), or -1.

    Examples
    --------
    >>> afterstates_of(np.array([0x11], np.uint64))  # two tiles in the upper left corner: up is illegal
    (array([            8192, 4785074604081152,                2], dtype=uint64), array([[-1,  0,  1,  2]]))
    """
    afterstates, places = np.empty(N_ACTIONS * boards.size, np.uint64), np.empty((boards.size, N_ACTIONS), np.int64)
    n = write_afterstates(boards, rules.row_tables(), afterstates, places)
    return afterstates[:n], places


def by_action(x: Tensor, places: Places) -> Tensor:
    """Return what each action's afterstate has in x, shape (k,), by action, shape (n, 4); 0 where it is illegal."""
    legal = places >= 0
    y = np.zeros(places.shape, x.dtype)
    y[legal] = x.data[places[legal]]

    def backward(grad: Any) -> tuple[Any]:
        g = np.zeros(x.shape, x.dtype)
        g[places[legal]] = grad[legal]  # every afterstate is that of one action
        return (g,)

    return record_joint("by_action", y, (x,), backward)
