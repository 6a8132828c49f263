"""The one place that decides how kernels are compiled: flags and cache folder.

Every kernel carries an explicit signature, so it is compiled (or read from the cache) when its module is
imported, and a Python int can never make Numba compile a second, signed version of a uint64 kernel.
``import game2048`` itself imports no kernel module.

The cache folder is named by a hash of the sources that a kernel may call, because Numba notices an edit to the
file of a kernel but not to a kernel that it calls in another file. ``NUMBA_CACHE_DIR`` is honoured when set.
"""

import hashlib
import logging
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
import platformdirs
from numba.core import config as numba_config

Function = TypeVar("Function", bound=Callable[..., Any])

logger = logging.getLogger(__name__)


def njit(*signatures: str, inline: bool = False) -> Callable[[Function], Function]:
    """Compile a kernel for the given Numba signatures, without the GIL, cached on disk.

    Division by zero gives inf or nan as in NumPy (``error_model="numpy"``): the check would block SIMD. ``inline``:
    become part of the kernels that call this one. A call costs as much as a few dozen instructions, above all to count
    who uses its arrays, so this is for what is called for every board or more often.
    """

    def compile_kernel(function: Function) -> Function:
        folder = kernel_cache_folder(top_package(Path(function.__code__.co_filename)))
        config: Any = numba_config
        previous = config.CACHE_DIR
        try:
            # The folder is read while the kernel is decorated; other people's kernels keep their own.
            config.CACHE_DIR = str(folder or previous)
            compiled = numba.njit(
                list(signatures), nogil=True, error_model="numpy", cache=folder is not None, forceinline=inline
            )
            kernel: Function = compiled(function)  # type: ignore[assignment]  # a dispatcher, called like the function
        finally:
            config.CACHE_DIR = previous
        return kernel

    return compile_kernel


def top_package(module: Path) -> Path:
    """Return the folder of the package that a module belongs to, however deep: its kernels call each other."""
    folder = module.parent
    while (folder.parent / "__init__.py").is_file():
        folder = folder.parent
    return folder


@cache
def kernel_cache_folder(package: Path) -> Path | None:
    """Return the folder that caches the kernels of one package, or None where none can be written."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    root = Path(chosen) if chosen else platformdirs.user_cache_path("game2048") / "kernels"
    folder = root / source_hash(frozenset({Path(__file__).parent, package}))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        logger.warning("kernels are compiled anew in every process: cannot write %s (%s)", folder, error)
        return None
    return folder if os.access(folder, os.W_OK) else None


def source_hash(folders: frozenset[Path]) -> str:
    """Hash the Python sources below some folders; any edit gives another name."""
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(path for folder in folders for path in folder.rglob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
