"""`course.py bench` over all devices, and what it writes."""

import json
import re

import pytest

from labs import cli
from labs.bench import load_results


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["--clock", "device"], "--suite"),
        (["--cache", "cold", "--mode", "eager"], "--cache, --mode"),
        (["--size", "huge", "--device", "CPU"], "one of full, small"),
        (["--budget", "0", "--device", "CPU"], "above 0"),
        (["--device", "CPU:NOSUCH"], "measure CPU alone"),
        (["--report", "report.pdf"], "report.html, report.md or report.json"),
        (["--report", "no/such/folder/report.html"], "no folder"),
        (["--scheduler", "tcp://127.0.0.1:1", "--suite", "tiny"], "leave --suite out"),
    ],
    ids=" ".join,
)
def test_bench_when_the_reader_can_mend_it_then_status_2_and_the_next_step(
    line, words, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["bench", *line]) == 2
    out, err = capsys.readouterr()
    assert words in err
    assert out == ""


@pytest.mark.slow
def test_bench_without_a_suite_then_the_comprehensive_one_with_a_report_that_compares(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("COURSE_QUICK", "1")
    file, report = tmp_path / "a.json", tmp_path / "report.json"
    line = ["bench", "--device", "CPU", "--size", "small", "--rounds", "2", "--budget", "10"]
    assert cli.main([*line, "--json", str(file), "--report", str(report)]) == 0
    out, err = capsys.readouterr()
    assert "peak throughput" in out
    assert f"Saved in {file}" in err
    assert f"Report in {report}" in err
    assert len(load_results(file)) == len(load_results(report))
    assert json.loads(report.read_text())["report"]["profiles"][0]["device_name"] == "CPU"
    assert cli.main([*line, "--json", str(file)]) == 2  # a finished run isn't overwritten
    assert "the results of a finished run" in capsys.readouterr().err
    assert cli.main(["compare", str(file), str(report)]) == 0
    assert "not resolved" in capsys.readouterr().out


def test_bench_with_a_suite_then_a_report_too_and_compare_says_when_versions_differ(
    tmp_path, capsys
):
    file, other = tmp_path / "a.json", tmp_path / "b.json"
    line = ["bench", "--device", "PYTHON", "--suite", "add:n=4", "--rounds", "2"]
    line += ["--round-time", "0.01", "--json", str(file)]
    assert cli.main([*line, "--report", str(tmp_path / "r.md")]) == 0
    text = (tmp_path / "r.md").read_text()
    assert "--suite add:n=4,dtype=float32" in text
    assert re.search(r"\| add n=4 \| PYTHON \|", text)
    data = json.loads(file.read_text())
    data["course"]["environment"]["tinygrad_version"] = "0.99.0"
    other.write_text(json.dumps(data))
    capsys.readouterr()
    assert cli.main(["compare", str(file), str(other)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("The two were made under different circumstances: tinygrad")
    assert "add n=4" in out
