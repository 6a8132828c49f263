"""Buffer and targets together: values of one policy from the games of another, on a board whose values are known."""

import numpy as np
import pytest

from agents.policy.replay import ReplayBuffer
from agents.policy.rollout import Rollout
from agents.policy.targets import vtrace
from tests.oracles.small_board import SmallGames, two_by_two

BOARD = two_by_two()


def mixed(share):
    """Action probabilities: the best action with this probability, else any legal one."""
    best = np.eye(4)[BOARD.action_values(BOARD.best_values()).argmax(1)]
    uniform = BOARD.legal / np.maximum(BOARD.legal.sum(1, keepdims=True), 1)
    return share * best + (1 - share) * uniform


def play(games, probabilities, horizon, rng):
    """A roll-out of a policy that is a table."""
    steps, boards = [], [games.boards.copy()]
    for _ in range(horizon):
        p = probabilities[BOARD.numbers(games.boards)]
        uniforms = rng.random(games.n_games)[:, None] * p.sum(1, keepdims=True)
        actions = (uniforms >= p.cumsum(1)).sum(1).astype(np.uint8)
        chosen = np.log(p[np.arange(games.n_games), actions]).astype(np.float32)
        steps.append((actions, chosen, *games.step(actions)))
        boards.append(games.boards.copy())
    return Rollout(np.array(boards), *(np.array(field) for field in zip(*steps, strict=True)))


def learn_values(buffer, target, corrected, lam, rng):
    """Let a table of values learn V-trace targets of replayed sequences; return the expected score it tells."""
    values = np.zeros(len(BOARD.boards), np.float32)
    for k in range(1000):
        sample = buffer.sample(256, 8, rng)
        numbers = BOARD.numbers(sample.boards)
        log_pi = np.log(np.take_along_axis(target[numbers[:-1]], sample.actions[..., None], 2)[..., 0])
        log_rhos = (log_pi - sample.log_probs) * corrected
        # No weight reaches 8, so the fixed point is the value of the target policy itself.
        targets, _ = vtrace(log_rhos, sample.rewards, sample.over, values[numbers], 1.0, lam, rho_bar=8.0)
        errors = targets - values[numbers[:-1]]
        buffer.update_priorities(sample.indices, np.abs(errors).mean(0))
        at, weights = numbers[:-1].ravel(), np.broadcast_to(sample.weights, errors.shape).ravel()
        mean_errors = np.bincount(at, weights * errors.ravel(), len(values)) / np.maximum(
            np.bincount(at, weights, len(values)), 1e-9
        )
        values += (0.3 / (1 + k / 200) * mean_errors).astype(np.float32)
    return BOARD.start @ values


@pytest.mark.parametrize(("corrected", "lam"), [(True, 1.0), (True, 0.7), (False, 1.0)])
def test_replayed_games_teach_the_values_of_the_policy_that_weights_ask_for(corrected, lam):
    """Another than the one that played; without weights, the values are of the one that played. Fixed seeds.

    The exact expected scores of the two policies are 57.6 and 43.4.
    """
    behaviour, target = mixed(0.7), mixed(0.9)
    games, rng = SmallGames(256, seed=1), np.random.default_rng(2)
    buffer = ReplayBuffer(256, 256 * 96, prioritised=True, masks=games.masks)
    for _ in range(8):
        buffer.add(play(games, behaviour, 16, rng))

    score = learn_values(buffer, target, corrected, lam, rng)

    assert score == pytest.approx(BOARD.expected_score(target if corrected else behaviour), rel=0.05)
