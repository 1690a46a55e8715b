"""Records far larger than memory stream; headers that promise too much allocate nothing."""

import json
import os
import struct
import tracemalloc
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from nptdms import ChannelObject, TdmsWriter
from record_files import binary, counting, header, put

from labs.electrical.records import open_record
from labs.errors import LabError

LARGE = 2**40  # bytes: a sparse file, 1 TiB on no disk
MOST = 24 * 2**20  # bytes that reading may hold


def sparse(path: Path, head: bytes, size: int = LARGE) -> Path:
    with open(path, "wb") as file:
        file.write(head)
        try:
            file.truncate(size)
        except OSError:
            pytest.skip("this file system holds no large sparse file")
    return path


def peak_bytes(path: Path, blocks: int | None, **options: object) -> tuple[int, int]:
    """The most that was held while reading, and how many samples of a channel were read."""
    tracemalloc.start()
    try:
        with open_record(path, **options) as record:
            read = sum(b.length for b in islice(record.blocks(), blocks))
        return tracemalloc.get_traced_memory()[1], read
    finally:
        tracemalloc.stop()


def raw(folder: Path) -> Path:
    said = {"fs_hz": 1e6, "channels": [{"name": f"c{i}"} for i in range(4)]}
    (folder / "r.json").write_text(json.dumps(said))
    sparse(folder / "r.bin", b"")
    return folder / "r.json"


def wav(folder: Path) -> Path:
    form = struct.pack("<HHIIHH", 1, 2, 48_000, 6 * 48_000, 6, 24)
    long = struct.pack("<IQQQI", 28, LARGE, LARGE - 80, 0, 0)
    head = b"RF64\xff\xff\xff\xffWAVEds64" + long + b"fmt \x10\0\0\0" + form
    return sparse(folder / "r.wav", head + b"data\xff\xff\xff\xff")


def comtrade(folder: Path) -> Path:
    path = put(folder, header(((1e6, 10**11),)), b"")
    sparse(path.with_suffix(".dat"), binary(*counting(100, 1.0)))
    return path


def tdms(folder: Path) -> Path:
    path = folder / "r.tdms"
    wave = {"wf_increment": 1e-6}
    with TdmsWriter(path) as writer:
        writer.write_segment([ChannelObject("g", name, np.zeros(8), wave) for name in "uv"])
    head = bytearray(path.read_bytes()[: path.stat().st_size - 128])
    values = (LARGE - len(head)) // 16
    index = struct.pack("<Q", 8)
    assert head.count(index) == 2
    head = head.replace(index, struct.pack("<Q", values))  # one chunk of 512 GiB for each channel
    head[12:20] = struct.pack("<Q", len(head) - 28 + 16 * values)
    return sparse(path, bytes(head))


@pytest.mark.parametrize("make", [raw, wav, comtrade, tdms])
def test_record_when_a_terabyte_then_streams_in_little_memory(tmp_path, make):
    path = make(tmp_path)
    peak, read = peak_bytes(path, 12)
    assert read > 100_000
    assert peak < MOST
    with open_record(path) as record:
        assert record.length > 10**10


def test_record_when_read_whole_then_memory_does_not_grow(tmp_path):
    (tmp_path / "r.json").write_text(json.dumps({"fs_hz": 1e6, "channels": [{"name": "u"}]}))
    sparse(tmp_path / "r.bin", b"", 2**27)
    peak, read = peak_bytes(tmp_path / "r.json", None)
    assert read == 2**26
    assert peak < MOST


def test_csv_when_large_then_streams(tmp_path):
    line = b"%d,%d,%d\n"
    with open(tmp_path / "r.csv", "wb") as file:
        file.write(b"u,v,w\n" + b"".join(line % (i, -i, 7) for i in range(100_000)))
    peak, read = peak_bytes(tmp_path / "r.csv", None, fs_hz=1000)
    assert read == 100_000
    assert peak < MOST


@pytest.mark.parametrize(
    ("cfg", "expected"),
    [
        (header(counts="1000000000000,1000000000000A,0D"), LabError),
        (header(((1000, 10**12),)), None),
        (header().replace("\n1\n1000,10\n", "\n1000000000000\n1000,10\n"), LabError),
        (header(channels="1," + "U" * 10**7 + ",,,V,1,0,0,-9,9"), LabError),
    ],
)
def test_header_when_it_promises_too_much_then_nothing_is_allocated(tmp_path, cfg, expected):
    path = put(tmp_path, cfg, binary(*counting(10)))
    tracemalloc.start()
    try:
        if expected is None:
            with open_record(path) as record:
                assert sum(b.length for b in record.blocks()) == 10
        else:
            with pytest.raises(expected):
                open_record(path)
        assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    finally:
        tracemalloc.stop()


def test_record_when_it_has_very_many_channels_then_blocks_are_shorter(tmp_path):
    count = 4000
    lines = "\n".join(f"{i},c{i},,,V,1,0,0,-9,9" for i in range(count))
    rows = binary(np.arange(300) + 1, np.arange(300) * 1000, np.zeros((300, count), np.int16))
    path = put(
        tmp_path, header(((1000, 300),), channels=lines, counts=f"{count},{count}A,0D"), rows
    )
    with open_record(path) as record:
        lengths = [b.length for b in record.blocks()]
    assert sum(lengths) == 300
    assert max(lengths) * count * 2 <= 2**20


def test_files_when_records_are_left_open_then_none_stays_open(tmp_path):
    path = put(tmp_path, header(), binary(*counting(10)))
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("only Linux lists open files so")
    before = len(os.listdir(folder))
    records = [open_record(path) for _ in range(20)]
    for record in records:
        list(record.blocks())
    assert len(os.listdir(folder)) == before
