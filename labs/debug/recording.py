"""timeline(): run something once, and note when each kernel and copy began and ended."""

import time
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from labs import toolchain
from labs.debug.errors import DebugError
from labs.debug.plan import make_plan, open_device
from labs.debug.timeline_data import Timeline, TimelineEvent

toolchain.activate()

from tinygrad import Device, Tensor
from tinygrad.engine import realize
from tinygrad.helpers import Context
from tinygrad.uop.ops import Ops, UOp, sym_infer

from labs.bench.clocks import is_modelled
from labs.debug.launch import Machine
from labs.debug.observing import devices_of, name_of, observing

_RUN_TIME_VARIABLES = {"core_id": 0, "_device_num": 0}


def timeline(
    function_or_expression: Tensor | Callable[[], object], device: str, *, warmups: int = 1
) -> Timeline:
    """Record one run, kernel by kernel; each is waited for.

    Args:
        function_or_expression: a function without arguments, whose tensors are realized; or a lazy
            Tensor, which is run on the device step by step and stays as it was.
        device: that is recorded; what runs on others is there by its name.
        warmups: runs before it; with 0 the first run is recorded, compilation included.

    Raises:
        DebugError: neither function nor expression, or nothing ran.
        DeviceError: the device can't be opened.

    Example:
        >>> timeline(lambda: Tensor([1.0, 2.0], device="CPU") * 2, "CPU").kernels[0].kind
        'kernel'
    """
    asked = f"Record a timeline on {device}"
    if isinstance(warmups, bool) or not isinstance(warmups, int) or warmups < 0:
        raise DebugError(asked, expected="warmups of 0 or more", got=repr(warmups))
    name = open_device(device, asked).device
    run = runner(function_or_expression, device, asked)
    for _ in range(warmups):
        run()
    Device[name].synchronize()
    recorder = _Recorder(name)
    with recorder.recording(), observing(recorder):
        run()
        Device[name].synchronize()
        total_s = recorder.now()
    if not recorder.events:
        raise DebugError(
            asked,
            expected="at least one kernel or copy",
            got="a run without any",
            next_step="realize inside the function: what was realized before isn't computed again",
        )
    kernels = [e for e in recorder.events if e.kind in ("kernel", "graph")]
    untimed = [e for e in kernels if e.device_time_s is None]
    reason = ""
    if untimed:
        reason = f"{len(untimed)} of {len(kernels)} kernels have no device time: their runtime "
        reason += "answers wait=True with nothing."
    modelled = is_modelled(name)
    return Timeline(name, tuple(recorder.events), total_s, modelled, reason)


def runner(what: Tensor | Callable[[], object], device: str, asked: str) -> Callable[[], None]:
    """Something to call again and again that does the same work each time."""
    if isinstance(what, Tensor):
        return _expression(what, device, asked)
    if not callable(what):
        raise DebugError(
            asked,
            expected="a function without arguments, or a Tensor",
            got=f"a {type(what).__name__}",
            next_step="wrap it: lambda: (x * 2).realize()",
        )

    def run() -> None:
        result = what()
        items = result if isinstance(result, (tuple, list)) else [result]
        tensors = [item for item in items if isinstance(item, Tensor)]
        if tensors:
            tensors[0].realize(*tensors[1:])

    return run


def _expression(tensor: Tensor, device: str, asked: str) -> Callable[[], None]:
    plan = make_plan(tensor, device, asked)
    machine = Machine(plan, plan.device)
    for block, data in plan.fresh().items():
        machine.put(block, data)

    def run() -> None:
        for step in plan.steps:
            if step.kind == "copy":  # its data is there: what is timed is bringing it again
                target = step.places[0]
                source = next((p for p in step.places[1:] if p.block in plan.data), None)
                if source is not None:
                    data = plan.data[source.block]
                    part = data[source.offset : source.stop]
                    if len(part) == plan.blocks[target.block]:
                        machine.put(target.block, part)
        work = [(step, machine.compile(step)) for step in plan.kernels]
        if work:
            realize.run_linear(machine.linear(work), plan.values, jit=True)

    return run


class _Recorder:
    """Collects events; the device is made to time its kernels and waited for after each."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.events: list[TimelineEvent] = []
        self._origin = time.perf_counter()

    def now(self) -> float:
        return time.perf_counter() - self._origin

    def recording(self) -> Any:
        """Notes compilations too: run_linear looks this function up at each call."""
        original = realize.compile_linear

        def compile_linear(*arguments: Any, **named: Any) -> UOp:
            began = self.now()
            linear = original(*arguments, **named)
            calls = sum(c.src[0].op is Ops.PROGRAM for c in linear.src)
            if calls:
                self._add("compile", "compile", self.device, began, launches=calls)
            return linear

        self._origin = time.perf_counter()
        return patch.object(realize, "compile_linear", compile_linear)

    def before(self, call: UOp, context: Any) -> None:
        context.wait = True
        for device in devices_of(call):  # what is still running is not this call's
            if device in Device._opened_devices:
                Device[device].synchronize()

    def after(self, call: UOp, context: Any, times: list, began_s: float) -> None:
        devices = devices_of(call)
        for device in devices:
            if device in Device._opened_devices:
                Device[device].synchronize()
        kind, launches = _kind(call)
        seconds = [t for t in times or [] if t is not None]
        own = sum(seconds) if seconds and kind != "copy" else None
        flop, nbytes = _estimates(call, context.var_vals)
        self._add(
            kind,
            name_of(call, context),
            devices[0] if devices else self.device,
            began_s - self._origin,
            device_time_s=own,
            bytes=nbytes,
            flop=None if kind == "copy" else flop,
            launches=launches,
        )

    def _add(self, kind: str, name: str, device: str, start_s: float, **facts: Any) -> None:
        event = TimelineEvent(name, kind, device, start_s, self.now() - start_s, **facts)
        self.events.append(event)


def _kind(call: UOp) -> tuple[str, int]:
    body = call.src[0]
    if body.op is Ops.COPY:
        return "copy", 0
    if body.op is Ops.CUSTOM_FUNCTION and body.arg == "graph":
        return "graph", len(body.src[0].src)
    return "kernel", 1


def _estimates(call: UOp, values: dict[str, int]) -> tuple[int | None, int | None]:
    with Context(DEBUG=0):
        counts = realize.estimate_uop(call)
    known = {**_RUN_TIME_VARIABLES, **values}
    try:
        return int(sym_infer(counts.ops, known)), int(sym_infer(counts.mem, known))
    except (KeyError, TypeError):  # a symbolic size that only the graph knows
        return None, None
