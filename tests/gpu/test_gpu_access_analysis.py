"""labs.gpu.access.analysis: kernels that tinygrad renders, against sectors counted by hand."""

import numpy as np
import pytest

from labs import toolchain
from labs.errors import LabError, LoweringError

toolchain.activate()

from tinygrad import Tensor, Variable, dtypes
from tinygrad.codegen.opt import Opt, OptOps

from labs.gpu.access import analyze_access
from labs.lowering import TARGETS

N = 1 << 14
# one thread per output and 32 in a block: no vectors, so each lane's address is that of the formula
PLAIN = [Opt(OptOps.LOCAL, 0, 32)]


def floats(*shape):
    return Tensor.empty(*(shape or (N,)))


def shifted(offset):
    return floats(N + offset)[offset : N + offset] + 1


# name, expression, options -> sectors, fewest, efficiency of the load of data1
KERNELS = [
    ("sequential", lambda: floats() + 1, PLAIN, 4, 4, 1.0),
    ("stride 2", lambda: floats(2 * N)[::2] + 1, PLAIN, 8, 4, 0.5),
    ("stride 8", lambda: floats(8 * N)[::8] + 1, PLAIN, 32, 4, 0.125),
    ("stride 32", lambda: floats(32 * N)[::32] + 1, PLAIN, 32, 4, 0.125),
    ("misaligned by 4 bytes", lambda: shifted(1), PLAIN, 5, 4, 0.8),
    ("misaligned by a sector", lambda: shifted(8), PLAIN, 4, 4, 1.0),
    ("reversed", lambda: floats().flip(0) + 1, PLAIN, 4, 4, 1.0),
    (
        "transposed",
        lambda: floats(128, 128).T + 1,
        [Opt(OptOps.LOCAL, 1, 32)],
        *(32, 4, 0.125),
    ),
    (
        "transposed, the lanes along the rows of the input",
        lambda: floats(128, 128).T + 1,
        [Opt(OptOps.LOCAL, 0, 32)],
        *(4, 4, 1.0),
    ),
    (
        "broadcast",
        lambda: floats(128, 1).expand(128, 128) + floats(128, 128),
        [Opt(OptOps.LOCAL, 1, 32)],
        *(1, 1, 0.125),
    ),
    ("float4", lambda: floats() + 1, [Opt(OptOps.UPCAST, 0, 4), *PLAIN], 16, 16, 1.0),
    ("float16", lambda: Tensor.empty(N, dtype=dtypes.half) + 1, PLAIN, 2, 2, 1.0),
    ("uint8", lambda: Tensor.empty(N, dtype=dtypes.uint8) + 1, PLAIN, 1, 1, 1.0),
    ("one thread per block", lambda: floats() + 1, [], 1, 1, 0.125),
]


@pytest.mark.parametrize(
    ("expression", "opts", "sectors", "fewest", "efficiency"),
    [row[1:] for row in KERNELS],
    ids=[row[0] for row in KERNELS],
)
def test_kernel_when_counted_by_hand_then_equal(expression, opts, sectors, fewest, efficiency):
    load = analyze_access(expression, "CUDA:sm_90", opts).find("load", "data1")
    assert (load.sectors, load.minimum_sectors) == (sectors, fewest)
    assert load.efficiency == pytest.approx(efficiency)


def test_addresses_then_those_of_the_first_warp():
    load = analyze_access(lambda: floats(2 * N)[::2] + 1, "CUDA", PLAIN).find()
    assert load.addresses == tuple(8 * lane for lane in range(32))
    assert load.where == "block 0, warp 0"
    assert load.shown.touched == tuple(range(8))
    assert "data1" in load.text and load.text in str(load.text)
    source = analyze_access(lambda: floats(2 * N)[::2] + 1, "CUDA", PLAIN).kernels[0].source
    assert source.splitlines()[load.line - 1].strip() == load.text


def test_vectors_when_the_stride_defeats_them_then_shared_sectors_count_once():
    """Four loads of a stride-2 pattern: each is 12.5% by itself, together they use half."""
    opts = [Opt(OptOps.UPCAST, 0, 4), *PLAIN]
    found = analyze_access(lambda: floats(2 * N)[::2] + 1, "CUDA", opts)
    loads = [a for a in found.accesses if a.kind == "load"]
    assert [a.sectors for a in loads] == [32] * 4
    assert [a.footprint_efficiency for a in loads] == [0.5] * 4
    (kernel,) = found.kernels
    read, written = 4 * N, 4 * N
    # 4 loads of 32 sectors and a store of 16 for each of N / 128 warps
    assert kernel.moved_bytes == (4 * 32 + 16) * 32 * (N // 128)
    assert kernel.efficiency == pytest.approx((read + written) / kernel.moved_bytes)
    assert kernel.footprint_bytes == 2 * read + written
    assert kernel.footprint_efficiency == pytest.approx(8 / 12)
    assert kernel.least_bytes == read + written  # tinygrad's mem


def test_reduction_when_repaired_by_options_then_coalesced():
    """A row sum: neighbouring lanes far apart with GROUPTOP, side by side with GROUP."""

    def rows():
        return floats(16, 1024).sum(1)

    apart = analyze_access(rows, "CUDA", [Opt(OptOps.GROUPTOP, 0, 32)])
    beside = analyze_access(rows, "CUDA", [Opt(OptOps.GROUP, 0, 32)])
    assert apart.find().sectors == 32
    assert beside.find().sectors == 4
    assert beside.efficiency > 5 * apart.efficiency
    # what lanes exchange in shared memory is no traffic: it has banks instead of sectors
    shared = [a for a in beside.accesses if a.space == "shared"]
    assert shared and all(a.conflicts >= 1 and a.sectors is None for a in shared)
    assert not any("data1" in a.index for a in shared)  # a loop that runs later is no index


def test_requests_then_loads_of_all_warps_and_rounds():
    found = analyze_access(lambda: floats(64, 64) @ floats(64, 64), "CUDA", [])
    loads = [a for a in found.accesses if a.kind == "load"]
    # 64 x 64 blocks of one thread, 64 rounds each
    assert [a.requests for a in loads] == [64**3, 64**3]
    assert found.find("store").requests == 64 * 64


def test_mask_when_lanes_lie_outside_then_they_touch_nothing():
    load = analyze_access(lambda: floats(100).pad((4, 24)) + 1, "CUDA", PLAIN).find()
    assert load.addresses[:5] == (None, None, None, None, 0)
    # warps of 28, 32, 32 and 8 lanes: 4 + 5 + 5 + 2 sectors, and 112 + 128 + 128 + 32 bytes
    assert load.sectors == pytest.approx(16 / 4)
    assert load.efficiency == pytest.approx(400 / (16 * 32))
    assert load.is_exact and load.groups == 4


def test_gather_when_the_index_is_unknown_then_a_reason_and_no_total():
    index = Tensor.empty(256, dtype=dtypes.int)
    found = analyze_access(lambda: floats(1024)[index], "CUDA", PLAIN)
    assert found.find("load", "data1").efficiency == 1.0  # the index itself
    gathered = found.find("load", "data2")
    assert gathered.sectors is None and "pass data=" in gathered.reason
    assert found.efficiency is None and "data2" in found.reason
    assert "pass data=" in str(found)


def test_gather_when_the_index_is_given_then_its_sectors():
    index = Tensor.empty(256, dtype=dtypes.int)
    values = np.arange(256, dtype=np.int32) * 4  # stride 4: 16 sectors of a warp
    gathered = analyze_access(
        lambda: floats(1024)[index], "CUDA", PLAIN, data={index: values}
    ).find("load", "data2")
    assert gathered.sectors == 16
    assert gathered.index == "read from data1"


def test_gather_when_the_index_is_realized_then_it_is_read():
    index = Tensor(np.arange(256, dtype=np.int32)[::-1].copy(), device="CPU").realize()
    table = Tensor.empty(1024, device="CPU")
    assert analyze_access(lambda: table[index], "CUDA", PLAIN).find("load", "data2").sectors == 4


def test_given_data_when_of_another_size_then_an_error():
    index = Tensor.empty(256, dtype=dtypes.int)
    with pytest.raises(LoweringError, match="256 numbers"):
        analyze_access(lambda: floats(1024)[index], data={index: [1, 2, 3]})


def test_symbolic_size_when_bound_then_used_and_else_an_error():
    size = Variable("n", 1, N)
    bound = analyze_access(lambda: floats()[: size.bind(64)] + 1, "CUDA")
    assert bound.kernels[0].footprint_bytes >= 2 * 64 * 4
    with pytest.raises(LoweringError, match="bind it"):
        analyze_access(lambda: floats()[:size] + 1, "CUDA")


@pytest.mark.parametrize("target", [t for t in TARGETS if t not in ("CUDA", "CPU", "EDGE:RV32")])
def test_every_target_when_sequential_then_whole_sectors_in_the_body(target):
    found = analyze_access(lambda: floats() + 1, target)
    assert found.footprint_efficiency == pytest.approx(1.0)
    assert sum(f.moved_bytes for f in found.kernels[0].footprints) == pytest.approx(8 * N)
    assert found.lane_meaning and found.source


def test_cpu_when_strided_then_lines_of_64_bytes():
    found = analyze_access(lambda: floats(16 * N)[::16] + 1, "CPU", [])
    load = found.find()
    assert (load.lanes, load.sector_bytes, load.sectors) == (16, 64, 16)
    assert load.efficiency == pytest.approx(1 / 16)
    assert found.find("store").efficiency == 1.0


def test_cpu_when_outside_of_any_loop_then_one_lane():
    load = analyze_access(lambda: floats(4) + 1, "CPU", [Opt(OptOps.UPCAST, 0, 4)]).find()
    assert load.lanes == 1 and load.bytes_per_lane == 16


def test_amd_cdna_then_waves_of_64():
    from labs.gpu.access.lanes import lane_model

    target = TARGETS["HIP"]
    assert lane_model(target).count == 32
    assert lane_model(type(target)(**{**target.__dict__, "arch": "gfx942"})).count == 64


def test_many_groups_when_sampled_then_the_same_answer_each_time():
    first, second = (analyze_access(lambda: floats(1 << 20) + 1) for _ in range(2))
    assert not first.find().is_exact and first == second


def test_options_when_tinygrad_refuses_them_then_its_reason():
    with pytest.raises(LoweringError, match="tinygrad refuses"):
        analyze_access(lambda: floats() + 1, "CUDA", [Opt(OptOps.LOCAL, 0, 3)])
    with pytest.raises(LoweringError, match="Opts"):
        analyze_access(lambda: floats() + 1, "CUDA", ["LOCAL"])


def two_kernels():
    return (floats(64, 64).sum(1).contiguous() + 1).sum()


def test_options_when_there_are_several_kernels_then_by_number():
    with pytest.raises(LoweringError, match="kernel number"):
        analyze_access(two_kernels, "CUDA", [])
    found = analyze_access(two_kernels, "CUDA", {0: []})
    assert found.kernels[0].options == () and len(found.kernels) == 2
    with pytest.raises(LoweringError, match="kernel numbers from 0 to 1"):
        analyze_access(two_kernels, "CUDA", {7: []})


@pytest.mark.parametrize(
    ("expression", "target"),
    [(3, "CUDA"), (lambda: "text", "CUDA"), (lambda: floats() + 1, "ABACUS"), (floats, "CUDA")],
)
def test_bad_input_then_an_error_of_the_course(expression, target):
    with pytest.raises(LabError):
        analyze_access(expression, target)


def test_a_missing_access_then_the_ones_that_are_there():
    with pytest.raises(LoweringError, match="store of data0"):
        analyze_access(lambda: floats() + 1).find("load", "data9")
    with pytest.raises(LabError, match="samples"):
        analyze_access(lambda: floats() + 1, samples=1)
    with pytest.raises(LabError, match="sector_bytes"):
        analyze_access(lambda: floats() + 1, sector_bytes=0)


def test_sectors_when_another_size_is_asked_for_then_counted_in_it():
    found = analyze_access(lambda: floats(8 * N)[::8] + 1, "CUDA", PLAIN, sector_bytes=64)
    assert (found.sector_bytes, found.find().sectors) == (64, 16)
