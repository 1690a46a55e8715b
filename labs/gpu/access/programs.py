"""The kernels that tinygrad makes of an expression for a target, as UOps: nothing is run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from labs import toolchain
from labs.bench.workload import Workload
from labs.errors import LoweringError

toolchain.activate()

from tinygrad import Tensor, codegen
from tinygrad.codegen.late.linearizer import linearize
from tinygrad.codegen.opt import KernelOptError, Opt
from tinygrad.helpers import Context, ansistrip
from tinygrad.renderer import Estimates, Renderer
from tinygrad.renderer.isa import ISARenderer
from tinygrad.uop.ops import Ops, ProgramInfo, UOp, sym_infer

from labs.gpu.access.evaluate import NotKnown
from labs.lowering.renderers import LOCK, Backend, backend_for
from labs.lowering.scheduling import family, move, schedule, tensor_of
from labs.lowering.targets import Target, find_target, live_target
from labs.lowering.words import option_in_words

Options = Sequence[Opt] | Mapping[int, Sequence[Opt]]
Expression = Tensor | Callable[[], Tensor] | Workload
RUN_TIME_VARIABLES = ("core_id", "_device_num")


@dataclass(frozen=True)
class Argument:
    """One buffer of a kernel.

    Args:
        size_bytes: of the part that the kernel gets; offset_bytes: where it starts in its block.
        read: gives the content, flat, or raises NotKnown.
    """

    name: str
    size_bytes: int
    offset_bytes: int
    read: Callable[[], np.ndarray] = field(repr=False)


@dataclass(frozen=True)
class Program:
    """One kernel, linearised: what the target's renderer writes down line by line.

    Args:
        texts: what the renderer wrote for each LOAD and STORE, where that can be told.
        flop, accessed_bytes, least_bytes: tinygrad's Estimates ops, lds and mem.
        values: of symbolic sizes; run-time variables start at 0.
    """

    number: int
    name: str
    uops: tuple[UOp, ...] = field(repr=False)
    source: str = field(repr=False)
    texts: Mapping[UOp, str] = field(repr=False)
    global_size: tuple[int, ...]
    local_size: tuple[int, ...] | None
    options: tuple[str, ...]
    opts: tuple[Opt, ...]
    arguments: tuple[Argument, ...]
    values: Mapping[str, int]
    flop: int
    accessed_bytes: int
    least_bytes: int
    note: str = ""

    def argument(self, parameter: UOp) -> Argument:
        return self.arguments[parameter.arg.slot]


def programs_of(
    expression: Expression,
    target: str,
    opts: Options | None = None,
    data: Mapping[Tensor, Any] | None = None,
    live: bool = False,
) -> tuple[Target, tuple[Program, ...]]:
    """All kernels of an expression for a target.

    Args:
        opts: for the only kernel; {kernel number: options} when there are several. Left out, the
            optimiser of tinygrad chooses.
        data: tensors of the expression -> their content, for addresses that depend on it.
        live: as the device that is open in this process, with the architecture it reports.

    Raises:
        LoweringError: not an expression, an unknown target, a kernel it can't express, options that
            tinygrad refuses, or a symbolic size without a value.
    """
    wanted = live_target(target) if live else find_target(target)
    tensor, content = _materials(expression, wanted, data)
    graph, home = tensor.uop, family(tensor.device)
    _collect(graph, content)
    if home != wanted.device:
        graph = move(graph, home, wanted.device)
    scheduled = schedule(graph)
    backend = backend_for(wanted, live)
    _follow_copies(scheduled.calls, content)
    calls = [c for c in scheduled.calls if c.src[0].op is Ops.SINK]
    calls = [c for c in calls if family(c.src[1].device) == wanted.device]
    if not calls:
        raise LoweringError(
            "Analyse the accesses of an expression",
            expected=f"at least one kernel on {wanted.device}",
            got="only copies between devices",
            next_step="add .contiguous() to a view, or compute something",
        )
    chosen = _options(opts, len(calls))
    return wanted, tuple(
        _program(i, call, backend, scheduled.values, chosen.get(i), content)
        for i, call in enumerate(calls)
    )


def _materials(
    expression: Expression, target: Target, data: Mapping[Tensor, Any] | None
) -> tuple[Tensor, dict[int, Callable[[], np.ndarray]]]:
    content: dict[int, Callable[[], np.ndarray]] = {}

    def give(tensor: Tensor, array: Any) -> None:
        flat = np.ascontiguousarray(array).reshape(-1)
        base = tensor.uop.base
        if base.op is not Ops.BUFFER or flat.size != base.max_numel():
            raise LoweringError(
                "Take a tensor's content as given",
                expected=f"{base.max_numel()} numbers for a tensor that is a buffer",
                got=f"{flat.size} numbers for a {base.op.name.lower()}",
                next_step="make the input with Tensor.empty(...), and give an array of its shape",
            )
        content[base.arg.slot] = lambda: flat

    if isinstance(expression, Workload):
        arrays = expression.inputs(np.random.default_rng(0))
        tensors = [Tensor.empty(*a.shape, dtype=a.dtype.name, device=target.device) for a in arrays]
        for tensor, array in zip(tensors, arrays, strict=True):
            give(tensor, array)
        return tensor_of(expression.compute(*tensors)), content
    tensor = tensor_of(expression)
    for key, array in (data or {}).items():
        give(key, array)
    return tensor, content


def _collect(graph: UOp, content: dict[int, Callable[[], np.ndarray]]) -> None:
    """Buffers of the graph that hold data already can be read, when an address asks for it."""
    for uop in graph.toposort():
        if uop.op is Ops.BUFFER and uop.is_realized and uop.arg.slot not in content:
            content[uop.arg.slot] = lambda u=uop: _flat(u)


def _flat(uop: UOp) -> np.ndarray:
    try:
        return uop.buffer.numpy().reshape(-1)
    except Exception as e:  # whatever a driver raises while it copies out
        raise NotKnown(f"the content of a buffer can't be read ({type(e).__name__})") from e


def _follow_copies(calls: Sequence[UOp], content: dict[int, Callable[[], np.ndarray]]) -> None:
    for call in calls:
        if call.src[0].op is Ops.COPY and len(call.src) > 2:
            to, source = call.src[1], call.src[2]
            if to.op is source.op is Ops.BUFFER and source.arg.slot in content:
                content[to.arg.slot] = content[source.arg.slot]


def _options(opts: Options | None, kernels: int) -> Mapping[int, tuple[Opt, ...]]:
    if opts is None:
        return {}
    asked = "Apply options to a kernel"
    if isinstance(opts, Mapping):
        chosen = {number: tuple(found) for number, found in opts.items()}
        wrong = [n for n in chosen if n not in range(kernels)]
        if wrong:
            expected = f"kernel numbers from 0 to {kernels - 1}"
            raise LoweringError(asked, expected=expected, got=f"{wrong[0]!r}")
    elif kernels > 1:
        step = "pass {kernel number: [Opt(...), ...]}; the kernels are numbered in their order"
        got = f"one list of options for {kernels} kernels"
        raise LoweringError(asked, expected="options for each", got=got, next_step=step)
    else:
        chosen = {0: tuple(opts)}
    for found in chosen.values():
        for opt in found:
            if not isinstance(opt, Opt):
                step = "from tinygrad.codegen.opt import Opt, OptOps; Opt(OptOps.LOCAL, 0, 32)"
                raise LoweringError(asked, expected="Opts", got=repr(opt)[:80], next_step=step)
    return chosen


def _program(
    number: int,
    call: UOp,
    backend: Backend,
    values: Mapping[str, int],
    opts: tuple[Opt, ...] | None,
    content: Mapping[int, Callable[[], np.ndarray]],
) -> Program:
    ast = call.src[0]
    unbound = {v.expr for v in ast.variables()} - set(values) - set(RUN_TIME_VARIABLES)
    if unbound:
        name = sorted(unbound)[0]
        got = f"the symbolic size {name!r} has no value"
        raise LoweringError(
            "Analyse a kernel of symbolic size", got=got, next_step=f"bind it: {name}.bind(4)"
        )
    if opts is not None:
        ast = ast.replace(arg=replace(ast.arg, opts_to_apply=opts))
    sink, info, uops, source, texts, note = _generate(ast, backend, opts)
    with_values = {**dict.fromkeys(RUN_TIME_VARIABLES, 0), **values}
    counts = sink.arg.estimates or Estimates.from_uops(uops, ignore_indexing=True)
    flop, accessed, least = (
        int(sym_infer(n, with_values)) for n in (counts.ops, counts.lds, counts.mem)
    )
    global_size, local_size = info.launch_dims(with_values)
    return Program(
        number=number,
        name=ansistrip(info.function_name),
        uops=uops,
        source=source,
        texts=texts,
        global_size=tuple(int(s) for s in global_size),
        local_size=None if local_size is None else tuple(int(s) for s in local_size),
        options=tuple(option_in_words(o) for o in sink.arg.applied_opts),
        opts=tuple(sink.arg.applied_opts),
        arguments=_arguments(call, content),
        values=dict(values),
        flop=flop,
        accessed_bytes=accessed,
        least_bytes=least,
        note=note,
    )


def _generate(ast: UOp, backend: Backend, opts: tuple[Opt, ...] | None) -> tuple:
    renderer, target = backend.renderer, backend.target
    note = ""
    try:
        with LOCK, Context(DEBUG=0, ALLOW_DEVICE_USAGE=0):
            if isinstance(renderer, ISARenderer):
                # its own instructions have no index expressions: take what it selects them from
                sink = codegen.full_rewrite_to_sink(ast, renderer, optimize=ast.tag is None)
                info = ProgramInfo.from_sink(sink, renderer.target)
                uops = tuple(codegen.line_rewrite(linearize(sink), codegen.pm_linearize_cleanups))
                source, texts = "", {}
                note = "Read before tinygrad's own assembler chooses instructions."
            else:
                program = codegen.do_to_program(ast, renderer)
                sink, info, uops = program.src[0], program.arg, tuple(program.src[1].src)
                source, texts = ansistrip(program.src[2].arg), _texts(renderer, uops)
    except KernelOptError as e:
        got = f"tinygrad refuses them: {e}" if str(e) else "tinygrad refuses them"
        said = ", ".join(option_in_words(o) for o in opts or ())
        step = "change the axis or the amount: an amount has to divide its axis"
        asked = f"Apply the options {said}"
        raise LoweringError(asked, got=got, next_step=step) from e
    except Exception as e:
        asked = f"Write a kernel in {target.language} for {target.label}"
        got = f"{type(e).__name__}: {e}"
        step = "does the target have this dtype? With options of your own: do they fit the kernel?"
        raise LoweringError(asked, got=got, next_step=step) from e
    return sink, info, uops, source, texts, note


class _Recorder:
    """Stands where a renderer keeps its rules, and remembers what each LOAD and STORE became."""

    def __init__(self, rules: Any) -> None:
        self._rules = rules
        self.texts: dict[UOp, str] = {}

    def rewrite(self, uop: UOp, ctx: Any = None) -> Any:
        text = self._rules.rewrite(uop, ctx)
        if uop.op in (Ops.LOAD, Ops.STORE) and text is not None:
            found = text if isinstance(text, str) else "\n".join(text)
            self.texts[uop] = ansistrip(found)
        return text


def _texts(renderer: Renderer, uops: tuple[UOp, ...]) -> Mapping[UOp, str]:
    rules = getattr(renderer, "string_rewrite", None)
    if rules is None:
        return {}
    recorder = _Recorder(rules)
    renderer.string_rewrite = recorder
    try:
        renderer.render(list(uops))
    except Exception:  # a renderer that renders in another way: its lines can't be told
        return {}
    finally:
        del renderer.string_rewrite
    return recorder.texts


def _arguments(call: UOp, content: Mapping[int, Callable[[], np.ndarray]]) -> tuple[Argument, ...]:
    found = []
    for slot, uop in enumerate(s for s in call.src[1:] if not s.is_bound_var):
        size = uop.max_numel() * uop.dtype.itemsize
        offset, base = _place(uop)
        whole = content.get(base.arg.slot) if base.op is Ops.BUFFER else None
        name = f"data{slot}"
        found.append(Argument(name, size, offset, _reader(name, whole, offset, uop)))
    return tuple(found)


def _reader(name: str, whole: Any, offset: int, uop: UOp) -> Callable[[], np.ndarray]:
    def read() -> np.ndarray:
        if whole is None:
            raise NotKnown(
                f"the address depends on the content of {name}, which isn't known: pass "
                "data={tensor: array}, or an expression over realized tensors"
            )
        start = offset // uop.dtype.itemsize
        return whole()[start : start + uop.max_numel()]

    return read


def _place(uop: UOp) -> tuple[int, UOp]:
    """Bytes from the start of the block that holds it, and the block."""
    offset = 0
    while uop.op not in (Ops.BUFFER, Ops.PARAM) and uop.src:
        if uop.op is Ops.SHRINK and isinstance(uop.marg[0][0], int):
            offset += uop.marg[0][0] * uop.dtype.itemsize
        uop = uop.src[0]
    return offset, uop
