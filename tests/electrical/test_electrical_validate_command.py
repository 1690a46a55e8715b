"""`course.py validate` on real files of several formats: exit status, streams, and reports."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy.io import wavfile

from labs import cli
from labs.electrical.blocks import Channel
from labs.electrical.records import write_comtrade, write_csv, write_raw

FS_HZ = 2000.0
LIMITS = """
name: One phase
measurements:
  - name: voltage
    measure: rms
    channels: u1
    parameters: {window_s: 20 ms}
    limits:
      - {quantity: rms, lower: 207 V, upper: 253 V}
"""
CHANNELS = (Channel("u1", "V"),)


def voltage(depth=1.0, lost=False):
    u = 325.27 * np.sin(2 * np.pi * 50 * np.arange(2000) / FS_HZ)
    u[1000:1100] *= depth
    if lost:
        u[500] = np.nan
    return u[None].astype(np.float32)


@pytest.fixture
def limits(tmp_path):
    path = tmp_path / "limits.yaml"
    path.write_text(LIMITS)
    return str(path)


def write(kind, path, samples):
    """A record of that format, and the options that its reader needs."""
    if kind == "csv":
        return write_csv(path / "a.csv", CHANNELS, samples, FS_HZ), []
    if kind == "comtrade":
        return write_comtrade(path / "a", CHANNELS, samples, FS_HZ), []
    if kind == "raw":
        return write_raw(path / "a", CHANNELS, samples, FS_HZ), []
    wavfile.write(path / "a.wav", int(FS_HZ), (samples[0] / 400).astype(np.float32))
    options = ("names=[u1]", "unit=V", "scale=400")
    return path / "a.wav", [word for option in options for word in ("--option", option)]


@pytest.mark.parametrize("kind", ["csv", "comtrade", "raw", "wav"])
def test_validate_when_a_record_fails_then_status_1_and_the_same_in_every_format(
    kind, limits, tmp_path, capsys
):
    record, options = write(kind, tmp_path, voltage(depth=0.6))
    page, cases = tmp_path / "a.html", tmp_path / "a.xml"
    line = ["validate", limits, str(record), "--json", "-", "--junit", str(cases), *options]
    line += ["--html", str(page)] if kind == "raw" else []
    assert cli.main(line) == 1
    printed = capsys.readouterr()
    data = json.loads(printed.out)
    assert data["verdict"] == "FAIL" and data["exit_code"] == 1
    (row,) = data["measurements"]
    assert row["value"] == pytest.approx(138.0, rel=1e-3)
    assert row["t_start_s"] == pytest.approx(0.5) and row["index"] == 1000
    assert row["t_end_s"] == pytest.approx(0.56)  # the dip of 50 ms touches three windows
    assert "Report in" in printed.err and "a." in printed.err
    assert ElementTree.parse(cases).find("testsuite").get("failures") == "1"
    assert page.exists() == (kind == "raw")
    if page.exists():
        assert "sample 1,000" in page.read_text() and "data:image/svg" in page.read_text()


def test_validate_when_all_is_well_then_status_0(limits, tmp_path, capsys):
    record, _ = write("raw", tmp_path, voltage())
    assert cli.main(["validate", limits, str(record)]) == 0
    assert capsys.readouterr().out.startswith("PASS: 'a")


def test_validate_when_a_sample_is_missing_then_status_2(limits, tmp_path, capsys):
    record, _ = write("comtrade", tmp_path, voltage(lost=True))
    assert cli.main(["validate", limits, str(record)]) == 2
    assert capsys.readouterr().out.startswith("INVALID: 'a")


@pytest.mark.parametrize(
    "wrong", ["limits", "record", "torn", "text", "channel", "device", "option"]
)
def test_validate_when_the_input_is_bad_then_status_2_in_words_and_no_file(
    wrong, limits, tmp_path, capsys
):
    record, options = write("csv", tmp_path, voltage())
    out, device = tmp_path / "out.json", []
    if wrong == "limits":
        limits = str(tmp_path / "none.yaml")
    elif wrong == "record":
        record = tmp_path / "none.csv"
    elif wrong == "torn":
        (tmp_path / "limits.yaml").write_text("name: [")
    elif wrong == "text":
        (tmp_path / "limits.yaml").write_bytes(b"name: \xff\xfe")
    elif wrong == "channel":
        (tmp_path / "limits.yaml").write_text(LIMITS.replace("u1", "u9"))
    elif wrong == "device":
        device = ["--device", "NOSUCH"]
    else:
        options = ["--option", "colour=red"]
    line = ["validate", limits, str(record), "--json", str(out), *options, *device]
    assert cli.main(line) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and "Traceback" not in printed.err and "Got:" in printed.err
    assert not out.exists() and not list(tmp_path.glob("*.partial"))
