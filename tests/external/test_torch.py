"""A CleanRL-style script in PyTorch and TorchRL's environment classes."""

import sys

import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: make test-external")

pytestmark = [pytest.mark.external, pytest.mark.filterwarnings("default")]


def test_the_cleanrl_style_script_learns(example, monkeypatch):
    script = example("cleanrl_style_ppo")
    monkeypatch.setattr(sys, "argv", ["cleanrl_style_ppo.py", "--total-timesteps", "400000"])

    assert script.main() > 1500  # random play: 1,090


def test_torchrl_plays_one_game_and_many(example):
    pytest.importorskip("torchrl", reason="needs TorchRL: make test-external")
    torchrl_env = example("torchrl_env")

    for env, n_games in ((torchrl_env.make_one(), 1), (torchrl_env.make_many(16), 16)):
        env.set_seed(0)
        steps = env.rollout(300, break_when_any_done=False)

        assert steps.batch_size.numel() == 300 * n_games
        assert (steps["action_mask"] & steps["action"].bool()).any(-1).all()  # only legal actions
        assert steps["next", "done"].sum() >= n_games
        assert steps["observations"].sum(-3).eq(1).all()  # one-hot, in every step and after every reset


def test_torchrl_accepts_the_specs(example):
    pytest.importorskip("torchrl", reason="needs TorchRL: make test-external")
    from torchrl.envs.utils import check_env_specs

    check_env_specs(example("torchrl_env").make_one())
