"""Roll-outs: what a network's policy does in many games, remembered as flat arrays.

Time comes first: row t holds step t of every game. Rewards are raw points; whoever learns compresses them.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agents.policy.distribution import masked_log_softmax, sample
from agents.policy.games import Boards, Games
from agents.policy.network import PolicyNetwork
from game2048._jit import njit
from game2048.rng import draw
from nets.graph import no_grad
from nets.replicas import Replicas, shares


@dataclass(frozen=True, eq=False)
class Rollout:
    """T steps of N games.

    Attributes
    ----------
    boards : ndarray of uint64, shape (T + 1, N)
        Packed positions; the last row is where the games went on.
    actions : ndarray of uint8, shape (T, N)
    log_probs : ndarray of float32, shape (T, N)
        log mu(a_t | s_t) of the policy mu that chose the actions.
    rewards : ndarray of float32, shape (T, N)
        Points.
    over : ndarray of bool, shape (T, N)
        Whether the game ended with this step; ``boards[t + 1]`` is then the start of another.
    """

    boards: Boards
    actions: npt.NDArray[np.uint8]
    log_probs: npt.NDArray[np.float32]
    rewards: npt.NDArray[np.float32]
    over: npt.NDArray[np.bool_]

    @property
    def horizon(self) -> int:
        """T."""
        return len(self.actions)

    @property
    def n_games(self) -> int:
        """N."""
        return int(self.actions.shape[1])


@njit("void(uint64[::1], float32[::1])")
def draw_uniforms(rng: npt.NDArray[np.uint64], out: npt.NDArray[np.float32]) -> None:
    """Draw ``out[i]`` from [0, 1) with stream i of ``rng``."""
    for i in range(out.size):
        out[i] = np.float32(draw(rng, i) >> np.uint64(40)) * np.float32(2.0**-24)


def collect(replicas: Replicas, games: Games, horizon: int, rng: npt.NDArray[np.uint64]) -> Rollout:
    """Let the policy play ``horizon`` steps of every game.

    Parameters
    ----------
    replicas : Replicas
        Of a `PolicyNetwork`; each plays a share of the games in a thread of its own.
    games : Games
        Stepped in place.
    horizon : int
        T, at least 1.
    rng : ndarray of uint64, shape (n_games,)
        A random stream a game, for the actions; changed in place.
    """
    n = games.n_games
    boards = np.empty((horizon + 1, n), np.uint64)
    actions = np.empty((horizon, n), np.uint8)
    log_probs = np.empty((horizon, n), np.float32)
    rewards = np.empty((horizon, n), np.float32)
    over = np.empty((horizon, n), np.bool_)

    def play(network: PolicyNetwork, part: slice) -> None:
        uniforms = np.empty(part.stop - part.start, np.float32)
        with no_grad():
            for t in range(horizon):
                now = boards[t, part]
                now[...] = games.boards[part]
                logits, _ = network(now)
                log_pi = masked_log_softmax(logits, games.masks(now)).data
                draw_uniforms(rng[part], uniforms)
                chosen = sample(log_pi, uniforms)
                actions[t, part] = chosen
                log_probs[t, part] = np.take_along_axis(log_pi, chosen[:, None].astype(np.int64), 1)[:, 0]
                rewards[t, part], over[t, part] = games.step(chosen, part)

    replicas.map(play, shares(n, replicas.n_threads))
    boards[horizon] = games.boards
    return Rollout(boards, actions, log_probs, rewards, over)
