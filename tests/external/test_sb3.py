"""Stable-Baselines3: the adapter is a correct VecEnv, and MaskablePPO learns on it."""

import copy

import gymnasium as gym
import numpy as np
import pytest

pytest.importorskip("stable_baselines3", reason="needs Stable-Baselines3: make test-external")
pytest.importorskip("sb3_contrib", reason="needs sb3-contrib: make test-external")

from sb3_contrib import MaskablePPO
from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor

import game2048  # noqa: F401
from game2048.random_play import random_games
from game2048.sb3 import Game2048VecEnv
from game2048.vector_wrappers import VectorDictObservation, VectorFlatObservation
from game2048.wrappers import DictObservation, FlatObservation

pytestmark = [pytest.mark.external, pytest.mark.filterwarnings("default")]


def make(n, **options):
    return Game2048VecEnv(gym.make_vec("Game2048-v0", num_envs=n, autoreset_mode="SameStep", **options))


def test_the_single_environment_passes_their_checker():
    check_env(FlatObservation(gym.make("Game2048-v0")))


def test_plays_as_their_own_vector_environment_does():
    """Observations, rewards, ends, last observations and masks equal those of DummyVecEnv."""
    ours = make(5, max_episode_steps=150)
    theirs = DummyVecEnv([lambda: gym.make("Game2048-v0", max_episode_steps=150)] * 5)
    rng = np.random.default_rng(0)
    for envs in (ours, theirs):
        envs.seed(3)
    n_ended = 0

    np.testing.assert_array_equal(ours.reset(), theirs.reset())
    for _ in range(500):
        masks = get_action_masks(theirs)
        np.testing.assert_array_equal(get_action_masks(ours), masks)
        assert masks.dtype == bool
        actions = np.array([rng.choice(np.flatnonzero(mask)) for mask in masks])
        results, expected = ours.step(actions), theirs.step(actions)
        for mine, its in zip(results[:3], expected[:3], strict=True):
            assert mine.dtype == its.dtype
            np.testing.assert_array_equal(mine, its)
        for i, (info, other) in enumerate(zip(results[3], expected[3], strict=True)):
            assert info["TimeLimit.truncated"] == other["TimeLimit.truncated"]
            assert ("terminal_observation" in info) == results[2][i]
            if results[2][i]:
                n_ended += 1
                np.testing.assert_array_equal(info["terminal_observation"], other["terminal_observation"])
                assert (info["score"], info["n_moves"]) == (other["score"], other["n_moves"])
    assert n_ended > 10


def test_wrapped_games_have_wrapped_last_observations():
    envs = gym.make_vec("Game2048-v0", num_envs=3, autoreset_mode="SameStep")
    envs = Game2048VecEnv(VectorDictObservation(VectorFlatObservation(envs)))
    single = DictObservation(FlatObservation(gym.make("Game2048-v0")))
    assert envs.observation_space == single.observation_space

    envs.reset()
    for _ in range(300):
        _, _, dones, infos = envs.step(np.array([mask.argmax() for mask in get_action_masks(envs)]))
        if dones.any():
            assert infos[dones.argmax()]["terminal_observation"] in envs.observation_space
            return
    pytest.fail("no game ended")


def test_monitor_reports_the_scores():
    envs = VecMonitor(make(8))
    envs.reset()
    n_checked = 0

    for _ in range(300):
        masks = get_action_masks(envs)
        _, _, dones, infos = envs.step(masks.argmax(axis=1))
        for i in np.flatnonzero(dones):
            assert infos[i]["episode"]["r"] == infos[i]["score"]
            assert infos[i]["episode"]["l"] == infos[i]["n_moves"]
            n_checked += 1
    assert n_checked > 0


def test_boards_are_set_through_options():
    envs = make(2)
    board = [[1, 1, 0, 0], [0] * 4, [0] * 4, [0] * 4]

    envs.set_options({"board": board})
    np.testing.assert_array_equal(envs.reset(), [board, board])
    assert (envs.reset() != np.array(board)).any()

    envs.set_options([{"board": board}, {}])
    with pytest.raises(ValueError, match="every game a board, or none"):
        envs.reset()


def test_what_is_asked_of_single_games_is_answered():
    envs = make(3, render_mode="rgb_array")
    envs.reset()

    assert is_masking_supported(envs)
    assert envs.render().shape == (800, 800, 3)  # four tiles, one of them empty
    assert [mask.shape for mask in envs.env_method("action_masks", indices=[0, 2])] == [(4,)] * 2
    np.testing.assert_array_equal(envs.get_attr("action_masks")[1](), envs.env_method("action_masks")[1])
    assert envs.get_attr("illegal", indices=1) == ["noop"]
    assert envs.env_is_wrapped(gym.Wrapper) == [False] * 3
    for refused in (lambda: envs.env_method("seed"), lambda: envs.get_attr("nonsense"), lambda: envs.set_attr("a", 1)):
        with pytest.raises(AttributeError):
            refused()
    np.testing.assert_array_equal(copy.deepcopy(envs).reset().shape, (3, 4, 4))
    envs.close()


def test_other_autoreset_modes_are_refused():
    with pytest.raises(ValueError, match=r"autoreset_mode='SameStep', got AutoresetMode\.NEXT_STEP"):
        Game2048VecEnv(gym.make_vec("Game2048-v0", num_envs=2))


def test_maskable_ppo_takes_the_single_environment():
    MaskablePPO("MlpPolicy", FlatObservation(gym.make("Game2048-v0")), n_steps=64, device="cpu").learn(128)


def test_maskable_ppo_beats_random_play_after_100_000_steps(example):
    sb3_maskable_ppo = example("sb3_maskable_ppo")

    model = sb3_maskable_ppo.train(100_000, seed=0)
    scores = sb3_maskable_ppo.play(model, n_games=300, seed=1_000_000)

    random_scores, _ = random_games(range(300))
    assert scores.mean() > 1.5 * random_scores.mean(), f"MaskablePPO scored {scores.mean():.0f}"
