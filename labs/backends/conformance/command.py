"""The command `course.py conformance`: run, print the card, write the files that were asked for."""

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

from labs.backends.conformance import Report, parse_target, run
from labs.backends.conformance.tinygrad_tests import run_tinygrad_tests
from labs.errors import ResultError


def conformance_command(options: argparse.Namespace, progress) -> int:
    """Run it; 0 only when all cases passed."""
    files = {name: getattr(options, name) for name in ("json", "junit", "html")}
    for name in filter(None, files.values()):
        _must_be_writable(name)
    target = parse_target(options.device)
    limit = {} if options.timeout is None else {"timeout_s": options.timeout}
    report = run(
        target,
        groups=options.group,
        size=options.size,
        seed=options.seed,
        progress=progress(),
        **limit,
    )
    if options.tinygrad_tests:
        report = _with_tinygrad_tests(report, target, options.tinygrad_tests, progress())
    texts = {
        "json": lambda: json.dumps(report.to_json(), indent=2) + "\n",
        "junit": report.to_junit,
        "html": report.to_html,
    }
    if "-" not in files.values():
        print(report)
    for kind, name in files.items():
        if name == "-":
            sys.stdout.write(texts[kind]())
        elif name:
            Path(name).write_text(texts[kind](), encoding="utf-8")
    return 0 if report.ok else 1


def _with_tinygrad_tests(report: Report, target, path: str, progress) -> Report:
    began = time.perf_counter()
    results = run_tinygrad_tests(target, path, progress=progress)
    taken = time.perf_counter() - began
    return replace(report, results=report.results + results, time_s=report.time_s + taken)


def _must_be_writable(name: str) -> None:
    """Said before the run: a minute's work must not be lost to a mistyped folder."""
    path = Path(name)
    if name != "-" and (path.is_dir() or not path.absolute().parent.is_dir()):
        raise ResultError(
            f"Write the report to {name}",
            expected="a file in a folder that exists",
            got="a folder" if path.is_dir() else f"no folder {path.absolute().parent}",
        )
