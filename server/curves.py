"""Curves: the lines of metrics.jsonl as columns of numbers, few enough to draw.

However long a run is, at most `MAX_POINTS` rows come out: when there are more, neighbours become one row. Of what
counts from the beginning of the run, such as steps, that row has the last value; of a maximum, the largest; of all
else, the mean.
"""

from typing import Any, Final

MAX_POINTS: Final = 1000
LARGEST: Final = 1e300

# What the lines of a run are counted by, and what else in them counts from the beginning of the run.
TOTALS: Final = {
    "steps": {"steps", "updates", "seconds", "cpu_seconds"},  # agents.policy.run
    "games": {"games", "episodes", "moves", "seconds", "cpu_seconds"},  # agents.training
    "epoch": {"epoch", "step"},  # nets.training: seconds are those of the epoch
}

Values = dict[str, float]


def counter_of(row: dict[str, Any]) -> str | None:
    """Return the column that a line is counted by, None if it has none.

    >>> counter_of({"games": 7, "steps": 1000}), counter_of({"loss": 1.0})
    ('steps', None)
    """
    return next((name for name in TOTALS if isinstance(row.get(name), int)), None)


def numbers(row: dict[str, Any]) -> Values:
    """Return the finite numbers of a line, those of objects in it under dotted names; all else is left out.

    >>> numbers({"steps": 5, "tile_rates": {"512": 0.5}, "mean_score": None, "kl": float("nan")})
    {'steps': 5, 'tile_rates.512': 0.5}
    """
    flat = {}
    for name, value in row.items():
        inner = value.items() if isinstance(value, dict) else [(None, value)]
        for key, number in inner:
            if isinstance(number, int | float) and not isinstance(number, bool) and -LARGEST < number < LARGEST:
                flat[name if key is None else f"{name}.{key}"] = number
    return flat


class Curves:
    """Takes lines in, one by one, and keeps them thinned.

    Parameters
    ----------
    max_points : int
        Rows that are kept; at least half as many are there once there were enough lines.
    """

    def __init__(self, max_points: int = MAX_POINTS) -> None:
        self.counter: str | None = None
        self._max_points = max_points
        self._lines_a_point = 1
        self._points: list[_Point] = []
        self._names: dict[str, None] = {}

    def add(self, row: dict[str, Any]) -> None:
        """Take in a line; one without a counter is none of ours."""
        counter = counter_of(row)
        if counter is None:
            return
        self.counter = self.counter or counter
        point = _Point(numbers(row), counter)
        self._names.update(dict.fromkeys(point.values))
        if self._points and self._points[-1].n_lines < self._lines_a_point:
            self._points[-1].join(point)
        else:
            self._points.append(point)
        if len(self._points) > self._max_points:
            self._halve()

    def columns(self) -> dict[str, list[float | None]]:
        """Return the values of each name, None where a row has none."""
        return {name: [point.value(name) for point in self._points] for name in self._names}

    def n_lines(self) -> list[int]:
        """Return how many lines each row stands for."""
        return [point.n_lines for point in self._points]

    def _halve(self) -> None:
        """Make one row of every two."""
        for left, right in zip(self._points[::2], self._points[1::2], strict=False):
            left.join(right)
        self._points = self._points[::2]
        self._lines_a_point *= 2


class _Point:
    """One or more neighbouring lines: of a mean, ``values`` holds the sum and ``counts`` of how many."""

    __slots__ = ("counts", "n_lines", "totals", "values")

    def __init__(self, values: Values, counter: str) -> None:
        self.values = values
        self.counts = dict.fromkeys(values, 1)
        self.totals = TOTALS[counter]
        self.n_lines = 1

    def join(self, later: "_Point") -> None:
        """Take in the next point."""
        self.n_lines += later.n_lines
        for name, value in later.values.items():
            if name not in self.values or name in self.totals:
                self.values[name], self.counts[name] = value, later.counts[name]
            elif name.startswith("max_"):
                self.values[name] = max(self.values[name], value)
            else:
                self.values[name] += value
                self.counts[name] += later.counts[name]

    def value(self, name: str) -> float | None:
        """Return a value, to six digits where it is a mean."""
        if name not in self.values:
            return None
        value, count = self.values[name], self.counts[name]
        return value if count == 1 else float(f"{value / count:.6g}")
