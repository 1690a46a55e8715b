"""Seam: compile_linear looks up lower_and_compile in engine.realize on each call, for realize() and
for TinyJit; options in KernelInfo.opts_to_apply are applied and no others."""

from dataclasses import replace

import numpy as np
from tinygrad import Tensor, TinyJit
from tinygrad.codegen.opt import Opt, OptOps
from tinygrad.engine import realize
from tinygrad.uop.ops import Ops


def test_lower_and_compile_is_looked_up_by_realize_and_by_tinyjit(monkeypatch):
    original, calls = realize.lower_and_compile, []

    def counting(linear):
        calls.append(linear)
        return original(linear)

    monkeypatch.setattr(realize, "lower_and_compile", counting)
    x = Tensor(np.ones(16, np.float32), device="CPU").realize()
    calls.clear()
    (x + 1).realize()
    assert len(calls) == 1
    step = TinyJit(lambda t: (t + 1).realize())
    for _ in range(3):
        step(x)
    captured = len(calls)
    assert captured > 1
    step(x)  # a replay compiles nothing
    assert len(calls) == captured


def test_opts_to_apply_are_what_is_applied():
    x = Tensor(np.ones(16, np.float32), device="CPU").realize()
    linear = (x + 1).schedule_linear()
    (call,) = [c for c in linear.src if c.src[0].op is Ops.SINK]
    opts = (Opt(OptOps.UPCAST, 0, 8),)
    ast = call.src[0].replace(arg=replace(call.src[0].arg, opts_to_apply=opts))
    compiled = realize.compile_linear(
        linear.substitute({call: call.replace(src=(ast, *call.src[1:]))})
    )
    assert compiled.src[0].src[0].src[0].arg.applied_opts == opts
