"""lower(): right counts, right languages, nothing run, nothing changed, clear errors."""

import threading

import numpy as np
import pytest
from tinygrad import GlobalCounters, Tensor, TinyJit, Variable, dtypes
from tinygrad.helpers import Context

from labs.devices import discover
from labs.errors import LoweringError
from labs.lowering import STAGES, TARGETS, compare_sources, lower


def matrix(n: int = 32, dtype=dtypes.float) -> Tensor:
    return Tensor.empty(n, n, dtype=dtype)


LANGUAGE_SIGNS = {
    "CPU": ("void ", "restrict"),
    "CPU:X86": ("ret", "["),
    "CPU:LLVM": ("define ", "ret void"),
    "OPENCL": ("__kernel void", "__global"),
    "METAL": ("#include <metal_stdlib>", "device float*"),
    "CUDA": ('extern "C" __global__', "threadIdx"),
    "CUDA:sm_90": ('extern "C" __global__', "threadIdx"),
    "PTX": (".visible .entry", ".target sm_80"),
    "HIP": ("__attribute__((global))", "__ockl_"),
    "AMD:LLVM": ("define amdgpu_kernel", "ret void"),
    "WGSL": ("@compute", "@workgroup_size"),
    "QCOM": ("__kernel void", "__global"),
    "ELECTRICAL": ("void ", "ext_vector_type", "_entry(const unsigned long long"),
    "EDGE": ("static void", "_start("),
    "EDGE:RV32": ("static void", "_start("),
}


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_gives_source_in_its_language(target):
    low = lower(matrix() * 2 + 1, target)
    assert low.target == target and len(low.kernels) == 1
    kernel = low.kernels[0]
    for sign in LANGUAGE_SIGNS[target]:
        assert sign in kernel.source
    assert kernel.name in kernel.source
    assert kernel.language == TARGETS[target].language
    assert kernel.ast and kernel.optimised_ast and kernel.applied_opts
    assert (kernel.binary_bytes is None) == bool(kernel.binary_reason)
    assert (kernel.disassembly is None) == bool(kernel.disassembly_reason)
    everything = "\n".join((kernel.name, kernel.source, *kernel.ast, *kernel.optimised_ast))
    assert "\x1b" not in everything and "x1b[" not in everything


def test_cpu_binary_and_disassembly_are_real():
    kernel = lower(matrix() + 1, "CPU").kernels[0]
    assert kernel.binary_bytes > 200
    assert "ret" in kernel.disassembly
    assert len(kernel.disassembly.splitlines()) > 5


def test_our_own_are_side_by_side_with_their_machine_code():
    ours = {name: lower(matrix() + 1, name).kernels[0] for name in ("ELECTRICAL", "EDGE")}
    assert ours["EDGE"].binary_bytes > 200 and ours["ELECTRICAL"].binary_bytes > 200
    assert "Thumb" in ours["EDGE"].binary_note and "bx" in ours["EDGE"].disassembly
    assert "ret" in ours["ELECTRICAL"].disassembly
    shown = compare_sources(ours["ELECTRICAL"], ours["EDGE"])
    assert shown.left_title.startswith("ELECTRICAL") and shown.different > 0


def test_a_tensor_on_our_own_device_is_lowered_for_what_the_device_uses():
    tensor = Tensor([1.0, 2.0], device="EDGE") + 1
    assert lower(tensor).target == "EDGE"
    with Context(DEV="EDGE::rv32imac,Os"):
        low = lower(tensor)
    assert low.target == "EDGE:RV32" and "RISC-V" in low.kernels[-1].binary_note
    low = lower(Tensor([1.0, 2.0], device="ELECTRICAL") + 1)
    assert low.target == "ELECTRICAL" and "ret" in low.kernels[-1].disassembly


def test_cpu_x86_is_assembled_by_tinygrad():
    kernel = lower(matrix() + 1, "CPU:X86").kernels[0]
    assert 50 < kernel.binary_bytes < 2000 and "ret" in kernel.disassembly.split()[-1]
    assert kernel.flop is None and kernel.estimate_reason


# estimates against counts by hand


@pytest.mark.parametrize("target", ["CPU", "OPENCL", "PTX"])
def test_estimates_of_add(target):
    kernel = lower(Tensor.empty(1000) + Tensor.empty(1000), target).kernels[0]
    assert kernel.flop == 1000
    assert kernel.min_bytes == kernel.bytes_accessed == 3 * 1000 * 4


@pytest.mark.parametrize("target", ["CPU", "CUDA", "WGSL"])
def test_estimates_of_matmul(target):
    n = 64
    kernel = lower(matrix(n) @ matrix(n), target).kernels[0]
    assert kernel.flop == 2 * n**3
    assert kernel.min_bytes == 3 * n * n * 4
    assert kernel.bytes_accessed > kernel.min_bytes  # inputs are read more than once
    assert kernel.flop_per_byte == pytest.approx(2 * n**3 / (3 * n * n * 4))


def test_estimates_of_sum():
    kernel = lower(Tensor.empty(256).sum(), "CPU").kernels[0]
    # one addition per element into a cleared accumulator, and a few to combine vector lanes
    assert 256 <= kernel.flop <= 256 + 16
    assert kernel.bytes_accessed == kernel.min_bytes == 256 * 4 + 4
    grouped = lower(Tensor.empty(256).sum(), "OPENCL").kernels[0]
    # each work item adds up its share, then the shares: more operations, the same memory
    assert grouped.flop > kernel.flop and grouped.min_bytes == kernel.min_bytes


def test_counts_are_of_the_code_not_of_the_algorithm():
    n = 32
    # fully unrolled: the first product needs no addition
    assert lower(matrix(n) @ matrix(n), "CPU").kernels[0].flop == 2 * n**3 - n**2
    # one work item of a group adds up the shares, behind an if; tinygrad counts it for all of them
    grouped = lower(matrix(n) @ matrix(n), "CUDA").kernels[0]
    assert "if (" in grouped.source and grouped.flop > 2 * n**3
    assert grouped.min_bytes == 3 * n * n * 4


def test_launch_sizes_cover_the_output():
    kernel = lower(matrix(64) + 1, "CUDA").kernels[0]
    items = np.prod(kernel.global_size) * np.prod(kernel.local_size)
    assert 64 * 64 % items == 0


# tensor cores: as on the real device, not as on tinygrad's NULL


def test_float32_matmul_has_no_tensor_cores_on_cuda():
    kernel = lower(matrix() @ matrix(), "CUDA").kernels[0]
    assert "mma.sync" not in kernel.source
    assert not any(option.startswith("TC") for option in kernel.applied_opts)


def test_float32_matmul_has_them_when_tf32_is_allowed():
    with Context(ALLOW_TF32=1):
        assert "mma.sync" in lower(matrix() @ matrix(), "CUDA").kernels[0].source


@pytest.mark.parametrize("target", ["CUDA", "PTX"])
def test_half_matmul_has_tensor_cores(target):
    product = matrix(32, dtypes.half).matmul(matrix(32, dtypes.half), dtype=dtypes.float)
    kernel = lower(product, target).kernels[0]
    assert "mma.sync" in kernel.source
    assert any(option.startswith("TC") for option in kernel.applied_opts)
    assert kernel.flop == 2 * 32**3


def test_metal_float32_uses_simdgroup_matrices():
    assert "simdgroup_float8x8" in lower(matrix() @ matrix(), "METAL").kernels[0].source


# nothing is run, nothing is changed


def test_tensor_is_not_realized_and_later_gives_the_right_answer():
    a = np.arange(48, dtype=np.float32).reshape(6, 8)
    x = Tensor(a)
    y = (x @ Tensor(a.T)).softmax(-1) + x.sum()
    before = y.uop
    GlobalCounters.reset()
    first, second = lower(y), lower(y)
    elsewhere = lower(y, "CUDA")
    assert first == second and elsewhere != first
    assert y.uop is before and GlobalCounters.kernel_count == 0
    product = a @ a.T
    shifted = np.exp(product - product.max(-1, keepdims=True))
    want = shifted / shifted.sum(-1, keepdims=True) + a.sum()
    np.testing.assert_allclose(y.numpy(), want, rtol=1e-5)


def test_what_is_lowered_is_what_runs():
    y = (Tensor.empty(32, 32) @ Tensor.empty(32, 32)).exp().sum()
    names = [k.name for k in lower(y).kernels]
    GlobalCounters.reset()
    y.realize()
    assert GlobalCounters.kernel_count == len(names)


def test_lowering_inside_a_jit_is_not_captured():
    seen = []

    @TinyJit
    def step(x):
        seen.append(len(lower(x + 1).kernels))
        return (x * 2).realize()

    for i in range(3):
        step(Tensor([float(i), 1.0]).realize())
    assert step.captured is not None and len(step.captured.linear.src) == 1
    assert seen == [1, 1]


def test_cpu_computes_after_every_target_was_lowered():
    for target in TARGETS:
        lower(Tensor.empty(8) * 3, target)
    x = Tensor(np.arange(5, dtype=np.float32))
    np.testing.assert_array_equal((x * 7 - 3).numpy(), np.arange(5) * 7 - 3)


def test_several_threads():
    results, errors = {}, []

    def work(i, target):
        try:
            results[i] = lower(Tensor.empty(16, 16 + i) + i, target).kernels[0].source
        except Exception as e:
            errors.append(e)

    chosen = ["CPU", "CUDA", "METAL", "HIP"]
    threads = [threading.Thread(target=work, args=(i, t)) for i, t in enumerate(chosen)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    for i, target in enumerate(chosen):
        assert results[i] == lower(Tensor.empty(16, 16 + i) + i, target).kernels[0].source


# expressions of several steps and devices


def test_several_kernels_share_named_buffers():
    low = lower(Tensor.empty(64, 64).softmax(-1))
    assert len(low.kernels) == len(low.schedule) == 3
    assert [item.kernel for item in low.schedule] == [0, 1, 2]
    made = low.schedule[0].buffers[0]
    assert made.role == "out"
    assert made.name in [use.name for use in low.schedule[1].buffers if use.role == "in"]


def test_copies_between_devices():
    low = lower((Tensor.empty(4, 4, device="CPU") + 1).to("CPU:1") * 2)
    assert [item.kind for item in low.schedule] == ["kernel", "copy", "kernel"]
    assert low.schedule[1].name == "CPU to CPU:1"
    assert [k.device for k in low.kernels] == ["CPU", "CPU:1"]
    moved = lower((Tensor.empty(4, 4, device="CPU") + 1).to("CPU:1") * 2, "METAL")
    assert moved.schedule[1].name == "METAL to METAL:1"


def test_only_the_results_device_moves_to_the_target():
    low = lower((Tensor.empty(4, 4, device="CPU") + 1).to("CL") * 2, "METAL")
    assert [k.language for k in low.kernels] == ["C", "Metal Shading Language"]


def test_data_from_the_host_is_a_copy():
    low = lower(Tensor(np.ones(8, np.float32)) + 1, "CUDA")
    assert [item.name for item in low.schedule] == ["NPY to CUDA", low.kernels[0].name]
    only_copy = lower(Tensor([1.0, 2.0]))
    assert only_copy.kernels == () and only_copy.schedule[0].kind == "copy"
    assert only_copy.stage("source").note


def test_the_schedule_follows_the_targets_limits():
    # WebGPU allows 8 buffers in a kernel: more inputs mean more kernels
    inputs = [Tensor.empty(16).realize() for _ in range(12)]
    total = sum(inputs[1:], start=inputs[0])
    assert len(lower(total, "WGSL").kernels) > len(lower(total, "CUDA").kernels)


def test_random_and_gradient():
    assert lower(Tensor.rand(4, 4) + 1, "METAL").kernels
    x = Tensor.empty(4, 4)
    assert lower((x * x).sum().gradient(x)[0]).kernels


def test_sharded_expression_says_so():
    low = lower(Tensor.empty(8, 4).shard(("CPU", "CPU:1"), axis=0) + 1)
    assert "CPU, CPU:1" in [item.device for item in low.schedule]
    assert "several devices" in low.notes[0]


def test_bound_symbolic_size():
    n = Variable("n", 1, 10)
    kernel = lower(Tensor.empty(10)[: n.bind(4)] + 1).kernels[0]
    assert kernel.flop == 4


def test_a_function_is_called_once():
    calls = []

    def expression():
        calls.append(1)
        return Tensor.empty(4) + 1

    assert lower(expression, "CUDA").kernels and len(calls) == 1


def test_device_that_is_not_here():
    absent = next(d for d in ("CUDA", "METAL") if d not in discover().usable)
    low = lower(Tensor.empty(4, 4, device=absent) + 1)
    assert low.target == absent and low.kernels[0].source


def test_own_device_with_the_renderer_that_is_in_use():
    with Context(DEV="CPU:X86"):
        assert lower(Tensor.empty(4) + 1).target == "CPU:X86"
    assert lower(Tensor.empty(4) + 1).target == "CPU"


def test_beam_is_not_searched_but_said():
    with Context(BEAM=2):
        low = lower(Tensor.empty(64, 64).sum(0))
    assert "BEAM" in low.notes[0]


# wrong input


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: 3, "a int"),
        (lambda: np.ones(3), "ndarray"),
        (lambda: lambda: [Tensor.empty(2)], "list"),
        (lambda: Tensor.empty(4).realize(), "already a buffer"),
        (lambda: Tensor.empty(4, 4).realize().T, "view"),
        (lambda: Tensor.empty(0, 4) + 1, "size of zero"),
        (lambda: Tensor(3.0), "constant without a device"),
        (lambda: Tensor.empty(10)[: Variable("n", 1, 10)] + 1, "'n' has no value"),
    ],
)
def test_nothing_to_lower(make, words):
    with pytest.raises(LoweringError) as error:
        lower(make())
    assert words in str(error.value)
    assert error.value.next_step


@pytest.mark.parametrize("target", ["FOO", "", 7, None.__class__, "CPU:NOPE"])
def test_unknown_target(target):
    with pytest.raises(LoweringError) as error:
        lower(Tensor.empty(4) + 1, target)
    assert "WGSL" in str(error.value)


def test_dtype_that_the_target_lacks():
    with pytest.raises(LoweringError) as error:
        lower(Tensor.empty(4, dtype=dtypes.double) + 1, "WGSL")
    assert "WGSL" in str(error.value) and "double" in str(error.value)


def test_an_error_of_the_function_is_the_readers_own():
    with pytest.raises(ZeroDivisionError):
        lower(lambda: Tensor.empty(4) + 1 / 0)


def test_stages_cover_all_names():
    low = lower(matrix() + 1)
    assert [low.stage(name).title for name in STAGES] == list(STAGES)
    assert all(low.stage(name).text for name in STAGES)
