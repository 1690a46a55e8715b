"""A running stream as light gauges of SVG, for a live panel that is drawn twice a second."""

from html import escape
from typing import Any

from matplotlib.colors import to_hex

from labs.charts.electrical_style import BLUE, ORANGE, RED, counted
from labs.charts.style import GRID, INK
from labs.units import format_percent, format_seconds

_WIDTH, _HEIGHT = 240, 14
_RESERVE = 0.7


def stream_gauges(statistics: Any) -> str:
    """Load, ring, latency and losses of a `Statistics`, with their limits, in words and bars."""
    s = statistics
    load = s.recent_load if s.recent_load is not None else s.load
    rows = [
        _gauge("load", load, 1.5, (_RESERVE, 1.0), format_percent(load)),
        _gauge("ring fill", s.ring_fill, 1.0, (s.ring_high_water,),
               f"{format_percent(s.ring_fill)}, at most {format_percent(s.ring_high_water)}"),
        _latency(s),
    ]  # fmt: skip
    facts = [
        ("dropped sample", s.dropped_samples),
        ("missing sample", s.missing_samples),
        ("gap", s.gap_count),
        ("deadline miss", s.deadline_misses),
    ]
    words = " · ".join(
        f"<b style='color:{to_hex(RED)}'>{_counted(n, name)} ⚠</b>" if n else _counted(0, name)
        for name, n in facts
    )
    return "".join(rows) + f"<div>{words}</div>"


def _counted(count: int, name: str) -> str:
    return counted(count, name, f"{name}es" if name.endswith("s") else "")


def _latency(s: Any) -> str:
    p50, p99, most = (
        format_seconds(t) for t in (s.latency_p50_s, s.latency_p99_s, s.latency_max_s)
    )
    text = f"p50 {p50}, p99 {p99}, max {most}"
    if s.control is not None:
        late = s.control
        text += f" (bare timer: p50 {format_seconds(late.p50_s)}, p99 {format_seconds(late.p99_s)})"
    if not s.deadline_s:
        return _words("latency", text)
    part = None if s.latency_p99_s is None else s.latency_p99_s / s.deadline_s
    text += f"; deadline {format_seconds(s.deadline_s)}"
    return _gauge("latency p99", part, 1.25, (1.0,), text)


def _gauge(name: str, value: float | None, full: float, marks: tuple[float, ...], text: str) -> str:
    if value is None:
        return _words(name, "no block yet")
    length = min(1.0, max(0.0, value / full)) * _WIDTH
    top = max((m for m in marks), default=full)
    colour = to_hex(BLUE if value <= min(marks, default=full) else ORANGE)
    colour = to_hex(RED) if value > top and len(marks) else colour
    lines = "".join(
        f'<line x1="{m / full * _WIDTH:.1f}" x2="{m / full * _WIDTH:.1f}" y1="0" y2="{_HEIGHT}" '
        f'stroke="{INK}" stroke-width="1.5"/>'
        for m in marks
    )
    bar = (
        f'<svg role="img" aria-label="{escape(f"{name}: {text}")}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" style="background:{GRID}">'
        f'<rect width="{length:.1f}" height="{_HEIGHT}" fill="{colour}"/>{lines}</svg>'
    )
    return _row(name, bar, text)


def _words(name: str, text: str) -> str:
    return _row(name, "", text)


def _row(name: str, bar: str, text: str) -> str:
    return (
        '<div style="display:flex;align-items:center;gap:10px;margin:2px 0">'
        f'<span style="flex:none;width:90px">{escape(name)}</span>{bar}'
        f"<span>{escape(text)}</span></div>"
    )
