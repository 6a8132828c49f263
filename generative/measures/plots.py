"""Charts of a report, drawn by matplotlib: curves of a training, and how well each class is read.

Functions take axes and data and return the axes. Matplotlib is loaded when it is needed, for nothing else needs it:
``pip install "game2048[plots]"``.
"""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from generative.errors import GenerativeError
from generative.image_model import Images
from nets.intervals import wilson

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NOT_CURVES: Final = frozenset({"epoch", "step", "lr", "grad_norm", "examples_per_second", "seconds"})
"""What metrics.jsonl has beside losses and other measures."""
LOG_RANGE: Final = 20
"""Curves that fall to less than one part in so many are drawn on a logarithmic axis."""


class Colours(NamedTuple):
    """What a chart is drawn in."""

    ink: str
    accent: str
    muted: str


ON_WHITE: Final = Colours("#1b1b1f", "#0b5fa5", "#6d6d78")
# Colours that nothing else has; in an SVG each becomes a variable of the page, which knows whether it is light or dark.
_VARIABLE: Final = Colours("#010203", "#040506", "#070809")
_VARIABLES: Final = {"#010203": "var(--ink)", "#040506": "var(--accent)", "#070809": "var(--muted)"}


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure of so many inches, which belongs to no window.

    Raises
    ------
    GenerativeError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise GenerativeError('reports need matplotlib; install it with: pip install "game2048[plots]"') from None
    return Figure(figsize=(width, height), layout="constrained")


def curve_names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what of the rows of a metrics.jsonl can be drawn, the loss first."""
    names = {name: None for row in rows for name, value in row.items() if isinstance(value, int | float)}
    return sorted((name for name in names if name not in NOT_CURVES), key=lambda name: name != "loss")


def plot_curve(ax: "Axes", rows: Sequence[Mapping[str, Any]], name: str, colours: Colours = ON_WHITE) -> "Axes":
    """Draw one measure over the steps of a training."""
    found = [row for row in rows if name in row]
    steps = np.array([row["step"] for row in found], float)
    values = np.array([row[name] for row in found], float)
    ax.plot(steps, values, color=colours.accent, linewidth=1.6, marker="o" if len(found) < 2 else "", markersize=3)
    if values.min() > 0 and values.max() > LOG_RANGE * values.min():
        ax.set_yscale("log")
    ax.set_title(name.replace("_", " "), color=colours.ink, fontsize=10, loc="left")
    ax.set_xlabel("steps", color=colours.muted, fontsize=9)
    return _plain(ax, colours)


def plot_class_accuracy(
    ax: "Axes",
    classes: Sequence[str],
    made: Sequence[float],
    real: Sequence[float],
    per_class: int,
    colours: Colours = ON_WHITE,
) -> "Axes":
    """Draw how many images of each class are read right, with 95 % intervals, and how many real ones."""
    rows, parts = np.arange(len(classes)), np.asarray(made)
    low, high = wilson(parts, per_class)
    ax.hlines(rows, 100 * low, 100 * high, color=colours.accent, linewidth=1.4)
    ax.plot(100 * parts, rows, "o", color=colours.accent, markersize=4.5, label="made, with 95 % interval")
    ax.plot(100 * np.asarray(real), rows, "D", color=colours.muted, markerfacecolor="none", markersize=5, label="real")
    ax.set_yticks(rows, [literal(name) for name in classes])
    ax.set_ylim(len(classes) - 0.4, -0.6)
    ax.set_xlim(right=100.8)
    ax.set_xlabel("% read as what was asked for", color=colours.muted, fontsize=9)
    ax.grid(axis="y", color=colours.muted, alpha=0.15, linewidth=0.6)
    legend = ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False, fontsize=9)
    for text in legend.get_texts():
        text.set_color(colours.ink)
    return _plain(ax, colours)


def plot_sheet(ax: "Axes", images: Images, labels: Sequence[str], columns: int, colours: Colours = ON_WHITE) -> "Axes":
    """Draw images row by row, the name of a class before each row."""
    sheet = tiled(images, columns)
    height = sheet.shape[0] / len(labels)
    ax.imshow(1 - sheet, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks(
        (np.arange(len(labels)) + 0.5) * height, [literal(name) for name in labels], color=colours.ink, fontsize=9
    )
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def to_svg(draw: Callable[["Axes", Colours], Any], width: float, height: float, name: str) -> str:
    """Return a chart as an SVG element to stand in a page, in the page's colours and font.

    Parameters
    ----------
    draw : callable
        Draws on axes, in colours.
    width, height : float
        Inches, of 72 points each.
    name : str
        What is seen, for those who do not see it; and what makes its ids unlike those of other charts.
    """
    figure = new_figure(width, height)
    import matplotlib as mpl

    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "font.family": "sans-serif"}):
        draw(figure.subplots(), _VARIABLE)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _inline(buffer.getvalue(), name)


def tiled(images: Images, columns: int, gap: int = 0) -> npt.NDArray[np.float32]:
    """Return images side by side, row by row, as one.

    >>> tiled(np.array([[[1.0]], [[2.0]], [[3.0]]], np.float32), columns=2).tolist()
    [[1.0, 2.0], [3.0, 0.0]]
    """
    n, height, width = images.shape
    rows = -(-n // columns)
    sheet = np.zeros((rows * columns, height + gap, width + gap), np.float32)
    sheet[:n, :height, :width] = images
    sheet = sheet.reshape(rows, columns, height + gap, width + gap).swapaxes(1, 2)
    return sheet.reshape(rows * (height + gap), columns * (width + gap))


def literal(text: str) -> str:
    r"""Return a text in which matplotlib sees no formula.

    >>> print(literal("from $5 to $6"))
    from \$5 to \$6
    """
    return text.replace("$", r"\$")


def _plain(ax: "Axes", colours: Colours) -> "Axes":
    """Take away what is not needed, and colour what is left."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(colours.muted)
    ax.tick_params(which="both", color=colours.muted, labelcolor=colours.ink, labelsize=9)
    return ax


def _inline(svg: str, name: str) -> str:
    """Return an SVG file as an element: variable colours, ids of its own, a label."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, variable)
    prefix = re.sub(r"\W+", "-", name)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\1{prefix}-", svg)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    # The page's own font, whichever family matplotlib names.
    svg = re.sub(r"font: ([^;\"]*?)px [^;\"]*", r"font-size: \1px", svg)
    return svg.replace("<svg", f'<svg role="img" aria-label="{_escaped(name)}"', 1)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
