"""Small writers: COMTRADE, CSV and raw records from samples in memory.

Each writes what `open_record` reads back: COMTRADE and raw to within half a count, CSV to the
digits that it is given. Nothing is left half-written: a file appears when it is complete.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np

from labs.electrical.blocks import Channel
from labs.errors import LabError

_LARGEST = {"ASCII": 32767, "BINARY": 32767, "BINARY32": 2**31 - 1}
_NO_CLIP = {"ASCII": "32768", "BINARY": "32768", "BINARY32": "2147483648", "FLOAT32": "3.4e38"}
_MISSING = {"ASCII": 99999, "BINARY": -32768, "BINARY32": -(2**31)}


def write_comtrade(
    path_without_suffix: str | Path,
    channels: Sequence[Channel],
    samples: np.ndarray,
    fs_hz: float,
    start: datetime | None = None,
    format: str = "BINARY",
    revision: int = 2013,
    station: str = "synthetic",
    line_hz: float = 50.0,
) -> Path:
    """A COMTRADE record of analog channels, .cfg and .dat.

    Args:
        samples: [channel, n]; values in the channels' units, or int16 counts. NaN is written as
            missing.
        fs_hz: in samples per second for each channel.
        start: of the first sample; 1 January 2000 if left out.
        format: "ASCII", "BINARY", "BINARY32" or "FLOAT32".
        revision: 1991, 1999 or 2013.

    Returns:
        The path of the .cfg.

    Raises:
        LabError: shapes, names or the rate can't be.
    """
    data = _checked(path_without_suffix, channels, samples, fs_hz)
    if format not in (*_LARGEST, "FLOAT32") or revision not in (1991, 1999, 2013):
        raise LabError(
            "write a COMTRADE record",
            expected="ASCII, BINARY, BINARY32 or FLOAT32, of 1991, 1999 or 2013",
            got=f"format={format!r}, revision={revision!r}",
            next_step="correct the two",
        )
    base = Path(path_without_suffix)
    made, stored = _stored(channels, data, format)
    unit_s = 1e-6
    stamps = np.rint(np.arange(data.shape[1]) / fs_hz / unit_s)
    factor = 1.0
    if revision >= 1999 and len(stamps):  # beyond an hour uint32 doesn't hold microseconds
        factor = max(1.0, math.ceil(stamps[-1] / (2**32 - 2)))
    stamps = (np.rint(stamps / factor) % 2**32).astype(np.uint32)
    cfg, dat = base.with_name(base.name + ".cfg"), base.with_name(base.name + ".dat")
    header = _header(made, data.shape[1], fs_hz, start, format, revision, station, line_hz, factor)
    if format == "ASCII":
        table = np.column_stack((np.arange(1, data.shape[1] + 1), stamps, stored.T))
        text = "".join(",".join(map(str, row)) + "\r\n" for row in table.tolist())
        _write(dat, (text if revision > 1991 else text.replace(",99999", ",")).encode())
    else:
        kind = {"BINARY": "<i2", "BINARY32": "<i4", "FLOAT32": "<f4"}[format]
        rows = np.empty(data.shape[1], [("n", "<u4"), ("t", "<u4"), ("a", kind, (len(channels),))])
        rows["n"], rows["t"], rows["a"] = np.arange(1, len(rows) + 1), stamps, stored.T
        _write(dat, rows.tobytes())
    _write(cfg, header.encode())
    return cfg


def write_csv(
    path: str | Path,
    channels: Sequence[Channel],
    samples: np.ndarray,
    fs_hz: float,
    digits: int = 9,
) -> Path:
    """A CSV file: a header `time [s],name [unit],...`, then a line for each sample.

    Args:
        samples: [channel, n]; values in the channels' units, or int16 counts. NaN is left empty.
        digits: of each value.
    """
    data = _checked(path, channels, samples, fs_hz)
    if data.dtype.kind == "i":
        data = data * np.array([[c.scale] for c in channels]) + [[c.offset] for c in channels]
    titles = [f"{c.name} [{c.unit}]" if c.unit else c.name for c in channels]
    lines = [",".join(["time [s]", *(_quoted(t) for t in titles)])]
    for i, row in enumerate(data.T.tolist()):
        values = ("" if math.isnan(v) else f"{v:.{digits}g}" for v in row)
        lines.append(",".join([f"{i / fs_hz:.12g}", *values]))
    _write(Path(path), ("\n".join(lines) + "\n").encode())
    return Path(path)


def write_raw(
    path_without_suffix: str | Path,
    channels: Sequence[Channel],
    samples: np.ndarray,
    fs_hz: float,
    start: datetime | None = None,
    gaps: Sequence[tuple[int, int]] = (),
) -> Path:
    """A raw record: interleaved int16 in .bin, its sidecar in .json.

    Args:
        samples: [channel, n]; values in the channels' units, or int16 counts. NaN can't be written.
        gaps: (sample, missing): so many samples were lost before this one.

    Returns:
        The path of the sidecar.
    """
    data = _checked(path_without_suffix, channels, samples, fs_hz)
    if data.dtype.kind == "f" and not np.isfinite(data).all():
        raise LabError("write a raw record", expected="finite samples", got="NaN or infinity",
                       next_step="write_comtrade marks missing samples")  # fmt: skip
    base = Path(path_without_suffix)
    made, stored = _stored(channels, data, "BINARY")
    said = {
        "fs_hz": fs_hz,
        "channels": [
            {"name": c.name, "unit": c.unit, "scale": c.scale, "offset": c.offset,
             "phase": c.phase, "full_scale": c.full_scale}
            for c in made
        ],
        "samples": data.shape[1],
        "start": None if start is None else start.isoformat(),
        "gaps": [{"at": int(at), "missing": int(count)} for at, count in gaps],
    }  # fmt: skip
    sidecar = base.with_name(base.name + ".json")
    _write(base.with_name(base.name + ".bin"), stored.T.astype("<i2").tobytes())
    _write(sidecar, (json.dumps(said, indent=1) + "\n").encode())
    return sidecar


def _checked(
    path: str | Path, channels: Sequence[Channel], samples: np.ndarray, fs_hz: float
) -> np.ndarray:
    data = np.asarray(samples)
    wrong = ""
    if data.ndim != 2 or len(data) != len(channels) or not len(channels):
        wrong = f"samples of shape {data.shape} for {len(channels)} channels"
    elif data.dtype.kind not in "fi" or (data.dtype.kind == "i" and data.dtype != np.int16):
        wrong = f"{data.dtype} samples"
    elif not (math.isfinite(fs_hz) and fs_hz > 0):
        wrong = f"fs_hz={fs_hz}"
    elif bad := [c.name for c in channels if {",", "\n", "\r"} & set(c.name + c.unit + c.phase)]:
        wrong = f"a comma or a line feed in {bad[0]!r}"
    if wrong:
        raise LabError(
            f"write '{Path(path).name}'",
            expected="[channel, n] float values or int16 counts, a positive rate, plain names",
            got=wrong,
            next_step="correct the arguments",
        )
    return data


def _stored(
    channels: Sequence[Channel], data: np.ndarray, format: str
) -> tuple[list[Channel], np.ndarray]:
    """Channels with the scale of what is stored, and that as [channel, n]."""
    if format == "FLOAT32":
        if data.dtype.kind == "i":
            data = data * np.array([[c.scale] for c in channels]) + [[c.offset] for c in channels]
        made = [replace(c, scale=1.0, offset=0.0, full_scale=None) for c in channels]
        return made, data.astype(np.float32)
    if data.dtype.kind == "i":
        return list(channels), data.astype(np.int64)
    largest, made, stored = _LARGEST[format], [], []
    for channel, row in zip(channels, data.astype(float), strict=True):
        finite = np.isfinite(row)
        if channel.full_scale is not None and channel.scale:  # its own counts, so that what is
            own = np.rint((np.where(finite, row, 0) - channel.offset) / channel.scale)  # clipped
            if np.abs(own).max(initial=0) <= largest:  # stays so
                stored.append(np.where(finite, own, _MISSING[format]).astype(np.int64))
                made.append(channel)
                continue
        peak = float(np.abs(row[finite]).max()) if finite.any() else 0.0
        # a little below the largest count: what is there isn't clipped
        scale = peak / (largest - 1) if peak else 1.0
        counts = np.rint(np.where(finite, row, 0) / scale)
        stored.append(np.where(finite, counts, _MISSING[format]).astype(np.int64))
        made.append(replace(channel, scale=scale, offset=0.0, full_scale=float(largest)))
    return made, np.array(stored)


def _header(
    channels: Sequence[Channel],
    count: int,
    fs_hz: float,
    start: datetime | None,
    format: str,
    revision: int,
    station: str,
    line_hz: float,
    factor: float,
) -> str:
    start = start or datetime(2000, 1, 1)
    stamp = start.strftime("%m/%d/%Y" if revision == 1991 else "%d/%m/%Y")
    stamp += start.strftime(",%H:%M:%S.%f")
    lines = [f"{station},labs.electrical" + ("" if revision == 1991 else f",{revision}")]
    lines.append(f"{len(channels)},{len(channels)}A,0D")
    for number, c in enumerate(channels, 1):
        # a range that isn't a converter's where nothing can clip
        highest = f"{c.full_scale:g}" if c.full_scale is not None else _NO_CLIP[format]
        lines.append(f"{number},{c.name},{c.phase},,{c.unit},{c.scale!r},{c.offset!r},0,"
                     f"-{highest},{highest},1,1,P")  # fmt: skip
    lines += [f"{line_hz:g}", "1", f"{fs_hz!r},{count}", stamp, stamp, format]
    if revision >= 1999:
        lines.append(f"{factor:g}")
    if revision >= 2013:
        minutes = 0 if start.tzinfo is None else int(start.utcoffset().total_seconds() // 60)
        hours, rest = divmod(abs(minutes), 60)
        zone = f"{'-' if minutes < 0 else ''}{hours}" + (f"h{rest:02d}" if rest else "")
        lines += [f"{zone if start.tzinfo else 'x'},{zone if start.tzinfo else 'x'}", "0,0"]
    return "\r\n".join(lines) + "\r\n"


def _quoted(text: str) -> str:
    return f'"{text}"' if '"' not in text and ("," in text or ";" in text) else text


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)
