"""Opening: which reader, what isn't a record, sources that are read twice, closed, or changed."""

import numpy as np
import pytest
from record_files import CHANNELS, FS_HZ, binary, counting, header, put, supply, whole

from labs.electrical.blocks import Channel
from labs.electrical.records import FORMATS, open_record, write_comtrade, write_csv, write_raw
from labs.errors import LabError


def test_open_when_there_is_no_file_then_says_so(tmp_path):
    with pytest.raises(LabError, match=r"a file that exists(.|\n)*no such file"):
        open_record(tmp_path / "no.cfg")
    with pytest.raises(LabError, match="a folder"):
        open_record(tmp_path)
    for name in ("r.cfg", "r.cff", "r.tdms", "r.wav", "r.csv", "r.json", "r.sigmf-meta", "r.xyz"):
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(LabError, match="an empty file"):
            open_record(tmp_path / name)


def test_open_when_the_name_says_nothing_then_the_beginning_does(tmp_path):
    path = write_csv(tmp_path / "r.csv", CHANNELS, supply(10), FS_HZ)
    path = path.rename(tmp_path / "r.log")
    with pytest.raises(LabError, match=r"ends in \.log(.|\n)*format="):
        open_record(path)
    assert whole(path, format="csv").values.shape == (2, 10)
    (tmp_path / "w").write_bytes(b"RIFF\0\0\0\0WAVEjunk")
    with pytest.raises(LabError, match="no chunk named data"):
        open_record(tmp_path / "w")


def test_open_when_an_option_is_unknown_then_says_which_there_are(tmp_path):
    path = write_csv(tmp_path / "r.csv", CHANNELS, supply(10), FS_HZ)
    with pytest.raises(
        LabError, match=r"options of csv: channels, fs_hz, time(.|\n)*no option sid"
    ):
        open_record(path, sid="primary")
    with pytest.raises(LabError, match=", ".join(FORMATS)):
        open_record(path, format="hdf5")


def test_open_when_dat_has_a_sidecar_then_raw(tmp_path):
    write_raw(tmp_path / "r", CHANNELS, supply(10), FS_HZ)
    (tmp_path / "r.bin").rename(tmp_path / "r.dat")
    assert whole(tmp_path / "r.dat").values.shape == (2, 10)
    assert whole(tmp_path / "r.json").values.shape == (2, 10)


def test_record_when_read_twice_then_the_same_and_the_same_notes(tmp_path):
    path = put(tmp_path, header(((1000, 12),)), binary(*counting(10)))
    with open_record(path) as record:
        first = [b.samples for b in record.blocks(3)]
        notes = record.notes
        again = [b.samples for b in record.blocks(3)]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert record.notes == notes
    assert len(notes) == 1


def test_record_when_closed_then_ends(tmp_path):
    record = open_record(write_comtrade(tmp_path / "r", CHANNELS, supply(), FS_HZ))
    blocks = record.blocks(10)
    next(blocks)
    record.close()
    assert list(blocks) == []


@pytest.mark.parametrize("length", [0, -1, 2.5, "many", True])
def test_blocks_when_the_length_cannot_be_then_says_it(tmp_path, length):
    record = open_record(write_comtrade(tmp_path / "r", CHANNELS, supply(), FS_HZ))
    with pytest.raises(LabError, match="blocks of 1 sample or more"):
        record.blocks(length)


def test_record_when_its_file_vanishes_or_shrinks_then_says_so(tmp_path):
    path = write_comtrade(tmp_path / "r", CHANNELS, supply(), FS_HZ)
    data = path.with_suffix(".dat")
    record = open_record(path)
    data.write_bytes(data.read_bytes()[:100])
    assert sum(b.length for b in record.blocks()) == 8
    assert any("shorter while it was read" in n for n in record.notes)
    data.unlink()
    with pytest.raises(LabError, match="FileNotFoundError"):
        list(record.blocks())


def test_write_when_the_samples_do_not_fit_then_says_it(tmp_path):
    for samples, fs in ((supply()[:1], FS_HZ), (supply(), 0), (supply().astype(int), FS_HZ)):
        with pytest.raises(LabError, match="a positive rate"):
            write_comtrade(tmp_path / "r", CHANNELS, samples, fs)
    with pytest.raises(LabError, match="ASCII, BINARY, BINARY32 or FLOAT32"):
        write_comtrade(tmp_path / "r", CHANNELS, supply(), FS_HZ, format="octal")
    with pytest.raises(LabError, match="finite samples"):
        write_raw(tmp_path / "r", CHANNELS, supply() * np.nan, FS_HZ)
    assert list(tmp_path.iterdir()) == []


def test_write_when_a_channel_clips_then_its_counts_are_kept(tmp_path):
    clipping = [Channel("u", "V", 0.25, 1.0, full_scale=2047), Channel("i", "A")]
    x = np.clip(supply() * [[2], [1]], -510.75, 512.75)
    for format in ("ASCII", "BINARY"):
        got = whole(write_comtrade(tmp_path / format, clipping, x, FS_HZ, format=format))
        assert [c.full_scale for c in got.record.channels] == [2047, 32767]
        assert got.record.channels[0].scale == 0.25
        assert np.abs(got.values[0] - x[0]).max() <= 0.125
    counts = np.arange(-4, 4, dtype=np.int16).reshape(2, 4)
    got = whole(write_comtrade(tmp_path / "c", clipping, counts, FS_HZ))
    assert [c.full_scale for c in got.record.channels] == [2047, None]
    assert np.array_equal(np.concatenate([b.samples for b in got.blocks], axis=1), counts)


def test_record_when_shown_then_channels_rate_and_notes(tmp_path):
    record = open_record(put(tmp_path, header(((1000, 12),)), binary(*counting(10))))
    list(record.blocks())
    shown = str(record)
    for part in ("UL1", "0.5", "1 kHz", "10 samples of int16", "2024-05-31 10:00:00", "12 samples"):
        assert part in shown
    assert "<table" in record._repr_html_()


def test_open_when_names_are_in_capitals_then_the_same(tmp_path):
    path = put(tmp_path, header(), binary(*counting(10)))
    path.rename(tmp_path / "R.CFG"), path.with_suffix(".dat").rename(tmp_path / "R.DAT")
    assert whole(tmp_path / "R.CFG").values.shape == whole(tmp_path / "R.DAT").values.shape
