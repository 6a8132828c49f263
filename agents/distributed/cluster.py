"""The connection to a Ray cluster: Ray itself, imported only here and only when it is asked for."""

import logging
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import agents
import game2048
import nets
from agents.errors import ClusterError
from game2048._jit import source_hash

PATIENCE: Final = 10.0  # seconds
LOCAL: Final = "local"
"""The address of a cluster that is started on this machine, and ends with the connection."""


def load_ray() -> Any:
    """Return the module `ray`.

    Raises
    ------
    ClusterError
        If it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a cluster that we start reports to nobody
    try:
        import ray
    except ImportError as error:
        raise ClusterError(f'--ray needs Ray: install it with  pip install "game2048[distributed]" ({error})') from None
    return ray


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Connect to the cluster at an address of Ray's, or `LOCAL`; give the module `ray`.

    Raises
    ------
    ClusterError
        If Ray is missing, or no cluster answers.
    """
    ray = load_ray()
    check_reachable(address)
    local = {"include_dashboard": False} if address == LOCAL else {}
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **local)
    except (OSError, RuntimeError, ValueError) as error:
        raise ClusterError(f"no Ray cluster answers at {address!r}: {error}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


def check_reachable(address: str) -> None:
    """Check that somebody listens at HOST:PORT or ray://HOST:PORT; Ray itself would try for minutes.

    Raises
    ------
    ClusterError
        If nobody does.
    """
    named = re.fullmatch(r"(?:ray://)?\[?(.+?)\]?:(\d{1,5})", address)
    if named is None:
        return
    try:
        socket.create_connection((named[1], int(named[2])), PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(f"no Ray cluster answers at {address!r}: {error}") from error


def processors(ray: Any) -> int:
    """Return how many processors the cluster has, at least 1."""
    return max(1, int(ray.cluster_resources().get("CPU", 0)))


def program() -> str:
    """Return a hash of what decides how a game goes: our sources, and the version of Numba."""
    return source_hash(frozenset(Path(package.__path__[0]) for package in (agents, game2048, nets)))


def check_program(expected: str) -> None:
    """Check that this machine plays as the one that asks.

    Raises
    ------
    ClusterError
        If its program differs.
    """
    if program() != expected:
        host = os.uname().nodename
        raise ClusterError(f"{host} has another version of game2048 or Numba than the machine that commands it")


def cause_of(error: Exception) -> Exception:
    """Return the error of ours behind one of Ray's, which has a traceback for its text; None of ours: as it is."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, ModuleNotFoundError):
        return ClusterError(f"a machine of the cluster cannot load game2048: {cause}")
    return cause if isinstance(cause, Exception) else error
