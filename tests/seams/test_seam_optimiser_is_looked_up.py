"""Seam: codegen looks up apply_opts in its module on each call; it returns the optimised AST."""

from unittest.mock import patch

from tinygrad import Tensor, codegen

from labs.lowering import lower


def test_apply_opts_is_called_once_per_kernel_and_restored():
    original, calls = codegen.apply_opts, []

    def counting(*args, **kwargs):
        calls.append(original(*args, **kwargs))
        return calls[-1]

    with patch.object(codegen, "apply_opts", counting):
        low = lower(Tensor.empty(32, 32).softmax(-1))
    assert len(calls) == len(low.kernels) == 3
    assert codegen.apply_opts is original
    assert calls[0].arg.applied_opts
