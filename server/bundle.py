"""Bundles: named arrays and a header of JSON in one run of bytes, for scripts of a page (`web/static/js/bundle.js`).

Four bytes, little-endian, say how long the header is. The header holds whatever is to be told, and under "arrays" the
kind of number, the shape and the place of each array, counted from the end of the header. Header and arrays begin at
multiples of four bytes, so that a browser looks at them where they lie.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

KINDS: Final[dict[str, np.dtype[Any]]] = {"f2": np.dtype("<f2"), "f4": np.dtype("<f4"), "u1": np.dtype("u1")}
ALIGNMENT: Final = 4
MEDIA_TYPE: Final = "application/octet-stream"

Arrays = dict[str, npt.NDArray[Any]]


def pack(header: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Write a bundle; the arrays must be of a type in `KINDS`.

    >>> header, arrays = unpack(pack({"run": "digits"}, {"bias": np.zeros(3, np.float32)}))
    >>> header, arrays["bias"].shape
    ({'run': 'digits'}, (3,))
    """
    kinds = {dtype: name for name, dtype in KINDS.items()}
    places, parts, offset = {}, [], 0
    for name, array in arrays.items():
        data = _padded(np.ascontiguousarray(array).tobytes(), b"\0")
        places[name] = {"kind": kinds[array.dtype], "shape": list(array.shape), "offset": offset}
        parts.append(data)
        offset += len(data)
    head = _padded(msgspec.json.encode({**header, "arrays": places}), b" ")
    return b"".join([len(head).to_bytes(4, "little"), head, *parts])


def unpack(data: bytes) -> tuple[dict[str, Any], Arrays]:
    """Return header and arrays of a bundle that `pack` has written."""
    start = 4 + int.from_bytes(data[:4], "little")
    header = msgspec.json.decode(data[4:start], type=dict[str, Any])
    return header, {name: _array(data, start, **place) for name, place in header.pop("arrays").items()}


def _array(data: bytes, start: int, kind: str, shape: list[int], offset: int) -> npt.NDArray[Any]:
    return np.frombuffer(data, KINDS[kind], count=math.prod(shape), offset=start + offset).reshape(shape)


def _padded(data: bytes, filler: bytes) -> bytes:
    return data + filler * (-len(data) % ALIGNMENT)
