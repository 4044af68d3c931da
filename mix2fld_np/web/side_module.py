"""The kernels as a side module of Emscripten, for `mix2fld_np.browser`: any network, but images of some sizes only.

`python -m mix2fld_np.web.side_module FILE` writes it. Each of its functions takes a rate and the address of a table of
32-bit words: for each array its address and its shape.
"""

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from mix2fld_np.nn.network import Network
from mix2fld_np.web import wasm

COMPILED = (28, types.float32), (28, types.float64), (4, types.float32)  # images' height; those of 4 are `verify`'s
LINKED = "--experimental-pic", "-shared"


def write(target: Path) -> None:
    """Writes the module; InputError without a linker."""
    wasm.build(target, __spec__.name)


def functions() -> Iterator[tuple[str, tuple[Callable, Any]]]:
    """Name, function and type of everything that is exported."""
    for height, dtype in COMPILED:
        network = Network((1, height, height))
        layers, work, block = (wasm.named_tuple(like, dtype) for like in wasm.likes(network))
        images, rows, order = types.Array(dtype, 4, "C"), types.Array(dtype, 2, "C"), types.Array(types.int64, 1, "C")
        descend, infer, add_gradient = network.compiled
        arguments = {
            descend: (layers, images, rows, order, None, work, rows),
            infer: (layers, images, block, rows),
            add_gradient: (layers, images, rows, None, work, rows, layers),
        }
        for function, kinds in arguments.items():
            name = f"{function.__name__}_{height // 2}x{height // 2}_{dtype}"
            yield name, (called(function, kinds), types.void(types.voidptr, dtype))


def called(function: Callable, kinds: tuple) -> Callable:
    """A function for compiled code that calls another with arrays from a table, and the rate where a kind is None."""
    arguments = from_table(kinds)

    def call(table, rate):  # type: ignore[no-untyped-def]
        function(*arguments(table, rate))

    return call


def from_table(kinds: tuple) -> Callable:
    """A function for compiled code: the tuple of what a table describes."""

    @intrinsic
    def arguments_of(typing_context, table, rate):  # type: ignore[no-untyped-def]
        whole = types.Tuple([kind or rate for kind in kinds])

        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            start, number = arguments
            words = (word_at(builder, start, k) for k in itertools.count())

            def array(kind):  # type: ignore[no-untyped-def]
                address, *shape = itertools.islice(words, 1 + kind.ndim)
                sizes = [builder.zext(n, ir.IntType(64)) for n in shape]
                return wasm.array_at(context, builder, kind, builder.inttoptr(address, start.type), sizes)

            def made(kind):  # type: ignore[no-untyped-def]
                if isinstance(kind, types.NamedTuple):
                    return context.make_tuple(builder, kind, [array(each) for each in kind])
                return array(kind) if kind else number

            return context.make_tuple(builder, whole, [made(kind) for kind in kinds])

        return whole(table, rate), generate

    return arguments_of


def word_at(builder: Any, table: Any, k: int) -> Any:
    """The k-th word of a table."""
    place = builder.gep(table, [ir.IntType(32)(4 * k)])
    return builder.load(builder.bitcast(place, ir.IntType(32).as_pointer()))


def compile_here(target: Path) -> None:
    """Compiles and links in this process."""
    target.write_bytes(wasm.linked(dict(functions()), wasm.webassembly("emscripten", "pic"), *LINKED))


if __name__ == "__main__":
    compile_here(Path(sys.argv[1]))
