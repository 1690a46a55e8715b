"""labs.gpu.cubin: compiled kernels of our own, against what ptxas and cuobjdump said of them."""

from pathlib import Path

import pytest

from labs.errors import LoweringError
from labs.gpu.cubin import read_cubin, read_kernel

DATA = Path(__file__).parent / "data"

# registers, shared bytes, stack bytes, threads, barriers: what `ptxas -v` said as it compiled
PTXAS = {
    "resources_sm_80.cubin": {
        "scale": (10, 0, 0, 1024, 0),
        "tile_sum": (18, 4096, 0, 256, 1),
        "looked_up": (30, 0, 0, 1024, 0),
        "crowded": (32, 0, 240, 1024, 1),
    },
    "resources_sm_90.cubin": {
        "scale": (10, 0, 0, 1024, 0),
        "tile_sum": (18, 4096, 0, 256, 1),
        "looked_up": (30, 0, 0, 1024, 0),
        "crowded": (32, 0, 248, 1024, 1),
    },
    "resources_sm_90_cuda12.cubin": {
        "scale": (10, 0, 0, 1024, 0),
        "tile_sum": (17, 4096, 0, 256, 1),
        "looked_up": (30, 0, 0, 1024, 0),
        "crowded": (32, 0, 248, 1024, 1),
    },
}


@pytest.mark.parametrize("name", PTXAS)
def test_cubin_when_read_then_it_says_what_ptxas_said(name):
    found = read_cubin((DATA / name).read_bytes())
    assert {
        k.kernel: (k.registers, k.shared_bytes, k.stack_bytes, k.max_threads, k.barriers)
        for k in found
    } == PTXAS[name]
    assert {k.target for k in found} == {name[10:15]}
    assert not any(k.reasons for k in found)


def test_kernel_when_named_then_that_one_and_its_table():
    kernel = read_kernel((DATA / "resources_sm_90.cubin").read_bytes(), "tile_sum")
    assert "4 KiB" in str(kernel) and "18" in str(kernel)


@pytest.mark.parametrize(("name", "got"), [("gone", "'gone'"), (None, "there are several")])
def test_kernel_when_it_cannot_be_chosen_then_the_names(name, got):
    with pytest.raises(LoweringError, match=got) as error:
        read_kernel((DATA / "resources_sm_90.cubin").read_bytes(), name)
    assert "scale" in str(error.value)


@pytest.mark.parametrize(
    ("data", "got"),
    [
        (b"", "0 bytes"),
        (b".version 8.0\n.target sm_90\n", "PTX"),
        (b"\x50\xed\x55\xba" + bytes(60), "fatbin"),
        (bytes(range(256)), "that are none"),
    ],
)
def test_bytes_when_they_are_no_cubin_then_what_they_are(data, got):
    with pytest.raises(LoweringError, match=got):
        read_cubin(data)


def test_elf_when_for_another_machine_then_refused():
    data = bytearray((DATA / "resources_sm_90.cubin").read_bytes())
    data[18:20] = (62).to_bytes(2, "little")  # e_machine: x86-64
    with pytest.raises(LoweringError, match="EM_X86_64"):
        read_cubin(bytes(data))


def test_cubin_when_damaged_then_an_error_of_ours():
    data = (DATA / "resources_sm_90.cubin").read_bytes()
    for size in (64, 1000, 5000):
        with pytest.raises(LoweringError):
            read_cubin(data[:size])
