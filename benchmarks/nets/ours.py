"""Our side: the models in `nets`, as a user writes them."""

from typing import Any, Final

import nets
from benchmarks.nets.workloads import LR, WORKLOADS, Array
from nets import functional as F  # noqa: N812  # as everywhere in the field


class Weights(nets.Module):
    """Parameters without a model."""

    def __init__(self, n: int) -> None:
        self.weight = nets.Parameter(nets.random.generator().standard_normal(n))


MODELS: Final = {
    "mlp_small": lambda: nets.Sequential(nets.Linear(784, 30, activation="sigmoid"), nets.Linear(30, 10)),
    "mlp": lambda: nets.Sequential(
        nets.Linear(784, 256, activation="relu"), nets.Linear(256, 128, activation="relu"), nets.Linear(128, 10)
    ),
    "conv": lambda: nets.Sequential(
        nets.Conv2d(1, 16, 3, padding=1, activation="relu"),
        nets.Conv2d(16, 32, 3, stride=2, padding=1, activation="relu"),
        nets.Flatten(),
        nets.Linear(6272, 10),
    ),
    "lstm": lambda: nets.Sequential(nets.LSTM(28, 64), nets.LastStep(), nets.Linear(64, 10)),
    "transformer": lambda: nets.TransformerBlock(64, 4, 256, activation="gelu", norm_first=True),
    "transformer_post": lambda: nets.TransformerBlock(64, 4, 256, activation="gelu", norm_first=False),
    "adam": lambda: Weights(1_000_000),
    "conv_transpose": lambda: nets.ConvTranspose2d(32, 16, 3, stride=2, padding=1, output_padding=1),
}


class Ours:
    """One workload in `nets`, with the default back end."""

    def __init__(self, name: str) -> None:
        self.workload = WORKLOADS[name]
        nets.manual_seed(2048)
        self.model = MODELS[name]()
        self.optimizer = nets.optim.Adam(self.model.parameters(), lr=LR)
        x, self.target = self.workload.data()
        self.x = nets.Tensor(x, requires_grad=self.workload.input_gradient)
        if self.workload.loss == "none":
            self.model.weight.grad = self.target

    def step(self) -> None:
        """Train on the batch once."""
        match self.workload.loss:
            case "none":
                self.optimizer.step()
            case "given":
                self.optimizer.zero_grad()
                self.x.zero_grad()
                self.model(self.x).backward(self.target)
                self.optimizer.step()
            case _:
                self.optimizer.zero_grad()
                self.loss().backward()
                self.optimizer.step()

    def loss(self) -> Any:
        """Return the loss of the batch."""
        match self.workload.loss:
            case "cross_entropy":
                return F.cross_entropy(self.model(self.x), self.target)
            case "mse":
                return F.mse_loss(self.model(self.x), self.target)
            case "given":
                return (self.model(self.x) * self.target).sum()
            case _:
                return (self.model.weight * self.target).sum()

    def weights(self) -> list[Array]:
        """Return copies of all parameters."""
        return [parameter.numpy().copy() for parameter in self.model.parameters()]

    def gradients(self) -> list[Array]:
        """Return the gradients of all parameters, and of the input if it has one."""
        tensors = [*self.model.parameters(), *([self.x] if self.workload.input_gradient else [])]
        return [tensor.grad.numpy().copy() for tensor in tensors]
