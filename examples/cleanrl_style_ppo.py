"""PPO with action masks in one file of PyTorch, in the manner of CleanRL.

Install and run::

    pip install game2048 torch
    python examples/cleanrl_style_ppo.py --total-timesteps 1000000

Differences from the usual PPO of a discrete control task: logits of illegal actions are set to -1e8, both when actions
are drawn and when their probabilities are computed again; boards are one-hot (18 channels, flattened); the reward is
log2(1 + points); episodes start anew in the step that ends the last one, so that every stored step is a real one.
"""

import argparse
import time
from collections import deque

import gymnasium as gym
import numpy as np
import torch
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from torch import nn
from torch.distributions import Categorical

import game2048  # noqa: F401  registers Game2048-v0
from game2048.vector_wrappers import VectorLog2Reward, VectorOneHotObservation


def parse_arguments() -> argparse.Namespace:
    """Read the settings from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--total-timesteps", type=int, default=1_000_000)
    parser.add_argument("--num-envs", type=int, default=256)
    parser.add_argument("--num-steps", type=int, default=32, help="steps of every game between updates")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--gamma", type=float, default=0.99)
    parser.add_argument("--gae-lambda", type=float, default=0.85)
    parser.add_argument("--num-minibatches", type=int, default=8)
    parser.add_argument("--update-epochs", type=int, default=3)
    parser.add_argument("--clip-coef", type=float, default=0.2)
    parser.add_argument("--ent-coef", type=float, default=0.01)
    parser.add_argument("--vf-coef", type=float, default=0.5)
    parser.add_argument("--max-grad-norm", type=float, default=0.5)
    return parser.parse_args()


def layer(n_in: int, n_out: int, std: float = 2**0.5) -> nn.Linear:
    """Return a linear layer with orthogonal weights."""
    linear = nn.Linear(n_in, n_out)
    nn.init.orthogonal_(linear.weight, std)
    nn.init.zeros_(linear.bias)
    return linear


class Agent(nn.Module):
    """Policy and value on one body."""

    def __init__(self, n_inputs: int, n_actions: int) -> None:
        super().__init__()
        self.body = nn.Sequential(layer(n_inputs, 256), nn.ReLU(), layer(256, 256), nn.ReLU())
        self.actor = layer(256, n_actions, std=0.01)
        self.critic = layer(256, 1, std=1.0)

    def value(self, x: torch.Tensor) -> torch.Tensor:
        """Return the values of boards."""
        return self.critic(self.body(x.flatten(1))).squeeze(1)

    def policy(self, x: torch.Tensor, mask: torch.Tensor) -> tuple[Categorical, torch.Tensor]:
        """Return the distribution of the legal actions and the values."""
        hidden = self.body(x.flatten(1))
        logits = self.actor(hidden).masked_fill(~mask, -1e8)
        return Categorical(logits=logits), self.critic(hidden).squeeze(1)


def main() -> float:
    """Train; return the mean score of the last 1,000 games, points."""
    args = parse_arguments()
    torch.manual_seed(args.seed)

    envs = gym.make_vec("Game2048-v0", num_envs=args.num_envs, autoreset_mode="SameStep")
    envs = RecordEpisodeStatistics(envs, buffer_length=1000)  # scores in points: inside the logarithm
    envs = VectorOneHotObservation(VectorLog2Reward(envs))
    n_actions = int(envs.single_action_space.n)
    agent = Agent(int(np.prod(envs.single_observation_space.shape)), n_actions)
    optimizer = torch.optim.Adam(agent.parameters(), lr=args.learning_rate, eps=1e-5)

    shape = (args.num_steps, args.num_envs)
    obs = torch.zeros(shape + envs.single_observation_space.shape)
    masks = torch.zeros((*shape, n_actions), dtype=torch.bool)
    actions = torch.zeros(shape, dtype=torch.long)
    logprobs, rewards, dones, values = (torch.zeros(shape) for _ in range(4))

    start = time.time()
    scores: deque[float] = deque(maxlen=1000)
    next_obs, infos = envs.reset(seed=args.seed)
    n_updates = args.total_timesteps // (args.num_steps * args.num_envs)
    for update in range(1, n_updates + 1):
        optimizer.param_groups[0]["lr"] = args.learning_rate * (1 - (update - 1) / n_updates)

        # --- play ---
        for step in range(args.num_steps):
            obs[step] = torch.as_tensor(next_obs)
            masks[step] = torch.as_tensor(infos["action_mask"], dtype=torch.bool)
            with torch.no_grad():
                distribution, values[step] = agent.policy(obs[step], masks[step])
                actions[step] = distribution.sample()
                logprobs[step] = distribution.log_prob(actions[step])
            next_obs, reward, terminated, truncated, infos = envs.step(actions[step].numpy())
            rewards[step] = torch.as_tensor(reward, dtype=torch.float32)
            dones[step] = torch.as_tensor(terminated | truncated, dtype=torch.float32)
            if "episode" in infos:
                scores.extend(infos["episode"]["r"][infos["_episode"]])

        # --- advantages ---
        with torch.no_grad():
            next_value = agent.value(torch.as_tensor(next_obs))
            advantages = torch.zeros(shape)
            last = torch.zeros(args.num_envs)
            for t in reversed(range(args.num_steps)):
                goes_on = 1.0 - dones[t]
                delta = rewards[t] + args.gamma * next_value * goes_on - values[t]
                advantages[t] = last = delta + args.gamma * args.gae_lambda * goes_on * last
                next_value = values[t]
            returns = advantages + values

        # --- learn ---
        batch = [x.flatten(0, 1) for x in (obs, masks, actions, logprobs, advantages, returns)]
        n_steps = args.num_steps * args.num_envs
        for _ in range(args.update_epochs):
            for indices in torch.randperm(n_steps).chunk(args.num_minibatches):
                b_obs, b_masks, b_actions, b_logprobs, b_advantages, b_returns = (x[indices] for x in batch)
                distribution, new_values = agent.policy(b_obs, b_masks)
                ratio = (distribution.log_prob(b_actions) - b_logprobs).exp()
                b_advantages = (b_advantages - b_advantages.mean()) / (b_advantages.std() + 1e-8)
                clipped = ratio.clamp(1 - args.clip_coef, 1 + args.clip_coef)
                policy_loss = -torch.min(b_advantages * ratio, b_advantages * clipped).mean()
                value_loss = 0.5 * (new_values - b_returns).square().mean()
                loss = policy_loss + args.vf_coef * value_loss - args.ent_coef * distribution.entropy().mean()
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(agent.parameters(), args.max_grad_norm)
                optimizer.step()

        if update % 10 == 0 or update == n_updates:
            steps = update * n_steps
            rate = steps / (time.time() - start)
            print(f"{steps} steps: mean score {np.mean(scores):.0f}, {rate:.0f} steps/s", flush=True)
    envs.close()
    return float(np.mean(scores))


if __name__ == "__main__":
    main()
