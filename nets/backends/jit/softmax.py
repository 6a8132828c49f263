"""Softmax over the rows of attention scores, in place, and its derivative."""

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from nets._jit import kernel
from nets.backends.jit.scalar import _float32_of_bits


def _maximum_typed(typing_context: Any, a: Any, b: Any) -> Any:
    """Return the larger of two numbers, NaN if one is; unlike a comparison, a loop of these can use SIMD."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number = arguments[0].type
        function_type = ir.FunctionType(number, [number, number])
        return builder.call(builder.module.declare_intrinsic("llvm.maximum", [number], function_type), arguments)

    return a(a, a), codegen


_maximum: Any = intrinsic(_maximum_typed)


def exp_of_negative(x: float) -> float:
    """Return exp(x) for x <= 0, the only arguments of a shifted softmax."""
    return math.exp(x)


@overload(exp_of_negative, strict=False)
def _exp_of_negative(x: Any) -> Any:
    if x == types.float32:
        return lambda x: _exp32_of_negative(x)
    return lambda x: math.exp(x)


@kernel
def _exp32_of_negative(x: Any) -> Any:
    """Return exp(x) = 2^n exp(r) for a float32 x <= 0, relative error below 5e-7; -inf gives 0, NaN stays NaN.

    A quarter faster than `nets.backends.jit.scalar.exp`: nothing can overflow, and a polynomial one degree lower
    is good enough for weights that are divided by their sum.
    """
    clamped = np.float32(-87.3) if x < np.float32(-87.3) else x
    n = np.floor(clamped * np.float32(1.44269504) + np.float32(0.5))
    r = clamped - n * np.float32(0.6931472)
    p = np.float32(1.3981999507e-3)
    p = p * r + np.float32(8.3334519073e-3)
    p = p * r + np.float32(4.1665795894e-2)
    p = p * r + np.float32(1.6666665459e-1)
    p = p * r + np.float32(5.0000001201e-1)
    p = p * r * r + r + np.float32(1)
    scaled = p * _float32_of_bits(np.int32((np.int32(n) + np.int32(127)) << np.int32(23)))
    return np.float32(0) if x < np.float32(-87.3) else scaled


@kernel
def softmax_rows(scores: Any, scale: Any, causal: bool, mask: Any) -> None:
    """Make scores, (batch, heads, queries, keys), the weights softmax(scale scores + mask), in place.

    ``mask`` has as many axes, of the length of the scores' or 1 except for the last; no batch at all where there is
    none. Query t sees the first t + 1 keys if ``causal``. Rows that see nothing become zero.
    """
    n_batch, n_heads, n_queries, n_keys = scores.shape
    zero, one, lowest = scores.dtype.type(0), scores.dtype.type(1), scores.dtype.type(-np.inf)
    batch_step, head_step, query_step = mask.shape[0] > 1, mask.shape[1] > 1, mask.shape[2] > 1
    for batch in range(n_batch):
        for head in range(n_heads):
            for query in range(n_queries):
                row = scores[batch, head, query]
                seen = row[: min(query + 1, n_keys)] if causal else row
                largest = lowest
                if mask.shape[0]:
                    added = mask[batch * batch_step, head * head_step, query * query_step]
                    for j in range(seen.size):
                        seen[j] = seen[j] * scale + added[j]
                        largest = _maximum(largest, seen[j])
                else:
                    for j in range(seen.size):
                        seen[j] *= scale
                        largest = _maximum(largest, seen[j])
                if largest == lowest:
                    largest = zero  # a row that sees nothing: exp(-inf - 0) = 0, without a NaN
                total = zero
                for j in range(seen.size):
                    seen[j] = exp_of_negative(seen[j] - largest)
                for j in range(seen.size):
                    total += seen[j]
                factor = zero if total == zero else one / total
                for j in range(seen.size):
                    seen[j] *= factor
                row[seen.size :] = zero


@kernel
def softmax_rows_backward(grad: Any, p: Any, scale: Any) -> None:
    """Make grad = dL/dp the gradient of the unscaled scores, scale p (grad - sum grad p), in place."""
    n_keys = p.shape[1]
    for row in range(p.shape[0]):
        weights, g = p[row], grad[row]
        total = p.dtype.type(0)
        for j in range(n_keys):
            total += weights[j] * g[j]
        for j in range(n_keys):
            g[j] = weights[j] * (g[j] - total) * scale
