"""How much memory a network takes, and whether it is there: said before it is taken.

An operating system hands out more memory than there is, and ends whoever uses it. So tables that do not fit are refused
beforehand.
"""

from pathlib import Path
from typing import Final

from agents.errors import NetworkError
from agents.networks import Network

GIB: Final = 2**30
WEIGHT: Final = 4  # bytes, a float32
ACCUMULATORS: Final = 8  # bytes of a weight that learns with temporal coherence, two float32
MEMORY: Final = Path("/proc/meminfo")
GROUPS: Final = (
    tuple(Path("/sys/fs/cgroup") / name for name in ("memory.max", "memory.current", "memory.stat")),
    tuple(
        Path("/sys/fs/cgroup/memory") / name
        for name in ("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat")
    ),
)
"""Limit and use of a container, and what the use consists of, versions 2 and 1."""
CACHED: Final = ("active_file", "inactive_file")
"""Copies of files, checkpoints for example, that count as used but make way for whoever needs memory."""


def learning_bytes(network: Network, *, coherent: bool = True) -> int:
    """Return the bytes that the tables of a network take while it learns, with temporal coherence or without."""
    return network.n_weights * (WEIGHT + ACCUMULATORS * coherent)


def saving_bytes(network: Network) -> int:
    """Return the bytes that writing or reading a checkpoint takes besides: one bit a weight, and a piece of a table."""
    return network.n_weights // 8 + 2**24


def describe_learning(network: Network, *, coherent: bool = True) -> str:
    """Say what learning takes.

    Examples
    --------
    >>> print(describe_learning(Network.named("8x6+lines")))
    8x6+lines: 134,348,800 weights, 1.50 GiB of memory (weights 0.50, step sizes 1.00, saving 0.03)
    """
    weights = network.n_weights * WEIGHT
    total, saving = learning_bytes(network, coherent=coherent), saving_bytes(network)
    parts = f"weights {weights / GIB:.2f}, step sizes {(total - weights) / GIB:.2f}, saving {saving / GIB:.2f}"
    return f"{network.name}: {network.n_weights:,} weights, {total / GIB:.2f} GiB of memory ({parts})"


def available_bytes() -> int | None:
    """Return the bytes that can still be taken, of the machine and of the container; None where no one says."""
    known = []
    try:
        lines = dict(line.split(":", 1) for line in MEMORY.read_text().splitlines())
        known.append(1024 * int(lines["MemAvailable"].split()[0]))
    except (OSError, KeyError, ValueError):
        pass
    for limit, used, statistics in GROUPS:
        try:
            known.append(int(limit.read_text()) - int(used.read_text()) + _cached_bytes(statistics))
        except (OSError, ValueError):  # "max" is no number: no limit
            continue
    return max(0, min(known)) if known else None


def _cached_bytes(statistics: Path) -> int:
    """Return the bytes of copies of files in the memory of a container."""
    try:
        counts = dict(line.split() for line in statistics.read_text().splitlines())
        return sum(int(counts[name]) for name in CACHED)
    except (OSError, KeyError, ValueError):
        return 0


def check_memory(network: Network, *, coherent: bool = True) -> None:
    """Refuse a network that would not fit.

    Raises
    ------
    NetworkError
        If learning and saving it takes more memory than is available.
    """
    needed = learning_bytes(network, coherent=coherent) + saving_bytes(network)
    _refuse_more_than_there_is(needed, describe_learning(network, coherent=coherent))


def check_playing(network: Network) -> None:
    """Refuse a network whose weights would not fit, to play with them as they were learned.

    Raises
    ------
    NetworkError
        If reading them takes more memory than is available.
    """
    needed = network.n_weights * WEIGHT + saving_bytes(network)
    what = f"{network.name}: {network.n_weights:,} weights, {needed / GIB:.2f} GiB of memory to play"
    _refuse_more_than_there_is(needed, what)


def _refuse_more_than_there_is(needed: int, what: str) -> None:
    available = available_bytes()
    if available is not None and needed > available:
        raise NetworkError(f"{what} do not fit: {available / GIB:.2f} GiB are available")
