"""Afterstate TD(lambda) with temporal-coherence step sizes: how the n-tuple network learns.

An afterstate s'_t is the board after move t, before the new tile; r_t is the reward of that move. A game of T moves
is played greedily, a_t = argmax_a r(s_t, a) + V(s'_a), and then learned from its end to its start::

    z_T = 0                                                             the game is over: nothing more to gain
    z_t = r_{t+1} + lambda z_{t+1} + (1 - lambda) V(s'_{t+1})           lambda-return, V already updated
    delta_t = z_t - V(s'_t)

lambda = 0 is TD(0). Each of the m = 40 weights w_i of s'_t has its own step size (temporal coherence): |E_i| / A_i,
near 1 while its errors agree in sign and near 0 once they cancel, 1 before the first update::

    d = alpha delta_t / m
    w_i += d |E_i| / A_i        E_i += d        A_i += |d|

References
----------
Szubert and Jaśkowski, IEEE CIG 2014, https://doi.org/10.1109/CIG.2014.6932907 (afterstate TD(0)).
Beal and Smith, "Temporal coherence and prediction decay in TD learning", IJCAI 1999.
Jaśkowski, "Mastering 2048 with delayed temporal coherence learning, multistage weight promotion, redundant encoding
and carousel shaping", IEEE Trans. Games 10(1), 2018, https://doi.org/10.1109/TCIAIG.2017.2651887 (TC(lambda)).

Notes
-----
Departures from Jaśkowski's TC(lambda):

1. Updates are made backward at the end of a game, with the values of later afterstates already updated, not forward
   with a delay: every update sees the newest information.
2. lambda falls during training (`TDSettings.lambda_at`): long returns spread the first rewards quickly, short ones
   have less variance once the values are good.
3. A weight is updated once for each of the m features that read it; a weight that two features share moves twice.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from agents._prefetch import prefetch
from agents.base import MAX_MOVES
from agents.errors import DivergedError
from agents.ntuple import N_FEATURES, N_WEIGHTS, NETWORK, Features, NTupleAgent, Weights, greedy_action, sum_weights
from game2048 import board as rules
from game2048._jit import njit
from game2048.rng import draw, seed

EXPLODED: Final = 1e9  # points; a learner with larger errors has diverged: no 2048 game scores more than 4e6


# --- kernels ---


@njit(
    "UniTuple(int64, 3)(uint64[::1], float32[::1], uint32[::1], uint32[:, ::1], float32[::1], uint32[:, ::1],"
    " float32[::1], float32[::1])"
)
def play_and_remember(
    rng: npt.NDArray[np.uint64],
    weights: Weights,
    tables: rules.RowTables,
    path: Features,
    path_rewards: npt.NDArray[np.float32],
    features: Features,
    rewards: npt.NDArray[np.float32],
    values: npt.NDArray[np.float32],
) -> tuple[int, int, int]:
    """Play one game greedily from stream 0 of ``rng``; return (score, largest exponent, n_moves T).

    Fills the features of the afterstates, ``path[:T]`` (T, 40), and the rewards of the moves that made them,
    ``path_rewards[:T]``. ``features``, ``rewards`` and ``values`` are scratch, see `greedy_action`.
    """
    board = rules.start_board(rng, 0)
    high = np.uint64(0)
    score = 0
    t = 0
    while True:
        action = greedy_action(board, high, weights, tables, features, rewards, values)
        if action < 0:
            return score, rules.largest_exponent(board, high), t
        path[t] = features[action]
        path_rewards[t] = rewards[action]
        after, high, reward = rules.play(board, high, action, tables)
        board = rules.spawn(after, draw(rng, 0))
        score += int(np.int64(reward))
        t += 1


@njit("float64(int64, float32[::1], float32[::1], uint32[:, ::1], float32[::1], float32, float32)")
def learn_backward(
    n_moves: int,
    weights: Weights,
    coherence: Weights,
    path: Features,
    path_rewards: npt.NDArray[np.float32],
    trace_decay: np.float32,
    alpha: np.float32,
) -> float:
    """Learn one game from its end to its start (equations in the module's docstring); return sum |delta_t|.

    Changes ``weights`` w and ``coherence``, the accumulators interleaved as E_0, A_0, E_1, A_1, ... The weights of
    afterstate t - 1 are fetched from memory while those of t are updated.
    """
    step = alpha / np.float32(N_FEATURES)
    one = np.float32(1)
    target = np.float32(0)  # z_t
    total_error = 0.0
    for t in range(n_moves - 1, -1, -1):
        if t > 0:
            for i in range(N_FEATURES):
                following = int(path[t - 1, i])
                prefetch(weights, following)
                prefetch(coherence, 2 * following)
        features = path[t]
        td_error = target - sum_weights(weights, features)  # delta_t
        total_error += float(abs(td_error))
        d = step * td_error
        for i in range(N_FEATURES):
            w = int(features[i])
            e = coherence[2 * w]
            a = coherence[2 * w + 1]
            rate = abs(e) / a if a != np.float32(0) else one
            weights[w] += d * rate
            coherence[2 * w] = e + d
            coherence[2 * w + 1] = a + abs(d)
        target = path_rewards[t] + trace_decay * target + (one - trace_decay) * sum_weights(weights, features)
    return total_error


@njit(
    "float64(int64, uint64[::1], float32[::1], float32[::1], uint32[::1], uint32[:, ::1], float32[::1],"
    " float32[::1], float32, int64[:, ::1])"
)
def train_games(
    n_games: int,
    rng: npt.NDArray[np.uint64],
    weights: Weights,
    coherence: Weights,
    tables: rules.RowTables,
    path: Features,
    path_rewards: npt.NDArray[np.float32],
    trace_decays: npt.NDArray[np.float32],
    alpha: np.float32,
    results: npt.NDArray[np.int64],
) -> float:
    """Play and learn ``n_games``; fill ``results`` (n_games, 3): score, largest exponent, moves; return mean |delta|.

    ``trace_decays[i]`` is lambda of game i. Advances stream 0 of ``rng``; changes ``weights`` and ``coherence``.
    """
    features = np.empty((4, N_FEATURES), np.uint32)
    rewards = np.empty(4, np.float32)
    values = np.empty(4, np.float32)
    total_error = 0.0
    total_moves = 0
    for game in range(n_games):
        score, exponent, n_moves = play_and_remember(
            rng, weights, tables, path, path_rewards, features, rewards, values
        )
        total_error += learn_backward(n_moves, weights, coherence, path, path_rewards, trace_decays[game], alpha)
        results[game, 0] = score
        results[game, 1] = exponent
        results[game, 2] = n_moves
        total_moves += n_moves
    return total_error / max(total_moves, 1)


# --- shell ---


@dataclass(frozen=True, kw_only=True)
class TDSettings:
    """How to learn."""

    alpha: float = 1.0
    """Global step size in (0, 1]; with temporal coherence, 1 is best and more than 1 diverges."""
    trace_decay_start: float = 0.8
    """lambda of the first game, in [0, 1]."""
    trace_decay_end: float = 0.4
    """lambda that later games approach, in [0, 1]; 0 for both is TD(0)."""
    trace_decay_games: float = 5000.0
    """lambda falls from start to end as exp(-game / trace_decay_games)."""

    def __post_init__(self) -> None:
        if not 0 < self.alpha <= 1:
            raise ValueError(f"alpha must be in (0, 1], got {self.alpha}")
        for name in ("trace_decay_start", "trace_decay_end"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in [0, 1], got {getattr(self, name)}")
        if not (self.trace_decay_games > 0 and math.isfinite(self.trace_decay_games)):
            raise ValueError(f"trace_decay_games must be positive, got {self.trace_decay_games}")

    def lambda_at(self, games: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Return lambda of each game, counted from 0."""
        fall = np.exp(-games / self.trace_decay_games)
        mixed = self.trace_decay_end + (self.trace_decay_start - self.trace_decay_end) * fall
        return mixed.astype(np.float32)


@dataclass(frozen=True)
class TrainingBlock:
    """What happened in a few training games."""

    scores: npt.NDArray[np.int64]
    """Points of each game, shape (n,)."""
    max_exponents: npt.NDArray[np.int64]
    """Exponent of the largest tile of each game, shape (n,)."""
    n_moves: int
    """Moves of all games together."""
    td_error: float
    """Mean |delta_t| over all moves, points."""


class TDLearner:
    """Learns an n-tuple network by playing: all that is needed to go on where it stopped.

    Parameters
    ----------
    settings : TDSettings
        How to learn.
    seed : int
        Seed of the training games. One thread, one seed: the same weights, bit for bit.

    Attributes
    ----------
    weights : ndarray of float32, shape (67239936,)
        The network, 257 MiB.
    coherence : ndarray of float32, shape (134479872,)
        Accumulators E and A of every weight, interleaved, 513 MiB.
    rng : ndarray of uint64, shape (1,)
        Random state.
    games, moves : int
        Played so far.
    """

    def __init__(self, settings: TDSettings | None = None, seed: int = 0) -> None:
        self.settings = settings or TDSettings()
        self.seed = seed
        self.weights: Weights = np.zeros(N_WEIGHTS, np.float32)
        self.coherence: Weights = np.zeros(2 * N_WEIGHTS, np.float32)
        self.rng = _seed(seed)
        self.games = 0
        self.moves = 0
        self._tables = rules.row_tables()
        self._path = np.empty((MAX_MOVES, N_FEATURES), np.uint32)
        self._path_rewards = np.empty(MAX_MOVES, np.float32)

    def train(self, n_games: int) -> TrainingBlock:
        """Play ``n_games`` and learn from each; the result does not depend on how games are split into calls.

        Raises
        ------
        DivergedError
            If the errors are not finite or beyond any score; the weights are then useless.
        """
        results = np.empty((n_games, 3), np.int64)
        trace_decays = self.settings.lambda_at(np.arange(self.games, self.games + n_games))
        td_error = train_games(
            n_games,
            self.rng,
            self.weights,
            self.coherence,
            self._tables,
            self._path,
            self._path_rewards,
            trace_decays,
            np.float32(self.settings.alpha),
            results,
        )
        self.games += n_games
        self.moves += int(results[:, 2].sum())
        if not math.isfinite(td_error) or td_error > EXPLODED:
            raise DivergedError(f"learning diverged: the mean TD error is {td_error} after {self.games} games")
        return TrainingBlock(results[:, 0], results[:, 1], int(results[:, 2].sum()), td_error)

    def agent(self) -> NTupleAgent:
        """Return an agent that plays with the weights as they are; they go on changing with training."""
        return NTupleAgent(self.weights, name=f"{NETWORK}, {self.games:,} games")


_seed = seed  # the parameter of TDLearner.__init__ has the same name
