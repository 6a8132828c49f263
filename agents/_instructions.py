"""The two instructions that Numba lacks: load memory that will be needed soon, and gather the bits of a mask."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

if TYPE_CHECKING:
    import numpy as np


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


def _extract_bits(_typing_context: Any, word: Any, mask: Any) -> tuple[Any, Callable[..., Any]]:
    """Move the bits of ``word`` where ``mask`` is 1 to the lowest places, in order; uint64 of two uint64.

    One instruction (pext) on processors with BMI2, otherwise bit by bit (`compress`).
    """

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        if "+bmi2" in context.codegen()._tm_features:
            kind = ir.FunctionType(ir.IntType(64), [ir.IntType(64)] * 2)
            name = "llvm.x86.bmi.pext.64"
            pext = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
            return builder.call(pext, arguments)
        return context.compile_internal(builder, compress, types.uint64(types.uint64, types.uint64), arguments)

    return types.uint64(types.uint64, types.uint64), generate


def compress(word: Any, mask: Any) -> Any:
    """Gather bits without the instruction: plain Python for Numba to compile, uint64 in and out."""
    one = types.uint64(1)
    out = types.uint64(0)
    place = types.uint64(0)
    while mask != types.uint64(0):
        lowest = mask & (~mask + one)
        if word & lowest != types.uint64(0):
            out |= one << place
        place += one
        mask ^= lowest
    return out


prefetch = cast("Callable[[Any, int], None]", intrinsic(_prefetch))
extract_bits = cast("Callable[[np.uint64, np.uint64], np.uint64]", intrinsic(_extract_bits))
