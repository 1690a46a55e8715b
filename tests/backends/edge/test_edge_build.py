"""Compiling, linking, what is refused, and what is built once."""

import os
import signal
import subprocess
import sys
import time

import pytest

from labs.backends.compile_errors import KernelCompileError
from labs.backends.edge import build
from labs.backends.edge.build import compile_kernel, entry_point, fingerprint, support_routines
from labs.backends.edge.cores import CORES
from labs.backends.edge.image import load_image
from labs.errors import ToolchainError

M4 = CORES["cortex-m4"]


def program(body: str, types=("float*", "int"), core=M4, level="Os") -> bytes:
    return compile_kernel(f"{body}\n{entry_point('f', types)}", core, level)


@pytest.mark.parametrize("core", CORES.values(), ids=CORES)
def test_compile_when_the_core_lacks_an_operation_then_its_routine_is_linked(core):
    image = load_image(
        program("void f(double *x, int n) { x[0] = x[1] / x[2]; }", ("double*", "int"), core),
        core.name,
    )
    assert any("div" in name for _, name in image.symbols)


def test_compile_when_the_level_is_o3_then_an_unrolled_loop_is_larger_than_at_os():
    body = "void f(float *x, int n) { for (int i = 0; i < 64; i++) x[i] = x[i] * x[i] + 1; }"
    sizes = {
        level: load_image(program(body, level=level), M4.name).code_bytes for level in ("Os", "O3")
    }
    assert sizes["Os"] < sizes["O3"]


def test_compile_when_c_is_wrong_then_the_compilers_words_and_the_line():
    with pytest.raises(KernelCompileError) as raised:
        program("void f(float *x, int n) {\n  x[0] = y;\n}")
    assert "use of undeclared identifier 'y'" in raised.value.got
    assert ">    2 |   x[0] = y;" in raised.value.got
    assert "cortex-m4 -Os" in str(raised.value)


def test_compile_when_a_function_is_missing_then_the_linkers_words():
    with pytest.raises(KernelCompileError) as raised:
        program("float there_is_none(float); void f(float *x, int n) { x[0] = there_is_none(1); }")
    assert "undefined symbol: there_is_none" in raised.value.got
    assert "no C library" in raised.value.next_step


def test_compile_when_a_static_variable_can_be_written_then_refused():
    with pytest.raises(KernelCompileError, match="static variable") as raised:
        program("static int calls; void f(float *x, int n) { x[0] = calls++; }")
    assert "keeps no state" in raised.value.next_step


def test_find_zig_when_it_is_not_installed_then_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(build, "zig_shim", lambda: None)
    with pytest.raises(ToolchainError) as raised:
        build.find_zig()
    assert raised.value.next_step == "pip install ziglang"


def test_fingerprint_when_core_or_level_differ_then_it_differs():
    marks = {fingerprint(core, level) for core in CORES.values() for level in ("Os", "O3")}
    assert len(marks) == 2 * len(CORES)


def test_support_routines_when_they_can_not_be_built_then_zigs_words(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    monkeypatch.setattr(build, "_ROUTINES", "--no-such-option")
    with pytest.raises(ToolchainError) as raised:
        support_routines(M4)
    assert "no-such-option" in raised.value.got
    assert not list((tmp_path / "cache" / "toolchain" / "edge").iterdir())


_BUILD = """
from labs.backends.edge.build import support_routines
from labs.backends.edge.cores import CORES
print(support_routines(CORES["rv32imac"]))
"""


@pytest.mark.slow
def test_routines_when_two_processes_build_at_once_then_both_get_the_same_whole_file(tmp_path):
    environment = os.environ | {"COURSE_HOME": str(tmp_path)}
    running = [
        subprocess.Popen([sys.executable, "-c", _BUILD], env=environment, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    paths = {process.communicate()[0].decode().strip() for process in running}
    assert [process.returncode for process in running] == [0, 0] and len(paths) == 1
    assert [str(p) for p in (tmp_path / "cache" / "toolchain" / "edge").iterdir()] == list(paths)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no process groups: use Linux or macOS")
def test_routines_when_a_build_was_killed_then_the_next_one_builds(tmp_path):
    environment = os.environ | {"COURSE_HOME": str(tmp_path)}
    killed = subprocess.Popen(
        [sys.executable, "-c", _BUILD], env=environment, start_new_session=True
    )
    time.sleep(1.0)  # in the middle of it; a build that is done already makes the test pass as well
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    done = subprocess.run([sys.executable, "-c", _BUILD], env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert os.path.getsize(done.stdout.decode().strip()) > 1000
