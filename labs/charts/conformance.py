"""The chart of a conformance report: what passed, failed and was skipped, group by group."""

from typing import Any

from matplotlib.axes import Axes

from labs.charts.axes import quantity_axis
from labs.charts.chart import Chart
from labs.charts.facts import join_words
from labs.charts.style import INK, MUTED, device_style, new_figure, row_axis, side_text, styled
from labs.errors import ResultError
from labs.units import format_count, format_seconds

_ROW_IN = 0.235  # a suite has some thirty groups: they must fit a screen
# by look and by hatch, so that it reads in grey
_LOOKS = {
    "passed": {"color": device_style("CPU").colour},
    "failed": {"facecolor": "white", "edgecolor": device_style("CUDA").colour, "hatch": "/////"},
    "skipped": {"facecolor": "#e2e2e2", "edgecolor": "#8a8a8a"},
}
_NAMED = 3  # failing groups that the title and the alternative text name


@styled
def conformance_chart(report: Any) -> Chart:
    """Cases by group as stacked bars: passed, failed (hatched) and skipped, with their counts.

    Args:
        report: a `labs.backends.conformance.Report`.
    """
    groups = list(report.groups.values())
    if not groups:
        raise ResultError(
            "draw a conformance report",
            expected="at least one case that was run",
            got="none",
            next_step="run the suite with at least one group",
        )
    title = _finding(report, groups)
    figure = new_figure(
        0.95 + _ROW_IN * len(groups),
        title=title,
        subtitle=f"{report.device} · size {report.size} · seed {report.seed} · "
        f"{format_count(len(report.results))} cases in {format_seconds(report.time_s)} · "
        f"score {report.score:.3f}",
        notes="Groups in the order in which a new backend comes to pass them. The score is the "
        "mean over the groups of the share that passed.",
    )
    axes = figure.add_subplot()
    for y, group in enumerate(groups):
        _row(axes, y, group)
    for status, look in _LOOKS.items():
        if any(getattr(g, status) for g in groups):
            axes.barh([0], [0], label=status, linewidth=0.8, **look)
    row_axis(axes, [g.name for g in groups])
    most = max(g.passed + g.failed + g.skipped for g in groups)
    axes.set_xlim(0, most * 1.02)
    quantity_axis(axes.xaxis, "Cases", "", [most])
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, borderaxespad=0.1)
    return Chart(figure, f"Conformance cases by group: {_words(report)}. {title}.")


def _row(axes: Axes, y: int, group: Any) -> None:
    left = 0
    for status, look in _LOOKS.items():
        count = getattr(group, status)
        if count:
            axes.barh([y], [count], left=left, height=0.72, linewidth=0.8, **look)
            left += count
    parts = [f"{group.passed} passed"]
    parts += [f"{group.failed} failed"] if group.failed else []
    parts += [f"{group.skipped} skipped"] if group.skipped else []
    ink = {"color": INK, "fontweight": "bold"} if group.failed else {"color": MUTED}
    side_text(axes, y, ", ".join(parts), fontsize=8.5, **ink)


def _finding(report: Any, groups: list[Any]) -> str:
    tried = report.passed + report.failed
    failing = [g for g in groups if g.failed]
    if not tried:
        return f"{report.device}: all {format_count(report.skipped)} cases were skipped"
    if not failing:
        verb = "was" if report.skipped == 1 else "were"
        skipped = f"; {format_count(report.skipped)} {verb} skipped" if report.skipped else ""
        whole = f"{len(groups)} groups" if len(groups) > 1 else f"the group {groups[0].name}"
        return f"{report.device} passes all {format_count(tried)} cases tried of {whole}{skipped}"
    first = failing[0]
    text = (
        f"{report.device} passes {format_count(report.passed)} of {format_count(tried)} cases; "
        f"the first group to fail is {first.name} ({first.failed} of "
        f"{first.passed + first.failed})"
    )
    if len(failing) > 1:
        text += f", and {len(failing) - 1} more"
    return text


def _words(report: Any) -> str:
    words = (
        f"{report.passed} passed, {report.failed} failed and {report.skipped} skipped "
        f"in {len(report.groups)} groups"
    )
    failing = [f"{g.name} {g.failed}" for g in report.groups.values() if g.failed]
    if failing:
        rest = len(failing) - _NAMED
        named = [*failing[:_NAMED], f"{rest} more groups"] if rest > 0 else failing
        words += f"; failed: {join_words(named)}"
    return words
