"""One product in several ways: how fast each is, and how far off its result."""

from typing import Any

from labs.charts.axes import quantity_axis
from labs.charts.chart import Chart
from labs.charts.facts import conditions, distinct, join_words
from labs.charts.style import (
    draw_interval,
    marker_look,
    new_figure,
    row_axis,
    side_text,
    styled,
)
from labs.errors import ResultError
from labs.units import format_flop_per_s, format_quantity, format_ratio


@styled
def compute_chart(study: Any, n: int | None = None) -> Chart:
    """Throughput of each way at one size, with kernels, error and what bounds it beside it.

    Args:
        study: as `labs.gpu.compute.measure_products` returns it.
        n: the size; the largest when None.

    Raises:
        ResultError: when nothing was measured at that size.
    """
    n = max((r.n for r in study.rows), default=None) if n is None else n
    rows = study.select(n=n)
    if not rows:
        raise ResultError(
            f"draw the products of size {n}",
            expected=f"one of {', '.join(map(str, distinct(r.n for r in study.rows))) or 'none'}",
            got=repr(n),
            next_step="name a size that was measured",
        )
    title = _finding(study, rows, n)
    notes = "Right of each row: kernels, error (root mean square against float64), bound by. "
    notes += "Operations of the plain product; those of int8 are whole-number operations."
    figure = new_figure(
        0.8 + 0.42 * len(rows), title=title, notes=notes,
        subtitle=conditions([r.placement.time for r in rows]) + f" · n={n}",
    )  # fmt: skip
    axes = figure.add_subplot()
    rates = [r.operations_per_s for r in rows]
    for y, r in enumerate(rows):
        p = r.placement
        look = marker_look(study.device.split(":")[0], modelled=p.modelled)
        axes.plot([r.operations_per_s], [y], linestyle="", **look)
        if (ends := p.time.interval_s) is not None:
            draw_interval(axes, p.min_flop / ends.high, p.min_flop / ends.low, y)
        kernels = f"{len(p.work.kernels)} kernel{'s' if len(p.work.kernels) > 1 else ''}"
        side_text(axes, y, f"{_rate(r)}, {kernels}\n{_error(r)}, bound: {p.bound_by}")
    axes.set_xlim(0, max(rates) * 1.25)
    row_axis(axes, [r.way for r in rows])
    quantity_axis(axes.xaxis, "Throughput", "FLOP/s", rates)
    told = "; ".join(f"{r.way} {_rate(r)}, {_error(r)}" for r in rows)
    return Chart(figure, f"Products of {n} x {n} on {study.device}: {told}. {title}.")


def _rate(r: Any) -> str:
    text = format_flop_per_s(r.operations_per_s)
    return text.replace("FLOP/s", "OP/s") if r.loads.startswith("int") else text


def _error(r: Any) -> str:
    if r.relative_error < 1e-6:
        return "error below 1e-6"
    return f"error {format_quantity(r.relative_error, '', 2)}"


def _finding(study: Any, rows: Any, n: int) -> str:
    by_way = {r.way: r for r in rows}
    best = max(rows, key=lambda r: r.operations_per_s)
    title = f"On {study.device} at n={n}, {best.way} is fastest ({_rate(best)})"
    if "fused" in by_way and "unfused" in by_way:
        c = study.compare("unfused", "fused", n)
        word = c.word if c.word == "not resolved" else f"{c.word} ({format_ratio(c.speedup, 2)})"
        title += f"; fused against unfused is {word}"
    lossy = [r for r in rows if r.relative_error > 1e-3]
    if lossy:
        worst = max(lossy, key=lambda r: r.relative_error)
        title += f"; {join_words([worst.way])} is off by {_error(worst).removeprefix('error ')}"
    return title
