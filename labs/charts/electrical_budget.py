"""Budgets: what each part of a plan takes of the real time there is; and on a microcontroller.

Measured load and the model of a microcontroller are two charts: they are never in one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from labs.charts.axes import quantity_axis
from labs.charts.chart import Chart
from labs.charts.electrical_style import BLUE, LIMIT, ORANGE, PURPLE, SKY, needs
from labs.charts.facts import join_words
from labs.charts.style import MUTED, new_figure, row_axis, side_text, styled
from labs.units import format_bytes, format_percent, format_seconds

_RESERVE = 0.7


@dataclass(frozen=True)
class LoadShare:
    """Processing time of one part / time of the samples. None: not known."""

    name: str
    predicted: float | None
    measured: float | None = None


@dataclass(frozen=True)
class EdgeShare:
    """One meter on a microcontroller: what it holds in memory, and its time for a block by the
    model."""

    name: str
    memory_bytes: float
    model_s: float


@styled
def load_budget_chart(
    parts: Sequence[LoadShare],
    *,
    total: LoadShare | None = None,
    reserve: float = _RESERVE,
    title: str = "",
    subtitle: str = "",
) -> Chart:
    """Load of each part, as predicted before the run and as measured in it.

    Args:
        parts: of the plan, in its order; not necessarily all of the whole.
        total: of the whole stream, drawn last with the limits beside it.
        reserve: the load that a plan may have, marked.
    """
    needs("draw a real-time budget", parts, "part", "make a plan first")
    rows = [*parts, *([total] if total else [])]
    title = title or _load_finding(parts, total, reserve)
    figure = new_figure(
        0.7 + 0.42 * len(rows), title=title,
        subtitle=subtitle or "processing time / time that the samples stand for",
        notes="Predicted: measured on this machine before the stream began, with samples like "
        "those to come.",
    )  # fmt: skip
    axes = figure.add_subplot()
    for y, row in enumerate(rows):
        for value, offset, look in (
            (row.predicted, -0.18, {"facecolor": "white", "edgecolor": BLUE, "hatch": "////"}),
            (row.measured, 0.18, {"facecolor": BLUE, "edgecolor": BLUE}),
        ):
            if value is not None:
                axes.barh([y + offset], [100 * value], height=0.32, **look)
        side_text(axes, y, _load_words(row))
    values = [100 * v for r in rows for v in (r.predicted, r.measured) if v is not None]
    most = max(values, default=1.0)
    if most > 40:  # else the limits would make all bars look alike
        axes.axvline(100 * reserve, color=ORANGE, linestyle=(0, (1, 1)), linewidth=1.6)
        axes.axvline(100, **LIMIT)
        most = max(most, 100)
    axes.set_xlim(0, most * 1.06 or 1.0)
    row_axis(axes, [r.name for r in rows])
    quantity_axis(axes.xaxis, "Load", "% of one processor", [most])
    handles = [Patch(facecolor="white", edgecolor=BLUE, hatch="////", label="predicted")]
    if any(r.measured is not None for r in rows):
        handles.append(Patch(facecolor=BLUE, label="measured"))
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, fontsize=8.5)
    said = "; ".join(f"{r.name} {_load_words(r)}" for r in rows)
    return Chart(figure, f"Real-time budget. {title}. {said}.")


@styled
def edge_budget_chart(
    parts: Sequence[EdgeShare],
    *,
    memory_limit_bytes: float,
    block_s: float,
    device: str = "EDGE",
    model: str = "",
    title: str = "",
    subtitle: str = "",
) -> Chart:
    """Does it fit a microcontroller: memory against what there is, model time against a block.

    Args:
        parts: one for each meter.
        memory_limit_bytes: of the target.
        block_s: how long a block lasts: what the sum of times must stay under.
        model: how time was modelled (clock, instructions), for the notes.
    """
    needs("draw a microcontroller's budget", parts, "meter", "fit a specification first")
    memory, time_s = sum(p.memory_bytes for p in parts), sum(p.model_s for p in parts)
    fits = memory <= memory_limit_bytes and time_s <= block_s
    title = title or (
        f"{device}: {'fits' if fits else 'does not fit'}: {format_bytes(memory)} of "
        f"{format_bytes(memory_limit_bytes)}, and by the model {format_seconds(time_s)} of each "
        f"{format_seconds(block_s)}"
    )
    figure = new_figure(
        2.1, title=title, subtitle=subtitle or f"{len(parts)} meters on {device} · model time",
        notes=f"Model: {model or 'time from counted instructions'}; nothing here was timed.",
    )  # fmt: skip
    grid = figure.subplots(2, 1)
    both = (
        ("memory_bytes", memory_limit_bytes, "Memory", "B", format_bytes),
        ("model_s", block_s, "Time for a block (model)", "s", format_seconds),
    )
    for axes, (name, limit, words, unit, text) in zip(grid, both, strict=True):
        _stack(axes, [(p.name, getattr(p, name)) for p in parts], limit, text)
        quantity_axis(axes.xaxis, words, unit, [limit])
    looks = _looks(len(parts))
    handles = [Patch(label=p.name, **look) for p, look in zip(parts, looks, strict=True)]
    grid[0].legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=4,
                   fontsize=8.5)  # fmt: skip
    said = "; ".join(
        f"{p.name} {format_bytes(p.memory_bytes)}, model {format_seconds(p.model_s)}" for p in parts
    )
    return Chart(figure, f"Budget of a microcontroller. {title}. {said}.")


def _stack(axes: Axes, parts: Sequence[tuple[str, float]], limit: float, text) -> None:
    left = 0.0
    for (_, value), look in zip(parts, _looks(len(parts)), strict=True):
        axes.barh([0], [value], left=left, height=0.6, linewidth=0.8, **look)
        left += value
    axes.axvline(limit, **LIMIT)
    axes.set_xlim(0, max(left, limit) * 1.12)
    axes.set_yticks([])
    axes.set_ylim(-0.5, 0.5)
    side_text(axes, 0, f"{text(left)}\n{format_percent(left / limit)} of {text(limit)}")


def _looks(count: int) -> list[dict[str, object]]:
    base = ((BLUE, ""), (SKY, "////"), (ORANGE, "...."), (PURPLE, "\\\\\\\\"), (MUTED, "xxxx"))
    return [
        {"facecolor": c, "edgecolor": "white", "hatch": h}
        for c, h in (base[i % len(base)] for i in range(count))
    ]


def _load_words(row: LoadShare) -> str:
    parts = []
    if row.predicted is not None:
        parts.append(f"predicted {format_percent(row.predicted)}")
    if row.measured is not None:
        parts.append(f"measured {format_percent(row.measured)}")
    return ", ".join(parts) or "not known"


def _load_finding(parts: Sequence[LoadShare], total: LoadShare | None, reserve: float) -> str:
    known = [p for p in parts if p.predicted is not None or p.measured is not None]
    if total is not None:
        load = total.measured if total.measured is not None else total.predicted
        how = "measured" if total.measured is not None else "predicted"
        words = "leaves room" if load is not None and load <= reserve else "leaves too little"
        text = f"A {how} load of {format_percent(load)} {words}"
    else:
        text = f"{len(parts)} parts"
    if not known:
        return text
    most = max(known, key=lambda p: p.measured if p.measured is not None else p.predicted)
    return f"{text}; {join_words([most.name])} takes most"
