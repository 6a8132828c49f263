"""How afterstates learn from a game: one kernel per idea.

An afterstate s'_t is the board after move t, before the new tile; r_t is the reward of that move. Its value shall be
what the rest of the game is worth, and every rule moves it towards an estimate z_t of that, with the error
delta_t = z_t - V(s'_t)::

    z_T = 0                                                             the game is over: nothing more to gain
    z_t = r_{t+1} + lambda z_{t+1} + (1 - lambda) V(s'_{t+1})           the lambda-return

**Backward** (`learn_backward`): when the game is over, from its end to its start, so that V(s'_{t+1}) has learned from
this game already when s'_t reads it. lambda = 0 is TD(0).

**Delayed** (`play_and_learn`): while the game goes on. s'_t waits for ``delay`` more moves; the return is cut there,
z_{t + delay} = V(s'_{t + delay}). delay = 1 is TD(0) as it was first done, lambda = 1 is TD(n) with n = delay, and
delay = `delay_for(lambda)` is delayed TD(lambda). All values are read at the moment of the update: one that was
remembered from the choice of the move lets large step sizes diverge.

**Step sizes** (`adjust`). All weights the same, d = alpha delta_t / m; or each its own (temporal coherence, TC):
|E_i| / A_i, near 1 while its errors agree in sign and near 0 once they cancel, 1 before the first update::

    d = alpha delta_t / m
    w_i += d |E_i| / A_i        E_i += d        A_i += |d|

**Stages** (`promote`). A weight that was never learned reads as that of the stage before; when it is first learned, it
begins with that value, and with its E and A.

References
----------
Szubert and Jaśkowski, IEEE CIG 2014, https://doi.org/10.1109/CIG.2014.6932907 (TD(0) of afterstates).
Beal and Smith, "Temporal coherence and prediction decay in TD learning", IJCAI 1999.
Jaśkowski, "Mastering 2048 with delayed temporal coherence learning, multistage weight promotion, redundant encoding
and carousel shaping", IEEE Trans. Games 10(1), 2018, https://doi.org/10.1109/TCIAIG.2017.2651887 (delayed TC(lambda);
weight promotion).
Matsuzaki, "Developing a 2048 player with backward temporal coherence learning and restart", ACG 2017, LNCS 10664,
https://doi.org/10.1007/978-3-319-71649-7_15 (learning a game from its end, with lambda).
Sutton and Barto, *Reinforcement Learning*, 2nd ed., 2018, sections 7.1 (TD(n)) and 12.3 (cut lambda-returns).

Notes
-----
Departures from Jaśkowski's delayed TC(lambda):

1. Errors along the delay are not summed as they were at their moves: the return is put together anew from the values
   at the moment of the update.
2. A weight is updated once for each of the m features that read it; a weight that two features share moves twice.
3. A promoted weight begins with the E and A that it had in the stage before. From E = A = 0, its first step would be a
   whole one, and those of all weights of a board together ruin what was promoted.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from agents._instructions import prefetch
from agents.networks import Layout
from agents.ntuple import (
    Features,
    Weights,
    greedy_action,
    prefetch_weights,
    promoted,
    sum_weights,
    write_features,
)
from game2048 import board as rules
from game2048._jit import njit
from game2048.rng import draw

Words = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float32]

SETTLED: Final = 0.1  # a return may be cut where what follows counts less


def delay_for(trace_decay: float) -> int:
    """Return the moves after which a lambda-return is settled: the least h with lambda**h <= `SETTLED`.

    Raises
    ------
    ValueError
        If lambda is not in [0, 1): with 1, only the end settles it.

    Examples
    --------
    >>> delay_for(0.5), delay_for(0.0)
    (4, 1)
    """
    if not 0 <= trace_decay < 1:
        raise ValueError(f"trace_decay must be in [0, 1), got {trace_decay}")
    return max(1, math.ceil(math.log(SETTLED) / math.log(trace_decay))) if trace_decay > 0 else 1


# --- one update ---


@njit("void(float32[::1], float32[::1], uint32[:, ::1], int64, uint64)", inline=True)
def promote(weights: Weights, coherence: Weights, features: Features, row: int, stage_size: np.uint64) -> None:
    """Where weights of a board are 0, copy what they read as, from the stages before, and its accumulators.

    Changes ``weights`` and ``coherence``.
    """
    of = np.uint64(row)
    for i in range(np.uint64(features.shape[1])):
        w = np.uint64(features[of, i])
        source = promoted(weights, features[of, i], stage_size)
        if source != w:
            weights[w] = weights[source]
            if coherence.size > 0:
                coherence[np.uint64(2) * w] = coherence[np.uint64(2) * source]
                coherence[np.uint64(2) * w + np.uint64(1)] = coherence[np.uint64(2) * source + np.uint64(1)]


@njit("void(float32[::1], float32[::1], uint32[:, ::1], int64, float32, uint64)", inline=True)
def adjust(
    weights: Weights, coherence: Weights, features: Features, row: int, d: np.float32, stage_size: np.uint64
) -> None:
    """Move the m weights of a board, ``features[row]``, by ``d`` each, or with temporal coherence by at most ``d``.

    Changes ``weights`` w and ``coherence``, the accumulators interleaved as E_0, A_0, E_1, A_1, ...; an empty
    ``coherence`` stands for equal step sizes.
    """
    of = np.uint64(row)
    m = np.uint64(features.shape[1])
    if np.uint64(features[of, np.uint64(0)]) >= stage_size:
        promote(weights, coherence, features, row, stage_size)
    if coherence.size == 0:
        for i in range(m):
            weights[features[of, i]] += d
        return
    for i in range(m):
        w = np.uint64(features[of, i])
        at_e = np.uint64(2) * w
        at_a = at_e + np.uint64(1)
        e = coherence[at_e]
        a = coherence[at_a]
        rate = abs(e) / a if a != np.float32(0) else np.float32(1)
        weights[w] += d * rate
        coherence[at_e] = e + d
        coherence[at_a] = a + abs(d)


@njit("void(float32[::1], uint32[:, ::1], int64)", inline=True)
def prefetch_coherence(coherence: Weights, features: Features, row: int) -> None:
    """Start loading the accumulators of a board, if there are any."""
    of = np.uint64(row)
    if coherence.size > 0:
        for i in range(np.uint64(features.shape[1])):
            prefetch(coherence, 2 * int(features[of, i]))


# --- backward, when the game is over ---


@njit(
    "float64(uint64[:, ::1], float32[::1], float32[::1], float32[::1], uint64[:, ::1], float32, float32, float32,"
    " uint32[:, ::1])"
)
def learn_backward(
    path: Words,
    path_rewards: Floats,
    weights: Weights,
    coherence: Weights,
    layout: Layout,
    initial: np.float32,
    trace_decay: np.float32,
    alpha: np.float32,
    features: Features,
) -> float:
    """Learn the afterstates of a game from its end to its start; return sum |delta_t|.

    Changes ``weights`` and ``coherence``, see `adjust`. ``initial`` is V_0; ``features`` (at least 2, m) a buffer. The
    weights of afterstate t - 1 are fetched from memory while those of t are updated.
    """
    one = np.float32(1)
    step = alpha / np.float32(features.shape[1])
    target = np.float32(0)  # z_t
    total_error = 0.0
    if len(path) > 0:
        write_features(path[len(path) - 1, 0], layout, features, (len(path) - 1) & 1)
    for t in range(len(path) - 1, -1, -1):
        now, before = t & 1, (t - 1) & 1  # rows of ``features``
        if t > 0:
            write_features(path[t - 1, 0], layout, features, before)
            prefetch_weights(weights, features, before)
            prefetch_coherence(coherence, features, before)
        td_error = target - (initial + sum_weights(weights, features, now, layout[0, 1]))  # delta_t
        total_error += float(abs(td_error))
        adjust(weights, coherence, features, now, step * td_error, layout[0, 1])
        value = initial + sum_weights(weights, features, now, layout[0, 1])
        target = path_rewards[t] + trace_decay * target + (one - trace_decay) * value
    return total_error


# --- delayed, while the game goes on ---


@njit("float32(int64, int64, boolean, float32[::1], float32[::1], uint64[:, ::1], float32, float32, uint32[:, ::1])")
def cut_return(
    t: int,
    newest: int,
    over: bool,
    path_rewards: Floats,
    weights: Weights,
    layout: Layout,
    initial: np.float32,
    trace_decay: np.float32,
    window: Features,
) -> np.float32:
    """Return z_t as far as it is known at afterstate ``newest``: cut there with its value, or with 0 if it is ``over``.

    ``window[k % len(window)]`` holds the features of afterstate k, for all of t ... newest.
    """
    one = np.float32(1)
    target = np.float32(0)
    if not over:
        target = initial + sum_weights(weights, window, newest % len(window), layout[0, 1])
    for k in range(newest, t, -1):
        value = target
        if trace_decay != one and (over or k < newest):
            value = initial + sum_weights(weights, window, k % len(window), layout[0, 1])
        target = path_rewards[k] + trace_decay * target + (one - trace_decay) * value
    return target


@njit(
    "Tuple((int64, float64))(uint64, uint64, uint64[::1], float32[::1], float32[::1], uint64[:, ::1], uint32[::1],"
    " float32, float32, float32, int64, uint64[:, ::1], float32[::1], uint32[:, ::1], uint32[:, ::1], float32[::1],"
    " float32[::1])"
)
def play_and_learn(
    board: np.uint64,
    high: np.uint64,
    rng: Words,
    weights: Weights,
    coherence: Weights,
    layout: Layout,
    tables: rules.RowTables,
    initial: np.float32,
    trace_decay: np.float32,
    alpha: np.float32,
    delay: int,
    path: Words,
    path_rewards: Floats,
    window: Features,
    features: Features,
    rewards: Floats,
    values: Floats,
) -> tuple[int, float]:
    """Play a game to its end and learn meanwhile, ``delay`` moves behind; return (T, sum |delta_t|).

    As `agents.episodes.play_and_remember`, and changes ``weights`` and ``coherence``, see `adjust`. ``window`` is a
    buffer, shape (delay + 1, m).
    """
    step = alpha / np.float32(features.shape[1])
    total_error = 0.0
    n_moves = 0
    over = False
    learned = 0  # afterstates that have learned
    while not over or learned < n_moves:
        if not over:
            action = greedy_action(board, high, weights, np.float32(1), layout, tables, features, rewards, values)
            over = action < 0
        if not over:
            after, high, _ = rules.play(board, high, action, tables)
            path[n_moves, 0] = after
            path[n_moves, 1] = high
            path_rewards[n_moves] = rewards[action]
            window[n_moves % len(window)] = features[action]
            prefetch_coherence(coherence, features, action)
            board = rules.spawn(after, draw(rng, 0))
            n_moves += 1
        newest = n_moves - 1
        if learned + delay <= newest or (over and learned <= newest):
            now = learned % len(window)  # row of ``window``
            target = cut_return(learned, newest, over, path_rewards, weights, layout, initial, trace_decay, window)
            td_error = target - (initial + sum_weights(weights, window, now, layout[0, 1]))
            total_error += float(abs(td_error))
            adjust(weights, coherence, window, now, step * td_error, layout[0, 1])
            learned += 1
    return n_moves, total_error
