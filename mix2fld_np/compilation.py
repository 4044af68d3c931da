"""What needs Numba's internals: the options that the kernels are compiled with, and machine code kept between runs.

With another version of Numba, kernels are at worst slower; with damaged files, they are at worst compiled once more.
"""

import functools
import hashlib
import os
import pickle
import sys
import warnings
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numba
from llvmlite import binding, ir
from numba.core import compiler, serialize
from numba.core.caching import NullCache
from numba.core.runtime import rtsys

PREFER_512 = '"prefer-vector-width"="512"'  # an attribute of functions in LLVM, the compiler behind Numba
DIGEST_BYTES = 32


def numba_version() -> str:
    """Of the compiler."""
    return metadata.version("numba")


def vector_bits() -> int:
    """Bits of the vectors that kernels compute with on this processor: sums of another width round differently."""
    features = binding.get_host_cpu_features()
    if features.get("avx512f") and kernel_options():
        return 512
    return 256 if features.get("avx2") else 128


@functools.cache
def kernel_options() -> dict[str, Any]:
    """Options of numba.njit that make kernels faster: vectors as wide as the processor's, and no counted references.

    Left to itself, LLVM uses half of a 512-bit vector on Intel's processors. References to arrays need no counting in
    functions that neither make nor keep one. Neither option where Numba's internals are not those of 0.59 to 0.68.
    """
    try:
        return {"pipeline_class": wide_compiler(), "_nrt": False}
    except Exception:  # whatever a rebuilt Numba may raise
        return {}


def wide_compiler() -> type:
    """Numba's compiler, but that every function, inlined or not, asks LLVM for 512-bit vectors; or an exception."""
    from numba.core.compiler_machinery import register_pass
    from numba.core.lowering import Lower
    from numba.core.typed_passes import NativeLowering

    class WideLower(Lower):
        def post_lower(self) -> None:
            super().post_lower()
            prefer_512(self.function)

    @register_pass(mutates_CFG=True, analysis_only=False)
    class WideLowering(NativeLowering):
        _name = "wide_lowering"
        lowering_class = WideLower

    class WideCompiler(compiler.Compiler):
        def define_pipelines(self) -> list:
            pipelines = super().define_pipelines()
            for p in pipelines:
                p.passes = [(WideLowering if kind is NativeLowering else kind, what) for kind, what in p.passes]
                p.finalize()
            return pipelines

    check_internals(NativeLowering)
    return WideCompiler


def check_internals(lowering: type) -> None:
    """An exception unless Numba lowers functions with this class and llvmlite writes the attribute down."""
    state = SimpleNamespace(flags=compiler.Flags())
    pipeline = compiler.DefaultPassBuilder.define_nopython_lowering_pipeline(state)
    trial = ir.Function(ir.Module(), ir.FunctionType(ir.VoidType(), ()), "trial")
    prefer_512(trial)
    if lowering not in dict(pipeline.passes) or PREFER_512 not in str(trial):
        raise NotImplementedError("another way to compile")


def prefer_512(function: ir.Function) -> None:
    """Adds the attribute, past a list of llvmlite's that knows only those without a value."""
    set.add(function.attributes, PREFER_512)


def kept(function: Callable) -> Callable:
    """A compiled function whose machine code is kept, in $NUMBA_CACHE_DIR, __pycache__, or the user's cache."""
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        warn_once("NUMBA_DISABLE_JIT is set: nothing is compiled, and training is a thousand times slower; unset it.")
    else:
        function._cache = MachineCode(function.py_func, function._compiler.pipeline_class)  # type: ignore[attr-defined]
    return function


class MachineCode(NullCache):
    """The cache of one function, with a file for each signature; none of its failures reaches the caller."""

    def __init__(self, function: Callable, pipeline: type) -> None:
        self.function, self.source, self.pipeline = function, Path(function.__code__.co_filename), pipeline.__name__

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled function for a signature, or None, after which it is compiled."""
        for folder in folders(self.source):
            try:
                rtsys.initialize(target_context)  # all that it needs to run; Numba loads the rest when it compiles
                digest, path = self.address(folder, sig, target_context.codegen())
                content = path.read_bytes()
                if sealed(digest, content[DIGEST_BYTES:]) == content:
                    return compiler.CompileResult._rebuild(target_context, *pickle.loads(content[DIGEST_BYTES:]))
            except Exception:  # files by anyone, in any state
                continue
        return None

    def save_overload(self, sig: Any, compiled: Any) -> None:
        """Keeps a compiled function in the first folder that takes it."""
        if compiled.library.has_dynamic_globals:  # addresses of this process
            return
        problem = ""
        for folder in folders(self.source):
            try:
                digest, path = self.address(folder, sig, compiled.codegen)
                folder.mkdir(parents=True, exist_ok=True)
                path.write_bytes(sealed(digest, serialize.dumps(compiled._reduce())))
                return
            except Exception as error:
                problem = problem or f"{folder} ({getattr(error, 'strerror', None) or error})"
        warn_once(f"compiled code cannot be kept in {problem}: "
                  "it is compiled each time; set NUMBA_CACHE_DIR to a folder.")

    def address(self, folder: Path, sig: Any, codegen: Any) -> tuple[bytes, Path]:
        """(digest of all that the machine code depends on, its file): source, constants, types, processor, compiler."""
        constants = [cell.cell_contents for cell in self.function.__closure__ or ()]
        about = (self.function.__qualname__, repr(sig), codegen.magic_tuple(), sys.implementation.cache_tag)
        optimised = numba.config.OPT  # type: ignore[attr-defined]  # not at all for another machine, see web/wasm.py
        place = serialize.dumps((about, self.pipeline, constants, str(optimised)))
        made_by = numba.__version__.encode() + Path(__file__).read_bytes()
        digest = hashlib.sha256(place + made_by + self.source.read_bytes()).digest()
        stem = f"{self.source.stem}.{self.function.__name__}-{hashlib.sha256(place).hexdigest()[:16]}"
        return digest, folder / f"{stem}.nbc"


def sealed(digest: bytes, code: bytes) -> bytes:
    """Machine code behind a seal: damaged, half-written or meant for something else, it no longer fits."""
    return hashlib.sha256(digest + code).digest() + code


def folders(source: Path) -> list[Path]:
    """Where machine code of a source file may lie, best first."""
    own, home = numba.config.CACHE_DIR, os.path.expanduser("~")  # type: ignore[attr-defined]
    cache = os.environ.get("XDG_CACHE_HOME") or (home != "~" and f"{home}/.cache")  # or a folder called ~ would be made
    return [Path(folder) for folder in (own, source.parent / "__pycache__", cache and f"{cache}/mix2fld_np") if folder]


@functools.cache
def warn_once(sentence: str) -> None:
    """A warning, the first time in this process."""
    warnings.warn(sentence, RuntimeWarning, stacklevel=2)
