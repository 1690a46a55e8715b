"""CSV: forms found by themselves, times, missing values, and messages with the line."""

import numpy as np
import pytest
from record_files import CHANNELS, FS_HZ, supply, whole

from labs.electrical.records import open_record, write_csv
from labs.errors import LabError


def table(folder, text: str | bytes, name: str = "r.csv"):
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_csv_when_written_then_read_back(tmp_path):
    x = supply()
    x[0, 3] = np.nan
    got = whole(write_csv(tmp_path / "r.csv", CHANNELS, x, FS_HZ))
    assert np.array_equal(~got.valid, np.isnan(x))
    np.testing.assert_allclose(got.values, x, rtol=1e-6, atol=1e-6)
    assert got.record.fs_hz == FS_HZ
    assert [(c.name, c.unit) for c in got.record.channels] == [("UL1", "V"), ("IL1", "A")]
    assert got.notes == ()


@pytest.mark.parametrize(
    "text",
    [
        "time [ms],U [V],I [A]\n0,1.5,-2\n1,2.5,3e1\n2,,4\n",
        "time [ms];U [V];I [A]\r\n0;1,5;-2\r\n1;2,5;3e1\r\n2;;4\r\n",
        "Zeit (ms)\tU (V)\tI (Amps)\n0\t1,5\t-2\n1\t2,5\t30,0\n2\t\t4\n",
        "# recorder 7\n# today\n\nt [ms] , U [V] , I [A]\n0 , 1.5 , -2\n1 , 2.5 , 30\n2 , nan , 4",
        "x-axis,U,I\nms,Volt,A\n0,1.5,-2\n1,2.5,30\n2,n/a,4\n",
        "# t[ms] U[V] I[A]\n0  1.5 -2\n1 2.5   30\n2 nan 4\n",
        '"time [ms]","U [V]","I [A]"\n"0","1.5","-2"\n"1","2.5","30"\n"2","","4"\n',
        "\ufefftime [ms],U [V],I [A]\n0,1.5,-2\n\n1,2.5,30\n2,-,4\n\n",
    ],
)
def test_csv_when_in_any_form_then_the_same(tmp_path, text):
    got = whole(table(tmp_path, text))
    assert got.record.fs_hz == 1000
    assert [(c.name, c.unit) for c in got.record.channels] == [("U", "V"), ("I", "A")]
    assert got.valid.tolist() == [[True, True, False], [True, True, True]]
    assert got.values[got.valid].tolist() == [1.5, 2.5, -2, 30, 4]


def test_csv_when_there_is_no_time_then_a_rate_is_needed(tmp_path):
    path = table(tmp_path, "U [V],I [A]\n1,2\n3,4\n")
    with pytest.raises(LabError, match=r"fs_hz=(.|\n)*no time column among U, I"):
        open_record(path)
    got = whole(path, fs_hz=50, channels="I", units={"I": "mA"})
    assert got.values.tolist() == [[2, 4]]
    assert (got.record.channels[0].unit, got.record.fs_hz) == ("mA", 50)


def test_csv_when_there_is_no_header_then_columns_are_numbered(tmp_path):
    got = whole(table(tmp_path, "1,2\n3,4\n"), fs_hz=50)
    assert [c.name for c in got.record.channels] == ["column 1", "column 2"]


def test_csv_when_samples_are_missing_then_the_index_jumps(tmp_path):
    index = np.r_[0:10, 14:30]
    text = "time,U\n" + "".join(f"{i / 1200:.6f},{i}\n" for i in index)
    got = whole(table(tmp_path, text))
    assert got.record.fs_hz == pytest.approx(1200, rel=1e-4)
    assert np.array_equal(got.index, index)
    assert "4 samples are missing in 1 gaps" in got.text


def test_csv_when_times_are_irregular_then_refused(tmp_path):
    text = "time,U\n" + "".join(f"{t},1\n" for t in (0, 1, 2.5, 7, 7.1, 20))
    path = table(tmp_path, text)
    with pytest.raises(LabError, match="no common step: 0, 1, 2.5, 7"):
        open_record(path)


def test_csv_when_a_column_is_not_there_then_says_what_is(tmp_path):
    path = table(tmp_path, "time,UL1,IL1\n0,1,2\n1,2,3\n")
    with pytest.raises(LabError, match=r"UL1, IL1(.|\n)*no channel UL2(.|\n)*did you mean UL1"):
        open_record(path, channels=["UL2"])
    with pytest.raises(LabError, match=r"time, UL1, IL1(.|\n)*no column 'when'"):
        open_record(path, time="when")
    with pytest.raises(LabError, match="no column X"):
        open_record(path, units={"X": "V"})
    with pytest.raises(LabError, match="once"):
        open_record(path, channels=["UL1", "UL1"])


def test_csv_when_a_cell_is_no_number_then_says_line_and_column(tmp_path):
    path = table(tmp_path, "time,UL1\n0,1\n1,2\n2,bad\n3,4\n")
    with pytest.raises(LabError, match=r"line 4(.|\n)*UL1: 'bad'"):
        whole(path)
    path = table(tmp_path, "time,UL1\n0,1\n1,2\n2,3,4\n3,4\n")
    with pytest.raises(LabError, match=r"line 4(.|\n)*2 values(.|\n)*3 values"):
        whole(path)


def test_csv_when_infinite_or_beyond_float32_then_invalid(tmp_path):
    got = whole(table(tmp_path, "time,U\n0,1\n1,inf\n2,1e300\n3,-Infinity\n"))
    assert got.valid.tolist() == [[True, False, False, False]]


def test_csv_when_whole_numbers_are_huge_then_not_cut(tmp_path):
    got = whole(table(tmp_path, "time,U\n0,1\n1,99999999999999999999\n2,3\n"))
    assert got.values[0, 1] == pytest.approx(1e20)


def test_csv_when_a_channel_is_never_valid_then_noted(tmp_path):
    got = whole(table(tmp_path, "time,U,I\n0,1,\n1,2,nan\n2,3,\n"))
    assert "channel I has no valid sample" in got.text


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\0\1\2\3" * 50, "binary data"),
        ("time,U\n0,1\n1,2\n".encode("utf-16"), "UTF-16"),
        (b"only words\nand more words\n", "lines of numbers"),
        (b"\n\n\n", "lines of numbers"),
        (b"1" * (5 * 2**20), "lines of numbers"),
    ],
)
def test_csv_when_it_is_something_else_then_refused(tmp_path, data, expected):
    with pytest.raises(LabError, match=expected):
        whole(table(tmp_path, data), fs_hz=1)


def test_csv_when_in_latin1_then_noted(tmp_path):
    got = whole(table(tmp_path, "time,Übergabe [V]\n0,1\n1,2\n".encode("latin-1")))
    assert got.record.channels[0].name == "Übergabe"
    assert "Latin-1" in got.text
