"""Makes the tests of a tinygrad checkout run on a backend that tinygrad has never heard of.

    DEV=MINE pytest -p labs.backends.conformance.pytest_plugin test/backend/test_ops.py

pytest loads it in every process that it starts, before any test imports tinygrad. What to register
and where to tell of results is in the variable COURSE_CONFORMANCE (see tinygrad_tests.py); without
it, the course's own backends are registered and nothing is told.
"""

import json
import os
import sys
from typing import Any

VARIABLE = "COURSE_CONFORMANCE"
_job: dict[str, Any] = json.loads(os.environ.get(VARIABLE, "{}"))
_reports: dict[str, tuple[str, str]] = {}  # test -> the worst outcome of its phases so far, and why
_WORSE = {"passed": 0, "skipped": 1, "failed": 2}


def _prepare() -> None:
    sys.path[:0] = [p for p in _job.get("paths", []) if p not in sys.path]
    from labs import backends, toolchain

    if "device" in _job:
        os.environ["DEV"] = _job["device"]
    toolchain.activate()
    backends.register()
    if _job.get("module"):
        backends.register(_job["device"], _job["module"])
    # the installed one, before the checkout's own can be found
    import tinygrad  # noqa: F401

    root = _job.get("root")
    if root and root not in sys.path:
        sys.path.append(root)  # the tests import each other as test.helpers


_prepare()


def pytest_collection_modifyitems(config, items) -> None:
    """Leave out what an earlier process has done."""
    done = set(_job.get("done", []))
    left = [item for item in items if item.nodeid not in done]
    if len(left) != len(items):
        config.hook.pytest_deselected(items=[i for i in items if i.nodeid in done])
    items[:] = left
    _tell(event="collected", count=len(left))


def pytest_collectreport(report) -> None:
    if report.failed:
        _tell(event="end", test=report.nodeid, status="failed", message=_reason(report), time_s=0.0)


def pytest_runtest_logstart(nodeid: str) -> None:
    _reports[nodeid] = ("passed", "")
    _tell(event="start", test=nodeid)


def pytest_runtest_logreport(report) -> None:
    worst = _reports.get(report.nodeid, ("passed", ""))
    if _WORSE[report.outcome] > _WORSE[worst[0]]:
        worst = report.outcome, _reason(report)
    _reports[report.nodeid] = worst
    if report.when == "teardown":
        status, message = worst
        _tell(event="end", test=report.nodeid, status=status, message=message)


def _reason(report) -> str:
    if hasattr(report, "wasxfail"):
        return f"expected to fail: {report.wasxfail}"
    if isinstance(report.longrepr, tuple):  # of a skip: file, line, reason
        return str(report.longrepr[2])
    crash = getattr(report.longrepr, "reprcrash", None)
    return crash.message if crash else str(report.longrepr)


def _tell(**event: object) -> None:
    if "events" in _job:
        with open(_job["events"], "a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")
