import json
from xml.etree import ElementTree

import pytest

from labs.backends.conformance import CaseResult, Report

RESULTS = (
    CaseResult("open/class", "passed", "", 0.1),
    CaseResult("allocator/size/1", "failed", "at (0,): got <1>, expected 2\nsecond line \x00", 0.2),
    CaseResult("allocator/size/2", "passed", "", 0.3),
    CaseResult("cast/int8/float16", "skipped", "the renderer doesn't support float16"),
)


@pytest.fixture
def report():
    return Report("MINE", "full", 0, RESULTS, 1.5)


def test_to_json_then_exactly_the_shape_that_machines_read(report):
    assert json.loads(json.dumps(report.to_json())) == {
        "device": "MINE",
        "passed": 2,
        "failed": 1,
        "skipped": 1,
        "groups": {
            "open": {"passed": 1, "failed": 0, "skipped": 0},
            "allocator": {"passed": 1, "failed": 1, "skipped": 0},
            "cast": {"passed": 0, "failed": 0, "skipped": 1},
        },
        "failures": [{"case": "allocator/size/1", "message": RESULTS[1].message}],
    }


def test_score_then_each_group_counts_the_same_and_skipped_ones_not(report):
    assert report.score == (1.0 + 0.5) / 2
    assert not report.ok


@pytest.mark.parametrize(
    ("results", "score", "ok"),
    [((), 0.0, False), (RESULTS[:1], 1.0, True), (RESULTS[3:], 0.0, False)],
    ids=["nothing", "all passed", "all skipped"],
)
def test_score_when_there_is_little_then_nothing_is_given_away(results, score, ok):
    report = Report("MINE", "full", 0, results)
    assert report.score == score
    assert report.ok == ok


def test_next_step_then_of_the_first_failing_group_in_the_suites_order():
    results = (CaseResult("cast/x", "failed", "b"), CaseResult("copy/x", "failed", "a"))
    assert Report("MINE", "full", 0, results).next_step.startswith("copy: write XAllocator._copyin")
    assert Report("MINE", "full", 0, RESULTS[:1]).next_step == ""


def test_str_then_the_card_the_failure_and_what_to_write_next(report):
    text = str(report)
    assert "allocator/size/1: at (0,): got <1>, expected 2" in text
    assert "the renderer doesn't support float16" in text
    assert "2 passed, 1 failed, 1 skipped in 1.5 s; score 0.750" in text
    assert text.splitlines()[-1].startswith("Next: allocator: write XAllocator._alloc")


def test_str_when_many_fail_alike_then_they_are_counted_not_listed():
    results = tuple(
        CaseResult(f"copy/in-out/{n}", "failed", "TypeError: no such method as _copyout")
        for n in range(50)
    )
    text = str(Report("MINE", "full", 0, results))
    assert "and 49 like it: copy/in-out/1, ..." in text
    assert "copy/in-out/7" not in text


def test_to_junit_then_an_xml_that_can_be_read_whatever_a_message_holds(report):
    root = ElementTree.fromstring(report.to_junit())
    assert root.attrib["tests"] == "4"
    assert root.attrib["failures"] == "1"
    assert [suite.attrib["name"] for suite in root] == ["MINE.open", "MINE.allocator", "MINE.cast"]
    failure = root.find(".//failure")
    assert failure.attrib["message"] == "at (0,): got <1>, expected 2"
    assert failure.text.endswith("second line ?")
    assert root.find(".//skipped").text == "the renderer doesn't support float16"


def test_html_then_escaped_and_the_failures_can_be_opened(report):
    page = report.to_html()
    assert page.startswith("<!doctype html>")
    assert "<html lang='en'>" in page
    assert "got &lt;1&gt;" in page
    assert "<summary>1 failed</summary>" in page
    assert report._repr_html_() in page
