"""A critic that looks one move ahead: afterstate values from an n-tuple network, learned from the games of a policy.

The rules of 2048 are known, only the new tiles are random: an action a turns a board s into the afterstate s'_a and
pays r(s, a), both certain. A value V of afterstates therefore tells the value of *every* action, whichever was taken::

    Q(s, a) = r(s, a) + V(s'_a)

V is the n-tuple network of `agents.ntuple`, in points. It learns from every game that ends, once, from its last move to
its first, with TD(lambda) and the step sizes of temporal coherence (`agents.td`), only that the games are those of a
policy and not its own: so V is the value of playing on as that policy plays (SARSA's, not Q-learning's).

Notes
-----
Games are not learned from twice. Temporal coherence takes agreement between updates for a sign that more is to come;
replayed games agree with themselves, and the values run away (past 1e11 points when each game was learned from three
times).
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agents.base import MAX_MOVES
from agents.checkpoint import learned, put_back
from agents.errors import DivergedError
from agents.ntuple import N_FEATURES, N_WEIGHTS, Features, Weights, greedy_action, write_features
from agents.policy.boards import Boards
from agents.policy.rollout import Rollout
from agents.td import EXPLODED, TDLearner, TDSettings, learn_backward
from game2048 import board as rules
from game2048._jit import njit

FIRST_ROWS: Final = 256  # steps of unfinished games that there is room for at first
Floats = npt.NDArray[np.float32]


@njit("void(uint64[::1], float32[::1], uint32[::1], float32[:, ::1])")
def write_action_values(boards: Boards, weights: Weights, tables: rules.RowTables, out: Floats) -> None:
    """Write Q(s, a) of n boards into ``out``, shape (n, 4): points, -inf where an action is illegal."""
    features = np.empty((4, N_FEATURES), np.uint32)
    rewards = np.empty(4, np.float32)
    for i in range(boards.size):
        greedy_action(boards[i], np.uint64(0), weights, tables, features, rewards, out[i])


@njit("void(uint64[::1], uint8[::1], uint32[::1], uint32[:, ::1], float32[::1])")
def write_path(
    boards: Boards, actions: npt.NDArray[np.uint8], tables: rules.RowTables, path: Features, rewards: Floats
) -> None:
    """Write the features of a game's afterstates, ``path[:T]`` (T, 40), and the points of its moves, ``rewards``."""
    for t in range(boards.size):
        after, _, reward = rules.play(boards[t], np.uint64(0), int(actions[t]), tables)
        write_features(after, path[t])
        rewards[t] = np.float32(np.int64(reward))


class AfterstateCritic:
    """Values of actions, learned from roll-outs.

    Parameters
    ----------
    n_games : int
        Games of the roll-outs.
    trace_decay : float
        lambda, in [0, 1].
    alpha : float
        Step size, in (0, 1].

    Attributes
    ----------
    learner : TDLearner
        Weights and step sizes, 770 MiB together. It plays no games of its own here; on its own it could go on to.
    """

    def __init__(self, n_games: int, *, trace_decay: float = 0.5, alpha: float = 1.0) -> None:
        settings = TDSettings(alpha=alpha, trace_decay_start=trace_decay, trace_decay_end=trace_decay)
        self.trace_decay, self.alpha = trace_decay, alpha
        self.learner = TDLearner(settings)
        self._tables = rules.row_tables()
        # Steps of games that are not over: row k holds step k of the games' common history, each game from its start.
        self._boards: Boards = np.empty((FIRST_ROWS, n_games), np.uint64)
        self._actions = np.empty((FIRST_ROWS, n_games), np.uint8)
        self._starts = np.zeros(n_games, np.int64)
        self._n_rows = 0
        self._path = np.empty((MAX_MOVES, N_FEATURES), np.uint32)
        self._path_rewards = np.empty(MAX_MOVES, np.float32)

    @property
    def weights(self) -> Weights:
        """The n-tuple network."""
        return self.learner.weights

    @property
    def coherence(self) -> Weights:
        """Accumulators of its step sizes."""
        return self.learner.coherence

    @property
    def games(self) -> int:
        """Number of games learned from so far, those of a teacher included."""
        return self.learner.games

    def action_values(self, boards: Boards) -> Floats:
        """Return Q(s, a) of packed boards (n,), shape (n, 4), points; -inf where an action is illegal."""
        values = np.empty((boards.size, 4), np.float32)
        write_action_values(np.ascontiguousarray(boards), self.weights, self._tables, values)
        return values

    def learn(self, rollout: Rollout) -> float:
        """Learn from the games that ended in a roll-out, which goes on where the last one stopped.

        Returns
        -------
        float
            Mean absolute delta over their moves, points; NaN if no game ended.

        Raises
        ------
        DivergedError
            If the errors are not finite or beyond any score.
        """
        first = self._append(rollout)
        total, moves = 0.0, 0
        for t, game in zip(*np.nonzero(rollout.over), strict=True):
            start, stop = int(self._starts[game]), first + int(t) + 1
            total += self._learn_game(start, stop, int(game))
            moves += stop - start
            self._starts[game] = stop
        self._forget()
        return total / moves if moves else float("nan")

    def _learn_game(self, start: int, stop: int, game: int) -> float:
        boards = np.ascontiguousarray(self._boards[start:stop, game])
        actions = np.ascontiguousarray(self._actions[start:stop, game])
        write_path(boards, actions, self._tables, self._path, self._path_rewards)
        error = learn_backward(
            boards.size,
            self.weights,
            self.coherence,
            self._path,
            self._path_rewards,
            np.float32(self.trace_decay),
            np.float32(self.alpha),
        )
        self.learner.games += 1
        self.learner.moves += boards.size
        if not error <= EXPLODED * boards.size:
            raise DivergedError(f"the critic diverged: its errors sum to {error} in game {self.games}")
        return error

    def _append(self, rollout: Rollout) -> int:
        """Append the steps of a roll-out; return the number of its first row."""
        first, stop = self._n_rows, self._n_rows + rollout.horizon
        if stop > len(self._boards):
            rows = max(stop, 2 * len(self._boards))
            self._boards = _lengthened(self._boards, rows, first)
            self._actions = _lengthened(self._actions, rows, first)
        self._boards[first:stop], self._actions[first:stop] = rollout.boards[:-1], rollout.actions
        self._n_rows = stop
        return first

    def _forget(self) -> None:
        """Drop the rows before the oldest unfinished game, once they are half of all."""
        done = int(self._starts.min())
        if done < max(self._n_rows // 2, 1):
            return
        n = self._n_rows - done
        self._boards[:n], self._actions[:n] = self._boards[done : self._n_rows], self._actions[done : self._n_rows]
        self._n_rows = n
        self._starts -= done

    # --- saving ---

    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """Return what is needed to go on; of the weights those that were ever updated."""
        return {
            **learned(self.learner),
            "boards": self._boards[: self._n_rows].copy(),
            "actions": self._actions[: self._n_rows].copy(),
            "starts": self._starts.copy(),
            "counts": np.array([self.learner.games, self.learner.moves]),
        }

    def load_state_dict(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Go on from there.

        Raises
        ------
        ValueError
            If the state is of a critic of another number of games, or damaged; this one is as it was.
        """
        n, rows = self._starts.size, len(state["boards"])
        shapes = {"boards": (rows, n), "actions": (rows, n), "starts": (n,), "counts": (2,)}
        shapes |= {"weights": state["indices"].shape, "coherence": (*state["indices"].shape, 2)}
        for name, shape in shapes.items():
            if state[name].shape != shape:
                raise ValueError(f"{name} must have shape {shape}, got {state[name].shape}")
        if (largest := state["indices"].max(initial=0)) >= N_WEIGHTS:
            raise ValueError(f"indices must be below {N_WEIGHTS}, got {largest}")
        self.learner = TDLearner(self.learner.settings, self.learner.seed)  # with zeros, which take no memory
        put_back(self.learner, state)
        self._boards, self._actions = state["boards"].copy(), state["actions"].copy()
        self._starts, self._n_rows = state["starts"].copy(), rows
        self.learner.games, self.learner.moves = (int(count) for count in state["counts"])


def _lengthened(array: npt.NDArray[Any], rows: int, used: int) -> npt.NDArray[Any]:
    longer = np.empty((rows, *array.shape[1:]), array.dtype)
    longer[:used] = array[:used]
    return longer
