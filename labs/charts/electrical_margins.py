"""Margins: how far each requirement is from its limit, one line for each."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from labs.charts.chart import Chart
from labs.charts.electrical_style import LIMIT, STATUS, needs, status_look
from labs.charts.facts import join_words
from labs.charts.style import INK, MUTED, new_figure, row_axis, side_text, styled
from labs.units import format_percent

_OUT = 1.15  # beyond, a point stands at the edge with an arrow
_LONGEST = 34  # characters of a name


@dataclass(frozen=True)
class Margin:
    """One requirement's worst row.

    `share` is its margin as a part of what is allowed: 0 on the limit, 1 as far from it as can be,
    negative outside; None where it has none. `text` is the value with its limits, for the side.
    """

    name: str
    share: float | None
    status: str
    text: str = ""


@styled
def margins_chart(margins: Sequence[Margin], *, title: str = "", subtitle: str = "") -> Chart:
    """One line per requirement, its margin from the limit, status by colour and marker."""
    needs("draw margins", margins, "requirement", "judge a record first")
    title = title or _finding(margins)
    figure = new_figure(
        0.65 + 0.27 * len(margins),
        title=title,
        subtitle=subtitle
        or f"the worst row of each requirement and channel, {len(margins)} in all",
        notes="Margin as a part of what is allowed: of half the band between two limits, or of the "
        "limit's own size. On the line none is left; a mark without a bar has no such number.",
    )
    axes = figure.add_subplot()
    axes.axvline(0, **LIMIT)
    axes.axvspan(-_OUT - 0.1, 0, color=STATUS["FAIL"].colour, alpha=0.06)
    for y, margin in enumerate(margins):
        _row(axes, y, margin)
    row_axis(axes, [_short(m.name) for m in margins])
    axes.set_xlim(-_OUT - 0.1, _OUT + 0.1)
    axes.set_xticks([-1, -0.5, 0, 0.5, 1], ["−100%", "−50%", "limit", "50%", "100%"])
    axes.set_xlabel("Margin (part of what is allowed)")
    used = [s for s in STATUS if any(m.status == s for m in margins)]
    handles = [Line2D([], [], label=s, markersize=8, **status_look(s)) for s in used]
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=4)
    said = "; ".join(f"{m.name} {m.status}" + _share(m) for m in margins[:12])
    more = f"; and {len(margins) - 12} more" if len(margins) > 12 else ""
    return Chart(figure, f"Margins by requirement. {title}. {said}{more}.")


def _row(axes: Axes, y: int, margin: Margin) -> None:
    bold = {"color": INK, "fontweight": "bold"} if margin.status in ("FAIL", "INVALID") else {}
    side_text(axes, y, margin.text or margin.status, **{"fontsize": 8.5, "color": MUTED, **bold})
    if margin.share is None:
        axes.plot([0], [y], markersize=8, zorder=4, **status_look(margin.status))
        return
    x = max(-_OUT, min(_OUT, margin.share))
    colour = STATUS[margin.status].colour
    axes.plot([0, x], [y, y], color=colour, linewidth=3, alpha=0.5, solid_capstyle="butt")
    axes.plot([x], [y], markersize=8.5, zorder=4, clip_on=False, **status_look(margin.status))
    if x != margin.share:
        text = f"◂ {_percent(margin.share)}" if x < 0 else f"{_percent(margin.share)} ▸"
        axes.annotate(text, (x, y), (10 if x < 0 else -10, 0), textcoords="offset points",
                      ha="left" if x < 0 else "right", va="center", fontsize=8, zorder=5,
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip


def _finding(margins: Sequence[Margin]) -> str:
    failing = [m.name for m in margins if m.status == "FAIL"]
    invalid = [m.name for m in margins if m.status == "INVALID"]
    parts = []
    if failing:
        parts.append(f"{len(failing)} of {len(margins)} fail: {_few(failing)}")
    if invalid:
        parts.append(f"{len(invalid)} could not be judged: {_few(invalid)}")
    if parts:
        return "; ".join(parts)
    numbers = [m for m in margins if m.share is not None]
    if not numbers:
        return f"All {len(margins)} requirements pass"
    least = min(numbers, key=lambda m: m.share)
    return (
        f"All {len(margins)} requirements pass; the smallest margin is "
        f"{_percent(least.share)}, of {least.name}"
    )


def _few(names: Sequence[str]) -> str:
    rest = [f"{len(names) - 3} more"] if len(names) > 3 else []
    return join_words([*names[:3], *rest])


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"


def _percent(share: float) -> str:
    return format_percent(share, 2).replace("-", "−")


def _share(margin: Margin) -> str:
    return "" if margin.share is None else f", margin {_percent(margin.share)}"
