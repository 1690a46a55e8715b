"""The kernels of an expression or a workload, as tinygrad's optimiser meets them. Nothing runs.

An option acts on a kernel's axes, and the axes exist only after tinygrad's first rewrites of the
AST. `loops_of` stops the code generator at that point: what it gives back is tinygrad's own
`Scheduler`, on which options are tried.

Unofficial seams of tinygrad 0.14.0: codegen.full_rewrite_to_sink looks up apply_opts in its module
when it is called (tests/seams/test_seam_optimiser_is_looked_up.py), and
codegen.opt.postrange.Scheduler.
"""

import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import patch

import numpy as np

from labs import backends, toolchain
from labs.bench.workload import Workload
from labs.bench.workloads import parse_workload
from labs.errors import LabError
from labs.lowering.renderers import LOCK, Backend, backend_for
from labs.lowering.scheduling import family, move, schedule, tensor_of
from labs.lowering.targets import find_target

toolchain.activate()
backends.register()

from tinygrad import Tensor, codegen
from tinygrad.codegen.opt.postrange import Scheduler
from tinygrad.helpers import Context
from tinygrad.renderer import Renderer
from tinygrad.uop.ops import Ops, ParamArg, UOp

Subject = Tensor | Callable[[], Tensor] | Workload | str


class OptionError(LabError):
    """Options that can't be applied to a kernel, or a kernel that isn't there."""


@dataclass(frozen=True)
class KernelAst:
    """One kernel of a schedule.

    Args:
        ast: tinygrad's SINK, before any option; index: its place among `count` kernels.
        device: the device it is for.
    """

    ast: UOp = field(repr=False)
    index: int
    count: int
    device: str

    @property
    def key(self) -> str:
        return kernel_key(self.ast)

    def with_options(self, opts: tuple | None) -> UOp:
        """The AST with its options fixed; None leaves the choice to tinygrad."""
        return with_options(self.ast, opts)


def with_options(ast: UOp, opts: tuple | None) -> UOp:
    """The AST with its options fixed; None leaves the choice to tinygrad."""
    return ast.replace(arg=replace(ast.arg, opts_to_apply=None if opts is None else tuple(opts)))


def kernel_key(ast: UOp) -> str:
    """The same text for the same kernel in every process: a hash of its AST.

    The number of the device ("CPU:1") and options that were fixed before are left out.
    """
    changes = {}
    for u in ast.toposort():
        if isinstance(u.arg, ParamArg) and isinstance(u.arg.device, str) and ":" in u.arg.device:
            changes[u] = u.replace(arg=replace(u.arg, device=family(u.arg.device)))
    plain = ast.substitute(changes) if changes else ast
    return with_options(plain, None).key.hex()


def kernels_of(subject: Subject, device: str) -> tuple[KernelAst, ...]:
    """The kernels that computing this takes on a device, or for a target that isn't here.

    Args:
        subject: a Tensor, a function returning one, a Workload, or its spec ("matmul:n=512").

    Raises:
        OptionError: nothing is computed; LoweringError: no such target, or it can't be scheduled.
    """
    graph, home = _graph(subject, device)
    asts = [c.src[0] for c in schedule(graph).calls if c.src[0].op is Ops.SINK]
    if not asts:
        raise OptionError(
            f"find a kernel to optimise on {device}",
            expected="an expression that computes something",
            got="one that only copies",
            next_step="combine tensors that are on the device already",
        )
    return tuple(KernelAst(a, i, len(asts), home) for i, a in enumerate(asts))


def choose_kernel(subject: Subject, device: str, index: int | None = None) -> KernelAst:
    """One kernel of a subject: the one of that index, else the one with most work.

    Work is the size of its loops, before any option.

    Raises:
        OptionError: no kernel of that index.
    """
    found = kernels_of(subject, device)
    if index is not None:
        if not 0 <= index < len(found):
            raise OptionError(
                f"choose kernel {index}",
                expected=f"0 to {len(found) - 1}: there {_are(len(found))}",
                got=str(index),
                next_step="leave kernel out to get the one with most work",
            )
        return found[index]
    if len(found) == 1:
        return found[0]
    renderer = backend_of(device).renderer
    return max(found, key=lambda k: loop_rounds(loops_of(k.ast, renderer)))


def backend_of(device: str) -> Backend:
    """The renderer for a device as this process uses it, or for a target of `labs.lowering`.

    Its compiler only hands back the source; `Backend.compiler` is the real one, where there is one.
    """
    target = find_target(device)
    return backend_for(target, live=device.strip().upper() == target.device)


def loops_of(ast: UOp, renderer: Renderer) -> Scheduler:
    """The kernel's loops before any option, as tinygrad's Scheduler."""
    rewritten = ast
    with LOCK, _stopped_at_the_optimiser(), Context(DEBUG=0):
        try:
            codegen.full_rewrite_to_sink(with_options(ast, None), renderer, optimize=True)
        except _Stopped as reached:
            rewritten = reached.ast
    loops = Scheduler(rewritten, renderer)
    loops.convert_loop_to_global()
    return loops


def loop_rounds(loops: Scheduler) -> int:
    """How often the innermost statement runs: the product of all loops."""
    rounds = 1
    for size in loops.full_shape:
        rounds *= size if isinstance(size, int) else int(size.vmax)
    return rounds


class _Stopped(Exception):
    def __init__(self, ast: UOp) -> None:
        super().__init__()
        self.ast = ast


@contextmanager
def _stopped_at_the_optimiser():
    """Where this thread's code generator would choose options, it stops; other threads go on."""
    thread, original = threading.get_ident(), codegen.apply_opts

    def stop(ast: UOp, *arguments: Any, **named: Any) -> UOp:
        if threading.get_ident() == thread:
            raise _Stopped(ast)
        return original(ast, *arguments, **named)

    with patch.object(codegen, "apply_opts", stop):
        yield


def _graph(subject: Subject, device: str) -> tuple[UOp, str]:
    target = find_target(device)
    if isinstance(subject, (Workload, str)):
        # a target that isn't here gets its expression from CPU: nothing is allocated
        tensor = _lazy(parse_workload(subject) if isinstance(subject, str) else subject)
    else:
        tensor = tensor_of(subject)
    home = family(tensor.device)
    graph = tensor.uop
    if home != target.device:
        graph = move(graph, home, target.device)
    return graph, target.device


def _lazy(workload: Workload) -> Tensor:
    arrays = workload.inputs(np.random.default_rng(0))
    tensors = [Tensor.empty(*a.shape, dtype=str(a.dtype), device="CPU") for a in arrays]
    result = workload.compute(*tensors)
    return result.contiguous() if result.uop.has_buffer_identity() else result


def _are(count: int) -> str:
    return "is one kernel" if count == 1 else f"are {count} kernels"
