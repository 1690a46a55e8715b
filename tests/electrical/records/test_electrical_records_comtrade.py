"""COMTRADE: every form and revision, its sample files, and what goes wrong with them."""

import struct
from contextlib import suppress
from datetime import UTC, datetime

import numpy as np
import pytest
from record_files import (
    CHANNELS,
    FS_HZ,
    SAMPLES,
    binary,
    counting,
    header,
    put,
    supply,
    whole,
)

from labs.electrical.records import open_record, write_comtrade
from labs.errors import LabError

FORMS = ("ASCII", "BINARY", "BINARY32", "FLOAT32")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("revision", [1991, 1999, 2013])
def test_comtrade_when_written_then_read_back(tmp_path, form, revision):
    x = supply()
    x[1, 7] = np.nan
    start = datetime(2024, 5, 31, 10, 0, 0, 123, UTC if revision == 2013 else None)
    path = write_comtrade(tmp_path / "r", CHANNELS, x, FS_HZ, start, form, revision)
    got = whole(path, side="recorded")
    missing = np.isnan(x)
    assert np.array_equal(~got.valid, missing)
    half_count = np.nanmax(np.abs(x), axis=1, keepdims=True) / 32766 / 2
    assert np.nanmax(np.abs(np.where(missing, np.nan, got.values) - x) / half_count) < 1.001
    assert got.record.start == start
    assert got.record.fs_hz == FS_HZ
    assert got.record.dtype == (np.int16 if form in ("ASCII", "BINARY") else np.float32)
    assert [(c.name, c.unit, c.phase) for c in got.record.channels] == [
        ("UL1", "V", "A"), ("IL1", "A", "")
    ]  # fmt: skip
    assert got.notes == ()


@pytest.mark.parametrize("form", ["BINARY32", "FLOAT32"])
def test_comtrade_when_wide_then_to_float32(tmp_path, form):
    x = supply()
    got = whole(write_comtrade(tmp_path / "r", CHANNELS, x, FS_HZ, format=form))
    assert np.abs(got.values - x).max() <= 2e-7 * 325


def test_samples_when_binary_in_latin1_then_as_unpacked_by_hand():
    got = whole(SAMPLES / "sample_iso8859-1_bin.cfg")
    raw = (SAMPLES / "sample_iso8859-1_bin.dat").read_bytes()
    rows = list(struct.iter_unpack("<IIhhhhH", raw))
    a = (0.000832454560204436, 0.000709063591990417, 6.60402365089114e-05, 0.000643023355481506)
    b = (3.64453125, 5.18206787109375, 0.05694580078125, 8.59881591796875)
    expected = np.array([[r[2 + i] * a[i] + b[i] for r in rows] for i in range(4)])
    np.testing.assert_allclose(got.values, expected, rtol=1e-6)
    assert got.record.header.station == "Estação de Medição"
    assert got.notes == ("the text isn't UTF-8: it is read as Latin-1",)
    # -5h30 from UTC; time stamps count 7.57 ns
    assert got.record.start.utcoffset().total_seconds() == -5.5 * 3600
    np.testing.assert_allclose(got.time_s, np.arange(40) / 1200, rtol=1e-14)
    bits = whole(SAMPLES / "sample_iso8859-1_bin.cfg", channels=["51N", "51A"])
    assert np.array_equal(bits.values[0], [(r[-1] >> 3) & 1 for r in rows])
    assert np.array_equal(bits.values[1], [r[-1] & 1 for r in rows])


def test_samples_when_values_are_missing_then_invalid():
    got = whole(SAMPLES / "sample_bin.cfg")
    assert [tuple(p) for p in np.argwhere(~got.valid)] == [(0, 0), (1, 1), (2, 2), (3, 3)]
    assert "time stamps are all the same" in got.text


def test_samples_when_cff_with_floats_then_read_and_stamps_disagree():
    got = whole(SAMPLES / "sample_float32.cff")
    assert got.values.shape == (1, 301)
    data = (SAMPLES / "sample_float32.cff").read_bytes()[-301 * 14 :]
    assert got.values[0].tolist() == [r[2] for r in struct.iter_unpack("<IIfH", data)]
    assert "the time stamps are 10 ns apart, at the header's rate 10 ms" in got.text
    np.testing.assert_allclose(got.time_s, np.arange(301) / 100, rtol=1e-14)


@pytest.mark.parametrize("form", ["ASCII", "BINARY"])
def test_cff_when_made_of_both_files_then_same_as_they(tmp_path, form):
    path = write_comtrade(tmp_path / "r", CHANNELS, supply(), FS_HZ, format=form)
    data = path.with_suffix(".dat").read_bytes()
    size = f": {len(data)}" if form == "BINARY" else ""
    text = (b"--- file type: CFG ---\r\n" + path.read_bytes() + b"--- file type: INF ---\r\n\r\n"
            + f"--- file type: DAT {form}{size} ---\r\n".encode())  # fmt: skip
    cff = tmp_path / "r.cff"
    cff.write_bytes(text + data)
    assert np.array_equal(whole(cff).values, whole(path).values)
    (tmp_path / "long.cff").write_bytes(text + data + b"xx")
    assert whole(tmp_path / "long.cff").values.shape == (2, 500)


def test_comtrade_when_read_by_any_block_length_then_the_same(tmp_path):
    path = write_comtrade(tmp_path / "r", CHANNELS, supply(), FS_HZ)
    once = whole(path, 100_000)
    for length in (1, 7, 499):
        other = whole(path, length)
        assert np.array_equal(once.values, other.values)
        np.testing.assert_allclose(other.time_s, once.time_s, rtol=0, atol=1e-15)


def test_rates_when_several_then_each_sample_has_its_time(tmp_path):
    numbers, _, counts = counting(9)
    stamps = np.array([0, 1, 2, 3, 5, 7, 9, 9.5, 10]) * 1000
    path = put(tmp_path, header(((1000, 4), (500, 7), (2000, 9))), binary(numbers, stamps, counts))
    got = whole(path)
    assert [(b.index, b.length, b.fs_hz) for b in got.blocks] == [
        (0, 4, 1000), (4, 3, 500), (7, 2, 2000)
    ]  # fmt: skip
    np.testing.assert_allclose(got.time_s, stamps / 1e6, rtol=1e-15)
    assert got.notes == ()


def test_time_when_the_rate_is_high_and_odd_then_nothing_accumulates(tmp_path):
    fs = 1e6 / 3
    count = 60_000
    numbers, stamps, counts = counting(count, 3.0)
    path = put(tmp_path, header(((fs, count),)), binary(numbers, stamps, counts))
    got = whole(path, 10_000)
    assert got.notes == ()
    np.testing.assert_allclose(got.time_s, np.arange(count) / fs, rtol=1e-15, atol=1e-18)


@pytest.mark.parametrize(("declared", "there"), [(10, 25), (25, 10)])
def test_count_when_the_header_is_wrong_then_all_that_is_there(tmp_path, declared, there):
    path = put(tmp_path, header(((1000, declared),)), binary(*counting(there)))
    got = whole(path)
    assert got.values.shape == (1, there)
    assert f"the header says {declared} samples, {there} are there" in got.text


def test_count_when_bytes_follow_then_left_out(tmp_path):
    rows = binary(*counting(10))
    got = whole(put(tmp_path, header(), rows + b"\x1a"))
    assert got.values.shape == (1, 10)
    assert "1 bytes after the last whole row" in got.text
    got = whole(put(tmp_path, header(), rows + bytes(64)))  # whole rows that aren't the record's
    assert got.values.shape == (1, 10)
    assert "isn't rows of this record" in got.text


def test_text_when_stamps_are_empty_then_times_from_the_rate(tmp_path):
    rows = "".join(f"{i + 1},,{i}\r\n" for i in range(10))
    got = whole(put(tmp_path, header(form="ASCII"), rows))
    np.testing.assert_allclose(got.time_s, np.arange(10) / 1000, rtol=1e-14)
    assert np.array_equal(got.values[0], np.arange(10) * 0.5 + 1)
    assert got.notes == ("there are no time stamps: the header's rates give the times",)


@pytest.mark.parametrize(("revision", "missing"), [(1991, ""), (1999, "99999"), (2013, "")])
def test_text_when_a_value_is_missing_then_invalid(tmp_path, revision, missing):
    rows = f"1,0,5\n2,1000,{missing}\n3,2000,-7\n"
    start = "05/31/2024,10:00:00.5" if revision == 1991 else "31/05/2024,10:00:00.5"
    got = whole(put(tmp_path, header(((1000, 3),), "ASCII", revision, start=start), rows))
    assert got.valid.tolist() == [[True, False, True]]
    assert got.values[0, [0, 2]].tolist() == [3.5, -2.5]
    assert got.record.start.replace(tzinfo=None) == datetime(2024, 5, 31, 10, 0, 0, 500_000)


def test_text_when_values_have_decimals_then_float32(tmp_path):
    rows = "1,0,5.25\n2,1000,1e2\n3,2000,-7\n"
    got = whole(put(tmp_path, header(((1000, 3),), "ASCII"), rows))
    assert got.record.dtype == np.float32
    assert got.values[0].tolist() == [3.625, 51.0, -2.5]


def test_text_when_a_later_count_is_beyond_the_range_then_invalid(tmp_path):
    count = 9000  # more than what the form is judged by
    rows = "".join(f"{i + 1},{1000 * i},{40000 if i == 8999 else i}\n" for i in range(count))
    got = whole(put(tmp_path, header(((1000, count),), "ASCII"), rows), 4096)
    assert got.record.dtype == np.int16
    assert np.flatnonzero(~got.valid[0]).tolist() == [8999]
    assert "range" in got.text


def test_1991_when_minus_one_is_in_the_range_then_a_value(tmp_path):
    numbers, stamps, _ = counting(4)
    counts = np.array([[5], [-1], [-32768], [0]], np.int16)
    data = binary(numbers, stamps, counts)
    start = "05/31/2024,10:00:00.000000"
    inside = header(((1000, 4),), revision=1991, start=start)
    assert whole(put(tmp_path, inside, data)).valid.tolist() == [[True, True, False, True]]
    outside = header(((1000, 4),), revision=1991, start=start,
                     channels="1,UL1,A,,V,0.5,1,0,0,4095")  # fmt: skip
    assert whole(put(tmp_path, outside, data)).valid.tolist() == [[True, False, False, True]]


def test_side_when_primary_is_asked_for_then_scaled(tmp_path):
    channel = "1,UL1,A,,V,0.5,1,0,-32767,32767,20000,100,S"
    path = put(tmp_path, header(channels=channel), binary(*counting(10)))
    recorded, primary = whole(path), whole(path, side="primary")
    np.testing.assert_allclose(primary.values, recorded.values * 200, rtol=1e-6)
    assert np.array_equal(whole(path, side="secondary").values, recorded.values)
    with pytest.raises(LabError, match="one of recorded, primary, secondary"):
        open_record(path, side="left")


def test_full_scale_when_the_range_is_a_converters_then_given(tmp_path):
    def full_scale(limits: str) -> float | None:
        channel = f"1,UL1,A,,V,0.5,1,0,{limits},1,1,P"
        path = put(tmp_path, header(channels=channel), binary(*counting(10)))
        return open_record(path).channels[0].full_scale

    assert full_scale("-32767,32767") == 32767
    assert full_scale("-2048,2047") == 2047
    assert full_scale("-1234,5678") is None  # the smallest and the largest sample
    assert full_scale("-99999,99999") is None


def test_rate_when_the_header_gives_none_then_from_stamps(tmp_path):
    path = put(tmp_path, header(((0, 10),)), binary(*counting(10, 1e6 / 1200)))
    got = whole(path)
    assert got.record.fs_hz == 1200
    assert "the header gives no rate; the time stamps tell 1200 Hz" in got.text
    numbers, _, counts = counting(10)
    path = put(tmp_path, header(((0, 10),)), binary(numbers, np.zeros(10), counts))
    with pytest.raises(LabError, match="no rate in the header"):
        open_record(path)
    assert whole(path, fs_hz=600).record.fs_hz == 600


def test_rate_when_given_then_noted(tmp_path):
    got = whole(put(tmp_path, header(), binary(*counting(10))), fs_hz=2000)
    assert got.record.fs_hz == 2000
    assert "read at 2000 Hz as asked; the header says 1000 Hz" in got.text


def test_names_when_empty_or_equal_then_told_apart(tmp_path):
    lines = ["1,,,,V,1,0,0,-9,9", "2,U,,,V,1,0,0,-9,9", "3,U,,,V,1,0,0,-9,9"]
    data = binary(np.arange(10) + 1, np.arange(10) * 1000, np.zeros((10, 3), np.int16))
    path = put(tmp_path, header(channels="\n".join(lines), counts="3,3A,0D"), data)
    assert [c.name for c in open_record(path).channels] == ["A1", "U", "U#2"]
    with pytest.raises(LabError, match="no channel W"):
        open_record(path, channels="W")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("1,1A,0D", "1000000000001,1000000000000A,1D"), "line 2"),
        (("1,1A,0D", "x"), "line 2"),
        (("1,1A,0D", "0,0A,0D"), "no channels"),
        (("V,0.5,", "V,nan,"), "line 3"),
        (("1000,10", "-5,10"), "line 6"),
        (("1000,10", "1e300,10"), "line 6"),
        (("1000,10", "nan,10"), "line 6"),
        (("1000,10", "1000"), "line 6"),
        (("BINARY", "OCTAL"), "line 9"),
        (("device,2013", "device,13"), "line 1"),
        (("device,2013", "device,words"), "line 1"),
        (("BINARY\n1\n", "BINARY\n0\n"), "line 10"),
    ],
)
def test_header_when_it_lies_then_says_the_line(tmp_path, change, expected):
    path = put(tmp_path, header().replace(*change), binary(*counting(10)))
    with pytest.raises(LabError, match=expected) as error:
        open_record(path)
    assert error.value.next_step


def test_header_when_cut_off_anywhere_then_a_lab_error_or_read(tmp_path):
    text = header()
    for cut in range(0, len(text), 3):
        path = put(tmp_path, text[:cut], binary(*counting(10)))
        with suppress(LabError):
            open_record(path)


def test_text_when_a_line_is_wrong_then_says_it(tmp_path):
    rows = ["1,0,5", "2,1000,x", "3,2000,7"]
    path = put(tmp_path, header(((1000, 3),), "ASCII"), "\n".join(rows))
    with pytest.raises(LabError, match=r"line 2(.|\n)*UL1: 'x'"):
        whole(path)
    rows[1] = "2,1000,5,6"
    path = put(tmp_path, header(((1000, 3),), "ASCII"), "\n".join(rows))
    with pytest.raises(LabError, match=r"line 2(.|\n)*3 values(.|\n)*4 values"):
        whole(path)
    rows[1:] = ["2,1000,6", "3,20"]
    got = whole(put(tmp_path, header(((1000, 3),), "ASCII"), "\n".join(rows)))
    assert got.values.shape == (1, 2)
    assert "the last line is cut off" in got.text


def test_parts_when_one_is_missing_then_says_so(tmp_path):
    path = put(tmp_path, header(), binary(*counting(10)))
    path.with_suffix(".dat").unlink()
    with pytest.raises(LabError, match=r"no file r\.dat"):
        open_record(path)
    (tmp_path / "x.cff").write_text("--- file type: CFG ---\n" + header())
    with pytest.raises(LabError, match="no section DAT"):
        open_record(tmp_path / "x.cff")
    path.with_suffix(".dat").write_bytes(b"abc")
    with pytest.raises(LabError, match="no whole row"):
        open_record(path)


def test_header_when_utf16_or_binary_then_read_or_refused(tmp_path):
    data = binary(*counting(10))
    assert whole(put(tmp_path, header().encode("utf-16"), data)).values.shape == (1, 10)
    with pytest.raises(LabError, match="binary data"):
        open_record(put(tmp_path, b"\0\1\2" * 50, data))
    latin = header(station="Größe,x").encode("latin-1")
    with pytest.raises(LabError, match="isn't utf-8"):
        open_record(put(tmp_path, latin, data), encoding="utf-8")
    with pytest.raises(LabError, match="encoding"):
        open_record(put(tmp_path, latin, data), encoding="morse")
