"""The picture of how adversarial training succeeds and fails: what is drawn, who wins, what is left to learn from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from generative.errors import SettingError
from generative.gan.diagnostics import ModeCoverage, history, mode_coverage
from generative.image_model import Images, load
from generative.measures.classifier import Floats, classify
from generative.measures.plots import literal, new_figure, tiled
from nets.layers import Module
from nets.metrics import read_metrics
from nets.training import METRICS_NAME

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS: Final = 8
"""Drawings side by side."""
SHOWN: Final = 64
"""Drawings in all."""
REAL, FAKE, SIGNAL, HEALTHY, PALE = "#2b6cb0", "#c05621", "#6b46c1", "#2f855a", "#a0aec0"


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """A GAN's training, and what came of it."""

    title: str
    """What it shows, in a few words."""
    rows: Sequence[Mapping[str, Any]]
    """The rows of its metrics.jsonl."""
    images: Images
    """Drawings for the eye; ndarray of float, shape (n, size, size)."""
    coverage: ModeCoverage
    """Of many more drawings."""


def load_run(title: str, folder: Path, classifier: Module, *, n: int = 1000, seed: int = 0) -> Run:
    """Load a finished run and look at what it draws.

    Parameters
    ----------
    title : str
    folder : path
        Of the run.
    classifier : Module
        See `generative.measures.classifier.classify`; of the same classes.
    n : int
        Drawings for the coverage, equally many of each class but for a remainder.
    seed : int
        Of the drawings.

    Raises
    ------
    ModelError
        If there is no finished run.
    """
    model = load(folder)
    n_classes = len(model.classes)
    images = model.sample(np.arange(n) % n_classes, generator=np.random.default_rng(seed))
    coverage = mode_coverage(images, classify(classifier, images), n_classes)
    return Run(title=title, rows=read_metrics(folder / METRICS_NAME), images=images[:SHOWN], coverage=coverage)


def plot_failures(runs: Sequence[Run], classes: Sequence[str]) -> "Figure":
    """Show runs side by side, each with its drawings, the classes that it draws, and its two curves.

    Parameters
    ----------
    runs : sequence of Run
        For example a collapsed one, one in which the discriminator won, and a healthy one.
    classes : sequence of str
        The names of the classes of the coverage.

    Raises
    ------
    SettingError
        If there is no run, or one without drawings.
    GenerativeError
        If matplotlib is not installed.
    """
    if not runs or not all(len(run.images) for run in runs):
        raise SettingError("runs must be at least one, each with drawings")
    figure = new_figure(3.6 * len(runs), 9.2)
    axes = figure.subplots(4, len(runs), squeeze=False, height_ratios=[3.4, 1.2, 1.5, 1.5])
    for column, run in zip(axes.T, runs, strict=True):
        curves = history(run.rows)
        draw_sheet(column[0], run.images, run.title)
        draw_classes(column[1], run.coverage, classes)
        draw_verdicts(column[2], curves)
        draw_signal(column[3], curves)
    for row in axes[1:]:
        _share_scale(row)
    return figure


def _share_scale(row: Sequence["Axes"]) -> None:
    """Give axes side by side one scale, so that runs can be compared, and only the first one a label."""
    limits = np.array([ax.get_ylim() for ax in row])
    for ax in row:
        ax.set_ylim(limits[:, 0].min(), limits[:, 1].max())
    for ax in row[1:]:
        ax.set_ylabel("")


def draw_sheet(ax: "Axes", images: Images, title: str) -> "Axes":
    """Show drawings, ink on paper."""
    n = len(images) - len(images) % COLUMNS or len(images)
    ax.imshow(1 - tiled(images[:n], min(n, COLUMNS)), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    ax.set_title(literal(title))
    ax.set_axis_off()
    return ax


def draw_classes(ax: "Axes", coverage: ModeCoverage, classes: Sequence[str]) -> "Axes":
    """Show how often each class is drawn; a line is where all would be drawn equally often."""
    places = np.arange(len(classes))
    ax.bar(places, 100 * coverage.shares, color=HEALTHY)
    ax.axhline(100 / len(classes), color=PALE, linewidth=1, linestyle="--")
    ax.set_xticks(places, [literal(name) for name in classes])
    ax.set_ylabel("% of drawings")
    ax.set_title(
        f"{coverage.reached} of {len(classes)} classes, entropy {coverage.entropy:.2f} of {np.log(len(classes)):.2f}",
        fontsize="medium",
    )
    return ax


def draw_verdicts(ax: "Axes", curves: Mapping[str, Floats]) -> "Axes":
    """Show how often the discriminator is right; at 50 % it can no longer tell."""
    ax.plot(curves["step"], 100 * curves["d_real"], color=REAL, label="real")
    ax.plot(curves["step"], 100 * curves["d_fake"], color=FAKE, label="drawn")
    ax.axhline(50, color=PALE, linewidth=1, linestyle="--")
    ax.set_ylim(0, 104)
    ax.set_ylabel("D is right, %")
    ax.legend(loc="lower right", frameon=False)
    return ax


def draw_signal(ax: "Axes", curves: Mapping[str, Floats]) -> "Axes":
    """Show the losses of both sides, and the slope |dL_G/df| that the generator learns from, on one scale."""
    ax.plot(curves["step"], np.abs(curves["d_loss"]), color=REAL, label="|L_D|")
    ax.plot(curves["step"], np.abs(curves["g_loss"]), color=FAKE, label="|L_G|")
    ax.plot(curves["step"], curves["g_signal"], color=SIGNAL, label="|dL_G/df|")
    ax.set_yscale("log")
    ax.set_ylabel("loss, slope")
    ax.set_xlabel("step")
    ax.legend(loc="best", frameon=False, fontsize="small")
    return ax
