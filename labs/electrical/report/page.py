"""The report as one page: style, tables and charts inside, no script and nothing from a network."""

from collections.abc import Callable
from html import escape
from typing import Any

import numpy as np

from labs.electrical.report.result import ValidationResult
from labs.electrical.report.rows import (
    MOST_SHOWN,
    ORDER,
    Judged,
    is_number,
    limits_text,
    normalised_margin,
    sentence,
    status_of,
    title_of,
    value_text,
    when_text,
)
from labs.electrical.report.snippets import Snippet
from labs.errors import LabError
from labs.tables import Table
from labs.units import format_count, format_hertz, format_seconds

_STYLE = """
body{font:15px/1.5 sans-serif;margin:2em auto;max-width:72em;padding:0 1em;color:#222}
h1{font-size:1.6em} h2{font-size:1.25em;margin-top:2em;border-bottom:1px solid #bbb}
h3{font-size:1em;margin-bottom:0} caption{padding-bottom:4px} table{margin-top:1em}
code{background:#f2f2f2;padding:2px 5px} nav a{margin-right:1em} summary{cursor:pointer}
img{display:block;margin:.6em 0} .verdict{border-left:10px solid #767676;padding:.4em 1em}
.PASS{border-color:#009e73} .MARGINAL{border-color:#e69f00} .FAIL{border-color:#d55e00}
body{overflow-wrap:anywhere}
"""
_MOST_ROWS = 2000  # in the page; the JSON has all
_ROOT2 = float(np.sqrt(2))
# (kind, quantity) whose limits are values of the waveform itself
_LEVELS = (("rms", "minimum"), ("rms", "maximum"), ("pulse", "high"), ("pulse", "low"))


def html_page(result: ValidationResult) -> str:
    """The page. Text from files (names of channels, notes) is escaped wherever it stands."""
    title = escape(f"{result.status}: {result.record.name}")
    parts = [
        ("Margins", _margins(result)),
        ("Requirements", result.table()._repr_html_()),
        ("Waveforms", _waveforms(result)),
        ("Notes", _notes(result)),
        ("Stream", result.statistics._repr_html_() if result.statistics is not None else ""),
        ("All rows", _all_rows(result)),
        ("Circumstances", _circumstances(result)),
    ]
    parts = [(name, body) for name, body in parts if body]
    anchors = {name: name.lower().replace(" ", "-") for name, _ in parts}
    links = "".join(f"<a href='#{anchor}'>{escape(n)}</a>" for n, anchor in anchors.items())
    body = "\n".join(
        f"<section id='{anchors[n]}'><h2>{escape(n)}</h2>\n{text}</section>" for n, text in parts
    )
    return (
        (
            "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
            "<meta name='viewport' content='width=device-width,initial-scale=1'>"
            f"<title>{title}</title><style>{_STYLE}</style></head>\n<body><h1>{title}</h1>"
            f"<p class='verdict {escape(result.status)}'>{escape(result.summary)}</p>"
            f"{_facts(result)}<nav>{links}</nav>\n{body}\n</body></html>\n"
        )
        .encode(errors="replace")
        .decode()
    )


def _facts(result: ValidationResult) -> str:
    record, limits = result.record, result.specification
    start = record.start.isoformat(sep=" ") if record.start is not None else "not known"
    code = escape(str(getattr(limits, "config_hash", "")))
    return (
        f"<p>Limits: {escape(str(getattr(limits, 'name', '')))}, configuration "
        f"<code>{code}</code>. Record begins: {escape(start)}; "
        f"{format_seconds(record.duration_s)} at {format_hertz(record.fs_hz)}. "
        f"Device: {escape(result.device)}. Times are since the record's first sample.</p>"
    )


def _margins(result: ValidationResult) -> str:
    from labs.charts import Margin, margins_chart  # charts stand above: loaded for a page

    margins = [_margin(j, Margin) for j in result.requirements]
    return _chart(lambda: margins_chart(margins)) if margins else ""


def _margin(judged: Judged, make: Callable[..., Any]) -> Any:
    row = judged.worst
    if is_number(row.value):
        text = f"{value_text(row)} ({limits_text(row)})"
    else:
        text = judged.status
    return make(_drawable(judged.title), normalised_margin(row), judged.status, text)


def _waveforms(result: ValidationResult) -> str:
    bad = [r for r in result.verdict.rows if status_of(r) != "PASS"]
    if not bad:
        return ""
    shown = sorted(result.snippets, key=lambda s: (ORDER.index(status_of(s.row)), s.t_s[:1].sum()))
    parts = [_snippet(s, result.specification) for s in shown]
    count = len({id(s.row) for s in result.snippets})
    if count < len(bad):
        parts.append(
            f"<p>{format_count(len(bad))} rows aren't PASS; the waveform of {count} is shown "
            f"(up to {MOST_SHOWN}, every requirement in turn).</p>"
        )
    return "\n".join(parts)


def _snippet(snippet: Snippet, specification: Any) -> str:
    from labs.charts import Span, waveform_chart

    row = snippet.row
    status = status_of(row)
    heading = escape(f"{status}: {sentence(row)}")
    if not snippet.values.size:
        return f"<h3>{heading}</h3><p>{escape(snippet.note or 'no samples')}</p>"
    lower, upper, words = _lines(row, snippet, specification)
    end = row.t_end_s if is_number(row.t_end_s) else row.t_start_s
    drawn = _chart(
        lambda: waveform_chart(
            snippet.t_s,
            {_drawable(snippet.channel) or "channel": snippet.values},
            unit=snippet.unit,
            valid=snippet.valid,
            lower=lower,
            upper=upper,
            limit_words=words,
            spans=[Span(row.t_start_s, end, _drawable(f"{row.name}: {status}"), status)],
            title=_drawable(f"{title_of(row)}: {value_text(row)}, allowed {limits_text(row)}"),
            subtitle=f"{when_text(row)} · the first sample drawn is {snippet.index:,}",
            notes=snippet.note,
        )
    )
    return f"<h3>{heading}</h3>{drawn}"


def _lines(row: Any, snippet: Snippet, specification: Any) -> tuple[Any, Any, str]:
    """A row's limits as lines in the waveform, where they mean something there.

    Limits of an RMS value are drawn at the peak of a sine that has it, and a mask as it is. Limits
    of a frequency or a percentage have no place in a waveform; they stand in the words.
    """
    wanted = [r for r in getattr(specification, "requirements", ()) if r.name == row.name]
    kind = getattr(wanted[0], "kind", "") if wanted else ""
    bounds = tuple(x if is_number(x) else None for x in (row.lower, row.upper))
    if kind == "mask":
        return *_mask(row, snippet, wanted[0].parameters), "mask"
    if row.unit != snippet.unit:
        return None, None, ""
    if (kind, row.quantity) in (("urms_half", "urms"), ("rms", "rms")):
        peak = max(x for x in (*bounds, 0.0) if x is not None) * _ROOT2
        return -peak, peak, "± limit × √2: the peak of a sine with that RMS value"
    return (*bounds, "limit") if (kind, row.quantity) in _LEVELS else (None, None, "")


def _mask(row: Any, snippet: Snippet, parameters: Any) -> tuple[Any, Any]:
    """The mask at each trace of the row, as limits of each sample; NaN where there is none."""
    from labs.electrical.meters.polyline import check_points, limits

    n = snippet.values.size
    fs_hz = (n - 1) / (snippet.t_s[-1] - snippet.t_s[0]) if n > 1 else 1.0
    edges = limits(check_points(parameters["points"]), fs_hz)
    length = edges[0].size
    hop = max(1, round((parameters.get("period_s") or length / fs_hz) * fs_hz))
    until = row.index + max(1, round((row.t_end_s - row.t_start_s) * fs_hz)) - snippet.index
    shown = tuple(np.full(n, np.nan) for _ in edges)
    for begin in range(row.index - snippet.index, min(until, n), hop):
        end = min(begin + length, n)
        for line, edge in zip(shown, edges, strict=True):
            line[begin:end] = np.where(np.isinf(edge), np.nan, edge)[: end - begin]
    return shown


def _notes(result: ValidationResult) -> str:
    items = "".join(f"<li>{escape(n)}</li>" for n in result.notes)
    return f"<ul>{items}</ul>" if items else ""


def _all_rows(result: ValidationResult) -> str:
    rows = result.verdict.rows
    if not rows:
        return ""
    cells = [
        (r.name, r.quantity, r.channel, status_of(r), value_text(r), limits_text(r), when_text(r),
         r.reason or None)
        for r in rows[:_MOST_ROWS]
    ]  # fmt: skip
    left = len(rows) - len(cells)
    note = f"{format_count(left)} more are in the JSON report." if left > 0 else ""
    columns = (
        "requirement",
        "quantity",
        "channel",
        "status",
        "value",
        "allowed",
        "where",
        "reason",
    )
    table = Table("", columns, tuple(cells), note)
    count = format_count(len(rows))
    return f"<details><summary>{count} rows</summary>{table._repr_html_()}</details>"


def _circumstances(result: ValidationResult) -> str:
    rows = tuple((k, str(v)) for k, v in result.environment.items() if v is not None)
    if result.elapsed_s is not None:
        rows = (("validation took", format_seconds(result.elapsed_s)), *rows)
    table = Table("", ("fact", "value"), rows)
    return f"<details><summary>Host, versions, device</summary>{table._repr_html_()}</details>"


def _drawable(text: str) -> str:
    """A name from a file may hold characters that no font has."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _chart(draw: Callable[[], Any]) -> str:
    from labs.charts import vector_html

    try:
        return vector_html(draw())
    except LabError as error:  # the tables still have the numbers
        return f"<p>{escape(str(error))}</p>"
