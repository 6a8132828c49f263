"""The one instruction that Numba lacks: ask the processor to load memory that will be needed soon."""

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


def _prefetch(_typing_context: Any, array: Any, index: Any) -> tuple[Any, Callable[..., Any]]:
    """Ask for ``array[index]`` of a one-dimensional contiguous array; ``prefetch(array, int64)`` inside kernels."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        address = builder.bitcast(builder.gep(data, [arguments[1]]), ir.IntType(8).as_pointer())
        word = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [address.type, word, word, word])
        llvm_prefetch = builder.module.declare_intrinsic("llvm.prefetch", [address.type], kind)
        builder.call(llvm_prefetch, [address, word(0), word(3), word(1)])  # to read, keep in all caches, data
        return context.get_dummy_value()

    return types.void(array, index), generate


prefetch = cast("Callable[[Any, int], None]", intrinsic(_prefetch))
