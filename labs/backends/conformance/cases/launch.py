"""Group "launch": one kernel runs, over its whole range, with its arguments in order."""

import math

import numpy as np
from tinygrad import Tensor, dtypes
from tinygrad.engine.realize import compile_linear, time_call

from labs.backends.conformance.case import Cases, Skipped, check
from labs.backends.conformance.compare import close, exact
from labs.backends.conformance.subject import Subject

CASES = Cases("launch")


@CASES.case("first")
def _first(s: Subject) -> None:
    x = s.tensor(np.array([1.0, 2.0, 3.0, 4.0], np.float32))
    exact((x + 1).numpy(), np.array([2.0, 3.0, 4.0, 5.0], np.float32))


@CASES.case("no-input")
def _no_input(s: Subject) -> None:
    exact(
        Tensor.full((6,), 7, dtype=dtypes.int32, device=s.name).contiguous().numpy(), np.full(6, 7)
    )


@CASES.case("two-inputs-in-order")
def _order(s: Subject) -> None:
    a, b = (s.tensor(np.array(v, np.float32)) for v in ([10.0, 20.0, 30.0], [1.0, 2.0, 3.0]))
    exact((a - b).numpy(), np.array([9.0, 18.0, 27.0], np.float32))
    exact((b - a).numpy(), np.array([-9.0, -18.0, -27.0], np.float32))


@CASES.case("several-outputs")
def _outputs(s: Subject) -> None:
    x = s.tensor(np.arange(9, dtype=np.int32))
    outs = [x + k for k in range(5)]
    Tensor.realize(*outs)
    for k, out in enumerate(outs):
        exact(out.numpy(), np.arange(9) + k)


def _arguments_case(count: int):
    def run(s: Subject) -> None:
        parts = [s.tensor(np.full(5, 2.0**k, np.float32)) for k in range(count)]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        exact(total.numpy(), np.full(5, 2.0**count - 1, np.float32))

    return run


for _count in (2, 5, 6, 7, 9, 16, 23):
    CASES.add(f"arguments/{_count}", _arguments_case(_count))


@CASES.case("same-name-other-code")
def _same_name(s: Subject) -> None:
    """Kernels of one shape have one name; a cache by name would mix them up."""
    values = np.arange(14, dtype=np.float32)
    x = s.tensor(values)
    for k in range(2, 8):
        exact((x * k - k).numpy(), values * k - k)


@CASES.case("again-other-data")
def _again(s: Subject) -> None:
    for k in range(4):
        values = np.arange(13, dtype=np.int32) * (k + 1)
        exact((s.tensor(values) * 3 + 1).numpy(), values * 3 + 1)


@CASES.case("in-place")
def _in_place(s: Subject) -> None:
    x = s.tensor(np.arange(10, dtype=np.int32))
    for _ in range(3):
        x += 5
        x.realize()
    exact(x.numpy(), np.arange(10) + 15)


@CASES.case("chain")
def _chain(s: Subject) -> None:
    """Each kernel reads what the one before it wrote."""
    x = s.tensor(np.zeros(33, np.int32))
    for k in range(12):
        x = (x * 2 + 1).contiguous().realize() if k % 2 else (x + 3).contiguous().realize()
    want = np.zeros(33, np.int64)
    for k in range(12):
        want = want * 2 + 1 if k % 2 else want + 3
    exact(x.numpy(), want)


def _range_case(shape: tuple[int, ...]):
    def run(s: Subject) -> None:
        values = np.arange(math.prod(shape), dtype=np.int32).reshape(shape)
        exact((s.tensor(values) ^ 0x55).numpy(), values ^ 0x55)

    return run


_SHAPES = (
    (1,),
    (2,),
    (3,),
    (5,),
    (31,),
    (32,),
    (33,),
    (127,),
    (1000,),
    (257, 3),
    (3, 5, 7),
    (2,) * 6,
)
for _shape in _SHAPES:
    CASES.add(f"range/{'x'.join(map(str, _shape))}", _range_case(_shape))


@CASES.case("range/large")
def _large(s: Subject) -> None:
    _range_case((s.pick(1 << 20, 1 << 16) + 1,))(s)


@CASES.case("range/large-2d")
def _large_2d(s: Subject) -> None:
    _range_case((s.pick(513, 65), s.pick(1025, 129)))(s)


@CASES.case("constants")
def _constants(s: Subject) -> None:
    """Constants reach the kernel unharmed."""
    x = s.tensor(np.zeros(3, np.float32))
    for value in (0.1, -1e-30, 3e38, 123456789.0, 2.0**-126):
        exact((x + value).numpy(), np.full(3, value, np.float32))


def _constant_case(dtype: str, value: int):
    def run(s: Subject) -> None:
        x = s.tensor(np.zeros(3), dtype)
        exact((x + value).numpy(), np.full(3, value, dtype))

    return run


for _dtype, _value in (
    ("int64", 2**62 + 1),
    ("int64", -(2**63)),
    ("uint64", 2**64 - 1),
    ("uint32", 2**32 - 1),
    ("int32", -(2**31)),
    ("uint8", 255),
):
    CASES.add(f"constants/{_dtype}/{_value}", _constant_case(_dtype, _value), dtypes=(_dtype,))


@CASES.case("wait/gives-seconds")
def _wait(s: Subject) -> None:
    """`wait=True` returns seconds: BEAM and DEBUG=2 live by it."""
    taken = _seconds(s, 1000, 3)
    check(all(isinstance(t, float) for t in taken), f"a launch with wait=True gave {taken[0]!r}")
    check(all(math.isfinite(t) and t > 0 for t in taken), f"launches took {taken} s")


@CASES.case("wait/more-work-more-time")
def _more(s: Subject) -> None:
    """The seconds are the kernel's: thousands of times the work takes longer than a launch."""
    if s.name == "NULL":
        raise Skipped("NULL runs nothing")
    small, large = (min(_seconds(s, n, 5)) for n in (64, s.pick(1 << 22, 1 << 17)))
    check(large > small, f"two thousand times the work took {large} s, and the little {small} s")


@CASES.case("wait/result-is-there")
def _result(s: Subject) -> None:
    x = s.tensor(np.arange(77, dtype=np.float32))
    y = (x * 2 + 3).contiguous()
    call = compile_linear(y.schedule_linear()).src[-1]
    next(time_call(call))
    exact(y.numpy(), np.arange(77, dtype=np.float32) * 2 + 3)


@CASES.case("counters")
def _counters(s: Subject) -> None:
    if not hasattr(s.device, "counters"):
        raise Skipped("the device has no counters()")
    x = s.tensor(np.arange(6, dtype=np.float32))
    before = s.device.counters().launches
    for _ in range(3):
        (x + 1).realize()
    s.device.synchronize()
    after = s.device.counters().launches
    check(after >= before + 3, f"three launches moved counters().launches from {before} to {after}")


@CASES.case("many-launches")
def _many(s: Subject) -> None:
    x = s.tensor(np.zeros(16, np.float32))
    for _ in range(100):
        x = (x + 1).contiguous().realize()
    close(x.numpy(), np.full(16, 100.0), "float32")


def _seconds(s: Subject, size: int, count: int) -> list[float]:
    """Times of launches that add one to `size` numbers."""
    x = Tensor.ones(size, device=s.name).contiguous().realize()
    call = compile_linear((x + 1).schedule_linear()).src[-1]
    timer = time_call(call)
    return [next(timer) for _ in range(count)]
