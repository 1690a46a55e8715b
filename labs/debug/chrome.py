"""Timelines in the Trace Event Format, which Chrome's tracing page and Perfetto read.

Source: "Trace Event Format" (Google, the Catapult project's document), sections "JSON Object
Format", "Complete Events" (ph "X": ts and dur in microseconds) and "Metadata Events" (ph "M").
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labs.debug.errors import DebugError

if TYPE_CHECKING:
    from labs.debug.timeline_data import Timeline

_PROCESS = 1
_THREADS = {"kernel": 1, "graph": 1, "copy": 2, "compile": 3}
_THREAD_NAMES = {1: "kernels", 2: "copies", 3: "compiling"}
_REQUIRED = {"X": ("name", "ts", "dur", "pid", "tid"), "M": ("name", "pid", "args")}


def write_trace(timeline: "Timeline", path: str | Path) -> Path:
    """Write the trace; a file that is there is replaced as a whole or not at all.

    Raises:
        DebugError: the file can't be written.
    """
    path = Path(path)
    data = trace_of(timeline)
    temporary = path.with_name(path.name + ".part")
    try:
        temporary.write_text(json.dumps(data), "utf-8")
        temporary.replace(path)
    except OSError as e:
        raise DebugError(
            f"Write a trace to {path}",
            expected="a file that can be written",
            got=f"{type(e).__name__}: {e.strerror or e}",
            next_step="name a file in a folder that exists, such as trace.json",
        ) from e
    return path


def trace_of(timeline: "Timeline") -> dict[str, Any]:
    """The trace as plain data."""
    name = f"tinygrad on {timeline.device}"
    events: list[dict[str, Any]] = [
        {"name": "process_name", "ph": "M", "pid": _PROCESS, "tid": 0, "args": {"name": name}}
    ]
    for number, thread in _THREAD_NAMES.items():
        about = {"name": f"{timeline.device} {thread}"}
        events.append(
            {"name": "thread_name", "ph": "M", "pid": _PROCESS, "tid": number, "args": about}
        )
    for e in timeline.events:
        known = {"bytes": e.bytes, "flop": e.flop, "launches": e.launches}
        if e.device_time_s is not None:
            key = "model_time_us" if timeline.modelled else "device_time_us"
            known[key] = 1e6 * e.device_time_s
        events.append(
            {
                "name": e.name,
                "cat": e.kind,
                "ph": "X",
                "ts": 1e6 * e.start_s,
                "dur": 1e6 * e.duration_s,
                "pid": _PROCESS,
                "tid": _THREADS[e.kind],
                "args": {key: value for key, value in known.items() if value is not None},
            }
        )
    return {"traceEvents": events, "displayTimeUnit": "ms"}


def trace_problems(data: Any) -> tuple[str, ...]:
    """What in a trace isn't as the format asks; empty for a good one."""
    if not isinstance(data, dict) or not isinstance(data.get("traceEvents"), list):
        return ("no object with a list traceEvents",)
    found = []
    if data.get("displayTimeUnit", "ms") not in ("ms", "ns"):
        found.append("displayTimeUnit is neither ms nor ns")
    for i, event in enumerate(data["traceEvents"]):
        kind = event.get("ph") if isinstance(event, dict) else None
        if kind not in _REQUIRED:
            found.append(f"event {i}: phase {kind!r}")
            continue
        found += [f"event {i}: no {key}" for key in _REQUIRED[kind] if key not in event]
        for key in ("ts", "dur"):
            value = event.get(key, 0)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
                found.append(f"event {i}: {key} is {value!r}")
        if not isinstance(event.get("args", {}), dict):
            found.append(f"event {i}: args is no object")
    return tuple(found)
