"""Lines of metrics.jsonl as columns, thinned."""

import pytest

from server.curves import Curves


def curves_of(rows: list[dict[str, object]], max_points: int = 1000) -> Curves:
    curves = Curves(max_points)
    for row in rows:
        curves.add(row)
    return curves


def test_few_lines_stay_as_they_are() -> None:
    rows = [{"steps": 10, "kl": 0.123456789}, {"steps": 20, "tile_rates": {"512": 0.5}, "mean_score": None}]

    curves = curves_of(rows)

    assert curves.counter == "steps"
    assert curves.columns() == {"steps": [10, 20], "kl": [0.123456789, None], "tile_rates.512": [None, 0.5]}
    assert curves.n_lines() == [1, 1]


def test_neighbours_become_one_row_with_last_totals_largest_maxima_and_means() -> None:
    rows = [
        {
            "steps": 100 * i,
            "seconds": 2.0 * i,
            "mean_score": float(i),
            "max_score": 10 - i,
            "kl": None if i < 4 else 1.5,
        }
        for i in range(1, 6)
    ]

    curves = curves_of(rows, max_points=3)

    assert curves.columns() == {
        "steps": [200, 400, 500],
        "seconds": [4.0, 8.0, 10.0],
        "mean_score": [1.5, 3.5, 5.0],
        "max_score": [9, 7, 5],
        "kl": [None, 1.5, 1.5],
    }
    assert curves.n_lines() == [2, 2, 1]


@pytest.mark.parametrize("n_rows", [999, 1000, 1001, 4321])
def test_however_many_lines_there_are_a_thousand_rows_tell_of_all(n_rows: int) -> None:
    curves = curves_of([{"steps": i, "loss": float(i % 10)} for i in range(n_rows)])

    n_lines, columns = curves.n_lines(), curves.columns()

    assert min(500, n_rows) <= len(n_lines) <= 1000
    assert sum(n_lines) == n_rows
    assert columns["steps"][-1] == n_rows - 1
    mean = sum(loss * n for loss, n in zip(columns["loss"], n_lines, strict=True)) / n_rows
    assert mean == pytest.approx(sum(i % 10 for i in range(n_rows)) / n_rows, rel=1e-4)


def test_the_seconds_and_games_of_a_row_are_no_totals() -> None:
    """An epoch tells how long it took, and a policy the games that ended since the last line."""
    epochs = curves_of([{"epoch": i, "seconds": float(i)} for i in (1, 2, 3)], max_points=2)
    policy = curves_of([{"steps": i, "games": i} for i in (1, 2, 3)], max_points=2)
    n_tuple = curves_of([{"games": i, "seconds": float(i)} for i in (1, 2, 3)], max_points=2)

    assert epochs.columns() == {"epoch": [2, 3], "seconds": [1.5, 3.0]}
    assert policy.columns() == {"steps": [2, 3], "games": [1.5, 3]}
    assert n_tuple.columns() == {"games": [2, 3], "seconds": [2.0, 3.0]}


def test_what_is_no_number_is_left_out() -> None:
    rows = [
        {
            "steps": 1,
            "name": "x",
            "flag": True,
            "list": [1],
            "huge": 10**400,
            "nan": float("nan"),
            "inf": -float("inf"),
        },
        {"steps": "2"},
        {"loss": 1.0},
        {},
    ]

    assert curves_of(rows).columns() == {"steps": [1]}
