"""The report of a benchmark: what was found, with its evidence and circumstances, in three formats.

A report is data. As HTML it is one page that needs no network; as Markdown it is text; as JSON it
is the result file itself with the report beside the results, so that `compare` reads it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

from labs.bench.files import load_results, save_results
from labs.bench.names import case_label
from labs.bench.results import ResultSet
from labs.bench.workloads import SUITES
from labs.engineering.best import Best, best_performers, best_table, wins_table
from labs.engineering.figure import Figure
from labs.engineering.profile import FIGURES, PerformanceProfile
from labs.engineering.profiling import build_profiles
from labs.engineering.recording import write_text
from labs.engineering.versions import differences
from labs.errors import ResultError
from labs.tables import Table

FORMATS = (".html", ".md", ".json")
# of a run's environment, what a stranger needs to judge it -> how it is called
_CIRCUMSTANCES = {
    "hostname": "host",
    "platform": "system",
    "cpu_model_name": "processor",
    "cpu_count": "processors",
    "virtual_machine": "virtual machine",
    "python_version": "Python",
    "tinygrad_version": "tinygrad",
    "course_version": "course",
    "compiler": "compiler",
    "tinygrad_BEAM": "BEAM",
}


@dataclass(frozen=True, repr=False)
class Report:
    """What a benchmark found.

    Args:
        sets: the results, one for each host.
        profiles: of all devices of all hosts, measured ones first.
        best: the fastest at each benchmark, where that is resolved.
        failures: where a whole host is missing: name -> why.
    """

    sets: tuple[ResultSet, ...]
    profiles: tuple[PerformanceProfile, ...]
    best: tuple[Best, ...]
    failures: Mapping[str, str]

    @property
    def title(self) -> str:
        devices = dict.fromkeys(d for r in self.sets for d in r.devices)
        hosts = len(self.sets)
        where = f" on {hosts} hosts" if hosts > 1 else ""
        return f"Performance of {', '.join(devices) or 'nothing'}{where}"

    @cached_property
    def summary(self) -> str:
        """Two or three sentences for a reader in a hurry."""
        cases = sum(len(r) for r in self.sets)
        failed = sum(len(r.failures) for r in self.sets)
        left_out = sum(len(_left_out(r)) for r in self.sets)
        parts = [f"{cases} results, each checked against numpy before it was timed."]
        if self.best:
            named = [b for b in self.best if b.device]
            wins: dict[str, int] = {}
            for b in named:
                wins[b.device] = wins.get(b.device, 0) + 1
            order = sorted(wins.items(), key=lambda item: -item[1])
            said = ", ".join(f"{who} {n} times" for who, n in order)
            text = f"Of {len(self.best)} benchmarks that several devices have, the fastest is "
            text += f"resolved at {len(named)}: {said}." if named else "resolved at none."
            parts.append(text)
        if failed or left_out:
            parts.append(f"{failed} cases failed, and {left_out} were left out; reasons are below.")
        for results in self.sets:
            if results.stop_reason != "complete":
                parts.append(f"The run was {results.stop_reason}.")
        parts += [f"{host} is missing: {why}." for host, why in self.failures.items()]
        return " ".join(parts)

    def tables(self) -> tuple[Table, ...]:
        """All but the profiles' own tables and the raw results; what is empty is left out."""
        found = (
            self.profiles_table(modelled=False),
            self.profiles_table(modelled=True),
            wins_table(self.best),
            best_table(self.best),
            self.advice_table(),
            self.circumstances_table(),
            self.left_out_table(),
            self.failures_table(),
        )
        return tuple(table for table in found if table.rows)

    def profiles_table(self, *, modelled: bool = False) -> Table:
        """One row per figure, one column per device; models in a table of their own."""
        chosen = [p for p in self.profiles if p.modelled == modelled]
        names = [_who(p, self.sets) for p in chosen]
        rows = []
        for name, words in FIGURES.items():
            figures = [getattr(p, name) for p in chosen]
            if any(f.value is not None for f in figures):
                rows.append((words, *(_cell(f) for f in figures)))
        title = "Profiles, from a model of the device" if modelled else "Profiles"
        note = "Below each value its 95% interval over rounds. " + _absent(chosen)
        return Table(title, ("figure", *names), tuple(rows), note.strip())

    def advice_table(self) -> Table:
        """Recommendations with their evidence."""
        rows = tuple(
            (_who(p, self.sets), a.action, a.evidence, a.expected)
            for p in self.profiles
            for a in p.optimization_recommendations
        )
        columns = ("device", "recommendation", "because", "what it may gain")
        note = "What it may gain is a limit that follows from the same numbers."
        return Table("Recommendations", columns, rows, note)

    def circumstances_table(self) -> Table:
        """Under what circumstances it was measured, a column for each host."""
        rows = []
        for key, words in _CIRCUMSTANCES.items():
            values = [r.environment.get(key) for r in self.sets]
            if any(v is not None for v in values):
                rows.append((words, *(None if v is None else str(v) for v in values)))
        for words, get in (("devices", _hardware), ("when", _when), ("rounds", _rounds)):
            rows.append((words, *(get(r) for r in self.sets)))
        names = [str(r.environment.get("hostname", "unknown host")) for r in self.sets]
        note = ""
        if len(self.sets) > 1:
            different = differences(self.sets[0], self.sets[1])
            names_of = ", ".join(k for k in different if k != "host")
            note = f"Different between the first two: {names_of}." if names_of else ""
        return Table("Circumstances", ("fact", *names), tuple(rows), note)

    def left_out_table(self) -> Table:
        """What was not tried, and why, alike rows together."""
        devices: dict[tuple[str, str], list[str]] = {}
        for results in self.sets:
            for name, device, reason in _left_out(results):
                label = case_label(name) + (" (device clock)" if "/device" in name else "")
                devices.setdefault((reason, label), []).append(device)
        cases: dict[tuple[str, str], list[str]] = {}
        for (reason, label), names in devices.items():
            cases.setdefault((reason, ", ".join(dict.fromkeys(names))), []).append(label)
        rows = tuple((", ".join(labels), who, why) for (why, who), labels in cases.items())
        return Table("Left out", ("benchmarks", "device", "because"), rows)

    def failures_table(self) -> Table:
        """What failed, alike messages together."""
        groups: dict[tuple[str, str], list[str]] = {}
        for results in self.sets:
            for f in results.failures:
                text = " ".join(f.error.split())
                groups.setdefault((f.device, text), []).append(f.name)
        rows = [(d, len(names), names[0], text) for (d, text), names in groups.items()]
        rows += [(host, None, None, why) for host, why in self.failures.items()]
        return Table("Failed", ("device", "cases", "the first", "because"), tuple(rows))

    @property
    def reproduce(self) -> str:
        """The command that measures the same again."""
        results = self.sets[0]
        names = results.plan.get("targets") or results.devices
        line = "python3 course.py bench"
        line += "".join(f" --device {name}" for name in names)
        if "suite" not in results.plan:
            line += f" --suite {_suite_of(results)}"
        return line + " --json again.json"

    def markdown(self) -> str:
        """The report for a Markdown file."""
        from labs.engineering.page import markdown_page

        return markdown_page(self)

    def html(self) -> str:
        """The report as a page that needs no network: charts are in it."""
        from labs.engineering.page import html_page

        return html_page(self)

    def to_dict(self) -> dict[str, Any]:
        """The findings for JSON, without the raw results."""
        best = [vars(b) | {"interval": _pair(b.interval), "section": b.section} for b in self.best]
        return {
            "title": self.title,
            "summary": self.summary,
            "profiles": [p.to_dict() for p in self.profiles],
            "best": best,
            "left_out": [list(row) for r in self.sets for row in _left_out(r)],
            "missing_hosts": dict(self.failures),
            "reproduce": self.reproduce,
        }

    def save(self, path: str | Path) -> Path:
        """Writes .html, .md or .json, in one step.

        The JSON file is a result file that `compare` and pyperf read, with the report beside the
        results. Of several hosts it holds the first one's results: each has a file of its own.

        Raises:
            ResultError: for another suffix, or a folder that can't be written to.
        """
        path = Path(path)
        kind = path.suffix.lower()
        if kind not in FORMATS:
            raise ResultError(
                f"write the report to '{path}'",
                expected=f"a name that ends in {', '.join(FORMATS)}",
                got=f"'{path.suffix}'",
                next_step="name it report.html, report.md or report.json",
            )
        if kind == ".json":
            return self._save_json(path)
        return write_text(self.html() if kind == ".html" else self.markdown(), path)

    def __str__(self) -> str:
        tables = (self.profiles_table(), wins_table(self.best), self.advice_table())
        return "\n\n".join([self.summary, *(str(t) for t in tables if t.rows)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        tables = (self.profiles_table(), self.profiles_table(modelled=True))
        tables += (wins_table(self.best), best_table(self.best), self.advice_table())
        return f"<p>{escape(self.summary)}</p>" + "".join(t._repr_html_() for t in tables if t.rows)

    def _save_json(self, path: Path) -> Path:
        save_results(self.sets[0], path)
        data = json.loads(path.read_text(encoding="utf-8"))
        data["report"] = self.to_dict()
        return write_text(json.dumps(data, sort_keys=True) + "\n", path)


def make_report(sets: Sequence[ResultSet], *, failures: Mapping[str, str] | None = None) -> Report:
    """The report of one run, or of runs on several hosts.

    Raises:
        ResultError: without any result.
    """
    if not any(len(r) or r.failures for r in sets):
        raise ResultError(
            "report a benchmark",
            expected="at least one result or failure",
            got="none",
            next_step="measure first: course.py bench",
        )
    profiles = [p for r in sets for p in build_profiles(r)]
    return Report(
        sets=tuple(sets),
        profiles=tuple(sorted(profiles, key=lambda p: p.modelled)),
        best=best_performers(sets),
        failures=dict(failures or {}),
    )


def report_file(path: str | Path) -> Report:
    """The report of a result file."""
    return make_report([load_results(path)])


def _who(profile: PerformanceProfile, sets: Sequence[ResultSet]) -> str:
    return f"{profile.device_name} on {profile.host}" if len(sets) > 1 else profile.device_name


def _cell(figure: Figure) -> str:
    """Value and interval; the interval's unit is the value's and need not stand there thrice."""
    text, between = figure.text(), figure.interval_text()
    if figure.interval is None:
        return text
    unit = text.split(" ")[1] if " " in text else ""
    if unit and between.count(f" {unit}") == 2:
        between = between.replace(f" {unit}", "")
    return f"{text}\n{between}"


def _suite_of(results: ResultSet) -> str:
    """The suite that has these benchmarks, or the first of them."""
    names = {tuple(m.name.split("/")[:3]) for m in results}
    for suite, workloads in SUITES.items():
        if {(w.name, w.shape, w.dtype) for w in workloads} == names:
            return suite
    workload, shape, dtype = min(names, default=("matmul", "n=512", "float32"))
    return f"{workload}:{shape},dtype={dtype}"


def _absent(profiles: Sequence[PerformanceProfile]) -> str:
    """Why figures are missing, alike reasons together."""
    groups: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for profile in profiles:
        for name, figure in profile:
            if figure.value is None:
                figures, devices = groups.setdefault(figure.reason, ({}, {}))
                figures[FIGURES[name]] = devices[profile.device_name] = None
    parts = [
        f"{' and '.join(figures)} ({', '.join(devices)}): {reason}"
        for reason, (figures, devices) in groups.items()
    ]
    return "Missing: " + "; ".join(parts) + "." if parts else ""


def _left_out(results: ResultSet) -> list[tuple[str, ...]]:
    return [tuple(row) for row in results.plan.get("left_out", ())]


def _hardware(results: ResultSet) -> str:
    names = results.environment.get("hardware") or {}
    return ", ".join(f"{d} ({names[d]})" if d in names else d for d in results.devices)


def _when(results: ResultSet) -> str | None:
    dates = [str(r.environment.get("date", "")) for m in results for r in m.rounds]
    dates = sorted(d for d in dates if d)
    return f"{dates[0][:16]} to {dates[-1][11:16]}" if dates else None


def _rounds(results: ResultSet) -> str:
    counts = sorted({len(m.rounds) for m in results})
    if not counts:
        return "0"
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def _pair(interval) -> list[float] | None:
    return [interval.low, interval.high] if interval is not None else None
