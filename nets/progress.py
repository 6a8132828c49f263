"""A progress bar for training, for those who ask for one."""

import time
from collections.abc import Sized
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from nets.evaluation import Metrics
from nets.training import Callback

if TYPE_CHECKING:
    from nets.training import Trainer

SECONDS_PER_UPDATE: Final = 0.1
SECONDS_PER_LINE: Final = 10.0


class ProgressBar(Callback):
    """Shows the epoch, loss, accuracy, speed and the time that is left; lines where nobody watches a terminal.

    Parameters
    ----------
    console : Console, optional
        Where to draw; by default standard error.
    what : str
        What is going on.
    """

    def __init__(self, console: Console | None = None, what: str = "train") -> None:
        self._console = Console(stderr=True, highlight=False, markup=False) if console is None else console
        self._what = what
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._steps, self._epochs = 0, 0
        self._next_update = self._next_line = 0.0
        self._validation = ""

    def on_begin(self, trainer: "Trainer", epochs: int) -> None:
        """Draw the bar."""
        n_batches = len(trainer.loader) if isinstance(trainer.loader, Sized) else 0
        self._steps, self._epochs = epochs * n_batches, epochs
        self._next_line = time.monotonic() + SECONDS_PER_LINE
        self._bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=16),
            TextColumn("{task.fields[text]}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task(self._what, total=self._steps or None, completed=trainer.step, text="")
        self._bar.start()

    def on_batch(self, trainer: "Trainer") -> None:
        """Move the bar, ten times a second at most."""
        now = time.monotonic()
        if self._bar is None or now < self._next_update:
            return
        self._next_update = now + SECONDS_PER_UPDATE
        text = self._text(trainer)
        self._bar.update(self._task, completed=trainer.step, text=text)
        if not self._console.is_terminal and now >= self._next_line:
            self._next_line = now + SECONDS_PER_LINE
            done = f"{100 * trainer.step / self._steps:.0f} % done, " if self._steps else ""
            self._console.print(f"{self._what}: {done}{text}", soft_wrap=True)

    def on_epoch(self, trainer: "Trainer", metrics: Metrics) -> None:
        """Remember the validation."""
        if (accuracy := metrics.get("validation_accuracy")) is not None:
            self._validation = f" · validation {100 * accuracy:.2f} %"
        elif (loss := metrics.get("validation_loss")) is not None:
            self._validation = f" · validation {loss:.4f}"

    def on_end(self, trainer: "Trainer") -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _text(self, trainer: "Trainer") -> str:
        means = trainer.means.values()
        accuracy = f" · {100 * means['accuracy']:.2f} %" if "accuracy" in means else ""
        speed = trainer.means.n / max(trainer.seconds, 1e-9)
        return (
            f"epoch {trainer.epoch + 1}/{self._epochs} · loss {means['loss']:.4f}{accuracy} · "
            f"{speed:,.0f} examples/s{self._validation}"
        )
