"""Evaluation: repeatable, independent of threads, and right about its figures."""

import threading
import time

import numpy as np
import pytest

from agents.baselines import GreedyAgent, MonteCarloAgent, RandomAgent
from agents.evaluate import Results, evaluate, play_results, summarize, tile_rates
from agents.game_log import GameResult
from agents.series import play_seeds, play_series
from game2048 import Game
from nets.intervals import student_t


@pytest.mark.parametrize("agent", [RandomAgent(), GreedyAgent(), MonteCarloAgent(2)], ids=lambda a: a.name)
def test_threads_change_nothing_but_the_speed(agent):
    def games(n_threads):
        series = play_series(agent, n_games=40, seed=9, n_threads=n_threads)
        return [(game.seed, game.score, game.max_exponent, game.plies.tolist()) for game in series]

    assert games(1) == games(2) == games(7)


def test_random_play_scores_what_it_must():
    """A uniformly random legal player scores about 1,090; another mean is another game."""
    evaluation = evaluate(RandomAgent(), n_games=20_000, seed=1, n_threads=2)

    assert 1_075 <= evaluation.mean <= 1_105


def test_baselines_are_ordered_by_strength():
    means = [
        evaluate(agent, n_games=n_games, seed=2, n_threads=2).mean
        for agent, n_games in ((RandomAgent(), 500), (GreedyAgent(), 500), (MonteCarloAgent(20), 10))
    ]

    assert means[0] < means[1] < means[2]


@pytest.mark.parametrize("agent", [RandomAgent(), GreedyAgent(), MonteCarloAgent(2)], ids=lambda a: a.name)
def test_baselines_play_legal_games(agent):
    played = agent.play_game(77)

    record = played.record(agent.name)  # verifies every ply

    assert record.score == played.score
    assert 2**played.max_exponent == record.max_tile
    assert np.array_equal(record.start, Game(77).board)


@pytest.mark.parametrize("agent", [RandomAgent(), GreedyAgent(), MonteCarloAgent(2)], ids=lambda a: a.name)
def test_a_game_is_the_same_in_the_kernel_and_move_by_move(agent):
    for game_seed in (3, 4):
        game = Game(game_seed)
        while not game.is_over:
            game.play(agent.act(game))

        assert game.record().plies.tolist() == agent.play_game(game_seed).plies.tolist()


def test_greedy_takes_the_larger_reward():
    game = Game(0, board=[[3, 3, 1, 1], [1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]])

    assert {GreedyAgent().act(game) for _ in range(10)} <= {1, 3}


def test_a_roll_out_sees_the_game_beyond_65536():
    game = Game(0, board=[[16, 16, 0, 0], [0] * 4, [0] * 4, [0] * 4])

    assert MonteCarloAgent(5).act(game) in (1, 3)


def test_figures_follow_from_the_scores():
    scores, exponents = np.array([1000, 2000, 3000, 4000]), [9, 10, 11, 17]
    games = (GameResult(i, scores[i], exponents[i], 25, 2.0, 0.5) for i in range(4))

    evaluation = summarize(Results("someone", 5, tuple(games)))

    half_width = student_t(3) * scores.std(ddof=1) / 2
    assert evaluation.mean == 2500
    assert evaluation.median == 2500
    assert evaluation.max == 4000
    assert evaluation.ci95 == pytest.approx((2500 - half_width, 2500 + half_width), abs=0.01)
    assert evaluation.mean_moves == 25
    assert evaluation.seconds == 8
    assert evaluation.moves_per_second == 50  # of CPU time
    assert evaluation.tile_rates["1024"] == 0.75
    assert evaluation.tile_rates["65536"] == 0.25
    assert list(evaluation.tile_rates) == ["1024", "2048", "4096", "8192", "16384", "32768", "65536"]


def test_the_rate_of_a_tile_that_no_game_reached_may_still_be_more_than_nothing():
    evaluation = evaluate(RandomAgent(), n_games=100, seed=1)

    assert evaluation.tile_rates["65536"] == 0
    assert evaluation.tile_ci95["65536"] == pytest.approx((0, 0.037), abs=5e-4)  # Wilson's, of 0 of 100


def test_known_games_are_not_played_again():
    known = {game.seed: game for game in play_results(RandomAgent(), n_games=30, seed=3).games[::2]}
    played = []

    results = play_results(
        RandomAgent(), n_games=30, seed=3, known=known, on_finish=lambda timed: played.append(timed.game.seed)
    )

    assert len(played) == 15
    assert not known.keys() & set(played)
    whole = play_results(RandomAgent(), n_games=30, seed=3)
    for name in ("seed", "score", "max_exponent", "moves"):
        assert np.array_equal(results.column(name), whole.column(name))


@pytest.mark.parametrize("n_threads", [1, 3])
def test_a_game_is_told_as_soon_as_it_ends_not_when_its_turn_comes(n_threads):
    told = []
    games = play_seeds(RandomAgent(), range(20), n_threads=n_threads, on_finish=told.append)

    first = next(games)

    assert first in told
    assert sorted(timed.game.seed for timed in (*games, first)) == list(range(20))
    assert sorted(timed.game.seed for timed in told) == list(range(20))
    assert all(timed.cpu_seconds > 0 and timed.seconds > 0 for timed in told)


def test_one_game_has_no_interval():
    evaluation = evaluate(RandomAgent(), n_games=1)

    assert evaluation.ci95 is None
    assert evaluation.to_json()["ci95"] is None


def test_tile_rates_count_games_that_went_further():
    assert tile_rates(np.array([11, 12])) == {
        "1024": 1.0, "2048": 1.0, "4096": 0.5, "8192": 0.0, "16384": 0.0, "32768": 0.0, "65536": 0.0,
    }  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), [({"n_games": 0}, "n_games"), ({"n_threads": 0}, "n_threads")])
def test_nonsense_is_refused(arguments, message):
    with pytest.raises(ValueError, match=f"{message} must be at least 1, got 0"):
        play_series(RandomAgent(), **{"n_games": 1, **arguments})


def test_an_error_in_a_thread_is_told():
    class Broken(RandomAgent):
        def play_game(self, game_seed):
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        evaluate(Broken(), n_games=100, n_threads=2)


def test_who_stops_a_series_does_not_wait_for_games_that_take_hours():
    left, all_play = [], threading.Barrier(3, timeout=60)

    class Slow(RandomAgent):
        def play_game_unless(self, game_seed, stopped):
            all_play.wait()
            end = time.monotonic() + 60
            while game_seed and not stopped() and time.monotonic() < end:
                time.sleep(0.001)
            left.extend([game_seed] if stopped() else [])
            return None if stopped() else self.play_game(game_seed)

    told = []
    games = play_seeds(Slow(), [0, 1, 2], n_threads=3, on_finish=told.append)

    assert next(games).game.seed == 0
    games.close()

    assert sorted(left) == [1, 2]
    assert [timed.game.seed for timed in told] == [0]


def test_a_series_of_a_billion_games_begins_at_once():
    """Its seeds are made as they are needed, the same ones as those of a short series."""
    games = play_series(RandomAgent(), n_games=10**9, seed=3)

    first = [next(games).seed for _ in range(5)]

    assert first == [game.seed for game in play_series(RandomAgent(), n_games=5, seed=3)]
