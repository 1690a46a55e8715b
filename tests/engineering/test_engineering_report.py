import json
import re

import pytest

from labs.bench import ResultSet, compare_files, load_results
from labs.engineering.report import make_report, report_file
from labs.errors import ResultError


@pytest.fixture(scope="module")
def report(made):
    return make_report([made.results()])


@pytest.fixture(scope="module")
def page(made):
    """Of few results: each section is a chart to draw."""
    some = made.results()
    rows = tuple(m for m in some if m.name.startswith("matmul"))
    return make_report([made.results(measurements=rows)]).html()


def test_report_then_a_stranger_learns_what_was_found(report):
    assert "23 results" not in report.summary
    assert f"{len(report.sets[0])} results" in report.summary
    assert "CL 2 times" in report.summary
    assert "1 cases failed, and 1 were left out" in report.summary


def test_report_then_models_stand_in_a_table_of_their_own(report):
    assert report.profiles_table().columns == ("figure", "CPU", "CL")
    assert report.profiles_table(modelled=True).columns == ("figure", "EDGE")


def test_report_then_what_is_missing_has_its_reason(report):
    text = "\n".join(map(str, report.tables()))
    assert "one call takes 8 s" in text
    assert "DeviceError: gone" in text
    assert "work per energy" in report.profiles_table().note


def test_report_then_how_to_reproduce_it(report, made):
    assert "--device CPU --device CL --device EDGE" in report.reproduce
    assert "--suite" not in report.reproduce
    named = made.results(plan={}, measurements=made.results().measurements[6:7])
    assert "--suite to_device" in make_report([named]).reproduce


def test_html_then_it_opens_offline_with_its_charts_inside(page):
    assert page.startswith("<!doctype html>")
    assert not re.findall(r"(?:src|href)=[\"'](?!data:|#)", page)
    assert "<script" not in page
    images = re.findall(r"<img [^>]*>", page)
    assert len(images) >= 4
    assert all(re.search(r'alt="[^"]{20,}"', image) for image in images)


def test_html_then_every_part_is_there(page):
    for part in ("summary", "profiles", "best-performers", "recommendations", "missing"):
        assert f"<section id='{part}'>" in page
        assert f"href='#{part}'" in page


def test_markdown_then_tables_and_all_results(report):
    text = report.markdown()
    assert text.startswith("# Performance of CPU, CL, EDGE")
    assert "## All results" in text
    assert "| matmul n=512 |" in text


def test_json_then_compare_reads_it_and_the_report_is_beside(report, tmp_path):
    path = report.save(tmp_path / "a.json")
    assert len(load_results(path)) == len(report.sets[0])
    assert all(c.word == "not resolved" for c in compare_files(path, path))
    found = json.loads(path.read_text())["report"]
    assert found["profiles"][0]["device_name"] == "CPU"
    assert found["profiles"][0]["peak_throughput"]["interval"]
    assert {b["device"] for b in found["best"]} == {"CL", ""}
    assert report_file(path).summary == report.summary


def test_save_when_the_kind_is_unknown_then_says_which_are_known(report, tmp_path):
    with pytest.raises(ResultError, match=r"\.html, \.md, \.json"):
        report.save(tmp_path / "report.pdf")


def test_save_when_the_folder_can_not_be_written_then_a_clear_error(report, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultError, match="folder that can be written to"):
        report.save(tmp_path / "file" / "report.md")


def test_report_of_nothing_then_refused():
    with pytest.raises(ResultError, match="measure first"):
        make_report([ResultSet(())])


def test_report_of_two_hosts_then_one_profile_each_and_who_is_missing(made):
    other = made.results(environment=made.host | {"hostname": "host-b"})
    found = make_report([made.results(), other], failures={"host-c": "another version"})
    names = found.profiles_table().columns
    assert names == ("figure", "CPU on host-a", "CL on host-a", "CPU on host-b", "CL on host-b")
    assert "host-c is missing: another version" in found.summary
    assert "host-b" in str(found.circumstances_table())


def test_report_when_shown_in_a_notebook_then_as_tables(report):
    assert "<table" in report._repr_html_()
    assert "Fastest, by section" in str(report)
