"""The learner: an n-tuple network that plays against itself and learns from every game.

`agents.learning_rules` says how a game is learned, `agents.episodes` which games there are, `TDSettings` what can be
chosen; all choices combine. The default is TC(lambda) backward, which learns most from few games.

Threads share the tables without locks: two that update a weight at the same moment may lose one of the updates, which
is rare among millions of weights, and harmless. A fresh network is another matter, since all boards read the same few
weights there: the first `WARM_UP` games are played by one thread. One thread, one seed: the same weights, bit for bit;
with more, the order of updates is that of the moment.

References
----------
Niu, Recht, Ré and Wright, "Hogwild! A lock-free approach to parallelizing stochastic gradient descent", NeurIPS 2011,
https://arxiv.org/abs/1106.5730.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Lock
from typing import Final

import numpy as np
import numpy.typing as npt

from agents.base import MAX_MOVES
from agents.episodes import CAROUSEL_SIZE, train_games
from agents.errors import DivergedError
from agents.memory import check_memory
from agents.networks import DEFAULT, Network
from agents.ntuple import NTupleAgent, Values, Weights
from agents.td_settings import TDSettings
from game2048 import board as rules
from game2048.rng import draw, game_seeds, seed_streams

__all__ = ["EXPLODED", "WARM_UP", "TDLearner", "TDSettings", "TrainingBlock"]

EXPLODED: Final = 1e7  # points; a learner with larger mean errors has diverged: no 2048 game scores more than 4e6
ENOUGH: Final = 20  # games whose mean score says what errors there can be
WARM_UP: Final = 100  # games
SHARES: Final = 16  # of a call's games, each played in one go


@dataclass(frozen=True)
class TrainingBlock:
    """What happened in a few training games."""

    scores: npt.NDArray[np.int64]
    """Points of each game, shape (n,); episodes that followed from it do not count."""
    max_exponents: npt.NDArray[np.int64]
    """Exponent of the largest tile of each game, shape (n,)."""
    n_moves: int
    """Moves of all episodes together."""
    n_episodes: int
    """Games, and the restarts and rounds of the carousel that followed from them."""
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

    Raises
    ------
    NetworkError
        If the tables take more memory than there is.

    Attributes
    ----------
    weights : ndarray of float32, shape (network.n_weights,)
        The network.
    coherence : ndarray of float32, shape (2 * network.n_weights,)
        Accumulators E and A of every weight, interleaved; all 0, and no memory, without temporal coherence.
    rng : ndarray of uint64, shape (n_threads,)
        Random state of each thread.
    carousel : ndarray of uint64, shape (n_threads, stages, 1 + `CAROUSEL_SIZE`, 2)
        First boards of stages, of each thread (`agents.episodes.remember_stages`).
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
        self.settings = settings or TDSettings()
        self.seed = seed
        self.network = network
        check_memory(network, coherent=self.settings.coherence_from < 1)
        self.weights: Weights = np.zeros(network.n_weights, np.float32)
        self.coherence: Weights = np.zeros(2 * network.n_weights, np.float32)
        self.rng: npt.NDArray[np.uint64] = np.empty(0, np.uint64)
        self.carousel: npt.NDArray[np.uint64] = np.empty(
            (0, 2 ** len(self.settings.carousel_tiles), 1 + CAROUSEL_SIZE, 2), np.uint64
        )
        self.games = self.episodes = self.moves = 0
        self._empty = np.uint64(empty)
        self._tables = rules.row_tables() if tables is None else tables
        self.use_threads(n_threads)

    @property
    def n_threads(self) -> int:
        """Threads that play and learn at the same time."""
        return len(self.rng)

    def use_threads(self, n_threads: int) -> None:
        """Go on with another number of threads: those that are kept go on as they are, new ones have new games.

        Raises
        ------
        ValueError
            If there would be none.
        """
        if n_threads < 1:
            raise ValueError(f"n_threads must be at least 1, got {n_threads}")
        kept = min(n_threads, len(self.rng))
        series = int(draw(self.rng, 0)) if 0 < kept < n_threads else self.seed  # another series than the first threads'
        self.rng = np.concatenate([self.rng[:kept], seed_streams(game_seeds(series, n_threads)[kept:])])
        new_rounds = np.zeros((n_threads - kept, *self.carousel.shape[1:]), np.uint64)
        self.carousel = np.concatenate([self.carousel[:kept], new_rounds])
        m = self.network.n_features
        self._buffers = [
            (
                np.empty((MAX_MOVES, 2), np.uint64),
                np.empty(MAX_MOVES, np.float32),
                np.empty((self.settings.delay + 1, m), np.uint32),
                np.empty((4, m), np.uint32),
            )
            for _ in range(n_threads)
        ]

    def train(self, n_games: int, should_stop: Callable[[], bool] = lambda: False) -> TrainingBlock:
        """Play ``n_games``, or fewer if ``should_stop``, and learn from each.

        With one thread, the result does not depend on how games are split into calls. ``should_stop`` is asked from any
        thread, after every sixteenth of the games.

        Raises
        ------
        DivergedError
            If the errors are not finite, or on average larger than the scores (of fewer than `ENOUGH` games: than any
            score): to know nothing but V_0 would be better. The weights are then useless.
        """
        results = np.empty((n_games, 4), np.int64)
        alone = n_games if self.n_threads == 1 else min(n_games, max(0, WARM_UP - self.games))
        n_played, total_error = self._play(results[:alone], 1, should_stop)
        if n_played == alone < n_games:
            more_played, more_error = self._play(results[alone:], self.n_threads, should_stop)
            n_played, total_error = n_played + more_played, total_error + more_error
        results = results[:n_played]
        _, _, n_moves, n_episodes = (int(total) for total in results.sum(0))
        self.episodes += n_episodes
        self.moves += n_moves
        td_error = total_error / max(n_moves, 1)
        mean_score = float(results[:, 0].mean()) if n_played > 0 else 0.0
        most = mean_score + self.settings.initial if n_played >= ENOUGH else EXPLODED
        if not td_error <= most:  # nan, too
            raise DivergedError(
                f"learning diverged: the mean TD error is {td_error:g} points after {self.games} games, the last of "
                f"{mean_score:,.0f} points on average; try a smaller alpha than "
                f"{float(self.settings.alpha_at(np.array([self.games - 1]))[0]):g}"
            )
        return TrainingBlock(results[:, 0], results[:, 1], n_moves, n_episodes, td_error)

    def _play(
        self, results: npt.NDArray[np.int64], n_threads: int, should_stop: Callable[[], bool]
    ) -> tuple[int, float]:
        """Let each thread take a few games at a time, until there are none left; return (games played, sum |delta|)."""
        first_game, n_games, taken, turn = self.games, len(results), 0, Lock()
        share = max(1, n_games // (SHARES * n_threads))
        given_up = False

        def work(thread: int) -> float:
            nonlocal taken
            total = 0.0
            while True:
                with turn:
                    if taken >= n_games or given_up or should_stop():
                        return total
                    first = taken
                    taken = min(first + share, n_games)
                    last = taken
                total += self._train(thread, first_game + first, results[first:last])

        if n_threads == 1:
            total_error = work(0)
        else:
            with ThreadPoolExecutor(n_threads) as pool:
                threads = [pool.submit(work, thread) for thread in range(n_threads)]
                try:
                    total_error = sum(thread.result() for thread in threads)
                finally:
                    given_up = True  # Ctrl-C here, or an error in a thread: the others end with their share
        self.games += taken
        return taken, total_error

    def _train(self, thread: int, first_game: int, results: npt.NDArray[np.int64]) -> float:
        """Play a share of the games on one thread; return sum |delta|."""
        games = np.arange(first_game, first_game + len(results))
        return train_games(
            self.rng[thread : thread + 1],
            self.weights,
            self.coherence,
            self.network.layout,
            self._tables,
            self._empty,
            np.float32(self.settings.initial),
            self.settings.lambda_at(games),
            self.settings.alpha_at(games),
            int(np.count_nonzero(games < self.settings.first_coherent)),
            self.settings.delay,
            self.settings.restart_at(games),
            np.uint64(sum(1 << tile for tile in self.settings.carousel_tiles)),
            self.carousel[thread],
            *self._buffers[thread],
            results,
        )

    def cool(self) -> None:
        """Learn with a tenth of the step sizes from the next game on: what was learned settles."""
        self.settings = replace(self.settings, cooled_from=self.games)

    def warm(self) -> None:
        """Learn with whole step sizes again."""
        self.settings = replace(self.settings, cooled_from=0)

    def values(self) -> Values:
        """Return the network as it is; it goes on changing with training."""
        return Values(self.network, self.weights, initial=self.settings.initial)

    def agent(self) -> NTupleAgent:
        """Return an agent that plays with the weights as they are; they go on changing with training."""
        return NTupleAgent(self.values(), name=f"n-tuple {self.network.name}, {self.games:,} games")
