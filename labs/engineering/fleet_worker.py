"""What a worker of a fleet does: say who it is, and measure its host.

The functions travel by name, so every worker needs the same course: that is asked first.
"""

import hashlib
import importlib.metadata
import json
import socket
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import labs
from labs.paths import PROJECT_ROOT, results_dir


def identity() -> dict[str, str]:
    """Who this process is: host, and the versions that results depend on."""
    return {
        "hostname": socket.gethostname(),
        "course": f"{labs.__version__} ({source_digest()})",
        "tinygrad": importlib.metadata.version("tinygrad"),
        "python": ".".join(map(str, sys.version_info[:2])),
    }


@cache
def source_digest() -> str:
    """A few characters that differ when any source of the course differs."""
    digest = hashlib.sha256()
    for path in sorted((PROJECT_ROOT / "labs").rglob("*.py")):
        digest.update(path.relative_to(PROJECT_ROOT).as_posix().encode())
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:8]


def measure_here(options: Mapping[str, Any], run: str) -> str:
    """The suite on this host; the result file's text.

    The file lies where another worker of the same host finds it: when this one dies, the task is
    given to that, and it goes on from the last round.

    Args:
        options: of `comprehensive_device_benchmark`.
        run: a name that no other run has.
    """
    from labs.engineering.engineer import CrossDevicePerformanceEngineer

    path = results_dir() / f"fleet-{run}-{socket.gethostname()}.json"
    engineer = CrossDevicePerformanceEngineer()
    devices = options.get("devices")
    rest = {k: v for k, v in options.items() if k != "devices"}
    engineer.comprehensive_device_benchmark(devices, path=path, **rest)
    return _taken(path)


def _taken(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    json.loads(text)
    path.unlink()
    return text
