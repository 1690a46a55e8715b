"""labs.gpu.occupancy: a table worked out by hand from the formula in the module's docstring."""

import pytest

from labs.errors import LabError
from labs.gpu.capability import CAPABILITIES, capability
from labs.gpu.occupancy import occupancy, occupancy_by_registers, occupancy_by_threads, waves
from labs.gpu.resources import KernelResources


def kernel(registers, shared=0, barriers=0, max_threads=1024):
    return KernelResources("k", "", registers, shared, 0, max_threads, barriers)


# capability, registers, threads, static + dynamic shared; blocks, warps, percent, limiter; working
BY_HAND = [
    # w = 8; warps 64/8 = 8; registers 64*32 = 2048 a warp, 16384/2048 = 8 in a quarter, 32/8 = 4
    ("9.0", 64, 256, 0, 4, 32, 50.0, "registers"),
    # w = 32; warps 64/32 = 2; registers 1024 a warp, 16 in a quarter, 64/32 = 2
    ("8.0", 32, 1024, 0, 2, 64, 100.0, "warp slots and registers"),
    # w = 4; warps 12; registers 1280, 12 in a quarter, 48/4 = 12; shared 17 KiB of 100: 5
    ("8.6", 40, 128, 16384, 5, 20, 100 * 20 / 48, "shared memory"),
    # w = 6; 33*32 = 1056 becomes 1280, 12 in a quarter, 48/6 = 8; warps 64/6 = 10
    ("7.0", 33, 192, 0, 8, 48, 75.0, "registers"),
    # w = 1; warps 32; registers 512, 32 in a quarter, 128; blocks 16
    ("7.5", 16, 32, 0, 16, 16, 50.0, "block slots"),
    # 100 threads take 4 warps; warps 16, registers 16 in a quarter, 64/4 = 16
    ("9.0", 32, 100, 0, 16, 64, 100.0, "warp slots and registers"),
    # 104*32 = 3328: 4 in a quarter of 16384, so 16 warps, though 19 would fit into all of 65536
    ("9.0", 104, 32, 0, 16, 16, 25.0, "registers"),
    # 200 KiB + 1 KiB reserved = 205824 B of 233472: 1
    ("9.0", 32, 128, 204800, 1, 4, 6.25, "shared memory"),
    # w = 32 of 48; registers 1280, 12 in a quarter, 48/32 = 1
    ("12.0", 40, 1024, 0, 1, 32, 100 * 32 / 48, "warp slots and registers"),
    # before 8.0 nothing is reserved and the unit is 256 B: 96 KiB / 3072 B = 32
    ("7.0", 16, 64, 3000, 32, 64, 100.0, "warp slots, block slots and shared memory"),
]


@pytest.mark.parametrize("row", BY_HAND, ids=lambda r: f"{r[0]}-{r[1]}-{r[2]}-{r[3]}")
def test_occupancy_then_as_worked_out_by_hand(row):
    sm, registers, threads, shared, blocks, warps, percent, limiter = row
    static = min(shared, 16384)
    found = occupancy(kernel(registers, static), sm, threads, dynamic_shared_bytes=shared - static)
    assert (found.active_blocks, found.active_warps) == (blocks, warps)
    assert found.percent == pytest.approx(percent)
    assert found.limiter == limiter.replace(", ", " and ")
    assert limiter.split(" and ")[-1] in str(found)


@pytest.mark.parametrize(
    ("resources", "threads", "dynamic", "why"),
    [
        (kernel(255), 1024, 0, "262,144 registers"),
        (kernel(32, max_threads=256), 512, 0, "the kernel allows 256"),
        (kernel(32), 1056, 0, "the kernel allows 1024"),
        (kernel(32), 128, 228 * 1024, "228 KiB of shared memory"),
        (kernel(300), 32, 0, "300 registers"),
    ],
)
def test_launch_when_impossible_then_zero_and_why(resources, threads, dynamic, why):
    found = occupancy(resources, "9.0", threads, dynamic_shared_bytes=dynamic)
    assert found.percent == 0 and found.limiters == ()
    assert why in found.impossible and why in str(found)


def test_barriers_when_many_then_they_limit_from_hopper_on():
    # 32 blocks x 2 barriers = 64; 16 a block: 4 blocks
    assert occupancy(kernel(16, barriers=16), "9.0", 32).limiter == "barriers"
    assert occupancy(kernel(16, barriers=16), "9.0", 32).active_blocks == 4
    assert occupancy(kernel(16, barriers=16), "8.0", 32).active_blocks == 32


def test_curves_when_drawn_then_they_step_where_the_arithmetic_does():
    by_threads = occupancy_by_threads(kernel(32), "9.0")
    assert [o.threads for o in by_threads] == list(range(32, 1025, 32))
    # 672 threads: 21 warps, 3 blocks of 63; 704 threads: 22 warps, 2 blocks of 44
    assert {o.threads: o.active_warps for o in by_threads}[672] == 63
    assert {o.threads: o.active_warps for o in by_threads}[704] == 44
    by_registers = occupancy_by_registers(kernel(1), "9.0", 256, (32, 33, 40, 41))
    assert [o.active_blocks for o in by_registers] == [8, 6, 6, 5]


@pytest.mark.parametrize(
    ("blocks", "sms", "active", "rounds", "tail", "efficiency"),
    [
        (132, 132, 1, 1, 132, 1.0),
        (133, 132, 1, 2, 1, 133 / 264),
        (1, 132, 8, 1, 1, 1 / 1056),
        (1056 * 3, 132, 8, 3, 1056, 1.0),
    ],
)
def test_waves_then_the_last_one_is_counted(blocks, sms, active, rounds, tail, efficiency):
    found = waves(blocks, sms, active)
    assert (found.rounds, found.tail_blocks) == (rounds, tail)
    assert found.efficiency == pytest.approx(efficiency)
    assert "model" in str(found)


@pytest.mark.parametrize(
    "name", ["9.0", "sm_90", "sm_90a", "90", "compute_90", CAPABILITIES["9.0"]]
)
def test_capability_when_spelled_in_any_way_then_found(name):
    assert capability(name).warps == 64


@pytest.mark.parametrize("name", ["gfx1100", "", "sm_61", "13.7", None])
def test_capability_when_unknown_then_the_known_ones(name):
    with pytest.raises(LabError, match=r"7.0, 7.5"):
        capability(name)


@pytest.mark.parametrize("threads", [0, -32, 1.5, True, "256"])
def test_threads_when_no_count_then_refused(threads):
    with pytest.raises(LabError, match="whole number of at least 1"):
        occupancy(kernel(32), "9.0", threads)


def test_registers_when_unknown_then_the_reason():
    unknown = KernelResources("k", "CPU", reasons=(("registers", "a CPU compiler doesn't say"),))
    with pytest.raises(LabError, match="a CPU compiler"):
        occupancy(unknown, "9.0", 32)
