"""The kernels as a side module of Emscripten, for `mix2fld_np.browser`: any network, but images of some sizes only.

`python -m mix2fld_np.web.side_module FILE` writes it. Each of its functions takes a rate and the address of a table of
32-bit words: for each array its address and its shape.
"""

import sys
from collections.abc import Callable
from itertools import count, islice
from pathlib import Path
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from mix2fld_np.nn.network import Network
from mix2fld_np.web import wasm

COMPILED = (28, types.float32), (28, types.float64), (4, types.float32)  # images' height; those of 4 are `verify`'s


def functions() -> dict[str, tuple[Callable, Any]]:
    """Everything that is exported, by its name: the function and its type."""
    found: dict[str, tuple[Callable, Any]] = {}
    for height, dtype in COMPILED:
        network, order = Network((1, height, height)), types.Array(types.int64, 1, "C")
        layers, work, block = (wasm.named_tuple(like, dtype) for like in wasm.likes(network))
        images, rows = types.Array(dtype, 4, "C"), types.Array(dtype, 2, "C")
        descend, infer, add_gradient = network.compiled
        for function, *kinds in (
            (descend, layers, images, rows, order, None, work, rows),
            (infer, layers, images, block, rows),
            (add_gradient, layers, images, rows, None, work, rows, layers),
        ):
            name = f"{function.__name__}_{height // 2}x{height // 2}_{dtype}"
            found[name] = from_table(function, kinds), types.void(types.voidptr, dtype)
    return found


def from_table(function: Callable, kinds: list) -> Callable:
    """A function that calls another with the arrays that a table describes, and with the rate where a kind is None."""

    @intrinsic
    def arguments_of(typing_context, table, rate):  # type: ignore[no-untyped-def]
        whole = types.Tuple([kind or rate for kind in kinds])

        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            places = (builder.gep(arguments[0], [ir.IntType(32)(4 * k)]) for k in count())
            words = (builder.load(builder.bitcast(place, ir.IntType(32).as_pointer())) for place in places)

            def made(kind):  # type: ignore[no-untyped-def]
                if kind is None:
                    return arguments[1]
                if isinstance(kind, types.NamedTuple):
                    return context.make_tuple(builder, kind, [made(each) for each in kind])
                address, *shape = islice(words, 1 + kind.ndim)
                start = builder.inttoptr(address, arguments[0].type)
                return wasm.array_at(context, builder, kind, start, [builder.zext(n, ir.IntType(64)) for n in shape])

            return context.make_tuple(builder, whole, [made(kind) for kind in kinds])

        return whole(table, rate), generate

    return lambda table, rate: function(*arguments_of(table, rate))  # type: ignore[call-arg]


if __name__ == "__main__":
    machine = wasm.webassembly("emscripten", "pic")
    Path(sys.argv[1]).write_bytes(wasm.linked(functions(), machine, "--experimental-pic", "-shared"))
