"""What the doctor says: every device with its reason and fix, and the ground it stands on."""

import os
import platform
import shutil
import sys
import textwrap
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from labs import toolchain
from labs.devices import sensors
from labs.devices.discovery import DeviceStatus, Discovery
from labs.devices.fixes import NOTHING
from labs.devices.host import cpu_name, host_memory_bytes, usable_processors
from labs.paths import PROJECT_ROOT
from labs.units import format_bytes, format_seconds

WIDTH = 100  # columns of a terminal
INDENT = 10
NAME_WIDTH = 14  # of a device, with its mark


def doctor_text(discovery: Discovery) -> str:
    """The report for a terminal of 100 columns."""
    usable = len(discovery.usable)
    lines = [f"Devices: {usable} of {len(discovery)} usable", ""]
    for status in sorted(discovery, key=lambda s: not s.usable):
        lines += _device_lines(status)
    lines += ["", "This machine", *_machine_lines()]
    lines += ["", "Tools", *_tool_lines()]
    lines += ["", "Sensors", *_sensor_lines()]
    return "\n".join(lines)


def doctor_json(discovery: Discovery) -> dict[str, Any]:
    """The same devices for machines; the shape is stable."""
    return {
        "devices": [
            {
                "device": status.device,
                "usable": status.usable,
                "reason": status.reason,
                "fix": status.fix,
                "capabilities": status.capabilities.to_dict() if status.capabilities else None,
            }
            for status in discovery
        ]
    }


def _device_lines(status: DeviceStatus) -> list[str]:
    if not status.usable:
        lines = _wrapped(f"-  {status.device}", f"not usable: {status.reason}", NAME_WIDTH)
        if status.fix != f"{NOTHING}{status.reason}":
            # a command is never broken: it is there to be copied
            is_command = not status.fix.startswith(NOTHING)
            lines += (
                [" " * NAME_WIDTH + f"fix: {status.fix}"]
                if is_command
                else _wrapped("", status.fix, NAME_WIDTH)
            )
        return lines
    has = status.capabilities
    parts = [has.device_name or status.device]
    if has.compute_units:
        plural = "s" if has.compute_units > 1 else ""
        parts.append(f"{has.compute_units} compute unit{plural}")
    if has.max_memory:
        parts.append(format_bytes(has.max_memory))
    types = ["fp32"] + [
        n for n, ok in (("fp16", has.supports_fp16), ("int8", has.supports_int8)) if ok
    ]
    parts.append(", ".join(types))
    if has.kernel_languages:
        parts.append(" or ".join(has.kernel_languages))
    lines = _wrapped(f"+  {status.device}", "; ".join(parts), NAME_WIDTH)
    if has.driver:
        answered = f"{has.driver} (answered in {format_seconds(status.seconds, 2)})"
        lines += _wrapped("", answered, NAME_WIDTH)
    return lines


def _machine_lines() -> list[str]:
    system = platform.platform(terse=True)
    free = shutil.disk_usage(PROJECT_ROOT).free
    memory = format_bytes(host_memory_bytes())
    hardware = f"{cpu_name()}, {usable_processors()} processors, {memory} RAM"
    return [
        *_row("system", f"{system}, {platform.machine()}"),
        *_row("hardware", f"{hardware}, {format_bytes(free)} of disk free"),
        *_row("Python", f"{platform.python_version()} ({_short(sys.executable)})"),
        *_row("tinygrad", _version("tinygrad")),
    ]


def _tool_lines() -> list[str]:
    tools = toolchain.activate()
    lines = []
    if tools.compiler:
        compiler = tools.compiler
        where = {"CC": "your CC", "system": "system", "zig": "package ziglang"}[compiler.origin]
        lines += _row("compiler", f"{compiler.version} ({where}: {_short(compiler.path)})")
    else:
        lines += _row("compiler", f"none: {tools.reasons['compiler']}")
    for label, name in (("OpenCL", "opencl"), ("WebGPU", "webgpu"), ("NVRTC", "cuda")):
        library = getattr(tools, name)
        if library is None:
            lines += _row(label, f"none: {tools.reasons[name]}")
        else:
            note = f", {library.note}" if library.note else ""
            lines += _row(label, f"{library.origin}{note}")
    cache = Path(os.environ.get("CACHEDB", ""))
    size = format_bytes(cache.stat().st_size) if cache.is_file() else "empty"
    lines += _row("cache", f"{_short(str(cache))} ({size})")
    for note in tools.notes:
        lines += _row("note", note)
    return lines


def _sensor_lines() -> list[str]:
    lines = []
    readings = sensors.read()
    for device in dict.fromkeys(r.device for r in readings):
        ours = [r for r in readings if r.device == device]
        have = [f"{r.quantity} {r.text()}" for r in ours if r.value is not None]
        if have:
            lines += _row(device, ", ".join(have))
        # one line per reason: a missing driver has six quantities and one cause
        reasons: dict[str, list[str]] = {}
        for reading in ours:
            if reading.value is None and reading.reason != sensors.FIRST_CALL:
                reasons.setdefault(reading.reason, []).append(reading.quantity)
        for reason, quantities in reasons.items():
            what = "no sensor" if len(quantities) == len(ours) else f"no {', '.join(quantities)}"
            lines += _row("" if have else device, f"{what}: {reason}")
    return lines


def _row(label: str, text: str) -> list[str]:
    return _wrapped(f"   {label}", text, indent=INDENT + 3)


def _wrapped(label: str, text: str, indent: int = INDENT) -> list[str]:
    first = label.ljust(indent) if len(label) < indent else f"{label} "
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [first.rstrip()]


def _short(path: str) -> str:
    """A path under the project is shown from there."""
    try:
        return str(Path(path).relative_to(PROJECT_ROOT))
    except ValueError:
        return path


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
