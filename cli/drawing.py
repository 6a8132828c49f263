"""Figures of commands: what they need is told before the work, and files are whole or not there."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.common import prepare_file
from cli.errors import CliError, UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS: Final = (".png", ".svg", ".pdf")


def check_figure(name: str, path: Path) -> None:
    """Check the option that names the file of a figure, and make its folder."""
    if path.suffix not in FORMATS:
        raise UsageError(f"{name} must end in {', '.join(FORMATS)}, got {path}")
    prepare_file(path)


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure of so many inches, which belongs to no window."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise CliError('figures need matplotlib; install it with: pip install "game2048[plots]"') from None
    return Figure(figsize=(width, height), layout="constrained")


def save(figure: "Figure", path: Path) -> None:
    """Write a figure, whole or not at all."""
    from nets.files import write_atomically

    write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=120, format=path.suffix[1:]))
