"""All that a `nets.training.Trainer` needs to go on bit for bit, in one safetensors file.

=================  ==================================================================================================
tensors            content
=================  ==================================================================================================
``model.*``        parameters and buffers
``optimizer.*``    the optimiser's arrays, its learning rate and count
``ema.*``          averaged weights, where there are
``best.*``         parameters and buffers of the best epoch, where there was a validation
=================  ==================================================================================================

The header has the format, the counts, the sums of the present epoch, the schedule, where the loader is, and the state
of every random stream: the common one, those of modules (dropout), and those of the loader and its transform.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nets.data.generators import Stateful, get_state, set_state
from nets.errors import CheckpointError, NetsError
from nets.layers.module import Module
from nets.random import get_rng_state, set_rng_state
from nets.tensorfile import Arrays, read_tensors, write_tensors

if TYPE_CHECKING:
    from nets.training import Trainer

FORMAT: Final = "nets training"
VERSION: Final = 1


def save_checkpoint(trainer: "Trainer", path: Path) -> None:
    """Write the state of a trainer, atomically.

    Raises
    ------
    CheckpointError, OSError
        If it cannot be written; the checkpoint that was there stays whole.
    """
    write_tensors(path, *_state(trainer))


def load_checkpoint(trainer: "Trainer", path: Path) -> None:
    """Bring a trainer that was set up in the same way into the state of a file; if that fails, nothing changes.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, or of another set-up.
    """
    tensors, header = read_tensors(path)
    if header is None or header.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not a checkpoint of a training run")
    if header.get("version") != VERSION:
        raise CheckpointError(f"{path} has format version {header.get('version')}, this program reads {VERSION}")
    before, shown = _state(trainer), trainer.model.state_dict()
    try:
        _apply(trainer, tensors, header)
    except (NetsError, KeyError, TypeError, ValueError, AttributeError) as error:
        _apply(trainer, *before)
        trainer.model.load_state_dict(shown)
        reason = error if isinstance(error, NetsError) else f"the header is damaged: {error!r}"
        raise CheckpointError(f"{path} does not fit this run: {reason}") from error
    trainer.raw_state = None


def _state(trainer: "Trainer") -> tuple[Arrays, dict[str, Any]]:
    parts: dict[str, Any] = {
        "model": trainer.raw_state or trainer.model.state_dict(),
        "optimizer": trainer.optimizer.state_dict(),
    }
    if trainer.ema is not None:
        parts["ema"] = trainer.ema.state_dict()
    if trainer.best_state is not None:
        parts["best"] = trainer.best_state
    header = {
        "format": FORMAT,
        "version": VERSION,
        "epoch": trainer.epoch,
        "step": trainer.step,
        "stale": trainer.stale,
        "best": trainer.best,
        "seconds": trainer.seconds,
        "means": vars(trainer.means).copy(),
        "schedule": None if trainer.schedule is None else trainer.schedule.state_dict(),
        "loader": trainer.loader.state_dict() if isinstance(trainer.loader, Stateful) else None,
        "random": get_rng_state(),
        "generators": {name: get_state(generator) for name, generator in _generators(trainer.model).items()},
    }
    return {f"{part}.{name}": array for part, arrays in parts.items() for name, array in arrays.items()}, header


def _apply(trainer: "Trainer", tensors: Arrays, header: dict[str, Any]) -> None:
    parts: dict[str, Arrays] = {}
    for key, array in tensors.items():
        part, _, name = key.partition(".")
        parts.setdefault(part, {})[name] = array
    generators = _generators(trainer.model)
    _same("ema", trainer.ema is not None, "ema" in parts)
    _same("schedule", trainer.schedule is not None, header["schedule"] is not None)
    _same("generators", sorted(generators), sorted(header["generators"]))
    best = parts.get("best")
    present = trainer.model.state_dict()
    if best is not None:
        trainer.model.load_state_dict(best)  # only to see whether it fits
        trainer.model.load_state_dict(present)
    trainer.model.load_state_dict(parts["model"])
    trainer.optimizer.load_state_dict(parts["optimizer"])
    if trainer.ema is not None:
        trainer.ema.load_state_dict(parts["ema"])
    if trainer.schedule is not None:
        trainer.schedule.load_state_dict(header["schedule"])
    set_rng_state(header["random"])
    for name, generator in generators.items():
        set_state(generator, header["generators"][name])
    if isinstance(trainer.loader, Stateful):
        trainer.loader.load_state_dict(header["loader"])
    trainer.epoch, trainer.step, trainer.stale = (int(header[name]) for name in ("epoch", "step", "stale"))
    trainer.seconds = float(header["seconds"])
    means = header["means"]
    trainer.means.n, trainer.means.batches = int(means["n"]), int(means["batches"])
    trainer.means.sums = {str(name): float(value) for name, value in means["sums"].items()}
    trainer.best = None if header["best"] is None else dict(header["best"])
    trainer.best_state = best


def _generators(model: Module) -> dict[str, np.random.Generator]:
    """Return the generators that modules of a model draw from, by name."""
    return {
        f"{prefix}.{name}" if prefix else name: value
        for prefix, module in model.named_modules()
        for name, value in vars(module).items()
        if isinstance(value, np.random.Generator)
    }


def _same(name: str, have: Any, saved: Any) -> None:
    if have != saved:
        raise CheckpointError(f"{name}: this run has {have}, the checkpoint has {saved}")
