"""Step 2048 through TorchRL, with the action mask in its place, one game and many.

Install and run::

    pip install game2048 torchrl
    python examples/torchrl_env.py
"""

import gymnasium
import torch
from torchrl.envs import ActionMask, Compose, DTypeCastTransform, EnvBase, GymWrapper, TransformedEnv

import game2048  # noqa: F401  registers Game2048-v0
from game2048.vector_wrappers import VectorDictObservation, VectorOneHotObservation
from game2048.wrappers import DictObservation, OneHotObservation


def with_action_mask(env: EnvBase) -> TransformedEnv:
    """Let TorchRL draw legal actions only: its ActionMask wants a mask of bool."""
    to_bool = DTypeCastTransform(torch.int8, torch.bool, in_keys=["action_mask"])
    return TransformedEnv(env, Compose(to_bool, ActionMask()))


def make_one() -> TransformedEnv:
    """Return one game."""
    env = DictObservation(OneHotObservation(gymnasium.make("Game2048-v0")))
    return with_action_mask(GymWrapper(env))


def make_many(n_games: int) -> TransformedEnv:
    """Return many games stepped by one kernel; TorchRL wants them to start anew in the same step, or not at all."""
    envs = gymnasium.make_vec("Game2048-v0", num_envs=n_games, autoreset_mode="SameStep")
    return with_action_mask(GymWrapper(VectorDictObservation(VectorOneHotObservation(envs))))


def main() -> None:
    """Play random legal actions in both."""
    for env in (make_one(), make_many(64)):
        env.set_seed(0)
        steps = env.rollout(200, break_when_any_done=False)  # random legal actions
        assert (steps["action_mask"] & steps["action"].bool()).any(-1).all()  # every action was legal
        reward = steps["next", "reward"].sum().item()
        print(f"{steps.batch_size.numel()} steps, shown as {tuple(steps['observations'].shape)}, {reward:.0f} points")


if __name__ == "__main__":
    main()
