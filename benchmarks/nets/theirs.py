"""PyTorch's side: the same models, in every variant that could be the fastest."""

from collections.abc import Iterator
from typing import Any, Final

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  # as everywhere in the field

from benchmarks.nets.workloads import LR, WORKLOADS, Array, Workload

ADAM: Final = {"fused": {"fused": True}, "foreach": {"foreach": True}}
"""PyTorch's two fast implementations of Adam; the third, a loop over the parameters, is slower than both."""


class LastStep(nn.Module):
    """The outputs of a recurrent layer at its last step."""

    def forward(self, result: Any) -> Any:
        """Map (outputs, states) to (batch, hidden)."""
        return result[0][-1]


class Weights(nn.Module):
    """Parameters without a model."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n))


def _block(norm_first: bool) -> nn.Module:
    return nn.TransformerEncoderLayer(
        64, 4, 256, dropout=0.0, activation="gelu", batch_first=True, norm_first=norm_first
    )


MODELS: Final = {
    "mlp_small": lambda: nn.Sequential(nn.Linear(784, 30), nn.Sigmoid(), nn.Linear(30, 10)),
    "mlp": lambda: nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)),
    "conv": lambda: nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(6272, 10),
    ),
    "lstm": lambda: nn.Sequential(nn.LSTM(28, 64), LastStep(), nn.Linear(64, 10)),
    "transformer": lambda: _block(norm_first=True),
    "transformer_post": lambda: _block(norm_first=False),
    "adam": lambda: Weights(1_000_000),
    "conv_transpose": lambda: nn.ConvTranspose2d(32, 16, 3, stride=2, padding=1, output_padding=1),
}


class Theirs:
    """One workload in PyTorch.

    Parameters
    ----------
    name : str
        Of the workload.
    weights : list of ndarray
        Initial values of all parameters, in order.
    adam : str
        A name in `ADAM`.
    channels_last : bool
        Whether images and kernels lie channels-last in memory.
    compiled : bool
        Whether ``torch.compile`` makes one function of model and loss (or of Adam, where there is no model).
    """

    def __init__(
        self, name: str, weights: list[Array], adam: str, channels_last: bool = False, compiled: bool = False
    ) -> None:
        self.workload = WORKLOADS[name]
        self.model = MODELS[name]()
        with torch.no_grad():
            for parameter, values in zip(self.model.parameters(), weights, strict=True):
                parameter.copy_(torch.from_numpy(values))
        layout = torch.channels_last if channels_last else torch.contiguous_format
        x, target = (torch.from_numpy(array) for array in self.workload.data())
        if self.workload.images:
            self.model = self.model.to(memory_format=layout)
            x = x.contiguous(memory_format=layout)
        self.target = target.contiguous(memory_format=layout) if target.ndim == 4 else target
        self.x = x.requires_grad_(self.workload.input_gradient)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=LR, **ADAM[adam])
        self.forward, self.update = self.model, self.optimizer.step
        if self.workload.loss == "none":
            self.model.weight.grad = self.target.clone()
        if compiled:
            self._compile()

    def _compile(self) -> None:
        """Compile now: what does not work shall fail here."""
        torch._dynamo.reset()
        match self.workload.loss:
            case "none":
                self.update = torch.compile(self.optimizer.step)
            case "given":
                self.forward = torch.compile(self.model)
            case _:
                self.loss = torch.compile(self.loss)
        self.step()

    def step(self) -> None:
        """Train on the batch once."""
        match self.workload.loss:
            case "none":
                self.update()
            case "given":
                self.optimizer.zero_grad(set_to_none=True)
                self.x.grad = None
                self.forward(self.x).backward(self.target)
                self.update()
            case _:
                self.optimizer.zero_grad(set_to_none=True)
                self.loss().backward()
                self.update()

    def loss(self) -> Any:
        """Return the loss of the batch."""
        match self.workload.loss:
            case "cross_entropy":
                return F.cross_entropy(self.forward(self.x), self.target)
            case "mse":
                return F.mse_loss(self.forward(self.x), self.target)
            case "given":
                return (self.forward(self.x) * self.target).sum()
            case _:
                return (self.model.weight * self.target).sum()

    def gradients(self) -> list[Array]:
        """Return the gradients of all parameters, and of the input if it has one."""
        tensors = [*self.model.parameters(), *([self.x] if self.workload.input_gradient else [])]
        return [tensor.grad.numpy().copy() for tensor in tensors]


def eager_variants(workload: Workload) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the names and settings of all variants without a compiler."""
    for adam in ADAM:
        yield adam, {"adam": adam}
        if workload.images:
            yield f"{adam}, channels-last", {"adam": adam, "channels_last": True}


def compiled_settings(workload: Workload) -> dict[str, Any]:
    """Return the settings of the compiled variant; compiling Adam itself is for its foreach form only."""
    return {
        "adam": "foreach" if workload.loss == "none" else "fused",
        "channels_last": workload.images,
        "compiled": True,
    }
