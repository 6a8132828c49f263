"""One progress bar for long work; a line now and then where nobody watches a terminal."""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

SECONDS_PER_LINE: Final = 10.0


class GamesBar:
    """Shows how many games (or steps) are done, speed, score and tile rates.

    Parameters
    ----------
    console : Console
        Where to draw; lines instead of a bar where it is no terminal.
    what : str
        What is going on, e.g. "train".
    total : int or None
        Number of them, None where only time limits them.
    done : int
        Those that were played before.
    seconds : float, optional
        Time limit; the bar then fills with whichever is nearer its end. One of the two limits must be there.
    unit : str
        What is counted.
    """

    def __init__(
        self,
        console: Console,
        what: str,
        total: int | None,
        done: int = 0,
        seconds: float | None = None,
        *,
        unit: str = "games",
    ) -> None:
        self._console = console
        self._what = what
        self._total = total
        self._unit = unit
        self._seconds = seconds
        self._text = ""
        self._start = time.monotonic()
        self._next_line = self._start + SECONDS_PER_LINE
        self._bar = FiguresProgress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=16),
            CountColumn(table_column=Column(no_wrap=True)),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(what, total=1.0, text="", done=done, limit=total, unit=unit)

    def update(self, done: int, text: str | None = None) -> None:
        """Show how many are done and what else is worth knowing; without it, what was known before stays."""
        fraction = done / self._total if self._total else 0.0
        if self._seconds:
            fraction = max(fraction, (time.monotonic() - self._start) / self._seconds)
        fraction = min(fraction, 1.0)
        if text is not None:
            self._text = text
        self._bar.update(self._task, completed=fraction, done=done, text=self._text)
        if not self._console.is_terminal and time.monotonic() >= self._next_line:
            parts = [f"{self._what}: {done:,} {self._unit}", f"{100 * fraction:.0f} % done", self._text]
            self._console.print(", ".join(filter(None, parts)), soft_wrap=True)
            self._next_line = time.monotonic() + SECONDS_PER_LINE

    def __enter__(self) -> "GamesBar":
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()


class FiguresProgress(Progress):
    """A bar with its figures on a line below: beside it, they would push each other out of a terminal of 80 columns."""

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield the bar, then the figures."""
        yield from super().get_renderables()
        for task in self.tasks:
            if task.fields["text"]:
                yield Text(task.fields["text"])


class CountColumn(ProgressColumn):
    """Games or steps done, of how many."""

    def render(self, task: Task) -> Text:
        """Draw the column."""
        limit = task.fields["limit"]
        return Text(f"{task.fields['done']:,}{f'/{limit:,}' if limit else ''} {task.fields['unit']}")


class RunningScores:
    """Mean score and tile rates of the last games, for the bar.

    Parameters
    ----------
    window : int
        How many blocks of games to remember.
    """

    def __init__(self, window: int) -> None:
        self._blocks: deque[tuple[float, dict[str, float]]] = deque(maxlen=window)

    def add(self, mean_score: float, tile_rates: dict[str, float]) -> None:
        """Remember a block of games; all blocks count alike."""
        self._blocks.append((mean_score, tile_rates))

    def __str__(self) -> str:
        n = len(self._blocks)
        if n == 0:
            return ""
        mean = sum(score for score, _ in self._blocks) / n
        rates = {tile: sum(rates[tile] for _, rates in self._blocks) / n for tile in self._blocks[0][1]}
        return " · ".join([f"mean {mean:,.0f}", *tile_texts(rates)])


def tile_texts(rates: dict[str, float], most: int = 2) -> Iterator[str]:
    """Return e.g. "2048: 93 %" for the largest tiles that were reached at all."""
    reached = [(tile, rate) for tile, rate in rates.items() if rate > 0]
    return (f"{tile}: {100 * rate:.0f} %" for tile, rate in reached[-most:])
