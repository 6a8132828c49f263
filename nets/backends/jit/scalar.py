"""exp, sigmoid, tanh and erf of one number, fast enough to vanish in a loop.

The C library's exp takes about 2.7 ns a number and keeps the loop around it from using SIMD. A polynomial does not:
exp(x) = 2^n exp(r) with n = round(x / ln 2), so |r| <= ln(2) / 2, and 2^n is written into the exponent bits.
"""

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from nets._jit import exact_kernel


def _float32_of_bits_typed(typing_context: Any, bits: Any) -> Any:
    """Read the bits of an int32 as a float32."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), codegen


_float32_of_bits: Any = intrinsic(_float32_of_bits_typed)


@exact_kernel
def _exp32(x: Any) -> Any:
    """Return exp(x) for a float32; relative error below 2e-7; keeps NaN.

    inf where the result exceeds the largest float32, above x = 88.72283; 0 below x = -86.98, where it is 1.7e-38, close
    to the smallest float32 of full precision.
    """
    # Not x < -86 ? -86 : x with the sides exchanged: a NaN must pass through.
    clamped = np.float32(-86.98) if x < np.float32(-86.98) else x
    n = np.floor(clamped * np.float32(1.44269504) + np.float32(0.5))
    r = clamped - n * np.float32(0.693359375) - n * np.float32(-2.12194440e-4)
    # 2 exp(r) 2^(n - 1), because n reaches 128 and 2^128 is no float32.
    p = np.float32(2 * 1.9875691500e-4)
    p = p * r + np.float32(2 * 1.3981999507e-3)
    p = p * r + np.float32(2 * 8.3334519073e-3)
    p = p * r + np.float32(2 * 4.1665795894e-2)
    p = p * r + np.float32(2 * 1.6666665459e-1)
    p = p * r + np.float32(2 * 5.0000001201e-1)
    p = p * r * r + (r + r) + np.float32(2)
    scaled = p * _float32_of_bits(np.int32((np.int32(n) + np.int32(126)) << np.int32(23)))
    scaled = np.float32(np.inf) if x > np.float32(88.72283) else scaled
    return np.float32(0) if x < np.float32(-86.98) else scaled


def exp(x: float) -> float:
    """Return exp(x) in the precision of x."""
    return math.exp(x)


@overload(exp, strict=False)
def _exp(x: Any) -> Any:
    if x == types.float32:
        return lambda x: _exp32(x)
    return lambda x: math.exp(x)


def sigmoid(x: float) -> float:
    """Return 1 / (1 + exp(-x))."""
    return 1 / (1 + math.exp(-x))


@overload(sigmoid, strict=False)
def _sigmoid(x: Any) -> Any:
    if x == types.float32:
        return lambda x: np.float32(1) / (np.float32(1) + _exp32(-x))
    return lambda x: 1.0 / (1.0 + math.exp(-x))


def tanh(x: float) -> float:
    """Return the hyperbolic tangent."""
    return math.tanh(x)


@overload(tanh, strict=False)
def _tanh(x: Any) -> Any:
    if x == types.float32:
        return lambda x: _tanh32(x)
    return lambda x: math.tanh(x)


@exact_kernel
def _tanh32(x: Any) -> Any:
    """Return tanh(x) = x - x^3/3 + ... near 0, where the other formula cancels; 1 - 2 / (exp(2x) + 1) elsewhere."""
    square = x * x
    near = np.float32(2.1869488e-2) - square * np.float32(8.8632356e-3)
    near = np.float32(-5.3968254e-2) + square * near
    near = np.float32(1.3333333e-1) + square * near
    near = np.float32(-3.3333333e-1) + square * near
    near = x + x * square * near
    far = np.float32(1) - np.float32(2) / (_exp32(x + x) + np.float32(1))
    return near if square < np.float32(0.09) else far


def erf(x: float) -> float:
    """Return the error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
    return math.erf(x)


@overload(erf, strict=False)
def _erf(x: Any) -> Any:
    if x == types.float32:
        return lambda x: _erf32(x)
    return lambda x: math.erf(x)


@exact_kernel
def _erf32(x: Any) -> Any:
    """Return erf(x); absolute error below 4e-7.

    The Maclaurin series x (2 / sqrt(pi)) (1 - x^2 / 3 + ...) near 0, and elsewhere
    M. Abramowitz, I. Stegun, *Handbook of Mathematical Functions*, 7.1.26, whose error of 1.5e-7 is absolute.
    """
    square = x * x
    near = np.float32(-7.5757576e-4) * square + np.float32(4.6296296e-3)
    near = near * square - np.float32(2.3809524e-2)
    near = near * square + np.float32(1e-1)
    near = near * square - np.float32(3.3333333e-1)
    near = (near * square + np.float32(1)) * x * np.float32(1.1283791671)
    size = abs(x)
    t = np.float32(1) / (np.float32(1) + np.float32(0.3275911) * size)
    p = np.float32(1.061405429) * t - np.float32(1.453152027)
    p = p * t + np.float32(1.421413741)
    p = p * t - np.float32(0.284496736)
    p = p * t + np.float32(0.254829592)
    far = np.float32(1) - p * t * _exp32(-square)
    far = -far if x < np.float32(0) else far
    return near if square < np.float32(0.2) else far
