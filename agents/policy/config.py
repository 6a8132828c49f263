"""How a network is made: its settings, their rules, and how large it gets.

Which cells share weights in the first layer is part of this, as the number of parameters depends on it.
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

import nets
from agents.networks import Network
from agents.policy.boards import N_ACTIONS, N_EXPONENTS
from agents.policy.table_store import memory_bytes

Bags = npt.NDArray[np.uint8]
Body: TypeAlias = Literal["mlp", "conv", "transformer", "ntuple"]
Reads: TypeAlias = Literal["board", "afterstates"]
Inputs: TypeAlias = Literal["one-hot", "embedding", "tuples"]

NTUPLE_NETWORK: Final = Network.named("4x6+lines")
"""The look-ups of n-tuple policies, and of critics: m = 48 features, 67 million weights."""
MAX_WIDTH: Final = 4096
MAX_TUPLE_WIDTH: Final = 512  # 6.9 GB of tables and means
MAX_DEPTH: Final[dict[Body, int]] = {"mlp": 16, "conv": 3, "transformer": 16, "ntuple": 16}
CELLS: Final[Bags] = np.arange(16, dtype=np.uint8)
SQUARES: Final[Bags] = np.array(
    [[cell, cell + 1, cell + 4, cell + 5] for cell in (0, 1, 2, 4, 5, 6, 8, 9, 10)], np.uint8
)
LAYOUTS: Final[dict[Body, tuple[Bags, int, int]]] = {
    "mlp": (CELLS[None], 16, 0),
    "conv": (SQUARES, 4, 9),
    "transformer": (CELLS[:, None], 1, 16),
}
"""For each body: the cells of each bag; how many of them have weights of their own; how many learned positions."""


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """How a network is made."""

    body: Body = "mlp"
    """Fully connected layers, 2 x 2 convolutions, or attention; see `agents.policy.bodies`. Or nothing but the look-ups
    of `agents.policy.ntuple_policy`, 513 MiB, to which no other setting applies."""
    inputs: Inputs = "one-hot"
    """One-hot exponents, learned vectors of them, or, for an mlp, one-hot exponents with n-tuple tables."""
    reads: Reads = "board"
    """What is shown to the body: the board, or the four boards that the actions lead to, see
    `agents.policy.afterstates`, which takes about three times as long."""
    width: int = 256
    """Neurons of the first layer (mlp), channels (conv), length of the vectors (transformer)."""
    depth: int = 2
    """Hidden layers (mlp, 1 to 16), convolutions (conv, 1 to 3), blocks (transformer, 1 to 16)."""
    hidden: int = 256
    """Neurons of the other layers (mlp), of the layer after the convolutions or blocks."""
    embedding: int = 16
    """Length of learned embeddings; with such inputs only."""
    heads: int = 4
    """Heads of attention; in a transformer only, whose width they divide."""

    def __post_init__(self) -> None:
        """Raise ArgumentError where a setting breaks its rule."""
        for name, choices in (("body", get_args(Body)), ("inputs", get_args(Inputs)), ("reads", get_args(Reads))):
            if getattr(self, name) not in choices:
                raise nets.ArgumentError(f"{name} must be one of {', '.join(choices)}, got {getattr(self, name)!r}")
        if self.inputs == "tuples" and self.body != "mlp":
            raise nets.ArgumentError(f"inputs must be one-hot or embedding with body {self.body}, got 'tuples'")
        limits = {
            "width": MAX_TUPLE_WIDTH if self.inputs == "tuples" else MAX_WIDTH,
            "depth": MAX_DEPTH[self.body],
            "hidden": MAX_WIDTH,
            "embedding": MAX_WIDTH,
            "heads": MAX_WIDTH,
        }
        for name, most in limits.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
                raise nets.ArgumentError(f"{name} must be an int from 1 to {most} ({self.body}), got {value!r}")
        if self.body == "transformer" and self.width % self.heads:
            raise nets.ArgumentError(f"width must be a multiple of heads, {self.heads}, got {self.width}")

    @property
    def n_parameters(self) -> int:
        """Number of dense parameters; tables not counted."""
        if self.body == "ntuple":
            return 1
        width, hidden, layers = self.width, self.hidden, self.depth - 1
        _, places, positions = LAYOUTS[self.body]
        if self.inputs == "embedding":
            first = N_EXPONENTS * self.embedding + places * self.embedding * width + positions * width
        else:
            first = N_EXPONENTS * (16 if self.body == "transformer" else places) * width
        first += width  # biases
        if self.body == "mlp":
            features = hidden if layers else width
            inner = (width + 1) * hidden + (layers - 1) * (hidden + 1) * hidden if layers else 0
        else:
            features = hidden
            places = 16 if self.body == "transformer" else (3 - layers) ** 2
            inner = (places * width + 1) * hidden
            if self.body == "conv":
                inner += layers * (4 * width + 1) * width
            else:  # attention, the network of each block, two normalisations, and the last one
                inner += self.depth * (4 * (width + 1) * width + (4 * width + 3) * width + 4 * width) + 2 * width
        return first + inner + (features + 1) * (2 if self.reads == "afterstates" else N_ACTIONS + 1)

    @property
    def training_bytes(self) -> int:
        """Memory of weights, gradients and Adam's means; of tables as much as they can grow to."""
        if self.body == "ntuple":
            return 2 * 4 * NTUPLE_NETWORK.n_weights
        return 16 * self.n_parameters + (memory_bytes(self.width) if self.inputs == "tuples" else 0)
