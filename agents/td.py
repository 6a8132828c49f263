"""Afterstate TD(lambda) with temporal-coherence step sizes: how the n-tuple network learns.

An afterstate s'_t is the board after move t, before the new tile; r_t is the reward of that move. A game of T moves
is played greedily, a_t = argmax_a r(s_t, a) + V(s'_a), and then learned from its end to its start::

    z_T = 0                                                             the game is over: nothing more to gain
    z_t = r_{t+1} + lambda z_{t+1} + (1 - lambda) V(s'_{t+1})           lambda-return, V already updated
    delta_t = z_t - V(s'_t)

lambda = 0 is TD(0). Each of the m weights w_i of s'_t has its own step size (temporal coherence): |E_i| / A_i, near 1
while its errors agree in sign and near 0 once they cancel, 1 before the first update::

    d = alpha delta_t / m
    w_i += d |E_i| / A_i        E_i += d        A_i += |d|

**Restart.** Late positions are rare: a game passes through them once, and most games end before. So a game of n moves
can be played again from the position after ``restart * n`` of them, with other tiles, and again from the middle of
that, until an end is shorter than `MIN_RESTART` moves. Half of the moves are then of the latter half of games.

References
----------
Szubert and Jaśkowski, IEEE CIG 2014, https://doi.org/10.1109/CIG.2014.6932907 (afterstate TD(0)).
Beal and Smith, "Temporal coherence and prediction decay in TD learning", IJCAI 1999.
Jaśkowski, "Mastering 2048 with delayed temporal coherence learning, multistage weight promotion, redundant encoding
and carousel shaping", IEEE Trans. Games 10(1), 2018, https://doi.org/10.1109/TCIAIG.2017.2651887 (TC(lambda)).
Matsuzaki, "Developing a 2048 player with backward temporal coherence learning and restart", ACG 2017, LNCS 10664,
https://doi.org/10.1007/978-3-319-71649-7_15 (learning a game from its end, with lambda; restart).

Notes
-----
Departures from Jaśkowski's TC(lambda):

1. Updates are made backward at the end of a game, with the values of later afterstates already updated (as Matsuzaki
   does), not forward with a delay: every update sees the newest information.
2. lambda may fall during training (`TDSettings.lambda_at`): long returns spread the first rewards quickly, short ones
   have less variance once the values are good.
3. A weight is updated once for each of the m features that read it; a weight that two features share moves twice.

Threads share the tables without locks: two that update a weight at the same moment may lose one of the updates, which
is rare among millions of weights, and harmless. One thread, one seed: the same weights, bit for bit; with more, the
order of updates is that of the moment.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Final

import numpy as np
import numpy.typing as npt

from agents._instructions import prefetch
from agents.base import MAX_MOVES
from agents.errors import DivergedError
from agents.networks import DEFAULT, Layout, Network
from agents.ntuple import Features, NTupleAgent, Values, Weights, greedy_action, sum_weights, write_features
from game2048 import board as rules
from game2048._jit import njit
from game2048.rng import draw, game_seeds, seed_streams

EXPLODED: Final = 1e9  # points; a learner with larger errors has diverged: no 2048 game scores more than 4e6
MIN_RESTART: Final = 10  # moves

Words = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float32]


# --- kernels ---


@njit(
    "int64(uint64, uint64, uint64[::1], float32[::1], uint64[:, ::1], uint32[::1], uint64[:, ::1], float32[::1],"
    " uint32[:, ::1], float32[::1], float32[::1])"
)
def play_and_remember(
    board: np.uint64,
    high: np.uint64,
    rng: Words,
    weights: Weights,
    layout: Layout,
    tables: rules.RowTables,
    path: Words,
    path_rewards: Floats,
    features: Features,
    rewards: Floats,
    values: Floats,
) -> int:
    """Play a game to its end greedily, from a board on, with stream 0 of ``rng``; return the number of moves T.

    Fills the afterstates, ``path[:T]`` (T, 2) packed, and the rewards of the moves that made them,
    ``path_rewards[:T]``. The last three arguments are buffers of `greedy_action`.
    """
    t = 0
    while True:
        action = greedy_action(board, high, weights, np.float32(1), layout, tables, features, rewards, values)
        if action < 0:
            return t
        after, high, _ = rules.play(board, high, action, tables)
        path[t, 0] = after
        path[t, 1] = high
        path_rewards[t] = rewards[action]
        board = rules.spawn(after, draw(rng, 0))
        t += 1


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
    """Learn the afterstates of a game from its end to its start, TC(lambda); return sum |delta_t|.

    Changes ``weights`` w and ``coherence``, the accumulators interleaved as E_0, A_0, E_1, A_1, ... ``initial`` is V_0;
    ``features`` (at least 2, m) a buffer. The weights of afterstate t - 1 are fetched from memory while those of t are
    updated.
    """
    one = np.float32(1)
    m = features.shape[1]
    step = alpha / np.float32(m)
    target = np.float32(0)  # z_t
    total_error = 0.0
    if len(path) > 0:
        write_features(path[len(path) - 1, 0], layout, features[(len(path) - 1) & 1])
    for t in range(len(path) - 1, -1, -1):
        if t > 0:
            before = features[(t - 1) & 1]
            write_features(path[t - 1, 0], layout, before)
            for i in range(m):
                prefetch(weights, int(before[i]))
                prefetch(coherence, 2 * int(before[i]))
        now = features[t & 1]
        td_error = target - (initial + sum_weights(weights, now, layout[0, 1]))  # delta_t
        total_error += float(abs(td_error))
        d = step * td_error
        for i in range(m):
            w = int(now[i])
            e = coherence[2 * w]
            a = coherence[2 * w + 1]
            rate = abs(e) / a if a != np.float32(0) else one
            weights[w] += d * rate
            coherence[2 * w] = e + d
            coherence[2 * w + 1] = a + abs(d)
        value = initial + sum_weights(weights, now, layout[0, 1])
        target = path_rewards[t] + trace_decay * target + (one - trace_decay) * value
    return total_error


@njit(
    "float64(int64, uint64[::1], float32[::1], float32[::1], uint64[:, ::1], uint32[::1], uint64, float32,"
    " float32[::1], float32, float64, uint64[:, ::1], float32[::1], uint32[:, ::1], int64[:, ::1])"
)
def train_games(
    n_games: int,
    rng: Words,
    weights: Weights,
    coherence: Weights,
    layout: Layout,
    tables: rules.RowTables,
    empty: np.uint64,
    initial: np.float32,
    trace_decays: Floats,
    alpha: np.float32,
    restart: float,
    path: Words,
    path_rewards: Floats,
    features: Features,
    results: npt.NDArray[np.int64],
) -> float:
    """Play and learn ``n_games`` and their restarts; return sum |delta|.

    Fills ``results`` (n_games, 4): score and largest exponent of the game, moves and episodes with its restarts.
    ``trace_decays[i]`` is lambda of game i; ``empty`` the board before the first two tiles. Advances stream 0 of
    ``rng``; changes ``weights`` and ``coherence``. ``path`` (`MAX_MOVES`, 2), ``path_rewards`` and ``features`` (4, m)
    are buffers.
    """
    rewards = np.empty(4, np.float32)
    values = np.empty(4, np.float32)
    total_error = 0.0
    for game in range(n_games):
        board = rules.spawn(rules.spawn(empty, draw(rng, 0)), draw(rng, 0))
        high = np.uint64(0)
        results[game] = 0
        while True:
            t = play_and_remember(
                board, high, rng, weights, layout, tables, path, path_rewards, features, rewards, values
            )
            results[game, 2] += t
            results[game, 3] += 1
            if results[game, 3] == 1:
                for i in range(t):
                    results[game, 0] += int(path_rewards[i])
                results[game, 1] = rules.largest_exponent(path[t - 1, 0] & ~empty, path[t - 1, 1])
            total_error += learn_backward(
                path[:t], path_rewards, weights, coherence, layout, initial, trace_decays[game], alpha, features
            )
            if restart == 0.0 or t < MIN_RESTART:
                break
            back = int(restart * t)
            board = rules.spawn(path[back, 0], draw(rng, 0))
            high = path[back, 1]
    return total_error


# --- shell ---


@dataclass(frozen=True, kw_only=True)
class TDSettings:
    """How to learn."""

    alpha: float = 1.0
    """Global step size in (0, 1]; with temporal coherence, 1 is best and more than 1 diverges."""
    trace_decay_start: float = 0.5
    """lambda of the first game, in [0, 1]."""
    trace_decay_end: float = 0.5
    """lambda that later games approach, in [0, 1]; 0 for both is TD(0)."""
    trace_decay_games: float = 5000.0
    """lambda falls from start to end as exp(-game / trace_decay_games)."""
    restart: float = 0.0
    """Where in a finished game to begin again, as a share of its moves, in [0, 1); 0: nowhere."""
    initial: float = 0.0
    """V_0, what an unknown board is worth, points: optimistic if it is high."""

    def __post_init__(self) -> None:
        if not 0 < self.alpha <= 1:
            raise ValueError(f"alpha must be in (0, 1], got {self.alpha}")
        for name in ("trace_decay_start", "trace_decay_end"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in [0, 1], got {getattr(self, name)}")
        if not (self.trace_decay_games > 0 and math.isfinite(self.trace_decay_games)):
            raise ValueError(f"trace_decay_games must be positive, got {self.trace_decay_games}")
        if not 0 <= self.restart < 1:
            raise ValueError(f"restart must be in [0, 1), got {self.restart}")
        if not (self.initial >= 0 and math.isfinite(self.initial)):
            raise ValueError(f"initial must be 0 points or more, got {self.initial}")

    def lambda_at(self, games: npt.NDArray[np.int64]) -> Floats:
        """Return lambda of each game, counted from 0."""
        fall = np.exp(-games / self.trace_decay_games)
        mixed = self.trace_decay_end + (self.trace_decay_start - self.trace_decay_end) * fall
        return mixed.astype(np.float32)


@dataclass(frozen=True)
class TrainingBlock:
    """What happened in a few training games."""

    scores: npt.NDArray[np.int64]
    """Points of each game, shape (n,); what came after a restart does not count."""
    max_exponents: npt.NDArray[np.int64]
    """Exponent of the largest tile of each game, shape (n,)."""
    n_moves: int
    """Moves of all games together, those after restarts included."""
    n_episodes: int
    """Games and restarts."""
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
    network : Network
        What to learn.
    n_threads : int
        Threads that play and learn at the same time.
    empty : int
        The packed board before the first two tiles: 0, or walls (`agents.small_boards`).
    tables : ndarray of uint32, optional
        Row tables, where there are walls.

    Attributes
    ----------
    weights : ndarray of float32, shape (network.n_weights,)
        The network.
    coherence : ndarray of float32, shape (2 * network.n_weights,)
        Accumulators E and A of every weight, interleaved.
    rng : ndarray of uint64, shape (n_threads,)
        Random state of each thread.
    games, episodes, moves : int
        Played so far.
    """

    def __init__(
        self,
        settings: TDSettings | None = None,
        seed: int = 0,
        *,
        network: Network = DEFAULT,
        n_threads: int = 1,
        empty: int = 0,
        tables: rules.RowTables | None = None,
    ) -> None:
        if n_threads < 1:
            raise ValueError(f"n_threads must be at least 1, got {n_threads}")
        self.settings = settings or TDSettings()
        self.seed = seed
        self.network = network
        self.n_threads = n_threads
        self.weights: Weights = np.zeros(network.n_weights, np.float32)
        self.coherence: Weights = np.zeros(2 * network.n_weights, np.float32)
        self.rng = seed_streams(game_seeds(seed, n_threads))
        self.games = self.episodes = self.moves = 0
        self._empty = np.uint64(empty)
        self._tables = rules.row_tables() if tables is None else tables
        self._buffers = [
            (np.empty((MAX_MOVES, 2), np.uint64), np.empty(MAX_MOVES, np.float32), self.values().buffers()[0])
            for _ in range(n_threads)
        ]

    def train(self, n_games: int) -> TrainingBlock:
        """Play ``n_games`` and learn from each.

        With one thread, the result does not depend on how games are split into calls.

        Raises
        ------
        DivergedError
            If the errors are not finite or beyond any score; the weights are then useless.
        """
        results = np.empty((n_games, 4), np.int64)
        trace_decays = self.settings.lambda_at(np.arange(self.games, self.games + n_games))
        if self.n_threads == 1:
            total_error = self._train(0, results, trace_decays)
        else:
            total_error = self._train_together(results, trace_decays)
        _, _, n_moves, n_episodes = (int(total) for total in results.sum(0))
        self.games += n_games
        self.episodes += n_episodes
        self.moves += n_moves
        td_error = total_error / max(n_moves, 1)
        if not math.isfinite(td_error) or td_error > EXPLODED:
            raise DivergedError(f"learning diverged: the mean TD error is {td_error} after {self.games} games")
        return TrainingBlock(results[:, 0], results[:, 1], n_moves, n_episodes, td_error)

    def _train_together(self, results: npt.NDArray[np.int64], trace_decays: Floats) -> float:
        """Let each thread take a few games at a time, until there are none left."""
        n_games, turn, taken = len(results), Lock(), 0
        share = max(1, n_games // (16 * self.n_threads))

        def work(thread: int) -> float:
            nonlocal taken
            total = 0.0
            while True:
                with turn:
                    first = taken
                    taken += share
                if first >= n_games:
                    return total
                some = slice(first, min(first + share, n_games))
                total += self._train(thread, results[some], trace_decays[some])

        with ThreadPoolExecutor(self.n_threads) as pool:
            return sum(pool.map(work, range(self.n_threads)))

    def _train(self, thread: int, results: npt.NDArray[np.int64], trace_decays: Floats) -> float:
        return train_games(
            len(results),
            self.rng[thread : thread + 1],
            self.weights,
            self.coherence,
            self.network.layout,
            self._tables,
            self._empty,
            np.float32(self.settings.initial),
            trace_decays,
            np.float32(self.settings.alpha),
            self.settings.restart,
            *self._buffers[thread],
            results,
        )

    def values(self) -> Values:
        """Return the network as it is; it goes on changing with training."""
        return Values(self.network, self.weights, initial=self.settings.initial)

    def agent(self) -> NTupleAgent:
        """Return an agent that plays with the weights as they are; they go on changing with training."""
        return NTupleAgent(self.values(), name=f"n-tuple {self.network.name}, {self.games:,} games")
