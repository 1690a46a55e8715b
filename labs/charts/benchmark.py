"""The chart of a benchmark: medians with intervals, by workload and device."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes

from labs.bench import compare
from labs.bench.names import case_label, workload_of
from labs.charts.axes import quantity_axis, reach
from labs.charts.chart import Chart
from labs.charts.facts import (
    capped_rounds,
    checked,
    comparison_finding,
    conditions,
    distinct,
    join_words,
)
from labs.charts.style import (
    MUTED,
    device_style,
    draw_interval,
    marker_look,
    new_figure,
    row_axis,
    side_text,
    styled,
)
from labs.units import format_interval, format_ratio, format_seconds

_ROW_IN = 0.27  # height of one device's row, inches: room for its value label
_LOG_FROM = 8.0  # largest over smallest value from which a linear axis hides the small ones


@styled
def benchmark_chart(results: Any) -> Chart:
    """Median time per call with its 95% interval, for each workload and device.

    Args:
        results: a ResultSet, or an iterable of Measurements; failures are named on the chart.
    """
    rows = checked(getattr(results, "measurements", results), "draw a benchmark chart")
    failures = tuple(getattr(results, "failures", ()))
    names = distinct([*(m.name for m in rows), *(f.name for f in failures)])
    devices = distinct([*(m.device for m in rows), *(f.device for f in failures)])
    by_case = {(m.name, m.device): m for m in rows}
    failed = {(f.name, f.device): f for f in failures}
    title = _benchmark_finding(rows)
    notes = _benchmark_notes(rows, failures)
    cases = [
        (n, d, by_case.get((n, d)))
        for n in names
        for d in devices
        if (n, d) in by_case or (n, d) in failed
    ]
    figure = new_figure(
        0.75 + _ROW_IN * len(cases) + 0.1 * len(names),
        title=title,
        subtitle=conditions(rows),
        notes=notes,
    )
    axes = figure.add_subplot()
    medians = [m.median_s for m in rows]
    log = max(medians) / min(medians) > _LOG_FROM
    if log:
        axes.set_xscale("log")
    labels, places, y = [], [], 0.0
    for before, (name, device, m) in zip([None, *cases], cases, strict=False):
        if before and before[0] != name:
            axes.axhline(y - 0.3, color=MUTED, linewidth=0.5)
            y += 0.4
        first = before is None or before[0] != name
        labels.append(f"{case_label(name)}   {device}" if first else device)
        places.append(y)
        _benchmark_row(axes, y, m)
        y += 1
    row_axis(axes, labels, places)
    _value_range(axes, rows, log)
    quantity = ("Modelled" if rows[0].modelled else rows[0].clock.capitalize()) + " time per call"
    quantity_axis(axes.xaxis, f"{quantity}, median", "s", medians, log=log)
    return Chart(figure, _benchmark_alt(rows, failures, title))


def _benchmark_row(axes: Axes, y: float, m: Any | None) -> None:
    if m is None:
        side_text(axes, y, "failed", color=device_style("CUDA").colour, fontweight="bold")
        return
    axes.plot([m.median_s], [y], linestyle="", **marker_look(m.device, modelled=m.modelled))
    text = format_seconds(m.median_s)
    if m.interval_s is not None:
        low, high = m.interval_s.low, m.interval_s.high
        draw_interval(axes, low, high, y)
        text += f"  {format_interval(low, high, format_seconds)}"
    if m.modelled:
        text += "  model"
    side_text(axes, y, text + (" †" if capped_rounds(m) else ""))


def _value_range(axes: Axes, rows: Sequence[Any], log: bool) -> None:
    ends = [e for m in rows if m.interval_s for e in (m.interval_s.low, m.interval_s.high)]
    low, high = reach([m.median_s for m in rows], ends)
    if log:
        room = (high / low) ** 0.06
        axes.set_xlim(low / room, high * room)
    else:
        axes.set_xlim(0, high * 1.1)


def _benchmark_finding(rows: Sequence[Any]) -> str:
    devices = distinct(m.device for m in rows)
    names = distinct(m.name for m in rows)
    if len(devices) == 1:
        ordered = sorted(rows, key=lambda m: m.median_s)
        first, last = ordered[0], ordered[-1]
        if len(rows) == 1:
            return (
                f"{workload_of(first.name)} takes {format_seconds(first.median_s)} on {devices[0]}"
            )
        return (
            f"On {devices[0]}, {workload_of(last.name)} takes longest "
            f"({format_seconds(last.median_s)}), {workload_of(first.name)} the least "
            f"({format_seconds(first.median_s)})"
        )
    by_case = {(m.name, m.device): m for m in rows}
    if len(devices) == 2:
        a, b = devices
        shared = [n for n in names if (n, a) in by_case and (n, b) in by_case]
        if not shared:
            return f"{a} and {b} were measured on different workloads"
        wins = sum(by_case[n, b].median_s < by_case[n, a].median_s for n in shared)
        base, candidate = (a, b) if 2 * wins >= len(shared) else (b, a)
        pairs = [compare(by_case[n, base], by_case[n, candidate]) for n in shared]
        return comparison_finding(pairs, candidate, base)
    return _fastest_device(names, by_case)


def _fastest_device(names: Sequence[str], by_case: dict[tuple[str, str], Any]) -> str:
    """For three devices and more: which is fastest where, when the runner-up is resolved."""
    won: dict[str, list[str]] = {}
    open_cases = []
    for name in names:
        ordered = sorted(
            (m for (n, _), m in by_case.items() if n == name), key=lambda m: m.median_s
        )
        if len(ordered) < 2:
            continue
        best, second = ordered[0], ordered[1]
        verdict = compare(second, best)
        if verdict.word == "faster":
            lead = format_ratio(verdict.speedup, 2)
            ahead = f"{workload_of(name)} ({lead} over {second.device})"
            won.setdefault(best.device, []).append(ahead)
        else:
            open_cases.append(f"{workload_of(name)} ({best.device} or {second.device})")
    parts = [f"{device} is fastest at {join_words(cases)}" for device, cases in won.items()]
    if open_cases:
        head = (
            "which is fastest is not resolved at"
            if parts
            else "Which is fastest is not resolved at"
        )
        parts.append(f"{head} {join_words(open_cases)}")
    return "; ".join(parts) or "No workload was measured on two devices"


def _benchmark_notes(rows: Sequence[Any], failures: Sequence[Any]) -> str:
    notes = ["Bars: 95% interval of the median over rounds."]
    if any(m.interval_s is None for m in rows):
        notes.append("No bar: fewer than two rounds, so no interval.")
    if any(capped_rounds(m) for m in rows):
        capped, total = sum(capped_rounds(m) for m in rows), sum(len(m.rounds) for m in rows)
        notes.append(f"† {capped} of {total} rounds ended at their time limit.")
    if rows[0].modelled:
        notes.append("Hollow: from a model, not measured.")
    for f in failures:
        notes.append(f"{f.device} failed at {workload_of(f.name)}: {_first_line(f.error)}.")
    return " ".join(notes)


def _first_line(text: object) -> str:
    return str(text).strip().split("\n")[0].rstrip(".")


def _benchmark_alt(rows: Sequence[Any], failures: Sequence[Any], title: str) -> str:
    devices, names = distinct(m.device for m in rows), distinct(m.name for m in rows)
    best = "; ".join(
        f"{case_label(n)}: "
        + ", ".join(f"{m.device} {format_seconds(m.median_s)}" for m in rows if m.name == n)
        for n in names
    )
    text = f"Median time per call on {join_words(devices)}: {best}. {title}."
    if failures:
        text += (
            f" Failed: {join_words([f'{f.device} at {workload_of(f.name)}' for f in failures])}."
        )
    return text
