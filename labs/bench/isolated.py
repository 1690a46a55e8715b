"""measure() in a process of its own: a driver that crashes or hangs costs its device, not the
notebook's kernel, and a run can be cancelled at any time.

The child (`python -m labs.bench ... --events`) writes one JSON line per step and saves the result
file after every round. When it dies, the device it was working on becomes a `Failure`, and a new
child continues from the file with the other devices.
"""

import json
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from labs import errors
from labs.bench.files import load_results, save_results
from labs.bench.plan import make_plan
from labs.bench.results import Failure, ResultSet
from labs.bench.runner import Cancel, Progress
from labs.errors import LabError, MeasurementError
from labs.paths import PROJECT_ROOT

# Long enough for a BEAM search's or a cold OpenCL compiler's silence, short enough for a person.
STALL_TIMEOUT_S = 300.0
_POLL_S = 0.1
_GRACE_S = 5.0
_LOG_TAIL = 400  # characters


@dataclass(frozen=True)
class _End:
    """How a child ended: `error` is what it reported itself, `doing` what it did when it died."""

    returncode: int
    reason: str = ""  # "", "cancelled", "interrupted" or "stalled"
    error: LabError | None = None
    device: str = ""
    doing: str = ""
    log: str = ""


def measure_isolated(
    workloads: str | Iterable[str],
    devices: str | Iterable[str],
    *,
    path: str | Path | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    stall_timeout_s: float = STALL_TIMEOUT_S,
    **options: object,
) -> ResultSet:
    """`measure` in a child process; the arguments are the same, but workloads go by name.

    Args:
        workloads: suite names and specs such as "matmul:n=512". A Workload of your own can't travel
            to another process: measure it with `measure`.
        cancel: asked ten times a second.
        stall_timeout_s: a child that says nothing for so long is ended, as if it had crashed.

    Returns:
        What was measured up to the end, the cancellation, or Ctrl-C (`stop_reason`).

    Raises:
        LabError: as `measure` does, and when the child dies before it opens a device.
    """
    specs = _as_specs(workloads)
    plan = make_plan(specs, devices, **options)  # wrong arguments are said here, not by a child
    names = dict.fromkeys(case.device for case in plan.cases)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        file = Path(path).absolute() if path is not None else Path(folder) / "results.json"
        command = [sys.executable, "-m", "labs.bench", *specs, "--path", str(file), "--events"]
        command += [part for name in names for part in ("--device", name)]
        values = {k: v for k, v in options.items() if k != "settings"} | {
            "settings": json.dumps(asdict(plan.settings))
        }
        command += [f"--{key.replace('_', '-')}={value}" for key, value in values.items()]
        end = run_child(command, progress, cancel, stall_timeout_s)
        while end.returncode != 0 and not end.error and end.reason in ("", "stalled"):
            if not end.device or not file.exists():
                raise died_early(end)
            if not record_failure(file, end, [(c.name, c.device) for c in plan.cases]):
                break
            end = run_child(command, progress, cancel, stall_timeout_s)
        if end.error:
            raise end.error
        if not file.exists():  # cancelled before anything was there to save
            return ResultSet((), (), {}, end.reason or "cancelled", plan.as_data())
        results = load_results(file)
    if results.stop_reason == "unfinished":
        return replace(results, stop_reason=end.reason or "interrupted")
    return results


def _as_specs(workloads: str | Iterable[str]) -> list[str]:
    specs = [workloads] if isinstance(workloads, str) else list(workloads)
    others = [type(s).__name__ for s in specs if not isinstance(s, str)]
    if others:
        raise MeasurementError(
            "measure in a process of its own",
            expected="suite names and specs such as 'matmul:n=512'",
            got=", ".join(others),
            next_step="use measure(), which runs in this process, for workloads of your own",
        )
    return specs


def run_child(
    command: list[str], progress: Progress | None, cancel: Cancel | None, stall_timeout_s: float
) -> _End:
    """Follows a child that tells its steps as JSON lines to its end, or ends it when cancelled."""
    with tempfile.TemporaryFile() as log:
        child = subprocess.Popen(
            command,
            cwd=PROJECT_ROOT,
            stdin=subprocess.PIPE,  # closing it asks the child to end, and so does our own death
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # a terminal's Ctrl-C reaches us alone, and we end the child
        )
        lines: queue.Queue[bytes | None] = queue.Queue()
        threading.Thread(target=_read_lines, args=(child.stdout, lines), daemon=True).start()
        try:
            end = _follow(lines, progress, cancel, stall_timeout_s)
            if end.reason == "stalled":
                child.kill()
        except KeyboardInterrupt:
            end = _End(0, "interrupted")
        finally:
            _end_child(child)
        log.seek(0)
        text = log.read().decode(errors="replace").strip()
    return replace(end, returncode=child.returncode, log=text[-_LOG_TAIL:])


def _follow(
    lines: "queue.Queue[bytes | None]",
    progress: Progress | None,
    cancel: Cancel | None,
    stall_timeout_s: float,
) -> _End:
    device, doing, error = "", "", None
    heard = time.monotonic()
    while True:
        if cancel is not None and cancel():
            return _End(0, "cancelled", device=device, doing=doing)
        try:
            line = lines.get(timeout=_POLL_S)
        except queue.Empty:
            if time.monotonic() - heard > stall_timeout_s:
                return _End(1, "stalled", device=device, doing=doing)
            continue
        if line is None:
            return _End(0, error=error, device=device, doing=doing)
        heard = time.monotonic()
        event = _parse(line)
        if event.get("event") == "step":
            device, doing = event["device"], event["text"]
            if progress is not None:
                progress(event["done"], event["total"], event["text"])
        elif event.get("event") == "error":
            kind = getattr(errors, event["kind"], MeasurementError)
            error = kind(event["asked"], **event["parts"])


def _parse(line: bytes) -> dict[str, object]:
    """A driver may write to our pipe what it likes: what isn't an event is ignored."""
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _read_lines(stream: Iterable[bytes], lines: "queue.Queue[bytes | None]") -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)


def _end_child(child: subprocess.Popen) -> None:
    """Asks first: the child then saves what it has. A driver that hangs is ended."""
    child.stdin.close()
    for stop in (None, child.terminate, child.kill):
        if stop is not None:
            stop()
        try:
            child.wait(_GRACE_S)
            break
        except subprocess.TimeoutExpired:
            continue
    child.stdout.close()


def record_failure(file: Path, end: _End, cases: list[tuple[str, str]]) -> bool:
    """Writes the dead device's cases into the file as failures; False when none are left to run."""
    results = load_results(file)
    failed = {(f.name, f.device) for f in results.failures}
    text = words_of(end)
    new = tuple(
        Failure(name, device, text, "DeviceError")
        for name, device in cases
        if device == end.device and (name, device) not in failed
    )
    save_results(replace(results, failures=results.failures + new), file)
    # without a new failure another child would die in the same place
    return bool(new) and len(failed) + len(new) < len(cases)


def words_of(end: _End) -> str:
    """How a child died, in words for a failure."""
    return f"the process {_how(end)} while {end.doing}; its last words: {end.log or 'none'}"


def _how(end: _End) -> str:
    if end.reason == "stalled":
        return "said nothing for too long and was ended"
    if end.returncode < 0:
        return f"died of {signal.Signals(-end.returncode).name}"
    return f"ended with code {end.returncode}"


def died_early(end: _End) -> MeasurementError:
    """What to raise for a child that ended without a result."""
    return MeasurementError(
        "measure in a process of its own",
        expected="a process that opens the devices",
        got=f"it {_how(end)}; its last words: {end.log or 'none'}",
        next_step="run `course doctor`, which tries each device by itself",
    )
