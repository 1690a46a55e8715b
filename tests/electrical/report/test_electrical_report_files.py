import argparse
import json

import pytest

from labs.electrical import validate as validating
from labs.electrical.report import check_outputs, files, save_reports
from labs.electrical.report.command import reader_options, validate_command
from labs.errors import ResultError


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        ({"json": "none/at/all.json"}, "no folder none/at"),
        ({"html": "."}, "a folder"),
        ({"json": "a.x", "html": "a.x"}, "'a.x' twice"),
        ({"json": "-", "junit": "-"}, "'-' twice"),
        ({"json": "limits.yaml"}, "the specification or the record"),
    ],
)
def test_check_outputs_when_a_name_cant_be_then_said_before_the_run(
    outputs, words, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ResultError, match="write a report to") as caught:
        check_outputs(outputs, ("limits.yaml", "record.cfg"))
    assert words in str(caught.value)


def test_save_reports_then_all_kinds_and_nothing_half_written(result, tmp_path, capsys):
    names = {"json": "-", "junit": str(tmp_path / "a.xml"), "html": None}
    assert save_reports(result, names) == (tmp_path / "a.xml",)
    assert json.loads(capsys.readouterr().out)["verdict"] == "FAIL"
    assert [p.name for p in tmp_path.iterdir()] == ["a.xml"]


def test_save_reports_when_one_cant_be_made_then_no_file_is_touched(result, tmp_path, monkeypatch):
    def broken(_):
        raise RuntimeError("no page")

    monkeypatch.setattr(files, "_html", broken)
    names = {"json": str(tmp_path / "a.json"), "html": str(tmp_path / "a.html")}
    with pytest.raises(RuntimeError, match="no page"):
        save_reports(result, names)
    assert list(tmp_path.iterdir()) == []


def test_save_reports_when_the_disk_refuses_then_what_was_there_stays(
    result, tmp_path, monkeypatch
):
    target = tmp_path / "a.json"
    target.write_text("before")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(ResultError, match="No space left"):
        save_reports(result, {"json": str(target)})
    assert target.read_text() == "before" and len(list(tmp_path.iterdir())) == 1


def test_reader_options_then_as_yaml_reads_them():
    given = reader_options(["fs_hz=5e4", "delimiter=;", "header=false", "columns=[a, b]", "x="])
    assert given == {
        "fs_hz": 50000.0, "delimiter": ";", "header": False, "columns": ["a", "b"], "x": "",
    }  # fmt: skip
    with pytest.raises(ResultError, match="NAME=VALUE"):
        reader_options(["fs_hz"])


def run(monkeypatch, answer, **outputs):
    """The command with a validation that answers so; its status, and what it was asked."""
    asked = {}

    def validate(specification, record, **given):
        asked.update(given, specification=specification, record=record)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(validating, "validate", validate)
    given = {"json": None, "html": None, "junit": None, "device": None, "option": []} | outputs
    options = argparse.Namespace(specification="limits.yaml", record="record.cfg", **given)
    return lambda: validate_command(options, lambda: None), asked


@pytest.mark.parametrize(
    ("status", "code"), [("PASS", 0), ("MARGINAL", 0), ("FAIL", 1), ("INVALID", 2)]
)
def test_command_then_the_verdict_is_the_exit_status(made, monkeypatch, capsys, status, code):
    call, asked = run(monkeypatch, made.result([], status, []), option=["fs_hz=10"])
    assert call() == code
    assert capsys.readouterr().out.startswith(f"{status}: 'record'")
    assert asked["device"] == "ELECTRICAL" and asked["options"] == {"fs_hz": 10}


def test_command_when_json_goes_to_stdout_then_nothing_else_does(result, monkeypatch, capsys):
    call, _ = run(monkeypatch, result, json="-")
    assert call() == 1
    assert json.loads(capsys.readouterr().out)["verdict"] == "FAIL"


def test_command_when_an_output_cant_be_then_nothing_is_run(result, monkeypatch):
    call, asked = run(monkeypatch, result, html="nowhere/a.html")
    with pytest.raises(ResultError, match="no folder nowhere"):
        call()
    assert asked == {}


@pytest.mark.parametrize("error", [FileNotFoundError(2, "No such file"), UnicodeDecodeError(
    "utf-8", b"\xff", 0, 1, "invalid start byte")])  # fmt: skip
def test_command_when_a_file_cant_be_read_then_in_words(monkeypatch, error, tmp_path):
    call, _ = run(monkeypatch, error, json=str(tmp_path / "a.json"))
    with pytest.raises(Exception, match="two files that can be read") as caught:
        call()
    assert type(error).__name__ in str(caught.value)
    assert list(tmp_path.iterdir()) == []
