"""A renderer for each target, and the compiler for what it writes.

Most of tinygrad's renderers build their vendor's compiler when they are created, and fail where
that is missing. Then a compiler that hands back its source takes its place, only in this thread and
only while the renderer is being created.
"""

import subprocess
import sys
import threading
import types
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from unittest.mock import patch

from labs import toolchain

toolchain.activate()

from tinygrad import Device
from tinygrad.device import CompileError, Compiler
from tinygrad.helpers import Target as DeviceTarget
from tinygrad.renderer import Renderer

from labs.lowering.standin import stand_in_for
from labs.lowering.targets import TARGETS, Target

# held while tinygrad's modules are patched: while a renderer is made, and while code is generated
LOCK = threading.RLock()

# the vendor compilers that renderers import while they are created
_VENDOR_COMPILERS = {
    "compiler_cpu": ("ClangCompiler",),
    "compiler_llvm": ("CPULLVMCompiler", "AMDLLVMCompiler"),
    "compiler_cuda": ("NVRTCCompiler", "NVCCCompiler", "PTXCompiler", "NVPTXCompiler"),
    "compiler_amd": ("HIPCompiler", "HIPCCCompiler"),
    "compiler_qcom": ("QCOMCompiler",),
}
_METAL = "tinygrad.runtime.ops_metal"  # opens Apple's Objective-C runtime when imported


class SourceOnly(Compiler):
    """A compiler that compiles nothing: its output is the source (tinygrad's base class)."""

    def __init__(self, *_args, **_kwargs) -> None:
        super().__init__(None)


@dataclass(frozen=True)
class Backend:
    """A renderer ready to write code, and its compiler, or the reason why there is none."""

    target: Target
    renderer: Renderer
    compiler: Compiler | None
    reason: str

    def build(self, source: str) -> "Built":
        """Compile a kernel's source with the target's compiler, or what can stand in for it."""
        reason = self.reason
        if self.compiler is not None:
            try:
                binary = self.compiler.compile_cached(source)
                return Built(binary, "", self.target.maker)
            except Exception as e:  # each compiler has its own way to fail
                reason = f"{self.target.maker} failed ({_first_line(e)})"
        stand_in = stand_in_for(self.target.name, self.target.arch)
        if stand_in is None:
            return Built(None, reason, "")
        try:
            binary, assembly = stand_in.binary(source), stand_in.assembly(source)
        except (CompileError, OSError, subprocess.SubprocessError) as e:
            return Built(None, f"{reason}; {stand_in.maker}, failed ({_first_line(e)})", "")
        return Built(binary, "", stand_in.maker, assembly)


@dataclass(frozen=True)
class Built:
    """A compiled kernel, or why there is none.

    Args:
        maker: who compiled it; assembly: its text, where the compiler gave that as well.
    """

    binary: bytes | None
    reason: str
    maker: str
    assembly: str = ""


def backend_for(target: Target, live: bool = False) -> Backend:
    """A fresh renderer for a target, with its real compiler where that can be had.

    Args:
        live: take the device that is open in this process, with the architecture it reports, and
            fall back to the target's own description where it can't be opened.
    """
    if live or target.name not in TARGETS:
        backend = _live_backend(target)
        if backend is not None:
            return backend
    module, _, name = target.renderer.partition(":")
    renderer_class = getattr(import_module(module), name)
    device = DeviceTarget(target.device, target.spec.split(":")[1], target.arch)
    with LOCK:
        reason = _impossible(target)
        if reason:
            return Backend(target, _source_only(renderer_class, device), None, reason)
        try:
            renderer = renderer_class(device)
        except Exception as e:  # a missing vendor library raises whatever its loader raises
            reason = f"{target.maker} is not on this machine ({_first_line(e)})"
            return Backend(target, _source_only(renderer_class, device), None, reason)
    return _detach_compiler(target, renderer)


def _impossible(target: Target) -> str:
    """Why not even to try the vendor's compiler: Qualcomm's is downloaded by tinygrad when it is
    created, and Apple's exists on macOS only."""
    if target.device == "QCOM":
        return f"{target.maker} is not on this machine, and the course downloads none"
    if target.device == "METAL" and sys.platform != "darwin":
        return f"{target.maker} exists on macOS only"
    return ""


def _live_backend(target: Target) -> Backend | None:
    try:
        device = Device[target.device]
        current = device.renderer
    except Exception:
        return None
    # a second renderer of the same class and target: the device's own is shared, and stays as is
    with LOCK:
        backend = _detach_compiler(target, type(current)(current.target))
    runtime_compiler = getattr(device, "cl_compiler", None)
    if backend.compiler is None and runtime_compiler is not None:
        return Backend(target, backend.renderer, runtime_compiler, "")
    return backend


def _detach_compiler(target: Target, renderer: Renderer) -> Backend:
    """Rendering must not compile: the compiler is kept aside, to be asked for the binary later."""
    compiler, renderer.compiler = renderer.compiler, SourceOnly()
    if type(compiler) is Compiler:  # tinygrad's empty compiler
        reason = f"the source is compiled by {target.compiler}"
        return Backend(target, renderer, None, reason)
    return Backend(target, renderer, compiler, "")


def _source_only(renderer_class: type[Renderer], device: DeviceTarget) -> Renderer:
    """Create a renderer while every vendor compiler is SourceOnly; all is restored afterwards."""
    support = "tinygrad.runtime.support"
    # all imported before the first is replaced: some inherit from each other
    loaded_modules = {m: import_module(f"{support}.{m}") for m in _VENDOR_COMPILERS}
    with ExitStack() as stack:
        for module, names in _VENDOR_COMPILERS.items():
            loaded = loaded_modules[module]
            for name in names:
                only_here = _in_this_thread(getattr(loaded, name))
                stack.enter_context(patch.object(loaded, name, only_here))
        saved = sys.modules.get(_METAL)
        if saved is None:
            # not patch.dict(sys.modules): that would also throw out what is imported meanwhile
            sys.modules[_METAL] = types.SimpleNamespace(MetalCompiler=SourceOnly)  # type: ignore[assignment]
            stack.callback(sys.modules.pop, _METAL)
        else:
            stack.enter_context(patch.object(saved, "MetalCompiler", SourceOnly))
        renderer = renderer_class(device)
    renderer.compiler = SourceOnly()
    return renderer


def _in_this_thread(compiler: type[Compiler]) -> Callable[..., Compiler]:
    """Makes SourceOnly in this thread, and what it always made in any other."""
    thread = threading.get_ident()

    def make(*arguments: Any, **named: Any) -> Compiler:
        if threading.get_ident() == thread:
            return SourceOnly()
        return compiler(*arguments, **named)

    return make


def _first_line(e: BaseException) -> str:
    text = str(e).strip().splitlines()
    return f"{type(e).__name__}: {text[0][:120]}" if text else type(e).__name__
