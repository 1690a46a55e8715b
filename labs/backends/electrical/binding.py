"""A TinyJit's kernels with their buffers fixed: the whole launch is one call into C.

tinygrad spends some 50 us of Python on each call of a TinyJit: it looks at the inputs, finds their
buffers, and counts. Where the same buffers are used again and again, as in a stream, all that can
be done once. New data goes into the buffers through `numpy_view`, without a copy.

    step = TinyJit(lambda x: (x * x).sum().realize())
    for _ in range(2):
        energy = step(x)
    launch = bind(step, x)
    numpy_view(x)[:] = samples
    launch()
    numpy_view(launch.result)[0]
"""

from collections import OrderedDict
from collections.abc import Callable

import numpy as np
from tinygrad import Tensor, TinyJit
from tinygrad.dtype import AddrSpace, _to_np_dtype
from tinygrad.engine.jit import _prepare_jit_inputs
from tinygrad.uop.ops import Ops, UOp

from labs.errors import DeviceError

MOST_BOUND = 64  # sets of inputs that a BoundJit remembers: the slots of a ring buffer, say


class BoundLaunch:
    """Runs the captured kernels on the bound buffers, whatever is in them now.

    `result` is what the TinyJit returns; each launch overwrites it.
    """

    def __init__(self, graph, result: object, inputs: tuple[object, ...]) -> None:
        self.result, self.kernels = result, len(graph.counts)
        self._keep = graph, inputs
        self._launch = graph.dev.pool.bind_batch(graph.jobs, len(graph.counts), graph.widest)
        self._ledger = graph.dev.ledger

    def __call__(self) -> None:
        self._ledger.launches += self.kernels
        self._ledger.graphs += 1
        self._launch()


class BoundJit:
    """A TinyJit that stays bound: called with tensors it has seen, it launches at once.

    The first calls capture and bind; a call with the same tensors is a look-up and a launch. Other
    tensors of the same shapes are bound when they first come. Inputs are told apart as tensors, so
    data that changes goes into a tensor's memory (`numpy_view`), not into a new tensor.

    Example:
        @BoundJit
        def energy(x): return (x * x).sum().realize()
    """

    def __init__(self, function: Callable[..., object]) -> None:
        self.step = TinyJit(function)
        self._bound: OrderedDict[tuple[UOp, ...], BoundLaunch] = OrderedDict()

    def __call__(self, *inputs: Tensor) -> object:
        key = tuple([x.uop for x in inputs])
        launch = self._bound.get(key)
        if launch is not None:
            launch()
            return launch.result
        result = self.step(*inputs)
        if self.step.captured is not None:
            # bound after the call: it may have realized its inputs
            self._bound[tuple([x.uop for x in inputs])] = bind(self.step, *inputs)
            if len(self._bound) > MOST_BOUND:
                self._bound.popitem(last=False)
        return result


def bind(step: TinyJit, *inputs: object) -> BoundLaunch:
    """Fix a captured TinyJit to these inputs.

    Args:
        step: a TinyJit that has been called at least twice with such inputs.
        inputs: its arguments: realized tensors on ELECTRICAL.

    Raises:
        DeviceError: it hasn't captured anything yet, or it does more than launch kernels on one
            ELECTRICAL device.
    """
    from labs.backends.runtime.ops_electrical import ElectricalGraph

    asked = "Bind a TinyJit to its buffers"
    captured = step.captured
    if captured is None:
        raise DeviceError(
            asked,
            expected="a TinyJit that has captured its kernels",
            got="one that has been called fewer than two times",
            next_step="call it twice with the same kind of inputs",
        )
    calls = [c for call in captured.linear.src for c in _kernels(call)]
    input_uops, var_vals, names, info = _prepare_jit_inputs(inputs, {})[:4]
    # in what a kernel is called with: the kernel itself numbers its own parameters in the same way
    places = (u for c in calls for argument in c.src[1:] for u in argument.toposort())
    sizes = {u.arg.slot: u.max_numel() for u in places if _is_input(u)}
    fit = all(input_uops[i].max_numel() == size for i, size in sizes.items() if i < len(names))
    if (names, info) != (captured.expected_names, captured.expected_input_info) or not fit:
        raise DeviceError(
            asked,
            expected="inputs of the shapes and dtypes that it was captured with",
            got="others",
            next_step="bind it to the tensors it was called with, or capture it again",
        )
    foreign = {str(c.src[1].device) for c in calls if not str(c.src[1].device).startswith("ELEC")}
    if foreign or any(c.src[0].op is not Ops.PROGRAM for c in calls):
        raise DeviceError(
            asked,
            expected="kernels on ELECTRICAL and nothing else",
            got=f"work on {', '.join(foreign)}" if foreign else "a copy between devices",
            next_step="keep every tensor of the function on ELECTRICAL",
        )
    linear = UOp(Ops.LINEAR, src=tuple(calls))
    graph = ElectricalGraph(UOp(Ops.CUSTOM_FUNCTION, src=(linear,), arg="graph"), input_uops)
    graph.put_in(tuple(input_uops), var_vals)
    return BoundLaunch(graph, captured.ret, inputs)


def numpy_view(tensor: Tensor) -> np.ndarray:
    """The tensor's memory as a numpy array: writing to one changes the other.

    Raises:
        DeviceError: the tensor has no memory of its own on ELECTRICAL, or numpy has no such dtype.
    """
    kind = _to_np_dtype(tensor.dtype)
    buffer = tensor.uop.base.realized if tensor.uop.is_realized else None
    on_device = isinstance(tensor.device, str) and tensor.device.startswith("ELECTRICAL")
    if kind is None or buffer is None or not on_device:
        raise DeviceError(
            "See a tensor's memory as a numpy array",
            expected="a realized tensor on ELECTRICAL, of a dtype that numpy has",
            got=f"{tensor.dtype} on {tensor.device}, {'' if buffer else 'not '}realized",
            next_step="tensor.contiguous().realize() first",
        )
    buffer = tensor.uop.buffer
    memory = buffer.as_memoryview(force_zero_copy=True)
    return np.frombuffer(memory, dtype=kind).reshape(tensor.shape)


def _is_input(u: UOp) -> bool:
    """Whether it stands for one of the TinyJit's inputs; tinygrad itself doesn't compare sizes."""
    return u.op is Ops.PARAM and u.addrspace is not AddrSpace.ALU and u.arg.slot >= 0


def _kernels(call: UOp) -> tuple[UOp, ...]:
    function = call.src[0]
    if function.op is Ops.CUSTOM_FUNCTION and function.arg == "graph":
        return function.src[0].src
    return (call,)
