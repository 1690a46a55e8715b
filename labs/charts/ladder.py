"""The matmul ladder: what each kernel option is worth, and how it moves on the roofline.

Above, one row for each rung, also for those that a device can't have. Below, the same rungs by what
their code loads: a tile in registers moves a rung to the right, using the hardware better moves it
up.
"""

from collections.abc import Sequence
from textwrap import shorten
from typing import Any

from matplotlib.axes import Axes

from labs.charts.axes import quantity_axis, reach
from labs.charts.chart import Chart
from labs.charts.facts import capped_rounds, checked, conditions
from labs.charts.style import (
    INK,
    MUTED,
    UNRESOLVED,
    draw_interval,
    luminance,
    marker_look,
    new_figure,
    row_axis,
    side_text,
    styled,
)
from labs.units import format_flop_per_s, format_intensity, format_ratio

_ROW_IN, _PATH_IN, _GAP_IN = 0.36, 3.1, 0.9
_NEAR = 1.08  # rungs closer than this in both directions share a label
_REASON_CHARS = 68


@styled
def ladder_chart(ladder: Any, chosen: str | None = None) -> Chart:
    """A dot with its 95% interval for each measured rung, and the rungs' way over the roofline.

    Args:
        ladder: as `labs.gpu.ladder.matmul_ladder` returns it.
        chosen: a rung's name, drawn larger.

    Raises:
        ResultError: no rung was measured.
    """
    measured = [r for r in ladder.rungs if r.measurement is not None]
    rows = checked([r.measurement for r in measured], "draw a matmul ladder")
    title = _finding(ladder, measured)
    height_in = _ROW_IN * len(ladder.rungs) + _GAP_IN + _PATH_IN
    figure = new_figure(
        height_in,
        title=title,
        subtitle=f"{ladder.workload.split(',')[0]} · {conditions(rows)}",
        notes=_notes(ladder, rows),
    )
    ratios = [_ROW_IN * len(ladder.rungs) + 0.2, _PATH_IN]
    above, below = figure.subplots(2, 1, height_ratios=ratios)
    _draw_rows(above, ladder, chosen)
    _draw_path(below, ladder, measured, chosen)
    return Chart(figure, _alt(ladder, measured, title))


def _draw_rows(axes: Axes, ladder: Any, chosen: str | None) -> None:
    values = [r.flop_per_s for r in ladder.rungs if r.flop_per_s]
    axes.set_xscale("log")
    ends = [r.measurement.flop_per_s_interval for r in ladder.rungs if r.measurement]
    low, high = reach(values, [e for i in ends if i for e in (i.low, i.high)])
    room = (high / low) ** 0.06 if high > low else 2
    axes.set_xlim(low / room, high * room)
    quantity_axis(axes.xaxis, _quantity(ladder), "FLOP/s", values, log=True)
    for y, rung in enumerate(ladder.rungs):
        if rung.measurement is None:
            reason = rung.reason.splitlines()[0]
            axes.text(
                *(0.01, y, f"not here: {shorten(reason, _REASON_CHARS, placeholder=' ...')}"),
                transform=axes.get_yaxis_transform(),
                va="center",
                fontsize=9,
                color=MUTED,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
            )
            continue
        _draw_dot(axes, rung.flop_per_s, y, rung, chosen)
        interval = rung.measurement.flop_per_s_interval
        if interval is not None:
            draw_interval(axes, interval.low, interval.high, y)
        mark = " †" if capped_rounds(rung.measurement) else ""
        text = f"{format_flop_per_s(rung.flop_per_s)}{mark}"
        side_text(axes, y, text if rung.step is None else f"{text}\n", linespacing=1.25)
        if rung.step is not None:
            resolved = rung.step.word in ("faster", "slower")
            said = f"{format_ratio(rung.step.speedup)} over {rung.before}" + (
                "" if resolved else " ?"
            )
            ink = INK if resolved else UNRESOLVED
            side_text(axes, y, f"\n{said}", color=ink, linespacing=1.25)
    row_axis(axes, [r.name for r in ladder.rungs])


def _draw_dot(axes: Axes, x: float, y: float, rung: Any, chosen: str | None) -> None:
    look = marker_look(rung.measurement.device, modelled=rung.measurement.modelled)
    if rung.name == chosen:
        axes.plot(
            *([x], [y]),
            linestyle="",
            marker="o",
            markersize=20,
            markerfacecolor="none",
            markeredgecolor=INK,
            markeredgewidth=1.6,
        )
    axes.plot([x], [y], linestyle="", **{**look, "markersize": 10}, zorder=4)


def _draw_path(axes: Axes, ladder: Any, measured: Sequence[Any], chosen: str | None) -> None:
    points = [(r.intensity_accessed, r.flop_per_s, r) for r in measured if r.intensity_accessed]
    xs, ys = [x for x, _, _ in points], [y for _, y, _ in points]
    axes.set_xscale("log")
    axes.set_yscale("log")
    roof = _compute_roof(ladder)
    tops = [*ys, roof.value] if roof else ys
    axes.set_xlim(min(xs) / 1.6, max(xs) * 1.6)
    axes.set_ylim(min(ys) / 1.8, max(tops) * 2.2)
    quantity_axis(
        axes.xaxis, "FLOP per byte of all loads and stores", "FLOP/B", axes.get_xlim(), log=True
    )
    quantity_axis(axes.yaxis, _quantity(ladder), "FLOP/s", axes.get_ylim(), log=True)
    for x, y, rung in points:
        _draw_dot(axes, x, y, rung, chosen)
    for x, y, names in _groups(points):
        right = x * x > min(xs) * max(xs)  # a label stays inside: left of what is on the right
        axes.annotate(
            *(", ".join(names), (x, y), (-13 if right else 13, -3)),
            textcoords="offset points",
            ha="right" if right else "left",
            va="top",
            fontsize=9,
        )
    if roof is not None:
        colour = marker_look(ladder.device)["color"]
        dark = colour if luminance(colour) < 0.4 else INK
        axes.axhline(roof.value, color=dark, linewidth=2)
        kind = "modelled" if ladder.modelled else "measured"
        axes.annotate(
            f"arithmetic roof {format_flop_per_s(roof.value)}, {kind}",
            *((0.01, roof.value), (0, 4)),
            xycoords=axes.get_yaxis_transform(),
            textcoords="offset points",
            fontsize=9,
            color=dark,
        )


def _groups(points: Sequence[Any]) -> list[tuple[float, float, list[str]]]:
    """Labels at their points; rungs that lie on each other share one."""
    groups: list[tuple[float, float, list[str]]] = []
    for x, y, rung in points:
        for gx, gy, names in groups:
            if max(x / gx, gx / x) < _NEAR and max(y / gy, gy / y) < _NEAR**3:
                names.append(rung.name)
                break
        else:
            groups.append((x, y, [rung.name]))
    return groups


def _compute_roof(ladder: Any) -> Any:
    roofs = ladder.roofs
    if roofs is None or roofs.modelled != ladder.modelled:
        return None
    dtype = ladder.workload.partition("dtype=")[2] or "float32"
    tensor = any(r.opts and r.opts[0].startswith("TC") for r in ladder.rungs if r.measurement)
    return roofs.compute(dtype, tensor)


def _quantity(ladder: Any) -> str:
    return "Modelled throughput" if ladder.modelled else "Throughput"


def _finding(ladder: Any, measured: Sequence[Any]) -> str:
    best = max(measured, key=lambda r: r.flop_per_s)
    rate = format_flop_per_s(best.flop_per_s)
    if best.total is None:
        return f"No option makes the product faster on {ladder.device}: {rate}"
    text = f"'{best.name}' reaches {rate} on {ladder.device}, {format_ratio(best.total.speedup)}"
    text += " the plain loops"
    steps = [r for r in measured if r.step is not None and r.step.word == "faster"]
    if steps:
        largest = max(steps, key=lambda r: r.step.speedup)
        text += f"; the largest step is '{largest.name}' ({format_ratio(largest.step.speedup)})"
    return text


def _notes(ladder: Any, rows: Sequence[Any]) -> str:
    notes = [
        "Bars: 95% interval of the median over rounds. Gains over the rung that this one adds to, "
        "for tinygrad's own choices over the fastest by hand; a question mark: not resolved. FLOP "
        "per byte: counted from the code, loads from caches "
        f"included; each byte once, it would be {format_intensity(ladder.intensity)}."
    ]
    if any(capped_rounds(m) for m in rows):
        capped, total = sum(capped_rounds(m) for m in rows), sum(len(m.rounds) for m in rows)
        notes.append(f"† {capped} of {total} rounds ended at their time limit.")
    if ladder.modelled:
        notes.append("Hollow: from a model, not measured.")
    return " ".join(notes)


def _alt(ladder: Any, measured: Sequence[Any], title: str) -> str:
    said = "; ".join(f"{r.name} {format_flop_per_s(r.flop_per_s)}" for r in measured)
    missing = [r.name for r in ladder.rungs if r.measurement is None]
    kind = "Modelled throughput" if ladder.modelled else "Throughput"
    text = f"{kind} of a matmul on {ladder.device}, rung by rung: {said}. {title}."
    return text + (f" Not on this device: {', '.join(missing)}." if missing else "")
