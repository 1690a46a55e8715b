"""Options that a tensor's own realize() and TinyJit use, for chosen kernels, while a `with` lasts.

Unofficial seam of tinygrad 0.14.0: engine.realize.compile_linear looks up lower_and_compile in its
module when it is called. A function stands there that fixes the options in a kernel's AST
(KernelInfo.opts_to_apply) before it is compiled; an AST travels to tinygrad's compile workers with
its options, and has a cache entry of its own. Outside of the `with` nothing is replaced.

A kernel that was captured by a TinyJit keeps its options after the `with`.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from labs import toolchain
from labs.gpu.kernels import backend_of, kernel_key, loops_of, with_options
from labs.gpu.legality import fitted
from labs.lowering.scheduling import family

toolchain.activate()

from tinygrad.codegen.opt import Opt
from tinygrad.engine import realize
from tinygrad.uop.ops import Ops, UOp

# kernel and device -> its options, LEAVE for tinygrad's own choice, or None to ask the next one
LEAVE = "tinygrad's own choice"
Chooser = Callable[[str, UOp, str], tuple[Opt, ...] | str | None]

_LOCK = threading.RLock()
_choosers: list[Chooser] = []
_original: Any = None


@contextmanager
def fixed_options(options: Mapping[str, tuple[Opt, ...]], device: str) -> Iterator[None]:
    """Inside, kernels of a device are compiled with these options, all others by the heuristic.

    Args:
        options: `kernel_key` -> options, which have to fit. Saved schedules that are applied
            around it don't reach inside.

    Example:
        >>> key = choose_kernel("matmul:n=512", "CPU").key
        >>> with fixed_options({key: parse_options("UPCAST 1 8")}, "CPU"):
        ...     (a @ b).realize()
    """
    home = family(device)

    def choose(key: str, _ast: UOp, where: str) -> tuple[Opt, ...] | str | None:
        return options.get(key, LEAVE) if where == home else None

    with chosen_by(choose):
        yield


@contextmanager
def chosen_by(chooser: Chooser) -> Iterator[None]:
    """Inside, `chooser(key, ast, device)` is asked about every kernel; the innermost answers first.

    It holds for all threads of the process.
    """
    _add(chooser)
    try:
        yield
    finally:
        _remove(chooser)


def fits(ast: UOp, opts: tuple[Opt, ...], device: str) -> bool:
    """Whether the options fit this kernel on this device as it is set now."""
    return fitted(loops_of(ast, backend_of(device).renderer), opts) is not None


def _add(chooser: Chooser) -> None:
    global _original
    with _LOCK:
        if not _choosers:
            _original = realize.lower_and_compile
            realize.lower_and_compile = _lower_and_compile
        _choosers.append(chooser)


def _remove(chooser: Chooser) -> None:
    with _LOCK:
        _choosers.remove(chooser)
        if not _choosers:
            realize.lower_and_compile = _original


def _lower_and_compile(linear: UOp) -> UOp:
    changes: dict[UOp, UOp] = {}
    for call in linear.toposort():
        if call.op is not Ops.CALL or call.src[0].op is not Ops.SINK:
            continue
        ast = call.src[0]
        # options that somebody fixed in the expression itself stay
        if ast.tag is not None or ast.arg.opts_to_apply is not None or ast.arg.applied_opts:
            continue
        opts = _choose(ast, family(call.src[1].device))
        if opts is not None:
            changes[call] = call.replace(src=(with_options(ast, opts), *call.src[1:]))
    return _original(linear.substitute(changes) if changes else linear)


def _choose(ast: UOp, device: str) -> tuple[Opt, ...] | None:
    key = kernel_key(ast)
    for chooser in reversed(_choosers):
        opts = chooser(key, ast, device)
        if opts is not None:
            return None if opts == LEAVE else opts
    return None
