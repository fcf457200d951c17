"""Loads and copies at any byte of an array, for kernels that read packed formats; little-endian, unchecked."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


def _pointer_at(context, builder, array_type, array, place, value_type):  # type: ignore[no-untyped-def]
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [place]), value_type.as_pointer())


def _load_intrinsic(result_type: Any, bits: int) -> Any:
    @intrinsic
    def load(_context, source, place):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, arguments):
            array, place = arguments
            pointer = _pointer_at(context, builder, signature.args[0], array, place, ir.IntType(bits))
            return builder.load(pointer, align=1)

        return result_type(source, types.intp), generate

    return load


load_uint16: Any = _load_intrinsic(types.uint16, 16)
load_uint32: Any = _load_intrinsic(types.uint32, 32)
load_int64: Any = _load_intrinsic(types.int64, 64)
"""``load(array, place)``: the number at byte ``place`` of a uint8 array."""


def _copy_8(_context, target, target_place, source, source_place):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):
        block = ir.IntType(64)
        read = _pointer_at(context, builder, signature.args[2], arguments[2], arguments[3], block)
        written = _pointer_at(context, builder, signature.args[0], arguments[0], arguments[1], block)
        builder.store(builder.load(read, align=1), written, align=1)
        return context.get_dummy_value()

    return types.void(target, types.intp, source, types.intp), generate


copy_8: Any = intrinsic(_copy_8)
"""``copy(target, target_place, source, source_place)``: 8 bytes between uint8 arrays."""
