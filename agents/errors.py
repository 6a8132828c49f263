"""What can go wrong with players that learn.

::

    CheckpointError           the folder does not hold a model that this program can use
    └── NoCheckpointError     there is none
    DivergedError             learning produced values that are not finite, or worse than to know nothing
    GameLogError              a file is not a log of games
    NetworkError              the shape of a network is none, or its tables do not fit into memory
    ClusterError              the machines of a cluster cannot be used together
"""


class CheckpointError(Exception):
    """The folder does not hold a model that this program can use."""


class NoCheckpointError(CheckpointError):
    """There is no checkpoint in the folder."""


class DivergedError(ArithmeticError):
    """Learning produced values that are not finite, or worse than to know nothing."""


class GameLogError(ValueError):
    """A file is not a log of games."""


class NetworkError(ValueError):
    """The shape of a network is none, or its tables do not fit into memory."""


class ClusterError(Exception):
    """The machines of a cluster cannot be used together."""
