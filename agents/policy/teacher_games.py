"""Games of an n-tuple agent, as positions to imitate: what it was shown, what it did, and what it thought of it.

The teacher plays greedily, argmax_a Q(s, a) with Q(s, a) = r(s, a) + V(s'_a). Many games go on from call to call and
begin anew when they end; before the first call they are played for different lengths of time, so that positions come
from everywhere in a game at once. Each game has its own random stream, and threads play different games: what comes
out does not depend on their number.

Whoever imitates makes mistakes that the teacher does not make, and then sees positions that the teacher never shows.
``exploration`` plays some random moves, which lead there; the answer to each position is still the teacher's (the idea
of DART, Laskey et al., "DART: noise injection for robust imitation learning", CoRL 2017,
https://doi.org/10.48550/arXiv.1703.09327).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agents.networks import Layout
from agents.ntuple import NTupleAgent, for_all_weights, greedy_action
from game2048 import board as rules
from game2048._jit import njit
from game2048.rng import draw, game_seeds, seed_streams
from nets.replicas import shares

GOLDEN_RATIO: Final = (5**0.5 - 1) / 2
SPREAD: Final = 8192  # moves by which games are apart at most before they are shown; good teachers' games have 6,000

Boards = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class TeacherMoves:
    """T moves of each of N games, game by game.

    Attributes
    ----------
    boards : ndarray of uint64, shape (N, T + 1)
        Packed positions; the last column is where the games go on.
    best : ndarray of uint8, shape (N, T)
        argmax_a Q(s, a).
    values : ndarray of float32, shape (N, T, 4)
        Q(s, a), points; -inf where an action is illegal.
    rewards : ndarray of float32, shape (N, T)
        Points of the moves that were played.
    over : ndarray of bool, shape (N, T)
        Whether the game ended with this move; the next position is then the start of another.
    """

    boards: Boards
    best: npt.NDArray[np.uint8]
    values: Floats
    rewards: Floats
    over: npt.NDArray[np.bool_]

    @classmethod
    def empty(cls, n_games: int, n_moves: int) -> "TeacherMoves":
        """Return room for so many."""
        shape = n_games, n_moves
        return cls(
            np.empty((n_games, n_moves + 1), np.uint64),
            np.empty(shape, np.uint8),
            np.empty((*shape, 4), np.float32),
            np.empty(shape, np.float32),
            np.empty(shape, np.bool_),
        )


@njit(
    *for_all_weights(
        "void(int64, uint64[::1], float64, W, float32, float32, uint64[:, ::1], int64, uint32[::1], uint64[::1],"
        " uint8[::1], float32[:, ::1], float32[::1], boolean[::1])"
    )
)
def play_on(
    game: int,
    rng: npt.NDArray[np.uint64],
    exploration: float,
    weights: Any,
    unit: np.float32,
    initial: np.float32,
    layout: Layout,
    n_features: int,
    tables: rules.RowTables,
    boards: Boards,
    best: npt.NDArray[np.uint8],
    values: Floats,
    rewards: Floats,
    over: npt.NDArray[np.bool_],
) -> None:
    """Play T moves from ``boards[0]`` on; fill in the rest, see `TeacherMoves`. Advances stream ``game`` of ``rng``.

    A game also ends with a tile above 32768, which a packed board cannot show.
    """
    features = np.empty((4, n_features), np.uint32)
    scratch = np.empty(4, np.float32)
    for t in range(best.size):
        board = boards[t]
        action = greedy_action(board, np.uint64(0), weights, unit, layout, tables, features, scratch, values[t])
        best[t] = action
        for a in range(4):
            values[t, a] += initial
        if exploration > 0.0:
            bits = draw(rng, game)
            if float(bits >> np.uint64(16)) * 2.0**-48 < exploration:
                action = rules.random_action(np.uint64(rules.action_mask(board)), bits)
        after, high, reward = rules.play(board, np.uint64(0), action, tables)
        board = rules.spawn(after, draw(rng, game))
        rewards[t] = np.float32(np.int64(reward))
        over[t] = high != np.uint64(0) or rules.action_mask(board) == 0
        boards[t + 1] = rules.start_board(rng, game) if over[t] else board


class TeacherGames:
    """Games that an n-tuple agent plays to be imitated.

    Parameters
    ----------
    teacher : NTupleAgent
        Who plays.
    n_games : int
        Games side by side.
    seed : int
        Of the series of games, see `game2048.rng.game_seeds`.
    exploration : float
        Share of moves that are random instead, in [0, 1].
    n_threads : int
        Threads that share the games.

    Attributes
    ----------
    boards : ndarray of uint64, shape (n_games,)
        Present positions.
    """

    def __init__(
        self, teacher: NTupleAgent, n_games: int, seed: int = 0, *, exploration: float = 0.0, n_threads: int = 1
    ) -> None:
        if n_games < 1:
            raise ValueError(f"n_games must be at least 1, got {n_games}")
        if not 0 <= exploration <= 1:
            raise ValueError(f"exploration must be in [0, 1], got {exploration}")
        if n_threads < 1:
            raise ValueError(f"n_threads must be at least 1, got {n_threads}")
        self.teacher, self.n_games, self.exploration, self.n_threads = teacher, n_games, exploration, n_threads
        self._rng = seed_streams(game_seeds(seed, n_games))
        self.boards: Boards = np.array([rules.start_board(self._rng, i) for i in range(n_games)], np.uint64)
        self._tables = rules.row_tables()
        self._in_threads(self._spread)

    def play(self, n_moves: int) -> TeacherMoves:
        """Play ``n_moves`` of every game."""
        moves = TeacherMoves.empty(self.n_games, n_moves)

        def work(games: range) -> None:
            for game in games:
                self._play_on(game, moves, game)

        self._in_threads(work)
        return moves

    def _spread(self, games: range) -> None:
        """Play every game for another part of `SPREAD` moves, evenly spread for any number of games."""
        for game in games:
            self._play_on(game, TeacherMoves.empty(1, int(SPREAD * (game * GOLDEN_RATIO % 1))), 0)

    def _play_on(self, game: int, moves: TeacherMoves, row: int) -> None:
        """Let a game go on; a row of ``moves`` remembers it."""
        moves.boards[row, 0] = self.boards[game]
        v = self.teacher.values
        play_on(
            game,
            self._rng,
            self.exploration,
            v.weights,
            v.unit,
            v.initial,
            v.network.layout,
            v.network.n_features,
            self._tables,
            moves.boards[row],
            moves.best[row],
            moves.values[row],
            moves.rewards[row],
            moves.over[row],
        )
        self.boards[game] = moves.boards[row, -1]

    def _in_threads(self, work: Callable[[range], None]) -> None:
        """Let each thread work on a share of the games: neighbours, whose random states share lines of the cache."""
        games = range(self.n_games)
        with ThreadPoolExecutor(self.n_threads) as pool:
            list(pool.map(work, (games[part] for part in shares(self.n_games, self.n_threads))))

    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """Return what is needed to go on, beside the teacher."""
        return {"boards": self.boards, "rng": self._rng}

    def load_state_dict(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Go on from there.

        Raises
        ------
        ValueError
            If the state is of another number of games.
        """
        for name, own in self.state_dict().items():
            if state[name].shape != own.shape or state[name].dtype != own.dtype:
                raise ValueError(
                    f"{name} must be {own.dtype} of shape {own.shape}, got {state[name].dtype} {state[name].shape}"
                )
        for name, own in self.state_dict().items():
            own[...] = state[name]
