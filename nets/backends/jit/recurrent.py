"""Recurrent layers with one matrix product and one kernel a step.

A step of an RNN or LSTM multiplies [h, x, 1] by [W_hh, W_ih, b_ih + b_hh]: states, inputs and a one lie side by side
in one "tape", (steps + 1, batch, width). The kernel of step t writes its state into the row of the step after,
where the next product reads it; backwards, one product with the whole tape gives the gradients of both weights and
the bias together. Outputs are a view of the tape.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from nets.backends.jit.gates import (
    gru_step,
    gru_step_backward,
    lstm_step,
    lstm_step_backward,
    rnn_step,
    rnn_step_backward,
)
from nets.backends.reference.recurrent import Gradients, RecurrentOps, flat, steps_in_time

Array = npt.NDArray[Any]

WIDTH = 16
"""The tape's rows are padded with zeros to a multiple of this many numbers, which matrix products like."""


class JitRecurrentOps(RecurrentOps):
    """RNN, LSTM and GRU over a sequence."""

    # --- rnn ---

    def rnn(
        self,
        x: Array,
        h0: Array,
        w_ih: Array,
        w_hh: Array,
        b_ih: Array | None,
        b_hh: Array | None,
        nonlinearity: str = "tanh",
        reverse: bool = False,
    ) -> tuple[Array, Any]:
        """Return the hidden states, (steps, batch, hidden), as the reference."""
        tape, outputs = self._tape(x, h0, reverse)
        weight = self._tape_weight(tape.shape[2], w_ih, w_hh, b_ih, b_hh)
        z = self.empty(h0.shape, h0.dtype)
        for before, after in _tape_rows(len(x), reverse):
            np.dot(tape[before], weight, out=z)
            rnn_step(z, tape[after], nonlinearity == "relu")
        return outputs, tape

    def rnn_backward(
        self,
        grad_outputs: Array | None,
        x: Array,
        h0: Array,
        w_ih: Array,
        w_hh: Array,
        saved: Any,
        nonlinearity: str = "tanh",
        reverse: bool = False,
        needs_x: bool = True,
        grad_h_last: Array | None = None,
    ) -> Gradients:
        """Return the gradients of `rnn`, as the reference."""
        tape: Array = saved
        delta = self.empty((len(x), *h0.shape), h0.dtype)
        grad_h = _start(grad_h_last, h0)
        w_hh = np.ascontiguousarray(w_hh)
        for t in steps_in_time(len(x), not reverse):
            if grad_outputs is not None:
                grad_h += grad_outputs[t]
            rnn_step_backward(grad_h, tape[t if reverse else t + 1], delta[t], nonlinearity == "relu")
            np.dot(delta[t], w_hh, out=grad_h)
        grad_x = self._through_weight(delta, w_ih) if needs_x else None
        return grad_x, grad_h, *self._tape_gradients(delta, tape, w_ih, w_hh, reverse)

    # --- lstm ---

    def lstm(
        self,
        x: Array,
        h0: Array,
        c0: Array,
        w_ih: Array,
        w_hh: Array,
        b_ih: Array | None,
        b_hh: Array | None,
        reverse: bool = False,
    ) -> tuple[Array, Array, Any]:
        """Return the hidden states, (steps, batch, hidden), and the last cell state, as the reference."""
        tape, outputs = self._tape(x, h0, reverse)
        weight = self._tape_weight(tape.shape[2], w_ih, w_hh, b_ih, b_hh)
        steps, batch, _ = x.shape
        hidden = h0.shape[1]
        gates = self.empty((steps, batch, 4 * hidden), x.dtype)
        cells = self.empty((steps + 1, batch, hidden), x.dtype)
        tanh_cells = self.empty((steps, batch, hidden), x.dtype)
        cells[steps if reverse else 0] = c0
        for before, after in _tape_rows(steps, reverse):
            np.dot(tape[before], weight, out=gates[min(before, after)])
            lstm_step(gates, cells, tanh_cells, tape, before, after)
        return outputs, cells[0 if reverse else steps].copy(), (gates, cells, tanh_cells, tape)

    def lstm_backward(
        self,
        grad_outputs: Array | None,
        grad_c_last: Array | None,
        x: Array,
        h0: Array,
        c0: Array,
        w_ih: Array,
        w_hh: Array,
        saved: Any,
        reverse: bool = False,
        needs_x: bool = True,
        grad_h_last: Array | None = None,
    ) -> tuple[Array | None, Array, Array, Array, Array, Array, Array]:
        """Return the gradients of `lstm`, as the reference."""
        gates, cells, tanh_cells, tape = saved
        delta = self.empty(gates.shape, gates.dtype)
        grad_h = _start(grad_h_last, h0)
        grad_c = _start(grad_c_last, c0)
        w_hh = np.ascontiguousarray(w_hh)
        for t in steps_in_time(len(x), not reverse):
            if grad_outputs is not None:
                grad_h += grad_outputs[t]
            lstm_step_backward(grad_h, grad_c, gates, cells, tanh_cells, delta, t, t + 1 if reverse else t)
            np.dot(delta[t], w_hh, out=grad_h)
        grad_x = self._through_weight(delta, w_ih) if needs_x else None
        return grad_x, grad_h, grad_c, *self._tape_gradients(delta, tape, w_ih, w_hh, reverse)

    # --- gru ---

    def gru(
        self,
        x: Array,
        h0: Array,
        w_ih: Array,
        w_hh: Array,
        b_ih: Array | None,
        b_hh: Array | None,
        reverse: bool = False,
    ) -> tuple[Array, Any]:
        """Return the hidden states, (steps, batch, hidden), as the reference."""
        steps, batch, _ = x.shape
        hidden = h0.shape[1]
        gates = self._project(x, w_ih, b_ih, None)
        states = self.empty((steps + 1, batch, hidden), x.dtype)
        states[steps if reverse else 0] = h0
        candidates = self.empty((steps, batch, hidden), x.dtype)
        u = self.empty((batch, 3 * hidden), x.dtype)
        w_hh = np.ascontiguousarray(w_hh.T)
        for before, after in _tape_rows(steps, reverse):
            t = min(before, after)
            np.dot(states[before], w_hh, out=u)
            if b_hh is not None:
                u += b_hh
            gru_step(gates[t], u, states[before], candidates[t], states[after])
        return states[:-1] if reverse else states[1:], (gates, candidates, states)

    def gru_backward(
        self,
        grad_outputs: Array | None,
        x: Array,
        h0: Array,
        w_ih: Array,
        w_hh: Array,
        saved: Any,
        reverse: bool = False,
        needs_x: bool = True,
        grad_h_last: Array | None = None,
    ) -> Gradients:
        """Return the gradients of `gru`, as the reference."""
        gates, candidates, states = saved
        delta, delta_u = self.empty(gates.shape, gates.dtype), self.empty(gates.shape, gates.dtype)
        grad_h = _start(grad_h_last, h0)
        product = np.empty_like(grad_h)
        w_hh = np.ascontiguousarray(w_hh)
        for t in steps_in_time(len(x), not reverse):
            if grad_outputs is not None:
                grad_h += grad_outputs[t]
            before = states[t + 1 if reverse else t]
            gru_step_backward(grad_h, gates[t], candidates[t], before, delta[t], delta_u[t])
            grad_h += np.dot(delta_u[t], w_hh, out=product)
        grad_x, grad_w_ih, grad_b_ih = self._input_gradients(delta, x, w_ih, needs_x)
        grad_w_hh = self._product_over_steps(delta_u, states[1:] if reverse else states[:-1])
        return grad_x, grad_h, grad_w_ih, grad_w_hh, grad_b_ih, delta_u.sum((0, 1))

    # --- the tape ---

    def _tape(self, x: Array, h0: Array, reverse: bool) -> tuple[Array, Array]:
        """Return the tape with rows [h, x, 1, 0...], h still to come but for the first, and the view of all h."""
        steps, batch, inputs = x.shape
        hidden = h0.shape[1]
        width = -(-(hidden + inputs + 1) // WIDTH) * WIDTH
        tape = self.empty((steps + 1, batch, width), x.dtype)
        used = tape[1:] if reverse else tape[:-1]
        used[:, :, hidden : hidden + inputs] = x
        used[:, :, hidden + inputs] = 1
        used[:, :, hidden + inputs + 1 :] = 0
        tape[steps if reverse else 0, :, :hidden] = h0
        return tape, (tape[:-1] if reverse else tape[1:])[:, :, :hidden]

    def _tape_weight(self, width: int, w_ih: Array, w_hh: Array, b_ih: Array | None, b_hh: Array | None) -> Array:
        """Return what a row of the tape is multiplied by: W_hh^T, W_ih^T, the biases and zeros below each other."""
        (rows, hidden), inputs = w_hh.shape, w_ih.shape[1]
        weight: Array = self.empty((width, rows), w_hh.dtype)
        weight[:hidden] = w_hh.T
        weight[hidden : hidden + inputs] = w_ih.T
        weight[hidden + inputs :] = 0
        for bias in (b_ih, b_hh):
            if bias is not None:
                weight[hidden + inputs] += bias
        return weight

    def _tape_gradients(
        self, delta: Array, tape: Array, w_ih: Array, w_hh: Array, reverse: bool
    ) -> tuple[Array, Array, Array, Array]:
        """Return dL/dw_ih, dL/dw_hh, dL/db_ih and dL/db_hh: the columns of one product."""
        hidden, inputs = w_hh.shape[1], w_ih.shape[1]
        grad = flat(delta).T @ flat(tape[1:] if reverse else tape[:-1])
        grad_bias = grad[:, hidden + inputs]
        return grad[:, hidden : hidden + inputs], grad[:, :hidden], grad_bias, grad_bias.copy()

    def _through_weight(self, delta: Array, weight: Array) -> Array:
        """Return delta W for all steps, (steps, batch, inputs)."""
        grad_x: Array = self.empty((*delta.shape[:2], weight.shape[1]), delta.dtype)
        np.dot(flat(delta), weight, out=flat(grad_x))
        return grad_x


def _start(grad_last: Array | None, like: Array) -> Array:
    """Return the gradient of a last state as an array to change, zeros where there is none."""
    return np.zeros_like(like, order="C") if grad_last is None else np.array(grad_last, order="C")


def _tape_rows(steps: int, reverse: bool) -> list[tuple[int, int]]:
    """Return, in order of time, the rows of the tape that each step reads from and writes its state to."""
    return [(t + 1, t) if reverse else (t, t + 1) for t in steps_in_time(steps, reverse)]
