"""The interface between the step of a network and the compiled parts that it calls: neuron models, rules, deliveries.

A part is a C function ``int64 kernel(int64 *record, int64 step, int64 *spikes, int64 count)``. Its record holds numbers
and the addresses of its arrays, in an order that its own file defines, so that the step need not know them. The step
calls a part by its address: a new model or rule is one file, and a network compiles only what it uses. Arrays made from
addresses are not reference-counted, which in a row of a few hundred synapses would cost more than the synapses.

A kernel neither allocates nor checks: who fills its record does.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import cfunc, types
from numba.core import cgutils
from numba.extending import intrinsic

from snn_core.kernel_cache import cover

ALIGNMENT = 64
"""Bytes of a cache line, and of the widest vector: loads that straddle two lines take twice the time."""

carray: Any = numba.carray  # type: ignore[attr-defined]
"""An array of the memory at a pointer: ``carray(pointer, shape)``, in compiled code."""

_SIGNATURE = types.int64(types.CPointer(types.int64), types.int64, types.CPointer(types.int64), types.int64)


class CompiledPart:
    """A part that is compiled when its address is first asked for: a network needs few of them."""

    def __init__(self, function: Callable[..., int]) -> None:
        self._function = function
        self._compiled: Any = None

    @property
    def address(self) -> int:
        """Where its code is, as long as this object lives."""
        if self._compiled is None:
            self._compiled = cfunc(_SIGNATURE, cache=True, error_model="numpy")(self._function)
        return self._compiled.address


def kernel(function: Callable[..., int]) -> CompiledPart:
    """A part for the step to call; its ``address`` is what the step is given.

    In the cache on disk a part of another package is stale when snn_core has changed, too: it reads snn_core's records.
    """
    cover(function)
    return CompiledPart(function)


def aligned(shape: int | tuple[int, ...], dtype: Any = np.float32) -> np.ndarray:
    """A zeroed C-contiguous array that begins at a multiple of ``ALIGNMENT``."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape)) * dtype.itemsize
    buffer = np.zeros(size + ALIGNMENT, np.uint8)
    begin = -buffer.ctypes.data % ALIGNMENT
    return buffer[begin : begin + size].view(dtype).reshape(shape)


def _call_kernel(_context, address, record, step, spikes, count):  # type: ignore[no-untyped-def]
    """Call the kernel at ``address`` with addresses of record and spikes (all int64); its int64 result."""
    signature = types.int64(types.int64, types.int64, types.int64, types.int64, types.int64)

    def generate(_, builder, __, arguments):
        target, record, step, spikes, count = arguments
        word = ir.IntType(64)
        pointer = word.as_pointer()
        function = builder.inttoptr(target, ir.FunctionType(word, [pointer, word, pointer, word]).as_pointer())
        record, spikes = builder.inttoptr(record, pointer), builder.inttoptr(spikes, pointer)
        return builder.call(function, [record, step, spikes, count])

    return signature, generate


call_kernel: Any = intrinsic(_call_kernel)


def _pointer_intrinsic(dtype: Any) -> Any:
    @intrinsic
    def pointer(_context, address):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, arguments):
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        return types.CPointer(dtype)(types.int64), generate

    return pointer


float32_pointer = _pointer_intrinsic(types.float32)
int64_pointer = _pointer_intrinsic(types.int64)
int32_pointer = _pointer_intrinsic(types.int32)
uint8_pointer = _pointer_intrinsic(types.uint8)


def _prefetch(_context, address):  # type: ignore[no-untyped-def]
    """Ask for the cache line at this address (int64) ahead of its use. Changes nothing but time."""

    def generate(_, builder, __, arguments):
        byte_pointer, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        function_type = ir.FunctionType(ir.VoidType(), [byte_pointer, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, function_type, "llvm.prefetch.p0")
        address = builder.inttoptr(arguments[0], byte_pointer)
        read, keep_in_all_caches, data = number(0), number(3), number(1)
        builder.call(function, [address, read, keep_in_all_caches, data])

    return types.void(types.int64), generate


prefetch: Any = intrinsic(_prefetch)


SCOPES = 8


def _scope_metadata(module: Any, chosen: list[int]) -> Any:
    domain = module.add_metadata(["spikedrive"])
    return module.add_metadata([module.add_metadata([f"array {n}", domain]) for n in chosen])


def _say_scope(instruction: Any, builder: Any, scope: int) -> None:
    others = [n for n in range(SCOPES) if n != scope]
    instruction.set_metadata("alias.scope", _scope_metadata(builder.module, [scope]))
    instruction.set_metadata("noalias", _scope_metadata(builder.module, others))


def _element(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    return builder.gep(context.make_array(array_type)(context, builder, array).data, [index])


def _load(_context, array, index, scope):  # type: ignore[no-untyped-def]
    """``array[index]`` of a 1-D contiguous array, index not negative. ``scope``, a constant below SCOPES, is a promise:
    arrays of two scopes share no memory in the loop. LLVM need not find that out when the loop begins, which with ten
    arrays takes as long as a row of a few hundred synapses.
    """

    def generate(context, builder, signature, arguments):
        value = builder.load(_element(context, builder, signature.args[0], arguments[0], arguments[1]))
        _say_scope(value, builder, scope.literal_value)
        return value

    return array.dtype(array, types.int64, scope), generate


def _store(_context, array, index, scope, value):  # type: ignore[no-untyped-def]
    """``array[index] = value``, with the promise of ``load``."""

    def generate(context, builder, signature, arguments):
        pointer = _element(context, builder, signature.args[0], arguments[0], arguments[1])
        _say_scope(builder.store(arguments[3], pointer), builder, scope.literal_value)
        return context.get_dummy_value()

    return types.void(array, types.int64, scope, array.dtype), generate


load: Any = intrinsic(prefer_literal=True)(_load)
store: Any = intrinsic(prefer_literal=True)(_store)
