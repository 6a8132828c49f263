"""Recurrent sequences as one operation each; equations: `nets.backends.reference.recurrent`.

All take x of shape (steps, batch, inputs), PyTorch's weights, and ``reverse`` to read from the last step to the
first; ``outputs[t]`` belongs to ``x[t]`` in both directions.
"""

from collections.abc import Sequence

from nets.backends import backend
from nets.backends.reference.base import Array
from nets.errors import ShapeError
from nets.functional._checks import floats, not_empty
from nets.tensor import Operand, Tensor, record_joint, record_outputs


def rnn(
    x: Operand,
    h0: Operand,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    nonlinearity: str = "tanh",
    reverse: bool = False,
) -> Tensor:
    """Return the hidden states of a simple recurrent network, shape (steps, batch, hidden).

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
    x, (h0,) = _checked("rnn", 1, x, (h0,), w_ih, w_hh)
    back = backend()
    biases = (None if b_ih is None else b_ih.data, None if b_hh is None else b_hh.data)
    outputs, saved = back.rnn(x.data, h0.data, w_ih.data, w_hh.data, *biases, nonlinearity, reverse)

    def backward(grad: Array) -> list[Array | None]:
        gradients = back.rnn_backward(
            grad, x.data, h0.data, w_ih.data, w_hh.data, saved, nonlinearity, reverse, x.requires_grad
        )
        return _present(gradients, b_ih, b_hh)

    return record_joint("rnn", outputs, _inputs(x, h0, w_ih, w_hh, b_ih, b_hh), backward)


def gru(
    x: Operand,
    h0: Operand,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    reverse: bool = False,
) -> Tensor:
    """Return the hidden states of gated recurrent units, shape (steps, batch, hidden).

    The weights hold the gates r, z, n below one another: shapes (3 hidden, inputs) and (3 hidden, hidden).
    """
    x, (h0,) = _checked("gru", 3, x, (h0,), w_ih, w_hh)
    back = backend()
    biases = (None if b_ih is None else b_ih.data, None if b_hh is None else b_hh.data)
    outputs, saved = back.gru(x.data, h0.data, w_ih.data, w_hh.data, *biases, reverse)

    def backward(grad: Array) -> list[Array | None]:
        gradients = back.gru_backward(grad, x.data, h0.data, w_ih.data, w_hh.data, saved, reverse, x.requires_grad)
        return _present(gradients, b_ih, b_hh)

    return record_joint("gru", outputs, _inputs(x, h0, w_ih, w_hh, b_ih, b_hh), backward)


def lstm(
    x: Operand,
    h0: Operand,
    c0: Operand,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    reverse: bool = False,
) -> tuple[Tensor, Tensor]:
    """Return the hidden states of a long short-term memory, shape (steps, batch, hidden), and the last cell state.

    The weights hold the gates i, f, g, o below one another: shapes (4 hidden, inputs) and (4 hidden, hidden).
    """
    x, (h0, c0) = _checked("lstm", 4, x, (h0, c0), w_ih, w_hh)
    back = backend()
    biases = (None if b_ih is None else b_ih.data, None if b_hh is None else b_hh.data)
    outputs, c_last, saved = back.lstm(x.data, h0.data, c0.data, w_ih.data, w_hh.data, *biases, reverse)

    def backward(grads: Sequence[Array | None]) -> list[Array | None]:
        grad_outputs = back.xp.zeros_like(outputs) if grads[0] is None else grads[0]
        gradients = back.lstm_backward(
            grad_outputs, grads[1], x.data, h0.data, c0.data, w_ih.data, w_hh.data, saved, reverse, x.requires_grad
        )
        return _present(gradients, b_ih, b_hh)

    inputs = _inputs(x, h0, c0, w_ih, w_hh, b_ih, b_hh)
    hidden, cell = record_outputs("lstm", (outputs, c_last), inputs, backward)
    return hidden, cell


def _checked(
    name: str, gates: int, x: Operand, states: tuple[Operand, ...], w_ih: Tensor, w_hh: Tensor
) -> tuple[Tensor, tuple[Tensor, ...]]:
    x = floats(name, x, w_ih)
    hidden = w_hh.shape[1]
    if x.ndim != 3 or x.shape[2] != w_ih.shape[1]:
        raise ShapeError(f"{name}: an input of shape {x.shape} does not fit weights of shape {w_ih.shape}; "
                         "it must be (steps, batch, inputs)")  # fmt: skip
    if w_ih.shape[0] != gates * hidden or w_hh.shape[0] != gates * hidden:
        raise ShapeError(f"{name}: weights of shapes {w_ih.shape} and {w_hh.shape} must have {gates} x {hidden} rows")
    not_empty(name, x)
    given = tuple(floats(name, state, w_ih) for state in states)
    for state in given:
        if state.shape != (x.shape[1], hidden):
            raise ShapeError(f"{name}: the initial state must have shape {(x.shape[1], hidden)}, got {state.shape}")
    return x, given


def _inputs(*tensors: Tensor | None) -> tuple[Tensor, ...]:
    return tuple(t for t in tensors if t is not None)


def _present(gradients: Sequence[Array | None], b_ih: Tensor | None, b_hh: Tensor | None) -> list[Array | None]:
    """Return the gradients of those inputs that there are; the last two are those of the biases."""
    *rest, gb_ih, gb_hh = gradients
    return [*rest, *([] if b_ih is None else [gb_ih]), *([] if b_hh is None else [gb_hh])]
