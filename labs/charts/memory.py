"""Charts of device memory: a timeline of a traced block of code, and copy bandwidth by size."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from labs.charts.axes import byte_size_axis, quantity_axis
from labs.charts.chart import Chart
from labs.charts.facts import conditions, distinct, join_words
from labs.charts.style import (
    INK,
    MUTED,
    device_style,
    draw_interval,
    marker_look,
    new_figure,
    styled,
)
from labs.errors import ResultError
from labs.units import format_bytes, format_bytes_per_s, format_seconds

_RING = {"marker": "o", "markersize": 14, "markerfacecolor": "none", "markeredgecolor": INK}
_COPY_MARKS = {"copy_in": "v", "copy_out": "^", "transfer": ">", "zero_copy": "d"}


@styled
def memory_chart(trace: Any, *, title: str = "", highlight: int | None = None) -> Chart:
    """Live bytes over time as steps, one line per device, with the peak labelled and copies marked.

    Args:
        trace: a MemoryTrace of `labs.lowering.trace_memory`.
        title: the finding; made from the peak and the leaks when empty.
        highlight: the number of one event to mark, in order of time.
    """
    events = sorted(trace.events, key=lambda e: e.t_s)
    if not events:
        raise ResultError(
            "draw a memory timeline",
            expected="at least one event",
            got="none: nothing was allocated or copied while tracing",
            next_step="realise a tensor inside the 'with trace_memory(...)' block",
        )
    devices = distinct(e.device for e in events)
    peaks = {d: max(e.live_bytes for e in events if e.device == d) for d in devices}
    top = max(peaks, key=peaks.__getitem__)
    title = title or _memory_finding(events, devices, peaks, top)
    copies = [e for e in events if e.kind in _COPY_MARKS]
    counts = {k: [e for e in events if e.kind == k] for k in distinct(e.kind for e in events)}
    said = ", ".join(
        f"{len(found)} {kind.replace('_', ' ')} ({format_bytes(sum(e.bytes for e in found))})"
        for kind, found in counts.items()
    )
    duration = events[-1].t_s - events[0].t_s
    subtitle = f"{', '.join(devices)} · {len(events)} events in {format_seconds(duration)} · {said}"
    figure = new_figure(3.2, title=title, subtitle=subtitle)
    axes = figure.add_subplot()
    start = events[0].t_s
    for device in devices:
        mine = [e for e in events if e.device == device]
        _steps(axes, device, mine, start, events[-1].t_s + 0.02 * duration)
    for kind in distinct(e.kind for e in copies):
        found = [e for e in copies if e.kind == kind]
        axes.plot(
            [e.t_s - start for e in found],
            [e.live_bytes for e in found],
            linestyle="",
            marker=_COPY_MARKS[kind],
            color=INK,
            markersize=6,
            label=kind.replace("_", " "),
        )
    peak = next(e for e in events if e.device == top and e.live_bytes == peaks[top])
    _peak_label(axes, peak, start, duration)
    if highlight is not None:
        e = events[highlight]
        axes.axvline(e.t_s - start, color=INK, linewidth=1, linestyle=":")
        axes.plot([e.t_s - start], [e.live_bytes], **_RING)
    highest = max(max(e.live_bytes, getattr(e, "kept_bytes", 0)) for e in events)
    axes.set_ylim(0, max(1, highest) * 1.22)
    quantity_axis(axes.xaxis, "Time since the first event", "s", [duration])
    quantity_axis(axes.yaxis, "Live device memory", "B", [highest])
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return Chart(figure, f"Device memory over time on {join_words(devices)}: {said}. {title}.")


def _steps(axes: Any, device: str, mine: Sequence[Any], start: float, end: float) -> None:
    style = device_style(device)
    times = [0.0, *(e.t_s - start for e in mine), end - start]
    before = mine[0].live_bytes - _change(mine[0])
    live = [before, *(e.live_bytes for e in mine), mine[-1].live_bytes]
    axes.step(times, live, where="post", color=style.colour, linestyle=style.line, label=device)
    axes.fill_between(times, live, step="post", color=style.colour, alpha=0.12)
    kept = [getattr(e, "kept_bytes", 0) for e in mine]
    if any(kept):
        look = {"color": style.colour, "linestyle": ":", "linewidth": 1.3}
        label = f"{device}, kept for reuse"
        axes.step(times, [kept[0], *kept, kept[-1]], where="post", label=label, **look)


def _change(event: Any) -> int:
    return {"allocate": event.bytes, "reuse": event.bytes, "free": -event.bytes}.get(event.kind, 0)


def _peak_label(axes: Any, event: Any, start: float, duration: float) -> None:
    t_s = event.t_s - start
    axes.annotate(
        f"peak {format_bytes(event.live_bytes)}",
        (t_s, event.live_bytes),
        (0, 12),
        textcoords="offset points",
        ha="left" if t_s < 0.1 * duration else "center",  # not across the axis
        fontsize=9,
        fontweight="bold",
        arrowprops={"arrowstyle": "-", "color": MUTED},
    )


def _memory_finding(
    events: Sequence[Any], devices: Sequence[str], peaks: dict[str, int], top: str
) -> str:
    left = {d: [e for e in events if e.device == d][-1].live_bytes for d in devices}
    text = f"Live memory on {top} peaks at {format_bytes(peaks[top])}"
    kept = [f"{format_bytes(b)} on {d}" for d, b in left.items() if b > 0]
    text += f" and ends with {join_words(kept)} still live" if kept else " and all of it is freed"
    reused = sum(e.kind == "reuse" for e in events)
    if reused:
        text += f"; {reused} allocation{'s reuse' if reused > 1 else ' reuses'} a cached buffer"
    return text


@dataclass(frozen=True)
class TransferPoint:
    """Bandwidth of one copy size, as `transfer_chart` draws it.

    Args:
        size_bytes: bytes moved by one copy.
        bytes_per_s: median bandwidth.
        interval: an object with .low and .high in bytes per second, or None.
        direction: "copy in" (host to device) or "copy out" (device to host).
        device: the device's name.
    """

    size_bytes: int
    bytes_per_s: float
    interval: Any
    direction: str
    device: str


@styled
def transfer_chart(points: Iterable[Any], *, subtitle: str = "") -> Chart:
    """Copy bandwidth by size, host to device and device to host side by side.

    Args:
        points: TransferPoints, or anything with the same attributes.
        subtitle: the conditions; made from the points' measurements when empty.
    """
    rows = sorted(points, key=lambda p: p.size_bytes)
    if not rows:
        raise ResultError(
            "draw transfer bandwidth",
            expected="at least one size",
            got="none",
            next_step="measure copies of a few sizes first",
        )
    directions = sorted(distinct(p.direction for p in rows))  # copy in, copy out
    devices = distinct(p.device for p in rows)
    best = max(rows, key=lambda p: p.bytes_per_s)
    title = (
        f"The fastest copy is {best.device} {_direction_words(best.direction)} at "
        f"{format_bytes(best.size_bytes)}: {format_bytes_per_s(best.bytes_per_s)}"
    )
    small = min(rows, key=lambda p: p.size_bytes)
    if small.size_bytes < best.size_bytes:
        title += f"; at {format_bytes(small.size_bytes)} it is {_same_line_at(rows, best)}"
    measured = [p.measurement for p in rows if getattr(p, "measurement", None)]
    head = subtitle or (conditions(measured) if measured else ", ".join(devices))
    figure = new_figure(3.1, title=title, subtitle=head, notes="Bars: 95% interval of the median.")
    panels = figure.subplots(1, len(directions), sharey=True, squeeze=False)[0]
    rates = [p.bytes_per_s for p in rows]
    for panel, direction in zip(panels, directions, strict=True):
        for device in devices:
            mine = [p for p in rows if p.device == device and p.direction == direction]
            _bandwidth_line(panel, device, mine)
        panel.set_title(_direction_words(direction).capitalize(), fontsize=10, loc="left")
        panel.set_xscale("log", base=2)
        panel.set_yscale("log")
        byte_size_axis(panel.xaxis, "Size of one copy", [p.size_bytes for p in rows])
        panel.tick_params(axis="x", rotation=30)
    quantity_axis(panels[0].yaxis, "Bandwidth", "B/s", rates, log=True)
    panels[0].legend(loc="best")
    said = "; ".join(_line_words(rows, device, d) for device in devices for d in directions)
    return Chart(figure, f"Copy bandwidth by size: {said}. {title}.")


def _bandwidth_line(panel: Any, device: str, mine: Sequence[Any]) -> None:
    if not mine:
        return
    style = device_style(device)
    panel.plot(
        [p.size_bytes for p in mine],
        [p.bytes_per_s for p in mine],
        linestyle=style.line,
        label=device,
        **marker_look(device),
    )
    for p in mine:
        if p.interval is not None:
            draw_interval(panel, p.interval.low, p.interval.high, p.size_bytes, upright=True)


def _direction_words(direction: str) -> str:
    return {"copy in": "host to device", "copy out": "device to host"}.get(direction, direction)


def _same_line_at(rows: Sequence[Any], best: Any) -> str:
    line = [p for p in rows if (p.device, p.direction) == (best.device, best.direction)]
    return format_bytes_per_s(line[0].bytes_per_s)


def _line_words(rows: Sequence[Any], device: str, direction: str) -> str:
    mine = [p for p in rows if p.device == device and p.direction == direction]
    if not mine:
        return f"{device} {_direction_words(direction)} not measured"
    low, high = mine[0], mine[-1]
    return (
        f"{device} {_direction_words(direction)} {format_bytes_per_s(low.bytes_per_s)} at "
        f"{format_bytes(low.size_bytes)} to {format_bytes_per_s(high.bytes_per_s)} at "
        f"{format_bytes(high.size_bytes)}"
    )
