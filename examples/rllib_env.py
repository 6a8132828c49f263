"""Train RLlib's PPO with action masks on 2048 for a few iterations.

Install and run::

    pip install game2048 "ray[rllib]==2.60.0" torch
    python examples/rllib_env.py
"""

import argparse
from typing import Any

import gymnasium
from ray.rllib.algorithms.ppo import PPO, PPOConfig
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.examples.rl_modules.classes.action_masking_rlm import ActionMaskingTorchRLModule

import game2048  # noqa: F401  registers Game2048-v0
from game2048.vector_wrappers import VectorDictObservation, VectorFlatObservation, VectorLog2Reward
from game2048.wrappers import DictObservation, FlatObservation, Log2Reward


def make_one(**options: Any) -> gymnasium.Env:
    """Return one game whose observation is a dict of "observations" and "action_mask", as RLlib's module wants it."""
    return DictObservation(FlatObservation(Log2Reward(gymnasium.make("Game2048-v0", **options))))


def make_many(num_envs: int, **options: Any) -> gymnasium.vector.VectorEnv:
    """Return many such games stepped by one kernel."""
    envs = gymnasium.make_vec("Game2048-v0", num_envs=num_envs, **options)
    return VectorDictObservation(VectorFlatObservation(VectorLog2Reward(envs)))


gymnasium.register("Game2048Masked-v0", entry_point=make_one, vector_entry_point=make_many)


def make_algorithm(n_games: int, seed: int) -> PPO:
    """Return PPO that plays in this process."""
    config = (
        PPOConfig()
        .environment("Game2048Masked-v0")
        .env_runners(
            num_env_runners=0,
            num_envs_per_env_runner=n_games,
            gym_env_vectorize_mode="vector_entry_point",
            rollout_fragment_length=64,
        )
        .rl_module(rl_module_spec=RLModuleSpec(module_class=ActionMaskingTorchRLModule))
        .training(train_batch_size_per_learner=64 * n_games, minibatch_size=512, num_epochs=4, lr=1e-3)
        .debugging(seed=seed)
    )
    return config.build_algo()


def main() -> None:
    """Train and print the mean return of every iteration."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--iterations", type=int, default=5)
    parser.add_argument("--games", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    algorithm = make_algorithm(arguments.games, arguments.seed)
    for _ in range(arguments.iterations):
        results = algorithm.train()["env_runners"]
        steps, mean = results["num_env_steps_sampled_lifetime"], results.get("episode_return_mean", float("nan"))
        print(f"{steps:.0f} steps, mean return {mean:.1f} (sum of log2(1 + points))")
    algorithm.stop()


if __name__ == "__main__":
    main()
