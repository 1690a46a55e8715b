"""Several devices as one: each in its own process, work split by measured speed, nothing lost.

    with MultiDeviceManager(["CPU", "CL"]) as manager:
        run = manager.run(lambda x: (x * 2).exp(), batches)

A device that raises, dies, runs out of memory or says nothing for too long is given up
(quarantined) until `release`; what it had in its hands is computed by another. A result counts
once, from the device that the batch was with.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

import numpy as np

from labs.bench.plan import require_positive, resolve_devices
from labs.bench.workload import Workload
from labs.engineering.managed_run import BatchRecord, ManagedRun
from labs.engineering.manager_process import DeviceProcess
from labs.engineering.manager_schedule import Schedule
from labs.engineering.manager_worker import Began, Done, Failed, Load, Ready, Work
from labs.engineering.predict import CostModel, Prediction
from labs.errors import DeviceError, LabError

if TYPE_CHECKING:
    from tinygrad import Tensor

Progress = Callable[[int, int, str], object]
Cancel = Callable[[], bool]

TIMEOUT_S = 30.0
FIRST_CALL_TIMEOUT_S = 120.0  # opening a driver, or compiling a kernel for the first time
BEST = "best"
_LOOK_S = 0.1
_WINDOW = 16  # batches of a stream for each device


class ManagerError(DeviceError):
    """No device is left; `partial` holds what was finished."""

    partial: ManagedRun | None = None


class MultiDeviceManager:
    """Chooses devices for workloads, and splits batches over devices.

    Args:
        devices: tinygrad's names. The same device can be there several times as "CPU", "CPU:1".
        costs: what was measured on each (`fit_costs`); needed for `predict` and `choose` alone.
        hold: batches that a device has in its hands: one in work, the others ready there.

    Raises:
        DeviceError: for an unknown or unusable device.
    """

    def __init__(
        self,
        devices: Sequence[str],
        *,
        costs: Mapping[str, CostModel] | None = None,
        hold: int = 2,
    ) -> None:
        require_positive("hold", hold)
        self.devices = resolve_devices(devices)
        self.costs, self.hold = dict(costs or {}), int(hold)
        self.quarantined: dict[str, str] = {}
        self._processes: dict[str, DeviceProcess] = {}
        self._learned: dict[tuple[str, frozenset[str]], dict[str, float]] = {}
        self._runs = 0

    def __enter__(self) -> "MultiDeviceManager":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the devices' processes. The next run starts them again."""
        for process in self._processes.values():
            process.end()
        self._processes.clear()

    def release(self, device: str) -> None:
        """Gives a quarantined device another chance, in a new process."""
        self.quarantined.pop(device, None)

    # **************** choosing ****************

    def predict(self, workload: Workload, *, transfer: bool = False) -> tuple[Prediction, ...]:
        """The expected time on each device that isn't quarantined, the fastest first.

        Args:
            transfer: the inputs are on the host, and the result is wanted there.

        Raises:
            DeviceError: when no device has a cost model.
        """
        known = [d for d in self.devices if d in self.costs and d not in self.quarantined]
        if not known:
            raise DeviceError(
                f"predict '{workload.name}'",
                expected="a cost model for at least one device that is not quarantined",
                got=f"costs of {', '.join(self.costs) or 'none'}",
                next_step="MultiDeviceManager(devices, costs={d: fit_costs(results, d) ...})",
            )
        found = [self.costs[d].predict(workload, transfer=transfer) for d in known]
        return tuple(sorted(found, key=lambda p: p.seconds))

    def choose(self, workload: Workload, *, transfer: bool = False) -> Prediction:
        """The device with the least expected time."""
        return self.predict(workload, transfer=transfer)[0]

    # **************** splitting ****************

    def run(
        self,
        function: "Callable[..., Tensor]",
        batches: Sequence[np.ndarray],
        *,
        constants: Sequence[np.ndarray] = (),
        seconds_each: Mapping[str, float] | None = None,
        timeout_s: float = TIMEOUT_S,
        first_call_timeout_s: float = FIRST_CALL_TIMEOUT_S,
        devices: Sequence[str] | str | None = None,
        jit: bool = True,
        steal: bool = True,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> ManagedRun:
        """Applies a function to every batch, on all devices at once.

        Args:
            function: function(batch, *constants) -> the result, all Tensors on one device. It may
                be a lambda or defined in a notebook.
            batches: arrays, best all of one shape: each new shape is compiled on each device.
            constants: copied to each device once.
            seconds_each: expected seconds for a batch by device, for the first shares. What earlier
                runs of the same function have shown is used when None.
            timeout_s: of one batch; first_call_timeout_s: while a device opens, or compiles.
            devices: some of the manager's; all when None; "best": of the sets that this function
                has been run on, the one with the highest speed (devices that share the same cores
                can be slower together than one of them alone).
            jit: replay the function's kernels from the third batch of a shape on (TinyJit); False
                calls it for every batch, which Python code that looks at the data needs.
            steal: False leaves the first shares as they are (to see what stealing is worth).

        Raises:
            ManagerError: when every device failed; its `partial` has what was finished.
            LabError: for batches that are no arrays, or a function that can't travel.
        """
        require_positive("timeout_s", timeout_s)
        arrays = _arrays(batches)
        code = _pickled(function)
        inputs = tuple(np.asarray(c) for c in constants)
        key = _key_of(code, inputs, arrays[0])
        at_work = self._at_work(devices, key)
        known = dict(seconds_each or self._learned.get((key, frozenset(at_work)), {}))
        self._runs += 1
        load = Load(self._runs, key, code, inputs, jit)
        limits = (timeout_s, first_call_timeout_s)
        run = _Run(self, at_work, arrays, load, known, limits, steal, progress, cancel)
        try:
            finished = run.complete()
        finally:
            learned = {d: s for d, s in run.schedule.seconds.items() if s}
            if set(learned) == set(at_work):  # the speeds of this set, with all of them at work
                self._learned[key, frozenset(at_work)] = learned
        return finished

    def map(
        self, function: "Callable[..., Tensor]", batches: Iterable[np.ndarray], **options: object
    ) -> Iterator[np.ndarray]:
        """Results in the order of the batches, for a stream that needn't fit into memory.

        At most `window` batches are in the house at a time: the source is asked for more only when
        their results have been taken. Options are those of `run`.
        """
        source = iter(batches)
        window = _WINDOW * max(len(self.devices), 1)
        while taken := list(islice(source, window)):
            yield from self.run(function, taken, **options).results

    # **************** for a run ****************

    def _at_work(self, devices: Sequence[str] | str | None, key: str) -> tuple[str, ...]:
        """The devices of a run, without those that are quarantined."""
        if devices == BEST:
            known = {
                names: sum(1 / s for s in seconds.values())
                for (of, names), seconds in self._learned.items()
                if of == key and not names & set(self.quarantined)
            }
            devices = max(known, key=known.get) if known else None
        chosen = self.devices if devices is None else tuple(devices)
        unknown = [d for d in chosen if d not in self.devices]
        if unknown:
            raise DeviceError(
                "compute batches",
                expected=f"devices of this manager: {', '.join(self.devices)}, or '{BEST}'",
                got=", ".join(unknown),
                next_step="name those, or make a manager with the others",
            )
        return tuple(d for d in self.devices if d in chosen and d not in self.quarantined)

    def _process(self, device: str) -> DeviceProcess:
        found = self._processes.get(device)
        if found is None:
            found = self._processes[device] = DeviceProcess(device)
        return found

    def _quarantine(self, device: str, why: str) -> None:
        self.quarantined[device] = why
        process = self._processes.pop(device, None)
        if process is not None:
            process.end(kill=True)


class _Run:
    """One run's loop: hand out, listen, look at the clock."""

    def __init__(
        self, manager, devices, arrays, load, known, limits, steal, progress, cancel
    ) -> None:
        self.manager, self.devices, self.arrays, self.load = manager, tuple(devices), arrays, load
        self.timeout_s, self.first_call_timeout_s = limits
        self.progress, self.cancel = progress, cancel
        self.schedule = Schedule(
            len(arrays), {d: known.get(d) for d in devices}, hold=manager.hold, steal=steal
        )
        self.results: list[np.ndarray | None] = [None] * len(arrays)
        self.records: dict[int, BatchRecord] = {}
        self.attempts = [0] * len(arrays)
        self.began: dict[int, float] = {}
        self.sent_at: dict[int, float] = {}
        self.delivered_at: dict[str, float] = {}
        self.calls: dict[tuple[str, tuple], int] = {}
        self.given_up: dict[str, str] = {}
        self.redone = 0
        self.predicted_s: float | None = None
        self.start = time.monotonic()

    def complete(self) -> ManagedRun:
        for device in self.devices:
            process = self.manager._process(device)
            process.began_at, process.heard_at = None, time.monotonic()
            process.send(self.load)
        try:
            while not self.schedule.finished:
                if self.cancel is not None and self.cancel():
                    break
                if not self.schedule.devices:
                    raise self._nobody_left()
                self._hand_out()
                self._predict()
                self._listen()
                self._look_at_the_clock()
        except BaseException:  # Ctrl-C as well: batches in work must not answer the next run
            self._drop_unfinished()
            raise
        self._drop_unfinished()
        return self._as_data()

    def _hand_out(self) -> None:
        for device in self.schedule.devices:
            process = self.manager._process(device)
            if not process.renderer:
                continue  # still opening: the others don't wait for it
            while (index := self.schedule.take(device)) is not None:
                self.attempts[index] += 1
                if len(self.schedule.held[device]) == 1:
                    process.heard_at = time.monotonic()
                self.sent_at[index] = time.monotonic()
                process.send(Work(self.load.run, index, self.arrays[index]))

    def _listen(self) -> None:
        by_connection = {self.manager._process(d).connection: d for d in self.schedule.devices}
        for connection in wait(list(by_connection), timeout=_LOOK_S):
            device = by_connection[connection]
            try:
                message = connection.recv()
            except (EOFError, OSError):
                self._give_up(device, self.manager._process(device).death())
                continue
            self._hear(device, message)

    def _hear(self, device: str, message: object) -> None:
        process, now = self.manager._process(device), time.monotonic()
        process.heard_at = now
        if isinstance(message, Ready):
            process.renderer = message.renderer
        elif isinstance(message, Failed) and message.run in (self.load.run, -1):
            what = f"batch {message.index}: " if message.index >= 0 else ""
            self._give_up(device, what + message.error)
        elif getattr(message, "run", None) != self.load.run:
            return  # a late word about a run that was broken off
        elif isinstance(message, Began):
            process.began_at = now
            self.began[message.index] = now
        elif isinstance(message, Done):
            process.began_at = None
            self._deliver(device, message, now)

    def _deliver(self, device: str, done: Done, now: float) -> None:
        key = (device, self.arrays[done.index].shape)
        self.calls[key] = self.calls.get(key, 0) + 1
        # from one result to the next: the way there and back counts, waiting for work does not
        since = max(self.delivered_at.get(device, 0.0), self.sent_at[done.index])
        self.delivered_at[device] = now
        seconds = None if done.compiled else now - since
        if not self.schedule.finish(device, done.index, seconds):
            return
        self.results[done.index] = done.result
        self.records[done.index] = BatchRecord(
            done.index,
            device,
            self.began[done.index] - self.start,
            now - self.start,
            done.seconds,
            self.attempts[done.index],
            done.compiled,
        )
        if self.progress is not None:
            self.progress(len(self.schedule.done), len(self.arrays), f"batch {done.index}")

    def _look_at_the_clock(self) -> None:
        now = time.monotonic()
        for device in self.schedule.devices:
            process = self.manager._process(device)
            if not process.renderer:
                if now - process.started_at > self.first_call_timeout_s:
                    self._give_up(device, f"not open after {self.first_call_timeout_s:g} s")
                continue
            held = self.schedule.held[device]
            if not held:
                continue
            first = (device, self.arrays[held[0]].shape) not in self.calls
            limit = self.first_call_timeout_s if first else self.timeout_s
            since = process.began_at if process.began_at is not None else process.heard_at
            if now - since > limit:
                self._give_up(device, f"batch {held[0]} was not finished after {limit:g} s")

    def _give_up(self, device: str, why: str) -> None:
        self.given_up[device] = why
        self.redone += len(self.schedule.give_up(device))
        self.manager._quarantine(device, why)

    def _predict(self) -> None:
        """When the run will end, as soon as the speed of every device is known."""
        if self.predicted_s is not None:
            return
        seconds = [self.schedule.seconds[d] for d in self.schedule.devices]
        if seconds and all(seconds):
            left = len(self.arrays) - len(self.schedule.done)
            rest = left / sum(1 / s for s in seconds)
            self.predicted_s = time.monotonic() - self.start + rest

    def _drop_unfinished(self) -> None:
        """A device that is still busy with this run is ended: its next word would be about it."""
        for device in self.schedule.devices:
            if self.schedule.held[device]:
                process = self.manager._processes.pop(device, None)
                if process is not None:
                    process.end(kill=True)

    def _nobody_left(self) -> ManagerError:
        lines = "; ".join(f"{d}: {why}" for d, why in self.manager.quarantined.items())
        error = ManagerError(
            f"compute {len(self.arrays)} batches on {', '.join(self.manager.devices)}",
            expected="at least one device that works",
            got=lines or "no device",
            next_step="the same error on every device is the function's; else release(device), or "
            "add a device. error.partial has what was finished",
        )
        error.partial = self._as_data()
        return error

    def _as_data(self) -> ManagedRun:
        return ManagedRun(
            tuple(self.results),
            tuple(r for _, r in sorted(self.records.items())),
            self.devices,
            time.monotonic() - self.start,
            self.predicted_s,
            dict(self.given_up),
            self.schedule.stolen,
            self.redone,
        )


def split(array: np.ndarray, rows: int) -> tuple[np.ndarray, ...]:
    """An array cut into batches of so many rows; the last may be shorter."""
    require_positive("rows", rows)
    return tuple(array[i : i + rows] for i in range(0, len(array), int(rows)))


def _arrays(batches: Sequence[np.ndarray]) -> list[np.ndarray]:
    arrays = list(batches)
    wrong = [type(a).__name__ for a in arrays if not isinstance(a, np.ndarray)]
    if wrong or not arrays:
        raise LabError(
            "compute batches",
            expected="at least one batch, each a numpy array",
            got=", ".join(sorted(set(wrong))) or "none",
            next_step="cut one array into batches with split(array, rows)",
        )
    return arrays


def _key_of(code: bytes, constants: Sequence[np.ndarray], batch: np.ndarray) -> str:
    """What runs have in common whose speeds, and captured kernels, are the same."""
    digest = hashlib.sha256(code)
    for array in constants:
        digest.update(f"{array.shape}{array.dtype.str}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    digest.update(f"{batch.shape}{batch.dtype.str}".encode())
    return digest.hexdigest()


def _pickled(function: object) -> bytes:
    import cloudpickle

    try:
        return cloudpickle.dumps(function)
    except Exception as error:  # pickling runs the objects' own code
        raise LabError(
            "send the function to the devices' processes",
            expected="a function whose variables can be copied to another process",
            got=f"{type(error).__name__}: {error}",
            next_step="pass arrays as constants=, and open files or devices inside the function",
        ) from None
