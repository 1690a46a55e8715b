"""What launching costs: time against number of kernels, and where a kernel hides its launch."""

from collections.abc import Sequence
from typing import Any

from labs.charts.axes import quantity_axis
from labs.charts.chart import Chart
from labs.charts.facts import conditions, join_words
from labs.charts.style import INK, MUTED, device_style, new_figure, styled
from labs.errors import ResultError
from labs.units import format_count, format_interval, format_ratio, format_seconds

_HEIGHT_IN = 3.4
# one look for each way to launch, in the fixed styles of three devices that differ in luminance
_LOOKS = {"eager": "CUDA", "TinyJit": "CPU", "graph": "CL"}


@styled
def launch_chart(fit: Any) -> Chart:
    """The time of a call against the kernels in it, one line for each way to launch.

    Args:
        fit: as `labs.gpu.launch.measure_launches` returns it.

    Raises:
        ResultError: when no way to launch could be measured.
    """
    lines = [line for line in fit.lines if line.points]
    if not lines:
        raise ResultError(
            "draw the launch overhead",
            expected="at least one way to launch that was measured",
            got="; ".join(f"{line.mode}: {line.reason}" for line in fit.lines) or "none",
            next_step="look at the fit's table for the reasons",
        )
    title = _finding(fit, lines)
    notes = ["Lines: least squares through the medians; bars: 95% interval over rounds."]
    notes += [f"No {line.mode}: {line.reason}." for line in fit.lines if not line.points]
    figure = new_figure(
        _HEIGHT_IN, title=title, subtitle=conditions(list(fit.results)), notes=" ".join(notes)
    )
    axes = figure.add_subplot()
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    values = [p.seconds for line in lines for p in line.points]
    for line in lines:
        style = device_style(_LOOKS.get(line.mode, "NULL"))
        x, y = zip(*((p.kernels, p.seconds) for p in line.points), strict=True)
        for p in line.points:
            if p.interval is not None:
                ends = [p.interval.low, p.interval.high]
                axes.plot([p.kernels] * 2, ends, color=INK, linewidth=1.2, zorder=3)
        axes.plot(x, y, linestyle="", marker=style.marker, color=style.colour,
                  markeredgecolor=INK, markeredgewidth=0.7, zorder=4)  # fmt: skip
        fitted = [line.fixed_s + line.per_kernel_s * k for k in x]
        if min(fitted) > 0:
            axes.plot(x, fitted, color=style.colour, linestyle=style.line, zorder=2)
        axes.annotate(
            f"{line.mode}: {_slope(line)}", (x[-1], y[-1]), (8, 0), textcoords="offset points",
            va="center", fontsize=9, color=INK, annotation_clip=False,
        )  # fmt: skip
    most = max(p.kernels for line in lines for p in line.points)
    least = min(p.kernels for line in lines for p in line.points)
    axes.set_xlim(least / 1.3, most * 6)  # room for the words at the right
    ticks = sorted({p.kernels for line in lines for p in line.points})
    axes.set_xticks(ticks, [str(t) for t in ticks])
    axes.minorticks_off()
    axes.set_xlabel("Kernels in a call (log scale)")
    quantity_axis(axes.yaxis, "Wall time of a call", "s", values, log=True)
    told = "; ".join(f"{line.mode} {_slope(line)}" for line in lines)
    return Chart(figure, f"Wall time of a call against its kernels on {fit.device}: {told}. "
                         f"{title}.")  # fmt: skip


@styled
def payoff_chart(payoff: Any) -> Chart:
    """The time of a kernel by its size, and the line above which a launch is a tenth of it.

    Args:
        payoff: as `labs.gpu.batching.find_payoff` returns it.
    """
    if not payoff.points:
        raise ResultError(
            "draw where batching pays off",
            expected="at least one measured size",
            got="none",
            next_step="look at the payoff's table for the reason",
        )
    hidden = 10 * payoff.launch_s
    if payoff.elements:
        title = f"On {payoff.device}, a kernel hides its launch from "
        title += (
            f"{format_count(float(f'{payoff.elements:.2g}'))} elements on: below, batching pays off"
        )
    else:
        title = f"On {payoff.device}, no measured kernel is long enough to hide its launch"
    notes = f"A launch by {payoff.mode}: {format_seconds(payoff.launch_s)}; hidden: less than a "
    notes += "tenth of the kernel's time."
    figure = new_figure(3.2, title=title, subtitle="a + 3 b, float32, device time", notes=notes)
    axes = figure.add_subplot()
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    x, y = zip(*payoff.points, strict=True)
    style = device_style(payoff.device.split(":")[0])
    axes.plot(x, y, marker=style.marker, color=style.colour, linestyle=style.line,
              markeredgecolor=INK, markeredgewidth=0.7, zorder=3)  # fmt: skip
    for value, words in ((payoff.launch_s, "one launch"), (hidden, "ten launches")):
        axes.axhline(value, color=MUTED, linestyle="--", linewidth=1.2, zorder=1)
        axes.annotate(
            f"{words}, {format_seconds(value)}", (0, value), (4, 3), va="bottom", fontsize=9,
            xycoords=axes.get_yaxis_transform(), textcoords="offset points", color=MUTED,
        )  # fmt: skip
    if payoff.elements:
        axes.axvline(payoff.elements, color=MUTED, linewidth=1, linestyle=":")
    quantity_axis(axes.yaxis, "The kernel's time", "s", [*y, hidden, payoff.launch_s], log=True)
    axes.set_xticks(x, [_short_count(n) for n in x])
    axes.minorticks_off()
    axes.set_xlabel("Elements (log scale)")
    told = "; ".join(f"{format_count(n)} elements {format_seconds(s)}" for n, s in payoff.points)
    return Chart(figure, f"Time of a kernel by size on {payoff.device}: {told}. {title}.")


def _short_count(n: int) -> str:
    for size, letter in ((1 << 20, "Mi"), (1 << 10, "Ki")):
        if n >= size and n % size == 0:
            return f"{n // size} {letter}"
    return str(n)


def _slope(line: Any) -> str:
    if not line.is_resolved:
        return "one more kernel is not resolved from nothing"
    ends = line.per_kernel_interval
    interval = format_interval(ends.low, ends.high, format_seconds)
    return f"{format_seconds(line.per_kernel_s)} a kernel {interval}"


def _finding(fit: Any, lines: Sequence[Any]) -> str:
    found = [line for line in lines if line.is_resolved]
    if not found:
        return f"On {fit.device}, the cost of a launch is not resolved"
    costs = [f"{format_seconds(line.per_kernel_s)} by {line.mode}" for line in found]
    title = f"On {fit.device}, one more kernel costs {join_words(costs)}"
    if len(found) > 1:
        dear, cheap = (pick(found, key=lambda line: line.per_kernel_s) for pick in (max, min))
        title += f": {format_ratio(dear.per_kernel_s / cheap.per_kernel_s, 2)} less"
    return title
