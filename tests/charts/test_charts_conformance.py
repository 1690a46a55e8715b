"""labs.charts.conformance: the counts of each group, and the finding."""

import pytest

from labs import charts
from labs.backends.conformance import CaseResult, Report
from labs.errors import ResultError


def report(**groups):
    """group=(passed, failed, skipped)."""
    results = [
        CaseResult(f"{name}/{status}/{i}", status, "wrong" if status == "failed" else "", 0.01)
        for name, counts in groups.items()
        for status, count in zip(("passed", "failed", "skipped"), counts, strict=True)
        for i in range(count)
    ]
    return Report("MINE", "small", 3, tuple(results), 1.5)


def bars(chart):
    """Row -> widths of its bars from left to right."""
    found = {}
    for bar in chart.figure.axes[0].patches:
        if bar.get_width():
            found.setdefault(round(bar.get_y() + bar.get_height() / 2), []).append(bar)
    return {
        y: [b.get_width() for b in sorted(row, key=lambda b: b.get_x())] for y, row in found.items()
    }


def title(chart):
    return chart.figure.texts[0].get_text().replace("\n", " ")


def test_each_group_is_a_stack_of_its_counts():
    chart = charts.conformance_chart(report(open=(4, 0, 0), copy=(2, 3, 1), unary=(0, 5, 0)))
    assert bars(chart) == {0: [4], 1: [2, 3, 1], 2: [5]}
    said = [t.get_text() for t in chart.figure.axes[0].texts]
    assert said == ["4 passed", "2 passed, 3 failed, 1 skipped", "0 passed, 5 failed"]
    assert [t.get_text() for t in chart.figure.axes[0].get_yticklabels()] == [
        "open", "copy", "unary",
    ]  # fmt: skip


def test_failed_is_told_apart_without_colour():
    chart = charts.conformance_chart(report(copy=(2, 3, 1)))
    hatches = [b.get_hatch() for b in chart.figure.axes[0].patches if b.get_width()]
    assert [bool(h) for h in hatches] == [False, True, False]
    (text,) = chart.figure.axes[0].texts
    assert text.get_fontweight() == "bold"


def test_the_title_names_the_first_group_to_fail_and_counts_the_others():
    chart = charts.conformance_chart(report(unary=(0, 5, 0), copy=(2, 3, 1), cast=(0, 1, 0)))
    assert title(chart) == (
        "MINE passes 2 of 11 cases; the first group to fail is copy (3 of 5), and 2 more"
    )
    assert "failed: copy 3, unary 5 and cast 1" in chart.alt
    assert title(chart) in chart.alt


def test_many_failing_groups_are_summed_in_the_alternative_text():
    names = ("open", "allocator", "copy", "views", "compiler")
    chart = charts.conformance_chart(report(**dict.fromkeys(names, (1, 1, 0))))
    assert "failed: open 1, allocator 1, copy 1 and 2 more groups" in chart.alt


def test_a_clean_report_says_what_was_tried_and_skipped():
    chart = charts.conformance_chart(report(open=(4, 0, 0), copy=(2, 0, 1)))
    assert title(chart) == "MINE passes all 6 cases tried of 2 groups; 1 was skipped"
    legend = [t.get_text() for t in chart.figure.axes[0].get_legend().get_texts()]
    assert legend == ["passed", "skipped"]
    assert title(charts.conformance_chart(report(copy=(2, 0, 0)))).endswith("of the group copy")


def test_all_skipped_is_no_success():
    chart = charts.conformance_chart(report(cast=(0, 0, 7)))
    assert title(chart) == "MINE: all 7 cases were skipped"


def test_an_empty_report_is_refused():
    with pytest.raises(ResultError, match="at least one case"):
        charts.conformance_chart(Report("MINE", "small", 0, ()))
