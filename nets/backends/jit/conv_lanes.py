"""Sixteen numbers at a time: the one thing the copies of a convolution need that a loop does not give them.

The runs that im2col and col2im move are short, often 48 numbers, and of a length known only when they run. Compiled as
a loop, such a run spends its time on choosing between a vectorised body and its remainder (27 ns); as three moves of
16 numbers each it takes 5.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

LANES = 16
"""Numbers in one move: one AVX-512 register of float32, two AVX2 registers."""


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> tuple[Any, int]:
    """Return the address of ``array[index]`` as that of a vector, and the alignment it is sure to have."""
    element = context.get_data_type(array_type.dtype)
    data = context.make_array(array_type)(context, builder, array).data
    vector = ir.VectorType(element, LANES).as_pointer()
    return builder.bitcast(builder.gep(data, [index]), vector), context.get_abi_sizeof(element)


@intrinsic
def _copy_lanes(typing_context: Any, target: Any, t: Any, source: Any, s: Any) -> Any:
    """Set ``target[t : t + 16] = source[s : s + 16]``, both contiguous; no index is checked."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        to, alignment = _pointer(context, builder, signature.args[0], arguments[0], arguments[1])
        of, _ = _pointer(context, builder, signature.args[2], arguments[2], arguments[3])
        builder.store(builder.load(of, align=alignment), to, align=alignment)

    return types.void(target, types.int64, source, types.int64), codegen


@intrinsic
def _add_lanes(typing_context: Any, target: Any, t: Any, source: Any, s: Any) -> Any:
    """Set ``target[t : t + 16] += source[s : s + 16]``, both contiguous; no index is checked."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        to, alignment = _pointer(context, builder, signature.args[0], arguments[0], arguments[1])
        of, _ = _pointer(context, builder, signature.args[2], arguments[2], arguments[3])
        total = builder.fadd(builder.load(to, align=alignment), builder.load(of, align=alignment))
        builder.store(total, to, align=alignment)

    return types.void(target, types.int64, source, types.int64), codegen


# Kernels call an intrinsic without its first parameter.
copy_lanes: Any = _copy_lanes
add_lanes: Any = _add_lanes
