"""The single environment: Gymnasium's contract, the rules, and defects seen in other environments."""

import copy
import pickle
import re

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.wrappers import FlattenObservation, RecordEpisodeStatistics, RecordVideo, TimeLimit

from game2048 import Game, Game2048Env, IllegalMoveError

EMPTY_ROW = [0, 0, 0, 0]
UP, RIGHT, DOWN, LEFT = range(4)

# One move from the end: left merges the only pair, and one empty cell remains for the new tile.
ONE_LEFT = [[1, 1, 3, 4], [5, 6, 7, 8], [3, 4, 5, 6], [7, 8, 9, 10]]


@pytest.fixture
def env():
    return gym.make("Game2048-v0")


def random_legal(info, rng):
    return int(rng.choice(np.flatnonzero(info["action_mask"])))


# --- Gymnasium ---


@pytest.mark.parametrize("render_mode", [None, "rgb_array", "ansi"])
@pytest.mark.parametrize("illegal", ["noop", "terminate"])
def test_passes_the_environment_checker(render_mode, illegal):
    env = gym.make("Game2048-v0", render_mode=render_mode, illegal=illegal)

    check_env(env.unwrapped)  # also makes an environment of every render mode, "human" too


def test_spaces_are_as_documented(env):
    assert env.observation_space == gym.spaces.Box(0, 17, (4, 4), np.uint8)
    assert env.action_space == gym.spaces.Discrete(4)
    assert env.metadata["render_modes"] == ["human", "rgb_array", "ansi"]


def test_two_environments_with_one_seed_play_the_same(env):
    other = gym.make("Game2048-v0")
    env.action_space.seed(3)

    results = [one.reset(seed=3) for one in (env, other)]
    assert data_equivalence(*results, exact=True)
    for _ in range(1000):
        action = env.action_space.sample()
        results = [one.step(action) for one in (env, other)]
        assert data_equivalence(*results, exact=True)
        if results[0][2]:
            assert data_equivalence(env.reset(), other.reset(), exact=True)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_goes_on_with_the_same_game(duplicate):
    env = Game2048Env(illegal="terminate")
    env.reset(seed=8)
    env.step(LEFT)

    twin = duplicate(env)

    assert twin.illegal == "terminate"
    for action in [UP, RIGHT, DOWN, LEFT] * 20:
        assert data_equivalence(env.step(action), twin.step(action), exact=True)
    assert data_equivalence(env.reset(), twin.reset(), exact=True)


def test_a_made_environment_survives_its_spec_as_json():
    env = gym.make("Game2048-v0", illegal="raise", max_episode_steps=5)

    again = gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))

    assert again.unwrapped.illegal == "raise"
    assert again.spec.max_episode_steps == 5


def test_time_limit_truncates():
    env = gym.make("Game2048-v0", max_episode_steps=2)
    env.reset(seed=0, options={"board": [[1, 2, 0, 0], EMPTY_ROW, EMPTY_ROW, EMPTY_ROW]})

    assert env.step(LEFT)[2:4] == (False, False)  # illegal steps count too
    assert env.step(DOWN)[2:4] == (False, True)
    assert isinstance(env, TimeLimit)


def test_record_episode_statistics_reports_the_score(env):
    env = RecordEpisodeStatistics(env)
    _, info = env.reset(seed=5)
    rng = np.random.default_rng(5)

    terminated = False
    while not terminated:
        _, _, terminated, _, info = env.step(random_legal(info, rng))

    assert info["episode"]["r"] == info["score"] > 0
    assert info["episode"]["l"] == info["n_moves"]


def test_flatten_observation_gives_sixteen_exponents(env):
    observation, _ = FlattenObservation(env).reset(seed=1)

    assert observation.shape == (16,)
    assert observation.dtype == np.uint8


@pytest.mark.filterwarnings("ignore::DeprecationWarning:moviepy", "ignore::SyntaxWarning")
def test_record_video_writes_a_film(tmp_path):
    pytest.importorskip("moviepy")
    env = RecordVideo(gym.make("Game2048-v0", render_mode="rgb_array"), str(tmp_path / "films"), disable_logger=True)

    _, info = env.reset(seed=1)
    for _ in range(5):
        _, _, _, _, info = env.step(int(info["action_mask"].argmax()))
    env.close()

    (film,) = (tmp_path / "films").glob("*.mp4")
    assert film.stat().st_size > 1000


# --- seeds ---


def test_a_seed_gives_the_game_of_the_game_class(env):
    game = Game(seed=2048)
    observation, info = env.reset(seed=2048)
    rng = np.random.default_rng(0)

    terminated = False
    while not terminated:
        np.testing.assert_array_equal(observation, game.board)
        action = random_legal(info, rng)
        reward = game.play(action)
        observation, env_reward, terminated, _, info = env.step(action)
        assert env_reward == reward
        assert (info["score"], info["max_tile"], info["n_moves"]) == (game.score, game.max_tile, game.n_moves)
        np.testing.assert_array_equal(info["action_mask"], game.action_mask)
    assert game.is_over


def test_a_reset_without_a_seed_continues_the_stream(env):
    first = [env.reset(seed=4)[0], *(env.reset()[0] for _ in range(20))]
    second = [env.reset(seed=4)[0], *(env.reset()[0] for _ in range(20))]

    np.testing.assert_array_equal(first, second)
    assert len({board.tobytes() for board in first}) > 10


def test_unseeded_environments_differ():
    boards = {Game2048Env().reset()[0].tobytes() for _ in range(20)}

    assert len(boards) > 10


# --- rules and infos ---


def test_rewards_are_the_sum_of_merged_tiles(env):
    env.reset(options={"board": [[1, 1, 1, 1], [2, 2, 0, 0], EMPTY_ROW, EMPTY_ROW]})

    _, reward, _, _, info = env.step(LEFT)

    assert reward == 4 + 4 + 8
    assert type(reward) is float
    assert info["score"] == 16
    assert {type(info[key]) for key in ("score", "max_tile", "n_moves")} == {int}


def test_a_game_starts_with_two_tiles(env):
    for seed in range(50):
        observation, info = env.reset(seed=seed)
        assert np.count_nonzero(observation) == 2
        assert info["score"] == info["n_moves"] == 0
        assert info["max_tile"] == 2 ** int(observation.max())


def test_an_illegal_action_changes_nothing(env):
    start, info = env.reset(seed=0, options={"board": [[1, 2, 0, 0], EMPTY_ROW, EMPTY_ROW, EMPTY_ROW]})

    results = [env.step(LEFT) for _ in range(3)]

    for observation, reward, terminated, truncated, later in results:
        np.testing.assert_array_equal(observation, start)
        assert (reward, terminated, truncated) == (0.0, False, False)
        assert data_equivalence(later, info, exact=True)
    legal = env.step(RIGHT)[0]  # and the new tile is that of a game without the illegal actions
    env.reset(seed=0, options={"board": [[1, 2, 0, 0], EMPTY_ROW, EMPTY_ROW, EMPTY_ROW]})
    np.testing.assert_array_equal(legal, env.step(RIGHT)[0])


def test_an_illegal_action_can_raise():
    env = gym.make("Game2048-v0", illegal="raise")
    env.reset(options={"board": [[1, 2, 0, 0], EMPTY_ROW, EMPTY_ROW, EMPTY_ROW]})

    with pytest.raises(IllegalMoveError, match=r"^action 3 \(left\) does not change the board$"):
        env.step(LEFT)


def test_an_illegal_action_can_terminate():
    env = gym.make("Game2048-v0", illegal="terminate")
    start, _ = env.reset(options={"board": [[1, 2, 0, 0], EMPTY_ROW, EMPTY_ROW, EMPTY_ROW]})

    observation, reward, terminated, truncated, info = env.step(LEFT)

    np.testing.assert_array_equal(observation, start)
    assert (reward, terminated, truncated, info["n_moves"]) == (0.0, True, False, 0)


def test_the_mask_belongs_to_the_board_after_the_new_tile(env):
    """The new tile fills the last cell, so the masks before and after it differ."""
    full = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 0]]
    env.reset(seed=1, options={"board": full})

    observation, _, terminated, _, info = env.step(RIGHT)

    assert np.count_nonzero(observation) == 16
    assert terminated
    assert not info["action_mask"].any()


def test_the_last_move_terminates_and_the_game_stays_over():
    env = Game2048Env()
    seeds = (seed for seed in range(1000) if env.reset(seed=seed, options={"board": ONE_LEFT}) and env.step(LEFT)[2])
    next(seeds)

    observation, reward, terminated, _, info = env.step(UP)

    assert (reward, terminated) == (0.0, True)
    assert not info["action_mask"].any()
    np.testing.assert_array_equal(observation, env.board)


def test_the_mask_is_true_exactly_where_the_board_changes(env):
    rng = np.random.default_rng(1)
    observation, info = env.reset(seed=1)
    for _ in range(300):
        for action in range(4):
            twin = copy.deepcopy(env)
            changed = not np.array_equal(twin.step(action)[0], observation)
            assert changed == info["action_mask"][action]
        observation, _, terminated, _, info = env.step(random_legal(info, rng))
        if terminated:
            observation, info = env.reset()


def test_masks_and_observations_handed_out_never_change(env):
    observation, info = env.reset(seed=1)
    kept = [(observation, info["action_mask"], observation.copy(), info["action_mask"].copy())]
    for _ in range(50):
        observation, _, _, _, info = env.step(random_legal(info, np.random.default_rng(1)))
        kept.append((observation, info["action_mask"], observation.copy(), info["action_mask"].copy()))

    for observation, mask, observation_then, mask_then in kept:
        np.testing.assert_array_equal(observation, observation_then)
        np.testing.assert_array_equal(mask, mask_then)

    observation[:] = 99  # nor can a user reach into the environment
    mask[:] = 99
    assert env.unwrapped.board.max() < 99
    assert env.unwrapped.action_masks().dtype == np.bool_
    np.testing.assert_array_equal(env.unwrapped.action_masks(), mask_then)


def test_the_mask_can_be_sampled_from(env):
    _, info = env.reset(seed=1)

    assert info["action_mask"].dtype == np.int8
    assert info["action_mask"][env.action_space.sample(mask=info["action_mask"])]


@pytest.mark.parametrize("action", [np.int64(3), np.int32(3), np.uint8(3), np.array(3)])
def test_actions_may_be_any_integer_type(env, action):
    env.reset(options={"board": [[0, 1, 0, 0], EMPTY_ROW, EMPTY_ROW, EMPTY_ROW]})

    assert env.step(action)[4]["n_moves"] == 1


# --- large tiles ---


def test_a_game_goes_on_through_65536_and_131072(env):
    env.reset(seed=1, options={"board": [[15, 15, 16, 0], [0, 0, 0, 1], EMPTY_ROW, EMPTY_ROW]})

    observation, reward, terminated, _, info = env.step(LEFT)
    assert (reward, terminated, info["max_tile"]) == (65536.0, False, 65536)
    assert observation[0].tolist()[:2] == [16, 16]
    assert observation in env.observation_space

    observation, reward, terminated, _, info = env.step(LEFT)
    assert (reward, terminated, info["max_tile"]) == (131072.0, False, 131072)
    assert observation[0, 0] == 17
    assert info["score"] == 65536 + 131072
    assert observation in env.observation_space

    for action in [DOWN, RIGHT, UP, LEFT] * 5:
        observation, _, terminated, _, info = env.step(action)
        assert (observation == 17).sum() == 1
        assert info["max_tile"] == 131072


def test_a_mask_tells_65536_from_131072(env):
    row = [16, 17, 16, 17]
    board = [row, row[::-1], row, [17, 16, 17, 0]]

    _, info = env.reset(options={"board": board})

    np.testing.assert_array_equal(info["action_mask"], [0, 1, 1, 0])


# --- wrong use ---


@pytest.mark.parametrize("action", [-1, 4, 2**70, 1.0, None, "up", np.array([1, 2])])
def test_something_that_is_no_action_is_refused(env, action):
    env.reset(seed=1)

    with pytest.raises(ValueError, match=r"action must be 0 \(up\), 1 \(right\), 2 \(down\) or 3 \(left\), got"):
        env.step(action)


def test_a_step_before_the_reset_is_refused():
    with pytest.raises(gym.error.ResetNeeded):
        Game2048Env().step(0)


@pytest.mark.parametrize(
    ("board", "message"),
    [
        ([[1, 2]], r"options\['board'\]: board must have shape \(4, 4\)"),
        (np.full((4, 4), 0.5), r"options\['board'\]: board must hold integer exponents"),
        (np.full((4, 4), 18), r"options\['board'\]: exponents must be in \[0, 17\], got 18"),
        (np.zeros((4, 4), int), "allow at least one move"),
        ([[1, 2, 1, 2], [2, 1, 2, 1]] * 2, "allow at least one move"),
    ],
)
def test_a_wrong_board_is_refused(env, board, message):
    with pytest.raises(ValueError, match=message):
        env.reset(options={"board": board})


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="illegal must be one of 'noop', 'raise', 'terminate', got 'skip'"):
        Game2048Env(illegal="skip")
    with pytest.raises(ValueError, match="render_mode must be one of None, 'human', 'rgb_array', 'ansi', got 'gif'"):
        Game2048Env(render_mode="gif")


def test_every_kind_of_integer_is_a_seed_and_an_action(env):
    for kind in (np.int64, np.uint64, np.array):
        board = env.reset(seed=kind(5))[0]

        np.testing.assert_array_equal(board, Game(5).board)
        assert env.step(kind(LEFT))[4]["n_moves"] in (0, 1)


@pytest.mark.parametrize("seed", [-1, 1.5, "1", np.array([1])])
def test_what_is_no_seed_is_named(env, seed):
    with pytest.raises(ValueError, match=re.escape(f"seed must be a non-negative integer, got {seed!r}")):
        env.reset(seed=seed)
