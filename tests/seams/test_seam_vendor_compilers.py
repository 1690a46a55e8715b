"""Seam: renderers import their vendor's compiler inside __init__, from these modules and names."""

import inspect
from importlib import import_module

import pytest

from labs.lowering import renderers, targets


@pytest.mark.parametrize(
    ("module", "name"), [(m, n) for m, names in renderers._VENDOR_COMPILERS.items() for n in names]
)
def test_compiler_classes_are_where_they_are_replaced(module, name):
    from tinygrad.device import Compiler

    assert issubclass(getattr(import_module(f"tinygrad.runtime.support.{module}"), name), Compiler)


@pytest.mark.parametrize("name", list(targets.TARGETS))
def test_every_renderer_is_created_with_no_vendor_library(name):
    target = targets.TARGETS[name]
    module, _, renderer = target.renderer.partition(":")
    device = renderers.DeviceTarget(target.device, target.spec.split(":")[1], target.arch)
    made = renderers._source_only(getattr(import_module(module), renderer), device)
    assert isinstance(made.compiler, renderers.SourceOnly)
    assert made.target == device


def test_renderers_take_one_argument():
    """A second renderer of a device's class is made from its target alone."""
    from tinygrad import Device

    renderer = Device["CPU"].renderer
    assert renderer.__reduce__() == (type(renderer), (renderer.target,))
    required = [
        p
        for p in inspect.signature(type(renderer)).parameters.values()
        if p.default is inspect.Parameter.empty
    ]
    assert len(required) == 1
