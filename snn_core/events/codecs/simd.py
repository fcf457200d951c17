"""Short vectors of integers in compiled code, as processors have them, where numba has none: many words at once.

A ``Lanes`` value holds 16 or 32 integers, or as many truth values (1 bit). The functions here are each a few
instructions of LLVM's vector language, which it translates for the processor it runs on. Scalars given for ``Lanes``
are repeated in every lane. Nothing is checked: loads and stores reach from their index over all lanes.
"""

from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.core.datamodel import models
from numba.extending import intrinsic, register_model

MIN_LLVM = 20  # the first that compresses vectors on every processor


def _is_compiled_for(feature: str) -> bool:
    """Whether numba compiles for processors that have this feature: those of NUMBA_CPU_FEATURES, or this one."""
    if config.CPU_FEATURES is not None:  # type: ignore[attr-defined]
        return f"+{feature}" in config.CPU_FEATURES.split(",")  # type: ignore[attr-defined]
    return bool(llvm.get_host_cpu_features().get(feature, False))


HAS_COMPRESS = llvm.llvm_version_info[0] >= MIN_LLVM and _is_compiled_for("avx512vbmi2")
"""Whether ``compress`` is an instruction here. Where it is not, a loop over words is faster than these vectors."""

_INT32 = ir.IntType(32)


class Lanes(types.Type):
    """numba's type of ``count`` integers of ``bits`` bits."""

    def __init__(self, bits: int, count: int) -> None:
        self.bits, self.count = bits, count
        super().__init__(name=f"Lanes({bits}, {count})")

    @property
    def llvm_type(self) -> Any:
        return ir.VectorType(ir.IntType(self.bits), self.count)


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, lanes: Lanes) -> None:
        super().__init__(manager, lanes, lanes.llvm_type)


def _order(indices: list[int]) -> Any:
    return ir.Constant(ir.VectorType(_INT32, len(indices)), indices)


def _spread(builder: Any, scalar: Any, lanes: Lanes) -> Any:
    """The scalar, an integer of any size, in every lane."""
    element = ir.IntType(lanes.bits)
    if scalar.type.width != lanes.bits:
        scalar = (builder.trunc if scalar.type.width > lanes.bits else builder.zext)(scalar, element)
    undefined = ir.Constant(lanes.llvm_type, ir.Undefined)
    return builder.shuffle_vector(
        builder.insert_element(undefined, scalar, _INT32(0)), undefined, _order([0] * lanes.count)
    )


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any, lanes: Lanes) -> Any:
    element = builder.gep(context.make_array(array_type)(context, builder, array).data, [index])
    return builder.bitcast(element, lanes.llvm_type.as_pointer())


def _loading(count: int) -> Any:
    def load(_context, array, index):  # type: ignore[no-untyped-def]
        """``count`` elements of a 1-D array from ``index`` on."""
        lanes = Lanes(array.dtype.bitwidth, count)

        def generate(context, builder, signature, arguments):
            array, index = arguments
            pointer = _pointer(context, builder, signature.args[0], array, index, lanes)
            return builder.load(pointer, align=lanes.bits // 8)

        return lanes(array, types.intp), generate

    return intrinsic(load)


load16: Any = _loading(16)
load32: Any = _loading(32)


def _store(_context, array, index, lanes):  # type: ignore[no-untyped-def]
    """Write all lanes to a 1-D array from ``index`` on; of wider lanes their lower bits."""
    stored = Lanes(array.dtype.bitwidth, lanes.count)

    def generate(context, builder, signature, arguments):
        array, index, values = arguments
        if lanes.bits > stored.bits:
            values = builder.trunc(values, stored.llvm_type)
        pointer = _pointer(context, builder, signature.args[0], array, index, stored)
        builder.store(values, pointer, align=stored.bits // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), generate


store: Any = intrinsic(_store)


def _store_sums(_context, array, index, lanes, base, least):  # type: ignore[no-untyped-def]
    """Write ``max(base + lane, least)`` of all lanes to a 1-D array of int64 from ``index`` on."""
    wide = Lanes(64, lanes.count)

    def generate(context, builder, signature, arguments):
        array, index, values, base, least = arguments
        sums = builder.add(builder.zext(values, wide.llvm_type), _spread(builder, base, wide))
        least = _spread(builder, least, wide)
        sums = builder.select(builder.icmp_signed("<", sums, least), least, sums)
        builder.store(sums, _pointer(context, builder, signature.args[0], array, index, wide), align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes, types.int64, types.int64), generate


store_sums: Any = intrinsic(_store_sums)


def _lane_by_lane(generate_result: Callable[[Any, Any, Any], Any], is_test: bool = False) -> Any:
    def operation(_context, lanes, other):  # type: ignore[no-untyped-def]
        """An operation on each lane and the same lane of ``other``, or a scalar; a test gives truth values."""

        def generate(_, builder, signature, arguments):
            values, other = arguments
            if not isinstance(signature.args[1], Lanes):
                other = _spread(builder, other, lanes)
            return generate_result(builder, values, other)

        return Lanes(1 if is_test else lanes.bits, lanes.count)(lanes, other), generate

    return intrinsic(operation)


both: Any = _lane_by_lane(lambda builder, a, b: builder.and_(a, b))
shift_right: Any = _lane_by_lane(lambda builder, a, b: builder.lshr(a, b))
equal: Any = _lane_by_lane(lambda builder, a, b: builder.icmp_unsigned("==", a, b), is_test=True)
below: Any = _lane_by_lane(lambda builder, a, b: builder.icmp_unsigned("<", a, b), is_test=True)
at_least: Any = _lane_by_lane(lambda builder, a, b: builder.icmp_unsigned(">=", a, b), is_test=True)


def _bits_of(_context, mask):  # type: ignore[no-untyped-def]
    """The truth values as a uint64, the first lane in bit 0."""

    def generate(_, builder, __, arguments):
        return builder.zext(builder.bitcast(arguments[0], ir.IntType(mask.count)), ir.IntType(64))

    return types.uint64(mask), generate


bits_of: Any = intrinsic(_bits_of)


def _masking(count: int) -> Any:
    def mask(_context, bits):  # type: ignore[no-untyped-def]
        """The lower bits of a uint64 as truth values."""
        lanes = Lanes(1, count)

        def generate(_, builder, __, arguments):
            return builder.bitcast(builder.trunc(arguments[0], ir.IntType(count)), lanes.llvm_type)

        return lanes(types.uint64), generate

    return intrinsic(mask)


mask16: Any = _masking(16)
mask32: Any = _masking(32)


def _spreading(count: int, rising: bool) -> Any:
    def spread(_context, scalar):  # type: ignore[no-untyped-def]
        """An int64 in every lane of 16 bits; rising: plus the number of the lane."""
        lanes = Lanes(16, count)

        def generate(_, builder, __, arguments):
            values = _spread(builder, arguments[0], lanes)
            return builder.add(values, ir.Constant(lanes.llvm_type, list(range(count)))) if rising else values

        return lanes(types.int64), generate

    return intrinsic(spread)


spread16: Any = _spreading(16, rising=False)
spread32: Any = _spreading(32, rising=False)
rising16: Any = _spreading(16, rising=True)


def _one_lane(place: Callable[[int], int]) -> Any:
    def lane(_context, lanes):  # type: ignore[no-untyped-def]
        """One of the lanes as an int64."""

        def generate(_, builder, __, arguments):
            return builder.zext(builder.extract_element(arguments[0], _INT32(place(lanes.count))), ir.IntType(64))

        return types.int64(lanes), generate

    return intrinsic(lane)


first_lane: Any = _one_lane(lambda count: 0)
last_lane: Any = _one_lane(lambda count: count - 1)


def _lane_before(_context, lanes, before):  # type: ignore[no-untyped-def]
    """In each lane the one before it, in the first lane the first of ``before``."""

    def generate(_, builder, __, arguments):
        values, before = arguments
        return builder.shuffle_vector(values, before, _order([lanes.count, *range(lanes.count - 1)]))

    return lanes(lanes, before), generate


lane_before: Any = intrinsic(_lane_before)


def _fill_forward(_context, lanes, mask, before):  # type: ignore[no-untyped-def]
    """In each lane the last one up to it whose mask is set, or the lane of ``before`` where there is none."""

    def generate(_, builder, __, arguments):
        values, known, before = arguments
        nowhere = ir.Constant(Lanes(1, lanes.count).llvm_type, [0] * lanes.count)
        step = 1
        while step < lanes.count:
            earlier = [max(lane - step, 0) for lane in range(lanes.count)]
            is_earlier = [lane - step if lane >= step else lanes.count for lane in range(lanes.count)]
            values = builder.select(known, values, builder.shuffle_vector(values, values, _order(earlier)))
            known = builder.or_(known, builder.shuffle_vector(known, nowhere, _order(is_earlier)))
            step *= 2
        return builder.select(known, values, before)

    return lanes(lanes, mask, before), generate


fill_forward: Any = intrinsic(_fill_forward)


def _compress(_context, lanes, mask):  # type: ignore[no-untyped-def]
    """The lanes whose mask is set, side by side from the first lane on; what follows them is undefined."""

    def generate(_, builder, __, arguments):
        vector, truths = lanes.llvm_type, Lanes(1, lanes.count).llvm_type
        name = f"llvm.experimental.vector.compress.v{lanes.count}i{lanes.bits}"
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(vector, [vector, truths, vector]), name
        )
        return builder.call(function, [*arguments, ir.Constant(vector, ir.Undefined)])

    return lanes(lanes, mask), generate


compress: Any = intrinsic(_compress)


def _counting(instruction: Callable[[Any, Any], Any]) -> Any:
    def count(_context, bits):  # type: ignore[no-untyped-def]
        """Of a uint64, as an int64."""

        def generate(_, builder, __, arguments):
            return instruction(builder, arguments[0])

        return types.int64(types.uint64), generate

    return intrinsic(count)


trailing_zeros: Any = _counting(lambda builder, bits: builder.cttz(bits, ir.IntType(1)(0)))
ones: Any = _counting(lambda builder, bits: builder.ctpop(bits))
