"""The kernels as WebAssembly: Numba's own LLVM code of `nn/kernels.py` for the default network, linked for a browser.

`python -m mix2fld_np.web.wasm` writes page/kernels.wasm anew. A section of its own in that file carries the digest of
nn/kernels.py, so that a stale one is noticed, and how much room a workspace takes.
"""

import hashlib
import importlib.util
import json
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from llvmlite import binding
from numba import types
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

from mix2fld_np.errors import InputError
from mix2fld_np.nn import kernels
from mix2fld_np.nn.network import Network
from mix2fld_np.nn.workspace import LINE, Layers

WASM = Path(__file__).parent / "page" / "kernels.wasm"
SECTION = "mix2fld_np"  # of the file, with JSON in it
FEATURES = "+simd128,+bulk-memory,+sign-ext,+nontrapping-fptoint"
NATIVE = r'"(target-cpu|target-features|tune-cpu|probe-stack|prefer-vector-width)"="[^"]*"'  # of this processor
HOST = {"NUMBA_OPT": "0", "NUMBA_DISABLE_INTEL_SVML": "1"}  # the code is optimised for another machine than this one

# What Numba's functions expect of its runtime: nothing to free, and a plane that becomes a vector.
RUNTIME = """
define void @NRT_MemInfo_call_dtor(ptr %info) alwaysinline {
  ret void
}
define i32 @numba_attempt_nocopy_reshape(i64, ptr, ptr, i64, ptr, ptr %new, i64 %size, i32) alwaysinline {
  store i64 %size, ptr %new
  ret i32 1
}
"""


def digest() -> str:
    """SHA-256 of the kernels' source."""
    return hashlib.sha256(Path(kernels.__file__).read_bytes()).hexdigest()


def about(wasm: bytes) -> dict[str, Any]:
    """What a module says of itself: the digest of its source, and the bytes of its two workspaces."""
    start = wasm.rindex(SECTION.encode()) + len(SECTION)
    return json.loads(wasm[start:])


def build(target: Path = WASM, program: str = "mix2fld_np.web.wasm") -> None:
    """Has a program write a module in a process whose Numba leaves the code as it is. InputError without a linker."""
    linker()
    with TemporaryDirectory() as cache:
        env = {**os.environ, **HOST, "NUMBA_CACHE_DIR": cache}
        subprocess.run([sys.executable, "-m", program, str(target)], env=env, check=True)


def linker() -> list[str]:
    """The command that links WebAssembly: LLVM's wasm-ld, or the one within the package ziglang."""
    for name in ("wasm-ld", *(f"wasm-ld-{version}" for version in range(25, 13, -1))):
        if shutil.which(name):
            return [name]
    if importlib.util.find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "wasm-ld"]
    raise InputError("no linker for WebAssembly was found; try `pip install ziglang`, or Debian's package lld.")


def compile_here(target: Path) -> None:
    """Compiles and links the entry points in this process."""
    network = Network()
    wasm = linked(entry_points(network), webassembly(), "--no-entry", "--export=__heap_base")
    target.write_bytes(wasm + section(network))


def linked(functions: dict[str, tuple[Callable, Any]], machine: binding.TargetMachine, *options: str) -> bytes:
    """A module that exports functions of these names and types."""
    with TemporaryDirectory() as folder:
        objects = [f"{folder}/{name}.o" for name in functions]
        for path, (name, (function, signature)) in zip(objects, functions.items(), strict=True):
            Path(path).write_bytes(machine.emit_object(module_of(name, function, signature, machine)))
        exports = [f"--export={name}" for name in functions]
        command = [*linker(), "--strip-all", "--gc-sections", "--allow-undefined", *options, *exports, *objects]
        subprocess.run([*command, "-o", f"{folder}/linked"], check=True)
        return Path(f"{folder}/linked").read_bytes()


def webassembly(system: str = "unknown", reloc: str = "static") -> binding.TargetMachine:
    """LLVM's compiler for browsers."""
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    target = binding.Target.from_triple(f"wasm32-unknown-{system}")
    return target.create_target_machine(features=FEATURES, opt=3, reloc=reloc)


def module_of(name: str, function: Callable, signature: Any, machine: binding.TargetMachine) -> binding.ModuleRef:
    """The optimised LLVM module of one entry point, all else in it internal."""
    compiled = kernels.compiled(signature, no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)
    result: Any = next(iter(compiled.overloads.values()))
    text = re.sub(r"target (triple|datalayout) = .*", "", result.library.get_llvm_str())
    module = binding.parse_assembly(re.sub(NATIVE, '"portable"', text))
    module.triple, module.data_layout = machine.triple, str(machine.target_data)
    module.link_in(binding.parse_assembly(RUNTIME))
    for part in (*module.functions, *module.global_variables):
        if not part.is_declaration and part.name != result.fndesc.mangled_name:
            part.linkage = "internal"
    module.get_function(result.fndesc.mangled_name).name = name
    options = binding.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = options.slp_vectorization = True
    builder = binding.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return module


def entry_points(network: Network) -> dict[str, tuple[Callable, Any]]:
    """The functions that JavaScript calls, with their types: pointers, sizes and rates only."""
    descend, infer, add_gradient = network.compiled
    layers_at, work_at, block_at = (views(like) for like in likes(network))
    images, outputs, order = (
        rows(types.float32, *network.image_shape),
        rows(types.float32, network.n_labels),
        rows(types.int64),
    )

    def descend_at(w, x, t, i, F, work, n, k, rate):
        descend(layers_at(w), images(x, n), outputs(t, n), order(i, k), rate, work_at(work), outputs(F, k))

    def infer_at(w, x, F, work, n):
        infer(layers_at(w), images(x, n), block_at(work), outputs(F, n))

    def add_gradient_at(w, x, t, F, into, work, n, scale):
        add_gradient(layers_at(w), images(x, n), outputs(t, n), scale, work_at(work), outputs(F, n), layers_at(into))

    pointer, size, rate = types.voidptr, types.int32, types.float32
    return {
        "descend": (descend_at, types.void(*[pointer] * 6, size, size, rate)),
        "infer": (infer_at, types.void(*[pointer] * 4, size)),
        "add_gradient": (add_gradient_at, types.void(*[pointer] * 6, size, rate)),
    }


def likes(network: Network) -> Iterable[Any]:
    """Weights and both workspaces of a network, as it makes them itself."""
    weights = Layers(*(np.zeros(shape, np.float32) for shape in network.layer_shapes))
    return weights, network.workspace(np.float32), network.block_workspace(np.float32)


def offsets(like: Any) -> list[int]:
    """Where each array stands in a buffer, and the bytes of all: weights close by, workspaces on lines of the cache."""
    line = 1 if isinstance(like, Layers) else LINE
    ends = [0]
    for array in like:
        ends.append(ends[-1] + line * math.ceil(array.nbytes / line))
    return ends


def rows(dtype: Any, *row: int) -> Callable:
    """A function for compiled code: so many rows of a shape, at an address."""
    kind = types.Array(dtype, 1 + len(row), "C")

    @intrinsic
    def rows_at(typing_context, buffer, n):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            start, size = arguments
            return array_at(context, builder, kind, start, [context.cast(builder, size, n, types.intp), *row])

        return kind(types.voidptr, n), generate

    return rows_at


def views(like: Any) -> Callable:
    """A function for compiled code: named arrays, shaped like those of a named tuple, at an address."""
    both = named_tuple(like, types.float32)

    @intrinsic
    def views_at(typing_context, buffer):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            starts = (builder.gep(arguments[0], [context.get_constant(types.intp, at)]) for at in offsets(like))
            made = (
                array_at(context, builder, *one) for one in zip(both, starts, (a.shape for a in like), strict=False)
            )
            return context.make_tuple(builder, both, list(made))

        return both(types.voidptr), generate

    return views_at


def named_tuple(like: Any, dtype: Any) -> types.NamedTuple:
    """The type of a named tuple of arrays, with its floating-point numbers of another one."""
    kinds = [types.Array(dtype if a.dtype.kind == "f" else types.int32, a.ndim, "C") for a in like]
    return types.NamedTuple(kinds, type(like))


def array_at(context: Any, builder: Any, kind: types.Array, start: Any, shape: Sequence[Any]) -> Any:
    """A contiguous array at an address, as Numba lays it out; sizes are numbers or values of LLVM."""
    intp, item = types.intp, context.get_abi_sizeof(context.get_data_type(kind.dtype))
    sizes = [context.get_constant(intp, n) if isinstance(n, int) else n for n in shape]
    strides = [context.get_constant(intp, item)]
    for size in sizes[:0:-1]:
        strides.insert(0, builder.mul(strides[0], size))
    data = builder.bitcast(start, context.get_data_type(kind.dtype).as_pointer())
    array = make_array(kind)(context, builder)
    populate_array(
        array, data=data, shape=sizes, strides=strides, itemsize=context.get_constant(intp, item), meminfo=None
    )
    return array._getvalue()


def section(network: Network) -> bytes:
    """A custom section of WebAssembly: its length, its name, and what `about` reads."""
    _, work, block = likes(network)
    facts = {"kernels": digest(), "work_bytes": offsets(work)[-1], "block_work_bytes": offsets(block)[-1]}
    content = bytes([len(SECTION)]) + SECTION.encode() + json.dumps(facts).encode()
    return bytes([0, 0x80 | len(content) & 0x7F, len(content) >> 7]) + content


if __name__ == "__main__":
    here = all(os.environ.get(name) == value for name, value in HOST.items())
    (compile_here if here else build)(*map(Path, sys.argv[1:]) if sys.argv[1:] else (WASM,))
