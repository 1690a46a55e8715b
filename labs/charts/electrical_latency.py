"""Latencies of a stream as cumulative shares, with the deadline and what the machine itself does.

The bare timer beside it is the control: what it is late by as well isn't the pipeline's doing.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from labs.charts.axes import quantity_axis
from labs.charts.chart import Chart
from labs.charts.electrical_style import BLUE, LIMIT, LINES, ORANGE, legend_above, needs
from labs.charts.style import MUTED, new_figure, styled
from labs.errors import ResultError
from labs.units import format_percent, format_seconds

_SHARES = (0.5, 0.99)
_LEAST_S = 1e-7  # of the logarithmic axis; what is faster stands there
# shares as the numbers of nines they have, so that the rare ones get room
_TICKS = (0.5, 0.9, 0.99, 0.999, 0.9999)


@styled
def latency_chart(
    latencies: Any,
    *,
    deadline_s: float | None = None,
    control: Any = None,
    others: Mapping[str, Any] | None = None,
    title: str = "",
    subtitle: str = "",
) -> Chart:
    """Share of blocks done within a time; the axis of shares has room for the rare late ones.

    Args:
        latencies: [n] seconds, or [k, 2] pairs (seconds, share at or below), as a histogram has
            them.
        deadline_s: drawn as a line.
        control: the same of a bare periodic timer on the same machine at the same time.
        others: name -> the same, more streams to compare.
    """
    needs("draw latencies", latencies is not None, "latency", "run a stream first")
    curves = {"block": _curve(latencies)}
    if control is not None:
        curves["bare timer (control)"] = _curve(control)
    curves |= {name: _curve(v) for name, v in (others or {}).items()}
    title = title or _finding(curves, deadline_s)
    count = np.asarray(latencies).shape[0]
    kind = f"{count:,} blocks" if np.asarray(latencies).ndim == 1 else "from a histogram"
    figure = new_figure(
        2.8, title=title, subtitle=subtitle or f"{kind} · last sample in to last reading judged",
        notes="" if control is None else "The control is how late this machine woke a timer: what "
        "it is late by, too, isn't the pipeline's doing. Shares near 100% are spread out.",
    )  # fmt: skip
    axes = figure.add_subplot()
    axes.set_xscale("log")
    looks = ((BLUE, "-"), (ORANGE, "--"), *LINES[2:]) * (1 + len(curves))
    for (name, (x, share)), (colour, line) in zip(curves.items(), looks, strict=False):
        x = np.maximum(x, _LEAST_S)
        nines = _nines(share)
        axes.step(np.append(x[0], x), np.append(0.0, nines), where="post", color=colour,
                  linestyle=line, linewidth=1.7, label=name)  # fmt: skip
        axes.plot([x[-1]], [nines[-1]], "o", color=colour, markersize=5)
    if deadline_s is not None:
        axes.axvline(deadline_s, label=f"deadline {format_seconds(deadline_s)}", **LIMIT)
    _percentiles(axes, curves["block"])
    highest = max(_nines(s)[-1] for _, s in curves.values())
    ticks = [t for t in _TICKS if _nines(np.array([t]))[0] <= highest + 0.01]
    axes.set_yticks(_nines(np.array(ticks)), [format_percent(t, 6) for t in ticks])
    axes.set_ylim(0, highest * 1.08 + 0.05)
    axes.set_ylabel("Share of blocks done")
    every = np.concatenate([np.maximum(x, _LEAST_S) for x, _ in curves.values()])
    quantity_axis(axes.xaxis, "Latency", "s", [*every, deadline_s or every[0]], log=True)
    legend_above(axes)
    said = "; ".join(
        f"{n}: p50 {format_seconds(at(x, s, 0.5))}, p99 {format_seconds(at(x, s, 0.99))}, "
        f"max {format_seconds(float(x[-1]))}"
        for n, (x, s) in curves.items()
    )
    return Chart(figure, f"Cumulative latencies. {title}. {said}.")


def at(x: np.ndarray, share: np.ndarray, wanted: float) -> float:
    """The least time within which that share is done."""
    return float(x[min(int(np.searchsorted(share, wanted - 1e-12)), x.size - 1)])


def _curve(given: Any) -> tuple[np.ndarray, np.ndarray]:
    data = np.asarray(given, float)
    if not data.size or data.ndim > 2 or (data.ndim == 2 and data.shape[1] != 2):
        raise ResultError(
            "draw latencies",
            expected="[n] seconds, or [k, 2] pairs of seconds and share",
            got=f"an array of shape {data.shape}",
            next_step="give one latency for each block",
        )
    if np.isnan(data).any() or (data < 0).any():
        raise ResultError("draw latencies", expected="times of at least 0", got="NaN or negative")
    if data.ndim == 2:
        return data[:, 0], data[:, 1]
    x = np.sort(data)
    return x, np.arange(1, x.size + 1) / x.size


def _nines(share: np.ndarray) -> np.ndarray:
    """0 -> 0, 0.9 -> 1, 0.99 -> 2; all of n ends where n values can say something."""
    share = np.asarray(share, float)
    rest = 1 - share
    least = rest[rest > 1e-12].min() / 2 if (rest > 1e-12).any() else 0.05
    return -np.log10(np.maximum(rest, least))


def _percentiles(axes: Axes, curve: tuple[np.ndarray, np.ndarray]) -> None:
    for share in _SHARES:
        value = max(at(*curve, share), _LEAST_S)
        y = float(-np.log10(1 - share))
        if y <= _nines(curve[1])[-1]:
            axes.annotate(f"p{share * 100:g} {format_seconds(value)}", (value, y), (8, 0),
                          textcoords="offset points", fontsize=9,
                          color=MUTED)  # fmt: skip


def _finding(curves: Mapping[str, tuple], deadline_s: float | None) -> str:
    x, share = curves["block"]
    median, most = format_seconds(at(x, share, 0.5)), format_seconds(float(x[-1]))
    text = f"Half of the blocks are done within {median}, all within {most}"
    if deadline_s is None:
        return text
    late = 1 - float(share[x <= deadline_s][-1]) if (x <= deadline_s).any() else 1.0
    if late <= 1e-12:
        return f"No deadline of {format_seconds(deadline_s)} is missed: {text[0].lower()}{text[1:]}"
    return (
        f"{format_percent(late)} of the blocks miss the deadline of "
        f"{format_seconds(deadline_s)}; half are done within {median}"
    )
