"""The one stream of random numbers that initialisers and dropout draw from, where none is given.

Numbers are drawn by NumPy on every back end, so that a seed gives the same weights on all of them.
"""

from typing import Any

import numpy as np

from nets.errors import ArgumentError

_generator = np.random.default_rng()


def manual_seed(seed: int) -> np.random.Generator:
    """Start the stream anew from a seed, a non-negative int; return the generator.

    >>> from nets import manual_seed
    >>> manual_seed(7).random() == manual_seed(7).random()
    True
    """
    global _generator
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or seed < 0:
        raise ArgumentError(f"seed must be a non-negative int, got {seed!r}")
    _generator = np.random.default_rng(int(seed))
    return _generator


def generator(given: np.random.Generator | None = None) -> np.random.Generator:
    """Return the given generator, or the common one."""
    return _generator if given is None else given


def get_rng_state() -> dict[str, Any]:
    """Return the state of the common stream; its values are JSON's."""
    return dict(_generator.bit_generator.state)


def set_rng_state(state: dict[str, Any]) -> None:
    """Continue the common stream where `get_rng_state` was called."""
    try:
        _generator.bit_generator.state = state
    except (KeyError, TypeError, ValueError) as error:
        raise ArgumentError(f"state must come from get_rng_state(): {error!r}") from None
