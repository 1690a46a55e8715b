"""Seams: what ELECTRICAL takes from tinygrad beside the contract of a backend."""

import inspect

from labs import backends, toolchain

toolchain.activate()
backends.register()

from tinygrad.codegen import full_rewrite_to_sink
from tinygrad.codegen.opt import heuristic, postrange
from tinygrad.engine import jit
from tinygrad.renderer.cstyle import CStyleLanguage
from tinygrad.runtime.ops_cpu import CPUProgram


def test_apply_opts_imports_the_heuristic_when_it_is_called():
    source = inspect.getsource(postrange.apply_opts)
    assert "from tinygrad.codegen.opt.heuristic import hand_coded_optimizations" in source
    assert callable(heuristic.hand_coded_optimizations)


def test_extra_matcher_sees_the_whole_kernel_before_it_is_put_in_order():
    source = inspect.getsource(full_rewrite_to_sink)
    assert source.index("extra_matcher") < source.index("pm_casted_consts")
    assert source.index("pm_casted_consts") < source.index("add control flow")


def test_cpu_program_loads_an_object_and_tells_its_address():
    parameters = list(inspect.signature(CPUProgram.__init__).parameters)
    assert parameters == ["self", "dev", "obj"]
    assert "self.addr" in inspect.getsource(CPUProgram.__init__)


def test_kernel_gets_extra_arguments_from_its_renderer():
    assert "self.extra_args" in inspect.getsource(CStyleLanguage.render_kernel)


def test_graph_runner_keeps_calls_and_what_to_replace():
    source = inspect.getsource(jit.GraphRunner.__init__)
    for name in ("self.calls", "self.runtimes", "self.uop_replace", "self.vars"):
        assert name in source
    inputs = inspect.signature(jit._prepare_jit_inputs)
    assert list(inputs.parameters) == ["args", "kwargs"]
