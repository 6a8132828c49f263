"""The replay buffer: against a twin that remembers everything, its chances, its memory, and how it is saved."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save
from scipy.stats import chisquare

from agents.policy.boards import action_masks, transform
from agents.policy.replay import ReplayBuffer
from agents.policy.rollout import Rollout
from tests.oracles.replay import NaiveReplay


class Player:
    """Makes roll-outs of nonsense that go on where the last one ended."""

    def __init__(self, n_games, seed=0):
        self.rng, self.n_games = np.random.default_rng(seed), n_games
        self.boards = self.random_boards(1)

    def random_boards(self, n):
        return self.rng.integers(0, 2**64, (n, self.n_games), np.uint64)

    def play(self, horizon):
        boards = np.concatenate([self.boards, self.random_boards(horizon)])
        self.boards = boards[-1:]
        shape = horizon, self.n_games
        return Rollout(
            boards,
            self.rng.integers(0, 4, shape, np.uint8),
            self.rng.standard_normal(shape).astype(np.float32),
            self.rng.random(shape, np.float32),
            self.rng.random(shape) < 0.3,
        )


def filled(n_games=3, n_rows=8, horizons=(5, 6), **settings):
    """A buffer, wrapped around, its twin and the player that goes on."""
    buffer, twin, player = (
        ReplayBuffer(n_games, n_games * n_rows, **settings),
        NaiveReplay(n_games, n_rows),
        Player(n_games),
    )
    for horizon in horizons:
        rollout = player.play(horizon)
        buffer.add(rollout)
        twin.add(rollout)
    return buffer, twin, player


def assert_sequences_are_those_of_the_twin(sample, twin, length):
    for k, index in enumerate(sample.indices.tolist()):
        fields = sample.boards, sample.actions, sample.log_probs, sample.rewards, sample.over
        for field, expected in zip(fields, twin.sequence(index, length), strict=True):
            np.testing.assert_array_equal(field[:, k], expected)


def assert_equal_samples(one, other):
    assert vars(one).keys() == vars(other).keys()
    for name, array in vars(one).items():
        assert array.tobytes() == getattr(other, name).tobytes(), name


@given(
    st.integers(1, 11),
    st.integers(1, 7),
    st.lists(st.integers(1, 15), min_size=1, max_size=6),
    st.booleans(),
    st.integers(1, 7),
)
def test_samples_are_what_was_added(n_games, n_rows, horizons, prioritised, length):
    """Whatever the size of buffer and roll-outs, before and after the ring has wrapped around."""
    buffer, twin, player = (
        ReplayBuffer(n_games, n_games * n_rows, prioritised=prioritised),
        NaiveReplay(n_games, n_rows),
        Player(n_games),
    )
    rng = np.random.default_rng(0)

    for horizon in horizons:
        rollout = player.play(horizon)
        buffer.add(rollout)
        twin.add(rollout)

        assert len(buffer) == len(twin.starts(1))
        if length <= len(buffer) // n_games:
            sample = buffer.sample(40, length, rng)
            assert set(sample.indices.tolist()) <= set(twin.starts(length))
            assert_sequences_are_those_of_the_twin(sample, twin, length)


@pytest.mark.parametrize("prioritised", [False, True])
@pytest.mark.parametrize("length", [1, 3, 8])
def test_every_sequence_that_fits_is_drawn_and_equally_often(prioritised, length):
    """None reaches over the place where the ring writes, which is in the middle of it; fixed seed."""
    buffer, twin, _ = filled(prioritised=prioritised)
    starts = twin.starts(length)

    # Many small samples: a large one takes exactly one sequence from each part of the sum of priorities.
    rng = np.random.default_rng(1)
    drawn = np.concatenate([buffer.sample(1, length, rng).indices for _ in range(200 * len(starts))])

    assert sorted(set(drawn.tolist())) == starts
    assert chisquare(np.bincount(drawn - starts[0])).pvalue > 0.01


def test_sequences_are_drawn_in_proportion_to_the_powers_of_their_priorities():
    """Schaul et al., equation 1, with priorities set by hand; fixed seed."""
    buffer, twin, _ = filled(prioritised=True, alpha=0.6)
    length = 3
    starts = np.array(twin.starts(length))
    priorities = np.random.default_rng(2).uniform(0, 50, starts.size)
    buffer.update_priorities(starts, priorities)

    rng = np.random.default_rng(3)
    drawn = np.concatenate([buffer.sample(1, length, rng).indices for _ in range(20_000)])

    p = (priorities + 1e-6) ** 0.6
    counts = np.bincount(drawn - starts[0], minlength=starts.size)
    assert chisquare(counts, p / p.sum() * counts.sum()).pvalue > 0.01


@given(st.integers(1, 4), st.integers(2, 6), st.integers(0, 2**32), st.floats(0, 1), st.floats(0, 1))
def test_priorities_weights_and_draws_agree_with_the_naive_twin(n_games, n_rows, seed, alpha, beta):
    """Through rounds of adding, drawing and changing priorities, also of sequences overwritten since."""
    buffer = ReplayBuffer(n_games, n_games * n_rows, prioritised=True, alpha=alpha)
    twin, player, rng = NaiveReplay(n_games, n_rows, alpha), Player(n_games), np.random.default_rng(seed)
    late = np.empty(0, np.int64)

    for length in (1, 2, 2, 1):
        rollout = player.play(int(rng.integers(2, 2 * n_rows)))
        buffer.add(rollout)
        twin.add(rollout)
        draw_seed = int(rng.integers(2**32))
        shares = (np.arange(9) + np.random.default_rng(draw_seed).random(9)) / 9

        sample = buffer.sample(9, length, np.random.default_rng(draw_seed), beta=beta)

        assert sample.indices.tolist() == twin.draw(length, shares)
        np.testing.assert_allclose(sample.weights, twin.weights(sample.indices.tolist(), length, beta), rtol=1e-5)
        for indices in (sample.indices, late):
            priorities = rng.exponential(3, indices.size)
            buffer.update_priorities(indices, priorities)
            twin.update(indices.tolist(), priorities.tolist())
        late = sample.indices


def test_weights_of_a_uniform_sample_are_1():
    buffer, _, _ = filled()

    np.testing.assert_array_equal(buffer.sample(7, 2, np.random.default_rng(0)).weights, np.ones(7, np.float32))


def test_weights_make_a_prioritised_mean_that_of_all_sequences():
    """With beta = 1, the weighted mean of the rewards of first steps is their plain mean, as far as chance goes."""
    buffer, twin, _ = filled(prioritised=True)
    starts = np.array(twin.starts(1))
    rewards = np.array([twin.sequence(i, 1)[3][0] for i in starts.tolist()])
    buffer.update_priorities(starts, 100 * rewards**4)

    sample = buffer.sample(100_000, 1, np.random.default_rng(0))

    assert sample.rewards.mean() > rewards.mean() + 0.1
    np.testing.assert_allclose(np.average(sample.rewards[0], weights=sample.weights), rewards.mean(), atol=0.005)


def test_a_sequence_of_priority_0_is_still_drawn_now_and_then():
    buffer, twin, _ = filled(n_games=1, n_rows=2, horizons=(2,), prioritised=True, alpha=0.1)
    buffer.update_priorities(np.array(twin.starts(1)), [0.0, 1.0])

    assert 0 in buffer.sample(100, 1, np.random.default_rng(0)).indices


def test_a_roll_out_longer_than_the_buffer_leaves_what_its_pieces_leave():
    player = Player(2)
    long = player.play(23)
    one, other = ReplayBuffer(2, 10), ReplayBuffer(2, 10)

    one.add(long)
    for first, stop in ((0, 4), (4, 5), (5, 17), (17, 23)):
        parts = (array[first:stop] for array in (long.actions, long.log_probs, long.rewards, long.over))
        other.add(Rollout(long.boards[first : stop + 1], *parts))

    assert_equal_samples(one.sample(50, 3, np.random.default_rng(0)), other.sample(50, 3, np.random.default_rng(0)))


def test_games_may_be_turned_between_roll_outs():
    """The board after the last step of the first one is then the turned one, in which the game went on."""
    buffer, player = ReplayBuffer(8, 80), Player(8)
    buffer.add(player.play(4))
    player.boards = transform(player.boards[0], np.arange(8))[None]
    buffer.add(player.play(4))

    sample = buffer.sample(1, 8, np.random.default_rng(0))

    np.testing.assert_array_equal(sample.boards[4], buffer.state_dict()["boards"][sample.indices, 4])


def test_masks_are_the_legal_actions_of_the_boards():
    buffer, _, _ = filled()

    sample = buffer.sample(20, 4, np.random.default_rng(0))

    expected = action_masks(sample.boards[:-1].ravel()).reshape(4, 20, 4)
    np.testing.assert_array_equal(sample.masks, expected)


def test_masks_of_other_rules_are_kept():
    """A 2x2 board in a corner, say, has fewer legal actions than the same tiles on sixteen cells."""

    def only_one_action(boards):
        return np.arange(4) == (boards % 4)[:, None]

    buffer, _, _ = filled(masks=only_one_action)

    sample = buffer.sample(20, 4, np.random.default_rng(0))

    np.testing.assert_array_equal(sample.masks.argmax(2), sample.boards[:-1] % 4)
    assert (sample.masks.sum(2) == 1).all()


@pytest.mark.parametrize("prioritised", [False, True])
@pytest.mark.parametrize("horizons", [(3,), (8,), (5, 6), (5, 6, 30)], ids=["partly filled", "full", "wrapped", "long"])
def test_a_saved_buffer_goes_on_bit_for_bit(prioritised, horizons):
    """Through a safetensors file, into a buffer that held something else; then both add, draw and change priorities."""
    buffer, _, player = filled(prioritised=prioritised, horizons=horizons)
    rng = np.random.default_rng(4)
    if prioritised:
        buffer.update_priorities(buffer.sample(9, 2, rng).indices, rng.exponential(4, 9))
    other, _, _ = filled(prioritised=prioritised, horizons=(8, 9))

    other.load_state_dict(load(save(buffer.state_dict())))

    rngs = [np.random.default_rng(7), np.random.default_rng(7)]
    for _ in range(6):
        samples = [b.sample(16, 3, r) for b, r in zip((buffer, other), rngs, strict=True)]
        assert_equal_samples(*samples)
        rollout = player.play(3)
        for b, sample in zip((buffer, other), samples, strict=True):
            if prioritised:
                b.update_priorities(sample.indices, sample.rewards.sum(0))
            b.add(rollout)


def test_a_saved_state_is_not_changed_by_what_comes_later():
    buffer, _, player = filled(prioritised=True)
    state = buffer.state_dict()
    before = save(state)

    buffer.add(player.play(5))
    buffer.update_priorities(buffer.sample(5, 1, np.random.default_rng(0)).indices, np.arange(5.0))

    assert save(state) == before


def test_a_transition_takes_17_bytes_and_with_priorities_less_than_22():
    n_games, capacity = 64, 64 * 1000

    plain, prioritised = ReplayBuffer(n_games, capacity), ReplayBuffer(n_games, capacity, prioritised=True)

    assert plain.nbytes == 17 * capacity + 8 * n_games
    assert 21 < prioritised.nbytes / capacity < 22


def test_memory_does_not_grow_and_a_checkpoint_holds_no_more_than_was_added():
    player = Player(64)
    buffer = ReplayBuffer(64, 64 * 100, prioritised=True)
    nbytes = buffer.nbytes

    sizes = []
    for _ in range(6):
        buffer.add(player.play(25))
        sizes.append(sum(array.nbytes for array in buffer.state_dict().values()))

    assert buffer.nbytes == nbytes
    assert sizes == [64 * (21 * 25 * n + 8) + 16 for n in (1, 2, 3, 4, 4, 4)]


def test_the_capacity_is_rounded_down_to_whole_steps_of_all_games():
    buffer = ReplayBuffer(7, 20)

    assert (buffer.capacity, len(buffer)) == (14, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 10), "n_games must be at least 1, got 0"),
        ((8, 7), "capacity must hold a step of each of 8 games, got 7"),
    ],
)
def test_sizes_that_hold_nothing_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ReplayBuffer(*arguments)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda b, _: b.sample(1, 9, RNG), r"length must be in \[1, 8\], the steps .* a capacity of 24 holds, got 9"),
        (lambda b, _: b.sample(1, 0, RNG), r"length must be in \[1, 8\]"),
        (lambda b, _: b.sample(1, 6, RNG), "length must be at most 5, the steps of a game added so far, got 6"),
        (lambda b, _: b.sample(0, 1, RNG), "n_sequences must be at least 1, got 0"),
        (lambda b, _: b.sample(1, 1, RNG, beta=2), r"beta must be in \[0, 1\], got 2"),
        (lambda b, _: b.add(Player(2).play(1)), "rollout must be of 3 games, got 2"),
        (lambda b, _: b.add(Player(3, seed=1).play(1)), "rollout must begin with the boards that the last one ended"),
        (lambda b, i: b.update_priorities(i, [1.0, 2.0]), r"priorities must have shape \(1,\), got \(2,\)"),
        (lambda b, i: b.update_priorities(i, [-1.0]), r"priorities must be in \[0, 1e\+30\], got -1.0 to -1.0"),
        (lambda b, i: b.update_priorities(i, [np.nan]), r"priorities must be in \[0, 1e\+30\], got nan"),
        (lambda b, i: b.update_priorities(i + 100, [1.0]), "indices must be those of samples, got 1.., which was"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_and_change_nothing(call, message):
    buffer, _, _ = filled(horizons=(5,), prioritised=True)
    before = save(buffer.state_dict())

    with pytest.raises(ValueError, match=message):
        call(buffer, buffer.sample(1, 1, np.random.default_rng(0)).indices)

    assert save(buffer.state_dict()) == before


def test_alpha_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"alpha must be in \[0, 1\], got 1.5"):
        ReplayBuffer(1, 1, alpha=1.5)


def test_a_buffer_without_priorities_takes_none():
    buffer, _, _ = filled()

    with pytest.raises(ValueError, match="priorities are kept by a buffer with prioritised=True"):
        buffer.update_priorities(np.array([20]), [1.0])


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"n_rows": 9}, r"boards must have shape \(3, 9\), got \(3, 8\)"),
        ({"n_games": 4}, r"boards must have shape \(4, 8\), got \(3, 8\)"),
        ({"prioritised": True}, "state must be of a buffer with prioritised=True, got the other kind"),
    ],
)
def test_a_state_of_another_buffer_is_refused_and_changes_nothing(other, message):
    state = filled()[0].state_dict()
    buffer, _, _ = filled(**other)
    before = save(buffer.state_dict())

    with pytest.raises(ValueError, match=message):
        buffer.load_state_dict(state)

    assert save(buffer.state_dict()) == before


RNG = np.random.default_rng(0)
