"""Step one 2048 engine with random actions and report steps a second; `benchmarks.env` starts one process an engine.

    python benchmarks/peers.py ENGINE

It first prints a line of JSON with the version of the engine. Then, for every number of games read from a line of
standard input, it plays one round and prints steps per second of processor time. The time holds all that a trainer
needs at every step: drawing random legal actions, moves, new tiles, rewards, observations, legal actions, new episodes.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np

SECONDS = 0.7  # of processor time a round
Step = Callable[[], int]  # plays some steps and returns how many


def draw_legal(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a random legal action a row of the mask."""
    return (rng.random(mask.shape) * (mask + 1e-9)).argmax(axis=1)


def ours(n: int) -> Step:
    """`game2048`: the environment of `gymnasium.make` for one game, the vector environment for more."""
    import gymnasium

    import game2048  # noqa: F401

    if n == 1:
        env = gymnasium.make("Game2048-v0")
        rng = np.random.default_rng(0)
        legal = [[a for a in range(4) if bits >> a & 1] for bits in range(16)]
        actions = {np.array([b >> a & 1 for a in range(4)], np.int8).tobytes(): legal[b] for b in range(16)}
        state = {"mask": env.reset(seed=0)[1]["action_mask"]}

        def one() -> int:
            mask = state["mask"]
            for draw in rng.random(1000).tolist():
                choices = actions[mask.tobytes()]
                _, _, terminated, _, info = env.step(choices[int(draw * len(choices))])
                if terminated:
                    _, info = env.reset()
                mask = info["action_mask"]
            state["mask"] = mask
            return 1000

        return one
    envs = gymnasium.make_vec("Game2048-v0", num_envs=n)
    vector = envs.unwrapped
    state = {"mask": envs.reset(seed=0)[1]["action_mask"]}

    def many() -> int:
        state["mask"] = envs.step(vector.sample_actions(state["mask"]))[4]["action_mask"]
        return n

    return many


def gymnasium_2048(n: int) -> Step:
    """`gymnasium-2048`: it tells no legal actions, so illegal ones, which are cheaper, are among the random ones."""
    import gymnasium
    import gymnasium_2048  # noqa: F401

    rng = np.random.default_rng(0)
    name = "gymnasium_2048/TwentyFortyEight-v0"
    if n == 1:
        env = gymnasium.make(name)
        env.reset(seed=0)

        def one() -> int:
            for action in rng.integers(0, 4, 200).tolist():
                if env.step(action)[2]:
                    env.reset()
            return 200

        return one
    envs = gymnasium.make_vec(name, num_envs=n, vectorization_mode="sync")
    envs.reset(seed=0)

    def many() -> int:
        envs.step(rng.integers(0, 4, n))
        return n

    return many


def envpool(task: str) -> Callable[[int], Step]:
    """`EnvPool`, one thread."""

    def make(n: int) -> Step:
        import envpool

        envs = envpool.make(task, env_type="gymnasium", num_envs=n, num_threads=1)
        rng = np.random.default_rng(0)

        def mask_of(observation: Any, info: dict[str, Any]) -> np.ndarray:
            return observation["action_mask"] if isinstance(observation, dict) else info["legal_action_mask"]

        state = {"mask": mask_of(*envs.reset())}

        def many() -> int:
            observation, _, _, _, info = envs.step(draw_legal(state["mask"], rng).astype(np.int32))
            state["mask"] = mask_of(observation, info)
            return n

        return many

    return make


def scan(step: Any, state: Any, n: int) -> Step:
    """Step JAX environments in compiled loops of 64 steps."""
    import jax

    n_steps = 64
    key = jax.random.PRNGKey(0)

    @jax.jit
    def loop(state: Any, key: Any) -> tuple[Any, Any]:
        keys = jax.random.split(key, n_steps)
        return jax.lax.scan(step, state, keys)

    holder = {"state": state, "key": key}

    def many() -> int:
        holder["key"], sub = jax.random.split(holder["key"])
        holder["state"], outputs = loop(holder["state"], sub)
        jax.block_until_ready((holder["state"], outputs))
        return n * n_steps

    return many


def pgx(n: int) -> Step:
    """`Pgx` on the processor, with its autoreset."""
    import jax
    import jax.numpy as jnp
    import pgx
    from pgx.experimental import auto_reset

    env = pgx.make("2048")
    state = jax.jit(jax.vmap(env.init))(jax.random.split(jax.random.PRNGKey(0), n))
    play = jax.vmap(auto_reset(env.step, env.init))

    def step(state: Any, key: Any) -> tuple[Any, Any]:
        draw, spawn = jax.random.split(key)
        actions = jax.random.categorical(draw, jnp.where(state.legal_action_mask, 0.0, -jnp.inf))
        state = play(state, actions, jax.random.split(spawn, n))
        return state, state.rewards.sum()

    return scan(step, state, n)


def jumanji(n: int) -> Step:
    """`Jumanji` on the processor, with its autoreset."""
    import jax
    import jax.numpy as jnp
    import jumanji
    from jumanji.wrappers import VmapAutoResetWrapper

    env = VmapAutoResetWrapper(jumanji.make("Game2048-v1"))
    state, timestep = jax.jit(env.reset)(jax.random.split(jax.random.PRNGKey(0), n))

    def step(carry: Any, key: Any) -> tuple[Any, Any]:
        state, timestep = carry
        actions = jax.random.categorical(key, jnp.where(timestep.observation.action_mask, 0.0, -jnp.inf))
        state, timestep = env.step(state, actions)
        return (state, timestep), timestep.reward.sum()

    return scan(step, (state, timestep), n)


# Name: (distribution, what makes the step of n games).
ENGINES: dict[str, tuple[str, Callable[[int], Step]]] = {
    "game2048": ("game2048", ours),
    "gymnasium-2048": ("gymnasium-2048", gymnasium_2048),
    "envpool-play2048": ("envpool", envpool("Play2048-v1")),
    "envpool-game2048": ("envpool", envpool("Game2048-v1")),
    "pgx": ("pgx", pgx),
    "jumanji": ("jumanji", jumanji),
}


def main() -> None:
    """Answer one request a line."""
    warnings.filterwarnings("ignore")
    distribution, make = ENGINES[sys.argv[1]]
    make = cache(make)
    print(json.dumps({"version": version(distribution)}), flush=True)
    for line in sys.stdin:
        step = make(int(line))
        step()  # compiles, or fills the caches
        start, n_steps = time.process_time(), 0
        while time.process_time() - start < SECONDS:
            n_steps += step()
        print(json.dumps(n_steps / (time.process_time() - start)), flush=True)


if __name__ == "__main__":
    main()
