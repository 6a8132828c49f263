"""RLlib's PPO with its action-masking module, on the vector entry point."""

import numpy as np
import pytest

pytest.importorskip("ray.rllib", reason="needs RLlib in its own environment: make test-external")

pytestmark = [pytest.mark.external, pytest.mark.filterwarnings("default")]


def test_ppo_trains_on_the_vector_environment(example):
    import ray

    rllib_env = example("rllib_env")
    algorithm = rllib_env.make_algorithm(n_games=16, seed=0)
    try:
        assert "Game2048VectorEnv" in str(algorithm.env_runner.env.unwrapped)
        for _ in range(3):
            results = algorithm.train()["env_runners"]
    finally:
        algorithm.stop()
        ray.shutdown()

    assert results["num_env_steps_sampled_lifetime"] >= 3 * 64 * 16 * 0.9
    assert np.isfinite(results["episode_return_mean"])
    assert results["episode_len_mean"] > 50
