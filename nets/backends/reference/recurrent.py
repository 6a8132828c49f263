"""Recurrent layers over whole sequences, forwards in time and (backpropagation through time) backwards.

Sequences are time-major, (steps, batch, features). Weights have PyTorch's names and layout, so that state dicts move
unchanged: ``w_ih`` (gates * hidden, inputs), ``w_hh`` (gates * hidden, hidden), a bias for each, which may be None.
The products of all inputs with ``w_ih`` do not wait for each other and are one matrix product; so is each weight
gradient, a sum over all steps. Only the products with ``w_hh`` go step by step.

``reverse=True`` reads the sequence from its last step to its first; ``outputs[t]`` still belongs to ``x[t]``, so the
last state is ``outputs[0]``. Backwards, ``grad_outputs`` may be None where only last states are used, whose
gradients are ``grad_h_last`` and ``grad_c_last``; None stands for zeros.

References
----------
Elman (1990), "Finding structure in time", doi:10.1207/s15516709cog1402_1.
Hochreiter, Schmidhuber (1997), "Long short-term memory", doi:10.1162/neco.1997.9.8.1735; with the forget gate of
Gers, Schmidhuber, Cummins (2000), doi:10.1162/089976600300015015.
Cho et al. (2014), "Learning phrase representations using RNN encoder-decoder", arXiv:1406.1078. Departure: r gates the
product W_hn h and its bias, not h, as in PyTorch and cuDNN, so that one product W_hh h serves all three gates.
"""

from typing import Any

from nets.backends.reference.base import Array
from nets.backends.reference.pointwise import PointwiseOps

Gradients = tuple[Array | None, Array, Array, Array, Array, Array]
"""dL/dx (None if not needed), dL/dh0, dL/dw_ih, dL/dw_hh, dL/db_ih, dL/db_hh."""


class RecurrentOps(PointwiseOps):
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
        """Return h_t = f(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh) for all t.

        Parameters
        ----------
        x : ndarray, shape (steps, batch, inputs)
        h0 : ndarray, shape (batch, hidden)
        w_ih : ndarray, shape (hidden, inputs)
        w_hh : ndarray, shape (hidden, hidden)
        b_ih, b_hh : ndarray, shape (hidden,), or None
        nonlinearity : {"tanh", "relu"}
            f.
        reverse : bool
            Read from the last step to the first.

        Returns
        -------
        outputs : ndarray, shape (steps, batch, hidden)
        saved : object
            For `rnn_backward`.
        """
        outputs = self._project(x, w_ih, b_ih, b_hh)
        h = h0
        for t in steps_in_time(len(x), reverse):
            h = outputs[t] = self.activate(outputs[t] + h @ w_hh.T, nonlinearity)
        return outputs, outputs

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
        """Return the gradients of `rnn`.

        With a_t the argument of f and delta_t = dL/da_t: delta_t = (dL/dh_t + W_hh^T delta_{t+1}) f'(a_t).
        """
        outputs = saved
        delta = self.xp.empty_like(outputs)
        grad_h = self.xp.zeros_like(h0) if grad_h_last is None else grad_h_last
        for t in steps_in_time(len(x), not reverse):
            grad_h = grad_h if grad_outputs is None else grad_h + grad_outputs[t]
            delta[t] = self.activate_backward(grad_h, None, outputs[t], nonlinearity)
            grad_h = delta[t] @ w_hh
        grad_x, grad_w_ih, grad_b_ih = self._input_gradients(delta, x, w_ih, needs_x)
        grad_w_hh = self._product_over_steps(delta, self._states_before(outputs, h0, reverse))
        return grad_x, grad_h, grad_w_ih, grad_w_hh, grad_b_ih, grad_b_ih.copy()

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
        """Return the hidden states of a long short-term memory, and its last cell state.

        With a_t = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh cut into four (a^i, a^f, a^g, a^o) and s the sigmoid:

            i = s(a^i)    f = s(a^f)    g = tanh(a^g)    o = s(a^o)
            c_t = f c_{t-1} + i g
            h_t = o tanh(c_t)

        Parameters
        ----------
        x : ndarray, shape (steps, batch, inputs)
        h0, c0 : ndarray, shape (batch, hidden)
        w_ih : ndarray, shape (4 * hidden, inputs)
        w_hh : ndarray, shape (4 * hidden, hidden)
        b_ih, b_hh : ndarray, shape (4 * hidden,), or None
        reverse : bool
            Read from the last step to the first.

        Returns
        -------
        outputs : ndarray, shape (steps, batch, hidden)
        c_last : ndarray, shape (batch, hidden)
        saved : object
            For `lstm_backward`.
        """
        gates = self._project(x, w_ih, b_ih, b_hh)
        outputs, cells, tanh_cells = (self.xp.empty((*x.shape[:2], h0.shape[1]), gates.dtype) for _ in range(3))
        h, c = h0, c0
        for t in steps_in_time(len(x), reverse):
            gates[t] += h @ w_hh.T
            i, f, g, o = _cut(gates[t], 4)
            for gate, f_name in ((i, "sigmoid"), (f, "sigmoid"), (g, "tanh"), (o, "sigmoid")):
                gate[...] = self.activate(gate, f_name)
            c = cells[t] = f * c + i * g
            tanh_cells[t] = self.xp.tanh(c)
            h = outputs[t] = o * tanh_cells[t]
        return outputs, c, (gates, cells, tanh_cells, outputs)

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
        """Return dL/dx, dL/dh0, dL/dc0, dL/dw_ih, dL/dw_hh, dL/db_ih and dL/db_hh.

        dL/dh_t = grad_outputs_t + W_hh^T delta_{t+1} and, with dc = dL/dh_t o (1 - tanh^2 c_t) + f_{t+1} dc_{t+1},

            delta^i = dc g i (1 - i)    delta^f = dc c_{t-1} f (1 - f)
            delta^g = dc i (1 - g^2)    delta^o = dL/dh_t tanh(c_t) o (1 - o)
        """
        gates, cells, tanh_cells, outputs = saved
        delta = self.xp.empty_like(gates)
        cells_before = self._states_before(cells, c0, reverse)
        grad_h = self.xp.zeros_like(h0) if grad_h_last is None else grad_h_last
        grad_c = self.xp.zeros_like(c0) if grad_c_last is None else grad_c_last
        for t in steps_in_time(len(x), not reverse):
            i, f, g, o = _cut(gates[t], 4)
            grad_h = grad_h if grad_outputs is None else grad_h + grad_outputs[t]
            grad_c = grad_c + grad_h * o * (1 - tanh_cells[t] ** 2)
            for part, value in zip(
                _cut(delta[t], 4),
                (
                    grad_c * g * i * (1 - i),
                    grad_c * cells_before[t] * f * (1 - f),
                    grad_c * i * (1 - g * g),
                    grad_h * tanh_cells[t] * o * (1 - o),
                ),
                strict=True,
            ):
                part[...] = value
            grad_c = grad_c * f
            grad_h = delta[t] @ w_hh
        grad_x, grad_w_ih, grad_b_ih = self._input_gradients(delta, x, w_ih, needs_x)
        grad_w_hh = self._product_over_steps(delta, self._states_before(outputs, h0, reverse))
        return grad_x, grad_h, grad_c, grad_w_ih, grad_w_hh, grad_b_ih, grad_b_ih.copy()

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
        """Return the hidden states of gated recurrent units.

        With W_ih x_t + b_ih and u = W_hh h_{t-1} + b_hh cut into three (r, z, n) and s the sigmoid:

            r = s(W_ir x_t + b_ir + u^r)    z = s(W_iz x_t + b_iz + u^z)
            n = tanh(W_in x_t + b_in + r u^n)
            h_t = (1 - z) n + z h_{t-1}

        Parameters
        ----------
        x : ndarray, shape (steps, batch, inputs)
        h0 : ndarray, shape (batch, hidden)
        w_ih : ndarray, shape (3 * hidden, inputs)
        w_hh : ndarray, shape (3 * hidden, hidden)
        b_ih, b_hh : ndarray, shape (3 * hidden,), or None
        reverse : bool
            Read from the last step to the first.

        Returns
        -------
        outputs : ndarray, shape (steps, batch, hidden)
        saved : object
            For `gru_backward`.
        """
        gates = self._project(x, w_ih, b_ih, None)
        outputs, candidates = (self.xp.empty((*x.shape[:2], h0.shape[1]), gates.dtype) for _ in range(2))
        h = h0
        for t in steps_in_time(len(x), reverse):
            r, z, n = _cut(gates[t], 3)
            u_r, u_z, u_n = _cut(h @ w_hh.T if b_hh is None else h @ w_hh.T + b_hh, 3)
            r[...] = self.activate(r + u_r, "sigmoid")
            z[...] = self.activate(z + u_z, "sigmoid")
            n[...] = self.xp.tanh(n + r * u_n)
            candidates[t] = u_n
            h = outputs[t] = (1 - z) * n + z * h
        return outputs, (gates, candidates, outputs)

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
        """Return the gradients of `gru`.

        With dh = dL/dh_t = grad_outputs_t + z dh_{t+1} + W_hh^T (dL/du)_{t+1}:

            delta^n = dh (1 - z) (1 - n^2)    delta^r = delta^n u^n r (1 - r)    delta^z = dh (h_{t-1} - n) z (1 - z)
            dL/du = (delta^r, delta^z, r delta^n)
        """
        gates, candidates, outputs = saved
        delta, delta_u = self.xp.empty_like(gates), self.xp.empty_like(gates)
        states_before = self._states_before(outputs, h0, reverse)
        grad_h = self.xp.zeros_like(h0) if grad_h_last is None else grad_h_last
        for t in steps_in_time(len(x), not reverse):
            r, z, n = _cut(gates[t], 3)
            delta_r, delta_z, delta_n = _cut(delta[t], 3)
            grad_h = grad_h if grad_outputs is None else grad_h + grad_outputs[t]
            delta_n[...] = grad_h * (1 - z) * (1 - n * n)
            delta_r[...] = delta_n * candidates[t] * r * (1 - r)
            delta_z[...] = grad_h * (states_before[t] - n) * z * (1 - z)
            delta_u[t] = delta[t]
            _cut(delta_u[t], 3)[2][...] *= r
            grad_h = grad_h * z + delta_u[t] @ w_hh
        grad_x, grad_w_ih, grad_b_ih = self._input_gradients(delta, x, w_ih, needs_x)
        grad_w_hh = self._product_over_steps(delta_u, states_before)
        return grad_x, grad_h, grad_w_ih, grad_w_hh, grad_b_ih, delta_u.sum((0, 1))

    # --- all steps at once ---

    def _project(self, x: Array, weight: Array, *biases: Array | None) -> Array:
        """Return x W^T plus the biases that there are, for all steps: (steps, batch, gates * hidden)."""
        z = (flat(x) @ weight.T).reshape(*x.shape[:2], len(weight))
        for bias in biases:
            if bias is not None:
                z += bias
        return z

    def _input_gradients(
        self, delta: Array, x: Array, weight: Array, needs_x: bool
    ) -> tuple[Array | None, Array, Array]:
        """Return dL/dx, dL/dW and dL/db of `_project`."""
        grad_x = (flat(delta) @ weight).reshape(x.shape) if needs_x else None
        return grad_x, self._product_over_steps(delta, x), delta.sum((0, 1))

    def _product_over_steps(self, delta: Array, x: Array) -> Array:
        """Return the sum over steps and batch of delta x^T, the gradient of the weight in W x."""
        return flat(delta).T @ flat(x)

    def _states_before(self, states: Array, first: Array, reverse: bool) -> Array:
        """Return what each step started from: ``states`` moved by one step, with the initial state at the open end."""
        parts = (states[1:], first[None]) if reverse else (first[None], states[:-1])
        return self.xp.concatenate(parts)


def steps_in_time(count: int, reverse: bool) -> range:
    """Return the steps in the order in which they are read."""
    return range(count - 1, -1, -1) if reverse else range(count)


def _cut(gates: Array, n_gates: int) -> list[Array]:
    """Return views of the gates of one step, (batch, gates * hidden) -> n_gates times (batch, hidden)."""
    hidden = gates.shape[1] // n_gates
    return [gates[:, k * hidden : (k + 1) * hidden] for k in range(n_gates)]


def flat(x: Array) -> Array:
    """Return (steps, batch, features) as (steps * batch, features)."""
    return x.reshape(-1, x.shape[-1])
