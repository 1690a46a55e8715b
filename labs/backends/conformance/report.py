"""What a run of the suite found: by group and by case, as text, HTML, JSON and JUnit XML.

Plain data, standard library and tables only, so that the report of a device can be read where the
device isn't.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from types import MappingProxyType
from xml.etree import ElementTree

from labs import units
from labs.backends.conformance.groups import GROUPS
from labs.tables import Table

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
SHOWN_GROUPS, SHOWN_PER_GROUP = 4, 4  # of the failures, in text; the other forms hold all
MESSAGE_WIDTH = 240  # characters of a message in text
SAME = 40  # messages that begin alike are shown once
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class CaseResult:
    """How one case ended.

    Args:
        case: its name, "group/...".
        status: "passed", "failed" or "skipped".
        message: why it failed or was skipped.
        time_s: wall time in seconds, compiling included.
    """

    case: str
    status: str
    message: str = ""
    time_s: float = 0.0

    @property
    def group(self) -> str:
        return self.case.partition("/")[0]


@dataclass(frozen=True)
class GroupScore:
    """How the cases of one group ended, and what to do when some failed."""

    name: str
    passed: int
    failed: int
    skipped: int
    time_s: float
    next_step: str

    @property
    def share(self) -> float | None:
        """The part of the cases tried that passed; None when all were skipped."""
        tried = self.passed + self.failed
        return self.passed / tried if tried else None


@dataclass(frozen=True)
class Failure:
    """A case that failed, and why."""

    case: str
    message: str


@dataclass(frozen=True, repr=False)
class Report:
    """The score card of one device.

    Args:
        device: its name.
        size, seed: what was run.
        results: every case, in the order of the groups.
        time_s: wall time of the whole run in seconds.
    """

    device: str
    size: str
    seed: int
    results: tuple[CaseResult, ...]
    time_s: float = 0.0

    @property
    def groups(self) -> Mapping[str, GroupScore]:
        """The score of each group that was run, in the suite's order."""
        names = dict.fromkeys(r.group for r in self.results)
        ordered = [*(n for n in GROUPS if n in names), *(n for n in names if n not in GROUPS)]
        return MappingProxyType({name: self._score(name) for name in ordered})

    @property
    def failures(self) -> tuple[Failure, ...]:
        return tuple(Failure(r.case, r.message) for r in self.results if r.status == FAILED)

    @property
    def passed(self) -> int:
        return self._count(PASSED)

    @property
    def failed(self) -> int:
        return self._count(FAILED)

    @property
    def skipped(self) -> int:
        return self._count(SKIPPED)

    @property
    def ok(self) -> bool:
        """Whether something passed and nothing failed."""
        return self.passed > 0 and self.failed == 0

    @property
    def score(self) -> float:
        """From 0 to 1: the mean over the groups of the share that passed.

        Each group counts the same, so that the allocator is worth as much as the 150 casts. Groups
        that could not be tried at all are left out.
        """
        shares = [g.share for g in self.groups.values() if g.share is not None]
        return sum(shares) / len(shares) if shares else 0.0

    @property
    def next_step(self) -> str:
        """What to write next: of the first group with a failure; empty when there is none."""
        first = next((g for g in self.groups.values() if g.failed), None)
        return f"{first.name}: {first.next_step}" if first else ""

    def to_json(self) -> dict[str, object]:
        """The shape that machines read, ready for json.dumps."""
        return {
            "device": self.device,
            "passed": self.passed,
            "failed": self.failed,
            "skipped": self.skipped,
            "groups": {
                g.name: {"passed": g.passed, "failed": g.failed, "skipped": g.skipped}
                for g in self.groups.values()
            },
            "failures": [{"case": f.case, "message": f.message} for f in self.failures],
        }

    def to_junit(self) -> str:
        """JUnit's XML: a suite for each group, a test case for each case."""
        root = ElementTree.Element("testsuites", name=f"conformance {self.device}")
        _count_into(root, self.results, self.time_s)
        for name, group in self.groups.items():
            cases = [r for r in self.results if r.group == name]
            suite = ElementTree.SubElement(root, "testsuite", name=f"{self.device}.{name}")
            _count_into(suite, cases, group.time_s)
            for result in cases:
                _junit_case(suite, result, f"{self.device}.{name}")
        ElementTree.indent(root)
        return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"

    def to_html(self) -> str:
        """A page of its own, for a browser."""
        title = escape(f"Conformance of {self.device}")
        return (
            f"<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><title>{title}</title>"
            "<style>body{font-family:sans-serif;margin:2em auto;max-width:70em}</style></head>"
            f"<body><h1>{title}</h1>\n{self._repr_html_()}\n</body></html>\n"
        )

    def table(self) -> Table:
        """One row for each group."""
        rows = [
            (g.name, g.passed, g.failed, g.skipped, units.format_seconds(g.time_s), _next(g))
            for g in self.groups.values()
        ]
        columns = ("group", "passed", "failed", "skipped", "time", "when it fails")
        return Table(self._title(), columns, tuple(rows), self._summary())

    def failure_table(self) -> Table:
        """One row for each case that failed."""
        rows = tuple((f.case, f.message) for f in self.failures)
        return Table(f"{len(rows)} failed", ("case", "message"), rows)

    def skip_table(self) -> Table:
        """One row for each reason to skip."""
        reasons: dict[str, list[str]] = {}
        for result in self.results:
            if result.status == SKIPPED:
                reasons.setdefault(result.message, []).append(result.case)
        rows = tuple((len(cases), reason, cases[0]) for reason, cases in reasons.items())
        return Table(f"{self.skipped} skipped", ("cases", "because", "the first"), rows)

    def __str__(self) -> str:
        rows = [(g.name, g.passed, g.failed, g.skipped, _time(g)) for g in self.groups.values()]
        columns = ("group", "passed", "failed", "skipped", "time")
        parts = [str(Table(self._title(), columns, tuple(rows)))]
        failing = [g for g in self.groups.values() if g.failed]
        for group in failing[:SHOWN_GROUPS]:
            failures = [f for f in self.failures if f.case.partition("/")[0] == group.name]
            parts.append(_failures_text(group, failures))
        if failing[SHOWN_GROUPS:]:
            rest = ", ".join(f"{g.name} ({g.failed})" for g in failing[SHOWN_GROUPS:])
            parts.append(f"failed as well, perhaps for the same reasons: {rest}")
        if self.skipped:
            counts = [f"  {row[0]:>4}  {row[1]}" for row in self.skip_table().rows]
            parts.append("\n".join([f"skipped {self.skipped}, because:", *counts]))
        parts.append(self._summary())
        if self.next_step:
            parts.append(f"Next: {self.next_step}")
        return "\n\n".join(parts)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        parts = [self.table()._repr_html_()]
        if self.next_step:
            parts.append(f"<p><b>Next:</b> {escape(self.next_step)}</p>")
        for count, table in ((self.failed, self.failure_table), (self.skipped, self.skip_table)):
            if count:
                shown = table()
                body = Table("", shown.columns, shown.rows)._repr_html_()
                parts.append(f"<details><summary>{escape(shown.title)}</summary>{body}</details>")
        return "".join(parts)

    def _title(self) -> str:
        return f"Conformance of {self.device} (size {self.size}, seed {self.seed})"

    def _summary(self) -> str:
        return (
            f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped in "
            f"{units.format_seconds(self.time_s)}; score {self.score:.3f}"
        )

    def _count(self, status: str) -> int:
        return sum(r.status == status for r in self.results)

    def _score(self, name: str) -> GroupScore:
        results = [r for r in self.results if r.group == name]
        counts = [sum(r.status == s for r in results) for s in (PASSED, FAILED, SKIPPED)]
        return GroupScore(name, *counts, sum(r.time_s for r in results), GROUPS.get(name, ""))


def _time(group: GroupScore) -> str:
    return units.format_seconds(group.time_s)


def _next(group: GroupScore) -> str | None:
    return group.next_step if group.failed else None


def _failures_text(group: GroupScore, failures: list[Failure]) -> str:
    alike: dict[str, list[Failure]] = {}
    for failure in failures:
        alike.setdefault(failure.message[:SAME], []).append(failure)
    lines = [f"{group.name}: {len(failures)} failed"]
    for first, *others in list(alike.values())[:SHOWN_PER_GROUP]:
        message = " ".join(first.message.split())
        short = message if len(message) <= MESSAGE_WIDTH else message[: MESSAGE_WIDTH - 3] + "..."
        lines.append(f"  {first.case}: {short}")
        if others:
            lines.append(f"    and {len(others)} like it: {others[0].case}, ...")
    if len(alike) > SHOWN_PER_GROUP:
        lines.append(f"  and {len(alike) - SHOWN_PER_GROUP} other messages")
    return "\n".join(lines)


def _count_into(element: ElementTree.Element, results, time_s: float) -> None:
    element.set("tests", str(len(results)))
    element.set("failures", str(sum(r.status == FAILED for r in results)))
    element.set("skipped", str(sum(r.status == SKIPPED for r in results)))
    element.set("time", f"{time_s:.3f}")


def _junit_case(suite: ElementTree.Element, result: CaseResult, group: str) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", name=result.case, classname=group, time=f"{result.time_s:.3f}"
    )
    if result.status != PASSED:
        kind = "failure" if result.status == FAILED else "skipped"
        text = _NOT_XML.sub("?", result.message)  # a compiler's or driver's words may hold anything
        ElementTree.SubElement(case, kind, message=text.split("\n", 1)[0]).text = text
