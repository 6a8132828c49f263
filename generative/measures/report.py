"""A page on a trained model: its images, its figures beside known ones, its training; as HTML, and as one picture.

The page is one file that asks for nothing else, light or dark as the reader's device is, and fits a phone.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from generative.image_model import Images
from generative.measures import plots
from generative.measures.evaluate import evaluate, evaluate_images, read_images
from generative.measures.evaluation import Evaluation, Row
from nets.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Evaluation", "evaluate", "evaluate_images", "read_images", "write_html", "write_png"]

PAIRS_A_ROW: Final = 13


def write_html(evaluation: Evaluation, path: str | Path) -> None:
    """Write the page.

    Raises
    ------
    GenerativeError
        If matplotlib is not installed.
    OSError
        If it cannot be written; one that was there stays whole.
    """
    text = render_html(evaluation)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_png(evaluation: Evaluation, path: str | Path) -> None:
    """Write the picture; raises as `write_html` does."""
    figure = plots.new_figure(15, 10.5)
    columns = figure.add_gridspec(1, 2, width_ratios=[1, 1.55])
    _draw_sheet(figure.add_subplot(columns[0]), evaluation)
    stages = len(evaluation.curves)
    grid = columns[1].subgridspec(2 + bool(stages), 1, height_ratios=[1] * bool(stages) + [1.7, 1.3])
    if stages:
        curves = grid[0].subgridspec(1, stages)
        for i, (stage, rows) in enumerate(evaluation.curves.items()):
            ax = plots.plot_curve(figure.add_subplot(curves[i]), rows, plots.curve_names(rows)[0])
            ax.set_title(plots.literal(f"{stage}: {plots.curve_names(rows)[0]}"), fontsize=10, loc="left")
    _draw_accuracy(figure.add_subplot(grid[-2]), evaluation)
    _draw_table(figure.add_subplot(grid[-1]), evaluation)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda file: figure.savefig(file, format="png", dpi=110, metadata={"Software": None}))


def render_html(evaluation: Evaluation) -> str:
    """Return the page as text."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("generative.measures"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": _percent, "number": _number, "mistakes": _mistakes}
    charts = {name: Markup(svg) for name, svg in _charts(evaluation).items()}  # noqa: S704  # our own SVG
    return environment.get_template("report.html").render(
        e=evaluation,
        chosen=_chosen(evaluation),
        errors=any(row.figures.reconstruction_error is not None for row in evaluation.rows),
        strips=_strips(evaluation),
        pairs=_pairs(evaluation),
        accuracy_chart=charts.pop("accuracy"),
        curves=charts,
        kinds={"model": "", "reconstruction": "", "other": "others", "calibration": "known images"},
        settings=_settings(evaluation),
    )


# --- what the page shows ---


def _chosen(evaluation: Evaluation) -> list[tuple[str, str, str]]:
    """Return the figures at the top: name, value, what to compare it with."""
    f, known = evaluation.figures, {row.name: row.figures for row in evaluation.rows if row.kind == "calibration"}
    real = known["real training images"]
    distance = ("Fréchet distance", _number(f.frechet), f"{_number(evaluation.frechet_ratio(f))} of blurred")
    sharpness = ("sharpness", _number(f.sharpness), "real 1")
    if not evaluation.conditional:
        return [distance, sharpness]
    worst, real_worst = evaluation.classes[f.worst_class], evaluation.classes[real.worst_class]
    return [
        ("read right", _percent(f.accuracy), f"real {_percent(real.accuracy)}"),
        (f"worst class, {worst}", _percent(f.worst_accuracy), f"real {real_worst}: {_percent(real.worst_accuracy)}"),
        distance,
        ("coverage", _number(f.coverage), f"real {_number(real.coverage)}"),
        ("recall", _number(f.recall), f"real {_number(real.recall)}"),
        ("diversity", _number(f.diversity), "real 1"),
        sharpness,
    ]


def _strips(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return the contact sheet, class by class."""
    shown = len(evaluation.samples) // len(evaluation.classes)
    return [
        {
            "name": name,
            "accuracy": evaluation.figures.class_accuracy[i],
            "real": evaluation.real_accuracy[i],
            "mistakes": evaluation.worst_confusions(i)[:3],
            "image": _data_uri(plots.tiled(evaluation.samples[i * shown : (i + 1) * shown], shown)),
        }
        for i, name in enumerate(evaluation.classes)
    ]


def _pairs(evaluation: Evaluation) -> dict[str, list[str]]:
    """Return rows of images above those that they are compared with."""
    found: dict[str, list[str]] = {}
    if evaluation.neighbours is not None:
        found["neighbours"] = _rows_of_pairs(evaluation.neighbours.images, evaluation.neighbours.found)
    if evaluation.originals is not None and evaluation.reconstructions is not None:
        found["reconstructions"] = _rows_of_pairs(evaluation.originals, evaluation.reconstructions)
    return found


def _rows_of_pairs(above: Images, below: Images) -> list[str]:
    starts = range(0, len(above), PAIRS_A_ROW)
    rows = [(above[i : i + PAIRS_A_ROW], below[i : i + PAIRS_A_ROW]) for i in starts]
    return [_data_uri(np.concatenate([plots.tiled(x, PAIRS_A_ROW) for x in row])) for row in rows]


def _charts(evaluation: Evaluation) -> dict[str, str]:
    """Return all charts as SVG, the accuracy of classes and the curves of each stage."""
    height = 0.9 + 0.19 * len(evaluation.classes)
    charts = {
        "accuracy": plots.to_svg(
            lambda ax, colours: _draw_accuracy(ax, evaluation, colours), 5.0, height, "accuracy of each class"
        )
    }
    for stage, rows in evaluation.curves.items():
        for name in plots.curve_names(rows):
            title = f"{stage}: {name.replace('_', ' ')}"
            charts[title] = plots.to_svg(partial(_draw_curve, rows=rows, name=name), 4.2, 2.4, title)
    return charts


def _settings(evaluation: Evaluation) -> dict[str, Mapping[str, Any]]:
    """Return what the training was, in groups."""
    groups: dict[str, Mapping[str, Any]] = {}
    recipe = evaluation.recipe
    if recipe is not None:
        stages = {"autoencoder": recipe.autoencoder, "training": recipe}
        for name, stage in stages.items():
            if stage is not None:
                hidden = ("autoencoder", "family", "settings", "objective")
                groups[name] = {
                    **{key: value for key, value in vars(stage).items() if key not in hidden},
                    **{f"objective: {key}": value for key, value in stage.objective.items()},
                }
    groups["model"] = _flat(evaluation.settings)
    sampling: dict[str, Any] = {"seed": evaluation.seed, **evaluation.options}
    if evaluation.training_seed is not None:
        sampling = {"seed of the training": evaluation.training_seed, **sampling}
    groups["seeds and sampling"] = sampling
    return {name: group for name, group in groups.items() if group}


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings side by side, without the names of classes."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}: ")
        elif key != "classes":
            flat[prefix + key] = value
    return flat


def _data_uri(image: Any) -> str:
    """Return an image, ink 1 on paper 0, as a PNG in a URI, dark on white."""
    buffer = io.BytesIO()
    Image.fromarray((255 * (1 - np.clip(image, 0, 1))).round().astype(np.uint8)).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _percent(value: float) -> str:
    return f"{100 * value:.1f}\N{NO-BREAK SPACE}%"


def _mistakes(found: Sequence[tuple[str, float]]) -> str:
    r"""Return what a class is taken for.

    >>> print(_mistakes([("L", 0.182), ("J", 0.02)]).replace("\N{NO-BREAK SPACE}", " "))
    L (18.2 %), J (2.0 %)
    """
    return ", ".join(f"{name} ({_percent(part)})" for name, part in found)


def _number(value: float | None) -> str:
    """Return three digits that matter.

    >>> _number(0.0317), _number(0.948), _number(22.96), _number(None)
    ('0.032', '0.95', '23.0', '')
    """
    if value is None:
        return ""
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


# --- parts of the picture ---


def _draw_curve(ax: "Axes", colours: plots.Colours, *, rows: Sequence[Mapping[str, Any]], name: str) -> "Axes":
    return plots.plot_curve(ax, rows, name, colours)


def _draw_sheet(ax: "Axes", evaluation: Evaluation) -> None:
    shown = len(evaluation.samples) // len(evaluation.classes)
    plots.plot_sheet(ax, evaluation.samples, evaluation.classes, shown).set_anchor("N")
    ax.set_title(
        plots.literal(f"{evaluation.title}: {evaluation.what}, seed {evaluation.seed}"), fontsize=11, loc="left"
    )


def _draw_accuracy(ax: "Axes", evaluation: Evaluation, colours: plots.Colours = plots.ON_WHITE) -> "Axes":
    f = evaluation.figures
    return plots.plot_class_accuracy(
        ax, evaluation.classes, f.class_accuracy, evaluation.real_accuracy, f.per_class, colours
    )


def _draw_table(ax: "Axes", evaluation: Evaluation) -> None:
    head = (
        "",
        "read right",
        "worst",
        "Fréchet",
        "÷ blurred",
        "coverage",
        "recall",
        "density",
        "diversity",
        "sharpness",
    )
    rows = [_cells(evaluation, row) for row in evaluation.rows]
    ax.set_axis_off()
    table = ax.table([head, *rows], loc="center", cellLoc="right", edges="open", colWidths=[0.36, *[0.085] * 9])
    table.auto_set_font_size(False)
    table.set_fontsize(8.5)
    table.scale(1, 1.25)
    for (row, column), cell in table.get_celld().items():
        cell.get_text().set_fontweight("bold" if row == 1 else "normal")
        cell.get_text().set_color(plots.ON_WHITE.muted if row == 0 else plots.ON_WHITE.ink)
        if column == 0:
            cell.get_text().set_horizontalalignment("left")


def _cells(evaluation: Evaluation, row: Row) -> Sequence[str]:
    f = row.figures
    worst = f"{plots.literal(evaluation.classes[f.worst_class])}: {100 * f.worst_accuracy:.0f} %"
    measures = (f.frechet, evaluation.frechet_ratio(f), f.coverage, f.recall, f.density, f.diversity, f.sharpness)
    return (plots.literal(row.name), _percent(f.accuracy), worst, *(_number(value) for value in measures))
