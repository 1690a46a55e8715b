"""Finds out which devices work here: each is opened and computes in a child process of its own.

A driver that crashes, hangs or prints garbage costs one line in the answer. The answer is kept for
this process only: between two processes a cable, a container or a driver may have changed. (Who
knows that nothing has can hand the answers on: see answers.)
"""

import contextlib
import difflib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil

from labs import backends, toolchain
from labs.devices.answers import saved_answers
from labs.devices.capabilities import DeviceCapabilities, capabilities_from
from labs.devices.fixes import fix_for
from labs.devices.names import COMPUTES_NOTHING, SLOW_DEVICES, known_devices, missing_part
from labs.errors import DeviceError
from labs.paths import PROJECT_ROOT
from labs.tables import Table, TableView
from labs.units import format_seconds

TIMEOUT_S = 30.0  # PoCL may take 5 s for each of its first three kernels on a busy machine
MAX_WORKERS = 4  # children at once: they load libraries more than they compute
PROBE_COMMAND = (sys.executable, "-m", "labs.devices.probe")


@dataclass(frozen=True)
class DeviceStatus:
    """What is known of one device.

    Args:
        device: tinygrad's name.
        usable: it opened and computed rightly.
        reason: why it isn't usable, else empty.
        fix: the command that would make it usable, or why there is none; empty when usable.
        capabilities: what it can do; None when it isn't usable.
        seconds: how long finding out took; 0 when no process was needed to know.
    """

    device: str
    usable: bool
    reason: str
    fix: str
    capabilities: DeviceCapabilities | None
    seconds: float


@dataclass(frozen=True, repr=False)
class Discovery(TableView):
    """One DeviceStatus for each device that was asked for."""

    statuses: tuple[DeviceStatus, ...]

    def __iter__(self) -> Iterator[DeviceStatus]:
        return iter(self.statuses)

    def __len__(self) -> int:
        return len(self.statuses)

    def __getitem__(self, device: str) -> DeviceStatus:
        name = canonical_name(device)
        for status in self.statuses:
            if status.device == name:
                return status
        raise _unknown(device, [s.device for s in self.statuses])

    @property
    def usable(self) -> tuple[str, ...]:
        """The names of the devices that compute."""
        return tuple(s.device for s in self.statuses if s.usable)

    @property
    def fast(self) -> tuple[str, ...]:
        """The usable devices but PYTHON and EDGE, which interpret what a kernel does."""
        return tuple(device for device in self.usable if device not in SLOW_DEVICES)

    def table(self) -> Table:
        """One row per device."""
        rows = []
        for status in self.statuses:
            what = status.capabilities.device_name if status.capabilities else status.reason
            mark = "usable" if status.usable else "no"
            took = format_seconds(status.seconds or None, 2)
            rows.append((status.device, mark, what, status.fix, took))
        columns = ("device", "state", "hardware, or why not", "fix", "asked in")
        return Table("Devices of this machine", columns, tuple(rows))


_known: dict[str, DeviceStatus] = {}
_editions: dict[str, int] = {}  # of the reader's backends, when they were asked
_lock = threading.Lock()  # two panels of a notebook may ask at once


def discover(
    devices: Iterable[str] | None = None,
    *,
    timeout_s: float = TIMEOUT_S,
    refresh: bool = False,
    command: Sequence[str] = PROBE_COMMAND,
) -> Discovery:
    """Which devices work on this machine. The course's own are registered by asking.

    Args:
        devices: names to ask for; default: every known one.
        timeout_s: how long one device may take, in seconds, before it is given up.
        refresh: ask again, although the answer is known in this process.
        command: the program asked, called with the device's name and the file for its answer.

    Returns:
        One status per device, in the order asked for.

    Raises:
        DeviceError: a name is unknown.
    """
    backends.register()
    wanted = known_devices() if devices is None else [canonical_name(d) for d in devices]
    wanted = tuple(dict.fromkeys(wanted))
    ours = tuple(command) == PROBE_COMMAND
    if ours:  # another program may know other devices
        for name in wanted:
            if name not in known_devices():
                raise _unknown(name, known_devices())
    with _lock:
        _forget_edited()
        if ours and not refresh:
            for name, answer in saved_answers().items():
                _known.setdefault(name, DeviceStatus(**answer))
        known = {} if refresh or not ours else _known
        todo = [name for name in wanted if name not in known]
        fresh = _ask_all(todo, timeout_s, tuple(command), ours) if todo else {}
        if ours:
            _known.update(fresh)
        return Discovery(tuple(fresh.get(name) or known[name] for name in wanted))


def _forget_edited() -> None:
    """A backend that was reloaded, or registered anew, is asked again."""
    for name in backends.registered():
        edition = backends.edition(name)
        if _editions.setdefault(name, edition) != edition:
            _editions[name] = edition
            _known.pop(name, None)


def require(device: str) -> str:
    """The canonical name of a device that works here.

    Args:
        device: a name in any case, with or without an index ("cl", "CPU:1").

    Raises:
        DeviceError: the device is unknown or not usable; it names the usable ones and the fix.
    """
    backends.register()
    name = canonical_name(device)
    base = name.split(":")[0]
    if base not in known_devices():
        raise _unknown(device, known_devices())
    status = discover([base])[base]
    if status.usable:
        return name
    usable = [s.device for s in discover() if s.usable]
    raise DeviceError(
        f"use device {device!r}",
        expected=f"a device that works here: {', '.join(usable) or 'none does'}",
        got=f"{base} is not usable: {status.reason}",
        next_step=status.fix,
    )


def canonical_name(device: str) -> str:
    """Upper case, and without the index 0, as tinygrad spells it: "cl:0" is CL."""
    if not isinstance(device, str) or not device.strip():
        raise _unknown(device, known_devices())
    base, _, index = device.strip().partition(":")
    return base.upper() if index in ("", "0") else f"{base.upper()}:{index}"


def _unknown(device: object, names: Iterable[str]) -> DeviceError:
    near = difflib.get_close_matches(str(device).upper(), known_devices(), n=1, cutoff=0.5)
    aliases = {"GPU": "CL", "OPENCL": "CL", "CLANG": "CPU", "LLVM": "CPU", "ROCM": "HIP"}
    near = [aliases[str(device).upper()]] if str(device).upper() in aliases else near
    return DeviceError(
        f"use device {device!r}",
        expected=f"one of {', '.join(names)}",
        got="a name that no device has",
        next_step=f"did you mean {near[0]!r}?" if near else "course doctor lists the devices",
    )


def _ask_all(
    devices: list[str], timeout_s: float, command: tuple[str, ...], ours: bool
) -> dict[str, DeviceStatus]:
    toolchain.activate()  # before the children, which inherit what it sets
    answers: dict[str, DeviceStatus] = {}
    children: list[subprocess.Popen] = []
    todo = []
    for device in devices:
        reason = missing_part(device) if ours else ""
        if ours and device == "NULL":
            reason = COMPUTES_NOTHING
        if reason:
            answers[device] = _not_usable(device, reason, 0.0)
        else:
            todo.append(device)
    with tempfile.TemporaryDirectory(prefix="course-probe-") as folder:
        pool = ThreadPoolExecutor(MAX_WORKERS)
        try:
            asked = {
                d: pool.submit(_ask, d, timeout_s, command, Path(folder), children) for d in todo
            }
            answers |= {device: future.result() for device, future in asked.items()}
        finally:  # also when interrupted from the keyboard
            pool.shutdown(wait=False, cancel_futures=True)
            for child in children:
                _kill(child)
            pool.shutdown(wait=True)
    return answers


def _ask(
    device: str, timeout_s: float, command: tuple[str, ...], folder: Path, children: list
) -> DeviceStatus:
    began = time.perf_counter()
    file_name = device.replace(":", "_")
    result, printed = folder / f"{file_name}.json", folder / f"{file_name}.log"
    # a log file and not a pipe: a grandchild that survives would keep a pipe open for ever
    with printed.open("wb") as log:
        try:
            child = subprocess.Popen(
                [*command, device, str(result)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env=_environment(),
                start_new_session=os.name == "posix",  # a process group of its own, to kill
            )
        except OSError as error:
            return _not_usable(device, f"the probe can't be started: {error}", 0.0)
        children.append(child)
        try:
            code = child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            _kill(child)
            seconds = time.perf_counter() - began
            return _not_usable(device, f"no answer within {format_seconds(timeout_s)}", seconds)
    seconds = time.perf_counter() - began
    answer = _read_answer(result)
    if code != 0:
        return _not_usable(device, _ending(code, _last_line(printed)), seconds)
    if isinstance(answer, str):
        line = _last_line(printed)
        return _not_usable(device, answer + (f"; it printed: {line}" if line else ""), seconds)
    if not answer["usable"]:
        return _not_usable(device, answer["reason"] or "it gave no reason", seconds)
    return DeviceStatus(device, True, "", "", answer["capabilities"], seconds)


def _read_answer(result: Path) -> dict | str:
    """The child's answer, checked, or what is wrong with it."""
    try:
        answer = json.loads(result.read_text(encoding="utf-8"))
    except OSError:
        return "the driver ended the probe without an answer"
    except ValueError:
        return "the probe's answer is not JSON"
    if not isinstance(answer, Mapping) or not isinstance(answer.get("usable"), bool):
        return "the probe's answer doesn't say whether the device is usable"
    if not answer["usable"]:
        return {"usable": False, "reason": str(answer.get("reason") or "")}
    try:
        return {"usable": True, "capabilities": capabilities_from(answer["capabilities"])}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return f"the probe's answer is incomplete: {error}"


def _not_usable(device: str, reason: str, seconds: float) -> DeviceStatus:
    return DeviceStatus(device, False, reason, fix_for(device, reason), None, seconds)


def _ending(code: int, line: str) -> str:
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        text = f"the driver crashed the process ({name})"
    else:
        text = f"the process ended with code {code}"
    return f"{text}: {line}" if line else text


def _last_line(printed: Path) -> str:
    with printed.open("rb") as file:
        file.seek(max(0, printed.stat().st_size - 4096))  # a hanging driver may have printed much
        lines = file.read().decode(errors="replace").splitlines()
    lines = ["".join(c for c in line if c.isprintable()).strip() for line in lines]
    return next((line for line in reversed(lines) if line), "")[:200]


def _environment() -> dict[str, str]:
    # the package may be imported from a folder that isn't installed
    paths = [str(PROJECT_ROOT), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONFAULTHANDLER": "",  # its stack would hide the driver's last line
    }


def _kill(child: subprocess.Popen) -> None:
    """End a child and everything that it has started."""
    if child.poll() is not None:
        return
    try:
        family = [*psutil.Process(child.pid).children(recursive=True)]
    except psutil.Error:
        family = []
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    else:
        child.kill()
    for process in family:  # on Windows, and where a grandchild has left the group
        with contextlib.suppress(psutil.Error):
            process.kill()
    child.wait()
