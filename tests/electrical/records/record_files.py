"""Small records to read, and reading them to their end."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labs.electrical.blocks import Block, Channel, values
from labs.electrical.records import Record, open_record

SAMPLES = Path(__file__).with_name("samples")
FS_HZ = 10_000.0
CHANNELS = (Channel("UL1", "V", phase="A"), Channel("IL1", "A"))


def supply(count: int = 500) -> np.ndarray:
    """[2, count]: a voltage and a current of 50 Hz."""
    t = np.arange(count) / FS_HZ
    return np.stack([325 * np.sin(2 * np.pi * 50 * t), 10 * np.cos(2 * np.pi * 50 * t)])


@dataclass(frozen=True, eq=False)
class Whole:
    """A record, read: values and mask as [channel, n], index and time of each sample."""

    values: np.ndarray
    valid: np.ndarray
    index: np.ndarray
    time_s: np.ndarray
    blocks: list[Block]
    notes: tuple[str, ...]
    record: Record

    @property
    def text(self) -> str:
        return "\n".join(self.notes)


def whole(path: Path | str, length: int = 64, **options: object) -> Whole:
    """The record, read by blocks of `length`; what every block must be is checked."""
    with open_record(path, **options) as record:
        blocks = list(record.blocks(length))
    end = 0
    for block in blocks:
        assert block.samples.dtype == record.dtype
        assert block.samples.shape[0] == len(record.channels)
        assert 0 < block.length <= length
        assert block.index >= end
        assert block.valid is None or block.valid.shape == block.samples.shape
        end = block.index + block.length
    masks = [np.ones(b.samples.shape, bool) if b.valid is None else b.valid for b in blocks]
    none = np.empty((len(record.channels), 0), np.float32)  # a record may have no sample
    data = np.concatenate([none, *(values(b, record.channels) for b in blocks)], axis=1)
    valid = np.concatenate([none.astype(bool), *masks], axis=1)
    assert np.isfinite(data[valid]).all()
    return Whole(
        data,
        valid,
        np.concatenate([[], *(b.index + np.arange(b.length) for b in blocks)]).astype(int),
        np.concatenate([[], *(b.t0_s + np.arange(b.length) / b.fs_hz for b in blocks)]),
        blocks,
        record.notes,
        record,
    )


def header(
    rates: tuple[tuple[float, int], ...] = ((1000, 10),),
    form: str = "BINARY",
    revision: int = 2013,
    channels: str = "1,UL1,A,,V,0.5,1,0,-32767,32767,1,1,P",
    counts: str = "1,1A,0D",
    factor: str = "1",
    start: str = "31/05/2024,10:00:00.000000",
    station: str = "station,device",
) -> str:
    """A .cfg; what isn't asked for is right."""
    lines = [station + (f",{revision}" if revision > 1991 else ""), counts, channels, "50"]
    lines += [str(len(rates)), *(f"{fs},{end}" for fs, end in rates), start, start, form]
    lines += [factor] if revision > 1991 else []
    lines += ["0,0", "0,0"] if revision == 2013 else []
    return "\n".join(lines) + "\n"


def binary(
    numbers: np.ndarray, stamps: np.ndarray, counts: np.ndarray, words: np.ndarray | None = None
) -> bytes:
    """Binary rows of int16 counts [row, channel] and status words [row, word]."""
    words = np.empty((len(counts), 0)) if words is None else words
    rows = np.empty(
        len(counts),
        [("n", "<u4"), ("t", "<u4"), ("a", "<i2", counts.shape[1:]), ("s", "<u2", words.shape[1:])],
    )
    rows["n"], rows["t"], rows["a"], rows["s"] = numbers, stamps, counts, words
    return rows.tobytes()


def put(folder: Path, cfg: str | bytes, dat: str | bytes, name: str = "r") -> Path:
    """A .cfg and its .dat; the path of the .cfg."""
    path = folder / f"{name}.cfg"
    path.write_bytes(cfg.encode() if isinstance(cfg, str) else cfg)
    path.with_suffix(".dat").write_bytes(dat.encode() if isinstance(dat, str) else dat)
    return path


def counting(count: int, step_us: float = 1000.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers, stamps and counts of a record of one channel, whose counts are 0, 1, 2, ..."""
    rows = np.arange(count)
    return rows + 1, np.rint(rows * step_us), rows[:, None].astype(np.int16)
