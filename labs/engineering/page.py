"""A report as a page: HTML with its charts inside, and Markdown without."""

from html import escape
from typing import TYPE_CHECKING

from labs.bench.results import ResultSet
from labs.engineering.suite import SECTIONS, SuiteCase
from labs.errors import LabError
from labs.tables import Table

if TYPE_CHECKING:
    from labs.engineering.report import Report

_STYLE = """
body{font:15px/1.5 sans-serif;margin:2em auto;max-width:72em;padding:0 1em;color:#222}
h1{font-size:1.6em} h2{font-size:1.25em;margin-top:2em;border-bottom:1px solid #bbb}
caption{padding-bottom:4px} table{margin-top:1.2em} code{background:#f2f2f2;padding:2px 5px}
nav a{margin-right:1em} summary{cursor:pointer;font-weight:600} img{display:block;margin:1em 0}
"""
_HOW = (
    "Every answer was checked against numpy before it was timed. Rounds visit all devices in turn, "
    "in an order of their own, so what slows the machine down meets all alike; the interval comes "
    "from the spread between rounds. Times are by the wall clock, from the call until the device "
    "is done, unless a name ends in /device: those are the device's own."
)


def html_page(report: "Report") -> str:
    """One file: style, tables and charts, no script and nothing from a network."""
    title = escape(report.title)
    parts = [
        ("Summary", f"<p>{escape(report.summary)}</p>"),
        ("Profiles", _profiles(report)),
        ("Best performers", _tables(report, "Fastest, by section", "Best performers")),
        ("Recommendations", _tables(report, "Recommendations")),
        ("Benchmarks", _benchmarks(report)),
        ("Missing", _tables(report, "Failed", "Left out")),
        ("Circumstances", _tables(report, "Circumstances")),
        ("How to reproduce", f"<p>{_HOW}</p><p><code>{escape(report.reproduce)}</code></p>"),
    ]
    parts = [(name, body) for name, body in parts if body]
    anchors = {name: name.lower().replace(" ", "-") for name, _ in parts}
    links = "".join(f"<a href='#{anchor}'>{escape(n)}</a>" for n, anchor in anchors.items())
    body = "\n".join(
        f"<section id='{anchors[n]}'><h2>{escape(n)}</h2>\n{text}</section>" for n, text in parts
    )
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width,initial-scale=1'>"
        f"<title>{title}</title><style>{_STYLE}</style></head>\n<body><h1>{title}</h1>"
        f"<nav>{links}</nav>\n{body}\n</body></html>\n"
    )


def markdown_page(report: "Report") -> str:
    """The same tables, without charts."""
    tables = "\n".join(table.markdown() for table in report.tables())
    results = "\n".join(_all_results(r).markdown() for r in report.sets if len(r))
    return (
        f"# {report.title}\n\n{report.summary}\n\n{tables}\n## All results\n\n{results}\n"
        f"## How to reproduce\n\n{_HOW}\n\n    {report.reproduce}\n"
    )


def _profiles(report: "Report") -> str:
    from labs.charts import profile_chart  # charts stand above: loaded when a page is made

    parts = []
    for modelled in (False, True):
        chosen = [p for p in report.profiles if p.modelled == modelled]
        table = report.profiles_table(modelled=modelled)
        if not table.rows:
            continue
        if any(f.value is not None for p in chosen for _, f in p):
            parts.append(_chart(lambda ps=chosen: profile_chart(ps)))
        parts.append(table._repr_html_())
    parts += [
        f"<details><summary>{escape(p.device_name)}: where each figure comes from</summary>"
        f"{p._repr_html_()}</details>"
        for p in report.profiles
    ]
    return "\n".join(parts)


def _benchmarks(report: "Report") -> str:
    from labs.charts import benchmark_chart

    parts = []
    for results in report.sets:
        if len(report.sets) > 1:
            host = escape(str(results.environment.get("hostname", "")))
            parts.append(f"<h3>{host}</h3>")
        for words, chosen in _groups(results):
            parts.append(f"<h3>{escape(words)}</h3>")
            parts.append(_chart(lambda rows=chosen: benchmark_chart(rows)))
        inside = _all_results(results)._repr_html_()
        parts.append(f"<details><summary>All results as a table</summary>{inside}</details>")
    return "\n".join(parts)


def _groups(results: ResultSet) -> list[tuple[str, list]]:
    """The measurements of one chart each: one clock, and no model beside a measured time."""
    groups: dict[str, list] = {}
    for section in (*SECTIONS, "other"):
        for m in results:
            if SuiteCase(m.name.split("/")[0], "").section != section:
                continue
            words = section.capitalize()
            if m.modelled:
                words = "From a model of the device"
            elif m.clock == "device":
                words = "By the devices' own clocks"
            groups.setdefault(words, []).append(m)
    return list(groups.items())


def _chart(draw) -> str:
    try:
        return draw().html
    except LabError as error:  # the table below still has the numbers
        return f"<p>{escape(str(error))}</p>"


def _tables(report: "Report", *titles: str) -> str:
    found = [table for table in report.tables() if table.title in titles]
    return "\n".join(table._repr_html_() for table in found)


def _all_results(results: ResultSet) -> Table:
    """The table of the results, whose failures stand in a table of their own."""
    return ResultSet(results.measurements, (), results.environment, results.stop_reason).table()
