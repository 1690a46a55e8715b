"""Interleaved samples: WAV beside scipy and the standard library, SigMF, raw with its sidecar."""

import json
import struct
import wave
from datetime import UTC, datetime

import jsonschema
import numpy as np
import pytest
import sigmf
from record_files import CHANNELS, FS_HZ, supply, whole
from scipy.io import wavfile

from labs.electrical.records import open_record, write_raw
from labs.electrical.records.raw import schema
from labs.errors import LabError

RAMP = np.arange(-300, 300).reshape(-1, 2)


# ---- WAV ----


@pytest.mark.parametrize("kind", ["u1", "i2", "i4", "f4", "f8"])
def test_wav_when_written_by_scipy_then_its_samples(tmp_path, kind):
    data = (RAMP % 251 if kind == "u1" else RAMP * 100).astype(kind)
    wavfile.write(tmp_path / "r.wav", 48_000, data)
    got = whole(tmp_path / "r.wav")
    expected = {
        "u1": lambda: (data.astype(float) - 128) / 128,
        "i2": lambda: data / 32768,
        "i4": lambda: data / 2**31,
    }.get(kind, lambda: data)()
    np.testing.assert_allclose(got.values, expected.T, rtol=1e-7)
    assert got.record.fs_hz == 48_000
    assert [c.name for c in got.record.channels] == ["1", "2"]
    assert got.record.dtype == (np.int16 if kind in ("u1", "i2") else np.float32)


def test_wav_when_of_24_bits_then_exact(tmp_path):
    counts = np.array([0, 1, -1, 2**23 - 1, -(2**23), 12345, -54321, 7])
    with wave.open(str(tmp_path / "r.wav"), "wb") as file:
        file.setnchannels(1), file.setsampwidth(3), file.setframerate(8000)
        file.writeframes(b"".join(int(c).to_bytes(3, "little", signed=True) for c in counts))
    got = whole(tmp_path / "r.wav", names=["UL1"], unit="V", scale=500.0)
    np.testing.assert_array_equal(got.values[0], (counts * (500 / 2**23)).astype(np.float32))
    assert (got.record.channels[0].name, got.record.channels[0].unit) == ("UL1", "V")


def test_wav_when_labelled_then_counts_with_scale(tmp_path):
    wavfile.write(tmp_path / "r.wav", 8000, RAMP.astype(np.int16))
    got = whole(tmp_path / "r.wav", names=["UL1", "IL1"], scale=[400, 20], channels=["IL1"])
    np.testing.assert_allclose(got.values[0], RAMP[:, 1] * 20 / 32768, rtol=1e-6)
    assert got.record.channels[0].full_scale == 32767
    for names in (["UL1"], ["a", "a"], "UL1"):
        with pytest.raises(LabError, match="as many as the file has channels: 2"):
            open_record(tmp_path / "r.wav", names=names)


def test_wav_when_floats_are_not_finite_then_invalid(tmp_path):
    wavfile.write(tmp_path / "r.wav", 8000, np.array([1, np.nan, np.inf, 2], np.float32))
    assert whole(tmp_path / "r.wav").valid.tolist() == [[True, False, False, True]]


def wav(size: int, data: bytes, form: bytes | None = None, riff: bytes = b"RIFF") -> bytes:
    form = struct.pack("<HHIIHH", 1, 1, 8000, 16_000, 2, 16) if form is None else form
    return (riff + b"\xff\xff\xff\xffWAVEfmt " + struct.pack("<I", len(form)) + form
            + b"LIST\x03\0\0\0abc\0data" + struct.pack("<I", size) + data)  # fmt: skip


def test_wav_when_its_size_is_wrong_then_what_is_there(tmp_path):
    path = tmp_path / "r.wav"
    unsaid = "doesn't say how many"
    there = {4000: "says 4000 bytes of samples, 9 are there", 0: unsaid, 2**32 - 1: unsaid}
    for size, text in there.items():
        path.write_bytes(wav(size, bytes(9)))
        got = whole(path)
        assert got.values.shape == (1, 4)
        assert text in got.text and "1 bytes after the last whole sample" in got.text


def test_wav_when_rf64_then_the_long_size_counts(tmp_path):
    form = struct.pack("<HHIIHH", 1, 1, 8000, 16_000, 2, 16)
    long = b"RF64\xff\xff\xff\xffWAVEds64" + struct.pack("<IQQQI", 28, 0, 8, 0, 0)
    text = long + b"fmt " + struct.pack("<I", 16) + form + b"data\xff\xff\xff\xff"
    (tmp_path / "r.wav").write_bytes(text + bytes(20))
    assert whole(tmp_path / "r.wav").values.shape == (1, 4)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"no wave at all", "it begins with"),
        (b"RIFF\0\0\0\0WAVE", "no chunk named data"),
        (wav(4, bytes(4), b"\1\0"), "2 bytes of format"),
        (wav(4, bytes(4), struct.pack("<HHIIHH", 2, 1, 8000, 0, 2, 16)), "format 2"),
        (wav(4, bytes(4), struct.pack("<HHIIHH", 1, 0, 8000, 0, 0, 16)), "0 channels"),
        (wav(4, bytes(4), struct.pack("<HHIIHH", 1, 1, 0, 0, 2, 16)), "a sample rate"),
    ],
)
def test_wav_when_damaged_then_says_how(tmp_path, data, expected):
    (tmp_path / "r.wav").write_bytes(data)
    with pytest.raises(LabError, match=expected):
        open_record(tmp_path / "r.wav")


# ---- SigMF ----


def recording(folder, kind: str, data: np.ndarray, captures=((0, {}),), **extra: object):
    data.tofile(folder / "r.sigmf-data")
    said = {"core:datatype": kind, "core:sample_rate": 1000.0, "core:version": "1.0.0"} | extra
    meta = sigmf.SigMFFile(global_info={k: v for k, v in said.items() if v is not None})
    for at, more in captures:
        meta.add_capture(at, metadata=dict(more))
    meta.tofile(folder / "r.sigmf-meta", skip_validate=True, overwrite=True)
    return folder / "r.sigmf-meta"


def test_sigmf_when_real_then_read(tmp_path):
    path = recording(tmp_path, "ri16_le", np.arange(10, dtype="<i2"),
                     [(0, {"core:datetime": "2024-05-31T10:00:00.5Z"})])  # fmt: skip
    got = whole(path, unit="V", scale=32768.0)
    assert got.values.tolist() == [list(range(10))]
    assert got.record.start == datetime(2024, 5, 31, 10, 0, 0, 500_000, UTC)
    assert whole(tmp_path / "r.sigmf-data").values.shape == (1, 10)


def test_sigmf_when_complex_then_two_channels(tmp_path):
    path = recording(tmp_path, "cf32_le", np.array([1 + 2j, 3 + 4j], "<c8"))
    got = whole(path)
    assert [c.name for c in got.record.channels] == ["1.i", "1.q"]
    assert got.values.tolist() == [[1, 3], [2, 4]]


def test_sigmf_when_big_endian_unsigned_or_of_channels_then_read(tmp_path):
    path = recording(tmp_path, "ru16_be", np.array([32768, 0, 65535, 1], ">u2"),
                     **{"core:num_channels": 2})  # fmt: skip
    got = whole(path, scale=32768.0)
    assert got.values.tolist() == [[0, 32767], [-32768, -32767]]


def test_sigmf_when_captures_are_apart_then_the_index_jumps(tmp_path):
    captures = [(0, {"core:global_index": 100}), (6, {"core:global_index": 116})]
    path = recording(tmp_path, "ri8", np.arange(10, dtype="i1"), captures)
    assert whole(path, 4).index.tolist() == [*range(6), *range(16, 20)]


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ({"core:sample_rate": None}, "gives none"),
        ({"core:sample_rate": 0.0}, "SigMF schema|0.0 Hz"),
        ({"core:num_channels": 10**12}, "core:num_channels"),
        ({"core:dataset": "../other.bin"}, "no file other.bin"),
    ],
)
def test_sigmf_when_metadata_cannot_be_then_says_it(tmp_path, extra, expected):
    path = recording(tmp_path, "ri8", np.arange(10, dtype="i1"), **extra)
    with pytest.raises(LabError, match=expected):
        open_record(path)


def test_sigmf_when_a_part_is_missing_then_says_which(tmp_path):
    path = recording(tmp_path, "ri8", np.arange(10, dtype="i1"))
    (tmp_path / "x.sigmf").write_bytes(b"x")
    with pytest.raises(LabError, match="unpack it first"):
        open_record(tmp_path / "x.sigmf")
    (tmp_path / "r.sigmf-data").unlink()
    with pytest.raises(LabError, match=r"no file r\.sigmf-data"):
        open_record(path)
    path.write_text("{")
    with pytest.raises(LabError, match="line 1"):
        open_record(path)


# ---- raw ----


def test_raw_when_written_then_read_back_with_gaps(tmp_path):
    x = supply()
    path = write_raw(tmp_path / "r", CHANNELS, x, FS_HZ, datetime(2024, 5, 31, 10), [(100, 7)])
    jsonschema.validate(json.loads(path.read_text()), schema())
    got = whole(path)
    assert (np.abs(got.values - x).max(axis=1) <= np.abs(x).max(axis=1) / 32766 / 1.9).all()
    assert got.index.tolist() == [*range(100), *range(107, 507)]
    np.testing.assert_allclose(got.time_s, got.index / FS_HZ, rtol=1e-14)
    assert got.record.start == datetime(2024, 5, 31, 10)
    assert np.array_equal(whole(tmp_path / "r.bin").values, got.values)
    assert np.array_equal(whole(path, channels=["IL1", "UL1"]).values, got.values[::-1])


def test_raw_when_big_endian_behind_a_header_then_read(tmp_path):
    (tmp_path / "x.i16").write_bytes(b"head" + np.arange(6, dtype=">i2").tobytes() + b"x")
    (tmp_path / "x.json").write_text(json.dumps({
        "fs_hz": 10, "channels": [{"name": "u"}], "byte_order": "big", "header_bytes": 4,
        "samples": 7}))  # fmt: skip
    got = whole(tmp_path / "x.json")
    assert got.values.tolist() == [list(range(6))]
    assert "x.json says 7 samples, 6 are there" in got.text
    assert "1 bytes after" in got.text


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"fs_hz": 0}, "fs_hz"),
        ({"fs_hz": 1e13}, "1e13|10000000000000"),
        ({"channels": []}, "channels"),
        ({"channels": [{"unit": "V"}]}, "channels/0"),
        ({"channels": [{"name": "u", "gain": 2}]}, "gain"),
        ({"channel": 1}, "'channel'"),
        ({"data": "../secret"}, "data"),
        ({"start": "yesterday"}, "ISO 8601"),
        ({"gaps": [{"at": 1, "missing": 0}]}, "gaps/0/missing"),
        ({"byte_order": "middle"}, "byte_order"),
    ],
)
def test_sidecar_when_it_breaks_the_schema_then_says_the_key(tmp_path, change, expected):
    path = write_raw(tmp_path / "r", CHANNELS, supply(10), FS_HZ)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(LabError, match=expected):
        open_record(path)


def test_sidecar_when_no_json_then_says_the_line(tmp_path):
    path = write_raw(tmp_path / "r", CHANNELS, supply(10), FS_HZ)
    text = path.read_text()
    path.write_text(text.replace('"fs_hz": 10000.0', '"fs_hz": '))
    with pytest.raises(LabError, match="line [23]"):
        open_record(path)
    path.write_text(text.replace("10000.0", "NaN"))
    with pytest.raises(LabError, match="NaN"):
        open_record(path)
    path.write_text(text.replace("10000.0", "1e999"))
    with pytest.raises(LabError, match="inf"):
        open_record(path)
    path.unlink()
    with pytest.raises(LabError, match=r"no file r\.json"):
        open_record(tmp_path / "r.bin")
