"""Wrappers: right shapes, tiles up to 131072, and the same for one game and for many."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from game2048 import Game2048Env, Game2048VectorEnv, symmetry, vector_wrappers, wrappers

boards = hnp.arrays(
    np.uint8, hnp.array_shapes(max_dims=2, max_side=3).map(lambda s: (*s, 4, 4)), elements=st.integers(0, 17)
)

PAIRS = [
    (wrappers.OneHotObservation, vector_wrappers.VectorOneHotObservation),
    (wrappers.FlatObservation, vector_wrappers.VectorFlatObservation),
    (wrappers.Log2Reward, vector_wrappers.VectorLog2Reward),
    (wrappers.DictObservation, vector_wrappers.VectorDictObservation),
]
UP, RIGHT, DOWN, LEFT = range(4)
LARGE = [[15, 15, 16, 0], [0, 0, 0, 1], [0] * 4, [0] * 4]


# --- on arrays ---


@given(boards)
def test_one_hot_sets_one_channel_a_cell(board):
    channels = wrappers.one_hot(board)

    assert channels.dtype == np.float32
    assert channels.shape == (*board.shape[:-2], 18, 4, 4)
    assert (channels.sum(axis=-3) == 1).all()
    np.testing.assert_array_equal(channels.argmax(axis=-3), board)


@given(boards)
def test_flat_can_be_undone(board):
    rows = wrappers.flat(board)

    assert rows.dtype == np.float32
    assert rows.shape == (*board.shape[:-2], 16)
    assert rows.max() <= 1
    np.testing.assert_array_equal(np.rint(rows * 17).reshape(board.shape), board)


def test_log2_reward_grows_by_about_one_from_tile_to_tile():
    rewards = wrappers.log2_reward(2.0 ** np.arange(2, 18))

    assert wrappers.log2_reward(0.0) == 0
    np.testing.assert_allclose(np.diff(rewards), 1, atol=0.16)


def test_one_hot_refuses_what_is_no_exponent():
    with pytest.raises(ValueError, match=r"exponents in \[0, 17\], got 18"):
        wrappers.one_hot(np.full((4, 4), 18, np.uint8))


# --- one game ---


@pytest.mark.filterwarnings("ignore:.*different from the unwrapped version.*")
@pytest.mark.parametrize("wrapper", [pair[0] for pair in PAIRS] + [wrappers.SymmetryAugmentation])
def test_wrapped_environments_pass_the_checker(wrapper):
    env = wrapper(gym.make("Game2048-v0"))

    check_env(env, skip_render_check=True)
    assert gym.make(env.spec).reset(seed=1)[0] in env.observation_space


def test_large_tiles_have_their_own_channels():
    env = wrappers.OneHotObservation(gym.make("Game2048-v0"))
    env.reset(seed=1, options={"board": LARGE})

    observation = env.step(LEFT)[0]
    assert observation[16, 0, :2].tolist() == [1, 1]
    observation = env.step(LEFT)[0]
    assert observation[17, 0, 0] == 1
    assert observation in env.observation_space


def test_log2_reward_leaves_the_score_in_points():
    env = wrappers.Log2Reward(gym.make("Game2048-v0"))
    env.reset(seed=1, options={"board": LARGE})

    _, reward, _, _, info = env.step(LEFT)

    assert reward == np.log2(65537)
    assert info["score"] == 65536


def test_a_dict_holds_the_mask_of_the_info():
    env = wrappers.DictObservation(gym.make("Game2048-v0"), mask_key="mask", observation_key="obs")
    observation, info = env.reset(seed=1)
    assert set(observation) == {"obs", "mask"}

    for _ in range(20):
        np.testing.assert_array_equal(observation["mask"], info["action_mask"])
        assert observation["mask"] is not info["action_mask"]
        observation, _, _, _, info = env.step(int(info["action_mask"].argmax()))


def test_wrappers_of_boards_refuse_what_is_no_board():
    env = wrappers.FlatObservation(gym.make("Game2048-v0"))

    for wrapper in (wrappers.OneHotObservation, wrappers.FlatObservation, wrappers.SymmetryAugmentation):
        with pytest.raises(ValueError, match=r"must show boards, Box\(0, 17, \(4, 4\), uint8\), before this wrapper"):
            wrapper(env)
    with pytest.raises(ValueError, match="must differ, got 'mask' for both"):
        wrappers.DictObservation(env, "mask", "mask")


# --- symmetry ---


def test_a_symmetric_view_is_the_same_game():
    """The twin plays the moves turned back: the boards are the symmetric ones all the way, rewards and ends equal."""
    env, twin = wrappers.SymmetryAugmentation(gym.make("Game2048-v0")), gym.make("Game2048-v0")
    rng = np.random.default_rng(0)
    seen = set()

    (observation, info), (board, _) = env.reset(seed=5), twin.reset(seed=5)
    for _ in range(8000):
        s = info["symmetry"]
        seen.add(s)
        np.testing.assert_array_equal(observation, symmetry.transform(board, s))
        np.testing.assert_array_equal(info["action_mask"], env.action_masks())
        action = int(rng.choice(np.flatnonzero(info["action_mask"])))
        back = symmetry.transform_action(action, int(symmetry.INVERSE[s]))
        observation, reward, terminated, _, info = env.step(action)
        board, twin_reward, twin_terminated, _, twin_info = twin.step(back)
        assert info["n_moves"] == twin_info["n_moves"]  # the masks were right: no move was illegal
        assert (reward, terminated) == (twin_reward, twin_terminated)
        if terminated:
            (observation, info), (board, _) = env.reset(), twin.reset()
    assert seen == set(range(8))


def test_symmetries_follow_the_seed():
    env = wrappers.SymmetryAugmentation(gym.make("Game2048-v0"))

    def draws():
        return [env.reset(seed=9)[1]["symmetry"], *(env.reset()[1]["symmetry"] for _ in range(20))]

    assert draws() == draws()


@pytest.mark.parametrize("action", [4, -1, 1.0, 2**70, None, np.array([1])])
def test_a_symmetric_view_refuses_what_is_no_action(action):
    env = wrappers.SymmetryAugmentation(gym.make("Game2048-v0"))
    env.reset(seed=1)

    with pytest.raises(ValueError, match="action must be 0"):
        env.step(action)


# --- many games ---


@pytest.mark.parametrize("mode", AutoresetMode)
@pytest.mark.parametrize(("single", "vector"), PAIRS)
def test_many_wrapped_games_are_single_wrapped_games(single, vector, mode):
    """Gymnasium's own vector environment of wrapped single games shows the same, last observations too."""
    envs = vector(Game2048VectorEnv(4, autoreset_mode=mode))
    others = gym.vector.SyncVectorEnv([lambda: single(Game2048Env())] * 4, autoreset_mode=mode)
    assert envs.single_observation_space == others.single_observation_space
    assert envs.observation_space == others.observation_space
    rng = np.random.default_rng(1)
    n_final = 0

    observations, expected = envs.reset(seed=1)[0], others.reset(seed=1)[0]
    for _ in range(300):
        same(observations, expected)
        actions = rng.integers(0, 4, 4)
        observations, rewards, terminated, truncated, infos = envs.step(actions)
        expected, expected_rewards, _, _, expected_infos = others.step(actions)
        np.testing.assert_array_equal(rewards, expected_rewards)
        over = terminated | truncated
        if mode is AutoresetMode.SAME_STEP and over.any():
            for i in np.flatnonzero(over):
                same(infos["final_obs"][i], expected_infos["final_obs"][i])
                n_final += 1
        if mode is AutoresetMode.DISABLED and over.any():
            observations, _ = envs.reset(options={"reset_mask": over})
            expected, _ = others.reset(options={"reset_mask": over.copy()})
    assert (n_final > 0) == (mode is AutoresetMode.SAME_STEP)


def same(ours, theirs):
    if isinstance(theirs, dict):
        assert set(ours) == set(theirs)
        for key in theirs:
            same(ours[key], theirs[key])
    else:
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("mode", AutoresetMode)
def test_many_symmetric_views_are_the_same_games(mode):
    envs = vector_wrappers.VectorSymmetryAugmentation(Game2048VectorEnv(16, autoreset_mode=mode))
    twins = Game2048VectorEnv(16, autoreset_mode=mode)
    rng = np.random.default_rng(3)
    seen = set()

    def check(observations, boards, infos, twin_infos):
        for i, s in enumerate(infos["symmetry"].tolist()):
            np.testing.assert_array_equal(observations[i], symmetry.transform(boards[i], s))
            mask = symmetry.transform_mask(twin_infos["action_mask"][i], s)
            np.testing.assert_array_equal(infos["action_mask"][i], mask)
        np.testing.assert_array_equal(infos["action_mask"], envs.action_masks())
        seen.update(infos["symmetry"].tolist())

    (observations, infos), (boards, twin_infos) = envs.reset(seed=5), twins.reset(seed=5)
    for _ in range(400):
        check(observations, boards, infos, twin_infos)
        before = infos["symmetry"]
        actions = np.array([rng.choice(np.flatnonzero(mask)) if mask.any() else 0 for mask in infos["action_mask"]])
        back = symmetry.ACTIONS[symmetry.INVERSE[before], actions]
        observations, rewards, terminated, _, infos = envs.step(actions)
        boards, twin_rewards, twin_terminated, _, twin_infos = twins.step(back)
        np.testing.assert_array_equal(rewards, twin_rewards)
        np.testing.assert_array_equal(terminated, twin_terminated)
        if mode is AutoresetMode.SAME_STEP:
            for i in np.flatnonzero(terminated):
                s = int(before[i])
                np.testing.assert_array_equal(infos["final_obs"][i], symmetry.transform(twin_infos["final_obs"][i], s))
        if mode is AutoresetMode.DISABLED and terminated.any():
            check(observations, boards, infos, twin_infos)
            observations, infos = envs.reset(options={"reset_mask": terminated})
            boards, twin_infos = twins.reset(options={"reset_mask": terminated})
            np.testing.assert_array_equal(infos["symmetry"][~terminated], before[~terminated])
    assert seen == set(range(8))


def test_many_symmetries_follow_the_seed():
    envs = vector_wrappers.VectorSymmetryAugmentation(Game2048VectorEnv(50))

    seeds = (3, np.array(3), list(range(50)))
    first, second, third = (envs.reset(seed=seed)[1]["symmetry"] for seed in seeds)

    np.testing.assert_array_equal(first, second)
    assert len(set(first.tolist())) == 8
    assert first.tolist() != third.tolist()


def test_a_partial_reset_leaves_the_ends_of_other_games_to_the_next_step():
    """Game 0 ends, then game 1 is reset: game 0 starts in the next step, in symmetries of its own."""
    over = [[1, 1, 3, 4], [5, 6, 7, 8], [3, 4, 5, 6], [7, 8, 9, 10]]  # one move from the end
    envs = vector_wrappers.VectorSymmetryAugmentation(Game2048VectorEnv(2, illegal="terminate"))
    envs.reset(seed=1)
    changed = []

    for _ in range(60):
        _, infos = envs.reset(options={"board": np.array([over, LARGE])})
        before = infos["symmetry"]
        illegal = np.array([infos["action_mask"][0].argmin(), infos["action_mask"][1].argmax()])
        assert envs.step(illegal)[2].tolist() == [True, False]
        envs.reset(options={"reset_mask": np.array([False, True])})
        _, _, _, _, infos = envs.step(np.array([0, 0]))
        assert infos["n_moves"][0] == 0
        changed.append(infos["symmetry"][0] != before[0])

    assert 40 < sum(changed) < 60  # drawn anew, another one in seven of eight cases


def test_wrong_actions_reach_the_environment():
    envs = vector_wrappers.VectorSymmetryAugmentation(Game2048VectorEnv(2))
    envs.reset(seed=1)

    with pytest.raises(ValueError, match="game 1: action must be 0"):
        envs.step([0, 4])


def test_many_wrappers_can_be_stacked():
    envs = vector_wrappers.VectorSymmetryAugmentation(
        gym.make_vec("Game2048-v0", num_envs=3, autoreset_mode="SameStep")
    )
    envs = vector_wrappers.VectorOneHotObservation(vector_wrappers.VectorLog2Reward(envs))
    envs = vector_wrappers.VectorDictObservation(envs)

    assert envs.reset(seed=1)[0] in envs.observation_space
    for _ in range(300):
        observations, _, terminated, _, infos = envs.step(envs.action_space.sample())
        assert observations in envs.observation_space
        if terminated.any():
            final = infos["final_obs"][terminated.argmax()]
            assert final in envs.single_observation_space
            assert not final["action_mask"].any()
