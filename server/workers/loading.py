"""Trained models in a worker process: loaded once, as long as their files stay as they are.

A job names a model by `server.models.ModelFile.reference`: the server has found the file, no client names one.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from nets.errors import NetsError
from server.workers.tasks import TaskError

if TYPE_CHECKING:
    from nets.layers import Module

MAX_LOADED: Final = 6


def load_model(reference: Mapping[str, str]) -> "Module":
    """Return a model, ready for use.

    Raises
    ------
    TaskError
        If the file is damaged, or has gone since it was found.
    """
    return _load(reference["path"], reference["stamp"])


@lru_cache(MAX_LOADED)
def _load(path: str, stamp: str) -> "Module":
    """Load a file; with another stamp it is another file."""
    import generative.recipes  # noqa: F401  # registers the image models
    from generative.errors import GenerativeError
    from nets import checkpoint

    try:
        return checkpoint.load(path)
    except (NetsError, GenerativeError, OSError, ValueError, TypeError, LookupError) as error:
        raise TaskError("the model cannot be loaded: its file is damaged, or was made by another version") from error
