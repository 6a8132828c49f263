"""Saving and loading models, and exchanging weights with PyTorch.

`save` writes weights and the configuration that `nets.models.build` needs, in one safetensors file, and `load`
restores the whole model from it. Our names of parameters are PyTorch's, so weights pass both ways without a table of
names::

    nets.save_weights(model, "weights.safetensors")        # then, in PyTorch:
    torch_model.load_state_dict(safetensors.torch.load_file("weights.safetensors"))

    safetensors.torch.save_file(torch_model.state_dict(), "weights.safetensors")
    nets.load_weights(model, "weights.safetensors")

Nothing here reads a pickle, and a file that does not fit leaves the model as it was.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from nets import models
from nets.errors import ArgumentError, CheckpointError
from nets.files import write_atomically
from nets.layers.module import Buffer, Module, Parameter
from nets.tensor import Tensor
from nets.tensorfile import Arrays, StrPath, is_zip, read_npz, read_tensors, write_tensors

FORMAT: Final = "nets model"
VERSION: Final = 1
FILE_NAME: Final = "model.safetensors"
Rename = Mapping[str, str] | Callable[[str], str | None]


def save(
    model: Module, path: StrPath, config: Mapping[str, Any] | None = None, notes: Mapping[str, Any] | None = None
) -> None:
    """Save a model, atomically.

    Parameters
    ----------
    model : Module
    path : path
        A file; its folder is made.
    config : mapping, optional
        What `nets.models.build` makes such a model from; by default ``model.config``, which it sets. A model of your
        own class has one if you `nets.models.register` a function that builds it. Without a configuration the file
        holds the weights only, for `load_weights`.
    notes : mapping, optional
        Anything else to remember, of JSON's types.

    Raises
    ------
    ArgumentError
        If ``config`` does not name a registered model.
    CheckpointError, OSError
        If the file cannot be written; one that was there stays whole.
    """
    config = getattr(model, "config", None) if config is None else config
    if config is not None and config.get("model") not in models.MODELS:
        raise ArgumentError(f"config must name a registered model as 'model', got {config.get('model')!r}")
    header = {
        "format": FORMAT,
        "version": VERSION,
        "config": None if config is None else dict(config),
        "notes": dict(notes or {}),
    }
    write_tensors(path, model.state_dict(), header)


def load(path: StrPath) -> Module:
    """Build the model that `save` wrote, with its weights, ready for use (``model.eval()``).

    Parameters
    ----------
    path : path
        The file, or the folder of a run that has a ``model.safetensors``.

    Raises
    ------
    CheckpointError
        If the file is damaged, of another format or version, without a configuration, or of a model that is not
        registered here; or if its weights do not fit the configuration.
    """
    path = _file(path)
    tensors, header = read_tensors(path)
    config = _config(path, header)
    try:
        _check_size(config, tensors)
        # A generator of its own, so that loading leaves the common stream of random numbers alone.
        model = models.build_from(config, generator=np.random.default_rng(0))
    except (ArgumentError, MemoryError, TypeError) as error:
        raise CheckpointError(f"{path}: no model can be built from its configuration: {error}") from error
    if {array.dtype for array in tensors.values() if array.dtype.kind == "f"} == {np.dtype(np.float64)}:
        model.to(np.float64)
    _fit(model, path, tensors, strict=True)
    return model.eval()


def read_notes(path: StrPath) -> dict[str, Any]:
    """Return the notes that `save` was given."""
    path = _file(path)
    header = read_tensors(path)[1]
    _config(path, header)
    return dict((header or {}).get("notes") or {})


def save_weights(model: Module, path: StrPath) -> None:
    """Write ``model.state_dict()`` to a plain safetensors file, which PyTorch's users can read.

    Raises
    ------
    CheckpointError, OSError
        If it cannot be written.
    """
    write_tensors(path, model.state_dict())


def load_weights(model: Module, path: StrPath, strict: bool = True, rename: Rename | None = None) -> None:
    """Copy weights into a model from a safetensors file of ours or of PyTorch's users, or from `export_npz`.

    Parameters
    ----------
    model : Module
        Changed in place, if everything fits.
    path : path
        What kind of file it is, its content tells.
    strict : bool
        Whether the names must be the same on both sides; otherwise only common ones are copied.
    rename : mapping or callable, optional
        From names in the file to names in the model: a dictionary of those that differ, or a function, which may
        return None for what to leave out.

    Raises
    ------
    CheckpointError
        If the file cannot be read, or names, shapes or kinds of numbers differ; it names the tensor and both shapes.

    Notes
    -----
    float16, float32 and float64 are converted into each other, as PyTorch does; floats and ints are not.
    """
    path = _file(path)
    if is_zip(path):
        shapes = {name: tensor.shape for name, tensor in _own(model).items()}
        tensors = read_npz(path, lambda name, shape: shapes.get(_new_name(name, rename) or "") == shape)
    else:
        tensors = read_tensors(path)[0]
    _fit(model, path, _renamed(path, tensors, rename), strict)


def export_npz(model: Module, path: StrPath) -> None:
    """Write ``model.state_dict()`` as an npz archive, which NumPy alone can read.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:  # given a path, NumPy would add its own ending
            np.savez(file, **model.state_dict())  # type: ignore[arg-type]  # arrays by name

    write_atomically(path, write)


def _file(path: StrPath) -> Path:
    path = Path(path)
    return path / FILE_NAME if path.is_dir() else path


def _config(path: Path, header: dict[str, Any] | None) -> dict[str, Any]:
    """Return the configuration in a header that `save` wrote."""
    if header is None or header.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} was not written by nets.save(); weights alone go into a model with nets.load_weights()"
        )
    if header.get("version") != VERSION:
        raise CheckpointError(f"{path} has format version {header.get('version')}, this program reads {VERSION}")
    config = header.get("config")
    if config is None:
        raise CheckpointError(f"{path} holds weights only; build the model and use nets.load_weights()")
    if not isinstance(config, dict):
        raise CheckpointError(f"{path}: the configuration must be an object, got {type(config).__name__}")
    return config


def _check_size(config: Mapping[str, Any], tensors: Arrays) -> None:
    """Raise ArgumentError if a model has more weights than there are, before any memory is taken for it."""
    needed, given = models.count_parameters(config), sum(array.size for array in tensors.values())
    if needed > given:
        raise ArgumentError(f"weights are missing: it asks for {needed}, the file has {given}")


def _own(model: Module) -> dict[str, Tensor]:
    return {name: tensor for kind in (Parameter, Buffer) for name, tensor in model._named(kind)}


def _new_name(old: str, rename: Rename | None) -> str | None:
    if rename is None:
        return old
    return rename(old) if callable(rename) else rename.get(old, old)


def _renamed(path: Path, tensors: Arrays, rename: Rename | None) -> Arrays:
    if rename is None:
        return tensors
    result: Arrays = {}
    for old, array in tensors.items():
        new = _new_name(old, rename)
        if new in result:
            raise CheckpointError(f"{path}: two tensors are renamed to {new}, one of them {old}")
        if new is not None:
            result[new] = array
    return result


def _fit(model: Module, path: Path, tensors: Arrays, strict: bool) -> None:
    """Copy the tensors into the model, or raise and leave it as it is."""
    own = _own(model)
    for name in own.keys() & tensors.keys():
        have, want = tensors[name], own[name]
        if have.shape != want.shape:
            continue  # load_state_dict says so
        if (have.dtype.kind == "f") != (want.dtype.kind == "f"):
            raise CheckpointError(
                f"{path}: tensor {name}: the file has {have.dtype} {have.shape}, "
                f"the model has {want.dtype} {want.shape}"
            )
        with np.errstate(over="ignore"):
            if have.dtype.kind == "f" and not np.isfinite(have.astype(want.dtype)).all():
                raise CheckpointError(f"{path}: tensor {name} holds values that are not finite in {want.dtype}")
    try:
        model.load_state_dict(tensors, strict)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
