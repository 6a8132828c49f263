"""How far from the best it can do does an optimiser leave a model after so many steps? Adam against plain SGD.

The floor of a loss is not known; it is estimated from above, as the lowest loss of all runs, one of them much longer,
and a still longer one would find it lower: distances, and above all their ratio, belong to the lengths of the runs.
Each rule gets the best of several learning rates, chosen by this very distance. Where the best is the first or the last
of them, more should be tried (`Comparison.is_bracketed`). A rate at which a run diverges counts as infinitely far.

How much better Adam looks depends on how SGD is tuned: `Comparison.ratio` is of the best rates,
`Comparison.ratio_at` of one and the same rate for both, as somebody would compare them who tunes nothing.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from generative.autoencoders import vae  # noqa: F401  # registers the model of `MNIST_VAE`
from generative.datasets import Batches
from generative.errors import SettingError
from generative.recipe import Recipe
from generative.training import make_trainer
from nets import random
from nets.data import LabelledImages
from nets.errors import AnomalyError
from nets.evaluation import Batch, Metrics, evaluate
from nets.training import Callback, Trainer

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MNIST_VAE: Final = Recipe(
    family="vae",
    name="descent",
    data="mnist",
    model="vae",
    settings={"latent": 8, "widths": [256, 256, 256], "likelihood": "gaussian"},
    objective={"beta": 1.0},
    optimizer="adam",
    weight_decay=0.0,
    schedule="cosine",
    warmup=100,
    ema=None,
)
"""What is trained: the squared error, three hidden layers on each side. Plain SGD stays long on the plateau where the
network draws the mean of all images, with a loss of 26. The rule, its learning rate and the number of steps are set for
each run. Rates fall to 0, SGD's as well as Adam's."""
SGD_RATES: Final = (1e-3, 1e-1)
ADAM_RATES: Final = (1e-3, 4e-3)
EVALUATION: Final = 2000
"""Training images that the loss is measured on, the same each time, with the same noise."""


@dataclass(frozen=True, kw_only=True)
class Descent:
    """One run."""

    rule: str
    """sgd or adam."""
    lr: float
    """Learning rate."""
    steps: tuple[int, ...]
    """After how many steps the loss was measured."""
    losses: tuple[float, ...]
    """The loss then; infinite from where the run diverged."""

    @property
    def last(self) -> float:
        """The loss in the end."""
        return self.losses[-1]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Runs of equal length, and a longer one."""

    floor: float
    """Lowest loss of all runs."""
    long_run: Descent
    """Where the floor is from, most likely."""
    runs: tuple[Descent, ...]
    """Of both rules, at each learning rate."""
    seed: int
    """Of weights and batches, the same in all runs."""

    def best(self, rule: str) -> Descent:
        """Return the run of a rule that ended lowest."""
        return min((run for run in self.runs if run.rule == rule), key=lambda run: run.last)

    def distance(self, rule: str) -> float:
        """Return how far above the floor the best run of a rule ended."""
        return self.best(rule).last - self.floor

    @property
    def ratio(self) -> float:
        """How many times closer to the floor Adam came than SGD at equal steps."""
        return _ratio(self.distance("sgd"), self.distance("adam"))

    def ratio_at(self, lr: float) -> float:
        """Return the same ratio with one learning rate for both rules, tuned for neither.

        Raises
        ------
        SettingError
            If not both were run with it.
        """
        last = {run.rule: run.last for run in self.runs if run.lr == lr}
        if last.keys() != {"adam", "sgd"}:
            raise SettingError(f"lr must be one that both rules were run with, got {lr}")
        return _ratio(last["sgd"] - self.floor, last["adam"] - self.floor)

    def is_bracketed(self, rule: str) -> bool:
        """Return whether a rule's best learning rate has worse ones on both sides."""
        rates = sorted(run.lr for run in self.runs if run.rule == rule)
        return rates[0] < self.best(rule).lr < rates[-1]

    def as_dict(self) -> dict[str, Any]:
        """Return all, in JSON's types; an infinite loss is None."""
        values = asdict(self)
        for run in (values["long_run"], *values["runs"]):
            run["losses"] = [loss if math.isfinite(loss) else None for loss in run["losses"]]
        distances = {f"{rule}_distance": self.distance(rule) for rule in ("adam", "sgd")}
        return {**values, **distances, "ratio": self.ratio}


def _ratio(far: float, near: float) -> float:
    return far / near if near > 0 else math.inf


def compare_optimizers(
    data: LabelledImages,
    *,
    recipe: Recipe = MNIST_VAE,
    steps: int = 8000,
    floor_steps: int = 12_000,
    sgd_rates: Sequence[float] = SGD_RATES,
    adam_rates: Sequence[float] = ADAM_RATES,
    every: int = 400,
    seed: int = 0,
    tell: Callable[[Descent], None] = lambda run: None,
) -> Comparison:
    """Train the same model from the same weights on the same batches by both rules.

    Parameters
    ----------
    data : LabelledImages
    recipe : Recipe
        All but rule, learning rate and steps.
    steps, floor_steps : int
        Length of the runs, and of the long one, which is Adam's at its best rate.
    sgd_rates, adam_rates : sequence of float
        Learning rates.
    every : int
        Steps between two measurements.
    seed : int
    tell : callable
        Told of each run that ended.

    Raises
    ------
    SettingError
        If the long run is not longer.
    """
    if floor_steps <= steps or steps < 1:
        raise SettingError(f"floor_steps must be more than steps, and both positive, got {floor_steps} and {steps}")
    measured = Batches(data, batch_size=min(EVALUATION, len(data)), length=1, generator=seed).draw()

    def run(changed: Recipe) -> Descent:
        descent = _descend(changed, data, measured, every, seed)
        tell(descent)
        return descent

    rates = [("adam", lr) for lr in adam_rates] + [("sgd", lr) for lr in sgd_rates]
    runs = tuple(
        run(replace(recipe, optimizer=rule, lr=lr, steps=steps, steps_per_epoch=every))  # type: ignore[arg-type]
        for rule, lr in rates
    )
    tuned = min((done for done in runs if done.rule == "adam"), key=lambda done: done.last)
    long_run = run(replace(recipe, optimizer="adam", lr=tuned.lr, steps=floor_steps, steps_per_epoch=every))
    floor = min(min(done.losses) for done in (*runs, long_run))
    return Comparison(floor=floor, long_run=long_run, runs=runs, seed=seed)


class _Recorder(Callback):
    """Measures the loss after each epoch, on fixed images with fixed noise."""

    def __init__(self, batch: Batch, seed: int) -> None:
        self.batch, self.seed = batch, seed
        self.steps: list[int] = []
        self.losses: list[float] = []

    def on_begin(self, trainer: Trainer, epochs: int) -> None:
        self._measure(trainer)

    def on_epoch(self, trainer: Trainer, metrics: Metrics) -> None:
        self._measure(trainer)

    def _measure(self, trainer: Trainer) -> None:
        state = random.get_rng_state()
        random.manual_seed(self.seed)
        try:
            loss = evaluate(trainer.model, [self.batch], trainer.objective)["loss"]
        finally:
            random.set_rng_state(state)
        self.steps.append(trainer.step)
        self.losses.append(loss)


def _descend(recipe: Recipe, data: LabelledImages, measured: Batch, every: int, seed: int) -> Descent:
    """Train, and measure on the way."""
    trainer = make_trainer(recipe, data, seed)
    recorder = _Recorder(measured, seed)
    trainer.callbacks = [recorder]
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # the trainer stops at what is not finite
            trainer.fit(recipe.epochs)
    except AnomalyError:  # it diverged
        left = range(recorder.steps[-1] + every, recipe.steps + 1, every)
        recorder.steps += left
        recorder.losses += [math.inf] * len(left)
    return Descent(rule=recipe.optimizer, lr=recipe.lr, steps=tuple(recorder.steps), losses=tuple(recorder.losses))


def plot_descent(ax: "Axes", comparison: Comparison) -> "Axes":
    """Draw the distance to the floor over the steps, logarithmically: Adam, and SGD at each learning rate."""
    best = {rule: comparison.best(rule) for rule in ("adam", "sgd")}
    for run in comparison.runs:
        above = [loss - comparison.floor for loss in run.losses]
        chosen = run is best[run.rule]
        label = f"{'Adam' if run.rule == 'adam' else 'SGD'}, lr {run.lr:g}" + (" (best)" if chosen else "")
        colour = "tab:blue" if run.rule == "adam" else "tab:orange"
        ax.plot(run.steps, above, color=colour, alpha=1.0 if chosen else 0.4, label=label)
    ax.set(yscale="log", xlabel="steps", ylabel=f"loss above the floor ({comparison.floor:.2f}), nats an image")
    ax.legend()
    return ax
