"""Charts of named numbers: ways to time one thing, guesses against measurements, first calls."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labs.bench.names import case_label
from labs.charts.axes import quantity_axis
from labs.charts.chart import Chart
from labs.charts.facts import checked, conditions, distinct, join_words
from labs.charts.style import (
    MUTED,
    draw_interval,
    marker_look,
    new_figure,
    row_axis,
    side_text,
    styled,
)
from labs.errors import ResultError
from labs.units import (
    format_bytes,
    format_bytes_per_s,
    format_flop_per_s,
    format_ratio,
    format_seconds,
)

_FORMATTERS = {
    "s": format_seconds,
    "B": format_bytes,
    "B/s": format_bytes_per_s,
    "FLOP/s": format_flop_per_s,
}


@dataclass(frozen=True)
class NamedValue:
    """One row of `named_values_chart`.

    Args:
        name: what was done ("unsynchronised").
        value: in the chart's unit.
        note: a few words shown beside the value ("measures only the launch").
        interval: (low, high) in the chart's unit, or None.
        is_reference: the row that the others are compared with; at most one.
    """

    name: str
    value: float
    note: str = ""
    interval: tuple[float, float] | None = None
    is_reference: bool = False


@styled
def named_values_chart(
    rows: Iterable[NamedValue],
    *,
    quantity: str,
    unit: str = "s",
    subtitle: str = "",
    title: str = "",
) -> Chart:
    """Named values on one axis, such as four ways to time the same kernel.

    Args:
        rows: what to draw, top to bottom.
        quantity: the axis's words ("Reported time of one matmul").
        unit: "s", "B", "B/s", "FLOP/s", or any other text.
        subtitle: the conditions: device, dtype, n, clock, date.
        title: the finding; made from the reference row and the farthest from it when empty.
    """
    rows = list(rows)
    _need(rows, "draw named values", "at least one NamedValue")
    bad = [r.name for r in rows if not r.value > 0]
    if bad:
        raise ResultError(
            "draw named values on a logarithmic axis",
            expected="values above zero",
            got=f"{', '.join(bad)}: {', '.join(str(r.value) for r in rows if r.name in bad)}",
            next_step="leave such rows out, or report them in a table",
        )
    reference = next((r for r in rows if r.is_reference), None)
    title = title or _values_finding(rows, reference, unit)
    figure = new_figure(0.75 + 0.42 * len(rows), title=title, subtitle=subtitle)
    axes = figure.add_subplot()
    axes.set_xscale("log")
    if reference is not None:
        axes.axvline(reference.value, color=MUTED, linewidth=1, linestyle=":")
    for y, row in enumerate(rows):
        look = "CPU" if row.is_reference or reference is None else "CUDA"
        axes.plot([row.value], [y], linestyle="", **marker_look(look))
        if row.interval is not None:
            draw_interval(axes, *row.interval, y)
        text = _format(row.value, unit)
        if reference is not None and row is not reference:
            text += f"  ({format_ratio(row.value / reference.value, 2)})"
        side_text(axes, y, f"{text}\n{row.note}" if row.note else text)
    drawn = [v for r in rows for v in (r.value, *(r.interval or ())) if v > 0]
    room = max(1.15, (max(drawn) / min(drawn)) ** 0.06)
    axes.set_xlim(min(drawn) / room, max(drawn) * room)
    row_axis(axes, [r.name for r in rows])
    quantity_axis(axes.xaxis, quantity, unit, axes.get_xlim(), log=True)
    said = "; ".join(f"{r.name} {_format(r.value, unit)}" for r in rows)
    return Chart(figure, f"{quantity}: {said}. {title}.")


@styled
def predicted_chart(
    predicted: Mapping[str, float],
    measured: Mapping[str, float],
    *,
    quantity: str,
    unit: str = "s",
    subtitle: str = "",
) -> Chart:
    """What the reader guessed against what was measured, by name, joined by a line.

    Args:
        predicted, measured: name -> value in `unit`; a name in only one of them is not drawn.
    """
    names = [n for n in measured if n in predicted and predicted[n] > 0 and measured[n] > 0]
    _need(names, "draw predictions", "a name that was predicted and measured, above zero")
    ratios = {n: measured[n] / predicted[n] for n in names}
    close = [n for n in names if 0.5 <= ratios[n] <= 2]
    worst = max(names, key=lambda n: max(ratios[n], 1 / ratios[n]))
    verb = "is" if len(close) == 1 else "are"
    title = f"{len(close)} of {len(names)} predictions {verb} within a factor of 2"
    if worst not in close:
        off = max(ratios[worst], 1 / ratios[worst])
        side = "high" if ratios[worst] < 1 else "low"
        title += f"; {worst} was guessed {format_ratio(off, 2)} too {side}"
    left_out = [n for n in (*measured, *predicted) if n not in names]
    notes = f"Not drawn: {', '.join(distinct(left_out))}." if left_out else ""
    pairs = [(n, predicted[n], measured[n]) for n in names]
    figure = _dumbbells(
        pairs, ("predicted", "measured"), quantity, unit, title, subtitle, notes, "PYTHON"
    )
    said = "; ".join(f"{n} {_format(p, unit)} against {_format(m, unit)}" for n, p, m in pairs)
    return Chart(figure, f"Predicted against measured {quantity.lower()}: {said}. {title}.")


@styled
def first_call_chart(measurements: Any) -> Chart:
    """The first call (scheduling, compilation, warm-up) against the median call, case by case."""
    rows = checked(
        [m for m in getattr(measurements, "measurements", measurements) if m.first_call_s],
        "draw first calls",
    )
    worst = max(rows, key=lambda m: m.first_call_s / m.median_s)
    ratio = format_ratio(worst.first_call_s / worst.median_s, 2)
    title = (
        f"The first call takes up to {ratio} the median: {case_label(worst.name)} on {worst.device}"
    )
    pairs = [(f"{case_label(m.name)}, {m.device}", m.first_call_s, m.median_s) for m in rows]
    figure = _dumbbells(
        pairs,
        ("first call", "median of later calls"),
        "Wall time of one call",
        "s",
        title,
        conditions(rows),
        "",
        "CUDA",
    )
    devices = join_words(distinct(m.device for m in rows))
    said = "; ".join(f"{n} {format_seconds(f)} then {format_seconds(m)}" for n, f, m in pairs)
    return Chart(figure, f"First call against median call on {devices}: {said}. {title}.")


def _dumbbells(
    pairs: Sequence[tuple[str, float, float]],
    words: tuple[str, str],
    quantity: str,
    unit: str,
    title: str,
    subtitle: str,
    notes: str,
    first_look: str,
) -> Any:
    """Rows of two points on a log axis: a diamond or cross for the first, a disc for the second."""
    figure = new_figure(0.95 + 0.34 * len(pairs), title=title, subtitle=subtitle, notes=notes)
    axes = figure.add_subplot()
    axes.set_xscale("log")
    for y, (_, first, second) in enumerate(pairs):
        axes.plot([first, second], [y, y], color=MUTED, linewidth=1.2, zorder=1)
        label = {"label": words[0]} if y == 0 else {}
        axes.plot([first], [y], linestyle="", **marker_look(first_look), **label)
        label = {"label": words[1]} if y == 0 else {}
        axes.plot([second], [y], linestyle="", **marker_look("CPU"), **label)
        side_text(axes, y, f"{_format(first, unit)}, {_format(second, unit)}")
    values = [v for _, *both in pairs for v in both]
    span = max(values) / min(values)
    axes.set_xlim(min(values) / max(1.3, span**0.06), max(values) * max(1.3, span**0.06))
    row_axis(axes, [name for name, *_ in pairs])
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, borderaxespad=0.1)
    quantity_axis(axes.xaxis, quantity, unit, axes.get_xlim(), log=True)
    return figure


def _values_finding(rows: Sequence[NamedValue], reference: NamedValue | None, unit: str) -> str:
    if reference is None or len(rows) == 1:
        high = max(rows, key=lambda r: r.value)
        return f"{high.name} is the largest: {_format(high.value, unit)}"
    others = [r for r in rows if r is not reference]
    ordered = sorted(others, key=lambda r: r.value)
    parts = []
    if ordered[0].value < reference.value:
        ratio = format_ratio(reference.value / ordered[0].value, 2)
        parts.append(f"'{ordered[0].name}' reports {ratio} too little")
    if ordered[-1].value > reference.value:
        ratio = format_ratio(ordered[-1].value / reference.value, 2)
        parts.append(f"'{ordered[-1].name}' reports {ratio} too much")
    text = join_words(parts) if parts else "All agree"
    return f"Against '{reference.name}' ({_format(reference.value, unit)}), {text}"


def _format(value: float, unit: str) -> str:
    formatter = _FORMATTERS.get(unit)
    return formatter(value) if formatter else f"{value:,.3g} {unit}".strip()


def _need(rows: Sequence[Any], asked: str, expected: str) -> None:
    if not rows:
        raise ResultError(
            asked, expected=expected, got="none", next_step="run the cell that makes the values"
        )
