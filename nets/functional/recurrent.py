"""Recurrent sequences as one operation each; equations: `nets.backends.reference.recurrent`.

All take x of shape (steps, batch, inputs), PyTorch's weights, and ``reverse`` to read from the last step to the
first; ``outputs[t]`` belongs to ``x[t]`` in both directions.
"""

from collections.abc import Sequence

from nets.backends import backend
from nets.backends.reference.base import Array
from nets.errors import ShapeError
from nets.functional._checks import floats, not_empty, weights
from nets.functional._optional import of_present, present
from nets.tensor import Operand, Tensor, record_outputs


def rnn(
    x: Operand,
    h0: Operand,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    nonlinearity: str = "tanh",
    reverse: bool = False,
) -> tuple[Tensor, Tensor]:
    """Return the hidden states of a simple recurrent network, (steps, batch, hidden), and the last, (batch, hidden).

    Parameters
    ----------
    x : Tensor of floats, shape (steps, batch, inputs)
    h0 : Tensor, shape (batch, hidden)
    w_ih, w_hh : Tensor, shapes (hidden, inputs) and (hidden, hidden)
    b_ih, b_hh : Tensor, shape (hidden,), optional
    nonlinearity : {"tanh", "relu"}
    reverse : bool
        See the module.
    """
    w_ih, w_hh, b_ih, b_hh = weights(w_ih, w_hh, b_ih, b_hh)
    x, (h0,) = _checked("rnn", 1, x, (h0,), w_ih, w_hh, b_ih, b_hh)
    inputs = (x, h0, w_ih, w_hh, b_ih, b_hh)
    back = backend()
    biases = (None if b_ih is None else b_ih.data, None if b_hh is None else b_hh.data)
    outputs, saved = back.rnn(x.data, h0.data, w_ih.data, w_hh.data, *biases, nonlinearity, reverse)

    def backward(grads: Sequence[Array | None]) -> list[Array | None]:
        arrays = (x.data, h0.data, w_ih.data, w_hh.data, saved)
        gradients = back.rnn_backward(grads[0], *arrays, nonlinearity, reverse, x.requires_grad, grads[1])
        return of_present(gradients, inputs)

    results = (outputs, _last(outputs, reverse))
    hidden, last = record_outputs("rnn", results, present(*inputs), backward)
    return hidden, last


def gru(
    x: Operand,
    h0: Operand,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    reverse: bool = False,
) -> tuple[Tensor, Tensor]:
    """Return the hidden states of gated recurrent units, (steps, batch, hidden), and the last, (batch, hidden).

    The weights hold the gates r, z, n below one another: shapes (3 hidden, inputs) and (3 hidden, hidden).
    """
    w_ih, w_hh, b_ih, b_hh = weights(w_ih, w_hh, b_ih, b_hh)
    x, (h0,) = _checked("gru", 3, x, (h0,), w_ih, w_hh, b_ih, b_hh)
    inputs = (x, h0, w_ih, w_hh, b_ih, b_hh)
    back = backend()
    biases = (None if b_ih is None else b_ih.data, None if b_hh is None else b_hh.data)
    outputs, saved = back.gru(x.data, h0.data, w_ih.data, w_hh.data, *biases, reverse)

    def backward(grads: Sequence[Array | None]) -> list[Array | None]:
        arrays = (x.data, h0.data, w_ih.data, w_hh.data, saved)
        return of_present(back.gru_backward(grads[0], *arrays, reverse, x.requires_grad, grads[1]), inputs)

    results = (outputs, _last(outputs, reverse))
    hidden, last = record_outputs("gru", results, present(*inputs), backward)
    return hidden, last


def lstm(
    x: Operand,
    h0: Operand,
    c0: Operand,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    reverse: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the hidden states of a long short-term memory, (steps, batch, hidden), the last, and the last cell state.

    The weights hold the gates i, f, g, o below one another: shapes (4 hidden, inputs) and (4 hidden, hidden).
    """
    w_ih, w_hh, b_ih, b_hh = weights(w_ih, w_hh, b_ih, b_hh)
    x, (h0, c0) = _checked("lstm", 4, x, (h0, c0), w_ih, w_hh, b_ih, b_hh)
    inputs = (x, h0, c0, w_ih, w_hh, b_ih, b_hh)
    back = backend()
    biases = (None if b_ih is None else b_ih.data, None if b_hh is None else b_hh.data)
    outputs, c_last, saved = back.lstm(x.data, h0.data, c0.data, w_ih.data, w_hh.data, *biases, reverse)

    def backward(grads: Sequence[Array | None]) -> list[Array | None]:
        arrays = (x.data, h0.data, c0.data, w_ih.data, w_hh.data, saved)
        gradients = back.lstm_backward(grads[0], grads[2], *arrays, reverse, x.requires_grad, grads[1])
        return of_present(gradients, inputs)

    results = (outputs, _last(outputs, reverse), c_last)
    hidden, last, cell = record_outputs("lstm", results, present(*inputs), backward)
    return hidden, last, cell


def _last(outputs: Array, reverse: bool) -> Array:
    """Return a copy of the state after the last step that was read, so that its gradient comes by itself."""
    return outputs[0 if reverse else -1].copy()


def _checked(
    name: str,
    gates: int,
    x: Operand,
    states: tuple[Operand, ...],
    w_ih: Tensor,
    w_hh: Tensor,
    *biases: Tensor | None,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    x = floats(name, x, w_ih)
    if w_ih.ndim != 2 or w_hh.ndim != 2:
        raise ShapeError(f"{name}: weights must have two axes, got shapes {w_ih.shape} and {w_hh.shape}")
    hidden = w_hh.shape[1]
    if x.ndim != 3 or x.shape[2] != w_ih.shape[1]:
        raise ShapeError(f"{name}: an input of shape {x.shape} does not fit weights of shape {w_ih.shape}; "
                         "it must be (steps, batch, inputs)")  # fmt: skip
    if w_ih.shape[0] != gates * hidden or w_hh.shape[0] != gates * hidden:
        raise ShapeError(f"{name}: weights of shapes {w_ih.shape} and {w_hh.shape} must have {gates} x {hidden} rows")
    for bias in biases:
        if bias is not None and bias.shape != (gates * hidden,):
            raise ShapeError(f"{name}: a bias of shape {bias.shape} does not fit weights of shape {w_ih.shape}")
    not_empty(name, x, w_ih)
    given = tuple(floats(name, state, w_ih) for state in states)
    for state in given:
        if state.shape != (x.shape[1], hidden):
            raise ShapeError(
                f"{name}: the initial state must have shape {(x.shape[1], hidden)}, got {state.shape}; "
                f"the input has shape {x.shape}, the weights {w_ih.shape} and {w_hh.shape}"
            )
    return x, given
