"""The vector environment: the same games as the single one, all autoreset modes, and arrays that stay as they were."""

import copy
import pickle

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import vector as vector_wrappers
from gymnasium.wrappers.vector import DictInfoToList, RecordEpisodeStatistics
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from game2048 import Game, Game2048Env, Game2048VectorEnv, IllegalMoveError
from game2048.board import pack

EMPTY_ROW = [0, 0, 0, 0]
UP, RIGHT, DOWN, LEFT = range(4)
TOP_LEFT = [[1, 2, 0, 0], EMPTY_ROW, EMPTY_ROW, EMPTY_ROW]  # up and left are illegal
KEYS = ("score", "max_tile", "n_moves", "action_mask")

# After any legal move the game is soon over.
NEARLY_OVER = [[1, 1, 3, 4], [5, 6, 7, 8], [3, 4, 5, 6], [7, 8, 9, 10]]


@pytest.fixture
def envs():
    return gym.make_vec("Game2048-v0", num_envs=7)


def sync(n, *, mode="NextStep", max_episode_steps=None, **kwargs):
    """The reference: single environments stepped one by one by Gymnasium."""
    limit = {} if max_episode_steps is None else {"max_episode_steps": max_episode_steps}
    return gym.make_vec(
        "Game2048-v0",
        num_envs=n,
        vectorization_mode="sync",
        vector_kwargs={"autoreset_mode": AutoresetMode(mode)},
        **kwargs,
        **limit,
    )


def actions_for(infos, rng, share_legal=0.8):
    """Random actions, most of them legal."""
    legal = [int(rng.choice(np.flatnonzero(mask))) if mask.any() else 0 for mask in infos["action_mask"]]
    return np.where(rng.random(len(legal)) < share_legal, legal, rng.integers(0, 4, len(legal)))


# --- Gymnasium ---


def test_make_vec_uses_the_vector_environment(envs):
    assert type(envs) is Game2048VectorEnv
    assert envs.num_envs == 7
    assert envs.observation_space == gym.spaces.Box(0, 17, (7, 4, 4), np.uint8)
    assert envs.single_observation_space == Game2048Env().observation_space
    assert envs.action_space == gym.spaces.MultiDiscrete([4] * 7)
    assert envs.spec.id == "Game2048-v0"


@pytest.mark.parametrize("mode", AutoresetMode)
def test_the_autoreset_mode_is_told(mode):
    for given_mode in (mode, mode.value):
        envs = gym.make_vec("Game2048-v0", num_envs=2, autoreset_mode=given_mode)
        assert envs.autoreset_mode is mode
        assert envs.metadata["autoreset_mode"] is mode
    assert Game2048VectorEnv.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP


def test_outputs_have_the_documented_types(envs):
    observations, infos = envs.reset(seed=1)
    assert observations in envs.observation_space

    observations, rewards, terminated, truncated, infos = envs.step(envs.action_space.sample())

    assert observations in envs.observation_space
    assert (rewards.dtype, terminated.dtype, truncated.dtype) == (np.float64, np.bool_, np.bool_)
    assert rewards.shape == terminated.shape == truncated.shape == (7,)
    assert infos["action_mask"].dtype == np.int8
    assert infos["action_mask"].shape == (7, 4)
    assert set(infos) == {*KEYS, *(f"_{key}" for key in KEYS)}
    for key in KEYS:
        assert infos[f"_{key}"].dtype == np.bool_
        assert infos[f"_{key}"].all()


# --- the same games as the single environment ---


@pytest.mark.parametrize("illegal", ["noop", "terminate"])
@pytest.mark.parametrize("limit", [None, 40])
@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_plays_exactly_as_single_environments_do(mode, limit, illegal):
    """Observations, rewards, flags and infos, key by key, equal those of Gymnasium's own SyncVectorEnv."""
    one = Game2048VectorEnv(6, autoreset_mode=mode, max_episode_steps=limit, illegal=illegal)
    other = sync(6, mode=mode, max_episode_steps=limit, illegal=illegal)
    rng = np.random.default_rng(7)
    n_ended = 0

    results = one.reset(seed=11), other.reset(seed=11)
    assert data_equivalence(*results)
    for _ in range(600):
        actions = actions_for(results[1][-1], rng)
        results = one.step(actions), other.step(actions)
        n_ended += (results[0][2] | results[0][3]).sum()
        for ours, theirs in zip(results[0][:4], results[1][:4], strict=True):
            np.testing.assert_array_equal(ours, theirs)
        infos_equal(results[0][4], results[1][4])
    assert n_ended > 5


def infos_equal(ours, theirs):
    assert set(ours) == set(theirs)
    for key, value in theirs.items():
        if isinstance(value, dict):
            infos_equal(ours[key], value)
        elif value.dtype == object:
            assert [v is None for v in ours[key]] == [v is None for v in value]
            for mine, its in zip(ours[key], value, strict=True):
                if its is not None:
                    np.testing.assert_array_equal(mine, its)
        else:
            np.testing.assert_array_equal(ours[key], value)


def test_plays_exactly_as_single_environments_do_without_autoreset():
    one, other = Game2048VectorEnv(6, autoreset_mode="Disabled"), sync(6, mode="Disabled")
    rng = np.random.default_rng(3)
    results = one.reset(seed=11), other.reset(seed=11)
    n_ended = 0

    for _ in range(600):
        actions = actions_for({"action_mask": one.action_masks()}, rng)
        results = one.step(actions), other.step(actions)
        assert data_equivalence(*results)
        over = results[0][2] | results[0][3]
        if over.any():
            n_ended += over.sum()
            observations, infos = one.reset(options={"reset_mask": over})
            expected, expected_infos = other.reset(options={"reset_mask": over.copy()})
            np.testing.assert_array_equal(observations, expected)
            for key in KEYS:  # of the games that go on, the vector environment tells too what is known
                np.testing.assert_array_equal(infos[key][over], expected_infos[key][over])
            np.testing.assert_array_equal(infos["action_mask"], one.action_masks())
            assert infos["_action_mask"].all()
    assert n_ended > 5


def test_a_seed_gives_the_games_of_the_game_class(envs):
    observations, infos = envs.reset(seed=100)
    games = [Game(seed=100 + i) for i in range(7)]
    over = np.zeros(7, bool)
    rng = np.random.default_rng(0)

    while not over.all():
        actions = actions_for(infos, rng, share_legal=1.0)
        playing = np.flatnonzero(~over)
        expected = [games[i].play(int(actions[i])) for i in playing]
        observations, rewards, terminated, _, infos = envs.step(actions)
        np.testing.assert_array_equal(rewards[playing], expected)
        np.testing.assert_array_equal(observations[playing], [games[i].board for i in playing])
        np.testing.assert_array_equal(infos["score"][playing], [games[i].score for i in playing])
        np.testing.assert_array_equal(infos["max_tile"][playing], [games[i].max_tile for i in playing])
        np.testing.assert_array_equal(terminated[playing], [games[i].is_over for i in playing])
        over |= terminated


@given(
    boards=hnp.arrays(np.int64, (5, 4, 4), elements=st.integers(0, 17)),
    actions=st.lists(st.lists(st.integers(0, 3), min_size=5, max_size=5), max_size=12),
    seed=st.integers(0, 2**70),
)
def test_any_board_plays_as_in_the_single_environment(boards, actions, seed):
    boards[:, 0, 0] = 0
    boards[:, 0, 1] = 1  # so that left is legal
    one, singles = Game2048VectorEnv(5, autoreset_mode="SameStep"), [Game2048Env() for _ in range(5)]

    observations, infos = one.reset(seed=seed, options={"board": boards})
    results = [env.reset(seed=seed + i, options={"board": boards[i]}) for i, env in enumerate(singles)]
    np.testing.assert_array_equal(observations, [result[0] for result in results])
    for turn in actions:
        observations, rewards, terminated, _, infos = one.step(turn)
        results = [env.step(action) for env, action in zip(singles, turn, strict=True)]
        np.testing.assert_array_equal(rewards, [result[1] for result in results])
        np.testing.assert_array_equal(terminated, [result[2] for result in results])
        results = [env.reset() if r[2] else (r[0], r[4]) for env, r in zip(singles, results, strict=True)]
        np.testing.assert_array_equal(observations, [result[0] for result in results])
        for key in KEYS:
            np.testing.assert_array_equal(infos[key], [result[1][key] for result in results])


# --- autoreset ---


def ended(mode, **kwargs):
    """Step four games until one of them has just ended; return the environments and that step's result."""
    envs = Game2048VectorEnv(4, autoreset_mode=mode, **kwargs)
    envs.reset(seed=1)
    while True:
        result = envs.step(envs.sample_actions())
        if result[2].any():
            return envs, result


def test_next_step_shows_the_last_board_then_starts_anew():
    envs, (observations, _, terminated, _, infos) = ended("NextStep")
    i = terminated.argmax()
    assert not infos["action_mask"][i].any()

    observations, rewards, terminated, truncated, infos = envs.step(np.full(4, UP))

    assert np.count_nonzero(observations[i]) == 2
    assert (rewards[i], terminated[i], truncated[i]) == (0.0, False, False)
    assert infos["score"][i] == infos["n_moves"][i] == 0


def test_same_step_shows_the_last_board_in_the_info():
    _, (observations, _, terminated, _, infos) = ended("SameStep")
    i = terminated.argmax()

    assert np.count_nonzero(observations[i]) == 2
    assert infos["n_moves"][i] == 0
    assert infos["action_mask"][i].any()
    assert infos["final_obs"].dtype == object
    assert np.count_nonzero(infos["final_obs"][i]) == 16
    assert infos["final_info"]["n_moves"][i] > 10
    assert not infos["final_info"]["action_mask"][i].any()
    for key in ("_final_obs", "_final_info"):
        np.testing.assert_array_equal(infos[key], terminated)
    np.testing.assert_array_equal(infos["final_info"]["_score"], terminated)
    assert infos["final_obs"][terminated.argmin()] is None


def test_disabled_refuses_to_step_a_game_that_is_over():
    envs, (_, _, terminated, _, _) = ended("Disabled")
    i = terminated.argmax()

    with pytest.raises(gym.error.ResetNeeded, match=rf"^game {i} is over: call reset\(options=\{{'reset_mask'"):
        envs.step(np.zeros(4, int))

    before = envs.boards
    observations, _ = envs.reset(options={"reset_mask": terminated})
    np.testing.assert_array_equal(observations[~terminated], before[~terminated])
    assert np.count_nonzero(observations[i]) == 2
    envs.step(np.zeros(4, int))


def test_reset_options_are_not_changed():
    """RecordEpisodeStatistics looks at reset_mask after the environment did."""
    envs = RecordEpisodeStatistics(Game2048VectorEnv(3, autoreset_mode="Disabled"))
    envs.reset(seed=1)
    envs.step(np.array([DOWN, DOWN, RIGHT]))
    envs.step(np.array([LEFT, LEFT, UP]))
    mask = np.array([True, False, False])

    envs.reset(options={"reset_mask": mask})

    assert envs.episode_lengths.tolist() == [0, 2, 2]


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_max_episode_steps_truncates(mode):
    envs = gym.make_vec("Game2048-v0", num_envs=3, max_episode_steps=3, autoreset_mode=mode)
    envs.reset(seed=1)

    truncations = [envs.step(np.full(3, action))[3].tolist() for action in [LEFT, LEFT, DOWN, UP, LEFT, LEFT, DOWN]]

    period = 4 if mode == "NextStep" else 3
    assert truncations == [[t % period == 2] * 3 for t in range(7)]


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_record_episode_statistics_reports_the_scores(mode):
    if mode == "SameStep" and tuple(map(int, gym.__version__.split(".")[:2])) < (1, 3):
        pytest.skip("RecordEpisodeStatistics of this Gymnasium loses the first step after a same-step reset")
    envs = RecordEpisodeStatistics(Game2048VectorEnv(8, autoreset_mode=mode))
    _, infos = envs.reset(seed=1)
    n_checked = 0

    for _ in range(400):
        _, _, terminated, _, infos = envs.step(envs.unwrapped.sample_actions(infos["action_mask"]))
        if terminated.any():
            final = infos["final_info"] if mode == "SameStep" else infos
            np.testing.assert_array_equal(infos["episode"]["r"][terminated], final["score"][terminated])
            np.testing.assert_array_equal(infos["episode"]["l"][terminated], final["n_moves"][terminated])
            n_checked += terminated.sum()
    assert n_checked > 10


def test_infos_can_be_listed(envs):
    _, infos = DictInfoToList(envs).reset(seed=1)

    assert len(infos) == 7
    assert set(infos[0]) == set(KEYS)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:moviepy", "ignore::SyntaxWarning")
def test_record_video_writes_a_film(tmp_path):
    pytest.importorskip("moviepy")
    if not hasattr(vector_wrappers, "RecordVideo"):
        pytest.skip("Gymnasium before 1.2 has no RecordVideo for vector environments")
    envs = gym.make_vec("Game2048-v0", num_envs=4, render_mode="rgb_array")
    envs = vector_wrappers.RecordVideo(envs, str(tmp_path / "films"), disable_logger=True, video_length=5)

    envs.reset(seed=1)
    for _ in range(6):
        envs.step(envs.action_space.sample())
    envs.close()

    assert next((tmp_path / "films").glob("*.mp4")).stat().st_size > 1000


def test_frames_come_one_a_game():
    frames = {}
    for mode in ("rgb_array", "ansi"):
        envs = Game2048VectorEnv(3, render_mode=mode)
        envs.reset(seed=1)
        frames[mode] = envs.render()

    assert [frame.shape for frame in frames["rgb_array"]] == [(400, 400, 3)] * 3
    assert all(frame.startswith("score 0\n") for frame in frames["ansi"])


# --- seeds ---


def test_seeds_count_up_or_come_as_a_list(envs):
    by_number, _ = envs.reset(seed=2**64 - 3)  # numbers may exceed 64 bits, as in the single environment
    by_list, _ = envs.reset(seed=[2**64 - 3 + i for i in range(7)])

    np.testing.assert_array_equal(by_number, by_list)


def test_a_none_in_the_list_leaves_a_stream_alone(envs):
    envs.reset(seed=1)
    expected, _ = envs.reset()

    envs.reset(seed=1)
    observations, _ = envs.reset(seed=[None] * 6 + [50])

    np.testing.assert_array_equal(observations[:6], expected[:6])
    np.testing.assert_array_equal(observations[6], Game(seed=50).board)


def test_unseeded_environments_differ():
    one, other = Game2048VectorEnv(20).reset()[0], Game2048VectorEnv(20).reset()[0]

    assert not np.array_equal(one, other)
    assert len({board.tobytes() for board in one}) > 10


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda envs: pickle.loads(pickle.dumps(envs))])
def test_a_copy_goes_on_with_the_same_games(envs, duplicate):
    envs.reset(seed=8)
    envs.step(envs.sample_actions())

    twin = duplicate(envs)

    for _ in range(300):
        actions = envs.sample_actions()
        np.testing.assert_array_equal(twin.sample_actions(), actions)
        assert data_equivalence(envs.step(actions), twin.step(actions), exact=True)


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_threads_do_not_change_the_games(mode):
    n = 3 * 4096 + 5
    alone, shared = (Game2048VectorEnv(n, n_threads=k, autoreset_mode=mode) for k in (1, 3))
    results = alone.reset(seed=1), shared.reset(seed=1)
    assert shared._pool is not None

    for _ in range(150):
        actions = alone.sample_actions()
        results = alone.step(actions), shared.step(actions)
        for ours, theirs in zip(results[0][:4], results[1][:4], strict=True):
            np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_array_equal(results[0][4]["action_mask"], results[1][4]["action_mask"])
    np.testing.assert_array_equal(alone._state, shared._state)
    shared.close()
    shared.close()


# --- illegal actions ---


def test_illegal_actions_change_nothing():
    envs = Game2048VectorEnv(2)
    start, infos = envs.reset(seed=1, options={"board": TOP_LEFT})
    state = envs._state.copy()

    result = envs.step([LEFT, UP])

    np.testing.assert_array_equal(result[0], start)
    assert not result[1].any()
    assert not result[2].any()
    assert data_equivalence(result[4], infos, exact=True)
    np.testing.assert_array_equal(envs._state[:-1], state[:-1])  # all but the steps of the episode


def test_illegal_actions_can_raise_and_then_no_game_has_moved():
    envs = Game2048VectorEnv(3, illegal="raise")
    envs.reset(seed=1, options={"board": TOP_LEFT})
    before = envs.boards

    with pytest.raises(IllegalMoveError, match=r"^game 1: action 3 \(left\) does not change the board$"):
        envs.step([RIGHT, LEFT, UP])

    np.testing.assert_array_equal(envs.boards, before)


def test_raising_forgives_the_action_of_a_game_that_starts_anew():
    envs, _ = ended("NextStep", illegal="raise")

    envs.step(np.where(envs.action_masks().any(axis=1), envs.sample_actions(), UP))


def test_illegal_actions_can_terminate():
    envs = Game2048VectorEnv(2, illegal="terminate")
    start, _ = envs.reset(seed=1, options={"board": TOP_LEFT})

    observations, rewards, terminated, _, _ = envs.step([LEFT, RIGHT])

    np.testing.assert_array_equal(observations[0], start[0])
    assert terminated.tolist() == [True, False]
    assert not rewards.any()


# --- arrays that stay as they were ---


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_arrays_handed_out_never_change(mode):
    envs = Game2048VectorEnv(16, autoreset_mode=mode)
    kept = [envs.reset(seed=1)]
    then = [copy.deepcopy(kept[0])]
    for _ in range(300):
        kept.append(envs.step(envs.sample_actions()))
        then.append(copy.deepcopy(kept[-1]))

    assert all(data_equivalence(now, before, exact=True) for now, before in zip(kept, then, strict=True))

    board = envs.boards
    for array in (kept[-1][0], kept[-1][4]["action_mask"], kept[-1][4]["score"]):
        array[:] = 1  # nor can a user reach into the environment
    np.testing.assert_array_equal(envs.boards, board)
    assert kept[-1][4]["_score"] is not kept[-1][4]["_max_tile"]


# --- large tiles ---


def test_games_go_on_through_65536_and_131072():
    envs = Game2048VectorEnv(3)
    usual = [[1, 1, 0, 0], EMPTY_ROW, EMPTY_ROW, EMPTY_ROW]
    large = [[15, 15, 16, 0], [0, 0, 0, 1], EMPTY_ROW, EMPTY_ROW]
    envs.reset(seed=1, options={"board": [usual, large, large]})

    observations, rewards, _, _, infos = envs.step([LEFT, LEFT, DOWN])
    assert rewards.tolist() == [4.0, 65536.0, 0.0]
    assert infos["max_tile"].tolist() == [4, 65536, 65536]
    assert observations[1, 0, :2].tolist() == [16, 16]

    observations, rewards, _, _, infos = envs.step([LEFT, LEFT, UP])
    assert rewards[1] == 131072.0
    assert infos["max_tile"].tolist()[1:] == [131072, 65536]
    assert infos["score"][1] == 65536 + 131072
    assert observations in envs.observation_space

    for action in [DOWN, RIGHT, UP, LEFT] * 5:
        observations, _, _, _, infos = envs.step(np.full(3, action))
        assert (observations[1] == 17).sum() == 1
        assert infos["max_tile"][1] == 131072


def test_a_new_game_forgets_the_large_tiles():
    envs = Game2048VectorEnv(2, max_episode_steps=1, autoreset_mode="SameStep")
    envs.reset(seed=1, options={"board": [[17, 16, 0, 0], EMPTY_ROW, EMPTY_ROW, EMPTY_ROW]})

    observations, _, _, truncated, infos = envs.step([DOWN, DOWN])

    assert truncated.all()
    assert observations.max() <= 2
    assert infos["max_tile"].max() <= 4
    assert not envs._state[1].any()
    assert infos["final_info"]["max_tile"].tolist() == [131072] * 2


# --- random players ---


def test_sampled_actions_are_legal_and_uniform(envs):
    masks = np.array([[0, 1, 0, 1], [1, 1, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 1, 0], [1, 1, 1, 0]])
    masks = masks.astype(np.int8)
    envs.seed_actions(7)

    counts = np.zeros((7, 4), int)
    for _ in range(20_000):
        counts[np.arange(7), envs.sample_actions(masks)] += 1

    assert counts[3].tolist() == [20_000, 0, 0, 0]
    legal = masks.astype(bool)
    assert not counts[4][1:].any()
    assert not counts[2][:3].any()
    for row in (0, 1, 5, 6):
        assert not counts[row][~legal[row]].any()
        assert stats.chisquare(counts[row][legal[row]]).pvalue > 1e-4


def test_sampling_takes_the_present_boards_by_default(envs):
    _, infos = envs.reset(seed=1)
    envs.seed_actions(1)
    by_default = envs.sample_actions()
    envs.seed_actions(1)

    np.testing.assert_array_equal(by_default, envs.sample_actions(infos["action_mask"]))
    np.testing.assert_array_equal(by_default, copy.deepcopy(by_default))


def test_random_legal_play_scores_about_1090():
    envs = Game2048VectorEnv(4000, autoreset_mode="Disabled")
    envs.reset(seed=0)
    over = np.zeros(4000, bool)
    scores = np.zeros(4000)

    while not over.all():
        _, _, terminated, _, infos = envs.step(envs.sample_actions())
        first = terminated & ~over
        scores[first] = infos["score"][first]
        over |= terminated
        if terminated.any():
            envs.reset(options={"reset_mask": terminated})

    assert scores.mean() == pytest.approx(1090, abs=4 * 530 / 4000**0.5)


# --- wrong use ---


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        ([0] * 6, r"actions must have shape \(7,\), got \(6,\)"),
        (np.zeros(7), "actions must be integers, got dtype float64"),
        ([0, 0, 4, 0, 0, 9, 0], "game 2: action must be 0 .* got 4"),
        ([0, 0, 3, -1, 0, 0, 0], "game 3: action must be 0 .* got -1"),
    ],
)
def test_wrong_actions_are_refused(envs, actions, message):
    envs.reset(seed=1)

    with pytest.raises(ValueError, match=message):
        envs.step(actions)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64])
def test_actions_may_be_any_integer_type(envs, dtype):
    envs.reset(seed=1, options={"board": TOP_LEFT})

    assert envs.step(np.full(7, RIGHT, dtype))[4]["n_moves"].all()


def test_a_step_before_the_reset_is_refused(envs):
    with pytest.raises(gym.error.ResetNeeded):
        envs.step([0] * 7)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"board": np.ones((3, 3), int)}, ValueError, r"must have shape \(4, 4\) or \(7, 4, 4\), got \(3, 3\)"),
        ({"board": np.full((7, 4, 4), 18)}, ValueError, r"integer exponents in \[0, 17\]"),
        ({"board": np.full((4, 4), 18)}, ValueError, r"must be in \[0, 17\], got 18"),
        ({"board": np.zeros((7, 4, 4), int)}, ValueError, r"options\['board'\]\[0\] must allow at least one move"),
        ({"reset_mask": [True] * 7}, TypeError, "must be an ndarray of bool, got list"),
        ({"reset_mask": np.ones(7)}, TypeError, "must be an ndarray of bool, got float64"),
        ({"reset_mask": np.ones(6, bool)}, ValueError, r"must have shape \(7,\), got \(6,\)"),
        ({"reset_mask": np.zeros(7, bool)}, ValueError, "must choose at least one game"),
    ],
)
def test_wrong_options_are_refused_and_change_nothing(envs, options, error, message):
    envs.reset(seed=1)
    before = envs._state.copy()

    with pytest.raises(error, match=message):
        envs.reset(seed=2, options=options)

    np.testing.assert_array_equal(envs._state, before)


def test_the_first_reset_starts_all_games(envs):
    with pytest.raises(gym.error.ResetNeeded, match="first reset"):
        envs.reset(options={"reset_mask": np.arange(7) < 3})


def test_wrong_seeds_are_refused(envs):
    with pytest.raises(ValueError, match="sequence of 7, got 2 seeds"):
        envs.reset(seed=[1, 2])
    with pytest.raises(ValueError, match="seed must be a non-negative integer, got -1"):
        envs.reset(seed=-1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_envs": 0}, "num_envs must be a positive integer, got 0"),
        ({"num_envs": 2.5}, "num_envs must be a positive integer, got 2.5"),
        ({"num_envs": 1, "n_threads": 0}, "n_threads must be a positive integer"),
        ({"num_envs": 1, "max_episode_steps": -1}, "max_episode_steps must be a positive integer"),
        ({"num_envs": 1, "autoreset_mode": "Never"}, "autoreset_mode must be one of"),
        ({"num_envs": 1, "illegal": "skip"}, "illegal must be one of"),
        ({"num_envs": 1, "render_mode": "human"}, "render_mode must be one of None, 'rgb_array', 'ansi', got 'human'"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Game2048VectorEnv(**arguments)


def test_sync_vectorisation_works_too():
    envs = sync(2)

    assert isinstance(envs, SyncVectorEnv)
    assert envs.reset(seed=1)[0].shape == (2, 4, 4)


def test_packed_boards_are_those_of_the_observation(envs):
    observations, _ = envs.reset(seed=1)

    for i in range(7):
        assert (envs.packed[0][i], envs.packed[1][i]) == pack(observations[i])


@pytest.mark.parametrize("kind", [np.int64, np.uint64, np.array])
def test_every_kind_of_integer_is_a_seed(envs, kind):
    expected, _ = envs.reset(seed=9)

    np.testing.assert_array_equal(envs.reset(seed=kind(9))[0], expected)
    np.testing.assert_array_equal(envs.reset(seed=np.arange(9, 16))[0], expected)


@pytest.mark.parametrize(
    ("seed", "message"),
    [
        (1.5, "seed must be a non-negative integer, got 1.5"),
        ([1, 2, 3, 4.5, 5, 6, 7], r"seed\[3\] must be a non-negative integer, got 4.5"),
        ([1, 2, None, 4, -5, 6, 7], r"seed\[4\] must be a non-negative integer, got -5"),
    ],
)
def test_a_wrong_seed_is_named_and_changes_nothing(envs, seed, message):
    before, _ = envs.reset(seed=1)

    with pytest.raises(ValueError, match=message):
        envs.reset(seed=seed)

    np.testing.assert_array_equal(envs.boards, before)
