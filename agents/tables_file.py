"""Large tables in one file: only rows that hold something are stored, and all is written and read piece by piece.

The file is of the safetensors form, so that other programs can read it:

==========  ===========================================================================================================
tensor      content
==========  ===========================================================================================================
``rows``    uint8, shape (n / 8,): bit i % 8 of byte i // 8 says whether row i of any table holds anything but zeros
NAME        of each table those k rows, shape (k, ...), in ascending order
NAME        small arrays, whole
``checks``  uint32: the CRC-32 of the head, and of each tensor before it
==========  ===========================================================================================================

Its metadata are ``game2048``, a header of JSON, and ``checked``, the names of the tensors in the order of ``checks``.

One bit a row is 1 % of a weight with its two accumulators: a full table takes hardly more than its own size, and one
that is hardly used takes hardly anything, without two forms to choose between. Besides the tables, writing and reading
take memory for n / 8 bytes and one piece: 17 MB and 13 MB for the 1.6 GB of a network 8x6 that learns.
"""

import json
import math
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from agents.errors import CheckpointError, NetworkError
from nets.files import remove_leftovers, write_atomically

KEY: Final = "game2048"  # of the header in the metadata
ROWS: Final = "rows"
CHECKS: Final = "checks"
CHECKED: Final = "checked"
PIECE: Final = 2**20  # rows at a time
CODES: Final = {"<f4": "F32", "<i2": "I16", "<u4": "U32", "<u8": "U64", "|u1": "U8", "<i8": "I64"}

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]
Upgrade = Callable[[npt.NDArray[np.uint32], dict[str, Array]], tuple[npt.NDArray[np.uint32], dict[str, Array]]]


class _Tensor(NamedTuple):
    """A tensor to write: what it is, and its values one after the other."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    pieces: Iterable[Array]


# --- writing ---


def write_tables(path: Path, header: Mapping[str, Any], tables: Arrays, others: Arrays) -> None:
    """Write a file, atomically: what was there stays whole until the new one is on disk.

    Parameters
    ----------
    path : Path
        The file.
    header : mapping
        What else is to be told, values of JSON's types.
    tables : mapping of str to ndarray
        At least one, of float32, shape (n, ...) with the same n, a multiple of 8.
    others : mapping of str to ndarray
        Small arrays.

    Raises
    ------
    CheckpointError
        If a table holds values that are not finite; nothing is written then.
    OSError
        If the file cannot be written, on a full disk for example.
    """
    bits = _used_rows(path, tables)
    k = int(np.bitwise_count(bits).sum(dtype=np.int64))
    tensors = [
        _Tensor(ROWS, bits.dtype, bits.shape, [bits]),
        *(
            _Tensor(name, table.dtype, (k, *table.shape[1:]), _stored_rows(table, bits))
            for name, table in tables.items()
        ),
        *(_Tensor(name, array.dtype, array.shape, [array]) for name, array in others.items()),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path)
    write_atomically(path, lambda temporary: _write(temporary, header, tensors))


def _used_rows(path: Path, tables: Arrays) -> npt.NDArray[np.uint8]:
    """Return which rows hold anything but zeros, as bits; a negative zero is something."""
    n = len(next(iter(tables.values())))
    bits = np.empty(n // 8, np.uint8)
    for start in range(0, n, PIECE):
        at = slice(start, min(start + PIECE, n))
        used = np.zeros(at.stop - start, np.bool_)
        for name, table in tables.items():
            piece = table[at].reshape(at.stop - start, -1)
            if piece.view(np.uint32).max() == 0:  # most pieces of most tables
                continue
            if not np.isfinite(piece).all():
                raise CheckpointError(f"{path} is not written: {name} holds values that are not finite")
            for column in piece.view(np.uint32).T:
                used |= column != 0
        bits[start // 8 : at.stop // 8] = np.packbits(used, bitorder="little")
    return bits


def _pieces(bits: npt.NDArray[np.uint8]) -> Iterator[tuple[slice, npt.NDArray[np.bool_]]]:
    """Give ranges of rows, and which of them are stored."""
    n = 8 * bits.size
    for start in range(0, n, PIECE):
        at = slice(start, min(start + PIECE, n))
        yield at, np.unpackbits(bits[start // 8 : at.stop // 8], bitorder="little").view(np.bool_)


def _stored_rows(table: Array, bits: npt.NDArray[np.uint8]) -> Iterator[Array]:
    return (table[at][used] for at, used in _pieces(bits))


def _write(path: Path, header: Mapping[str, Any], tensors: list[_Tensor]) -> None:
    """Write the length of the head, the head, the tensors and their checks."""
    names = [tensor.name for tensor in tensors]
    last = np.empty(1 + len(names), np.dtype("<u4"))
    head: dict[str, Any] = {"__metadata__": {KEY: json.dumps(header), CHECKED: json.dumps(names)}}
    end = 0
    for name, dtype, shape, _ in [*tensors, _Tensor(CHECKS, last.dtype, last.shape, [])]:
        start, end = end, end + dtype.itemsize * math.prod(shape)
        head[name] = {"dtype": CODES[dtype.newbyteorder("<").str], "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    last[0] = zlib.crc32(text)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for i, tensor in enumerate(tensors, start=1):
            check = 0
            for piece in (piece for piece in tensor.pieces if piece.size):
                data = np.ascontiguousarray(piece, piece.dtype.newbyteorder("<")).data.cast("B")
                check = zlib.crc32(data, check)
                file.write(data)
            last[i] = check
        file.write(last.tobytes())


# --- reading ---


class TablesFile:
    """An open file of `write_tables`; see `open_tables`."""

    def __init__(self, path: Path, file: Any) -> None:
        self.path = path
        self.header = header_in(file)
        self._file = file
        self._checks: dict[str, int] | None = None
        if CHECKS in file.keys():  # noqa: SIM118  # it is not a dict
            head_check, *checks = file.get_tensor(CHECKS).tolist()
            if head_check != zlib.crc32(_head_of(path)):
                raise CheckpointError(f"{path} is damaged: the check of its head fails")
            self._checks = dict(zip(json.loads(file.metadata()[CHECKED]), checks, strict=True))

    def get(self, name: str, dtype: npt.DTypeLike, shape: tuple[int, ...] | None = None) -> Array:
        """Return a small array, of one dimension where no shape is given.

        Raises
        ------
        CheckpointError
            If it is of another type or shape, or damaged.
        """
        array = np.array(self._file.get_tensor(name))
        shape = (array.size,) if shape is None else shape
        if array.dtype != dtype or array.shape != shape:
            raise CheckpointError(
                f"{self.path}: tensor {name} must be {np.dtype(dtype)} of shape {shape}, "
                f"got {array.dtype} {array.shape}"
            )
        self._check(name, zlib.crc32(np.ascontiguousarray(array).data))
        return array

    def fill(self, tables: Arrays) -> None:
        """Read tables into arrays of zeros.

        Raises
        ------
        CheckpointError
            If one is of another type or size, holds values that are not finite, or is damaged; the arrays are then of
            no use.
        """
        bits = self.get(ROWS, np.uint8)
        n = len(next(iter(tables.values())))
        if 8 * bits.size != n:
            raise CheckpointError(
                f"{self.path}: tensor {ROWS} must have {n} bits, one for each weight, got {8 * bits.size}"
            )
        k = int(np.bitwise_count(bits).sum(dtype=np.int64))
        for name, table in tables.items():
            stored = self._stored(name, table, k)
            check = start = 0
            for at, used in _pieces(bits):
                if not used.any():
                    continue
                end = start + int(np.count_nonzero(used))
                values = self._finite(name, stored[start:end])
                check = zlib.crc32(values.data, check)
                table[at][used] = values
                start = end
            self._check(name, check)

    def fill_indexed(self, tables: Arrays, upgrade: Upgrade) -> None:
        """As `fill`, from a file of an earlier form: ``indices`` of the stored rows, uint32, and no checks.

        ``upgrade`` turns indices and stored rows into those of today.
        """
        indices = self.get("indices", np.uint32)
        n = len(next(iter(tables.values())))
        if (largest := int(indices.max(initial=0))) >= n:
            raise CheckpointError(f"{self.path}: tensor indices must be below {n}, got {largest}")
        stored = {
            name: self._finite(name, self._stored(name, table, indices.size)[:]) for name, table in tables.items()
        }
        indices, stored = upgrade(indices, stored)
        for name, table in tables.items():
            table[indices] = stored[name]

    def _stored(self, name: str, table: Array, k: int) -> Any:
        """Return the stored rows of a table, to be read in pieces."""
        stored, shape = self._file.get_slice(name), [k, *table.shape[1:]]
        code = CODES[table.dtype.newbyteorder("<").str]
        if stored.get_dtype() != code or stored.get_shape() != shape:
            raise CheckpointError(
                f"{self.path}: tensor {name} must be {table.dtype} of shape {tuple(shape)}, "
                f"got {stored.get_dtype()} {stored.get_shape()}"
            )
        return stored

    def _finite(self, name: str, values: Array) -> Array:
        if not np.isfinite(values).all():
            raise CheckpointError(f"{self.path}: tensor {name} holds values that are not finite")
        return np.ascontiguousarray(values)

    def _check(self, name: str, check: int) -> None:
        if self._checks is not None and self._checks.get(name) != check:
            raise CheckpointError(f"{self.path} is damaged: the check of tensor {name} fails")


@contextmanager
def open_tables(path: Path) -> Iterator[TablesFile]:
    """Open a file of `write_tables`.

    Raises
    ------
    CheckpointError
        If it is damaged, or none of ours, now or while it is read.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            yield TablesFile(path, file)
    except NetworkError:  # there is no memory for it
        raise
    except (SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
        raise CheckpointError(f"{path} is damaged or not a checkpoint: {error}") from error


def _head_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(int.from_bytes(file.read(8), "little"))


def header_in(file: Any) -> dict[str, Any]:
    """Return the header in an open safetensors file, empty if it has none of ours."""
    header = json.loads((file.metadata() or {}).get(KEY, "{}"))
    return header if isinstance(header, dict) else {}
