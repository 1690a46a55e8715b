"""Charts of theoretical occupancy: where its steps are, and which resource makes each."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes

from labs.charts.chart import Chart
from labs.charts.style import INK, MUTED, device_style, new_figure, styled
from labs.errors import ResultError
from labs.units import format_bytes, format_percent

# limiter -> the device whose colour and marker it borrows: fixed, and told apart without colour
_LOOKS = {
    "warp slots": "CPU",
    "registers": "CUDA",
    "shared memory": "CL",
    "block slots": "WEBGPU",
    "barriers": "PYTHON",
    "": "NULL",
}


@styled
def occupancy_chart(
    by_threads: Sequence[Any],
    by_registers: Sequence[Any] = (),
    *,
    own_threads: int | None = None,
    own_registers: int | None = None,
    kernel: str = "",
) -> Chart:
    """Occupancy against block size, and against registers, each point marked by what limits it.

    Args:
        by_threads: Occupancy of one kernel for several block sizes (`occupancy_by_threads`).
        by_registers: for several numbers of registers (`occupancy_by_registers`).
        own_threads, own_registers: where the kernel itself stands.
        kernel: its name, for the subtitle.
    """
    rows = list(by_threads)
    if not rows:
        raise ResultError(
            "draw occupancy",
            expected="at least one Occupancy",
            got="none",
            next_step="make them with labs.gpu.occupancy.occupancy_by_threads",
        )
    title = _finding(rows, own_threads)
    figure = new_figure(
        3.3,
        title=title,
        subtitle=_conditions(rows, kernel),
        notes="Theoretical occupancy: warps that fit / warp slots. A bound on parallelism, not an "
        "estimate of speed. Marks: the resource that limits (the first, when several tie).",
    )
    panels = [("Threads in a block", "threads", rows, own_threads)]
    if by_registers:
        panels.append(("Registers of a thread", "registers", list(by_registers), own_registers))
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for at, (label, field, points, own) in zip(axes, panels, strict=True):
        _panel(at, label, [getattr(o, field) for o in points], points, own)
    axes[0].set_ylabel("Occupancy (%)")
    handles = {h.get_label(): h for at in axes for h in at.get_legend_handles_labels()[0]}
    axes[0].legend(
        handles.values(),
        handles.keys(),
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=len(handles),
        borderaxespad=0.1,
        columnspacing=1.2,
        handletextpad=0.3,
    ).set_in_layout(False)
    for at in axes[1:]:  # the legend is as high as a title, and reaches over both
        at.set_title(" ")
    axes[0].set_title(" ")
    return Chart(figure, _alt(rows, list(by_registers), title))


def _panel(axes: Axes, label: str, x: list[int], points: list[Any], own: int | None) -> None:
    axes.plot(x, [o.percent for o in points], color=MUTED, linewidth=0.9, zorder=1)
    for name in dict.fromkeys(_limiter(o) for o in points):
        chosen = [(i, o) for i, o in zip(x, points, strict=True) if _limiter(o) == name]
        style = device_style(_LOOKS.get(name, "NULL"))
        axes.plot(
            [i for i, _ in chosen],
            [o.percent for _, o in chosen],
            linestyle="",
            marker=style.marker,
            color=style.colour,
            markersize=5 if len(points) < 64 else 3,
            label=name or "impossible",
            clip_on=False,
        )
    if own is not None:
        axes.axvline(own, color=INK, linewidth=1, linestyle="--", zorder=0)
        axes.annotate(
            "this kernel",
            (own, 1),
            (3, -3),
            xycoords=axes.get_xaxis_transform(),
            textcoords="offset points",
            va="top",
            fontsize=9,
        )
    axes.set_ylim(0, 108)
    axes.set_xlim(0, max(x) * 1.03)
    axes.set_xlabel(label)


def _limiter(occupancy: Any) -> str:
    return occupancy.limiters[0] if occupancy.limiters else ""


def _finding(rows: list[Any], own: int | None) -> str:
    best = max(rows, key=lambda o: (o.percent, -o.threads))
    mine = next((o for o in rows if o.threads == own), None)
    most = f"{format_percent(best.fraction)} at {best.threads} threads a block"
    if mine is None:
        worst = min((o for o in rows if not o.impossible), key=lambda o: o.percent, default=best)
        return (
            f"Occupancy depends on the block: {most}, {format_percent(worst.fraction)} at "
            f"{worst.threads}"
        )
    here = f"{format_percent(mine.fraction)} at {mine.threads} threads"
    if mine.impossible:
        return f"{mine.threads} threads a block can't be launched; {most} can"
    if mine.percent >= best.percent:
        return f"This launch has {here}, and no block size has more"
    return f"This launch has {here}, limited by {mine.limiter}; {most} would be the most"


def _conditions(rows: list[Any], kernel: str) -> str:
    first = rows[0]
    parts = (
        kernel,
        f"compute capability {first.capability}",
        f"{first.registers} registers a thread",
        f"{format_bytes(first.shared_bytes)} of shared memory a block",
    )
    return " · ".join(p for p in parts if p)


def _alt(rows: list[Any], by_registers: list[Any], title: str) -> str:
    steps = []
    for o in rows:
        text = (
            f"{format_percent(o.fraction)} from {o.threads} threads ({o.limiter or 'impossible'})"
        )
        if not steps or steps[-1][0] != (o.percent, o.limiters):
            steps.append(((o.percent, o.limiters), text))
    said = "; ".join(text for _, text in steps[:6])
    more = ", and more steps" if len(steps) > 6 else ""
    also = ""
    if by_registers:
        low, high = by_registers[0], by_registers[-1]
        also = (
            f" By registers it goes from {format_percent(low.fraction)} at {low.registers} to "
            f"{format_percent(high.fraction)} at {high.registers}."
        )
    return f"Theoretical occupancy by block size: {said}{more}.{also} {title}."
