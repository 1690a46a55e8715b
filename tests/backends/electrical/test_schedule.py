import pytest
from tinygrad import Tensor, dtypes
from tinygrad.codegen.opt import OptOps, heuristic
from tinygrad.codegen.opt.postrange import Scheduler
from tinygrad.helpers import Target
from tinygrad.uop.ops import Ops

from labs.backends.electrical import options, schedule
from labs.backends.runtime.ops_electrical import ElectricalRenderer

WIDE = "x86_64,x86-64-v4,v64,O3"


def chosen(tensor: Tensor, arch: str = WIDE) -> list[tuple[str, int, int]] | None:
    from tinygrad.codegen import full_rewrite_to_sink

    ast = [c.src[0] for c in tensor.schedule_linear().src if c.src[0].op is Ops.SINK][-1]
    sink = full_rewrite_to_sink(ast, ElectricalRenderer(Target("ELECTRICAL", arch=arch)))
    return [(o.op.name, o.axis, o.arg) for o in sink.arg.applied_opts if o.op is not OptOps.THREAD]


def empty(*shape, dtype=dtypes.float32):
    return Tensor.empty(*shape, dtype=dtype, device="ELECTRICAL")


@pytest.mark.parametrize(
    ("tensor", "opts"),
    [
        (lambda: empty(64, 64) + 1, [("UPCAST", 0, 16)]),
        (lambda: empty(64, dtype=dtypes.float64) + 1, [("UPCAST", 0, 8)]),
        (lambda: empty(64, 64) @ empty(64, 64), [("UPCAST", 1, 16), ("UPCAST", 0, 8)]),
        (lambda: empty(16, 512).sum(-1), [("UNROLL", 0, 32)]),
        (lambda: empty(64, 64).T.contiguous(), [("UPCAST", 0, 8), ("UPCAST", 1, 8)]),
        # the transposed matrix is read along the axis that is summed over
        (
            lambda: empty(64, 64) @ empty(64, 64).T,
            [("UNROLL", 0, 16), ("UPCAST", 0, 4), ("UPCAST", 1, 4)],
        ),
        # 500 = 25 x 20, and 20 are a vector of 16 and one of 4
        (
            lambda: empty(500, 64) @ empty(64, 500),
            [("UPCAST", 1, 10), ("UPCAST", 1, 2), ("UPCAST", 0, 4)],
        ),
        (lambda: empty(512, 64).sum(0), [("UPCAST", 0, 16), ("UPCAST", 0, 4)]),
    ],
)
def test_choice_then_the_axis_that_is_contiguous_in_memory_is_the_vector(tensor, opts):
    assert chosen(tensor()) == opts


def test_tile_when_asked_for_then_that_many_rows():
    assert ("UPCAST", 0, 4) in chosen(empty(64, 64) @ empty(64, 64), WIDE + ",t4")


def filtered(n: int, taps: int, arch: str) -> list[tuple[str, int, int]] | None:
    return chosen((empty(n + taps - 1).unfold(0, taps, 1) * empty(taps)).sum(-1), arch)


@pytest.mark.parametrize(
    ("taps", "arch", "terms"),
    [
        (64, WIDE, 4),
        (48, WIDE, 3),
        (64, "x86_64,x86-64-v3,v32,O3", 4),
        # no more than would get accumulators of their own
        (64, "x86_64,x86-64-v2,v16,O3", 2),
        # a sum that isn't whole vectors stays as it is
        (63, WIDE, None),
        (16, WIDE, None),
    ],
)
def test_filter_then_terms_a_vector_apart_share_their_loads(taps, arch, terms):
    unrolled = [o for o in filtered(1024, taps, arch) if o[0] == "UNROLL"]
    assert unrolled == ([] if terms is None else [("UNROLL", 0, terms)])


@pytest.mark.parametrize("shape", [(7,), (13, 11), (1, 1)])
def test_sizes_that_no_vector_divides_then_tinygrads_choice(shape):
    ours, stock = chosen(empty(*shape) + 1), chosen(empty(*shape) + 1, WIDE + ",stock")
    assert ours == stock


def test_product_then_left_to_tinygrad_as_its_accumulators_cant_be_widened():
    assert ("UNROLL", 0, 32) not in chosen(empty(16, 512).prod(-1))


def test_install_twice_then_other_devices_still_get_tinygrads_own():
    schedule.install()
    schedule.install()
    from tinygrad import Device

    ast = [c.src[0] for c in (Tensor.empty(64, 64, device="CPU") + 1).schedule_linear().src][0]
    kernel = Scheduler(ast, Device["CPU"].renderer)
    assert heuristic.hand_coded_optimizations(kernel).applied_opts == (
        schedule._stock(kernel).applied_opts
    )
    assert schedule._stock is not heuristic.hand_coded_optimizations


def test_large_work_then_shared_out_to_the_cores_and_small_work_not():
    from tinygrad import Context
    from tinygrad.codegen import full_rewrite_to_sink

    def threads(n: int) -> int:
        x = empty(n, n)
        ast = [c.src[0] for c in (x @ x).schedule_linear().src if c.src[0].op is Ops.SINK][-1]
        with Context(NUM_CPU_THREADS=4):
            sink = full_rewrite_to_sink(ast, ElectricalRenderer(Target("ELECTRICAL", arch=WIDE)))
        found = [o.arg for o in sink.arg.applied_opts if o.op is OptOps.THREAD]
        return found[0] if found else 1

    assert threads(256) == 4 and threads(16) == 1


def test_options_are_parsed_once_for_an_arch():
    assert options.parse(WIDE) is options.parse(WIDE)
