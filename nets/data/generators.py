"""The state of a random generator, as values that JSON can hold."""

from typing import Any, Protocol, runtime_checkable

import numpy as np

from nets.errors import ArgumentError


@runtime_checkable
class Stateful(Protocol):
    """Something random that can continue where it was."""

    def state_dict(self) -> dict[str, Any]:
        """Return what is needed to continue, as values that JSON can hold."""
        ...

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Continue where `state_dict` was taken."""
        ...


def get_state(generator: np.random.Generator) -> dict[str, Any]:
    """Return the state of a generator as values that JSON can hold."""
    return dict(_plain(generator.bit_generator.state))


def set_state(generator: np.random.Generator, state: dict[str, Any]) -> None:
    """Set the state of a generator to what `get_state` returned.

    Raises
    ------
    ArgumentError
        If the state is of another kind of generator.
    """
    kind = type(generator.bit_generator).__name__
    if state.get("bit_generator") != kind:
        raise ArgumentError(f"the state must be of a generator {kind}, got {state.get('bit_generator')}")
    generator.bit_generator.state = _arrays_like(state, generator.bit_generator.state)


def resumed(like: np.random.Generator, state: dict[str, Any]) -> np.random.Generator:
    """Return another generator of the same kind, at a state."""
    other = np.random.Generator(type(like.bit_generator)())
    set_state(other, state)
    return other


def _plain(value: Any) -> Any:
    """Return a state with its arrays and NumPy's numbers made plain, as in ``{"key": [1, 2]}``."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def _arrays_like(value: Any, example: Any) -> Any:
    """Undo `_plain`, with a state of the same kind as the example."""
    if isinstance(example, dict):
        return {key: _arrays_like(value[key], item) for key, item in example.items()}
    return np.asarray(value, example.dtype) if isinstance(example, np.ndarray) else value
