"""Named arrays and a JSON header in one safetensors file, and nothing that could run code.

A safetensors file is eight bytes with the length n of a header, n bytes of JSON that say name, type, shape and place
of each tensor, and the numbers. The header has room for the text ``__metadata__``, where ours goes under the key
``nets``: so weights and what they mean are one file, which cannot be torn apart and is replaced as a whole.
"""

import json
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from nets.errors import CheckpointError
from nets.files import write_atomically

Arrays = dict[str, npt.NDArray[Any]]
StrPath = str | os.PathLike[str]
Wanted = Callable[[str, tuple[int, ...]], bool]

KEY: Final = "nets"
_DTYPES: Final = frozenset({"F16", "F32", "F64", "I8", "I16", "I32", "I64", "U8", "U16", "U32", "U64", "BOOL"})
_ZIP: Final = b"PK\x03\x04"
_READ_HEAD: Final[dict[tuple[int, int], Callable[..., Any]]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_DAMAGE: Final = (
    *(ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error, struct.error, MemoryError),
    RuntimeError,  # an archive with a password, or of a later kind; or brackets in brackets in a head
    *(TypeError, LookupError, AttributeError, SyntaxError),  # a head that is Python's, but not NumPy's
)
_PICKLE_PROTOCOLS: Final = range(2, 6)  # a pickle of an earlier protocol has no mark; it is damaged safetensors to us


def write_tensors(path: StrPath, tensors: Mapping[str, npt.ArrayLike], header: dict[str, Any] | None = None) -> None:
    """Write a file, atomically; folders are made.

    Raises
    ------
    CheckpointError, OSError
        If it cannot be written; a file that was there is still whole then.
    """
    path = Path(path)
    # Not ascontiguousarray, which would give a number an axis.
    rows = {name: np.array(tensor, order="C", copy=None) for name, tensor in tensors.items()}
    metadata = None if header is None else {KEY: json.dumps(header)}
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        write_atomically(path, lambda temporary: save_file(rows, temporary, metadata))
    except (SafetensorError, KeyError) as error:
        raise CheckpointError(f"{path} cannot be written: {error}") from error


def read_tensors(path: StrPath) -> tuple[Arrays, dict[str, Any] | None]:
    """Read a file of `write_tensors`, or any other safetensors file of numbers.

    The library checks that the header is at most 100 MB, lies within the file, and gives each tensor its own part of
    what follows, as long as shape and type ask for; so no file makes us take more memory than its length.

    Returns
    -------
    tensors : dict of str to ndarray
        Copies.
    header : dict or None
        None where another program wrote the file.

    Raises
    ------
    CheckpointError
        If it is not there, is damaged, holds what NumPy has no type for, or is a pickle.
    """
    path = Path(path)
    refuse_pickle(path)
    try:
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get(KEY)
            for name in file.keys():  # noqa: SIM118  # it is not a dict
                if (dtype := file.get_slice(name).get_dtype()) not in _DTYPES:
                    raise CheckpointError(
                        f"{path}: tensor {name} is of {dtype}, which NumPy does not have; write it as float32"
                    )
            tensors = {name: np.array(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
        header = None if text is None else json.loads(text)
    except (SafetensorError, ValueError, OSError, MemoryError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged, or not a safetensors file: {error}") from error
    if header is not None and not isinstance(header, dict):
        raise CheckpointError(f"{path} is damaged: its header must be an object, got {type(header).__name__}")
    return tensors, header


def read_npz(path: StrPath, wanted: Wanted = lambda name, shape: True) -> Arrays:
    """Read an npz archive of numbers; arrays of Python objects, which are pickles, are refused.

    An archive is compressed: a few bytes of it may become gigabytes. So the heads are read first, and an array only if
    it is wanted and its length is what its head says.

    Parameters
    ----------
    path : path
    wanted : callable
        (name, shape) -> whether to read an array. In place of another one comes an array of its shape and type that
        takes no memory: one zero, with stride 0.

    Raises
    ------
    CheckpointError
        If it is not there, is damaged, or holds anything else than numbers.
    """
    path = Path(path)
    refuse_pickle(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            return {name: _read_member(archive, info, name, wanted) for name, info in members.items()}
    except _DAMAGE as error:
        raise CheckpointError(f"{path} is damaged, or not an npz archive of numbers: {error}") from error


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, wanted: Wanted) -> npt.NDArray[Any]:
    """Read an array if it is wanted; see `read_npz`."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name} is compressed in a way that NumPy does not use")
    with archive.open(info) as member:
        shape, _, dtype = _READ_HEAD[np.lib.format.read_magic(member)](member)
        if dtype.kind not in "fiub" or min(shape, default=0) < 0:
            raise ValueError(f"{name} is of {dtype} and shape {shape}")
        expected = member.tell() + math.prod(shape) * dtype.itemsize
    if info.file_size != expected:
        raise ValueError(f"{name} has {info.file_size} bytes, its shape and type ask for {expected}")
    if not wanted(name, shape):
        return np.broadcast_to(np.zeros((), dtype), shape)
    with archive.open(info) as member:
        array: npt.NDArray[Any] = np.lib.format.read_array(member, allow_pickle=False)
    return array


def is_zip(path: Path) -> bool:
    """Return whether a file begins as npz archives, and PyTorch's pickles, do."""
    return _beginning(path).startswith(_ZIP)


def refuse_pickle(path: Path) -> None:
    """Raise CheckpointError if a file is not there, or is a pickle, going by what is in it."""
    head = _beginning(path)
    if head.startswith(_ZIP):
        try:
            with zipfile.ZipFile(path) as archive:
                pickled = any(name.endswith(".pkl") for name in archive.namelist())
        except _DAMAGE as error:
            raise CheckpointError(f"{path} is a damaged archive: {error}") from error
    else:
        # A header of safetensors can begin with the same two bytes, but has its first brace at the ninth.
        pickled = head[:1] == b"\x80" and head[1:2] != b"" and head[1] in _PICKLE_PROTOCOLS and head[8:9] != b"{"
    if pickled:
        raise CheckpointError(
            f"{path} is a pickle, which can run any code when it is loaded, and is refused. Where you trust it, load "
            "it in PyTorch and write safetensors.torch.save_file(model.state_dict(), path)"
        )


def _beginning(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(16)
    except FileNotFoundError:
        raise CheckpointError(f"there is no file {path}") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
