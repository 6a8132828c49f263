"""Learners that are small enough for tests."""

import numpy as np

from agents.policy.config import NetworkConfig
from agents.policy.ppo import PPO
from agents.policy.reinforce import Reinforce
from agents.policy.vtrace import VTrace

CLASSES = {"reinforce": Reinforce, "ppo": PPO, "vtrace": VTrace}
NETWORK = NetworkConfig(width=16, depth=2, hidden=16)
OWN = {
    "reinforce": {"part": 20},
    "ppo": {"batch_size": 16, "epochs": 2},
    "vtrace": {"batch_size": 20, "length": 5, "capacity": 200, "replay": 2.0},
}


def small_learner(algorithm, games=None, **chosen):
    """Return a learner with a small network on a few games of 2048."""
    settings = {"n_games": 6, "horizon": 5, "network": NETWORK, **OWN[algorithm], **chosen}
    return CLASSES[algorithm](CLASSES[algorithm].Settings(**settings), games)


def some_steps(n, random):
    """Random logits, values, masks with the action that was taken among the legal ones, and advantages."""
    actions = random.integers(4, size=n)
    masks = random.random((n, 4)) < 0.6
    masks[np.arange(n), actions] = True
    return {
        "logits": random.normal(size=(n, 4)),
        "values": random.normal(size=n),
        "masks": masks,
        "actions": actions,
        "advantages": random.normal(size=n),
    }


def same_state(one, other):
    """Assert that two learners are in the same state, bit for bit."""
    (tensors, header), (others, other_header) = one.state_dict(), other.state_dict()
    assert tensors.keys() == others.keys()
    for name, array in tensors.items():
        assert array.tobytes() == others[name].tobytes(), name
    assert header == other_header
