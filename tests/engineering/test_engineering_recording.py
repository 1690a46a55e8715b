import csv
import errno
import io
import json
import os

import pytest

from labs.engineering.recording import Recording, Sample, format_value, write_text
from labs.errors import ResultError


@pytest.fixture
def recording():
    samples = (
        Sample(0.0, 1e9, {}, {"CPU": 0}, {"flop_per_s": "two readings", "power GPU": "no sensor"}),
        Sample(0.1, 1e9 + 0.1, {"flop_per_s": 2e9}, {"CPU": 1 << 20}, {"power GPU": "no sensor"}),
        Sample(0.2, 1e9 + 0.2, {"flop_per_s": 4e9}, {"CPU": 2 << 20}, {"power GPU": "no sensor"}),
    )
    return Recording(samples, 10.0, 0.004, ("a note",))


def test_series_then_only_where_there_is_a_number(recording):
    assert recording.series("flop_per_s") == ((0.1, 2e9), (0.2, 4e9))
    assert [v for _, v in recording.series("memory CPU")] == [0, 1 << 20, 2 << 20]


def test_reasons_then_what_has_no_number_at_the_end(recording):
    assert recording.reasons == {"power GPU": "no sensor"}


def test_table_then_extremes_reasons_and_what_watching_took(recording):
    text = str(recording.table())
    assert "4 GFLOP/s" in text
    assert "no sensor" in text
    assert "0.4% of one processor" in text
    assert "a note" in text


def test_csv_then_a_column_for_each_quantity_and_empty_cells(recording, tmp_path):
    recording.to_csv(tmp_path / "run.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "run.csv").read_text())))
    assert [row["flop_per_s"] for row in rows] == ["", "2000000000.0", "4000000000.0"]
    assert rows[0]["time_utc"] == "2001-09-09T01:46:40.000+00:00"
    assert rows[2]["memory CPU"] == str(float(2 << 20))


def test_json_then_everything(recording, tmp_path):
    text = recording.to_json(tmp_path / "run.json")
    data = json.loads((tmp_path / "run.json").read_text())
    assert data == json.loads(text)
    assert data["samples"][2]["memory_bytes"] == {"CPU": 2 << 20}
    assert data["own_cpu_share"] == 0.004


def test_write_when_the_disk_is_full_then_a_clear_error_and_the_old_file_as_it_was(
    tmp_path, monkeypatch
):
    path = tmp_path / "a.csv"
    write_text("before", path)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(ResultError, match="No space left"):
        write_text("after", path)
    assert path.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("flop_per_s", 2e9, "2 GFLOP/s"),
        ("bytes_per_s", 2e9, "2 GB/s"),
        ("kernels_per_s", 1234.5, "1,234 /s"),
        ("memory CPU", 1 << 20, "1 MiB"),
        ("process_cpu", 0.5, "50%"),
        ("clock GPU 0", 1.5e9, "1.5 GHz"),
        ("power GPU 0", 70.4, "70 W"),
        ("temperature GPU 0", 40.0, "40 °C"),
    ],
)
def test_format_value_then_its_unit(name, value, text):
    assert format_value(name, value) == text


def test_recording_when_empty_then_it_says_so():
    assert "0 samples" in str(Recording((), 10.0))
