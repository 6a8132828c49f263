"""Train MaskablePPO of Stable-Baselines3 for 100,000 steps and compare it with random play.

Install and run::

    pip install "game2048[sb3]"
    python examples/sb3_maskable_ppo.py
"""

import argparse

import gymnasium
import numpy as np
from sb3_contrib import MaskablePPO

import game2048  # noqa: F401  registers Game2048-v0
from game2048.random_play import random_games
from game2048.sb3 import Game2048VecEnv
from game2048.vector_wrappers import VectorLog2Reward, VectorOneHotObservation


def make_envs(n_games: int) -> Game2048VecEnv:
    """Return games with one-hot boards and logarithmic rewards for Stable-Baselines3."""
    envs = gymnasium.make_vec("Game2048-v0", num_envs=n_games, autoreset_mode="SameStep")
    return Game2048VecEnv(VectorOneHotObservation(VectorLog2Reward(envs)))


def train(total_timesteps: int, seed: int) -> MaskablePPO:
    """Train an agent."""
    model = MaskablePPO(
        "MlpPolicy",
        make_envs(64),
        n_steps=64,
        batch_size=512,
        n_epochs=6,
        learning_rate=1e-3,
        gamma=0.99,
        gae_lambda=0.9,
        policy_kwargs={"net_arch": [256, 256]},
        seed=seed,
        device="cpu",
    )
    return model.learn(total_timesteps)


def play(model: MaskablePPO, n_games: int, seed: int) -> np.ndarray:
    """Play one game in each of ``n_games`` environments and return the scores, points."""
    envs = make_envs(n_games)
    envs.seed(seed)
    observations = envs.reset()
    scores = np.full(n_games, -1)
    while (scores < 0).any():
        masks = np.stack(envs.env_method("action_masks"))
        actions, _ = model.predict(observations, action_masks=masks, deterministic=True)
        observations, _, dones, infos = envs.step(actions)
        for i in np.flatnonzero(dones & (scores < 0)):
            scores[i] = infos[i]["score"]
    return scores


def main() -> None:
    """Train, play, and compare with random play."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--games", type=int, default=500, help="games to evaluate")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    model = train(arguments.steps, arguments.seed)
    scores = play(model, arguments.games, seed=arguments.seed + 1_000_000)
    random_scores, _ = random_games(np.arange(arguments.games))
    print(f"MaskablePPO after {arguments.steps} steps: mean score {scores.mean():.0f} over {scores.size} games")
    print(f"random play: mean score {random_scores.mean():.0f}")


if __name__ == "__main__":
    main()
