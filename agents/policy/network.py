"""The network: packed boards in, logits of the four actions and a value out.

>>> network = build_network(NetworkConfig(width=32, hidden=32), np.random.default_rng(0))
>>> logits, values = network(np.array([0x21, 0x11], np.uint64))
>>> logits.shape, values.shape
((2, 4), (2,))

A body (`agents.policy.bodies`) turns boards into features; two linear heads read them. The logits are unmasked:
`agents.policy.distribution` gives illegal actions no probability. Values are in whatever unit the learner chose.

``nets.save(network, path)`` and ``nets.load(path)`` work once this module is imported, which registers the model
"policy". ``network.config`` is the dictionary in that file, ``network.settings`` the `NetworkConfig`.

With ``inputs="tuples"`` the first layer also has n-tuple tables (`agents.policy.tables`), which are no parameters.
A learner has to do three things for them, all of which do nothing in other networks::

    optimizer.step()
    network.sparse_step(optimizer.lr, n_threads)    # after every step: changes the rows that backward() has seen
    replica.share_tables(network)                   # once, for each deep copy that shares the parameters
    state |= network.sparse_state_dict()            # to resume exactly; weights are part of network.state_dict()

Gradients of the tables are not clipped: Adam divides them by their size.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

import nets
from agents.policy.boards import N_ACTIONS, N_EXPONENTS, packed
from agents.policy.bodies import BODIES, LAYOUTS, MLPBody
from agents.policy.tables import TupleTables, checked, memory_bytes
from nets import random

INPUTS: Final = ("one-hot", "embedding", "tuples")
MAX_WIDTH: Final = 4096
MAX_TUPLE_WIDTH: Final = 512  # 6.9 GB of tables and means
MAX_DEPTH: Final = {"mlp": 16, "conv": 3, "transformer": 16}
POLICY_SCALE: Final = 0.01
"""Of the policy's initial weights: all actions begin about equally likely (M. Andrychowicz et al., "What matters in
on-policy reinforcement learning?", ICLR 2021, arXiv:2006.05990, section 3.2)."""
TABLES: Final = "tables."
"""Where the names of sparse tensors begin in a state."""


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """How a network is made."""

    body: str = "mlp"
    """"mlp", "conv" or "transformer"; see `agents.policy.bodies`."""
    inputs: str = "one-hot"
    """"one-hot"; "embedding" for learned vectors of the exponents; or, for an mlp, "tuples": one-hot and n-tuples."""
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
        for name, choices in (("body", tuple(BODIES)), ("inputs", INPUTS)):
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
            raise nets.ArgumentError(f"heads must divide width, got {self.heads} and {self.width}")

    @property
    def n_parameters(self) -> int:
        """Number of dense parameters; tables not counted."""
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
        return first + inner + (features + 1) * (N_ACTIONS + 1)

    @property
    def training_bytes(self) -> int:
        """Memory of weights, gradients and Adam's means; of tables as much as they can grow to."""
        return 16 * self.n_parameters + (memory_bytes(self.width) if self.inputs == "tuples" else 0)


class PolicyNetwork(nets.Module):
    """Policy and value of boards; make one with `build_network`.

    Attributes
    ----------
    settings : NetworkConfig
    config : dict
        The same for `nets.save`.
    """

    config: dict[str, Any]

    def __init__(self, settings: NetworkConfig, generator: np.random.Generator | None = None) -> None:
        self.settings = settings
        rng = random.generator(generator)
        self.body = BODIES[settings.body](settings, rng)
        self.policy = nets.Linear(self.body.features, N_ACTIONS, init=_small, generator=rng)
        self.value = nets.Linear(self.body.features, 1, init="lecun_uniform", generator=rng)

    def forward(self, boards: npt.ArrayLike) -> tuple[nets.Tensor, nets.Tensor]:
        """Return unmasked logits, shape (n, 4), and values, shape (n,), of packed boards, uint64 of shape (n,)."""
        x = self.body(packed(boards))
        return self.policy(x), self.value(x).reshape(-1)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"{self.settings.n_parameters:,} parameters"

    # --- n-tuple tables ---

    @property
    def tables(self) -> TupleTables | None:
        """The n-tuple tables, if there are any."""
        return getattr(self.body, "tables", None) if isinstance(self.body, MLPBody) else None

    def zero_grad(self) -> None:
        """Forget all gradients."""
        super().zero_grad()
        if self.tables is not None:
            self.tables.zero_grad()

    def sparse_step(self, lr: float, n_threads: int = 1) -> None:
        """Change the rows of the tables that have a gradient, here or in a copy that shares them, by Adam."""
        if self.tables is not None:
            self.tables.step(lr, n_threads)

    def share_tables(self, other: "PolicyNetwork") -> None:
        """Look at the tables of another network of the same settings."""
        if self.tables is not None and other.tables is not None:
            self.tables.share(other.tables)

    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """Return a copy of all parameters, and of the rows of tables that were ever seen."""
        state = super().state_dict()
        if self.tables is not None:
            state |= {TABLES + name: array for name, array in self.tables.table_state().items()}
        return state

    def load_state_dict(self, state: dict[str, Any], strict: bool = True) -> None:
        """Copy parameters and tables from a dictionary of arrays; see `nets.Module.load_state_dict`."""
        sparse = {name.removeprefix(TABLES): array for name, array in state.items() if name.startswith(TABLES)}
        if self.tables is not None and sparse.keys() == {"rows", "weights"}:
            sparse = checked(sparse, self.settings.width)
            state = {name: array for name, array in state.items() if not name.startswith(TABLES)}
        elif self.tables is not None and strict:
            raise nets.CheckpointError(f"the state does not fit: tables need rows and weights, got {sorted(sparse)}")
        super().load_state_dict(state, strict)
        if self.tables is not None and sparse:
            self.tables.load(sparse)

    def sparse_state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """Return what `sparse_step` depends on beside `state_dict`; nothing without tables."""
        return {} if self.tables is None else self.tables.optimizer_state()

    def load_sparse_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `sparse_state_dict` was called; after `load_state_dict` of the same time."""
        if self.tables is not None:
            self.tables.load({**self.tables.table_state(), **state})


def _small(shape: tuple[int, ...], generator: np.random.Generator) -> npt.NDArray[np.float64]:
    return POLICY_SCALE * nets.init.lecun_uniform(shape, generator)


def _count(**settings: Any) -> int:
    return NetworkConfig(**settings).n_parameters


@nets.models.register("policy", _count)
def _policy(
    *,
    body: str = NetworkConfig.body,
    inputs: str = NetworkConfig.inputs,
    width: int = NetworkConfig.width,
    depth: int = NetworkConfig.depth,
    hidden: int = NetworkConfig.hidden,
    embedding: int = NetworkConfig.embedding,
    heads: int = NetworkConfig.heads,
    generator: np.random.Generator | None = None,
) -> PolicyNetwork:
    settings = NetworkConfig(
        body=body, inputs=inputs, width=width, depth=depth, hidden=hidden, embedding=embedding, heads=heads
    )
    return PolicyNetwork(settings, generator)


def build_network(config: NetworkConfig, generator: np.random.Generator | None = None) -> PolicyNetwork:
    """Return a network with initial weights from a generator; without one, from the common stream of `nets`."""
    network = nets.models.build("policy", generator=generator, **asdict(config))
    assert isinstance(network, PolicyNetwork)
    return network
