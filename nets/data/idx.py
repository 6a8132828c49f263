"""The idx format of MNIST and EMNIST: a header with the type and the shape, then the numbers, big-endian.

::

    0 0 | type code (1 byte) | number of axes (1 byte) | length of each axis (4 bytes each) | numbers

Files come gzipped or plain; which of the two is seen from their first bytes, not from their name. A file's header is
not believed: it must fit the size of the file before memory is asked for.

References
----------
.. [1] LeCun, Y., Cortes, C. and Burges, C., "The MNIST database of handwritten digits", 1998: the section on file
   formats.
"""

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import IO, Any, Final, cast

import numpy as np
import numpy.typing as npt

from nets.errors import ArgumentError, CorruptDataError, DtypeError, MissingDataError

DTYPES: Final[dict[int, np.dtype[Any]]] = {
    0x08: np.dtype(np.uint8),
    0x09: np.dtype(np.int8),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
CODES: Final = {dtype.newbyteorder("="): code for code, dtype in DTYPES.items()}
MAX_BYTES: Final = 2**31
# Each bit of a deflate stream yields at most 258 bytes of output per 2 bits, about 1032 to 1.
_MAX_DEFLATE_RATIO: Final = 1032
_CHUNK: Final = 2**20


def read_idx(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> npt.NDArray[Any]:
    """Read an idx file, gzipped or plain.

    Parameters
    ----------
    path : path
        The file.
    max_bytes : int
        Refuse files whose numbers take more memory than this.

    Returns
    -------
    ndarray
        In the byte order of this machine, with the shape and the type that the file says.

    Raises
    ------
    MissingDataError
        If there is no such file.
    CorruptDataError
        If it is not an idx file, or shorter or longer than its header says.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            start = file.read(4)
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            if start[:2] != b"\x1f\x8b":
                return _read(path, file, size, max_bytes)
            with gzip.GzipFile(fileobj=file) as unpacked:
                return _read(path, cast("IO[bytes]", unpacked), _MAX_DEFLATE_RATIO * size, max_bytes)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise MissingDataError(f"there is no file {path}") from error
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise CorruptDataError(f"{path} is not a whole gzip file ({error}); fetch it anew") from error


def _read(path: Path, file: IO[bytes], available: int, max_bytes: int) -> npt.NDArray[Any]:
    """Read the array; ``available`` bounds how many bytes the file can hold."""
    dtype, shape = _read_header(path, file)
    expected = math.prod(shape) * dtype.itemsize
    what = f"{path} should hold {' x '.join(map(str, shape))} numbers of {dtype.name}, {expected:,} bytes"
    if expected > max_bytes:
        raise CorruptDataError(f"{what}, more than the {max_bytes:,} that are allowed")
    if expected > available:
        raise CorruptDataError(f"{what}, but is too short for that: it is truncated, or its header is wrong")
    data = _read_at_most(file, expected)
    if len(data) < expected:
        raise CorruptDataError(f"{what}, but ends after {len(data):,}")
    if file.read(1):
        raise CorruptDataError(f"{what}, but goes on after that")
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _read_header(path: Path, file: IO[bytes]) -> tuple[np.dtype[Any], tuple[int, ...]]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise CorruptDataError(f"{path} is not an idx file: {_describe(magic)} instead of two zero bytes")
    code, n_axes = magic[2], magic[3]
    if code not in DTYPES:
        known = ", ".join(f"0x{known:02X} {dtype.name}" for known, dtype in DTYPES.items())
        raise CorruptDataError(f"{path} has the idx type code 0x{code:02X}, which must be one of {known}")
    if n_axes > 32:
        raise CorruptDataError(f"{path} says that it has {n_axes} axes; an idx file has at most 32 here")
    lengths = file.read(4 * n_axes)
    if len(lengths) < 4 * n_axes:
        raise CorruptDataError(f"{path} ends within its header: {n_axes} lengths expected, {len(lengths)} bytes found")
    return DTYPES[code], struct.unpack(f">{n_axes}I", lengths)


def _describe(start: bytes) -> str:
    """Say what a file is that begins with these bytes.

    >>> _describe(b"<!DO")
    'it begins like an HTML page'
    """
    if not start:
        return "it is empty"
    if start.lstrip()[:1] == b"<":
        return "it begins like an HTML page"
    if start[:2] == b"PK":
        return "it begins like a zip archive"
    return f"it begins with {start.hex(' ')}"


def _read_at_most(file: IO[bytes], n: int) -> bytearray:
    """Read n bytes, or what there is: memory grows with what was read, not with what a header promised."""
    data = bytearray()
    while len(data) < n:
        chunk = file.read(min(_CHUNK, n - len(data)))
        if not chunk:
            break
        data += chunk
    return data


def write_idx(path: str | os.PathLike[str], array: npt.NDArray[Any]) -> None:
    """Write an array as an idx file; gzipped if the name ends in ``.gz``, the same bytes every time.

    Parameters
    ----------
    path : path
        The file; one that is there is replaced at once, never half-written.
    array : ndarray of uint8, int8, int16, int32, float32 or float64
        At most 32 axes.

    Raises
    ------
    DtypeError
        If idx has no such type.
    ArgumentError
        If the array has too many axes or is too long.
    """
    path = Path(path)
    code = CODES.get(array.dtype.newbyteorder("="))
    if code is None:
        names = ", ".join(dtype.name for dtype in CODES)
        raise DtypeError(f"array must be of {names} to be written as idx, got {array.dtype}")
    if array.ndim > 32 or any(length >= 2**32 for length in array.shape):
        raise ArgumentError(f"array must have at most 32 axes shorter than 2**32, got shape {array.shape}")
    header = struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)
    content = header + array.astype(DTYPES[code], copy=False).tobytes()
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
