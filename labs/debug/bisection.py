"""bisect(): an expression kernel by kernel on two devices, each kernel with the same inputs.

An error is found where it is made: every step gets the bytes that the reference has computed, so
nothing that an earlier step did wrong on the device is passed on.
"""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from labs import toolchain
from labs.debug.errors import DebugError
from labs.debug.mismatch import (
    check_tolerances,
    describe_mismatch,
    first_mismatch,
    wrong_elements,
)
from labs.debug.plan import Place, Plan, Step, make_plan, open_device
from labs.debug.report import Bisection, Checked, Divergence
from labs.debug.ulp import ulp_distances
from labs.errors import DeviceError

toolchain.activate()

from tinygrad import Device

from labs.backends.conformance.subject import describe
from labs.debug.launch import Compiled, Machine, blocks_of
from labs.debug.tolerance import EXACT, Tolerance, given, tolerance_of

if TYPE_CHECKING:
    from tinygrad import Tensor

_LATE_S = 0.3  # how long a result that is wrong is looked at again
_FLIPS = 1e-5  # of the elements: a float within a rounding error of an integer is that rare


def bisect(
    expression: "Tensor | Callable[[], Tensor]",
    device: str,
    reference: str = "CPU",
    *,
    rtol: float | None = None,
    atol: float | None = None,
    signed_zero: bool = False,
    timeout_s: float | None = None,
) -> Bisection:
    """Find the first kernel of an expression that computes something else on a device.

    Args:
        expression: a lazy Tensor, or a function that returns one; it stays as it was.
        device: the one in question.
        reference: the one that is believed: "CPU", or "PYTHON" (slow: small sizes).
        rtol, atol: what may differ, in place of what follows from each kernel's dtype, operations
            and number of added terms; 0 and 0 ask for equal numbers.
        signed_zero: -0.0 and 0.0 are different.
        timeout_s: run in a child process, in which a step may take so long at most. It survives a
            kernel that crashes or hangs; starting it takes a few seconds.

    Returns:
        Every step's verdict; `divergence` is None when the device agrees.

    Raises:
        DebugError: nothing to compute, the device is its own reference, or the reference fails.
        DeviceError: a device that can't be opened.

    Example:
        >>> bisect((Tensor([1.0, 2.0]) * 2).exp(), "CL").same
        True
    """
    asked = f"Bisect an expression on {device} against {reference}"
    check_tolerances(asked, rtol=rtol, atol=atol, timeout_s=timeout_s)
    open_device(reference, asked)
    here = timeout_s is None  # else the device is only opened in the child
    plan = make_plan(expression, device, asked, is_opened=here)
    if plan.device == Device.canonicalize(reference):
        raise DebugError(
            asked,
            expected="two different devices",
            got=f"{device} twice",
            next_step='name another reference, such as reference="PYTHON"',
        )
    tolerance = None if rtol is None and atol is None else given(rtol, atol)
    if not here:
        from labs.debug.isolation import bisect_in_child

        return bisect_in_child(plan, reference, tolerance, signed_zero, timeout_s)
    return assemble(plan, reference, run_plan(plan, reference, tolerance, signed_zero))


def assemble(
    plan: Plan, reference: str, found: "Iterator[tuple[Checked, Divergence | None]]"
) -> Bisection:
    """The verdicts of a run, to its end or its divergence."""
    checked, divergence = [], None
    for verdict, divergence in found:
        checked.append(verdict)
        if divergence is not None:
            break
    return Bisection(plan.device, reference, len(plan.steps), tuple(checked), divergence)


def run_plan(
    plan: Plan,
    reference: str,
    tolerance: Tolerance | None,
    signed_zero: bool,
    notify: Callable[[Divergence], None] = lambda about: None,
) -> Iterator[tuple[Checked, Divergence | None]]:
    """Each step's verdict, up to the first divergence.

    Args:
        notify: hears of each step before it runs, what there is to say if it never returns.
    """
    device, trusted = Machine(plan, plan.device), Machine(plan, reference)
    memory = plan.fresh()
    for step in plan.steps:
        comparison = _Comparison(step, device, trusted, memory, tolerance, signed_zero, notify)
        divergence = comparison.run()
        allowed = "equal" if step.kind == "copy" else comparison.tolerance.words
        verdict = divergence.kind if divergence else "same"
        error = comparison.error
        yield Checked(step.index, step.kind, comparison.name, verdict, error, allowed), divergence
        if divergence:
            return


class _Comparison:
    """One step on both devices."""

    def __init__(
        self,
        step: Step,
        device: Machine,
        trusted: Machine,
        memory: dict[int, bytearray],
        tolerance: Tolerance | None,
        signed_zero: bool,
        notify: Callable[[Divergence], None],
    ) -> None:
        self.step, self.device, self.trusted, self.memory = step, device, trusted, memory
        self.signed_zero, self.notify = signed_zero, notify
        self.tolerance = EXACT
        if step.kind == "kernel":
            self.tolerance = tolerance or tolerance_of(step.ast, device.device)
        self.error: float | None = None
        self.compiled: Compiled | None = None
        self.name = "copy" if step.kind == "copy" else f"kernel {step.index}"

    def run(self) -> Divergence | None:
        self.notify(self._divergence("hung", "it was being prepared when the process ended"))
        if self.step.kind == "copy":
            return self._copy()
        return self._kernel()

    def _copy(self) -> Divergence | None:
        target, source = self.step.places
        data = self.memory[source.block][source.offset : source.stop]
        self.name = f"copy {len(data)} B to {self.device.device}"
        self.memory[target.block][target.offset : target.stop] = data
        return self._guarded(lambda: self._given_back(target.block, target))

    def _kernel(self) -> Divergence | None:
        kernel = self._on_reference(lambda: self.trusted.compile(self.step))
        self.name = kernel.name
        # nothing that an output held before may pass for a result
        for place in self._outputs():
            if not any(self._overlap(place, p) for p in self._inputs()):
                self.memory[place.block][place.offset : place.stop] = _fill(place) * place.nbytes
        found = self._guarded(lambda: self._prepare())
        if found:
            return found
        expected = self._on_reference(lambda: self._result_of(self.trusted, kernel))
        found = self._guarded(lambda: self._compare(expected))
        for block, data in expected.items():
            self.memory[block][:] = data
        return found

    def _prepare(self) -> Divergence | None:
        """Compile for the device, and see that its memory holds what is put there."""
        self.compiled = self.device.compile(self.step)
        self.name = self.compiled.name
        for block in dict.fromkeys((*(p.block for p in self._inputs()), *blocks_of(self.step))):
            found = self._given_back(block)
            if found:
                return found
        return None

    def _compare(self, expected: dict[int, bytes]) -> Divergence | None:
        self.notify(self._divergence("hung", "it was running when the process ended"))
        self.device.run(self.step, self.compiled)
        results = {block: self.device.take(block) for block in expected}
        found = self._difference(expected, results)
        if found is None or found.kind != "wrong":
            return found
        began = time.monotonic()
        while time.monotonic() - began < _LATE_S:
            again = {block: self.device.take(block) for block in expected}
            if again != results and self._difference(expected, again) is None:
                waited = f"right {1e3 * (time.monotonic() - began):.0f} ms later"
                return self._divergence("late", f"{waited}: is synchronize() real?", found.mismatch)
        return found

    def _difference(
        self, expected: dict[int, bytes], results: dict[int, bytes]
    ) -> Divergence | None:
        for place in self._outputs():
            want = place.view(expected[place.block]).reshape(self._shape(place))
            got = place.view(results[place.block]).reshape(want.shape)
            atol = self.tolerance.absolute(want)
            wrong = wrong_elements(
                got, want, place.dtype, self.tolerance.rtol, atol, 0, self.signed_zero
            )
            wrong = self._less_flips(got, want, wrong, place)
            self._note_error(got, want, atol)
            if wrong.any():
                words = self.tolerance.words
                found = describe_mismatch(got, want, wrong, place.dtype, words)
                unwritten = _never_written(results[place.block], place, wrong)
                return self._divergence("wrong", unwritten, found)
        return self._outside(results)

    def _less_flips(
        self, got: np.ndarray, want: np.ndarray, wrong: np.ndarray, place: Place
    ) -> np.ndarray:
        """Integers made from rounded numbers: a rare one may fall on the other side of a step."""
        if "float" in place.dtype or self.tolerance.exact:
            return wrong
        wrong = wrong_elements(got, want, place.dtype, 0, 0, 0)
        neighbours = ulp_distances(got, want, place.dtype) == 1
        if np.count_nonzero(wrong) <= _FLIPS * wrong.size and neighbours[wrong].all():
            return np.zeros_like(wrong)
        return wrong

    def _outside(self, results: dict[int, bytes]) -> Divergence | None:
        """What is not an output must be as it was."""
        for block, data in results.items():
            before = np.frombuffer(self.memory[block], np.uint8)
            changed = np.frombuffer(data, np.uint8) != before
            for place in (p for p in self._outputs() if p.block == block):
                changed[place.offset : place.stop] = False
            if changed.any():
                where = np.flatnonzero(changed)
                message = f"{where.size} bytes of block {block}, from byte {where[0]} on"
                return self._divergence("outside", message)
        return None

    def _given_back(self, block: int, place: Place | None = None) -> Divergence | None:
        """Put a block's bytes there and read them again."""
        self.notify(self._divergence("hung", "data was being copied when the process ended"))
        self.device.put(block, self.memory[block])
        back = self.device.take(block)
        if back == self.memory[block]:
            return None
        place = place or next(p for p in reversed(self.step.places) if p.block == block)
        whole = Place(block, 0, len(back) - len(back) % _itemsize(place), place.dtype)
        found = first_mismatch(
            whole.view(back), whole.view(self.memory[block]), dtype=whole.dtype
        ) or first_mismatch(*(np.frombuffer(d, np.uint8) for d in (back, self.memory[block])))
        return self._divergence("copy", "put in, and read again with no kernel in between", found)

    def _guarded(self, act: Callable[[], Divergence | None]) -> Divergence | None:
        try:
            return act()
        except DebugError:
            raise
        except Exception as error:  # a device may raise what it likes
            return self._divergence("raises", describe(error))

    def _on_reference(self, act: Callable[[], object]) -> object:
        try:
            return act()
        except Exception as error:
            raise DeviceError(
                f"Run step {self.step.index} on the reference {self.trusted.device}",
                expected="a reference that can compute this expression",
                got=describe(error),
                next_step='choose another one: reference="PYTHON" knows every dtype',
            ) from error

    def _result_of(self, machine: Machine, kernel: Compiled) -> dict[int, bytes]:
        blocks = blocks_of(self.step)
        for block in blocks:
            machine.put(block, self.memory[block])
        machine.run(self.step, kernel)
        return {block: machine.take(block) for block in blocks}

    def _divergence(self, kind: str, message: str, mismatch: object = None) -> Divergence:
        return Divergence(
            kind,
            self.step.index,
            self.name,
            message,
            mismatch,
            self.compiled.source if self.compiled else "",
            self.compiled.opts if self.compiled else (),
            tuple(_words(p) for p in self._inputs()),
            tuple(_words(p, self._shape(p)) for p in self._outputs()),
        )

    def _inputs(self) -> list[Place]:
        return [p for i, p in enumerate(self.step.places) if i not in self.step.outs]

    def _outputs(self) -> list[Place]:
        return [self.step.places[i] for i in self.step.outs]

    def _shape(self, place: Place) -> tuple[int, ...]:
        count = place.nbytes // _itemsize(place)
        return self.step.shape if np.prod(self.step.shape) == count else (count,)

    @staticmethod
    def _overlap(a: Place, b: Place) -> bool:
        return a.block == b.block and a.offset < b.stop and b.offset < a.stop

    def _note_error(self, got: np.ndarray, want: np.ndarray, atol: float) -> None:
        if self.tolerance.exact:
            return
        with np.errstate(all="ignore"):
            a, b = got.astype(np.float64), want.astype(np.float64)
            parts = np.abs(a - b) / (atol + self.tolerance.rtol * np.abs(b))
        worst = float(np.max(parts[np.isfinite(parts)], initial=0.0))
        self.error = max(self.error or 0.0, worst)


def _never_written(block: bytes, place: Place, wrong: np.ndarray) -> str:
    size = _itemsize(place)
    raw = np.frombuffer(block, np.uint8)[place.offset : place.stop].reshape(-1, size)
    untouched = (raw == _fill(place)[0]).all(axis=1) & wrong.reshape(-1)
    count = int(np.count_nonzero(untouched))
    return f"{count} of the wrong elements were never written" if count else ""


def _fill(place: Place) -> bytes:
    """What an output holds before a kernel: NaN as a float, an unlikely number as an integer."""
    return b"\xff" if "float" in place.dtype else b"\xa5"


def _itemsize(place: Place) -> int:
    return 2 if place.dtype == "bfloat16" else np.dtype(place.dtype).itemsize


def _words(place: Place, shape: tuple[int, ...] | None = None) -> str:
    shape = shape or (place.nbytes // _itemsize(place),)
    part = f", from byte {place.offset} of its block" if place.offset else ""
    return f"{place.dtype} {' x '.join(map(str, shape))}{part}"
