"""EDGE as tinygrad's device: numbers by data type, memory, compile workers, TinyJit, BEAM."""

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from labs import backends, toolchain

toolchain.activate()
backends.register()

from tinygrad import Context, Device, Tensor, TinyJit, Variable, dtypes
from tinygrad.codegen import to_program
from tinygrad.engine import worker
from tinygrad.engine.realize import compile_linear, time_call
from tinygrad.uop.ops import Ops

from labs.backends.accounting import MemoryUsage
from labs.backends.edge import EdgeMemoryFault, EdgeOutOfMemory
from labs.backends.runtime.ops_edge import EdgeRenderer
from labs.bench.clocks import is_modelled
from labs.errors import DeviceError

CORES = ["cortex-m4", "rv32imac"]
INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
FLOATS = {"float16": 2e-3, "float32": 2e-6, "float64": 1e-14}
MIB = 1 << 20


@pytest.fixture
def edge():
    return Device["EDGE"]


@pytest.fixture(params=CORES)
def core(request):
    with Context(DEV=f"EDGE::{request.param}"):
        yield request.param


def on_edge(values) -> Tensor:
    return Tensor(np.asarray(values), device="EDGE")


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_when_at_their_edges_then_as_numpy(core, dtype):
    kind, info = np.dtype(dtype), np.iinfo(dtype)
    rng = np.random.default_rng(0)
    edges = np.array([info.min, info.max, info.max // 2, 0, 1, 2, 3], kind)
    a = np.concatenate([edges, rng.integers(info.min, info.max, 20, kind, endpoint=True)])
    b = np.concatenate([edges[::-1], rng.integers(1, info.max, 20, kind, endpoint=True)])
    divisor = np.maximum(b, 1).astype(kind)
    x, y, d = on_edge(a), on_edge(b), on_edge(divisor)
    got = (x + y, x * y, x - y, x ^ y, x.maximum(y), x // d, x % d, x >> 3, x + int(info.max))
    got[0].realize(*got[1:])
    with np.errstate(over="ignore"):
        want = (
            a + b,
            a * b,
            a - b,
            a ^ b,
            np.maximum(a, b),
            a // divisor,
            a % divisor,
            a >> 3,
            a + kind.type(info.max),
        )
    for ours, theirs in zip(got, want, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs)
        assert ours.numpy().dtype == kind


@pytest.mark.parametrize("dtype", FLOATS)
def test_floats_when_computed_with_then_near_numpy(core, dtype):
    rng, tolerance = np.random.default_rng(1), FLOATS[dtype]
    a = (rng.random(40) * 4 + 0.1).astype(dtype)
    b = (rng.random(40) * 4 + 0.1).astype(dtype)
    x, y = on_edge(a), on_edge(b)
    wide, wide_b = a.astype(np.float64), b.astype(np.float64)
    cases = {
        "add": (x + y, wide + wide_b),
        "mul": (x * y, wide * wide_b),
        "div": (x / y, wide / wide_b),
        "sqrt": (x.sqrt(), np.sqrt(wide)),
        "exp": (x.exp(), np.exp(wide)),
        "log": (x.log(), np.log(wide)),
        "sin": (x.sin(), np.sin(wide)),
        "tanh": (x.tanh(), np.tanh(wide)),
        "trunc": ((x * 3).trunc(), np.trunc((a * a.dtype.type(3)).astype(np.float64))),
        "sum": (x.sum(), wide.sum()),
    }
    for name, (ours, theirs) in cases.items():
        np.testing.assert_allclose(
            ours.numpy().astype(np.float64),
            theirs,
            rtol=20 * tolerance,
            atol=tolerance,
            err_msg=name,
        )


@pytest.mark.parametrize("dtype", FLOATS)
def test_floats_when_nan_infinite_or_tiny_then_as_numpy(core, dtype):
    tiny = np.finfo(dtype).smallest_subnormal
    a = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, tiny, -tiny], dtype)
    x = on_edge(a)
    np.testing.assert_array_equal(x.isnan().numpy(), np.isnan(a))
    np.testing.assert_array_equal(x.isinf().numpy(), np.isinf(a))
    np.testing.assert_array_equal((x * 1).numpy(), a)
    np.testing.assert_array_equal((1 / x[3:5]).numpy(), [np.inf, -np.inf])
    np.testing.assert_array_equal((x != x).numpy(), a != a)


def test_casts_when_between_kinds_then_as_numpy(core):
    a = np.array([0.0, 1.5, -2.5, 100.75, 3e4, -1e-3])
    x = on_edge(a)
    for dtype in ("float16", "float32", "int16", "int32", "int64"):
        got = x.cast(getattr(dtypes, dtype)).numpy()
        np.testing.assert_array_equal(got, a.astype(dtype))
    big = np.array([2**40 + 1, -(2**52), 7], np.int64)
    np.testing.assert_array_equal(on_edge(big).cast(dtypes.float64).numpy(), big.astype(float))
    np.testing.assert_array_equal(
        (on_edge(big) * 3).cast(dtypes.int32).numpy(), (big * 3).astype("i4")
    )


def test_bfloat16_when_computed_with_then_as_the_cpu(core):
    a = np.random.default_rng(2).standard_normal(50).astype(np.float32)

    def compute(device: str) -> np.ndarray:
        x = Tensor(a, device=device).cast(dtypes.bfloat16)
        return (x * 1.7 + x).float().numpy()

    np.testing.assert_array_equal(compute("EDGE"), compute("CPU"))


def test_constants_when_wider_than_32_bits_then_whole(core):
    x = on_edge(np.array([1, 2, 3], np.int64))
    np.testing.assert_array_equal(
        (x + 0x1234_5678_9ABC).numpy(), np.arange(1, 4) + 0x1234_5678_9ABC
    )
    least = -(2**63)
    np.testing.assert_array_equal((x + least).numpy(), np.arange(1, 4) + least)
    assert (x > least).all().item() and ((x - 4).maximum(least) < 0).all().item()
    y = on_edge(np.array([1], np.uint64))
    assert (y + (2**63 + 5)).numpy()[0] == 2**63 + 6


def test_matmul_and_convolution_then_as_numpy_and_the_cpu(core):
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((12, 20)), rng.standard_normal((20, 7))
    got = (on_edge(a.astype("f4")) @ on_edge(b.astype("f4"))).numpy()
    np.testing.assert_allclose(got, a @ b, rtol=1e-4, atol=1e-5)
    image, kernel = rng.standard_normal((1, 2, 8, 8)), rng.standard_normal((3, 2, 3, 3))
    both = [
        Tensor(image.astype("f4"), device=d).conv2d(Tensor(kernel.astype("f4"), device=d)).numpy()
        for d in ("EDGE", "CPU")
    ]
    np.testing.assert_allclose(*both, rtol=1e-4, atol=1e-5)


def test_views_when_they_start_inside_then_the_right_elements(core):
    a = np.arange(64, dtype=np.float32)
    x = on_edge(a).realize()
    np.testing.assert_array_equal((x[5:41:3] + 1).numpy(), a[5:41:3] + 1)
    np.testing.assert_array_equal(x.reshape(8, 8).T[3].contiguous().numpy(), a.reshape(8, 8).T[3])
    np.testing.assert_array_equal(x[5:21].bitcast(dtypes.int32).numpy(), a[5:21].view(np.int32))
    view = x.uop.buffer.view(16, dtypes.float32, 12).ensure_allocated()
    np.testing.assert_array_equal(view.numpy(), a[3:19])


def test_symbolic_when_the_size_varies_then_one_kernel_serves_all(core, edge):
    x = on_edge(np.arange(40, dtype=np.int32)).realize()
    size = Variable("n", 1, 40)
    with edge.record() as runs:
        for n in (1, 7, 40):
            assert x[: size.bind(n)].sum().item() == n * (n - 1) // 2
    assert len({(r.kernel, r.code_bytes) for r in runs}) <= 2
    assert runs[0].instructions < runs[-1].instructions


def test_tinyjit_when_replayed_then_right_for_new_inputs(core):
    function = TinyJit(lambda x, y: ((x @ y).relu().sum(1).contiguous() + 1).realize())
    rng = np.random.default_rng(4)
    for _ in range(5):
        a, b = (rng.standard_normal((6, 6)).astype(np.float32) for _ in range(2))
        got = function(on_edge(a).realize(), on_edge(b).realize()).numpy()
        np.testing.assert_allclose(got, np.maximum(a @ b, 0).sum(1) + 1, rtol=1e-4, atol=1e-4)


def test_copies_when_to_and_from_the_cpu_and_another_edge_then_the_same_bytes():
    a = np.random.default_rng(5).integers(0, 256, 1001, np.uint8)
    x = Tensor(a, device="CPU").to("EDGE").realize()
    np.testing.assert_array_equal(x.numpy(), a)
    np.testing.assert_array_equal(x.to("EDGE:1").realize().to("CPU").numpy(), a)


def test_instances_when_two_then_each_has_memory_of_its_own():
    first, second = Device["EDGE"], Device["EDGE:1"]
    before = first.allocator.usage().used_bytes, second.allocator.usage().used_bytes
    x = Tensor(np.ones(1000, np.float32), device="EDGE:1").realize()
    assert first.allocator.usage().used_bytes == before[0]
    assert second.allocator.usage().used_bytes >= before[1] + 4000
    both = Tensor(np.arange(8, dtype=np.float32), device="CPU").shard(("EDGE", "EDGE:1"), axis=0)
    np.testing.assert_array_equal((both + 1).numpy(), np.arange(8) + 1)
    assert x.sum().item() == 1000


def test_compile_pool_when_two_kernels_are_new_then_workers_compile_them():
    x = on_edge(np.arange(10, dtype=np.float32)).realize()
    a, b = x * 31 - 7, x * x + 37
    try:
        with Context(PARALLEL=2, CCACHE=0):
            a.realize(b)
    finally:
        worker.terminate_worker_pool()
    np.testing.assert_array_equal(a.numpy(), np.arange(10) * 31 - 7)
    np.testing.assert_array_equal(b.numpy(), np.arange(10) ** 2 + 37)


def test_renderer_when_pickled_then_the_same_source_and_program(core):
    renderer = Device["EDGE"].renderer
    copy = pickle.loads(pickle.dumps(renderer))
    assert type(copy) is EdgeRenderer and copy.target == renderer.target
    linear = (on_edge(np.ones(9, np.float32)) * 3).schedule_linear()
    ast = next(call.src[0] for call in linear.src if call.src[0].op is Ops.SINK)
    programs = [to_program(ast, r) for r in (renderer, copy)]
    assert programs[0].src[2].arg == programs[1].src[2].arg
    assert programs[0].src[3].arg == programs[1].src[3].arg


def test_tensor_when_pickled_then_its_values_come_back_in_another_process(tmp_path):
    file = tmp_path / "tensor.pkl"
    file.write_bytes(pickle.dumps(on_edge(np.arange(5, dtype=np.float32)).realize()))
    code = f"""
from labs import toolchain; toolchain.activate()
from labs import backends; backends.register()
import pickle
tensor = pickle.loads(open({str(file)!r}, "rb").read())
print(tensor.device, tensor.tolist())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "EDGE [0.0, 1.0, 2.0, 3.0, 4.0]", done.stderr


@pytest.mark.slow
def test_beam_when_searching_then_on_model_time_and_the_answer_is_right(edge):
    a = np.random.default_rng(6).standard_normal((8, 8)).astype(np.float32)
    x, y = on_edge(a).realize(), on_edge(a.T.copy()).realize()
    (x @ y).realize()
    plain = edge.last_run.model_cycles
    with Context(BEAM=1, CACHELEVEL=0, PARALLEL=0):
        got = (x @ y).numpy()
    np.testing.assert_allclose(got, a @ a.T, rtol=1e-4, atol=1e-5)
    assert edge.last_run.model_cycles <= plain


def test_time_call_then_the_same_model_seconds_each_time(edge):
    (call,) = compile_linear(
        (on_edge(np.ones((9, 9), np.float32)).realize() + 5).schedule_linear()
    ).src
    timer = time_call(call)
    times = {next(timer) for _ in range(4)}
    assert times == {edge.last_run.model_time_s}
    assert is_modelled("EDGE")


def test_memory_when_it_runs_out_then_the_error_names_used_asked_and_limit(edge):
    held = [Tensor.empty(10 * MIB, dtype=dtypes.uint8, device="EDGE").realize() for _ in range(2)]
    for tensor in held:
        tensor.uop.buffer.ensure_allocated()
    used = edge.allocator.usage().used_bytes
    with pytest.raises(EdgeOutOfMemory) as raised:
        edge.allocator.alloc(15 * MIB)
    assert isinstance(raised.value, MemoryError)
    assert "15 MiB asked" in raised.value.got and "limit 32 MiB" in raised.value.got
    assert "used" in raised.value.got and "on EDGE" in raised.value.asked
    assert edge.allocator.usage().used_bytes == used >= 20 * MIB
    del held, tensor
    block = edge.allocator.alloc(15 * MIB)  # what was freed is there again, in one piece
    edge.allocator.free(block, 15 * MIB)


def test_memory_when_a_computation_does_not_fit_then_pieces_of_it_do(edge):
    x = on_edge(np.ones(1000, np.float32)).realize()
    with pytest.raises(EdgeOutOfMemory):
        x.reshape(1, 1000).expand(10_000, 1000).contiguous().realize()
    assert (x.reshape(1, 1000).expand(20, 1000) + 1).sum().item() == 40_000


def test_memory_when_a_buffer_is_freed_then_the_next_of_its_size_gets_it(edge):
    allocator = edge.allocator
    first = allocator.alloc(5000)
    allocator.free(first, 5000)
    before = allocator.usage()
    second = allocator.alloc(5000)
    after = allocator.usage()
    assert isinstance(after, MemoryUsage) and second.address == first.address
    assert (after.reuses, after.allocations) == (before.reuses + 1, before.allocations)
    assert after.used_bytes - before.used_bytes == before.pooled_bytes - after.pooled_bytes >= 5000
    allocator.free(second, 5000)
    assert allocator.usage().limit_bytes == 32 * MIB


def test_memory_when_freed_twice_then_refused_and_not_shared(edge):
    block = edge.allocator.alloc(300)
    edge.allocator.free(block, 300)
    with pytest.raises(DeviceError, match="in use"):
        edge.allocator.free(block, 300)
    first, second = edge.allocator.alloc(300), edge.allocator.alloc(300)
    assert first.address != second.address
    edge.allocator.free(first, 300)
    edge.allocator.free(second, 300)


def test_memory_when_of_this_process_then_refused_with_the_way_round(edge):
    data = np.arange(4, dtype=np.float32)
    with pytest.raises(DeviceError, match="copied") as raised:
        Tensor.from_blob(data.ctypes.data, (4,), dtype=dtypes.float32, device="EDGE").realize()
    assert 'to("EDGE")' in raised.value.next_step


def test_memory_map_when_buffers_live_and_pooled_then_each_is_there(edge):
    allocator = edge.allocator
    live, pooled = allocator.alloc(700), allocator.alloc(900)
    allocator.free(pooled, 900)
    (on_edge(np.ones(3, np.float32)) + 1).realize()
    shown = edge.memory_map()
    kinds = {b.address: (b.kind, b.size) for b in shown.buffers}
    assert kinds[live.address] == ("buffer", 704) and kinds[pooled.address] == ("pooled", 960)
    assert edge.last_run.kernel in {b.name for b in shown.kernels}
    regions = {r.name: r for r in shown.regions}
    assert regions["ram"].used_bytes == sum(b.size for b in shown.buffers)
    assert regions["flash"].used_bytes == sum(b.size for b in shown.kernels)
    allocator.free(live, 700)


def test_runs_when_recorded_then_those_of_the_block_only(edge):
    x = on_edge(np.ones(16, np.float32)).realize()
    launches = edge.counters().launches
    (x + 1).realize()
    with edge.record() as runs:
        (x + 2).realize()
        (x * 3).sum().realize()
    (x + 4).realize()
    assert len(runs) == 2 and edge.counters().launches == launches + 4
    assert runs.instructions == sum(r.instructions for r in runs) > 0
    assert edge.runs[-1] == edge.last_run and edge.runs[-1] not in runs
    text = str(runs)
    assert "cycles (model)" in text and "energy (model)" in text and runs[0].kernel in text


def test_run_then_its_numbers_follow_from_the_model(edge):
    (on_edge(np.ones(64, np.float32)) * 2).realize()
    run, model = edge.last_run, edge.core.model
    assert run.instructions < run.model_cycles < 10 * run.instructions
    assert run.model_time_s == run.model_cycles / model.clock_hz
    assert run.model_energy_j == model.energy_j(run.model_cycles)
    assert (
        run.code_bytes > 0 and run.host_time_s > 0 and (run.core, run.level) == ("cortex-m4", "Os")
    )


def test_levels_when_compared_then_os_is_smaller_than_o3_and_both_are_right():
    a = np.random.default_rng(7).standard_normal((4, 400)).astype(np.float32)
    sizes = {}
    for level in ("Os", "O3"):
        with Context(DEV=f"EDGE::cortex-m4,{level}"):
            got = on_edge(a).exp().sum(1).numpy()
            sizes[level] = Device["EDGE"].last_run.code_bytes
        np.testing.assert_allclose(got, np.exp(a).sum(1), rtol=1e-5)
    assert sizes["Os"] <= sizes["O3"]


def test_cores_when_switched_then_the_same_buffers_serve_both():
    x = on_edge(np.arange(9, dtype=np.float32)).realize()
    cores = set()
    for name in ("cortex-m4", "rv32imac", "cortex-m3"):
        with Context(DEV=f"EDGE::{name}"):
            x = (x + 1).realize()
            cores.add(Device["EDGE"].last_run.core)
    np.testing.assert_array_equal(x.numpy(), np.arange(9) + 3)
    assert cores == {"cortex-m4", "rv32imac", "cortex-m3"}


def test_launches_when_from_several_threads_then_each_is_right(edge):
    tensors = [on_edge(np.full(500, n, np.float32)).realize() for n in range(4)]
    programs = []
    for core in ("cortex-m4", "rv32imac"):
        with Context(DEV=f"EDGE::{core}"):
            (call,) = compile_linear((tensors[0] * 3 + 1).schedule_linear()).src
            programs.append(edge.runtime(call.src[0].to_elf()))
    outputs = [edge.allocator.alloc(2000) for _ in range(4)]

    def work(n: int) -> bytes:
        for _ in range(20):
            programs[n % 2](outputs[n], tensors[n].uop.buffer.get_buf("EDGE"))
        return bytes(edge.allocator.memory.view(outputs[n].address, 2000))

    with ThreadPoolExecutor(4) as pool:
        for n, got in enumerate(pool.map(work, range(4))):
            np.testing.assert_array_equal(np.frombuffer(got, np.float32), np.full(500, 3 * n + 1))
    for output in outputs:
        edge.allocator.free(output, 2000)


def test_arch_when_unknown_then_the_error_names_the_cores():
    with Context(DEV="EDGE::cortex-m99"), pytest.raises(DeviceError, match="cortex-m4"):
        (on_edge(np.ones(3, np.float32)) + 1).realize()
    assert (on_edge(np.ones(3, np.float32)) + 1).sum().item() == 6


def test_program_when_a_tinygrad_kernel_leaves_memory_then_its_parameter_is_named(edge):
    x = on_edge(np.ones(64, np.float32)).realize()
    (call,) = compile_linear((x * 9).schedule_linear()).src
    program = edge.runtime(call.src[0].to_elf())
    block = edge.allocator.alloc(256)
    outside = type(block)(0x21FF_FFF0, 256, 0x21FF_FFF0)  # its end lies past the memory's
    with pytest.raises(EdgeMemoryFault, match="data0_64"):
        program(outside, block)
    edge.allocator.free(block, 256)


@pytest.mark.parametrize("c_type", ["float *", "const float*", "unsigned long long", "int"])
def test_program_when_written_by_hand_then_its_parameters_arrive(edge, c_type):
    where = "float *out, "
    value = f"const {c_type} v" if "*" not in c_type else f"{c_type} v"
    read = "v[0]" if "*" in c_type else "(float)(v >> 1)"
    program = edge.program(
        f"void f({where}{value}) {{ out[0] = {read}; }}", "f", ["float*", c_type]
    )
    out = on_edge(np.zeros(1, np.float32)).realize()
    given = on_edge(np.array([21.0], np.float32)).realize()
    buffers = [t.uop.buffer.get_buf("EDGE") for t in (out, given)]
    if "*" in c_type:
        program(*buffers)
    else:
        program(buffers[0], vals=(42,))
    assert out.item() == 21.0
