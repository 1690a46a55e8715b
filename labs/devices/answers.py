"""Answers of a discovery in a file, for processes that need not ask the drivers again.

Asking starts a process for each device, some seconds of work altogether. A program that starts many
processes on one machine, such as the test suite, asks once, saves what it was told, and names the
file in COURSE_DISCOVERY. That is right for as long as nothing about the machine changes, which only
that program can know: nothing of the course sets the variable for a reader.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labs.devices.capabilities import capabilities_from

if TYPE_CHECKING:
    from labs.devices.discovery import DeviceStatus

VARIABLE = "COURSE_DISCOVERY"


def save_answers(statuses: "Iterable[DeviceStatus]", path: Path) -> None:
    """Write what a discovery found to a file."""
    rows = [
        vars(s) | {"capabilities": s.capabilities and s.capabilities.to_dict()} for s in statuses
    ]
    path.write_text(json.dumps(rows), encoding="utf-8")


def saved_answers() -> dict[str, dict[str, Any]]:
    """The fields of each device's status in the file that COURSE_DISCOVERY names, by device; none
    when it is not set.

    Raises:
        OSError, ValueError: it names no such file. A typing error must not ask the drivers.
    """
    path = os.environ.get(VARIABLE)
    if not path:
        return {}
    rows = json.loads(Path(path).read_text(encoding="utf-8"))
    return {
        row["device"]: row
        | {"capabilities": row["capabilities"] and capabilities_from(row["capabilities"])}
        for row in rows
    }
