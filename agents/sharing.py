"""From a run to a network that others can play with."""

from pathlib import Path

from agents import compact
from agents.checkpoint import FILE_NAME, load_values
from agents.ntuple import Values
from agents.training import SETTINGS_NAME
from nets.checkpoint import FILE_NAME as MODEL_NAME
from nets.files import write_json


def compact_run(folder: Path, out: Path, *, unit: float | None = None) -> Values:
    """Write the network of a run into a folder of its own, as a run that plays but does not learn; return it.

    Parameters
    ----------
    folder : Path
        The run.
    out : Path
        Where `compact.FILE_NAME` and settings for people go; made if need be.
    unit : float, optional
        Points, see `agents.compact.compact`.

    Raises
    ------
    NoCheckpointError, CheckpointError
        If there is no network in ``folder`` that can be used.
    ValueError
        If ``unit`` is none, or ``out`` holds a run that learns, whose settings would be lost.
    OSError
        If the files cannot be written.
    """
    for name in (FILE_NAME, MODEL_NAME):
        if (out / name).exists():
            raise ValueError(f"out must not hold a run, {out} has a {name}")
    values, header = load_values(folder)
    small = compact.compact(values, unit)
    played = {count: header[count] for count in compact.PLAYED}
    compact.save_compact(small, played, out / compact.FILE_NAME)
    settings = {"algorithm": "td", "network": small.network.name, "compact": float(small.unit), **played}
    write_json(out / SETTINGS_NAME, settings)
    return small
