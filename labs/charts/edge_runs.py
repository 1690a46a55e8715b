"""Runs of the emulated microcontroller side by side: what was counted, and what a model says."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labs.charts.axes import quantity_axis
from labs.charts.chart import Chart
from labs.charts.facts import distinct, join_words
from labs.charts.style import INK, MUTED, device_style, new_figure, row_axis, styled
from labs.errors import ResultError
from labs.units import format_bytes, format_count, format_quantity, format_ratio, format_seconds

_ROW_IN = 0.45
_MODELS = ("energy", "time")


@dataclass(frozen=True)
class _Bar:
    """One labelled run: sums over its launches; `model` is None where there is no figure."""

    label: str
    code_bytes: int
    instructions: int
    model: float | None
    made_for: tuple[str, ...]
    kernels: tuple[str, ...]


@dataclass(frozen=True)
class _Panel:
    """One quantity of all runs; quantities never share an axis."""

    title: str
    axis: str
    unit: str
    values: Sequence[float | None]
    words: Callable[[float | None], str]
    modelled: bool = False


@styled
def edge_runs_chart(
    runs: Mapping[str, Any], *, model: str = "energy", title: str = "", subtitle: str = ""
) -> Chart:
    """A few labelled runs on EDGE: code bytes, counted instructions, and energy from the model.

    Args:
        runs: label -> EdgeRun, or EdgeRuns of several launches, which are summed.
        model: "energy" or "time": what the third, modelled panel shows.
        title: the finding; made from the runs when empty.
        subtitle: the conditions; kernels, cores and levels when empty.
    """
    if model not in _MODELS:
        raise ResultError(
            "draw EDGE runs", expected=f"model to be {' or '.join(_MODELS)}", got=repr(model)
        )
    bars = [_bar(label, run, model) for label, run in runs.items()]
    if not bars:
        raise ResultError(
            "draw EDGE runs",
            expected="at least one labelled run",
            got="none",
            next_step='run a kernel on EDGE and pass {"-Os": Device["EDGE"].last_run}',
        )
    panels = _panels(bars, model)
    title = title or _finding(bars, panels)
    figure = new_figure(
        1.05 + _ROW_IN * len(bars),
        title=title,
        subtitle=subtitle or _conditions(bars),
        notes="Code and instructions are counted on the emulated core. Hollow, dashed: from the "
        f"core's cost model, not measured.{_missing_note(bars)}",
    )
    for axes, panel in zip(figure.subplots(1, len(panels), sharey=True), panels, strict=True):
        _draw(axes, panel)
    row_axis(figure.axes[0], [b.label for b in bars])
    return Chart(figure, _alt(bars, panels, title))


def _bar(label: str, run: Any, model: str) -> _Bar:
    launches = list(run) if isinstance(run, Sequence) else [run]
    if not launches:
        raise ResultError(
            f"draw the EDGE run {label!r}",
            expected="at least one launch",
            got="none",
            next_step="record() a block in which a kernel is realized",
        )
    code = {r.kernel: r.code_bytes for r in launches}  # a kernel launched twice is there once
    values = [r.model_energy_j if model == "energy" else r.model_time_s for r in launches]
    return _Bar(
        label,
        sum(code.values()),
        sum(r.instructions for r in launches),
        None if None in values else math.fsum(values),
        tuple(distinct(f"{r.core} -{r.level}" for r in launches)),
        tuple(code),
    )


def _panels(bars: Sequence[_Bar], model: str) -> tuple[_Panel, ...]:
    values = [b.model for b in bars]
    third = (
        # joules are drawn as µJ: a kernel's are that small
        _Panel(
            "Energy (model)",
            "Energy",
            "µJ",
            [None if v is None else v * 1e6 for v in values],
            lambda v: format_quantity(v, "µJ"),
            True,
        )
        if model == "energy"
        else _Panel("Time (model)", "Time", "s", values, format_seconds, True)
    )
    return (
        _Panel("Code", "Size in flash", "B", [b.code_bytes for b in bars], format_bytes),
        _Panel("Instructions", "Executed", "", [b.instructions for b in bars], format_count),
        third,
    )


def _draw(axes: Any, panel: _Panel) -> None:
    present = [v for v in panel.values if v is not None]
    most = max(present, default=0) or 1
    colour = device_style("EDGE").colour
    look = {"facecolor": colour, "edgecolor": INK}
    if panel.modelled:
        look = {"facecolor": "white", "edgecolor": colour, "linestyle": "--"}
    for y, value in enumerate(panel.values):
        if value is not None:
            axes.barh([y], [value], height=0.42, linewidth=1.4 if panel.modelled else 0.7, **look)
        text = panel.words(value) if value is not None else "no figure"
        axes.annotate(
            text,
            (0, y),
            (2, 12.5),
            textcoords="offset points",
            fontsize=9,
            va="center",
            color=INK if value is not None else MUTED,
        )
    axes.set_title(panel.title, fontsize=10, loc="left", fontweight="bold")
    row_axis(axes, [""] * len(panel.values))
    axes.set_ylim(len(panel.values) - 0.5, -0.75)  # room for the text above the first bar
    axes.set_xlim(0, most * 1.08)
    if panel.unit == "":  # large counts: tick labels in thousands or millions would collide
        factor, name = (1e6, "millions") if most >= 1e6 else (1e3, "thousands")
        factor, name = (factor, name) if most >= 1e4 else (1.0, "")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value / factor:,.6g}")
        axes.set_xlabel(f"{panel.axis} ({name})" if name else panel.axis)
    else:
        quantity_axis(axes.xaxis, panel.axis, panel.unit, present or [most])
    axes.xaxis.get_major_locator().set_params(nbins=4)


def _finding(bars: Sequence[_Bar], panels: Sequence[_Panel]) -> str:
    first, *others = bars
    if not others:
        return (
            f"{first.label}: {format_count(first.instructions)} instructions from "
            f"{format_bytes(first.code_bytes)} of code"
        )
    shown = others
    if len(others) > 2:  # a title with all of them would be a paragraph
        shown = [max(others, key=lambda b: _distance(b.instructions, first.instructions))]
    parts = []
    for b in shown:
        code = format_ratio(b.code_bytes / first.code_bytes, 2)
        count = format_ratio(b.instructions / first.instructions, 2)
        parts.append(f"{b.label} executes {count} the instructions from {code} the code")
    return f"Against {first.label}, {join_words(parts)}"


def _distance(a: float, b: float) -> float:
    return max(a / b, b / a)


def _conditions(bars: Sequence[_Bar]) -> str:
    kernels = distinct(k for b in bars for k in b.kernels)
    shown = ", ".join(kernels[:3]) + (f" and {len(kernels) - 3} more" if kernels[3:] else "")
    made_for = ", ".join(distinct(m for b in bars for m in b.made_for))
    return f"EDGE, emulated · {made_for} · {shown}"


def _missing_note(bars: Sequence[_Bar]) -> str:
    missing = [b.label for b in bars if b.model is None]
    return f" The model has no figure for {join_words(missing)}." if missing else ""


def _alt(bars: Sequence[_Bar], panels: Sequence[_Panel], title: str) -> str:
    said = []
    for i, b in enumerate(bars):
        values = (p.words(p.values[i]) if p.values[i] is not None else "none" for p in panels)
        code, count, model = values
        said.append(f"{b.label} {code} of code, {count} instructions, {model} by the model")
    return f"Runs on the emulated microcontroller: {'; '.join(said)}. {title}."
