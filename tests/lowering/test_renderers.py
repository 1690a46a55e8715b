"""Renderers without their vendor's compilers: nothing stays patched, no other thread notices."""

import importlib
import subprocess
import sys
import threading

import pytest

from labs.lowering import TARGETS, renderers
from labs.lowering.renderers import SourceOnly, backend_for


def vendor_classes():
    found = {}
    for module, names in renderers._VENDOR_COMPILERS.items():
        loaded = importlib.import_module(f"tinygrad.runtime.support.{module}")
        found |= {(module, name): getattr(loaded, name) for name in names}
    return found


def test_everything_is_restored():
    before, metal = vendor_classes(), sys.modules.get(renderers._METAL)
    assert SourceOnly not in before.values()
    for target in TARGETS.values():
        backend_for(target)
    assert vendor_classes() == before
    assert sys.modules.get(renderers._METAL) is metal


def test_restored_when_a_renderer_fails():
    def fails(_device):
        raise RuntimeError("broken renderer")

    before, metal = vendor_classes(), sys.modules.get(renderers._METAL)
    with pytest.raises(RuntimeError):
        renderers._source_only(fails, None)
    assert vendor_classes() == before and sys.modules.get(renderers._METAL) is metal


def test_no_compiler_means_a_reason():
    for target in TARGETS.values():
        backend = backend_for(target)
        assert (backend.compiler is None) == bool(backend.reason)
        assert isinstance(backend.renderer.compiler, SourceOnly)


def test_the_devices_own_renderer_is_not_touched():
    from tinygrad import Device

    renderer = Device["CPU"].renderer
    backend = backend_for(TARGETS["CPU"], live=True)
    assert backend.renderer is not renderer
    assert not isinstance(renderer.compiler, SourceOnly)
    assert Device["CPU"].renderer is renderer


def test_other_threads_get_the_real_compilers_meanwhile():
    made = {}

    def slow_renderer(_device):
        from tinygrad.runtime.support import compiler_cpu

        def other():
            made["other"] = compiler_cpu.ClangCompiler(["x86_64", "native"])

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        made["here"] = compiler_cpu.ClangCompiler(["x86_64", "native"])
        return made["here"]

    renderers._source_only(slow_renderer, None)
    assert isinstance(made["here"], SourceOnly)
    assert type(made["other"]).__name__ == "ClangCompiler"


def test_modules_first_imported_meanwhile_inherit_the_real_classes():
    code = """
from labs.lowering.renderers import SourceOnly, backend_for
from labs.lowering.targets import TARGETS
backend_for(TARGETS["HIP"])
from tinygrad.runtime.support.compiler_mesa import LVPCompiler
assert LVPCompiler.__mro__[1].__name__ == "CPULLVMCompiler", LVPCompiler.__mro__
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
