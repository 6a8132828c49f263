"""Settings: every rule is told by name, and learning rates fall as planned."""

import dataclasses
import math

import pytest

from agents.policy.config import NetworkConfig
from agents.policy.ppo import PPOSettings
from agents.policy.reinforce import ReinforceSettings
from agents.policy.settings import LearningSettings


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"seed": -1}, "seed must be a non-negative int, got -1"),
        ({"seed": 1.0}, "seed must be a non-negative int, got 1.0"),
        ({"n_games": 0}, "n_games must be an int from 1 to 65536, got 0"),
        ({"n_games": 65_537}, "n_games must be an int from 1 to 65536, got 65537"),
        ({"horizon": 2.5}, "horizon must be an int from 1 to 4096, got 2.5"),
        ({"n_threads": 0}, "n_threads must be an int from 1 to 1024, got 0"),
        ({"lr": 0.0}, "lr must be positive, got 0.0"),
        ({"lr": math.inf}, "lr must be positive, got inf"),
        ({"lr_final": 1.5}, r"lr_final must be in \[0, 1\], got 1.5"),
        ({"lr_schedule": "step"}, "lr_schedule must be one of constant, linear, cosine, got 'step'"),
        ({"lr_schedule": "linear"}, "planned_steps must be given where lr_schedule is linear, got None"),
        ({"planned_steps": 0}, "planned_steps must be a positive int, got 0"),
        ({"gamma": 0.0}, r"gamma must be in \(0, 1\], got 0.0"),
        ({"gamma": math.nan}, r"gamma must be in \(0, 1\], got nan"),
        ({"entropy": -0.1}, "entropy must be at least 0, got -0.1"),
        ({"value": -1.0}, "value must be at least 0, got -1.0"),
        ({"max_grad_norm": 0}, "max_grad_norm must be positive, got 0"),
        ({"reward": "raw"}, "reward must be one of log2, score/sum, points, got 'raw'"),
        ({"reward_scale": 0.0}, "reward_scale must be positive, got 0.0"),
        ({"end_penalty": -1.0}, "end_penalty must be at least 0, got -1.0"),
        ({"start_fraction": 2.0}, r"start_fraction must be in \[0, 1\], got 2.0"),
        ({"ema": 0.9, "network": NetworkConfig(inputs="tuples")}, "ema must be None with n-tuple tables"),
        ({"ema": 1.0}, r"ema must be in \[0, 1\), got 1.0"),
    ],
    ids=str,
)
def test_a_broken_rule_is_named(chosen, message):
    with pytest.raises(ValueError, match=message):
        LearningSettings(**chosen)


@pytest.mark.parametrize(
    ("settings", "chosen", "message"),
    [
        (PPOSettings, {"gae_lambda": 1.1}, r"gae_lambda must be in \[0, 1\], got 1.1"),
        (PPOSettings, {"clip": 0.0}, r"clip must be in \(0, 1\), got 0.0"),
        (PPOSettings, {"epochs": 0}, "epochs must be a positive int, got 0"),
        (PPOSettings, {"batch_size": 1}, "batch_size must be at least 2, got 1"),
        (PPOSettings, {"kl_limit": 0.0}, "kl_limit must be positive, got 0.0"),
        (PPOSettings, {"lr": -1.0}, "lr must be positive, got -1.0"),
        (PPOSettings, {"network": NetworkConfig(body="ntuple")}, "body must be one that has values"),
        (ReinforceSettings, {"network": NetworkConfig(body="ntuple")}, "body must be one that has values"),
        (ReinforceSettings, {"part": 0}, "part must be a positive int, got 0"),
        (ReinforceSettings, {"gamma": 2.0}, r"gamma must be in \(0, 1\], got 2.0"),
    ],
    ids=str,
)
def test_algorithms_check_their_own_rules_and_the_common_ones(settings, chosen, message):
    with pytest.raises(ValueError, match=message):
        settings(**chosen)


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("constant", [2.0, 2.0, 2.0, 2.0]),
        ("linear", [2.0, 1.25, 0.5, 0.5]),
        ("cosine", [2.0, 1.25, 0.5, 0.5]),
    ],
)
def test_learning_rates_fall_to_their_final_fraction_and_stay_there(schedule, rates):
    settings = LearningSettings(lr=2.0, lr_schedule=schedule, lr_final=0.25, planned_steps=100)

    assert [settings.lr_at(steps) for steps in (0, 50, 100, 1000)] == pytest.approx(rates)


def test_the_cosine_falls_slowly_at_first():
    chosen = {"lr_final": 0.0, "planned_steps": 100}

    rates = [LearningSettings(lr_schedule=name, **chosen).lr_at(25) for name in ("linear", "cosine")]

    assert rates[1] == pytest.approx(1e-3 * 0.5 * (1 + math.cos(math.pi / 4)))
    assert rates[0] < rates[1]


def test_settings_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        LearningSettings().seed = 1
