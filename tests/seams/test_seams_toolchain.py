"""The unofficial seams of tinygrad 0.14.0 that the toolchain stands on, one test each.

When the pin moves, the names of the failing tests say what to look at.
"""

import functools
import importlib.metadata
from pathlib import Path

import pytest

from labs import toolchain
from labs.toolchain import compiler, files

toolchain.activate()
import tinygrad
from tinygrad import helpers
from tinygrad.runtime.support import c, compiler_cpu

TINYGRAD = Path(tinygrad.__file__).parent


@pytest.fixture(autouse=True)
def forgotten_variables():
    """Plain variables are kept at first use: forget what a test has made tinygrad read."""
    yield
    helpers.getenv.cache_clear()


def test_the_pin():
    assert importlib.metadata.version("tinygrad") == "0.14.0"


def test_our_probe_uses_tinygrads_own_command_line(monkeypatch):
    commands = []
    monkeypatch.setattr(
        compiler_cpu.subprocess, "check_output", lambda cmd, **kw: commands.append(cmd) or b""
    )
    arch = f"{compiler.target_arch()},native"
    compiler_cpu.ClangCompiler(arch.split(",")).compile("")
    assert commands[0][1:] == compiler.compile_command("clang")[1:]


def test_cc_is_one_word_and_kept_at_first_use(monkeypatch):
    assert isinstance(helpers.getenv, functools._lru_cache_wrapper)
    commands = []
    monkeypatch.setattr(
        compiler_cpu.subprocess, "check_output", lambda cmd, **kw: commands.append(cmd) or b""
    )
    made = compiler_cpu.ClangCompiler(["x86_64", "native"])
    for value in ("first one", "second"):
        monkeypatch.setenv("CC", value)
        if value == "first one":
            helpers.getenv.cache_clear()
        made.compile("")
    assert [cmd[0] for cmd in commands] == ["first one", "first one"]


def test_the_compiler_is_not_in_the_key_of_the_kernel_cache(monkeypatch):
    # why there is one CACHEDB per compiler
    keys = set()
    for value in ("a", "b"):
        monkeypatch.setenv("CC", value)
        helpers.getenv.cache_clear()
        keys.add(compiler_cpu.ClangCompiler(["x86_64", "native"]).cachekey)
    assert len(keys) == 1


def test_the_kernel_cache_is_named_by_a_global_that_is_read_when_it_is_opened():
    assert isinstance(helpers.CACHEDB, str) and hasattr(helpers, "_db_connection")
    assert {"CACHEDB", "_db_connection"} <= set(helpers.db_connection.__code__.co_names)


def test_dev_has_a_device_and_can_be_set_after_import():
    before = helpers.DEV.value
    try:
        helpers.DEV.value = "PYTHON"
        assert helpers.DEV.device == "PYTHON"
    finally:
        helpers.DEV.value = before


@pytest.mark.skipif(not files.LINUX, reason="the folders of Linux")
@pytest.mark.parametrize("name", ["gcc_s", "m", "vulkan", "cuda", "nvrtc", "no_such_library"])
def test_we_find_a_library_exactly_when_tinygrad_does(name):
    theirs = c.DLL.findlib(name, [name])
    assert (files.find_library(name) is not None) is (theirs is not None)


@pytest.mark.parametrize("name", ["OPENCL", "WEBGPU", "NVRTC", "NVJITLINK"])
def test_a_file_named_by_a_variable_is_taken_as_it_is(monkeypatch, tmp_path, name):
    library = tmp_path / "lib mit ü.so"
    library.touch()
    monkeypatch.setenv(f"{name}_PATH", str(library))
    helpers.getenv.cache_clear()
    assert c.DLL.findlib(name.lower(), ["whatever"]) == str(library)
    # and the device asks for the library by this name
    text = (TINYGRAD / "runtime" / "autogen" / f"{name.lower()}.py").read_text()
    assert f"dll = c.DLL('{name.lower()}'" in text


def test_the_libraries_are_kept_in_a_module_global_named_dll():
    from tinygrad.runtime.autogen import opencl, webgpu

    for module in (opencl, webgpu):
        assert isinstance(module.dll, c.DLL)
