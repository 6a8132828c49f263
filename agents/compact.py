"""Compact networks: what it takes to play, in one small file, to be shared and to run inside a web page.

The weights are rounded to whole units that fit into int16. The file, ``network.safetensors``, has three tensors of
bytes, each compressed by zlib:

=========  ============================================================================================================
tensor     content
=========  ============================================================================================================
``rows``   one bit for each weight: bit i % 8 of byte i // 8 says whether weight i is stored; the others are 0
``low``    the low bytes of the stored weights, int16, in ascending order
``high``   their high bytes, most of which are alike: so they are compressed apart
=========  ============================================================================================================

and a header of JSON in the metadata, under ``game2048``: the network, ``unit`` and ``initial``, what was played to
learn it, and ``checks``, the CRC-32 of the three before they were compressed and of the rest of the header; files that
were written without the last are read as well. `web/static/js/compact.js` reads all of them.

The unit is a power of two, so that unit * sum_i w_i has no rounding error at all, whatever the order of the sum: Python
and JavaScript play the same games. A game lasts thousands of moves, and its values are of tens of thousands of points:
a unit of one or two points changes a move here and there, and the mean score not measurably.

Notes
-----
In a network with stages, 0 means "never learned: look at the stage before" (`agents.ntuple.promoted`). There a
weight that would be rounded to 0 becomes one unit with its sign.
"""

import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from agents.errors import CheckpointError
from agents.networks import Network
from agents.ntuple import CompactWeights, Values, Weights
from agents.tables_file import KEY, header_in
from nets.files import write_atomically

FILE_NAME: Final = "network.safetensors"
FORMAT: Final = "game2048 compact n-tuple"
VERSION: Final = 1
LARGEST: Final = 2**15 - 1
PIECE: Final = 2**22  # weights at a time
TENSORS: Final = ("rows", "low", "high")
PLAYED: Final = ("games", "episodes", "moves")
"""What a network has learned from, in its header."""

Bytes = npt.NDArray[np.uint8]


def compact(values: Values, unit: float | None = None) -> Values:
    """Return a network with int16 weights.

    Parameters
    ----------
    values : Values
        With weights of float32, or compact ones, which stay as they are.
    unit : float, optional
        Points that a weight of 1 is worth, a power of two; the smallest that lets all weights fit if not given.

    Raises
    ------
    ValueError
        If the unit is no power of two, too small, or another than a compact network has.
    CheckpointError
        If a weight is not finite.

    Examples
    --------
    >>> from agents.networks import Network
    >>> network = Network.named("0123")
    >>> small = compact(Values(network, np.full(network.n_weights, 70_000, np.float32)))
    >>> float(small.unit), int(small.weights[0])
    (4.0, 17500)
    """
    if values.weights.dtype == np.int16:
        if unit is not None and unit != float(values.unit):
            raise ValueError(f"unit must be {values.unit:g}, in which the network is compact already, got {unit:g}")
        return values
    weights: Weights = values.weights.view(np.float32)
    largest = max(float(abs(weights.max())), float(abs(weights.min())))
    if not math.isfinite(largest):
        raise CheckpointError("the network holds weights that are not finite")
    smallest = 2.0 ** math.ceil(math.log2(max(largest, 1) / LARGEST))
    unit = smallest if unit is None else unit
    if not (unit >= smallest and math.frexp(unit)[0] == 0.5):
        raise ValueError(f"unit must be a power of two of at least {smallest:g}, got {unit:g}")
    rounded = np.empty(weights.shape, np.int16)
    for start in range(0, weights.size, PIECE):
        rounded[start : start + PIECE] = _rounded(weights[start : start + PIECE], unit, values.network.n_stages > 1)
    return Values(values.network, rounded, unit=unit, initial=float(values.initial))


def _rounded(weights: Weights, unit: float, staged: bool) -> CompactWeights:
    units = weights / np.float32(unit)
    whole = np.rint(units)
    if staged:
        whole = np.where((whole == 0) & (units != 0), np.sign(units), whole)
    rounded: CompactWeights = whole.astype(np.int16)
    return rounded


def save_compact(values: Values, played: Mapping[str, int], path: Path) -> None:
    """Write a compact network, atomically; the folder is made.

    Parameters
    ----------
    values : Values
        As of `compact`.
    played : mapping of str to int
        `PLAYED`.
    path : Path
        The file.

    Raises
    ------
    CheckpointError, OSError
        If it cannot be written.
    """
    bits, low, high = (np.ascontiguousarray(part) for part in _parts(values.weights.view(np.int16)))
    header: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "network": asdict(values.network),
        "unit": float(values.unit),
        "initial": float(values.initial),
        **played,
    }
    header["checks"] = [*(zlib.crc32(part.data) for part in (bits, low, high)), _check_of(header)]
    tensors = {
        name: np.frombuffer(zlib.compress(part.data, 6), np.uint8)
        for name, part in zip(TENSORS, (bits, low, high), strict=True)
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        write_atomically(path, lambda temporary: save_file(tensors, temporary, {KEY: json.dumps(header)}))
    except SafetensorError as error:
        raise CheckpointError(f"{path} cannot be written: {error}") from error


def _parts(weights: CompactWeights) -> tuple[Bytes, Bytes, Bytes]:
    """Return which weights are stored as bits, and the low and the high bytes of those."""
    used = weights != 0
    stored = weights[used].astype("<i2").view(np.uint8)
    return np.packbits(used, bitorder="little"), stored[::2], stored[1::2]


def load_compact(path: Path) -> tuple[Values, dict[str, Any]]:
    """Read a compact network, and its header.

    Raises
    ------
    CheckpointError
        If the file is damaged, of another version, or none of ours.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            header = header_in(file)
            network = _network_of(path, header)
            stored = {name: file.get_tensor(name).tobytes() for name in TENSORS}
        return _values(network, header, stored), header
    except (SafetensorError, KeyError, TypeError, ValueError, OSError, zlib.error) as error:
        raise CheckpointError(f"{path} is damaged or not a compact network: {error}") from error


def _network_of(path: Path, header: dict[str, Any]) -> Network:
    """Return the network that a header describes."""
    if header.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not a compact n-tuple network")
    if header.get("version") != VERSION:
        raise CheckpointError(f"{path} has format version {header.get('version')}, this program reads {VERSION}")
    for count in PLAYED:
        if type(header.get(count)) is not int or header[count] < 0:
            raise CheckpointError(f"{path}: {count} must be a count, got {header.get(count)!r}")
    return Network.from_json(header["network"])


def _values(network: Network, header: dict[str, Any], stored: Mapping[str, bytes]) -> Values:
    n_bytes = (network.n_weights + 7) // 8
    bits = _inflated(stored["rows"], n_bytes)
    used = np.unpackbits(bits, count=network.n_weights, bitorder="little").view(np.bool_)
    k = int(np.count_nonzero(used))
    low, high = _inflated(stored["low"], k), _inflated(stored["high"], k)
    checks = [zlib.crc32(part.data) for part in (bits, low, high)]
    if header["checks"] not in (checks, [*checks, _check_of(header)]):
        raise ValueError("a check fails")
    weights = np.zeros(network.n_weights, np.int16)
    weights[used] = np.stack([low, high], axis=1).view("<i2").ravel()
    return Values(network, weights, unit=header["unit"], initial=header["initial"])


def _check_of(header: Mapping[str, Any]) -> int:
    """Return the CRC-32 of a header without its checks."""
    return zlib.crc32(json.dumps({name: value for name, value in header.items() if name != "checks"}).encode())


def _inflated(data: bytes, n_bytes: int) -> Bytes:
    """Return what was compressed; never more than it should be, whatever the data say."""
    inflater = zlib.decompressobj()
    plain = inflater.decompress(data, n_bytes + 1)
    if len(plain) != n_bytes:
        raise ValueError(f"a tensor must hold {n_bytes} bytes, got {'more' if len(plain) > n_bytes else len(plain)}")
    return np.frombuffer(plain, np.uint8)
