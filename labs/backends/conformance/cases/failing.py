"""Group "errors": what goes wrong raises, and the device goes on working."""

import numpy as np
from tinygrad import Tensor, TinyJit
from tinygrad.codegen import to_program_cache

from labs.backends.conformance.case import Cases, Skipped, check
from labs.backends.conformance.compare import exact
from labs.backends.conformance.subject import Subject

CASES = Cases("errors")


def _works(s: Subject) -> None:
    values = np.arange(10, dtype=np.float32)
    exact((s.tensor(values) * 2 + 3).numpy(), values * 2 + 3)


def _limit(s: Subject) -> int:
    usage = getattr(s.allocator, "usage", None)
    limit = usage().limit_bytes if usage else None
    if not limit:
        raise Skipped("the device tells no limit (allocator.usage().limit_bytes)")
    return limit


class _Broken:
    """A compiler that gets a broken source in place of each one; undone at the end."""

    def __init__(self, compiler) -> None:
        self.compiler, self.kept = compiler, compiler.__dict__.copy()
        self.known = set(to_program_cache)

    def __enter__(self) -> None:
        right = type(self.compiler).compile
        self.compiler.cachekey = None
        self.compiler.compile = lambda source: right(self.compiler, "this does { not compile (")

    def __exit__(self, *_: object) -> None:
        self.compiler.__dict__.clear()
        self.compiler.__dict__.update(self.kept)
        # a driver that compiles late has let the source pass, and tinygrad has kept it
        for key in set(to_program_cache) - self.known:
            del to_program_cache[key]


@CASES.case("kernel-that-does-not-compile")
def _compile(s: Subject) -> None:
    x = s.tensor(np.arange(10, dtype=np.float32))
    broken = x * 11 + 13
    with _Broken(s.device.compiler):
        try:
            broken.realize()
        except Exception:
            pass
        else:
            check(False, "a kernel that can't be compiled was run")
    _works(s)
    exact((x * 11 + 13).numpy(), np.arange(10, dtype=np.float32) * 11 + 13)


@CASES.case("kernel-that-does-not-compile/jit")
def _compile_jit(s: Subject) -> None:
    function = TinyJit(lambda x: ((x + 17).contiguous() * 19).realize())
    x = s.tensor(np.arange(7, dtype=np.float32))
    with _Broken(s.device.compiler):
        try:
            function(x)
        except Exception:
            pass
        else:
            check(False, "a kernel that can't be compiled was run")
    _works(s)
    function.reset()
    for k in range(4):
        values = np.arange(7, dtype=np.float32) + k
        exact(function(s.tensor(values)).numpy(), (values + 17) * 19)


@CASES.case("memory-exhausted")
def _memory(s: Subject) -> None:
    """A result that doesn't fit raises MemoryError, and the inputs are as they were."""
    limit = _limit(s)
    x = s.tensor(np.arange(100, dtype=np.float32))
    rows = limit // 400 + 2
    try:
        (x.reshape(1, 100).expand(rows, 100) + 1).contiguous().realize()
    except MemoryError:
        pass
    else:
        check(False, f"a result above the limit of {limit} bytes was made")
    exact(x.numpy(), np.arange(100, dtype=np.float32))
    _works(s)


@CASES.case("memory-exhausted/jit")
def _memory_jit(s: Subject) -> None:
    limit = _limit(s)
    rows = limit // 400 + 2
    function = TinyJit(lambda x: (x.reshape(1, 50).expand(rows, 50) + 1).contiguous().realize())
    for _ in range(3):
        try:
            function(s.tensor(np.arange(50, dtype=np.float32)))
        except Exception:
            continue
        if rows * 200 > limit:
            check(False, "a result above the limit was made")
    _works(s)


@CASES.case("unknown-renderer")
def _renderer(s: Subject) -> None:
    """A renderer that the device hasn't got is named, not ignored."""
    from tinygrad import Context

    with Context(DEV=f"{s.name}:NOSUCHRENDERER"):
        try:
            _ = s.device.renderer
        except Exception as error:
            check("NOSUCHRENDERER" in str(error), f"the message doesn't name it: {error}")
        else:
            check(False, "an unknown renderer was accepted")
    _works(s)


@CASES.case("wrong-shapes")
def _shapes(s: Subject) -> None:
    try:
        (s.tensor(np.ones((3, 4))) @ s.tensor(np.ones((5, 2)))).realize()
    except Exception:
        _works(s)
    else:
        check(False, "matrices that don't fit were multiplied")


@CASES.case("error-between-launches")
def _between(s: Subject) -> None:
    """An exception in the caller's code between two launches leaves nothing behind."""
    for k in range(3):
        try:
            pending = Tensor(np.ones(4, np.float32), device=s.name) + k
            raise KeyError(pending.shape)
        except KeyError:
            _works(s)
