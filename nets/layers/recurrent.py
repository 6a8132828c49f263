"""Recurrent layers, with PyTorch's arguments, results and parameter names."""

import math
from typing import Any

import numpy as np

from nets import functional as F  # noqa: N812
from nets import ops, random
from nets.backends import backend
from nets.errors import ArgumentError, ShapeError
from nets.functional._checks import floats
from nets.layers.module import Module, Parameter
from nets.tensor import Operand, Tensor, as_tensor, wrap

Weights = tuple[Parameter, Parameter, Parameter | None, Parameter | None]


class Recurrent(Module):
    """Base of `RNN`, `GRU` and `LSTM`: layers of cells, one after the other, forwards or in both directions.

    Parameters
    ----------
    input_size, hidden_size : int
        Length of the vectors that go in and of the state.
    num_layers : int
        Each layer reads the hidden states of the one below.
    bias : bool
        Whether there are biases.
    batch_first : bool
        Whether x and outputs have shape (batch, steps, ...) instead of (steps, batch, ...).
    dropout : float
        Probability of dropping a hidden state between layers, in [0, 1).
    bidirectional : bool
        Whether a second set of cells reads from the end; outputs hold both states, first the forward one.
    generator : numpy.random.Generator, optional
        Where initial weights and dropout come from.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0 : Parameter
        Shapes (gates * hidden, inputs), (gates * hidden, hidden), (gates * hidden,) twice; ``_l1`` and so on for the
        layers above, ``_reverse`` behind it for the other direction. All start as U(-1/sqrt(hidden), 1/sqrt(hidden)).
    """

    _gates: int

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        generator: np.random.Generator | None = None,
    ) -> None:
        for name, value in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
            if not isinstance(value, int | np.integer) or value < 1:
                raise ArgumentError(f"{name} must be a positive int, got {value!r}")
        if not 0 <= dropout < 1:
            raise ArgumentError(f"dropout must be in [0, 1), got {dropout}")
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.has_bias, self.batch_first, self.dropout = bias, batch_first, dropout
        self.bidirectional, self.generator = bidirectional, generator
        rng = random.generator(generator)
        rows, bound = self._gates * hidden_size, 1 / math.sqrt(hidden_size)
        for layer in range(num_layers):
            inputs = input_size if layer == 0 else hidden_size * self._directions
            for suffix in self._suffixes(layer):
                shapes = {"weight_ih": (rows, inputs), "weight_hh": (rows, hidden_size)}
                shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)} if bias else {}  # type: ignore[dict-item]
                for name, shape in shapes.items():
                    setattr(self, name + suffix, Parameter(rng.uniform(-bound, bound, shape)))

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def _suffixes(self, layer: int) -> list[str]:
        return [f"_l{layer}", f"_l{layer}_reverse"][: self._directions]

    def _weights(self, suffix: str) -> Weights:
        weight_ih, weight_hh = getattr(self, "weight_ih" + suffix), getattr(self, "weight_hh" + suffix)
        if not self.has_bias:
            return weight_ih, weight_hh, None, None
        return weight_ih, weight_hh, getattr(self, "bias_ih" + suffix), getattr(self, "bias_hh" + suffix)

    def _sequence(self, x: Operand) -> Tensor:
        """Return the input as (steps, batch, inputs)."""
        x = floats(type(self).__name__, x, self.weight_ih_l0)  # type: ignore[attr-defined]  # set in __init__
        if x.ndim != 3 or x.shape[2] != self.input_size:
            axes = "(batch, steps, {})" if self.batch_first else "(steps, batch, {})"
            raise ShapeError(
                f"the input must have shape {axes.format(self.input_size)}, got {x.shape}; "
                f"the weight has shape {self.weight_ih_l0.shape}"  # type: ignore[attr-defined]
            )
        return x.swapaxes(0, 1) if self.batch_first else x

    def _states(self, name: str, given: Operand | None, x: Tensor) -> list[Tensor]:
        """Return the initial state of every layer and direction, each (batch, hidden)."""
        n, shape = self.num_layers * self._directions, (x.shape[1], self.hidden_size)
        if given is None:
            return [wrap(backend().xp.zeros(shape, x.dtype))] * n
        state = floats(name, given, x)
        if state.shape != (n, *shape):
            raise ShapeError(
                f"the initial state {name} must have shape {(n, *shape)}, (layers * directions, batch, hidden), "
                f"got {state.shape}; the recurrent weight has shape {self.weight_hh_l0.shape}"  # type: ignore[attr-defined]
            )
        return list(state)

    def _run(self, x: Tensor, states: list[list[Tensor]]) -> tuple[Tensor, list[Tensor]]:
        """Run all layers; return the outputs, and the final states of each kind, stacked."""
        finals: list[list[Tensor]] = [[] for _ in states]
        for layer in range(self.num_layers):
            outputs = []
            for direction, suffix in enumerate(self._suffixes(layer)):
                index = layer * self._directions + direction
                hidden, last = self._cell(x, [kind[index] for kind in states], suffix, reverse=direction == 1)
                outputs.append(hidden)
                for kind, state in zip(finals, last, strict=True):
                    kind.append(state)
            x = outputs[0] if len(outputs) == 1 else ops.cat(outputs, 2)
            if self.dropout and layer + 1 < self.num_layers:
                x = F.dropout(x, self.dropout, self.training, self.generator)
        return x.swapaxes(0, 1) if self.batch_first else x, [_stacked(kind) for kind in finals]

    def _cell(self, x: Tensor, states: list[Tensor], suffix: str, reverse: bool) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run one layer in one direction; return its hidden states and its final states."""
        raise NotImplementedError

    def extra_repr(self) -> str:
        """Return the settings."""
        options = {"num_layers": 1, "batch_first": False, "dropout": 0.0, "bidirectional": False}
        given = {name: getattr(self, name) for name, default in options.items() if getattr(self, name) != default}
        return f"{self.input_size}, {self.hidden_size}" + "".join(f", {k}={v}" for k, v in given.items())


class _OneState(Recurrent):
    """A network whose only state is its output."""

    def forward(self, x: Operand, h0: Operand | None = None) -> tuple[Tensor, Tensor]:
        """Return all outputs, (steps, batch, directions * hidden), and the last states.

        The states before and after have shape (layers * directions, batch, hidden).
        """
        x = self._sequence(x)
        outputs, (h,) = self._run(x, [self._states("h0", h0, x)])
        return outputs, h


class RNN(_OneState):
    """Elman's recurrent network: h_t = f(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh).

    Parameters
    ----------
    nonlinearity : {"tanh", "relu"}
        f.
    input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, generator
        As in `Recurrent`.
    """

    _gates = 1

    def __init__(self, input_size: int, hidden_size: int, nonlinearity: str = "tanh", **options: Any) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ArgumentError(f"nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}")
        self.nonlinearity = nonlinearity
        super().__init__(input_size, hidden_size, **options)

    def _cell(self, x: Tensor, states: list[Tensor], suffix: str, reverse: bool) -> tuple[Tensor, tuple[Tensor, ...]]:
        hidden, last = F.rnn(x, states[0], *self._weights(suffix), self.nonlinearity, reverse)
        return hidden, (last,)


class GRU(_OneState):
    """Gated recurrent units; K. Cho et al., arXiv:1406.1078. Parameters as in `Recurrent`."""

    _gates = 3

    def _cell(self, x: Tensor, states: list[Tensor], suffix: str, reverse: bool) -> tuple[Tensor, tuple[Tensor, ...]]:
        hidden, last = F.gru(x, states[0], *self._weights(suffix), reverse)
        return hidden, (last,)


class LSTM(Recurrent):
    """Long short-term memory; S. Hochreiter, J. Schmidhuber, 1997, doi:10.1162/neco.1997.9.8.1735.

    Parameters as in `Recurrent`.
    """

    _gates = 4

    def forward(self, x: Operand, state: tuple[Operand, Operand] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return the outputs (steps, batch, directions * hidden) and the last states.

        ``state`` and the last states are pairs (h, c), each of shape (layers * directions, batch, hidden).
        """
        x = self._sequence(x)
        if state is not None and not (isinstance(state, tuple | list) and len(state) == 2):
            given = f"shape {state.shape}" if hasattr(state, "shape") else repr(state)
            raise ArgumentError(f"the initial state must be a pair (h0, c0), got {given}")
        h0, c0 = (None, None) if state is None else state
        outputs, (h, c) = self._run(x, [self._states("h0", h0, x), self._states("c0", c0, x)])
        return outputs, (h, c)

    def _cell(self, x: Tensor, states: list[Tensor], suffix: str, reverse: bool) -> tuple[Tensor, tuple[Tensor, ...]]:
        hidden, last, cell = F.lstm(x, states[0], states[1], *self._weights(suffix), reverse)
        return hidden, (last, cell)


class LastStep(Module):
    """The outputs of a recurrent layer at its last step, for a `Sequential`.

    Takes what the layer returns, (outputs, states). Where the layer reads forwards only, these outputs are its last
    state, whose gradient needs no array of all steps.
    """

    def __init__(self, batch_first: bool = False) -> None:
        self.batch_first = batch_first

    def forward(self, outputs: Operand, states: Any = None) -> Tensor:
        """Map (steps, batch, hidden) to (batch, hidden)."""
        outputs = as_tensor(outputs)
        if outputs.ndim != 3 or 0 in outputs.shape:
            raise ShapeError(f"outputs must have shape (steps, batch, hidden), none of them 0, got {outputs.shape}")
        last: Tensor | None = states[0] if isinstance(states, tuple) else states
        if last is not None and last.shape[2] == outputs.shape[2]:
            return last[-1]
        return outputs[:, -1] if self.batch_first else outputs[-1]


def _stacked(states: list[Tensor]) -> Tensor:
    return states[0].unsqueeze(0) if len(states) == 1 else ops.stack(states)
