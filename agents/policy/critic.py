"""A critic that looks one move ahead: afterstate values from an n-tuple network, learned from the games of a policy.

The rules of 2048 are known, only the new tiles are random: an action a turns a board s into the afterstate s'_a and
pays r(s, a), both certain. A value V of afterstates therefore tells the value of *every* action, whichever was taken::

    Q(s, a) = r(s, a) + V(s'_a)

V is an n-tuple network (`agents.ntuple`), in points. It learns from every game that ends, once, from its last move to
its first, with TC(lambda) (`agents.learning_rules.learn_backward`), only that the games are those of a
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
from agents.learning_rules import Words, learn_backward
from agents.networks import Layout
from agents.ntuple import Weights, greedy_action
from agents.policy.boards import Boards
from agents.policy.config import NTUPLE_NETWORK
from agents.policy.rollout import Rollout
from agents.td import EXPLODED, TDLearner, TDSettings
from game2048 import board as rules
from game2048._jit import njit

FIRST_ROWS: Final = 256  # steps of unfinished games that there is room for at first
Floats = npt.NDArray[np.float32]


@njit("void(uint64[::1], float32[::1], float32, uint64[:, ::1], int64, uint32[::1], float32[:, ::1])")
def write_action_values(
    boards: Boards,
    weights: Weights,
    initial: np.float32,
    layout: Layout,
    n_features: int,
    tables: rules.RowTables,
    out: Floats,
) -> None:
    """Write Q(s, a) of n boards into ``out``, shape (n, 4): points, -inf where an action is illegal."""
    features = np.empty((4, n_features), np.uint32)
    rewards = np.empty(4, np.float32)
    for i in range(boards.size):
        greedy_action(boards[i], np.uint64(0), weights, np.float32(1), layout, tables, features, rewards, out[i])
        for action in range(4):
            out[i, action] += initial


@njit("void(uint64[::1], uint8[::1], uint32[::1], uint64[:, ::1], float32[::1])")
def write_path(
    boards: Boards, actions: npt.NDArray[np.uint8], tables: rules.RowTables, path: Words, rewards: Floats
) -> None:
    """Write a game's afterstates, ``path[:T]`` (T, 2) packed, and the points of its moves, ``rewards``."""
    for t in range(boards.size):
        path[t, 0], path[t, 1], reward = rules.play(boards[t], np.uint64(0), int(actions[t]), tables)
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
        Weights and step sizes, 770 MiB together; another may be put in its place. It plays no games of its own here; on
        its own it could go on to.
    """

    def __init__(self, n_games: int, *, trace_decay: float = 0.5, alpha: float = 1.0) -> None:
        settings = TDSettings(alpha=alpha, trace_decay_start=trace_decay, trace_decay_end=trace_decay)
        self.trace_decay, self.alpha = trace_decay, alpha
        self.learner = TDLearner(settings, network=NTUPLE_NETWORK)
        self._tables = rules.row_tables()
        # Steps of games that are not over: row k holds step k of the games' common history, each game from its start.
        self._boards: Boards = np.empty((FIRST_ROWS, n_games), np.uint64)
        self._actions = np.empty((FIRST_ROWS, n_games), np.uint8)
        self._starts = np.zeros(n_games, np.int64)
        self._n_rows = 0
        self._path = np.empty((MAX_MOVES, 2), np.uint64)
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
        network, initial = self.learner.network, np.float32(self.learner.settings.initial)
        write_action_values(
            np.ascontiguousarray(boards),
            self.weights,
            initial,
            network.layout,
            network.n_features,
            self._tables,
            values,
        )
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
        network = self.learner.network
        error = learn_backward(
            self._path[: boards.size],
            self._path_rewards,
            self.weights,
            self.coherence,
            network.layout,
            np.float32(self.learner.settings.initial),
            np.float32(self.trace_decay),
            np.float32(self.alpha),
            np.empty((2, network.n_features), np.uint32),
        )
        self.learner.games += 1
        self.learner.episodes += 1
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
            "counts": np.array([self.learner.games, self.learner.moves, self.learner.episodes]),
        }

    def load_state_dict(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Go on from there.

        Raises
        ------
        ValueError
            If the state is of a critic of another number of games, or damaged; this one is as it was.
        """
        n, rows = self._starts.size, len(state["boards"])
        shapes = {"boards": (rows, n), "actions": (rows, n), "starts": (n,), "counts": (3,)}
        shapes |= {"weights": state["indices"].shape, "coherence": (*state["indices"].shape, 2)}
        for name, shape in shapes.items():
            if state[name].shape != shape:
                raise ValueError(f"{name} must have shape {shape}, got {state[name].shape}")
        old = self.learner
        if (largest := state["indices"].max(initial=0)) >= old.network.n_weights:
            raise ValueError(f"indices must be below {old.network.n_weights}, got {largest}")
        self.learner = TDLearner(old.settings, old.seed, network=old.network)  # with zeros, which take no memory
        put_back(self.learner, state)
        self._boards, self._actions = state["boards"].copy(), state["actions"].copy()
        self._starts, self._n_rows = state["starts"].copy(), rows
        self.learner.games, self.learner.moves, self.learner.episodes = (int(count) for count in state["counts"])


def _lengthened(array: npt.NDArray[Any], rows: int, used: int) -> npt.NDArray[Any]:
    longer = np.empty((rows, *array.shape[1:]), array.dtype)
    longer[:used] = array[:used]
    return longer
