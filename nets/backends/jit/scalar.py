"""exp, sigmoid and tanh of one number, fast enough to vanish in a loop.

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
    """Return exp(x) for a float32; relative error below 2e-7; overflows to inf, underflows to 0, keeps NaN."""
    # Not x < -87 ? -87 : x with the sides exchanged: a NaN must pass through.
    clamped = np.float32(-87.3) if x < np.float32(-87.3) else x
    clamped = np.float32(88.7) if clamped > np.float32(88.7) else clamped
    n = np.floor(clamped * np.float32(1.44269504) + np.float32(0.5))
    r = clamped - n * np.float32(0.693359375) - n * np.float32(-2.12194440e-4)
    p = np.float32(1.9875691500e-4)
    p = p * r + np.float32(1.3981999507e-3)
    p = p * r + np.float32(8.3334519073e-3)
    p = p * r + np.float32(4.1665795894e-2)
    p = p * r + np.float32(1.6666665459e-1)
    p = p * r + np.float32(5.0000001201e-1)
    p = p * r * r + r + np.float32(1)
    scaled = p * _float32_of_bits(np.int32((np.int32(n) + np.int32(127)) << np.int32(23)))
    scaled = np.float32(np.inf) if x > np.float32(88.72284) else scaled
    return np.float32(0) if x < np.float32(-87.3) else scaled


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
