"""Kernels of recurrent layers: the pointwise part of one time step, forwards and backwards.

The loops over a row of hidden units are many and short on purpose. Before a loop the compiled code checks that its
arrays do not overlap, pair by pair, and beyond a few pairs the compiler gives up SIMD: one loop over all the arrays
of an LSTM step takes 50 us where these take 12 (batch 64, 64 hidden units, float32).
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
def lstm_step(z: Any, cells_before: Any, cells: Any, tanh_cells: Any, state: Any) -> None:
    """Make z, (batch, 4 * hidden), the gates i, f, g, o in place; write the cells and ``state[:, :hidden]``."""
    hidden = cells.shape[1]
    for row in range(z.shape[0]):
        i_and_f = z[row, : 2 * hidden]
        i, f = z[row, :hidden], z[row, hidden : 2 * hidden]
        g, o = z[row, 2 * hidden : 3 * hidden], z[row, 3 * hidden :]
        before, c, tanh_c, h = cells_before[row], cells[row], tanh_cells[row], state[row, :hidden]
        for j in range(2 * hidden):
            i_and_f[j] = gate_sigmoid(i_and_f[j])
        for j in range(hidden):
            g[j] = gate_tanh(g[j])
        for j in range(hidden):
            c[j] = f[j] * before[j] + i[j] * g[j]
        for j in range(hidden):
            tanh_c[j] = gate_tanh(c[j])
        for j in range(hidden):
            o[j] = gate_sigmoid(o[j])
        for j in range(hidden):
            h[j] = o[j] * tanh_c[j]


@kernel
def lstm_step_backward(
    grad: Any, grad_h: Any, grad_c: Any, gates: Any, cells_before: Any, tanh_cells: Any, delta: Any
) -> None:
    """Write delta, (batch, 4 * hidden), and change ``grad_c`` to dL/dc of the step before; add grad to ``grad_h``."""
    hidden = cells_before.shape[1]
    one = gates.dtype.type(1)
    for row in range(gates.shape[0]):
        i, f = gates[row, :hidden], gates[row, hidden : 2 * hidden]
        g, o = gates[row, 2 * hidden : 3 * hidden], gates[row, 3 * hidden :]
        delta_i, delta_f = delta[row, :hidden], delta[row, hidden : 2 * hidden]
        delta_g, delta_o = delta[row, 2 * hidden : 3 * hidden], delta[row, 3 * hidden :]
        before, tanh_c, given, dh, dc = cells_before[row], tanh_cells[row], grad[row], grad_h[row], grad_c[row]
        for j in range(hidden):
            dh[j] += given[j]
        for j in range(hidden):
            dc[j] += dh[j] * o[j] * (one - tanh_c[j] * tanh_c[j])
        for j in range(hidden):
            delta_o[j] = dh[j] * tanh_c[j] * o[j] * (one - o[j])
        for j in range(hidden):
            delta_i[j] = dc[j] * g[j] * i[j] * (one - i[j])
        for j in range(hidden):
            delta_g[j] = dc[j] * i[j] * (one - g[j] * g[j])
        for j in range(hidden):
            delta_f[j] = dc[j] * before[j] * f[j] * (one - f[j])
        for j in range(hidden):
            dc[j] *= f[j]


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
def rnn_step_backward(grad: Any, grad_h: Any, state: Any, delta: Any, relu: bool) -> None:
    """Write delta = (grad + grad_h) f', which h = ``state[:, :hidden]`` tells."""
    hidden = delta.shape[1]
    zero, one = delta.dtype.type(0), delta.dtype.type(1)
    for row in range(delta.shape[0]):
        given, dh, h, out = grad[row], grad_h[row], state[row, :hidden], delta[row]
        if relu:
            for j in range(hidden):
                out[j] = given[j] + dh[j] if h[j] > zero else zero
        else:
            for j in range(hidden):
                out[j] = (given[j] + dh[j]) * (one - h[j] * h[j])


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
def gru_step_backward(
    grad: Any, grad_h: Any, product: Any, gates: Any, candidates: Any, states_before: Any, delta: Any, delta_u: Any
) -> None:
    """Write delta and dL/du, (batch, 3 * hidden); change ``grad_h`` from z dh of the step after to that of this one."""
    hidden = states_before.shape[1]
    one = gates.dtype.type(1)
    for row in range(gates.shape[0]):
        r, keep, n = gates[row, :hidden], gates[row, hidden : 2 * hidden], gates[row, 2 * hidden :]
        delta_r, delta_z, delta_n = delta[row, :hidden], delta[row, hidden : 2 * hidden], delta[row, 2 * hidden :]
        shared, delta_u_shared = delta[row, : 2 * hidden], delta_u[row, : 2 * hidden]
        delta_u_n, candidate, before = delta_u[row, 2 * hidden :], candidates[row], states_before[row]
        given, through_u, dh = grad[row], product[row], grad_h[row]
        for j in range(hidden):
            dh[j] += given[j] + through_u[j]
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
