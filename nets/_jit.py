"""The one place that decides how kernels are compiled: flags and cache folder.

A kernel is compiled for float32 or float64 when it is first called with such arrays, and then read from the cache;
``import nets`` compiles nothing. The cache folder is named by a hash of the kernels' sources, because Numba notices
an edit to the file of a kernel but not to a kernel that it calls in another file. ``NUMBA_CACHE_DIR`` is honoured.
"""

import hashlib
import logging
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

import numba
import platformdirs
from numba.core import config as numba_config

Function = TypeVar("Function", bound=Callable[..., Any])

logger = logging.getLogger(__name__)

# Sums may be taken in any order, so that they can use SIMD; NaN and infinity keep their meaning. A loop that sums must
# not write to an array as well: the compiler then adds a way for arrays that overlap, and takes it for arrays that only
# lie close to each other, so that the last bit of the sum would depend on where memory was free.
FASTMATH: Final = {"contract", "reassoc", "arcp", "nsz"}


def kernel(function: Function) -> Function:
    """Compile a kernel on arrays and scalars: without the GIL, cached on disk, sums in any order.

    Division by zero gives inf or nan as in NumPy (``error_model="numpy"``): the check would block SIMD.
    """
    return _compile(function, FASTMATH)


def exact_kernel(function: Function) -> Function:
    """Compile a kernel whose floating-point operations keep their order."""
    return _compile(function, False)


def _compile(function: Function, fastmath: set[str] | bool) -> Function:
    folder = kernel_cache_folder(Path(function.__code__.co_filename).parent)
    config: Any = numba_config
    previous = config.CACHE_DIR
    try:
        # The folder is read while the kernel is decorated; other people's kernels keep their own.
        config.CACHE_DIR = str(folder or previous)
        compiled: Function = numba.njit(nogil=True, error_model="numpy", fastmath=fastmath, cache=folder is not None)(
            function
        )  # type: ignore[assignment]  # a dispatcher, called like the function
    finally:
        config.CACHE_DIR = previous
    return compiled


@cache
def kernel_cache_folder(package: Path) -> Path | None:
    """Return the folder that caches the kernels of one package, or None where none can be written."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    root = Path(chosen) if chosen else platformdirs.user_cache_path("game2048") / "kernels"
    folder = root / source_hash(frozenset({Path(__file__), *package.glob("*.py")}))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        logger.warning("kernels are compiled anew in every process: cannot write %s (%s)", folder, error)
        return None
    return folder if os.access(folder, os.W_OK) else None


def source_hash(files: frozenset[Path]) -> str:
    """Hash some Python sources; any edit gives another name."""
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(files):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
