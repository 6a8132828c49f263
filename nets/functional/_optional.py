"""Layers some of whose weights may be left out: what is there, and the gradients of that."""

from collections.abc import Iterable, Sequence

from nets.backends.reference.base import Array
from nets.tensor import Tensor


def present(*tensors: Tensor | None) -> tuple[Tensor, ...]:
    """Return the tensors that there are."""
    return tuple(t for t in tensors if t is not None)


def of_present(gradients: Iterable[Array | None], tensors: Sequence[Tensor | None]) -> list[Array | None]:
    """Return the gradients, one for each of the tensors, of those that there are."""
    return [gradient for gradient, t in zip(gradients, tensors, strict=True) if t is not None]
