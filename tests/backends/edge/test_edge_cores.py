"""Arch strings: a core, a level, their defaults, and what is not one."""

import pytest

from labs.backends.edge.cores import CORES, parse_arch
from labs.errors import DeviceError


@pytest.mark.parametrize(
    ("arch", "core", "level"),
    [
        ("cortex-m4,Os", "cortex-m4", "Os"),
        ("cortex-m4,O3", "cortex-m4", "O3"),
        ("O2", "cortex-m4", "O2"),
        ("rv32imac", "rv32imac", "Os"),
        ("Oz, cortex-m3", "cortex-m3", "Oz"),
        ("", "cortex-m4", "Os"),
    ],
)
def test_parse_arch_when_a_part_is_left_out_then_its_default(arch, core, level):
    assert parse_arch(arch) == (CORES[core], level)


@pytest.mark.parametrize("arch", ["cortex-m85", "cortex-m4,fast", "O2,O3", "cortex-m4,rv32imac"])
def test_parse_arch_when_wrong_then_it_says_what_there_is(arch):
    with pytest.raises(DeviceError) as raised:
        parse_arch(arch)
    assert "cortex-m4" in raised.value.expected and "Os" in raised.value.expected
    assert arch.split(",")[-1] in raised.value.got
