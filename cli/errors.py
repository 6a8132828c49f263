"""What can go wrong in a command, and how it is told: in one line, without a traceback.

::

    CliError              the command failed: exit code 1
    └── UsageError        the command line is wrong: exit code 2
"""


class CliError(Exception):
    """The command failed."""


class UsageError(CliError):
    """The command line is wrong."""


def expected_failures(error: Exception) -> str | None:
    """Return the line to print for an error that a user can do something about, None for a bug of ours."""
    if isinstance(error, MemoryError):
        return f"not enough memory: {error}"
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}"
    from agents.errors import CheckpointError, ClusterError, DivergedError, GameLogError, NetworkError
    from game2048.record import RecordError
    from generative.errors import GenerativeError
    from nets.errors import NetsError
    from server.errors import ServerError

    ours = CheckpointError | ClusterError | DivergedError | GameLogError | NetworkError
    if isinstance(error, ours | GenerativeError | NetsError | RecordError | ServerError):
        return " ".join(str(error).split())
    return None


def require(name: str, value: float, least: float, most: float) -> None:
    """Check a number of the command line."""
    if not value >= least:  # catches nan too
        raise UsageError(f"{name} must be at least {least}, got {value}")
    if value > most:
        raise UsageError(f"{name} must be at most {most}, got {value}")
