"""The algorithms by name; each is imported when it is asked for."""

from importlib import import_module
from typing import Final

from agents.policy.learner import Learner

ALGORITHMS: Final = {
    "vtrace": "agents.policy.vtrace:VTrace",
    "ppo": "agents.policy.ppo:PPO",
    "reinforce": "agents.policy.reinforce:Reinforce",
    "pretrain": "agents.policy.pretrain:Pretrain",
}
"""Module and class of each."""


def learner_class(algorithm: str) -> type[Learner]:
    """Return the class of an algorithm's learners; its settings are of the class ``Settings`` there.

    Raises
    ------
    ValueError
        If there is no such algorithm.

    Examples
    --------
    >>> learner_class("ppo").Settings
    <class 'agents.policy.ppo.PPOSettings'>
    """
    if algorithm not in ALGORITHMS:
        raise ValueError(f"algorithm must be one of {', '.join(ALGORITHMS)}, got {algorithm!r}")
    module, _, name = ALGORITHMS[algorithm].partition(":")
    found: type[Learner] = getattr(import_module(module), name)
    return found
