"""clang in place of a missing libLLVM: real machine code, and a clear failure for bad IR."""

import re

import pytest
from tinygrad import Tensor, dtypes
from tinygrad.device import CompileError

from labs import toolchain
from labs.lowering import TARGETS, lower
from labs.lowering.renderers import Backend, SourceOnly
from labs.lowering.standin import stand_in_for

compiler = toolchain.activate().compiler
version = re.search(r"version (\d+)", compiler.version) if compiler else None
if version is None or int(version[1]) < 16:  # LLVM IR with opaque pointers
    pytest.skip("no clang 16 or newer: pip install ziglang", allow_module_level=True)


def test_amd_machine_code_with_no_gpu():
    half = Tensor.empty(32, 32, dtype=dtypes.half)
    kernel = lower(half.matmul(half, dtype=dtypes.float), "AMD:LLVM").kernels[0]
    assert kernel.binary_bytes > 500 and "AMD GPU" in kernel.binary_note
    if kernel.disassembly is not None:  # None where a libLLVM of this machine made the binary
        assert "v_wmma" in kernel.disassembly and "s_endpgm" in kernel.disassembly
        assert "in place of libLLVM" in kernel.binary_note


def test_cpu_llvm_has_machine_code():
    kernel = lower(Tensor.empty(64) + 1, "CPU:LLVM").kernels[0]
    assert kernel.binary_bytes > 100 and "ret" in kernel.disassembly


def test_only_llvm_ir_has_a_stand_in():
    found = {name for name, t in TARGETS.items() if stand_in_for(name, t.arch) is not None}
    assert found == {"CPU:LLVM", "AMD:LLVM"}


def test_broken_source_is_a_reason():
    target = TARGETS["AMD:LLVM"]
    with pytest.raises(CompileError):
        stand_in_for(target.name, target.arch).binary("this is not IR")
    built = Backend(target, None, None, "no libLLVM").build("this is not IR")
    assert built.binary is None and built.reason.startswith("no libLLVM; clang")


def test_a_failing_compiler_is_replaced_where_possible():
    class Broken(SourceOnly):
        def compile(self, src):
            raise RuntimeError("too old")

    source = lower(Tensor.empty(64) + 1, "AMD:LLVM").kernels[0].source
    built = Backend(TARGETS["AMD:LLVM"], None, Broken(), "").build(source)
    assert built.binary and built.assembly
    reason = Backend(TARGETS["HIP"], None, Broken(), "").build(source).reason
    assert "too old" in reason


def test_no_compiler_at_all(monkeypatch):
    from dataclasses import replace

    nothing = replace(toolchain.activate(), compiler=None)
    monkeypatch.setattr(toolchain, "activate", lambda: nothing)
    assert stand_in_for("AMD:LLVM", "gfx1100") is None
