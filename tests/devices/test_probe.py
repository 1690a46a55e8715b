"""The child's program: what it sets before tinygrad is imported, and how it explains failures."""

import pytest

from labs.devices import probe


@pytest.mark.parametrize(
    ("device", "current", "target"),
    [
        ("CL", "", "CL"),
        ("CL", "CPU", "CL"),
        ("CPU", "CPU:LLVM", "CPU:LLVM"),
        ("CPU", "EDGE;CPU:X86", "CPU:X86"),
        # never over PCI: that takes the card away from the system's driver
        ("AMD", "CPU", "KFD+AMD"),
        ("NV", "", "NVK+NV"),
        ("AMD", "AMD:LLVM", "KFD+AMD:LLVM"),
        ("AMD", "USB+AMD", "USB+AMD"),
        ("AMD", "PCI+AMD", "KFD+AMD"),
        ("NV", "PCI+NV:NAK", "NVK+NV:NAK"),
    ],
)
def test_the_target_keeps_the_users_renderer_and_never_takes_a_gpu_over_pci(
    device, current, target
):
    assert probe._target(device, current) == target


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (RuntimeError("no card"), "no card"),
        (StopIteration(), "StopIteration"),
        (ValueError("bad\n  second line"), "ValueError: bad"),
        (ExceptionGroup("x", [RuntimeError("a"), RuntimeError("a"), RuntimeError("b")]), "a; b"),
        (RuntimeError("\n\n"), "RuntimeError"),
    ],
)
def test_an_exception_becomes_one_line(error, text):
    assert probe.explain(error) == text
