"""What can go wrong, one family.

::

    ServerError
    ├── ConfigError              a setting is out of range
    ├── AssetsError              the files of the web pages are not installed
    ├── ListenError              the address cannot be listened on
    │   └── PortInUseError       another program listens there
    ├── RunNotFoundError         no training run has this name
    ├── PlayerNotFoundError      no player has this name
    ├── DepthError               a player cannot look so far ahead
    ├── ModelNotFoundError       no trained model is of this kind
    ├── BusyError                too much is going on to begin this now
    ├── TimeLimitError           a job took too long
    ├── JobError                 a job failed
    └── StoreError               the games cannot be read or written
        ├── SchemaError          the database belongs to another version or another program
        ├── GameNotFoundError    no game has this id
        └── CursorError          the cursor names no place in the list of games

What travels over HTTP is told by `server.problems`.
"""


class ServerError(Exception):
    """Root of the family."""


class ConfigError(ServerError, ValueError):
    """A setting is out of range."""


class AssetsError(ServerError):
    """The files of the web pages are not installed."""


class ListenError(ServerError):
    """The address cannot be listened on."""


class PortInUseError(ListenError):
    """Another program listens on the port."""


class RunNotFoundError(ServerError):
    """No training run has this name."""


class ModelNotFoundError(ServerError):
    """No trained model is of this kind.

    Parameters
    ----------
    message : str
        What is missing.
    command : str
        What trains such a model.
    """

    def __init__(self, message: str, command: str) -> None:
        super().__init__(message)
        self.command = command


class PlayerNotFoundError(ServerError):
    """No player has this name."""


class DepthError(ServerError, ValueError):
    """A player cannot look so far ahead."""


class BusyError(ServerError):
    """Too much is going on to begin this now: the client may try again."""


class TimeLimitError(ServerError):
    """A job took too long."""


class JobError(ServerError):
    """A job failed; it is not the client's fault."""


class StoreError(ServerError):
    """The games cannot be read or written."""


class SchemaError(StoreError):
    """The database belongs to another version or another program."""


class GameNotFoundError(StoreError):
    """No game has this id."""


class CursorError(StoreError):
    """The cursor names no place in the list of games."""
