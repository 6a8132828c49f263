"""The training loop: batches, epochs, validation, early stopping, and checkpoints that resume bit for bit.

>>> import numpy as np, nets
>>> from nets.evaluation import classification, evaluate
>>> from nets.training import Trainer
>>> points = nets.data.moons(400, generator=0)
>>> loader = nets.data.DataLoader(points.points, points.labels, batch_size=20, shuffle=True, generator=1)
>>> _ = nets.manual_seed(2)
>>> model = nets.Sequential(nets.Linear(2, 16, activation="tanh"), nets.Linear(16, 2))
>>> trainer = Trainer(model, nets.optim.Adam(model.parameters(), lr=0.02), loader, classification())
>>> trainer.fit(epochs=20)
>>> evaluate(model, loader)["accuracy"] > 0.95
True

A run may live in a folder: ``checkpoint.safetensors`` with all that is needed to go on (`nets.resumption`), and
``metrics.jsonl`` with one line an epoch.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nets.data.loader import Resumable
from nets.errors import AnomalyError, ArgumentError, DataError
from nets.evaluation import Batch, Means, Metrics, Objective, blame
from nets.layers.module import Module
from nets.metrics import append_metrics, drop_metrics_after
from nets.optim import Optimizer, clip_grad_norm_
from nets.resumption import load_checkpoint, save_checkpoint
from nets.schedules import EMA, Schedule

if TYPE_CHECKING:
    import numpy.typing as npt

CHECKPOINT_NAME: Final = "checkpoint.safetensors"
METRICS_NAME: Final = "metrics.jsonl"


class Callback:
    """What may be done while a `Trainer` works; subclasses override what they need."""

    def on_begin(self, trainer: "Trainer", epochs: int) -> None:
        """Be told that training begins, or goes on, until so many epochs are done."""

    def on_batch(self, trainer: "Trainer") -> None:
        """Be told that a step was taken; ``trainer.means`` has the epoch so far."""

    def on_epoch(self, trainer: "Trainer", metrics: Metrics) -> None:
        """Be told that an epoch ended; the metrics are the new line of metrics.jsonl."""

    def on_end(self, trainer: "Trainer") -> None:
        """Be told that training ended, was stopped, or failed."""


class Trainer:
    """A model in training.

    Parameters
    ----------
    model : Module
    optimizer : Optimizer
        Of the model's parameters.
    loader : DataLoader
        The training batches; any iterable of tuples of arrays where there is no ``folder``.
    objective : callable
        (model, batch) -> (mean loss, other means), for example `classification`.
    validate : callable, optional
        model -> metrics, called after each epoch: ``lambda model: evaluate(model, loader)``. It gets the averaged
        weights where there is an ``ema``.
    monitor : str
        Which of these metrics says how good the model is; the best weights are kept, and restored in the end.
    higher_is_better : bool
        Whether the monitored metric shall be high, as an accuracy, or low, as a loss.
    patience : int, optional
        Stop when so many epochs in a row brought nothing better; by default never.
    schedule : Schedule, optional
        Asked for a new learning rate after each step.
    ema : EMA, optional
        Updated after each step; its averages are the model's weights in the end.
    max_grad_norm : float
        Longer gradients are scaled down to this length.
    folder : path, optional
        Where metrics and checkpoints go. Nothing is written without one.
    save_every : float
        Seconds between two checkpoints within an epoch; there is one after each epoch too.
    should_stop : callable
        Asked after each batch, so that a stop is prompt and never in the middle of a step.
    callbacks : sequence of Callback
        Called in turn.

    Attributes
    ----------
    epoch, step : int
        Epochs that are done, steps that were taken.
    means : Means
        Of the present epoch.
    best : Metrics or None
        The validation of the best epoch.
    stopped : bool
        Whether ``should_stop`` ended the last `fit`.
    """

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer,
        loader: Iterable[Batch],
        objective: Objective,
        *,
        validate: Callable[[Module], Metrics] | None = None,
        monitor: str = "loss",
        higher_is_better: bool = False,
        patience: int | None = None,
        schedule: Schedule | None = None,
        ema: EMA | None = None,
        max_grad_norm: float = math.inf,
        folder: Path | None = None,
        save_every: float = 60.0,
        should_stop: Callable[[], bool] = lambda: False,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        if patience is not None and (validate is None or patience < 1):
            raise ArgumentError(f"patience must be at least 1 and needs validate, got {patience}")
        if folder is not None and not isinstance(loader, Resumable):
            raise ArgumentError("a run in a folder can be resumed, which needs a loader with state_dict() and resume()")
        self.model, self.optimizer, self.loader, self.objective = model, optimizer, loader, objective
        self.validate, self.monitor, self.higher_is_better = validate, monitor, higher_is_better
        self.patience, self.schedule, self.ema, self.max_grad_norm = patience, schedule, ema, max_grad_norm
        self.folder, self.save_every, self.should_stop, self.callbacks = folder, save_every, should_stop, callbacks
        self.epoch = self.step = self.stale = 0
        self.seconds = 0.0  # of the present epoch, those before a stop included
        self.means = Means()
        self.best: Metrics | None = None
        self.best_state: dict[str, npt.NDArray[Any]] | None = None
        self.stopped = False
        self.raw_state: dict[str, npt.NDArray[Any]] | None = None  # to go on from, while the model has the best
        self._last_save = 0.0

    def fit(self, epochs: int) -> None:
        """Train until ``epochs`` are done in all, patience is at an end, or ``should_stop``; save; keep the best.

        In the end the model has the weights of the best epoch, or without validation the averaged ones of the
        `EMA`, or those of the last step. If it was stopped it has those of the last step.

        Raises
        ------
        AnomalyError
            If a loss or a gradient is not finite; the step is not taken, and the last checkpoint stays.
        DataError
            If the loader gives no batch.
        CheckpointError, OSError
            If the folder cannot be written.
        """
        if self.raw_state is not None:
            self.model.load_state_dict(self.raw_state)
            self.raw_state = None
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            drop_metrics_after(self.folder / METRICS_NAME, self.epoch)
        self.stopped, self._last_save = False, time.monotonic()
        try:
            self._tell("on_begin", epochs)
            while self.epoch < epochs and not self.is_stale and not self.stopped:
                self._train_epoch()
            if self.stopped:
                self.save()
        finally:
            self._tell("on_end")
        if not self.stopped:
            self._use_best()

    @property
    def is_stale(self) -> bool:
        """Whether patience is at an end."""
        return self.patience is not None and self.stale >= self.patience

    def _train_epoch(self) -> None:
        """Go through the loader, or through what a resumed epoch left of it."""
        self.model.train()
        batches = self._batches()
        start = time.monotonic() - self.seconds
        for batch in batches:
            self._train_batch(batch)
            self.seconds = time.monotonic() - start
            self._tell("on_batch")
            if self.should_stop():
                self.stopped = True
                return
            if time.monotonic() - self._last_save > self.save_every:
                self.save()
        self._finish_epoch()

    def _batches(self) -> Iterator[Batch]:
        """Return what is left of the epoch."""
        if isinstance(self.loader, Resumable):
            # Anew if this trainer has no epoch under way, whatever another one left of an epoch of this loader.
            return self.loader.resume(anew=not self.means.n)
        self.means, self.seconds = Means(), 0.0  # such an epoch can only begin anew
        return iter(self.loader)

    def _train_batch(self, batch: Batch) -> None:
        """Take one step: the mean loss of the batch, its gradient, the optimiser's rule."""
        loss, others = self.objective(self.model, batch)
        self._check("loss", float(loss.item()), batch)
        self.optimizer.zero_grad()
        loss.backward()
        norm = clip_grad_norm_(self.optimizer.parameters, self.max_grad_norm)
        self._check("length of the gradient", norm, batch)
        self.optimizer.step()
        self.step += 1
        if self.schedule is not None:
            self.schedule.step()
        if self.ema is not None:
            self.ema.update()
        self.means.add(len(batch[0]), {"loss": float(loss.item()), **others, "grad_norm": norm})

    def _check(self, what: str, value: float, batch: Batch) -> None:
        """Stop before something that is not finite gets into the weights."""
        if math.isfinite(value):
            return
        raise AnomalyError(
            f"the {what} is {value} in step {self.step + 1} (epoch {self.epoch + 1}, batch {self.means.batches + 1}); "
            f"{blame(batch)}. nets.detect_anomaly() names the first operation that does this; a lower learning rate or "
            "max_grad_norm often helps"
        )

    def _finish_epoch(self) -> None:
        """Validate, write the metrics, tell of them, and save."""
        if not self.means.n:
            raise DataError("the loader gave no batch; one that can be gone through only once cannot be trained with")
        self.epoch += 1
        n, means = self.means.n, self.means.values()
        validation = self._validate()
        metrics: Metrics = {
            "epoch": self.epoch,
            "step": self.step,
            **{name: value for name, value in means.items() if name != "grad_norm"},
            **{f"validation_{name}": value for name, value in validation.items()},
            "lr": self.optimizer.lr,
            "grad_norm": means.get("grad_norm", 0.0),
            "examples_per_second": round(n / max(self.seconds, 1e-9)),
            "seconds": round(self.seconds, 3),
        }
        self.means, self.seconds = Means(), 0.0
        if self.folder is not None:
            append_metrics(self.folder / METRICS_NAME, metrics)
        self._tell("on_epoch", metrics)
        self.save()

    def _validate(self) -> Metrics:
        """Measure how good the model is, and keep its weights if it was never better."""
        if self.validate is None:
            return {}
        sign = 1 if self.higher_is_better else -1
        with nullcontext() if self.ema is None else self.ema.applied():
            metrics = self.validate(self.model)
            if self.monitor not in metrics:
                raise ArgumentError(f"monitor must be one of {', '.join(metrics)}, got {self.monitor!r}")
            score = sign * metrics[self.monitor]
            better = not math.isnan(score) and (self.best is None or score > sign * self.best[self.monitor])
            if better:
                self.best, self.best_state, self.stale = dict(metrics), self.model.state_dict(), 0
            else:
                self.stale += 1
        return metrics

    def _use_best(self) -> None:
        if self.best_state is None and self.ema is None:
            return
        self.raw_state = self.model.state_dict()
        if self.best_state is not None:
            self.model.load_state_dict(self.best_state)
        elif self.ema is not None:
            with self.ema.applied():
                averaged = self.model.state_dict()
            self.model.load_state_dict(averaged)

    def save(self) -> None:
        """Write the checkpoint, if there is a folder."""
        if self.folder is not None:
            save_checkpoint(self, self.folder / CHECKPOINT_NAME)
        self._last_save = time.monotonic()

    def resume(self) -> None:
        """Go on where the checkpoint in the folder was written: the next `fit` takes the very next step.

        Raises
        ------
        CheckpointError
            If there is no checkpoint, it is damaged, or it is of another model, optimiser or data set; nothing
            changes then.
        """
        if self.folder is None:
            raise ArgumentError("resume() needs a folder")
        load_checkpoint(self, self.folder / CHECKPOINT_NAME)

    def _tell(self, event: str, *arguments: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(self, *arguments)
