"""``game2048 curves``."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import tyro

from cli.common import option, stdout
from cli.drawing import check_figure, new_figure, save
from cli.errors import CliError, UsageError, require

if TYPE_CHECKING:
    from agents.learning_curves import LearningCurve

MAX_MOVES: Final = 1e18


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Draw how fast n-tuple networks learned: mean scores of training games over games, moves and CPU time.

    With --until the curve of one run is fitted and extrapolated, beside the published records. The numbers of every
    figure are saved beside it as JSON. Needs matplotlib: pip install "game2048[plots]".
    """

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN ...")]
    """Folders of training runs."""
    out: Path = Path("curves.png")
    """File of the figure: .png, .svg or .pdf."""
    until: Annotated[float | None, option("MOVES")] = None
    """Extrapolate the curve of a single run to so many training moves, such as 1e11."""
    decades: float = 1.0
    """With --until: how much of the end of the curve is fitted, in powers of ten of its moves."""
    evaluated: Annotated[Path | None, option("FILE")] = None
    """With --until: what 'game2048 evaluate RUN --suite paper --json' printed, for players that search."""

    def run(self) -> None:
        """Draw, and save the numbers."""
        if not self.runs:
            raise UsageError("curves needs at least one RUN")
        if self.until is None and self.evaluated is not None:
            raise UsageError("--evaluated is for an extrapolation: it needs --until")
        if self.until is not None:
            require("--until", self.until, 1, MAX_MOVES)
            if len(self.runs) > 1:
                raise UsageError(f"--until is for a single run, got {len(self.runs)}")
        require("--decades", self.decades, 0.1, 10)
        check_figure("--out", self.out)
        if self.evaluated is not None and self.evaluated.resolve() == self._numbers.resolve():
            raise UsageError(
                f"the numbers of the figure {self.out} would overwrite {self.evaluated}; name another --out"
            )
        curves = [read_run(run) for run in self.runs]
        numbers = self._draw(curves) if self.until is None else self._extrapolate(curves[0], self.until)
        from nets.files import write_json

        write_json(self._numbers, numbers)
        stdout.print(f"The figure is {self.out}, its numbers are beside it.", soft_wrap=True)

    @property
    def _numbers(self) -> Path:
        """The file of the numbers."""
        return self.out.with_suffix(".json")

    def _draw(self, curves: "list[LearningCurve]") -> Any:
        from agents.figures import draw_curves

        panels = ["games", "moves", "cpu_seconds" if all("cpu_seconds" in c.over for c in curves) else "seconds"]
        figure = new_figure(4 * len(panels), 3.6)
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for ax, over in zip(axes, panels, strict=True):
            draw_curves(ax, curves, over)
        axes[0].set_ylim(bottom=0)
        axes[0].set_ylabel("mean score of training games")
        axes[0].legend(frameon=False, fontsize=8)
        save(figure, self.out)
        return [curve.to_json() for curve in curves]

    def _extrapolate(self, curve: "LearningCurve", until: float) -> Any:
        from agents.figures import draw_extrapolation
        from agents.learning_curves import extrapolate

        factors = {} if self.evaluated is None else search_factors(self.evaluated)
        try:
            further = extrapolate(curve, until, self.decades)
        except ValueError as error:
            raise CliError(str(error)) from None
        figure = new_figure(7.2, 4.8)
        draw_extrapolation(figure.subplots(), curve, further, factors)
        save(figure, self.out)
        return {"curve": curve.to_json(), "extrapolation": further.to_json(), "search_factors": factors}


def read_run(folder: Path) -> "LearningCurve":
    """Return the learning curve of a run."""
    from agents.learning_curves import read_curve

    path = folder / "metrics.jsonl"
    if not path.is_file():
        raise CliError(f"no run in {folder}: there is no metrics.jsonl (train one with: game2048 train)")
    curve = read_curve(path, folder.name)
    if curve is None:
        raise CliError(f"{path} tells nothing of an n-tuple network that learned")
    return curve


def search_factors(file: Path) -> dict[str, float]:
    """Return the mean scores of the rows of a suite after the first, as multiples of that of the first."""
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
        means = [(str(row["row"]), float(row["mean"])) for row in rows]
        if not means or not all(0 < mean < MAX_MOVES for _, mean in means):  # nan is not
            raise ValueError("a mean score is none")
        return {name: mean / means[0][1] for name, mean in means[1:]}
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise CliError(f"{file} is not what 'game2048 evaluate RUN --suite paper --json' prints") from None
