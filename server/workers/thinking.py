"""Thinkers: what players think of moves, in a worker process.

A job brings a player as `server.players.Player.job` describes it; models stay in memory as long as they are in use and
their files stay as they are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from server.workers.tasks import TaskError

Boards = npt.NDArray[np.uint8]
Values = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint64]
Unit = Literal["points", "return", "probability", "nothing"]

MAX_LOADED: Final = 3  # files in memory, 513 MiB each for an n-tuple policy or 8x6
N_ROLLOUTS: Final = 200  # random games after each move


@dataclass(frozen=True, kw_only=True)
class Thinker:
    """A player at a depth."""

    unit: Unit
    """What its values are: points still to come, the return that a network learned, how likely it is to play the move,
    or nothing, where all moves are the same to it."""
    values: Callable[[Words, Words], Values]
    """Packed boards, see `game2048.board`, (n,) twice -> values (n, 4); those of illegal moves do not matter."""

    def move_values(self, boards: Boards) -> Values:
        """Return what each move is worth.

        Parameters
        ----------
        boards : ndarray of uint8, shape (n, 16)
            Exponents, 0 to 17.

        Returns
        -------
        ndarray of float64, shape (n, 4)
            Up, right, down, left; NaN where a move is illegal.
        """
        from agents.lockstep import wide_masks
        from game2048.board import pack

        words = np.array([pack(board) for board in boards], np.uint64).reshape(-1, 2)
        columns = np.ascontiguousarray(words[:, 0]), np.ascontiguousarray(words[:, 1])
        return np.where(wide_masks(*columns), self.values(*columns), np.nan)


def choose_action(values: Values, seed: int) -> int:
    """Return the best of four moves, -1 if none is legal; the seed decides between equals.

    >>> choose_action(np.array([1.0, np.nan, 3.0, 2.0]), seed=0)
    2
    """
    if np.isnan(values).all():
        return -1
    best = np.flatnonzero(values == np.nanmax(values))
    return int(best[np.random.default_rng(seed).integers(best.size)])


def load_thinker(player: dict[str, Any], depth: int) -> Thinker:
    """Return a player at a depth that it has (`server.players.Player.depth`).

    Raises
    ------
    TaskError
        If its model cannot be read.
    """
    if player["kind"] == "baseline":
        return _baseline(player["name"])
    from agents.errors import CheckpointError, NetworkError

    try:
        if player["kind"] == "n-tuple":
            return _ntuple(player, depth)
        return _policy(player, depth)
    except NetworkError as error:
        raise TaskError(f"the model of {player['name']!r} cannot be used: {error}") from error
    except (CheckpointError, OSError) as error:
        raise TaskError(f"the model of {player['name']!r} cannot be used: its file is damaged or has gone") from error


# --- players ---


def _baseline(name: str) -> Thinker:
    if name == "monte-carlo":
        return Thinker(unit="points", values=_rollouts)
    if name == "greedy":
        return Thinker(unit="points", values=_rewards)
    return Thinker(unit="nothing", values=lambda boards, highs: np.zeros((boards.size, 4)))


def _ntuple(player: dict[str, Any], depth: int) -> Thinker:
    values = _values(player["folder"], player["version"])
    return Thinker(unit="points", values=_exact_search(values, depth))


def _policy(player: dict[str, Any], depth: int) -> Thinker:
    from agents.expectimax import ExpectimaxAgent
    from agents.lockstep import wide_masks
    from agents.ntuple_search import ntuple_leaves
    from agents.policy.agent import evaluate_boards
    from agents.policy.search import network_leaves, network_prior
    from agents.policy.unit import ValueUnit

    if player["critic"] and depth == 1:  # all that would be asked of the policy is which moves to look at later
        return Thinker(unit="points", values=_exact_search(_critic(player), depth))
    network, notes = _network(player["folder"], player["version"])
    if depth == 0:

        def probabilities(boards: Words, highs: Words) -> Values:
            return evaluate_boards(network, boards, wide_masks(boards, highs))[0].astype(np.float64)

        return Thinker(unit="probability", values=probabilities)
    prior = network_prior(network)
    if player["critic"]:
        leaves = ntuple_leaves(_critic(player))
        return Thinker(unit="points", values=ExpectimaxAgent(leaves, depth=depth, prior=prior).move_values)
    leaves = network_leaves(network, ValueUnit.from_notes(notes))
    return Thinker(unit="return", values=ExpectimaxAgent(leaves, depth=depth, prior=prior).move_values)


# --- models ---


def _critic(player: dict[str, Any]) -> Any:
    from agents.checkpoint import CRITIC_FOLDER

    return _values(str(Path(player["folder"]) / CRITIC_FOLDER), player["version"])


def _values(folder: str, version: str) -> Any:
    return _loaded("n-tuple", folder, version)


def _network(folder: str, version: str) -> Any:
    return _loaded("policy", folder, version)


@lru_cache(MAX_LOADED)
def _loaded(kind: str, folder: str, version: str) -> Any:
    """Load the values of an n-tuple network, or a policy and its notes; with another version it is another file."""
    from agents.checkpoint import load_agent
    from agents.players import policy_notes
    from agents.policy.checkpoint import load_network

    if kind == "n-tuple":
        return load_agent(Path(folder)).values
    return load_network(Path(folder)), policy_notes(Path(folder))


# --- values ---


def _exact_search(network: Any, depth: int) -> Callable[[Words, Words], Values]:
    """Return Q_depth by the values of an n-tuple network, board by board (`agents.ntuple_search`)."""
    from agents.ntuple_search import NTupleSearchAgent

    agent = NTupleSearchAgent(network, depth=depth)

    def values(boards: Words, highs: Words) -> Values:
        pairs = zip(boards, highs, strict=True)
        return np.array([agent.search(board, high) for board, high in pairs], np.float64).reshape(-1, 4)

    return values


def _rewards(boards: Words, highs: Words) -> Values:
    """Return the points that each move makes at once."""
    from game2048.board import play, row_tables

    pairs = zip(boards, highs, strict=True)
    rewards = [[int(play(board, high, action, row_tables())[2]) for action in range(4)] for board, high in pairs]
    return np.array(rewards, np.float64).reshape(-1, 4)


def _rollouts(boards: Words, highs: Words) -> Values:
    """Return the mean points of random games that begin with each move; the same board has the same ones."""
    from agents.baselines import roll_out, two_streams
    from agents.lockstep import wide_masks
    from game2048.board import play, row_tables

    tables, masks = row_tables(), wide_masks(boards, highs)
    out = np.zeros((boards.size, 4))
    for row, action in zip(*np.nonzero(masks), strict=True):
        after, after_high, reward = play(boards[row], highs[row], int(action), tables)
        streams = two_streams(int(boards[row] % np.uint64(2**63)))
        total = sum(roll_out(after, after_high, streams, tables) for _ in range(N_ROLLOUTS))
        out[row, action] = int(reward) + total / N_ROLLOUTS
    return out
