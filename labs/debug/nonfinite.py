"""trace_nonfinite(): the first kernel that makes a NaN or an infinity out of finite numbers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape

import numpy as np

from labs import toolchain
from labs.debug.errors import DebugError
from labs.debug.plan import Place, Plan, Step, make_plan
from labs.errors import DeviceError
from labs.lowering.model import Stage
from labs.tables import Table, TableView

toolchain.activate()

from tinygrad import Tensor
from tinygrad.uop.ops import Ops, UOp

from labs.backends.conformance.subject import describe
from labs.debug.launch import Compiled, Machine, blocks_of
from labs.debug.tolerance import infinite_constants, is_elementwise


@dataclass(frozen=True)
class InputValue:
    """One input of a kernel: its element that went into the result, or its range."""

    dtype: str
    size: int
    index: int | None
    value: float | None
    low: float
    high: float

    def __str__(self) -> str:
        text = f"{self.dtype}, {self.size:,} elements in [{self.low:.6g}, {self.high:.6g}]"
        return text if self.index is None else f"{self.value:.9g} at [{self.index}]; {text}"


@dataclass(frozen=True, repr=False)
class NonFinite(TableView):
    """Where NaN or infinity came from.

    Args:
        step: number of the kernel, from 0; None when an input of the expression has it already.
        kind: "NaN" or "infinity": the value at `index`.
        index: of the first such element of the kernel's output, in the shape of its loops.
        count, total: such elements of that output, and all.
        inputs: of an elementwise kernel the values that made it, else only their ranges.
        note: what may explain it without an error.
    """

    device: str
    step: int | None
    name: str
    kind: str
    value: float
    index: tuple[int, ...]
    count: int
    total: int
    inputs: tuple[InputValue, ...]
    note: str
    source: str = field(repr=False)

    def table(self) -> Table:
        where = "an input of the expression" if self.step is None else f"step {self.step}"
        rows = (
            ("made by", f"{where}: {self.name}" if self.name else where),
            ("first at", str(list(self.index))),
            ("value", str(self.value)),
            ("elements", f"{self.count:,} of {self.total:,}"),
            ("inputs", "\n".join(str(i) for i in self.inputs) or None),
        )
        title = f"The first {self.kind} on {self.device}"
        return Table(title, ("what", "value"), rows, self.note)

    def _repr_html_(self) -> str:
        text = self.table()._repr_html_()
        if self.source:
            text += Stage("source", self.source, escape(self.name))._repr_html_()
        return text


def trace_nonfinite(
    expression: Tensor | Callable[[], Tensor], device: str = "CPU"
) -> NonFinite | None:
    """Run an expression kernel by kernel, and stop where finite inputs give NaN or infinity.

    Args:
        expression: a lazy Tensor, or a function that returns one; it stays as it was. A value that
            never leaves its kernel isn't seen: exp(log(0)) is one kernel, and its result 0.
        device: to run it on.

    Returns:
        The first such kernel; an input of the expression that has one, where no kernel made its own
        before; None when every value of every kernel is finite.

    Raises:
        DebugError: nothing to compute.
        DeviceError: the device can't be opened or can't run a kernel.

    Example:
        >>> trace_nonfinite(Tensor([1.0, 0.0]).log()).index
        (1,)
    """
    plan = make_plan(expression, device, f"Trace NaN and infinity on {device}")
    machine, memory = Machine(plan, plan.device), plan.fresh()
    inherited = _in_inputs(plan, memory)
    for step in plan.steps:
        if step.kind == "copy":
            target, source = step.places
            data = memory[source.block][source.offset : source.stop]
            memory[target.block][target.offset : target.stop] = data
            continue
        inputs = [p for i, p in enumerate(step.places) if i not in step.outs]
        finite = all(np.isfinite(p.view(memory[p.block])).all() for p in inputs if _is_float(p))
        compiled = _run(machine, step, memory)
        found = _made(plan, step, compiled, memory, inputs) if finite else None
        if found is not None:
            return found
    return inherited


def _in_inputs(plan: Plan, memory: dict[int, bytearray]) -> NonFinite | None:
    """The first NaN or infinity that came with the data."""
    for step in plan.steps:
        for i, place in enumerate(step.places):
            if place.block not in plan.data or i in step.outs or not _is_float(place):
                continue
            values = place.view(memory[place.block])
            if not np.isfinite(values).all():
                note = "No kernel made it: it was there before the first."
                return _describe(plan, None, "", values, (values.size,), (), note, "")
    return None


def _run(machine: Machine, step: Step, memory: dict[int, bytearray]) -> Compiled:
    try:
        compiled = machine.compile(step)
        for block in blocks_of(step):
            machine.put(block, memory[block])
        machine.run(step, compiled)
        for block in blocks_of(step):
            memory[block][:] = machine.take(block)
    except DebugError:
        raise
    except Exception as error:  # a device may raise what it likes
        raise DeviceError(
            f"Run step {step.index} on {machine.device}",
            expected="a kernel that ends",
            got=describe(error),
            next_step="labs.debug.bisect shows its source and its options",
        ) from error
    return compiled


def _made(
    plan: Plan, step: Step, compiled: Compiled, memory: dict[int, bytearray], inputs: list[Place]
) -> NonFinite | None:
    for place in (step.places[i] for i in step.outs):
        if not _is_float(place):
            continue
        values = place.view(memory[place.block])
        bad = ~np.isfinite(values)
        if not bad.any():
            continue
        at = int(np.argmax(bad))
        overwritten = {step.places[i].block for i in step.outs}
        seen = tuple(
            _input(p, memory, at if _same_element(step, i) else None)
            for i, p in enumerate(step.places)
            if p in inputs and p.block not in overwritten
        )
        note = ""
        if infinite_constants(step.ast):
            note = "The kernel itself names an infinity or NaN, as masks do: it may be meant."
        shape = step.shape if np.prod(step.shape) == values.size else (values.size,)
        return _describe(plan, step, compiled.name, values, shape, seen, note, compiled.source)
    return None


def _describe(
    plan: Plan,
    step: Step | None,
    name: str,
    values: np.ndarray,
    shape: tuple[int, ...],
    inputs: tuple[InputValue, ...],
    note: str,
    source: str,
) -> NonFinite:
    bad = ~np.isfinite(values)
    at = int(np.argmax(bad))
    value = float(values[at])
    return NonFinite(
        plan.device,
        None if step is None else step.index,
        name,
        "NaN" if np.isnan(value) else "infinity",
        value,
        tuple(int(i) for i in np.unravel_index(at, shape)),
        int(np.count_nonzero(bad)),
        values.size,
        inputs,
        note,
        source,
    )


def _input(place: Place, memory: dict[int, bytearray], at: int | None) -> InputValue:
    values = place.view(memory[place.block]).astype(np.float64)
    index = at if at is not None and at < values.size else None
    value = None if index is None else float(values[index])
    low, high = float(values.min()), float(values.max())
    return InputValue(place.dtype, values.size, index, value, low, high)


def _same_element(step: Step, parameter: int) -> bool:
    """Whether an elementwise kernel reads this parameter at the place that it writes."""
    if not is_elementwise(step.ast):
        return False
    stores = [u for u in step.ast.toposort() if u.op is Ops.STORE]
    if len(stores) != 1:
        return False
    written_at = stores[0].src[0].src[1:]
    reads = [u for u in stores[0].src[1].toposort() if _reads(u, parameter)]
    return bool(reads) and all(u.src[1:] == written_at for u in reads)


def _reads(uop: UOp, parameter: int) -> bool:
    return uop.op is Ops.INDEX and uop.src[0].op is Ops.PARAM and uop.src[0].arg.slot == parameter


def _is_float(place: Place) -> bool:
    return "float" in place.dtype
