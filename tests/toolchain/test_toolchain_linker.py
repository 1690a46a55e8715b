import os
import subprocess
import sys

import pytest

from labs import toolchain
from labs.toolchain import linker
from labs.toolchain.files import LINUX

pytestmark = pytest.mark.skipif(not LINUX, reason="PoCL from PyPI exists for Linux only")

KERNEL = "float twice(float x) { return x * 2; }"


def _put(root, *names):
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def test_needs_ld_and_both_libraries(tmp_path, monkeypatch):
    monkeypatch.setattr(linker.shutil, "which", lambda name: f"/bin/{name}")
    assert not linker.can_link(tmp_path)
    _put(tmp_path, "usr/lib/gcc/x86_64-linux-gnu/12/libgcc.a")
    assert not linker.can_link(tmp_path)
    _put(tmp_path, "usr/lib/x86_64-linux-gnu/libc.so")
    assert linker.can_link(tmp_path)
    monkeypatch.setattr(linker.shutil, "which", lambda name: None)
    assert not linker.can_link(tmp_path)


def test_links_as_pocl_asks_although_the_libraries_are_missing(tmp_path):
    shim = toolchain.compiler.zig_shim()
    if shim is None:
        pytest.skip("ziglang is not installed: pip install ziglang")
    made, linked = tmp_path / "k o.o", tmp_path / "k o.so"
    compile_ = [str(shim[0]), "-c", "-x", "c", "-fPIC", "-", "-o", str(made)]
    subprocess.run(compile_, input=KERNEL.encode(), check=True)
    asked = ["-m", "elf_x86_64", "-shared", "-o", str(linked), f"-L{tmp_path}", str(made)]
    asked += ["-lgcc", "--as-needed", "-lgcc_s", "--no-as-needed", "-lc"]
    environment = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    program = os.path.join(linker.linker_folder(), "ld")
    subprocess.run([program, *asked], env=environment, check=True, capture_output=True)
    assert linked.read_bytes().startswith(b"\x7fELF")
    asked[asked.index(str(made))] = str(tmp_path / "missing.o")
    failed = subprocess.run([program, *asked], env=environment, capture_output=True, check=False)
    assert failed.returncode != 0


def test_path_gets_a_folder_once_and_in_front(monkeypatch):
    monkeypatch.setenv("PATH", os.pathsep.join(["a", "b"]))
    for _ in range(2):
        toolchain._add_to_path("linker")
    toolchain._add_to_path("")
    assert os.environ["PATH"].split(os.pathsep) == ["linker", "a", "b"]


@pytest.mark.slow
def test_opencl_computes_on_a_machine_without_a_linker(tmp_path):
    if (library := toolchain.activate().opencl) is None or "pocl" not in library.origin:
        pytest.skip("OpenCL here isn't PoCL from PyPI: pip install pocl-binary-distribution")
    code = (
        "from labs import toolchain; toolchain.activate()\n"
        "from tinygrad import Tensor\n"
        "print((Tensor([1.0, 2.0], device='CL') * 3 + 0.125).tolist())"
    )
    environment = dict(os.environ) | {"PATH": str(tmp_path), "COURSE_HOME": str(tmp_path / "c")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[3.125, 6.125]", done.stderr
