"""Kernels use the whole width of the processor, and machine code is kept between runs, where that is possible;
whatever Numba is like inside and whatever state the files are in, a function is compiled and right."""

import importlib.util
import os
import sys
import warnings
from pathlib import Path

import numba
import pytest
from llvmlite import binding
from numba.core import typed_passes

from mix2fld_np import compilation
from mix2fld_np.nn.network import Network

SOURCE = "def double(x):\n    return 2 * x\n\n\ndef treble(x):\n    return 3 * x\n"
MULTIPLY = """

def by(factor):
    def multiply(x):
        return factor * x
    return multiply


by_five, by_six = by(5), by(6)
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A directory with a module in it, whose cache stands beside it."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    (tmp_path / "functions.py").write_text(SOURCE)
    monkeypatch.setitem(sys.modules, "functions", None)
    compilation.warn_once.cache_clear()
    return tmp_path


def compiled(place, name="double", **options):
    """A function of that module as a new process would compile it."""
    spec = importlib.util.spec_from_file_location("functions", place / "functions.py")
    module = sys.modules["functions"] = importlib.util.module_from_spec(spec)  # where Numba looks for it
    spec.loader.exec_module(module)
    return compilation.kept(numba.njit(getattr(module, name), **options))


def files(place):
    return sorted((place / "__pycache__").glob("*.nbc"))


def nowhere_else(place, monkeypatch):
    """Leaves the folder beside the module as the only one that could take machine code."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "functions.py"))  # which is no folder


def result(place, name="double", **options):
    """(what the function makes of 21, whether it was loaded rather than compiled, the warnings)."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        function = compiled(place, name, **options)
        made = function(21)
    return made, bool(sum(function.stats.cache_hits.values())), [str(warning.message) for warning in said]


def test_what_was_compiled_before_is_loaded(place):
    assert result(place) == (42, False, [])
    assert result(place) == (42, True, [])


DAMAGE = {
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "cut short": lambda content: content[:-1],
    "no pickle": lambda content: b"\x80nonsense",
    "of something else": lambda content: b"cos\nabcdef\n.",
    "one bit": lambda content: content[:-60] + bytes([content[-60] ^ 1]) + content[-59:],
    "grown": lambda content: content + b"x" * 50,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_files_are_made_anew_without_a_word(place, damage):
    result(place)
    (file,) = files(place)
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    made, _, said = result(place)
    assert (made, said) == (42, [])
    assert result(place) == (42, True, [])  # and are whole again


def test_the_code_of_another_function_is_not_taken_for_this_one(place):
    result(place, "double"), result(place, "treble")
    ours, other = files(place)
    ours.write_bytes(other.read_bytes())
    assert (result(place, "double")[0], result(place, "treble")[0]) == (42, 63)


def test_the_code_of_another_source_type_or_compiler_is_not_taken_for_this_one(place, monkeypatch):
    result(place)
    (place / "functions.py").write_text(SOURCE.replace("2 * x", "20 * x"))
    assert result(place) == (420, False, [])
    monkeypatch.setattr(numba, "__version__", "another")
    assert result(place) == (420, False, [])
    monkeypatch.setattr(compilation, "__file__", __file__)
    assert result(place) == (420, False, [])
    assert compiled(place)(0.5) == 10.0 and compiled(place)(21) == 420
    assert len(files(place)) == 2  # one for each type: what does not fit any more is replaced


def test_the_code_of_another_width_is_not_taken_for_this_one(place):
    wide = compilation.kernel_options()
    assert wide and not result(place)[1] and not result(place, **wide)[1]
    assert result(place) == result(place, **wide) == (42, True, [])
    assert len(files(place)) == 2


def test_functions_that_differ_in_a_number_alone_are_kept_apart(place):
    (place / "functions.py").write_text(SOURCE + MULTIPLY)
    for _ in range(2):
        assert [result(place, name)[0] for name in ("by_five", "by_six")] == [105, 126]
    assert result(place, "by_five")[1] and len(files(place)) == 2


def test_a_place_that_takes_nothing_is_passed_over_without_a_word(place):
    (place / "__pycache__").touch()
    assert result(place) == (42, False, [])
    assert result(place) == (42, True, [])
    assert list((place / "home" / ".cache" / "mix2fld_np").glob("*.nbc"))


def test_a_folder_in_the_place_of_a_file_costs_one_line(place, monkeypatch):
    result(place)
    nowhere_else(place, monkeypatch)
    (file,) = files(place)
    file.unlink()
    file.mkdir()
    (file / "x").touch()
    made, loaded, said = result(place)
    assert (made, loaded, len(said)) == (42, False, 1)
    assert str(place) in said[0] and "\n" not in said[0]


def test_a_full_disk_costs_one_line(place, monkeypatch):
    def full(self, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    made, loaded, said = result(place)
    assert (made, loaded, len(said)) == (42, False, 1)
    assert f"{place}/__pycache__ (No space left on device)" in said[0] and "NUMBA_CACHE_DIR" in said[0]


def test_the_line_is_said_once_for_all_functions(place, monkeypatch):
    monkeypatch.setattr(Path, "write_bytes", lambda self, content: 1 / 0)
    assert len(result(place)[2] + result(place, "treble")[2]) == 1


@pytest.mark.parametrize("made_before", [True, False])
def test_an_installation_that_can_only_be_read_is_read(place, monkeypatch, made_before):
    if made_before:
        result(place)

    def read_only(self, content):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", read_only)
    made, loaded, said = result(place)
    assert (made, loaded, len(said)) == (42, made_before, 0 if made_before else 1)


def test_without_a_home_directory_no_folder_called_tilde_is_made(place, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    (place / "__pycache__").touch()
    assert result(place)[0] == 42
    assert not (place / "~").exists()


def test_places_that_numba_does_not_know_are_no_reason_to_stop(place, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_LOCATOR_CLASSES", "Nowhere", raising=False)
    assert result(place)[0] == 42


def test_nothing_compiled_is_said_in_a_line(place, monkeypatch):
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    with pytest.warns(RuntimeWarning, match="NUMBA_DISABLE_JIT is set") as said:
        assert compilation.kept(len)("ab") == 2
        compilation.kept(len)
    assert len(said) == 1


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="nothing is forbidden to root")
def test_files_that_only_another_user_may_read_are_no_reason_to_stop(place):
    result(place)
    files(place)[0].chmod(0)
    made, _, said = result(place)
    assert made == 42 and len(said) <= 1


# ---------------------------------------------------------------------------------------------------- width of vectors
def double(x):
    return 2 * x


def machine_code(function):
    """The float32 machine code of a function as text; Numba itself shows none that was kept."""
    library, *_ = [made.library for types, made in function.overloads.items() if types[1].dtype == numba.float32]
    return library.codegen._tm.emit_assembly(library._get_module_for_linking())


@pytest.mark.skipif(not binding.get_host_cpu_features().get("avx512f"), reason="no 512-bit vectors in this processor")
@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")
@pytest.mark.parametrize("kernel", ["descend", "infer"])
def test_training_and_inference_use_the_whole_width_of_the_processor(kernel):
    code = machine_code(getattr(Network().compiled, kernel))
    assert code.count("%zmm") > code.count("%ymm")


def test_no_functions_but_kernels_are_asked_for_another_width():
    plain, wide = numba.njit(double), numba.njit(double, **compilation.kernel_options())
    assert plain(21) == wide(21) == 42
    in_llvm = ["".join(function.inspect_llvm().values()) for function in (plain, wide)]
    assert [compilation.PREFER_512 in text for text in in_llvm] == [False, True]


PROCESSORS = {
    512: {"avx512f": True, "avx2": True},
    256: {"avx512f": False, "avx2": True},
    128: {},
}


@pytest.mark.parametrize("bits", PROCESSORS)
def test_vectors_are_as_wide_as_the_processors(monkeypatch, bits):
    monkeypatch.setattr(binding, "get_host_cpu_features", lambda: PROCESSORS[bits])
    assert compilation.vector_bits() == bits


CHANGES = {
    "a class is missing": lambda patch: patch.delattr(typed_passes, "NativeLowering"),
    "another class lowers": lambda patch: patch.setattr(typed_passes, "NativeLowering", typed_passes.LoweringPass),
    "attributes are not written": lambda patch: patch.setattr(compilation, "prefer_512", lambda function: None),
    "attributes are no set": lambda patch: patch.setattr(compilation, "prefer_512", lambda function: set.add((), "")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_where_numba_has_other_internals_kernels_are_compiled_with_plain_options(monkeypatch, change):
    CHANGES[change](monkeypatch)
    monkeypatch.setattr(compilation, "kernel_options", compilation.kernel_options.__wrapped__)
    assert compilation.kernel_options() == {}
    for bits, features in PROCESSORS.items():
        monkeypatch.setattr(binding, "get_host_cpu_features", lambda features=features: features)
        assert compilation.vector_bits() == min(bits, 256)
