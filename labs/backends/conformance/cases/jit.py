"""Group "jit": captured kernels replayed with new inputs, alone and in a graph."""

import numpy as np
from tinygrad import Tensor, TinyJit, Variable

from labs.backends.conformance.case import Cases, check
from labs.backends.conformance.compare import close, exact
from labs.backends.conformance.subject import Subject

CASES = Cases("jit")
CALLS = 5  # two to capture, three of replay


def _numbers(k: int, shape: tuple[int, ...] = (9,)) -> np.ndarray:
    return (np.arange(int(np.prod(shape))) * (k + 1) % 23).astype(np.float32).reshape(shape)


def _replays(name: str, ours, reference, shape: tuple[int, ...] = (9,)) -> None:
    """New inputs at each call; the old ones stay alive, or are gone and overwritten."""
    for kept in (True, False):

        def run(s: Subject, kept=kept) -> None:
            function, old = TinyJit(ours), []
            for k in range(CALLS):
                values = _numbers(k, shape)
                x = s.tensor(values)
                exact(function(x).numpy(), reference(values))
                if kept:
                    old.append(x)
                else:
                    del x  # its memory is the next input's
            for k, x in enumerate(old):
                exact(x.numpy(), _numbers(k, shape))

        CASES.add(f"{name}/{'inputs-kept' if kept else 'inputs-gone'}", run)


_replays("one-kernel", lambda x: (x * 2 + 1).realize(), lambda v: v * 2 + 1)
_replays(
    "several-kernels",
    lambda x: (((x + 1).contiguous() * 3).contiguous().sum() + x).realize(),
    lambda v: ((v + 1) * 3).sum() + v,
)
_replays(
    "reduce-and-matmul",
    lambda x: ((x @ x.T).contiguous().sum(0) - x.sum(1)).realize(),
    lambda v: (v @ v.T).sum(0) - v.sum(1),
    (6, 5),
)


def _chain(count: int):
    def run(s: Subject) -> None:
        @TinyJit
        def function(x: Tensor) -> Tensor:
            for k in range(count):
                x = (x + k).contiguous()
            return x.realize()

        for k in range(4):
            values = _numbers(k)
            exact(function(s.tensor(values)).numpy(), values + sum(range(count)))

    return run


for _count in (2, 5, 40):
    CASES.add(f"chain/{_count}-kernels", _chain(_count))


@CASES.case("two-inputs")
def _two(s: Subject) -> None:
    @TinyJit
    def function(a: Tensor, b: Tensor) -> Tensor:
        return (a * 2 - b).realize()

    for k in range(CALLS):
        a, b = _numbers(k), _numbers(k + 3)
        exact(function(s.tensor(a), s.tensor(b)).numpy(), a * 2 - b)
        exact(function(s.tensor(b), s.tensor(a)).numpy(), b * 2 - a)


@CASES.case("swapped-inputs")
def _swapped(s: Subject) -> None:
    """The same two buffers in the other order: bound by position, not by what they were."""

    @TinyJit
    def function(a: Tensor, b: Tensor) -> Tensor:
        return (a + b * 100).contiguous().realize()

    a, b = _numbers(1), _numbers(2)
    x, y = s.tensor(a), s.tensor(b)
    for _ in range(3):
        exact(function(x, y).numpy(), a + b * 100)
        exact(function(y, x).numpy(), b + a * 100)


@CASES.case("several-outputs")
def _outputs(s: Subject) -> None:
    @TinyJit
    def function(x: Tensor) -> tuple[Tensor, Tensor]:
        a, b = x + 1, x * 2
        Tensor.realize(a, b)
        return a, b

    for k in range(CALLS):
        values = _numbers(k)
        a, b = function(s.tensor(values))
        exact(a.numpy(), values + 1)
        exact(b.numpy(), values * 2)


@CASES.case("state")
def _state(s: Subject) -> None:
    """A buffer that the function itself holds and changes."""
    total = s.tensor(np.zeros(5, np.float32))

    @TinyJit
    def function(x: Tensor) -> Tensor:
        total.assign(total + x).realize()
        return (total * 1).contiguous().realize()

    want = np.zeros(5, np.float32)
    for k in range(6):
        values = _numbers(k, (5,))
        want = want + values
        exact(function(s.tensor(values)).numpy(), want)


@CASES.case("weights-change-outside")
def _weights(s: Subject) -> None:
    w = s.tensor(np.ones(9, np.float32))

    @TinyJit
    def function(x: Tensor) -> Tensor:
        return (x * w).realize()

    for k in range(CALLS):
        values = _numbers(k)
        w.assign(s.tensor(np.full(9, k + 1, np.float32))).realize()
        exact(function(s.tensor(values)).numpy(), values * (k + 1))


@CASES.case("two-functions")
def _functions(s: Subject) -> None:
    one, two = TinyJit(lambda x: (x + 1).realize()), TinyJit(lambda x: (x - 1).realize())
    for k in range(CALLS):
        values = _numbers(k)
        exact(one(s.tensor(values)).numpy(), values + 1)
        exact(two(s.tensor(values)).numpy(), values - 1)


@CASES.case("nested-data")
def _nested(s: Subject) -> None:
    """Intermediates share planned memory: they must not overlap while both are needed."""

    @TinyJit
    def function(x: Tensor) -> Tensor:
        a = (x + 1).contiguous()
        b = (a * 2).contiguous()
        c = (b + a).contiguous()
        d = (c - x).contiguous()
        return (a + b + c + d).realize()

    for k in range(CALLS):
        x = _numbers(k, (300,))
        a = x + 1
        exact(function(s.tensor(x)).numpy(), a + a * 2 + a * 3 + (a * 3 - x))


@CASES.case("free-intermediates")
def _intermediates(s: Subject) -> None:
    @TinyJit
    def function(x: Tensor) -> Tensor:
        return ((x + 1).contiguous() * 2).contiguous().sum().realize()

    for k in range(3):
        values = _numbers(k)
        close(function(s.tensor(values)).numpy(), ((values + 1) * 2).sum(), "float32")
    function.captured.free_intermediates()
    for k in range(3):
        values = _numbers(k)
        close(function(s.tensor(values)).numpy(), ((values + 1) * 2).sum(), "float32")


@CASES.case("symbolic")
def _symbolic(s: Subject) -> None:
    """One capture for all lengths."""
    length = Variable("length", 1, 12)
    x = s.tensor(np.arange(12, dtype=np.float32))

    @TinyJit
    def function(part: Tensor) -> Tensor:
        return ((part + 1).contiguous() * 2).sum().realize()

    for n in (3, 5, 12, 1, 7):
        bound = length.bind(n)
        got = function(x[:bound]).item()
        want = float(((np.arange(n) + 1) * 2).sum())
        check(got == want, f"at length {n}: got {got}, expected {want}")


@CASES.case("reset")
def _reset(s: Subject) -> None:
    function = TinyJit(lambda x: (x * 3).realize())
    for shape in ((4,), (7,)):
        for k in range(3):
            values = _numbers(k, shape)
            exact(function(s.tensor(values)).numpy(), values * 3)
        function.reset()


@CASES.case("large")
def _large(s: Subject) -> None:
    shape = (s.pick(100_003, 5_003),)
    function = TinyJit(lambda x: ((x + 1).contiguous() * 2).realize())
    for k in range(4):
        values = _numbers(k, shape)
        exact(function(s.tensor(values)).numpy(), (values + 1) * 2)


@CASES.case("copy-in-the-middle")
def _copy(s: Subject) -> None:
    """Kernels before and after a copy to another device and back."""

    @TinyJit
    def function(x: Tensor) -> Tensor:
        there = (x + 1).contiguous().to("PYTHON").contiguous()
        return (there.to(s.name) * 2).contiguous().realize()

    for k in range(CALLS):
        values = _numbers(k)
        exact(function(s.tensor(values)).numpy(), (values + 1) * 2)


@CASES.case("without-graph")
def _without(s: Subject) -> None:
    """JIT=2 replays kernel by kernel: the graph must give the same."""
    from tinygrad import Context

    with Context(JIT=2):
        function = TinyJit(lambda x: (((x + 1).contiguous() * 3).contiguous() - 2).realize())
        for k in range(4):
            values = _numbers(k)
            exact(function(s.tensor(values)).numpy(), (values + 1) * 3 - 2)
