"""The chart of a run over several devices: who computed which batch when."""

from typing import Any

from labs.charts.axes import quantity_axis
from labs.charts.chart import Chart
from labs.charts.style import INK, device_style, new_figure, row_axis, side_text, styled
from labs.errors import ResultError
from labs.units import format_percent, format_seconds

_BAR_HEIGHT = 0.7
_NARROWEST = 1 / 400  # of the page: a batch of a few microseconds is still a line
_COMPILED, _REDONE = "...", "///"  # hatches: colour is the device's
_TOGETHER = 0.1  # of the run: what its devices may end apart, and still end together
_NUMBERED = 1 / 40  # of the page: a bar this wide has room for its batch's number


@styled
def managed_run_chart(run: Any, *, title: str = "") -> Chart:
    """Each batch that counted as a bar on its device's lane, from its start to its result.

    Args:
        run: a ManagedRun (or anything with its records, devices, seconds and counts).
        title: the finding; made from the shares when empty.
    """
    records = tuple(run.records)
    if not records:
        raise ResultError(
            "draw who computed what",
            expected="a run with at least one finished batch",
            got="none",
            next_step="draw a ManagedRun that was not broken off before its first result",
        )
    total = run.seconds
    title = title or _finding(run)
    subtitle = f"{len(records)} of {len(run.results)} batches in {format_seconds(total)}"
    if run.predicted_s is not None:
        subtitle += f", predicted {format_seconds(run.predicted_s)}"
    subtitle += f" · {run.stolen} stolen, {run.redone} redone · wall clock, one run"
    notes = "Each bar is a batch, with its number where there is room."
    notes += " Dotted: with compilation." if any(r.compiled for r in records) else ""
    notes += " Hatched: begun again after a device failed." if _redone(records) else ""
    for device, why in run.quarantined.items():
        notes += f" {device} was given up: {_first_words(why)}."
    height = 0.8 + 0.5 * len(run.devices)
    figure = new_figure(height, title=title, subtitle=subtitle, notes=notes)
    axes = figure.add_subplot()
    for row, device in enumerate(run.devices):
        mine = [r for r in records if r.device == device]
        for record in mine:
            _draw(axes, row, record, total)
        busy = format_percent(_busy_s(mine) / total, 2)
        given_up = "\ngiven up" if device in run.quarantined else ""
        side_text(axes, row, f"{_batches(len(mine))}\nbusy {busy}{given_up}")
    row_axis(axes, list(run.devices))
    axes.set_xlim(0, total)
    quantity_axis(axes.xaxis, "Time since the start", "s", [total])
    return Chart(figure, _alt(run, title))


def _draw(axes: Any, row: int, record: Any, total: float) -> None:
    width = max(record.ended_s - record.began_s, total * _NARROWEST)
    hatch = _COMPILED if record.compiled else _REDONE if record.attempts > 1 else ""
    light = bool(hatch)
    colour = device_style(record.device).colour
    axes.broken_barh(
        [(record.began_s, width)],
        (row - _BAR_HEIGHT / 2, _BAR_HEIGHT),
        facecolors="white" if light else colour,
        edgecolor=colour if light else "white",
        linewidth=1.0 if light else 0.5,
        hatch=hatch,
    )
    if width >= _NUMBERED * total:
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0} if light else None
        axes.text(
            record.began_s + width / 2,
            row,
            str(record.index),
            ha="center",
            va="center",
            fontsize=8,
            color=INK if light else "white",
            bbox=box,
        )


def _batches(count: int) -> str:
    return f"{count} batch{'' if count == 1 else 'es'}"


def _busy_s(records: list[Any]) -> float:
    """From a batch's start to its end, stretches that overlap counted once."""
    busy, last = 0.0, 0.0
    for record in sorted(records, key=lambda r: r.began_s):
        busy += max(0.0, record.ended_s - max(record.began_s, last))
        last = max(last, record.ended_s)
    return busy


def _redone(records: tuple[Any, ...]) -> list[Any]:
    return [r for r in records if r.attempts > 1]


def _finding(run: Any) -> str:
    counts = {d: run.count(d) for d in run.devices}
    most = max(counts, key=lambda d: counts[d])
    if run.quarantined:
        lost = len(run.results) - len(run.records)
        gone = ", ".join(run.quarantined)
        said = f"{_batches(lost)} {'was' if lost == 1 else 'were'}" if lost else "no batch was"
        return f"{gone} failed, and {said} lost"
    if len(counts) == 1:
        return f"{most} computes everything"
    ends = {d: max((r.ended_s for r in run.records if r.device == d), default=0.0) for d in counts}
    soonest, latest = (f(ends, key=lambda d: ends[d]) for f in (min, max))
    if not ends[soonest]:
        return f"{soonest} computes nothing"
    apart_s = ends[latest] - ends[soonest]
    if apart_s <= _TOGETHER * run.seconds:
        return f"All devices end within {format_seconds(apart_s)} of each other"
    text = f"{soonest} is done after {format_seconds(ends[soonest])}, "
    return text + f"{latest} only after {format_seconds(ends[latest])}"


def _first_words(why: str) -> str:
    line = " ".join(str(why).split())
    return line if len(line) <= 110 else line[:109] + "…"


def _alt(run: Any, title: str) -> str:
    said = ", ".join(f"{d} {run.count(d)}" for d in run.devices)
    text = f"Batches by device over {format_seconds(run.seconds)}: {said}. {title}."
    if run.quarantined:
        text += f" Given up: {', '.join(run.quarantined)}; {_batches(run.redone)} redone."
    return text
