"""The benchmark measures what it says; its figures are never tested."""

import json

import pytest

from game2048 import benchmark


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(benchmark, "STEPS_A_ROUND", 400)
    monkeypatch.setattr(benchmark, "RANDOM_GAMES_A_ROUND", 20)
    monkeypatch.setattr(benchmark, "GAMES_FOR_THREADS", 8192)
    monkeypatch.setattr(benchmark, "WARM_UP", 3)


def test_measures_every_figure(small, monkeypatch):
    monkeypatch.setattr(benchmark, "n_cores", lambda: 2)

    results = json.loads(json.dumps(benchmark.measure(n_rounds=2, sizes=(1, 16))))

    assert set(results["vector_steps_per_second"]) == {"1", "16"}
    assert set(results["vector_steps_per_second_with_sampling"]) == {"1", "16"}
    rates = ["single_steps_per_second", "single_steps_per_second_unwrapped", "random_moves_per_second"]
    assert all(results[name] > 0 for name in rates)
    assert results["vector_two_threads_ratio"] > 0
    assert results["machine"]["cpu"]


def test_the_ratio_of_threads_is_the_median_of_rounds_that_took_turns():
    """A round that was disturbed decides nothing, even where it looks like a gain."""
    samples = {("threads", 1): [100.0, 10.0, 100.0, 110.0, 90.0], ("threads", 2): [180.0, 170.0, 20.0, 176.0, 153.0]}

    assert benchmark.two_threads_ratio(samples) == 1.7


def test_one_core_has_no_ratio(small, monkeypatch):
    monkeypatch.setattr(benchmark, "n_cores", lambda: 1)

    assert benchmark.measure(n_rounds=1, sizes=(1,))["vector_two_threads_ratio"] is None
