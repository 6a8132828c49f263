"""How a policy is trained: what all algorithms have in common."""

import math
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from agents.policy.config import NetworkConfig
from agents.policy.rewards import REWARDS, Reward

Schedule = Literal["constant", "linear", "cosine"]
SCHEDULES: Final = ("constant", "linear", "cosine")
MAX_GAMES: Final = 65_536
MAX_HORIZON: Final = 4_096
MAX_THREADS: Final = 1024


@dataclass(frozen=True, kw_only=True)
class LearningSettings:
    """What all algorithms have in common; each adds its own in a subclass."""

    seed: int = 0
    """Of weights, games, actions and batches: same seed and number of threads, same weights, bit for bit."""
    n_games: int = 1024
    """Games in parallel."""
    horizon: int = 32
    """Steps of every game between two times of learning."""
    lr: float = 1e-3
    """Learning rate of Adam at the beginning."""
    lr_schedule: Schedule = "constant"
    """How the learning rate falls until ``planned_steps``; it stays there afterwards."""
    lr_final: float = 0.1
    """Fraction of the learning rate at the end, in [0, 1]."""
    planned_steps: int | None = None
    """Environment steps of the whole run, which schedules need."""
    gamma: float = 0.99
    """Discount, in (0, 1]."""
    entropy: float = 0.01
    """Weight of the policy's entropy, which is added to what is maximised."""
    value: float = 0.5
    """Weight of the squared error of values."""
    max_grad_norm: float = 0.5
    """Largest norm of all gradients together."""
    reward: Reward = "log2"
    """How points are compressed, see `agents.policy.rewards`."""
    reward_scale: float = 1.0
    """Factor of compressed rewards."""
    end_penalty: float = 1.0
    """Subtracted from the last reward of a game, after compression."""
    turn_games: bool = True
    """Turn and mirror every game at random before each roll-out: equal boards are met in all eight orientations, and
    yet the experience is exactly the policy's own, for the rules are symmetric."""
    start_fraction: float = 0.0
    """Fraction of games that begin from positions in the middle of earlier ones, a curriculum; in [0, 1]."""
    ema: float | None = None
    """Decay of an average of the weights, which then plays; None: the weights themselves do."""
    n_threads: int = 1
    """Threads that share the games and the batches."""
    network: NetworkConfig = field(default_factory=NetworkConfig)
    """What learns."""

    def __post_init__(self) -> None:
        check("seed", self.seed, type(self.seed) is int and self.seed >= 0, "a non-negative int")
        check_count("n_games", self.n_games, MAX_GAMES)
        check_count("horizon", self.horizon, MAX_HORIZON)
        check_count("n_threads", self.n_threads, MAX_THREADS)
        for name in ("lr", "max_grad_norm", "reward_scale"):
            check_positive(name, getattr(self, name))
        for name in ("entropy", "value", "end_penalty"):
            number = getattr(self, name)
            check(name, number, 0 <= number < math.inf, "at least 0")
        for name in ("lr_final", "start_fraction"):
            check(name, getattr(self, name), 0 <= getattr(self, name) <= 1, "in [0, 1]")
        check("gamma", self.gamma, 0 < self.gamma <= 1, "in (0, 1]")
        check("reward", self.reward, self.reward in REWARDS, f"one of {', '.join(REWARDS)}")
        check("lr_schedule", self.lr_schedule, self.lr_schedule in SCHEDULES, f"one of {', '.join(SCHEDULES)}")
        check("ema", self.ema, self.ema is None or 0 <= self.ema < 1, "in [0, 1)")
        if self.ema is not None and "tuple" in self.network.inputs + self.network.body:
            raise ValueError(f"ema must be None with n-tuple tables, which are not averaged, got {self.ema}")
        if self.planned_steps is not None:
            check_count("planned_steps", self.planned_steps)
        elif self.lr_schedule != "constant":
            raise ValueError(f"planned_steps must be given where lr_schedule is {self.lr_schedule}, got None")

    def lr_at(self, steps: int) -> float:
        """Return the learning rate after so many environment steps.

        Examples
        --------
        >>> settings = LearningSettings(lr=1e-3, lr_schedule="linear", lr_final=0.5, planned_steps=100)
        >>> [settings.lr_at(steps) for steps in (0, 50, 100, 200)]
        [0.001, 0.00075, 0.0005, 0.0005]
        """
        if self.planned_steps is None or self.lr_schedule == "constant":
            return self.lr
        progress = min(1.0, steps / self.planned_steps)
        left = 1 - progress if self.lr_schedule == "linear" else 0.5 * (1 + math.cos(math.pi * progress))
        return self.lr * (self.lr_final + (1 - self.lr_final) * left)


def check(name: str, value: Any, holds: bool, rule: str) -> None:
    """Raise ValueError unless a setting keeps its rule."""
    if not holds:
        raise ValueError(f"{name} must be {rule}, got {value!r}")


def check_values(network: NetworkConfig) -> None:
    """Raise ValueError if a network has no values, of which some algorithms learn."""
    check("body", network.body, network.body != "ntuple", "one that has values, unlike an n-tuple policy")


def check_count(name: str, value: Any, most: int | None = None) -> None:
    """Check a positive int."""
    rule = "a positive int" if most is None else f"an int from 1 to {most}"
    check(name, value, type(value) is int and 1 <= value <= (most or value), rule)


def check_positive(name: str, value: float) -> None:
    """Check a positive, finite number."""
    check(name, value, 0 < value < math.inf, "positive")
