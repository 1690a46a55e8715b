"""TDMS: beside nptdms on its own test data and on what it writes; damage; segments of all sorts."""

from pathlib import Path

import nptdms
import numpy as np
import pytest
from nptdms import ChannelObject, GroupObject, RootObject, TdmsFile, TdmsWriter
from record_files import whole

from labs.electrical.records import open_record
from labs.electrical.records.tdms_layout import runs_of
from labs.errors import LabError

DATA = Path(nptdms.__file__).parent / "test" / "data"
WAVE = {"wf_increment": 1e-3, "unit_string": "Volts"}


def written(folder: Path, *segments: list) -> Path:
    with TdmsWriter(folder / "r.tdms") as writer:
        for segment in segments:
            writer.write_segment(segment)
    return folder / "r.tdms"


def by_nptdms(path: Path) -> list[np.ndarray]:
    file = TdmsFile.read(path)
    return [channel[:] for group in file.groups() for channel in group.channels()]


@pytest.mark.parametrize("name", ["raw1.tdms", "big_endian.tdms", "raw_timestamps.tdms"])
def test_tdms_when_of_nptdms_own_data_then_as_it_reads_them(name):
    if not (DATA / name).is_file():
        pytest.skip("this nptdms comes without its test data")
    for length in (300, 77):
        got = whole(DATA / name, length)
        np.testing.assert_allclose(got.values, by_nptdms(DATA / name), rtol=1e-6, atol=1e-30)


def test_tdms_when_daqmx_then_counts_with_scale():
    if not (DATA / "raw1.tdms").is_file():
        pytest.skip("this nptdms comes without its test data")
    record = open_record(DATA / "raw1.tdms")
    assert record.dtype == np.int16
    assert record.fs_hz == 50_000
    assert record.channels[0].unit == "V"
    assert record.channels[0].scale == pytest.approx(10 / 32767)


def test_tdms_when_rates_differ_then_asks_to_choose():
    if not (DATA / "Digital_Input.tdms").is_file():
        pytest.skip("this nptdms comes without its test data")
    with pytest.raises(LabError, match=r"2000 Hz: (.|\n)*40 Hz: (.|\n)*channels=\["):
        open_record(DATA / "Digital_Input.tdms")
    group = next(g.name for g in TdmsFile.read_metadata(DATA / "Digital_Input.tdms").groups())
    got = whole(DATA / "Digital_Input.tdms", 5000, group=group)
    assert np.array_equal(got.values[0], by_nptdms(DATA / "Digital_Input.tdms")[0])


def test_tdms_when_of_many_segments_then_one_record(tmp_path):
    rng = np.random.default_rng(1)
    parts = [(rng.normal(size=n), rng.integers(-999, 999, n)) for n in (5, 5, 5, 1, 1, 1, 700, 3)]
    path = written(tmp_path, *[
        [ChannelObject("g", "u", u, WAVE), ChannelObject("g", "i", i.astype(np.int32), WAVE)]
        for u, i in parts
    ])  # fmt: skip
    for length in (1, 64, 1000):
        got = whole(path, length)
        np.testing.assert_allclose(got.values, by_nptdms(path), rtol=1e-6)
    assert [(c.name, c.unit) for c in got.record.channels] == [("u", "V"), ("i", "V")]
    assert got.record.fs_hz == 1000


def test_runs_when_segments_repeat_then_one_run(tmp_path):
    path = written(tmp_path, *[[ChannelObject("g", "u", np.array([float(k)]), WAVE)]
                               for k in range(200)])  # fmt: skip
    with TdmsFile.open(path) as file:
        runs = runs_of(file._reader._segments, ["/'g'/'u'"])["/'g'/'u'"]
    assert sum(r.total for r in runs) == 200
    assert len(runs) <= 2  # the first segment has other metadata
    assert whole(path).values.tolist() == [list(range(200))]


def test_tdms_when_a_channel_ends_early_then_invalid_from_there(tmp_path):
    path = written(tmp_path, [ChannelObject("g", "u", np.arange(5.0), WAVE),
                              ChannelObject("g", "i", np.arange(3.0), WAVE)])  # fmt: skip
    got = whole(path, 2)
    assert got.valid.tolist() == [[True] * 5, [True] * 3 + [False] * 2]
    assert "i end before the others" in got.text


def test_tdms_when_int16_has_a_linear_scale_then_counts(tmp_path):
    scale = {
        "NI_Number_Of_Scales": 1,
        "NI_Scaling_Status": "unscaled",
        "NI_Scale[0]_Scale_Type": "Linear",
        "NI_Scale[0]_Linear_Slope": 0.5,
        "NI_Scale[0]_Linear_Y_Intercept": 3.0,
        "NI_Scale[0]_Linear_Input_Source": 0xFFFFFFFF,
    }
    counts = ChannelObject("g", "u", np.arange(5, dtype=np.int16), WAVE | scale)
    path = written(tmp_path, [RootObject({}), GroupObject("g", {}), counts])
    got = whole(path)
    assert got.record.dtype == np.int16
    assert got.values.tolist() == by_nptdms(path)[0][None].tolist() == [[3, 3.5, 4, 4.5, 5]]


def test_tdms_when_there_is_no_rate_then_it_must_be_given(tmp_path):
    path = written(tmp_path, [ChannelObject("g", "u", np.arange(5.0))])
    with pytest.raises(LabError, match=r"fs_hz="):
        open_record(path)
    assert whole(path, fs_hz=50).record.fs_hz == 50


def test_tdms_when_a_channel_holds_text_then_left_out(tmp_path):
    text = ChannelObject("g", "note", ["one", "another"])
    path = written(tmp_path, [text, ChannelObject("g", "u", np.arange(5.0), WAVE)])
    got = whole(path)
    assert got.values.tolist() == [[0, 1, 2, 3, 4]]
    with pytest.raises(LabError, match="no channel note"):
        open_record(path, channels="note")


def test_tdms_when_two_groups_have_the_name_then_told_apart(tmp_path):
    path = written(tmp_path, [ChannelObject("a", "u", np.arange(5.0), WAVE),
                              ChannelObject("b", "u", np.arange(5.0) + 9, WAVE)])  # fmt: skip
    assert [c.name for c in open_record(path).channels] == ["a/u", "b/u"]
    assert whole(path, channels="b/u").values[0, 0] == 9
    assert whole(path, group="b").values[0, 0] == 9
    with pytest.raises(LabError, match=r"groups: a, b(.|\n)*'c'"):
        open_record(path, group="c")


def test_tdms_when_cut_off_then_what_is_there(tmp_path):
    path = written(tmp_path, [ChannelObject("g", "u", np.arange(1000.0), WAVE)])
    whole_size = path.stat().st_size
    path.write_bytes(path.read_bytes()[: whole_size - 4000])
    got = whole(path)
    assert np.array_equal(got.values[0], np.arange(500.0))
    assert "cut off" in got.text
    path.write_bytes(b"TDSm" + bytes(10))
    with pytest.raises(LabError):
        open_record(path)
    path.write_bytes(b"no TDMS at all" * 5)
    with pytest.raises(LabError, match="metadata of a TDMS file"):
        open_record(path)
