"""Kernels of recurrent layers: the pointwise part of one time step, forwards and backwards.

Each loops over one row of hidden units after the other, sliced so that the inner loop starts from 0: only then does
the compiler see that neighbours lie side by side, and uses SIMD.
"""

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from nets._jit import kernel

# --- squashing functions ---


def gate_tanh(x: float) -> float:
    """Return tanh x."""
    return math.tanh(x)


@overload(gate_tanh, strict=False)
def _gate_tanh(x: Any) -> Any:
    if x == types.float32:
        return lambda x: _tanh32(x)
    return lambda x: math.tanh(x)


def gate_sigmoid(x: float) -> float:
    """Return 1 / (1 + exp(-x)) = (1 + tanh(x / 2)) / 2; accurate to 1e-7, not relative to tiny values."""
    return 0.5 + 0.5 * math.tanh(0.5 * x)


@overload(gate_sigmoid, strict=False)
def _gate_sigmoid(x: Any) -> Any:
    if x == types.float32:
        return lambda x: np.float32(0.5) + np.float32(0.5) * _tanh32(np.float32(0.5) * x)
    return lambda x: 0.5 + 0.5 * math.tanh(0.5 * x)


@kernel
def _tanh32(x: Any) -> Any:
    """Return tanh x of a float32 as x P(x^2) / Q(x^2), relative error below 4e-7; NaN stays NaN.

    P and Q of degree 4 minimize the largest relative error on [-9, 9] (2e-8 before rounding), fitted by iteratively
    reweighted least squares. Beyond 8.1, where the quotient could round to more than 1, it stays at 1 - 3e-7. Half
    the time of a formula with exp.
    """
    end = np.float32(8.1)
    x = -end if x < -end else x
    x = end if x > end else x
    s = x * x
    p = np.float32(1.3354552091158145e-08)
    p = p * s + np.float32(2.0609000472653477e-05)
    p = p * s + np.float32(3.495583081669294e-03)
    p = p * s + np.float32(0.13381021386163383)
    p = p * s + np.float32(0.9999999794651779)
    q = np.float32(7.77651259003157e-07)
    q = q * s + np.float32(3.2856266056637684e-04)
    q = q * s + np.float32(2.5876962976990728e-02)
    q = q * s + np.float32(0.467143369816594)
    q = q * s + np.float32(1)
    return x * p / q


# --- lstm ---


@kernel
def lstm_step(gates: Any, cells: Any, tanh_cells: Any, tape: Any, before: int, after: int) -> None:
    """Go from the states in row ``before`` of cells and tape to those in row ``after``, in place.

    ``gates[t]``, (batch, 4 * hidden), comes as z and becomes i, f, g, o; the state is ``tape[after, :, :hidden]``.
    """
    t, hidden = min(before, after), cells.shape[2]
    for row in range(gates.shape[1]):
        i, f = gates[t, row, :hidden], gates[t, row, hidden : 2 * hidden]
        g, o = gates[t, row, 2 * hidden : 3 * hidden], gates[t, row, 3 * hidden :]
        c_before, c, tanh_c, h = cells[before, row], cells[after, row], tanh_cells[t, row], tape[after, row, :hidden]
        for j in range(hidden):
            in_, forget, new, out = gate_sigmoid(i[j]), gate_sigmoid(f[j]), gate_tanh(g[j]), gate_sigmoid(o[j])
            cell = forget * c_before[j] + in_ * new
            squashed = gate_tanh(cell)
            i[j], f[j], g[j], o[j] = in_, forget, new, out
            c[j], tanh_c[j], h[j] = cell, squashed, out * squashed


@kernel
def lstm_step_backward(
    grad_h: Any, grad_c: Any, gates: Any, cells: Any, tanh_cells: Any, delta: Any, t: int, before: int
) -> None:
    """Write ``delta[t]``, (batch, 4 * hidden); change ``grad_c`` from dL/dc without the way through h to dL/dc before.

    ``cells[before]`` are those that step t started from.
    """
    hidden = cells.shape[2]
    one = gates.dtype.type(1)
    for row in range(gates.shape[1]):
        i, f = gates[t, row, :hidden], gates[t, row, hidden : 2 * hidden]
        g, o = gates[t, row, 2 * hidden : 3 * hidden], gates[t, row, 3 * hidden :]
        delta_i, delta_f = delta[t, row, :hidden], delta[t, row, hidden : 2 * hidden]
        delta_g, delta_o = delta[t, row, 2 * hidden : 3 * hidden], delta[t, row, 3 * hidden :]
        c_before, tanh_c, dh, dc = cells[before, row], tanh_cells[t, row], grad_h[row], grad_c[row]
        for j in range(hidden):
            delta_o[j] = dh[j] * tanh_c[j] * o[j] * (one - o[j])
            total = dc[j] + dh[j] * o[j] * (one - tanh_c[j] * tanh_c[j])
            delta_i[j] = total * g[j] * i[j] * (one - i[j])
            delta_f[j] = total * c_before[j] * f[j] * (one - f[j])
            delta_g[j] = total * i[j] * (one - g[j] * g[j])
            dc[j] = total * f[j]


# --- rnn ---


@kernel
def rnn_step(z: Any, state: Any, relu: bool) -> None:
    """Write f(z), z of shape (batch, hidden), to ``state[:, :hidden]``."""
    hidden = z.shape[1]
    zero = z.dtype.type(0)
    for row in range(z.shape[0]):
        a, h = z[row], state[row, :hidden]
        if relu:
            for j in range(hidden):
                h[j] = zero if a[j] < zero else a[j]  # a NaN stays
        else:
            for j in range(hidden):
                h[j] = gate_tanh(a[j])


@kernel
def rnn_step_backward(grad_h: Any, state: Any, delta: Any, relu: bool) -> None:
    """Write delta = grad_h f', which h = ``state[:, :hidden]`` tells."""
    hidden = delta.shape[1]
    zero, one = delta.dtype.type(0), delta.dtype.type(1)
    for row in range(delta.shape[0]):
        dh, h, out = grad_h[row], state[row, :hidden], delta[row]
        if relu:
            for j in range(hidden):
                out[j] = dh[j] if h[j] > zero else zero
        else:
            for j in range(hidden):
                out[j] = dh[j] * (one - h[j] * h[j])


# --- gru ---


@kernel
def gru_step(z: Any, u: Any, states_before: Any, candidates: Any, states: Any) -> None:
    """Make z, (batch, 3 * hidden), the gates r, z, n in place; write u^n to ``candidates`` and the new states."""
    hidden = states.shape[1]
    for row in range(z.shape[0]):
        r_and_z, u_r_and_z = z[row, : 2 * hidden], u[row, : 2 * hidden]
        r, keep, n = z[row, :hidden], z[row, hidden : 2 * hidden], z[row, 2 * hidden :]
        u_n, candidate, before, h = u[row, 2 * hidden :], candidates[row], states_before[row], states[row]
        for j in range(2 * hidden):
            r_and_z[j] = gate_sigmoid(r_and_z[j] + u_r_and_z[j])
        for j in range(hidden):
            candidate[j] = u_n[j]
        for j in range(hidden):
            n[j] = gate_tanh(n[j] + r[j] * u_n[j])
        for j in range(hidden):
            h[j] = n[j] + keep[j] * (before[j] - n[j])


@kernel
def gru_step_backward(grad_h: Any, gates: Any, candidates: Any, states_before: Any, delta: Any, delta_u: Any) -> None:
    """Write delta and dL/du, (batch, 3 * hidden); multiply ``grad_h`` by z."""
    hidden = states_before.shape[1]
    one = gates.dtype.type(1)
    for row in range(gates.shape[0]):
        r, keep, n = gates[row, :hidden], gates[row, hidden : 2 * hidden], gates[row, 2 * hidden :]
        delta_r, delta_z, delta_n = delta[row, :hidden], delta[row, hidden : 2 * hidden], delta[row, 2 * hidden :]
        shared, delta_u_shared = delta[row, : 2 * hidden], delta_u[row, : 2 * hidden]
        delta_u_n, candidate, before = delta_u[row, 2 * hidden :], candidates[row], states_before[row]
        dh = grad_h[row]
        for j in range(hidden):
            delta_n[j] = dh[j] * (one - keep[j]) * (one - n[j] * n[j])
        for j in range(hidden):
            delta_r[j] = delta_n[j] * candidate[j] * r[j] * (one - r[j])
        for j in range(hidden):
            delta_z[j] = dh[j] * (before[j] - n[j]) * keep[j] * (one - keep[j])
        for j in range(2 * hidden):
            delta_u_shared[j] = shared[j]
        for j in range(hidden):
            delta_u_n[j] = delta_n[j] * r[j]
        for j in range(hidden):
            dh[j] *= keep[j]
