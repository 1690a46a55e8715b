"""JSON, JUnit XML and the page."""

import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from labs.electrical.report import html_report, json_report, junit_report
from labs.electrical.report.json_form import json_text


def test_json_then_every_row_and_nan_is_null(result, made):
    data = json.loads(json_text(result), parse_constant=pytest.fail)
    assert data == json.loads(json.dumps(json_report(result)))
    assert data["verdict"] == "FAIL" and data["exit_code"] == 1
    assert len(data["measurements"]) == len(made.rows)
    assert data["measurements"][2]["value"] is None
    assert data["measurements"][1] == {
        "name": "voltage", "quantity": "urms", "channel": "u1", "value": 140.0, "unit": "V",
        "lower": 207.0, "upper": 253.0, "margin": -67.0, "status": "FAIL", "t_start_s": 0.2,
        "t_end_s": 0.22, "index": 2000, "count": 200, "config_hash": "c0ffee", "reason": "",
        "action": "alarm",
    }  # fmt: skip
    assert data["specification"]["config_hash"] == "c0ffee"
    assert data["record"]["start"] == "2026-03-04T05:06:07+00:00"
    assert data["notes"] == ["source stopped", "the clock drifts <by> a lot"]


def test_junit_then_a_case_for_each_requirement(result):
    suite = ElementTree.fromstring(junit_report(result)).find("testsuite")
    assert {k: suite.get(k) for k in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4", "failures": "1", "errors": "0", "skipped": "1",
    }  # fmt: skip
    cases = {c.get("name"): c for c in suite.findall("testcase")}
    assert [n.partition(" on ")[0] for n in cases] == [
        "voltage urms", "thd & co thds", "frequency", "flicker",
    ]  # fmt: skip
    marginal = next(c for n, c in cases.items() if n.startswith("thd"))
    failure = cases["voltage urms on u1"].find("failure")
    assert "140 V, allowed 207 to 253 V" in failure.get("message")
    assert failure.text.count("\n") == 0  # only the failing rows
    assert "MARGINAL" in marginal.find("system-out").text
    assert not list(cases["frequency on u1"].iter("failure"))
    assert cases["flicker"].find("skipped") is not None
    assert "clock drifts" in suite.findall("system-out")[-1].text


def test_junit_when_invalid_then_an_error_and_not_a_failure(made):
    invalid = made.result([made.rows[2]], "INVALID", ["voltage"])
    suite = ElementTree.fromstring(junit_report(invalid)).find("testsuite")
    assert suite.get("errors") == "1" and suite.get("failures") == "0"
    assert "samples are missing" in suite.find("testcase/error").get("message")


def test_junit_when_only_the_record_is_at_fault_then_it_isnt_green(made):
    stopped = made.result([made.rows[0]], "INVALID", ["voltage"])
    suite = ElementTree.fromstring(junit_report(stopped)).find("testsuite")
    assert suite.get("errors") == "1" and suite.get("tests") == "2"
    assert "source stopped" in suite.find("testcase[@name='the record']/error").get("message")


def test_summary_and_exit_codes(result, made):
    assert result.summary.startswith("FAIL: 'record' (1 s, 2 channels at 10 kHz)")
    assert "1 PASS, 1 MARGINAL, 1 FAIL, 1 not judged" in result.summary
    codes = [made.result([], s, []).exit_code for s in ("PASS", "MARGINAL", "FAIL", "INVALID")]
    assert codes == [0, 0, 1, 2]
    passed = made.result([made.rows[0]], "PASS", ["voltage"])
    assert passed.exit_code == 0 and passed.snippets == ()
    assert "not judged" in str(result.table()) and "140 V" in result._repr_html_()


class Page(HTMLParser):
    """Tags, and whether every image speaks."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.alts, self.links = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        found = dict(attributes)
        self.alts += [found["alt"]] if tag == "img" else []
        self.links += [found[k] for k in ("src", "href") if k in found]


@pytest.fixture(scope="module")
def page(result):
    return html_report(result)


def test_page_then_it_needs_no_network_and_every_image_has_words(page):
    found = Page(page)
    assert all(link.startswith(("data:image/svg+xml;base64,", "#")) for link in found.links)
    assert len(found.alts) == 4  # margins, and three rows that don't pass
    assert all(len(alt) > 30 for alt in found.alts)
    assert "voltage urms on u1: 140 V, allowed 207 to 253 V" in found.alts[1]
    assert "c0ffee" in page and "sample 2,000" in page and "clock drifts &lt;by&gt;" in page


def test_page_then_hostile_names_are_only_text(page):
    found = Page(page)
    assert "script" not in found.tags
    assert "&lt;script&gt;alert(1)" in page
    page.encode("utf-8")
    assert not re.search(r"\son\w+=", page)


def test_page_when_all_passes_then_there_is_no_waveform(made):
    page = html_report(made.result([made.rows[0]], "PASS", ["voltage"]))
    assert "id='waveforms'" not in page and "id='margins'" in page


def test_page_when_there_are_many_violations_then_it_says_how_many_are_left_out(made):
    rows = [made.row("voltage", 140.0, "FAIL", i / 100, i / 100, lower=207.0) for i in range(3)]
    result = made.result(rows, "FAIL", ["voltage"])
    shorter = type(result)(**{**vars(result), "snippets": result.snippets[:1]})
    assert "3 rows aren't PASS; the waveform of 1 is shown" in html_report(shorter)
