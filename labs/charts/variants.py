"""The ladder of variants: one workload compiled in several ways, and what each step is worth."""

from collections.abc import Sequence
from textwrap import fill
from typing import Any

from matplotlib.axes import Axes

from labs.bench import compare
from labs.bench.names import workload_of
from labs.charts.axes import quantity_axis, reach
from labs.charts.chart import Chart
from labs.charts.facts import capped_rounds, checked, conditions, join_words
from labs.charts.style import (
    INK,
    MUTED,
    UNRESOLVED,
    draw_interval,
    marker_look,
    new_figure,
    row_axis,
    side_text,
    styled,
)
from labs.errors import ResultError
from labs.units import format_flop_per_s, format_ratio, format_seconds

_ROW_IN = 0.44  # two lines of text beside each step
_LABEL_WIDTH = 26  # characters on a line
_LOG_FROM = 8.0  # largest over smallest value from which a linear axis hides the small ones


@styled
def variants_chart(results: Any, baseline: str | None = None, *, subtitle: str = "") -> Chart:
    """One dot with its 95% interval for each variant in order, and the gain of each step.

    Throughput where the work's FLOP are known, else time. Gains are ratios of times of interleaved
    rounds, above 1 faster; a gain that isn't resolved is grey and says so.

    Args:
        results: of `labs.bench.measure_variants`; failures are named below the chart.
        baseline: the label of the variant that all are compared with; the first when None.
        subtitle: the workload's name, put before the conditions.
    """
    rows = checked(getattr(results, "measurements", results), "draw a ladder of variants")
    failures = tuple(getattr(results, "failures", ()))
    base = _baseline(rows, baseline)
    rate = all(m.flop_per_s for m in rows)
    title = _finding(rows, base, rate)
    how = " · ".join(part for part in (subtitle, conditions(rows)) if part)
    height_in = 0.75 + _ROW_IN * len(rows)
    figure = new_figure(height_in, title=title, subtitle=how, notes=_notes(rows, failures, base))
    axes = figure.add_subplot()
    values = [_value(m, rate) for m in rows]
    total = "in all" if base is rows[0] else "vs baseline"
    _scale(axes, rows, values, rate)
    for y, m in enumerate(rows):
        if y:  # the riser and the tread of the step
            axes.plot(
                [values[y - 1], values[y - 1], values[y]],
                [y - 1, y, y],
                color=MUTED,
                linewidth=1.1,
                zorder=1,
            )
        axes.plot([values[y]], [y], linestyle="", **_look(m))
        ends = _ends(m, rate)
        if ends:
            draw_interval(axes, *ends, y)
        _gains(axes, y, m, rows[y - 1] if y else None, base, rate, total)
    row_axis(axes, [_broken(_label(m)) for m in rows])
    return Chart(figure, _alt(rows, failures, base, rate, title))


def _baseline(rows: Sequence[Any], wanted: str | None) -> Any:
    if wanted is None:
        return rows[0]
    found = next((m for m in rows if _label(m) == wanted), None)
    if found is None:
        raise ResultError(
            f"compare variants with {wanted!r}",
            expected=f"one of {', '.join(_label(m) for m in rows)}",
            got=repr(wanted),
            next_step="name a variant that was measured, or leave baseline out",
        )
    return found


def _look(m: Any) -> dict[str, object]:
    # all points are of one device: they may be larger than where several meet
    return {**marker_look(m.device, modelled=m.modelled), "markersize": 12}


def _label(m: Any) -> str:
    return workload_of(m.name)


def _broken(label: str) -> str:
    """A long label in lines, broken after its last comma rather than anywhere."""
    if len(label) <= _LABEL_WIDTH:
        return label
    head, comma, tail = label.rpartition(", ")
    parts = [f"{head},", tail] if comma else [label]
    return "\n".join(fill(part, _LABEL_WIDTH) for part in parts)


def _value(m: Any, rate: bool) -> float:
    return m.flop_per_s if rate else m.median_s


def _ends(m: Any, rate: bool) -> tuple[float, ...]:
    interval = m.flop_per_s_interval if rate else m.interval_s
    return () if interval is None else (interval.low, interval.high)


def _format(m: Any, rate: bool) -> str:
    return format_flop_per_s(m.flop_per_s) if rate else format_seconds(m.median_s)


def _scale(axes: Axes, rows: Sequence[Any], values: Sequence[float], rate: bool) -> None:
    low, high = reach(values, [e for m in rows for e in _ends(m, rate)])
    log = high / low > _LOG_FROM
    if log:
        axes.set_xscale("log")
        room = (high / low) ** 0.06
        axes.set_xlim(low / room, high * room)
    else:
        axes.set_xlim(0, high * 1.1)
    words = "Throughput, median" if rate else f"{rows[0].clock.capitalize()} time per call, median"
    words = f"Modelled {words[0].lower()}{words[1:]}" if rows[0].modelled else words
    quantity_axis(axes.xaxis, words, "FLOP/s" if rate else "s", values, log=log)


def _gains(axes: Axes, y: int, m: Any, before: Any, base: Any, rate: bool, total: str) -> None:
    """The value, and below it the gain over the step before and over the baseline."""
    value = _format(m, rate) + (" †" if capped_rounds(m) else "")
    gains, ink = [], INK
    if before is not None:
        gain = compare(before, m, implementations=True)
        resolved = gain.word in ("faster", "slower")
        gains.append(f"step {format_ratio(gain.speedup)}" + ("" if resolved else ", not resolved"))
        ink = INK if resolved else UNRESOLVED
    if m is not base:
        whole = compare(base, m, implementations=True)
        gains.append(f"{total} {format_ratio(whole.speedup)}")
    elif before is not None:
        gains.append("the baseline")
    # two texts of two lines: the gain may be grey, the value never is
    side_text(axes, y, f"{value}\n" if gains else value, linespacing=1.25)
    side_text(axes, y, "\n" + "; ".join(gains), color=ink, linespacing=1.25)


def _finding(rows: Sequence[Any], base: Any, rate: bool) -> str:
    best = max(rows, key=lambda m: 1 / m.median_s)
    if len(rows) == 1:
        reached = "reaches" if rate else "takes"
        return f"'{_label(best)}' {reached} {_format(best, rate)}"
    if best is base:
        return f"No variant is faster than '{_label(base)}' ({_format(base, rate)})"
    whole = compare(base, best, implementations=True)
    if whole.word != "faster":
        return f"No variant is resolved to be faster than '{_label(base)}'"
    text = f"'{_label(best)}' is {format_ratio(whole.speedup)} as fast as '{_label(base)}'"
    steps = [(compare(a, b, implementations=True), b) for a, b in zip(rows, rows[1:], strict=False)]
    resolved = [(gain.speedup, m) for gain, m in steps if gain.word == "faster"]
    if len(resolved) > 1 and base is rows[0]:
        speedup, m = max(resolved, key=lambda pair: pair[0])
        text += f"; the largest step is '{_label(m)}' ({format_ratio(speedup)})"
    return text


def _notes(rows: Sequence[Any], failures: Sequence[Any], base: Any) -> str:
    notes = ["Bars: 95% interval of the median over rounds."]
    if len(rows) > 1:
        total = "in all" if base is rows[0] else "vs baseline"
        notes.append(
            "Step: time of the variant before / time of this one, above 1 it is faster; "
            f"{total}: time of '{_label(base)}' / time of this one."
        )
    if any(m.interval_s is None for m in rows):
        notes.append("No bar: fewer than two rounds, so no interval.")
    if any(capped_rounds(m) for m in rows):
        capped, total = sum(capped_rounds(m) for m in rows), sum(len(m.rounds) for m in rows)
        notes.append(f"† {capped} of {total} rounds ended at their time limit.")
    if rows[0].modelled:
        notes.append("Hollow: from a model, not measured.")
    notes += [f"'{_label(f)}' failed: {_first_line(f.error)}." for f in failures]
    return " ".join(notes)


def _first_line(text: object) -> str:
    return str(text).strip().split("\n")[0].rstrip(".")


def _alt(rows: Sequence[Any], failures: Sequence[Any], base: Any, rate: bool, title: str) -> str:
    said = "; ".join(f"{_label(m)} {_format(m, rate)}" for m in rows)
    kind = "Throughput" if rate else "Median time per call"
    text = f"{kind} of {len(rows)} variants on {rows[0].device}, in order: {said}. {title}."
    if failures:
        text += f" Failed: {join_words([_label(f) for f in failures])}."
    return text
