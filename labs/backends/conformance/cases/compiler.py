"""Group "compiler": source to binary, refusals, cache keys, and work in another process."""

import pickle

import numpy as np
from tinygrad import Context
from tinygrad.codegen import do_to_program
from tinygrad.engine import worker
from tinygrad.engine.realize import compile_linear
from tinygrad.uop.ops import Ops

from labs.backends.conformance.case import Cases, Skipped, check
from labs.backends.conformance.compare import exact
from labs.backends.conformance.subject import Subject

CASES = Cases("compiler")


def _program(s: Subject):
    """The compiled kernel of x*3+1."""
    x = s.tensor(np.arange(24, dtype=np.float32))
    return compile_linear((x * 3 + 1).schedule_linear()).src[-1].src[0]


def _source_and_binary(s: Subject) -> tuple[str, bytes]:
    program = _program(s)
    return program.src[2].arg, program.src[3].arg


@CASES.case("source")
def _source(s: Subject) -> None:
    source, _ = _source_and_binary(s)
    check(isinstance(source, str) and source.strip(), "the renderer gave no source")


@CASES.case("binary")
def _binary(s: Subject) -> None:
    _, binary = _source_and_binary(s)
    check(isinstance(binary, bytes) and binary, f"compile() gave {type(binary).__name__}")


@CASES.case("again")
def _again(s: Subject) -> None:
    """The same source compiles again, past all caches."""
    source, _ = _source_and_binary(s)
    check(s.device.compiler.compile(source), "a second compile() gave nothing")


@CASES.case("refuses")
def _refuses(s: Subject) -> None:
    """What is no program raises in compile(), or in the Program for a driver that compiles late."""
    _must_refuse(s, "this is { no kernel (")


@CASES.case("refuses-twice")
def _refuses_twice(s: Subject) -> None:
    """A refusal isn't kept as an answer."""
    for _ in range(2):
        _must_refuse(s, "neither is } this one )")


@CASES.case("refuses-unknown-name")
def _refuses_name(s: Subject) -> None:
    source, _ = _source_and_binary(s)
    broken = source.replace("data0", "no_such_name", 1)
    if broken == source:
        raise Skipped("the source isn't of tinygrad's C family")
    _must_refuse(s, broken)


@CASES.case("usable-after-refusal")
def _usable(s: Subject) -> None:
    for text in ("", "no program", "void f( {"):
        try:
            s.device.compiler.compile(text)
        except Exception:
            continue
    x = s.tensor(np.arange(11, dtype=np.float32))
    exact((x * 5 - 2).numpy(), np.arange(11, dtype=np.float32) * 5 - 2)


@CASES.case("cache-key")
def _cache_key(s: Subject) -> None:
    compiler = s.device.compiler
    key = compiler.cachekey
    check(key is None or (isinstance(key, str) and key), f"cachekey is {key!r}")
    if key is None:
        raise Skipped("the compiler keeps nothing on disk (its cachekey is None)")
    clean = key.replace("_", "").replace(",", "").replace("-", "")
    check(clean.isascii() and "'" not in key and '"' not in key, f"{key!r} can't name a table")


@CASES.case("cached")
def _cached(s: Subject) -> None:
    """What the on-disk cache gives is what compile() gave."""
    source, _ = _source_and_binary(s)
    first = s.device.compiler.compile_cached(source)
    check(first == s.device.compiler.compile_cached(source), "the cache changed the binary")


@CASES.case("renderer-pickles")
def _pickles(s: Subject) -> None:
    renderer = s.device.renderer
    copy = pickle.loads(pickle.dumps(renderer))
    check(type(copy) is type(renderer), f"a pickled renderer came back as {type(copy).__name__}")
    check(copy.target == renderer.target, "a pickled renderer lost its target")


@CASES.case("renders-the-same")
def _same(s: Subject) -> None:
    """A renderer that was pickled writes the same source: no option hides in the instance."""
    renderer = s.device.renderer
    copy = pickle.loads(pickle.dumps(renderer))
    x = s.tensor(np.arange(40, dtype=np.float32).reshape(5, 8))
    linear = (x.exp() + 1).sum(1).schedule_linear()
    ast = next(call.src[0] for call in linear.src if call.src[0].op is Ops.SINK)
    sources = [do_to_program(ast, r).src[2].arg for r in (renderer, copy)]
    check(sources[0] == sources[1], "a renderer that was pickled writes other source")


@CASES.case("compile-workers", timeout_s=60.0)
def _workers(s: Subject) -> None:
    """tinygrad's pool of compile workers can import the renderer. When it can't, it hangs."""
    x = s.tensor(np.arange(12, dtype=np.float32))
    a, b = x * 17 - 3, x * x - 19
    try:
        with Context(PARALLEL=1):
            a.realize(b)
    finally:
        worker.terminate_worker_pool()
    values = np.arange(12, dtype=np.float32)
    exact(a.numpy(), values * 17 - 3)
    exact(b.numpy(), values * values - 19)


def _must_refuse(s: Subject, source: str) -> None:
    program = _program(s)  # what is right must have compiled, or a refusal says nothing
    try:
        binary = s.device.compiler.compile(source)
    except Exception:
        return
    elf = program.to_elf()
    elf.lib = binary
    try:
        s.device.runtime(elf)
    except Exception:
        return
    check(False, f"{source[:40]!r} was compiled and loaded without a complaint")
