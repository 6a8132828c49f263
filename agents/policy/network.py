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

Gradients of the tables are not clipped (Adam divides them by their size), and averages of weights leave tables out.
"""

from dataclasses import asdict
from typing import Any, Final

import numpy as np
import numpy.typing as npt

import nets
from agents.policy.afterstates import afterstates_of, by_action
from agents.policy.boards import N_ACTIONS, Boards, packed
from agents.policy.bodies import BODIES, MLPBody
from agents.policy.config import Body, Inputs, NetworkConfig, Reads
from agents.policy.distribution import masked_log_softmax
from agents.policy.ntuple_policy import NTuplePreferences
from agents.policy.tables import TupleTables
from nets import random

__all__ = ["NetworkConfig", "PolicyNetwork", "build_network"]

POLICY_SCALE: Final = 0.01
"""Of the policy's initial weights: all actions begin about equally likely (M. Andrychowicz et al., "What matters in
on-policy reinforcement learning?", ICLR 2021, arXiv:2006.05990, section 3.2)."""
TABLES: Final = "tables."
"""Where the names of sparse tensors begin in a state."""


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
        if settings.body == "ntuple":
            self.preferences = NTuplePreferences()
            return
        self.body = BODIES[settings.body](settings, rng)
        n_outputs = 1 if settings.reads == "afterstates" else N_ACTIONS
        self.policy = nets.Linear(self.body.features, n_outputs, init=_small, generator=rng)
        self.value = nets.Linear(self.body.features, 1, init="lecun_uniform", generator=rng)

    def forward(self, boards: npt.ArrayLike) -> tuple[nets.Tensor, nets.Tensor]:
        """Return unmasked logits, shape (n, 4), and values, shape (n,), of packed boards, uint64 of shape (n,)."""
        if self.settings.body == "ntuple":
            logits = self.preferences(packed(boards))
            return logits, nets.Tensor(np.zeros(len(logits), np.float32))
        if self.settings.reads == "afterstates":
            return self._look_ahead(packed(boards))
        x = self.body(packed(boards))
        return self.policy(x), self.value(x).reshape(-1)

    def _look_ahead(self, boards: Boards) -> tuple[nets.Tensor, nets.Tensor]:
        """Return logits and values from what the body says of the afterstates, see `agents.policy.afterstates`."""
        afterstates, places = afterstates_of(boards)
        if not self.training:  # as many rows whatever is legal: a board's result shall be its own
            afterstates = np.pad(afterstates, (0, N_ACTIONS * boards.size - afterstates.size))
        x = self.body(afterstates)
        logits = by_action(self.policy(x).reshape(-1), places)
        values = by_action(self.value(x).reshape(-1), places)
        probabilities = np.exp(masked_log_softmax(logits.detach(), places >= 0).data)
        return logits, (values * probabilities).sum(1)

    @property
    def has_values(self) -> bool:
        """Whether the network has a value of its own; without one it is 0."""
        return self.settings.body != "ntuple"

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"{self.settings.n_parameters:,} parameters"

    # --- n-tuple tables ---

    @property
    def tables(self) -> TupleTables | NTuplePreferences | None:
        """The n-tuple tables, if there are any."""
        if self.settings.body == "ntuple":
            return self.preferences
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
            self.tables.share(other.tables)  # type: ignore[arg-type]  # of the same settings, so of the same class

    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """Return a copy of all parameters, and of the rows of tables that were ever seen."""
        state = super().state_dict()
        if self.tables is not None:
            state |= {TABLES + name: array for name, array in self.tables.table_state().items()}
        return state

    def load_state_dict(self, state: dict[str, Any], strict: bool = True) -> None:
        """Copy parameters and tables from a dictionary of arrays; see `nets.Module.load_state_dict`."""
        sparse = {name.removeprefix(TABLES): array for name, array in state.items() if name.startswith(TABLES)}
        if self.tables is not None and sparse.keys() in self.tables.states:
            sparse = self.tables.checked(sparse)
            state = {name: array for name, array in state.items() if not name.startswith(TABLES)}
        elif self.tables is not None and strict:
            raise nets.CheckpointError(
                f"the state does not fit: tables need {_names(self.tables)}, got {sorted(sparse)}"
            )
        super().load_state_dict(state, strict)
        if self.tables is not None and sparse:
            self.tables.load(sparse)

    def sparse_state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """Return what `sparse_step` depends on beside `state_dict`; nothing without tables."""
        return {} if self.tables is None else self.tables.optimizer_state()

    def load_sparse_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `sparse_state_dict` was called; after `load_state_dict` of the same time."""
        own = self.sparse_state_dict().keys()
        if state.keys() != own:
            raise nets.CheckpointError(f"the sparse state does not fit: it has {sorted(state)}, not {sorted(own)}")
        if self.tables is not None:
            self.tables.load({**self.tables.table_state(), **state})


def _names(tables: TupleTables | NTuplePreferences) -> str:
    return " and ".join(sorted(tables.states[0]))


def _small(shape: tuple[int, ...], generator: np.random.Generator) -> npt.NDArray[np.float64]:
    return POLICY_SCALE * nets.init.lecun_uniform(shape, generator)


def _count(**settings: Any) -> int:
    return NetworkConfig(**settings).n_parameters


@nets.models.register("policy", _count)
def _policy(
    *,
    body: Body = NetworkConfig.body,
    inputs: Inputs = NetworkConfig.inputs,
    reads: Reads = NetworkConfig.reads,
    width: int = NetworkConfig.width,
    depth: int = NetworkConfig.depth,
    hidden: int = NetworkConfig.hidden,
    embedding: int = NetworkConfig.embedding,
    heads: int = NetworkConfig.heads,
    generator: np.random.Generator | None = None,
) -> PolicyNetwork:
    settings = NetworkConfig(
        body=body, inputs=inputs, reads=reads, width=width, depth=depth, hidden=hidden, embedding=embedding, heads=heads
    )
    return PolicyNetwork(settings, generator)


def build_network(config: NetworkConfig, generator: np.random.Generator | None = None) -> PolicyNetwork:
    """Return a network with initial weights from a generator; without one, from the common stream of `nets`."""
    network = nets.models.build("policy", generator=generator, **asdict(config))
    assert isinstance(network, PolicyNetwork)
    return network
