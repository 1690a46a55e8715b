"""A linked program, read: sizes and symbols from the ELF, and the sums over its instructions."""

import numpy as np
import pytest

from labs.backends.edge.build import compile_kernel, entry_point
from labs.backends.edge.cores import CORES
from labs.backends.edge.image import load_image
from labs.errors import DeviceError

TABLE = """
static const char *const words[] = {"one", "three", "fifteen"};
void f(float *x, int n) { x[0] = words[n][1] / (double)x[1]; }
"""


def image(core: str, body: str = TABLE):
    source = f"{body}\n{entry_point('f', ['float*', 'int'])}"
    return load_image(compile_kernel(source, CORES[core], "Os"), core)


@pytest.mark.parametrize("core", CORES)
def test_load_then_instructions_tile_the_code_between_its_constants(core):
    loaded = image(core)
    ends = [i.offset + i.size for i in loaded.instructions]
    starts = [i.offset for i in loaded.instructions]
    assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))
    assert {i.size for i in loaded.instructions} <= {2, 4}
    assert all(i.mnemonic != "?" for i in loaded.instructions)
    assert loaded.entry == 0 and loaded.function_at(loaded.entry).startswith("_start")


@pytest.mark.parametrize("core", CORES)
def test_load_then_the_sums_before_the_end_are_of_all_instructions(core):
    loaded = image(core)
    assert loaded.before["instructions"][-1] == len(loaded.instructions)
    assert loaded.before["cycles"][-1] == sum(i.model_cycles for i in loaded.instructions)
    assert np.all(np.diff(loaded.before["instructions"].astype(int)) >= 0)
    some = loaded.instructions[5]
    assert loaded.before["instructions"][some.offset // 2] == 5


@pytest.mark.parametrize("core", CORES)
def test_code_at_when_moved_then_its_addresses_move_along(core):
    loaded = image(core)
    assert len(loaded.addresses) == 3  # the table's
    moved = loaded.code_at(loaded.link_address + 0x1000)
    assert len(moved) == loaded.code_bytes
    for offset in loaded.addresses:
        words = [int.from_bytes(c[offset : offset + 4], "little") for c in (loaded.code, moved)]
        assert words[1] - words[0] == 0x1000
        text = moved[words[1] - loaded.link_address - 0x1000 :]
        assert text.startswith((b"one", b"three", b"fifteen"))


def test_load_when_for_another_instruction_set_then_refused():
    source = f"void f(float *x) {{ x[0] = 1; }}\n{entry_point('f', ['float*'])}"
    program = compile_kernel(source, CORES["rv32imac"], "Os")
    with pytest.raises(DeviceError, match="EM_RISCV"):
        load_image(program, "cortex-m4")


@pytest.mark.parametrize("program", [b"", b"not a program", b"\x7fELF" + bytes(60)])
def test_load_when_not_a_program_then_an_error(program):
    with pytest.raises(DeviceError, match="load a program"):
        load_image(program, "cortex-m4")
