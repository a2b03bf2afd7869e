"""An array that a kernel uses without counting references to it.

Numba counts a reference to each array of a tuple wherever the tuple is passed on or
looked into, with atomic instructions: among many small functions that is most of the
time. A borrowed array has no owner to count for, and the compiler drops it all. A
kernel may borrow its arguments, which its caller owns until it returns, and nothing
else; it must not give a borrowed array back.
"""

from typing import Any, Final

import numpy as np
from numba.core import cgutils, imputils, types
from numba.extending import intrinsic

# Eight bytes of 0x01 and of 0x80, to look at all bytes of a word at once.
ONES: Final = np.uint64(0x0101010101010101)
HIGH_BITS: Final = np.uint64(0x8080808080808080)


@intrinsic
def borrow_array(_context: Any, array: Any) -> tuple[Any, Any]:
    """View an array without owning it; for compiled code only."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = signature.args[0]
        view = cgutils.create_struct_proxy(kind)(context, builder, value=values[0])
        view.meminfo = cgutils.get_null_value(view.meminfo.type)
        view.parent = cgutils.get_null_value(view.parent.type)
        return view._getvalue()

    return array(array), generate


@intrinsic
def freeze_array(_context: Any, array: Any) -> tuple[Any, Any]:
    """View an array read-only, and own it; for compiled code only.

    To the compiler an array that may be written to is another type: without this, a
    kernel that reads bytes of both kinds is compiled twice.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return imputils.impl_ret_borrowed(context, builder, signature.return_type, values[0])

    return array.copy(readonly=True)(array), generate


@intrinsic
def load_word(_context: Any, data: Any, position: Any) -> tuple[Any, Any]:
    """Read eight bytes from a place on, as one unsigned number; for compiled code only.

    The caller sees to it that they are there. Their order within the number is the
    machine's: good for hashes and for tests of all eight at once.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, value=values[0])
        place = builder.gep(array.data, [values[1]])
        number = context.get_value_type(signature.return_type)
        pointer = builder.bitcast(place, number.as_pointer())
        return builder.load(pointer, align=1)

    return types.uint64(data, types.int64), generate
