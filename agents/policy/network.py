"""The network: packed boards in, logits of the four actions and a value out."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import nets
from agents.policy.boards import exponents
from nets import functional as F  # noqa: N812  # as everywhere in the field


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """How a network is made."""

    body: str = "mlp"
    """"mlp", "conv" or "transformer"."""
    inputs: str = "one-hot"
    """"one-hot", "embedding" or "tuples"."""
    width: int = 256
    """Neurons of a layer (mlp), channels (conv), length of the vectors (transformer)."""
    depth: int = 2
    """Layers (mlp), convolutions (conv), blocks (transformer)."""

    def __post_init__(self) -> None:
        if (self.body, self.inputs) != ("mlp", "one-hot"):
            raise nets.ArgumentError(f"body and inputs must be mlp and one-hot, got {self.body} and {self.inputs}")


class PolicyNetwork(nets.Module):
    """Policy and value of boards.

    ``config`` is the dictionary from which `nets.load` builds it again, ``settings`` the `NetworkConfig`.
    """

    config: dict[str, Any]

    def __init__(self, settings: NetworkConfig, generator: np.random.Generator | None = None) -> None:
        self.settings = settings
        width = settings.width
        rng = np.random.default_rng() if generator is None else generator
        self.table = nets.Parameter(rng.standard_normal((256, width)) * np.sqrt(2 / 16))
        self.bias = nets.Parameter(np.zeros(width))
        self.hidden = nets.Sequential(
            *(
                nets.Linear(width, width, activation="relu", init="he_normal", generator=rng)
                for _ in range(settings.depth - 1)
            )
        )
        self.policy = nets.Linear(width, 4, generator=rng, init="lecun_uniform")
        self.policy.weight.data = self.policy.weight.data * np.float32(0.01)
        self.value = nets.Linear(width, 1, generator=rng, init="lecun_uniform")

    def forward(self, boards: npt.NDArray[np.uint64]) -> tuple[nets.Tensor, nets.Tensor]:
        """Return unmasked logits (n, 4) and values (n,) of packed boards (n,)."""
        indices = exponents(boards).astype(np.int64) + 16 * np.arange(16)
        x = (F.embedding(indices, self.table).sum(1) + self.bias).relu()
        x = self.hidden(x)
        return self.policy(x), self.value(x).reshape(-1)


@nets.models.register("policy")
def _policy(
    *,
    body: str = "mlp",
    inputs: str = "one-hot",
    width: int = 256,
    depth: int = 2,
    generator: np.random.Generator | None = None,
) -> PolicyNetwork:
    return PolicyNetwork(NetworkConfig(body=body, inputs=inputs, width=width, depth=depth), generator)


def build_network(config: NetworkConfig, generator: np.random.Generator | None = None) -> PolicyNetwork:
    """Return a network with initial weights from a generator."""
    network = nets.models.build("policy", generator=generator, **asdict(config))
    assert isinstance(network, PolicyNetwork)
    return network
