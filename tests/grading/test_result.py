"""Results tell their status by word and sign, and escape what readers wrote."""

import pytest

from labs.grading.result import STATUSES, CheckResult, Hint, sign


@pytest.mark.parametrize("status", STATUSES)
def test_check_result_shows_word_and_sign(status):
    result = CheckResult("1.1", "T", status, 0, 3, "why")
    for shown in (str(result), repr(result), result._repr_html_()):
        assert status in shown and sign(status) in shown and "0 of 3" in shown and "why" in shown


def test_signs_differ_between_passed_failed_and_not_attempted():
    assert len({sign(s) for s in ("passed", "failed", "not-attempted")}) == 3


def test_check_result_escapes_html():
    result = CheckResult("1.1", "<T>", "failed", 0, 3, "got <b>\nand </div>", note="<i>")
    html = result._repr_html_()
    assert "<b>" not in html and "<i>" not in html and "<T>" not in html
    assert html.count("<div") == html.count("</div>")


def test_check_result_shows_every_line_of_the_message():
    result = CheckResult("1.1", "T", "failed", 0, 3, "one\ntwo", note="three")
    assert [line.strip() for line in str(result).split("\n")[1:]] == ["one", "two", "Note: three"]


def test_hint_says_which_and_when_it_was_the_last():
    assert "Hint 1 of 3 for 1.1\n" in str(Hint("1.1", 1, 3, "x"))
    assert "the last one" in Hint("1.1", 3, 3, "a < b")._repr_html_()
    assert "a &lt; b" in Hint("1.1", 3, 3, "a < b")._repr_html_()
